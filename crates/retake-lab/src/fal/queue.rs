//! The queue: requests are submitted, looked after, cancelled, and their results fetched.

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
    REQUEST_ID, endpoints,
    errors::{self, FalError},
    input,
    status::{self, Notes, Stand},
    storage, webhook, with,
};
use crate::{
    clock::later,
    early_response::Early,
    emulator_context::EmulatorContext,
    fault::FaultKind,
    intake,
    simulator::{self, Create, JobView},
    upload_store::UploadStore,
};

/// How long the result of a request whose payloads are not stored can be fetched.
const RESULT_LASTS: SignedDuration = SignedDuration::from_hours(1);
/// How often the stream of statuses looks again.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    fal_webhook: Option<String>,
    #[serde(default)]
    logs: Option<String>,
}

/// A path of the queue: what it is about.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    app: &'a str,
    id: &'a str,
    /// What comes after the id.
    more: &'a str,
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let (app, rest) = path.trim_end_matches('/').split_once("/requests/")?;
        let (id, more) = rest.split_once('/').unwrap_or((rest, ""));
        (!id.is_empty()).then_some(Self { app, id, more })
    }
}

/// `POST /{endpoint}`: takes a request into the queue.
pub(super) async fn submit(
    State(desk): State<EmulatorContext>,
    Path(path): Path<String>,
    Query(asked): Query<Asked>,
    Extension(shelf): Extension<Arc<UploadStore>>,
    request: Request,
) -> Response {
    let job = match accept(&desk, &shelf, &path, asked.fal_webhook, request).await {
        Ok(job) => job,
        Err(early) => return early.into_response(),
    };
    let mut body = status::urls(&desk, &job);
    if let Some(body) = body.as_object_mut() {
        body.insert("status".to_owned(), json!("IN_QUEUE"));
        body.insert("queue_position".to_owned(), json!(position(&job)));
    }
    with(Json(body).into_response(), REQUEST_ID, job.id())
}

fn position(job: &JobView) -> usize {
    match status::stand(job) {
        Stand::InQueue { position } => position,
        _ => 0,
    }
}

/// Checks a request and admits it, for the queue and for the synchronous host.
pub(super) async fn accept(
    desk: &EmulatorContext,
    shelf: &UploadStore,
    endpoint: &str,
    webhook: Option<String>,
    request: Request,
) -> Result<JobView, Early> {
    let headers = request.headers().clone();
    let key = authenticate(desk, &headers)?;
    let endpoint = endpoint.trim_matches('/');
    let known = endpoints::family(endpoint).zip(endpoints::app(endpoint));
    let Some((family, app)) = known else {
        let what = format!("Application \"{endpoint}\"");
        return Err(FalError::missing(&what).respond().into());
    };
    let body = intake::json(request.into_body()).await;
    let body = body.map_err(|why| FalError::unreadable(&why).respond())?;
    let is_there = |url: &str| storage::is_there(desk, shelf, url);
    let wanted = input::read(endpoint, family, &body, is_there)
        .map_err(|wrong| FalError::model(422, &wrong).respond())?;
    let start_within_ms = start_within(&headers).map_err(|error| error.respond())?;
    let create = Create {
        id: desk.uuid(),
        key,
        model: endpoint.to_owned(),
        prompt: wanted.prompt,
        millis: wanted.millis,
        width: wanted.width,
        height: wanted.height,
        audio: wanted.audio,
        outputs: 1,
        price_micros: family.second_micros.saturating_mul(wanted.millis) / 1000,
        extra: json!({
            "app": app,
            "webhook": webhook,
            "start_within_ms": start_within_ms,
            "no_retry": says_yes(&headers, "x-fal-no-retry"),
            "no_store": intake::named(&headers, "x-fal-store-io") == Some("0"),
            "seed": seed(&body, desk),
        }),
        request: body,
    };
    let admitted = desk.admit_and(create, |job| {
        webhook::tell(desk, job);
        watch_start(desk, job);
    });
    Ok(admitted.await.map_err(errors::setback)?)
}

/// The key of a caller, or the answer that it gets without one.
pub(super) fn authenticate(desk: &EmulatorContext, headers: &HeaderMap) -> Result<String, Early> {
    desk.authenticate(intake::authorization(headers, "Key"))
        .map_err(|refusal| errors::refuse(&refusal).into())
}

fn says_yes(headers: &HeaderMap, name: &str) -> bool {
    let value = intake::named(headers, name).unwrap_or_default().to_ascii_lowercase();
    ["1", "true", "yes"].contains(&value.as_str())
}

fn seed(body: &Value, desk: &EmulatorContext) -> u64 {
    let asked = body.get("seed").and_then(Value::as_u64);
    asked.unwrap_or_else(|| u64::from_str_radix(&desk.hex(8), 16).unwrap_or_default())
}

