//! A gateway on a free port with a data directory of its own, and a client for it.

use std::{net::SocketAddr, path::Path, time::Duration};

use jiff::Timestamp;
use reqwest::{Client, Method, Response, StatusCode, multipart::Form};
use retake_server::{
    Gateway, Store, Work,
    clock::Clock,
    config::{ByteSize, Config, Environment},
    data_dir::DataDir,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::contract;

/// The longest that any test waits for a state.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

pub(crate) struct TestGateway {
    gateway: Gateway,
    client: Client,
    folder: TempDir,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::by(Clock::system(), change).await
    }

    /// The same by a clock that the test moves.
    pub(crate) async fn by(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        // A client that never speaks TLS still wants a provider for it.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self::start_in(tempfile::tempdir().unwrap(), change, Work::Running, clock).await
    }

    /// A gateway with settings as they stand in a file, and a key for its accounts in the variable `KEY`.
    pub(crate) async fn configured(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("retake.toml");
        std::fs::write(&file, settings).unwrap();
        let home = folder.path().display().to_string();
        let variables = [("KEY", "key_of_nobody_0123456789"), ("HOME", &home)];
        let environment = Environment::of(folder.path(), variables);
        let loaded = Config::load(Some(&file), &environment).unwrap();
        Self::with(|config| {
            let (data_dir, bind) = (config.data_dir.clone(), config.server.bind);
            *config = Config { data_dir, ..loaded.config };
            config.server.bind = bind;
            config.assets.min_free_space = ByteSize::bytes(0);
        })
        .await
    }

    /// A gateway that takes requests in and makes no videos.
    pub(crate) async fn resting() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, |_| {}, Work::Paused, Clock::system()).await
    }

    async fn start_in(
        folder: TempDir,
        change: impl FnOnce(&mut Config),
        work: Work,
        clock: Clock,
    ) -> Self {
        let data_dir = folder.path().join("data");
        let mut config = Config { data_dir, ..Config::default() };
        config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
        // What these tests say does not depend on how full the disk is.
        config.assets.min_free_space = ByteSize::bytes(0);
        change(&mut config);
        let held = DataDir::prepare(&config.data_dir).unwrap().try_hold().unwrap();
        let started = Gateway::start_by(clock, &config, held, &Store::Embedded, work).await;
        let gateway = started.unwrap();
        Self { gateway, client: Client::new(), folder }
    }

    /// Why a gateway with this configuration does not start.
    pub(crate) async fn refused(change: impl FnOnce(&mut Config)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().join("data"), ..Config::default() };
        change(&mut config);
        let held = DataDir::prepare(&config.data_dir).unwrap().try_hold().unwrap();
        Gateway::start(&config, held, &Store::Embedded, Work::Running)
            .await
            .err()
            .unwrap()
            .to_string()
    }

    /// Stops the gateway and starts another one on the same data directory.
    pub(crate) async fn restarted(self) -> Self {
        self.gateway.shutdown().await;
        Self::start_in(self.folder, |_| {}, Work::Running, Clock::system()).await
    }

    /// When the next step is due that nobody works on.
    pub(crate) async fn next_due(&self) -> Option<Timestamp> {
        self.gateway.next_due().await.unwrap()
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.url())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A call with a key, or without. Its answer has to be as the description of the API says.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Response {
        let mut request = self.client.request(method.clone(), self.url(path));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        contract::kept(&method, path, answer).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.call(Method::POST, path, None, Some(body)).await
    }

    /// Posts a form. The answer has to be as the description of the API says.
    pub(crate) async fn post_form(&self, path: &str, form: Form) -> Response {
        let answer = self.client.post(self.url(path)).multipart(form).send().await.unwrap();
        contract::kept(&Method::POST, path, answer).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.call(Method::DELETE, path, None, None).await
    }

    /// Creates a small, short video, with whatever `extra` says about it, and returns its id.
    pub(crate) async fn create(&self, extra: Value) -> String {
        let mut body = small();
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        let response = self.post("/v1/videos", body).await;
        let status = response.status();
        let video: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{video}");
        video["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn video(&self, id: &str) -> Value {
        self.get(&format!("/v1/videos/{id}")).await.json().await.unwrap()
    }

    /// Waits for the video to be in one of `states` (of `retake.state`).
    pub(crate) async fn until(&self, id: &str, states: &[&str]) -> Value {
        let mut last = Value::Null;
        // A pause between two looks, so that looking does not keep the renderer from working.
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        let wait = async {
            loop {
                last = self.video(id).await;
                if states.contains(&last["retake"]["state"].as_str().unwrap_or("")) {
                    return;
                }
                pause.tick().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(in_time, "not {states:?} in time, but {last:#}");
        last
    }

    pub(crate) async fn until_ended(&self, id: &str) -> Value {
        self.until(id, &["completed", "failed", "cancelled"]).await
    }
}

/// A video that is rendered quickly.
pub(crate) fn small() -> Value {
    json!({ "prompt": "a lighthouse at dusk", "seconds": "1", "size": "640x360" })
}

/// Files below a folder, by name.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}
