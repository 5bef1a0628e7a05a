//! Interactions: Gemini Omni, waited for or in the background.
//!
//! The Gemini API and Vertex serve the same resource to a key or to a token. Errors of the service
//! have a text for a code; those of the front end before it (who calls, how often) are standard.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{
    Mem, access, files,
    memory::Memory,
    news, omni,
    status::{Answer, Code, Status, Turn},
    wording::{self, Wire},
};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::{Cause, FaultKind},
    intake,
    simulator::{Failure, JobView, Reason, Refusal, State as Stand},
};

/// A moderation failure that ends as `completed`, with words and no video (reported, 2026-11-21).
const WITHOUT_VIDEO: &str = "no-video";
const ODD_WORDS: [&str; 3] = ["processing", "rendering", "waiting_for_capacity"];

/// `POST /v1beta/interactions`.
pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    request: Request,
) -> Answer {
    let key = access::api_key(&desk, request.headers(), request.uri())?;
    create_as(&desk, &memory, key, Wire::Gemini, request).await
}

/// `GET /v1beta/interactions/{id}`.
pub(super) async fn read(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    read_as(&desk, &key, &id, &uri).await
}

/// `POST /v1beta/interactions/{id}/cancel`.
pub(super) async fn cancel(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    cancel_as(&desk, &key, &id).await
}

/// `DELETE /v1beta/interactions/{id}`.
pub(super) async fn remove(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    remove_as(&desk, &key, &id)
}

/// Creates an interaction for a caller who was let in.
pub(super) async fn create_as(
    desk: &EmulatorContext,
    memory: &Arc<Memory>,
    key: String,
    wire: Wire,
    request: Request,
) -> Answer {
    let body = intake::json(request.into_body()).await;
    let body = body.map_err(|error| refused(&Status::invalid(error.to_string())))?;
    let order = omni::read(desk, wire, &key, body).map_err(|status| refused(&status))?;
    let (mut create, hook) = (order.create, order.hook);
    let names = omni::names(desk, &create);
    create.extra["files"] = json!(names);
    create.extra["background"] = json!(order.background);
    let id = create.id.clone();
    let tells = order.background && wire == Wire::Gemini;
    let then = |job: &JobView| {
        memory.keep(job.id(), &names);
        if tells {
            news::tell(desk, memory, job, hook);
        }
    };
    let admitted = desk.admit_and(create, then).await;
    let mut job = admitted.map_err(|it| setback(it, &id, wire))?;
    if !order.background {
        job = finished(desk, job).await;
        if let (Stand::Failed(failure), false) = (&job.state, lacks_video(&job)) {
            return Err(refused(&wording::failure(wire, failure)));
        }
    }
    show(desk, &job, false).await
}

/// The interaction of this id, for a caller who was let in.
pub(super) async fn read_as(desk: &EmulatorContext, key: &str, id: &str, uri: &Uri) -> Answer {
    let polled = desk.poll(id, Some(key)).await;
    let job = polled.map_err(|it| setback(it, id, Wire::Gemini))?;
    if let (Stand::Failed(failure), Some(_)) = (&job.state, job.run_fault(FaultKind::ErrorIn200)) {
        let error = wording::failure(Wire::Gemini, failure);
        return Ok(Json(error.of_interactions()).into_response());
    }
    let with_input = access::parameter(uri, "include_input").as_deref() == Some("true");
    show(desk, &job, with_input).await
}

/// Cancels what runs in the background; what has ended stays as it is.
pub(super) async fn cancel_as(desk: &EmulatorContext, key: &str, id: &str) -> Answer {
    let job = own(desk, key, id)?;
    if job.create.extra["background"] != json!(true) {
        let why = format!("Interaction {id} does not run in the background.");
        return Err(refused(&Status::invalid(why)));
    }
    let job = desk.cancel(id).unwrap_or(job);
    show(desk, &job, false).await
}

/// Forgets an interaction; what runs goes on and is paid for.
pub(super) fn remove_as(desk: &EmulatorContext, key: &str, id: &str) -> Answer {
    own(desk, key, id)?;
    desk.delete(id);
    Ok(Json(json!({})).into_response())
}

