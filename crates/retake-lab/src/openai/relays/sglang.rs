//! `SGLang` Diffusion: JSON or a form, files by number, errors without codes, and a DELETE that lets
//! the job run on.
//!
//! From the source of version 0.5.23. In JSON a picture is the text of its address, and seconds are
//! a number.

use std::collections::HashMap;

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{SECOND, seconds, sides, whole};
use crate::{
    emulator_context::EmulatorContext,
    intake::Form,
    openai::{
        dialect::Dialect,
        videos,
        wire::{self, Problem},
    },
    routes::At as _,
    simulator::{Create, JobView, State as Job},
};

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/sglang/v1/videos", post(videos::create).get(videos::list))
        .at("/sglang/v1/videos/{id}", get(videos::retrieve).delete(delete))
        .at("/sglang/v1/videos/{id}/content", get(content))
        .layer(Extension(Dialect::Sglang))
}

fn unfit(name: &'static str, expected: &str) -> Problem {
    let message = format!("Invalid request body: {name}: {expected}");
    wire::invalid(&message, Some(name), None)
}

pub(in crate::openai) fn ask(form: &Form) -> Result<Create, Problem> {
    let prompt = form.fields.get("prompt").and_then(Value::as_str);
    let prompt = prompt.ok_or_else(|| wire::invalid("prompt is required", None, None))?;
    for name in ["input_reference", "reference_url", "video_url", "video_path"] {
        if form.fields.get(name).is_some_and(|it| !it.is_string() && !it.is_null()) {
            return Err(unfit(name, "Input should be a valid string"));
        }
    }
    let or = |name: &str, default: u64| {
        form.fields.get(name).filter(|it| !it.is_null()).cloned().unwrap_or(json!(default))
    };
    let seconds = seconds(&or("seconds", 4));
    let seconds = seconds.ok_or_else(|| unfit("seconds", "Input should be a valid integer"))?;
    let outputs = whole(&or("n", 1)).filter(|it| (1..=10).contains(it));
    let outputs = outputs.ok_or_else(|| unfit("n", "Input should be from 1 to 10"))?;
    let size = form.text("size").filter(|size| !size.is_empty());
    let size = size.map_or(Some((1280, 720)), |size| sides(&size));
    let (width, height) = size.ok_or_else(|| unfit("size", "Invalid size"))?;
    Ok(Create {
        model: form.text("model").unwrap_or_else(|| "sora-2".to_owned()),
        prompt: prompt.to_owned(),
        price_micros: SECOND * seconds * outputs,
        millis: seconds * 1000,
        width,
        height,
        outputs: u32::try_from(outputs).unwrap_or(1),
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// The video object: an error is a message only, and the files are paths on the server.
pub(in crate::openai) fn video(desk: &EmulatorContext, job: &JobView) -> Value {
    let mut video = wire::video(desk, job);
    if let Some(error) = video["error"].as_object_mut() {
        error.remove("code");
    }
    if !job.create.request.get("size").is_some_and(Value::is_string) {
        video["size"] = json!("");
    }
    let is_done = matches!(job.state, Job::Done) && !job.is_empty();
    let paths: Vec<String> = (0..if is_done { job.outputs() } else { 0 })
        .map(|nth| format!("outputs/{}_{nth}.mp4", job.id()))
        .collect();
    let took = job.ended_at.map(|end| end.duration_since(job.starts_at).as_secs_f64());
    video["quality"] = json!("standard");
    video["url"] = Value::Null;
    video["urls"] = Value::Null;
    video["file_path"] = json!(paths.first());
    video["num_outputs"] = json!(job.create.outputs);
    video["file_paths"] = json!(is_done.then_some(paths));
    video["inference_time_s"] = json!(took.filter(|_| is_done));
    video["peak_memory_mb"] = json!(is_done.then_some(40_960.0));
    video["revised_prompt"] = Value::Null;
    video
}

/// The framework's `detail`.
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let message = match problem.status {
        StatusCode::NOT_FOUND => "Video not found",
        _ => problem.message.as_str(),
    };
    problem.answer(json!({ "detail": message }))
}

/// Answers with the video, whose status is `deleted`; the job is not aborted.
async fn delete(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match Dialect::Sglang.find(&desk, &headers, &id) {
        Ok(job) => {
            let mut video = video(&desk, &job);
            video["status"] = json!("deleted");
            desk.delete(&id);
            Json(video).into_response()
        }
        Err(problem) => word(&problem),
    }
}

/// A variant is the number of an output; `video` and `thumbnail` are none.
async fn content(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let detail =
        |text: &str| (StatusCode::NOT_FOUND, Json(json!({ "detail": text }))).into_response();
    let job = match Dialect::Sglang.find(&desk, &headers, &id) {
        Ok(job) => job,
        Err(problem) => return word(&problem),
    };
    if !job.state.has_ended() {
        return detail("Generation is still in-progress");
    }
    let nth = query.get("variant").map_or(Ok(0), |it| it.parse::<u32>());
    if !nth.is_ok_and(|nth| nth < job.outputs()) {
        return detail("Variant not found");
    }
    super::film(&desk, &job, &headers).await.unwrap_or_else(|problem| word(&problem))
}
