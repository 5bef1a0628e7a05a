//! The built binary, as a person, an impatient shell and a power cut see it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod backing_up;
mod crowd;
mod database;
mod durability;
mod ending;
mod helping;
mod keys;
mod killing;
mod making;
mod migrating;
mod person;
mod players;
mod refusing;
mod replicas;
mod server;
mod serving;
mod settings;
mod strangers;
mod webhooks;
