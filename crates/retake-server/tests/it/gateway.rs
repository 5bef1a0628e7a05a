//! A gateway on a free port with a data directory of its own, and a client for it.

use std::{net::SocketAddr, path::Path, time::Duration};

use reqwest::{Client, Response, StatusCode};
use retake_server::{Gateway, Work, config::Config, data_dir::DataDir};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that any test waits for a state.
const PATIENCE: Duration = Duration::from_secs(90);

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
        // A client that never speaks TLS still wants a provider for it.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let data_dir = folder.path().join("data");
        let mut config = Config { data_dir, ..Config::default() };
        config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
        change(&mut config);
        let held = DataDir::prepare(&config.data_dir).unwrap().try_hold().unwrap();
        let gateway = Gateway::start(&config, held, Work::Running).await.unwrap();
        Self { gateway, client: Client::new(), folder }
    }

    /// Stops the gateway and starts another one on the same data directory.
    pub(crate) async fn restarted(self) -> Self {
        self.gateway.shutdown().await;
        Self::start_in(self.folder, |_| {}).await
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

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.url(path)).json(&body).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.client.delete(self.url(path)).send().await.unwrap()
    }

    /// Creates a small, short video, with whatever `extra` says about it, and returns its id.
    pub(crate) async fn create(&self, extra: Value) -> String {
        let mut body =
            json!({ "prompt": "a lighthouse at dusk", "seconds": "1", "size": "640x360" });
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
