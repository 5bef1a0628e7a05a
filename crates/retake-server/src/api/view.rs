//! What a video looks like on the wire: OpenAI's thirteen fields, and ours under `retake`.
//!
//! These types are the answer and, through `ToSchema`, its description, so that the two cannot part.

use jiff::Timestamp;
use retake_core::{
    cost::Cost,
    fault::{Cause, Fault, FaultKind, FaultSource},
    fit::Change,
    ids::VideoId,
    job::{self, AttemptState, HoldKind, JobState, Settlement},
    money::Usd,
    output::{Difference, OutputSpec},
    request::OriginKind,
    size::Size,
};
use retake_store::{Job, Output, Preview, Spritesheet};
use serde::Serialize;
use utoipa::ToSchema;

/// Makes a type of a word that is always the same, such as the `object` of a video.
macro_rules! always {
    ($name:ident, $word:tt) => {
        #[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
        pub(super) enum $name {
            #[serde(rename = $word)]
            Always,
        }
    };
}
pub(super) use always;

always!(VideoWord, "video");
always!(ListWord, "list");

/// A video as OpenAI's API has it, and what Retake adds under `retake`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Video<'a> {
    /// Its id.
    #[schema(value_type = String, pattern = "^video_[0-9a-f]{32}$")]
    id: &'a VideoId,
    #[schema(inline)]
    object: VideoWord,
    /// The model that makes it.
    #[schema(required)]
    model: Option<&'a str>,
    /// How far it is. A video that was cancelled has `failed`, with the code `cancelled`.
    #[schema(inline)]
    status: Status,
    /// Percent done. It never falls.
    #[schema(maximum = 100)]
    progress: u8,
    /// When it was asked for, in seconds since 1970.
    created_at: i64,
    /// When it was finished, in seconds since 1970.
    #[schema(required)]
    completed_at: Option<i64>,
    /// When its file is removed, in seconds since 1970.
    #[schema(required)]
    expires_at: Option<i64>,
    /// What it was asked to show.
    prompt: &'a str,
    /// Width and height, such as `1280x720`.
    size: String,
    /// Its length in seconds, as text.
    #[schema(pattern = "^[0-9]+$")]
    seconds: String,
    /// The video it was made from, by whatever way.
    #[schema(value_type = Option<String>, required)]
    remixed_from_video_id: Option<&'a VideoId>,
    /// Why it failed.
    #[schema(required)]
    error: Option<VideoError<'a>>,
    retake: RetakeExtension<'a>,
}

/// How far a video is, in OpenAI's words.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Queued,
    InProgress,
    Completed,
    Failed,
}

/// Why a video failed.
#[derive(Debug, Serialize, ToSchema)]
struct VideoError<'a> {
    /// The cause. Each code has a page in the documentation.
    code: &'static str,
    /// What happened, for people.
    message: &'a str,
}

/// What Retake knows of a video beyond OpenAI's fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoDetails)]
struct RetakeExtension<'a> {
    /// How far it is, in Retake's finer words.
    #[schema(inline)]
    state: State,
    /// What is being done with it.
    #[schema(inline)]
    stage: Stage,
    /// What it waits for, if it waits for something outside.
    #[schema(required)]
    hold: Option<HoldView<'a>>,
    /// Whether somebody asked to stop it.
    cancel_requested: bool,
    /// Time that is probably left, in milliseconds.
    #[schema(required, minimum = 0)]
    eta_ms: Option<i64>,
    /// What decides everything that the prompt leaves open.
    #[schema(required)]
    seed: Option<u64>,
    /// Whether its end leads back to its beginning.
    #[schema(required)]
    r#loop: Option<bool>,
    /// Whether it has sound.
    #[schema(required)]
    audio: Option<bool>,
    /// What it was asked not to show.
    #[schema(required)]
    negative_prompt: Option<&'a str>,
    /// The model that was asked for, if one was.
    #[schema(required)]
    requested_model: Option<&'a str>,
    /// How it came from the video that it was made from.
    #[schema(required)]
    made_by: Option<OriginKind>,
    /// What is not as it was asked for, on the route that it takes.
    changes: &'a [Change],
    /// Who appears in it.
    characters: Vec<Appearing<'a>>,
    /// What all attempts cost so far.
    cost: CostView,
    /// What was tried for it, in order.
    attempts: Vec<Attempt<'a>>,
    /// Its file, once there is one. It stays here when the file is removed.
    #[schema(required)]
    output: Option<File<'a>>,
}

