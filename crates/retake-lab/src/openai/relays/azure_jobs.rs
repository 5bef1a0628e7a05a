//! Azure's older API, for Sora 1: a job with generations, each with an id of its own.
//!
//! From Microsoft's documentation of 2025, `PyRIT`'s client of it and other clients (2026-11-21). A
//! failure has a reason code and no message.

use axum::{
    Extension, Json, Router,
    extract::{Path, Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{azure, invalid_param, parse_side, whole_number};
use crate::{
    auth::{self, KeySource},
    clock::later,
    emulator_context::EmulatorContext,
    fault::Cause,
    openai::{
        create_request,
        dialect::{self, Caller, Dialect, DialectRef},
        errors::{self, ApiError},
        videos,
    },
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, Failure, JobState, JobView},
};

/// The sizes, the shorter side first, and the maximum number of variants of each (Microsoft, 2025).
const SIZES: [(u32, u32, u64); 6] =
    [(480, 480, 4), (480, 854, 4), (720, 720, 2), (720, 1280, 2), (1080, 1080, 1), (1080, 1920, 1)];
const MAX_SECONDS: u64 = 20;
/// The lifetime of a job and its files.
const JOB_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn router() -> Router<EmulatorContext> {
    const BASE: &str = "/azure/openai/v1/video/generations";
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .at(&at("/jobs"), post(create).get(videos::list))
        .at(&at("/jobs/{id}"), get(videos::retrieve).delete(delete))
        .at(&at("/{id}"), get(generation))
        .at(&at("/{id}/content/video"), get(content))
        .layer(from_fn(require_preview_version))
        .layer(Extension(&AzureJobs as DialectRef))
}

/// The dialect of Azure's older API.
struct AzureJobs;

impl Dialect for AzureJobs {
    fn name(&self) -> &'static str {
        "azure-jobs"
    }

    fn key_sources(&self) -> &'static [KeySource] {
        dialect::BEARER_OR_API_KEY
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("task_01{}", context.new_hex_id(24))
    }

    fn parse_create(
        &self,
        context: &EmulatorContext,
        _key: &str,
        form: &Form,
    ) -> Result<Create, ApiError> {
        parse_create(context, form)
    }

    fn video(&self, _context: &EmulatorContext, job: &JobView) -> Value {
        job_json(job)
    }

    fn error_response(&self, error: &ApiError) -> Response {
        azure::error_response(error)
    }
}

