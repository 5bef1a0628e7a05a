//! `OpenRouter`: JSON with field names of its own, pending jobs, errors whose code is the HTTP
//! status, links that need the key, and webhooks with a signature of its own.
//!
//! From its pages about video generation and webhooks, its reference of `/key`, and its SDK 1.3.19
//! (2026-11-21). There is no list, no DELETE and no cancel.

mod catalog;
mod create_request;
mod webhook;

use std::collections::HashMap;

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::FaultKind,
    file_response::FileUnavailable,
    openai::{
        dialect::{Caller, Dialect, DialectRef},
        errors::{self, ApiError, error},
    },
    request_body::{self, Form},
    router_ext::RouterExt as _,
    simulator::{Create, JobState, JobView, Reason},
};

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/openrouter/api/v1/videos", post(create))
        .at("/openrouter/api/v1/videos/models", get(catalog::list))
        .at("/openrouter/api/v1/videos/{id}", get(retrieve))
        .at("/openrouter/api/v1/videos/{id}/content", get(content))
        .at("/openrouter/api/v1/key", get(key))
        .layer(Extension(&OpenRouter as DialectRef))
}

/// The dialect of the router.
struct OpenRouter;

impl Dialect for OpenRouter {
    fn name(&self) -> &'static str {
        "openrouter"
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("gen-vid-{}-{}", context.now().as_second(), context.new_hex_id(20))
    }

    fn parse_create(
        &self,
        context: &EmulatorContext,
        key: &str,
        form: &Form,
    ) -> Result<Create, ApiError> {
        create_request::parse_create(self, context, key, form)
    }

    fn schedule_webhooks(&self, context: &EmulatorContext, job: &JobView) {
        webhook::schedule_webhooks(context, job);
    }

    fn video(&self, context: &EmulatorContext, job: &JobView) -> Value {
        video(context, job)
    }

    fn error_response(&self, error: &ApiError) -> Response {
        error_response(error)
    }
}

/// An error whose code is the HTTP status. Insufficient credit is 402, and refused content is 403
/// with the reasons (`OpenRouter` docs, 2026-11-21).
fn error_response(error: &ApiError) -> Response {
    let is_out = error.reason == Some(Reason::CreditOut) || error.kind == "insufficient_quota";
    let status = match error.status {
        _ if is_out => StatusCode::PAYMENT_REQUIRED,
        _ if error.is_moderated() => StatusCode::FORBIDDEN,
        status => status,
    };
    let mut body = json!({ "code": status.as_u16(), "message": error.message });
    if error.is_moderated() {
        body["metadata"] = json!({ "reasons": ["violence"], "flagged_input": "..." });
    }
    let mut response = error.respond(json!({ "error": body }));
    *response.status_mut() = status;
    response
}

async fn create(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let parsed = async {
        let fields = request_body::read_json(request.into_body()).await;
        let fields = fields.map_err(|error| errors::body_error(&error))?;
        dialect.read_form(&context, caller.key, &Form { fields, ..Form::default() })
    };
    let create = match parsed.await {
        Ok(create) => create,
        Err(error) => return error_response(&error),
    };
    match context.admit_with(create, |job| dialect.schedule_webhooks(&context, job)).await {
        Ok(job) => (StatusCode::ACCEPTED, Json(video(&context, &job))).into_response(),
        Err(CallError::Response(response)) => response,
        Err(call_error) => dialect.call_error_response(call_error, ""),
    }
}

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
    let video = video(&context, &job);
    if job.run_fault(FaultKind::ErrorIn200).is_some() && job.state.has_ended() {
        let error = json!({ "code": 502, "message": video["error"] });
        return Json(json!({ "error": error })).into_response();
    }
    Json(video).into_response()
}

/// The video object: no progress, no times, and a text as error.
fn video(context: &EmulatorContext, job: &JobView) -> Value {
    let mut video = json!({
        "id": job.id(),
        "polling_url": format!("/api/v1/videos/{}", job.id()),
        "status": status(job),
    });
    if !matches!(job.state, JobState::Queued { .. }) {
        video["generation_id"] = json!(generation(job));
    }
    match &job.state {
        JobState::Done => {
            video["unsigned_urls"] = json!(links(context, job));
            let signed: Vec<String> =
                (0..job.outputs()).map(|nth| context.video_url(job, nth)).collect();
            video["urls"] = json!(signed);
            video["usage"] = usage(job);
        }
        JobState::Failed(failure) => video["error"] = json!(errors::failure(failure).1),
        _ => {}
    }
    video
}

fn status(job: &JobView) -> &str {
    match job.state {
        JobState::Queued { .. } => "pending",
        JobState::Running { .. } => {
            job.odd_status(&["processing", "queued"]).unwrap_or("in_progress")
        }
        JobState::Done => job.done_status("completed", "failed"),
        JobState::Failed(_) => "failed",
        JobState::Cancelled => "cancelled",
    }
}

fn generation(job: &JobView) -> String {
    job.id().replacen("gen-vid-", "gen-", 1)
}

/// The links that need the key.
fn links(context: &EmulatorContext, job: &JobView) -> Vec<String> {
    let base = format!("{}/openrouter/api/v1/videos/{}/content", context.base_url(), job.id());
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
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let job = dialect.find(&context, &caller.key, &id)?;
        let nth = query.get("index").map_or(Ok(0), |it| it.parse::<u32>());
        let nth = nth.map_err(|_| {
            errors::invalid("Invalid index: expected a number from 0", Some("index"), None)
        })?;
        if matches!(job.state, JobState::Done) && nth >= job.outputs() {
            return Err(file_error(FileUnavailable::NoVideo));
        }
        context.download(&job, Some(&job.create.key), &headers).await.map_err(file_error)
    };
    served.await.unwrap_or_else(|error| error_response(&error))
}

fn file_error(reason: FileUnavailable) -> ApiError {
    let (status, message) = match reason {
        FileUnavailable::NotReady => {
            (StatusCode::CONFLICT, "Video generation is not completed yet")
        }
        FileUnavailable::Expired => {
            (StatusCode::GONE, "The video has expired and is no longer available")
        }
        FileUnavailable::NoVideo | FileUnavailable::NotYetStored => {
            (StatusCode::NOT_FOUND, "Video content not found")
        }
        FileUnavailable::KeyRequired => (StatusCode::UNAUTHORIZED, "No auth credentials found"),
        FileUnavailable::RenderFailed => {
            (StatusCode::BAD_GATEWAY, "The provider could not deliver the video")
        }
    };
    error(status, message, "", None, None)
}

/// `GET /key`: the limit and the usage of the key, in dollars.
async fn key(State(context): State<EmulatorContext>, Caller { key, .. }: Caller) -> Json<Value> {
    let (limit, left) =
        (context.conditions().credit_micros, context.account_status(&key).credit_micros);
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
}
