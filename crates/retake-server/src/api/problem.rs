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
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    assets::AssetError, characters::CharacterError, disk::DiskError, egress::EgressError,
    intake::IntakeError, keys::KeyError, shares::NoShare, uploads::UploadError, videos::VideoError,
    vitals::Ailment, webhooks::WebhookError,
};

/// Every code that an answer or a failed video can carry. Each has a page in `docs/errors/`.
pub const CODES: &[&str] = &[
    "account",
    "address_not_allowed",
    "background_task_stalled",
    "cancelled",
    "capacity",
    "character_not_found",
    "character_not_in_prompt",
    "clock_skew",
    "concurrency_limit_exceeded",
    "content_moderation",
    "contradicting_size",
    "cross_site_request",
    "dependency_timeout",
    "download_failed",
    "empty_prompt",
    "gateway_overloaded",
    "idempotency_key_reused",
    "image_too_large",
    "incomplete_body",
    "internal_error",
    "invalid_api_key",
    "invalid_callback_signature",
    "invalid_callback_url",
    "invalid_image",
    "invalid_json",
    "invalid_multipart",
    "invalid_request",
    "invalid_type",
    "invalid_value",
    "invalid_video",
    "key_not_found",
    "ledger_unavailable",
    "method_not_allowed",
    "missing_api_key",
    "missing_required_parameter",
    "model_not_found",
    "model_shut_down",
    "permission_denied",
    "prompt_too_long",
    "range_not_satisfiable",
    "reference_size_mismatch",
    "request_too_large",
    "route_not_found",
    "runtime_error",
    "shutting_down",
    "storage",
    "storage_full",
    "storage_unavailable",
    "too_many_characters",
    "too_many_webhook_endpoints",
    "unknown_host",
    "unknown_parameter",
    "unknown_provider_error",
    "unsupported_media_type",
    "unsupported_parameter",
    "unsupported_seconds",
    "unsupported_size",
    "variant_not_available",
    "video_expired",
    "video_file_missing",
    "video_has_no_content",
    "video_not_ended",
    "video_not_found",
    "video_not_ready",
    "webhook_delivery_not_found",
    "webhook_endpoint_disabled",
    "webhook_endpoint_not_found",
    "webhook_test_failed",
];

/// An answer that is an error, in the shape of OpenAI's API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody<'a> {
    error: ErrorDetail<'a>,
}

/// What went wrong, and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail<'a> {
    /// What happened and what to do, for people.
    message: &'a str,
    /// The kind of error.
    #[schema(inline)]
    r#type: ErrorKind,
    /// The parameter that is at fault, if one is.
    #[schema(required)]
    param: Option<&'a str>,
    /// What happened, for programs. Each code has a page in the documentation.
    code: &'static str,
}

