//! The finished file: an address, a list of them, or an object with some. It is there for an hour.

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::Value as Json;

use super::{calls::Calls, fault, status};
use crate::{
    Download, FetchError, Flow,
    call::{Answer, Call},
    polling::{self, RenderMatch},
    response,
};

/// What is said of a prediction whose files are gone (Replicate docs, 2026-11-21).
pub(super) const REMOVED: &str =
    "Replicate has removed the files, as it does an hour after a prediction";
/// Names under which models put their video, the usual first.
const NAMES: [&str; 6] = ["video", "output", "url", "mp4", "video_url", "file"];
const ENDINGS: [&str; 3] = [".mp4", ".webm", ".mov"];

/// The address of the video that a prediction made.
pub(super) fn video(prediction: &Json) -> Option<&str> {
    address(prediction.get("output")?)
}

fn address(output: &Json) -> Option<&str> {
    let is_address = |url: &&str| polling::is_link(url);
    let one = |value: &'_ Json| value.is_string();
    match output {
        Json::String(url) => Some(url.as_str()).filter(is_address),
        Json::Array(list) => {
            let urls = || list.iter().filter(|value| one(value)).filter_map(address);
            urls().find(|url| is_video(url)).or_else(|| urls().next())
        }
        Json::Object(fields) => {
            let named = NAMES.iter().find_map(|name| match fields.get(*name)? {
                value @ (Json::String(_) | Json::Array(_)) => address(value),
                Json::Object(inner) => inner.get("url").filter(|url| one(url)).and_then(address),
                _ => None,
            });
            let any = || fields.values().filter(|value| one(value)).filter_map(address);
            named.or_else(|| any().find(|url| is_video(url)))
        }
        _ => None,
    }
}

fn is_video(url: &str) -> bool {
    let path = path(url).to_ascii_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn path(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a prediction that did not succeed has left a video: what lies there may also be a picture of how far it
/// came, which the ending of its name shows.
pub(super) fn is_a_video(prediction: &Json) -> bool {
    let has_ending =
        |url: &str| path(url).rsplit('/').next().is_some_and(|name| name.contains('.'));
    video(prediction).is_some_and(|url| is_video(url) || !has_ending(url))
}

/// Whether the files of a prediction were removed.
pub(super) fn is_removed(prediction: &Json) -> bool {
    prediction.get("data_removed").and_then(Json::as_bool).unwrap_or(false)
}

/// Finds the file. It lies in public; the token goes along only to the API itself.
pub(super) fn fetch(calls: &Calls, id: &str) -> Flow<Result<Download, FetchError>> {
    let (places, asked) = (calls.clone(), id.to_owned());
    Flow::once(status::get(calls, id), move |answer| read(&places, &asked, answer))
}

fn read(calls: &Calls, asked: &str, answer: Answer) -> Result<Download, FetchError> {
    let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(FetchError::Later(response::unknown_render(&reply, "Replicate")));
    }
    if !reply.status.is_success() {
        return Err(FetchError::Later(fault::of_reply(&reply, Stage::Download)));
    }
    let json = reply.json().unwrap_or_default();
    let matched = polling::match_render(&json, "/id", asked);
    polling::refuse_another(&reply, matched).map_err(FetchError::Later)?;
    match video(&json) {
        Some(url) if calls.is_own(url) => Ok(Download::From(calls.signed(Call::get(url)))),
        Some(url) => Ok(Download::From(Call::get(url))),
        None if is_removed(&json) && matched == RenderMatch::Asked => {
            let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, REMOVED);
            Err(FetchError::Gone(fault))
        }
        None => Err(FetchError::Later(response::unexpected(&reply, "the prediction has no video"))),
    }
}
