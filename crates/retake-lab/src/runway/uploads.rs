//! Ephemeral uploads: create a ticket, post a form to its URL, then refer to `runway://`.
//!
//! The lab stores no bytes, only whether an upload was received and when it expires.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Caller, errors};
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    request_body::{self, Form},
};

/// The path of upload URLs.
pub(super) const UPLOAD_PATH: &str = "/uploads";
/// The minimum size of a file, in bytes.
const MIN_FILE_BYTES: usize = 512;
/// The lifetime of an upload.
const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// The maximum number of tickets.
const MAX_TICKETS: usize = 100_000;

#[derive(Debug)]
struct Upload {
    key: String,
    expires_at: Timestamp,
    is_received: bool,
}

/// All uploads, by their ids.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Upload>>);

impl Uploads {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this key's upload was received and has not expired.
    pub(super) fn is_ready(&self, id: &str, key: &str, now: Timestamp) -> bool {
        let all = self.all();
        all.get(id).is_some_and(|it| it.is_received && it.key == key && it.expires_at > now)
    }
}

/// `POST /v1/uploads`.
pub(super) async fn create_ticket(
    State(context): State<EmulatorContext>,
    Extension(uploads): Extension<Arc<Uploads>>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let body = request_body::read_json(request.into_body()).await.unwrap_or_default();
    let has_name = body["filename"].as_str().is_some_and(|it| !it.is_empty() && it.len() <= 255);
    if !has_name || body["type"] != "ephemeral" {
        let path = if has_name { "type" } else { "filename" };
        let message = "Invalid input";
        return errors::invalid(&[
            json!({ "code": "invalid_type", "expected": "string", "path": [path], "message": message }),
        ]);
    }
    if context.account_status(&key).credit_micros == 0 {
        return errors::error_response(
            StatusCode::BAD_REQUEST,
            "There are not enough credits to upload.",
        );
    }
    let (id, expires_at) = (context.new_uuid(), later(context.now(), UPLOAD_LIFETIME));
    let mut all = uploads.all();
    if all.len() >= MAX_TICKETS {
        all.clear();
    }
    all.insert(id.clone(), Upload { key, expires_at, is_received: false });
    Json(json!({
        "uploadUrl": format!("{}{UPLOAD_PATH}/{id}", context.base_url()),
        "fields": { "key": id, "policy": "lab" },
        "runwayUri": format!("runway://{id}"),
    }))
    .into_response()
}

/// Receives the form of a ticket.
pub(super) async fn receive_form(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(uploads): Extension<Arc<Uploads>>,
    request: Request,
) -> Response {
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(error) => return errors::error_response(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let size = form.file("file").map_or(0, |file| file.bytes.len());
    let is_asked = form.fields.get("key").and_then(Value::as_str) == Some(id.as_str());
    if !is_asked || size < MIN_FILE_BYTES {
        return errors::error_response(
            StatusCode::BAD_REQUEST,
            "EntityTooSmall or a field is missing",
        );
    }
    match uploads.all().get_mut(&id).filter(|it| it.expires_at > context.now()) {
        Some(upload) => {
            upload.is_received = true;
            StatusCode::NO_CONTENT.into_response()
        }
        None => errors::error_response(StatusCode::FORBIDDEN, "AccessDenied"),
    }
}
