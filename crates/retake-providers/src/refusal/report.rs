//! What an answer says about a failure, piece by piece, from the outside in.
//!
//! There is the documented `{"error": {message, type, param, code}}`, and there is everything else: an error that
//! is a text, a code that is a number, a message alone, `FastAPI`'s `detail`, and whole answers of another
//! server as JSON inside a text, behind the words of the relay that passed it on.

use retake_core::fault::Fault;
use serde_json::Value as Json;

/// No answer is wrapped deeper than this.
const DEEPEST: usize = 8;
/// No more pieces than this are read.
const MOST: usize = 16;
/// A text beyond this many bytes is not searched for JSON.
const LONGEST_TEXT: usize = 64 << 10;
/// A code is no longer than this, in characters.
const LONGEST_CODE: usize = 120;

const CODES: &[&str] = &[
    "code",
    "error_code",
    "errorCode",
    "failure_code",
    "failureCode",
    "failCode",
    "fail_code",
    "bizCode",
    "reason",
    "error_type",
    "status_code",
    "statusCode",
    "http_code",
];
const MESSAGES: &[&str] = &[
    "message",
    "msg",
    "error_message",
    "errorMessage",
    "error_msg",
    "status_msg",
    "task_status_msg",
    "fail_reason",
    "failReason",
    "failMsg",
    "failure_reason",
    "error_description",
    "title",
];
const INNER: &[&str] =
    &["base_resp", "error", "errors", "detail", "details", "data", "metadata", "raw", "response"];
/// What of a render tells of its failure.
const OF_JOB: &[&str] = &[
    "error",
    "errors",
    "error_code",
    "error_message",
    "errorMessage",
    "failure_reason",
    "failure_code",
    "failureCode",
    "fail_reason",
    "failReason",
    "failCode",
    "failMsg",
    "task_status_msg",
    "status_msg",
    "detail",
    "message",
    "msg",
    "code",
    "reason",
];

/// What only a failed render has.
const FAILURES: &[&str] = &[
    "error",
    "errors",
    "failure_reason",
    "failure_code",
    "failureCode",
    "fail_reason",
    "failReason",
];

/// One piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The code.
    pub(crate) code: Option<String>,
    /// The type or the word that stands for a status.
    pub(crate) kind: Option<String>,
    /// The parameter it is about.
    pub(crate) param: Option<String>,
    /// The text.
    pub(crate) message: Option<String>,
    /// What Google's word for a spent quota comes to, which takes its details to tell.
    pub(crate) exhausted: Option<Fault>,
}

impl Report {
    /// The code as an HTTP status, where it looks like one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.code.as_deref()?.parse().ok().filter(|code| (400..600).contains(code))
    }

    fn is_empty(&self) -> bool {
        self.code.is_none() && self.kind.is_none() && self.message.is_none()
    }
}

/// The pieces of an answer that tells of an error, the outermost first.
pub(crate) fn of_error(json: &Json) -> Vec<Report> {
    let mut reports = Vec::new();
    dig(json, 0, &mut reports);
    reports
}

/// The pieces of an answer that is a text.
pub(crate) fn of_text(text: &str) -> Vec<Report> {
    of_error(&Json::String(text.to_owned()))
}

/// The pieces of a render that tell why it failed. What else a render says is not about that.
pub(crate) fn of_job(job: &Json) -> Vec<Report> {
    of_error(&only(job, OF_JOB))
}

/// The pieces of a render that calls itself finished and tells of a failure all the same. A message alone is none.
pub(crate) fn of_finished_job(job: &Json) -> Vec<Report> {
    of_error(&only(job, FAILURES))
}

/// Some fields of a render.
fn only(job: &Json, names: &[&str]) -> Json {
    let field = |name: &&str| Some(((*name).to_owned(), job.get(*name)?.clone()));
    let fields = names.iter().filter_map(field).filter(|(_, value)| !is_address(value));
    Json::Object(fields.collect())
}

