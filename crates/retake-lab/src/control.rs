//! The control API of the lab, under `/__lab`: reads the ledger, changes the scenario, advances the
//! clock.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Ledger, Provider,
    emulator_context::SharedState,
    fault::FaultKind,
    router_ext::RouterExt as _,
    scenario::{Rule, Scenario, builtin},
};

/// The maximum number of rules in a scenario.
const MAX_RULES: usize = 10_000;

type Lab = State<Arc<SharedState>>;

pub(crate) fn router(shared: Arc<SharedState>) -> Router {
    Router::new()
        .at("/", get(index))
        .at("/__lab", get(index))
        .at("/__lab/", get(index))
        .at("/__lab/ledger", get(ledger).delete(clear_ledger))
        .at("/__lab/scenario", get(scenario).put(put_scenario))
        .at("/__lab/scenarios", get(scenarios))
        .at("/__lab/faults", post(add_fault).merge(delete(clear_faults)))
        .at("/__lab/clock", get(clock).post(move_clock))
        .with_state(shared)
}

async fn index(State(lab): Lab) -> Json<Value> {
    Json(json!({
        "urls": *lab.urls,
        "endpoints": [
            "GET /__lab/ledger?provider=", "DELETE /__lab/ledger",
            "GET /__lab/scenario", "PUT /__lab/scenario (TOML, or ?name=)", "GET /__lab/scenarios",
            "POST /__lab/faults (a rule, as TOML or JSON)", "DELETE /__lab/faults",
            "GET /__lab/clock", "POST /__lab/clock {\"advance\": \"1h\", \"speed\": 600}",
        ],
    }))
}

async fn ledger(State(lab): Lab, Query(query): Query<HashMap<String, String>>) -> Response {
    let provider = query.get("provider").map(|name| Provider::from_name(name));
    match provider {
        Some(None) => bad_request("no provider has this name"),
        provider => {
            Json(Ledger::from_simulator(&lab.simulator, provider.flatten())).into_response()
        }
    }
}

async fn clear_ledger(State(lab): Lab) -> StatusCode {
    lab.simulator.clear_ledger();
    StatusCode::NO_CONTENT
}

async fn scenario(State(lab): Lab) -> Response {
    match toml::to_string(&*lab.simulator.scenario()) {
        Ok(text) => text.into_response(),
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn put_scenario(
    State(lab): Lab,
    Query(query): Query<HashMap<String, String>>,
    body: String,
) -> Response {
    let scenario = match query.get("name") {
        Some(name) => Scenario::from_name(name),
        None => Scenario::read(&body),
    };
    match scenario {
        Ok(scenario) => {
            lab.play(scenario);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad_request(&error.to_string()),
    }
}

async fn scenarios() -> Json<Value> {
    let about = |name: &str| Scenario::from_name(name).map(|it| it.about).unwrap_or_default();
    let named = builtin::names().map(|name| json!({ "name": name, "about": about(name) }));
    let faults = FaultKind::ALL
        .iter()
        .map(|kind| json!({ "kind": kind.name(), "phase": kind.phase(), "about": kind.about() }));
    Json(json!({
        "scenarios": named.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
    }))
}

async fn add_fault(State(lab): Lab, body: String) -> Response {
    let rule = if body.trim_start().starts_with('{') {
        serde_json::from_str::<Rule>(&body).map_err(|error| error.to_string())
    } else {
        toml::from_str::<Rule>(&body).map_err(|error| error.to_string())
    };
    let rule = rule.and_then(|rule| rule.into_checked().map_err(|error| error.to_string()));
    match rule {
        Ok(rule) => {
            let mut scenario = Scenario::clone(&lab.simulator.scenario());
            if scenario.faults.len() >= MAX_RULES {
                return bad_request("the scenario has too many rules");
            }
            // The newest rule takes precedence.
            scenario.faults.insert(0, rule);
            lab.simulator.set_scenario(scenario);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad_request(&error),
    }
}

async fn clear_faults(State(lab): Lab) -> StatusCode {
    let scenario = Scenario { faults: Vec::new(), ..Scenario::clone(&lab.simulator.scenario()) };
    lab.simulator.set_scenario(scenario);
    StatusCode::NO_CONTENT
}

async fn clock(State(lab): Lab) -> Json<Value> {
    let clock = &lab.simulator.clock;
    Json(json!({
        "now": clock.now(),
        "running_seconds": clock.running().as_secs_f64(),
        "speed": clock.speed(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveClock {
    #[serde(default)]
    advance: SignedDuration,
    speed: Option<f64>,
}

/// The body is parsed as JSON whatever its content type: `curl -d` declares every body a form.
async fn move_clock(State(lab): Lab, body: String) -> Response {
    let body: MoveClock = match serde_json::from_str(&body) {
        Ok(body) => body,
        Err(error) => return bad_request(&error.to_string()),
    };
    if let Some(speed) = body.speed {
        lab.simulator.clock.set_speed(speed);
    }
    lab.simulator.clock.advance(body.advance);
    clock(State(lab)).await.into_response()
}

fn bad_request(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}
