//! The Dream Machine API: `ray-2` and `ray-flash-2` (SDK 1.21.0 and Luma's pages, 2026-11-21).
//!
//! It echoes the request of every generation and lists them, so that a caller who lost a response
//! can find the job. Callbacks are neither signed nor reliable. Images are not emulated.

mod create_request;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{API, Caller, errors, find_own_job, format_time, is_from_api};
use crate::{
    emulator_context::{CallError, EmulatorContext, WebhookTrigger},
    fault::{Cause, FaultKind},
    request_body,
    router_ext::RouterExt as _,
    simulator::{Create, Failure, JobState, JobView, Reason, Refusal},
    webhook_sender::WebhookRequest,
};
use create_request::Kind;

/// The name that marks this API's jobs.
const NAME: &str = "dream-machine";
/// Millionths of a US dollar in a cent.
const MICROS_PER_CENT: u64 = 10_000;
/// A selection of the concepts.
const CONCEPTS: &[&str] = &["bolt_cam", "crane_up", "dolly_zoom", "orbit_left", "push_in"];

pub(super) fn routes(router: Router<EmulatorContext>, base: &str) -> Router<EmulatorContext> {
    let path = |rest: &str| format!("{base}{rest}");
    router
        .at(&path("/generations"), create_route(Kind::Video).get(list))
        .at(&path("/generations/video"), create_route(Kind::Video))
        .at(&path("/generations/video/modify"), create_route(Kind::Modify))
        .at(&path("/generations/video/reframe"), create_route(Kind::Reframe))
        .at(&path("/generations/image"), post(refuse_images))
        .at(&path("/generations/image/reframe"), post(refuse_images))
        .at(&path("/generations/{id}/upscale"), follow_up_route(Kind::Upscale))
        .at(&path("/generations/{id}/audio"), follow_up_route(Kind::Audio))
        .at(&path("/generations/{id}"), get(retrieve).delete(remove))
        .at(&path("/generations/concepts/list"), get(concepts))
        .at(&path("/credits"), get(credits))
        .at(&path("/ping"), get(ping))
}

fn create_route(kind: Kind) -> MethodRouter<EmulatorContext> {
    post(move |State(context): State<EmulatorContext>, caller, request: Request| {
        create(context, caller, (kind, None), request)
    })
}

/// The route of a create that continues another generation.
fn follow_up_route(kind: Kind) -> MethodRouter<EmulatorContext> {
    post(
        move |State(context): State<EmulatorContext>,
              Path(id): Path<String>,
              caller,
              request: Request| { create(context, caller, (kind, Some(id)), request) },
    )
}

async fn create(
    context: EmulatorContext,
    Caller { key, .. }: Caller,
    (kind, source): (Kind, Option<String>),
    request: Request,
) -> Response {
    let body = match request_body::read_json(request.into_body()).await {
        Ok(body) => body,
        Err(error) => return errors::error_response(400, error.to_string()),
    };
    let source = match source.map(|id| find_own_job(&context, &id, &key, NAME)) {
        Some(None) => return errors::call_error_response(CallError::Missing, error_text),
        found => found.flatten(),
    };
    let is_done = |id: &str| {
        find_own_job(&context, id, &key, NAME).map(|job| matches!(job.state, JobState::Done))
    };
    let create_request = match create_request::parse(kind, &body, source.as_ref(), &is_done) {
        Ok(create_request) => create_request,
        Err(refused) => return errors::error_response(refused.status, refused.detail),
    };
    let create = Create {
        id: context.new_uuid(),
        key: key.clone(),
        model: create_request.model,
        prompt: create_request.prompt,
        millis: create_request.millis,
        width: create_request.frame.0,
        height: create_request.frame.1,
        audio: kind == Kind::Audio,
        outputs: 1,
        price_micros: create_request.micros,
        request: create_request.echo,
        extra: json!({ API: NAME }),
    };
    match context.admit_with(create, |job| schedule_callback(&context, job)).await {
        Ok(job) => (StatusCode::CREATED, Json(generation_json(&context, &job))).into_response(),
        Err(call_error) => errors::call_error_response(call_error, error_text),
    }
}

async fn retrieve(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let polled = match find_own_job(&context, &id, &key, NAME) {
        Some(_) => context.poll(&id, Some(&key)).await,
        None => Err(CallError::Missing),
    };
    match polled {
        Ok(job) => Json(generation_json(&context, &job)).into_response(),
        Err(call_error) => errors::call_error_response(call_error, error_text),
    }
}

/// The requested part of the list.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default = "default_limit")]
    limit: usize,
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    10
}

/// `GET /generations`: the newest first (Luma documents no order).
async fn list(
    State(context): State<EmulatorContext>,
    Query(page): Query<Page>,
    Caller { key, .. }: Caller,
) -> Response {
    let jobs: Vec<_> =
        context.list_jobs(&key).into_iter().rev().filter(|job| is_from_api(job, NAME)).collect();
    let limit = page.limit.clamp(1, 100);
    let shown = jobs.iter().skip(page.offset).take(limit).map(|job| generation_json(&context, job));
    let shown: Vec<_> = shown.collect();
    Json(json!({
        "count": shown.len(),
        "has_more": page.offset.saturating_add(limit) < jobs.len(),
        "limit": limit, "offset": page.offset, "generations": shown,
    }))
    .into_response()
}

async fn remove(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let deleted = find_own_job(&context, &id, &key, NAME).and_then(|_| context.delete(&id));
    match deleted {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => errors::call_error_response(CallError::Missing, error_text),
    }
}

