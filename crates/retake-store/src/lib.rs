//! The ledger: the only memory of the system.
//!
//! One trait, [`Ledger`], made of business verbs, and its part [`Outbox`] for what is told to the outside, with
//! two engines behind it: [`SqliteLedger`] for one data directory, [`PostgresLedger`] for any number of
//! replicas. A restart or a second replica goes on from what is written here and from nothing else. SQL
//! appears in this crate only. No clock is read: callers say what time it is.

#[cfg(test)]
mod conformance;
pub mod error;
mod evidence;
pub mod ledger;
mod migration;
mod new_job_row;
pub mod outbox;
pub mod postgres;
mod queue_position;
pub mod record;
pub mod renders;
pub mod sqlite;
mod transition;

pub use self::{
    error::StoreError,
    ledger::Ledger,
    outbox::Outbox,
    postgres::PostgresLedger,
    record::{
        Accepted, ApiKey, Change, Claimed, Committed, Deleted, ExpiredFile, FeedLine, FileType,
        Finding, Imported, Job, JobEvent, KeptExchange, KeyAdded, KeyLimits, Lease, Listing,
        NewJob, Output, Page, Preview, Recorded, Repeat, Slots, Spritesheet, StoredCharacter,
        SubmitLease, Unsettled,
    },
    renders::{RenderClaim, RenderWindow},
    sqlite::SqliteLedger,
};
