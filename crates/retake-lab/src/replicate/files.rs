//! Files that callers upload as input; they expire after a day.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Caller,
    errors::{self, InvalidField},
};
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    hex,
    request_body::{BodyError, Form},
    upload_store::{StoredFile, UploadStore},
};

/// The lifetime of a file.
const FILE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

type Files = Extension<Arc<UploadStore>>;

/// `POST /v1/files`: multipart with `content` and, as text or as a file, `metadata`.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(uploads): Files,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(BodyError::TooLarge) => {
            let detail = "The file is larger than allowed.";
            return errors::error_response(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Payload too large",
                detail,
            );
        }
        Err(_) => return errors::bad_request("The request body could not be parsed."),
    };
    let Some(content) = form.file("content") else {
        let description = "content is required".to_owned();
        let issue = InvalidField { kind: "required", field: String::new(), description };
        return errors::invalid("Validation failed", &[issue]);
    };
    let given = form.file("metadata").map(|it| it.bytes.clone());
    let given = given.or_else(|| form.text("metadata").map(Into::into));
    let metadata = given.and_then(|it| serde_json::from_slice::<Map<_, _>>(&it).ok());
    let kind = content.content_type.clone();
    let file = StoredFile {
        id: context.new_hex_id(32),
        key,
        name: "file".to_owned(),
        content_type: kind.unwrap_or_else(|| "application/octet-stream".to_owned()),
        bytes: content.bytes.clone(),
        metadata: Value::Object(metadata.unwrap_or_default()),
        created_at: context.now(),
    };
    let body = file_json(&context, &file);
    uploads.put(file);
    (StatusCode::CREATED, Json(body)).into_response()
}

/// `GET /v1/files`: the files of a key, newest first, on one page.
pub(super) async fn list(
    State(context): State<EmulatorContext>,
    Extension(uploads): Files,
    Caller { key, .. }: Caller,
) -> Response {
    let files = uploads.list(&key).into_iter().filter(|file| !has_expired(&context, file));
    let results: Vec<Value> = files.map(|file| file_json(&context, &file)).collect();
    Json(json!({ "previous": null, "next": null, "results": results })).into_response()
}

/// `GET /v1/files/{id}`.
pub(super) async fn retrieve(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(uploads): Files,
    Caller { key, .. }: Caller,
) -> Response {
    match uploads.get(&id).filter(|it| it.key == key && !has_expired(&context, it)) {
        Some(file) => Json(file_json(&context, &file)).into_response(),
        None => errors::not_found_response(),
    }
}

/// `DELETE /v1/files/{id}`.
pub(super) async fn delete(
    Path(id): Path<String>,
    Extension(uploads): Files,
    Caller { key, .. }: Caller,
) -> Response {
    if uploads.remove(&id, &key) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        errors::not_found_response()
    }
}

fn has_expired(context: &EmulatorContext, file: &StoredFile) -> bool {
    later(file.created_at, FILE_LIFETIME) <= context.now()
}

fn file_json(context: &EmulatorContext, file: &StoredFile) -> Value {
    let sum = hex::encode(&Sha256::digest(&file.bytes));
    json!({
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.bytes.len(),
        "etag": sum,
        "checksums": { "sha256": sum },
        "metadata": file.metadata,
        "created_at": file.created_at.to_string(),
        "expires_at": later(file.created_at, FILE_LIFETIME).to_string(),
        "urls": { "get": format!("{}/v1/files/{}", context.base_url(), file.id) },
    })
}