/// What a video waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hold)]
struct HoldView<'a> {
    kind: HoldKind,
    /// When the wait ends at the latest; `null` where that is not known.
    #[schema(required, format = DateTime)]
    until: Option<String>,
    /// Why it waits, for people.
    reason: &'a str,
}

/// How far a video is, in Retake's words.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Queued,
    InProgress,
    Completed,
    Failed,
    Cancelled,
}

/// What is being done with a video.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Queued,
    Waiting,
    Submitting,
    Rendering,
    Storing,
    Done,
}

/// A character that appears in a video.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoCharacter)]
struct Appearing<'a> {
    /// Its id.
    id: &'a str,
    /// Its name, as the prompt says it.
    name: &'a str,
}

/// What something cost, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Cost)]
struct CostView {
    /// What is known to have been charged: what the provider said, or 0 where it took nothing on. `null` where nobody
    /// has said it.
    #[schema(required)]
    charged_usd_micros: Option<u64>,
    /// The best estimate: what was charged, and the list price where that is not known. `null` where there is no list price
    /// either.
    #[schema(required)]
    estimated_usd_micros: Option<u64>,
    /// Whether the estimate is what was charged. Until that is known, what may have been billed counts at its list
    /// price.
    certain: bool,
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> Self {
        Self {
            charged_usd_micros: cost.charged.map(Usd::micros),
            estimated_usd_micros: cost.estimated.map(Usd::micros),
            certain: cost.certain,
        }
    }
}

/// One try to make a video on one route.
#[derive(Debug, Serialize, ToSchema)]
struct Attempt<'a> {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    number: u32,
    /// Account and model, such as `animatic/animatic`.
    route: String,
    state: AttemptState,
    /// When it began.
    #[schema(format = DateTime)]
    begun_at: String,
    /// When the provider took it.
    #[schema(required, format = DateTime)]
    accepted_at: Option<String>,
    /// When it ended.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// The same as `cost.estimated_usd_micros`.
    #[schema(required)]
    usd_micros: Option<u64>,
    /// What it cost.
    cost: CostView,
    /// The provider's name for it.
    #[schema(required)]
    remote_id: Option<&'a str>,
    /// The last odd thing that the provider said of it.
    #[schema(required)]
    note: Option<&'a str>,
    /// Of a submit whose answer was lost and for which the job did not wait: what is known of it. It may have been
    /// billed unless it is `absent`; while it is `pending`, its provider is still asked.
    #[schema(required)]
    settlement: Option<Settlement>,
    /// What the provider announced when it took the render on, where that differs from what was asked for.
    #[schema(required)]
    announced: Option<&'a OutputSpec>,
    /// Why it failed.
    #[schema(required)]
    fault: Option<Failure<'a>>,
}

/// What went wrong in an attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttemptFault)]
struct Failure<'a> {
    kind: FaultKind,
    source: FaultSource,
    /// The cause, where the kind leaves no doubt.
    #[schema(required)]
    cause: Option<Cause>,
    /// The provider's own code for it.
    #[schema(required)]
    code: Option<&'a str>,
    /// What happened, for people.
    message: &'a str,
}

