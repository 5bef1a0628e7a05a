//! Where the file of a finished render is.
//!
//! OpenAI hands it out below the render itself. Others name an address in one of many fields, on their own host
//! or on a store's, signed or not; the key goes along only to the account's own host. An address that expired
//! is no loss: the next fetch asks for the render again and gets a new one.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use retake_core::{
    fault::{Fault, FaultKind},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{
    account::{Account, encoded},
    dialect::Source,
    fault,
    poll::{self, Verdict},
    status,
};
use crate::{Answer, Call, Download, FetchError, Flow, Polled, Render, Reply, polling, response};

/// A relay may fetch the file itself before the first byte of it comes.
const FILE_PATIENCE: Duration = Duration::from_mins(2);
/// So much of a file shows that it is one, in bytes.
const BEGINNING: usize = 1024;

/// Where an address was seen, the documented places first (dialect table, 2026-11-21).
const PLACES: &[&str] = &[
    "/unsigned_urls/0",
    "/urls/0",
    "/url",
    "/video_url",
    "/video/url",
    "/result_url",
    "/output_url",
    "/download_url",
    "/metadata/url",
    "/metadata/video_url",
    "/metadata/result_url",
    "/metadata/urls/0",
    "/result/video_url",
    "/result/url",
    "/result/urls/0",
    "/output/video_url",
    "/output/url",
    "/output/0",
    "/output",
    "/outputs/0",
    "/data/url",
    "/data/video_url",
    "/data/output",
    "/data/0/url",
    "/videos/0/url",
    "/videos/0",
    "/assets/video",
    "/content/video_url",
    "/generations/0/url",
    "/fail_reason",
];
/// Where the file itself was seen, in base64.
const INLINE: &[&str] = &["/b64_json", "/data/0/b64_json", "/videos/0/data", "/video/b64_json"];

/// Finds the file of a render.
pub(super) fn talk(
    account: &std::sync::Arc<Account>,
    render: &Render,
) -> Flow<Result<Download, FetchError>> {
    let id = render.remote_id.clone();
    if account.dialect.result == Source::Content {
        return Flow::Done(Ok(Download::From(content(account, &id))));
    }
    let owner = std::sync::Arc::clone(account);
    Flow::once(account.job(&id), move |answer| find(&owner, &id, answer))
}

fn content(account: &Account, id: &str) -> Call {
    let path = format!("{}/{}/content", account.dialect.create, encoded(id));
    file(account.sign(Call::get(account.url(&path, &[]))))
}

/// Asks for the beginning of the file of a render, which shows whether there is one. Of a failed render the content is
/// refused (400, 404, 409 or 422 by the documentation of the dialects).
pub(super) fn begin(account: &Account, id: &str) -> Call {
    let call = content(account, id).header("range", format!("bytes=0-{}", BEGINNING - 1));
    Call { enough: Some(BEGINNING), ..call }
}

/// Whether the answer to that is a file, or leads to one.
pub(super) fn is_handed_out(reply: &Reply) -> bool {
    if reply.status.is_redirection() {
        return reply.header("location").is_some_and(polling::is_link);
    }
    let body = &reply.body;
    let is_media = reply.header("content-type").is_some_and(|it| {
        let it = it.trim().to_ascii_lowercase();
        it.starts_with("video/") || it.starts_with("application/octet-stream")
    });
    let is_something = reply.json().is_none() && response::page_title(body).is_none();
    let has_mark = body.get(4..8) == Some(b"ftyp") || body.starts_with(b"\x1a\x45\xdf\xa3");
    reply.status.is_success() && !body.is_empty() && (has_mark || (is_media && is_something))
}

/// Whether the answer to that says that there is no file, and none on its way.
pub(super) fn is_refused(reply: &Reply) -> bool {
    matches!(reply.status.as_u16(), 400 | 404 | 410 | 422)
        && !is_early(&fault::of_reply(reply, Stage::Download).message)
}

fn file(call: Call) -> Call {
    Call { patience: FILE_PATIENCE, ..call }
}

