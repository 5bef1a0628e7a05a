//! Files of the Agents API: create a record, upload the bytes to a URL, complete the upload (SDK
//! 0.5.0, 2026-11-21).
//!
//! The lab stores only the number of bytes. A file whose size is not the announced one fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Extension, Json, Router,
    body::to_bytes,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::put,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    luma::{Caller, errors, format_time},
    request_body::{Form, MAX_BODY_BYTES, scalar_text},
    router_ext::RouterExt as _,
};

/// The path of upload URLs.
const UPLOAD_PATH: &str = "/agents-files";
/// The maximum size of a file: 5 GiB.
const MAX_FILE_BYTES: u64 = 5 << 30;
/// The lifetime of an upload URL.
const UPLOAD_URL_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// The maximum number of files.
const MAX_FILES: usize = 100_000;

#[derive(Clone, Debug)]
struct File {
    id: String,
    key: String,
    mime_type: String,
    purpose: String,
    filename: Value,
    user_id: Value,
    expires_at: Value,
    size: u64,
    /// The number of bytes that were received.
    received: Option<u64>,
    state: &'static str,
    created_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl File {
    fn view(&self) -> Value {
        let failed = (self.state == "failed").then_some("The bytes are not what was announced.");
        json!({
            "id": self.id, "created_at": format_time(self.created_at), "mime_type": self.mime_type,
            "purpose": self.purpose, "size_bytes": self.size, "state": self.state,
            "deleted_at": self.deleted_at.map(format_time), "expires_at": self.expires_at,
            "failure_reason": failed, "filename": self.filename, "user_id": self.user_id,
        })
    }

    fn complete(&mut self) {
        if self.state == "pending" {
            self.state = if self.received == Some(self.size) { "ready" } else { "failed" };
        }
    }
}

/// All files, oldest first.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<Vec<File>>);

impl Files {
    fn all(&self) -> MutexGuard<'_, Vec<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file of this id is this key's and ready.
    pub(super) fn is_ready(&self, id: &str, key: &str) -> bool {
        self.all().iter().any(|file| file.id == id && file.key == key && file.state == "ready")
    }

    /// Updates a key's file and returns its JSON.
    fn update(&self, id: &str, key: &str, update: impl FnOnce(&mut File)) -> Option<Value> {
        let mut all = self.all();
        let file = all.iter_mut().find(|file| file.id == id && file.key == key)?;
        update(file);
        Some(file.view())
    }
}

type FilesExtension = Extension<Arc<Files>>;

/// The router of upload URLs.
pub(super) fn upload_router() -> Router<EmulatorContext> {
    Router::new().at(&format!("{UPLOAD_PATH}/{{id}}"), put(receive_bytes))
}

/// `POST /files`: for JSON the response has an upload URL, multipart includes the bytes.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(files): FilesExtension,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(error) => return errors::error_response(400, error.to_string()),
    };
    let file = match new_file(&context, key, &form) {
        Ok(file) => file,
        Err(error) => return errors::error_response(422, error),
    };
    let mut all = files.all();
    if all.len() >= MAX_FILES {
        all.clear();
    }
    all.push(file.clone());
    let until = format_time(later(context.now(), UPLOAD_URL_LIFETIME));
    let upload = file.received.is_none().then(|| {
        json!({
            "method": "PUT", "url": format!("{}{UPLOAD_PATH}/{}", context.base_url(), file.id),
            "headers": { "Content-Type": file.mime_type }, "expires_at": until,
        })
    });
    let view = file.view();
    let body = json!({ "id": file.id, "state": file.state, "file": view, "upload": upload });
    (StatusCode::CREATED, Json(body)).into_response()
}

