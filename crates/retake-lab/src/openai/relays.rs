//! Relays and servers that imitate OpenAI's API with differences of their own.
//!
//! Each has a prefix on OpenAI's port and a module of its own, with the differences that its
//! sources and documentation show (read on 2026-11-21). None of them checks the model: any model is
//! served.

mod azure;
mod azure_jobs;
mod litellm;
mod newapi;
mod openrouter;
mod sglang;
#[cfg(test)]
mod tests;
mod vllm;

use axum::{Router, response::Response};
use serde_json::Value;

use super::errors::{self, ApiError};
use crate::{emulator_context::EmulatorContext, request_body, simulator::JobView};

/// The maximum length of a video, in seconds.
const MAX_SECONDS: u64 = 120;
/// The allowed length of a side, in pixels.
const SIDE_RANGE: std::ops::RangeInclusive<u32> = 16..=4096;
/// The default price of a second, in millionths of a US dollar.
const DEFAULT_SECOND_MICROS: u64 = 50_000;

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

/// A whole number, given as a number or as text.
fn whole_number(value: &Value) -> Option<u64> {
    request_body::scalar_text(value)?.parse().ok()
}

/// A length in seconds that can be rendered.
fn parse_seconds(value: &Value) -> Option<u64> {
    whole_number(value).filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
}

/// The length of a side in pixels.
fn parse_side(value: &Value) -> Option<u32> {
    let side = whole_number(value).and_then(|it| u32::try_from(it).ok());
    side.filter(|side| SIDE_RANGE.contains(side))
}

/// The width and height of a size like `1280x720`.
fn parse_size(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    Some((parse_side(&Value::from(width))?, parse_side(&Value::from(height))?))
}

/// The error for an invalid parameter.
fn invalid_param(param: &'static str, expected: &str) -> ApiError {
    let message = format!("Invalid '{param}': expected {expected}.");
    errors::invalid(&message, Some(param), Some("invalid_value"))
}

/// Serves the video of a job, or returns the error why there is none.
async fn serve_video(
    context: &EmulatorContext,
    job: &JobView,
    headers: &http::HeaderMap,
) -> Result<Response, ApiError> {
    let served = context.download(job, Some(&job.create.key), headers).await;
    served.map_err(|error| super::videos::file_error(error, job.id()))
}
