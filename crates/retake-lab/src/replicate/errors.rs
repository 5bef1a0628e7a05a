//! Replicate's HTTP errors: `title`, `detail`, `status`, and for invalid input a list of the
//! fields.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::{
    emulator_context::CallError,
    fault::Cause,
    simulator::{Reason, Refusal},
};

/// The least specific message.
const GENERIC: &str = "There was an unexpected error.";

/// An error response.
pub(super) fn error_response(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({ "title": title, "detail": detail, "status": status.as_u16() });
    (status, Json(body)).into_response()
}

/// An issue of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidField {
    /// The kind of issue, such as `required`, `enum` or `invalid_type`.
    pub(super) kind: &'static str,
    /// The path of the field, such as `input.duration`; empty for the body itself.
    pub(super) field: String,
    pub(super) description: String,
}

/// The error for a body or an input that does not match its schema.
pub(super) fn invalid(title: &str, fields: &[InvalidField]) -> Response {
    let lines = fields.iter().map(|it| {
        if it.field.is_empty() {
            format!("- {}\n", it.description)
        } else {
            format!("- {}: {}\n", it.field, it.description)
        }
    });
    let list: Vec<Value> = fields
        .iter()
        .map(|it| json!({ "type": it.kind, "field": it.field, "description": it.description }))
        .collect();
    let body = json!({
        "title": title,
        "detail": lines.collect::<String>(),
        "status": 422,
        "invalid_fields": list,
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// The response to an unknown path.
pub(super) async fn fallback() -> Response {
    not_found_response()
}

pub(super) fn not_found_response() -> Response {
    error_response(StatusCode::NOT_FOUND, "Not found", "The requested resource could not be found.")
}

/// The response to a failed call.
pub(super) fn call_error_response(call_error: CallError) -> Response {
    match call_error {
        CallError::Refused(refusal) => refusal_response(&refusal),
        CallError::Missing => not_found_response(),
        CallError::Response(response) => response,
    }
}

/// The response to a refused call.
pub(super) fn refusal_response(refusal: &Refusal) -> Response {
    let mut response = response_by_reason(refusal);
    let wait = refusal.retry_after.map(|it| HeaderValue::from(it.as_secs()));
    if let Some(wait) = wait {
        response.headers_mut().insert(HeaderName::from_static("retry-after"), wait);
    }
    response
}

fn response_by_reason(refusal: &Refusal) -> Response {
    let platform = |shapes: &[&str]| response_by_shape(refusal.pick(shapes), refusal);
    match refusal.reason {
        Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked => {
            response_by_shape("unauthenticated", refusal)
        }
        Reason::SoftBlock => response_by_shape("forbidden", refusal),
        Reason::CreditOut => response_by_shape("credit", refusal),
        Reason::TooFast | Reason::TooManyToday | Reason::TooManyAtOnce => {
            response_by_shape("throttled", refusal)
        }
        Reason::Overloaded => platform(&["unavailable"]),
        Reason::AfterAccept => platform(&["internal", "bad_gateway"]),
        Reason::Poll => match refusal.cause {
            Cause::Capacity => platform(&["unavailable", "throttled"]),
            Cause::DependencyTimeout => response_by_shape("gateway_timeout", refusal),
            _ => response_by_shape("internal", refusal),
        },
        Reason::Scripted if refusal.is_generic => response_by_shape("internal", refusal),
        Reason::Scripted => platform(match refusal.cause {
            Cause::RuntimeError => &["internal", "bad_gateway"],
            Cause::ContentModeration => &["flagged"],
            Cause::Capacity => &["throttled", "unavailable"],
            Cause::InvalidRequest => &["invalid_input", "invalid_version", "bad_request"],
            Cause::DependencyTimeout => &["gateway_timeout"],
            Cause::Account => &["credit", "unauthenticated", "forbidden"],
        }),
    }
}

/// The error response of this name.
fn response_by_shape(name: &str, refusal: &Refusal) -> Response {
    let is = error_response;
    match name {
        "unauthenticated" => is(
            StatusCode::UNAUTHORIZED,
            "Unauthenticated",
            "You did not pass a valid authentication token",
        ),
        "forbidden" => is(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "You do not have permission to perform this action.",
        ),
        "credit" => is(
            StatusCode::PAYMENT_REQUIRED,
            "Insufficient credit",
            "You have insufficient credit to run this model. Go to \
             https://replicate.com/account/billing#billing to purchase credit.",
        ),
        "throttled" => {
            let seconds = refusal.retry_after.map_or(10, |it| it.as_secs());
            let detail = format!("Request was throttled. Your rate limit resets in ~{seconds}s.");
            is(StatusCode::TOO_MANY_REQUESTS, "Too many requests", &detail)
        }
        "unavailable" => {
            let detail = "The service is temporarily unavailable. Please try again.";
            is(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable", detail)
        }
        "bad_gateway" => is(StatusCode::BAD_GATEWAY, "Bad gateway", GENERIC),
        "gateway_timeout" => {
            let detail = "The server did not respond in time.";
            is(StatusCode::GATEWAY_TIMEOUT, "Gateway timeout", detail)
        }
        "flagged" => {
            let detail = "The input was flagged as sensitive. (E005)";
            is(StatusCode::UNPROCESSABLE_ENTITY, "Input flagged", detail)
        }
        "invalid_version" => invalid_version(),
        "invalid_input" => {
            let description = "input.duration must be one of the following: 5, 10".to_owned();
            let field = "input.duration".to_owned();
            invalid("Input validation failed", &[InvalidField { kind: "enum", field, description }])
        }
        "bad_request" => bad_request("The request body could not be parsed."),
        _ => is(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", GENERIC),
    }
}

/// The error for a malformed request.
pub(super) fn bad_request(detail: &str) -> Response {
    error_response(StatusCode::BAD_REQUEST, "Bad request", detail)
}

/// The error for an unknown version.
pub(super) fn invalid_version() -> Response {
    error_response(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid version or not permitted",
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
    )
}
