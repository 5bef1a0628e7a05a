//! What goes into the ledger and what comes out of it.
//!
//! These are plain values. The life of a job and what may happen to it belong to `retake-core`; here they
//! meet what only the ledger knows: who holds the job, when it is due, which file it ended in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use retake_core::{
    decide::SlotWait,
    evidence::Exchange,
    ids::{KeyId, ReplicaId, VideoId},
    job::{AttemptState, Event, JobRecord, JobState, Settlement},
    money::Usd,
    output::{Difference, OutputSpec},
    plan::{Plan, Planned},
    request::{Character, VideoRequest},
};
use serde::{Deserialize, Serialize};

use crate::renders::RenderClaim;

/// A job that is about to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its name, and the name of its video.
    pub id: VideoId,
    /// When it was taken on; it is due from then.
    pub created_at: Timestamp,
    /// The key it was asked for with; nothing where no keys are used.
    pub owner: Option<KeyId>,
    /// What the caller asked for.
    pub request: VideoRequest,
    /// Where it may go.
    pub plan: Plan,
    /// The slots that it waits for, the first choice first.
    pub waits: Vec<SlotWait>,
    /// How a repetition of the request is told.
    pub repeat: Option<Repeat>,
    /// How many jobs its owner may have open at once, this one included.
    pub max_open: Option<u32>,
}

/// Requests that are remembered of one owner, so that their repetitions are known. Of more the latest count.
pub(crate) const MOST_REPEATS: u32 = if cfg!(test) { 60 } else { 100_000 };

/// How a request that was made before is told from a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The caller's idempotency key, or the digest of the request.
    pub name: String,
    /// What is asked for, in short; another one under the same name is refused.
    pub fingerprint: String,
    /// Whether a request of that name and fingerprint gets the job of the first one. Else it gets a
    /// job of its own, and is the first one from now on.
    pub replay: bool,
    /// Until when it counts as a repetition.
    pub expires_at: Timestamp,
}

/// What became of a job that was to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is recorded.
    New,
    /// The request was a repetition: this is the job of the first one.
    Known(VideoId),
}

/// An API key as it is recorded. The key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name in the system.
    pub id: KeyId,
    /// Its owner's name for it.
    pub name: String,
    /// The SHA-256 of the key, in hexadecimal.
    pub digest: String,
    /// Its last characters, for people.
    pub hint: String,
    /// Whether it may manage keys and see everybody's videos.
    pub admin: bool,
    /// What it may not exceed.
    pub limits: KeyLimits,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is not accepted.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it is accepted at that moment.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|until| now < until)
    }
}

/// What the holder of a key may not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimits {
    /// Videos that may be queued or rendering at once.
    pub max_open: Option<u32>,
}

/// What else changed when a key was recorded.
///
/// Whoever made a webhook endpoint while there were no keys was anybody, and such an endpoint is told of every
/// video. With the first key there are others' videos, which it must not be told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyAdded {
    /// Endpoints that belong to the key from now on, because it is an administrator's. They are told of its
    /// videos, and still of those that nobody owns.
    pub endpoints_bound: u64,
    /// Endpoints that are disabled, because it is not.
    pub endpoints_disabled: u64,
}

/// A character as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCharacter {
    /// Its id, name and picture.
    pub character: Character,
    /// The key it was made with.
    pub owner: Option<KeyId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One line of the feed: an event of some job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLine {
    /// Its place in the feed, to go on from.
    pub cursor: String,
    /// The owner of the job.
    pub owner: Option<KeyId>,
    /// The job.
    pub id: VideoId,
    /// What happened to it.
    pub line: Recorded,
}

/// A job as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name, and the name of its video.
    pub id: VideoId,
    /// When it was taken on.
    pub created_at: Timestamp,
    /// The key it was asked for with.
    pub owner: Option<KeyId>,
    /// When its video was verified and kept; nothing for a job that ended without one.
    pub completed_at: Option<Timestamp>,
    /// When its file may be removed.
    pub expires_at: Option<Timestamp>,
    /// What the caller asked for.
    pub request: VideoRequest,
    /// Where it may go.
    pub plan: Plan,
    /// Where it stands.
    pub record: JobRecord,
    /// The accounts of which it waits for a slot, the first choice first; none while it is under way or over.
    pub waits: Vec<String>,
    /// The finished file, also after it was removed.
    pub output: Option<Output>,
    /// When its file was removed.
    pub file_removed_at: Option<Timestamp>,
}

impl Job {
    /// The file that is delivered. One that was only set aside is none yet.
    pub fn delivered(&self) -> Option<&Output> {
        self.output.as_ref().filter(|_| self.record.state == JobState::Completed)
    }

    /// The route that speaks for the job: that of the attempt whose file is delivered or that is under way, else that
    /// of the last attempt.
    pub fn planned(&self) -> Option<&Planned> {
        let attempts = &self.record.attempts;
        let number = self.delivered().and_then(|output| output.attempt);
        let made = number.and_then(|it| attempts.iter().find(|one| one.number == it));
        let won = || attempts.iter().find(|one| one.state == AttemptState::Succeeded);
        let attempt = made.or_else(won).or(self.record.open_attempt()).or(attempts.last());
        let planned = attempt.map(|attempt| &attempt.planned).or(self.plan.routes.first());
        planned.map(|planned| &**planned)
    }

