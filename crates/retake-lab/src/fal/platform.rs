//! The platform API, `api.fal.ai/v1`: models, prices, usage, the balance, and the requests of an
//! account with their payloads, in which a lost submission can be found.

use std::collections::{BTreeMap, HashMap};

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, request::Parts};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    FalAuth,
    endpoints::{self, LISTED},
    status::{self, RequestNotes, RequestState},
};
use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::EmulatorContext,
    request_body,
    simulator::{JobState, JobView, Refusal},
};

type QueryMap = Query<HashMap<String, String>>;

/// The maximum number of entries on a page.
const MAX_PAGE_SIZE: usize = 100;

/// An error of the platform API.
fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let error = json!({ "type": kind, "message": message });
    (status, Json(json!({ "error": error }))).into_response()
}

fn invalid(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "validation_error", message)
}

/// A caller of the platform API.
type Caller = auth::Caller<PlatformAuth>;

/// How callers of the platform API authenticate: its refusals have a form of their own.
pub(super) struct PlatformAuth;

impl AuthScheme for PlatformAuth {
    fn key_sources(parts: &Parts) -> &'static [KeySource] {
        FalAuth::key_sources(parts)
    }

    fn reject(_parts: &Parts, _refusal: &Refusal) -> Response {
        error(StatusCode::UNAUTHORIZED, "authorization_error", "Authentication required")
    }
}

/// The endpoints that a query names: `endpoint_id`, with commas between several.
fn endpoint_ids(asked: &HashMap<String, String>) -> Vec<&str> {
    let ids = asked.get("endpoint_id").map(String::as_str).unwrap_or_default();
    ids.split(',').map(str::trim).filter(|it| !it.is_empty()).collect()
}

/// `GET /v1/models`: the listed models, without authentication.
pub(super) async fn models(Query(asked): QueryMap) -> Response {
    let wanted = endpoint_ids(&asked);
    let search = asked.get("q").map(|it| it.to_lowercase()).unwrap_or_default();
    let is_match = |id: &&&str| {
        if wanted.is_empty() { id.contains(&search) } else { wanted.contains(*id) }
    };
    let models: Vec<Value> = LISTED.iter().filter(is_match).map(|id| model(id)).collect();
    Json(json!({ "models": models, "next_cursor": null, "has_more": false })).into_response()
}

fn model(id: &str) -> Value {
    let category = if id.contains("image-to-video") { "image-to-video" } else { "text-to-video" };
    json!({
        "endpoint_id": id,
        "metadata": { "display_name": id, "category": category, "status": "active" },
    })
}

/// `GET /v1/models/pricing?endpoint_id=`: the price of a second.
pub(super) async fn pricing(Query(asked): QueryMap, _: Caller) -> Response {
    let mut prices = Vec::new();
    for id in endpoint_ids(&asked) {
        let Some(price) = unit_price(id) else {
            return error(StatusCode::NOT_FOUND, "not_found", "Endpoint not found");
        };
        let unit = json!({
            "endpoint_id": id, "unit_price": price, "unit": "seconds", "currency": "USD",
        });
        prices.push(unit);
    }
    Json(json!({ "prices": prices, "next_cursor": null, "has_more": false })).into_response()
}

fn unit_price(endpoint: &str) -> Option<f64> {
    endpoints::family(endpoint).map(|it| dollars(it.second_micros))
}

#[expect(clippy::cast_precision_loss, reason = "sums of money are far below 2^53 millionths")]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// `POST /v1/models/pricing/estimate`: the price of a number of seconds.
pub(super) async fn estimate(_: Caller, request: axum::extract::Request) -> Response {
    let Ok(body) = request_body::read_json(request.into_body()).await else {
        return invalid("The body has to be JSON");
    };
    let Some(asked) = body.get("endpoints").and_then(Value::as_object) else {
        return invalid("endpoints is required");
    };
    let mut total = 0.0;
    for (endpoint, wanted) in asked {
        let units = ["unit_quantity", "call_quantity"].iter().find_map(|it| wanted.get(it));
        let (Some(price), Some(units)) = (unit_price(endpoint), units.and_then(Value::as_f64))
        else {
            return invalid("Each endpoint has to exist and needs unit_quantity");
        };
        total += price * units.max(0.0);
    }
    let kind = body.get("estimate_type").cloned().unwrap_or(json!("unit_price"));
    Json(json!({ "estimate_type": kind, "total_cost": total, "currency": "USD" })).into_response()
}

/// `GET /v1/models/usage`: what was billed, by endpoint.
pub(super) async fn usage(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
) -> Response {
    let mut seconds: BTreeMap<String, u64> = BTreeMap::new();
    for job in context.list_jobs(&key).into_iter().filter(|job| job.billed_micros > 0) {
        let units = seconds.entry(job.create.model.clone()).or_default();
        *units = units.saturating_add(job.create.millis / 1000);
    }
    let line = |(endpoint, units): (String, u64)| {
        let price = unit_price(&endpoint).unwrap_or_default();
        json!({
            "endpoint_id": endpoint, "unit": "seconds", "quantity": units, "unit_price": price,
            "currency": "USD",
        })
    };
    let results: Vec<Value> = seconds.into_iter().map(line).collect();
    let bucket = json!({ "bucket": context.now().to_string(), "results": results });
    Json(json!({ "time_series": [bucket], "next_cursor": null, "has_more": false })).into_response()
}

