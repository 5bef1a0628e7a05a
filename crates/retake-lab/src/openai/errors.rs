//! OpenAI's errors, in the shapes that were seen.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    fault::Cause,
    headers::with_header,
    request_body::BodyError,
    simulator::{Failure, Reason, Refusal},
};

const INVALID: &str = "invalid_request_error";
/// OpenAI's least specific message.
const GENERIC: &str = "The server had an error processing your request. Sorry about that! You can \
                       retry your request, or contact us through our help center at \
                       help.openai.com if you keep seeing this error.";

/// An error as OpenAI has it, which relays convert into their own form.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// The `type`.
    pub(super) kind: &'static str,
    pub(super) param: Option<&'static str>,
    pub(super) code: Option<&'static str>,
    /// The `Retry-After`, in whole seconds of wall-clock time.
    pub(super) retry_after: Option<u64>,
    /// The reason of a refusal, unless the request itself is invalid.
    pub(super) reason: Option<Reason>,
    /// Whether the response is an HTML page of a proxy in front of the API.
    pub(super) is_page: bool,
}

impl ApiError {
    /// Whether the content was refused.
    pub(super) fn is_moderated(&self) -> bool {
        let codes = ["moderation_blocked", "content_policy_violation", "sentinel_block"];
        self.code.is_some_and(|code| codes.contains(&code))
    }

    /// The body in OpenAI's shape.
    pub(super) fn body(&self) -> Value {
        let (param, code) = (self.param, self.code);
        json!({ "error": { "message": self.message, "type": self.kind, "param": param, "code": code } })
    }

    /// A response with this JSON body.
    pub(super) fn respond(&self, body: Value) -> Response {
        self.with_retry_after((self.status, Json(body)).into_response())
    }

    fn with_retry_after(&self, response: Response) -> Response {
        match self.retry_after {
            Some(wait) => with_header(response, "retry-after", &wait.to_string()),
            None => response,
        }
    }
}

impl ApiError {
    /// The response in OpenAI's form.
    pub(super) fn response(&self) -> Response {
        if !self.is_page {
            return self.respond(self.body());
        }
        let (status, kind) = (self.status, [(header::CONTENT_TYPE, "text/html")]);
        let page =
            format!("<html><head><title>{status}</title></head><body>{status}</body></html>");
        self.with_retry_after((status, kind, page).into_response())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.response()
    }
}

/// An error of OpenAI.
pub(super) fn error(
    status: StatusCode,
    message: &str,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
) -> ApiError {
    let message = message.to_owned();
    let (retry_after, reason, is_page) = (None, None, false);
    ApiError { status, message, kind, param, code, retry_after, reason, is_page }
}

/// The error for an invalid parameter.
pub(super) fn invalid(
    message: &str,
    param: Option<&'static str>,
    code: Option<&'static str>,
) -> ApiError {
    error(StatusCode::BAD_REQUEST, message, INVALID, param, code)
}

/// The error for an unknown video.
pub(super) fn video_not_found(id: &str) -> ApiError {
    let message = format!("Video with id '{id}' not found.");
    error(StatusCode::NOT_FOUND, &message, INVALID, Some("video_id"), Some("not_found"))
}

pub(super) fn body_error(reason: &BodyError) -> ApiError {
    match reason {
        BodyError::TooLarge => {
            error(StatusCode::PAYLOAD_TOO_LARGE, "Request too large.", INVALID, None, None)
        }
        BodyError::Json(_) | BodyError::Multipart => {
            invalid("We could not parse the body of your request.", None, None)
        }
    }
}

/// The error of a refused call.
pub(super) fn refusal_error(refusal: &Refusal) -> ApiError {
    let error = if refusal.is_generic { generic_error() } else { error_by_reason(refusal) };
    let retry_after = refusal.retry_after.map(|wait| wait.as_secs());
    ApiError { retry_after, reason: Some(refusal.reason), ..error }
}

fn generic_error() -> ApiError {
    error(StatusCode::INTERNAL_SERVER_ERROR, GENERIC, "server_error", None, None)
}

