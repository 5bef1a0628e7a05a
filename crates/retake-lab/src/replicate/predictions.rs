//! Predictions: created in three ways, polled, listed page by page, cancelled.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    authenticate, catalog, input,
    problem::{self, Invalid},
    view, webhook,
};
use crate::{
    clock::later,
    early_response::Early,
    emulator_context::EmulatorContext,
    fault::FaultKind,
    intake::{self, Unreadable},
    simulator::{Create, JobView, State as JobState},
};

/// Predictions on a page of the list.
const PAGE: usize = 100;
/// How long a create waits for the end at most, and if it is not said.
const LONGEST_WAIT: u32 = 60;
/// What may stand in the body of a create.
const FIELDS: &[&str] =
    &["version", "input", "stream", "webhook", "webhook_events_filter", "webhook_completed"];
const EVENTS: &[&str] = &["start", "output", "logs", "completed"];

/// What is to be run.
pub(super) struct Target {
    pub(super) model: String,
    /// The id of the version, if the caller chose one.
    pub(super) version: Option<String>,
    /// `owner/name` of the deployment that runs it.
    pub(super) deployment: Option<String>,
}

/// `POST /v1/predictions`: runs a version.
pub(super) async fn create(State(desk): State<EmulatorContext>, request: Request) -> Response {
    answer(create_with(&desk, request, None).await)
}

/// `POST /v1/models/{owner}/{name}/predictions`: runs an official model.
pub(super) async fn create_with_model(
    State(desk): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let model = format!("{owner}/{name}");
    if catalog::family(&model).is_none() {
        return match authenticate(&desk, request.headers()) {
            Ok(_) => problem::missing(),
            Err(early) => early.into_response(),
        };
    }
    let target = Target { model, version: None, deployment: None };
    answer(create_with(&desk, request, Some(target)).await)
}

fn answer(result: Result<Response, Early>) -> Response {
    result.unwrap_or_else(Early::into_response)
}

/// Creates a prediction of `target`, or of the version that the body names.
pub(super) async fn create_with(
    desk: &EmulatorContext,
    request: Request,
    target: Option<Target>,
) -> Result<Response, Early> {
    let headers = request.headers().clone();
    let key = authenticate(desk, &headers)?;
    let body = read_body(request).await?;
    check_body(&body, target.is_none())?;
    let target = match target {
        Some(target) => target,
        None => named_target(&body).ok_or_else(problem::invalid_version)?,
    };
    let family = catalog::family(&target.model).ok_or_else(problem::missing)?;
    let wanted = input::read(&target.model, family, &body["input"])
        .map_err(|wrong| problem::invalid("Input validation failed", &wrong))?;
    let cancel_after = cancel_after(&headers)?;
    let create = Create {
        id: desk.hex(26),
        key,
        prompt: wanted.prompt,
        millis: wanted.millis,
        width: wanted.width,
        height: wanted.height,
        audio: wanted.audio,
        outputs: 1,
        price_micros: family.second_micros.saturating_mul(wanted.millis) / 1000,
        extra: json!({
            "version": target.version,
            "deployment": target.deployment,
            "webhook": body.get("webhook").or(body.get("webhook_completed")),
            "events": events(&body),
            "cancel_after_s": cancel_after,
            "lists_outputs": family.lists_outputs,
        }),
        model: target.model,
        request: body,
    };
    let admitted = desk.admit_and(create, |job| {
        webhook::tell(desk, job);
        watch_deadline(desk, job);
    });
    let job = admitted.await.map_err(problem::setback)?;
    Ok(held(desk, job, wait_of(&headers)).await)
}

async fn read_body(request: Request) -> Result<Value, Early> {
    let body = intake::json(request.into_body()).await.map_err(|why| match why {
        Unreadable::TooLarge => {
            let detail = "The request body is too large.";
            problem::problem(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", detail)
        }
        Unreadable::Json(_) | Unreadable::Multipart => {
            problem::bad_request("The request body is not valid JSON.")
        }
    })?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(problem::bad_request("Expected an object.").into())
    }
}