/// How long the caller lets the request wait, in thousandths of a second. The first header is the
/// newer one (fal docs, 2026-11-21).
fn start_within(headers: &HeaderMap) -> Result<Option<i64>, FalError> {
    let names = ["x-fal-request-start-timeout", "x-fal-request-timeout"];
    let Some(text) = names.iter().find_map(|name| intake::named(headers, name)) else {
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

/// Takes a request out of the queue when it has not started in time.
fn watch_start(desk: &EmulatorContext, job: &JobView) {
    let Some(within) = Notes::of(job).start_within() else { return };
    let (desk, id, deadline) = (desk.clone(), job.id().to_owned(), later(job.accepted_at, within));
    desk.clone().shared.tasks.spawn(async move {
        desk.clock().hold_until(deadline).await;
        if desk.look(&id).is_some_and(|job| job.starts_at > deadline) {
            desk.cancel(&id);
        }
    });
}

/// `GET /{app}/requests/{id}`, with `/response`, `/status` or `/status/stream`.
pub(super) async fn read(
    State(desk): State<EmulatorContext>,
    Path(path): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let Some(target) = Target::of(&path) else { return FalError::missing("Path").respond() };
    if let Err(early) = belongs(&desk, &target, &key) {
        return early.into_response();
    }
    let job = match desk.poll(target.id, Some(&key)).await {
        Ok(job) => job,
        Err(setback) => return errors::setback(setback),
    };
    let with_logs = asked.logs.is_some_and(|it| ["1", "true"].contains(&it.as_str()));
    let response = match target.more {
        "" | "response" => result(&desk, &job).await,
        "status" => status_of(&desk, &job, with_logs),
        "status/stream" => status_stream(desk.clone(), job.id().to_owned(), with_logs),
        _ => return FalError::missing("Path").respond(),
    };
    with(response, REQUEST_ID, job.id())
}

/// Whether a path names a request of this key, and its app without what comes after it. fal answers
/// a path with the whole endpoint with 405.
fn belongs(desk: &EmulatorContext, target: &Target<'_>, key: &str) -> Result<JobView, Early> {
    let job = desk.look(target.id).filter(|job| job.create.key == key);
    let job = job.ok_or_else(|| FalError::missing("Request").respond())?;
    match Notes::of(&job).app() {
        app if app == target.app => Ok(job),
        app if target.app.starts_with(app) => {
            let body = json!({ "detail": "Method Not Allowed" });
            Err((StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response().into())
        }
        _ => Err(FalError::missing("Request").respond().into()),
    }
}

fn status_of(desk: &EmulatorContext, job: &JobView, with_logs: bool) -> Response {
    let (body, has_ended) = status::status(desk, job, with_logs);
    let code = if has_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    (code, Json(body)).into_response()
}

/// The answer to whoever asks for the result.
pub(super) async fn result(desk: &EmulatorContext, job: &JobView) -> Response {
    match status::stand(job) {
        Stand::InQueue { .. } | Stand::InProgress => {
            let body = json!({ "detail": "Request is still in progress" });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        Stand::Failed(error) if job.run_fault(FaultKind::ErrorIn200).is_some() => {
            Json(error.body).into_response()
        }
        Stand::Failed(error) => error.respond(),
        Stand::Done if is_forgotten(job) => FalError::missing("Request").respond(),
        Stand::Done => match status::output(desk, job).await {
            Ok(output) => billed(Json(output).into_response(), job),
            Err(_) => errors::named("internal_error").respond(),
        },
    }
}

fn is_forgotten(job: &JobView) -> bool {
    let is_old = job.ended_at.is_some_and(|ended| later(ended, RESULT_LASTS) <= job.now);
    is_old && !Notes::of(job).keeps_payloads()
}

/// Video is billed by the second.
fn billed(response: Response, job: &JobView) -> Response {
    let units = job.create.millis.div_ceil(1000).to_string();
    with(response, "x-fal-billable-units", &units)
}

/// Statuses as server-sent events, one whenever something changed, until the end.
fn status_stream(desk: EmulatorContext, id: String, with_logs: bool) -> Response {
    let events = stream::unfold(Some(Value::Null), move |seen| {
        let (desk, id) = (desk.clone(), id.clone());
        async move {
            let seen = seen?;
            loop {
                let job = desk.look(&id)?;
                let (body, has_ended) = status::status(&desk, &job, with_logs);
                if body != seen {
                    let event = Bytes::from(format!("data: {body}\n\n"));
                    let next = (!has_ended).then_some(body);
                    return Some((Ok::<_, std::io::Error>(event), next));
                }
                desk.clock().hold(LOOK).await;
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(events)).into_response()
}

/// `PUT /{app}/requests/{id}/cancel`: takes a waiting request out, or asks a running one to stop.
pub(super) async fn cancel(
    State(desk): State<EmulatorContext>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let target = Target::of(&path).filter(|target| target.more == "cancel");
    let Some(target) = target else { return FalError::missing("Path").respond() };
    let job = desk.look(target.id).filter(|job| job.create.key == key);
    let Some(job) = job.filter(|job| Notes::of(job).app() == target.app) else {
        return told(StatusCode::NOT_FOUND, "NOT_FOUND", target.id);
    };
    if job.state.has_ended() {
        return told(StatusCode::BAD_REQUEST, "ALREADY_COMPLETED", target.id);
    }
    let was_waiting = matches!(job.state, simulator::State::Queued { .. });
    desk.cancel(target.id);
    if was_waiting {
        told(StatusCode::OK, "OK", target.id)
    } else {
        told(StatusCode::ACCEPTED, "CANCELLATION_REQUESTED", target.id)
    }
}

fn told(code: StatusCode, word: &str, id: &str) -> Response {
    with((code, Json(json!({ "status": word }))).into_response(), REQUEST_ID, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_requests() {
        let target = Target::of("fal-ai/veo3.1/requests/abc/status/stream").unwrap();
        assert_eq!((target.app, target.id, target.more), ("fal-ai/veo3.1", "abc", "status/stream"));
        assert_eq!(Target::of("a/b/requests/abc/").unwrap().more, "");
        assert_eq!(Target::of("a/b/requests/"), None);
        assert_eq!(Target::of("a/b"), None);
    }

    #[test]
    fn a_limit_for_the_start_has_to_be_a_sensible_number() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-fal-request-timeout", text.parse().unwrap());
            start_within(&headers).map_err(|error| error.status.as_u16())
        };
        assert_eq!(read("2.5"), Ok(Some(2500)));
        assert_eq!((read("0"), read("NaN"), read("soon")), (Err(400), Err(400), Err(400)));
    }
}
