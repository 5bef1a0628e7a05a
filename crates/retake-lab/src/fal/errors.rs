//! fal's errors: those of the platform (a sentence and an `error_type`) and those of a model (a
//! list of issues), from the pages "Request errors" and "Model errors" of 2026-11-21.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::FromIngress;
use crate::{
    emulator_context::CallError,
    fault::Cause,
    headers::with_header,
    request_body::BodyError,
    simulator::{Failure, Reason, Refusal},
};

/// One issue in the input of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ValidationIssue {
    pub(super) kind: &'static str,
    loc: Vec<String>,
    message: String,
    ctx: Option<Value>,
    input: Option<Value>,
}

impl ValidationIssue {
    /// An issue in the body, or in one of its fields.
    pub(super) fn new(kind: &'static str, field: &[&str], message: &str) -> Self {
        let loc = std::iter::once(&"body").chain(field).map(|it| (*it).to_owned()).collect();
        Self { kind, loc, message: message.to_owned(), ctx: None, input: None }
    }

    /// Adds the limit that is violated.
    pub(super) fn with_ctx(self, ctx: Value) -> Self {
        Self { ctx: Some(ctx), ..self }
    }

    /// Adds the invalid input.
    pub(super) fn with_input(self, input: Value) -> Self {
        Self { input: Some(input), ..self }
    }

    fn json(&self) -> Value {
        let url = format!("https://docs.fal.ai/errors/#{}", self.kind);
        let mut value =
            json!({ "loc": self.loc, "msg": self.message, "type": self.kind, "url": url });
        for (name, more) in [("ctx", &self.ctx), ("input", &self.input)] {
            if let (Some(more), Some(value)) = (more, value.as_object_mut()) {
                value.insert(name.to_owned(), more.clone());
            }
        }
        value
    }
}

/// An error response of fal.
#[derive(Clone, Debug)]
pub(super) struct FalError {
    pub(super) status: StatusCode,
    /// The message for people.
    pub(super) message: String,
    /// The machine-readable type; the errors of a model have theirs in the body only.
    pub(super) error_type: Option<&'static str>,
    pub(super) body: Value,
    is_retryable: bool,
    /// Whether the caller's own start timeout expired.
    is_start_timeout: bool,
}

impl FalError {
    /// An error of the platform.
    pub(super) fn platform(status: u16, kind: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message: message.to_owned(),
            error_type: Some(kind),
            body: json!({ "detail": message, "error_type": kind }),
            is_retryable: status >= 500,
            is_start_timeout: false,
        }
    }

    /// An error of a model, with its issues.
    pub(super) fn model(status: u16, issue: &[ValidationIssue]) -> Self {
        let detail: Vec<Value> = issue.iter().map(ValidationIssue::json).collect();
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
            message: issue.first().map(|it| it.message.clone()).unwrap_or_default(),
            error_type: None,
            body: json!({ "detail": detail }),
            is_retryable: status >= 500,
            is_start_timeout: false,
        }
    }

    /// The error for an unknown app or request.
    pub(super) fn not_found(what: &str) -> Self {
        Self::platform(404, "not_found", &format!("{what} not found"))
    }

    /// The error when the caller's own start timeout has expired.
    pub(super) fn start_timeout() -> Self {
        let timeout = Self::platform(504, "request_timeout", "Request timed out");
        Self { is_start_timeout: true, is_retryable: false, ..timeout }
    }

    /// The error of a request that the caller cancelled.
    pub(super) fn cancelled() -> Self {
        Self::platform(499, "client_cancelled", "Request was cancelled by the client")
    }

    pub(super) fn body_error(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::platform(413, "bad_request", "Request body is too large"),
            BodyError::Json(_) | BodyError::Multipart => {
                let issue = ValidationIssue::new("json_invalid", &[], "JSON decode error");
                Self::model(422, &[issue])
            }
        }
    }

    pub(super) fn respond(&self) -> Response {
        let response = (self.status, Json(self.body.clone())).into_response();
        let yes = self.is_retryable;
        let response = with_header(response, "x-fal-retryable", if yes { "true" } else { "false" });
        let response = with_header(response, "x-fal-needs-retry", if yes { "1" } else { "0" });
        let response = match self.error_type {
            Some(kind) => with_header(response, "x-fal-error-type", kind),
            None => response,
        };
        if self.is_start_timeout {
            with_header(response, "x-fal-request-timeout-type", "user")
        } else {
            response
        }
    }
}

/// The response to a failed call.
pub(super) fn call_error_response(call_error: CallError) -> Response {
    match call_error {
        CallError::Refused(refusal) => refusal_response(&refusal),
        CallError::Missing => FalError::not_found("Request").respond(),
        CallError::Response(response) => response,
    }
}

/// The response to a refused call.
pub(super) fn refusal_response(refusal: &Refusal) -> Response {
    let response = response_by_reason(refusal);
    match refusal.retry_after {
        Some(wait) => with_header(response, "retry-after", &wait.as_secs().to_string()),
        None => response,
    }
}

