//! The built binary, as a person and a power cut see it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod durability;
mod players;
mod server;
