//! The lab: emulators of the video providers' APIs on local ports, with every fault that was seen
//! in the wild.
//!
//! A [`Lab`] is one set of emulators. Each speaks one provider's wire format and is written from
//! that provider's documentation alone: nothing is shared with the adapters, so that one mistake
//! cannot agree with itself. What happens is decided behind the wire format, once for all
//! emulators:
//!
//! 1. `scenario` configures which faults happen when, how fast a provider is and what its limits
//!    are;
//! 2. `fault_sampler` draws the [`FaultPlan`] of one create from it, the same for the same seed;
//! 3. `simulator` admits jobs and computes the state of each at any time;
//! 4. `emulator_context` is what an emulator's handlers work with: it admits, polls, lists and
//!    cancels jobs, serves files, schedules webhooks, and injects the faults that look the same for
//!    every provider (no response, dropped connections); `response_fault` changes a finished
//!    response (its status, its pace); `auth` authenticates callers;
//! 5. `fixture_video` renders the files, `webhook_sender` delivers webhooks, and `control` is the
//!    API by which a person or a test reads the ledger and changes the scenario while the lab runs.
//!
//! The lab has its own time ([`Clock`]), which may run faster than wall-clock time. Jobs need no
//! background work: the state of a job follows from the time alone.

#![expect(
    clippy::result_large_err,
    reason = "an error response is built once for a request and not moved far"
)]

mod auth;
mod clock;
mod control;
mod early_response;
mod emulator_context;
mod error_envelope;
mod fault;
mod fault_sampler;
mod file_response;
mod fixture_video;
mod frame_size;
mod headers;
mod hex;
mod lab;
mod ledger;
mod listener;
mod provider;
mod request_body;
mod response_fault;
mod router_ext;
mod scenario;
mod signed_url;
mod simulator;
mod tasks;
mod upload_store;
mod webhook_sender;

mod fal;
mod google;
mod luma;
mod openai;
mod replicate;
mod runway;
mod status_pages;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use fault::{Cause, Fault, FaultKind, FaultPlan, Phase};
pub use lab::{Lab, LabConfig, LabError, ScenarioSource, Urls, port_of, urls_from};
pub use ledger::{Entry, Ledger, Totals};
pub use provider::Provider;
pub use scenario::{
    Conditions, Impact, Incident, Moderation, ModerationTiming, OverConcurrency, Patch, Rule,
    Scenario, ScenarioError, WebhookEndpoint, When, builtin,
};
