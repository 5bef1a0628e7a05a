//! What fal's SDKs do not cover: expiry, retries by the queue, start timeouts, the list.

use jiff::SignedDuration;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{Lab, LabConfig, Provider, ScenarioSource};

const VEO: &str = "fal-ai/veo3.1/fast";

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
        format!("{}{path}", self.lab.urls().provider(Provider::Fal))
    }

    fn advance(&self, seconds: i64) {
        self.lab.clock().advance(SignedDuration::from_secs(seconds));
    }

    async fn call(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.header("authorization", "Key id:secret").send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, url: &str) -> (u16, Value) {
        self.call(self.client.get(url)).await
    }

    fn submission(&self, endpoint: &str, prompt: &str) -> RequestBuilder {
        let url = self.url(&format!("/{endpoint}"));
        self.client.post(url).json(&json!({ "prompt": prompt, "duration": "4s" }))
    }

    async fn submit(&self, prompt: &str) -> Value {
        let (status, body) = self.call(self.submission(VEO, prompt)).await;
        assert_eq!(status, 200, "{body}");
        body
    }
}

fn link(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_is_looked_after_by_its_app_and_not_by_its_whole_endpoint() {
    let caller = TestClient::with_scenario("").await;
    let handle = caller.submit("a cat").await;
    let id = link(&handle, "request_id");

    let by_app = caller.get(&caller.url(&format!("/fal-ai/veo3.1/requests/{id}/status"))).await;
    let by_endpoint = caller.get(&caller.url(&format!("/{VEO}/requests/{id}/status"))).await;
    let by_another = caller.get(&caller.url(&format!("/fal-ai/wan/requests/{id}/status"))).await;

    assert_eq!((by_app.0, by_app.1["status"].as_str()), (202, Some("IN_QUEUE")));
    assert_eq!((by_endpoint.0, by_another.0), (405, 404));
}

#[tokio::test]
async fn a_failed_request_is_completed_and_only_its_result_has_the_status_of_the_failure() {
    let caller = TestClient::with_scenario("").await;
    let handle = caller.submit("lab:fail=content_moderation/content_policy_violation").await;
    caller.advance(600);

    let status = caller.get(&link(&handle, "status_url")).await;
    let result = caller.get(&link(&handle, "response_url")).await;

    assert_eq!((status.0, status.1["status"].as_str()), (200, Some("COMPLETED")));
    assert!(status.1["error"].is_string());
    assert_eq!(result.0, 422);
    assert_eq!(result.1.pointer("/detail/0/type"), Some(&json!("content_policy_violation")));
}

#[tokio::test]
async fn a_request_whose_runner_goes_away_waits_again_unless_that_was_forbidden() {
    let caller = TestClient::with_scenario("[defaults]\nqueue = \"0s\"\nrender = \"1000s\"").await;
    let prompt = "lab:fail=runtime_error/runner_disconnected";
    let retried = caller.submit(prompt).await;
    let plain = caller.submission(VEO, prompt).header("x-fal-no-retry", "1");
    let (_, plain) = caller.call(plain).await;

    let mut seen = (Vec::new(), Vec::new());
    for _ in 0..20 {
        caller.advance(20);
        for (words, handle) in [(&mut seen.0, &retried), (&mut seen.1, &plain)] {
            let (_, body) = caller.get(&link(handle, "status_url")).await;
            words.push(link(&body, "status"));
        }
    }

    let was_back = seen.0.iter().skip_while(|it| *it == "IN_QUEUE").any(|it| it == "IN_QUEUE");
    assert!(was_back, "{:?}", seen.0);
    assert!(!seen.1.iter().any(|it| it == "IN_QUEUE"), "{:?}", seen.1);
}

#[tokio::test]
async fn a_request_that_does_not_start_in_time_ends_with_the_callers_own_timeout() {
    let caller = TestClient::with_scenario("[providers.fal]\nconcurrency = 1").await;
    caller.submit("lab:stuck").await;
    let late = caller.submission(VEO, "a cat").header("x-fal-request-timeout", "30");
    let (_, handle) = caller.call(late).await;
    caller.advance(31);

    let answer = caller
        .client
        .get(link(&handle, "response_url"))
        .header("authorization", "Key id:secret")
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status().as_u16(), 504);
    assert_eq!(answer.headers()["x-fal-request-timeout-type"], "user");
    assert_eq!(answer.headers()["x-fal-error-type"], "request_timeout");
}

