//! What Replicate's SDKs do not cover: removed data, deadlines, pages, and the texts of refusals.

use jiff::SignedDuration;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{Lab, LabConfig, Provider, ScenarioSource};

/// A lab whose clock stands almost still unless a test advances it, and a client that calls it.
struct TestClient {
    lab: Lab,
    client: Client,
}

impl TestClient {
    async fn with_scenario(scenario: &str) -> Self {
        let scenario = ScenarioSource::Text(scenario.to_owned());
        let config = LabConfig { speed: Some(0.01), scenario, ..LabConfig::default() };
        Self { lab: Lab::start(config).await.unwrap(), client: Client::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1{path}", self.lab.urls().provider(Provider::Replicate))
    }

    fn advance(&self, seconds: i64) {
        self.lab.clock().advance(SignedDuration::from_secs(seconds));
    }

    async fn call(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.bearer_auth("r8_lab").send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, url: &str) -> (u16, Value) {
        self.call(self.client.get(url)).await
    }

    fn creation(&self, prompt: &str) -> RequestBuilder {
        let url = self.url("/models/google/veo-3.1-fast/predictions");
        self.client.post(url).json(&json!({ "input": { "prompt": prompt, "duration": 4 } }))
    }

    async fn create(&self, prompt: &str) -> Value {
        let (status, body) = self.call(self.creation(prompt)).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    async fn reload(&self, prediction: &Value) -> Value {
        self.get(prediction["urls"]["get"].as_str().unwrap()).await.1
    }
}

#[tokio::test]
async fn an_hour_after_the_run_input_and_output_are_gone() {
    let caller = TestClient::with_scenario("").await;
    let prediction = caller.create("a cat").await;
    caller.advance(600);
    let fresh = caller.reload(&prediction).await;
    let video = fresh["output"].as_str().unwrap().to_owned();
    caller.advance(3600);

    let stale = caller.reload(&prediction).await;
    let file = caller.client.get(video).send().await.unwrap();

    assert_eq!(fresh["input"]["prompt"], "a cat");
    assert_eq!((&stale["data_removed"], &stale["output"]), (&json!(true), &Value::Null));
    assert_eq!((&stale["input"], file.status().as_u16()), (&json!({}), 403));
}

#[tokio::test]
async fn a_deadline_aborts_before_the_start_and_cancels_after_it() {
    let caller = TestClient::with_scenario("[defaults]\nqueue = \"20s\"\nrender = \"1000s\"").await;
    let with = |deadline: &str| caller.creation("a cat").header("cancel-after", deadline);
    let (_, early_response) = caller.call(with("10s")).await;
    let (_, late) = caller.call(with("1m")).await;
    let never = caller.call(with("soon")).await;
    // One after the other, so that the deadline is met when it comes.
    for _ in 0..2 {
        caller.advance(11);
        caller.reload(&early_response).await;
    }
    caller.advance(60);

    let status = async |prediction: &Value, word: &str| {
        let mut seen = Value::Null;
        for _ in 0..1000 {
            seen = caller.reload(prediction).await["status"].clone();
            if seen == word {
                break;
            }
            tokio::task::yield_now().await;
        }
        seen
    };

    assert_eq!(status(&early_response, "aborted").await, "aborted");
    assert_eq!(status(&late, "canceled").await, "canceled");
    assert_eq!((never.0, &never.1["invalid_fields"][0]["field"]), (422, &json!("Cancel-After")));
}

#[tokio::test]
async fn a_create_that_waits_too_long_says_starting_and_one_that_waits_long_enough_is_done() {
    let scenario = "[defaults]\nqueue = \"1s\"\nrender = \"30s\"";
    let scenario = ScenarioSource::Text(scenario.to_owned());
    let config = LabConfig { speed: Some(500.0), scenario, ..LabConfig::default() };
    let caller = TestClient { lab: Lab::start(config).await.unwrap(), client: Client::new() };

    let short = caller.call(caller.creation("a cat").header("prefer", "wait=5")).await;
    let long = caller.call(caller.creation("a cat").header("prefer", "wait")).await;

    assert_eq!((short.0, &short.1["status"]), (202, &json!("starting")));
    assert_eq!((long.0, &long.1["status"]), (201, &json!("succeeded")));
}

#[tokio::test]
async fn the_list_goes_on_from_page_to_page_and_back() {
    let caller = TestClient::with_scenario("").await;
    for _ in 0..101 {
        caller.create("a cat").await;
    }

    let (_, first) = caller.get(&caller.url("/predictions")).await;
    let (_, second) = caller.get(first["next"].as_str().unwrap()).await;
    let (_, again) = caller.get(second["previous"].as_str().unwrap()).await;

    let count = |page: &Value| page["results"].as_array().map_or(0, Vec::len);
    assert_eq!((count(&first), count(&second), count(&again)), (100, 1, 100));
    assert_eq!((&first["previous"], &second["next"]), (&Value::Null, &Value::Null));
    assert_eq!(again["results"][0]["id"], first["results"][0]["id"]);
}

#[tokio::test]
async fn a_throttled_create_tells_when_the_limit_resets() {
    let caller = TestClient::with_scenario("[providers.replicate]\ncreates_per_minute = 1").await;
    caller.create("a cat").await;

    let (status, body) = caller.call(caller.creation("a dog")).await;

    let detail = body["detail"].as_str().unwrap();
    assert_eq!(status, 429);
    assert!(detail.starts_with("Request was throttled. Your rate limit resets in ~"), "{detail}");
}

#[tokio::test]
async fn what_stands_around_the_input_is_checked_too() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({ "version": "google/veo-3", "inptu": {}, "webhook": "nowhere" });

    let request = caller.client.post(caller.url("/predictions")).json(&body);
    let (status, body) = caller.call(request).await;

    let kinds: Vec<_> =
        body["invalid_fields"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(status, 422);
    assert_eq!(kinds, ["required", "additional_property_not_allowed", "format"]);
}

#[tokio::test]
async fn a_capacity_failure_can_be_an_abortion_without_a_word() {
    let caller = TestClient::with_scenario("").await;
    let aborted = caller.create("lab:fail=capacity/aborted").await;
    let busy = caller.create("lab:fail=capacity/E003").await;
    caller.advance(600);

    let (aborted, busy) = (caller.reload(&aborted).await, caller.reload(&busy).await);

    assert_eq!((&aborted["status"], &aborted["error"]), (&json!("aborted"), &Value::Null));
    assert_eq!(busy["status"], "failed");
    assert!(busy["error"].as_str().unwrap().contains("(E003)"));
}
