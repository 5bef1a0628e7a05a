//! What Runway's failures mean: codes of tasks first, then words, then the status.
//!
//! The code of a failed task is dotted, and what stands behind its second dot may change, so the longest
//! known beginning counts ("Handle Task Failures", 2026-11-21).

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
};
use serde_json::Value as Json;

use crate::{
    Reply,
    response::{self, ErrorBody, quoted, text},
};

/// "This error is returned when Runway is shedding load" ("HTTP Errors", docs.dev.runwayml.com, 2026-11-30). Its 504
/// is said to be overload too, but comes after the wait.
pub(super) const SHED: [u16; 2] = [502, 503];

/// "1 credit costs $0.01" (Runway's page on prices, 2026-11-21).
const USD_PER_CREDIT: f64 = 0.01;

/// The known beginnings of failure codes. Documented ones and those that were seen ("`THIRD_PARTY.INPUT`_…",
/// "….`THIRD_PARTY`").
const CODES: [(&str, FaultKind); 9] = [
    ("SAFETY", FaultKind::RefusedContent),
    ("INPUT_PREPROCESSING.SAFETY", FaultKind::RefusedContent),
    ("INPUT_PREPROCESSING.INTERNAL", FaultKind::Runtime),
    ("ASSET", FaultKind::BadRequest),
    ("INTERNAL", FaultKind::Runtime),
    ("INTERNAL.BAD_OUTPUT", FaultKind::Runtime),
    ("THIRD_PARTY.UNAVAILABLE", FaultKind::Timeout),
    ("THIRD_PARTY.INPUT_VALIDATION", FaultKind::BadRequest),
    ("THIRD_PARTY.SAFETY", FaultKind::RefusedContent),
];

/// A daily limit that frees up within this time is a matter of waiting; later, it is the account's.
const SHORT_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// How many complaints about a request are repeated.
const MOST_ISSUES: usize = 3;

/// The fault of a task that failed. Without a code it is internal, says the documentation.
pub(super) fn of_task(json: &Json) -> Fault {
    let code = text(json, "/failureCode");
    let said = text(json, "/failure").unwrap_or("the task failed without a word");
    let kind = code.map_or(FaultKind::Runtime, |code| {
        by_code(code)
            .or_else(|| is_moderation(said).then_some(FaultKind::RefusedContent))
            .unwrap_or(FaultKind::UnknownProviderError)
    });
    let message = format!("{}{}{}", quoted(said), hint(code), charged(json));
    let fault = Fault::new(kind, FaultSource::Provider, message);
    match code {
        Some(code) => fault.with_code(quoted(code)),
        None => fault,
    }
}

fn by_code(code: &str) -> Option<FaultKind> {
    let begins = |known: &str| {
        code.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let known = CODES.iter().filter(|(known, _)| begins(known));
    known.max_by_key(|(known, _)| known.len()).map(|(_, kind)| *kind)
}

fn hint(code: Option<&str>) -> &'static str {
    match code {
        Some(code) if code.starts_with("INTERNAL.BAD_OUTPUT") => {
            "; logos, watermarks or text in the picture often cause this"
        }
        Some(code) if code.starts_with("THIRD_PARTY.UNAVAILABLE") => {
            "; the model behind it is down, so trying at once will not help"
        }
        _ => "",
    }
}

/// What a task that is over has cost. Moderated ones are billed like any other.
fn charged(json: &Json) -> String {
    match response::number(json, "/cost/credits") {
        Some(credits) if credits > 0.0 => format!(" ({credits} credits were charged)"),
        Some(credits) if credits == 0.0 => " (nothing was charged)".into(),
        _ => String::new(),
    }
}

/// What a task that is over has cost, where its answer says so.
pub(super) fn cost(json: &Json) -> Option<Usd> {
    response::usd(response::number(json, "/cost/credits")? * USD_PER_CREDIT)
}

/// The fault of an answer with an error status.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    body_of(reply).into_fault()
}

/// The same, with who wrote it: Runway puts a sentence under `error`.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let by_code = (!issues(&json).is_empty()).then_some(FaultKind::BadRequest);
    ErrorBody::of(reply, own(reply, &json), by_code)
}

fn own(reply: &Reply, json: &Json) -> Option<Fault> {
    let said = text(json, "/error").or_else(|| text(json, "/error/message"))?;
    let issues = issues(json);
    let message = if issues.is_empty() { said.to_owned() } else { format!("{said} ({issues})") };
    let fault = response::fault_by_status(reply, &message);
    let kind = by_words(reply, said, fault.kind);
    let kind = if issues.is_empty() { kind } else { FaultKind::BadRequest };
    let fault = Fault { kind, ..fault };
    Some(match text(json, "/issues/0/code") {
        Some(code) => fault.with_code(quoted(code)),
        None => fault,
    })
}

/// No field tells a lack of credit from a wrong parameter, nor a suspended account from a wrong key.
fn by_words(reply: &Reply, said: &str, by_status: FaultKind) -> FaultKind {
    let words = said.to_lowercase();
    match reply.status.as_u16() {
        400 | 402 | 403 if words.contains("credit") || words.contains("billing") => {
            FaultKind::Quota
        }
        400 | 403 | 422 if is_moderation(said) => FaultKind::RefusedContent,
        401 if words.contains("suspend") => FaultKind::Quota,
        429 if is_spent(&words) && reply.retry_after().is_none_or(|pause| pause > SHORT_WAIT) => {
            FaultKind::Quota
        }
        502 | 503 => FaultKind::Overloaded,
        _ => by_status,
    }
}

/// Whether a 429 speaks of the limit of a day or a month, or of money. Others are "too many requests within a period
/// of time" and pass soon ("HTTP Errors", 2026-11-30).
fn is_spent(words: &str) -> bool {
    ["daily", "per day", "24 hour", "24-hour", "monthly", "billing", "credit", "spend"]
        .iter()
        .any(|word| words.contains(word))
}

fn is_moderation(said: &str) -> bool {
    let words = said.to_lowercase();
    words.contains("moderation") || words.contains("moderated") || words.contains("safety")
}

/// What was wrong with the request, as `duration: too big`.
fn issues(json: &Json) -> String {
    let all = json.pointer("/issues").and_then(Json::as_array).map(Vec::as_slice);
    let one = |issue: &Json| {
        let message = text(issue, "/message")?;
        let path = issue.pointer("/path").and_then(Json::as_array).map(Vec::as_slice);
        let path: Vec<_> = path.unwrap_or_default().iter().take(8).map(step).collect();
        let at = if path.is_empty() { String::new() } else { format!("{}: ", path.join(".")) };
        Some(format!("{at}{message}"))
    };
    let told: Vec<_> = all.unwrap_or_default().iter().filter_map(one).take(MOST_ISSUES).collect();
    told.join("; ")
}

fn step(step: &Json) -> String {
    step.as_str().map_or_else(|| quoted(&step.to_string()), quoted)
}
