//! vLLM-Omni: forms only, JSON as text in their fields, any size and length, and an error status
//! for polls of failed jobs.
//!
//! From the source of version 0.30.0. It serves one model; the lab serves any.

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{DEFAULT_SECOND_MICROS, parse_seconds, parse_side, parse_size, whole_number};
use crate::{
    auth::KeySource,
    clock::later,
    emulator_context::{CallError, EmulatorContext},
    fault::Cause,
    headers::with_header,
    openai::{
        dialect::{self, Caller, Dialect, DialectRef},
        errors::{self, ApiError, error},
        video_object, videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, Failure, JobState, JobView, Reason},
};

/// Fields whose text is JSON.
const JSON_FIELDS: [&str; 5] =
    ["image_reference", "video_reference", "audio_reference", "lora", "extra_params"];

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/vllm/v1/videos", post(videos::create).get(videos::list))
        .at("/vllm/v1/videos/sync", post(sync))
        .at("/vllm/v1/videos/{id}", get(videos::retrieve).delete(delete))
        .at("/vllm/v1/videos/{id}/content", get(content))
        .layer(Extension(&Vllm as DialectRef))
}

/// The dialect of the server.
struct Vllm;

impl Dialect for Vllm {
    fn name(&self) -> &'static str {
        "vllm-omni"
    }

    fn key_sources(&self) -> &'static [KeySource] {
        dialect::BEARER_OR_NONE
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("video_gen_{}", context.new_hex_id(32))
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

    fn failed_status(&self, failure: &Failure) -> StatusCode {
        failed_status(failure)
    }

    fn error_response(&self, error: &ApiError) -> Response {
        error_response(error)
    }
}

/// The framework's error for a field: a list of details, with the path of the field.
fn field_error(name: &'static str, message: &str) -> ApiError {
    error(StatusCode::UNPROCESSABLE_ENTITY, message, "value_error", Some(name), None)
}

