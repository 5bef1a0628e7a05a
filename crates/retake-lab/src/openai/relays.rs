//! Relays and servers that speak OpenAI's dialect with differences of their own.
//!
//! Each answers under a prefix of OpenAI's port, with the differences that its own sources and
//! documentation show (read on 2026-11-21), in a module of its own. None of them knows which models
//! there are behind it: whatever is asked for is served.

pub(super) mod azure;
pub(super) mod azure_jobs;
pub(super) mod litellm;
pub(super) mod newapi;
pub(super) mod openrouter;
pub(super) mod sglang;
#[cfg(test)]
mod tests;
pub(super) mod vllm;

use axum::{
    Router,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::Value;

use super::wire::{self, Problem};
use crate::{emulator_context::EmulatorContext, intake, simulator::JobView};

/// The longest video that anybody renders here, in seconds.
const LONGEST: u64 = 120;
/// Pixels of a side.
const SIDES: std::ops::RangeInclusive<u32> = 16..=4096;
/// What a second costs where nobody says, in millionths of a US dollar.
const SECOND: u64 = 50_000;

pub(super) fn router() -> Router<EmulatorContext> {
    Router::new()
        .merge(azure::router())
        .merge(azure_jobs::router())
        .merge(litellm::router())
        .merge(newapi::router())
        .merge(openrouter::router())
        .merge(sglang::router())
        .merge(vllm::router())
}

/// A whole number, given as one or as its text.
fn whole(value: &Value) -> Option<u64> {
    intake::text(value)?.parse().ok()
}

/// Seconds that can be rendered.
fn seconds(value: &Value) -> Option<u64> {
    whole(value).filter(|seconds| (1..=LONGEST).contains(seconds))
}

/// A side in pixels.
fn side(value: &Value) -> Option<u32> {
    let side = whole(value).and_then(|it| u32::try_from(it).ok());
    side.filter(|side| SIDES.contains(side))
}

/// The sides of a size `1280x720`.
fn sides(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    Some((side(&Value::from(width))?, side(&Value::from(height))?))
}

/// A field of the request that was not understood; `None` if it was.
fn wrong(param: &'static str, expected: &str) -> Problem {
    let message = format!("Invalid '{param}': expected {expected}.");
    wire::invalid(&message, Some(param), Some("invalid_value"))
}

/// Serves the one video of a job, or tells in which state it is instead.
async fn film(
    desk: &EmulatorContext,
    job: &JobView,
    headers: &http::HeaderMap,
) -> Result<Response, Problem> {
    let served = desk.download(job, Some(&job.create.key), headers).await;
    served.map_err(|why| super::videos::no_file(why, job.id()))
}

/// An empty answer.
fn nothing(status: StatusCode) -> Response {
    status.into_response()
}
