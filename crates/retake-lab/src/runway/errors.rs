//! Runway's errors.
//!
//! Every error has a text in `error`; one about the body also lists `issues` in the form of the
//! validator zod (Runway's page on HTTP errors, SDK 5.24.0, 2026-11-21). The texts are the lab's
//! own, except for the words by which clients recognise them: credits, daily, suspended.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    emulator_context::CallError,
    fault::Cause,
    simulator::{Reason, Refusal},
};

/// An error response with this text.
pub(super) fn error_response(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

/// An error response about the body.
pub(super) fn invalid(issues: &[Value]) -> Response {
    let body = json!({ "error": "Validation of body failed", "issues": issues });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// The response to a failed call.
pub(super) fn call_error_response(call_error: CallError) -> Response {
    match call_error {
        CallError::Refused(refusal) => refusal_response(&refusal),
        CallError::Missing => error_response(StatusCode::NOT_FOUND, "No task has this id."),
        CallError::Response(response) => response,
    }
}

/// The response to a refused call.
pub(super) fn refusal_response(refusal: &Refusal) -> Response {
    if refusal.is_generic {
        return error_response(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred.");
    }
    let (status, text) = match refusal.reason {
        Reason::MissingKey => (401, "An API key is required."),
        Reason::UnknownKey => (401, "The API key is not valid."),
        Reason::KeyRevoked => (401, "The API key has been disabled."),
        Reason::SoftBlock => (401, "The organization has been suspended."),
        Reason::CreditOut => insufficient_credits(refusal),
        Reason::TooManyToday => (429, "The daily task limit of this model has been reached."),
        Reason::TooFast => (429, "Too many requests."),
        Reason::TooManyAtOnce => (429, "Too many tasks are running."),
        Reason::Overloaded => error_by_status(refusal.pick(&["503", "502"])),
        Reason::AfterAccept => error_by_status(refusal.pick(&["502", "500", "504"])),
        Reason::Scripted => error_by_cause(refusal),
        Reason::Poll => poll_error(refusal),
    };
    if refusal.cause == Cause::InvalidRequest && refusal.reason == Reason::Scripted {
        return invalid(&[json!({
            "code": "custom", "path": ["promptText"],
            "message": "The request cannot be rendered as it is.",
        })]);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_retry_after(error_response(status, text), refusal.retry_after)
}

/// The status and the text for a cause.
fn error_by_cause(refusal: &Refusal) -> (u16, &'static str) {
    match refusal.cause {
        Cause::RuntimeError => error_by_status("500"),
        Cause::ContentModeration => (400, "The input was refused by content moderation."),
        Cause::Capacity => error_by_status(refusal.pick(&["503", "502", "429"])),
        Cause::InvalidRequest => (400, "Validation of body failed"),
        Cause::DependencyTimeout => error_by_status("504"),
        Cause::Account => match refusal.pick(&["suspended", "credits", "402", "daily"]) {
            "suspended" => (401, "The organization has been suspended."),
            "daily" => (429, "The daily task limit of this model has been reached."),
            _ => insufficient_credits(refusal),
        },
    }
}

fn poll_error(refusal: &Refusal) -> (u16, &'static str) {
    match refusal.cause {
        Cause::Capacity => error_by_status(refusal.pick(&["503", "502", "429"])),
        Cause::DependencyTimeout => error_by_status("504"),
        _ => error_by_status(refusal.pick(&["500", "502"])),
    }
}

/// 400 as documented, or the 402 that third parties report.
fn insufficient_credits(refusal: &Refusal) -> (u16, &'static str) {
    let text = "There are not enough credits to run this task.";
    if refusal.shape.as_deref() == Some("402") { (402, text) } else { (400, text) }
}

fn error_by_status(status: &str) -> (u16, &'static str) {
    match status {
        "429" => (429, "Too many requests."),
        "502" => (502, "Bad Gateway"),
        "503" => (503, "The service is overloaded."),
        "504" => (504, "The request took too long."),
        _ => (500, "An unexpected error occurred."),
    }
}

fn with_retry_after(mut response: Response, retry_after: Option<Duration>) -> Response {
    if let Some(wait) = retry_after {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
