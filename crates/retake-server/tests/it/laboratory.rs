//! A gateway whose accounts are all at a lab of its own.

use reqwest::{
    Response,
    multipart::{Form, Part},
};
use retake_lab::{Entry, Lab, LabConfig, Provider, ScenarioSource};
use retake_server::config::{Config, Environment};
use serde_json::Value;

use crate::gateway::TestGateway;

/// A key of nobody's, as long as keys are.
const KEY: &str = "key_of_nobody_0123456789";

pub(crate) struct Laboratory {
    pub(crate) lab: Lab,
    pub(crate) retake: TestGateway,
}

/// Every account that can be had at the lab: its name, and what its settings say.
fn accounts(lab: &Lab, poll_every: &str) -> String {
    // Whoever waits to be told must not lose patience.
    let longest = if poll_every == "20ms" { "3s" } else { poll_every };
    let url = |provider, path: &str| format!("{}{path}", lab.urls().of(provider));
    let account = |name: &str, provider: &str, variant: &str, url: String, more: &str| {
        format!(
            "[accounts.{name}]\nprovider = \"{provider}\"\nvariant = \"{variant}\"\n\
             base_url = \"{url}\"\napi_key_env = \"LAB_KEY\"\nconcurrency = 8\n\
             poll_every = \"{poll_every}\"\nlongest_render = \"{longest}\"\nanswer_within = \"1s\"\n{more}\n"
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
        Self::asking(scenario, settings, "20ms").await
    }

    /// The same, with accounts that are hardly ever asked.
    pub(crate) async fn that_waits_to_be_told(scenario: ScenarioSource, settings: &str) -> Self {
        Self::asking(scenario, settings, "10m").await
    }

    async fn asking(scenario: ScenarioSource, settings: &str, poll_every: &str) -> Self {
        let lab = Lab::start(LabConfig { scenario, speed: Some(200.0), ..LabConfig::default() });
        let lab = lab.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("retake.toml");
        let policy = "[policy]\nretry_after = \"50ms\"\ndeadline = \"60s\"\nmax_attempts = 2\n";
        std::fs::write(&file, format!("{}\n{policy}\n{settings}", accounts(&lab, poll_every)))
            .unwrap();
        let home = folder.path().display().to_string();
        let environment = Environment::of(folder.path(), [("LAB_KEY", KEY), ("HOME", &home)]);
        let loaded = Config::load(Some(&file), &environment).unwrap();
        let retake = TestGateway::with(|config| {
            let (data_dir, bind) = (config.data_dir.clone(), config.server.bind);
            let room = config.assets.min_free_space;
            *config = loaded.config;
            config.data_dir = data_dir;
            if config.server.public_url.is_empty() {
                config.server.bind = bind;
            }
            config.assets.min_free_space = room;
        });
        Self { retake: retake.await, lab }
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
        self.retake.until_ended(&id).await
    }

    /// What the lab saw of a provider.
    pub(crate) fn seen(&self, provider: Provider) -> Vec<Entry> {
        let entries = self.lab.ledger().entries.into_iter();
        entries.filter(|entry| entry.provider == provider).collect()
    }
}
