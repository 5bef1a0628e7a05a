//! The account: credits, limits and usage (SDK 5.24.0, 2026-11-21).
//!
//! Runway counts per model and organization; in the lab a key is an organization and the limits that
//! a scenario sets are shown for each model.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{Caller, catalog, errors, task::MICROS_PER_CREDIT};
use crate::{emulator_context::EmulatorContext, request_body, simulator::JobView};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The maximum and the default range of the usage report, in days.
const MAX_AND_DEFAULT_DAYS: (i64, i64) = (90, 30);

/// `GET /v1/organization`.
pub(super) async fn retrieve(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
) -> Response {
    let (conditions, now) = (context.conditions(), context.now());
    let limits = json!({
        "maxConcurrentGenerations": conditions.concurrency,
        "maxDailyGenerations": conditions.creates_per_day,
    });
    let all = catalog::model_names().into_iter();
    let models: Map<_, _> = all.map(|name| (name.to_owned(), limits.clone())).collect();
    let mut used = Map::new();
    for job in
        context.list_jobs(&key).iter().filter(|job| now.duration_since(job.accepted_at) < DAY)
    {
        let entry = used.entry(job.create.model.clone()).or_insert(json!({"dailyGenerations": 0}));
        let count = entry["dailyGenerations"].as_u64().unwrap_or(0) + 1;
        entry["dailyGenerations"] = count.into();
    }
    Json(json!({
        "creditBalance": context.account_status(&key).credit_micros / MICROS_PER_CREDIT,
        "tier": { "maxMonthlyCreditSpend": 10_000_000, "models": models },
        "usage": { "models": used },
    }))
    .into_response()
}

/// `POST /v1/organization/usage`: credits by day and model.
pub(super) async fn usage(
    State(context): State<EmulatorContext>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let body = request_body::read_json(request.into_body()).await.unwrap_or_default();
    let Some((from, before)) = date_range(&body, utc_date(context.now())) else {
        return errors::error_response(
            StatusCode::BAD_REQUEST,
            "startDate and beforeDate are dates, beforeDate at most 90 days later.",
        );
    };
    let mut days: BTreeMap<Date, BTreeMap<String, u64>> = BTreeMap::new();
    let mut models = Vec::new();
    let is_asked = |job: &&JobView| (from..before).contains(&utc_date(job.accepted_at));
    for job in context.list_jobs(&key).iter().filter(is_asked).filter(|job| job.billed_micros > 0) {
        let model = &job.create.model;
        let day = days.entry(utc_date(job.accepted_at)).or_default();
        *day.entry(model.clone()).or_default() += job.billed_micros / MICROS_PER_CREDIT;
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    let results = days.into_iter().map(|(date, used)| {
        let used =
            used.into_iter().map(|(model, amount)| json!({"model": model, "amount": amount}));
        json!({ "date": date.to_string(), "usedCredits": used.collect::<Vec<_>>() })
    });
    Json(json!({ "models": models, "results": results.collect::<Vec<_>>() })).into_response()
}

fn utc_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The first day and the day after the last one of the requested range.
fn date_range(body: &Value, today: Date) -> Option<(Date, Date)> {
    let day = |name: &str| body.get(name).filter(|it| !it.is_null());
    let read = |value: &Value| value.as_str()?.get(..10)?.parse::<Date>().ok();
    let (most, usual) = MAX_AND_DEFAULT_DAYS;
    let after =
        |date: Date, days: i64| date.checked_add(SignedDuration::from_hours(24 * days)).ok();
    let from = match day("startDate") {
        Some(value) => read(value)?,
        None => after(today, -usual)?,
    };
    let before = match day("beforeDate") {
        Some(value) => read(value)?,
        // Today is the lab's today, so that what was just used shows.
        None => after(from, usual + 1)?,
    };
    (from <= before && before <= after(from, most)?).then_some((from, before))
}
