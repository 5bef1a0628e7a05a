//! The formats of the status pages.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::IncidentView;
use crate::scenario::Impact;

/// The components of a page: the default one, and the affected ones.
fn components(incidents: &[IncidentView], usual: &str) -> Vec<(String, Option<Impact>)> {
    let mut all = vec![(usual.to_owned(), None)];
    for it in incidents {
        let impact = it.is_open().then_some(it.what.impact);
        match all.iter_mut().find(|(name, _)| *name == it.what.component) {
            Some((_, worst)) => *worst = (*worst).max(impact),
            None => all.push((it.what.component.clone(), impact)),
        }
    }
    all
}

fn statuspage_status(impact: Option<Impact>) -> &'static str {
    match impact {
        None => "operational",
        Some(Impact::Minor) => "degraded_performance",
        Some(Impact::Major) => "partial_outage",
        Some(Impact::Critical) => "major_outage",
    }
}

/// Statuspage v2. `is_shim` leaves out what incident.io's imitation leaves out: the texts of updates
/// and the components of incidents.
pub(super) fn statuspage(
    incidents: &[IncidentView],
    name: &str,
    is_shim: bool,
    now: Timestamp,
) -> Value {
    let worst = incidents.iter().filter(|it| it.is_open()).map(|it| it.what.impact).max();
    let (indicator, description) = match worst {
        None => ("none", "All Systems Operational"),
        Some(Impact::Minor) => ("minor", "Minor Service Outage"),
        Some(Impact::Major) => ("major", "Partial System Outage"),
        Some(Impact::Critical) => ("critical", "Major Service Outage"),
    };
    let components: Vec<Value> = components(incidents, "Video generation")
        .into_iter()
        .enumerate()
        .map(|(at, (name, impact))| {
            json!({
                "id": format!("component{at}"), "name": name, "status": statuspage_status(impact),
                "group": false, "group_id": null,
            })
        })
        .collect();
    let open = incidents.iter().filter(|it| it.is_open());
    let shown: Vec<Value> = open.map(|it| statuspage_incident(it, is_shim)).collect();
    json!({
        "page": {
            "id": format!("lab-{}", name.to_lowercase()), "name": name,
            "url": "http://127.0.0.1/", "updated_at": now,
        },
        "status": { "indicator": indicator, "description": description },
        "components": components,
        "incidents": shown,
        "scheduled_maintenances": [],
    })
}

fn statuspage_incident(it: &IncidentView, is_shim: bool) -> Value {
    let body = if is_shim { "" } else { "We are looking into it." };
    let update = json!({ "status": "investigating", "body": body, "created_at": it.began_at });
    let mut incident = json!({
        "id": it.id,
        "name": it.what.name,
        "status": "investigating",
        "impact": it.impact(),
        "created_at": it.began_at,
        "updated_at": it.began_at,
        "shortlink": format!("http://127.0.0.1/incidents/{}", it.id),
        "incident_updates": [update],
    });
    if !is_shim {
        incident["components"] = json!([{ "name": it.what.component }]);
    }
    incident
}

/// incident.io's own feed.
pub(super) fn incident_io(incidents: &[IncidentView], name: &str) -> Value {
    let status_of_impact = |impact| match impact {
        Impact::Minor => "degraded_performance",
        Impact::Major => "partial_outage",
        Impact::Critical => "full_outage",
    };
    let components = components(incidents, "Video generation");
    let component_id = |name: &str| {
        let at = components.iter().position(|(it, _)| it == name).unwrap_or_default();
        format!("component{at}")
    };
    let listed: Vec<Value> = components
        .iter()
        .map(|(name, _)| json!({ "id": component_id(name), "name": name }))
        .collect();
    let affected: Vec<Value> = components
        .iter()
        .filter_map(|(name, impact)| {
            Some(json!({ "component_id": component_id(name), "status": status_of_impact((*impact)?) }))
        })
        .collect();
    let ongoing = incidents.iter().filter(|it| it.is_open()).map(|it| {
        let component = component_id(&it.what.component);
        json!({
            "id": it.id,
            "name": it.what.name,
            "status": "investigating",
            "published_at": it.began_at,
            "affected_components": [{ "component_id": component, "status": status_of_impact(it.what.impact) }],
            "updates": [{ "published_at": it.began_at, "message_string": "We are looking into it." }],
        })
    });
    let grouped = json!([{ "group": { "name": "APIs", "components": listed } }]);
    json!({ "summary": {
        "name": name,
        "components": listed,
        "structure": { "items": grouped },
        "affected_components": affected,
        "ongoing_incidents": ongoing.collect::<Vec<_>>(),
        "in_progress_maintenances": [],
        "scheduled_maintenances": [],
    } })
}

