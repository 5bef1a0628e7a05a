//! A `retake serve` process of a test's own, which can be killed the hard way.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// The longest that any test waits for a state.
const PATIENCE: Duration = Duration::from_mins(4);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A running server; it is killed when the test is over.
pub(crate) struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts a server on a free port over `home/data`.
    pub(crate) fn start(home: &Path) -> Self {
        Self::start_with(home, &[])
    }

    /// The same, with these variables.
    pub(crate) fn start_with(home: &Path, variables: &[(&str, &str)]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_retake"));
        Self::run(home, program.env_clear().envs(variables.iter().copied()))
    }

    /// The same, after a shell has done this: `ulimit` for example.
    pub(crate) fn start_where(home: &Path, first: &str) -> Self {
        let script = format!("{first} && exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_retake");
        Self::run(home, Command::new("/bin/sh").env_clear().args(["-c", &script, program]))
    }

    fn run(home: &Path, program: &mut Command) -> Self {
        let data = data_dir(home);
        let announcement = data.join("server.json");
        std::fs::remove_file(&announcement).ok();
        let mut process = program
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env("HOME", home)
            .current_dir(home)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = until("the server announces itself", || {
            assert_eq!(process.try_wait().unwrap(), None, "the server ended");
            let text = std::fs::read_to_string(&announcement).ok()?;
            let told: Value = serde_json::from_str(&text).ok()?;
            Some(told["url"].as_str()?.to_owned())
        });
        Self { process, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends it a signal that it cannot catch, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// As a power cut would: no signal handler, no destructor.
    pub(crate) fn kill_9(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url);
        on_runtime(async move { reqwest::get(url).await.unwrap().json().await.unwrap() })
    }

    /// The answer to a call, whatever it says.
    pub(crate) fn answer(&self, path: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.url);
        on_runtime(async move { reqwest::get(url).await.unwrap() })
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let url = format!("{}{path}", self.url);
        on_runtime(async move { reqwest::get(url).await.unwrap().bytes().await.unwrap().to_vec() })
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (url, body) = (format!("{}{path}", self.url), body.clone());
        on_runtime(async move {
            let client = reqwest::Client::new();
            client.post(url).json(&body).send().await.unwrap().json().await.unwrap()
        })
    }

    pub(crate) fn create(&self, body: &Value) -> String {
        let video = self.post("/v1/videos", body);
        assert!(video["id"].is_string(), "{video}");
        video["id"].as_str().unwrap().to_owned()
    }

    /// Waits until what `path` answers is as `wanted`, and returns that answer.
    pub(crate) fn until(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if wanted(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}; the last answer: {answer:#}");
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub(crate) fn data_dir(home: &Path) -> PathBuf {
    home.join("data")
}

pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}

pub(crate) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    rustls::crypto::ring::default_provider().install_default().ok();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
