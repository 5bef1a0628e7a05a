//! Files of the Gemini API: kept for two days, visible to their key only, downloaded through a
//! redirect.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::json;

use super::{
    PortStateExtension,
    auth::GeminiCaller,
    signatures,
    status::{Code, HandlerResult, Status},
};
use crate::{
    auth::query_parameter,
    emulator_context::EmulatorContext,
    file_response::FileUnavailable,
    headers,
    simulator::{JobState, JobView},
};

/// New ids for the videos of a job.
pub(super) fn new_file_ids(context: &EmulatorContext, outputs: u32) -> Vec<String> {
    (0..outputs.max(1)).map(|_| context.new_hex_id(12)).collect()
}

/// The URIs of a job's first `outputs` videos.
pub(super) fn file_uris(context: &EmulatorContext, job: &JobView, outputs: u32) -> Vec<String> {
    let files = job.create.extra["files"].as_array().cloned().unwrap_or_default();
    let names = files.iter().filter_map(|it| it.as_str()).take(outputs as usize);
    names.map(|name| file_uri(context, name)).collect()
}

fn file_uri(context: &EmulatorContext, name: &str) -> String {
    format!("{}/v1beta/files/{name}:download?alt=media", context.base_url())
}

/// The id in a file's URI; a URI of another kind is returned as it is.
///
/// Google's Python client makes ids of `https://` addresses only. Given one of the lab's it asks for
/// `files/http://127.0.0.1/v1beta/files/ID:download`, so the last id counts.
pub(super) fn file_id_in(uri: &str) -> &str {
    let Some((_, name)) = uri.rsplit_once("files/").filter(|_| !uri.starts_with("gs://")) else {
        return uri;
    };
    name.split([':', '?', '/']).next().unwrap_or(name)
}

/// `GET /v1beta/files/{id}` and `GET /v1beta/files/{id}:download?alt=media`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(file): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    let path = format!("files/{file}");
    let name = file_id_in(&path);
    let job = port_state.find_job_of_file(&context, name).filter(|job| job.create.key == key);
    let job =
        job.filter(|job| !has_expired(&context, job)).ok_or_else(|| permission_denied(name))?;
    if !file.ends_with(":download") {
        return Ok(Json(describe(&context, &job, name)).into_response());
    }
    let ticket = signatures::mac(name);
    let to = format!("{}/download/v1beta/files/{name}:download", context.base_url());
    let to = format!("{to}?alt=media&ticket={ticket}");
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

fn has_expired(context: &EmulatorContext, job: &JobView) -> bool {
    job.expires_at(context.conditions().result_lasts).is_some_and(|at| at <= context.now())
}

fn permission_denied(name: &str) -> Status {
    let message =
        format!("You do not have permission to access the File {name} or it may not exist.");
    Status::new(Code::PermissionDenied, message)
}

fn describe(context: &EmulatorContext, job: &JobView, name: &str) -> serde_json::Value {
    let is_done = matches!(job.state, JobState::Done);
    let made = job.ended_at.unwrap_or(job.accepted_at);
    let mut card = json!({
        "name": format!("files/{name}"),
        "mimeType": "video/mp4",
        "createTime": made.to_string(),
        "updateTime": made.to_string(),
        "uri": format!("{}/v1beta/files/{name}", context.base_url()),
        "state": if is_done { "ACTIVE" } else { "PROCESSING" },
        "source": "GENERATED",
    });
    if is_done {
        card["downloadUri"] = json!(file_uri(context, name));
        let until = job.expires_at(context.conditions().result_lasts);
        card["expirationTime"] = json!(until.map(|at| at.to_string()));
        let seconds = job.create.millis.div_ceil(1000);
        card["videoMetadata"] = json!({ "videoDuration": format!("{seconds}s") });
    }
    card
}

/// `GET /download/v1beta/files/{id}:download`: the target of the redirect; the ticket replaces the
/// key.
pub(super) async fn fetch(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(file): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> HandlerResult {
    let path = format!("files/{file}");
    let name = file_id_in(&path);
    let is_valid = query_parameter(&uri, "ticket").is_some_and(|it| it == signatures::mac(name));
    let job = port_state
        .find_job_of_file(&context, name)
        .filter(|_| is_valid)
        .ok_or_else(|| permission_denied(name))?;
    let key = headers::text(&headers, "x-goog-api-key");
    let served = context.download(&job, key, &headers).await;
    Ok(served.map_err(|unavailable| file_error(unavailable, name))?)
}

fn file_error(unavailable: FileUnavailable, name: &str) -> Status {
    match unavailable {
        FileUnavailable::NotReady => {
            Status::new(Code::FailedPrecondition, format!("The File {name} is not ACTIVE yet."))
        }
        FileUnavailable::NoVideo | FileUnavailable::Expired => permission_denied(name),
        FileUnavailable::KeyRequired => Status::new(
            Code::PermissionDenied,
            "Method doesn't allow unregistered callers. Please use an API key.",
        ),
        FileUnavailable::NotYetStored => {
            Status::new(Code::NotFound, format!("Requested entity files/{name} was not found."))
        }
        FileUnavailable::RenderFailed => Status::new(Code::Internal, "Internal error encountered."),
    }
}