/// Better Stack's index.
pub(super) fn better_stack(incidents: &[IncidentView]) -> Value {
    let worst = incidents.iter().filter(|it| it.is_open()).map(|it| it.what.impact).max();
    let state = match worst {
        None => "operational",
        Some(Impact::Minor) => "degraded",
        Some(Impact::Major | Impact::Critical) => "downtime",
    };
    let reports = incidents.iter().map(|it| {
        let state = if it.what.impact == Impact::Minor { "degraded" } else { "downtime" };
        json!({
            "id": it.id,
            "type": "status_report",
            "attributes": {
                "title": it.what.name,
                "report_type": "manual",
                "starts_at": it.began_at,
                "ends_at": it.resolved_at,
                "aggregate_state": if it.is_open() { state } else { "resolved" },
            },
        })
    });
    json!({
        "data": {
            "id": "lab-luma",
            "type": "status_page",
            "attributes": { "company_name": "Luma", "aggregate_state": state },
        },
        "included": reports.collect::<Vec<_>>(),
    })
}

/// Google Cloud's list of recent incidents, the resolved ones too.
pub(super) fn google(incidents: &[IncidentView]) -> Value {
    let shown = incidents.iter().map(|it| {
        let status = match (it.is_open(), it.what.impact) {
            (false, _) => "AVAILABLE",
            (true, Impact::Minor) => "SERVICE_DISRUPTION",
            (true, Impact::Major | Impact::Critical) => "SERVICE_OUTAGE",
        };
        let mut incident = json!({
            "id": it.id,
            "service_name": it.what.component,
            "external_desc": it.what.name,
            "begin": it.began_at,
            "modified": it.resolved_at.unwrap_or(it.began_at),
            "severity": if it.what.impact == Impact::Minor { "medium" } else { "high" },
            "status_impact": match it.what.impact {
                Impact::Minor => "SERVICE_DISRUPTION",
                Impact::Major | Impact::Critical => "SERVICE_OUTAGE",
            },
            "most_recent_update": { "status": status, "when": it.resolved_at.unwrap_or(it.began_at) },
            "affected_products": [{ "title": it.what.component, "id": "lab" }],
            "uri": format!("incidents/{}", it.id),
        });
        if let Some(resolved) = it.resolved_at {
            incident["end"] = json!(resolved);
        }
        incident
    });
    Value::Array(shown.collect())
}

/// Instatus: open incidents only.
pub(super) fn instatus(incidents: &[IncidentView]) -> Value {
    let open: Vec<&IncidentView> = incidents.iter().filter(|it| it.is_open()).collect();
    let worst = open.iter().map(|it| it.what.impact).max();
    let status = match worst {
        None => "UP",
        Some(Impact::Minor) => "HASISSUES",
        Some(Impact::Major | Impact::Critical) => "MAJOROUTAGE",
    };
    let shown = open.iter().map(|it| {
        json!({
            "name": it.what.name,
            "started": it.began_at,
            "status": "INVESTIGATING",
            "impact": match it.what.impact {
                Impact::Minor => "DEGRADEDPERFORMANCE",
                Impact::Major => "PARTIALOUTAGE",
                Impact::Critical => "MAJOROUTAGE",
            },
            "url": format!("http://127.0.0.1/incident/{}", it.id),
        })
    });
    let mut page =
        json!({ "page": { "name": "fal", "url": "http://127.0.0.1/", "status": status } });
    if !open.is_empty() {
        page["activeIncidents"] = shown.collect();
    }
    page
}
