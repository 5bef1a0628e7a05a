//! Storage: images and clips that callers upload before they submit a request.
//!
//! Both upload methods of the SDKs are emulated: two steps (`/storage/upload/initiate`, then a
//! `PUT`) and one step on the CDN's own host. Multipart uploads, for files above 90 MB, are not.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::to_bytes,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Caller,
    errors::{FalError, ValidationIssue},
};
use crate::{
    auth::{self, KeySource},
    clock::later,
    early_response::EarlyResponse,
    emulator_context::EmulatorContext,
    headers,
    request_body::{self, BodyError, MAX_BODY_BYTES},
    upload_store::{StoredFile, UploadStore},
};

type Files = Extension<Arc<UploadStore>>;

/// `POST /storage/upload/initiate`: returns a URL to upload a file to.
pub(super) async fn initiate(
    State(context): State<EmulatorContext>,
    _: Caller,
    request: Request,
) -> Response {
    let body = match request_body::read_json(request.into_body()).await {
        Ok(body) => body,
        Err(error) => return FalError::body_error(&error).respond(),
    };
    let asked = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(name), Some(_)) = (asked("file_name"), asked("content_type")) else {
        let missing = ["file_name", "content_type"].into_iter().filter(|it| asked(it).is_none());
        let issues: Vec<_> =
            missing.map(|it| ValidationIssue::new("missing", &[it], "Field required")).collect();
        return FalError::model(422, &issues).respond();
    };
    let (base, id, name) = (context.base_url(), context.new_hex_id(32), sanitize_name(name));
    Json(json!({
        "upload_url": format!("{base}/v3.fal.media/upload/{id}/{name}"),
        "file_url": file_url(&context, &id, &name),
    }))
    .into_response()
}

/// `PUT` to an upload URL; it needs no key.
pub(super) async fn put_file(
    State(context): State<EmulatorContext>,
    Path((id, name)): Path<(String, String)>,
    Extension(uploads): Files,
    request: Request,
) -> Response {
    match store_upload(&context, &uploads, id, name, request).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(early_response) => early_response.into_response(),
    }
}

/// `POST /storage/auth/token`: a token for the CDN, valid for an hour of wall-clock time.
pub(super) async fn token(State(context): State<EmulatorContext>, _: Caller) -> Response {
    let expires_at = later(context.clock().wall(), SignedDuration::from_hours(1));
    Json(json!({
        "token": format!("lab-cdn-token-{}", context.new_hex_id(16)),
        "token_type": "Bearer",
        "base_url": format!("{}/v3.fal.media", context.base_url()),
        "expires_at": expires_at.to_string(),
    }))
    .into_response()
}

/// `POST /v3.fal.media/files/upload`: a file in one step, with a token of the CDN or a key.
pub(super) async fn upload(
    State(context): State<EmulatorContext>,
    Extension(uploads): Files,
    caller: Result<Caller, Response>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let token = auth::find_key(headers, None, &[KeySource::Authorization("Bearer")]);
    if !token.is_some_and(|it| it.starts_with("lab-cdn-token-"))
        && let Err(response) = caller
    {
        return response;
    }
    let name = sanitize_name(headers::text(headers, "x-fal-file-name").unwrap_or("upload.bin"));
    match store_upload(&context, &uploads, context.new_hex_id(32), name, request).await {
        Ok(file) => {
            Json(json!({ "access_url": file_url(&context, &file.id, &file.name) })).into_response()
        }
        Err(early_response) => early_response.into_response(),
    }
}

/// `GET /v3.fal.media/files/lab/{id}/{name}`: an uploaded file, without authentication.
pub(super) async fn download(
    Path((id, _name)): Path<(String, String)>,
    Extension(uploads): Files,
) -> Response {
    match uploads.get(&id) {
        Some(file) => ([(header::CONTENT_TYPE, file.content_type)], file.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether a model could fetch this file: a URL of this storage has to exist.
pub(super) fn is_stored(context: &EmulatorContext, uploads: &UploadStore, url: &str) -> bool {
    let place = format!("{}/v3.fal.media/files/lab/", context.base_url());
    let Some(rest) = url.strip_prefix(&place) else { return true };
    rest.split('/').next().is_some_and(|id| uploads.get(id).is_some())
}

async fn store_upload(
    context: &EmulatorContext,
    uploads: &UploadStore,
    id: String,
    name: String,
    request: Request,
) -> Result<StoredFile, EarlyResponse> {
    let given = headers::text(request.headers(), "content-type");
    let content_type = given.unwrap_or("application/octet-stream").to_owned();
    let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
    let bytes = bytes.map_err(|_| FalError::body_error(&BodyError::TooLarge).respond())?;
    let (key, metadata) = (String::new(), Value::Null);
    let file =
        StoredFile { id, key, name, content_type, bytes, metadata, created_at: context.now() };
    uploads.put(file.clone());
    Ok(file)
}

fn file_url(context: &EmulatorContext, id: &str, name: &str) -> String {
    format!("{}/v3.fal.media/files/lab/{id}/{name}", context.base_url())
}

/// A file's name without characters that are invalid in a path.
fn sanitize_name(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let name: String = name.chars().filter(is_plain).take(100).collect();
    if name.trim_matches('.').is_empty() { "upload.bin".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_its_folder() {
        assert_eq!(sanitize_name("../../cat picture.png"), "....catpicture.png");
        assert_eq!(
            (sanitize_name(".."), sanitize_name("")),
            ("upload.bin".to_owned(), "upload.bin".to_owned())
        );
    }
}
