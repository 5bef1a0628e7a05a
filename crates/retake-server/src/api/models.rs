//! `GET /v1/models`: what may be asked for, with its limits and price.

use axum::{
    Json,
    extract::{Path, State},
};
use retake_core::{
    catalog::{Model, Seconds},
    plan::Route,
};
use serde_json::{Value, json};

use super::{Desk, Problem};

/// All models that are offered.
pub(super) async fn list(State(desk): State<Desk>) -> Json<Value> {
    let intake = &desk.intake;
    let offered = intake.models.offered(&intake.accounts, &intake.catalog);
    let data: Vec<_> =
        offered.iter().filter_map(|(name, routes)| model(&desk, name, routes)).collect();
    Json(json!({ "object": "list", "data": data }))
}

/// One model.
pub(super) async fn retrieve(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let intake = &desk.intake;
    let offered = intake.models.offered(&intake.accounts, &intake.catalog);
    let found = offered.iter().find(|(name, _)| *name == id);
    found
        .and_then(|(name, routes)| model(&desk, name, routes))
        .map(Json)
        .ok_or_else(|| Problem::no_such_model(&id))
}

fn model(desk: &Desk, name: &str, routes: &[Route]) -> Option<Value> {
    let intake = &desk.intake;
    let first = routes.iter().find_map(|route| {
        let account = intake.accounts.get(&route.account)?;
        intake.catalog.model(account.provider_name, &route.model)
    })?;
    let created = first.released.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(json!({
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": first.provider,
        "shutdown_date": first.shutdown.map(|day| day.to_string()),
        "retake": { "routes": routes, "title": first.title, "accepts": accepts(first) },
    }))
}

fn accepts(model: &Model) -> Value {
    let seconds = match &model.seconds {
        Seconds::Range { min, max } => json!({ "min": min, "max": max }),
        Seconds::OneOf { one_of } => json!({ "one_of": one_of }),
    };
    json!({
        "seconds": seconds,
        "sizes": model.sizes,
        "prompt_chars": model.prompt_chars,
        "negative_prompt": model.negative.as_str(),
        "loop": model.looping,
        "audio": model.audio,
        "seed": model.seed,
        "input_reference": model.first_frame,
        "usd_micros_per_second": model.price(1).micros(),
        "source": model.source,
        "checked": model.checked.to_string(),
    })
}
