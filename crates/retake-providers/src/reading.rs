//! What all adapters need to read answers: fields of untrusted JSON, faults by status, lost submits.
//!
//! An adapter first reads the provider's own code for a failure; what is here serves where there is none.

use bytes::Bytes;
use http::StatusCode;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use serde_json::Value as Json;

use crate::{
    FetchError, SubmitError,
    call::{NoAnswer, Reply},
};

/// The longest text of a provider that is repeated in a message, in characters.
const LONGEST_TEXT: usize = 500;

/// The longest name for a render that is taken; no provider's is near it.
pub(crate) const LONGEST_ID: usize = 1024;

/// The text at a JSON pointer such as `/error/message`; nothing when it is empty or no text.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A number at a JSON pointer, also when it is written as a text.
pub(crate) fn number(json: &Json, pointer: &str) -> Option<f64> {
    let value = json.pointer(pointer)?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// A name for a render: plain, and no longer than names are.
pub(crate) fn id<'a>(json: &'a Json, pointer: &str) -> Option<&'a str> {
    text(json, pointer)
        .filter(|id| id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic()))
}

/// A provider's text as it may be repeated: in one line, and not longer than people read.
pub(crate) fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Percent done, out of a share between 0 and 1. A render that is not over is never whole.
pub(crate) fn percent_of_share(share: f64) -> u8 {
    percent(share * 100.0)
}

/// Percent done, out of a number between 0 and 100.
pub(crate) fn percent(value: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 99"
    )]
    let percent = value.clamp(0.0, 99.0) as u8;
    percent
}

/// The fault that a status alone stands for, with the text that came with it.
pub(crate) fn fault_by_status(reply: &Reply, message: &str) -> Fault {
    let kind = match reply.status.as_u16() {
        400 | 404..=406 | 409..=417 | 422 => FaultKind::BadRequest,
        401 => FaultKind::Auth,
        402 | 403 => FaultKind::Quota,
        429 | 503 | 529 => FaultKind::Overloaded,
        408 | 499 | 504 | 524 => FaultKind::Timeout,
        500..=599 => FaultKind::Runtime,
        _ => FaultKind::Unrecognised,
    };
    let message = match quoted(message) {
        empty if empty.is_empty() => format!("HTTP {} without a word", reply.status.as_u16()),
        text => format!("HTTP {}: {text}", reply.status.as_u16()),
    };
    Fault::new(kind, FaultSource::Provider, message).after(reply.retry_after())
}

/// The text of an answer that is not what was expected: its beginning, as long as it is text.
pub(crate) fn plain(body: &Bytes) -> String {
    quoted(&String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_TEXT)]))
}

/// An answer that says nothing that is understood.
pub(crate) fn unrecognised(reply: &Reply, what: &str) -> Fault {
    let message = format!("{what} (HTTP {}): {}", reply.status.as_u16(), plain(&reply.body));
    Fault::new(FaultKind::Unrecognised, FaultSource::Provider, message)
}

/// The fault of a call that got no answer.
pub(crate) fn silence(problem: &NoAnswer) -> Fault {
    let kind = if problem.slow { FaultKind::Timeout } else { FaultKind::Lost };
    Fault::new(kind, FaultSource::Network, problem.message.clone())
}

/// What a submit that got no answer comes to: a call that never left is safe to make again.
pub(crate) fn unanswered_submit(problem: &NoAnswer) -> SubmitError {
    let fault = silence(problem);
    if problem.sent {
        return SubmitError::Lost(fault);
    }
    // Nothing is there and nothing is billed: a dead connection is no verdict on the request.
    SubmitError::Refused(Fault { kind: FaultKind::Overloaded, ..fault })
}

/// What a submit that was answered with an error comes to. Whoever stands between here and there (502, 504) does
/// not know what happened there, and a server that failed (500) says nothing of what it had done before: the
/// render may exist. Not so where the fault names a reason why there is none: content rules, money, a parameter,
/// no capacity. A server that takes nothing on (503) has taken nothing on.
pub(crate) fn refused_submit(status: StatusCode, fault: Fault) -> SubmitError {
    let unexplained =
        matches!(fault.kind, FaultKind::Runtime | FaultKind::Timeout | FaultKind::Unrecognised);
    let lost = match status.as_u16() {
        408 | 499 | 502 | 504 | 520..=524 => true,
        503 | 529 => false,
        500.. => unexplained,
        _ => false,
    };
    if lost { SubmitError::Lost(fault) } else { SubmitError::Refused(fault) }
}

/// What the answer to a download says that did not bring the file: only 404 and 410 say that it is gone.
pub(crate) fn refused_download(reply: &Reply) -> FetchError {
    let message = format!(
        "the file was not handed out: HTTP {}: {}",
        reply.status.as_u16(),
        plain(&reply.body)
    );
    match reply.status.as_u16() {
        404 | 410 => FetchError::Gone(Fault::new(FaultKind::Lost, FaultSource::Provider, message)),
        _ => {
            let kind = fault_by_status(reply, "").kind;
            let fault = Fault::new(kind, FaultSource::Provider, message);
            FetchError::Later(fault.after(reply.retry_after()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_another_kind_than_documented_is_not_there() {
        let answer = json!({ "id": 7, "name": "  ", "progress": "41.5", "far": "1e999" });

        assert_eq!(text(&answer, "/id"), None);
        assert_eq!(text(&answer, "/name"), None);
        assert_eq!(number(&answer, "/progress"), Some(41.5));
        assert_eq!(number(&answer, "/far"), None);
    }

    #[test]
    fn a_name_for_a_render_is_plain_and_short() {
        let long = "x".repeat(LONGEST_ID + 1);

        assert_eq!(id(&json!({ "id": "task_1" }), "/id"), Some("task_1"));
        assert_eq!(id(&json!({ "id": "two words" }), "/id"), None);
        assert_eq!(id(&json!({ "id": long }), "/id"), None);
    }

    #[test]
    fn progress_is_never_whole_before_the_end_and_never_below_nothing() {
        assert_eq!(percent_of_share(0.425), 42);
        assert_eq!(percent_of_share(7.0), 99);
        assert_eq!(percent(-3.0), 0);
        assert_eq!(percent(f64::NAN), 0);
    }

    #[test]
    fn a_server_that_failed_may_have_taken_the_submit_and_one_that_explains_itself_has_not() {
        let after = |status, kind| {
            let fault = Fault::new(kind, FaultSource::Provider, "no");
            refused_submit(StatusCode::from_u16(status).unwrap(), fault)
        };

        assert!(matches!(after(500, FaultKind::Runtime), SubmitError::Lost(_)));
        assert!(matches!(after(502, FaultKind::Overloaded), SubmitError::Lost(_)));
        assert!(matches!(after(504, FaultKind::Timeout), SubmitError::Lost(_)));
        assert!(matches!(after(503, FaultKind::Overloaded), SubmitError::Refused(_)));
        assert!(matches!(after(500, FaultKind::RefusedContent), SubmitError::Refused(_)));
        assert!(matches!(after(400, FaultKind::Runtime), SubmitError::Refused(_)));
    }

    #[test]
    fn a_submit_that_never_left_is_refused_and_one_that_left_is_lost() {
        let problem = |sent| NoAnswer { sent, slow: false, message: "no connection".into() };

        assert!(matches!(unanswered_submit(&problem(false)), SubmitError::Refused(_)));
        assert!(matches!(unanswered_submit(&problem(true)), SubmitError::Lost(_)));
    }
}
