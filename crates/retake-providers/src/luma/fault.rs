//! What Luma's failures mean: a closed list of codes at the Agents API, free text at Dream Machine, and a
//! `detail` beside the status at both.

use http::StatusCode;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::{self, Place, Signals, Stage},
};
use serde_json::Value as Json;

use crate::{
    Reply,
    response::{self, ErrorBody, quoted, text},
    signals::{self, WITHOUT_CODE},
};

/// "Image ingestion unavailable": the Agents API has not read the request yet then ("Error handling", 2026-11-21).
pub(super) const SHED_BY_AGENTS: [u16; 1] = [503];

/// The tables of signals that are Luma's own.
const DREAM_MACHINE: &str = "luma";
const AGENTS: &str = "luma-agents";

/// How many complaints about a request are repeated.
const MOST_DETAILS: usize = 3;

/// A render that is not there any more.
pub(super) fn lost(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Lost, FaultSource::Provider, message)
}

/// A render that did not come to what it should have.
pub(super) fn broken(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Runtime, FaultSource::Provider, message)
}

/// Something that cannot be asked of this API.
pub(super) fn refused(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}

/// The fault of a generation of the Agents API that failed.
pub(super) fn by_code(json: &Json) -> Fault {
    let (code, reason) = (text(json, "/failure_code"), text(json, "/failure_reason"));
    let signals = Signals::new(AGENTS, Stage::Poll);
    let signals = match code {
        Some(code) => signals.with_code(code, Place::Code),
        None => signals.with_code(WITHOUT_CODE, Place::Form),
    };
    let signals = signals::with_texts(signals, reason.into_iter());
    let said = reason.or(code).unwrap_or("the generation failed without a word");
    Fault { code: code.map(quoted), ..signal::judge(&signals).into_fault(quoted(said)) }
}

/// The fault of a Dream Machine generation that failed. Its credits are given back.
pub(super) fn by_reason(json: &Json) -> Fault {
    let Some(reason) = text(json, "/failure_reason") else {
        return broken("the generation failed without a word");
    };
    let signals = signals::with_text(Signals::new(DREAM_MACHINE, Stage::Poll), reason);
    Fault { code: None, ..signal::judge(&signals).into_fault(quoted(reason)) }
}

/// Whether Dream Machine stumbled over telling us, which says nothing of the video.
pub(super) fn is_about_callback(json: &Json) -> bool {
    let reason = text(json, "/failure_reason").unwrap_or_default();
    reason.to_lowercase().contains("error processing callback")
}

/// The fault of an answer with an error status.
pub(super) fn of_reply(reply: &Reply, stage: Stage) -> Fault {
    body(reply, DREAM_MACHINE, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    body(reply, DREAM_MACHINE, Stage::Create)
}

/// The same, for the Agents API.
pub(super) fn of_agents_reply(reply: &Reply, stage: Stage) -> Fault {
    body(reply, AGENTS, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of_agents(reply: &Reply) -> ErrorBody {
    body(reply, AGENTS, Stage::Create)
}

/// Luma's own body has a `detail`.
fn body(reply: &Reply, vendor: &str, stage: Stage) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let own = detail(&json).map(|said| of_detail(reply, vendor, stage, &said));
    ErrorBody::of(reply, vendor, own, None)
}

fn of_detail(reply: &Reply, vendor: &str, stage: Stage, said: &str) -> Fault {
    let signals = signals::with_text(signals::of_reply(vendor, stage, reply), said);
    let fault = signal::judge(&signals).into_fault(response::at_status(reply, said));
    let fault = Fault { code: None, ..fault };
    let is_crowded =
        reply.status == StatusCode::TOO_MANY_REQUESTS && said.to_lowercase().contains("concurrent");
    if is_crowded { crowded(fault) } else { fault }
}

/// Of the two things that a 429 can mean, only a rate gets better by waiting a given time.
fn crowded(fault: Fault) -> Fault {
    let message =
        format!("{}; there is room again when one of the account's renders ends", fault.message);
    Fault { message, ..fault }
}

/// The `detail`: a text, or a list of complaints with the place of each.
fn detail(json: &Json) -> Option<String> {
    if let Some(said) = text(json, "/detail").or_else(|| text(json, "/detail/message")) {
        return Some(said.to_owned());
    }
    let list = json.pointer("/detail").and_then(Json::as_array).map(Vec::as_slice);
    let one = |item: &Json| {
        let message = item.as_str().or_else(|| text(item, "/msg"))?;
        let place = item.pointer("/loc").and_then(Json::as_array).map(Vec::as_slice);
        let place: Vec<_> =
            place.unwrap_or_default().iter().filter_map(Json::as_str).take(8).collect();
        let at = if place.is_empty() { String::new() } else { format!("{}: ", place.join(".")) };
        Some(format!("{at}{message}"))
    };
    let told: Vec<_> = list.unwrap_or_default().iter().filter_map(one).take(MOST_DETAILS).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
