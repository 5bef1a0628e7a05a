//! The handlers of `/v1/videos`.

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue};
use retake_core::ids::VideoId;
use retake_store::Page;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Problem, body, create as fields, view};

/// Told to the official clients' poll helpers, which then ask in this rhythm.
const POLL_AFTER: HeaderName = HeaderName::from_static("openai-poll-after-ms");

/// `POST /v1/videos`: accepts a video to make and answers at once with its job.
pub(super) async fn create(
    State(desk): State<Desk>,
    request: Request,
) -> Result<Response, Problem> {
    let fields = body::read(request, desk.largest_body).await?;
    let (request, picture) = fields::parse(fields)?;
    let job = desk.intake.submit(request, picture).await?;
    Ok(video(&desk, &job))
}

/// `GET /v1/videos/{id}`.
pub(super) async fn retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let job = desk.videos.get(&id).await?;
    Ok(video(&desk, &job))
}

/// `POST /v1/videos/{id}/cancel`: stops a video that is being made. One that has ended stays as it is.
pub(super) async fn cancel(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let job = desk.videos.cancel(&id).await?;
    Ok(video(&desk, &job))
}

/// `DELETE /v1/videos/{id}`: forgets a video that has ended, and its file.
pub(super) async fn delete(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = desk.videos.delete(&id).await?;
    Ok(Json(json!({ "id": id, "object": "video.deleted", "deleted": true })))
}

/// The query of a list, as text, so that a bad value can be named.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    after: Option<String>,
    limit: Option<String>,
    order: Option<String>,
}

/// `GET /v1/videos`: a page of videos, newest first unless asked otherwise.
pub(super) async fn list(
    State(desk): State<Desk>,
    Query(query): Query<Listed>,
) -> Result<Json<Value>, Problem> {
    let limit = match query.limit.as_deref() {
        None => 20,
        Some(text) => text.parse().ok().filter(|limit| *limit <= 100).ok_or_else(|| {
            let message = "`limit` has to be a whole number from 0 to 100";
            Problem::bad_request("invalid_value", Some("limit"), message)
        })?,
    };
    let newest_first = match query.order.as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => {
            let message = "`order` has to be `asc` or `desc`";
            return Err(Problem::bad_request("invalid_value", Some("order"), message));
        }
    };
    let after = query.after.as_deref().map(str::parse::<VideoId>);
    // After a video that never was comes nothing.
    if limit == 0 || matches!(after, Some(Err(_))) {
        return Ok(Json(view::page(&[], false, desk.videos.clock.now())));
    }
    let page = Page { after: after.and_then(Result::ok), limit, newest_first };
    let listing = desk.videos.list(page).await?;
    Ok(Json(view::page(&listing.jobs, listing.has_more, desk.videos.clock.now())))
}

fn video(desk: &Desk, job: &retake_store::Job) -> Response {
    let now = desk.videos.clock.now();
    let mut response = Json(view::video(job, now)).into_response();
    if let Some(after) = view::poll_after(job, now) {
        response.headers_mut().insert(POLL_AFTER, HeaderValue::from(after));
    }
    response
}