/// A finished file, as it was measured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoFile)]
struct File<'a> {
    /// Its length.
    bytes: u64,
    /// Its digest, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: &'a str,
    /// Width of the picture in pixels.
    width: u32,
    /// Height of the picture in pixels.
    height: u32,
    /// Playing time.
    duration_ms: u64,
    /// Number of pictures, if they were counted.
    #[schema(required)]
    frames: Option<u32>,
    /// How the pictures are coded.
    video_codec: &'a str,
    /// How the sound is coded, if there is any.
    #[schema(required)]
    audio_codec: Option<&'a str>,
    /// A small picture of it.
    #[schema(required)]
    thumbnail: Option<&'a Preview>,
    /// Pictures from its whole length.
    #[schema(required)]
    spritesheet: Option<&'a Spritesheet>,
    /// The media type under which it is handed out: `video/mp4` or `video/webm`.
    media_type: &'static str,
    /// What it was to be.
    asked: &'a OutputSpec,
    /// What it is.
    measured: OutputSpec,
    /// How it differs from what was asked for, by more than the tolerance in `[policy]`.
    differences: &'a [Difference],
    /// What is odd about it: `black`, `frozen`, `silent`, `size_differs`, `duration_differs`, `sound_missing`.
    warnings: &'a [String],
}

/// A page of videos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoList)]
pub(super) struct Videos<'a> {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Video<'a>>,
    /// The id of the first one here.
    #[schema(value_type = Option<String>, required)]
    first_id: Option<&'a VideoId>,
    /// The id of the last one here; as `after` it leads to the next page.
    #[schema(value_type = Option<String>, required)]
    last_id: Option<&'a VideoId>,
    /// Whether there is a next page.
    has_more: bool,
}

/// A video as `GET /v1/videos/{id}` answers it.
pub(super) fn video(job: &Job, now: Timestamp) -> Video<'_> {
    let planned = job.planned();
    let is_completed = job.record.state == JobState::Completed;
    Video {
        id: &job.id,
        object: VideoWord::Always,
        model: planned.map(|planned| planned.route.model.as_str()),
        status: status(&job.record.state),
        progress: job.record.progress,
        created_at: job.created_at.as_second(),
        completed_at: job.completed_at.filter(|_| is_completed).map(Timestamp::as_second),
        expires_at: job.expires_at.map(Timestamp::as_second),
        prompt: &job.request.prompt,
        size: planned.map(|planned| planned.spec.size.to_string()).unwrap_or_default(),
        seconds: planned.map_or(0, |planned| planned.spec.seconds).to_string(),
        remixed_from_video_id: job.request.origin.as_ref().and_then(|origin| origin.video.as_ref()),
        error: error(job),
        retake: ours(job, now),
    }
}

/// A page of videos.
pub(super) fn page(jobs: &[Job], has_more: bool, now: Timestamp) -> Videos<'_> {
    Videos {
        object: ListWord::Always,
        data: jobs.iter().map(|job| video(job, now)).collect(),
        first_id: jobs.first().map(|job| &job.id),
        last_id: jobs.last().map(|job| &job.id),
        has_more,
    }
}

/// When asking again makes sense, in milliseconds; nothing once the video has ended.
pub(super) fn poll_after(job: &Job, now: Timestamp) -> Option<u64> {
    if job.record.state.is_ended() {
        return None;
    }
    let left = job.record.time_left(now).map(|left| left.as_millis() / 2);
    let guess = left.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(500);
    Some(guess.clamp(200, 5_000))
}

/// The four words of the wire. The only place where our states become OpenAI's.
fn status(state: &JobState) -> Status {
    match state {
        JobState::Queued => Status::Queued,
        JobState::InProgress => Status::InProgress,
        JobState::Completed => Status::Completed,
        JobState::Failed(_) | JobState::Cancelled => Status::Failed,
    }
}

fn error(job: &Job) -> Option<VideoError<'_>> {
    match &job.record.state {
        JobState::Failed(fault) => Some(VideoError { code: code(fault), message: &fault.message }),
        JobState::Cancelled => {
            let message = if Cost::of_job(&job.record).certain {
                "the video was cancelled before it was finished"
            } else {
                "the video was cancelled before it was finished; what its provider rendered of it may be billed"
            };
            Some(VideoError { code: "cancelled", message })
        }
        _ => None,
    }
}

