//! What fal's errors mean.
//!
//! There are two families (fal docs, 2026-11-21). The platform's are `{detail: text, error_type}`, with the
//! type in `X-Fal-Error-Type` as well. The models' are `{detail: [{loc, msg, type, ctx, input}]}`: they name the
//! parameter, and the limit that was broken is in `ctx`.

use retake_core::{
    fault::{Fault, FaultKind},
    money::Usd,
    signal::{
        self, CodeSignal, Place, Signals, Stage,
        table::{Table, Tables, Weight},
    },
};
use serde_json::Value as Json;

use crate::{
    call::Reply,
    response::{self, ErrorBody},
    signals,
};

/// The table of signals that is fal's own.
const VENDOR: &str = "fal";
/// What the table calls the header that says that the platform was told to give up.
const GIVEN_UP: &str = "given_up_by_user";

/// Errors of a model that are put into a message.
const MOST_DETAILS: usize = 3;
/// Limits of one error that are put into a message.
const MOST_LIMITS: usize = 4;
/// The longest value that is repeated in a message, in characters.
const LONGEST_VALUE: usize = 60;

/// The fault in an answer that is no success.
pub(super) fn of_reply(reply: &Reply, stage: Stage) -> Fault {
    body(reply, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    body(reply, Stage::Create)
}

/// fal's own body has a `detail` or a type, in the body or in a header.
fn body(reply: &Reply, stage: Stage) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    let by_code = told.code.as_deref().filter(|code| is_documented(code)).and_then(by_type);
    let by_code = by_code.filter(|_| !is_given_up(reply));
    ErrorBody::of(reply, VENDOR, is_told(reply).then(|| of_told(reply, stage, told)), by_code)
}

fn of_told(reply: &Reply, stage: Stage, told: Told) -> Fault {
    let text = told.text.clone().unwrap_or_else(|| response::plain(&reply.body));
    let signals = told.signals(signals::of_reply(VENDOR, stage, reply));
    let signals =
        if is_given_up(reply) { signals.with_code(GIVEN_UP, Place::Header) } else { signals };
    let fault = signal::judge(&signals).into_fault(response::at_status(reply, &text));
    Fault { code: told.code, ..fault }
}

/// Whether the platform gave up because it was told to.
fn is_given_up(reply: &Reply) -> bool {
    reply.header("x-fal-request-timeout-type") == Some("user")
}

/// The fault in the status of a request that is over and failed.
pub(super) fn of_status(status: &Json) -> Fault {
    let told = Told::of(status, None);
    let signals = told.signals(Signals::new(VENDOR, Stage::Poll));
    let text = told.text.unwrap_or_else(|| "it failed without a word".to_owned());
    Fault { code: told.code, ..signal::judge(&signals).into_fault(text) }
}

/// Whether an error in the place of a result is the model's or the runner's, which is the end of a render: it has a
/// type, or a list of what is wrong. A sentence alone may be the queue's, about the question.
pub(super) fn is_of_the_model(reply: &Reply) -> bool {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    told.code.is_some()
        || told.field.is_some()
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
    // What it says itself comes first.
    let is_contradicted = fault.message.to_lowercase().contains("charged");
    let is_free = is_theirs && !is_contradicted || response::says_not_charged(&fault.message);
    is_free.then_some(Usd::ZERO)
}

/// Whether an answer is an error of fal's own making, and not of something on the way.
pub(super) fn is_told(reply: &Reply) -> bool {
    let json = reply.json().unwrap_or_default();
    let told = Told::of(&json, reply.header("x-fal-error-type"));
    told.code.is_some() || told.text.is_some()
}

/// What an error says of itself.
struct Told {
    code: Option<String>,
    /// What is said to people: with the values that were sent, which may quote the request.
    text: Option<String>,
    /// What is said in words of fal's or the model's.
    words: Vec<String>,
    /// The parameter that a model complains about.
    field: Option<String>,
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
        let words = text.iter().cloned().collect();
        let text = match (&code, text) {
            (Some(code), Some(text)) if !text.contains(code.as_str()) => {
                Some(format!("{code}: {text}"))
            }
            (Some(code), None) => Some(code.clone()),
            (_, text) => text,
        };
        Self { code, text, words, field: None }
    }

    fn of_details(details: &[Json]) -> Self {
        let code = |detail: &Json| response::text(detail, "/type").map(short);
        let known = details.iter().filter_map(code).find(|code| by_type(code).is_some());
        let texts: Vec<_> = details.iter().take(MOST_DETAILS).map(detail).collect();
        Self {
            code: known.or_else(|| details.iter().find_map(code)),
            text: Some(response::quoted(&texts.join("; "))),
            words: details
                .iter()
                .filter_map(|detail| response::text(detail, "/msg"))
                .map(response::quoted)
                .collect(),
            field: details.iter().find_map(parameter),
        }
    }

    fn signals(&self, signals: Signals) -> Signals {
        let signals = signals::with_code(signals, self.code.as_deref());
        // A type that is not known may still speak for itself.
        let words = self.words.iter().chain(&self.code).map(String::as_str);
        let signals = signals::with_texts(signals, words);
        Signals { field: self.field.clone(), ..signals }
    }
}

fn table() -> Option<&'static Table> {
    Tables::shipped().own(VENDOR)
}

/// What a type means that fal documents, by its longest known beginning.
fn by_type(code: &str) -> Option<FaultKind> {
    let signal = CodeSignal { code: code.to_owned(), place: Place::Code };
    table()?.code(&signal, Weight::Sure).map(|entry| entry.kind)
}

/// Whether a type is one of the list, or begins like one and is not that of a server's own failure.
fn is_documented(code: &str) -> bool {
    let is_failure = || {
        ["error", "fail", "timeout", "unavailable", "internal"]
            .iter()
            .any(|word| code.contains(word))
    };
    table().is_some_and(|table| table.lists_code(code)) || !is_failure()
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