fn find(account: &Account, id: &str, answer: Answer) -> Result<Download, FetchError> {
    let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
    match poll::read(account.dialect, id, Ok(reply.clone())) {
        Ok(Verdict::Polled(
            Polled::Failed { fault, .. }
            | Polled::Doubtful { fault, .. }
            | Polled::GivenUp { fault, .. },
        )) => return Err(FetchError::Gone(fault)),
        Ok(Verdict::Polled(Polled::Running { .. })) => {
            let fault = response::unexpected(&reply, "the render is not finished any more");
            return Err(FetchError::Later(fault));
        }
        Ok(
            Verdict::Polled(Polled::Rendered { .. } | Polled::Disputed { .. }) | Verdict::Look(_),
        ) => {}
        Err(fault) => return Err(FetchError::Later(fault)),
    }
    let json = reply.json().unwrap_or_default();
    let job = status::job(account.dialect, &json, id).unwrap_or(&json);
    if account.dialect.result == Source::Generation {
        return by_generation(account, job, &reply);
    }
    if let Some(bytes) = inline(&json, job) {
        return Ok(Download::Whole(bytes));
    }
    let call = named(&json, job).and_then(|address| account.follow(address));
    let content = content(account, id);
    Ok(match call.map(file) {
        // Addresses expire, or lead to a viewer's page.
        Some(call) if call.url != content.url => Download::Either(call, content),
        _ => Download::From(content),
    })
}

/// The id of the first generation of a job.
pub(super) fn generation(job: &Json) -> Option<&str> {
    response::id(job, "/generations/0/id")
}

fn by_generation(account: &Account, job: &Json, reply: &Reply) -> Result<Download, FetchError> {
    let Some(id) = generation(job) else {
        let fault = response::unexpected(reply, "the finished job has no generation");
        return Err(FetchError::Later(fault));
    };
    let path = format!("/video/generations/{}/content/video", encoded(id));
    Ok(Download::From(file(account.sign(Call::get(account.url(&path, &[]))))))
}

/// The address that a render or its envelope names.
pub(super) fn named<'a>(json: &'a Json, job: &'a Json) -> Option<&'a str> {
    let in_one = |json: &'a Json| {
        PLACES.iter().filter_map(|place| response::text(json, place)).find(|text| is_address(text))
    };
    in_one(job).or_else(|| in_one(json))
}

/// A path counts only below the API: others are of the server's own disk.
fn is_address(text: &str) -> bool {
    let is_path = text.starts_with("/v1/") || text.starts_with("/api/");
    is_path || polling::is_link(text)
}

/// Whether the file itself came with the answer.
pub(super) fn is_inline(json: &Json, job: &Json) -> bool {
    let text = |place: &&str| response::text(job, place).or_else(|| response::text(json, place));
    INLINE.iter().find_map(text).is_some()
        || PLACES.iter().filter_map(text).any(|text| text.starts_with("data:video/"))
}

/// The file itself, where it came with the answer.
fn inline(json: &Json, job: &Json) -> Option<Bytes> {
    let text = |place: &&str| response::text(job, place).or_else(|| response::text(json, place));
    let bare = INLINE.iter().filter_map(text);
    let urls = PLACES.iter().filter_map(text).filter_map(|text| text.strip_prefix("data:"));
    let urls = urls.filter_map(|text| Some(text.split_once(";base64,")?.1));
    bare.chain(urls).find_map(|base64| STANDARD.decode(base64).ok()).map(Bytes::from)
}

/// Whether a text says that a file is not there yet.
fn is_early(text: &str) -> bool {
    let text = text.to_lowercase();
    ["in progress", "in-progress", "in_progress", "not ready", "not completed", "not yet"]
        .iter()
        .any(|phrase| text.contains(phrase))
}

/// Reads the answer to a download that brought no file: whatever it says, the render is finished, and the next fetch
/// asks for it anew. Some servers say 404 for a file that is not there yet.
pub(super) fn refused(reply: &Reply) -> FetchError {
    let fault = fault::of_reply(reply, Stage::Download);
    let (kind, message) = match reply.status.as_u16() {
        409 => (FaultKind::Overloaded, format!("the file is not there yet: {}", fault.message)),
        _ if is_early(&fault.message) => {
            (FaultKind::Overloaded, format!("the file is not there yet: {}", fault.message))
        }
        404 | 410 => (FaultKind::Lost, fault.message.clone()),
        _ => (fault.kind, fault.message.clone()),
    };
    FetchError::Later(Fault { kind, message, ..fault })
}
