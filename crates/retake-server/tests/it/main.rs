//! Journeys through a whole gateway: HTTP in, verified file out, in process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod contract;
mod docs;
#[path = "../../../retake-media/tests/it/elements.rs"]
mod elements;
mod events;
mod faults;
mod fuzzing;
mod gateway;
mod journeys;
mod laboratory;
mod notices;
mod pictures;
mod privacy;
mod providers;
mod receiver;
mod refusals;
mod repeats;
mod restart;
mod sequels;
mod sharing;
mod tenants;
mod uploads;
mod variants;
mod webhooks;
mod webm;
