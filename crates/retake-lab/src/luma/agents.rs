//! The Agents API: `ray-3.2` (SDK 0.5.0 and Luma's pages, 2026-11-21).
//!
//! Jobs can be created and polled, and nothing else: no list, no cancel, no webhooks. URLs of files
//! expire after an hour, and each poll returns a new one. Images are not emulated.

mod create_request;
mod files;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{API, Caller, errors, find_own_job, format_time};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    fault::{Cause, FaultKind},
    request_body::{self, BodyError},
    router_ext::RouterExt as _,
    signed_url::{self, SignedQuery},
    simulator::{Create, Failure, JobState, JobView, Reason, Refusal},
};
use create_request::{CreateError, CreateRequest, References};
use files::Files;

/// The name that marks this API's jobs.
const NAME: &str = "agents";
/// The value of `X-API-Version`.
const VERSION: &str = "2026-04-01";
/// The path of files.
const OUTPUTS: &str = "/agents-outputs";
/// The maximum lifetime of a file's URL.
const MAX_LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn routes(router: Router<EmulatorContext>, bases: &[&str]) -> Router<EmulatorContext> {
    let uploads = Arc::<Files>::default();
    let api = bases.iter().fold(Router::new(), |router, base| {
        let path = |rest: &str| format!("{base}{rest}");
        router
            .at(&path("/generations"), post(create))
            .at(&path("/generations/{id}"), get(retrieve))
            .at(&path("/files"), post(files::create).get(files::list))
            .at(&path("/files/{id}"), get(files::retrieve).delete(files::remove))
            .at(&path("/files/{id}/complete"), post(files::complete))
    });
    let api =
        api.layer(middleware::from_fn(set_response_headers)).layer(Extension(Arc::clone(&uploads)));
    router
        .merge(api)
        .at(&format!("{OUTPUTS}/{{id}}/{{file}}"), get(output))
        .merge(files::upload_router().layer(Extension(uploads)))
}

/// Sets the headers of every response: the caller's request id, or a new one, and the version.
async fn set_response_headers(request: Request, next: middleware::Next) -> Response {
    let name = HeaderName::from_static("x-request-id");
    let id = request.headers().get(&name).cloned();
    let mut response = next.run(request).await;
    let made = || HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).ok();
    if let Some(id) = id.or_else(made) {
        response.headers_mut().insert(name, id);
    }
    response.headers_mut().insert("x-api-version", HeaderValue::from_static(VERSION));
    response
}

async fn create(
    State(context): State<EmulatorContext>,
    Extension(files): Extension<Arc<Files>>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let body = match request_body::read_json(request.into_body()).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return errors::error_response(413, "The media are too large"),
        Err(error) => return errors::error_response(400, error.to_string()),
    };
    let create_request = match parse_create(&context, &files, &key, &body) {
        Ok(create_request) => create_request,
        Err((status, detail)) => {
            return with_limit_headers(&context, &key, errors::error_response(status, detail));
        }
    };
    let create = Create {
        id: context.new_uuid(),
        key: key.clone(),
        model: create_request.model,
        prompt: create_request.prompt,
        millis: create_request.millis,
        width: create_request.frame.0,
        height: create_request.frame.1,
        audio: false,
        outputs: 1,
        price_micros: create_request.micros,
        request: body,
        extra: json!({ API: NAME, "type": create_request.kind }),
    };
    let response = match context.admit(create).await {
        Ok(job) => (StatusCode::CREATED, Json(generation_json(&context, &job))).into_response(),
        Err(CallError::Response(response)) => return response,
        Err(call_error) => errors::call_error_response(call_error, error_text),
    };
    with_limit_headers(&context, &key, response)
}

fn parse_create(
    context: &EmulatorContext,
    files: &Files,
    key: &str,
    body: &Value,
) -> Result<CreateRequest, CreateError> {
    let references = References {
        generation: &|id| find_own_job(context, id, key, NAME),
        file: &|id| files.is_ready(id, key),
    };
    create_request::parse(body, &references)
}

/// Adds the rate limit headers; the reset is in seconds of wall-clock time.
fn with_limit_headers(context: &EmulatorContext, key: &str, mut response: Response) -> Response {
    let account_status = context.account_status(key);
    let reset = context.wall_millis(account_status.resets_in).div_ceil(1000);
    for (name, value) in [
        ("x-ratelimit-limit", u64::from(account_status.per_minute)),
        ("x-ratelimit-remaining", u64::from(account_status.remaining)),
        ("x-ratelimit-reset", reset),
    ] {
        response.headers_mut().insert(name, HeaderValue::from(value));
    }
    response
}

async fn retrieve(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let polled = match find_own_job(&context, &id, &key, NAME) {
        Some(_) => context.poll(&id, Some(&key)).await,
        None => Err(CallError::Missing),
    };
    match polled {
        Ok(job) => Json(generation_json(&context, &job)).into_response(),
        Err(call_error) => errors::call_error_response(call_error, error_text),
    }
}