fn error_by_reason(refusal: &Refusal) -> ApiError {
    let pick_error = |shapes: &[&'static str]| error_by_shape(refusal.pick(shapes));
    match refusal.reason {
        Reason::MissingKey => error(
            StatusCode::UNAUTHORIZED,
            "You didn't provide an API key. Provide it in an Authorization header using Bearer auth.",
            INVALID,
            None,
            None,
        ),
        Reason::UnknownKey | Reason::KeyRevoked => error_by_shape("invalid_api_key"),
        Reason::SoftBlock => error_by_shape("restricted"),
        Reason::CreditOut => pick_error(&[
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
        ]),
        Reason::TooFast | Reason::TooManyAtOnce => pick_error(&["rate_limit_exceeded"]),
        Reason::TooManyToday => error_by_shape("organization_usage_limit_exceeded"),
        Reason::Overloaded => pick_error(&["server_is_overloaded"]),
        Reason::Scripted | Reason::AfterAccept | Reason::Poll => error_by_cause(refusal),
    }
}

fn error_by_cause(refusal: &Refusal) -> ApiError {
    let shapes: &[&'static str] = match refusal.cause {
        Cause::RuntimeError => &["server_error"],
        Cause::ContentModeration => {
            &["moderation_blocked", "content_policy_violation", "sentinel_block"]
        }
        Cause::Capacity => &["server_is_overloaded", "slow_down", "rate_limit_exceeded"],
        Cause::InvalidRequest => &["invalid_value", "inpaint_size", "invalid_type"],
        Cause::DependencyTimeout => &["gateway_timeout", "bad_gateway"],
        Cause::Account => &[
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "billing_hard_limit_reached",
            "unverified_organization",
        ],
    };
    error_by_shape(refusal.pick(shapes))
}

/// The error of this name: mostly its code, else a name that the lab gives it.
fn error_by_shape(name: &'static str) -> ApiError {
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    let forbidden = StatusCode::FORBIDDEN;
    let bad = StatusCode::BAD_REQUEST;
    let (status, message, kind, param, code) = match name {
        "invalid_api_key" => {
            let message = "Incorrect API key provided.";
            (StatusCode::UNAUTHORIZED, message, INVALID, None, Some(name))
        }
        "restricted" => (forbidden, "Your access to this API was restricted.", INVALID, None, None),
        "unverified_organization" => {
            let message = "Your organization must be verified to use this model. It can take up to \
                           15 minutes for access to propagate.";
            (forbidden, message, INVALID, None, None)
        }
        "billing_hard_limit_reached" => {
            (bad, "Billing hard limit has been reached.", INVALID, None, Some(name))
        }
        "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded" => {
            let message = "You exceeded your current quota, please check your plan and billing.";
            (too_many, message, "insufficient_quota", None, Some(name))
        }
        "rate_limit_exceeded" => {
            let message = "Rate limit reached for requests per min. Please slow down.";
            (too_many, message, "requests", None, Some(name))
        }
        "slow_down" => {
            let message = "Your request rate rose too quickly. Please slow down.";
            (too_many, message, "rate_limit_error", None, Some(name))
        }
        "server_is_overloaded" => {
            let message = "The server is currently overloaded. Please try again later.";
            let kind = "service_unavailable_error";
            (StatusCode::SERVICE_UNAVAILABLE, message, kind, None, Some(name))
        }
        "moderation_blocked" | "content_policy_violation" => {
            let message = "Your request was blocked by our moderation system.";
            (bad, message, INVALID, None, Some(name))
        }
        "sentinel_block" => {
            (bad, "Something didn't look right with your request.", INVALID, None, Some(name))
        }
        "invalid_value" => {
            let message = "Invalid value: supported values are '4', '8', and '12'.";
            (bad, message, INVALID, Some("seconds"), Some(name))
        }
        "invalid_type" => {
            let message = "Invalid type for 'input_reference': expected a file.";
            (bad, message, INVALID, Some("input_reference"), Some(name))
        }
        "inpaint_size" => {
            (bad, "Inpaint image must match the requested width and height", INVALID, None, None)
        }
        "gateway_timeout" => return gateway_page(StatusCode::GATEWAY_TIMEOUT),
        "bad_gateway" => return gateway_page(StatusCode::BAD_GATEWAY),
        _ => return generic_error(),
    };
    error(status, message, kind, param, code)
}

/// The error page of a proxy in front of the API.
fn gateway_page(status: StatusCode) -> ApiError {
    let message = status.canonical_reason().unwrap_or("Error");
    ApiError { is_page: true, ..error(status, message, "server_error", None, None) }
}

/// The code and the message of a failed video's `error`.
pub(super) fn failure(failure: &Failure) -> (&'static str, &'static str) {
    let code = if failure.is_generic {
        failure.pick(&["internal_error", "video_generation_failed"])
    } else {
        failure.pick(match failure.cause {
            Cause::RuntimeError => &["video_generation_failed", "internal_error"],
            Cause::ContentModeration => &["moderation_blocked"],
            Cause::Capacity => &["server_is_overloaded", "rate_limit_exceeded"],
            Cause::InvalidRequest => &["invalid_value", "inpaint_size"],
            Cause::DependencyTimeout => &["timeout"],
            Cause::Account => &["insufficient_quota", "organization_spend_limit_exceeded"],
        })
    };
    match code {
        "moderation_blocked" => {
            (known_code(code), "Your request was blocked by our moderation system.")
        }
        "server_is_overloaded" => (known_code(code), "The server is currently overloaded."),
        "rate_limit_exceeded" => {
            (known_code(code), "Rate limit reached while the video was rendered.")
        }
        "invalid_value" => (known_code(code), "Invalid value: the size does not fit this model."),
        "inpaint_size" => {
            ("invalid_request_error", "Inpaint image must match the requested width and height")
        }
        "timeout" => ("internal_error", "Timed out while waiting for the prompt encoder."),
        "insufficient_quota" | "organization_spend_limit_exceeded" => (
            known_code(code),
            "You exceeded your current quota, please check your plan and billing.",
        ),
        "internal_error" => ("internal_error", GENERIC),
        _ => ("video_generation_failed", "Video generation failed."),
    }
}

/// The code as a static string.
fn known_code(code: &str) -> &'static str {
    const CODES: [&str; 6] = [
        "moderation_blocked",
        "server_is_overloaded",
        "rate_limit_exceeded",
        "invalid_value",
        "insufficient_quota",
        "organization_spend_limit_exceeded",
    ];
    CODES.into_iter().find(|it| *it == code).unwrap_or("internal_error")
}
