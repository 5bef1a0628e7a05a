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
    create_request,
    dialect::{Caller, DialectRef},
    errors::{self, ApiError},
};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::FaultKind,
    file_response::FileUnavailable,
    headers::with_header,
    simulator::{AccountStatus, Create, JobState, JobView},
};

pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    match dialect.read(&context, caller.key, request).await {
        Ok(create) => submit(&context, dialect, create).await,
        Err(error) => dialect.error_response(&error),
    }
}

/// Admits a create and responds with the video.
pub(super) async fn submit(
    context: &EmulatorContext,
    dialect: DialectRef,
    create: Create,
) -> Response {
    let key = create.key.clone();
    let admitted = context.admit_with(create, |job| dialect.schedule_webhooks(context, job)).await;
    let response = match admitted {
        Ok(job) => Json(dialect.video(context, &job)).into_response(),
        Err(CallError::Response(response)) => return response,
        Err(call_error) => dialect.call_error_response(call_error, ""),
    };
    if dialect.is_openai() {
        with_rate_limit_headers(context, &context.account_status(&key), response)
    } else {
        response
    }
}

/// The headers of the rate limit guide; the limits are requests per minute.
fn with_rate_limit_headers(
    context: &EmulatorContext,
    account_status: &AccountStatus,
    response: Response,
) -> Response {
    let resets = context.wall_millis(account_status.resets_in);
    let response =
        with_header(response, "x-ratelimit-limit-requests", &account_status.per_minute.to_string());
    let response = with_header(
        response,
        "x-ratelimit-remaining-requests",
        &account_status.remaining.to_string(),
    );
    with_header(response, "x-ratelimit-reset-requests", &format!("{resets}ms"))
}

pub(super) async fn retrieve(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match dialect.poll(&context, &caller.key, &id).await {
        Ok(job) => video_response(&context, dialect, &job),
        Err(refused) => refused,
    }
}

fn video_response(context: &EmulatorContext, dialect: DialectRef, job: &JobView) -> Response {
    let video = dialect.video(context, job);
    let has_bare_error = job.run_fault(FaultKind::ErrorIn200).is_some();
    let (status, body) = match &job.state {
        JobState::Failed(_) if has_bare_error => {
            (StatusCode::OK, json!({ "error": video["error"] }))
        }
        JobState::Failed(failure) => (dialect.failed_status(failure), video),
        _ => (StatusCode::OK, video),
    };
    let response = (status, Json(body)).into_response();
    if !dialect.is_openai() {
        return response;
    }
    let after = context.wall_millis(create_request::POLL_AFTER).max(1).to_string();
    with_header(response, "openai-poll-after-ms", &after)
}

pub(super) async fn list(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
) -> Response {
    match page(&context, dialect, &caller.key, &query) {
        Ok(page) => Json(page).into_response(),
        Err(error) => dialect.error_response(&error),
    }
}

fn page(
    context: &EmulatorContext,
    dialect: DialectRef,
    key: &str,
    query: &HashMap<String, String>,
) -> Result<Value, ApiError> {
    let mut jobs = dialect.list(context, key);
    match query.get("order").map(String::as_str) {
        None | Some("desc") => jobs.reverse(),
        Some("asc") => {}
        Some(_) => {
            let message = "Invalid value for 'order': expected 'asc' or 'desc'.";
            return Err(errors::invalid(message, Some("order"), Some("invalid_value")));
        }
    }
    let limit = query.get("limit").map_or(Ok(20), |it| it.parse::<usize>());
    let Some(limit) = limit.ok().filter(|limit| *limit <= 100) else {
        let message = "Invalid 'limit': integer out of range. Expected a value from 0 to 100.";
        return Err(errors::invalid(message, Some("limit"), Some("integer_above_max_value")));
    };
    if let Some(after) = query.get("after") {
        // An unknown cursor is no error; the page is empty.
        let at = jobs.iter().position(|job| job.id() == after).map_or(jobs.len(), |at| at + 1);
        jobs.drain(..at);
    }
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    let data: Vec<Value> = jobs.iter().map(|job| dialect.video(context, job)).collect();
    Ok(json!({
        "object": "list",
        "first_id": jobs.first().map(JobView::id),
        "last_id": jobs.last().map(JobView::id),
        "has_more": has_more,
        "data": data,
    }))
}

pub(super) async fn delete(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
) -> Response {
    match dialect.find(&context, &caller.key, &id) {
        Ok(job) if !job.state.has_ended() => {
            // The guide covers completed and failed videos only; the response for others is
            // assumed.
            let message = "The video is still being generated and cannot be deleted.";
            let kind = "invalid_request_error";
            dialect.error_response(&errors::error(StatusCode::CONFLICT, message, kind, None, None))
        }
        Ok(job) => {
            context.delete(job.id());
            Json(json!({ "id": id, "object": "video.deleted", "deleted": true })).into_response()
        }
        Err(error) => dialect.error_response(&error),
    }
}

pub(super) async fn content(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let served = async {
        let job = dialect.find(&context, &caller.key, &id)?;
        match query.get("variant").map_or("video", String::as_str) {
            "video" => {
                let served = context.download(&job, Some(&job.create.key), &headers).await;
                served.map_err(|reason| file_error(reason, &id))
            }
            variant @ ("thumbnail" | "spritesheet") => serve_picture(&context, &job, variant).await,
            other => {
                let message = format!(
                    "Invalid value: '{other}'. Supported values are: 'video', 'thumbnail', and \
                     'spritesheet'."
                );
                Err(errors::invalid(&message, Some("variant"), Some("invalid_value")))
            }
        }
    };
    served.await.unwrap_or_else(|error| dialect.error_response(&error))
}

async fn serve_picture(
    context: &EmulatorContext,
    job: &JobView,
    variant: &str,
) -> Result<Response, ApiError> {
    let bytes = context.render_video(job).await.map_err(|reason| file_error(reason, job.id()))?;
    let made = tokio::task::spawn_blocking(move || preview(std::io::Cursor::new(bytes))).await;
    let Ok(Ok(made)) = made else {
        return Err(file_error(FileUnavailable::RenderFailed, job.id()));
    };
    let (kind, bytes) = match variant {
        "thumbnail" => ("image/webp", made.thumbnail.webp),
        _ => ("image/jpeg", made.spritesheet.jpeg),
    };
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

pub(super) fn file_error(reason: FileUnavailable, id: &str) -> ApiError {
    let not_found = |message: &str| {
        errors::error(StatusCode::NOT_FOUND, message, "invalid_request_error", None, None)
    };
    match reason {
        FileUnavailable::NotReady => errors::invalid(
            "Video is not ready yet, use GET /v1/videos/{video_id} to check status.",
            None,
            None,
        ),
        FileUnavailable::NoVideo | FileUnavailable::NotYetStored => {
            not_found(&format!("No content for video '{id}'."))
        }
        FileUnavailable::Expired => not_found(&format!("The content of video '{id}' has expired.")),
        FileUnavailable::KeyRequired => errors::error(
            StatusCode::UNAUTHORIZED,
            "Missing credentials.",
            "invalid_request_error",
            None,
            None,
        ),
        FileUnavailable::RenderFailed => errors::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error.",
            "server_error",
            None,
            None,
        ),
    }
}
