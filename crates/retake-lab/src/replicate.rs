//! The emulator of Replicate: predictions, models with their schemas, files, deployments, webhooks.
//!
//! Written from Replicate's documentation and from what its SDKs send and read (replicate 1.0.7 for
//! Python and 1.4.0 for Node, looked at on 2026-11-21).
//!
//! A prediction keeps its input and output for an hour after the run and then forgets both. Its
//! errors are free text: newer ones carry a code in parentheses. Creating can wait for the end
//! (`Prefer: wait`), and a deadline (`Cancel-After`) aborts a prediction that has not started.

mod catalog;
mod deployments;
mod failures;
mod files;
mod input;
mod models;
mod predictions;
mod problem;
#[cfg(test)]
mod tests;
mod view;
mod webhook;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::HeaderMap;
use serde_json::json;

use crate::{
    early_response::Early, emulator_context::EmulatorContext, intake, routes::At as _,
    upload_store::UploadStore,
};

pub(crate) fn router() -> Router<EmulatorContext> {
    Router::new()
        .at("/v1/predictions", post(predictions::create).get(predictions::list))
        .at("/v1/predictions/{id}", get(predictions::retrieve))
        .at("/v1/predictions/{id}/cancel", post(predictions::cancel))
        .at("/v1/models", get(models::list))
        .at("/v1/models/{owner}/{name}", get(models::retrieve))
        .at("/v1/models/{owner}/{name}/versions", get(models::versions))
        .at("/v1/models/{owner}/{name}/versions/{version}", get(models::version))
        .at("/v1/models/{owner}/{name}/predictions", post(predictions::create_with_model))
        .at("/v1/deployments", get(deployments::list).post(deployments::create))
        .at(
            "/v1/deployments/{owner}/{name}",
            get(deployments::retrieve).patch(deployments::update).delete(deployments::delete),
        )
        .at("/v1/deployments/{owner}/{name}/predictions", post(deployments::predict))
        .at("/v1/files", get(files::list).post(files::create))
        .at("/v1/files/{id}", get(files::retrieve).delete(files::delete))
        .at("/v1/account", get(account))
        .at("/v1/hardware", get(hardware))
        .at("/v1/webhooks/default/secret", get(webhook::secret))
        .fallback(problem::not_found)
        .layer(Extension(Arc::new(UploadStore::default())))
        .layer(Extension(Arc::new(deployments::Deployments::default())))
}

/// The key of a caller, or the answer that it gets without one.
fn authenticate(desk: &EmulatorContext, headers: &HeaderMap) -> Result<String, Early> {
    let key = ["Bearer", "Token"].iter().find_map(|it| intake::authorization(headers, it));
    desk.authenticate(key).map_err(|refusal| problem::refuse(&refusal).into())
}

/// `GET /v1/account`: whose key it is; the balance is not told.
async fn account(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    match authenticate(&desk, &headers) {
        Ok(_) => Json(owner()).into_response(),
        Err(early) => early.into_response(),
    }
}

/// The account that every key belongs to.
fn owner() -> serde_json::Value {
    json!({ "type": "user", "username": "retake-lab", "name": "Retake lab", "github_url": null })
}

/// `GET /v1/hardware`: what deployments can run on.
async fn hardware(State(desk): State<EmulatorContext>, headers: HeaderMap) -> Response {
    match authenticate(&desk, &headers) {
        Ok(_) => Json(json!([
            { "name": "CPU", "sku": "cpu" },
            { "name": "Nvidia L40S GPU", "sku": "gpu-l40s" },
            { "name": "Nvidia H100 GPU", "sku": "gpu-h100" },
        ]))
        .into_response(),
        Err(early) => early.into_response(),
    }
}
