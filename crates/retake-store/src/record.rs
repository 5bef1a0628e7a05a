//! What goes into the ledger and what comes out of it.
//!
//! These are plain values. The life of a job and what may happen to it belong to `retake-core`; here they
//! meet what only the ledger knows: who holds the job, when it is due, which file it ended in.

use jiff::Timestamp;
use retake_core::{
    ids::{ReplicaId, VideoId},
    life::{Event, Life},
    plan::Plan,
    request::VideoRequest,
};
use serde::{Deserialize, Serialize};

/// A job that is about to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its name, and the name of its video.
    pub id: VideoId,
    /// When it was taken on; it is due from then.
    pub created_at: Timestamp,
    /// What the caller asked for.
    pub request: VideoRequest,
    /// Where it may go.
    pub plan: Plan,
}

/// A job as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name, and the name of its video.
    pub id: VideoId,
    /// When it was taken on.
    pub created_at: Timestamp,
    /// When its video was verified and kept; nothing for a job that ended without one.
    pub completed_at: Option<Timestamp>,
    /// When its file may be removed.
    pub expires_at: Option<Timestamp>,
    /// What the caller asked for.
    pub request: VideoRequest,
    /// Where it may go.
    pub plan: Plan,
    /// Where it stands.
    pub life: Life,
    /// The finished file, also after it was removed.
    pub output: Option<Output>,
    /// When its file was removed.
    pub file_removed_at: Option<Timestamp>,
}

/// A finished file, verified and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The key under which the asset store keeps it.
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Playing time.
    pub duration_ms: u64,
    /// Number of pictures, if they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// How the pictures are coded.
    pub video_codec: String,
    /// How the sound is coded, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
}

/// One line of a job's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place in the timeline, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The number of the attempt it happened to.
    pub attempt: Option<u32>,
    /// What happened.
    pub event: JobEvent,
}

/// What a timeline tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobEvent {
    /// The job was taken on.
    Accepted,
    /// Something moved its life on.
    Life(Event),
}

/// How many attempts may be open on an account at once, over all replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The account.
    pub account: String,
    /// How many attempts may be open on it.
    pub concurrency: u32,
}

/// The right to act on a job, until the replica falls silent.
///
/// The epoch grows with each claim, so a holder that lost its lease is told apart even when the same
/// replica claimed the job again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub id: VideoId,
    /// Which claim of the job this is.
    pub epoch: u64,
    /// Who holds it.
    pub replica: ReplicaId,
}

/// A job whose time has come, and the right to act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The job.
    pub job: Job,
    /// The right to act on it.
    pub lease: Lease,
}

/// What a leaseholder records: one event and the life that follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// When it happened.
    pub at: Timestamp,
    /// The life after it. Only its last attempt may differ from what is recorded.
    pub life: Life,
    /// When there is something to do again; of no effect on a job that is over.
    pub due: Option<Timestamp>,
    /// The finished file, with the event that keeps it; `None` leaves what is recorded.
    pub output: Option<Output>,
    /// When the file may be removed; `None` leaves what is recorded.
    pub expires_at: Option<Timestamp>,
    /// Whether the holder goes on under the same lease. A job that is over, or that needs another slot
    /// for its next step, is freed in any case.
    pub keep_lease: bool,
}

/// What a leaseholder learns when its change is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Whether the owner asked to stop the job, perhaps since it was claimed.
    pub cancel_requested: bool,
    /// Whether the lease goes on.
    pub lease_kept: bool,
}

/// Which part of the list to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last job of the page before. It is a position: the job itself need not exist any more.
    pub after: Option<VideoId>,
    /// How many jobs at most.
    pub limit: u32,
    /// Whether younger jobs come first.
    pub newest_first: bool,
}

/// A part of the list of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The jobs, in the order asked for.
    pub jobs: Vec<Job>,
    /// Whether there are jobs after these.
    pub has_more: bool,
}

/// A job that is not shown any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The key of the file that is to be removed now; tell it with `file_removed`.
    pub key: Option<String>,
    /// Whether it was deleted before this call.
    pub already: bool,
}

/// A file whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredFile {
    /// The job it belongs to, which may be deleted.
    pub id: VideoId,
    /// The key under which the asset store keeps it.
    pub key: String,
}
