//! Runway's developer API, as the SDKs of October 2026 speak it.
//!
//! Tasks are created on one path for each kind and polled under `/v1/tasks`. What the SDKs do not
//! show comes from Runway's pages on failures, HTTP errors and limits (2026-11-21). There is no
//! list of tasks and there are no webhooks, so a create whose response is lost cannot be found
//! again. A task above the concurrency limit is accepted and `THROTTLED`; URLs of files are signed
//! anew at each poll; moderated tasks are billed.

mod catalog;
mod create_request;
mod errors;
mod frame_size;
mod inputs;
mod organization;
mod task;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Path, Query, Request, State, rejection::QueryRejection},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, StatusCode, request::Parts};
use serde_json::json;

use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::{CallError, EmulatorContext},
    headers, request_body,
    router_ext::RouterExt as _,
    signed_url::{self, SignedQuery},
    simulator::{Create, JobState, Refusal},
};
use uploads::Uploads;

/// The only version of the API that is served (`X-Runway-Version`; SDKs of 2026-10).
const VERSION: &str = "2024-11-06";
/// The path of files.
const FILES: &str = "/outputs";

pub(crate) fn router() -> Router<EmulatorContext> {
    catalog::ENDPOINTS
        .iter()
        .fold(Router::new(), |router, endpoint| {
            router.at(&format!("/v1/{endpoint}"), create_route(endpoint))
        })
        .at("/v1/tasks/{id}", get(retrieve).delete(delete_task))
        .at("/v1/uploads", post(uploads::create_ticket))
        .at("/v1/organization", get(organization::retrieve))
        .at("/v1/organization/usage", post(organization::usage))
        .at(
            &format!("{}/{{id}}", uploads::UPLOAD_PATH),
            post(uploads::receive_form).layer(DefaultBodyLimit::max(request_body::MAX_BODY_BYTES)),
        )
        .at(&format!("{FILES}/{{id}}/{{file}}"), get(file))
        .method_not_allowed_fallback(async || {
            errors::error_response(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .fallback(async || errors::error_response(StatusCode::NOT_FOUND, "Not Found"))
        .layer(middleware::from_fn(require_version))
        .layer(Extension(Arc::<Uploads>::default()))
}

/// Refuses calls to the API that do not name its version.
async fn require_version(request: Request, next: middleware::Next) -> Response {
    let version = headers::text(request.headers(), "x-runway-version");
    if !request.uri().path().starts_with("/v1/") || version == Some(VERSION) {
        return next.run(request).await;
    }
    let text = match version {
        None => "The X-Runway-Version header is required.".to_owned(),
        Some(other) => format!("The API version {other:?} is not supported; use {VERSION}."),
    };
    errors::error_response(StatusCode::BAD_REQUEST, &text)
}

/// A caller of the API.
type Caller = auth::Caller<RunwayAuth>;

/// How callers of Runway authenticate.
struct RunwayAuth;

impl AuthScheme for RunwayAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Authorization("Bearer")]
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        errors::refusal_response(refusal)
    }
}

/// `POST /v1/<endpoint>`: creates a task.
fn create_route(endpoint: &'static str) -> MethodRouter<EmulatorContext> {
    post(
        move |State(context): State<EmulatorContext>,
              uploads: Extension<Arc<Uploads>>,
              caller,
              request| { create(context, caller, (uploads.0, endpoint), request) },
    )
}

async fn create(
    context: EmulatorContext,
    Caller { key, .. }: Caller,
    (uploads, endpoint): (Arc<Uploads>, &'static str),
    request: Request,
) -> Response {
    let body = match request_body::read_json(request.into_body()).await {
        Ok(body) => body,
        Err(error) => return errors::error_response(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let is_upload_ready = |id: &str| uploads.is_ready(id, &key, context.now());
    let create_request = match create_request::parse(endpoint, &body, &is_upload_ready) {
        Ok(create_request) => create_request,
        Err(issues) => return errors::invalid(&issues),
    };
    let create = Create {
        id: context.new_uuid(),
        key,
        model: create_request.model,
        prompt: create_request.prompt,
        millis: create_request.millis,
        width: create_request.frame.0,
        height: create_request.frame.1,
        audio: create_request.audio,
        outputs: 1,
        price_micros: create_request.credits * task::MICROS_PER_CREDIT,
        request: body,
        extra: json!({ "most_credits": create_request.max_credits }),
    };
    match context.admit(create).await {
        Ok(job) => {
            let estimate = task::estimate(&job);
            Json(json!({ "id": job.id(), "estimatedCost": estimate })).into_response()
        }
        Err(call_error) => errors::call_error_response(call_error),
    }
}

/// `GET /v1/tasks/{id}`.
async fn retrieve(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    match context.poll(&id, Some(&key)).await {
        Ok(job) => Json(task::to_json(&context, &job)).into_response(),
        Err(call_error) => errors::call_error_response(call_error),
    }
}

/// `DELETE /v1/tasks/{id}`: cancels a task that has not ended, and deletes it in either case.
async fn delete_task(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let Some(job) = context.find_job(&id).filter(|job| job.create.key == key) else {
        return errors::call_error_response(CallError::Missing);
    };
    if matches!(job.state, JobState::Queued { .. } | JobState::Running { .. }) {
        context.cancel(&id);
    }
    context.delete(&id);
    StatusCode::NO_CONTENT.into_response()
}

/// Serves a file under a URL that a task showed.
async fn file(
    State(context): State<EmulatorContext>,
    Path((id, file)): Path<(String, String)>,
    signed_query: Result<Query<SignedQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    signed_url::serve(
        &context,
        (&id, &file),
        signed_query.ok().map(|Query(signed_query)| signed_query),
        &headers,
    )
    .await
}
