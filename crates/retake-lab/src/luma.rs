//! Luma's two APIs, on one port: the Dream Machine API under `/dream-machine/v1`, and the Agents API
//! under `/agents/v1` and `/v1`.
//!
//! They have nothing in common: ids, states, error bodies and files differ, and a job of one is
//! unknown to the other. Both are written from Luma's pages and SDKs as of 2026-11-21 (`lumaai`
//! 1.21.0, `luma-agents` 0.5.0).

mod agents;
mod dream_machine;
mod errors;
mod frame_size;
#[cfg(test)]
mod tests;

use axum::{Router, response::Response};
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::EmulatorContext,
    simulator::{JobView, Refusal},
};

/// The field of a create's `extra` that names the API of the job.
const API: &str = "api";

pub(crate) fn router() -> Router<EmulatorContext> {
    let router = dream_machine::routes(Router::new(), "/dream-machine/v1");
    let router = agents::routes(router, &["/agents/v1", "/v1"]);
    router.fallback(errors::route_not_found).method_not_allowed_fallback(errors::method_not_allowed)
}

/// A caller of either API.
type Caller = auth::Caller<LumaAuth>;

/// How callers of Luma authenticate.
struct LumaAuth;

impl AuthScheme for LumaAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Authorization("Bearer")]
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        errors::auth_error(refusal)
    }
}

/// The job of this id, if it is of this key and API.
fn find_own_job(context: &EmulatorContext, id: &str, key: &str, api: &str) -> Option<JobView> {
    context.find_job(id).filter(|job| job.create.key == key && is_from_api(job, api))
}

fn is_from_api(job: &JobView, api: &str) -> bool {
    job.create.extra.get(API).and_then(Value::as_str) == Some(api)
}

/// A time in UTC with milliseconds.
fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
