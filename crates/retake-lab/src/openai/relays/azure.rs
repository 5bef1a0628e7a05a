//! Azure `OpenAI`, v1: the plain API with deployments for models, its own limits and errors.
//!
//! From Microsoft's documentation of video generation (2025-12) and first-hand traces of its errors.
//! Its two creations a minute and two running jobs are a matter of the scenario's conditions, which
//! all relays share.

use axum::{
    Extension, Router,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use serde_json::json;

use crate::{
    emulator_context::EmulatorContext,
    intake::Form,
    openai::{
        ask,
        dialect::Dialect,
        sequels, videos,
        wire::{Problem, error},
        words,
    },
    routes::At as _,
    simulator::{Create, Reason},
};

const USER_ERROR: &str = "video_generation_user_error";

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/azure/openai/v1/videos", post(videos::create).get(videos::list))
        .at("/azure/openai/v1/videos/{id}", get(videos::retrieve).delete(videos::delete))
        .at("/azure/openai/v1/videos/{id}/content", get(videos::content))
        .at("/azure/openai/v1/videos/{id}/remix", post(sequels::remix))
        .merge(words("/azure/openai/v1"))
        .layer(Extension(Dialect::Azure))
}

/// A deployment that exists: any name, until the day that Sora is shut down.
pub(in crate::openai) fn deployment(
    desk: &EmulatorContext,
    form: &Form,
) -> Result<String, Problem> {
    let model = form.text("model").filter(|name| !name.is_empty() && !desk.scenario().shutdown);
    model.ok_or_else(|| {
        let message = "The API deployment for this resource does not exist. If you created the \
                       deployment within the last 5 minutes, please wait a moment and try again.";
        error(StatusCode::NOT_FOUND, message, USER_ERROR, None, None)
    })
}

/// 4, 8 or 12 seconds, upright or wide at 720p, from a picture of exactly that size.
pub(in crate::openai) fn ask(desk: &EmulatorContext, form: &Form) -> Result<Create, Problem> {
    let model = deployment(desk, form)?;
    let prompt = ask::prompt(form)?;
    let seconds = ask::seconds(form, "4")?;
    if seconds > 12 {
        return Err(super::wrong("seconds", "'4', '8' or '12'"));
    }
    let (width, height) = match form.text("size").as_deref() {
        None | Some("720x1280") => (720, 1280),
        Some("1280x720") => (1280, 720),
        Some(_) => return Err(super::wrong("size", "'720x1280' or '1280x720'")),
    };
    ask::reference(form, (width, height))?;
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

/// What a caller did wrong is a `video_generation_user_error` without parameter and code; keys and
/// rates are the business of the gateway in front, which has a shape of its own.
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let of_gateway = |code: &str, message: &str| {
        problem.answer(json!({ "error": { "code": code, "message": message } }))
    };
    let code = problem.code.filter(|_| problem.is_moderated());
    match (problem.reason, problem.status) {
        (Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked), _) => of_gateway(
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint.",
        ),
        (Some(Reason::TooFast), _) => of_gateway(
            "429",
            "Requests to this operation have exceeded the call rate limit of your tier.",
        ),
        (Some(Reason::TooManyAtOnce), _) => user_error(problem, "Too many running tasks", None),
        (_, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
            user_error(problem, &problem.message, code)
        }
        _ => problem.answer(problem.body()),
    }
}

/// Only moderation keeps its code.
fn user_error(problem: &Problem, message: &str, code: Option<&str>) -> Response {
    let kind = USER_ERROR;
    problem.answer(json!({
        "error": { "message": message, "type": kind, "param": null, "code": code },
    }))
}
