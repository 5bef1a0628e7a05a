//! What fal's errors mean.
//!
//! There are two families (fal docs, 2026-11-21). The platform's are `{detail: text, error_type}`, with the
//! type in `X-Fal-Error-Type` as well. The models' are `{detail: [{loc, msg, type, ctx, input}]}`: they name the
//! parameter, and the limit that was broken is in `ctx`. Moderation and bad input share the status 422, and a
//! missing runner looks like a timeout, so the type decides and the status comes last.

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
};
use serde_json::Value as Json;

use crate::{
    call::Reply,
    response::{self, ErrorBody},
};

/// What each type means, by its beginning; the longest one that fits counts.
const TYPES: &[(&str, FaultKind)] = &[
    ("request_timeout", FaultKind::Overloaded),
    ("startup_timeout", FaultKind::Overloaded),
    ("runner_scheduling_failure", FaultKind::Overloaded),
    ("runner_connection_timeout", FaultKind::Timeout),
    ("runner_", FaultKind::Runtime),
    ("internal_error", FaultKind::Runtime),
    ("client_disconnected", FaultKind::Timeout),
    ("client_cancelled", FaultKind::Lost),
    ("bad_request", FaultKind::BadRequest),
    ("url_error", FaultKind::BadRequest),
    ("not_found", FaultKind::BadRequest),
    ("auth_error", FaultKind::Auth),
    ("internal_server_error", FaultKind::Runtime),
    ("generation_timeout", FaultKind::Timeout),
    ("downstream_service_", FaultKind::Timeout),
    ("content_policy_violation", FaultKind::RefusedContent),
    // Neutral by its name; in practice it is how models refuse without a word.
    ("no_media_generated", FaultKind::RefusedContent),
    ("image_", FaultKind::BadRequest),
    ("image_load_error", FaultKind::BadRequest),
    ("file_", FaultKind::BadRequest),
    ("file_download_error", FaultKind::BadRequest),
    ("face_detection_error", FaultKind::BadRequest),
    ("greater_than", FaultKind::BadRequest),
    ("less_than", FaultKind::BadRequest),
    ("multiple_of", FaultKind::BadRequest),
    ("sequence_too_", FaultKind::BadRequest),
    ("one_of", FaultKind::BadRequest),
    ("feature_not_supported", FaultKind::BadRequest),
    ("missing", FaultKind::BadRequest),
    ("invalid_archive", FaultKind::BadRequest),
    ("archive_file_count_", FaultKind::BadRequest),
    ("audio_duration_too_", FaultKind::BadRequest),
    ("video_duration_too_", FaultKind::BadRequest),
    ("unsupported_", FaultKind::BadRequest),
];

/// What texts without a known type give away, in lower case.
const TEXTS: &[(&str, FaultKind)] = &[
    ("content polic", FaultKind::RefusedContent),
    ("content checker", FaultKind::RefusedContent),
    ("moderation", FaultKind::RefusedContent),
    ("nsfw", FaultKind::RefusedContent),
    ("unsafe", FaultKind::RefusedContent),
    ("sensitive", FaultKind::RefusedContent),
    ("exhausted balance", FaultKind::Quota),
    ("user is locked", FaultKind::Quota),
    ("insufficient", FaultKind::Quota),
    ("rate limit", FaultKind::Overloaded),
    ("concurrent", FaultKind::Overloaded),
    ("timed out", FaultKind::Timeout),
];

/// Errors of a model that are put into a message.
const MOST_DETAILS: usize = 3;
/// Limits of one error that are put into a message.
const MOST_LIMITS: usize = 4;
/// The longest value that is repeated in a message, in characters.
const LONGEST_VALUE: usize = 60;

/// The fault in an answer that is no success.
pub(super) fn of_reply(reply: &Reply) -> Fault {
    body_of(reply).into_fault()
}

/// The same, with who wrote it: fal's own has a `detail` or a type, in the body or in a header.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    let by_code = told.code.as_deref().filter(|code| is_documented(code)).and_then(by_type);
    let by_code = by_code.filter(|_| !is_given_up(reply));
    ErrorBody::of(reply, is_told(reply).then(|| of_told(reply, told)), by_code)
}

fn of_told(reply: &Reply, told: Told) -> Fault {
    let text = told.text.clone().unwrap_or_else(|| response::plain(&reply.body));
    let by_status = response::fault_by_status(reply, &text);
    let kind = match told.kind(reply.status.is_server_error()) {
        // The platform may have been told to give up; then it was no lack of runners.
        Some(FaultKind::Overloaded) if is_given_up(reply) => FaultKind::Timeout,
        Some(kind) => kind,
        None => by_status.kind,
    };
    with_code(Fault { kind, ..by_status }, told.code)
}

/// Whether the platform gave up because it was told to.
fn is_given_up(reply: &Reply) -> bool {
    reply.header("x-fal-request-timeout-type") == Some("user")
}

/// The fault in the status of a request that is over and failed.
pub(super) fn of_status(status: &Json) -> Fault {
    let told = Told::of(status, None);
    let kind = told.kind(false).unwrap_or(FaultKind::UnknownProviderError);
    let text = told.text.unwrap_or_else(|| "it failed without a word".to_owned());
    with_code(Fault::new(kind, FaultSource::Provider, text), told.code)
}

/// Whether an error in the place of a result is the model's or the runner's, which is the end of a render: it has a
/// type, or a list of what is wrong. A sentence alone may be the queue's, about the question.
pub(super) fn is_of_the_model(reply: &Reply) -> bool {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    told.code.is_some()
        || told.is_about_input
        || (told.text.is_some() && reply.status.as_u16() == 422)
}

