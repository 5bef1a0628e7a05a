//! The front desk: OpenAI's `/v1/videos` and `/v1/models` over HTTP.
//!
//! A handler converts, calls intake or the videos, and presents. Errors become answers in [`problem`]
//! and nowhere else; what a body may look like is in [`body`] and [`create`], what an answer looks like in
//! [`view`]. A route and its description are one: [`document()`] makes `/openapi.json` of them.

mod bodies;
mod body;
mod caller;
mod characters;
mod content;
mod create;
mod docs;
mod document;
mod door;
mod events;
mod exchanges;
mod extract;
mod hooks;
mod keys;
mod leftover;
mod models;
mod problem;
mod range;
mod videos;
mod view;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::problem::CODES;
use self::{docs::Papers, problem::Problem};
use crate::{
    accounts::Accounts, assets::Assets, characters::Characters, hooks::Hooks, intake::Intake,
    keys::Keys, news::News, tasks::Tasks, videos::Videos, webhooks::Webhooks,
};

/// How long a body may pause on its way in.
const SILENCE: Duration = Duration::from_secs(30);

/// What every handler may use.
pub(crate) type Desk = Arc<Services>;

/// What there is behind the front desk.
pub(crate) struct Services {
    pub(crate) intake: Intake,
    pub(crate) videos: Videos,
    pub(crate) characters: Characters,
    pub(crate) keys: Keys,
    pub(crate) news: News,
    pub(crate) tasks: Tasks,
    pub(crate) webhooks: Webhooks,
    pub(crate) largest_body: usize,
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    /// Where providers reach this gateway, if they can.
    pub(crate) hooks: Option<Hooks>,
    /// Names that the gateway goes by, besides addresses and `localhost`.
    pub(crate) hosts: Arc<[String]>,
}

/// The routes of the gateway, each with its description: `routes!` takes no handler without one.
fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::with_openapi(document::Frame::openapi())
        .routes(routes!(videos::create, videos::list))
        .routes(routes!(videos::generate))
        .routes(routes!(videos::edit))
        .routes(routes!(videos::extend))
        .routes(routes!(characters::create))
        .routes(routes!(characters::retrieve))
        .routes(routes!(videos::remix))
        .routes(routes!(videos::retrieve, videos::delete))
        .routes(routes!(videos::cancel))
        .routes(routes!(content::content))
        .routes(routes!(models::list))
        .routes(routes!(models::retrieve))
        .routes(routes!(events::of_all))
        .routes(routes!(events::of_video))
        .routes(routes!(exchanges::of_video))
        .routes(routes!(hooks::receive))
        .routes(routes!(hooks::picture))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .merge(webhooks::routes())
        .routes(routes!(door::healthz))
        .routes(routes!(door::readyz))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::docs))
}

/// The description of the API: OpenAPI 3.1, as `/openapi.json` answers it.
pub fn document() -> serde_json::Value {
    document::complete(routes().get_openapi())
}

/// The gateway over HTTP.
pub(crate) fn router(services: Services) -> Router {
    let desk = Desk::new(services);
    Router::from(routes())
        .fallback(|| async { Problem::no_such_route() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(Extension(Papers::default()))
        .layer(RequestBodyTimeoutLayer::new(SILENCE))
        .layer(CatchPanicLayer::custom(door::panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), caller::let_in))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), door::refuse_strangers))
        .layer(middleware::from_fn(leftover::read_on))
        .layer(middleware::from_fn(door::name_and_log))
        .with_state(desk)
}
