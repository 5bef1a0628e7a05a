//! A gateway whose accounts are all at a lab of its own.
//!
//! The clocks of both stand still while one of them works, and are moved together from one due moment to the next:
//! however slow the machine is, a link expires, a render ends and a limit is reached at the same moment of the
//! same story. Only where the lab has to tell the gateway of something do both run by themselves.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use reqwest::{
    Response,
    multipart::{Form, Part},
};
use retake_lab::{Entry, Lab, LabConfig, Provider, ScenarioSource};
use retake_server::{
    clock::Clock,
    config::{Config, Environment},
};
use serde_json::Value;

use crate::gateway::{PATIENCE, TestGateway};

/// A key of nobody's, as long as keys are.
const KEY: &str = "key_of_nobody_0123456789";

/// Looks in a row at which nobody works and nothing lies ahead, after which the scheduler's own pause passes.
const IDLE_LOOKS: u32 = 50;
/// That pause: a due job that it could not claim is tried again after it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

pub(crate) struct Laboratory {
    pub(crate) lab: Lab,
    pub(crate) retake: TestGateway,
    /// The gateway's, where the test moves it and the lab's.
    clock: Option<Clock>,
}

/// How a laboratory's time passes, and how its accounts are asked.
#[derive(Clone, Copy)]
enum Time {
    /// From one due moment to the next.
    Moved,
    /// By itself, the lab's much faster; accounts are hardly ever asked.
    Running,
}

/// Every account that can be had at the lab: its name, and what its settings say.
fn accounts(lab: &Lab, time: Time) -> String {
    let (poll_interval, longest) = match time {
        Time::Moved => ("5s", "20m"),
        Time::Running => ("10m", "10m"),
    };
    let url = |provider, path: &str| format!("{}{path}", lab.urls().provider(provider));
    let account = |name: &str, provider: &str, variant: &str, url: String, more: &str| {
        format!(
            "[accounts.{name}]\nprovider = \"{provider}\"\nvariant = \"{variant}\"\n\
             base_url = \"{url}\"\napi_key_env = \"LAB_KEY\"\nconcurrency = 8\n\
             poll_interval = \"{poll_interval}\"\nrender_timeout = \"{longest}\"\nresponse_timeout = \"10s\"\n{more}\n"
        )
    };
    [
        account("openai", "openai", "", url(Provider::Openai, "/v1"), ""),
        account("relay", "openai", "relay", url(Provider::Openai, "/v1"), ""),
        account("azure", "openai", "azure", url(Provider::Openai, "/azure/openai/v1"), ""),
        account(
            "azure-jobs",
            "openai",
            "azure-jobs",
            url(Provider::Openai, "/azure/openai/v1"),
            "",
        ),
        account(
            "openrouter",
            "openai",
            "openrouter",
            url(Provider::Openai, "/openrouter/api/v1"),
            "",
        ),
        account("vllm", "openai", "vllm-omni", url(Provider::Openai, "/vllm/v1"), ""),
        account("sglang", "openai", "sglang", url(Provider::Openai, "/sglang/v1"), ""),
        account("litellm", "openai", "litellm", url(Provider::Openai, "/litellm/v1"), ""),
        account("newapi", "openai", "newapi", url(Provider::Openai, "/newapi/v1"), ""),
        account(
            "vertex",
            "google",
            "",
            url(Provider::Google, ""),
            "project = \"a-project\"\nlocation = \"us-central1\"",
        ),
        account("gemini", "google", "gemini-operations", url(Provider::Google, ""), ""),
        account("omni", "google", "interactions", url(Provider::Google, ""), ""),
        account("runway", "runway", "", url(Provider::Runway, ""), ""),
        account("luma", "luma", "", url(Provider::Luma, "/dream-machine/v1"), ""),
        account("agents", "luma", "agents", url(Provider::Luma, "/agents/v1"), ""),
        account("fal", "fal", "", url(Provider::Fal, ""), ""),
        account("replicate", "replicate", "", url(Provider::Replicate, "/v1"), ""),
    ]
    .concat()
}

impl Laboratory {
    /// A lab with a scenario of its own, and a gateway with `settings` besides the accounts.
    pub(crate) async fn with(scenario: ScenarioSource, settings: &str) -> Self {
        Self::by(Time::Moved, scenario, settings).await
    }

    /// The same, with accounts that are hardly ever asked.
    pub(crate) async fn that_waits_to_be_told(scenario: ScenarioSource, settings: &str) -> Self {
        Self::by(Time::Running, scenario, settings).await
    }

