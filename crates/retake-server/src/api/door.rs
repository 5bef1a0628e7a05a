//! The door: every request gets a name (`x-request-id`), a line in the log and an answer.

use std::{any::Any, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue};
use retake_core::ids::RequestId;
use serde_json::{Value, json};

use super::{Desk, Problem, problem::Reason};
use crate::clock::Clock;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, serves it, logs how it went, and logs the reason of a server error once.
pub(super) async fn name_and_log(request: Request, next: Next) -> Response {
    let id = RequestId::new(Clock::system().now());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();

    let mut response = next.run(request).await;

    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(Reason(reason)) = response.extensions().get() {
        tracing::error!(
            request.id = %id, %method, path, status, duration_ms, reason, "a request could not be served"
        );
    } else {
        tracing::debug!(request.id = %id, %method, path, status, duration_ms, "served");
    }
    response
}

/// A handler that panicked is a server error like any other.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the middleware's")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}

/// `GET /healthz`: the process is up and its ledger answers.
pub(super) async fn healthz(State(desk): State<Desk>) -> Result<Json<Value>, Problem> {
    desk.videos.health().await?;
    Ok(Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })))
}
