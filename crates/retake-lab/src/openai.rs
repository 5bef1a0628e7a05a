//! The emulator of OpenAI: the Videos API as it was until its removal on 2026-09-24, with what a
//! reviewer of prompts needs besides (chat completions and moderations).
//!
//! Written from OpenAI's specification 2.3.0, its guides, and the bytes its SDKs send (read on
//! 2026-11-21). Relays that speak this dialect with differences of their own answer under a prefix
//! of the same port; see [`relays`].

mod ask;
mod characters;
mod chat;
mod hooks;
mod relays;
mod sequels;
#[cfg(test)]
mod tests;
mod videos;
mod wire;

use axum::{
    Router,
    middleware::map_response,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;

use crate::{desk::Desk, routes::At as _};

pub(crate) fn router() -> Router<Desk> {
    Router::new()
        .merge(plain("/v1"))
        .merge(relays::router())
        .fallback(not_found)
        .layer(map_response(wire::stamp))
}

/// The API itself, below a prefix.
fn plain(prefix: &str) -> Router<Desk> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .at(&at("/videos"), post(videos::create).get(videos::list))
        .at(&at("/videos/edits"), post(sequels::edit))
        .at(&at("/videos/extensions"), post(sequels::extend))
        .at(&at("/videos/characters"), post(characters::create))
        .at(&at("/videos/characters/{id}"), get(characters::retrieve))
        .at(&at("/videos/{id}"), get(videos::retrieve).delete(videos::delete))
        .at(&at("/videos/{id}/content"), get(videos::content))
        .at(&at("/videos/{id}/remix"), post(sequels::remix))
        .at(&at("/models"), get(chat::models))
        .at(&at("/models/{id}"), get(chat::model))
        .at(&at("/chat/completions"), post(chat::complete))
        .at(&at("/moderations"), post(chat::moderate))
}

async fn not_found(uri: http::Uri) -> Response {
    let message = format!("Invalid URL ({})", uri.path());
    wire::error(StatusCode::NOT_FOUND, &message, "invalid_request_error", None, None)
}
