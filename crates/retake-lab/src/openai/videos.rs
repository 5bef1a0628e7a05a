//! Videos: create, retrieve, list, delete, download.

use std::collections::HashMap;

use axum::{
    Extension, Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use retake_media::preview;
use serde_json::{Value, json};

use super::{
    ask,
    dialect::Dialect,
    wire::{self, Problem},
};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::FaultKind,
    intake,
    media::NoFile,
    simulator::{Create, JobView, Standing, State as Job},
};

/// The key of a call, or the answer to one without.
pub(super) fn key(desk: &EmulatorContext, headers: &HeaderMap) -> Result<String, Problem> {
    let key = intake::authorization(headers, "Bearer")
        .or_else(|| intake::named(headers, "api-key").map(str::to_owned));
    desk.authenticate(key).map_err(|refusal| wire::refuse(&refusal))
}

pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    request: Request,
) -> Response {
    match dialect.read(&desk, request).await {
        Ok(create) => submit(&desk, dialect, create).await,
        Err(problem) => dialect.word(problem),
    }
}

/// Admits a create and answers with the video.
pub(super) async fn submit(desk: &EmulatorContext, dialect: Dialect, create: Create) -> Response {
    let key = create.key.clone();
    let admitted = desk.admit_and(create, |job| dialect.tell(desk, job)).await;
    let response = match admitted {
        Ok(job) => Json(dialect.video(desk, &job)).into_response(),
        Err(CallError::Cut(response)) => return response,
        Err(setback) => dialect.setback(setback, ""),
    };
    if dialect.is_openai() { limits(desk, &desk.standing(&key), response) } else { response }
}

/// The headers of the rate limit guide; the limits are requests per minute.
fn limits(desk: &EmulatorContext, standing: &Standing, response: Response) -> Response {
    let resets = desk.real_millis(standing.resets_in);
    let response =
        wire::with(response, "x-ratelimit-limit-requests", &standing.per_minute.to_string());
    let response =
        wire::with(response, "x-ratelimit-remaining-requests", &standing.left.to_string());
    wire::with(response, "x-ratelimit-reset-requests", &format!("{resets}ms"))
}

pub(super) async fn retrieve(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match dialect.poll(&desk, &headers, &id).await {
        Ok(job) => present(&desk, dialect, &job),
        Err(refused) => refused,
    }
}

fn present(desk: &EmulatorContext, dialect: Dialect, job: &JobView) -> Response {
    let video = dialect.video(desk, job);
    let is_bare = job.run_fault(FaultKind::ErrorIn200).is_some();
    let (status, body) = match &job.state {
        Job::Failed(_) if is_bare => (StatusCode::OK, json!({ "error": video["error"] })),
        Job::Failed(failure) => (dialect.status_of_failed(failure), video),
        _ => (StatusCode::OK, video),
    };
    let response = (status, Json(body)).into_response();
    if !dialect.is_openai() {
        return response;
    }
    let after = desk.real_millis(ask::POLL_AFTER).max(1).to_string();
    wire::with(response, "openai-poll-after-ms", &after)
}

pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let listed = dialect.key(&desk, &headers).and_then(|key| page(&desk, dialect, &key, &query));
    match listed {
        Ok(page) => Json(page).into_response(),
        Err(problem) => dialect.word(problem),
    }
}

fn page(
    desk: &EmulatorContext,
    dialect: Dialect,
    key: &str,
    query: &HashMap<String, String>,
) -> Result<Value, Problem> {
    let mut jobs = dialect.list(desk, key);
    match query.get("order").map(String::as_str) {
        None | Some("desc") => jobs.reverse(),
        Some("asc") => {}
        Some(_) => {
            let message = "Invalid value for 'order': expected 'asc' or 'desc'.";
            return Err(wire::invalid(message, Some("order"), Some("invalid_value")));
        }
    }
    let limit = query.get("limit").map_or(Ok(20), |it| it.parse::<usize>());
    let Some(limit) = limit.ok().filter(|limit| *limit <= 100) else {
        let message = "Invalid 'limit': integer out of range. Expected a value from 0 to 100.";
        return Err(wire::invalid(message, Some("limit"), Some("integer_above_max_value")));
    };
    if let Some(after) = query.get("after") {
        // An unknown cursor is no error; there is nothing behind it.
        let at = jobs.iter().position(|job| job.id() == after).map_or(jobs.len(), |at| at + 1);
        jobs.drain(..at);
    }
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    let data: Vec<Value> = jobs.iter().map(|job| dialect.video(desk, job)).collect();
    Ok(json!({
        "object": "list",
        "first_id": jobs.first().map(JobView::id),
        "last_id": jobs.last().map(JobView::id),
        "has_more": has_more,
        "data": data,
    }))
}

pub(super) async fn delete(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match dialect.find(&desk, &headers, &id) {
        Ok(job) if !job.state.has_ended() => {
            // The guide speaks of completed and failed videos only; what others get was not seen.
            let message = "The video is still being generated and cannot be deleted.";
            let kind = "invalid_request_error";
            dialect.word(wire::error(StatusCode::CONFLICT, message, kind, None, None))
        }
        Ok(job) => {
            desk.delete(job.id());
            Json(json!({ "id": id, "object": "video.deleted", "deleted": true })).into_response()
        }
        Err(problem) => dialect.word(problem),
    }
}

pub(super) async fn content(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let job = dialect.find(&desk, &headers, &id)?;
        match query.get("variant").map_or("video", String::as_str) {
            "video" => {
                let served = desk.download(&job, Some(&job.create.key), &headers).await;
                served.map_err(|why| no_file(why, &id))
            }
            variant @ ("thumbnail" | "spritesheet") => picture(&desk, &job, variant).await,
            other => {
                let message = format!(
                    "Invalid value: '{other}'. Supported values are: 'video', 'thumbnail', and \
                     'spritesheet'."
                );
                Err(wire::invalid(&message, Some("variant"), Some("invalid_value")))
            }
        }
    };
    served.await.unwrap_or_else(|problem| dialect.word(problem))
}

async fn picture(
    desk: &EmulatorContext,
    job: &JobView,
    variant: &str,
) -> Result<Response, Problem> {
    let film = desk.film(job).await.map_err(|why| no_file(why, job.id()))?;
    let made = tokio::task::spawn_blocking(move || preview(std::io::Cursor::new(film))).await;
    let Ok(Ok(made)) = made else { return Err(no_file(NoFile::Broken, job.id())) };
    let (kind, bytes) = match variant {
        "thumbnail" => ("image/webp", made.thumbnail.webp),
        _ => ("image/jpeg", made.spritesheet.jpeg),
    };
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

pub(super) fn no_file(why: NoFile, id: &str) -> Problem {
    let not_found = |message: &str| {
        wire::error(StatusCode::NOT_FOUND, message, "invalid_request_error", None, None)
    };
    match why {
        NoFile::NotReady => wire::invalid(
            "Video is not ready yet, use GET /v1/videos/{video_id} to check status.",
            None,
            None,
        ),
        NoFile::NoVideo | NoFile::NotThere => not_found(&format!("No content for video '{id}'.")),
        NoFile::Expired => not_found(&format!("The content of video '{id}' has expired.")),
        NoFile::NeedsKey => wire::error(
            StatusCode::UNAUTHORIZED,
            "Missing credentials.",
            "invalid_request_error",
            None,
            None,
        ),
        NoFile::Broken => wire::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error.",
            "server_error",
            None,
            None,
        ),
    }
}