fn parse_create(form: &Form) -> Result<Create, ApiError> {
    let prompt = form.text("prompt").filter(|_| form.is_multipart);
    let missing = || ApiError { kind: "missing", ..field_error("prompt", "Field required") };
    let prompt = prompt.ok_or_else(missing)?;
    check_references(form)?;
    let (width, height) = read_dimensions(form)?;
    let seconds = read_seconds(form)?;
    if let Some(outputs) = form.fields.get("num_outputs_per_prompt") {
        let fits = whole_number(outputs).is_some_and(|it| (1..=10).contains(&it));
        fits.then_some(()).ok_or_else(|| {
            field_error("num_outputs_per_prompt", "Input should be between 1 and 10")
        })?;
    }
    let is = |name: &str| form.text(name).is_some_and(|it| it.eq_ignore_ascii_case("true"));
    Ok(Create {
        model: form.text("model").unwrap_or_else(|| "the-served-model".to_owned()),
        prompt,
        price_micros: DEFAULT_SECOND_MICROS * seconds,
        millis: seconds * 1000,
        width,
        height,
        audio: is("generate_sound"),
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// Checks the references. Bracket notation is not supported.
fn check_references(form: &Form) -> Result<(), ApiError> {
    for name in JSON_FIELDS {
        let text = form.fields.get(name).and_then(Value::as_str);
        let read = text.map(serde_json::from_str::<Value>);
        if read.is_some_and(|read| !read.is_ok_and(|it| it.is_object())) {
            let message = format!("Invalid JSON in form field '{name}'");
            return Err(errors::invalid(&message, Some(name), None));
        }
    }
    if form.fields.get("input_reference").is_some_and(Value::is_string) {
        return Err(field_error("input_reference", "Value error, Expected UploadFile"));
    }
    let has = |name: &str| form.fields.get(name).is_some_and(Value::is_string);
    if form.file("input_reference").is_some() && has("image_reference") {
        let message = "input_reference and image_reference cannot both be given";
        return Err(errors::invalid(message, None, None));
    }
    Ok(())
}

fn read_dimensions(form: &Form) -> Result<(u32, u32), ApiError> {
    if let Some(size) = form.text("size") {
        return parse_size(&size)
            .ok_or_else(|| field_error("size", "String should match pattern '^\\d+x\\d+$'"));
    }
    let dimension = |name: &'static str, default: u32| match form.fields.get(name) {
        Some(value) => parse_side(value)
            .ok_or_else(|| field_error(name, "Input should be a valid integer greater than 0")),
        None => Ok(default),
    };
    Ok((dimension("width", 832)?, dimension("height", 480)?))
}

/// The length: `seconds`, or the number of frames by their rate.
fn read_seconds(form: &Form) -> Result<u64, ApiError> {
    if let Some(text) = form.fields.get("seconds") {
        return parse_seconds(text)
            .ok_or_else(|| field_error("seconds", "String should match pattern '^[1-9]\\d*$'"));
    }
    let number = |name: &str| form.fields.get(name).and_then(whole_number).filter(|it| *it > 0);
    let rate = number("fps").unwrap_or(24);
    Ok(number("num_frames").map_or(4, |frames| (frames / rate).clamp(1, super::MAX_SECONDS)))
}

/// The HTTP status, and the error code, of a failed job.
fn failed_status(failure: &Failure) -> StatusCode {
    match failure.cause {
        _ if failure.is_generic => StatusCode::INTERNAL_SERVER_ERROR,
        Cause::ContentModeration | Cause::InvalidRequest => StatusCode::BAD_REQUEST,
        Cause::Capacity => StatusCode::SERVICE_UNAVAILABLE,
        Cause::DependencyTimeout => StatusCode::GATEWAY_TIMEOUT,
        Cause::RuntimeError | Cause::Account => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The video object: the code of an error is a number.
fn video(context: &EmulatorContext, job: &JobView) -> Value {
    const FPS: u64 = 24;
    let mut video = video_object::video_json(context, job);
    let is_done = matches!(job.state, JobState::Done);
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
    if let JobState::Failed(failure) = &job.state {
        video["error"]["code"] = json!(failed_status(failure).as_u16());
    }
    video
}

/// An error is a `detail`, except for the key, which is checked before the framework.
fn error_response(error: &ApiError) -> Response {
    let is_key =
        matches!(error.reason, Some(Reason::MissingKey | Reason::UnknownKey | Reason::KeyRevoked));
    let message = &error.message;
    error.respond(match (error.status, error.param) {
        _ if is_key => json!({ "error": "Unauthorized" }),
        (StatusCode::UNPROCESSABLE_ENTITY, Some(name)) => {
            let (kind, place) = (error.kind, ["body", name]);
            json!({ "detail": [{ "type": kind, "loc": place, "msg": message, "input": null }] })
        }
        (StatusCode::NOT_FOUND, _) => json!({ "detail": "Video not found" }),
        _ => json!({ "detail": message }),
    })
}

/// The timeout of the synchronous route.
const SYNC_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// `POST /v1/videos/sync`: responds with the video itself when it is done.
async fn sync(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let create = match dialect.read(&context, caller.key, request).await {
        Ok(create) => create,
        Err(error) => return error_response(&error),
    };
    let mut job = match context.admit(create).await {
        Ok(job) => job,
        Err(CallError::Response(response)) => return response,
        Err(call_error) => return dialect.call_error_response(call_error, ""),
    };
    let deadline = later(job.accepted_at, SYNC_TIMEOUT);
    while !job.state.has_ended() {
        let next = job.next_change_at.filter(|at| *at < deadline);
        context.clock().hold_until(next.unwrap_or(deadline)).await;
        let seen = context.find_job(job.id());
        let Some(seen) = seen.filter(|seen| next.is_some() || seen.state.has_ended()) else {
            context.cancel(job.id());
            let body = Json(json!({ "detail": "Video generation timed out" }));
            return (StatusCode::GATEWAY_TIMEOUT, body).into_response();
        };
        job = seen;
    }
    deliver_video(&context, &job).await
}

async fn deliver_video(context: &EmulatorContext, job: &JobView) -> Response {
    if let JobState::Failed(failure) = &job.state {
        let body = Json(json!({ "detail": errors::failure(failure).1 }));
        return (failed_status(failure), body).into_response();
    }
    let response = match super::serve_video(context, job, &HeaderMap::new()).await {
        Ok(response) => response,
        Err(error) => return error_response(&error),
    };
    let took = job.ended_at.map(|end| end.duration_since(job.starts_at).as_secs_f64());
    let response = with_header(response, "x-request-id", job.id());
    let response = with_header(response, "x-model", &job.create.model);
    with_header(response, "x-inference-time-s", &took.unwrap_or_default().to_string())
}

/// Deleting a running job aborts it.
async fn delete(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match dialect.find(&context, &caller.key, &id) {
        Ok(_) => {
            context.cancel(&id);
            context.delete(&id);
            Json(json!({ "id": id, "object": "video.deleted", "deleted": true })).into_response()
        }
        Err(error) => error_response(&error),
    }
}

async fn content(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let detail =
        |status: StatusCode, text: &str| (status, Json(json!({ "detail": text }))).into_response();
    let job = match dialect.find(&context, &caller.key, &id) {
        Ok(job) => job,
        Err(error) => return error_response(&error),
    };
    match (&job.state, super::serve_video(&context, &job, &headers).await) {
        (_, Ok(response)) => response,
        (JobState::Failed(_), _) => {
            detail(StatusCode::UNPROCESSABLE_ENTITY, "Video generation failed")
        }
        (JobState::Done, Err(error)) => error_response(&error),
        (_, Err(_)) => detail(StatusCode::NOT_FOUND, "Video is not ready"),
    }
}
