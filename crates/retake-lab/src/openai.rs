//! The emulator of OpenAI: the Videos API as it was until its removal on 2026-09-24, with what a
//! reviewer of prompts needs besides (chat completions and moderations).
//!
//! Written from OpenAI's specification 2.3.0, its guides, and the bytes its SDKs send (read on
//! 2026-11-21). Relays that speak this dialect with differences of their own answer under a prefix
//! of the same port; see [`relays`].

mod ask;
mod characters;
mod chat;
mod dialect;
mod hooks;
mod relays;
mod sequels;
#[cfg(test)]
mod tests;
mod videos;
mod wire;

use axum::{
    Extension, Router,
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::StatusCode;

use crate::{emulator_context::EmulatorContext, routes::At as _};
use dialect::Dialect;

pub(crate) fn router() -> Router<EmulatorContext> {
    Router::new()
        .merge(plain())
        .merge(relays::router())
        .fallback(not_found)
        .layer(map_response(wire::stamp))
}

/// The API itself.
fn plain() -> Router<EmulatorContext> {
    Router::new()
        .at("/v1/videos", post(videos::create).get(videos::list))
        .at("/v1/videos/edits", post(sequels::edit))
        .at("/v1/videos/extensions", post(sequels::extend))
        .at("/v1/videos/characters", post(characters::create))
        .at("/v1/videos/characters/{id}", get(characters::retrieve))
        .at("/v1/videos/{id}", get(videos::retrieve).delete(videos::delete))
        .at("/v1/videos/{id}/content", get(videos::content))
        .at("/v1/videos/{id}/remix", post(sequels::remix))
        .merge(words("/v1"))
        .layer(Extension(Dialect::OpenAi))
}

/// What a reviewer of prompts needs, below a prefix.
fn words(prefix: &str) -> Router<EmulatorContext> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .at(&at("/models"), get(chat::models))
        .at(&at("/models/{id}"), get(chat::model))
        .at(&at("/chat/completions"), post(chat::complete))
        .at(&at("/moderations"), post(chat::moderate))
}

async fn not_found(uri: http::Uri) -> Response {
    let message = format!("Invalid URL ({})", uri.path());
    let kind = "invalid_request_error";
    wire::error(StatusCode::NOT_FOUND, &message, kind, None, None).into_response()
}
