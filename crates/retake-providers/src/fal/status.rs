//! Following a request, and stopping it.

use std::{sync::Arc, time::Duration};

use http::Method;
use retake_core::{fault::Fault, signal::Stage};
use serde_json::Value as Json;

use super::{fault, media, places::Places};
use crate::{
    CancelOutcome, Flow, Polled,
    call::{Answer, Call, Reply},
    polling::{self, RenderMatch},
    response,
};

/// Polls of a video that runs; the pauses of fal's own tools (0.1 to 0.5 s) are meant for pictures.
const RUNNING: Duration = Duration::from_secs(4);
/// Polls of a video that waits behind others.
const WAITING: Duration = Duration::from_secs(8);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A result may hold the file itself.
const LARGEST_RESULT: usize = 64 << 20;

pub(super) fn poll(places: &Arc<Places>, ticket: &str) -> Flow<Result<Polled, Fault>> {
    let call = places.signed(Call::get(places.queue(&format!("{ticket}/status"))));
    let result = result_call(places, ticket);
    let asked = request_id(ticket).to_owned();
    Flow::ask(call, move |answer| match read_status(answer, &asked) {
        Ok(Seen::Done) => Flow::once(result, move |answer| read_result(answer, &asked)),
        // A file beside a failure or an unknown word is looked at before another one is paid for.
        Ok(Seen::Look { otherwise }) => Flow::once(result, move |answer| {
            let is_refused = answer.as_ref().is_ok_and(is_refused);
            Ok(match (read_result(answer, &asked), otherwise) {
                (Ok(Polled::Rendered { charged }), otherwise) => otherwise.with_file_found(charged),
                (Ok(polled @ Polled::Failed { .. }), otherwise) if !otherwise.is_over() => polled,
                // A result that nobody could ask for may be there.
                (Ok(Polled::Running { .. }) | Err(_), Polled::Failed { fault, charged })
                    if !is_refused =>
                {
                    Polled::Doubtful { fault, charged }
                }
                (_, otherwise) => otherwise,
            })
        }),
        Ok(Seen::Polled(polled)) => Flow::Done(Ok(polled)),
        Err(fault) => Flow::Done(Err(fault)),
    })
}

/// fal's own name for a request, out of where it is followed.
pub(super) fn request_id(ticket: &str) -> &str {
    ticket.rsplit('/').next().unwrap_or(ticket)
}

/// The request for what came out.
pub(super) fn result_call(places: &Places, ticket: &str) -> Call {
    let call = places.signed(Call::get(places.queue(ticket)));
    Call { largest_answer: LARGEST_RESULT, ..call }
}

enum Seen {
    /// It is over, and the result says how.
    Done,
    /// The result may have a file all the same.
    Look {
        /// What the status comes to without one.
        otherwise: Polled,
    },
    Polled(Polled),
}

fn read_status(answer: Answer, asked: &str) -> Result<Seen, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(response::unknown_render(&reply, "fal"));
    }
    let json = reply.json().unwrap_or_default();
    // Every status carries the id of its request ("Queue", 2026-11-21).
    let matched = polling::match_render(&json, "/request_id", asked);
    let status = response::text(&json, "/status").map(str::trim).map(str::to_ascii_uppercase);
    let has_ended = || status.as_deref() == Some("COMPLETED") && has_failed(&json);
    let is_final = || polling::may_end(&reply, matched) && has_ended();
    if !(reply.status.is_success() || is_final()) {
        return Err(fault::of_reply(&reply, Stage::Poll));
    }
    let status = status.ok_or_else(|| response::unexpected(&reply, "the status cannot be read"))?;
    polling::refuse_another(&reply, matched)?;
    Ok(match status.as_str() {
        "COMPLETED" if has_failed(&json) && matched == RenderMatch::Asked => {
            let fault = fault::of_status(&json);
            let may_have_a_file = response::may_have_a_file(&fault);
            let failed = Polled::Failed { charged: fault::charge(&fault, None), fault };
            if may_have_a_file { Seen::Look { otherwise: failed } } else { Seen::Polled(failed) }
        }
        // Where it does not say whose failure it is, the result of the request itself decides.
        "COMPLETED" => Seen::Done,
        "IN_QUEUE" => {
            let is_next =
                response::number(&json, "/queue_position").is_none_or(|place| place < 1.0);
            let pause = if is_next { RUNNING } else { WAITING };
            Seen::Polled(running(&reply, pause, None))
        }
        "IN_PROGRESS" => Seen::Polled(running(&reply, RUNNING, None)),
        _ => {
            let word = response::quoted(&status);
            let note = format!("fal says `{word}`, which is no status we know");
            Seen::Look { otherwise: running(&reply, WAITING, Some(note)) }
        }
    })
}

