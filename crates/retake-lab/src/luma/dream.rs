//! The Dream Machine API: `ray-2` and `ray-flash-2` (SDK 1.21.0 and Luma's pages, 2026-11-21).
//!
//! It echoes the request of every generation and lists them, so that a caller who lost an answer can
//! find the job again. Callbacks are neither signed nor reliable. Images are not emulated.

mod order;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{API, Caller, is_of, moment, own, problem};
use crate::{
    emulator_context::{CallError, EmulatorContext, Moment},
    fault::{Cause, FaultKind},
    intake,
    routes::At as _,
    simulator::{Create, Failure, JobView, Reason, Refusal, State as Simulator},
    webhook_sender::Notice,
};
use order::Kind;

/// How this API's jobs are told apart.
const NAME: &str = "dream-machine";
/// Cents for millionths of a dollar.
const MICROS_PER_CENT: u64 = 10_000;
/// Concepts that can be named, a few of those there are.
const CONCEPTS: &[&str] = &["bolt_cam", "crane_up", "dolly_zoom", "orbit_left", "push_in"];

pub(super) fn routes(router: Router<EmulatorContext>, base: &str) -> Router<EmulatorContext> {
    let path = |rest: &str| format!("{base}{rest}");
    router
        .at(&path("/generations"), creates(Kind::Video).get(list))
        .at(&path("/generations/video"), creates(Kind::Video))
        .at(&path("/generations/video/modify"), creates(Kind::Modify))
        .at(&path("/generations/video/reframe"), creates(Kind::Reframe))
        .at(&path("/generations/image"), post(no_images))
        .at(&path("/generations/image/reframe"), post(no_images))
        .at(&path("/generations/{id}/upscale"), follows(Kind::Upscale))
        .at(&path("/generations/{id}/audio"), follows(Kind::Audio))
        .at(&path("/generations/{id}"), get(retrieve).delete(remove))
        .at(&path("/generations/concepts/list"), get(concepts))
        .at(&path("/credits"), get(credits))
        .at(&path("/ping"), get(ping))
}

fn creates(kind: Kind) -> MethodRouter<EmulatorContext> {
    post(move |State(desk): State<EmulatorContext>, caller, request: Request| {
        create(desk, caller, (kind, None), request)
    })
}

/// Creates that go on from another generation.
fn follows(kind: Kind) -> MethodRouter<EmulatorContext> {
    post(
        move |State(desk): State<EmulatorContext>,
              Path(id): Path<String>,
              caller,
              request: Request| { create(desk, caller, (kind, Some(id)), request) },
    )
}

async fn create(
    desk: EmulatorContext,
    Caller(key): Caller,
    (kind, before): (Kind, Option<String>),
    request: Request,
) -> Response {
    let body = match intake::json(request.into_body()).await {
        Ok(body) => body,
        Err(why) => return problem::detail(400, why.to_string()),
    };
    let before = match before.map(|id| own(&desk, &id, &key, NAME)) {
        Some(None) => return problem::setback(CallError::Missing, wording),
        found => found.flatten(),
    };
    let done =
        |id: &str| own(&desk, id, &key, NAME).map(|job| matches!(job.state, Simulator::Done));
    let order = match order::read(kind, &body, before.as_ref(), &done) {
        Ok(order) => order,
        Err(refused) => return problem::detail(refused.status, refused.detail),
    };
    let create = Create {
        id: desk.uuid(),
        key: key.clone(),
        model: order.model,
        prompt: order.prompt,
        millis: order.millis,
        width: order.frame.0,
        height: order.frame.1,
        audio: kind == Kind::Audio,
        outputs: 1,
        price_micros: order.micros,
        request: order.echo,
        extra: json!({ API: NAME }),
    };
    match desk.admit_and(create, |job| call_back(&desk, job)).await {
        Ok(job) => (StatusCode::CREATED, Json(view(&desk, &job))).into_response(),
        Err(setback) => problem::setback(setback, wording),
    }
}

async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller(key): Caller,
) -> Response {
    let polled = match own(&desk, &id, &key, NAME) {
        Some(_) => desk.poll(&id, Some(&key)).await,
        None => Err(CallError::Missing),
    };
    match polled {
        Ok(job) => Json(view(&desk, &job)).into_response(),
        Err(setback) => problem::setback(setback, wording),
    }
}

