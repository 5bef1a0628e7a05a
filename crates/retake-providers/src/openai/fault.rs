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
use crate::{
    Reply,
    reading::{self, ErrorBody},
};

/// The fault that a body of any server's making names in itself, whatever the status that it came with.
pub(crate) fn named_cause(json: &Json) -> Option<Fault> {
    from(&report::of_error(json), None, true)
}

/// The fault of an answer that is no success.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    body_of(reply).into_fault()
}

/// The same, with who wrote it. The server's own is JSON with a code or a text in it, or a text in words that are
/// known. A relay puts into its own body what another server's proxy said, so where a status leaves open what
/// happened behind it, the body has to say more than the status does.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    let json = reply.json();
    let reports = json.as_ref().map_or_else(|| report::of_text(&text_of(reply)), report::of_error);
    let named = from(&reports, None, !reply.status.is_client_error());
    let is_told = json.is_some() && !reports.is_empty();
    if reply.status.is_client_error() && (is_told || named.is_some()) {
        let by_status = reading::kind_of_status(reply.status.as_u16());
        let fault = from(&reports, Some(reply.status), false)
            .unwrap_or_else(|| unknown(by_status, &reports));
        return ErrorBody::Own(at_status(reply, fault));
    }
    let foreign = reading::foreign_fault(reply);
    match named {
        Some(named) if proves(json.as_ref(), &reports, named.kind) => {
            ErrorBody::Own(at_status(reply, named))
        }
        _ if is_told => ErrorBody::Foreign(at_status(reply, unknown(foreign.kind, &reports))),
        _ => ErrorBody::Foreign(with_code(foreign, &reports)),
    }
}

/// Whether what a body names is the server's own word. A reason why there is no render is, wherever it stands; that
/// there is no room counts only in the documented form, and not where a relay tells of another server.
fn proves(json: Option<&Json>, reports: &[Report], kind: FaultKind) -> bool {
    const FORMS: [&str; 6] = ["error", "errors", "detail", "code", "error_code", "base_resp"];
    let has_form = json.is_some_and(|json| FORMS.iter().any(|form| json.get(form).is_some()));
    let is_passed_on = || {
        let names = reports.iter().flat_map(|report| [&report.code, &report.kind]).flatten();
        names.into_iter().any(|name| codes::RELAYED.contains(&&*lower(name)))
    };
    match kind {
        FaultKind::RefusedContent | FaultKind::BadRequest | FaultKind::Quota | FaultKind::Auth => {
            true
        }
        FaultKind::Overloaded => has_form && !is_passed_on(),
        _ => has_form,
    }
}

/// The same fault, telling the status that it came with.
fn at_status(reply: &Reply, fault: Fault) -> Fault {
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
    let code_says_no = code_says_no(json);
    let says_no = json.get("success") == Some(&Json::Bool(false));
    let is_text = json.is_string() || (json.is_null() && !reply.body.is_empty() && is_text(reply));
    if !(has_error || code_says_no || says_no || is_text) {
        return None;
    }
    let reports = match json {
        Json::Null => report::of_text(&text_of(reply)),
        json => report::of_error(json),
    };
    // A text that means nothing known is no refusal: the answer was garbled, and a render may exist.
    let known = from(&reports, None, false);
    let fault = if is_text {
        known?
    } else {
        known.unwrap_or_else(|| unknown(FaultKind::Unrecognised, &reports))
    };
    Some(fault.after(reply.retry_after()))
}

/// Whether an answer has a code of its own that is not a success's.
pub(super) fn code_says_no(json: &Json) -> bool {
    ["code", "error_code", "bizCode", "status_code"]
        .iter()
        .filter_map(|field| json.get(field))
        .any(|code| !is_success_code(code))
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
    let fault = from(&reports, None, false);
    let fault = fault.unwrap_or_else(|| unknown(FaultKind::Unrecognised, &reports));
    Some(fault.after(reply.retry_after()))
}