fn code(fault: &Fault) -> &'static str {
    fault.kind.cause().map_or_else(|| fault.kind.as_str(), Cause::as_str)
}

fn ours(job: &Job, now: Timestamp) -> RetakeExtension<'_> {
    let planned = job.planned();
    let spec = planned.map(|planned| &planned.spec);
    let characters = &job.request.characters;
    RetakeExtension {
        state: state(&job.record.state),
        stage: stage(job),
        hold: job.record.hold.as_ref().map(|hold| HoldView {
            kind: hold.kind,
            until: hold.until.map(|until| until.to_string()),
            reason: &hold.reason,
        }),
        cancel_requested: job.record.cancel_requested,
        eta_ms: job.record.time_left(now).map(|left| i64::try_from(left.as_millis()).unwrap_or(0)),
        seed: spec.map(|spec| spec.seed),
        r#loop: spec.map(|spec| spec.looped),
        audio: spec.map(|spec| spec.audio),
        negative_prompt: job.request.negative_prompt.as_deref(),
        requested_model: job.request.model.as_deref(),
        made_by: job.request.origin.as_ref().map(|origin| origin.kind),
        changes: planned.map(|planned| planned.changes.as_slice()).unwrap_or_default(),
        characters: characters
            .iter()
            .map(|one| Appearing { id: one.id.as_str(), name: &one.name })
            .collect(),
        cost: Cost::of_job(&job.record).into(),
        attempts: job.record.attempts.iter().map(attempt).collect(),
        output: job.delivered().map(output),
    }
}

fn state(state: &JobState) -> State {
    match state {
        JobState::Queued => State::Queued,
        JobState::InProgress => State::InProgress,
        JobState::Completed => State::Completed,
        JobState::Failed(_) => State::Failed,
        JobState::Cancelled => State::Cancelled,
    }
}

fn stage(job: &Job) -> Stage {
    match job.record.open_attempt().map(|attempt| attempt.state) {
        _ if job.record.state.is_ended() => Stage::Done,
        Some(AttemptState::Submitted) => Stage::Rendering,
        Some(AttemptState::Fetching) => Stage::Storing,
        Some(_) => Stage::Submitting,
        None if job.record.hold.is_some() => Stage::Waiting,
        None => Stage::Queued,
    }
}

fn attempt(attempt: &job::Attempt) -> Attempt<'_> {
    let cost = CostView::from(Cost::of_attempt(attempt));
    Attempt {
        number: attempt.number,
        route: attempt.planned.route.to_string(),
        state: attempt.state,
        begun_at: attempt.begun_at.to_string(),
        accepted_at: attempt.accepted_at.map(|at| at.to_string()),
        ended_at: attempt.ended_at.map(|at| at.to_string()),
        usd_micros: cost.estimated_usd_micros,
        cost,
        remote_id: attempt.remote_id.as_deref(),
        note: attempt.note.as_deref(),
        settlement: attempt.settlement,
        announced: attempt.file.announced.as_ref(),
        fault: attempt.fault.as_ref().map(|fault| Failure {
            kind: fault.kind,
            source: fault.source,
            cause: fault.kind.cause(),
            code: fault.code.as_deref(),
            message: &fault.message,
        }),
    }
}

fn output(output: &Output) -> File<'_> {
    File {
        bytes: output.bytes,
        sha256: &output.sha256,
        width: output.width,
        height: output.height,
        duration_ms: output.duration_ms,
        frames: output.frames,
        video_codec: &output.video_codec,
        audio_codec: output.audio_codec.as_deref(),
        thumbnail: output.thumbnail.as_ref(),
        spritesheet: output.spritesheet.as_ref(),
        media_type: output.file_type.media_type(),
        asked: &output.asked,
        measured: OutputSpec {
            size: Some(Size::new(output.width, output.height)),
            duration_ms: Some(output.duration_ms),
            sound: Some(output.audio_codec.is_some()),
        },
        differences: &output.differences,
        warnings: &output.warnings,
    }
}
