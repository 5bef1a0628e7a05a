//! `GET /v1/videos/{id}/content`: the file of a finished video, whole or in part.

use axum::{
    body::Body,
    extract::{Path, Query, State},
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::{
    Desk, Problem,
    range::{Asked, asked},
};

/// What of a video is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    variant: Option<String>,
}

/// Streams the file. A player may ask for ranges; a client that has it already gets `304`.
pub(super) async fn content(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(variant) = wanted.variant.filter(|variant| variant != "video") {
        let shown: String = variant.chars().take(40).collect();
        let message = format!("there is no variant `{shown}`; `video` is the one that is kept");
        return Err(Problem::bad_request("invalid_value", Some("variant"), message));
    }
    let (job, output) = desk.videos.content(&id).await?;
    let etag = format!("\"{}\"", output.sha256);
    let head = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let answer = Response::builder()
        .header(header::ETAG, &etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=31536000, immutable");
    if head(header::IF_NONE_MATCH).is_some_and(|known| names(known, &etag)) {
        return body(answer.status(StatusCode::NOT_MODIFIED), Body::empty());
    }
    // A range of a file that has changed since would be a piece of another file.
    let same = head(header::IF_RANGE).is_none_or(|known| known.trim() == etag);
    let range = match asked(head(header::RANGE).filter(|_| same), output.bytes) {
        Asked::Outside => return Err(Problem::range(output.bytes)),
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
    };
    let answer = match &range {
        None => answer,
        Some(range) => answer.status(StatusCode::PARTIAL_CONTENT).header(
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{}", range.start, range.end - 1, output.bytes),
        ),
    };
    let range = range.unwrap_or(0..output.bytes);
    let answer = answer
        .header(header::CONTENT_TYPE, "video/mp4")
        .header(header::CONTENT_LENGTH, range.end - range.start)
        .header(header::CONTENT_DISPOSITION, format!("inline; filename=\"{}.mp4\"", job.id));
    let chunks = desk.videos.assets.open(&output.key, range).await?;
    body(answer, Body::from_stream(chunks))
}

fn names(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

fn body(answer: http::response::Builder, body: Body) -> Result<Response, Problem> {
    answer.body(body).map_err(|error| Problem::internal(error.to_string()))
}