/// What a failed request has cost: a server error is never billed, others may be (fal docs, "FAQ", 2026-11-21).
/// `status` is the one that came with it; without one the type tells.
pub(super) fn charge(fault: &Fault, status: Option<u16>) -> Option<Usd> {
    const OF_SERVERS: [&str; 6] = [
        "request_timeout",
        "startup_timeout",
        "runner_",
        "internal_",
        "generation_timeout",
        "downstream_service_unavailable",
    ];
    let code = fault.code.as_deref().unwrap_or_default();
    let is_theirs = match status {
        Some(status) => (500..600).contains(&status),
        None => OF_SERVERS.iter().any(|start| code.starts_with(start)),
    };
    (is_theirs || response::says_not_charged(&fault.message)).then_some(Usd::ZERO)
}

/// Whether an answer is an error of fal's own making, and not of something on the way.
pub(super) fn is_told(reply: &Reply) -> bool {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    told.code.is_some() || told.text.is_some()
}

fn with_code(fault: Fault, code: Option<String>) -> Fault {
    match code {
        Some(code) => fault.with_code(code),
        None => fault,
    }
}

/// What an error says of itself.
struct Told {
    code: Option<String>,
    text: Option<String>,
    /// Whether it is a model's complaint about its input.
    is_about_input: bool,
}

impl Told {
    fn of(json: &Json, header: Option<&str>) -> Self {
        let lists = ["/detail", "/error", "/error/detail", "/payload/detail"];
        let details = lists.iter().find_map(|place| json.pointer(place)?.as_array());
        if let Some(details) = details.filter(|details| !details.is_empty()) {
            return Self::of_details(details);
        }
        let code = ["/error_type", "/type", "/error/type", "/error/error_type"];
        let code = code.iter().find_map(|place| response::text(json, place)).or(header);
        let text = [
            "/detail",
            "/error",
            "/msg",
            "/message",
            "/error/detail",
            "/error/msg",
            "/error/message",
        ];
        let text = text.iter().find_map(|place| response::text(json, place)).map(response::quoted);
        let code = code.filter(|code| !code.trim().is_empty()).map(short);
        let text = match (&code, text) {
            (Some(code), Some(text)) if !text.contains(code.as_str()) => {
                Some(format!("{code}: {text}"))
            }
            (Some(code), None) => Some(code.clone()),
            (_, text) => text,
        };
        Self { code, text, is_about_input: false }
    }

    fn of_details(details: &[Json]) -> Self {
        let code = |detail: &Json| response::text(detail, "/type").map(short);
        let known = details.iter().filter_map(code).find(|code| by_type(code).is_some());
        let texts: Vec<_> = details.iter().take(MOST_DETAILS).map(detail).collect();
        Self {
            code: known.or_else(|| details.iter().find_map(code)),
            text: Some(response::quoted(&texts.join("; "))),
            is_about_input: details.iter().any(|detail| parameter(detail).is_some()),
        }
    }

    fn kind(&self, is_theirs: bool) -> Option<FaultKind> {
        let by_code = self.code.as_deref().and_then(by_type);
        let by_input = (self.is_about_input && !is_theirs).then_some(FaultKind::BadRequest);
        by_code.or_else(|| by_text(self.text.as_deref()?)).or(by_input)
    }
}

fn by_type(code: &str) -> Option<FaultKind> {
    let fitting = TYPES.iter().filter(|(start, _)| code.starts_with(start));
    fitting.max_by_key(|(start, _)| start.len()).map(|(_, kind)| *kind)
}

/// Whether a type is one of the list, or begins like one and is not that of a server's own failure.
fn is_documented(code: &str) -> bool {
    let is_failure = || {
        ["error", "fail", "timeout", "unavailable", "internal"]
            .iter()
            .any(|word| code.contains(word))
    };
    TYPES.iter().any(|(known, _)| *known == code) || !is_failure()
}

fn by_text(text: &str) -> Option<FaultKind> {
    let text = text.to_ascii_lowercase();
    TEXTS.iter().find(|(part, _)| text.contains(part)).map(|(_, kind)| *kind)
}

/// One error of a model: the parameter, what is wrong with it, and the limits.
fn detail(detail: &Json) -> String {
    let said = response::text(detail, "/msg").or_else(|| response::text(detail, "/type"));
    let said = said.map_or_else(|| "an error without a word".to_owned(), response::quoted);
    let said = match parameter(detail) {
        Some(parameter) => format!("`{parameter}`: {said}"),
        None => said,
    };
    let mut limits: Vec<_> =
        detail.get("ctx").and_then(Json::as_object).map_or_else(Vec::new, |ctx| {
            let shown = ctx
                .iter()
                .filter_map(|(name, value)| Some(format!("{} {}", short(name), scalar(value)?)));
            shown.take(MOST_LIMITS).collect()
        });
    limits.extend(detail.get("input").and_then(scalar).map(|input| format!("it was {input}")));
    if limits.is_empty() { said } else { format!("{said} ({})", limits.join(", ")) }
}

/// The parameter that an error is about: `duration` for `["body", "duration"]`.
fn parameter(detail: &Json) -> Option<String> {
    let place = detail.get("loc")?.as_array()?;
    let names = place.iter().filter_map(scalar).filter(|name| name != "body");
    let name = names.take(6).collect::<Vec<_>>().join(".");
    (!name.is_empty()).then_some(name)
}

/// A value that is short enough to be shown.
fn scalar(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(flag) => flag.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => return None,
    };
    (text.chars().count() <= LONGEST_VALUE).then(|| response::quoted(&text))
}

fn short(text: &str) -> String {
    response::quoted(text).chars().take(LONGEST_VALUE).collect()
}
