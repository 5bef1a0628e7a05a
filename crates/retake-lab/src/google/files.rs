//! Files of the Gemini API: two days old at most, shown to their key, fetched through a redirect.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::json;

use super::{
    Mem, access, seal,
    status::{Answer, Code, Status},
};
use crate::{
    emulator_context::EmulatorContext,
    intake,
    media::NoFile,
    simulator::{JobView, State as Stand},
};

/// Ids for the videos of a job.
pub(super) fn names(desk: &EmulatorContext, outputs: u32) -> Vec<String> {
    (0..outputs.max(1)).map(|_| desk.hex(12)).collect()
}

/// The addresses of a job's first `outputs` videos.
pub(super) fn uris(desk: &EmulatorContext, job: &JobView, outputs: u32) -> Vec<String> {
    let files = job.create.extra["files"].as_array().cloned().unwrap_or_default();
    let names = files.iter().filter_map(|it| it.as_str()).take(outputs as usize);
    names.map(|name| uri(desk, name)).collect()
}

fn uri(desk: &EmulatorContext, name: &str) -> String {
    format!("{}/v1beta/files/{name}:download?alt=media", desk.base_url())
}

/// The id in a file's address; an address of another kind is its own name.
///
/// Google's Python client makes ids of `https://` addresses only. Given one of the lab's it asks for
/// `files/http://127.0.0.1/v1beta/files/ID:download`, so the last id counts.
pub(super) fn name_in(uri: &str) -> &str {
    let Some((_, name)) = uri.rsplit_once("files/").filter(|_| !uri.starts_with("gs://")) else {
        return uri;
    };
    name.split([':', '?', '/']).next().unwrap_or(name)
}

/// `GET /v1beta/files/{id}` and `GET /v1beta/files/{id}:download?alt=media`.
pub(super) async fn read(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(file): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    let path = format!("files/{file}");
    let name = name_in(&path);
    let job = memory.job_of(&desk, name).filter(|job| job.create.key == key);
    let job = job.filter(|job| !has_expired(&desk, job)).ok_or_else(|| hidden(name))?;
    if !file.ends_with(":download") {
        return Ok(Json(card(&desk, &job, name)).into_response());
    }
    let ticket = seal::mac(name);
    let to = format!("{}/download/v1beta/files/{name}:download", desk.base_url());
    let to = format!("{to}?alt=media&ticket={ticket}");
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

fn has_expired(desk: &EmulatorContext, job: &JobView) -> bool {
    job.expires_at(desk.conditions().result_lasts).is_some_and(|at| at <= desk.now())
}

fn hidden(name: &str) -> Status {
    let message =
        format!("You do not have permission to access the File {name} or it may not exist.");
    Status::new(Code::PermissionDenied, message)
}

fn card(desk: &EmulatorContext, job: &JobView, name: &str) -> serde_json::Value {
    let is_done = matches!(job.state, Stand::Done);
    let made = job.ended_at.unwrap_or(job.accepted_at);
    let mut card = json!({
        "name": format!("files/{name}"),
        "mimeType": "video/mp4",
        "createTime": made.to_string(),
        "updateTime": made.to_string(),
        "uri": format!("{}/v1beta/files/{name}", desk.base_url()),
        "state": if is_done { "ACTIVE" } else { "PROCESSING" },
        "source": "GENERATED",
    });
    if is_done {
        card["downloadUri"] = json!(uri(desk, name));
        let until = job.expires_at(desk.conditions().result_lasts);
        card["expirationTime"] = json!(until.map(|at| at.to_string()));
        let seconds = job.create.millis.div_ceil(1000);
        card["videoMetadata"] = json!({ "videoDuration": format!("{seconds}s") });
    }
    card
}

/// `GET /download/v1beta/files/{id}:download`: where the redirect leads; the ticket stands for the key.
pub(super) async fn fetch(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(file): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let path = format!("files/{file}");
    let name = name_in(&path);
    let is_valid = access::parameter(&uri, "ticket").is_some_and(|it| it == seal::mac(name));
    let job = memory.job_of(&desk, name).filter(|_| is_valid).ok_or_else(|| hidden(name))?;
    let key = intake::named(&headers, "x-goog-api-key");
    let served = desk.download(&job, key, &headers).await;
    Ok(served.map_err(|trouble| worded(trouble, name))?)
}

fn worded(trouble: NoFile, name: &str) -> Status {
    match trouble {
        NoFile::NotReady => {
            Status::new(Code::FailedPrecondition, format!("The File {name} is not ACTIVE yet."))
        }
        NoFile::NoVideo | NoFile::Expired => hidden(name),
        NoFile::NeedsKey => Status::new(
            Code::PermissionDenied,
            "Method doesn't allow unregistered callers. Please use an API key.",
        ),
        NoFile::NotThere => {
            Status::new(Code::NotFound, format!("Requested entity files/{name} was not found."))
        }
        NoFile::Broken => Status::new(Code::Internal, "Internal error encountered."),
    }
}
