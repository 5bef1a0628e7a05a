//! How far a render is: the render in an answer, and what its status word means.
//!
//! Relays wrap a render in envelopes with a code and a status of their own, so the render is looked for
//! inside first. An answer may be no success and still tell of a render (vLLM-Omni answers so for a failed
//! one), and a success may tell of a failure (new-api's kin answer 200 with an error).

use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use super::{
    dialect::{Dialect, Source},
    fault, media,
};
use crate::{Answer, CancelOutcome, Polled, RemoteId, Reply, SubmitError, Submitted, reading};

/// What a status word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Done,
    Failed,
    Cancelled,
    Expired,
    Deleted,
}

/// All words that are documented or were seen, in lower case (dialect table, 2026-11-21).
const STATES: &[(&str, State)] = &[
    ("queued", State::Running),
    ("queueing", State::Running),
    ("in_queue", State::Running),
    ("pending", State::Running),
    ("submitted", State::Running),
    ("created", State::Running),
    ("not_start", State::Running),
    ("scheduled", State::Running),
    ("starting", State::Running),
    ("preprocessing", State::Running),
    ("in_progress", State::Running),
    ("processing", State::Running),
    ("running", State::Running),
    ("generating", State::Running),
    ("rendering", State::Running),
    ("completed", State::Done),
    ("complete", State::Done),
    ("succeeded", State::Done),
    ("succeed", State::Done),
    ("success", State::Done),
    ("finished", State::Done),
    ("done", State::Done),
    ("failed", State::Failed),
    ("failure", State::Failed),
    ("fail", State::Failed),
    ("error", State::Failed),
    ("dead", State::Failed),
    ("rejected", State::Failed),
    ("cancelled", State::Cancelled),
    ("canceled", State::Cancelled),
    ("aborted", State::Cancelled),
    ("expired", State::Expired),
    ("timeout", State::Expired),
    ("deleted", State::Deleted),
];

/// Where a render may be in an answer, the innermost first.
const PLACES: &[&str] = &["/data/0", "/data", "/video", "/task", "/job", "/result", "/output", ""];
const STATUS_FIELDS: &[&str] = &["/status", "/task_status", "/state"];
/// Where its name may be.
const ID_FIELDS: &[&str] = &[
    "/id",
    "/task_id",
    "/video_id",
    "/data/id",
    "/data/task_id",
    "/data/video_id",
    "/data/0/id",
    "/data/0/task_id",
    "/job_id",
    "/video/id",
    "/task/id",
];
/// A name for the exchange, which some servers give the render as well.
const LAST_RESORT: &[&str] = &["/request_id"];

/// The render in an answer: what has a status. Where the answer has a status and a name itself, it is the render,
/// and what it repeats of the answer of another server behind it is older news.
pub(super) fn job(json: &Json) -> Option<&Json> {
    if word(json).is_some() && (json.get("id").is_some() || json.get("task_id").is_some()) {
        return Some(json);
    }
    let jobs = PLACES.iter().filter_map(|place| json.pointer(place));
    jobs.into_iter().find(|job| word(job).is_some())
}

fn word(job: &Json) -> Option<&str> {
    STATUS_FIELDS.iter().find_map(|field| reading::text(job, field))
}

/// What the status of a render means; nothing for a word that nobody has documented.
pub(super) fn state(job: &Json) -> Option<State> {
    let word = word(job)?.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    STATES.iter().find(|(known, _)| *known == word).map(|(_, state)| *state)
}

fn id(json: &Json) -> Option<RemoteId> {
    id_among(json, ID_FIELDS)
}

fn id_among(json: &Json, fields: &[&str]) -> Option<RemoteId> {
    let named = |field: &&str| reading::id(json, field).map(str::to_owned);
    let counted = |field: &&str| Some(json.pointer(field)?.as_u64()?.to_string());
    // A number is the row of a table more often than a name. A path of dots leads elsewhere, however it is encoded.
    let found = fields.iter().find_map(named).or_else(|| fields.iter().find_map(counted));
    found.filter(|id| !id.bytes().all(|byte| byte == b'.'))
}

/// Reads the answer to a create.
pub(super) fn read_create(
    dialect: &'static Dialect,
    answer: Answer,
) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| reading::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        let fault = explained(dialect, &reply, fault::of_reply(&reply));
        // What timed out behind the server may have been taken there.
        if reply.status.is_server_error() && fault.kind == FaultKind::Timeout {
            return Err(SubmitError::Lost(fault));
        }
        return Err(reading::refused_submit(reply.status, fault));
    }
    let json = reply.json().unwrap_or_default();
    if let Some(id) = id(&json) {
        return Ok(id.into());
    }
    // A business failure in the clothes of a success: there is no render whose name could be missing.
    if let Some(fault) = fault::of_failure_in_success(&reply, &json) {
        // As in the answer of a server that failed.
        return Err(reading::refused_submit(StatusCode::INTERNAL_SERVER_ERROR, fault));
    }
    if let Some(id) = id_among(&json, LAST_RESORT) {
        return Ok(id.into());
    }
    Err(SubmitError::Lost(reading::unrecognised(&reply, "the answer names no render")))
}

/// A 404 where videos are made says that they are not made there.
pub(super) fn explained(dialect: &'static Dialect, reply: &Reply, mut fault: Fault) -> Fault {
    if let (404, Some(why)) = (reply.status.as_u16(), dialect.removed) {
        fault.message = format!("{}; {why}", fault.message);
    }
    fault
}

