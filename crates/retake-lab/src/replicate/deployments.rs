//! Deployments: a model under a name of the caller's own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    authenticate, catalog, owner,
    predictions::{self, Target},
    problem::{self, Invalid},
};
use crate::{emulator_context::EmulatorContext, intake};

/// The most deployments of a lab.
const MOST: usize = 1000;

/// What was deployed, by the key and the name.
#[derive(Debug, Default)]
pub(super) struct Deployments(Mutex<BTreeMap<(String, String), Value>>);

type All = Extension<Arc<Deployments>>;

impl Deployments {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &str, name: &str) -> Option<Value> {
        self.all().get(&(key.to_owned(), name.to_owned())).cloned()
    }
}

/// `GET /v1/deployments`.
pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Extension(deployments): All,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => {
            let all = deployments.all();
            let theirs = all.iter().filter(|((owner, _), _)| *owner == key);
            let results: Vec<&Value> = theirs.map(|it| it.1).collect();
            Json(json!({ "previous": null, "next": null, "results": results })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// `POST /v1/deployments`: `{name, model, version, hardware, min_instances, max_instances}`.
pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(deployments): All,
    request: Request,
) -> Response {
    let key = match authenticate(&desk, request.headers()) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let Ok(body) = intake::json(request.into_body()).await else {
        return problem::bad_request("The request body is not valid JSON.");
    };
    let fields = ["name", "model", "version", "hardware"];
    let missing = fields.iter().filter(|it| !body[**it].is_string()).map(|it| required(it));
    let missing: Vec<Invalid> = missing.collect();
    if !missing.is_empty() {
        return problem::invalid("Validation failed", &missing);
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    if catalog::family(text("model")).is_none()
        || catalog::version_of(text("model")) != text("version")
    {
        return problem::invalid_version();
    }
    let configuration = json!({
        "hardware": text("hardware"),
        "min_instances": body["min_instances"].as_u64().unwrap_or(0),
        "max_instances": body["max_instances"].as_u64().unwrap_or(1),
    });
    let release = json!({
        "number": 1,
        "model": text("model"),
        "version": text("version"),
        "created_at": desk.now().to_string(),
        "created_by": owner(),
        "configuration": configuration,
    });
    let name: String = text("name").chars().take(100).collect();
    let deployment = json!({ "owner": "retake-lab", "name": name, "current_release": release });
    let mut all = deployments.all();
    if all.len() >= MOST || all.contains_key(&(key.clone(), name.clone())) {
        let detail = "A deployment of this name exists, or there are too many.";
        return problem::problem(StatusCode::CONFLICT, "Conflict", detail);
    }
    all.insert((key, name), deployment.clone());
    (StatusCode::CREATED, Json(deployment)).into_response()
}

fn required(field: &str) -> Invalid {
    let description = format!("{field} is required");
    Invalid { kind: "required", field: String::new(), description }
}

/// `GET /v1/deployments/{owner}/{name}`.
pub(super) async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): All,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => match deployments.get(&key, &name) {
            Some(deployment) => Json(deployment).into_response(),
            None => problem::missing(),
        },
        Err(early) => early.into_response(),
    }
}

/// `PATCH /v1/deployments/{owner}/{name}`: another configuration is another release.
pub(super) async fn update(
    State(desk): State<EmulatorContext>,
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): All,
    request: Request,
) -> Response {
    let key = match authenticate(&desk, request.headers()) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let Ok(body) = intake::json(request.into_body()).await else {
        return problem::bad_request("The request body is not valid JSON.");
    };
    let mut all = deployments.all();
    let Some(deployment) = all.get_mut(&(key, name)) else { return problem::missing() };
    let release = &mut deployment["current_release"];
    release["number"] = json!(release["number"].as_u64().unwrap_or(0).saturating_add(1));
    let is_right = |name: &str| {
        if name == "hardware" { body[name].is_string() } else { body[name].is_u64() }
    };
    for name in ["hardware", "min_instances", "max_instances"] {
        if is_right(name) {
            release["configuration"][name] = body[name].clone();
        }
    }
    Json(deployment.clone()).into_response()
}

/// `DELETE /v1/deployments/{owner}/{name}`.
pub(super) async fn delete(
    State(desk): State<EmulatorContext>,
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): All,
    headers: HeaderMap,
) -> Response {
    match authenticate(&desk, &headers) {
        Ok(key) => match deployments.all().remove(&(key, name)) {
            Some(_) => StatusCode::NO_CONTENT.into_response(),
            None => problem::missing(),
        },
        Err(early) => early.into_response(),
    }
}

/// `POST /v1/deployments/{owner}/{name}/predictions`.
pub(super) async fn predict(
    State(desk): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    Extension(deployments): All,
    request: Request,
) -> Response {
    let key = match authenticate(&desk, request.headers()) {
        Ok(key) => key,
        Err(early) => return early.into_response(),
    };
    let Some(deployment) = deployments.get(&key, &name) else { return problem::missing() };
    let text = |name: &str| deployment["current_release"][name].as_str().map(str::to_owned);
    let target = Target {
        model: text("model").unwrap_or_default(),
        version: text("version"),
        deployment: Some(format!("{owner}/{name}")),
    };
    predictions::create_with(&desk, request, Some(target)).await.into_response()
}