    /// The accounts of which the job waits for a slot before anything can happen to it, the first choice first.
    pub fn awaited_accounts(&self) -> &[String] {
        if self.record.hold.is_none() { &self.waits } else { &[] }
    }
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
    /// A small picture of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Preview>,
    /// Pictures from its whole length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spritesheet: Option<Spritesheet>,
    /// Why there are no pictures of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_preview: Option<String>,
    /// What is odd about the file: `black`, `frozen`, `silent`, and the names of the differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The number of the attempt that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The kind of file, where it is no MP4.
    #[serde(default, skip_serializing_if = "FileType::is_mp4")]
    pub file_type: FileType,
    /// What the file was to be.
    #[serde(default)]
    pub asked: OutputSpec,
    /// How the file differs from what it was to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// The kind of a video file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// MP4, or MOV, which players take for the same.
    #[default]
    Mp4,
    /// `WebM`.
    Webm,
}

impl FileType {
    /// The media type under which it is handed out.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
        }
    }

    /// The end of its name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_mp4(&self) -> bool {
        *self == Self::Mp4
    }
}

/// A picture made from a finished file. Its key follows from that of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Preview {
    /// Its length.
    pub bytes: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Pictures from the whole length of a video, in rows, the first one top left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Spritesheet {
    /// The sheet.
    #[serde(flatten)]
    pub sheet: Preview,
    /// Pictures in a row.
    pub columns: u32,
    /// Rows; the last one may not be full.
    pub rows: u32,
    /// When the video shows each of the pictures.
    pub moments_ms: Vec<u64>,
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobEvent {
    /// The job was taken on.
    Accepted,
    /// Something happened to it.
    #[serde(alias = "life")]
    Job(Event),
}

/// How many attempts may be open on an account at once, over all replicas or at one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The account.
    pub account: String,
    /// How many attempts may be open on it.
    pub concurrency: u32,
    /// Counts only what this replica holds: for an account that each replica has for itself.
    pub at: Option<ReplicaId>,
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
    /// The account whose slot it has; nothing while its attempt needs none.
    pub slot: Option<String>,
}

/// What a leaseholder records: what happened, and the record after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened, in order; never empty. Each is a line of the timeline.
    pub events: Vec<Event>,
    /// When it happened.
    pub at: Timestamp,
    /// The record after it.
    pub record: JobRecord,
    /// When there is something to do again; of no effect on a job that is over.
    pub due: Option<Timestamp>,
    /// The slots that the job waits for, the first choice first; of no effect on a job that is over or to be stopped.
    pub waits: Vec<SlotWait>,
    /// The finished file, with the event that keeps it; `None` leaves what is recorded.
    pub output: Option<Output>,
    /// When the file may be removed; `None` leaves what is recorded.
    pub expires_at: Option<Timestamp>,
    /// What was said with the provider on the way, oldest first, without secrets. It is kept with the last
    /// attempt; a job without any has nothing to keep it with.
    pub exchanges: Vec<Exchange>,
    /// Whether the holder goes on under the same lease. A job that is over, or that needs another slot
    /// for its next step, is freed in any case.
    pub keep_lease: bool,
    /// The render that the open attempt has from now on.
    pub render: Option<RenderClaim>,
}

/// The right to settle a lost submit that no job waits for, until it is due again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitLease {
    /// The job.
    pub id: VideoId,
    /// The number of its attempt.
    pub attempt: u32,
    /// Which claim of it this is.
    pub epoch: u64,
}

/// A lost submit that no job waits for and that may be billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The right to settle it.
    pub lease: SubmitLease,
    /// Its job; nothing when that was deleted.
    pub job: Option<Job>,
}

/// What was found out about a lost submit that no job waits for. What is not given stays as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What became of it.
    pub settlement: Option<Settlement>,
    /// When it was not listed for the first time.
    pub absent_since: Option<Timestamp>,
    /// The render that was found.
    pub render: Option<RenderClaim>,
    /// What its provider says that it charged.
    pub charged: Option<Usd>,
    /// What is worth a word about it.
    pub note: Option<String>,
    /// When it is looked after again; nothing when there is nothing left to find out.
    pub again: Option<Timestamp>,
}

impl Finding {
    /// What of it stands in the timeline.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event> {
        let settled = self.settlement.map(|settlement| Event::Settled { settlement });
        let charged = self.charged.map(|amount| Event::Charged { amount });
        settled.into_iter().chain(charged)
    }
}

/// One exchange with a provider, kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptExchange {
    /// The number of the attempt it was made for.
    pub attempt: u32,
    /// What was said.
    pub exchange: Exchange,
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
    /// Whose jobs; nothing for everybody's.
    pub owner: Option<KeyId>,
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
    /// How many slots are in use of each account that a job of these waits for.
    pub slots_in_use: BTreeMap<String, u32>,
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

/// What came over from another ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Jobs, deleted ones included.
    pub jobs: u64,
    /// API keys, revoked ones included.
    pub keys: u64,
    /// Webhook endpoints, deleted ones included.
    pub endpoints: u64,
}

impl Imported {
    pub(crate) fn add(&mut self, table: &str, rows: u64) {
        match table {
            "jobs" => self.jobs = rows,
            "api_keys" => self.keys = rows,
            "webhook_endpoints" => self.endpoints = rows,
            _ => {}
        }
    }
}