fn new_file(context: &EmulatorContext, key: String, form: &Form) -> Result<File, &'static str> {
    let sent = form.files.first();
    let field = |name: &str| form.fields.get(name).cloned().unwrap_or_default();
    let mime_type = scalar_text(&field("mime_type"));
    let mime_type = mime_type.or_else(|| sent.and_then(|it| it.content_type.clone()));
    let mime_type = mime_type.ok_or("mime_type: Field required")?;
    if !["image/", "video/"].iter().any(|it| mime_type.starts_with(it)) {
        return Err("mime_type: The type is not supported");
    }
    let received = sent.map(|it| it.bytes.len() as u64);
    let size = received.or_else(|| field("size_bytes").as_u64());
    let size = size.filter(|it| (1..=MAX_FILE_BYTES).contains(it));
    let purpose = scalar_text(&field("purpose")).unwrap_or_else(|| "input".to_owned());
    if !matches!(purpose.as_str(), "input" | "reference") {
        return Err("purpose: Input should be 'input' or 'reference'");
    }
    let mut file = File {
        id: context.new_uuid(),
        key,
        mime_type,
        purpose,
        filename: field("filename"),
        user_id: field("user_id"),
        expires_at: field("expires_at"),
        size: size.ok_or("size_bytes: Input should be from 1 to 5 GiB")?,
        received,
        state: "pending",
        created_at: context.now(),
        deleted_at: None,
    };
    if received.is_some() {
        file.complete();
    }
    Ok(file)
}

/// Receives the bytes of a file.
async fn receive_bytes(
    Path(id): Path<String>,
    Extension(files): FilesExtension,
    request: Request,
) -> StatusCode {
    let Ok(bytes) = to_bytes(request.into_body(), MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match files.all().iter_mut().find(|file| file.id == id && file.state == "pending") {
        Some(file) => {
            file.received = Some(bytes.len() as u64);
            StatusCode::OK
        }
        None => StatusCode::FORBIDDEN,
    }
}

/// `POST /files/{id}/complete`.
pub(super) async fn complete(
    Path(id): Path<String>,
    Extension(files): FilesExtension,
    Caller { key, .. }: Caller,
) -> Response {
    file_response(files.update(&id, &key, File::complete))
}

/// `GET /files/{id}`.
pub(super) async fn retrieve(
    Path(id): Path<String>,
    Extension(files): FilesExtension,
    Caller { key, .. }: Caller,
) -> Response {
    file_response(files.update(&id, &key, |_| {}))
}

/// `DELETE /files/{id}`: the record stays, as `deleted`.
pub(super) async fn remove(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Extension(files): FilesExtension,
    Caller { key, .. }: Caller,
) -> Response {
    let now = context.now();
    let delete = |file: &mut File| (file.state, file.deleted_at) = ("deleted", Some(now));
    let response = file_response(files.update(&id, &key, delete));
    let is_done = response.status() == StatusCode::OK;
    if is_done { StatusCode::NO_CONTENT.into_response() } else { response }
}

fn file_response(file: Option<Value>) -> Response {
    match file {
        Some(file) => Json(file).into_response(),
        None => errors::error_response(404, "File not found"),
    }
}

/// The requested part of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default = "default_limit")]
    limit: usize,
    cursor: Option<String>,
    purpose: Option<String>,
    state: Option<String>,
}

fn default_limit() -> usize {
    25
}

/// `GET /files`: the newest first; the cursor is the last file's id.
pub(super) async fn list(
    Query(page): Query<Page>,
    Extension(files): FilesExtension,
    Caller { key, .. }: Caller,
) -> Response {
    let all = files.all();
    let fits = |asked: &Option<String>, it: &str| asked.as_deref().is_none_or(|asked| asked == it);
    let mut found = all.iter().rev().filter(|file| {
        file.key == key && fits(&page.purpose, &file.purpose) && fits(&page.state, file.state)
    });
    if let Some(cursor) = &page.cursor {
        found.find(|file| file.id == *cursor);
    }
    let shown: Vec<_> = found.by_ref().take(page.limit.clamp(1, 100)).collect();
    let has_more = found.next().is_some();
    let next = shown.last().filter(|_| has_more).map(|file| file.id.clone());
    let data: Vec<_> = shown.iter().map(|file| file.view()).collect();
    Json(json!({ "data": data, "has_more": has_more, "next_cursor": next })).into_response()
}
