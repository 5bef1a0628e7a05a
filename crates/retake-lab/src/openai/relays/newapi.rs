//! new-api, which most resellers run: create fields of its own beside those of Sora, an object
//! without empty fields, a second pair of routes, and neither list nor DELETE.
//!
//! From its router and its data types in the repository `QuantumNous/new-api`, and its pages about
//! the Sora format (2026-11-21).

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{DEFAULT_SECOND_MICROS, invalid_param, parse_seconds, parse_side, parse_size};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    openai::{
        create_request, derived,
        dialect::{Caller, Dialect, DialectRef},
        errors::{self, ApiError},
        video_object, videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, JobState, JobView, Reason},
};

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/newapi/v1/videos", post(videos::create))
        .at("/newapi/v1/videos/{id}", get(videos::retrieve))
        .at("/newapi/v1/videos/{id}/content", get(videos::content))
        .at("/newapi/v1/videos/{id}/remix", post(derived::remix))
        .at("/newapi/v1/video/generations", post(create))
        .at("/newapi/v1/video/generations/{id}", get(retrieve))
        .layer(Extension(&NewApi as DialectRef))
}

/// The dialect of new-api.
struct NewApi;

impl Dialect for NewApi {
    fn name(&self) -> &'static str {
        "newapi"
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("task_{}", context.new_hex_id(32))
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

/// Parses a create with Sora's fields, or with `duration`, `width`, `height` and `image`.
fn parse_create(form: &Form) -> Result<Create, ApiError> {
    let model = form.text("model").filter(|it| !it.is_empty());
    let model = model.ok_or_else(|| invalid_param("model", "a name"))?;
    let prompt = create_request::read_prompt(form)?;
    let field = |name: &str| form.fields.get(name).filter(|it| !it.is_null());
    let asked = field("seconds").or_else(|| field("duration")).cloned().unwrap_or(json!(4));
    let length = asked.as_f64().map_or_else(|| parse_seconds(&asked), whole_seconds);
    let length = length.ok_or_else(|| invalid_param("seconds", "a length in seconds"))?;
    let (width, height) = read_dimensions(form)?;
    if field("image").is_some_and(|image| !image.is_string()) {
        return Err(invalid_param("image", "a URL or Base64"));
    }
    Ok(Create {
        model,
        prompt,
        price_micros: DEFAULT_SECOND_MICROS * length,
        millis: length * 1000,
        width,
        height,
        audio: true,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

/// Rounds `duration`, which need not be a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
fn whole_seconds(number: f64) -> Option<u64> {
    (number > 0.0)
        .then(|| number.ceil().clamp(1.0, 1e6) as u64)
        .filter(|it| *it <= super::MAX_SECONDS)
}

fn read_dimensions(form: &Form) -> Result<(u32, u32), ApiError> {
    if let Some(size) = form.text("size") {
        return parse_size(&size).ok_or_else(|| invalid_param("size", "a width and a height"));
    }
    let (width, height) = (form.fields.get("width"), form.fields.get("height"));
    match width.zip(height) {
        Some((width, height)) => parse_side(width)
            .zip(parse_side(height))
            .ok_or_else(|| invalid_param("width", "pixels")),
        None => Ok((720, 1280)),
    }
}

/// The video object: the id twice, the link in the metadata, and no empty fields.
fn video(context: &EmulatorContext, job: &JobView) -> Value {
    let mut video = video_object::video_json(context, job);
    let Some(fields) = video.as_object_mut() else { return video };
    fields.retain(|_, value| !value.is_null());
    fields.remove("prompt");
    fields.insert("task_id".to_owned(), json!(job.id()));
    if let Some(word) = job.odd_status(&["unknown"]) {
        fields.insert("status".to_owned(), json!(word));
    }
    if matches!(job.state, JobState::Done) {
        let tokens = job.create.millis / 10;
        let usage = json!({ "completion_tokens": tokens, "total_tokens": tokens });
        fields.insert("usage".to_owned(), usage);
        if !job.has_no_video() {
            fields.insert("metadata".to_owned(), json!({ "url": context.video_url(job, 0) }));
        }
    }
    video
}

/// An error in OpenAI's shape, with a type of its own where the relay refuses by itself.
fn error_response(error: &ApiError) -> Response {
    let is_own = matches!(
        error.reason,
        Some(
            Reason::MissingKey
                | Reason::UnknownKey
                | Reason::KeyRevoked
                | Reason::CreditOut
                | Reason::TooFast
        )
    );
    let kind = if is_own { "new_api_error" } else { error.kind };
    let (message, code) = (&error.message, error.code.unwrap_or_default());
    let param = error.param.unwrap_or_default();
    error.respond(json!({
        "error": { "message": message, "type": kind, "param": param, "code": code },
    }))
}

/// `POST /v1/video/generations`: the same create, with only an id and a status in the response.
async fn create(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let create = match dialect.read(&context, caller.key, request).await {
        Ok(create) => create,
        Err(error) => return error_response(&error),
    };
    match context.admit(create).await {
        Ok(job) => Json(json!({ "task_id": job.id(), "status": "queued" })).into_response(),
        Err(CallError::Response(response)) => response,
        Err(call_error) => dialect.call_error_response(call_error, ""),
    }
}

/// `GET /v1/video/generations/{id}`: the link is in `url`.
async fn retrieve(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    let job = match dialect.poll(&context, &caller.key, &id).await {
        Ok(job) => job,
        Err(response) => return response,
    };
    let mut task = json!({ "task_id": job.id(), "status": video(&context, &job)["status"] });
    let create = &job.create;
    match &job.state {
        JobState::Done if !job.has_no_video() => {
            task["url"] = json!(context.video_url(&job, 0));
            task["format"] = json!("mp4");
            let (duration, fps) = (create.millis / 1000, 24);
            let (width, height) = (create.width, create.height);
            task["metadata"] =
                json!({ "duration": duration, "fps": fps, "width": width, "height": height });
        }
        JobState::Failed(failure) => {
            let (code, message) = errors::failure(failure);
            task["error"] = json!({ "code": code, "message": message });
        }
        _ => {}
    }
    (StatusCode::OK, Json(task)).into_response()
}
