//! How far a render is: the render in an answer, and what its status word means.
//!
//! Relays wrap a render in envelopes with a code and a status of their own, so the render is looked for
//! inside first. An answer may be no success and still tell of a render (vLLM-Omni answers so for a failed
//! one), and a success may tell of a failure (new-api's kin answer 200 with an error).

use std::time::Duration;

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    size::Size,
};
use serde_json::Value as Json;

use super::{
    dialect::{Dialect, Source},
    fault, media,
};
use crate::{
    Answer, CancelOutcome, Echo, Polled, RemoteId, Reply, SubmitError, Submitted,
    reading::{self, ErrorBody},
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
/// Where a render itself has its name.
const OWN_ID_FIELDS: &[&str] = &["/id", "/task_id", "/video_id", "/job_id"];
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
        let body = explained(dialect, &reply, fault::body_of(&reply));
        return Err(reading::failed_create(reply.status, body, &[]));
    }
    let json = reply.json().unwrap_or_default();
    let named = |remote_id| Submitted { remote_id, echo: echo(&json) };
    if let Some(id) = id(&json) {
        return Ok(named(id));
    }
    // A business failure in the clothes of a success: there is no render whose name could be missing.
    if let Some(fault) = fault::of_failure_in_success(&reply, &json) {
        return Err(reading::failed_create(reply.status, ErrorBody::Own(fault), &[]));
    }
    if let Some(id) = id_among(&json, LAST_RESORT) {
        return Ok(named(id));
    }
    Err(SubmitError::Lost(reading::unrecognised(&reply, "the answer names no render")))
}

/// What the answer to a create says that will be rendered. Relays clamp a length to what the model behind them has,
/// and say so here.
fn echo(json: &Json) -> Echo {
    let place = |place: &&str| json.pointer(place);
    let places = || ["", "/data", "/data/0", "/video", "/task", "/job"];
    let numbers = |name: &'static str| {
        places().iter().filter_map(place).find_map(|job| reading::number(job, name))
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
    reading::text(job, "/size").and_then(|text| text.trim().parse().ok()).or_else(sides)
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

/// Reads the answer to a poll.
pub(super) fn read_poll(dialect: &'static Dialect, answer: Answer) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| reading::silence(&problem))?;
    let json = reply.json().unwrap_or_default();
    let found = job(&json);
    let state = found.and_then(state);
    if let (Some(job), Some(over)) = (found, state.filter(|state| is_over_without_file(*state)))
        && is_final(&reply, &json, job)
    {
        let fault = failure(&reply, &json, job, over);
        // A file beside a failure is looked at before another one is paid for.
        let has_file = over != State::Deleted && media::named(&json, job).is_some();
        return Ok(if has_file && reading::may_have_a_file(&fault) {
            Polled::Disputed { fault, charged: charged(&json, job) }
        } else {
            let told = || reading::says_not_charged(&fault.message).then_some(Usd::ZERO);
            let charged = charged(&json, job).or_else(told);
            Polled::Failed { fault, charged }
        });
    }
    if !reply.status.is_success() {
        return refused_poll(&reply);
    }
    match (found, state) {
        (Some(job), Some(State::Done)) => Ok(finished(dialect, &json, job)),
        (Some(job), Some(State::Running)) => Ok(running(dialect, &reply, job, None)),
        (Some(_), Some(_)) => Err(reading::unrecognised(&reply, "the answer tells of no render")),
        // A word that says nothing, and a file.
        (Some(job), None) if media::named(&json, job).is_some() => {
            Ok(Polled::Rendered { charged: charged(&json, job) })
        }
        (Some(job), None) => {
            let word = reading::quoted(word(job).unwrap_or_default());
            let note = format!("the status `{word}` is not documented");
            Ok(running(dialect, &reply, job, Some(note)))
        }
        (None, _) => without_status(dialect, &reply, &json),
    }
}

/// Whether an answer is the final word about a render, and not an error about the question in the form of one: it
/// names the render, or it came as a success whose own code is none of a failure.
fn is_final(reply: &Reply, json: &Json, job: &Json) -> bool {
    let is_named =
        id_among(job, OWN_ID_FIELDS).is_some() || id_among(json, OWN_ID_FIELDS).is_some();
    let is_error = word(job).is_some_and(|word| word.trim().eq_ignore_ascii_case("error"));
    is_named || (reply.status.is_success() && !is_error && !fault::code_says_no(json))
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
    let charged = charged(json, job);
    match told {
        Some(fault) => Polled::Failed { fault, charged },
        None if empty => {
            let message = "it succeeded without a video, as renders do that moderation withheld";
            let fault = Fault::new(FaultKind::Runtime, FaultSource::Provider, message);
            Polled::Failed { fault, charged }
        }
        None => Polled::Rendered { charged },
    }
}

/// What the answer says that the render has cost. In dollars: `usage.cost` (`OpenRouter`'s API reference, 2026). In
/// ticks of 1/10,000,000,000 dollar: `usage.cost_in_usd_ticks` (xAI's API reference, 2026). As a list of what was
/// taken: Kling's `billing`, of which only cash in dollars is one (its task pages, 2026-10).
fn charged(json: &Json, job: &Json) -> Option<Usd> {
    let number = |place: &str| reading::number(job, place).or_else(|| reading::number(json, place));
    let is_own_key =
        || [job, json].iter().any(|it| it.pointer("/usage/is_byok") == Some(&Json::Bool(true)));
    let in_dollars = || reading::usd(number("/usage/cost")?).filter(|_| !is_own_key());
    let in_ticks = || reading::usd(number("/usage/cost_in_usd_ticks")? / 1e10);
    let billed = || {
        let bills = job.get("billing").or_else(|| json.get("billing"))?.as_array()?;
        let cash = |bill: &Json| {
            let is_cash = reading::text(bill, "/charge_type") == Some("cash");
            let is_usd =
                reading::text(bill, "/currency").is_some_and(|it| it.eq_ignore_ascii_case("usd"));
            reading::number(bill, "/amount").filter(|_| is_cash && is_usd)
        };
        let amounts: Option<Vec<_>> = bills.iter().take(16).map(cash).collect();
        reading::usd(amounts.filter(|all| !all.is_empty())?.iter().sum())
    };
    in_ticks().or_else(in_dollars).or_else(billed)
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

/// A poll that was answered with an error. Only what is about the render itself is its end; whatever keeps the question
/// from being answered, a 404 among it, is asked again.
fn refused_poll(reply: &Reply) -> Result<Polled, Fault> {
    let fault = fault::of_reply(reply);
    if reply.json().is_some() && fault::is_about_a_render(&fault) {
        return Ok(Polled::failed(fault));
    }
    match reply.status.as_u16() {
        404 | 410 => Err(Fault { kind: FaultKind::Lost, ..fault }),
        _ => Err(fault),
    }
}

/// A success without a status: an error in disguise, a finished file, or a render that has no status yet.
fn without_status(dialect: &'static Dialect, reply: &Reply, json: &Json) -> Result<Polled, Fault> {
    if media::named(json, json).is_some() || media::is_inline(json, json) {
        return Ok(Polled::Rendered { charged: charged(json, json) });
    }
    if let Some(fault) = fault::of_failure_in_success(reply, json) {
        return if fault::is_about_a_render(&fault) {
            Ok(Polled::failed(fault))
        } else {
            Err(fault)
        };
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