/// Reads the answer to a poll.
pub(super) fn read_poll(dialect: &'static Dialect, answer: Answer) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| reading::silence(&problem))?;
    let json = reply.json().unwrap_or_default();
    let found = job(&json);
    let state = found.and_then(state);
    if let (Some(job), Some(over)) = (found, state.filter(|state| is_over_without_file(*state))) {
        return Ok(Polled::failed(failure(&reply, &json, job, over)));
    }
    if !reply.status.is_success() {
        return refused_poll(&reply);
    }
    match (found, state) {
        (Some(job), Some(State::Done)) => Ok(finished(dialect, &json, job)),
        (Some(job), Some(_)) => Ok(running(dialect, &reply, job, None)),
        (Some(job), None) => {
            let word = reading::quoted(word(job).unwrap_or_default());
            let note = format!("the status `{word}` is not documented");
            Ok(running(dialect, &reply, job, Some(note)))
        }
        (None, _) => without_status(dialect, &reply, &json),
    }
}

fn is_over_without_file(state: State) -> bool {
    !matches!(state, State::Running | State::Done)
}

/// The fault of a render that is over without a file.
fn failure(reply: &Reply, json: &Json, job: &Json, state: State) -> Fault {
    let told = fault::of_job(reply, json, job);
    let provider = |kind, message| Fault::new(kind, FaultSource::Provider, message);
    match (state, told) {
        (_, Some(fault)) => fault,
        (State::Cancelled, None) => {
            provider(FaultKind::Runtime, "it was cancelled at the provider").with_code("cancelled")
        }
        (State::Expired, None) => {
            provider(FaultKind::Timeout, "it expired before it was finished").with_code("expired")
        }
        (State::Deleted, None) => {
            provider(FaultKind::Lost, "it was deleted at the provider").with_code("deleted")
        }
        _ => provider(FaultKind::Unrecognised, "it failed, and no reason was given"),
    }
}

/// A render that calls itself finished, unless it also tells of a failure or has nothing to show.
fn finished(dialect: &'static Dialect, json: &Json, job: &Json) -> Polled {
    let empty = dialect.result == Source::Generation && media::generation(job).is_none();
    let told = fault::of_finished_job(job).filter(|_| media::named(json, job).is_none());
    match told {
        Some(fault) => Polled::failed(fault),
        None if empty => {
            let message = "it succeeded without a video, as renders do that moderation withheld";
            Polled::failed(Fault::new(FaultKind::Runtime, FaultSource::Provider, message))
        }
        None => Polled::RENDERED,
    }
}

fn running(dialect: &'static Dialect, reply: &Reply, job: &Json, note: Option<String>) -> Polled {
    Polled::Running { percent: percent(job), ask_again_in: pause(dialect, reply), note }
}

/// Percent done, as a number, as a text with a sign, or as a share.
fn percent(job: &Json) -> u8 {
    let with_sign = || reading::text(job, "/progress")?.trim().trim_end_matches('%').parse().ok();
    if let Some(value) = reading::number(job, "/progress").or_else(with_sign) {
        return reading::percent(value);
    }
    reading::number(job, "/progress_pct").map_or(0, reading::percent_of_share)
}

/// When to ask again: as the answer says, else as the dialect's documentation does; 1 to 60 seconds.
fn pause(dialect: &'static Dialect, reply: &Reply) -> Duration {
    let hint = || {
        let ms = reply.header("openai-poll-after-ms")?.trim().parse::<u32>().ok()?;
        Some(SignedDuration::from_millis(ms.into()))
    };
    let asked = reply.retry_after().or_else(hint).and_then(|pause| pause.try_into().ok());
    let (least, most) = (Duration::from_secs(1), Duration::from_mins(1));
    asked.unwrap_or(dialect.poll_every).clamp(least, most)
}

/// A poll that was answered with an error: some errors are the render's, most are only the question's.
fn refused_poll(reply: &Reply) -> Result<Polled, Fault> {
    let fault = fault::of_reply(reply);
    if fault::is_about_a_render(&fault) {
        return Ok(Polled::failed(fault));
    }
    if !matches!(reply.status.as_u16(), 404 | 410) {
        return Err(fault);
    }
    let is_retired = fault.code.as_deref().is_some_and(fault::is_missing_model);
    let kind = if is_retired { FaultKind::BadRequest } else { FaultKind::Lost };
    Ok(Polled::failed(Fault { kind, ..fault }))
}

/// A success without a status: an error in disguise, a finished file, or a render that has no status yet.
fn without_status(dialect: &'static Dialect, reply: &Reply, json: &Json) -> Result<Polled, Fault> {
    if media::named(json, json).is_some() {
        return Ok(Polled::RENDERED);
    }
    if let Some(fault) = fault::of_failure_in_success(reply, json) {
        let is_question = matches!(
            fault.kind,
            FaultKind::Auth | FaultKind::Quota | FaultKind::Overloaded | FaultKind::Timeout
        );
        let says_failed = fault.message.to_lowercase().contains("failed");
        let is_over = fault::is_about_a_render(&fault) || says_failed || !is_question;
        return if is_over { Ok(Polled::failed(fault)) } else { Err(fault) };
    }
    if id(json).is_some() {
        let note = "the answer has no status yet".to_owned();
        return Ok(running(dialect, reply, json, Some(note)));
    }
    Err(reading::unrecognised(reply, "the answer has no status"))
}

/// Reads the answer to a stop. What is over, or unknown, or being stopped already needs none.
pub(super) fn read_stop(answer: &Answer) -> Result<CancelOutcome, Fault> {
    let reply = answer.as_ref().map_err(reading::silence)?;
    match reply.status.as_u16() {
        404 | 409 | 410 => Ok(CancelOutcome::Over),
        _ if reply.status.is_success() => Ok(CancelOutcome::Over),
        _ => Err(fault::of_reply(reply)),
    }
}
