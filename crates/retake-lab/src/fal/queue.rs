//! The queue: submits requests, reports their status, cancels them and returns their results.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Caller, REQUEST_ID,
    endpoints::{self, Family},
    errors::{self, FalError},
    input,
    status::{self, RequestNotes, RequestState},
    storage, webhook,
};
use crate::{
    clock::later,
    early_response::EarlyResponse,
    emulator_context::EmulatorContext,
    fault::FaultKind,
    headers,
    headers::with_header,
    request_body,
    simulator::{self, Create, JobView},
    upload_store::UploadStore,
};

/// How long the result of a request without stored payloads can be fetched.
const RESULT_LASTS: SignedDuration = SignedDuration::from_hours(1);
/// The polling interval of the status stream.
const STREAM_INTERVAL: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Default, Deserialize)]
pub(super) struct QueryFields {
    #[serde(default)]
    fal_webhook: Option<String>,
    #[serde(default)]
    logs: Option<String>,
}

/// A path of the queue: the request that it names.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    app: &'a str,
    id: &'a str,
    /// The path after the id.
    rest: &'a str,
}

impl<'a> Target<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (app, tail) = path.trim_end_matches('/').split_once("/requests/")?;
        let (id, rest) = tail.split_once('/').unwrap_or((tail, ""));
        (!id.is_empty()).then_some(Self { app, id, rest })
    }
}

/// `POST /{endpoint}`: adds a request to the queue.
pub(super) async fn submit(
    State(context): State<EmulatorContext>,
    Path(path): Path<String>,
    Query(asked): Query<QueryFields>,
    Extension(uploads): Extension<Arc<UploadStore>>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let job = match accept(&context, &uploads, key, &path, asked.fal_webhook, request).await {
        Ok(job) => job,
        Err(early_response) => return early_response.into_response(),
    };
    let mut body = status::urls(&context, &job);
    if let Some(body) = body.as_object_mut() {
        body.insert("status".to_owned(), json!("IN_QUEUE"));
        body.insert("queue_position".to_owned(), json!(position(&job)));
    }
    with_header(Json(body).into_response(), REQUEST_ID, job.id())
}

fn position(job: &JobView) -> usize {
    match status::request_state(job) {
        RequestState::InQueue { position } => position,
        _ => 0,
    }
}

/// Validates and admits a request, for the queue and for the synchronous host.
pub(super) async fn accept(
    context: &EmulatorContext,
    uploads: &UploadStore,
    key: String,
    endpoint: &str,
    webhook: Option<String>,
    request: Request,
) -> Result<JobView, EarlyResponse> {
    let headers = request.headers().clone();
    let endpoint = endpoint.trim_matches('/');
    let (family, app) = find_endpoint(endpoint)?;
    let body = request_body::read_json(request.into_body()).await;
    let body = body.map_err(|error| FalError::body_error(&error).respond())?;
    let is_stored = |url: &str| storage::is_stored(context, uploads, url);
    let model_input = input::parse(endpoint, family, &body, is_stored)
        .map_err(|wrong| FalError::model(422, &wrong).respond())?;
    let start_within_ms = read_start_timeout(&headers).map_err(|error| error.respond())?;
    let create = Create {
        id: context.new_uuid(),
        key,
        model: endpoint.to_owned(),
        prompt: model_input.prompt,
        millis: model_input.millis,
        width: model_input.width,
        height: model_input.height,
        audio: model_input.audio,
        outputs: 1,
        price_micros: family.second_micros.saturating_mul(model_input.millis) / 1000,
        extra: json!({
            "app": app,
            "webhook": webhook,
            "start_within_ms": start_within_ms,
            "no_retry": is_truthy(&headers, "x-fal-no-retry"),
            "no_store": headers::text(&headers, "x-fal-store-io") == Some("0"),
            "seed": seed(&body, context),
        }),
        request: body,
    };
    let on_accept = |job: &JobView| {
        webhook::schedule_webhooks(context, job);
        watch_start(context, job);
    };
    let admitted = context.admit_with(create, on_accept).await;
    Ok(admitted.map_err(errors::call_error_response)?)
}

