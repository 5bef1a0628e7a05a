//! The ledger: the only memory of the system.
//!
//! One trait, [`Ledger`], made of business verbs, with an engine behind it: [`SqliteLedger`] for one data
//! directory. A restart or a second replica goes on from what is written here and from nothing else. SQL
//! appears in this crate only. No clock is read: callers say what time it is.

#[cfg(test)]
mod conformance;
pub mod error;
pub mod ledger;
pub mod record;
pub mod sqlite;

pub use self::{
    error::StoreError,
    ledger::Ledger,
    record::{
        Change, Claimed, Committed, Deleted, ExpiredFile, Job, JobEvent, Lease, Listing, NewJob,
        Output, Page, Recorded, Slots,
    },
    sqlite::SqliteLedger,
};
