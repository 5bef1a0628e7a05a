//! Azure `OpenAI`, v1: OpenAI's API with deployments in place of models, and with limits and errors
//! of its own.
//!
//! From Microsoft's documentation of video generation (2025-12) and first-hand traces of its
//! errors. Its limits of two creates a minute and two running jobs are set by the scenario's
//! conditions, which all relays share.

use axum::{
    Extension, Router,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use serde_json::json;

use crate::{
    auth::KeySource,
    emulator_context::EmulatorContext,
    openai::{
        chat, create_request, derived,
        dialect::{self, Dialect, DialectRef},
        errors::{ApiError, error},
        videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, Reason},
};

const USER_ERROR: &str = "video_generation_user_error";

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/azure/openai/v1/videos", post(videos::create).get(videos::list))
        .at("/azure/openai/v1/videos/{id}", get(videos::retrieve).delete(videos::delete))
        .at("/azure/openai/v1/videos/{id}/content", get(videos::content))
        .at("/azure/openai/v1/videos/{id}/remix", post(derived::remix))
        .merge(chat::router("/azure/openai/v1"))
        .layer(Extension(&Azure as DialectRef))
}

/// The dialect of Azure's API, v1.
struct Azure;

impl Dialect for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn key_sources(&self) -> &'static [KeySource] {
        dialect::BEARER_OR_API_KEY
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("video_{}", context.new_hex_id(32))
    }

    fn parse_create(
        &self,
        context: &EmulatorContext,
        _key: &str,
        form: &Form,
    ) -> Result<Create, ApiError> {
        parse_create(context, form)
    }

    fn error_response(&self, error: &ApiError) -> Response {
        error_response(error)
    }
}

/// The deployment that is named: any name exists until Sora is shut down.
pub(super) fn deployment(context: &EmulatorContext, form: &Form) -> Result<String, ApiError> {
    let model = form.text("model").filter(|name| !name.is_empty() && !context.scenario().shutdown);
    model.ok_or_else(|| {
        let message = "The API deployment for this resource does not exist. If you created the \
                       deployment within the last 5 minutes, please wait a moment and try again.";
        error(StatusCode::NOT_FOUND, message, USER_ERROR, None, None)
    })
}

/// Parses a create: 4, 8 or 12 seconds, portrait or landscape at 720p, from an image of exactly
/// that size.
fn parse_create(context: &EmulatorContext, form: &Form) -> Result<Create, ApiError> {
    let model = deployment(context, form)?;
    let prompt = create_request::read_prompt(form)?;
    let seconds = create_request::read_seconds(form, "4")?;
    if seconds > 12 {
        return Err(super::invalid_param("seconds", "'4', '8' or '12'"));
    }
    let (width, height) = match form.text("size").as_deref() {
        None | Some("720x1280") => (720, 1280),
        Some("1280x720") => (1280, 720),
        Some(_) => return Err(super::invalid_param("size", "'720x1280' or '1280x720'")),
    };
    create_request::check_reference(form, (width, height))?;
    Ok(Create {
        price_micros: 100_000 * seconds,
        model,
        prompt,
        millis: seconds * 1000,
        width,
        height,
        audio: true,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// An invalid request is a `video_generation_user_error` without parameter and code; keys and rate
/// limits are checked by the gateway in front, which has a shape of its own.
pub(super) fn error_response(error: &ApiError) -> Response {
    let gateway_error = |code: &str, message: &str| {
        error.respond(json!({ "error": { "code": code, "message": message } }))
    };
    let code = error.code.filter(|_| error.is_moderated());
    match (error.reason, error.status) {
        (Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked), _) => gateway_error(
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint.",
        ),
        (Some(Reason::TooFast), _) => gateway_error(
            "429",
            "Requests to this operation have exceeded the call rate limit of your tier.",
        ),
        (Some(Reason::TooManyAtOnce), _) => user_error(error, "Too many running tasks", None),
        (_, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
            user_error(error, &error.message, code)
        }
        _ => error.respond(error.body()),
    }
}

/// A user error; only moderation keeps its code.
fn user_error(error: &ApiError, message: &str, code: Option<&str>) -> Response {
    let kind = USER_ERROR;
    error.respond(json!({
        "error": { "message": message, "type": kind, "param": null, "code": code },
    }))
}
