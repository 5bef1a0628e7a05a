//! Why something failed, from whatever an answer says about it.
//!
//! What is found is the pieces of the answer, the innermost first, because a relay puts its own general code around the
//! provider's: codes, texts, and numbers that look like an HTTP status.

use http::StatusCode;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::{self, DecidedBy, Place, Signals, Stage},
};
use serde_json::Value as Json;

use crate::{
    Reply,
    refusal::{
        before_page, codes, is_of_a_render, is_success_code, proof,
        report::{self, Report},
        words,
    },
    response::{self, ErrorBody},
    signals, sse,
};

/// The table of signals that is OpenAI's own.
const VENDOR: &str = "openai";

/// The fault of an answer that is no success.
pub(super) fn of_reply(reply: &Reply, stage: Stage) -> Fault {
    body_of(reply, stage).into_fault()
}

/// The same, with who wrote it. The server's own is JSON with a code or a text in it, or a text in words that are
/// known. A relay puts into its own body what another server's proxy said, so where a status leaves open what
/// happened behind it, the body has to prove it.
pub(super) fn body_of(reply: &Reply, stage: Stage) -> ErrorBody {
    let json = reply.json();
    let reports = json.as_ref().map_or_else(|| report::of_text(&text_of(reply)), report::of_error);
    let is_told = json.is_some() && !reports.is_empty();
    let loose = from(stage, &reports, None);
    if !response::is_turned_away(reply.status) {
        return in_doubt(reply, &reports, loose, is_told);
    }
    if !is_told && !is_own_word(&reports) {
        let fault = with_code(response::foreign_fault(reply), &reports);
        return ErrorBody::of_stranger(reply, fault);
    }
    let by_status = || unknown(signal::kind_of_status(reply.status.as_u16()), &reports);
    let fault = from(stage, &reports, Some(reply.status)).unwrap_or_else(by_status);
    let is_passed_on = proof::is_passed_on(&reports, reply.status.as_u16())
        || (!is_told && proof::tells_of_no_answer(&text_of(reply)));
    ErrorBody::at_refusal(reply, at_status(reply, fault), is_passed_on)
}

/// The body of an answer whose status leaves open what happened.
fn in_doubt(reply: &Reply, reports: &[Report], loose: Option<Fault>, is_told: bool) -> ErrorBody {
    if let Some((kind, code)) = proof::find(reports, reply.status.as_u16()) {
        let fault = unknown(kind, reports);
        let code = code.or(fault.code);
        return ErrorBody::Refusal(at_status(reply, Fault { code, ..fault }));
    }
    let foreign = response::foreign_fault(reply);
    if !is_told {
        return ErrorBody::Foreign(with_code(foreign, reports));
    }
    let fault = loose.filter(|fault| !response::is_reason(fault.kind));
    let fault = fault.unwrap_or_else(|| unknown(foreign.kind, reports));
    ErrorBody::Own(at_status(reply, fault))
}

/// The same fault, telling the status that it came with.
fn at_status(reply: &Reply, fault: Fault) -> Fault {
    let status = reply.status.as_u16();
    let message = if fault.message.is_empty() {
        format!("HTTP {status} without a word")
    } else {
        format!("HTTP {status}: {}", fault.message)
    };
    let pause = reply.retry_after().or(fault.retry_after);
    Fault { message, ..fault }.after(pause)
}

/// The fault that a success tells of, if it does: an error, or a code that is not a success's.
pub(super) fn of_failure_in_success(reply: &Reply, json: &Json, stage: Stage) -> Option<Fault> {
    failure_in_success(reply, json, stage).map(|(fault, _)| fault)
}

/// The same, with what it proves of a create.
pub(super) fn refusal_in_success(reply: &Reply, json: &Json) -> Option<ErrorBody> {
    let (fault, reports) = failure_in_success(reply, json, Stage::Create)?;
    Some(match proof::find(&reports, reply.status.as_u16()) {
        Some((kind, code)) => {
            ErrorBody::Refusal(Fault { kind, code: code.or(fault.code.clone()), ..fault })
        }
        None => ErrorBody::Own(response::without_reason(reply.status, VENDOR, fault)),
    })
}

/// Whether a success refuses a create by a code. Words alone may be anybody's beside the name of a render.
pub(super) fn refuses_by_code(reply: &Reply, json: &Json) -> bool {
    failure_in_success(reply, json, Stage::Create)
        .is_some_and(|(_, reports)| proof::has_code(&reports, reply.status.as_u16()))
}

fn failure_in_success(reply: &Reply, json: &Json, stage: Stage) -> Option<(Fault, Vec<Report>)> {
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
    let known = from(stage, &reports, None);
    let fault = if is_text {
        known.filter(|_| is_own_word(&reports))?
    } else {
        known.unwrap_or_else(|| unknown(FaultKind::UnknownProviderError, &reports))
    };
    let pause = reply.retry_after().or(fault.retry_after);
    Some((fault.after(pause), reports))
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
    let fault = from(Stage::Poll, &reports, None);
    let fault = fault.unwrap_or_else(|| unknown(FaultKind::UnknownProviderError, &reports));
    let pause = reply.retry_after().or(fault.retry_after);
    Some(fault.after(pause))
}

