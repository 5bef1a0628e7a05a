//! The proxy of `LiteLLM`: ids that encode the upstream, a video object of its own, and no DELETE.
//!
//! From the source of version 1.109.1. Its upstream is assumed to be `OpenAI` for models of that
//! name, and another provider for others.

use axum::{
    Extension, Router,
    response::Response,
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde_json::{Value, json};

use super::{DEFAULT_SECOND_MICROS, invalid_param, parse_seconds, parse_size};
use crate::{
    emulator_context::EmulatorContext,
    openai::{
        characters, chat, create_request, derived,
        dialect::{Dialect, DialectRef},
        errors::ApiError,
        video_object, videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, JobView, Reason},
};

/// All routes, with and without `/v1`.
pub(super) fn router() -> Router<EmulatorContext> {
    ["/litellm/v1", "/litellm"]
        .into_iter()
        .fold(Router::new(), |router, prefix| {
            let at = |path: &str| format!("{prefix}{path}");
            router
                .at(&at("/videos"), post(videos::create).get(videos::list))
                .at(&at("/videos/edits"), post(derived::edit))
                .at(&at("/videos/extensions"), post(derived::extend))
                .at(&at("/videos/characters"), post(characters::create))
                .at(&at("/videos/characters/{id}"), get(characters::retrieve))
                .at(&at("/videos/{id}"), get(videos::retrieve))
                .at(&at("/videos/{id}/content"), get(videos::content))
                .at(&at("/videos/{id}/remix"), post(derived::remix))
                .merge(chat::router(prefix))
        })
        .layer(Extension(&LiteLlm as DialectRef))
}

/// The dialect of the proxy.
struct LiteLlm;

impl Dialect for LiteLlm {
    fn name(&self) -> &'static str {
        "litellm"
    }

    fn new_id(&self, context: &EmulatorContext, model: &str) -> String {
        new_id(context, model)
    }

    fn parse_create(
        &self,
        _context: &EmulatorContext,
        _key: &str,
        form: &Form,
    ) -> Result<Create, ApiError> {
        parse_create(form)
    }

    fn video(&self, context: &EmulatorContext, job: &JobView) -> Value {
        video(context, job)
    }

    fn error_response(&self, error: &ApiError) -> Response {
        error_response(error)
    }
}

/// A new id: `video_` and, in Base64, the upstream and its id, so that any replica can poll it.
fn new_id(context: &EmulatorContext, model: &str) -> String {
    let (deployment, upstream) = (context.new_hex_id(32), context.new_hex_id(32));
    let way = format!(
        "litellm:custom_llm_provider:openai;model_id:{deployment};video_id:video_{upstream};\
         requested_model:{}",
        model.replace(';', "_")
    );
    format!("video_{}", BASE64_STANDARD.encode(way))
}

fn parse_create(form: &Form) -> Result<Create, ApiError> {
    let model = form.text("model").unwrap_or_else(|| "sora-2".to_owned());
    let prompt = create_request::read_prompt(form)?;
    let is_sora =
        model.rsplit('/').next().is_some_and(|name| create_request::MODELS.contains(&name));
    let asked = form.fields.get("seconds").cloned().unwrap_or_else(|| json!("4"));
    let seconds =
        if is_sora { create_request::read_seconds(form, "4").ok() } else { parse_seconds(&asked) };
    let seconds =
        seconds.ok_or_else(|| invalid_param("seconds", "a length that the model renders"))?;
    let size = form.text("size").unwrap_or_else(|| "720x1280".to_owned());
    let (width, height) =
        parse_size(&size).ok_or_else(|| invalid_param("size", "a width and a height"))?;
    create_request::check_reference(form, (width, height))?;
    let price_micros = if is_sora {
        create_request::price_micros(&model, (width, height), seconds)
    } else {
        DEFAULT_SECOND_MICROS * seconds
    };
    Ok(Create {
        model,
        prompt,
        price_micros,
        millis: seconds * 1000,
        width,
        height,
        audio: true,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// The video object, without the prompt and with the usage.
fn video(context: &EmulatorContext, job: &JobView) -> Value {
    let mut video = video_object::video_json(context, job);
    if let Some(fields) = video.as_object_mut() {
        fields.remove("prompt");
        #[expect(clippy::cast_precision_loss, reason = "two minutes at most")]
        let seconds = job.create.millis as f64 / 1000.0;
        fields.insert("usage".to_owned(), json!({ "duration_seconds": seconds }));
    }
    video
}

/// An error: the name of the exception before the message, and the HTTP status, as text, as the
/// code.
fn error_response(error: &ApiError) -> Response {
    let is_key =
        matches!(error.reason, Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked));
    let (message, kind) = if is_key {
        (format!("Authentication Error, {}", error.message), "auth_error")
    } else {
        let exception = exception(error);
        (format!("litellm.{exception}: OpenAIException - {}", error.message), error.kind)
    };
    let code = error.status.as_str();
    let param = error.param;
    error.respond(json!({
        "error": { "message": message, "type": kind, "param": param, "code": code },
    }))
}

fn exception(error: &ApiError) -> &'static str {
    match error.status {
        StatusCode::BAD_REQUEST if error.is_moderated() => "ContentPolicyViolationError",
        StatusCode::UNAUTHORIZED => "AuthenticationError",
        StatusCode::FORBIDDEN => "PermissionDeniedError",
        StatusCode::NOT_FOUND => "NotFoundError",
        StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
        StatusCode::BAD_GATEWAY => "BadGatewayError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
        StatusCode::GATEWAY_TIMEOUT => "Timeout",
        status if status.is_server_error() => "InternalServerError",
        _ => "BadRequestError",
    }
}
