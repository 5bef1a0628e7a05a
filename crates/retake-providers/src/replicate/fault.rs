//! What Replicate's errors mean.
//!
//! A refused call is answered in the manner of RFC 7807: `{title, detail, status}`, with `invalid_fields` for an
//! input that does not fit. A prediction that failed says why in free text, which is the model's own; newer
//! ones put a code into it, `(E005)` (Replicate docs, "Error codes", 2026-11-21).

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::{
        self, CodeSignal, Place, Signals, Stage, kind_of_status,
        table::{Tables, Weight},
    },
};
use serde_json::Value as Json;

use crate::{
    call::Reply,
    response::{self, ErrorBody},
    signals,
};

/// The table of signals that is Replicate's own.
const VENDOR: &str = "replicate";

/// Fields of the input that are named in a message.
const MOST_FIELDS: usize = 4;
/// A pause beyond this is no pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// The fault in an answer that is no success.
pub(super) fn of_reply(reply: &Reply, stage: Stage) -> Fault {
    body(reply, stage).into_fault()
}

/// The same of the answer to a create, with who wrote it.
pub(super) fn body_of(reply: &Reply) -> ErrorBody {
    body(reply, Stage::Create)
}

/// Replicate's own body has a `title` or a `detail`.
fn body(reply: &Reply, stage: Stage) -> ErrorBody {
    let json = reply.json().unwrap_or_default();
    ErrorBody::of(reply, VENDOR, of_json(reply, stage, &json), stated(&json))
}

fn of_json(reply: &Reply, stage: Stage, json: &Json) -> Option<Fault> {
    let part = |pointer| response::text(json, pointer).map(response::quoted);
    let mut text = match (part("/title"), part("/detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (title, detail) => detail.or(title)?,
    };
    let fields = invalid_fields(json);
    if !fields.is_empty() {
        text = format!("{text} ({fields})");
    }
    let signals = signals_of(signals::of_reply(VENDOR, stage, reply), &text);
    let fault = signal::judge(&signals).into_fault(response::at_status(reply, &text));
    let pause = fault.retry_after.or_else(|| reset_in(&text));
    Some(Fault { code: None, ..fault }.after(pause))
}

/// The signals of a text: the code in it says more than the words around it.
fn signals_of(signals: Signals, text: &str) -> Signals {
    signals::with_text(signals::with_code(signals, code(text)), text)
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
        matches!(status, 400..=407 | 410..=422).then(|| kind_of_status(status))
    };
    by_code.filter(is_content).or_else(by_status)
}

fn kind_of_code(code: &str) -> Option<FaultKind> {
    let signal = CodeSignal { code: code.to_owned(), place: Place::Code };
    let table = Tables::shipped().own(VENDOR)?;
    table.code(&signal, Weight::Sure).map(|entry| entry.kind)
}

/// The fault of a prediction that failed.
pub(super) fn of_prediction(prediction: &Json) -> Fault {
    let told = ["/error", "/error/detail", "/error/message"];
    let told = told.iter().find_map(|place| response::text(prediction, place));
    let Some(text) = told.map(response::quoted) else {
        return provider(FaultKind::UnknownProviderError, "the prediction failed without a word");
    };
    let signals = signals_of(Signals::new(VENDOR, Stage::Poll), &text);
    let code = code(&text).map(str::to_owned);
    Fault { code, ..signal::judge(&signals).into_fault(text) }
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