fn response_by_reason(refusal: &Refusal) -> Response {
    let locked = "User is locked. Reason: Exhausted balance. Top up your balance at \
                  fal.ai/dashboard/billing.";
    match refusal.reason {
        Reason::MissingKey => {
            auth_error(401, "Authentication is required to access this application")
        }
        Reason::UnknownKey | Reason::KeyRevoked => {
            auth_error(401, "Invalid authentication credentials")
        }
        Reason::SoftBlock => auth_error(403, "User is locked. Please contact support."),
        Reason::CreditOut => auth_error(403, locked),
        Reason::TooFast | Reason::TooManyToday | Reason::TooManyAtOnce => too_many(),
        Reason::Overloaded => error_by_name("runner_scheduling_failure").respond(),
        Reason::AfterAccept => match refusal.pick(&["internal_error", "ingress"]) {
            "ingress" => ingress_page(StatusCode::BAD_GATEWAY),
            kind => error_by_name(kind).respond(),
        },
        Reason::Poll => match refusal.cause {
            Cause::Capacity => ingress_page(StatusCode::SERVICE_UNAVAILABLE),
            Cause::DependencyTimeout => ingress_page(StatusCode::GATEWAY_TIMEOUT),
            _ => error_by_name("internal_error").respond(),
        },
        Reason::Scripted if refusal.is_generic => error_by_name("internal_error").respond(),
        Reason::Scripted => match refusal.pick(shapes_of_cause(refusal.cause)) {
            "auth_error" => auth_error(401, "Invalid authentication credentials"),
            "balance" => auth_error(403, locked),
            kind => error_by_name(kind).respond(),
        },
    }
}

fn auth_error(status: u16, message: &str) -> Response {
    FalError::platform(status, "auth_error", message).respond()
}

fn too_many() -> Response {
    let body = json!({ "detail": "Too many requests. Please slow down." });
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

/// The response of the load balancer when it gets none from fal: no JSON and no request id, by
/// which fal's Python SDK knows that it may retry.
fn ingress_page(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let code = status.as_u16();
    let page = format!(
        "<html>\r\n<head><title>{code} {reason}</title></head>\r\n<body>\r\n\
         <center><h1>{code} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n\
         </body>\r\n</html>\r\n"
    );
    let mut response = (status, [("content-type", "text/html")], page).into_response();
    response.extensions_mut().insert(FromIngress);
    response
}

/// The names of the shapes that a cause may take.
fn shapes_of_cause(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::RuntimeError => &[
            "internal_server_error",
            "runner_disconnected",
            "runner_connection_refused",
            "runner_connection_error",
            "runner_incomplete_response",
            "runner_server_error",
            "internal_error",
        ],
        Cause::ContentModeration => &["content_policy_violation", "no_media_generated"],
        Cause::Capacity => &["runner_scheduling_failure", "startup_timeout", "request_timeout"],
        Cause::InvalidRequest => &[
            "image_too_small",
            "image_too_large",
            "image_load_error",
            "file_download_error",
            "file_too_large",
            "face_detection_error",
            "unsupported_image_format",
            "unsupported_video_format",
            "video_duration_too_long",
            "greater_than_equal",
            "less_than_equal",
            "sequence_too_long",
            "one_of",
            "feature_not_supported",
            "bad_request",
        ],
        Cause::DependencyTimeout => &[
            "generation_timeout",
            "downstream_service_unavailable",
            "downstream_service_error",
            "runner_connection_timeout",
        ],
        Cause::Account => &["balance", "auth_error"],
    }
}

/// The error of a failed render.
pub(super) fn failure(failure: &Failure) -> FalError {
    if failure.is_generic {
        // The two least specific errors; the first also hides refusals by the model's own filter.
        return error_by_name(match failure.cause {
            Cause::ContentModeration => "no_media_generated",
            _ => "internal_server_error",
        });
    }
    match failure.shape.as_deref() {
        Some("input") => return error_by_name("content_policy_violation"),
        Some("output") => return error_by_name("no_media_generated"),
        _ => {}
    }
    match failure.pick(shapes_of_cause(failure.cause)) {
        "balance" => {
            let message = "User is locked. Reason: Exhausted balance.";
            FalError::platform(403, "auth_error", message)
        }
        kind => error_by_name(kind),
    }
}

/// The error of this name: one of the platform if it has that name, else one of a model.
pub(super) fn error_by_name(name: &str) -> FalError {
    platform_error(name).unwrap_or_else(|| model_error(name))
}

fn platform_error(name: &str) -> Option<FalError> {
    let (status, kind, message) = match name {
        "request_timeout" => (504, "request_timeout", "Request timed out"),
        "startup_timeout" => (504, "startup_timeout", "Runner did not start in time"),
        "runner_scheduling_failure" => {
            (503, "runner_scheduling_failure", "No runner is available to handle the request")
        }
        "runner_connection_timeout" => {
            (503, "runner_connection_timeout", "Connection to the runner timed out")
        }
        "runner_disconnected" => (503, "runner_disconnected", "Runner disconnected"),
        "runner_connection_refused" => {
            (503, "runner_connection_refused", "Runner refused the connection")
        }
        "runner_connection_error" => (503, "runner_connection_error", "Runner connection error"),
        "runner_incomplete_response" => {
            (502, "runner_incomplete_response", "Runner sent an incomplete response")
        }
        "runner_server_error" => (500, "runner_server_error", "Runner server error"),
        "internal_error" => (500, "internal_error", "Internal server error"),
        "bad_request" => (400, "bad_request", "Bad request"),
        "auth_error" => (401, "auth_error", "Invalid authentication credentials"),
        _ => return None,
    };
    Some(FalError::platform(status, kind, message))
}

