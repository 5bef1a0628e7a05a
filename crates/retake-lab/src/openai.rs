//! The emulator of OpenAI: the Videos API as it was until its removal on 2026-09-24, and chat
//! completions and moderations for a reviewer of prompts.
//!
//! Written from OpenAI's specification 2.3.0, its guides, and the bytes its SDKs send (read on
//! 2026-11-21). Relays that imitate this API have a prefix on the same port; see [`relays`].

mod characters;
mod chat;
mod create_request;
mod derived;
mod dialect;
mod errors;
mod relays;
#[cfg(test)]
mod tests;
mod video_object;
mod videos;
mod webhook;

use axum::{
    Extension, Router,
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode};
use uuid::Uuid;

use crate::{
    emulator_context::EmulatorContext,
    request_body::Form,
    router_ext::RouterExt as _,
    simulator::{Create, JobView},
};
use dialect::{Dialect, DialectRef};
use errors::ApiError;

pub(crate) fn router() -> Router<EmulatorContext> {
    Router::new()
        .merge(own_routes())
        .merge(relays::router())
        .fallback(not_found)
        .layer(map_response(set_openai_headers))
}

/// The routes of OpenAI's own API.
fn own_routes() -> Router<EmulatorContext> {
    Router::new()
        .at("/v1/videos", post(videos::create).get(videos::list))
        .at("/v1/videos/edits", post(derived::edit))
        .at("/v1/videos/extensions", post(derived::extend))
        .at("/v1/videos/characters", post(characters::create))
        .at("/v1/videos/characters/{id}", get(characters::retrieve))
        .at("/v1/videos/{id}", get(videos::retrieve).delete(videos::delete))
        .at("/v1/videos/{id}/content", get(videos::content))
        .at("/v1/videos/{id}/remix", post(derived::remix))
        .merge(chat::router("/v1"))
        .layer(Extension(&OpenAi as DialectRef))
}

/// OpenAI's own dialect.
struct OpenAi;

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn is_openai(&self) -> bool {
        true
    }

    fn new_id(&self, context: &EmulatorContext, _model: &str) -> String {
        format!("video_{}", context.new_hex_id(32))
    }

    fn parse_create(
        &self,
        context: &EmulatorContext,
        _key: &str,
        form: &Form,
    ) -> Result<Create, ApiError> {
        create_request::parse_create(context, form)
    }

    fn schedule_webhooks(&self, context: &EmulatorContext, job: &JobView) {
        webhook::schedule_webhooks(context, job);
    }
}

async fn not_found(uri: http::Uri) -> Response {
    let message = format!("Invalid URL ({})", uri.path());
    let kind = "invalid_request_error";
    errors::error(StatusCode::NOT_FOUND, &message, kind, None, None).into_response()
}

/// Sets the headers of every response; the SDKs show the request id as `request_id`.
async fn set_openai_headers(mut response: Response) -> Response {
    let id = format!("req_{}", Uuid::new_v4().simple());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    headers.insert("openai-processing-ms", HeaderValue::from_static("42"));
    response
}
