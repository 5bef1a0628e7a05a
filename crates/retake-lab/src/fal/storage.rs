//! Storage: pictures and clips that callers upload before they submit a request.
//!
//! Both ways of the SDKs are here: the two steps (`/storage/upload/initiate`, then a `PUT`) and the
//! one step on the CDN's own host. Uploads in parts, for files above 90 MB, are not.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::to_bytes,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    errors::{FalError, Wrong},
    queue,
};
use crate::{
    clock::later,
    early_response::Early,
    emulator_context::EmulatorContext,
    intake::{self, LARGEST_BODY, Unreadable},
    upload_store::{Stored, UploadStore},
};

type Files = Extension<Arc<UploadStore>>;

/// `POST /storage/upload/initiate`: gives out a place to put a file.
pub(super) async fn initiate(State(desk): State<EmulatorContext>, request: Request) -> Response {
    if let Err(early) = queue::authenticate(&desk, request.headers()) {
        return early.into_response();
    }
    let body = match intake::json(request.into_body()).await {
        Ok(body) => body,
        Err(why) => return FalError::unreadable(&why).respond(),
    };
    let asked = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(name), Some(_)) = (asked("file_name"), asked("content_type")) else {
        let missing = ["file_name", "content_type"].into_iter().filter(|it| asked(it).is_none());
        let wrong: Vec<_> =
            missing.map(|it| Wrong::new("missing", &[it], "Field required")).collect();
        return FalError::model(422, &wrong).respond();
    };
    let (base, id, name) = (desk.base_url(), desk.hex(32), plain(name));
    Json(json!({
        "upload_url": format!("{base}/v3.fal.media/upload/{id}/{name}"),
        "file_url": file_url(&desk, &id, &name),
    }))
    .into_response()
}

/// `PUT` to a place that was given out; it needs no key.
pub(super) async fn put_file(
    State(desk): State<EmulatorContext>,
    Path((id, name)): Path<(String, String)>,
    Extension(shelf): Files,
    request: Request,
) -> Response {
    match keep(&desk, &shelf, id, name, request).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(early) => early.into_response(),
    }
}

/// `POST /storage/auth/token`: a token for the CDN, valid for an hour of the world's time.
pub(super) async fn token(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    if let Err(early) = queue::authenticate(&desk, &headers) {
        return early.into_response();
    }
    let expires_at = later(desk.clock().wall(), SignedDuration::from_hours(1));
    Json(json!({
        "token": format!("lab-cdn-token-{}", desk.hex(16)),
        "token_type": "Bearer",
        "base_url": format!("{}/v3.fal.media", desk.base_url()),
        "expires_at": expires_at.to_string(),
    }))
    .into_response()
}

/// `POST /v3.fal.media/files/upload`: a file in one step, with a token of the CDN or a key.
pub(super) async fn upload(
    State(desk): State<EmulatorContext>,
    Extension(shelf): Files,
    request: Request,
) -> Response {
    let headers = request.headers();
    let token = intake::authorization(headers, "Bearer");
    if !token.is_some_and(|it| it.starts_with("lab-cdn-token-"))
        && let Err(early) = queue::authenticate(&desk, headers)
    {
        return early.into_response();
    }
    let name = plain(intake::named(headers, "x-fal-file-name").unwrap_or("upload.bin"));
    match keep(&desk, &shelf, desk.hex(32), name, request).await {
        Ok(file) => {
            Json(json!({ "access_url": file_url(&desk, &file.id, &file.name) })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// `GET /v3.fal.media/files/lab/{id}/{name}`: a file that was uploaded; anybody may.
pub(super) async fn download(
    Path((id, _name)): Path<(String, String)>,
    Extension(shelf): Files,
) -> Response {
    match shelf.get(&id) {
        Some(file) => ([(header::CONTENT_TYPE, file.content_type)], file.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether a model could fetch this file: one that is said to be here has to be.
pub(super) fn is_there(desk: &EmulatorContext, shelf: &UploadStore, url: &str) -> bool {
    let place = format!("{}/v3.fal.media/files/lab/", desk.base_url());
    let Some(rest) = url.strip_prefix(&place) else { return true };
    rest.split('/').next().is_some_and(|id| shelf.get(id).is_some())
}

async fn keep(
    desk: &EmulatorContext,
    shelf: &UploadStore,
    id: String,
    name: String,
    request: Request,
) -> Result<Stored, Early> {
    let given = intake::named(request.headers(), "content-type");
    let content_type = given.unwrap_or("application/octet-stream").to_owned();
    let bytes = to_bytes(request.into_body(), LARGEST_BODY).await;
    let bytes = bytes.map_err(|_| FalError::unreadable(&Unreadable::TooLarge).respond())?;
    let (key, metadata) = (String::new(), Value::Null);
    let file = Stored { id, key, name, content_type, bytes, metadata, created_at: desk.now() };
    shelf.put(file.clone());
    Ok(file)
}

fn file_url(desk: &EmulatorContext, id: &str, name: &str) -> String {
    format!("{}/v3.fal.media/files/lab/{id}/{name}", desk.base_url())
}

/// A file's name, with what would not fit into a path left out.
fn plain(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let name: String = name.chars().filter(is_plain).take(100).collect();
    if name.trim_matches('.').is_empty() { "upload.bin".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_its_folder() {
        assert_eq!(plain("../../cat picture.png"), "....catpicture.png");
        assert_eq!((plain(".."), plain("")), ("upload.bin".to_owned(), "upload.bin".to_owned()));
    }
}