/// Checks what stands around the input; Replicate refuses what it does not know there (changelog of
/// 2024-05-01).
fn check_body(body: &Value, needs_version: bool) -> Result<(), Early> {
    let mut wrong = Vec::new();
    let mut tell = |kind, field: &str, description: String| {
        wrong.push(Invalid { kind, field: field.to_owned(), description });
    };
    if !body["input"].is_object() {
        tell("required", "", "input is required".to_owned());
    }
    if needs_version && !body["version"].is_string() {
        tell("required", "", "version is required".to_owned());
    }
    for name in body.as_object().into_iter().flat_map(|it| it.keys()) {
        if !FIELDS.contains(&name.as_str()) {
            let description = format!("Additional property {name} is not allowed");
            tell("additional_property_not_allowed", "", description);
        }
    }
    let is_link = |it: &Value| {
        it.as_str().is_some_and(|it| it.starts_with("https://") || it.starts_with("http://"))
    };
    if body.get("webhook").is_some_and(|it| !is_link(it)) {
        tell("format", "webhook", "Does not match format 'uri'".to_owned());
    }
    let filter = body.get("webhook_events_filter").map(|it| it.as_array());
    let is_known = |it: &Value| it.as_str().is_some_and(|it| EVENTS.contains(&it));
    if filter.is_some_and(|it| !it.is_some_and(|it| it.iter().all(is_known))) {
        let description = format!("must be a list of: {}", EVENTS.join(", "));
        tell("enum", "webhook_events_filter", description);
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(problem::invalid("Validation failed", &wrong).into())
    }
}

/// The events that the webhook is for.
fn events(body: &Value) -> Option<Value> {
    let is_old = body.get("webhook").is_none() && body.get("webhook_completed").is_some();
    if is_old { Some(json!(["completed"])) } else { body.get("webhook_events_filter").cloned() }
}

fn named_target(body: &Value) -> Option<Target> {
    let model = catalog::model_of(body["version"].as_str()?)?;
    let version = Some(catalog::version_of(&model));
    Some(Target { model, version, deployment: None })
}

/// The deadline that `Cancel-After` sets, in seconds: `30s`, `1m`, `1h30m`, or a bare number.
fn cancel_after(headers: &HeaderMap) -> Result<Option<i64>, Early> {
    let Some(text) = intake::named(headers, "cancel-after") else { return Ok(None) };
    if let Some(seconds) = seconds(text).filter(|it| (5..=86_400).contains(it)) {
        return Ok(Some(seconds));
    }
    let description = "must be a duration from 5s to 24h".to_owned();
    let field = "Cancel-After".to_owned();
    let wrong = Invalid { kind: "format", field, description };
    Err(problem::invalid("Validation failed", &[wrong]).into())
}