fn dig(value: &Json, depth: usize, reports: &mut Vec<Report>) {
    if depth > DEEPEST || reports.len() >= MOST {
        return;
    }
    match value {
        Json::String(text) => dig_text(text, depth, reports),
        Json::Array(items) => {
            for item in items.iter().take(MOST) {
                dig(item, depth + 1, reports);
            }
        }
        Json::Object(fields) => {
            let mut report = Report {
                code: first(fields, CODES, as_code),
                kind: first(fields, &["type", "status"], as_kind),
                param: first(fields, &["param"], as_text),
                message: None,
                exhausted: crate::google::exhaustion(value),
            };
            let message = first(fields, MESSAGES, as_text);
            let inside = message.as_deref().and_then(embedded);
            report.message = match &inside {
                Some((before, _)) => Some(before.clone()).filter(|before| !before.is_empty()),
                None => message,
            };
            if report.code.is_none() && report.message.as_deref().is_some_and(is_code) {
                report.code.clone_from(&report.message);
            }
            if !report.is_empty() {
                reports.push(report);
            }
            if let Some((_, inner)) = inside {
                dig(&inner, depth + 1, reports);
            }
            for inner in INNER.iter().filter_map(|name| fields.get(*name)) {
                dig(inner, depth + 1, reports);
            }
        }
        _ => {}
    }
}

fn dig_text(text: &str, depth: usize, reports: &mut Vec<Report>) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    if let Some((before, inner)) = embedded(text) {
        if !before.is_empty() {
            reports.push(Report { message: Some(before), ..Report::default() });
        }
        dig(&inner, depth + 1, reports);
        return;
    }
    let code = is_code(text).then(|| text.to_owned());
    reports.push(Report { code, message: Some(text.to_owned()), ..Report::default() });
}

/// A text as its beginning and the JSON in it, also as Python writes it.
fn embedded(text: &str) -> Option<(String, Json)> {
    let begin = text.find(['{', '[']).filter(|_| text.len() <= LONGEST_TEXT)?;
    // A relay writes `[Vendor Status: 400] {…}`, so a bracket may be no JSON.
    let begins = text[begin..].match_indices(['{', '[']).map(|(at, _)| begin + at).take(4);
    begins.into_iter().find_map(|begin| {
        let (before, rest) = text.split_at(begin);
        let parsed = parse(rest).or_else(|| parse(&from_python(rest)))?;
        let before = before.trim().trim_end_matches(':').trim();
        Some((before.to_owned(), parsed)).filter(|(_, json)| json.is_object() || is_list(json))
    })
}

fn is_list(json: &Json) -> bool {
    json.as_array().is_some_and(|items| items.iter().any(Json::is_object))
}

/// The first JSON value of a text, whatever comes behind it.
fn parse(text: &str) -> Option<Json> {
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}

/// What a Python program printed of a dictionary, as far as it is simple.
fn from_python(text: &str) -> String {
    text.replace('\'', "\"")
        .replace(": None", ": null")
        .replace(": True", ": true")
        .replace(": False", ": false")
}

fn first<T>(
    fields: &serde_json::Map<String, Json>,
    names: &[&str],
    read: impl Fn(&Json) -> Option<T>,
) -> Option<T> {
    names.iter().find_map(|name| read(fields.get(*name)?))
}

/// A code: a word, a sentence (xAI writes some), or a number other than a success's.
fn as_code(value: &Json) -> Option<String> {
    let code = match value {
        Json::Number(number) => Some(number.to_string()).filter(|_| !super::is_success_code(value)),
        _ => as_text(value).filter(|_| !super::is_success_code(value)),
    };
    code.map(|code| code.chars().take(LONGEST_CODE).collect())
}

/// A type, or a status in capitals such as `NOT_FOUND`; a render's own status is none.
fn as_kind(value: &Json) -> Option<String> {
    as_text(value)
        .filter(|text| text.len() <= LONGEST_CODE && is_code(text) && !is_render_word(text))
}

fn is_render_word(text: &str) -> bool {
    ["failed", "failure", "error", "cancelled", "success"].contains(&&*super::lower(text))
}

fn as_text(value: &Json) -> Option<String> {
    let text = value.as_str()?.trim();
    // The message of Kling's envelope is `SUCCEED` whatever happened.
    (!text.is_empty() && !matches!(&*super::lower(text), "succeed" | "success" | "ok"))
        .then(|| text.to_owned())
}

/// Whether a text is one word that could be a code.
fn is_code(text: &str) -> bool {
    text.len() <= LONGEST_CODE
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Relays have put the address of a finished file into the field for the reason of a failure.
fn is_address(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}
