//! The front desk: OpenAI's `/v1/videos` and `/v1/models` over HTTP.
//!
//! A handler converts, calls intake or the videos, and presents. Errors become answers in [`problem`]
//! and nowhere else; what a body may look like is in [`body`] and [`create`], what an answer looks like in
//! [`view`].

mod body;
mod content;
mod create;
mod door;
mod models;
mod problem;
mod range;
mod videos;
mod view;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

pub use self::problem::CODES;
use self::problem::Problem;
use crate::{intake::Intake, videos::Videos};

/// What every handler may use.
#[derive(Clone)]
struct Desk {
    intake: Intake,
    videos: Videos,
    largest_body: usize,
}

/// The routes of the gateway.
pub(crate) fn router(intake: Intake, videos: Videos, largest_body: usize) -> Router {
    Router::new()
        .route("/v1/videos", post(videos::create).get(videos::list))
        .route("/v1/videos/generations", post(videos::create))
        .route("/v1/videos/{id}", get(videos::retrieve).delete(videos::delete))
        .route("/v1/videos/{id}/cancel", post(videos::cancel))
        .route("/v1/videos/{id}/content", get(content::content))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::retrieve))
        .route("/healthz", get(door::healthz))
        .fallback(|| async { Problem::no_such_route() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(CatchPanicLayer::custom(door::panicked))
        .layer(middleware::from_fn(door::name_and_log))
        .with_state(Desk { intake, videos, largest_body })
}