fn seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(seconds);
    }
    let mut whole: i64 = 0;
    let mut number = String::new();
    for sign in text.trim().chars() {
        let unit = match sign {
            '0'..='9' if number.len() < 6 => {
                number.push(sign);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        whole = whole.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(whole)
}

/// How long the create is held, in seconds, if `Prefer: wait` or `wait=n` asks for it.
fn wait_of(headers: &HeaderMap) -> Option<u32> {
    let text = intake::named(headers, "prefer")?;
    text.split(',').map(str::trim).find_map(|part| match part.split_once('=') {
        None => (part == "wait").then_some(LONGEST_WAIT),
        Some(("wait", seconds)) => Some(seconds.parse().ok()?).map(|it: u32| it.clamp(1, 60)),
        Some(_) => None,
    })
}

/// Answers a create at once, or holds it until the end. When the wait is over first, the answer says
/// `starting`, whatever the prediction is doing (as the SDKs remark).
async fn held(desk: &EmulatorContext, job: JobView, wait: Option<u32>) -> Response {
    let Some(wait) = wait else {
        return (StatusCode::CREATED, Json(view::prediction(desk, &job))).into_response();
    };
    let until = later(job.accepted_at, SignedDuration::from_secs(wait.into()));
    let mut job = job;
    while !job.state.has_ended() && desk.now() < until {
        desk.clock().hold_until(job.changes_at.unwrap_or(until).min(until)).await;
        match desk.look(job.id()) {
            Some(later) => job = later,
            None => return problem::missing(),
        }
    }
    let mut body = view::prediction(desk, &job);
    if job.state.has_ended() {
        return (StatusCode::CREATED, Json(body)).into_response();
    }
    body["status"] = json!("starting");
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// Cancels a prediction when its deadline has come.
fn watch_deadline(desk: &EmulatorContext, job: &JobView) {
    let Some(deadline) = view::deadline(job) else { return };
    let (desk, id) = (desk.clone(), job.id().to_owned());
    desk.clone().shared.tasks.spawn(async move {
        desk.clock().hold_until(deadline).await;
        desk.cancel(&id);
    });
}

/// `GET /v1/predictions/{id}`: a poll.
pub(super) async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    match desk.poll(&id, Some(&key)).await {
        Ok(job) if matches!(job.state, JobState::Failed(_)) && is_bare(&job) => {
            let detail = "There was an unexpected error.";
            Json(json!({ "title": "Prediction failed", "detail": detail })).into_response()
        }
        Ok(job) => Json(view::prediction(&desk, &job)).into_response(),
        Err(setback) => problem::setback(setback),
    }
}

fn is_bare(job: &JobView) -> bool {
    job.run_fault(FaultKind::ErrorIn200).is_some()
}

/// `POST /v1/predictions/{id}/cancel`: stops it; one that has ended stays as it is.
pub(super) async fn cancel(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let is_theirs = desk.look(&id).is_some_and(|job| job.create.key == key);
    match desk.cancel(&id).filter(|_| is_theirs) {
        Some(job) => Json(view::prediction(&desk, &job)).into_response(),
        None => problem::missing(),
    }
}

/// A place in the list: what comes after (older) or before (newer) a prediction of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    OlderThan(u64),
    NewerThan(u64),
}

impl Cursor {
    fn text(self) -> String {
        let text = match self {
            Self::OlderThan(number) => format!("p={number}"),
            Self::NewerThan(number) => format!("r=1&p={number}"),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        match text.strip_prefix("r=1&p=") {
            Some(number) => Some(Self::NewerThan(number.parse().ok()?)),
            None => Some(Self::OlderThan(text.strip_prefix("p=")?.parse().ok()?)),
        }
    }
}

/// `GET /v1/predictions`: those of a key, newest first, a hundred on a page.
pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Query(asked): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let cursor = match asked.get("cursor").map(|text| Cursor::read(text)) {
        Some(None) => return problem::bad_request("Invalid cursor"),
        cursor => cursor.flatten(),
    };
    let Some((after, before)) = span(&asked) else {
        return problem::bad_request("created_after and created_before have to be dates");
    };
    let all: Vec<JobView> = desk
        .list(&key)
        .into_iter()
        .rev()
        .filter(|job| after.is_none_or(|it| job.accepted_at >= it))
        .filter(|job| before.is_none_or(|it| job.accepted_at < it))
        .collect();
    let (from, until) = page(&all, cursor);
    let shown = all.get(from..until).unwrap_or_default();
    let link =
        |cursor: Cursor| format!("{}/v1/predictions?cursor={}", desk.base_url(), cursor.text());
    let next = shown.last().filter(|_| until < all.len()).map(|it| Cursor::OlderThan(it.number));
    let previous = shown.first().filter(|_| from > 0).map(|it| Cursor::NewerThan(it.number));
    let results: Vec<Value> = shown.iter().map(|job| view::prediction(&desk, job)).collect();
    let page = json!({
        "previous": previous.map(link), "next": next.map(link), "results": results,
    });
    Json(page).into_response()
}

/// The part of the list that a cursor shows; `all` is newest first.
fn page(all: &[JobView], cursor: Option<Cursor>) -> (usize, usize) {
    let from = match cursor {
        None => 0,
        Some(Cursor::OlderThan(number)) => all.partition_point(|job| job.number >= number),
        Some(Cursor::NewerThan(number)) => {
            all.partition_point(|job| job.number > number).saturating_sub(PAGE)
        }
    };
    (from, from.saturating_add(PAGE).min(all.len()))
}

type Span = (Option<Timestamp>, Option<Timestamp>);

fn span(asked: &HashMap<String, String>) -> Option<Span> {
    let moment = |name: &str| match asked.get(name) {
        None => Some(None),
        Some(text) => text.parse().ok().map(Some),
    };
    Some((moment("created_after")?, moment("created_before")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_in_hours_minutes_and_seconds() {
        for (text, expected) in [
            ("30s", Some(30)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("45", Some(45)),
            ("1x", None),
            ("s", None),
            ("5m3", None),
            ("99999999999999s", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        for cursor in [Cursor::OlderThan(7), Cursor::NewerThan(0)] {
            assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        }
        assert_eq!(Cursor::read("bm9uc2Vuc2U"), None);
    }

    #[test]
    fn a_preference_to_wait_is_kept_in_bounds() {
        for (text, expected) in [
            ("wait", Some(60)),
            ("wait=5", Some(5)),
            ("respond-async, wait=900", Some(60)),
            ("wait=soon", None),
            ("respond-async", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", text.parse().unwrap());
            assert_eq!(wait_of(&headers), expected, "{text}");
        }
    }
}