/// The part of the list that is asked for.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default = "usual_limit")]
    limit: usize,
    #[serde(default)]
    offset: usize,
}

fn usual_limit() -> usize {
    10
}

/// `GET /generations`: the newest first (Luma documents no order).
async fn list(
    State(desk): State<EmulatorContext>,
    Query(page): Query<Page>,
    Caller(key): Caller,
) -> Response {
    let jobs: Vec<_> = desk.list(&key).into_iter().rev().filter(|job| is_of(job, NAME)).collect();
    let limit = page.limit.clamp(1, 100);
    let shown = jobs.iter().skip(page.offset).take(limit).map(|job| view(&desk, job));
    let shown: Vec<_> = shown.collect();
    Json(json!({
        "count": shown.len(),
        "has_more": page.offset.saturating_add(limit) < jobs.len(),
        "limit": limit, "offset": page.offset, "generations": shown,
    }))
    .into_response()
}

async fn remove(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller(key): Caller,
) -> Response {
    let gone = own(&desk, &id, &key, NAME).and_then(|_| desk.delete(&id));
    match gone {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => problem::setback(CallError::Missing, wording),
    }
}

async fn concepts(_: Caller) -> Json<Value> {
    Json(json!(CONCEPTS))
}

async fn credits(State(desk): State<EmulatorContext>, Caller(key): Caller) -> Json<Value> {
    let cents = desk.standing(&key).credit_micros / MICROS_PER_CENT;
    Json(json!({ "credit_balance": cents }))
}

async fn ping() -> Json<Value> {
    Json(json!({ "message": "pong" }))
}

async fn no_images() -> Response {
    problem::detail(400, "The lab makes no images.")
}

/// Sets the callback up: on the start and the end, with three more tries (Luma's page on callbacks).
fn call_back(desk: &EmulatorContext, job: &JobView) {
    let Some(url) = job.create.request.get("callback_url").and_then(Value::as_str) else { return };
    let (url, teller) = (url.to_owned(), desk.clone());
    desk.tell(job, &[Moment::Started, Moment::Ended], &[0, 0, 0], move |news| {
        let body = view(&teller, news.job).to_string().into_bytes();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        vec![Notice { url: url.clone(), headers, body }]
    });
}

/// The generation, or only an error when the scenario wants a failure to look like that.
fn view(desk: &EmulatorContext, job: &JobView) -> Value {
    let reason = match &job.state {
        Simulator::Failed(failure) => Some(told(job, failure)),
        _ => None,
    };
    if let (Some(reason), Some(_)) = (reason, job.run_fault(FaultKind::ErrorIn200)) {
        return json!({ "detail": reason });
    }
    let state = match job.state {
        Simulator::Queued { .. } => "queued",
        Simulator::Running { .. } => {
            job.odd_status(&["processing", "pending", "upscaling"]).unwrap_or("dreaming")
        }
        Simulator::Done => job.word_of_done("completed", "failed"),
        Simulator::Failed(_) | Simulator::Cancelled => "failed",
    };
    let video =
        (matches!(job.state, Simulator::Done) && !job.is_empty()).then(|| desk.link(job, 0));
    let assets = matches!(job.state, Simulator::Done)
        .then(|| json!({ "video": video, "image": null, "progress_video": null }));
    json!({
        "id": job.id(),
        "generation_type": "video",
        "state": state,
        "failure_reason": reason,
        "created_at": moment(job.accepted_at),
        "assets": assets,
        "model": job.create.model,
        "request": job.create.request,
    })
}

/// `failure_reason`: free text, of which Luma lists these (its page on errors, 2026-11-21).
///
/// None is listed for an account; the text that refuses a create stands in.
fn told(job: &JobView, failure: &Failure) -> &'static str {
    let has_callback = job.create.request.get("callback_url").is_some_and(Value::is_string);
    if has_callback && job.run_fault(FaultKind::LateSuccess).is_some() {
        // The caller's receiver failed, not the render: it is completed at a later look.
        return "Error processing callback";
    }
    if failure.generic {
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

/// What a create is refused with.
fn wording(refusal: &Refusal) -> (u16, &'static str) {
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
