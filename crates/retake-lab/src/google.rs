//! The emulator of Google: three APIs on one port, as they were on 2026-11-21.
//!
//! - **Vertex**: Veo through `predictLongRunning` and `fetchPredictOperation`, with OAuth tokens that
//!   `/token` gives out for an hour, and results in a bucket that the Cloud Storage paths read.
//! - **Gemini operations**: the same Veo behind an API key, polled with GET, its files downloaded
//!   through a redirect. Google retired it on 2026-10-22; clients and resellers still speak it.
//! - **Interactions**: Gemini Omni, in the foreground or in the background, with webhooks.
//!
//! A job's id is the name that the caller gets (an operation's name, an interaction's id). Files
//! and registered webhooks are kept in `port_state`.

mod auth;
mod catalog;
mod error_text;
mod files;
mod gemini;
mod interactions;
mod oauth;
mod omni;
mod operation;
mod port_state;
mod registered_webhooks;
mod safety;
mod signatures;
mod status;
mod storage;
#[cfg(test)]
mod tests;
mod veo;
mod vertex;
mod webhook;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    http::Uri,
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use crate::{emulator_context::EmulatorContext, router_ext::RouterExt as _};
use port_state::PortState;
use status::{Code, Status};

/// The API versions that serve the same paths.
const GEMINI_VERSIONS: [&str; 3] = ["v1", "v1alpha", "v1beta"];
const VERTEX_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// The state of the port, as handlers extract it.
type PortStateExtension = Extension<Arc<PortState>>;

pub(crate) fn router() -> Router<EmulatorContext> {
    let mut router = Router::new()
        .at("/token", post(oauth::token))
        .at("/.well-known/jwks.json", get(jwks))
        .at("/storage/v1/b/{bucket}/o", get(storage::list))
        .at("/storage/v1/b/{bucket}/o/{*object}", get(storage::object))
        .at("/download/storage/v1/b/{bucket}/o/{*object}", get(storage::download));
    for version in VERTEX_VERSIONS {
        let path = format!("/{version}/projects/{{project}}/locations/{{location}}/{{*rest}}");
        let calls = get(vertex::read).post(vertex::call).delete(vertex::remove);
        router = router.at(&path, calls);
    }
    for version in GEMINI_VERSIONS {
        let path = |rest: &str| format!("/{version}/{rest}");
        router = router
            .at(&path("models"), get(gemini::models))
            .at(&path("models/{*call}"), get(gemini::read).post(gemini::create))
            .at(&path("files/{*file}"), get(files::read))
            .at(&format!("/download/{version}/files/{{*file}}"), get(files::fetch))
            .at(&path("interactions"), post(interactions::create))
            .at(&path("interactions/{id}"), get(interactions::read).delete(interactions::remove))
            .at(&path("interactions/{id}/cancel"), post(interactions::cancel))
            .at(&path("webhooks"), get(registered_webhooks::list).post(registered_webhooks::create))
            .at(
                &path("webhooks/{id}"),
                get(registered_webhooks::read)
                    .patch(registered_webhooks::update)
                    .delete(registered_webhooks::remove)
                    .post(registered_webhooks::call_method),
            );
    }
    router.fallback(not_found).layer(Extension(Arc::new(PortState::default())))
}

/// `GET /.well-known/jwks.json`: the keys that dynamic webhooks are signed with.
async fn jwks(Extension(port_state): PortStateExtension) -> Json<Value> {
    Json(port_state.jwt_signer.jwks())
}

async fn not_found(uri: Uri) -> Response {
    let message = format!("The requested URL {} was not found on this server.", uri.path());
    Status::new(Code::NotFound, message).response()
}
