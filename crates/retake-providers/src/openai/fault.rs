//! Why something failed, from whatever an answer says about it.
//!
//! The order of evidence: a code that is known to mean one thing, the innermost first, because a relay puts
//! its own general code around the provider's; then what the texts say; then general codes; then a number that
//! looks like an HTTP status; and the status of the answer last.

mod codes;
mod report;
mod words;

use http::StatusCode;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use self::report::Report;
use crate::{Reply, reading};

/// The fault of an answer that is no success.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    let reports = match reply.json() {
        Some(json) => report::of_error(&json),
        None => report::of_text(&plain(reply)),
    };
    let fault = from(&reports, Some(reply.status)).unwrap_or_else(|| {
        let message = told(&reports);
        let kind = reading::fault_by_status(reply, "").kind;
        with_code(Fault::new(kind, FaultSource::Provider, message), &reports)
    });
    let status = reply.status.as_u16();
    let message = if fault.message.is_empty() {
        format!("HTTP {status} without a word")
    } else {
        format!("HTTP {status}: {}", fault.message)
    };
    Fault { message, ..fault }.after(reply.retry_after())
}

/// The fault that a success tells of, if it does: an error, or a code that is not a success's.
pub(super) fn of_failure_in_success(reply: &Reply, json: &Json) -> Option<Fault> {
    let has_error = ["error", "errors", "base_resp"]
        .iter()
        .filter_map(|field| json.get(field))
        .any(|error| !report::of_error(error).is_empty());
    let code_says_no = ["code", "error_code", "bizCode", "status_code"]
        .iter()
        .filter_map(|field| json.get(field))
        .any(|code| !is_success_code(code));
    let says_no = json.get("success") == Some(&Json::Bool(false));
    let is_text = json.is_string() || (json.is_null() && !reply.body.is_empty() && is_text(reply));
    if !(has_error || code_says_no || says_no || is_text) {
        return None;
    }
    let reports = match json {
        Json::Null => report::of_text(&plain(reply)),
        json => report::of_error(json),
    };
    // A text that means nothing known is no refusal: the answer was garbled, and a render may exist.
    let known = from(&reports, None);
    let fault = if is_text { known? } else { known.unwrap_or_else(|| unknown(&reports)) };
    Some(fault.after(reply.retry_after()))
}

/// The fault of a render that failed; nothing when no reason is given.
pub(super) fn of_job(reply: &Reply, json: &Json, job: &Json) -> Option<Fault> {
    let mut reports = report::of_job(job);
    if reports.is_empty() && !std::ptr::eq(json, job) {
        reports = report::of_job(json);
    }
    if reports.is_empty() {
        return None;
    }
    Some(from(&reports, None).unwrap_or_else(|| unknown(&reports)).after(reply.retry_after()))
}

/// The fault that a render tells of although it calls itself finished.
pub(super) fn of_finished_job(job: &Json) -> Option<Fault> {
    let reports = report::of_finished_job(job);
    (!reports.is_empty()).then(|| from(&reports, None).unwrap_or_else(|| unknown(&reports)))
}

/// Whether a fault that came with an error status is the render's own, and asking again would bring it again.
pub(super) fn is_about_a_render(fault: &Fault) -> bool {
    fault.kind == FaultKind::RefusedContent
        || fault.code.as_deref().is_some_and(|code| codes::RENDER.contains(&&*lower(code)))
}

/// Whether a code says that there is no such model, or no longer.
pub(super) fn is_missing_model(code: &str) -> bool {
    codes::MISSING_MODEL.contains(&&*lower(code))
}

/// What the reports come to, where anything in them is known, and the status is no better witness.
fn from(reports: &[Report], status: Option<StatusCode>) -> Option<Fault> {
    let by_code = |table| {
        reports.iter().rev().find_map(|report| {
            let names = [&report.code, &report.kind].into_iter().flatten();
            let mut hits = names.filter_map(|name| Some((codes::kind(table, name)?, name.clone())));
            hits.next()
        })
    };
    let by_word_in_text = || {
        let texts = reports.iter().rev().filter_map(|report| report.message.as_deref());
        texts
            .flat_map(codes::in_text)
            .find_map(|name| Some((codes::kind(codes::SURE, &name)?, name)))
    };
    if let Some((kind, code)) = by_code(codes::SURE).or_else(by_word_in_text) {
        return Some(Fault::new(kind, FaultSource::Provider, told(reports)).with_code(code));
    }
    let texts = reports.iter().rev().flat_map(|report| [&report.message, &report.code]);
    let by_text = words::kind(texts.flatten().map(String::as_str));
    let by_number = || {
        let status = reports.iter().rev().find_map(Report::status)?;
        StatusCode::from_u16(status).ok().and_then(kind_of_status)
    };
    let by_status = || status.filter(|status| says_much(*status)).and_then(kind_of_status);
    let by_general_code = || by_code(codes::GENERAL).map(|(kind, _)| kind);
    let kind = by_text.or_else(by_status).or_else(by_general_code).or_else(by_number)?;
    Some(with_code(Fault::new(kind, FaultSource::Provider, told(reports)), reports))
}

/// Whether a status says more than a general code: that something is wrong is all that the others say.
fn says_much(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401..=403 | 408 | 429 | 499 | 503 | 504 | 524 | 529)
}

fn kind_of_status(status: StatusCode) -> Option<FaultKind> {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let reply = Reply { status, headers: http::HeaderMap::new(), body: bytes::Bytes::new(), at };
    (status.as_u16() >= 400).then(|| reading::fault_by_status(&reply, "").kind)
}

fn unknown(reports: &[Report]) -> Fault {
    with_code(Fault::new(FaultKind::Unrecognised, FaultSource::Provider, told(reports)), reports)
}

fn with_code(fault: Fault, reports: &[Report]) -> Fault {
    let code = reports.iter().rev().find_map(|report| report.code.clone().or(report.kind.clone()));
    Fault { code, ..fault }
}

/// What the reports say, for people: the innermost text, and the parameter it is about.
fn told(reports: &[Report]) -> String {
    let text = reports.iter().rev().find_map(|report| report.message.as_deref());
    let code = || reports.iter().rev().find_map(|report| report.code.as_deref());
    let text = reading::quoted(text.or_else(code).unwrap_or_default());
    match reports.iter().rev().find_map(|report| report.param.as_deref()) {
        Some(param) if !text.contains(param) => format!("{text} (`{}`)", reading::quoted(param)),
        _ => text,
    }
}

/// A code that a success may have.
fn is_success_code(code: &Json) -> bool {
    match code {
        Json::Number(number) => number.as_i64().is_some_and(|n| n == 0 || (200..300).contains(&n)),
        Json::String(text) => matches!(&*lower(text), "" | "0" | "ok" | "success" | "200"),
        _ => true,
    }
}

fn is_text(reply: &Reply) -> bool {
    std::str::from_utf8(&reply.body).is_ok()
}

/// The text of an answer that is no JSON. A web page says less than its status.
fn plain(reply: &Reply) -> String {
    let text = reading::plain(&reply.body);
    let start = text.trim_start().get(..9).unwrap_or_default().to_ascii_lowercase();
    if !start.starts_with("<html") && start != "<!doctype" && !text.contains("<title>") {
        return text;
    }
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| "a web page".to_owned(), |(title, _)| title.trim().to_owned())
}

fn lower(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}