/// The fault that a render tells of although it calls itself finished.
pub(super) fn of_finished_job(job: &Json) -> Option<Fault> {
    let reports = report::of_finished_job(job);
    let fault = || from(&reports, None, false);
    (!reports.is_empty())
        .then(|| fault().unwrap_or_else(|| unknown(FaultKind::Unrecognised, &reports)))
}

/// Whether a fault that came with an error status is the render's own, and asking again would bring it again.
pub(super) fn is_about_a_render(fault: &Fault) -> bool {
    let is_known = |code: &str| codes::kind(codes::SURE, code) == Some(fault.kind);
    fault.kind == FaultKind::RefusedContent && fault.code.as_deref().is_some_and(is_known)
        || fault.code.as_deref().is_some_and(|code| codes::RENDER.contains(&&*lower(code)))
}

/// What the reports come to, where anything in them is known, and the status is no better witness. `is_strict` where
/// only what leaves no doubt counts.
fn from(reports: &[Report], status: Option<StatusCode>, is_strict: bool) -> Option<Fault> {
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
            .map(before_page)
            .flat_map(codes::in_text)
            .find_map(|name| Some((codes::kind(codes::SURE, &name)?, name)))
    };
    if let Some((kind, code)) = by_code(codes::SURE).or_else(by_word_in_text) {
        return Some(Fault::new(kind, FaultSource::Provider, told(reports)).with_code(code));
    }
    let texts = reports.iter().rev().flat_map(|report| [&report.message, &report.code]);
    let by_text = words::kind(texts.flatten().map(|text| before_page(text)), is_strict);
    let numbers = || {
        let texts = reports.iter().rev().filter_map(|report| report.message.as_deref());
        let told = texts.map(before_page).filter_map(words::refusal);
        let codes = reports.iter().rev().filter_map(Report::status);
        codes.chain(told).map(reading::kind_of_status)
    };
    let by_status = || {
        let status = status.map(|status| status.as_u16()).filter(|status| says_much(*status));
        status.map(reading::kind_of_status)
    };
    let by_general_code = || by_code(codes::GENERAL).map(|(kind, _)| kind);
    let by_refusal = || numbers().find(|kind| matches!(kind, FaultKind::Auth | FaultKind::Quota));
    let by_code = || by_refusal().or_else(by_general_code).or_else(|| numbers().next());
    let kind = by_text.or_else(by_status).or_else(by_code)?;
    Some(with_code(Fault::new(kind, FaultSource::Provider, told(reports)), reports))
}

/// Whether a status says more than a general code: that something is wrong is all that the others say.
fn says_much(status: u16) -> bool {
    matches!(status, 401..=403 | 408 | 429 | 499 | 503 | 504 | 524 | 529)
}

fn unknown(kind: FaultKind, reports: &[Report]) -> Fault {
    with_code(Fault::new(kind, FaultSource::Provider, told(reports)), reports)
}

fn with_code(fault: Fault, reports: &[Report]) -> Fault {
    let code = reports.iter().rev().find_map(|report| report.code.clone().or(report.kind.clone()));
    Fault { code, ..fault }
}

/// A text up to where it goes on as a web page: what stands there is nobody's word.
fn before_page(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let pages = ["<html", "<!doctype", "<head", "<body"];
    let begin = pages.iter().filter_map(|tag| lower.find(tag)).min();
    &text[..begin.unwrap_or(text.len())]
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

/// The text of an answer that is no JSON. What stands on a web page is nobody's word.
fn text_of(reply: &Reply) -> String {
    match reading::page_title(&reply.body) {
        Some(_) => String::new(),
        None => reading::plain(&reply.body),
    }
}

/// Whether a code is one by which a relay says that it got no answer from the server behind it.
pub(super) fn is_relayed(code: &str) -> bool {
    codes::RELAYED.contains(&&*lower(code))
}

fn lower(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}
