use jiff::SignedDuration;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{Lab, LabConfig, Provider, ScenarioSource};

const DREAM: &str = "/dream-machine/v1";
const AGENTS: &str = "/agents/v1";

struct TestClient {
    lab: Lab,
    client: Client,
}

impl TestClient {
    async fn with_scenario(scenario: &str) -> Self {
        // Time stands still unless a test advances it.
        let lab = Lab::start(LabConfig {
            scenario: ScenarioSource::Text(scenario.to_owned()),
            speed: Some(0.01),
            ..LabConfig::default()
        });
        let lab = lab.await.unwrap();
        Self { lab, client: Client::builder().no_proxy().build().unwrap() }
    }

    fn call(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.lab.urls().provider(Provider::Luma));
        self.client.request(method.parse().unwrap(), url).bearer_auth("lab-key")
    }

    async fn create(&self, api: &str, prompt: &str) -> reqwest::Result<(StatusCode, Value)> {
        let model = if api == DREAM { "ray-2" } else { "ray-3.2" };
        let body = json!({ "model": model, "prompt": prompt, "type": "video" });
        let answer = self.call("POST", &format!("{api}/generations")).json(&body).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    async fn accepted(&self, api: &str, prompt: &str) -> String {
        let (status, generation) = self.create(api, prompt).await.unwrap();
        assert_eq!(status, 201, "{generation}");
        generation["id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        self.call("GET", path).send().await.unwrap().json().await.unwrap()
    }

    async fn download(&self, link: &Value) -> StatusCode {
        self.client.get(link.as_str().unwrap()).send().await.unwrap().status()
    }

    fn wait(&self, minutes: i64) {
        self.lab.clock().advance(SignedDuration::from_mins(minutes));
    }
}

#[tokio::test]
async fn links_of_agents_last_an_hour_and_those_of_the_dream_machine_stay() {
    let caller = TestClient::with_scenario("").await;
    let agents = format!("{AGENTS}/generations/{}", caller.accepted(AGENTS, "a cat").await);
    let dream = format!("{DREAM}/generations/{}", caller.accepted(DREAM, "a cat").await);
    caller.wait(5);
    let first = caller.get(&agents).await["output"][0]["url"].clone();
    let lasting = caller.get(&dream).await["assets"]["video"].clone();

    assert_eq!(caller.download(&first).await, 200);
    caller.wait(61);

    assert_eq!(caller.download(&first).await, 403);
    let renewed = caller.get(&agents).await["output"][0]["url"].clone();
    assert_eq!(caller.download(&renewed).await, 200);
    assert_eq!(caller.download(&lasting).await, 200);
}

#[tokio::test]
async fn a_generation_of_one_api_is_unknown_to_the_other() {
    let caller = TestClient::with_scenario("").await;
    let id = caller.accepted(AGENTS, "a cat").await;

    let there = caller.call("GET", &format!("/v1/generations/{id}")).send().await.unwrap();
    let elsewhere = caller.call("GET", &format!("{DREAM}/generations/{id}")).send().await.unwrap();

    assert_eq!((there.status().as_u16(), elsewhere.status().as_u16()), (200, 404));
    assert_eq!(there.headers()["x-api-version"], "2026-04-01");
    assert!(there.headers().contains_key("x-request-id"));
    assert_eq!(caller.get(&format!("{DREAM}/generations")).await["count"], 0);
}

#[tokio::test]
async fn a_lost_create_of_the_dream_machine_is_found_in_the_list_by_its_request() {
    let caller = TestClient::with_scenario("").await;
    caller.accepted(DREAM, "a dog").await;

    let lost = caller.create(DREAM, "lab:drop-after-accept").await;
    let list = caller.get(&format!("{DREAM}/generations?limit=1")).await;

    assert!(lost.is_err());
    assert_eq!(list["generations"][0]["request"]["prompt"], "lab:drop-after-accept");
    assert_eq!((&list["count"], &list["has_more"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn too_many_in_a_minute_and_too_many_at_once_differ_by_their_text_only() {
    let caller =
        TestClient::with_scenario("[providers.luma]\nconcurrency = 2\ncreates_per_minute = 4")
            .await;
    for _ in 0..2 {
        caller.accepted(AGENTS, "a cat lab:stuck").await;
    }

    let at_once = caller.create(AGENTS, "a third").await.unwrap();
    caller.create(AGENTS, "a fourth").await.unwrap();
    let too_fast = caller.create(AGENTS, "a fifth").await.unwrap();

    assert_eq!((at_once.0.as_u16(), too_fast.0.as_u16()), (429, 429));
    assert_eq!(at_once.1["detail"], "Too many concurrent jobs");
    assert_eq!(too_fast.1["detail"], "Rate limit exceeded");
}

#[tokio::test]
async fn every_failure_of_the_dream_machine_is_free_text_and_is_refunded() {
    let caller = TestClient::with_scenario("[providers.luma]\nconcurrency = 100").await;
    let mut generations = Vec::new();
    for (prompt, reason) in [
        ("lab:fail=runtime_error", "Job failed"),
        ("lab:fail=runtime_error/callback", "Error processing callback"),
        ("lab:fail=content_moderation/blacklist", "Contains blacklisted words"),
        ("lab:fail=content_moderation/ip", "The prompt is not allowed because it contains IP"),
        ("an [unsafe] thing", "Advanced prompt moderation failed"),
        ("an [unsafe-output] thing", "Frame moderation failed"),
        ("lab:fail=capacity", "Error dispatching job"),
        ("lab:fail=invalid_request", "Failed to read user input frames"),
        ("lab:fail=dependency_timeout", "Prompt processing failed"),
        ("lab:fail=account", "Insufficient credits"),
        ("lab:fail-generic=capacity", "Job failed"),
    ] {
        generations.push((caller.accepted(DREAM, prompt).await, reason));
    }
    caller.wait(10);

    for (id, reason) in generations {
        let generation = caller.get(&format!("{DREAM}/generations/{id}")).await;
        assert_eq!(generation["state"], "failed");
        assert_eq!(generation["failure_reason"], reason);
    }
    assert_eq!(caller.lab.ledger().totals.billed_micros, 0);
}

#[tokio::test]
async fn every_failure_code_of_agents_can_be_had() {
    let caller = TestClient::with_scenario("[providers.luma]\nconcurrency = 100").await;
    let mut generations = Vec::new();
    for (cause, code) in [
        ("runtime_error", "generation_failed"),
        ("runtime_error", "output_not_found"),
        ("content_moderation", "content_moderated"),
        ("capacity", "rate_limited"),
        ("invalid_request", "invalid_request"),
        ("invalid_request", "image_too_large"),
        ("invalid_request", "unsupported_format"),
        ("invalid_request", "corrupt_input"),
        ("dependency_timeout", "generation_failed"),
        ("account", "budget_exhausted"),
    ] {
        let prompt = format!("lab:fail={cause}/{code}");
        generations.push((caller.accepted(AGENTS, &prompt).await, code));
    }
    caller.wait(10);

    for (id, code) in generations {
        let generation = caller.get(&format!("{AGENTS}/generations/{id}")).await;
        assert_eq!(
            (&generation["state"], &generation["failure_code"]),
            (&json!("failed"), &json!(code))
        );
    }
}

#[tokio::test]
async fn a_render_whose_callback_failed_turns_out_to_be_completed() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({
        "model": "ray-2", "prompt": "lab:late-success", "callback_url": "http://127.0.0.1:9/hook",
    });
    let path = format!("{DREAM}/generations");
    let made = caller.call("POST", &path).json(&body).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let path = format!("{path}/{}", made["id"].as_str().unwrap());

    caller.wait(1);
    let failed = caller.get(&path).await;
    caller.wait(10);
    let completed = caller.get(&path).await;

    assert_eq!(failed["failure_reason"], "Error processing callback");
    assert_eq!(completed["state"], "completed");
    assert_eq!(completed["request"]["callback_url"], "http://127.0.0.1:9/hook");
}
