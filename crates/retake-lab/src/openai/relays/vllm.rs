//! vLLM-Omni: forms only, JSON as text in their fields, any size and length, and jobs that are
//! answered with an error status when they failed.
//!
//! From the source of version 0.30.0. It serves one model; the lab serves the one that is asked for.

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{SECOND, seconds, side, sides, whole};
use crate::{
    clock::later,
    emulator_context::{CallError, EmulatorContext},
    fault::Cause,
    intake::Form,
    openai::{
        dialect::Dialect,
        videos,
        wire::{self, Problem, error},
    },
    routes::At as _,
    simulator::{Create, Failure, JobView, Reason, State as Job},
};

/// Fields whose text is JSON.
const JSON_FIELDS: [&str; 5] =
    ["image_reference", "video_reference", "audio_reference", "lora", "extra_params"];

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/vllm/v1/videos", post(videos::create).get(videos::list))
        .at("/vllm/v1/videos/sync", post(sync))
        .at("/vllm/v1/videos/{id}", get(videos::retrieve).delete(delete))
        .at("/vllm/v1/videos/{id}/content", get(content))
        .layer(Extension(Dialect::Vllm))
}

/// What the framework says of a field: a list of details, with the field's place.
fn field(name: &'static str, message: &str) -> Problem {
    error(StatusCode::UNPROCESSABLE_ENTITY, message, "value_error", Some(name), None)
}

