//! How far a render is: the render in an answer, and what its status word means.
//!
//! Relays wrap a render in envelopes with a code and a status of their own, so the render is looked for
//! inside first. An answer may be no success and still tell of a render (vLLM-Omni answers so for a failed
//! one), and a success may tell of a failure (new-api's kin answer 200 with an error).

use retake_core::{
    fault::{Fault, FaultKind},
    signal::Stage,
    size::Size,
};
use serde_json::Value as Json;

use super::{dialect::Dialect, fault, names};
use crate::{
    Answer, CancelOutcome, Echo, RemoteId, Reply, SubmitError, Submitted,
    polling::RenderMatch,
    response::{self, ErrorBody},
};

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

/// Lists of renders in which one may be answered.
const LISTS: &[&str] = &["", "/data", "/tasks", "/results", "/videos"];

/// No more of a list is looked at.
const MOST_LISTED: usize = 64;

/// Where a render itself has its name.
const OWN_FIELDS: &[&str] = &["/id", "/task_id", "/video_id"];
/// A name for the exchange, which some servers give the render as well.
const LAST_RESORT: &[&str] = &["/request_id"];

/// The render in an answer: what has a status, and the name that was asked for if anything has. Else, where the answer
/// has a status and a name itself, it is the render, and what it repeats of the answer of another server behind it
/// is older news.
pub(super) fn job<'a>(dialect: &Dialect, json: &'a Json, asked: &str) -> Option<&'a Json> {
    let has_word = |job: &&'a Json| word(job).is_some();
    let is_asked = |job: &&'a Json| names::own(dialect.names, job, asked) == RenderMatch::Asked;
    let places = || PLACES.iter().filter_map(|place| json.pointer(place));
    let lists = LISTS.iter().filter_map(|list| json.pointer(list)?.as_array());
    let listed = lists.flat_map(|list| list.iter().take(MOST_LISTED));
    let named = std::iter::once(json).chain(places()).chain(listed);
    named.filter(has_word).find(is_asked).or_else(|| {
        let is_one = json.get("id").is_some() || json.get("task_id").is_some();
        Some(json).filter(has_word).filter(|_| is_one).or_else(|| places().find(has_word))
    })
}

pub(super) fn word(job: &Json) -> Option<&str> {
    STATUS_FIELDS.iter().find_map(|field| response::text(job, field))
}

pub(super) fn plain_word(job: &Json) -> Option<String> {
    Some(word(job)?.trim().to_ascii_lowercase().replace([' ', '-'], "_"))
}

/// What the status of a render means; nothing for a word that nobody has documented.
pub(super) fn state(job: &Json) -> Option<State> {
    let word = plain_word(job)?;
    STATES.iter().find(|(known, _)| *known == word).map(|(_, state)| *state)
}

pub(super) fn id(json: &Json) -> Option<RemoteId> {
    id_among(json, ID_FIELDS)
}

fn id_among(json: &Json, fields: &[&str]) -> Option<RemoteId> {
    let named = |field: &&str| response::id(json, field).map(str::to_owned);
    let counted = |field: &&str| Some(json.pointer(field)?.as_u64()?.to_string());
    // A number is the row of a table more often than a name.
    fields.iter().find_map(named).or_else(|| fields.iter().find_map(counted))
}

/// Reads the answer to a create.
pub(super) fn read_create(
    dialect: &'static Dialect,
    answer: Answer,
) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        if let Some((remote_id, json)) =
            reply.json().and_then(|json| Some((made(&reply, &json)?, json)))
        {
            return Ok(Submitted { remote_id, echo: echo(&json) });
        }
        let body = explained(dialect, &reply, fault::body_of(&reply, Stage::Create));
        return Err(response::failed_create(reply.status, body, &[]));
    }
    let json = reply.json().unwrap_or_default();
    let named = |remote_id| Submitted { remote_id, echo: echo(&json) };
    // A business failure in the clothes of a success: there is no render whose name could be missing. A name beside one
    // that a code proves, without a word for its state, is that of the request.
    let refusal = fault::refusal_in_success(&reply, &json);
    let is_refused = || {
        matches!(&refusal, Some(ErrorBody::Refusal(_)))
            && word(&json).is_none()
            && !is_video(&json)
            && fault::refuses_by_code(&reply, &json)
    };
    // What surrounds a render may be named after the exchange.
    let named_by_status = || {
        let places = PLACES.iter().filter_map(|place| json.pointer(place));
        let mut jobs = std::iter::once(&json).chain(places).filter(|job| word(job).is_some());
        jobs.find_map(|job| id_among(job, OWN_FIELDS))
    };
    if let Some(id) = named_by_status().or_else(|| id(&json)).filter(|_| !is_refused()) {
        return Ok(named(id));
    }
    if let Some(body) = refusal {
        return Err(response::failed_create(reply.status, body, &[]));
    }
    if let Some(id) = id_among(&json, LAST_RESORT) {
        return Ok(named(id));
    }
    Err(SubmitError::Lost(response::unexpected(&reply, "the answer names no render")))
}

