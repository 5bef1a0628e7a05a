//! The language of Retake and the rules it keeps.
//!
//! What a caller may ask for ([`request`], [`size`]), what models accept ([`catalog`]), what is checked
//! before a job exists ([`preflight`]), how a request is made to fit ([`fit`]), where it may go ([`plan`]), what
//! happens to a job ([`job`]), what to do with it next ([`decide`]), what an answer says of a failure and what that comes
//! to ([`signal`]), when the end of a job is announced to webhook endpoints ([`delivery_schedule`]), what is done with a
//! file that differs ([`output`]), what attempts cost ([`cost`]), what is kept of the exchanges with providers
//! ([`evidence`]), which network addresses a stranger's URL may lead to ([`address`]), how much JSON is read
//! ([`json`]), and how times are written for people ([`time`]). Nothing here does IO or reads a clock: callers pass in
//! what happened and when, and get back values.
#![warn(clippy::missing_errors_doc)]

pub mod address;
pub mod catalog;
pub mod cost;
pub mod decide;
pub mod delivery_schedule;
pub mod evidence;
pub mod fault;
pub mod fit;
pub mod ids;
pub mod job;
pub mod json;
pub mod money;
pub mod output;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod request;
pub mod signal;
pub mod size;
pub mod time;