/// The family and the app of an endpoint.
fn find_endpoint(endpoint: &str) -> Result<(&'static Family, String), EarlyResponse> {
    let found = endpoints::family(endpoint).zip(endpoints::app(endpoint));
    let what = || format!("Application \"{endpoint}\"");
    found.ok_or_else(|| FalError::not_found(&what()).respond().into())
}

fn is_truthy(headers: &HeaderMap, name: &str) -> bool {
    let value = headers::text(headers, name).unwrap_or_default().to_ascii_lowercase();
    ["1", "true", "yes"].contains(&value.as_str())
}

fn seed(body: &Value, context: &EmulatorContext) -> u64 {
    let asked = body.get("seed").and_then(Value::as_u64);
    asked.unwrap_or_else(|| u64::from_str_radix(&context.new_hex_id(8), 16).unwrap_or_default())
}

/// How long the request may wait for its start, in milliseconds. The first header is the newer one
/// (fal docs, 2026-11-21).
fn read_start_timeout(headers: &HeaderMap) -> Result<Option<i64>, FalError> {
    let names = ["x-fal-request-start-timeout", "x-fal-request-timeout"];
    let Some(text) = names.iter().find_map(|name| headers::text(headers, name)) else {
        return Ok(None);
    };
    let seconds = text.trim().parse::<f64>().ok().filter(|it| *it > 0.1 && *it < 1e9);
    let stretch = seconds.and_then(|it| SignedDuration::try_from_secs_f64(it).ok());
    let millis = stretch.and_then(|it| i64::try_from(it.as_millis()).ok());
    match millis {
        Some(millis) => Ok(Some(millis)),
        None => Err(FalError::platform(400, "bad_request", "Invalid request timeout")),
    }
}

/// Cancels a request that has not started in time.
fn watch_start(context: &EmulatorContext, job: &JobView) {
    let Some(within) = RequestNotes::new(job).start_timeout() else { return };
    let (context, id, deadline) =
        (context.clone(), job.id().to_owned(), later(job.accepted_at, within));
    context.clone().shared.tasks.spawn(async move {
        context.clock().hold_until(deadline).await;
        if context.find_job(&id).is_some_and(|job| job.starts_at > deadline) {
            context.cancel(&id);
        }
    });
}

/// `GET /{app}/requests/{id}`, with `/response`, `/status` or `/status/stream`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Path(path): Path<String>,
    Query(asked): Query<QueryFields>,
    Caller { key, .. }: Caller,
) -> Response {
    let Some(target) = Target::parse(&path) else { return FalError::not_found("Path").respond() };
    if let Err(early_response) = find_request(&context, &target, &key) {
        return early_response.into_response();
    }
    let job = match context.poll(target.id, Some(&key)).await {
        Ok(job) => job,
        Err(call_error) => return errors::call_error_response(call_error),
    };
    let has_logs = asked.logs.is_some_and(|it| ["1", "true"].contains(&it.as_str()));
    let response = match target.rest {
        "" | "response" => result(&context, &job).await,
        "status" => status_response(&context, &job, has_logs),
        "status/stream" => status_stream(context.clone(), job.id().to_owned(), has_logs),
        _ => return FalError::not_found("Path").respond(),
    };
    with_header(response, REQUEST_ID, job.id())
}

