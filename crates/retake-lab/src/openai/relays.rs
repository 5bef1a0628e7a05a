//! Relays and servers that speak OpenAI's dialect with differences of their own.
//!
//! Each answers under a prefix of OpenAI's port, with the differences that its own sources and
//! documentation show (read on 2026-11-21). A difference is a change to the plain video object, to
//! its errors, or to the way a body is read.

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{ask, plain, videos, wire};
use crate::{
    desk::{Desk, Setback},
    intake::{self, Form},
    routes::At as _,
    stage::{JobView, State as Job},
};

pub(super) fn router() -> Router<Desk> {
    Router::new()
        .merge(plain("/azure/openai/v1"))
        .merge(plain("/litellm/v1"))
        .at("/openrouter/api/v1/videos", post(openrouter_create))
        .at("/openrouter/api/v1/videos/{id}", get(openrouter_retrieve))
        .at("/openrouter/api/v1/videos/{id}/content", get(videos::content))
        .at("/vllm/v1/videos", post(vllm_create).get(videos::list))
        .at("/vllm/v1/videos/{id}", get(vllm_retrieve).delete(vllm_delete))
        .at("/vllm/v1/videos/{id}/content", get(vllm_content))
        .at("/sglang/v1/videos", post(videos::create).get(videos::list))
        .at("/sglang/v1/videos/{id}", get(sglang_retrieve).delete(sglang_delete))
        .at("/sglang/v1/videos/{id}/content", get(videos::content))
        .at("/newapi/v1/videos", post(videos::create))
        .at("/newapi/v1/videos/{id}", get(newapi_retrieve))
        .at("/newapi/v1/videos/{id}/content", get(videos::content))
        .at("/newapi/v1/videos/{id}/remix", post(super::sequels::remix))
}

/// Polls with the caller's key.
async fn polled(desk: &Desk, headers: &HeaderMap, id: &str) -> Result<JobView, Response> {
    let key = videos::key(desk, headers)?;
    desk.poll(id, Some(&key)).await.map_err(|setback| wire::setback(setback, id))
}

/// `OpenRouter`'s error: the HTTP status for a code.
fn openrouter_error(status: StatusCode, message: &str) -> Response {
    let error = json!({ "code": status.as_u16(), "message": message });
    (status, Json(json!({ "error": error }))).into_response()
}

async fn openrouter_create(State(desk): State<Desk>, request: Request) -> Response {
    let Ok(key) = videos::key(&desk, request.headers()) else {
        return openrouter_error(StatusCode::UNAUTHORIZED, "No auth credentials found");
    };
    let body = intake::json(request.into_body()).await.ok();
    let Some(mut fields) = body.filter(Value::is_object) else {
        return openrouter_error(StatusCode::BAD_REQUEST, "The body is not JSON");
    };
    // Its own names: `duration` is a number, and a model has its vendor before it.
    fields["seconds"] = fields.get("duration").cloned().unwrap_or(json!(4));
    let model = fields.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    fields["model"] = json!(model.rsplit('/').next().unwrap_or_default());
    let form = Form { fields, ..Form::default() };
    let Ok(create) = ask::create(&desk, key, &form) else {
        return openrouter_error(StatusCode::BAD_REQUEST, "Invalid parameters for this model");
    };
    match desk.admit(create).await {
        Ok(job) => (StatusCode::ACCEPTED, Json(openrouter_video(&desk, &job))).into_response(),
        Err(Setback::Cut(response)) => response,
        Err(setback) => {
            let status = wire::setback(setback, "").status();
            openrouter_error(status, status.canonical_reason().unwrap_or("Error"))
        }
    }
}

async fn openrouter_retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match polled(&desk, &headers, &id).await {
        Ok(job) => Json(openrouter_video(&desk, &job)).into_response(),
        Err(refused) => {
            let status = refused.status();
            openrouter_error(status, status.canonical_reason().unwrap_or("Error"))
        }
    }
}

