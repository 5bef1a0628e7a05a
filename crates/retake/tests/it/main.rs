//! The built binary, as a person, an impatient shell and a power cut see it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod backing_up;
mod clients;
mod crowd;
mod database;
mod durability;
mod ending;
mod helping;
mod keys;
mod killing;
mod making;
mod migrating;
mod outage;
mod paying;
mod person;
mod players;
mod postgres;
mod receiver;
mod refusing;
mod replicas;
mod server;
mod serving;
mod settings;
mod strangers;
mod webhooks;
