//! The command line as a person meets it: what was typed, what was seen, how it ended.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod ending;
mod helping;
mod making;
mod person;
mod refusing;
mod serving;
mod settings;
mod strangers;
