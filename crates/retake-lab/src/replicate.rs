//! The emulator of Replicate: predictions, models with their schemas, files, deployments, webhooks.
//!
//! Written from Replicate's documentation and from what its SDKs send and read (replicate 1.0.7 for
//! Python and 1.4.0 for Node, looked at on 2026-11-21).
//!
//! A prediction keeps its input and output for an hour after the run. Its errors are free text;
//! newer ones contain a code in parentheses. A create can wait for the end (`Prefer: wait`), and a
//! deadline (`Cancel-After`) aborts a prediction that has not started.

mod catalog;
mod deployments;
mod errors;
mod failures;
mod files;
mod input;
mod models;
mod predictions;
#[cfg(test)]
mod tests;
mod view;
mod webhook;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    response::Response,
    routing::{get, post},
};
use http::request::Parts;
use serde_json::{Value, json};

use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::EmulatorContext,
    router_ext::RouterExt as _,
    simulator::Refusal,
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
        .fallback(errors::fallback)
        .layer(Extension(Arc::new(UploadStore::default())))
        .layer(Extension(Arc::new(deployments::Deployments::default())))
}

/// A caller of the API.
type Caller = auth::Caller<ReplicateAuth>;

/// How callers of Replicate authenticate.
struct ReplicateAuth;

impl AuthScheme for ReplicateAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Authorization("Bearer"), KeySource::Authorization("Token")]
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        errors::refusal_response(refusal)
    }
}

/// `GET /v1/account`: the account of the key; the balance is not shown.
async fn account(_: Caller) -> Json<Value> {
    Json(owner())
}

/// The account that owns every key.
fn owner() -> Value {
    json!({ "type": "user", "username": "retake-lab", "name": "Retake lab", "github_url": null })
}

/// `GET /v1/hardware`: what deployments can run on.
async fn hardware(_: Caller) -> Json<Value> {
    Json(json!([
        { "name": "CPU", "sku": "cpu" },
        { "name": "Nvidia L40S GPU", "sku": "gpu-l40s" },
        { "name": "Nvidia H100 GPU", "sku": "gpu-h100" },
    ]))
}