    async fn by(time: Time, scenario: ScenarioSource, settings: &str) -> Self {
        let (speed, retry_after) = match time {
            Time::Moved => (0.0, "30s"),
            Time::Running => (200.0, "50ms"),
        };
        let lab = Lab::start(LabConfig { scenario, speed: Some(speed), ..LabConfig::default() });
        let lab = lab.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("retake.toml");
        let policy = format!(
            "[policy]\nretry_delay = \"{retry_after}\"\ndeadline = \"2h\"\nmax_attempts = 2\n"
        );
        std::fs::write(&file, format!("{}\n{policy}\n{settings}", accounts(&lab, time))).unwrap();
        let home = folder.path().display().to_string();
        let environment = Environment::of(folder.path(), [("LAB_KEY", KEY), ("HOME", &home)]);
        let loaded = Config::load(Some(&file), &environment).unwrap();
        let clock = match time {
            Time::Moved => Clock::manual(lab.clock().now()),
            Time::Running => Clock::system(),
        };
        let retake = TestGateway::by(clock.clone(), |config| {
            let (data_dir, bind) = (config.data_dir.clone(), config.server.bind);
            let room = config.assets.min_free_space;
            *config = loaded.config;
            config.data_dir = data_dir;
            if config.server.public_url.is_empty() {
                config.server.bind = bind;
            }
            config.assets.min_free_space = room;
        });
        let clock = matches!(time, Time::Moved).then_some(clock);
        Self { retake: retake.await, lab, clock }
    }

    /// A lab in which nothing goes wrong but what prompts ask for.
    pub(crate) async fn calm() -> Self {
        Self::with(ScenarioSource::Named("calm".into()), "").await
    }

    /// Creates a video and waits for its end.
    pub(crate) async fn make(&self, request: Value) -> Value {
        self.until_ended(self.retake.post("/v1/videos", request).await).await
    }

    /// The same with a picture to start from.
    pub(crate) async fn make_from(&self, picture: Vec<u8>, request: &Value) -> Value {
        let file = Part::bytes(picture).file_name("first.png").mime_str("image/png").unwrap();
        let fields = request.as_object().unwrap().iter();
        let form = fields.fold(Form::new().part("input_reference", file), |form, (name, value)| {
            form.text(name.clone(), value.as_str().unwrap().to_owned())
        });
        self.until_ended(self.retake.post_form("/v1/videos", form).await).await
    }

    async fn until_ended(&self, created: Response) -> Value {
        let video: Value = created.json().await.unwrap();
        assert!(video["id"].is_string(), "refused: {video:#}");
        let id = video["id"].as_str().unwrap().to_owned();
        self.until_finished(&id).await
    }

    /// Waits for the video's end, and moves both clocks from one due moment to the next.
    async fn until_finished(&self, id: &str) -> Value {
        let Some(clock) = &self.clock else { return self.retake.until_ended(id).await };
        let begun = Instant::now();
        let mut pause = tokio::time::interval(Duration::from_millis(2));
        let mut idle = 0;
        loop {
            let video = self.retake.video(id).await;
            if matches!(video["status"].as_str(), Some("completed" | "failed")) {
                return video;
            }
            assert!(begun.elapsed() < PATIENCE, "it hangs: {video:#}");
            if self.moved_on(clock).await {
                idle = 0;
                continue;
            }
            idle = if clock.is_worked_by() { 0 } else { idle + 1 };
            if idle == IDLE_LOOKS {
                self.move_both(clock, LOOK_AGAIN);
                idle = 0;
            }
            pause.tick().await;
        }
    }

    /// Moves both clocks to the next due moment, unless somebody works. While the gateway waits for answers all of
    /// which the lab holds back, that is when the first is due or given up.
    async fn moved_on(&self, clock: &Clock) -> bool {
        let now = clock.now();
        let next = if clock.is_worked_by() {
            let (held, limits) = (self.lab.clock().held_answers(), clock.limits());
            let is_held = !limits.is_empty() && limits.len() <= held.len();
            let moments = held
                .into_iter()
                .chain(limits.iter().filter_map(|left| now.checked_add(*left).ok()));
            moments.min().filter(|_| is_held)
        } else {
            self.retake.next_due().await.filter(|_| !clock.is_worked_by())
        };
        let Some(by) =
            next.map(|next| next.duration_since(now)).filter(SignedDuration::is_positive)
        else {
            return false;
        };
        self.move_both(clock, by);
        true
    }

    fn move_both(&self, clock: &Clock, by: SignedDuration) {
        self.lab.clock().advance(by);
        clock.move_on(by);
    }

    /// What the lab saw of a provider.
    pub(crate) fn seen(&self, provider: Provider) -> Vec<Entry> {
        let entries = self.lab.ledger().entries.into_iter();
        entries.filter(|entry| entry.provider == provider).collect()
    }
}
