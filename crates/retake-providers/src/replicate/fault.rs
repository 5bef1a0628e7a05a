//! What Replicate's errors mean.
//!
//! A refused call is answered in the manner of RFC 7807: `{title, detail, status}`, with `invalid_fields` for an
//! input that does not fit. A prediction that failed says why in free text, which is the model's own; newer
//! ones put a code into it, `(E005)`. The code counts first, then words that leave no doubt, and what is left is
//! unknown (Replicate docs, "Error codes", 2026-11-21; the codes below 1000 as users report them).

use jiff::SignedDuration;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use crate::{
    call::Reply,
    response::{self, ErrorBody},
};

/// What each code means.
const CODES: &[(&str, FaultKind)] = &[
    ("E003", FaultKind::Overloaded),
    ("E004", FaultKind::Overloaded),
    ("E005", FaultKind::RefusedContent),
    ("E006", FaultKind::BadRequest),
    ("E1000", FaultKind::Runtime),
    // Out of memory: a smaller input helps, another try does not.
    ("E1001", FaultKind::BadRequest),
    ("E4875", FaultKind::BadRequest),
    ("E8765", FaultKind::Runtime),
    ("E9243", FaultKind::BadRequest),
    ("E9825", FaultKind::Timeout),
    ("E9828", FaultKind::Runtime),
    ("PA", FaultKind::Runtime),
];

/// What words in a text without a known code give away, in lower case; the first that fits counts.
const TEXTS: &[(&str, FaultKind)] = &[
    ("nsfw", FaultKind::RefusedContent),
    ("flagged", FaultKind::RefusedContent),
    ("sensitive", FaultKind::RefusedContent),
    ("content polic", FaultKind::RefusedContent),
    ("content moderation", FaultKind::RefusedContent),
    ("safety filter", FaultKind::RefusedContent),
    ("out of memory", FaultKind::BadRequest),
    ("readerror", FaultKind::Timeout),
    ("readtimeout", FaultKind::Timeout),
    ("connecttimeout", FaultKind::Timeout),
    ("timed out", FaultKind::Timeout),
    ("high demand", FaultKind::Overloaded),
    ("too many requests", FaultKind::Overloaded),
    ("rate limit", FaultKind::Overloaded),
    ("queue is full", FaultKind::Overloaded),
    ("temporarily unavailable", FaultKind::Overloaded),
    ("interrupted", FaultKind::Runtime),
    ("validation error", FaultKind::BadRequest),
    ("invalid input", FaultKind::BadRequest),
];

/// Fields of the input that are named in a message.
const MOST_FIELDS: usize = 4;
/// A pause beyond this is no pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// The fault in an answer that is no success.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    body_of(reply).into_fault()
}

/// The same, with who wrote it: Replicate's own has a `title` or a `detail`.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    ErrorBody::of(reply, of_json(reply, &json), stated(&json))
}

fn of_json(reply: &Reply, json: &Json) -> Option<Fault> {
    let part = |pointer| response::text(json, pointer).map(response::quoted);
    let mut text = match (part("/title"), part("/detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (title, detail) => detail.or(title)?,
    };
    let fields = invalid_fields(json);
    if !fields.is_empty() {
        text = format!("{text} ({fields})");
    }
    let fault = response::fault_by_status(reply, &text);
    let fault = match content_rules(&text) {
        Some(kind) => Fault { kind, ..fault },
        None => fault,
    };
    let pause = fault.retry_after.or_else(|| reset_in(&text));
    Some(fault.after(pause))
}

/// Content rules refuse a create under the status of a parameter.
fn content_rules(text: &str) -> Option<FaultKind> {
    let lower = text.to_ascii_lowercase();
    let by_code = code(text).and_then(kind_of_code);
    let by_text = || TEXTS.iter().find(|(words, _)| lower.contains(words)).map(|(_, kind)| *kind);
    by_code.or_else(by_text).filter(|kind| *kind == FaultKind::RefusedContent)
}

/// What the body of a refused create says where a server that failed passed it on: the code in its text, or the status
/// that it repeats.
fn stated(json: &Json) -> Option<FaultKind> {
    let said = ["/title", "/detail"].iter().filter_map(|place| response::text(json, place));
    let by_code = said.filter_map(code).find_map(kind_of_code);
    let is_content = |kind: &FaultKind| *kind == FaultKind::RefusedContent;
    let by_status = || {
        response::text(json, "/title")?;
        let status = json.get("status")?.as_u64().and_then(|status| u16::try_from(status).ok())?;
        matches!(status, 400..=407 | 410..=422).then(|| response::kind_of_status(status))
    };
    by_code.filter(is_content).or_else(by_status)
}

fn kind_of_code(code: &str) -> Option<FaultKind> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)
}

/// The fault of a prediction that failed.
pub(super) fn of_prediction(prediction: &Json) -> Fault {
    let told = ["/error", "/error/detail", "/error/message"];
    let told = told.iter().find_map(|place| response::text(prediction, place));
    let Some(text) = told.map(response::quoted) else {
        return provider(FaultKind::UnknownProviderError, "the prediction failed without a word");
    };
    let code = code(&text);
    let lower = text.to_ascii_lowercase();
    let by_text = || TEXTS.iter().find(|(words, _)| lower.contains(words)).map(|(_, kind)| *kind);
    let kind =
        code.and_then(kind_of_code).or_else(by_text).unwrap_or(FaultKind::UnknownProviderError);
    let fault = provider(kind, &text);
    match code {
        Some(code) => fault.with_code(code),
        None => fault,
    }
}

/// Something that only the owner of the gateway can mend.
pub(super) fn ours(message: &str) -> Fault {
    Fault::new(FaultKind::Auth, FaultSource::Gateway, message)
}

fn provider(kind: FaultKind, message: &str) -> Fault {
    Fault::new(kind, FaultSource::Provider, message)
}

/// The code in a text: `E005`, or `PA` where it stands for itself.
fn code(text: &str) -> Option<&str> {
    let words = || text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_code = |word: &&str| {
        let digits = word.strip_prefix('E').unwrap_or_default();
        (3..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let interrupted = || {
        text.contains("(PA)").then_some("PA").or_else(|| {
            let is_one = text.to_ascii_lowercase().contains("code: pa");
            words().find(|word| is_one && *word == "PA")
        })
    };
    words().find(is_code).or_else(interrupted)
}

/// What is wrong with which field of the input.
fn invalid_fields(json: &Json) -> String {
    let listed = json.get("invalid_fields").and_then(Json::as_array);
    let field = |field: &Json| {
        let name = response::quoted(response::text(field, "/field")?);
        let why = response::text(field, "/description").map(response::quoted).unwrap_or_default();
        Some(format!("`{}`: {why}", name.trim_start_matches("input.")))
    };
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    response::quoted(
        &listed.iter().take(MOST_FIELDS).filter_map(field).collect::<Vec<_>>().join("; "),
    )
}

/// The pause that a text names: `Your rate limit resets in ~7s`.
fn reset_in(text: &str) -> Option<SignedDuration> {
    let (_, after) = text.split_once("resets in")?;
    let after = after.trim_start_matches([' ', '~']);
    let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
    let seconds = after.get(..end)?.parse::<u32>().ok()?;
    Some(SignedDuration::from_secs(i64::from(seconds)).min(LONGEST_PAUSE))
}
