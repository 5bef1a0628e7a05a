//! Predictions: creates in three ways, polls, lists and cancels them.

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
    Caller, catalog,
    errors::{self, InvalidField},
    input, view, webhook,
};
use crate::{
    clock::later,
    early_response::EarlyResponse,
    emulator_context::EmulatorContext,
    fault::FaultKind,
    headers,
    request_body::{self, BodyError},
    simulator::{Create, JobState, JobView},
};

/// The number of predictions on a page.
const PAGE_SIZE: usize = 100;
/// The maximum and default time that a create waits for the end, in seconds.
const MAX_WAIT_SECONDS: u32 = 60;
/// The fields of a create.
const FIELDS: &[&str] =
    &["version", "input", "stream", "webhook", "webhook_events_filter", "webhook_completed"];
const EVENTS: &[&str] = &["start", "output", "logs", "completed"];

/// The model that is run.
pub(super) struct Target {
    pub(super) model: String,
    /// The id of the version, if the caller chose one.
    pub(super) version: Option<String>,
    /// `owner/name` of the deployment that runs it.
    pub(super) deployment: Option<String>,
}

/// `POST /v1/predictions`: runs a version.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    respond(create_with(&context, key, request, None).await)
}

/// `POST /v1/models/{owner}/{name}/predictions`: runs an official model.
pub(super) async fn create_with_model(
    State(context): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let model = format!("{owner}/{name}");
    if catalog::family(&model).is_none() {
        return errors::not_found_response();
    }
    let target = Target { model, version: None, deployment: None };
    respond(create_with(&context, key, request, Some(target)).await)
}

fn respond(result: Result<Response, EarlyResponse>) -> Response {
    result.unwrap_or_else(EarlyResponse::into_response)
}

/// Creates a prediction with `target`, or with the version that the body names.
pub(super) async fn create_with(
    context: &EmulatorContext,
    key: String,
    request: Request,
    target: Option<Target>,
) -> Result<Response, EarlyResponse> {
    let headers = request.headers().clone();
    let body = read_body(request).await?;
    check_body(&body, target.is_none())?;
    let target = match target {
        Some(target) => target,
        None => target_of_version(&body).ok_or_else(errors::invalid_version)?,
    };
    let family = catalog::family(&target.model).ok_or_else(errors::not_found_response)?;
    let model_input = input::parse(&target.model, family, &body["input"])
        .map_err(|issues| errors::invalid("Input validation failed", &issues))?;
    let cancel_after = read_cancel_after(&headers)?;
    let create = Create {
        id: context.new_hex_id(26),
        key,
        prompt: model_input.prompt,
        millis: model_input.millis,
        width: model_input.width,
        height: model_input.height,
        audio: model_input.audio,
        outputs: 1,
        price_micros: family.second_micros.saturating_mul(model_input.millis) / 1000,
        extra: json!({
            "version": target.version,
            "deployment": target.deployment,
            "webhook": body.get("webhook").or(body.get("webhook_completed")),
            "events": events(&body),
            "cancel_after_s": cancel_after,
            "lists_outputs": family.has_output_list,
        }),
        model: target.model,
        request: body,
    };
    let admitted = context.admit_with(create, |job| {
        webhook::schedule_webhooks(context, job);
        watch_deadline(context, job);
    });
    let job = admitted.await.map_err(errors::call_error_response)?;
    Ok(hold_response(context, job, preferred_wait(&headers)).await)
}

