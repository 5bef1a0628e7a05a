//! `OpenRouter`: JSON with names of its own, jobs that are pending, errors whose code is the HTTP
//! status, links that need the key, and webhooks signed its own way.
//!
//! From its pages about video generation and webhooks, its reference of `/key`, and its SDK 1.3.19
//! (2026-11-21). There is no list, no DELETE and no cancel.

mod ask;
mod catalogue;
mod hooks;

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

pub(in crate::openai) use ask::ask;
pub(in crate::openai) use hooks::tell;

use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::FaultKind,
    intake::{self, Form},
    media::NoFile,
    openai::{
        dialect::Dialect,
        wire::{self, Problem, error},
    },
    routes::At as _,
    simulator::{JobView, Reason, State as Job},
};

const ROUTER: Dialect = Dialect::OpenRouter;

pub(in crate::openai) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/openrouter/api/v1/videos", post(create))
        .at("/openrouter/api/v1/videos/models", get(catalogue::list))
        .at("/openrouter/api/v1/videos/{id}", get(retrieve))
        .at("/openrouter/api/v1/videos/{id}/content", get(content))
        .at("/openrouter/api/v1/key", get(key))
}

/// An error whose code is the HTTP status. Credit that does not suffice is 402, and content that was
/// refused 403 with the reasons (`OpenRouter` docs, 2026-11-21).
pub(in crate::openai) fn word(problem: &Problem) -> Response {
    let is_out = problem.reason == Some(Reason::CreditOut) || problem.kind == "insufficient_quota";
    let status = match problem.status {
        _ if is_out => StatusCode::PAYMENT_REQUIRED,
        _ if problem.is_moderated() => StatusCode::FORBIDDEN,
        status => status,
    };
    let mut error = json!({ "code": status.as_u16(), "message": problem.message });
    if problem.is_moderated() {
        error["metadata"] = json!({ "reasons": ["violence"], "flagged_input": "..." });
    }
    let mut response = problem.answer(json!({ "error": error }));
    *response.status_mut() = status;
    response
}

async fn create(State(desk): State<EmulatorContext>, request: Request) -> Response {
    let asked = async {
        let key = ROUTER.key(&desk, request.headers())?;
        let fields = intake::json(request.into_body()).await;
        let fields = fields.map_err(|why| wire::unreadable(&why))?;
        ROUTER.ask(&desk, key, &Form { fields, ..Form::default() })
    };
    let create = match asked.await {
        Ok(create) => create,
        Err(problem) => return word(&problem),
    };
    match desk.admit_and(create, |job| ROUTER.tell(&desk, job)).await {
        Ok(job) => (StatusCode::ACCEPTED, Json(video(&desk, &job))).into_response(),
        Err(CallError::Cut(response)) => response,
        Err(setback) => ROUTER.setback(setback, ""),
    }
}

async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let job = match ROUTER.poll(&desk, &headers, &id).await {
        Ok(job) => job,
        Err(refused) => return refused,
    };
    let video = video(&desk, &job);
    if job.run_fault(FaultKind::ErrorIn200).is_some() && job.state.has_ended() {
        let error = json!({ "code": 502, "message": video["error"] });
        return Json(json!({ "error": error })).into_response();
    }
    Json(video).into_response()
}

/// The video object: no progress, no times, and an error that is a text.
pub(in crate::openai) fn video(desk: &EmulatorContext, job: &JobView) -> Value {
    let mut video = json!({
        "id": job.id(),
        "polling_url": format!("/api/v1/videos/{}", job.id()),
        "status": status(job),
    });
    if !matches!(job.state, Job::Queued { .. }) {
        video["generation_id"] = json!(generation(job));
    }
    match &job.state {
        Job::Done => {
            video["unsigned_urls"] = json!(links(desk, job));
            let signed: Vec<String> = (0..job.outputs()).map(|nth| desk.link(job, nth)).collect();
            video["urls"] = json!(signed);
            video["usage"] = usage(job);
        }
        Job::Failed(failure) => video["error"] = json!(wire::failure(failure).1),
        _ => {}
    }
    video
}

fn status(job: &JobView) -> &str {
    match job.state {
        Job::Queued { .. } => "pending",
        Job::Running { .. } => job.odd_status(&["processing", "queued"]).unwrap_or("in_progress"),
        Job::Done => job.word_of_done("completed", "failed"),
        Job::Failed(_) => "failed",
        Job::Cancelled => "cancelled",
    }
}

fn generation(job: &JobView) -> String {
    job.id().replacen("gen-vid-", "gen-", 1)
}

/// The links that need the key.
fn links(desk: &EmulatorContext, job: &JobView) -> Vec<String> {
    let base = format!("{}/openrouter/api/v1/videos/{}/content", desk.base_url(), job.id());
    (0..job.outputs()).map(|nth| format!("{base}?index={nth}")).collect()
}

fn usage(job: &JobView) -> Value {
    json!({ "cost": dollars(job.create.price_micros), "is_byok": false })
}

#[expect(clippy::cast_precision_loss, reason = "a price, or a credit, in dollars")]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// `GET …/content?index=0`: 409 before it is ready, 410 when it is gone.
async fn content(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let job = ROUTER.find(&desk, &headers, &id)?;
        let nth = query.get("index").map_or(Ok(0), |it| it.parse::<u32>());
        let nth = nth.map_err(|_| {
            wire::invalid("Invalid index: expected a number from 0", Some("index"), None)
        })?;
        if matches!(job.state, Job::Done) && nth >= job.outputs() {
            return Err(no_file(NoFile::NoVideo));
        }
        desk.download(&job, Some(&job.create.key), &headers).await.map_err(no_file)
    };
    served.await.unwrap_or_else(|problem| word(&problem))
}

fn no_file(why: NoFile) -> Problem {
    let (status, message) = match why {
        NoFile::NotReady => (StatusCode::CONFLICT, "Video generation is not completed yet"),
        NoFile::Expired => (StatusCode::GONE, "The video has expired and is no longer available"),
        NoFile::NoVideo | NoFile::NotThere => (StatusCode::NOT_FOUND, "Video content not found"),
        NoFile::NeedsKey => (StatusCode::UNAUTHORIZED, "No auth credentials found"),
        NoFile::Broken => (StatusCode::BAD_GATEWAY, "The provider could not deliver the video"),
    };
    error(status, message, "", None, None)
}

/// `GET /key`: what the key may spend and has spent, in dollars.
async fn key(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    let key = match ROUTER.key(&desk, &headers) {
        Ok(key) => key,
        Err(problem) => return word(&problem),
    };
    let (limit, left) = (desk.conditions().credit_micros, desk.standing(&key).credit_micros);
    let used = dollars(limit.saturating_sub(left));
    let label: String = key.chars().take(8).collect();
    Json(json!({ "data": {
        "label": format!("{label}..."),
        "limit": dollars(limit),
        "limit_reset": null,
        "limit_remaining": dollars(left),
        "include_byok_in_limit": false,
        "usage": used,
        "usage_daily": used,
        "usage_weekly": used,
        "usage_monthly": used,
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "is_free_tier": false,
        "is_provisioning_key": false,
    }}))
    .into_response()
}
