//! The language of Retake and the rules it keeps.
//!
//! What a caller may ask for ([`request`], [`size`]), what models accept ([`catalog`]), what is checked
//! before a job exists ([`preflight`]), how a request is made to fit ([`fit`]), where it may go ([`plan`]), how a
//! job lives ([`record`]), what to do with it next ([`step`]), what is told of its end ([`notice`]), what is done
//! with a file that differs ([`output`]), what attempts cost ([`cost`]), what an answer says of a
//! failure and what that comes to ([`signal`]), what is kept of the talk with providers
//! ([`evidence`]), which network addresses a stranger's URL may lead to ([`address`]), how much JSON is read
//! ([`json`]), and how times are told to people ([`time`]). Nothing here does IO or reads a clock: callers pass in
//! what happened and when, and get back values.
#![warn(clippy::missing_errors_doc)]

pub mod address;
pub mod catalog;
pub mod cost;
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
pub mod step;
pub mod time;
