//! `SGLang` Diffusion: JSON or a form, files by number, errors without codes, and a DELETE that
//! does not abort the job.
//!
//! From the source of version 0.5.23. In JSON an image is its URL, and seconds are a number.

use std::collections::HashMap;

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{DEFAULT_SECOND_MICROS, parse_seconds, parse_size, whole_number};
use crate::{
    auth::KeySource,
    emulator_context::EmulatorContext,
    openai::{
        dialect::{self, Caller, Dialect, DialectRef},
        errors::{self, ApiError},
        video_object, videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, JobState, JobView},
};

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/sglang/v1/videos", post(videos::create).get(videos::list))
        .at("/sglang/v1/videos/{id}", get(videos::retrieve).delete(delete))
        .at("/sglang/v1/videos/{id}/content", get(content))
        .layer(Extension(&Sglang as DialectRef))
}

/// The dialect of the server.
struct Sglang;

impl Dialect for Sglang {
    fn name(&self) -> &'static str {
        "sglang"
    }

    fn key_sources(&self) -> &'static [KeySource] {
        dialect::BEARER_OR_NONE
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        context.new_uuid()
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

fn invalid_request(name: &'static str, expected: &str) -> ApiError {
    let message = format!("Invalid request body: {name}: {expected}");
    errors::invalid(&message, Some(name), None)
}

fn parse_create(form: &Form) -> Result<Create, ApiError> {
    let prompt = form.fields.get("prompt").and_then(Value::as_str);
    let prompt = prompt.ok_or_else(|| errors::invalid("prompt is required", None, None))?;
    for name in ["input_reference", "reference_url", "video_url", "video_path"] {
        if form.fields.get(name).is_some_and(|it| !it.is_string() && !it.is_null()) {
            return Err(invalid_request(name, "Input should be a valid string"));
        }
    }
    let or = |name: &str, default: u64| {
        form.fields.get(name).filter(|it| !it.is_null()).cloned().unwrap_or(json!(default))
    };
    let seconds = parse_seconds(&or("seconds", 4));
    let seconds =
        seconds.ok_or_else(|| invalid_request("seconds", "Input should be a valid integer"))?;
    let outputs = whole_number(&or("n", 1)).filter(|it| (1..=10).contains(it));
    let outputs = outputs.ok_or_else(|| invalid_request("n", "Input should be from 1 to 10"))?;
    let size = form.text("size").filter(|size| !size.is_empty());
    let size = size.map_or(Some((1280, 720)), |size| parse_size(&size));
    let (width, height) = size.ok_or_else(|| invalid_request("size", "Invalid size"))?;
    Ok(Create {
        model: form.text("model").unwrap_or_else(|| "sora-2".to_owned()),
        prompt: prompt.to_owned(),
        price_micros: DEFAULT_SECOND_MICROS * seconds * outputs,
        millis: seconds * 1000,
        width,
        height,
        outputs: u32::try_from(outputs).unwrap_or(1),
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// The video object: an error is a message only, and the files are paths on the server.
fn video(context: &EmulatorContext, job: &JobView) -> Value {
    let mut video = video_object::video_json(context, job);
    if let Some(error) = video["error"].as_object_mut() {
        error.remove("code");
    }
    if !job.create.request.get("size").is_some_and(Value::is_string) {
        video["size"] = json!("");
    }
    let is_done = matches!(job.state, JobState::Done) && !job.has_no_video();
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

/// An error: the framework's `detail`.
fn error_response(error: &ApiError) -> Response {
    let message = match error.status {
        StatusCode::NOT_FOUND => "Video not found",
        _ => error.message.as_str(),
    };
    error.respond(json!({ "detail": message }))
}

/// Responds with the video, whose status is `deleted`; the job is not aborted.
async fn delete(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match dialect.find(&context, &caller.key, &id) {
        Ok(job) => {
            let mut video = video(&context, &job);
            video["status"] = json!("deleted");
            context.delete(&id);
            Json(video).into_response()
        }
        Err(error) => error_response(&error),
    }
}

/// Serves an output by its number, `variant`; `video` and `thumbnail` are not supported.
async fn content(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let detail =
        |text: &str| (StatusCode::NOT_FOUND, Json(json!({ "detail": text }))).into_response();
    let job = match dialect.find(&context, &caller.key, &id) {
        Ok(job) => job,
        Err(error) => return error_response(&error),
    };
    if !job.state.has_ended() {
        return detail("Generation is still in-progress");
    }
    let nth = query.get("variant").map_or(Ok(0), |it| it.parse::<u32>());
    if !nth.is_ok_and(|nth| nth < job.outputs()) {
        return detail("Variant not found");
    }
    super::serve_video(&context, &job, &headers)
        .await
        .unwrap_or_else(|error| error_response(&error))
}
