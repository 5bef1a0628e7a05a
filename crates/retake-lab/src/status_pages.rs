//! The providers' status pages, each in the format of its host.
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
    emulator_context::SharedState,
    router_ext::RouterExt as _,
    scenario::{Impact, Incident},
};

type Lab = State<Arc<SharedState>>;

pub(crate) fn router(shared: Arc<SharedState>) -> Router {
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
    Json(pages::statuspage(
        &list_incidents(&lab, Provider::Openai),
        "OpenAI",
        true,
        lab.simulator.clock.now(),
    ))
}

async fn openai_native(State(lab): Lab) -> Json<Value> {
    Json(pages::incident_io(&list_incidents(&lab, Provider::Openai), "OpenAI"))
}

async fn runway(State(lab): Lab) -> Json<Value> {
    Json(pages::statuspage(
        &list_incidents(&lab, Provider::Runway),
        "Runway",
        false,
        lab.simulator.clock.now(),
    ))
}

async fn replicate(State(lab): Lab) -> Json<Value> {
    let incidents = list_incidents(&lab, Provider::Replicate);
    Json(pages::statuspage(&incidents, "Replicate", false, lab.simulator.clock.now()))
}

async fn luma(State(lab): Lab) -> Json<Value> {
    Json(pages::better_stack(&list_incidents(&lab, Provider::Luma)))
}

async fn google(State(lab): Lab) -> Json<Value> {
    Json(pages::google(&list_incidents(&lab, Provider::Google)))
}

async fn fal(State(lab): Lab) -> Json<Value> {
    Json(pages::instatus(&list_incidents(&lab, Provider::Fal)))
}

/// An incident that has begun, with its times in lab time.
struct IncidentView {
    id: String,
    what: Incident,
    began_at: Timestamp,
    resolved_at: Option<Timestamp>,
}

impl IncidentView {
    fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    fn impact(&self) -> &'static str {
        match self.what.impact {
            Impact::Minor => "minor",
            Impact::Major => "major",
            Impact::Critical => "critical",
        }
    }
}

/// The incidents of a provider that have begun, the newest first.
fn list_incidents(lab: &SharedState, provider: Provider) -> Vec<IncidentView> {
    let (now, running) = (lab.simulator.clock.now(), lab.simulator.clock.running());
    let began_at = later(now, -running);
    let scenario = lab.simulator.scenario();
    let started = scenario.incidents.iter().enumerate();
    let started = started.filter(|(_, it)| it.provider == provider && it.from <= running);
    let mut incidents: Vec<IncidentView> = started
        .map(|(at, it)| IncidentView {
            id: format!("lab{}{at:04}", provider.name()),
            what: it.clone(),
            began_at: later(began_at, it.from),
            resolved_at: it.until.filter(|until| *until <= running).map(|it| later(began_at, it)),
        })
        .collect();
    incidents.sort_by_key(|it| std::cmp::Reverse(it.began_at));
    incidents
}
