//! Journeys through a whole gateway: HTTP in, verified file out, in process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod gateway;
mod journeys;
mod refusals;
mod restart;