/// Finds the request that a path names, if it is of this key and its app. fal responds with 405 to
/// a path with the whole endpoint instead of the app.
fn find_request(
    context: &EmulatorContext,
    target: &Target<'_>,
    key: &str,
) -> Result<JobView, EarlyResponse> {
    let job = context.find_job(target.id).filter(|job| job.create.key == key);
    let job = job.ok_or_else(|| FalError::not_found("Request").respond())?;
    match RequestNotes::new(&job).app() {
        app if app == target.app => Ok(job),
        app if target.app.starts_with(app) => {
            let body = json!({ "detail": "Method Not Allowed" });
            Err((StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response().into())
        }
        _ => Err(FalError::not_found("Request").respond().into()),
    }
}

fn status_response(context: &EmulatorContext, job: &JobView, has_logs: bool) -> Response {
    let (body, has_ended) = status::status(context, job, has_logs);
    let code = if has_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    (code, Json(body)).into_response()
}

/// The response with the result.
pub(super) async fn result(context: &EmulatorContext, job: &JobView) -> Response {
    match status::request_state(job) {
        RequestState::InQueue { .. } | RequestState::InProgress => {
            let body = json!({ "detail": "Request is still in progress" });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        RequestState::Failed(error) if job.run_fault(FaultKind::ErrorIn200).is_some() => {
            Json(error.body).into_response()
        }
        RequestState::Failed(error) => error.respond(),
        RequestState::Done if is_forgotten(job) => FalError::not_found("Request").respond(),
        RequestState::Done => match status::output(context, job).await {
            Ok(output) => with_billable_units(Json(output).into_response(), job),
            Err(_) => errors::error_by_name("internal_error").respond(),
        },
    }
}

fn is_forgotten(job: &JobView) -> bool {
    let is_old = job.ended_at.is_some_and(|ended| later(ended, RESULT_LASTS) <= job.now);
    is_old && !RequestNotes::new(job).is_payload_stored()
}

/// Adds the billed units: video is billed by the second.
fn with_billable_units(response: Response, job: &JobView) -> Response {
    let units = job.create.millis.div_ceil(1000).to_string();
    with_header(response, "x-fal-billable-units", &units)
}

/// Statuses as server-sent events, one whenever something changed, until the end.
fn status_stream(context: EmulatorContext, id: String, has_logs: bool) -> Response {
    let events = stream::unfold(Some(Value::Null), move |seen| {
        let (context, id) = (context.clone(), id.clone());
        async move {
            let seen = seen?;
            loop {
                let job = context.find_job(&id)?;
                let (body, has_ended) = status::status(&context, &job, has_logs);
                if body != seen {
                    let event = Bytes::from(format!("data: {body}\n\n"));
                    let next = (!has_ended).then_some(body);
                    return Some((Ok::<_, std::io::Error>(event), next));
                }
                context.clock().hold(STREAM_INTERVAL).await;
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(events)).into_response()
}

/// `PUT /{app}/requests/{id}/cancel`: removes a waiting request, or asks a running one to stop.
pub(super) async fn cancel(
    State(context): State<EmulatorContext>,
    Path(path): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let target = Target::parse(&path).filter(|target| target.rest == "cancel");
    let Some(target) = target else { return FalError::not_found("Path").respond() };
    let job = context.find_job(target.id).filter(|job| job.create.key == key);
    let Some(job) = job.filter(|job| RequestNotes::new(job).app() == target.app) else {
        return cancel_response(StatusCode::NOT_FOUND, "NOT_FOUND", target.id);
    };
    if job.state.has_ended() {
        return cancel_response(StatusCode::BAD_REQUEST, "ALREADY_COMPLETED", target.id);
    }
    let was_waiting = matches!(job.state, simulator::JobState::Queued { .. });
    context.cancel(target.id);
    if was_waiting {
        cancel_response(StatusCode::OK, "OK", target.id)
    } else {
        cancel_response(StatusCode::ACCEPTED, "CANCELLATION_REQUESTED", target.id)
    }
}

fn cancel_response(code: StatusCode, status: &str, id: &str) -> Response {
    with_header((code, Json(json!({ "status": status }))).into_response(), REQUEST_ID, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_requests() {
        let target = Target::parse("fal-ai/veo3.1/requests/abc/status/stream").unwrap();
        assert_eq!((target.app, target.id, target.rest), ("fal-ai/veo3.1", "abc", "status/stream"));
        assert_eq!(Target::parse("a/b/requests/abc/").unwrap().rest, "");
        assert_eq!(Target::parse("a/b/requests/"), None);
        assert_eq!(Target::parse("a/b"), None);
    }

    #[test]
    fn a_limit_for_the_start_has_to_be_a_sensible_number() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-fal-request-timeout", text.parse().unwrap());
            read_start_timeout(&headers).map_err(|error| error.status.as_u16())
        };
        assert_eq!(read("2.5"), Ok(Some(2500)));
        assert_eq!((read("0"), read("NaN"), read("soon")), (Err(400), Err(400), Err(400)));
    }
}