/// The kinds of errors, as OpenAI's API has them.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
enum ErrorKind {
    #[serde(rename = "invalid_request_error")]
    InvalidRequest,
    #[serde(rename = "authentication_error")]
    Authentication,
    #[serde(rename = "permission_error")]
    Permission,
    #[serde(rename = "rate_limit_error")]
    RateLimit,
    #[serde(rename = "server_error")]
    Server,
}

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
    /// The length of a file of which another part was asked for.
    length: Option<u64>,
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
        let message = format!(
            "the body is larger than the {limit} bytes that are read here; where a file can be, `server.max_upload` sets them"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", None, message)
    }

    /// It would take more to read than its length says.
    pub(super) fn body_too_large(message: String) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", None, message)
    }

    /// A body could not be laid down while it arrived.
    pub(super) fn no_spool(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            let message = "not enough disk space in `data_dir` for the request body; free some";
            return Self::unavailable("storage_full", message.into(), error);
        }
        let message = "the body cannot be stored at the moment; try again later";
        Self::unavailable("storage_unavailable", message.into(), error)
    }

    pub(super) fn text_too_long(name: &str, limit: usize) -> Self {
        let param: String = name.chars().take(64).collect();
        let message = format!("`{param}` is longer than the {limit} bytes that a field may have");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", Some(&param), message)
    }

    pub(super) fn no_variant(variant: &str, why: Option<&str>) -> Self {
        let why = why.unwrap_or("it was made by a version that did not make any");
        let message = format!("there is no {variant} of this video: {why}");
        Self::new(StatusCode::NOT_FOUND, "variant_not_available", Some("variant"), message)
    }

    /// A URL of ours that is not one, or leads nowhere any more.
    pub(super) fn no_such_link() -> Self {
        let message = "this link was not given out by this gateway, or leads nowhere any more";
        Self::new(StatusCode::NOT_FOUND, "invalid_callback_url", None, message.into())
    }

    /// Somebody speaks in a provider's name.
    pub(super) fn not_genuine(message: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_callback_signature", None, message)
    }

    pub(super) fn stopping() -> Self {
        let message = "this process is shutting down; another one will answer soon";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut problem = Self::new(status, "shutting_down", None, message.into());
        problem.retry_after_s = Some(5);
        problem
    }

    /// The ledger gave no answer in time.
    pub(super) fn silent_ledger() -> Self {
        let message = "the ledger does not answer at the moment; try again later";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut problem = Self::new(status, "ledger_unavailable", None, message.into());
        problem.retry_after_s = Some(10);
        problem
    }

    pub(super) fn incomplete_body() -> Self {
        let message =
            "the body ended, or took too long, before it was complete; send the request again";
        Self::bad_request("incomplete_body", None, message)
    }

    /// A page in a browser asked on somebody's behalf who may not know of it.
    pub(super) fn cross_site() -> Self {
        let message = "this request comes from a web page of another site, which the gateway does not serve; \
                       call it from a program, or from a page under its own address";
        Self::new(StatusCode::FORBIDDEN, "cross_site_request", None, message.into())
    }

    pub(super) fn unknown_host(host: &str) -> Self {
        let host: String = host.chars().take(80).collect();
        let message = format!(
            "the gateway is not known as `{host}`; use its IP address, or add the name to `server.allowed_hosts`"
        );
        Self::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", None, message)
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
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        let mut problem = Self::new(status, "range_not_satisfiable", None, message);
        problem.length = Some(length);
        problem
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

    /// A URL that a user gave led to nothing.
    fn outside(param: &str, error: &EgressError, message: String) -> Self {
        let code = match error {
            EgressError::NotAUrl { .. } | EgressError::Scheme { .. } | EgressError::Credentials => {
                "invalid_value"
            }
            EgressError::BlockedAddress { .. } => "address_not_allowed",
            EgressError::Redirect { why }
                if matches!(**why, EgressError::BlockedAddress { .. }) =>
            {
                "address_not_allowed"
            }
            _ => "download_failed",
        };
        Self::bad_request(code, Some(param), message)
    }

    fn new(status: StatusCode, code: &'static str, param: Option<&str>, message: String) -> Self {
        let param = param.map(str::to_owned);
        Self { status, code, param, message, reason: None, retry_after_s: None, length: None }
    }

    fn unavailable(code: &'static str, message: String, error: &dyn std::error::Error) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, None, message);
        problem.reason = Some(chain(error));
        problem.retry_after_s = Some(10);
        problem
    }

    /// The client would get the same answer again.
    fn is_final(&self) -> bool {
        matches!(self.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// A path or query that could not be read.
    pub(super) fn unreadable(rejection: &str) -> Self {
        Self::bad_request("invalid_value", None, rejection)
    }

    fn kind(&self) -> ErrorKind {
        match self.status {
            status if status.is_server_error() => ErrorKind::Server,
            StatusCode::UNAUTHORIZED => ErrorKind::Authentication,
            StatusCode::FORBIDDEN => ErrorKind::Permission,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimit,
            _ => ErrorKind::InvalidRequest,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = ErrorDetail {
            message: &self.message,
            r#type: self.kind(),
            param: self.param.as_deref(),
            code: self.code,
        };
        let body = ErrorBody { error };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.is_final() {
            // The official clients repeat a 409 on their own.
            let never = HeaderValue::from_static("false");
            headers.insert(HeaderName::from_static("x-should-retry"), never);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(length) = self.length
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}"))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(Reason(reason));
        }
        response
    }
}

impl From<Ailment> for Problem {
    fn from(ailment: Ailment) -> Self {
        let code = match ailment {
            Ailment::Stalled { .. } => "background_task_stalled",
            Ailment::Skewed { .. } => "clock_skew",
        };
        let (status, message) = (StatusCode::SERVICE_UNAVAILABLE, ailment.to_string());
        let mut problem = Self::new(status, code, None, message);
        problem.retry_after_s = Some(10);
        problem
    }
}

impl From<NoShare> for Problem {
    fn from(none: NoShare) -> Self {
        let (status, code, message) = match none {
            NoShare::Yours { what, held } => (
                StatusCode::TOO_MANY_REQUESTS,
                "concurrency_limit_exceeded",
                format!(
                    "there are {held} {what} of this caller already, and others need some too; wait until one has ended"
                ),
            ),
            NoShare::Everybodys { what } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "gateway_overloaded",
                format!("there are no more {what} at the moment; try again later"),
            ),
        };
        let mut problem = Self::new(status, code, None, message);
        problem.retry_after_s = Some(5);
        problem
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let message = error.to_string();
        let with = |status, code, param| Self::new(status, code, param, message);
        match error {
            KeyError::Missing => with(StatusCode::UNAUTHORIZED, "missing_api_key", None),
            KeyError::Unknown | KeyError::Ended { .. } => {
                with(StatusCode::UNAUTHORIZED, "invalid_api_key", None)
            }
            KeyError::NotAdmin => with(StatusCode::FORBIDDEN, "permission_denied", None),
            KeyError::BadName => with(StatusCode::BAD_REQUEST, "invalid_value", Some("name")),
            KeyError::NotFound { .. } => with(StatusCode::NOT_FOUND, "key_not_found", None),
            KeyError::Store(error) => Self::from(error),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let message = error.to_string();
        let with = |status, code| Self::new(status, code, None, message.clone());
        match error {
            WebhookError::Unknown { .. } => {
                with(StatusCode::NOT_FOUND, "webhook_endpoint_not_found")
            }
            WebhookError::UnknownDelivery { .. } => {
                with(StatusCode::NOT_FOUND, "webhook_delivery_not_found")
            }
            WebhookError::BadName => Self::bad_request("invalid_value", Some("name"), message),
            WebhookError::NoEventTypes => {
                Self::bad_request("invalid_value", Some("event_types"), message)
            }
            WebhookError::Url(error) => Self::outside("url", &error, message),
            WebhookError::TooMany { .. } => {
                with(StatusCode::CONFLICT, "too_many_webhook_endpoints")
            }
            WebhookError::Disabled { .. } => {
                with(StatusCode::CONFLICT, "webhook_endpoint_disabled")
            }
            WebhookError::Test(_) => with(StatusCode::UNPROCESSABLE_ENTITY, "webhook_test_failed"),
            WebhookError::Store(error) => Self::from(error),
        }
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
            IntakeError::Fetch(error) => Self::outside("input_reference", &error, message),
            IntakeError::Deleted { .. } => {
                Self::new(StatusCode::NOT_FOUND, "video_not_found", None, message)
            }
            IntakeError::Source(error) => Self::from(error),
            IntakeError::Upload(error) => Self::from(error),
            IntakeError::Character(CharacterError::Unknown { .. }) => {
                Self::bad_request("character_not_found", Some("characters"), message)
            }
            IntakeError::Character(error) => Self::from(error),
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

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Picture(_) | UploadError::Interrupted(_) => Self::internal(chain(&error)),
            _ => Self::bad_request("invalid_video", Some("video"), error.to_string()),
        }
    }
}

impl From<CharacterError> for Problem {
    fn from(error: CharacterError) -> Self {
        let message = error.to_string();
        match error {
            CharacterError::BadName => Self::bad_request("invalid_value", Some("name"), message),
            CharacterError::Clip(_) => Self::bad_request("invalid_video", Some("video"), message),
            CharacterError::Interrupted(_) => Self::internal(chain(&error)),
            CharacterError::Unknown { .. } => {
                Self::new(StatusCode::NOT_FOUND, "character_not_found", None, message)
            }
            CharacterError::Assets(error) => Self::from(error),
            CharacterError::Store(error) => Self::from(error),
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

impl From<DiskError> for Problem {
    /// The disk of bodies on their way in.
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::NoRoom { .. } => {
                let message = format!("the request body cannot be stored now: {error}");
                Self::unavailable("storage_full", message, &error)
            }
            DiskError::Unreadable { .. } => {
                let message = "the body cannot be stored at the moment; try again later";
                Self::unavailable("storage_unavailable", message.into(), &error)
            }
        }
    }
}

impl From<AssetError> for Problem {
    fn from(error: AssetError) -> Self {
        if let AssetError::NoRoom { .. } = error {
            let message = format!("the video cannot be stored now: {error}");
            return Self::unavailable("storage_full", message, &error);
        }
        if let AssetError::Gone = error {
            let message =
                "the file of this video is not where it was kept; ask for the video again";
            return Self::new(StatusCode::GONE, "video_file_missing", None, message.into());
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
        match error {
            StoreError::KeyEnded => {
                let status = StatusCode::UNAUTHORIZED;
                return Self::new(status, "invalid_api_key", None, error.to_string());
            }
            StoreError::KeyReused => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Self::new(status, "idempotency_key_reused", None, error.to_string());
            }
            StoreError::TooManyOpen { .. } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut problem =
                    Self::new(status, "concurrency_limit_exceeded", None, error.to_string());
                problem.retry_after_s = Some(5);
                return problem;
            }
            StoreError::TooManyCharacters { .. } => {
                let status = StatusCode::CONFLICT;
                return Self::new(status, "too_many_characters", None, error.to_string());
            }
            StoreError::NoSuchPlace { .. } => {
                let param = Some("last-event-id");
                return Self::bad_request("invalid_value", param, error.to_string());
            }
            _ => {}
        }
        if let StoreError::Unreadable { .. } = error {
            return Self::internal(chain(&error));
        }
        let message = "the ledger cannot be read or written at the moment; try again later";
        Self::unavailable("ledger_unavailable", message.into(), &error)
    }
}
