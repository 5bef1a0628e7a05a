//! new-api: what most resellers run. Its own create fields beside those of Sora, an object that
//! leaves out what is empty, a second pair of routes, and neither list nor DELETE.
//!
//! From its router and its data types in the repository `QuantumNous/new-api`, and its pages about
//! the Sora format (2026-11-21).

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{SECOND, seconds, side, sides, wrong};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    intake::Form,
    openai::{
        ask,
        dialect::Dialect,
        sequels, videos,
        wire::{self, Problem},
    },
    routes::At as _,
    simulator::{Create, JobView, Reason, State as Job},
};

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/newapi/v1/videos", post(videos::create))
        .at("/newapi/v1/videos/{id}", get(videos::retrieve))
        .at("/newapi/v1/videos/{id}/content", get(videos::content))
        .at("/newapi/v1/videos/{id}/remix", post(sequels::remix))
        .at("/newapi/v1/video/generations", post(create))
        .at("/newapi/v1/video/generations/{id}", get(retrieve))
        .layer(Extension(Dialect::NewApi))
}

/// Sora's fields, or `duration`, `width`, `height` and `image`.
pub(in crate::openai) fn ask(form: &Form) -> Result<Create, Problem> {
    let model = form.text("model").filter(|it| !it.is_empty());
    let model = model.ok_or_else(|| wrong("model", "a name"))?;
    let prompt = ask::prompt(form)?;
    let field = |name: &str| form.fields.get(name).filter(|it| !it.is_null());
    let asked = field("seconds").or_else(|| field("duration")).cloned().unwrap_or(json!(4));
    let length = asked.as_f64().map_or_else(|| seconds(&asked), whole_seconds);
    let length = length.ok_or_else(|| wrong("seconds", "a length in seconds"))?;
    let (width, height) = dimensions(form)?;
    if field("image").is_some_and(|image| !image.is_string()) {
        return Err(wrong("image", "a URL or Base64"));
    }
    Ok(Create {
        model,
        prompt,
        price_micros: SECOND * length,
        millis: length * 1000,
        width,
        height,
        audio: true,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// `duration` is a number that need not be whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
fn whole_seconds(number: f64) -> Option<u64> {
    (number > 0.0).then(|| number.ceil().clamp(1.0, 1e6) as u64).filter(|it| *it <= super::LONGEST)
}

fn dimensions(form: &Form) -> Result<(u32, u32), Problem> {
    if let Some(size) = form.text("size") {
        return sides(&size).ok_or_else(|| wrong("size", "a width and a height"));
    }
    let (width, height) = (form.fields.get("width"), form.fields.get("height"));
    match width.zip(height) {
        Some((width, height)) => {
            side(width).zip(side(height)).ok_or_else(|| wrong("width", "pixels"))
        }
        None => Ok((720, 1280)),
    }
}

/// The video object: its id twice, the link in its metadata, and nothing that is empty.
pub(in crate::openai) fn video(desk: &EmulatorContext, job: &JobView) -> Value {
    let mut video = wire::video(desk, job);
    let Some(fields) = video.as_object_mut() else { return video };
    fields.retain(|_, value| !value.is_null());
    fields.remove("prompt");
    fields.insert("task_id".to_owned(), json!(job.id()));
    if let Some(word) = job.odd_status(&["unknown"]) {
        fields.insert("status".to_owned(), json!(word));
    }
    if matches!(job.state, Job::Done) {
        let tokens = job.create.millis / 10;
        let usage = json!({ "completion_tokens": tokens, "total_tokens": tokens });
        fields.insert("usage".to_owned(), usage);
        if !job.is_empty() {
            fields.insert("metadata".to_owned(), json!({ "url": desk.link(job, 0) }));
        }
    }
    video
}

/// OpenAI's shape, of its own type where it refuses by itself.
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let is_own = matches!(
        problem.reason,
        Some(
            Reason::MissingKey
                | Reason::UnknownKey
                | Reason::KeyRevoked
                | Reason::CreditOut
                | Reason::TooFast
        )
    );
    let kind = if is_own { "new_api_error" } else { problem.kind };
    let (message, code) = (&problem.message, problem.code.unwrap_or_default());
    let param = problem.param.unwrap_or_default();
    problem.answer(json!({
        "error": { "message": message, "type": kind, "param": param, "code": code },
    }))
}

/// `POST /v1/video/generations`: the same create, answered with an id and a status.
async fn create(State(desk): State<EmulatorContext>, request: Request) -> Response {
    let dialect = Dialect::NewApi;
    let create = match dialect.read(&desk, request).await {
        Ok(create) => create,
        Err(problem) => return word(&problem),
    };
    match desk.admit(create).await {
        Ok(job) => Json(json!({ "task_id": job.id(), "status": "queued" })).into_response(),
        Err(CallError::Cut(response)) => response,
        Err(setback) => dialect.setback(setback, ""),
    }
}

/// `GET /v1/video/generations/{id}`: the link is in `url`.
async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let job = match Dialect::NewApi.poll(&desk, &headers, &id).await {
        Ok(job) => job,
        Err(refused) => return refused,
    };
    let mut task = json!({ "task_id": job.id(), "status": video(&desk, &job)["status"] });
    let create = &job.create;
    match &job.state {
        Job::Done if !job.is_empty() => {
            task["url"] = json!(desk.link(&job, 0));
            task["format"] = json!("mp4");
            let (duration, fps) = (create.millis / 1000, 24);
            let (width, height) = (create.width, create.height);
            task["metadata"] =
                json!({ "duration": duration, "fps": fps, "width": width, "height": height });
        }
        Job::Failed(failure) => {
            let (code, message) = wire::failure(failure);
            task["error"] = json!({ "code": code, "message": message });
        }
        _ => {}
    }
    (StatusCode::OK, Json(task)).into_response()
}