pub(in crate::openai) fn ask(form: &Form) -> Result<Create, Problem> {
    let prompt = form.text("prompt").filter(|_| form.is_multipart);
    let missing = || Problem { kind: "missing", ..field("prompt", "Field required") };
    let prompt = prompt.ok_or_else(missing)?;
    references(form)?;
    let (width, height) = dimensions(form)?;
    let seconds = length(form)?;
    if let Some(outputs) = form.fields.get("num_outputs_per_prompt") {
        let fits = whole(outputs).is_some_and(|it| (1..=10).contains(&it));
        fits.then_some(())
            .ok_or_else(|| field("num_outputs_per_prompt", "Input should be between 1 and 10"))?;
    }
    let is = |name: &str| form.text(name).is_some_and(|it| it.eq_ignore_ascii_case("true"));
    Ok(Create {
        model: form.text("model").unwrap_or_else(|| "the-served-model".to_owned()),
        prompt,
        price_micros: SECOND * seconds,
        millis: seconds * 1000,
        width,
        height,
        audio: is("generate_sound"),
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// Brackets are not understood: a field that came in them is none.
fn references(form: &Form) -> Result<(), Problem> {
    for name in JSON_FIELDS {
        let text = form.fields.get(name).and_then(Value::as_str);
        let read = text.map(serde_json::from_str::<Value>);
        if read.is_some_and(|read| !read.is_ok_and(|it| it.is_object())) {
            let message = format!("Invalid JSON in form field '{name}'");
            return Err(wire::invalid(&message, Some(name), None));
        }
    }
    if form.fields.get("input_reference").is_some_and(Value::is_string) {
        return Err(field("input_reference", "Value error, Expected UploadFile"));
    }
    let has = |name: &str| form.fields.get(name).is_some_and(Value::is_string);
    if form.file("input_reference").is_some() && has("image_reference") {
        let message = "input_reference and image_reference cannot both be given";
        return Err(wire::invalid(message, None, None));
    }
    Ok(())
}

fn dimensions(form: &Form) -> Result<(u32, u32), Problem> {
    if let Some(size) = form.text("size") {
        return sides(&size)
            .ok_or_else(|| field("size", "String should match pattern '^\\d+x\\d+$'"));
    }
    let of = |name: &'static str, default: u32| match form.fields.get(name) {
        Some(value) => {
            side(value).ok_or_else(|| field(name, "Input should be a valid integer greater than 0"))
        }
        None => Ok(default),
    };
    Ok((of("width", 832)?, of("height", 480)?))
}

/// `seconds`, or frames by their rate.
fn length(form: &Form) -> Result<u64, Problem> {
    if let Some(text) = form.fields.get("seconds") {
        return seconds(text)
            .ok_or_else(|| field("seconds", "String should match pattern '^[1-9]\\d*$'"));
    }
    let number = |name: &str| form.fields.get(name).and_then(whole).filter(|it| *it > 0);
    let rate = number("fps").unwrap_or(24);
    Ok(number("num_frames").map_or(4, |frames| (frames / rate).clamp(1, super::LONGEST)))
}

/// The status, and the code, of a failed job.
pub(in crate::openai) fn status_of(failure: &Failure) -> StatusCode {
    match failure.cause {
        _ if failure.generic => StatusCode::INTERNAL_SERVER_ERROR,
        Cause::ContentModeration | Cause::InvalidRequest => StatusCode::BAD_REQUEST,
        Cause::Capacity => StatusCode::SERVICE_UNAVAILABLE,
        Cause::DependencyTimeout => StatusCode::GATEWAY_TIMEOUT,
        Cause::RuntimeError | Cause::Account => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The video object: the code of an error is a number.
pub(in crate::openai) fn video(desk: &EmulatorContext, job: &JobView) -> Value {
    const FPS: u64 = 24;
    let mut video = wire::video(desk, job);
    let is_done = matches!(job.state, Job::Done);
    let seconds = job.create.millis / 1000;
    let took = job.ended_at.map(|end| end.duration_since(job.starts_at).as_secs_f64());
    video["quality"] = json!("lossless");
    video["media_type"] = json!("video/mp4");
    video["file_name"] = json!(is_done.then(|| format!("{}.mp4", job.id())));
    video["fps"] = json!(is_done.then_some(FPS));
    video["num_frames"] = json!(is_done.then_some(FPS * seconds));
    video["duration_s"] = json!(is_done.then_some(seconds));
    video["inference_time_s"] = json!(took.filter(|_| is_done));
    video["peak_memory_mb"] = json!(is_done.then_some(40_960));
    video["metrics"] = Value::Null;
    video["action"] = Value::Null;
    if let Job::Failed(failure) = &job.state {
        video["error"]["code"] = json!(status_of(failure).as_u16());
    }
    video
}

/// Everything is a `detail`, but for the key, which is checked before the framework.
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let is_key = matches!(
        problem.reason,
        Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked)
    );
    let message = &problem.message;
    problem.answer(match (problem.status, problem.param) {
        _ if is_key => json!({ "error": "Unauthorized" }),
        (StatusCode::UNPROCESSABLE_ENTITY, Some(name)) => {
            let (kind, place) = (problem.kind, ["body", name]);
            json!({ "detail": [{ "type": kind, "loc": place, "msg": message, "input": null }] })
        }
        (StatusCode::NOT_FOUND, _) => json!({ "detail": "Video not found" }),
        _ => json!({ "detail": message }),
    })
}

/// How long a caller of the synchronous route is kept waiting.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// `POST /v1/videos/sync`: the video itself, when it is done.
async fn sync(State(desk): State<EmulatorContext>, request: Request) -> Response {
    let create = match Dialect::Vllm.read(&desk, request).await {
        Ok(create) => create,
        Err(problem) => return word(&problem),
    };
    let mut job = match desk.admit(create).await {
        Ok(job) => job,
        Err(CallError::Cut(response)) => return response,
        Err(setback) => return Dialect::Vllm.setback(setback, ""),
    };
    let deadline = later(job.accepted_at, PATIENCE);
    while !job.state.has_ended() {
        let next = job.changes_at.filter(|at| *at < deadline);
        desk.clock().hold_until(next.unwrap_or(deadline)).await;
        let seen = desk.look(job.id());
        let Some(seen) = seen.filter(|seen| next.is_some() || seen.state.has_ended()) else {
            desk.cancel(job.id());
            let body = Json(json!({ "detail": "Video generation timed out" }));
            return (StatusCode::GATEWAY_TIMEOUT, body).into_response();
        };
        job = seen;
    }
    delivered(&desk, &job).await
}

async fn delivered(desk: &EmulatorContext, job: &JobView) -> Response {
    if let Job::Failed(failure) = &job.state {
        let body = Json(json!({ "detail": wire::failure(failure).1 }));
        return (status_of(failure), body).into_response();
    }
    let film = match super::film(desk, job, &HeaderMap::new()).await {
        Ok(film) => film,
        Err(problem) => return word(&problem),
    };
    let took = job.ended_at.map(|end| end.duration_since(job.starts_at).as_secs_f64());
    let film = wire::with(film, "x-request-id", job.id());
    let film = wire::with(film, "x-model", &job.create.model);
    wire::with(film, "x-inference-time-s", &took.unwrap_or_default().to_string())
}

/// Deleting a running job aborts it.
async fn delete(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match Dialect::Vllm.find(&desk, &headers, &id) {
        Ok(_) => {
            desk.cancel(&id);
            desk.delete(&id);
            Json(json!({ "id": id, "object": "video.deleted", "deleted": true })).into_response()
        }
        Err(problem) => word(&problem),
    }
}

async fn content(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let detail =
        |status: StatusCode, text: &str| (status, Json(json!({ "detail": text }))).into_response();
    let job = match Dialect::Vllm.find(&desk, &headers, &id) {
        Ok(job) => job,
        Err(problem) => return word(&problem),
    };
    match (&job.state, super::film(&desk, &job, &headers).await) {
        (_, Ok(response)) => response,
        (Job::Failed(_), _) => detail(StatusCode::UNPROCESSABLE_ENTITY, "Video generation failed"),
        (Job::Done, Err(problem)) => word(&problem),
        (_, Err(_)) => detail(StatusCode::NOT_FOUND, "Video is not ready"),
    }
}
