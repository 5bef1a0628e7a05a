//! Google's errors: the standard error model of its APIs, and the two ways Gemini departs from it.
//!
//! The front end of the Gemini API sometimes wraps an error in an array, and the Interactions
//! service behind it has a text as the code of its errors (seen in bug reports, 2026-06-12).

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::early_response::EarlyResponse;

/// The `google.rpc` codes that the video APIs use (Google API design guide, 2026-11-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Cancelled,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Internal,
    Unavailable,
    Unauthenticated,
}

impl Code {
    /// The number, as an operation's `error.code` has it.
    pub(super) const fn number(self) -> u16 {
        self.codes().0
    }

    /// The name, as in `error.status`.
    pub(super) const fn name(self) -> &'static str {
        self.codes().1
    }

    /// The HTTP status that goes with it.
    pub(super) const fn http(self) -> u16 {
        self.codes().2
    }

    /// The code in the Interactions service's own errors. Only `invalid_request` has been seen in
    /// the wild; the others are derived from the names.
    pub(super) fn text_code(self) -> String {
        match self {
            Self::InvalidArgument => "invalid_request".to_owned(),
            _ => self.name().to_ascii_lowercase(),
        }
    }

    const fn codes(self) -> (u16, &'static str, u16) {
        match self {
            Self::Cancelled => (1, "CANCELLED", 499),
            Self::InvalidArgument => (3, "INVALID_ARGUMENT", 400),
            Self::DeadlineExceeded => (4, "DEADLINE_EXCEEDED", 504),
            Self::NotFound => (5, "NOT_FOUND", 404),
            Self::PermissionDenied => (7, "PERMISSION_DENIED", 403),
            Self::ResourceExhausted => (8, "RESOURCE_EXHAUSTED", 429),
            Self::FailedPrecondition => (9, "FAILED_PRECONDITION", 400),
            Self::Internal => (13, "INTERNAL", 500),
            Self::Unavailable => (14, "UNAVAILABLE", 503),
            Self::Unauthenticated => (16, "UNAUTHENTICATED", 401),
        }
    }
}

/// An error in the standard error model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) details: Vec<Value>,
    /// Whether the front end wraps it in an array.
    pub(super) is_in_array: bool,
}

impl Status {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), is_in_array: false }
    }

    /// An invalid argument.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// Adds a `google.rpc.ErrorInfo`.
    pub(super) fn with_error_info(mut self, reason: &str, service: &str) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": { "service": service },
        }));
        self
    }

    /// Adds a `google.rpc.QuotaFailure`.
    pub(super) fn with_quota_failure(mut self, metric: &str, id: &str) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{ "quotaMetric": metric, "quotaId": id }],
        }));
        self
    }

    /// Adds a `google.rpc.RetryInfo`, if there is a delay.
    pub(super) fn with_retry_info(mut self, wait: Option<Duration>) -> Self {
        self.details.extend(wait.map(|wait| {
            json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{}s", wait.as_secs()),
            })
        }));
        self
    }

    /// The body of the response.
    pub(super) fn body(&self) -> Value {
        let mut error = json!({
            "code": self.code.http(),
            "message": self.message,
            "status": self.code.name(),
        });
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        let body = json!({ "error": error });
        if self.is_in_array { json!([body]) } else { body }
    }

    /// The `error` of an operation, whose code is a number.
    pub(super) fn operation_error(&self) -> Value {
        let mut error = json!({ "code": self.code.number(), "message": self.message });
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        error
    }

    /// The body in the form of the Interactions service.
    pub(super) fn interactions_body(&self) -> Value {
        json!({ "error": { "code": self.code.text_code(), "message": self.message } })
    }

    /// The response.
    pub(super) fn response(&self) -> Response {
        (self.http(), Json(self.body())).into_response()
    }

    fn http(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An error of the Interactions service itself; one in an array comes from the front end.
pub(super) fn interactions_error(status: &Status) -> EarlyResponse {
    if status.is_in_array {
        return status.response().into();
    }
    (status.http(), Json(status.interactions_body())).into_response().into()
}

impl From<Status> for EarlyResponse {
    fn from(status: Status) -> Self {
        status.response().into()
    }
}

/// What a handler of Google's returns.
pub(super) type HandlerResult = Result<Response, EarlyResponse>;