fn has_failed(json: &Json) -> bool {
    let is_said = |pointer: &str| {
        json.pointer(pointer).is_some_and(|value| match value {
            Json::Null | Json::Bool(false) => false,
            Json::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    };
    is_said("/error") || is_said("/error_type")
}

/// A request is over: what came out, or why nothing did. Only an answer that is the model's or the runner's
/// own error says that the render failed; a refused key or a passing fault of the queue does not.
fn read_result(answer: Answer, asked: &str) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    let json = reply.json().unwrap_or_default();
    polling::refuse_another(&reply, polling::match_render(&json, "/request_id", asked))?;
    match reply.status.as_u16() {
        404 | 410 => Err(response::unknown_render(&reply, "fal")),
        401 | 403 | 408 | 429 => Err(fault::of_reply(&reply, Stage::Poll)),
        400 if is_too_early(&reply) => Ok(running(&reply, RUNNING, None)),
        200..=299 => read_output(&reply, &json),
        status if fault::is_of_the_model(&reply) => {
            let fault = fault::of_reply(&reply, Stage::Poll);
            Ok(Polled::Failed { charged: fault::charge(&fault, Some(status)), fault })
        }
        _ => Err(fault::of_reply(&reply, Stage::Poll)),
    }
}

fn read_output(reply: &Reply, json: &Json) -> Result<Polled, Fault> {
    if !json.is_object() {
        return Err(response::unexpected(reply, "the result cannot be read"));
    }
    if media::video(json).is_some() {
        return Ok(Polled::RENDERED);
    }
    if !(json.get("detail").is_some() || has_failed(json)) {
        return Ok(polling::without_file("fal"));
    }
    let fault = fault::of_reply(reply, Stage::Poll);
    // What has a status is no result.
    if fault::is_of_the_model(reply) && json.get("status").is_none() {
        Ok(Polled::Failed { charged: fault::charge(&fault, None), fault })
    } else {
        Err(fault)
    }
}

/// Whether the answer to the look for a result says that there is none, and none on its way.
fn is_refused(reply: &Reply) -> bool {
    matches!(reply.status.as_u16(), 400 | 404 | 410 | 422) && !is_too_early(reply)
}

/// The list of statuses and the results are not always of one mind.
fn is_too_early(reply: &Reply) -> bool {
    response::plain(&reply.body).to_ascii_lowercase().contains("still in progress")
}

fn running(reply: &Reply, pause: Duration, note: Option<String>) -> Polled {
    let asked = reply.retry_after().and_then(|pause| Duration::try_from(pause).ok());
    let ask_again_in = asked.unwrap_or(pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    Polled::Running { percent: 0, ask_again_in, note }
}

/// Stops a request. fal answers that it has stopped one that waited (200), that it will try (202), that it is over, or
/// that there is none (fal docs, "Queue API", 2026-11-21).
pub(super) fn cancel(places: &Places, ticket: &str) -> Flow<Result<CancelOutcome, Fault>> {
    let url = places.queue(&format!("{ticket}/cancel"));
    Flow::once(places.signed(Call::change(Method::PUT, url)), |answer| {
        let reply = answer.map_err(|problem| response::silence(&problem))?;
        let is_over = response::plain(&reply.body).contains("ALREADY_COMPLETED");
        match reply.status.as_u16() {
            // What runs is only told to end, and goes on to its end where the app does not listen.
            202 => Ok(CancelOutcome::Requested),
            200..=299 => Ok(CancelOutcome::Stopped),
            404 => Ok(CancelOutcome::NotKnown),
            400 if is_over => Ok(CancelOutcome::AlreadyOver),
            _ => Err(fault::of_reply(&reply, Stage::Cancel)),
        }
    })
}
