//! Runway's developer API, as the SDKs of October 2026 speak it.
//!
//! Tasks are made on one path for each kind of work and looked at under `/v1/tasks`. What cannot be
//! told by the SDKs comes from Runway's pages on failures, HTTP errors and limits (2026-11-21). There
//! is no list of tasks and there are no webhooks, so a create whose answer is lost cannot be found
//! again. A task above the concurrency is accepted and shows `THROTTLED`; links to files are signed
//! anew at each look; moderated tasks keep their credits.

mod catalogue;
mod frame;
mod inputs;
mod order;
mod organization;
mod problem;
mod task;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{
        DefaultBodyLimit, FromRequestParts, Path, Query, Request, State, rejection::QueryRejection,
    },
    middleware,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, StatusCode, request::Parts};
use serde_json::json;

use crate::{
    emulator_context::{CallError, EmulatorContext},
    intake,
    routes::At as _,
    signed_url::{self, Pass},
    simulator::{Create, State as Simulator},
};
use uploads::Uploads;

/// The only version of the API that is served (`X-Runway-Version`; SDKs of 2026-10).
const VERSION: &str = "2024-11-06";
/// Where files are served from.
const FILES: &str = "/outputs";

pub(crate) fn router() -> Router<EmulatorContext> {
    catalogue::ENDPOINTS
        .iter()
        .fold(Router::new(), |router, endpoint| {
            router.at(&format!("/v1/{endpoint}"), creates(endpoint))
        })
        .at("/v1/tasks/{id}", get(retrieve).delete(remove))
        .at("/v1/uploads", post(uploads::ticket))
        .at("/v1/organization", get(organization::retrieve))
        .at("/v1/organization/usage", post(organization::usage))
        .at(
            &format!("{}/{{id}}", uploads::PLACE),
            post(uploads::receive).layer(DefaultBodyLimit::max(intake::LARGEST_BODY)),
        )
        .at(&format!("{FILES}/{{id}}/{{file}}"), get(file))
        .method_not_allowed_fallback(async || {
            problem::plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .fallback(async || problem::plain(StatusCode::NOT_FOUND, "Not Found"))
        .layer(middleware::from_fn(versioned))
        .layer(Extension(Arc::<Uploads>::default()))
}

/// Refuses calls to the API that do not name its version.
async fn versioned(request: Request, next: middleware::Next) -> Response {
    let version = intake::named(request.headers(), "x-runway-version");
    if !request.uri().path().starts_with("/v1/") || version == Some(VERSION) {
        return next.run(request).await;
    }
    let text = match version {
        None => "The X-Runway-Version header is required.".to_owned(),
        Some(other) => format!("The API version {other:?} is not supported; use {VERSION}."),
    };
    problem::plain(StatusCode::BAD_REQUEST, &text)
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
        key.map(Self).map_err(|refusal| problem::refused(&refusal))
    }
}

/// `POST /v1/<endpoint>`: makes a task.
fn creates(endpoint: &'static str) -> MethodRouter<EmulatorContext> {
    post(
        move |State(desk): State<EmulatorContext>,
              uploads: Extension<Arc<Uploads>>,
              caller,
              request| { create(desk, caller, (uploads.0, endpoint), request) },
    )
}

async fn create(
    desk: EmulatorContext,
    Caller(key): Caller,
    (uploads, endpoint): (Arc<Uploads>, &'static str),
    request: Request,
) -> Response {
    let body = match intake::json(request.into_body()).await {
        Ok(body) => body,
        Err(why) => return problem::plain(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let known = |id: &str| uploads.is_ready(id, &key, desk.now());
    let order = match order::read(endpoint, &body, &known) {
        Ok(order) => order,
        Err(issues) => return problem::invalid(&issues),
    };
    let create = Create {
        id: desk.uuid(),
        key,
        model: order.model,
        prompt: order.prompt,
        millis: order.millis,
        width: order.frame.0,
        height: order.frame.1,
        audio: order.audio,
        outputs: 1,
        price_micros: order.credits * task::MICROS_PER_CREDIT,
        request: body,
        extra: json!({ "most_credits": order.most_credits }),
    };
    match desk.admit(create).await {
        Ok(job) => {
            let estimate = task::estimate(&job);
            Json(json!({ "id": job.id(), "estimatedCost": estimate })).into_response()
        }
        Err(setback) => problem::setback(setback),
    }
}

/// `GET /v1/tasks/{id}`.
async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller(key): Caller,
) -> Response {
    match desk.poll(&id, Some(&key)).await {
        Ok(job) => Json(task::view(&desk, &job)).into_response(),
        Err(setback) => problem::setback(setback),
    }
}

/// `DELETE /v1/tasks/{id}`: cancels what has not ended; either way the task is gone afterwards.
async fn remove(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller(key): Caller,
) -> Response {
    let Some(job) = desk.look(&id).filter(|job| job.create.key == key) else {
        return problem::setback(CallError::Missing);
    };
    if matches!(job.state, Simulator::Queued { .. } | Simulator::Running { .. }) {
        desk.cancel(&id);
    }
    desk.delete(&id);
    StatusCode::NO_CONTENT.into_response()
}

/// A file, behind a link that a task showed.
async fn file(
    State(desk): State<EmulatorContext>,
    Path((id, file)): Path<(String, String)>,
    pass: Result<Query<Pass>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    signed_url::serve(&desk, (&id, &file), pass.ok().map(|Query(pass)| pass), &headers).await
}
