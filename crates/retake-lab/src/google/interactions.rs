//! Interactions: Gemini Omni, in the foreground or in the background.
//!
//! The Gemini API and Vertex serve the same resource, to a key and to a token. Errors of the
//! service have a text as code; those of the front end (authentication, rate limits) are standard.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use serde_json::{Value, json};

use super::{
    PortStateExtension,
    auth::GeminiCaller,
    error_text::{self, Api},
    files, omni,
    port_state::PortState,
    status::{Code, HandlerResult, Status, interactions_error},
    webhook,
};
use crate::{
    auth::query_parameter,
    early_response::EarlyResponse,
    emulator_context::{CallError, EmulatorContext},
    fault::{Cause, FaultKind},
    request_body,
    simulator::{Failure, JobState, JobView, Reason, Refusal},
};

/// A moderation failure that ends as `completed`, with a text and no video (reported, 2026-11-21).
const WITHOUT_VIDEO: &str = "no-video";
const ODD_STATUSES: [&str; 3] = ["processing", "rendering", "waiting_for_capacity"];

/// `POST /v1beta/interactions`.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    GeminiCaller { key, .. }: GeminiCaller,
    request: Request,
) -> HandlerResult {
    create_for(&context, &port_state, key, Api::Gemini, request).await
}

/// `GET /v1beta/interactions/{id}`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
    uri: Uri,
) -> HandlerResult {
    read_for(&context, &key, &id, &uri).await
}

/// `POST /v1beta/interactions/{id}/cancel`.
pub(super) async fn cancel(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    cancel_for(&context, &key, &id).await
}

/// `DELETE /v1beta/interactions/{id}`.
pub(super) async fn remove(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    delete_for(&context, &key, &id)
}

/// Creates an interaction for an authenticated caller.
pub(super) async fn create_for(
    context: &EmulatorContext,
    port_state: &Arc<PortState>,
    key: String,
    api: Api,
    request: Request,
) -> HandlerResult {
    let body = request_body::read_json(request.into_body()).await;
    let body = body.map_err(|error| service_error(&Status::invalid(error.to_string())))?;
    let create_request =
        omni::parse(context, api, &key, body).map_err(|status| service_error(&status))?;
    let (mut create, dynamic_webhook) = (create_request.create, create_request.dynamic_webhook);
    let names = omni::new_file_ids(context, &create);
    create.extra["files"] = json!(names);
    create.extra["background"] = json!(create_request.background);
    let id = create.id.clone();
    let has_webhooks = create_request.background && api == Api::Gemini;
    let on_accept = |job: &JobView| {
        port_state.register_files(job.id(), &names);
        if has_webhooks {
            webhook::schedule_webhooks(context, port_state, job, dynamic_webhook);
        }
    };
    let admitted = context.admit_with(create, on_accept).await;
    let mut job = admitted.map_err(|it| call_error_response(it, &id, api))?;
    if !create_request.background {
        job = wait_for_end(context, job).await;
        if let (JobState::Failed(failure), false) = (&job.state, has_no_video(&job)) {
            return Err(service_error(&error_text::failure(api, failure)));
        }
    }
    respond(context, &job, false).await
}

/// Returns an interaction to an authenticated caller.
pub(super) async fn read_for(
    context: &EmulatorContext,
    key: &str,
    id: &str,
    uri: &Uri,
) -> HandlerResult {
    let polled = context.poll(id, Some(key)).await;
    let job = polled.map_err(|it| call_error_response(it, id, Api::Gemini))?;
    if let (JobState::Failed(failure), Some(_)) = (&job.state, job.run_fault(FaultKind::ErrorIn200))
    {
        let error = error_text::failure(Api::Gemini, failure);
        return Ok(Json(error.interactions_body()).into_response());
    }
    let with_input = query_parameter(uri, "include_input").as_deref() == Some("true");
    respond(context, &job, with_input).await
}

/// Cancels an interaction in the background; one that has ended stays as it is.
pub(super) async fn cancel_for(context: &EmulatorContext, key: &str, id: &str) -> HandlerResult {
    let job = find_own(context, key, id)?;
    if job.create.extra["background"] != json!(true) {
        let reason = format!("Interaction {id} does not run in the background.");
        return Err(service_error(&Status::invalid(reason)));
    }
    let job = context.cancel(id).unwrap_or(job);
    respond(context, &job, false).await
}

/// Deletes an interaction; a running render continues and is billed.
pub(super) fn delete_for(context: &EmulatorContext, key: &str, id: &str) -> HandlerResult {
    find_own(context, key, id)?;
    context.delete(id);
    Ok(Json(json!({})).into_response())
}

fn find_own(context: &EmulatorContext, key: &str, id: &str) -> Result<JobView, EarlyResponse> {
    let job = context.find_job(id).filter(|job| job.create.key == key);
    job.ok_or_else(|| service_error(&omni::interaction_not_found(id)))
}

fn service_error(status: &Status) -> EarlyResponse {
    interactions_error(status)
}

