//! The platform API, `api.fal.ai/v1`: models, prices, usage, the balance, and the requests of an
//! account with their payloads, by which a lost submission can be found.

use std::collections::{BTreeMap, HashMap};

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    endpoints::{self, LISTED},
    queue,
    status::{self, Notes, Stand},
};
use crate::{
    early_response::Early,
    emulator_context::EmulatorContext,
    intake,
    simulator::{JobView, State as JobState},
};

type Asked = Query<HashMap<String, String>>;

/// The most entries of a page.
const MOST: usize = 100;

/// An error of the platform API.
fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let error = json!({ "type": kind, "message": message });
    (status, Json(json!({ "error": error }))).into_response()
}

fn invalid(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "validation_error", message)
}

/// The key of a caller; the platform words a missing one in its own way.
fn authenticate(desk: &EmulatorContext, headers: &HeaderMap) -> Result<String, Early> {
    queue::authenticate(desk, headers).map_err(|_| {
        let message = "Authentication required";
        error(StatusCode::UNAUTHORIZED, "authorization_error", message).into()
    })
}

/// The endpoints that a query names: `endpoint_id`, with commas between several.
fn endpoints_of(asked: &HashMap<String, String>) -> Vec<&str> {
    let ids = asked.get("endpoint_id").map(String::as_str).unwrap_or_default();
    ids.split(',').map(str::trim).filter(|it| !it.is_empty()).collect()
}

/// `GET /v1/models`: what there is, without a key.
pub(super) async fn models(Query(asked): Asked) -> Response {
    let wanted = endpoints_of(&asked);
    let word = asked.get("q").map(|it| it.to_lowercase()).unwrap_or_default();
    let fits = |id: &&&str| {
        if wanted.is_empty() { id.contains(&word) } else { wanted.contains(*id) }
    };
    let models: Vec<Value> = LISTED.iter().filter(fits).map(|id| model(id)).collect();
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
pub(super) async fn pricing(
    State(desk): State<EmulatorContext>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> Response {
    if let Err(early) = authenticate(&desk, &headers) {
        return early.into_response();
    }
    let mut prices = Vec::new();
    for id in endpoints_of(&asked) {
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

/// `POST /v1/models/pricing/estimate`: what so many seconds would cost.
pub(super) async fn estimate(
    State(desk): State<EmulatorContext>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Response {
    if let Err(early) = authenticate(&desk, &headers) {
        return early.into_response();
    }
    let Ok(body) = intake::json(request.into_body()).await else {
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
pub(super) async fn usage(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let mut seconds: BTreeMap<String, u64> = BTreeMap::new();
    for job in desk.list(&key).into_iter().filter(|job| job.billed_micros > 0) {
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
    let bucket = json!({ "bucket": desk.now().to_string(), "results": results });
    Json(json!({ "time_series": [bucket], "next_cursor": null, "has_more": false })).into_response()
}

/// `GET /v1/account/billing?expand=credits`: the balance (reported; not in either SDK).
pub(super) async fn billing(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => {
            let balance = dollars(desk.standing(&key).credit_micros);
            let credits = json!({ "current_balance": balance, "currency": "USD" });
            Json(json!({ "username": "retake-lab", "credits": credits })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// `GET /v1/models/requests/by-endpoint`: the requests of a key, newest first.
pub(super) async fn requests(
    State(desk): State<EmulatorContext>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let wanted = endpoints_of(&asked);
    if wanted.is_empty() {
        return invalid("endpoint_id is required");
    }
    let Some((size, page)) = page(&asked) else { return invalid("limit or cursor is invalid") };
    let Some((start, end)) = span(&asked, desk.now()) else {
        return invalid("start or end is not a date");
    };
    let word = asked.get("status").map(String::as_str);
    let id = asked.get("request_id").map(String::as_str);
    let fits = |job: &JobView| {
        wanted.contains(&job.create.model.as_str())
            && (start..end).contains(&job.accepted_at)
            && id.is_none_or(|id| id == job.id())
            && word.is_none_or(|word| Some(word) == outcome(job).1)
    };
    let found: Vec<JobView> = desk.list(&key).into_iter().rev().filter(fits).collect();
    let shows = asked.get("expand").is_some_and(|it| it.contains("payloads"));
    let skipped = page.saturating_sub(1).saturating_mul(size);
    let shown = found.iter().skip(skipped).take(size);
    let items: Vec<Value> = shown.map(|job| item(&desk, job, shows)).collect();
    let has_more = found.len() > skipped.saturating_add(size);
    let next = has_more.then(|| STANDARD.encode((page + 1).to_string()));
    Json(json!({ "items": items, "next_cursor": next, "has_more": has_more })).into_response()
}

/// The size and the number of the page asked for; a cursor is the number of its page.
fn page(asked: &HashMap<String, String>) -> Option<(usize, usize)> {
    let size = asked.get("limit").map_or(Some(50), |text| text.parse().ok())?;
    let page = asked.get("cursor").map_or(Some(1), |text| {
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        text.parse().ok()
    })?;
    ((1..=MOST).contains(&size) && (1..=1_000_000).contains(&page)).then_some((size, page))
}

/// From when to when: the last day unless it is said.
fn span(asked: &HashMap<String, String>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let moment = |name: &str, usual: Timestamp| match asked.get(name) {
        None => Some(usual),
        Some(text) => text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok()),
    };
    let day_ago = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    Some((moment("start", day_ago)?, moment("end", Timestamp::MAX)?))
}

/// The status code of a request that has ended, and the word that filters go by.
fn outcome(job: &JobView) -> (Option<u16>, Option<&'static str>) {
    match status::stand(job) {
        Stand::Done => (Some(200), Some("success")),
        Stand::Failed(error) if error.status.is_server_error() => {
            (Some(error.status.as_u16()), Some("error"))
        }
        Stand::Failed(error) => (Some(error.status.as_u16()), Some("user_error")),
        Stand::InQueue { .. } | Stand::InProgress => (None, None),
    }
}

fn item(desk: &EmulatorContext, job: &JobView, shows_payloads: bool) -> Value {
    let has_started = !matches!(job.state, JobState::Queued { .. });
    let started = has_started.then(|| job.starts_at.to_string());
    let lasted = job.ended_at.map(|at| at.duration_since(job.accepted_at).as_secs_f64());
    let mut item = json!({
        "request_id": job.id(),
        "endpoint_id": job.create.model,
        "sent_at": job.accepted_at.to_string(),
        "started_at": started,
        "ended_at": job.ended_at.map(|at| at.to_string()),
        "status_code": outcome(job).0,
        "duration": lasted,
    });
    if shows_payloads && Notes::of(job).keeps_payloads() {
        let output = match status::stand(job) {
            Stand::Done => status::told_output(desk, job),
            Stand::Failed(error) => error.body,
            Stand::InQueue { .. } | Stand::InProgress => Value::Null,
        };
        item["json_input"] = job.create.request.clone();
        item["json_output"] = output;
    }
    item
}

/// `DELETE /v1/models/requests/{id}/payloads`: forgets a request and what belongs to it.
pub(super) async fn forget(
    State(desk): State<EmulatorContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let key = match authenticate(&desk, &headers) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let Some(job) = desk.look(&id).filter(|job| job.create.key == key) else {
        return error(StatusCode::NOT_FOUND, "not_found", "Request not found");
    };
    desk.delete(job.id());
    let result = json!({ "link": desk.link(&job, 0), "exception": null });
    Json(json!({ "cdn_delete_results": [result] })).into_response()
}
