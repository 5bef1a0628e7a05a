//! The proxy of `LiteLLM`: ids that say where to go, a video object of its own, and no DELETE.
//!
//! From the source of version 1.109.1. What is behind it is taken to be `OpenAI` for models of that
//! name, and anything else for others.

use axum::{
    Extension, Router,
    response::Response,
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde_json::{Value, json};

use super::{SECOND, seconds, sides, wrong};
use crate::{
    emulator_context::EmulatorContext,
    intake::Form,
    openai::{
        ask, characters,
        dialect::Dialect,
        sequels, videos,
        wire::{self, Problem},
        words,
    },
    routes::At as _,
    simulator::{Create, JobView, Reason},
};

/// All routes, with and without `/v1`.
pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    ["/litellm/v1", "/litellm"]
        .into_iter()
        .fold(Router::new(), |router, prefix| {
            let at = |path: &str| format!("{prefix}{path}");
            router
                .at(&at("/videos"), post(videos::create).get(videos::list))
                .at(&at("/videos/edits"), post(sequels::edit))
                .at(&at("/videos/extensions"), post(sequels::extend))
                .at(&at("/videos/characters"), post(characters::create))
                .at(&at("/videos/characters/{id}"), get(characters::retrieve))
                .at(&at("/videos/{id}"), get(videos::retrieve))
                .at(&at("/videos/{id}/content"), get(videos::content))
                .at(&at("/videos/{id}/remix"), post(sequels::remix))
                .merge(words(prefix))
        })
        .layer(Extension(Dialect::LiteLlm))
}

/// `video_` and, in Base64, the way to the video: any replica can ask for it.
pub(in crate::openai) fn new_id(desk: &EmulatorContext, model: &str) -> String {
    let (deployment, upstream) = (desk.hex(32), desk.hex(32));
    let way = format!(
        "litellm:custom_llm_provider:openai;model_id:{deployment};video_id:video_{upstream};\
         requested_model:{}",
        model.replace(';', "_")
    );
    format!("video_{}", BASE64_STANDARD.encode(way))
}

pub(in crate::openai) fn ask(form: &Form) -> Result<Create, Problem> {
    let model = form.text("model").unwrap_or_else(|| "sora-2".to_owned());
    let prompt = ask::prompt(form)?;
    let is_sora = model.rsplit('/').next().is_some_and(|name| ask::MODELS.contains(&name));
    let asked = form.fields.get("seconds").cloned().unwrap_or_else(|| json!("4"));
    let seconds = if is_sora { ask::seconds(form, "4").ok() } else { seconds(&asked) };
    let seconds = seconds.ok_or_else(|| wrong("seconds", "a length that the model renders"))?;
    let size = form.text("size").unwrap_or_else(|| "720x1280".to_owned());
    let (width, height) = sides(&size).ok_or_else(|| wrong("size", "a width and a height"))?;
    ask::reference(form, (width, height))?;
    let price_micros =
        if is_sora { ask::price(&model, (width, height), seconds) } else { SECOND * seconds };
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

/// Without the prompt, and with what is billed by.
pub(in crate::openai) fn video(desk: &EmulatorContext, job: &JobView) -> Value {
    let mut video = wire::video(desk, job);
    if let Some(fields) = video.as_object_mut() {
        fields.remove("prompt");
        #[expect(clippy::cast_precision_loss, reason = "two minutes at most")]
        let seconds = job.create.millis as f64 / 1000.0;
        fields.insert("usage".to_owned(), json!({ "duration_seconds": seconds }));
    }
    video
}

/// Its exception's name before the message, and the HTTP status, as text, for a code.
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let is_key = matches!(
        problem.reason,
        Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked)
    );
    let (message, kind) = if is_key {
        (format!("Authentication Error, {}", problem.message), "auth_error")
    } else {
        let exception = exception(problem);
        (format!("litellm.{exception}: OpenAIException - {}", problem.message), problem.kind)
    };
    let code = problem.status.as_str();
    let param = problem.param;
    problem.answer(json!({
        "error": { "message": message, "type": kind, "param": param, "code": code },
    }))
}

fn exception(problem: &Problem) -> &'static str {
    match problem.status {
        StatusCode::BAD_REQUEST if problem.is_moderated() => "ContentPolicyViolationError",
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