/// The fault that a render tells of although it calls itself finished.
pub(super) fn of_finished_job(job: &Json) -> Option<Fault> {
    let reports = report::of_finished_job(job);
    let fault = || from(Stage::Poll, &reports, None);
    (!reports.is_empty())
        .then(|| fault().unwrap_or_else(|| unknown(FaultKind::UnknownProviderError, &reports)))
}

/// Whether a fault that came with an error status is the render's own, and asking again would bring it again.
pub(super) fn is_about_a_render(fault: &Fault) -> bool {
    let is_known = |code: &str| codes::sure(code) == Some(fault.kind);
    fault.kind == FaultKind::RefusedContent && fault.code.as_deref().is_some_and(is_known)
        || fault.code.as_deref().is_some_and(is_of_a_render)
}

/// What the reports come to, where anything in them is known.
fn from(stage: Stage, reports: &[Report], status: Option<StatusCode>) -> Option<Fault> {
    let judged = signal::judge(&signals_of(stage, reports, status));
    let fault = Fault::new(judged.kind, judged.source, told(reports));
    if let DecidedBy::Code { code, .. } = judged.by {
        return Some(fault.with_code(code));
    }
    // Google's texts speak of plan and billing also where a minute's wait is all it takes.
    if let Some(exhausted) = reports.iter().rev().find_map(|report| report.exhausted.clone()) {
        return Some(exhausted);
    }
    (judged.by != DecidedBy::Nothing).then(|| with_code(fault, reports))
}

/// The signals of reports: what stands inside says more than the relay's words around it.
fn signals_of(stage: Stage, reports: &[Report], status: Option<StatusCode>) -> Signals {
    let inside_out = || reports.iter().rev();
    let codes = inside_out().flat_map(|report| [&report.code, &report.kind]).flatten();
    let signals = codes.fold(Signals::new(VENDOR, stage), |signals, code| {
        signals.with_code(code.as_str(), Place::Code)
    });
    let messages = || inside_out().filter_map(|report| report.message.as_deref());
    let signals = signals::with_texts(signals, messages());
    // A code may be a sentence.
    let codes = inside_out().filter_map(|report| report.code.as_deref());
    let signals = codes.fold(signals, signals::with_phrases);
    let told = messages().map(before_page).filter_map(words::refusal);
    Signals {
        status: status.map(|status| status.as_u16()),
        relayed: inside_out().filter_map(Report::status).chain(told).collect(),
        field: inside_out().find_map(|report| report.param.clone()),
        ..signals
    }
}

/// Whether a text without a form is known to be the server's own word: by what was known when it was settled what proves a
/// refusal, so that new phrases do not make one of a garbled answer.
fn is_own_word(reports: &[Report]) -> bool {
    let texts = || reports.iter().filter_map(|report| report.message.as_deref()).map(before_page);
    let is_code = |code: &str| codes::sure(code).is_some() || codes::general(code).is_some();
    words::kind(texts()).is_some()
        || texts().any(|text| words::refusal(text).is_some())
        || texts().flat_map(codes::in_text).any(|code| codes::sure(&code).is_some())
        || reports.iter().any(|it| it.code.as_deref().is_some_and(is_code) || it.status().is_some())
}

fn unknown(kind: FaultKind, reports: &[Report]) -> Fault {
    with_code(Fault::new(kind, FaultSource::Provider, told(reports)), reports)
}

fn with_code(fault: Fault, reports: &[Report]) -> Fault {
    let code = reports.iter().rev().find_map(|report| report.code.clone().or(report.kind.clone()));
    Fault { code, ..fault }
}

/// What the reports say, for people: the innermost text, and the parameter it is about.
fn told(reports: &[Report]) -> String {
    let text = reports.iter().rev().find_map(|report| report.message.as_deref());
    let code = || reports.iter().rev().find_map(|report| report.code.as_deref());
    let text = response::quoted(text.or_else(code).unwrap_or_default());
    match reports.iter().rev().find_map(|report| report.param.as_deref()) {
        Some(param) if !text.contains(param) => format!("{text} (`{}`)", response::quoted(param)),
        _ => text,
    }
}

/// Whether the body is a sentence: neither bytes nor JSON that broke off, in which a prompt may stand.
fn is_text(reply: &Reply) -> bool {
    let is_json = matches!(reply.body.trim_ascii_start().first(), Some(b'{' | b'['));
    std::str::from_utf8(&reply.body).is_ok() && !is_json && !sse::is_events(&reply.body)
}

/// The text of an answer that is no JSON. What stands on a web page is nobody's word.
fn text_of(reply: &Reply) -> String {
    match response::page_title(&reply.body) {
        Some(_) => String::new(),
        None => response::plain(&reply.body),
    }
}