/// Whether an answer calls itself a video.
fn is_video(job: &Json) -> bool {
    let kinds = ["/object", "/type"].iter().filter_map(|field| response::text(job, field));
    kinds.map(str::to_ascii_lowercase).any(|kind| kind.contains("video"))
}

/// The name of a render that an error tells of: what failed came after it was made. It has a word of its own for being
/// under way, and where the status is one of a refusal, it calls itself a video or tells of no error.
fn made(reply: &Reply, json: &Json) -> Option<RemoteId> {
    let is_error = reply.status.is_client_error() || reply.status.is_server_error();
    let is_open = !response::is_turned_away(reply.status);
    let has_error = ["/error", "/message", "/detail"]
        .iter()
        .any(|field| json.pointer(field).is_some_and(|value| !value.is_null()));
    let jobs = PLACES.iter().filter_map(|place| json.pointer(place)).filter(|_| is_error);
    let mut running = jobs.filter(|job| state(job) == Some(State::Running));
    running
        .find(|job| is_open || is_video(job) || !has_error)
        .and_then(|job| id_among(job, OWN_FIELDS))
}

/// What the answer to a create says that will be rendered. Relays clamp a length to what the model behind them has,
/// and say so here.
fn echo(json: &Json) -> Echo {
    let place = |place: &&str| json.pointer(place);
    let places = || ["", "/data", "/data/0", "/video", "/task", "/job"];
    let numbers = |name: &'static str| {
        places().iter().filter_map(place).find_map(|job| response::number(job, name))
    };
    let seconds =
        ["/seconds", "/duration", "/n_seconds", "/duration_seconds", "/usage/duration_seconds"]
            .into_iter()
            .find_map(numbers);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between nothing and an hour"
    )]
    let milliseconds = |seconds: f64| (seconds * 1000.0).round() as u64;
    Echo {
        duration_ms: seconds.filter(|it| (0.1..=3600.0).contains(it)).map(milliseconds),
        size: places().iter().filter_map(place).find_map(size),
    }
}

fn size(job: &Json) -> Option<Size> {
    let sides = || {
        let side = |name| u32::try_from(job.pointer(name)?.as_u64()?).ok().filter(|side| *side > 0);
        Some(Size::new(side("/width")?, side("/height")?))
    };
    response::text(job, "/size").and_then(|text| text.trim().parse().ok()).or_else(sides)
}

/// A 404 where videos are made says that they are not made there.
pub(super) fn explained(dialect: &'static Dialect, reply: &Reply, body: ErrorBody) -> ErrorBody {
    match (reply.status.as_u16(), dialect.removed) {
        (404, Some(why)) => {
            let fault = body.into_fault();
            let message = format!("{}; {why}", fault.message);
            ErrorBody::Own(Fault { kind: FaultKind::BadRequest, message, ..fault })
        }
        _ => body,
    }
}

/// Reads the answer to a stop.
pub(super) fn read_stop(answer: &Answer) -> Result<CancelOutcome, Fault> {
    let reply = answer.as_ref().map_err(response::silence)?;
    match reply.status.as_u16() {
        404 | 410 => Ok(CancelOutcome::NotKnown),
        409 => Ok(CancelOutcome::AlreadyOver),
        _ if reply.status.is_success() => Ok(CancelOutcome::Stopped),
        _ => Err(fault::of_reply(reply, Stage::Cancel)),
    }
}
