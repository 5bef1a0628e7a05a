//! Azure's older shape, of Sora 1: a job that ends in generations, each with an id of its own.
//!
//! From Microsoft's documentation of 2025, `PyRIT`'s client of it and other clients (2026-11-21). A
//! failure is one word, without a message.

use std::collections::HashMap;

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{azure, nothing, side, whole, wrong};
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    fault::Cause,
    intake::Form,
    openai::{
        ask,
        dialect::Dialect,
        videos,
        wire::{self, Problem},
    },
    routes::At as _,
    simulator::{Create, Failure, JobView, State as Job},
};

/// Sides of the sizes, the shorter first, and how many variants each allows (Microsoft, 2025).
const SIZES: [(u32, u32, u64); 6] =
    [(480, 480, 4), (480, 854, 4), (720, 720, 2), (720, 1280, 2), (1080, 1080, 1), (1080, 1920, 1)];
const LONGEST: u64 = 20;
/// How long a job and its files are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    const BASE: &str = "/azure/openai/v1/video/generations";
    let at = |path: &str| format!("{BASE}{path}");
    Router::new()
        .at(&at("/jobs"), post(create).get(list))
        .at(&at("/jobs/{id}"), get(retrieve).delete(delete))
        .at(&at("/{id}"), get(generation))
        .at(&at("/{id}/content/video"), get(content))
        .layer(Extension(Dialect::AzureJobs))
}

type Words = Query<HashMap<String, String>>;

/// Every call names the preview; without it there is no such resource.
fn version(query: &HashMap<String, String>) -> Result<(), Response> {
    if query.get("api-version").is_some_and(|version| version == "preview") {
        return Ok(());
    }
    let body = json!({ "error": { "code": "404", "message": "Resource not found" } });
    Err((StatusCode::NOT_FOUND, Json(body)).into_response())
}

async fn create(
    desk: State<EmulatorContext>,
    dialect: Extension<Dialect>,
    Query(query): Words,
    request: Request,
) -> Response {
    if let Err(refused) = version(&query) {
        return refused;
    }
    let mut response = videos::create(desk, dialect, request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

async fn retrieve(
    desk: State<EmulatorContext>,
    dialect: Extension<Dialect>,
    Query(query): Words,
    id: Path<String>,
    headers: HeaderMap,
) -> Response {
    match version(&query) {
        Ok(()) => videos::retrieve(desk, dialect, id, headers).await,
        Err(refused) => refused,
    }
}

async fn list(
    desk: State<EmulatorContext>,
    dialect: Extension<Dialect>,
    Query(query): Words,
    headers: HeaderMap,
) -> Response {
    match version(&query) {
        Ok(()) => videos::list(desk, dialect, Query(query), headers).await,
        Err(refused) => refused,
    }
}

async fn delete(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Path(id): Path<String>,
    Query(query): Words,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = version(&query) {
        return refused;
    }
    match dialect.find(&desk, &headers, &id) {
        Ok(job) => {
            desk.delete(job.id());
            nothing(StatusCode::NO_CONTENT)
        }
        Err(problem) => dialect.word(problem),
    }
}

/// A generation, by its own id: the job's with the number of the variant behind.
fn made(desk: &EmulatorContext, headers: &HeaderMap, id: &str) -> Result<(JobView, u32), Problem> {
    let dialect = Dialect::AzureJobs;
    dialect.key(desk, headers)?;
    let parts = id.strip_prefix("gen_").and_then(|rest| rest.split_at_checked(26));
    let parts = parts.and_then(|(job, nth)| Some((format!("task_{job}"), nth.parse().ok()?)));
    let (job, nth) = parts.ok_or_else(|| wire::missing(id))?;
    let job = dialect.find(desk, headers, &job).map_err(|_| wire::missing(id))?;
    if matches!(job.state, Job::Done) && nth < job.outputs() {
        return Ok((job, nth));
    }
    Err(wire::missing(id))
}

async fn generation(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Query(query): Words,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = version(&query) {
        return refused;
    }
    match made(&desk, &headers, &id) {
        Ok((job, nth)) => Json(described(&job, nth)).into_response(),
        Err(problem) => Dialect::AzureJobs.word(problem),
    }
}

async fn content(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Query(query): Words,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = version(&query) {
        return refused;
    }
    let served = async {
        let (job, _) = made(&desk, &headers, &id)?;
        super::film(&desk, &job, &headers).await
    };
    served.await.unwrap_or_else(|problem| Dialect::AzureJobs.word(problem))
}

/// Numbers may come as text. Pictures come as files of a form whose `inpaint_items` is JSON text.
pub(in crate::openai) fn ask(desk: &EmulatorContext, form: &Form) -> Result<Create, Problem> {
    let model = azure::deployment(desk, form)?;
    let prompt = ask::prompt(form)?;
    let or =
        |name: &str, default: u64| form.fields.get(name).cloned().unwrap_or_else(|| json!(default));
    let (width, height) = (side(&or("width", 480)), side(&or("height", 480)));
    let (width, height) = width.zip(height).ok_or_else(|| wrong("width", "a known size"))?;
    let sides = (width.min(height), width.max(height));
    let size = SIZES.into_iter().find(|(short, long, _)| (*short, *long) == sides);
    let (.., most) = size.ok_or_else(|| wrong("width", "a known size"))?;
    let seconds = whole(&or("n_seconds", 5)).filter(|it| (1..=LONGEST).contains(it));
    let seconds = seconds.ok_or_else(|| wrong("n_seconds", "1 to 20"))?;
    let variants = whole(&or("n_variants", 1)).filter(|it| (1..=most).contains(it));
    let variants = variants.ok_or_else(|| wrong("n_variants", "fewer variants at this size"))?;
    pictures(form)?;
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

fn pictures(form: &Form) -> Result<(), Problem> {
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
    Err(wrong("inpaint_items", "a list of items, each with the name of a file of the form"))
}

fn described(job: &JobView, nth: u32) -> Value {
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

/// One of three words (`PyRIT`, 2026).
fn reason(failure: &Failure) -> &'static str {
    match (failure.cause, failure.shape.as_deref()) {
        _ if failure.generic => "internal_error",
        (Cause::ContentModeration, Some("input")) => "input_moderation",
        (Cause::ContentModeration, Some("output")) => "output_moderation",
        (Cause::ContentModeration, _) => failure.pick(&["input_moderation", "output_moderation"]),
        _ => "internal_error",
    }
}

/// The job object.
pub(in crate::openai) fn job(_: &EmulatorContext, job: &JobView) -> Value {
    let create = &job.create;
    let (status, failure) = match &job.state {
        Job::Queued { .. } => ("queued", None),
        Job::Running { progress } if *progress < 0.1 => ("preprocessing", None),
        Job::Running { .. } => {
            (job.odd_status(&["processing", "pending"]).unwrap_or("running"), None)
        }
        Job::Done => (job.word_of_done("succeeded", "failed"), None),
        Job::Failed(failure) => ("failed", Some(reason(failure))),
        Job::Cancelled => ("cancelled", None),
    };
    let made = if matches!(job.state, Job::Done) { job.outputs() } else { 0 };
    let generations: Vec<Value> = (0..made).map(|nth| described(job, nth)).collect();
    json!({
        "object": "video.generation.job",
        "id": job.id(),
        "status": status,
        "created_at": job.accepted_at.as_second(),
        "finished_at": job.ended_at.map(Timestamp::as_second),
        "expires_at": later(job.accepted_at, KEPT).as_second(),
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