async fn read_body(request: Request) -> Result<Value, EarlyResponse> {
    let body = request_body::read_json(request.into_body()).await.map_err(|error| match error {
        BodyError::TooLarge => {
            let detail = "The request body is too large.";
            errors::error_response(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", detail)
        }
        BodyError::Json(_) | BodyError::Multipart => {
            errors::bad_request("The request body is not valid JSON.")
        }
    })?;
    if body.is_object() { Ok(body) } else { Err(errors::bad_request("Expected an object.").into()) }
}

/// Validates the fields around the input; Replicate refuses unknown ones (changelog of 2024-05-01).
fn check_body(body: &Value, needs_version: bool) -> Result<(), EarlyResponse> {
    let mut issues = Vec::new();
    let mut add_issue = |kind, field: &str, description: String| {
        issues.push(InvalidField { kind, field: field.to_owned(), description });
    };
    if !body["input"].is_object() {
        add_issue("required", "", "input is required".to_owned());
    }
    if needs_version && !body["version"].is_string() {
        add_issue("required", "", "version is required".to_owned());
    }
    for name in body.as_object().into_iter().flat_map(|it| it.keys()) {
        if !FIELDS.contains(&name.as_str()) {
            let description = format!("Additional property {name} is not allowed");
            add_issue("additional_property_not_allowed", "", description);
        }
    }
    let is_link = |it: &Value| {
        it.as_str().is_some_and(|it| it.starts_with("https://") || it.starts_with("http://"))
    };
    if body.get("webhook").is_some_and(|it| !is_link(it)) {
        add_issue("format", "webhook", "Does not match format 'uri'".to_owned());
    }
    let filter = body.get("webhook_events_filter").map(|it| it.as_array());
    let is_known = |it: &Value| it.as_str().is_some_and(|it| EVENTS.contains(&it));
    if filter.is_some_and(|it| !it.is_some_and(|it| it.iter().all(is_known))) {
        let description = format!("must be a list of: {}", EVENTS.join(", "));
        add_issue("enum", "webhook_events_filter", description);
    }
    if issues.is_empty() {
        Ok(())
    } else {
        Err(errors::invalid("Validation failed", &issues).into())
    }
}

/// The events that the webhook is subscribed to.
fn events(body: &Value) -> Option<Value> {
    let is_old = body.get("webhook").is_none() && body.get("webhook_completed").is_some();
    if is_old { Some(json!(["completed"])) } else { body.get("webhook_events_filter").cloned() }
}

fn target_of_version(body: &Value) -> Option<Target> {
    let model = catalog::find_model(body["version"].as_str()?)?;
    let version = Some(catalog::version_id(&model));
    Some(Target { model, version, deployment: None })
}

/// The deadline that `Cancel-After` sets, in seconds: `30s`, `1m`, `1h30m`, or a bare number.
fn read_cancel_after(headers: &HeaderMap) -> Result<Option<i64>, EarlyResponse> {
    let Some(text) = headers::text(headers, "cancel-after") else { return Ok(None) };
    if let Some(seconds) = parse_seconds(text).filter(|it| (5..=86_400).contains(it)) {
        return Ok(Some(seconds));
    }
    let description = "must be a duration from 5s to 24h".to_owned();
    let field = "Cancel-After".to_owned();
    let issues = InvalidField { kind: "format", field, description };
    Err(errors::invalid("Validation failed", &[issues]).into())
}

fn parse_seconds(text: &str) -> Option<i64> {
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

/// How long the create waits, in seconds, if `Prefer: wait` or `wait=n` asks for it.
fn preferred_wait(headers: &HeaderMap) -> Option<u32> {
    let text = headers::text(headers, "prefer")?;
    text.split(',').map(str::trim).find_map(|part| match part.split_once('=') {
        None => (part == "wait").then_some(MAX_WAIT_SECONDS),
        Some(("wait", seconds)) => Some(seconds.parse().ok()?).map(|it: u32| it.clamp(1, 60)),
        Some(_) => None,
    })
}

/// Responds to a create at once, or waits for the end. When the wait is over first, the status is
/// `starting`, whatever the prediction is doing (as the SDKs document).
async fn hold_response(context: &EmulatorContext, job: JobView, wait: Option<u32>) -> Response {
    let Some(wait) = wait else {
        return (StatusCode::CREATED, Json(view::prediction(context, &job))).into_response();
    };
    let until = later(job.accepted_at, SignedDuration::from_secs(wait.into()));
    let mut job = job;
    while !job.state.has_ended() && context.now() < until {
        context.clock().hold_until(job.next_change_at.unwrap_or(until).min(until)).await;
        match context.find_job(job.id()) {
            Some(later) => job = later,
            None => return errors::not_found_response(),
        }
    }
    let mut body = view::prediction(context, &job);
    if job.state.has_ended() {
        return (StatusCode::CREATED, Json(body)).into_response();
    }
    body["status"] = json!("starting");
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// Cancels a prediction at its deadline.
fn watch_deadline(context: &EmulatorContext, job: &JobView) {
    let Some(deadline) = view::deadline(job) else { return };
    let (context, id) = (context.clone(), job.id().to_owned());
    context.clone().shared.tasks.spawn(async move {
        context.clock().hold_until(deadline).await;
        context.cancel(&id);
    });
}

/// `GET /v1/predictions/{id}`: polls a prediction.
pub(super) async fn retrieve(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    match context.poll(&id, Some(&key)).await {
        Ok(job) if matches!(job.state, JobState::Failed(_)) && has_bare_error(&job) => {
            let detail = "There was an unexpected error.";
            Json(json!({ "title": "Prediction failed", "detail": detail })).into_response()
        }
        Ok(job) => Json(view::prediction(&context, &job)).into_response(),
        Err(call_error) => errors::call_error_response(call_error),
    }
}

fn has_bare_error(job: &JobView) -> bool {
    job.run_fault(FaultKind::ErrorIn200).is_some()
}

/// `POST /v1/predictions/{id}/cancel`: cancels a prediction; one that has ended stays as it is.
pub(super) async fn cancel(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let is_theirs = context.find_job(&id).is_some_and(|job| job.create.key == key);
    match context.cancel(&id).filter(|_| is_theirs) {
        Some(job) => Json(view::prediction(&context, &job)).into_response(),
        None => errors::not_found_response(),
    }
}

/// A cursor of the list: the predictions older or newer than the one of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    OlderThan(u64),
    NewerThan(u64),
}

impl Cursor {
    fn encode(self) -> String {
        let text = match self {
            Self::OlderThan(number) => format!("p={number}"),
            Self::NewerThan(number) => format!("r=1&p={number}"),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        match text.strip_prefix("r=1&p=") {
            Some(number) => Some(Self::NewerThan(number.parse().ok()?)),
            None => Some(Self::OlderThan(text.strip_prefix("p=")?.parse().ok()?)),
        }
    }
}

/// `GET /v1/predictions`: the predictions of a key, newest first, a hundred on a page.
pub(super) async fn list(
    State(context): State<EmulatorContext>,
    Query(asked): Query<HashMap<String, String>>,
    Caller { key, .. }: Caller,
) -> Response {
    let cursor = match asked.get("cursor").map(|text| Cursor::parse(text)) {
        Some(None) => return errors::bad_request("Invalid cursor"),
        cursor => cursor.flatten(),
    };
    let Some((after, before)) = date_range(&asked) else {
        return errors::bad_request("created_after and created_before have to be dates");
    };
    let all: Vec<JobView> = context
        .list_jobs(&key)
        .into_iter()
        .rev()
        .filter(|job| after.is_none_or(|it| job.accepted_at >= it))
        .filter(|job| before.is_none_or(|it| job.accepted_at < it))
        .collect();
    let (from, until) = page_bounds(&all, cursor);
    let shown = all.get(from..until).unwrap_or_default();
    let link = |cursor: Cursor| {
        format!("{}/v1/predictions?cursor={}", context.base_url(), cursor.encode())
    };
    let next = shown.last().filter(|_| until < all.len()).map(|it| Cursor::OlderThan(it.number));
    let previous = shown.first().filter(|_| from > 0).map(|it| Cursor::NewerThan(it.number));
    let results: Vec<Value> = shown.iter().map(|job| view::prediction(&context, job)).collect();
    let page = json!({
        "previous": previous.map(link), "next": next.map(link), "results": results,
    });
    Json(page).into_response()
}

/// The bounds of the page of a cursor; `all` is newest first.
fn page_bounds(all: &[JobView], cursor: Option<Cursor>) -> (usize, usize) {
    let from = match cursor {
        None => 0,
        Some(Cursor::OlderThan(number)) => all.partition_point(|job| job.number >= number),
        Some(Cursor::NewerThan(number)) => {
            all.partition_point(|job| job.number > number).saturating_sub(PAGE_SIZE)
        }
    };
    (from, from.saturating_add(PAGE_SIZE).min(all.len()))
}

type DateRange = (Option<Timestamp>, Option<Timestamp>);

fn date_range(asked: &HashMap<String, String>) -> Option<DateRange> {
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
            assert_eq!(parse_seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        for cursor in [Cursor::OlderThan(7), Cursor::NewerThan(0)] {
            assert_eq!(Cursor::parse(&cursor.encode()), Some(cursor));
        }
        assert_eq!(Cursor::parse("bm9uc2Vuc2U"), None);
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
            assert_eq!(preferred_wait(&headers), expected, "{text}");
        }
    }
}
