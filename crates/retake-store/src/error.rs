//! Why the ledger did not do what it was asked, and the way out.

use std::{error::Error, sync::Arc};

use retake_core::ids::{EndpointId, EventId, KeyId, ReplicaId, VideoId};

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

    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request; use a new key for a new request")]
    KeyReused,

    /// The key of the request was revoked, or its time was over, before the request was accepted.
    #[error("the API key was revoked or has expired since this request began; ask for a new one")]
    KeyEnded,

    /// The owner has as many open jobs as it may.
    #[error(
        "{limit} videos of this key are being made, and it may not have more; wait until one has ended"
    )]
    TooManyOpen {
        /// How many it may have.
        limit: u32,
    },

    /// A place in the feed that is none.
    #[error("`{cursor}` is no place in the feed of events; go on from one that an event carried")]
    NoSuchPlace {
        /// What was given.
        cursor: String,
    },

    /// There is no such API key.
    #[error("there is no key `{id}`")]
    NoSuchKey {
        /// The key that was named.
        id: KeyId,
    },

    /// There is no such webhook endpoint, or it was deleted.
    #[error("there is no webhook endpoint `{id}`")]
    NoSuchEndpoint {
        /// The endpoint that was named.
        id: EndpointId,
    },

    /// There is no such delivery, or it was dropped.
    #[error("there is no delivery `{id}` to this endpoint")]
    NoSuchDelivery {
        /// The delivery that was named.
        id: EventId,
    },

    /// The owner has as many webhook endpoints as it may.
    #[error(
        "there are {limit} webhook endpoints, and there may not be more; delete one that is not needed"
    )]
    TooManyEndpoints {
        /// How many it may have.
        limit: u32,
    },

    /// Its owner has enough of them.
    #[error(
        "there are {limit} characters, and there may not be more; delete one that is not needed"
    )]
    TooManyCharacters {
        /// How many it may have.
        limit: u32,
    },

    /// What is to be delivered would only wait.
    #[error("the webhook endpoint `{id}` is disabled; enable it first")]
    EndpointDisabled {
        /// The endpoint that was named.
        id: EndpointId,
    },

    /// Somebody else serves the endpoint by now, or it was deleted.
    #[error("the delivery `{id}` is not ours any more; drop it, whoever holds it goes on with it")]
    DeliveryLost {
        /// The delivery.
        id: EventId,
    },

    /// Only a job that is over can be deleted.
    #[error("the video `{id}` is still being made; cancel it first")]
    NotEnded {
        /// The job that was named.
        id: VideoId,
    },

    /// The render is another attempt's.
    #[error(
        "the render `{remote_id}` belongs to another attempt; go on looking for the one that was lost"
    )]
    RenderTaken {
        /// The provider's name for it.
        remote_id: String,
    },

    /// The render may be that of a create that is not answered yet.
    #[error(
        "the render `{remote_id}` may be that of the same request of job `{other}`, which is not answered yet; look \
         again when it is"
    )]
    RenderInDoubt {
        /// The provider's name for it.
        remote_id: String,
        /// The other job.
        other: VideoId,
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

    /// A whole ledger is taken in where none was before, and nowhere else.
    #[error("the database at {ledger} holds a ledger already; name an empty database or schema")]
    NotEmpty {
        /// Where it is.
        ledger: String,
    },

    /// It is a database, but not a ledger.
    #[error(
        "the database at {ledger} belongs to another program; choose another data directory, database \
         or schema"
    )]
    NotALedger {
        /// Where it is.
        ledger: String,
    },

    /// The schema is from the future.
    #[error(
        "the ledger at {ledger} was written by a newer Retake (schema {found}, this one knows {known}); \
         use that version or another data directory or database"
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
         use the Retake that made it or another data directory or database"
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
        "the ledger at {ledger} cannot be written; give this user write access to it and its folder, or \
         name a server that is not a standby"
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

    /// Something else keeps the ledger locked or busy.
    #[error("the ledger at {ledger} is locked or too busy; try again, or stop what keeps it so")]
    Busy {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The database server is not there now. A change may have been kept all the same: a verb that is asked
    /// for again finds out.
    #[error(
        "the database at {ledger} does not answer; check that it runs and can be reached from here"
    )]
    Unavailable {
        /// Where the ledger is.
        ledger: String,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The database server is there and does not let us work.
    #[error("the database at {ledger} cannot be used; {remedy}")]
    Barred {
        /// Where the ledger is.
        ledger: String,
        /// The way out.
        remedy: &'static str,
        /// What the engine said.
        #[source]
        source: Cause,
    },

    /// The URL of the database cannot be used.
    #[error(
        "the URL of the database cannot be used: {problem}; \
         it looks like postgres://USER:PASSWORD@HOST:5432/DATABASE"
    )]
    BadUrl {
        /// What is wrong with it, without the password.
        problem: String,
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

impl StoreError {
    /// Whether the same verb may go through when it is asked for again a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. } | Self::DiskFull { .. })
    }
}
