//! A lab: its ports, its emulators, and the state that they share.

use std::{
    collections::BTreeMap, io, net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::TcpListener;

use crate::{
    Clock, Ledger, Provider, control,
    emulator_context::{EmulatorContext, SharedState, serve_video_url},
    fal,
    fixture_video::FixtureVideos,
    google, listener, luma, openai, replicate, request_body, response_fault,
    router_ext::RouterExt as _,
    runway,
    scenario::{Scenario, ScenarioError},
    simulator::Simulator,
    status_pages,
    tasks::Tasks,
    webhook_sender::WebhookSender,
};

/// How often a scenario's file is checked for changes.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// The names of the ports of the control API and the status pages.
const CONTROL: &str = "control";
const STATUS: &str = "status";

/// The source of a scenario.
#[derive(Clone, Debug)]
pub enum ScenarioSource {
    /// A built-in scenario, by name.
    Named(String),
    /// A TOML file; it is reloaded whenever it changes.
    File(PathBuf),
    /// TOML text.
    Text(String),
    /// A scenario that was built already.
    Ready(Box<Scenario>),
}

/// The configuration of a lab.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// The first of eight consecutive ports (see [`port_of`]); free ports if left out.
    pub base_port: Option<u16>,
    pub scenario: ScenarioSource,
    /// The speed of the lab's clock relative to wall-clock time, in place of the scenario's; at 0
    /// the clock stands still until it is advanced.
    pub speed: Option<f64>,
    /// The seed, in place of the scenario's.
    pub seed: Option<u64>,
}

impl Default for LabConfig {
    fn default() -> Self {
        let scenario = ScenarioSource::Named("calm".to_owned());
        Self { base_port: None, scenario, speed: None, seed: None }
    }
}

/// The reason why a lab could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("the scenario cannot be used")]
    Scenario(#[from] ScenarioError),

    #[error("the scenario cannot be read from {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error("port {port} cannot be used; pass another --base-port")]
    Port {
        port: u16,
        #[source]
        source: io::Error,
    },
}

