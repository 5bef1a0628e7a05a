//! The front desk: OpenAI's `/v1/videos` and `/v1/models` over HTTP.
//!
//! A handler converts, calls intake or the videos, and presents. Errors become answers in [`problem`]
//! and nowhere else; what a body may look like is in [`body`] and [`create`], what an answer looks like in
//! [`view`]. A route and its description are one: [`document()`] makes `/openapi.json` of them.

mod bodies;
mod body;
mod callbacks;
mod caller;
mod characters;
mod content;
mod create;
mod docs;
mod document;
mod drain_body;
mod events;
mod exchanges;
mod extract;
mod keys;
mod middleware;
mod models;
mod problem;
mod range;
mod spool;
mod videos;
mod view;
mod webhooks;

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
};
use tokio::fs::File;
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};
use tower_layer::Layer as _;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::problem::CODES;
use self::{docs::Papers, drain_body::Leftovers, problem::Problem};
use crate::{
    accounts::Accounts,
    assets::Assets,
    callbacks::Callbacks,
    characters::Characters,
    config::Config,
    data_dir::create_private,
    disk::Disk,
    event_feed::EventFeed,
    intake::Intake,
    keys::Keys,
    listener::HttpService,
    shares::{Memory, Shares},
    tasks::Tasks,
    videos::Videos,
    vitals::Vitals,
    webhooks::Webhooks,
};

/// How long a body may pause on its way in.
const SILENCE: Duration = Duration::from_secs(30);
/// The most connections that are kept free of requests.
const MOST_SPARE: usize = 64;
/// Bytes of a body that are on their way to the disk at once.
const PIECE: usize = 64 << 10;

/// What every handler may use.
pub(crate) type AppState = Arc<Services>;

/// What there is behind the front desk.
pub(crate) struct Services {
    pub(crate) intake: Intake,
    pub(crate) videos: Videos,
    pub(crate) characters: Characters,
    pub(crate) keys: Keys,
    pub(crate) news: EventFeed,
    pub(crate) tasks: Tasks,
    pub(crate) webhooks: Webhooks,
    pub(crate) largest_body: usize,
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    /// Where providers reach this gateway, if they can.
    pub(crate) hooks: Option<Callbacks>,
    /// Names that the gateway goes by, besides addresses and `localhost`.
    pub(crate) hosts: Arc<[String]>,
    pub(crate) capacity: Capacity,
    pub(crate) vitals: Vitals,
}

impl Deref for Services {
    type Target = Capacity;

    fn deref(&self) -> &Capacity {
        &self.capacity
    }
}

/// How much can go on at once. Callers share it.
pub(crate) struct Capacity {
    /// Requests that are being answered.
    pub(crate) requests: Shares,
    /// The same, for the operator, when there is nothing left of those.
    pub(crate) operators: Shares,
    /// Event streams.
    pub(crate) streams: Shares,
    /// Large bodies that are on their way in.
    pub(crate) uploads: Shares,
    /// Memory for those that are there.
    pub(crate) memory: Memory,
    /// Bodies that are read on although they are of no use.
    pub(crate) leftovers: Leftovers,
    /// Where bodies lie while they arrive.
    pub(crate) spool: PathBuf,
    /// The disk that they are on.
    pub(crate) disk: Disk,
}

impl Capacity {
    pub(crate) fn of(config: &Config, data_dir: &Path) -> Self {
        let server = &config.server;
        // Connections that are never taken by requests, so that there is one for who asks how we are.
        let spare = (server.max_connections / 8).clamp(1, MOST_SPARE);
        let most = server.max_connections.saturating_sub(spare).max(1);
        let half = (server.max_connections / 2).max(1);
        Self {
            requests: Shares::new("requests (`server.max_connections`)", most),
            // One caller gets half of them.
            operators: Shares::new("requests of the operator", spare.max(2)),
            streams: Shares::new(
                "event streams (`server.max_event_streams`)",
                server.max_event_streams.min(half),
            ),
            uploads: Shares::new("uploads (`server.max_uploads`)", server.max_uploads.min(half)),
            memory: Memory::new(server.upload_memory.as_u64()),
            leftovers: Leftovers::new(spare),
            spool: data_dir.join("spool"),
            disk: Disk::of(data_dir.to_owned(), config.assets.min_free_space.as_u64()),
        }
    }

    /// A file for a body on its way in. It has no name, and is gone with the process at the latest.
    async fn spool_file(&self) -> Result<File, Problem> {
        let folder = self.spool.clone();
        let made = tokio::task::spawn_blocking(move || {
            create_private(&folder)?;
            tempfile::tempfile_in(folder)
        });
        let made = made.await.map_err(|error| Problem::internal(error.to_string()))?;
        let mut file = File::from_std(made.map_err(|error| Problem::no_spool(&error))?);
        file.set_max_buf_size(PIECE);
        Ok(file)
    }
}

/// The routes of the gateway, each with its description: `routes!` takes no handler without one.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(document::Frame::openapi())
        .routes(routes!(videos::create, videos::list))
        .routes(routes!(videos::generate))
        .routes(routes!(videos::edit))
        .routes(routes!(videos::extend))
        .routes(routes!(characters::create, characters::list))
        .routes(routes!(characters::retrieve, characters::delete))
        .routes(routes!(videos::remix))
        .routes(routes!(videos::retrieve, videos::delete))
        .routes(routes!(videos::cancel))
        .routes(routes!(content::content))
        .routes(routes!(models::list))
        .routes(routes!(models::retrieve))
        .routes(routes!(events::of_all))
        .routes(routes!(events::of_video))
        .routes(routes!(exchanges::of_video))
        .routes(routes!(callbacks::receive))
        .routes(routes!(callbacks::picture))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .merge(webhooks::routes())
        .routes(routes!(middleware::healthz))
        .routes(routes!(middleware::readyz))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::docs))
}

/// The description of the API: OpenAPI 3.1, as `/openapi.json` answers it.
pub fn document() -> serde_json::Value {
    document::complete(routes().get_openapi())
}

/// The gateway over HTTP.
///
/// What concerns every request lies around the router: each layer within it is put in a box for each route, and all
/// boxes of a route are made anew for each request.
pub(crate) fn service(services: Services) -> impl HttpService + use<> {
    let state = AppState::new(services);
    let router = Router::from(routes())
        .fallback(|| async { Problem::no_such_route() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(Extension(Papers::default()))
        .layer(RequestBodyTimeoutLayer::new(SILENCE))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .with_state(Arc::clone(&state));
    let let_in = from_fn_with_state(Arc::clone(&state), caller::let_in);
    let refuse_strangers = from_fn_with_state(Arc::clone(&state), middleware::refuse_strangers);
    let read_on = from_fn_with_state(state, drain_body::read_on);
    let name_and_log = from_fn(middleware::name_and_log);
    name_and_log.layer(read_on.layer(refuse_strangers.layer(let_in.layer(router))))
}
