//! What Runway's failures say: a dotted code and a sentence of tasks, a sentence and a list of what is wrong of requests
//! ("Handle Task Failures" and "HTTP Errors", 2026-11-21).

use retake_core::{
    fault::{Fault, FaultKind},
    money::Usd,
    signal::{self, Place, Signals, Stage},
};
use serde_json::Value as Json;

use crate::{
    Reply,
    response::{self, ErrorBody, quoted, text},
    signals::{self, WITHOUT_CODE},
};

/// "This error is returned when Runway is shedding load" ("HTTP Errors", docs.dev.runwayml.com, 2026-11-30). Its 504
/// is said to be overload too, but comes after the wait.
pub(super) const SHED: [u16; 2] = [502, 503];

/// "1 credit costs $0.01" (Runway's page on prices, 2026-11-21).
const USD_PER_CREDIT: f64 = 0.01;

/// The table of signals that is Runway's own.
const VENDOR: &str = "runway";
/// What the table calls a list of what is wrong with the request.
const ISSUES: &str = "issues";

/// How many complaints about a request are repeated.
const MOST_ISSUES: usize = 3;

/// The fault of a task that failed.
pub(super) fn of_task(json: &Json) -> Fault {
    let (code, said) = (text(json, "/failureCode"), text(json, "/failure"));
    let signals = Signals::new(VENDOR, Stage::Poll);
    let signals = match code {
        Some(code) => signals.with_code(code, Place::Code),
        None => signals.with_code(WITHOUT_CODE, Place::Form),
    };
    let signals = signals::with_texts(signals, said.into_iter());
    let said = quoted(said.unwrap_or("the task failed without a word"));
    let message = format!("{said}{}{}", hint(code), charged(json));
    Fault { code: code.map(quoted), ..signal::judge(&signals).into_fault(message) }
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
        Some(0.0) => " (nothing was charged)".into(),
        _ => String::new(),
    }
}

/// What a task that is over has cost, where its answer says so.
pub(super) fn cost(json: &Json) -> Option<Usd> {
    response::usd(response::number(json, "/cost/credits")? * USD_PER_CREDIT)
}

/// The fault of an answer with an error status.
pub(super) fn of_reply(reply: &Reply, stage: Stage) -> Fault {
    body(reply, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    body(reply, Stage::Create)
}

/// Runway puts a sentence under `error`.
fn body(reply: &Reply, stage: Stage) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let by_code = (!issues(&json).is_empty()).then_some(FaultKind::BadRequest);
    ErrorBody::of(reply, VENDOR, own(reply, stage, &json), by_code)
}

fn own(reply: &Reply, stage: Stage, json: &Json) -> Option<Fault> {
    let said = text(json, "/error").or_else(|| text(json, "/error/message"))?;
    let issues = issues(json);
    let signals = signals::of_reply(VENDOR, stage, reply);
    let (signals, message) = if issues.is_empty() {
        (signals, said.to_owned())
    } else {
        (signals.with_code(ISSUES, Place::Form), format!("{said} ({issues})"))
    };
    let field = json.pointer("/issues/0/path/0").and_then(Json::as_str).map(quoted);
    let signals = Signals { field, ..signals::with_text(signals, said) };
    let fault = signal::judge(&signals).into_fault(response::at_status(reply, &message));
    Some(Fault { code: text(json, "/issues/0/code").map(quoted), ..fault })
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
