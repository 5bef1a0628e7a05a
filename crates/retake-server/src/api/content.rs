//! `GET /v1/videos/{id}/content`: the file of a finished video, whole or in part.

use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode, header};
use retake_store::Output;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    AppState, Problem,
    bodies::Binary,
    extract::{self, Named},
    range::{Asked, asked},
};
use crate::{assets::Variant, keys::Caller};

/// What of a video is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Which of its files.
    #[param(value_type = String, required = false, pattern = "^(video|thumbnail|spritesheet)$", default = "video")]
    variant: Option<String>,
}

/// Which part of the file, and for whom.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `content` reads")]
struct Ranged {
    /// One range of bytes, such as `bytes=0-999`. Whatever else it is, it gets the whole file.
    #[param(rename = "Range", value_type = String, required = false)]
    range: Option<String>,
    /// The `etag` of the file that the client has.
    #[param(rename = "If-None-Match", value_type = String, required = false)]
    if_none_match: Option<String>,
}

/// Streams the file of a finished video
///
/// A player may ask for ranges; a client that has the file already gets `304`.
#[utoipa::path(
    get,
    path = "/v1/videos/{id}/content",
    operation_id = "download_video",
    tag = "videos",
    params(
        ("id" = String, Path, description = "The id of a video."),
        Wanted,
        Ranged,
    ),
    responses(
        (status = 200, description = "The file.", content(
            (inline(Binary) = "video/mp4"), (inline(Binary) = "video/webm"), (inline(Binary) = "image/webp"), (inline(Binary) = "image/jpeg"),
        )),
        (status = 206, description = "The range that was asked for.", content(
            (inline(Binary) = "video/mp4"), (inline(Binary) = "video/webm"), (inline(Binary) = "image/webp"), (inline(Binary) = "image/jpeg"),
        )),
        (status = 304, description = "The file is the one that the client has."),
    ),
    extensions(("x-refusals" = json!([
        "400 invalid_value", "404 video_not_found", "404 video_has_no_content", "404 variant_not_available", "409 video_not_ready",
        "410 video_expired", "410 video_file_missing", "416 range_not_satisfiable", "503 storage_unavailable",
    ]))),
)]
pub(super) async fn content(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    extract::Asked(wanted): extract::Asked<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let variant = variant(wanted.variant.as_deref())?;
    let (job, output) = state.videos.content(&caller, &id).await?;
    let Some(file) = File::of(&output, variant) else {
        return Err(Problem::no_variant(variant_name(variant), output.no_preview.as_deref()));
    };
    let etag = format!("\"{}\"", file.sha256);
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
    let range = match asked(head(header::RANGE).filter(|_| same), file.bytes) {
        Asked::Egress => return Err(Problem::range(file.bytes)),
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
    };
    let answer = match &range {
        None => answer,
        Some(range) => answer.status(StatusCode::PARTIAL_CONTENT).header(
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes),
        ),
    };
    let range = range.unwrap_or(0..file.bytes);
    let answer = answer
        .header(header::CONTENT_TYPE, file.media_type)
        .header(header::CONTENT_LENGTH, range.end - range.start)
        .header(
            header::CONTENT_DISPOSITION,
            format!("inline; filename=\"{}.{}\"", job.id, file.ending),
        );
    let chunks = state.videos.assets.open(&variant.key(&output.key), range).await?;
    body(answer, Body::from_stream(chunks))
}

/// What is known of one variant's file.
struct File<'a> {
    bytes: u64,
    sha256: &'a str,
    media_type: &'static str,
    ending: &'static str,
}

impl<'a> File<'a> {
    fn of(output: &'a Output, variant: Variant) -> Option<Self> {
        let (bytes, sha256, media_type, ending) = match variant {
            Variant::Video => {
                let kind = output.file_type;
                (output.bytes, &output.sha256, kind.media_type(), kind.extension())
            }
            Variant::Thumbnail => {
                let picture = output.thumbnail.as_ref()?;
                (picture.bytes, &picture.sha256, "image/webp", "webp")
            }
            Variant::Spritesheet => {
                let sheet = &output.spritesheet.as_ref()?.sheet;
                (sheet.bytes, &sheet.sha256, "image/jpeg", "jpg")
            }
        };
        Some(Self { bytes, sha256, media_type, ending })
    }
}

fn variant(asked: Option<&str>) -> Result<Variant, Problem> {
    match asked {
        None | Some("video") => Ok(Variant::Video),
        Some("thumbnail") => Ok(Variant::Thumbnail),
        Some("spritesheet") => Ok(Variant::Spritesheet),
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            let message = format!(
                "there is no variant `{shown}`; ask for `video`, `thumbnail` or `spritesheet`"
            );
            Err(Problem::bad_request("invalid_value", Some("variant"), message))
        }
    }
}

fn variant_name(variant: Variant) -> &'static str {
    match variant {
        Variant::Video => "video",
        Variant::Thumbnail => "thumbnail",
        Variant::Spritesheet => "spritesheet",
    }
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
