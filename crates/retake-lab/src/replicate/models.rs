//! Models and their versions, each with the schema of its input.

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Caller,
    catalog::{self, Family, LISTED},
    errors,
};

/// `GET /v1/models`: the listed models, on one page.
pub(super) async fn list(_: Caller) -> Response {
    let known = LISTED.iter().filter_map(|name| Some(model_json(name, catalog::family(name)?)));
    let models: Vec<Value> = known.collect();
    Json(json!({ "previous": null, "next": null, "results": models })).into_response()
}

/// `GET /v1/models/{owner}/{name}`.
pub(super) async fn retrieve(Path((owner, name)): Path<(String, String)>, _: Caller) -> Response {
    match find_model(&owner, &name) {
        Some((name, family)) => Json(model_json(&name, family)).into_response(),
        None => errors::not_found_response(),
    }
}

/// `GET /v1/models/{owner}/{name}/versions`: there is one.
pub(super) async fn versions(Path((owner, name)): Path<(String, String)>, _: Caller) -> Response {
    match find_model(&owner, &name) {
        Some((name, family)) => {
            let results = [version_json(&name, family)];
            Json(json!({ "previous": null, "next": null, "results": results })).into_response()
        }
        None => errors::not_found_response(),
    }
}

/// `GET /v1/models/{owner}/{name}/versions/{id}`.
pub(super) async fn version(
    Path((owner, name, id)): Path<(String, String, String)>,
    _: Caller,
) -> Response {
    match find_model(&owner, &name) {
        Some((name, family)) if catalog::version_id(&name) == id => {
            Json(version_json(&name, family)).into_response()
        }
        _ => errors::not_found_response(),
    }
}

fn find_model(owner: &str, name: &str) -> Option<(String, &'static Family)> {
    let name = format!("{owner}/{name}");
    let family = catalog::family(&name)?;
    Some((name, family))
}

fn model_json(model: &str, family: &Family) -> Value {
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
        "latest_version": version_json(model, family),
    })
}

fn version_json(model: &str, family: &Family) -> Value {
    json!({
        "id": catalog::version_id(model),
        "created_at": Timestamp::UNIX_EPOCH.to_string(),
        "cog_version": "0.16.0",
        "openapi_schema": family.schema(),
    })
}
