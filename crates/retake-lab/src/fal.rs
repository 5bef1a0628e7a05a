//! The emulator of fal: the queue, the synchronous host, storage, webhooks and the platform API.
//!
//! Written from fal's documentation and from what its SDKs send and read (fal-client 1.0.3 and
//! @fal-ai/client 1.10.1, looked at on 2026-11-21). fal has a host for each of these; here they
//! share a port. The queue is at the root, and every host is also found below its own name:
//! `/queue.fal.run`, `/fal.run`, `/rest.fal.ai`, `/api.fal.ai` and `/v3.fal.media`.
//!
//! fal differs from others in two ways. A request that failed is `COMPLETED` like any other, and
//! only its result reports the failure, with the model's status code. And the queue retries a
//! request when its runner goes away, unless it was asked not to: the caller sees it in the queue
//! again.

mod endpoints;
mod errors;
mod input;
mod platform;
mod queue;
mod run;
mod status;
mod storage;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::{any, delete, get, post, put},
};
use http::{HeaderName, HeaderValue, request::Parts};
use uuid::Uuid;

use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::EmulatorContext,
    router_ext::RouterExt as _,
    simulator::Refusal,
    upload_store::UploadStore,
};

/// The name of the header that identifies a request.
const REQUEST_ID: &str = "x-fal-request-id";

pub(crate) fn router() -> Router<EmulatorContext> {
    let queue = || get(queue::read).post(queue::submit).put(queue::cancel);
    Router::new()
        .at("/{*path}", queue())
        .at("/queue.fal.run/{*path}", queue())
        .at("/fal.run/{*path}", any(run::run))
        .merge(rest())
        .merge(platform())
        .nest("/rest.fal.ai", rest())
        .nest("/api.fal.ai", platform())
        .nest("/v3.fal.media", cdn())
        .layer(Extension(Arc::new(UploadStore::default())))
        .layer(from_fn(set_request_id))
}

/// `rest.fal.ai`: uploads and the keys of webhooks.
fn rest() -> Router<EmulatorContext> {
    Router::new()
        .at("/storage/upload/initiate", post(storage::initiate))
        .at("/storage/auth/token", post(storage::token))
        .at("/.well-known/jwks.json", get(webhook::jwks))
}

/// `v3.fal.media`: where uploaded files are kept.
fn cdn() -> Router<EmulatorContext> {
    Router::new()
        .at("/files/upload", post(storage::upload))
        .at("/files/lab/{id}/{name}", get(storage::download))
        .at("/upload/{id}/{name}", put(storage::put_file))
}

/// `api.fal.ai`: models, prices, usage and the requests of an account.
fn platform() -> Router<EmulatorContext> {
    Router::new()
        .at("/v1/models", get(platform::models))
        .at("/v1/models/pricing", get(platform::pricing))
        .at("/v1/models/pricing/estimate", post(platform::estimate))
        .at("/v1/models/usage", get(platform::usage))
        .at("/v1/models/requests/by-endpoint", get(platform::requests))
        .at("/v1/models/requests/{id}/payloads", delete(platform::delete_payloads))
        .at("/v1/account/billing", get(platform::billing))
}

/// Marks a response that comes from the load balancer in front of fal.
#[derive(Clone, Copy)]
struct FromIngress;

/// Sets the request id on every response of fal's own, unless the handler has set one.
async fn set_request_id(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_fals = response.extensions().get::<FromIngress>().is_none();
    let is_named = response.headers().contains_key(REQUEST_ID);
    if is_fals
        && !is_named
        && let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string())
    {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
    }
    response
}

/// A caller of the queue, the synchronous host or storage.
type Caller = auth::Caller<FalAuth>;

/// How callers of fal authenticate.
struct FalAuth;

impl AuthScheme for FalAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Authorization("Key")]
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        errors::refusal_response(refusal)
    }
}
