//! Luma's two APIs, on one port: the Dream Machine API under `/dream-machine/v1`, and the Agents API
//! under `/agents/v1` and `/v1`.
//!
//! They share nothing but the company: keys, ids, states, error bodies and files differ, and a job of
//! one is unknown to the other. Both are written from Luma's pages and SDKs as of 2026-11-21
//! (`lumaai` 1.21.0, `luma-agents` 0.5.0).

mod agents;
mod dream;
mod frame;
mod problem;
#[cfg(test)]
mod tests;

use axum::{Router, extract::FromRequestParts, response::Response};
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;

use crate::{emulator_context::EmulatorContext, intake, simulator::JobView};

/// Where each API's jobs are told apart: under this name in a create's `extra`.
const API: &str = "api";

pub(crate) fn router() -> Router<EmulatorContext> {
    let router = dream::routes(Router::new(), "/dream-machine/v1");
    let router = agents::routes(router, &["/agents/v1", "/v1"]);
    router.fallback(problem::no_route).method_not_allowed_fallback(problem::no_method)
}

/// The key of a call. Calls without one that is good are answered before a handler sees them.
struct Caller(String);

impl FromRequestParts<EmulatorContext> for Caller {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        desk: &EmulatorContext,
    ) -> Result<Self, Response> {
        let key = desk.authenticate(intake::authorization(&parts.headers, "Bearer"));
        key.map(Self).map_err(|refusal| problem::barred(&refusal))
    }
}

/// A job of this key, made through this API.
fn own(desk: &EmulatorContext, id: &str, key: &str, api: &str) -> Option<JobView> {
    desk.look(id).filter(|job| job.create.key == key && is_of(job, api))
}

fn is_of(job: &JobView, api: &str) -> bool {
    job.create.extra.get(API).and_then(Value::as_str) == Some(api)
}

/// A moment with thousandths of a second, in UTC.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
