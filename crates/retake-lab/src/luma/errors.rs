//! Luma's errors: `{"detail": ...}` in both APIs, with different texts.
//!
//! Statuses and the two texts of a 429 are Luma's (its pages on errors and limits, 2026-11-21).

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

/// The status and the `detail` of a refusal, in an API's text.
pub(super) type ErrorText = fn(&Refusal) -> (u16, &'static str);

/// An error response with this detail.
pub(super) fn error_response(status: u16, detail: impl Into<Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "detail": detail.into() }))).into_response()
}

pub(super) async fn route_not_found() -> Response {
    error_response(404, "Not Found")
}

pub(super) async fn method_not_allowed() -> Response {
    error_response(405, "Method Not Allowed")
}

/// The response to a call whose key is refused; the same in both APIs.
pub(super) fn auth_error(refusal: &Refusal) -> Response {
    match refusal.reason {
        Reason::MissingKey => error_response(401, "Not authenticated"),
        Reason::SoftBlock => error_response(403, "Client is suspended"),
        _ => error_response(401, "Invalid API key"),
    }
}

/// The response to a failed call.
pub(super) fn call_error_response(call_error: CallError, error_text: ErrorText) -> Response {
    match call_error {
        CallError::Missing => error_response(404, "Generation not found"),
        CallError::Response(response) => response,
        CallError::Refused(refusal) => refusal_response(&refusal, error_text),
    }
}

fn refusal_response(refusal: &Refusal, error_text: ErrorText) -> Response {
    let (status, text) = match refusal.reason {
        _ if refusal.is_generic => (500, "Internal Server Error"),
        Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked => (401, "Invalid API key"),
        Reason::SoftBlock => (403, "Client is suspended"),
        Reason::AfterAccept => (refusal.pick(&["502", "500", "504"]).parse().unwrap_or(502), ""),
        Reason::Poll => (poll_status(refusal), ""),
        _ => error_text(refusal),
    };
    let text = if text.is_empty() { text_by_status(status) } else { text };
    with_retry_after(error_response(status, text), status, refusal.retry_after)
}

fn poll_status(refusal: &Refusal) -> u16 {
    match refusal.cause {
        Cause::Capacity => refusal.pick(&["429", "503"]).parse().unwrap_or(429),
        Cause::DependencyTimeout => 504,
        _ => refusal.pick(&["500", "502"]).parse().unwrap_or(500),
    }
}

fn text_by_status(status: u16) -> &'static str {
    match status {
        429 => "Rate limit exceeded",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

fn with_retry_after(
    mut response: Response,
    status: u16,
    retry_after: Option<Duration>,
) -> Response {
    if let (429 | 503, Some(wait)) = (status, retry_after) {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
