//! Files that callers upload as input; they are gone after a day.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    authenticate,
    problem::{self, Invalid},
};
use crate::{
    clock::later,
    digits::hex,
    emulator_context::EmulatorContext,
    intake::{Form, Unreadable},
    upload_store::{Stored, UploadStore},
};

/// How long a file is kept.
const LASTS: SignedDuration = SignedDuration::from_hours(24);

type Files = Extension<Arc<UploadStore>>;

/// `POST /v1/files`: multipart with `content` and, as text or as a file, `metadata`.
pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(shelf): Files,
    request: Request,
) -> Response {
    let key = match authenticate(&desk, request.headers()) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(Unreadable::TooLarge) => {
            let detail = "The file is larger than allowed.";
            return problem::problem(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", detail);
        }
        Err(_) => return problem::bad_request("The request body could not be parsed."),
    };
    let Some(content) = form.file("content") else {
        let description = "content is required".to_owned();
        let wrong = Invalid { kind: "required", field: String::new(), description };
        return problem::invalid("Validation failed", &[wrong]);
    };
    let given = form.file("metadata").map(|it| it.bytes.clone());
    let given = given.or_else(|| form.text("metadata").map(Into::into));
    let metadata = given.and_then(|it| serde_json::from_slice::<Map<_, _>>(&it).ok());
    let kind = content.content_type.clone();
    let file = Stored {
        id: desk.hex(32),
        key,
        name: "file".to_owned(),
        content_type: kind.unwrap_or_else(|| "application/octet-stream".to_owned()),
        bytes: content.bytes.clone(),
        metadata: Value::Object(metadata.unwrap_or_default()),
        created_at: desk.now(),
    };
    let body = view(&desk, &file);
    shelf.put(file);
    (StatusCode::CREATED, Json(body)).into_response()
}

/// `GET /v1/files`: those of a key, newest first, on one page.
pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Extension(shelf): Files,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => {
            let files = shelf.list(&key).into_iter().filter(|file| !has_expired(&desk, file));
            let results: Vec<Value> = files.map(|file| view(&desk, &file)).collect();
            Json(json!({ "previous": null, "next": null, "results": results })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// `GET /v1/files/{id}`.
pub(super) async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(shelf): Files,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => match shelf.get(&id).filter(|it| it.key == key && !has_expired(&desk, it)) {
            Some(file) => Json(view(&desk, &file)).into_response(),
            None => problem::missing(),
        },
        Err(early) => early.into_response(),
    }
}

/// `DELETE /v1/files/{id}`.
pub(super) async fn delete(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(shelf): Files,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) if shelf.remove(&id, &key) => StatusCode::NO_CONTENT.into_response(),
        Ok(_) => problem::missing(),
        Err(early) => early.into_response(),
    }
}

fn has_expired(desk: &EmulatorContext, file: &Stored) -> bool {
    later(file.created_at, LASTS) <= desk.now()
}

fn view(desk: &EmulatorContext, file: &Stored) -> Value {
    let sum = hex(&Sha256::digest(&file.bytes));
    json!({
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.bytes.len(),
        "etag": sum,
        "checksums": { "sha256": sum },
        "metadata": file.metadata,
        "created_at": file.created_at.to_string(),
        "expires_at": later(file.created_at, LASTS).to_string(),
        "urls": { "get": format!("{}/v1/files/{}", desk.base_url(), file.id) },
    })
}
