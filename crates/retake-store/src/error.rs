//! Why the ledger did not do what it was asked, and the way out.

use std::{error::Error, sync::Arc};

use retake_core::ids::{ReplicaId, VideoId};

/// What an engine or a reader of stored text said. Shared, because one failed commit answers many callers.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why the ledger did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such job, or it was deleted.
    #[error("there is no video `{id}`")]
    NotFound {
        /// The job that was named.
        id: VideoId,
    },

    /// A job of that id is already recorded.
    #[error("the video `{id}` is already recorded; make a new id")]
    AlreadyExists {
        /// The job that was named.
        id: VideoId,
    },

    /// Only a job that is over can be deleted.
    #[error("the video `{id}` is still being made; cancel it first")]
    NotEnded {
        /// The job that was named.
        id: VideoId,
    },

    /// Somebody else holds the job by now, or it is over.
    #[error(
        "the lease on `{id}` (epoch {epoch}) is lost; drop the job, its new holder goes on with it"
    )]
    LeaseLost {
        /// The job.
        id: VideoId,
        /// Which claim of the job it was.
        epoch: u64,
    },

    /// The replica was silent for too long, so its leases were voided.
    #[error(
        "the replica `{replica}` is not known to the ledger; drop what it holds and register again"
    )]
    ReplicaForgotten {
        /// The replica.
        replica: ReplicaId,
    },

    /// A stored value is not one this version can read.
    #[error("the record of `{id}` cannot be read; it may stem from another version of Retake")]
    Unreadable {
        /// Whose value it is.
        id: String,
        /// What the reader said.
        #[source]
        source: Cause,
    },

    /// The file is a database, but not a ledger.
    #[error("the database at {ledger} belongs to another program; choose another data directory")]
    NotALedger {
        /// Where it is.
        ledger: String,
    },

    /// The schema is from the future.
    #[error(
        "the ledger at {ledger} was written by a newer Retake (schema {found}, this one knows {known}); \
         use that version or another data directory"
    )]
    NewerSchema {
        /// Where the ledger is.
        ledger: String,
        /// The schema it has.
        found: u32,
        /// The latest schema this version knows.
        known: u32,
    },

    /// A migration was applied with another content than it has now.
    #[error(
        "the ledger at {ledger} was set up by another edition of migration {number} ({name}); \
         use the Retake that made it or another data directory"
    )]
    ChangedMigration {
        /// Where the ledger is.
        ledger: String,
        /// The migration's number.
        number: u32,
        /// The migration's name.
        name: String,
    },

    /// The schema could not be brought up to date; nothing of that step was kept.
    #[error("migration {number} ({name}) of the ledger at {ledger} did not go through")]
    Migration {
        /// Where the ledger is.
        ledger: String,
        /// The migration's number.
        number: u32,
        /// The migration's name.
        name: &'static str,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The file is not a ledger, or is damaged.
    #[error(
        "the ledger at {ledger} is damaged or is not a database; restore a backup, or move the file away \
         to begin with an empty one"
    )]
    Corrupt {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// There is no room left.
    #[error("there is no room left for the ledger at {ledger}; free some space on that disk")]
    DiskFull {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The ledger cannot be written.
    #[error(
        "the ledger at {ledger} cannot be written; give this user write access to it and its folder"
    )]
    ReadOnly {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The ledger cannot be opened.
    #[error(
        "the ledger at {ledger} cannot be opened; check that its folder exists and is accessible"
    )]
    CannotOpen {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// Another process keeps the ledger locked.
    #[error("the ledger at {ledger} is locked by another process; try again, or stop that process")]
    Busy {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The disk under the ledger does not work.
    #[error("the disk under the ledger at {ledger} reports an error; check the disk")]
    Disk {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The ledger was closed.
    #[error("the ledger at {ledger} is closed; the process is shutting down")]
    Closed {
        /// Where the ledger is.
        ledger: String,
    },

    /// Something the engine should not have said.
    #[error("the ledger at {ledger} gave an unexpected answer; please report it")]
    Unexpected {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },
}
