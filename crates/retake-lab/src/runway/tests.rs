use jiff::SignedDuration;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{Cause, Lab, LabConfig, Provider, ScenarioSource};

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
        let url = format!("{}{path}", self.lab.urls().provider(Provider::Runway));
        let request = self.client.request(method.parse().unwrap(), url);
        request.bearer_auth("lab-key").header("x-runway-version", "2024-11-06")
    }

    async fn create(&self, prompt: &str) -> reqwest::Result<(StatusCode, Value)> {
        let body = json!({
            "model": "gen4.5", "promptText": prompt, "ratio": "1280:720", "duration": 5,
        });
        let answer = self.call("POST", "/v1/text_to_video").json(&body).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    async fn accepted(&self, prompt: &str) -> String {
        let (status, task) = self.create(prompt).await.unwrap();
        assert_eq!(status, 200, "{task}");
        task["id"].as_str().unwrap().to_owned()
    }

    async fn task(&self, id: &str) -> Value {
        let answer = self.call("GET", &format!("/v1/tasks/{id}")).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn delete(&self, id: &str) -> StatusCode {
        self.call("DELETE", &format!("/v1/tasks/{id}")).send().await.unwrap().status()
    }

    async fn download(&self, link: &Value) -> StatusCode {
        self.client.get(link.as_str().unwrap()).send().await.unwrap().status()
    }

    fn wait(&self, hours: i64) {
        self.lab.clock().advance(SignedDuration::from_hours(hours));
    }
}

#[tokio::test]
async fn a_call_without_the_version_or_the_key_is_refused() {
    let caller = TestClient::with_scenario("").await;
    let url = format!("{}/v1/tasks/1", caller.lab.urls().provider(Provider::Runway));

    let unversioned = caller.client.get(&url).bearer_auth("lab-key").send().await.unwrap();
    let old =
        caller.client.get(&url).bearer_auth("lab-key").header("x-runway-version", "2023-01-01");
    let keyless = caller.client.get(&url).header("x-runway-version", "2024-11-06").send();

    assert_eq!(unversioned.status(), 400);
    assert_eq!(old.send().await.unwrap().status(), 400);
    assert_eq!(keyless.await.unwrap().status(), 401);
    assert_eq!(caller.call("PUT", "/v1/tasks/1").send().await.unwrap().status(), 405);
    assert_eq!(caller.call("GET", "/v1/nothing").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_task_shows_its_progress_only_while_it_runs_and_its_cost_only_at_the_end() {
    let caller = TestClient::with_scenario("").await;

    let id = caller.accepted("a cat").await;
    let pending = caller.task(&id).await;
    caller.lab.clock().advance(SignedDuration::from_secs(20));
    let running = caller.task(&id).await;
    caller.wait(1);
    let done = caller.task(&id).await;

    assert_eq!((&pending["status"], &pending["progress"]), (&json!("PENDING"), &Value::Null));
    assert_eq!(running["status"], "RUNNING");
    assert!(running["progress"].as_f64().is_some_and(|it| it > 0.0 && it < 1.0));
    assert_eq!((&done["status"], &done["cost"]["credits"]), (&json!("SUCCEEDED"), &json!(60)));
    assert_eq!(pending["estimatedCost"]["credits"], 60);
}

#[tokio::test]
async fn an_expired_link_is_refused_and_a_poll_renews_it() {
    let caller = TestClient::with_scenario("").await;
    let id = caller.accepted("a cat").await;
    caller.wait(1);
    let first = caller.task(&id).await["output"][0].clone();

    assert_eq!(caller.download(&first).await, 200);
    caller.wait(25);
    let renewed = caller.task(&id).await["output"][0].clone();

    assert_eq!(caller.download(&first).await, 403);
    assert_eq!(caller.download(&renewed).await, 200);
    let cut = renewed.as_str().unwrap().split('?').next().unwrap();
    assert_eq!(caller.download(&json!(cut)).await, 403);
}

#[tokio::test]
async fn a_task_above_the_concurrency_is_throttled_and_the_daily_limit_refuses() {
    let scenario = "[providers.runway]\nconcurrency = 1\ncreates_per_day = 2";
    let caller = TestClient::with_scenario(scenario).await;
    caller.accepted("a cat lab:stuck").await;
    let second = caller.accepted("a dog").await;
    caller.lab.clock().advance(SignedDuration::from_mins(10));

    let waiting = caller.task(&second).await;
    let (status, problem) = caller.create("a bird").await.unwrap();

    assert_eq!(waiting["status"], "THROTTLED");
    assert_eq!(status, 429);
    assert!(problem["error"].as_str().unwrap().contains("daily"));
}

#[tokio::test]
async fn a_task_is_gone_once_deleted_and_one_that_ran_is_not_refunded() {
    let caller = TestClient::with_scenario("").await;
    let (early_response, late) = (caller.accepted("a cat").await, caller.accepted("a dog").await);

    let deleted = caller.delete(&early_response).await;
    caller.lab.clock().advance(SignedDuration::from_secs(15));
    caller.delete(&late).await;

    assert_eq!(
        (deleted, caller.delete(&early_response).await),
        (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND)
    );
    assert_eq!(caller.task(&late).await["error"], "No task has this id.");
    let billed: Vec<_> = caller.lab.ledger().entries.iter().map(|it| it.billed_micros).collect();
    assert_eq!(billed, [0, 600_000]);
}

#[tokio::test]
async fn every_failure_has_its_code_and_tells_what_it_cost() {
    let caller = TestClient::with_scenario("[providers.runway]\nconcurrency = 100").await;
    let mut tasks = Vec::new();
    for (prompt, code, credits) in [
        (
            "lab:fail=runtime_error/INTERNAL.BAD_OUTPUT.CODE01",
            json!("INTERNAL.BAD_OUTPUT.CODE01"),
            0,
        ),
        ("lab:fail=runtime_error/null", Value::Null, 0),
        ("an [unsafe] thing", json!("SAFETY.INPUT.TEXT"), 60),
        ("an [unsafe-output] thing", json!("SAFETY.OUTPUT.VIDEO"), 60),
        ("lab:fail=capacity", json!("THIRD_PARTY.UNAVAILABLE"), 0),
        ("lab:fail=invalid_request/ASSET.INVALID", json!("ASSET.INVALID"), 0),
        ("lab:fail=dependency_timeout/INTERNAL", json!("INTERNAL"), 0),
        ("lab:fail=account", Value::Null, 0),
        ("lab:fail-generic=capacity", Value::Null, 0),
    ] {
        tasks.push((caller.accepted(prompt).await, code, credits));
    }
    caller.wait(1);

    for (id, code, credits) in tasks {
        let task = caller.task(&id).await;
        assert_eq!(task["status"], "FAILED");
        assert_eq!((&task["failureCode"], &task["cost"]["credits"]), (&code, &json!(credits)));
    }
    let generic = caller.lab.ledger().entries.pop().unwrap();
    assert_eq!(generic.true_cause, Some(Cause::Capacity));
}

#[tokio::test]
async fn a_task_whose_create_was_cut_off_is_made_and_shows_only_in_the_counts() {
    let caller = TestClient::with_scenario("").await;

    let lost = caller.create("lab:drop-after-accept").await;
    let account = caller.call("GET", "/v1/organization").send().await.unwrap();
    let account: Value = account.json().await.unwrap();

    assert!(lost.is_err());
    assert_eq!(account["usage"]["models"]["gen4.5"]["dailyGenerations"], 1);
}
