//! Models and their versions, each with the schema of its input.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    authenticate,
    catalog::{self, Family, LISTED},
    problem,
};
use crate::{early_response::Early, emulator_context::EmulatorContext};

/// `GET /v1/models`: all that are listed, on one page.
pub(super) async fn list(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    if let Err(early) = authenticate(&desk, &headers) {
        return early.into_response();
    }
    let known = LISTED.iter().filter_map(|name| Some(model(name, catalog::family(name)?)));
    let models: Vec<Value> = known.collect();
    Json(json!({ "previous": null, "next": null, "results": models })).into_response()
}

/// `GET /v1/models/{owner}/{name}`.
pub(super) async fn retrieve(
    State(desk): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match known(&desk, &headers, &owner, &name) {
        Ok((name, family)) => Json(model(&name, family)).into_response(),
        Err(early) => early.into_response(),
    }
}

/// `GET /v1/models/{owner}/{name}/versions`: there is one.
pub(super) async fn versions(
    State(desk): State<EmulatorContext>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match known(&desk, &headers, &owner, &name) {
        Ok((name, family)) => {
            let results = [version_of(&name, family)];
            Json(json!({ "previous": null, "next": null, "results": results })).into_response()
        }
        Err(early) => early.into_response(),
    }
}

/// `GET /v1/models/{owner}/{name}/versions/{id}`.
pub(super) async fn version(
    State(desk): State<EmulatorContext>,
    Path((owner, name, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    match known(&desk, &headers, &owner, &name) {
        Ok((name, family)) if catalog::version_of(&name) == id => {
            Json(version_of(&name, family)).into_response()
        }
        Ok(_) => problem::missing(),
        Err(early) => early.into_response(),
    }
}

fn known(
    desk: &EmulatorContext,
    headers: &HeaderMap,
    owner: &str,
    name: &str,
) -> Result<(String, &'static Family), Early> {
    authenticate(desk, headers)?;
    let name = format!("{owner}/{name}");
    let family = catalog::family(&name).ok_or_else(problem::missing)?;
    Ok((name, family))
}

fn model(model: &str, family: &Family) -> Value {
    let (owner, name) = model.split_once('/').unwrap_or((model, ""));
    json!({
        "url": format!("https://replicate.com/{model}"),
        "owner": owner,
        "name": name,
        "description": "A model of the lab",
        "visibility": "public",
        "is_official": true,
        "github_url": null,
        "paper_url": null,
        "license_url": null,
        "run_count": 0,
        "cover_image_url": null,
        "default_example": null,
        "latest_version": version_of(model, family),
    })
}

fn version_of(model: &str, family: &Family) -> Value {
    json!({
        "id": catalog::version_of(model),
        "created_at": Timestamp::UNIX_EPOCH.to_string(),
        "cog_version": "0.16.0",
        "openapi_schema": family.schema(),
    })
}
