//! What Luma's failures mean: a closed list of codes at the Agents API, free text at Dream Machine, and a
//! `detail` beside the status at both.

use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use crate::{
    Reply,
    response::{self, ErrorBody, quoted, text},
};

/// "Image ingestion unavailable": the Agents API has not read the request yet then ("Error handling", 2026-11-21).
pub(super) const SHED_BY_AGENTS: [u16; 1] = [503];

/// The failure codes of the Agents API (`luma-agents` 0.5.0, 2026-11-21).
const CODES: [(&str, FaultKind); 9] = [
    ("content_moderated", FaultKind::RefusedContent),
    ("generation_failed", FaultKind::Runtime),
    ("budget_exhausted", FaultKind::Quota),
    ("output_not_found", FaultKind::Runtime),
    ("image_too_large", FaultKind::BadRequest),
    ("unsupported_format", FaultKind::BadRequest),
    ("corrupt_input", FaultKind::BadRequest),
    ("invalid_request", FaultKind::BadRequest),
    ("rate_limited", FaultKind::Overloaded),
];

/// The failure reasons of Dream Machine, by what they contain, in lower case (error page, 2026-11-21).
const REASONS: [(&str, FaultKind); 8] = [
    ("blacklisted words", FaultKind::RefusedContent),
    ("moderation failed", FaultKind::RefusedContent),
    ("contains ip", FaultKind::RefusedContent),
    ("failed to read user input frames", FaultKind::BadRequest),
    ("prompt processing failed", FaultKind::Timeout),
    ("error dispatching job", FaultKind::Overloaded),
    ("insufficient credits", FaultKind::Quota),
    ("job failed", FaultKind::Runtime),
];

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
    let known = code.and_then(|code| CODES.iter().find(|(known, _)| *known == code));
    let kind = match (known, code) {
        (Some((_, kind)), _) => *kind,
        (None, Some(_)) => FaultKind::UnknownProviderError,
        (None, None) => FaultKind::Runtime,
    };
    let said = reason.or(code).unwrap_or("the generation failed without a word");
    let fault = Fault::new(kind, FaultSource::Provider, quoted(said));
    match code {
        Some(code) => fault.with_code(quoted(code)),
        None => fault,
    }
}

/// The fault of a Dream Machine generation that failed. Its credits are given back.
pub(super) fn by_reason(json: &Json) -> Fault {
    let Some(reason) = text(json, "/failure_reason") else {
        return broken("the generation failed without a word");
    };
    let words = reason.to_lowercase();
    let known = REASONS.iter().find(|(known, _)| words.contains(known));
    let kind = known.map_or(FaultKind::UnknownProviderError, |(_, kind)| *kind);
    Fault::new(kind, FaultSource::Provider, quoted(reason))
}

/// Whether Dream Machine stumbled over telling us, which says nothing of the video.
pub(super) fn is_about_callback(json: &Json) -> bool {
    let reason = text(json, "/failure_reason").unwrap_or_default();
    reason.to_lowercase().contains("error processing callback")
}

/// The fault of an answer with an error status.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    body_of(reply).into_fault()
}

/// The same, with who wrote it: Luma's own has a `detail`.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let own = detail(&json).map(|said| of_detail(reply, &said));
    ErrorBody::of(reply, own, None)
}

fn of_detail(reply: &Reply, said: &str) -> Fault {
    let words = said.to_lowercase();
    let has = |word: &str| words.contains(word);
    let fault = response::fault_by_status(reply, said);
    let kind = match reply.status.as_u16() {
        400 | 422 if has("insufficient") && (has("credit") || has("balance")) => FaultKind::Quota,
        400 | 422 if has("moderat") || has("blacklisted") => FaultKind::RefusedContent,
        429 if has("concurrent") => return crowded(fault),
        _ => fault.kind,
    };
    Fault { kind, ..fault }
}

/// Of the two things that a 429 can mean, only a rate gets better by waiting a given time.
fn crowded(fault: Fault) -> Fault {
    let message =
        format!("{}; there is room again when one of the account's renders ends", fault.message);
    Fault { message, ..fault }
}

/// The same, for the Agents API: behind its 502 and 503 is something else that does not answer.
pub(super) fn of_agents_reply(reply: &Reply) -> Fault {
    body_of_agents(reply).into_fault()
}

/// The same, with who wrote it.
pub(super) fn body_of_agents(reply: &Reply) -> ErrorBody {
    let waits = |fault: Fault| match (reply.status.as_u16(), fault.kind) {
        (502 | 503, FaultKind::Runtime | FaultKind::Overloaded) => {
            Fault { kind: FaultKind::Timeout, ..fault }
        }
        _ => fault,
    };
    match body_of(reply) {
        ErrorBody::Own(fault) => ErrorBody::Own(waits(fault)),
        body => body,
    }
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