#[tokio::test]
async fn a_submission_without_an_answer_is_found_in_the_list_with_its_payload() {
    let caller = TestClient::with_scenario("").await;
    caller.submit("a dog").await;
    let lost = caller.submission(VEO, "a cat, lab:drop-after-accept");
    let lost = lost.header("authorization", "Key id:secret").send().await;
    caller.advance(600);

    let path = format!("/v1/models/requests/by-endpoint?endpoint_id={VEO}&limit=1&expand=payloads");
    let (_, page) = caller.get(&caller.url(&path)).await;
    let cursor = format!("{path}&cursor={}", link(&page, "next_cursor"));
    let (_, next) = caller.get(&caller.url(&cursor)).await;

    assert!(lost.is_err());
    let prompt = |page: &Value| page.pointer("/items/0/json_input/prompt").cloned();
    assert_eq!(prompt(&page), Some(json!("a cat, lab:drop-after-accept")));
    assert_eq!((prompt(&next), next["has_more"].as_bool()), (Some(json!("a dog")), Some(false)));
}

#[tokio::test]
async fn a_link_expires_a_week_after_the_end() {
    let caller = TestClient::with_scenario("").await;
    let handle = caller.submit("a cat").await;
    caller.advance(600);
    let (_, output) = caller.get(&link(&handle, "response_url")).await;
    let video = output.pointer("/video/url").and_then(Value::as_str).unwrap().to_owned();

    let fresh = caller.client.get(&video).send().await.unwrap();
    caller.advance(7 * 24 * 3600);
    let stale = caller.client.get(&video).send().await.unwrap();

    assert_eq!((fresh.status().as_u16(), stale.status().as_u16()), (200, 403));
    let size = output.pointer("/video/file_size").and_then(Value::as_u64);
    assert_eq!(size, fresh.content_length());
}

#[tokio::test]
async fn cancelling_has_an_answer_for_each_state() {
    let caller = TestClient::with_scenario("[defaults]\nqueue = \"100s\"\nrender = \"100s\"").await;
    let (waiting, running) = (caller.submit("a cat").await, caller.submit("a dog").await);
    let cancel = |handle: &Value| caller.client.put(link(handle, "cancel_url"));

    let first = caller.call(cancel(&waiting)).await;
    caller.advance(130);
    let second = caller.call(cancel(&running)).await;
    let third = caller.call(cancel(&running)).await;
    let unknown = caller.client.put(caller.url("/fal-ai/veo3.1/requests/nobody/cancel"));
    let fourth = caller.call(unknown).await;

    let words: Vec<_> =
        [first, second, third, fourth].iter().map(|it| (it.0, link(&it.1, "status"))).collect();
    let word = |code, word: &str| (code, word.to_owned());
    assert_eq!(words[0], word(200, "OK"));
    assert_eq!(words[1], word(202, "CANCELLATION_REQUESTED"));
    assert_eq!(words[2], word(400, "ALREADY_COMPLETED"));
    assert_eq!(words[3], word(404, "NOT_FOUND"));
    assert_eq!(caller.get(&link(&running, "response_url")).await.0, 499);
}

#[tokio::test]
async fn success_can_come_without_a_video_and_an_error_with_200() {
    let caller = TestClient::with_scenario("").await;
    let empty = caller.submit("lab:done-without-video").await;
    let odd = caller.submit("lab:error-in-200").await;
    caller.advance(600);

    let (empty, odd) = (
        caller.get(&link(&empty, "response_url")).await,
        caller.get(&link(&odd, "response_url")).await,
    );

    assert_eq!((empty.0, &empty.1["video"]), (200, &Value::Null));
    assert_eq!(odd.0, 200);
    assert!(odd.1.get("detail").is_some(), "{}", odd.1);
}
