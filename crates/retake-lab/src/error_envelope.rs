//! Errors that relays send with HTTP 200: an envelope with a code and a message, and no job.
//!
//! The shapes are those that callers of new-api and of resellers reported (2026-11-21): the relay
//! could not reach its upstream and does not know the job's state; the render continues.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use crate::{fault::Fault, fault_sampler};

const SHAPES: [&str; 3] = ["do_request_failed", "500", "fail_to_fetch_task"];

/// The error envelope in the fault's shape.
pub(crate) fn response(fault: &Fault) -> Response {
    let asked = SHAPES.into_iter().find(|shape| fault.shape.as_deref() == Some(*shape));
    let body = match asked.or_else(|| fault_sampler::pick(fault.sample, &SHAPES)) {
        Some("500") => json!({ "code": 500, "message": "internal server error", "data": null }),
        Some("fail_to_fetch_task") => json!({
            "code": "fail_to_fetch_task",
            "message": "fail to fetch task: upstream is temporarily unavailable",
            "data": null,
        }),
        _ => json!({
            "code": "do_request_failed",
            "message": "do request failed: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "data": null,
        }),
    };
    Json(body).into_response()
}
