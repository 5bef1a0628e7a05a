//! Ephemeral uploads: a ticket, then a form posted to the place it names, then `runway://`.
//!
//! The lab keeps no bytes: an upload is remembered by its size and by when it ends.

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

use super::{Caller, problem};
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    intake::{self, Form},
};

/// Where forms are posted to.
pub(super) const PLACE: &str = "/uploads";
/// The smallest file, in bytes.
const SMALLEST: usize = 512;
/// How long an upload can be used.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// Tickets that one lab remembers.
const MOST: usize = 100_000;

#[derive(Debug)]
struct Upload {
    key: String,
    until: Timestamp,
    is_there: bool,
}

/// All uploads, by their ids.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Upload>>);

impl Uploads {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this key's upload has been received and has not ended.
    pub(super) fn is_ready(&self, id: &str, key: &str, now: Timestamp) -> bool {
        let all = self.all();
        all.get(id).is_some_and(|it| it.is_there && it.key == key && it.until > now)
    }
}

/// `POST /v1/uploads`.
pub(super) async fn ticket(
    State(desk): State<EmulatorContext>,
    Extension(uploads): Extension<Arc<Uploads>>,
    Caller(key): Caller,
    request: Request,
) -> Response {
    let body = intake::json(request.into_body()).await.unwrap_or_default();
    let has_name = body["filename"].as_str().is_some_and(|it| !it.is_empty() && it.len() <= 255);
    if !has_name || body["type"] != "ephemeral" {
        let path = if has_name { "type" } else { "filename" };
        let message = "Invalid input";
        return problem::invalid(&[
            json!({ "code": "invalid_type", "expected": "string", "path": [path], "message": message }),
        ]);
    }
    if desk.standing(&key).credit_micros == 0 {
        return problem::plain(StatusCode::BAD_REQUEST, "There are not enough credits to upload.");
    }
    let (id, until) = (desk.uuid(), later(desk.now(), LASTS));
    let mut all = uploads.all();
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(id.clone(), Upload { key, until, is_there: false });
    Json(json!({
        "uploadUrl": format!("{}{PLACE}/{id}", desk.base_url()),
        "fields": { "key": id, "policy": "lab" },
        "runwayUri": format!("runway://{id}"),
    }))
    .into_response()
}

/// The form that a ticket asked for.
pub(super) async fn receive(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(uploads): Extension<Arc<Uploads>>,
    request: Request,
) -> Response {
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(why) => return problem::plain(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let size = form.file("file").map_or(0, |file| file.bytes.len());
    let is_asked = form.fields.get("key").and_then(Value::as_str) == Some(id.as_str());
    if !is_asked || size < SMALLEST {
        return problem::plain(StatusCode::BAD_REQUEST, "EntityTooSmall or a field is missing");
    }
    match uploads.all().get_mut(&id).filter(|it| it.until > desk.now()) {
        Some(upload) => {
            upload.is_there = true;
            StatusCode::NO_CONTENT.into_response()
        }
        None => problem::plain(StatusCode::FORBIDDEN, "AccessDenied"),
    }
}
