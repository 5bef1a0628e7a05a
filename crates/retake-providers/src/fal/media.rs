//! The finished file: a public address in the result, whose place depends on the model.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{fault, places::Places, status};
use crate::{
    Download, FetchError, Flow,
    call::{Answer, Call},
    polling, response,
};

/// Where models put their video, the usual place first.
const PLACES: [&str; 8] = [
    "/video/url",
    "/video",
    "/videos/0/url",
    "/videos/0",
    "/video_url",
    "/output/video/url",
    "/output/url",
    "/url",
];

/// The address of the video in a result.
pub(super) fn video(result: &Json) -> Option<&str> {
    let is_address = |url: &&str| polling::is_link(url) || url.starts_with("data:video/");
    PLACES.iter().find_map(|place| response::text(result, place).filter(is_address))
}

/// Finds the file. It lies in public (fal docs, 2026-11-21: at least seven days), so no key goes along.
pub(super) fn fetch(places: &Places, ticket: &str) -> Flow<Result<Download, FetchError>> {
    let asked = status::request_id(ticket).to_owned();
    Flow::once(status::result_call(places, ticket), move |answer| read(answer, &asked))
}

fn read(answer: Answer, asked: &str) -> Result<Download, FetchError> {
    let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
    if matches!(reply.status.as_u16(), 404 | 410) {
        let message =
            format!("fal does not know the result any more: {}", response::plain(&reply.body));
        return Err(FetchError::Later(Fault::new(FaultKind::Lost, FaultSource::Provider, message)));
    }
    if !reply.status.is_success() {
        return Err(FetchError::Later(fault::of_reply(&reply, Stage::Download)));
    }
    let json = reply.json().unwrap_or_default();
    let matched = polling::match_render(&json, "/request_id", asked);
    polling::refuse_another(&reply, matched).map_err(FetchError::Later)?;
    let Some(url) = video(&json) else {
        return Err(FetchError::Later(response::unexpected(&reply, "the result has no video")));
    };
    match url.strip_prefix("data:") {
        None => Ok(Download::From(Call::get(url))),
        Some(inline) => inline
            .split_once(";base64,")
            .and_then(|(_, text)| STANDARD.decode(text).ok())
            .map(|bytes| Download::Whole(bytes.into()))
            .ok_or_else(|| {
                let message = "the video inside the result cannot be read";
                FetchError::Later(Fault::new(FaultKind::Malformed, FaultSource::Provider, message))
            }),
    }
}