/// Serves a file under a URL that a generation showed.
async fn output(
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

/// The generation, or only an error when the scenario asks for that.
fn generation_json(context: &EmulatorContext, job: &JobView) -> Value {
    let (code, reason) = match &job.state {
        JobState::Failed(failure) => {
            let (code, reason) = failure_code_and_reason(failure);
            (Some(code), Some(reason))
        }
        _ => (None, None),
    };
    if let (Some(reason), Some(_)) = (reason, job.run_fault(FaultKind::ErrorIn200)) {
        return json!({ "detail": reason });
    }
    let state = match job.state {
        JobState::Queued { .. } => "queued",
        JobState::Running { .. } => {
            job.odd_status(&["dreaming", "pending", "uploading"]).unwrap_or("processing")
        }
        JobState::Done => job.done_status("completed", "failed"),
        JobState::Failed(_) | JobState::Cancelled => "failed",
    };
    let lasting = MAX_LINK_LIFETIME.min(context.conditions().result_lasts);
    let output = |nth| json!({ "type": "video", "url": signed_url::sign_url(context, job, nth, (OUTPUTS, lasting)) });
    let outputs = matches!(job.state, JobState::Done)
        .then(|| (0..job.outputs()).map(output).collect::<Vec<_>>());
    json!({
        "id": job.id(),
        "type": job.create.extra["type"],
        "model": job.create.model,
        "state": state,
        "created_at": format_time(job.accepted_at),
        "output": outputs.unwrap_or_default(),
        "failure_code": code,
        "failure_reason": reason,
    })
}

/// The `failure_code`, which is one of nine, and the `failure_reason`.
///
/// None of the nine is a timeout of a dependency; two retryable ones stand in.
fn failure_code_and_reason(failure: &Failure) -> (&'static str, &'static str) {
    if failure.is_generic {
        return ("generation_failed", "The generation failed.");
    }
    let shapes: &[&str] = match failure.cause {
        Cause::RuntimeError | Cause::DependencyTimeout => {
            &["generation_failed", "output_not_found"]
        }
        Cause::ContentModeration => &["content_moderated"],
        Cause::Capacity => &["rate_limited"],
        Cause::InvalidRequest => {
            &["invalid_request", "image_too_large", "unsupported_format", "corrupt_input"]
        }
        Cause::Account => &["budget_exhausted"],
    };
    let reason = match (failure.pick(shapes), failure.cause) {
        ("content_moderated", _) if failure.shape.as_deref() == Some("output") => {
            "The output was refused by content moderation."
        }
        ("content_moderated", _) => "The input was refused by content moderation.",
        ("rate_limited", _) => "The generation was throttled.",
        ("image_too_large", _) => "An input image is too large.",
        ("unsupported_format", _) => "The format of an input is not supported.",
        ("corrupt_input", _) => "An input could not be decoded.",
        ("invalid_request", _) => "The parameters cannot be rendered.",
        ("budget_exhausted", _) => "The budget of the account is used up.",
        (_, Cause::DependencyTimeout) => "The model did not answer in time.",
        ("output_not_found", _) => "The output is missing.",
        _ => "The generation failed.",
    };
    (failure.pick(shapes), reason)
}

/// The status and the text of a refusal. Only the text distinguishes the two kinds of 429.
fn error_text(refusal: &Refusal) -> (u16, &'static str) {
    const RATE: (u16, &str) = (429, "Rate limit exceeded");
    const CONCURRENCY: (u16, &str) = (429, "Too many concurrent jobs");
    const BALANCE: (u16, &str) = (402, "Insufficient balance");
    const INGESTION: (u16, &str) = (503, "Image ingestion is unavailable");
    match (refusal.reason, refusal.cause) {
        (Reason::TooManyAtOnce, _) => CONCURRENCY,
        (Reason::TooFast | Reason::TooManyToday, _) => RATE,
        (Reason::Overloaded, _) => (503, "Service Unavailable"),
        (Reason::CreditOut, _) => BALANCE,
        (_, Cause::ContentModeration) => (422, "The prompt was refused by content moderation"),
        (_, Cause::Capacity) => match refusal.pick(&["rate", "concurrency"]) {
            "concurrency" => CONCURRENCY,
            _ => RATE,
        },
        (_, Cause::InvalidRequest) => match refusal.pick(&["422", "400", "413"]) {
            "400" => (400, "The request is malformed"),
            "413" => (413, "The media are too large"),
            _ => (422, "The combination of parameters is not supported"),
        },
        (_, Cause::DependencyTimeout) => match refusal.pick(&["502", "503"]) {
            "503" => INGESTION,
            _ => (502, "The upstream service is unavailable"),
        },
        (_, Cause::Account) => match refusal.pick(&["402", "403", "401"]) {
            "403" => (403, "Client is deactivated"),
            "401" => (401, "Invalid API key"),
            _ => BALANCE,
        },
        (_, Cause::RuntimeError) => (500, "Internal Server Error"),
    }
}