/// `GET /v1/account/billing?expand=credits`: the balance (reported; not in either SDK).
pub(super) async fn billing(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
) -> Json<Value> {
    let balance = dollars(context.account_status(&key).credit_micros);
    let credits = json!({ "current_balance": balance, "currency": "USD" });
    Json(json!({ "username": "retake-lab", "credits": credits }))
}

/// `GET /v1/models/requests/by-endpoint`: the requests of a key, newest first.
pub(super) async fn requests(
    State(context): State<EmulatorContext>,
    Query(asked): QueryMap,
    Caller { key, .. }: Caller,
) -> Response {
    let wanted = endpoint_ids(&asked);
    if wanted.is_empty() {
        return invalid("endpoint_id is required");
    }
    let Some((size, page)) = page(&asked) else { return invalid("limit or cursor is invalid") };
    let Some((start, end)) = date_range(&asked, context.now()) else {
        return invalid("start or end is not a date");
    };
    let status_filter = asked.get("status").map(String::as_str);
    let id = asked.get("request_id").map(String::as_str);
    let is_match = |job: &JobView| {
        wanted.contains(&job.create.model.as_str())
            && (start..end).contains(&job.accepted_at)
            && id.is_none_or(|id| id == job.id())
            && status_filter.is_none_or(|filter| Some(filter) == status_code_and_filter(job).1)
    };
    let found: Vec<JobView> = context.list_jobs(&key).into_iter().rev().filter(is_match).collect();
    let has_payloads = asked.get("expand").is_some_and(|it| it.contains("payloads"));
    let skipped = page.saturating_sub(1).saturating_mul(size);
    let shown = found.iter().skip(skipped).take(size);
    let items: Vec<Value> = shown.map(|job| request_item(&context, job, has_payloads)).collect();
    let has_more = found.len() > skipped.saturating_add(size);
    let next = has_more.then(|| STANDARD.encode((page + 1).to_string()));
    Json(json!({ "items": items, "next_cursor": next, "has_more": has_more })).into_response()
}

/// The size and the number of the requested page; a cursor encodes the number.
fn page(asked: &HashMap<String, String>) -> Option<(usize, usize)> {
    let size = asked.get("limit").map_or(Some(50), |text| text.parse().ok())?;
    let page = asked.get("cursor").map_or(Some(1), |text| {
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        text.parse().ok()
    })?;
    ((1..=MAX_PAGE_SIZE).contains(&size) && (1..=1_000_000).contains(&page)).then_some((size, page))
}

/// The requested range of dates, by default the last day.
fn date_range(asked: &HashMap<String, String>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let moment = |name: &str, usual: Timestamp| match asked.get(name) {
        None => Some(usual),
        Some(text) => text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok()),
    };
    let day_ago = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    Some((moment("start", day_ago)?, moment("end", Timestamp::MAX)?))
}

/// The status code of a request that has ended, and its value for the status filter.
fn status_code_and_filter(job: &JobView) -> (Option<u16>, Option<&'static str>) {
    match status::request_state(job) {
        RequestState::Done => (Some(200), Some("success")),
        RequestState::Failed(error) if error.status.is_server_error() => {
            (Some(error.status.as_u16()), Some("error"))
        }
        RequestState::Failed(error) => (Some(error.status.as_u16()), Some("user_error")),
        RequestState::InQueue { .. } | RequestState::InProgress => (None, None),
    }
}

fn request_item(context: &EmulatorContext, job: &JobView, has_payloads: bool) -> Value {
    let has_started = !matches!(job.state, JobState::Queued { .. });
    let started = has_started.then(|| job.starts_at.to_string());
    let lasted = job.ended_at.map(|at| at.duration_since(job.accepted_at).as_secs_f64());
    let mut item = json!({
        "request_id": job.id(),
        "endpoint_id": job.create.model,
        "sent_at": job.accepted_at.to_string(),
        "started_at": started,
        "ended_at": job.ended_at.map(|at| at.to_string()),
        "status_code": status_code_and_filter(job).0,
        "duration": lasted,
    });
    if has_payloads && RequestNotes::new(job).is_payload_stored() {
        let output = match status::request_state(job) {
            RequestState::Done => status::output_json(context, job),
            RequestState::Failed(error) => error.body,
            RequestState::InQueue { .. } | RequestState::InProgress => Value::Null,
        };
        item["json_input"] = job.create.request.clone();
        item["json_output"] = output;
    }
    item
}

/// `DELETE /v1/models/requests/{id}/payloads`: deletes a request with its payloads.
pub(super) async fn delete_payloads(
    State(context): State<EmulatorContext>,
    Path(id): Path<String>,
    Caller { key, .. }: Caller,
) -> Response {
    let Some(job) = context.find_job(&id).filter(|job| job.create.key == key) else {
        return error(StatusCode::NOT_FOUND, "not_found", "Request not found");
    };
    context.delete(job.id());
    let result = json!({ "link": context.video_url(&job, 0), "exception": null });
    Json(json!({ "cdn_delete_results": [result] })).into_response()
}
