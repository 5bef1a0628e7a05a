//! From an error to an answer: the only file that pairs an error with a status code.
//!
//! The body has OpenAI's shape. Every code has a page in `docs/errors/`. A client error says what to do;
//! a server error shows a fixed sentence, and its reason goes to the log at the door.

use axum::{
    Json,
    extract::multipart::MultipartError,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use retake_core::{fault::chain, preflight::Severity};
use retake_media::StillError;
use retake_store::StoreError;
use serde_json::json;

use crate::{assets::AssetError, intake::IntakeError, videos::VideoError};

/// Every code that an answer or a failed video can carry. Each has a page in `docs/errors/`.
pub const CODES: &[&str] = &[
    "account",
    "cancelled",
    "capacity",
    "content_moderation",
    "contradicting_size",
    "dependency_timeout",
    "empty_prompt",
    "image_too_large",
    "internal_error",
    "invalid_image",
    "invalid_json",
    "invalid_multipart",
    "invalid_request",
    "invalid_type",
    "invalid_value",
    "ledger_unavailable",
    "method_not_allowed",
    "missing_required_parameter",
    "model_not_found",
    "model_shut_down",
    "prompt_too_long",
    "range_not_satisfiable",
    "reference_size_mismatch",
    "request_too_large",
    "route_not_found",
    "runtime_error",
    "storage",
    "storage_full",
    "storage_unavailable",
    "unknown_parameter",
    "unrecognised",
    "unsupported_media_type",
    "unsupported_parameter",
    "unsupported_seconds",
    "unsupported_size",
    "video_expired",
    "video_has_no_content",
    "video_not_ended",
    "video_not_found",
    "video_not_ready",
];

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    param: Option<String>,
    message: String,
    /// For the log, never for the caller.
    reason: Option<String>,
    retry_after_s: Option<u32>,
}

/// The reason of a server error on its way to the log.
#[derive(Clone, Debug)]
pub(super) struct Reason(pub(super) String);

impl Problem {
    /// The request is wrong in a way that repeating it does not mend.
    pub(super) fn bad_request(
        code: &'static str,
        param: Option<&str>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, param, message.into())
    }

    pub(super) fn no_such_route() -> Self {
        let message = "there is nothing at this path; the API begins at `/v1/videos`";
        Self::new(StatusCode::NOT_FOUND, "route_not_found", None, message.into())
    }

    pub(super) fn no_such_model(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        let message =
            format!("no model `{name}` is offered; `GET /v1/models` lists those that are");
        Self::new(StatusCode::NOT_FOUND, "model_not_found", Some("model"), message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let message =
            "this path does not take that method; the `allow` header lists those it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", None, message.into())
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message =
            format!("the body is larger than {limit} bytes, which `server.max_upload` allows");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", None, message)
    }

    pub(super) fn media_type(found: &str) -> Self {
        let found: String = found.chars().take(80).collect();
        let message = format!(
            "the content type `{found}` is not read here; send `application/json` or `multipart/form-data`"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None, message)
    }

    pub(super) fn range(length: u64) -> Self {
        let message = format!("the file has {length} bytes and the range asks for others");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", None, message)
    }

    pub(super) fn multipart(error: &MultipartError, limit: usize) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large(limit);
        }
        let message = format!("the multipart body is broken: {}", error.body_text());
        Self::bad_request("invalid_multipart", None, message)
    }

    pub(super) fn internal(reason: String) -> Self {
        let message =
            "this is our fault; the log has the reason under this answer's `x-request-id`";
        let mut problem =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", None, message.into());
        problem.reason = Some(reason);
        problem
    }

    fn new(status: StatusCode, code: &'static str, param: Option<&str>, message: String) -> Self {
        let param = param.map(str::to_owned);
        Self { status, code, param, message, reason: None, retry_after_s: None }
    }

    fn unavailable(code: &'static str, message: String, error: &dyn std::error::Error) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, None, message);
        problem.reason = Some(chain(error));
        problem.retry_after_s = Some(10);
        problem
    }

    /// The client would get the same answer again.
    fn is_final(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    fn kind(&self) -> &'static str {
        if self.status.is_server_error() { "server_error" } else { "invalid_request_error" }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": {
            "message": self.message, "type": self.kind(), "param": self.param, "code": self.code,
        }});
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.is_final() {
            // The official clients repeat a 409 on their own.
            let never = HeaderValue::from_static("false");
            headers.insert(HeaderName::from_static("x-should-retry"), never);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(Reason(reason));
        }
        response
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        let message = error.to_string();
        match error {
            IntakeError::UnknownModel { .. } => {
                Self::bad_request("model_not_found", Some("model"), message)
            }
            IntakeError::ShutDown { .. } => {
                Self::bad_request("model_shut_down", Some("model"), message)
            }
            IntakeError::Picture(error) => Self::from(error),
            IntakeError::Refused(refusal) => {
                let worst = refusal.findings.iter().find(|f| f.severity == Severity::Error);
                let (code, param) = worst.map_or(("invalid_request", None), |f| (f.rule, f.param));
                Self::bad_request(code, param, message)
            }
            IntakeError::Interrupted(_) => Self::internal(chain(&error)),
            IntakeError::Assets(error) => Self::from(error),
            IntakeError::Store(error) => Self::from(error),
        }
    }
}

impl From<StillError> for Problem {
    fn from(error: StillError) -> Self {
        let code = match error {
            StillError::TooLarge { .. } => "image_too_large",
            _ => "invalid_image",
        };
        Self::bad_request(
            code,
            Some("input_reference"),
            format!("the reference picture cannot be used: {error}"),
        )
    }
}

impl From<VideoError> for Problem {
    fn from(error: VideoError) -> Self {
        let message = error.to_string();
        let with = |status, code| Self::new(status, code, None, message);
        match error {
            VideoError::Unknown { .. } => with(StatusCode::NOT_FOUND, "video_not_found"),
            VideoError::NotReady { .. } => with(StatusCode::CONFLICT, "video_not_ready"),
            VideoError::NotEnded { .. } => with(StatusCode::CONFLICT, "video_not_ended"),
            VideoError::NoContent { .. } => with(StatusCode::NOT_FOUND, "video_has_no_content"),
            VideoError::Expired { .. } => with(StatusCode::GONE, "video_expired"),
            VideoError::Assets(error) => Self::from(error),
            VideoError::Store(error) => Self::from(error),
        }
    }
}

impl From<AssetError> for Problem {
    fn from(error: AssetError) -> Self {
        if let AssetError::NoRoom { .. } = error {
            let message = format!("the video cannot be stored now: {error}");
            return Self::unavailable("storage_full", message, &error);
        }
        let message = "files cannot be stored or read at the moment; try again later";
        Self::unavailable("storage_unavailable", message.into(), &error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::DiskFull { .. } = error {
            let message =
                "the disk that holds the ledger is full, so nothing can be accepted; make room";
            return Self::unavailable("storage_full", message.into(), &error);
        }
        let message = "the ledger cannot be read or written at the moment; try again later";
        Self::unavailable("ledger_unavailable", message.into(), &error)
    }
}
