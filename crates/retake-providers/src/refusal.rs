//! What an answer says of a failure, and what that proves, for all adapters.
//!
//! Relays pass on the answers of every maker, and makers those of each other, so what is known of codes and of words is
//! in one place: the pieces of an answer ([`report`]), codes and their kinds ([`codes`]), what texts hint at ([`words`]),
//! and what of it proves that a create was refused ([`mod@proof`]), which is listed in `proof.toml` ([`lists`]).

pub(crate) mod codes;
mod input;
pub(crate) mod lists;
pub(crate) mod proof;
pub(crate) mod report;
pub(crate) mod words;

use http::StatusCode;
use retake_core::fault::FaultKind;
use serde_json::Value as Json;

/// What a body of any server's making proves to be the reason why it is an error, whatever its status: the kind, and
/// the code that says so.
pub(crate) fn proof(json: &Json, status: StatusCode) -> Option<(FaultKind, Option<String>)> {
    proof::find(&report::of_error(json), status.as_u16())
}

/// Whether a text proves a refusal wherever an answer repeats it.
pub(crate) fn proves(text: &str) -> bool {
    let json = serde_json::json!({ "error": { "message": text } });
    proof(&json, StatusCode::INTERNAL_SERVER_ERROR).is_some()
}

/// Whether a body says under the status of a refusal that the request was passed on and not answered.
pub(crate) fn is_passed_on(json: &Json, status: StatusCode) -> bool {
    proof::is_passed_on(&report::of_error(json), status.as_u16())
}

/// Whether a text tells of an answer that did not come, or of a request that was taken on before. That an input could
/// not be fetched is neither.
pub(crate) fn tells_of_no_answer(text: &str) -> bool {
    proof::tells_of_no_answer(text)
}

/// Whether a text tells of an input of the caller's that could not be fetched.
pub(crate) fn is_about_input(text: &str) -> bool {
    input::is_concerned(text)
}

/// Whether a text tells of a server's own work on a request that it has taken on.
pub(crate) fn tells_of_work(text: &str) -> bool {
    proof::tells_of_work(text)
}

/// Whether a body speaks of a failure on the way, beside which a code proves nothing.
pub(crate) fn is_in_trouble(json: &Json) -> bool {
    proof::is_in_trouble(&report::of_error(json))
}

/// Whether an answer tells, in any part of it, that the request was taken on or that there is a render of it: then it is
/// no refusal, whatever else stands in it.
pub(crate) fn tells_of_render(json: &Json) -> bool {
    proof::was_had_before(&report::of_error(json))
}

/// Whether a text tells of a request that was taken on.
pub(crate) fn text_tells_of_render(text: &str) -> bool {
    proof::text_was_had_before(text)
}

/// Whether a code is one by which a relay says that it got no answer from the server behind it.
pub(crate) fn is_relayed(code: &str) -> bool {
    lists::lists().relayed_codes.contains(&lower(code))
}

/// Whether a code tells of a render and not of the question about it.
pub(crate) fn is_of_a_render(code: &str) -> bool {
    lists::lists().render_codes.contains(&lower(code))
}

/// A text up to where it goes on as a web page: what stands there is nobody's word.
pub(crate) fn before_page(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let pages = ["<html", "<!doctype", "<head", "<body"];
    let begin = pages.iter().filter_map(|tag| lower.find(tag)).min();
    &text[..begin.unwrap_or(text.len())]
}

/// A code that a success may have.
pub(crate) fn is_success_code(code: &Json) -> bool {
    match code {
        Json::Number(number) => number.as_i64().is_some_and(|n| n == 0 || (200..300).contains(&n)),
        Json::String(text) => matches!(&*lower(text), "" | "0" | "ok" | "success" | "200"),
        _ => true,
    }
}

pub(crate) fn lower(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}