fn model_error(name: &str) -> FalError {
    let image_field = &["image_url"][..];
    let (status, issue) = match name {
        "generation_timeout" => {
            (504, ValidationIssue::new("generation_timeout", &[], "The generation took too long"))
        }
        "downstream_service_error" => {
            (400, ValidationIssue::new("downstream_service_error", &[], "Downstream service error"))
        }
        "downstream_service_unavailable" => {
            let message = "Downstream service unavailable";
            (500, ValidationIssue::new("downstream_service_unavailable", &[], message))
        }
        "content_policy_violation" => {
            let message = "The content could not be processed because it contained material \
                           flagged by a content checker.";
            (422, ValidationIssue::new("content_policy_violation", &["prompt"], message))
        }
        "no_media_generated" => {
            let message = "No media was generated. Please try again with a different prompt.";
            (422, ValidationIssue::new("no_media_generated", &[], message))
        }
        "image_too_small" => {
            let ctx = json!({ "min_height": 300, "min_width": 300 });
            let issue = ValidationIssue::new("image_too_small", image_field, "Image is too small");
            (422, issue.with_ctx(ctx))
        }
        "image_too_large" => {
            let ctx = json!({ "max_height": 4000, "max_width": 4000 });
            let issue = ValidationIssue::new("image_too_large", image_field, "Image is too large");
            (422, issue.with_ctx(ctx))
        }
        "file_too_large" => {
            let issue =
                ValidationIssue::new("file_too_large", image_field, "File size exceeds the limit");
            (422, issue.with_ctx(json!({ "max_size": 10_485_760 })))
        }
        "image_load_error" => {
            (422, ValidationIssue::new("image_load_error", image_field, "Failed to load the image"))
        }
        "file_download_error" => (
            422,
            ValidationIssue::new("file_download_error", image_field, "Failed to download the file"),
        ),
        "face_detection_error" => (
            422,
            ValidationIssue::new("face_detection_error", image_field, "Could not detect a face"),
        ),
        name => limit_error(name),
    };
    FalError::model(status, &[issue])
}

/// Errors that name a violated limit; an unknown name is an internal error.
fn limit_error(name: &str) -> (u16, ValidationIssue) {
    let (kind, field, message, ctx) = match name {
        "unsupported_image_format" => (
            "unsupported_image_format",
            "image_url",
            "Unsupported image format",
            json!({ "supported_formats": [".jpg", ".jpeg", ".png", ".webp"] }),
        ),
        "unsupported_video_format" => (
            "unsupported_video_format",
            "video_url",
            "Unsupported video format",
            json!({ "supported_formats": [".mp4", ".mov"] }),
        ),
        "video_duration_too_long" => (
            "video_duration_too_long",
            "video_url",
            "Video duration exceeds the limit",
            json!({ "max_duration": 15, "provided_duration": 31 }),
        ),
        "greater_than_equal" => (
            "greater_than_equal",
            "cfg_scale",
            "Input should be greater than or equal to 0",
            json!({ "ge": 0 }),
        ),
        "less_than_equal" => (
            "less_than_equal",
            "cfg_scale",
            "Input should be less than or equal to 1",
            json!({ "le": 1 }),
        ),
        "sequence_too_long" => (
            "sequence_too_long",
            "prompt",
            "Value should have at most 2500 items",
            json!({ "max_length": 2500 }),
        ),
        "one_of" => (
            "one_of",
            "duration",
            "Value should be one of: 5, 10",
            json!({ "expected": ["5", "10"] }),
        ),
        "feature_not_supported" => (
            "feature_not_supported",
            "end_image_url",
            "This feature is not supported with the given parameters",
            json!({}),
        ),
        _ => {
            return (
                500,
                ValidationIssue::new("internal_server_error", &[], "Internal server error"),
            );
        }
    };
    (422, ValidationIssue::new(kind, &[field], message).with_ctx(ctx))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_an_error_of_that_name() {
        for cause in Cause::ALL {
            for shape in shapes_of_cause(cause).iter().filter(|it| **it != "balance") {
                let body = error_by_name(shape).body;
                let found = body.get("error_type").or_else(|| body.pointer("/detail/0/type"));
                assert_eq!(found.and_then(Value::as_str), Some(*shape), "{body}");
            }
        }
    }

    #[test]
    fn the_load_balancer_speaks_without_a_request_id() {
        let response = ingress_page(StatusCode::BAD_GATEWAY);
        assert!(response.extensions().get::<FromIngress>().is_some());
    }
}
