//! The providers' status pages, each in its own format.
//!
//! Formats as other people's clients read them (collected on 2026-11-21): Statuspage v2 for OpenAI's
//! shim, Runway and Replicate; incident.io's own feed for OpenAI; Better Stack for Luma; Google's
//! incident list; Instatus for fal. Incidents come from the scenario. Times are the lab's.

mod pages;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Provider,
    clock::later,
    emulator_context::Shared,
    routes::At as _,
    scenario::{Impact, Incident},
};

type Lab = State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .at("/openai/api/v2/summary.json", get(openai))
        .at("/openai/api/v2/status.json", get(openai))
        .at("/openai/api/v2/incidents.json", get(openai))
        .at("/openai/proxy/status.openai.com", get(openai_native))
        .at("/runway/api/v2/summary.json", get(runway))
        .at("/replicate/api/v2/summary.json", get(replicate))
        .at("/luma/index.json", get(luma))
        .at("/google/incidents.json", get(google))
        .at("/fal/summary.json", get(fal))
        .with_state(shared)
}

async fn openai(State(lab): Lab) -> Json<Value> {
    Json(pages::statuspage(&told(&lab, Provider::Openai), "OpenAI", true, lab.stage.clock.now()))
}

async fn openai_native(State(lab): Lab) -> Json<Value> {
    Json(pages::incident_io(&told(&lab, Provider::Openai), "OpenAI"))
}

async fn runway(State(lab): Lab) -> Json<Value> {
    Json(pages::statuspage(&told(&lab, Provider::Runway), "Runway", false, lab.stage.clock.now()))
}

async fn replicate(State(lab): Lab) -> Json<Value> {
    let told = told(&lab, Provider::Replicate);
    Json(pages::statuspage(&told, "Replicate", false, lab.stage.clock.now()))
}

async fn luma(State(lab): Lab) -> Json<Value> {
    Json(pages::better_stack(&told(&lab, Provider::Luma)))
}

async fn google(State(lab): Lab) -> Json<Value> {
    Json(pages::google(&told(&lab, Provider::Google)))
}

async fn fal(State(lab): Lab) -> Json<Value> {
    Json(pages::instatus(&told(&lab, Provider::Fal)))
}

/// An incident that has begun, with its moments in the lab's time.
struct Told {
    id: String,
    what: Incident,
    began: Timestamp,
    resolved: Option<Timestamp>,
}

impl Told {
    fn is_open(&self) -> bool {
        self.resolved.is_none()
    }

    fn impact(&self) -> &'static str {
        match self.what.impact {
            Impact::Minor => "minor",
            Impact::Major => "major",
            Impact::Critical => "critical",
        }
    }
}

/// What there is to tell of a provider at present, the newest first.
fn told(lab: &Shared, provider: Provider) -> Vec<Told> {
    let (now, running) = (lab.stage.clock.now(), lab.stage.clock.running());
    let began = later(now, -running);
    let scenario = lab.stage.scenario();
    let begun = scenario.incidents.iter().enumerate();
    let begun = begun.filter(|(_, it)| it.provider == provider && it.from <= running);
    let mut told: Vec<Told> = begun
        .map(|(at, it)| Told {
            id: format!("lab{}{at:04}", provider.name()),
            what: it.clone(),
            began: later(began, it.from),
            resolved: it.until.filter(|until| *until <= running).map(|it| later(began, it)),
        })
        .collect();
    told.sort_by_key(|it| std::cmp::Reverse(it.began));
    told
}