/// Refuses calls that do not name the preview version.
async fn require_preview_version(request: Request, next: Next) -> Response {
    let version = auth::query_parameter(request.uri(), "api-version");
    if version.as_deref() == Some("preview") {
        return next.run(request).await;
    }
    let body = json!({ "error": { "code": "404", "message": "Resource not found" } });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

async fn create(
    context: State<EmulatorContext>,
    dialect: Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let mut response = videos::create(context, dialect, caller, request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

async fn delete(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match dialect.find(&context, &caller.key, &id) {
        Ok(job) => {
            context.delete(job.id());
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => dialect.error_response(&error),
    }
}

/// The generation of this id: the job's id with the number of the variant behind.
fn find_generation(
    context: &EmulatorContext,
    dialect: DialectRef,
    key: &str,
    id: &str,
) -> Result<(JobView, u32), ApiError> {
    let parts = id.strip_prefix("gen_").and_then(|rest| rest.split_at_checked(26));
    let parts = parts.and_then(|(job, nth)| Some((format!("task_{job}"), nth.parse().ok()?)));
    let (job, nth) = parts.ok_or_else(|| errors::video_not_found(id))?;
    let job = dialect.find(context, key, &job).map_err(|_| errors::video_not_found(id))?;
    if matches!(job.state, JobState::Done) && nth < job.outputs() {
        return Ok((job, nth));
    }
    Err(errors::video_not_found(id))
}

async fn generation(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match find_generation(&context, dialect, &caller.key, &id) {
        Ok((job, nth)) => Json(generation_json(&job, nth)).into_response(),
        Err(error) => dialect.error_response(&error),
    }
}

async fn content(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let (job, _) = find_generation(&context, dialect, &caller.key, &id)?;
        super::serve_video(&context, &job, &headers).await
    };
    served.await.unwrap_or_else(|error| dialect.error_response(&error))
}

/// Parses a create. Numbers may be text. Images are files of a form whose `inpaint_items` is JSON
/// text.
fn parse_create(context: &EmulatorContext, form: &Form) -> Result<Create, ApiError> {
    let model = azure::deployment(context, form)?;
    let prompt = create_request::read_prompt(form)?;
    let or =
        |name: &str, default: u64| form.fields.get(name).cloned().unwrap_or_else(|| json!(default));
    let (width, height) = (parse_side(&or("width", 480)), parse_side(&or("height", 480)));
    let (width, height) =
        width.zip(height).ok_or_else(|| invalid_param("width", "a known size"))?;
    let sides = (width.min(height), width.max(height));
    let size = SIZES.into_iter().find(|(short, long, _)| (*short, *long) == sides);
    let (.., most) = size.ok_or_else(|| invalid_param("width", "a known size"))?;
    let seconds = whole_number(&or("n_seconds", 5)).filter(|it| (1..=MAX_SECONDS).contains(it));
    let seconds = seconds.ok_or_else(|| invalid_param("n_seconds", "1 to 20"))?;
    let variants = whole_number(&or("n_variants", 1)).filter(|it| (1..=most).contains(it));
    let variants =
        variants.ok_or_else(|| invalid_param("n_variants", "fewer variants at this size"))?;
    check_images(form)?;
    Ok(Create {
        price_micros: 100_000 * seconds * variants,
        model,
        prompt,
        millis: seconds * 1000,
        width,
        height,
        outputs: u32::try_from(variants).unwrap_or(1),
        request: form.fields.clone(),
        ..Create::default()
    })
}

fn check_images(form: &Form) -> Result<(), ApiError> {
    let Some(items) = form.fields.get("inpaint_items") else { return Ok(()) };
    let read = items.as_str().map(serde_json::from_str);
    let items = match read {
        Some(Ok(items)) => items,
        Some(Err(_)) => Value::Null,
        None => items.clone(),
    };
    let is_item = |item: &Value| item.get("file_name").is_some_and(Value::is_string);
    let is_list = items.as_array().is_some_and(|items| items.iter().all(is_item));
    if is_list && form.is_multipart && !form.files.is_empty() {
        return Ok(());
    }
    Err(invalid_param("inpaint_items", "a list of items, each with the name of a file of the form"))
}

fn generation_json(job: &JobView, nth: u32) -> Value {
    let create = &job.create;
    json!({
        "object": "video.generation",
        "id": format!("gen_{}{nth}", job.id().strip_prefix("task_").unwrap_or_default()),
        "job_id": job.id(),
        "created_at": job.ended_at.map(Timestamp::as_second),
        "width": create.width,
        "height": create.height,
        "n_seconds": create.millis / 1000,
        "prompt": create.prompt,
    })
}

/// The reason of a failure, one of three (`PyRIT`, 2026).
fn reason(failure: &Failure) -> &'static str {
    match (failure.cause, failure.shape.as_deref()) {
        _ if failure.is_generic => "internal_error",
        (Cause::ContentModeration, Some("input")) => "input_moderation",
        (Cause::ContentModeration, Some("output")) => "output_moderation",
        (Cause::ContentModeration, _) => failure.pick(&["input_moderation", "output_moderation"]),
        _ => "internal_error",
    }
}

/// The job object.
fn job_json(job: &JobView) -> Value {
    let create = &job.create;
    let (status, failure) = match &job.state {
        JobState::Queued { .. } => ("queued", None),
        JobState::Running { progress } if *progress < 0.1 => ("preprocessing", None),
        JobState::Running { .. } => {
            (job.odd_status(&["processing", "pending"]).unwrap_or("running"), None)
        }
        JobState::Done => (job.done_status("succeeded", "failed"), None),
        JobState::Failed(failure) => ("failed", Some(reason(failure))),
        JobState::Cancelled => ("cancelled", None),
    };
    let made = if matches!(job.state, JobState::Done) { job.outputs() } else { 0 };
    let generations: Vec<Value> = (0..made).map(|nth| generation_json(job, nth)).collect();
    json!({
        "object": "video.generation.job",
        "id": job.id(),
        "status": status,
        "created_at": job.accepted_at.as_second(),
        "finished_at": job.ended_at.map(Timestamp::as_second),
        "expires_at": later(job.accepted_at, JOB_LIFETIME).as_second(),
        "generations": generations,
        "prompt": create.prompt,
        "model": create.model,
        "n_variants": create.outputs,
        "n_seconds": create.millis / 1000,
        "height": create.height,
        "width": create.width,
        "failure_reason": failure,
    })
}