/// The URLs of a lab, by the name of the provider, `control` or `status`.
#[derive(Clone, Debug, Default)]
pub struct Urls(BTreeMap<&'static str, String>);

impl Urls {
    /// The URL of a provider, `http://127.0.0.1:PORT`.
    pub fn provider(&self, provider: Provider) -> &str {
        self.url(provider.name())
    }

    /// The URL of the control API.
    pub fn control(&self) -> &str {
        self.url(CONTROL)
    }

    /// The URL of the status pages.
    pub fn status(&self) -> &str {
        self.url(STATUS)
    }

    fn url(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Deref for Urls {
    type Target = BTreeMap<&'static str, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The names of the ports, in their order: control, the providers, status.
fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(CONTROL).chain(Provider::ALL.map(Provider::name)).chain([STATUS])
}

/// The port of a provider, of `control` or of `status`, above the first one.
pub fn port_of(name: &str, base: u16) -> Option<u16> {
    let at = names().position(|it| it == name)?;
    base.checked_add(u16::try_from(at).ok()?)
}

/// The URLs of a lab with this first port.
pub fn urls_from(base: u16) -> Urls {
    let url = |name| Some((name, format!("http://127.0.0.1:{}", port_of(name, base)?)));
    Urls(names().filter_map(url).collect())
}

/// A running lab. Its emulators stop when it is stopped or dropped.
pub struct Lab {
    shared: Arc<SharedState>,
}

impl Lab {
    /// Starts a lab.
    ///
    /// # Errors
    ///
    /// [`LabError`] when the scenario or a port cannot be used.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        let mut scenario = load(&config.scenario).await?;
        if let Some(seed) = config.seed {
            scenario.seed = seed;
        }
        let speed = config.speed.or(scenario.speed).unwrap_or(1.0);
        let clock = Clock::new(scenario.start, speed);
        let (urls, listeners) = listen(config.base_port).await?;
        let shared = Arc::new(SharedState {
            webhook_sender: WebhookSender::new(clock.clone()),
            simulator: Simulator::new(clock, scenario),
            fixture_videos: FixtureVideos::default(),
            tasks: Tasks::default(),
            urls,
        });
        for (name, listener) in listeners {
            let router = build_router(name, &shared);
            shared.tasks.spawn(listener::serve(listener, router, shared.tasks.clone()));
        }
        if let ScenarioSource::File(path) = config.scenario {
            shared.tasks.spawn(watch(Arc::clone(&shared), path, config.seed));
        }
        Ok(Self { shared })
    }

    /// The URLs of all ports.
    pub fn urls(&self) -> &Urls {
        &self.shared.urls
    }

    /// The lab's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.simulator.clock
    }

    /// The creates that the emulators received, and their outcomes.
    pub fn ledger(&self) -> Ledger {
        Ledger::from_simulator(&self.shared.simulator, None)
    }

    /// Switches to another scenario; jobs that were admitted already keep their fault plan.
    pub fn play(&self, scenario: Scenario) {
        self.shared.play(scenario);
    }

    /// Stops the lab: closes the ports and all connections.
    pub async fn stop(self) {
        self.shared.tasks.stop();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.shared.tasks.stop();
    }
}

impl SharedState {
    /// Switches to another scenario, and to its speed if it sets one.
    pub(crate) fn play(&self, scenario: Scenario) {
        if let Some(speed) = scenario.speed {
            self.simulator.clock.set_speed(speed);
        }
        self.simulator.set_scenario(scenario);
    }
}

async fn load(source: &ScenarioSource) -> Result<Scenario, LabError> {
    Ok(match source {
        ScenarioSource::Named(name) => Scenario::from_name(name)?,
        ScenarioSource::Text(text) => Scenario::read(text)?,
        ScenarioSource::Ready(scenario) => Scenario::clone(scenario),
        ScenarioSource::File(path) => {
            let text = tokio::fs::read_to_string(path).await;
            let text = text.map_err(|source| LabError::File { path: path.clone(), source })?;
            Scenario::read(&text)?
        }
    })
}

async fn listen(base: Option<u16>) -> Result<(Urls, Vec<(&'static str, TcpListener)>), LabError> {
    let (mut urls, mut listeners) = (Urls::default(), Vec::new());
    for name in names() {
        let port = base.map_or(Some(0), |base| port_of(name, base));
        let refused = |source| LabError::Port { port: port.unwrap_or(u16::MAX), source };
        let port = port.ok_or_else(|| refused(io::ErrorKind::InvalidInput.into()))?;
        let listener = listener::bind(port).await.map_err(refused)?;
        let address: SocketAddr = listener.local_addr().map_err(refused)?;
        urls.0.insert(name, format!("http://{address}"));
        listeners.push((name, listener));
    }
    Ok((urls, listeners))
}

/// The router of one port.
fn build_router(name: &str, shared: &Arc<SharedState>) -> Router {
    let Some(provider) = Provider::from_name(name) else {
        return if name == STATUS {
            status_pages::router(Arc::clone(shared))
        } else {
            control::router(Arc::clone(shared))
        };
    };
    let context = EmulatorContext::new(provider, Arc::clone(shared));
    let clock = context.clock().clone();
    let router = match provider {
        Provider::Openai => openai::router(),
        Provider::Google => google::router(),
        Provider::Runway => runway::router(),
        Provider::Luma => luma::router(),
        Provider::Fal => fal::router(),
        Provider::Replicate => replicate::router(),
    };
    router
        .at("/__lab/media/{provider}/{id}/{file}", get(serve_video))
        .layer(DefaultBodyLimit::max(request_body::MAX_BODY_BYTES))
        .layer(from_fn_with_state(clock.clone(), response_fault::apply))
        .layer(from_fn_with_state(clock, set_date_header))
        .with_state(context)
}

/// Sets the `Date` header to the lab's time.
async fn set_date_header(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&clock.now());
    let date = date.ok().and_then(|date| HeaderValue::from_str(&date).ok());
    if let Some(date) = date {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn serve_video(
    State(context): State<EmulatorContext>,
    Path((provider, id, _file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    serve_video_url(context, (provider, id, headers)).await
}

/// Reloads a scenario's file whenever it changes. A file that cannot be used is logged and ignored.
async fn watch(shared: Arc<SharedState>, path: PathBuf, seed: Option<u64>) {
    let fingerprint = || async {
        let about = tokio::fs::metadata(&path).await.ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    let mut last_seen = fingerprint().await;
    loop {
        tokio::time::sleep(WATCH_INTERVAL).await;
        let now = fingerprint().await;
        if now.is_none() || now == last_seen {
            continue;
        }
        last_seen = now;
        match load(&ScenarioSource::File(path.clone())).await {
            Ok(mut scenario) => {
                scenario.seed = seed.unwrap_or(scenario.seed);
                shared.play(scenario);
                tracing::info!(path = %path.display(), "reloaded the scenario of the lab");
            }
            Err(error) => {
                let reason = std::error::Error::source(&error).map(ToString::to_string);
                let reason = reason.unwrap_or_else(|| error.to_string());
                tracing::warn!(error = %reason, "failed to reload the scenario of the lab; the previous one stays");
            }
        }
    }
}