fn own(desk: &EmulatorContext, key: &str, id: &str) -> Result<JobView, Turn> {
    let job = desk.look(id).filter(|job| job.create.key == key);
    job.ok_or_else(|| refused(&omni::unknown(id)))
}

fn refused(status: &Status) -> Turn {
    Turn::service(status)
}

fn setback(it: CallError, id: &str, wire: Wire) -> Turn {
    match it {
        CallError::Refused(refusal) => {
            let status = wording::refusal(wire, &refusal);
            if is_front_end(&refusal) { status.into() } else { refused(&status) }
        }
        CallError::Missing => refused(&omni::unknown(id)),
        CallError::Cut(response) => Turn::back(response),
    }
}

/// Whether the service never saw the call.
const fn is_front_end(refusal: &Refusal) -> bool {
    !matches!(refusal.reason, Reason::Scripted | Reason::AfterAccept | Reason::Poll)
}

/// The job when nothing more happens to it; of one that is stuck, never.
async fn finished(desk: &EmulatorContext, mut job: JobView) -> JobView {
    while !job.state.has_ended() {
        match job.changes_at {
            Some(moment) => desk.clock().hold_until(moment).await,
            None => std::future::pending().await,
        }
        match desk.look(job.id()) {
            Some(now) => job = now,
            None => std::future::pending().await,
        }
    }
    job
}

/// Whether it is `completed` on the wire and has nothing to show.
pub(super) fn lacks_video(job: &JobView) -> bool {
    match &job.state {
        Stand::Done => job.is_empty(),
        Stand::Failed(failure) => is_soft(failure),
        _ => false,
    }
}

fn is_soft(failure: &Failure) -> bool {
    let is_moderated = failure.cause == Cause::ContentModeration && !failure.generic;
    is_moderated && failure.pick(&[WITHOUT_VIDEO, "failed"]) == WITHOUT_VIDEO
}

async fn show(desk: &EmulatorContext, job: &JobView, with_input: bool) -> Answer {
    let status = match &job.state {
        Stand::Queued { .. } => "queued",
        Stand::Running { .. } => job.odd_status(&ODD_WORDS).unwrap_or("in_progress"),
        Stand::Failed(failure) if !is_soft(failure) => "failed",
        Stand::Done => job.word_of_done("completed", "failed"),
        Stand::Failed(_) => "completed",
        Stand::Cancelled => "cancelled",
    };
    let mut steps = Vec::new();
    if with_input {
        let input = job.create.request["input"].clone();
        let content =
            if input.is_string() { json!([{ "type": "text", "text": input }]) } else { input };
        steps.push(json!({ "type": "user_input", "content": content }));
    }
    steps.extend(output(desk, job).await?);
    let updated = job.ended_at.unwrap_or(job.now);
    let mut view = json!({
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
            view[name] = value.clone();
        }
    }
    match &job.state {
        Stand::Failed(failure) if !is_soft(failure) => {
            let error = wording::failure(Wire::Gemini, failure);
            let error = json!({ "code": error.code.word(), "message": error.message });
            view["errors"] = json!([error]);
        }
        Stand::Done => view["usage"] = usage(job),
        _ => {}
    }
    Ok(Json(view).into_response())
}

/// The step that the model put out, if it did.
async fn output(desk: &EmulatorContext, job: &JobView) -> Result<Option<Value>, Turn> {
    if lacks_video(job) {
        let text = "I can't generate that video. Try describing something else.";
        let content = json!([{ "type": "text", "text": text }]);
        return Ok(Some(json!({ "type": "model_output", "content": content })));
    }
    if !matches!(job.state, Stand::Done) {
        return Ok(None);
    }
    let mut video = json!({ "type": "video", "mime_type": "video/mp4" });
    let extra = &job.create.extra;
    if extra["delivery"] == json!("uri") {
        let in_bucket = extra["gcs"].is_string().then(|| extra["files"][0].clone());
        let uri = in_bucket.unwrap_or_else(|| json!(files::uris(desk, job, 1).pop()));
        video["uri"] = uri;
    } else {
        let gone = |_| refused(&Status::new(Code::NotFound, "The video has expired."));
        let film = desk.film(job).await.map_err(gone)?;
        video["data"] = json!(STANDARD.encode(film));
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