async fn concepts(_: Caller) -> Json<Value> {
    Json(json!(CONCEPTS))
}

async fn credits(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
) -> Json<Value> {
    let cents = context.account_status(&key).credit_micros / MICROS_PER_CENT;
    Json(json!({ "credit_balance": cents }))
}

async fn ping() -> Json<Value> {
    Json(json!({ "message": "pong" }))
}

async fn refuse_images() -> Response {
    errors::error_response(400, "The lab makes no images.")
}

/// Schedules the callback, for the start and the end, with three retries (Luma's page on
/// callbacks).
fn schedule_callback(context: &EmulatorContext, job: &JobView) {
    let Some(url) = job.create.request.get("callback_url").and_then(Value::as_str) else { return };
    let (url, shared) = (url.to_owned(), context.clone());
    context.schedule_webhooks(
        job,
        &[WebhookTrigger::Started, WebhookTrigger::Ended],
        &[0, 0, 0],
        move |event| {
            let body = generation_json(&shared, event.job).to_string().into_bytes();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            vec![WebhookRequest { url: url.clone(), headers, body }]
        },
    );
}

/// The generation, or only an error when the scenario asks for that.
fn generation_json(context: &EmulatorContext, job: &JobView) -> Value {
    let reason = match &job.state {
        JobState::Failed(failure) => Some(failure_reason(job, failure)),
        _ => None,
    };
    if let (Some(reason), Some(_)) = (reason, job.run_fault(FaultKind::ErrorIn200)) {
        return json!({ "detail": reason });
    }
    let state = match job.state {
        JobState::Queued { .. } => "queued",
        JobState::Running { .. } => {
            job.odd_status(&["processing", "pending", "upscaling"]).unwrap_or("dreaming")
        }
        JobState::Done => job.done_status("completed", "failed"),
        JobState::Failed(_) | JobState::Cancelled => "failed",
    };
    let video = (matches!(job.state, JobState::Done) && !job.has_no_video())
        .then(|| context.video_url(job, 0));
    let assets = matches!(job.state, JobState::Done)
        .then(|| json!({ "video": video, "image": null, "progress_video": null }));
    json!({
        "id": job.id(),
        "generation_type": "video",
        "state": state,
        "failure_reason": reason,
        "created_at": format_time(job.accepted_at),
        "assets": assets,
        "model": job.create.model,
        "request": job.create.request,
    })
}

/// The `failure_reason`: free text, of which Luma lists these (its page on errors, 2026-11-21).
///
/// None is listed for an account; the text that refuses a create stands in.
fn failure_reason(job: &JobView, failure: &Failure) -> &'static str {
    let has_callback = job.create.request.get("callback_url").is_some_and(Value::is_string);
    if has_callback && job.run_fault(FaultKind::LateSuccess).is_some() {
        // The caller's receiver failed, not the render: a later poll shows it as completed.
        return "Error processing callback";
    }
    if failure.is_generic {
        return "Job failed";
    }
    let shapes: &[&str] = match failure.cause {
        Cause::ContentModeration => &["blacklist", "frame", "advanced", "ip"],
        _ => &["callback"],
    };
    match (failure.cause, failure.shape.as_deref()) {
        (Cause::ContentModeration, Some("input")) => "Advanced prompt moderation failed",
        (Cause::ContentModeration, Some("output")) => "Frame moderation failed",
        (Cause::ContentModeration, _) => match failure.pick(shapes) {
            "blacklist" => "Contains blacklisted words",
            "frame" => "Frame moderation failed",
            "advanced" => "Advanced prompt moderation failed",
            _ => "The prompt is not allowed because it contains IP",
        },
        (Cause::RuntimeError, Some("callback")) => "Error processing callback",
        (Cause::RuntimeError, _) => "Job failed",
        (Cause::Capacity, _) => "Error dispatching job",
        (Cause::InvalidRequest, _) => "Failed to read user input frames",
        (Cause::DependencyTimeout, _) => "Prompt processing failed",
        (Cause::Account, _) => "Insufficient credits",
    }
}

/// The status and the text of a refusal.
fn error_text(refusal: &Refusal) -> (u16, &'static str) {
    match (refusal.reason, refusal.cause) {
        (Reason::TooManyAtOnce, _) => (429, "Too many concurrent generations"),
        (Reason::TooFast | Reason::TooManyToday, _) => (429, "Rate limit exceeded"),
        (Reason::Overloaded, _) => (503, "Service Unavailable"),
        (Reason::CreditOut, _) => (400, "Insufficient credits"),
        (_, Cause::ContentModeration) => (400, "Contains blacklisted words"),
        (_, Cause::Capacity) => match refusal.pick(&["rate", "concurrency", "503"]) {
            "concurrency" => (429, "Too many concurrent generations"),
            "503" => (503, "Service Unavailable"),
            _ => (429, "Rate limit exceeded"),
        },
        (_, Cause::InvalidRequest) => match refusal.pick(&["type", "keyframes", "loop"]) {
            "keyframes" => (400, "No keyframes provided"),
            "loop" => (400, "Loop is not supported for keyframes"),
            _ => (400, "Unknown request type"),
        },
        (_, Cause::DependencyTimeout) => (504, "Gateway Timeout"),
        (_, Cause::Account) => match refusal.pick(&["credits", "key"]) {
            "key" => (401, "Invalid API key"),
            _ => (400, "Insufficient credits"),
        },
        (_, Cause::RuntimeError) => (500, "Internal Server Error"),
    }
}