/// `OpenRouter`'s video: no progress, an error that is a text, and links that need the key.
fn openrouter_video(desk: &Desk, job: &JobView) -> Value {
    let status = match job.state {
        Job::Queued { .. } => "pending",
        Job::Cancelled => "cancelled",
        _ => wire::status(job, &["dead", "expired"]),
    };
    let mut video = json!({
        "id": job.id(),
        "polling_url": format!("/api/v1/videos/{}", job.id()),
        "status": status,
        "generation_id": job.id(),
    });
    match &job.state {
        Job::Done => {
            let base = desk.base_url();
            let url = format!("{base}/openrouter/api/v1/videos/{}/content?index=0", job.id());
            video["unsigned_urls"] = json!([url]);
            #[expect(clippy::cast_precision_loss, reason = "a price of a few dollars")]
            let cost = job.create.price_micros as f64 / 1e6;
            video["usage"] = json!({ "cost": cost, "is_byok": false });
        }
        Job::Failed(failure) => video["error"] = json!(wire::failure(failure).1),
        _ => {}
    }
    video
}

/// vLLM-Omni reads forms only; its framework says what is missing.
async fn vllm_create(State(desk): State<Desk>, request: Request) -> Response {
    let kind = intake::named(request.headers(), header::CONTENT_TYPE.as_str());
    if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
        let missing =
            json!([{ "type": "missing", "loc": ["body", "prompt"], "msg": "Field required" }]);
        let body = Json(json!({ "detail": missing }));
        return (StatusCode::UNPROCESSABLE_ENTITY, body).into_response();
    }
    videos::create(State(desk), request).await
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "detail": text }))).into_response()
}

/// A failed job is answered with an error status, and its code is a number.
async fn vllm_retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match polled(&desk, &headers, &id).await {
        Ok(job) => {
            let mut video = wire::video(&desk, &job);
            if !matches!(job.state, Job::Failed(_)) {
                return Json(video).into_response();
            }
            video["error"]["code"] = json!(500);
            (StatusCode::INTERNAL_SERVER_ERROR, Json(video)).into_response()
        }
        Err(refused) if refused.status() == StatusCode::NOT_FOUND => {
            detail(StatusCode::NOT_FOUND, "Video not found")
        }
        Err(refused) => refused,
    }
}

/// Deleting a running job cancels it.
async fn vllm_delete(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match videos::theirs(&desk, &headers, &id) {
        Ok(_) => {
            desk.cancel(&id);
            desk.delete(&id);
            Json(json!({ "id": id, "object": "video.deleted", "deleted": true })).into_response()
        }
        Err(_) => detail(StatusCode::NOT_FOUND, "Video not found"),
    }
}

async fn vllm_content(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(job) = videos::theirs(&desk, &headers, &id) else {
        return detail(StatusCode::NOT_FOUND, "Video not found");
    };
    match (&job.state, desk.download(&job, Some(&job.create.key), &headers).await) {
        (_, Ok(response)) => response,
        (Job::Failed(_), _) => detail(StatusCode::UNPROCESSABLE_ENTITY, "Video generation failed"),
        (_, Err(_)) => detail(StatusCode::NOT_FOUND, "Video is not ready"),
    }
}

/// `SGLang`'s errors have no code.
async fn sglang_retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match polled(&desk, &headers, &id).await {
        Ok(job) => {
            let mut video = wire::video(&desk, &job);
            if let Some(error) = video["error"].as_object_mut() {
                error.remove("code");
            }
            Json(video).into_response()
        }
        Err(refused) => refused,
    }
}

/// `SGLang` answers a deletion with the video, whose status is `deleted`, and lets the job run on.
async fn sglang_delete(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match videos::theirs(&desk, &headers, &id) {
        Ok(job) => {
            let mut video = wire::video(&desk, &job);
            video["status"] = json!("deleted");
            desk.delete(&id);
            Json(video).into_response()
        }
        Err(refused) => refused,
    }
}

/// new-api leaves out what is empty, repeats the id, and puts the link into the metadata.
async fn newapi_retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let job = match polled(&desk, &headers, &id).await {
        Ok(job) => job,
        Err(refused) => return refused,
    };
    let mut video = wire::video(&desk, &job);
    if let Some(fields) = video.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        fields.insert("task_id".to_owned(), json!(id));
        if matches!(job.state, Job::Done) && !job.is_empty() {
            fields.insert("metadata".to_owned(), json!({ "url": desk.link(&job, 0) }));
        }
        if job.odd_status(&["unknown"]).is_some() {
            fields.insert("status".to_owned(), json!("unknown"));
        }
    }
    Json(video).into_response()
}
