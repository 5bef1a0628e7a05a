//! The lab: the providers' APIs on local ports, with every fault they show in the wild.
//!
//! A [`Lab`] is one set of emulators. Each speaks one provider's wire, written from that provider's
//! documentation alone: nothing here is shared with the adapters, so that one mistake cannot agree
//! with itself. What happens on the wire is decided behind it, once for all of them:
//!
//! 1. `scenario` says which faults happen when, and how fast and how generous a provider is;
//! 2. `dice` turns that into the [`FaultPlan`] of one create, the same for the same seed;
//! 3. `stage` admits jobs and tells at any moment what has become of them;
//! 4. `desk` is what an emulator holds: it admits, polls, lists, cancels, serves files and tells
//!    webhooks, and plays the faults that look the same on every wire (silence, cut connections),
//!    and `twist` those that concern an answer and not what it says (its status, its pace);
//! 5. `studio` renders the files, `courier` delivers the webhooks, `control` lets a person or a test
//!    look at the ledger and change the scenario while it runs.
//!
//! Time is the lab's own ([`Clock`]) and may run faster than the world's. Jobs need no background
//! work: what has become of one follows from the time alone.

#![expect(
    clippy::result_large_err,
    reason = "an answer that is an error is made once for a request and moved no further"
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