fn call_error_response(it: CallError, id: &str, api: Api) -> EarlyResponse {
    match it {
        CallError::Refused(refusal) => {
            let status = error_text::refusal(api, &refusal);
            if is_front_end(&refusal) { status.into() } else { service_error(&status) }
        }
        CallError::Missing => service_error(&omni::interaction_not_found(id)),
        CallError::Response(response) => EarlyResponse::from(response),
    }
}

/// Whether the front end refused the call before the service got it.
const fn is_front_end(refusal: &Refusal) -> bool {
    !matches!(refusal.reason, Reason::Scripted | Reason::AfterAccept | Reason::Poll)
}

/// Waits until the job has ended; for a stuck job, forever.
async fn wait_for_end(context: &EmulatorContext, mut job: JobView) -> JobView {
    while !job.state.has_ended() {
        match job.next_change_at {
            Some(moment) => context.clock().hold_until(moment).await,
            None => std::future::pending().await,
        }
        match context.find_job(job.id()) {
            Some(now) => job = now,
            None => std::future::pending().await,
        }
    }
    job
}

/// Whether the interaction is `completed` without a video.
pub(super) fn has_no_video(job: &JobView) -> bool {
    match &job.state {
        JobState::Done => job.has_no_video(),
        JobState::Failed(failure) => is_soft_refusal(failure),
        _ => false,
    }
}

fn is_soft_refusal(failure: &Failure) -> bool {
    let is_moderated = failure.cause == Cause::ContentModeration && !failure.is_generic;
    is_moderated && failure.pick(&[WITHOUT_VIDEO, "failed"]) == WITHOUT_VIDEO
}

async fn respond(context: &EmulatorContext, job: &JobView, with_input: bool) -> HandlerResult {
    let status = match &job.state {
        JobState::Queued { .. } => "queued",
        JobState::Running { .. } => job.odd_status(&ODD_STATUSES).unwrap_or("in_progress"),
        JobState::Failed(failure) if !is_soft_refusal(failure) => "failed",
        JobState::Done => job.done_status("completed", "failed"),
        JobState::Failed(_) => "completed",
        JobState::Cancelled => "cancelled",
    };
    let mut steps = Vec::new();
    if with_input {
        steps.push(input_step(job));
    }
    steps.extend(output(context, job).await?);
    let updated = job.ended_at.unwrap_or(job.now);
    let mut body = json!({
        "id": job.id(),
        "object": "interaction",
        "model": job.create.model,
        "status": status,
        "created": seconds(job.accepted_at),
        "updated": seconds(updated),
        "steps": steps,
    });
    for name in ["previous_interaction_id", "service_tier", "webhook_config", "labels"] {
        if let Some(value) = job.create.request.get(name) {
            body[name] = value.clone();
        }
    }
    match &job.state {
        JobState::Failed(failure) if !is_soft_refusal(failure) => {
            let error = error_text::failure(Api::Gemini, failure);
            let error = json!({ "code": error.code.text_code(), "message": error.message });
            body["errors"] = json!([error]);
        }
        JobState::Done => body["usage"] = usage(job),
        _ => {}
    }
    Ok(Json(body).into_response())
}

/// The step with the caller's input.
fn input_step(job: &JobView) -> Value {
    let input = job.create.request["input"].clone();
    let content =
        if input.is_string() { json!([{ "type": "text", "text": input }]) } else { input };
    json!({ "type": "user_input", "content": content })
}

/// The output step of the model, if there is one.
async fn output(context: &EmulatorContext, job: &JobView) -> Result<Option<Value>, EarlyResponse> {
    if has_no_video(job) {
        let text = "I can't generate that video. Try describing something else.";
        let content = json!([{ "type": "text", "text": text }]);
        return Ok(Some(json!({ "type": "model_output", "content": content })));
    }
    if !matches!(job.state, JobState::Done) {
        return Ok(None);
    }
    let mut video = json!({ "type": "video", "mime_type": "video/mp4" });
    let extra = &job.create.extra;
    if extra["delivery"] == json!("uri") {
        let in_bucket = extra["gcs"].is_string().then(|| extra["files"][0].clone());
        let uri = in_bucket.unwrap_or_else(|| json!(files::file_uris(context, job, 1).pop()));
        video["uri"] = uri;
    } else {
        let expired = |_| service_error(&Status::new(Code::NotFound, "The video has expired."));
        let bytes = context.render_video(job).await.map_err(expired)?;
        video["data"] = json!(STANDARD.encode(bytes));
    }
    Ok(Some(json!({ "type": "model_output", "content": [video] })))
}

fn seconds(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn usage(job: &JobView) -> Value {
    let input = u64::try_from(job.create.prompt.len()).unwrap_or_default() / 4 + 1;
    let output = job.create.millis / 1000 * 5792;
    json!({
        "total_input_tokens": input,
        "total_output_tokens": output,
        "total_tokens": input + output,
        "output_tokens_by_modality": [{ "modality": "video", "tokens": output }],
    })
}
