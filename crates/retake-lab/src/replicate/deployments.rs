//! Deployments: models under a name that the caller chooses.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Caller, catalog,
    errors::{self, InvalidField},
    owner,
    predictions::{self, Target},
};
use crate::{emulator_context::EmulatorContext, request_body};

/// The maximum number of deployments.
const MAX_DEPLOYMENTS: usize = 1000;

/// The deployments, by key and name.
#[derive(Debug, Default)]
pub(super) struct Deployments(Mutex<BTreeMap<(String, String), Value>>);

type DeploymentsExtension = Extension<Arc<Deployments>>;

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
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
) -> Response {
    let all = deployments.all();
    let own = all.iter().filter(|((owner, _), _)| *owner == key);
    let results: Vec<&Value> = own.map(|it| it.1).collect();
    Json(json!({ "previous": null, "next": null, "results": results })).into_response()
}

/// `POST /v1/deployments`: `{name, model, version, hardware, min_instances, max_instances}`.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let Ok(body) = request_body::read_json(request.into_body()).await else {
        return errors::bad_request("The request body is not valid JSON.");
    };
    let fields = ["name", "model", "version", "hardware"];
    let missing = fields.iter().filter(|it| !body[**it].is_string()).map(|it| required_field(it));
    let missing: Vec<InvalidField> = missing.collect();
    if !missing.is_empty() {
        return errors::invalid("Validation failed", &missing);
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    if catalog::family(text("model")).is_none()
        || catalog::version_id(text("model")) != text("version")
    {
        return errors::invalid_version();
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
        "created_at": context.now().to_string(),
        "created_by": owner(),
        "configuration": configuration,
    });
    let name: String = text("name").chars().take(100).collect();
    let deployment = json!({ "owner": "retake-lab", "name": name, "current_release": release });
    let mut all = deployments.all();
    if all.len() >= MAX_DEPLOYMENTS || all.contains_key(&(key.clone(), name.clone())) {
        let detail = "A deployment of this name exists, or there are too many.";
        return errors::error_response(StatusCode::CONFLICT, "Conflict", detail);
    }
    all.insert((key, name), deployment.clone());
    (StatusCode::CREATED, Json(deployment)).into_response()
}

fn required_field(field: &str) -> InvalidField {
    let description = format!("{field} is required");
    InvalidField { kind: "required", field: String::new(), description }
}

/// `GET /v1/deployments/{owner}/{name}`.
pub(super) async fn retrieve(
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
) -> Response {
    match deployments.get(&key, &name) {
        Some(deployment) => Json(deployment).into_response(),
        None => errors::not_found_response(),
    }
}

/// `PATCH /v1/deployments/{owner}/{name}`: another configuration is another release.
pub(super) async fn update(
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let Ok(body) = request_body::read_json(request.into_body()).await else {
        return errors::bad_request("The request body is not valid JSON.");
    };
    let mut all = deployments.all();
    let Some(deployment) = all.get_mut(&(key, name)) else { return errors::not_found_response() };
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
    Path((_owner, name)): Path<(String, String)>,
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
) -> Response {
    match deployments.all().remove(&(key, name)) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => errors::not_found_response(),
    }
}

/// `POST /v1/deployments/{owner}/{name}/predictions`.
pub(super) async fn predict(
    State(context): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    Extension(deployments): DeploymentsExtension,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let Some(deployment) = deployments.get(&key, &name) else {
        return errors::not_found_response();
    };
    let text = |name: &str| deployment["current_release"][name].as_str().map(str::to_owned);
    let target = Target {
        model: text("model").unwrap_or_default(),
        version: text("version"),
        deployment: Some(format!("{owner}/{name}")),
    };
    predictions::create_with(&context, key, request, Some(target)).await.into_response()
}
