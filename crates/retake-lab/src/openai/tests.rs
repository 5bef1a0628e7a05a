use jiff::SignedDuration;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};

use crate::{Cause, Lab, LabConfig, Provider, ScenarioSource};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct TestClient {
    pub(super) lab: Lab,
    pub(super) client: Client,
}

impl TestClient {
    pub(super) async fn with_scenario(scenario: &str) -> Self {
        // Time stands still unless a test advances it.
        let lab = Lab::start(LabConfig {
            scenario: ScenarioSource::Text(scenario.to_owned()),
            speed: Some(0.01),
            ..LabConfig::default()
        });
        let lab = lab.await.unwrap();
        Self { lab, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.lab.urls().provider(Provider::Openai))
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: Value,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let request = self.client.post(self.url(path)).bearer_auth("lab-key").json(&body);
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await.unwrap_or_default()))
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).bearer_auth("lab-key").send().await.unwrap()
    }

    async fn create(&self, prompt: &str) -> String {
        let body = json!({ "prompt": prompt, "seconds": "4", "size": "720x1280" });
        let (status, video) = self.post("/v1/videos", body).await.unwrap();
        assert_eq!(status, 200, "{video}");
        video["id"].as_str().unwrap().to_owned()
    }

    async fn video(&self, id: &str) -> Value {
        self.get(&format!("/v1/videos/{id}")).await.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_video_is_queued_rendered_and_downloaded() {
    let caller = TestClient::with_scenario("").await;

    let id = caller.create("a cat").await;
    let queued = caller.video(&id).await;
    caller.lab.clock().advance(SignedDuration::from_mins(5));
    let done = caller.video(&id).await;
    let file = caller.get(&format!("/v1/videos/{id}/content")).await;

    assert_eq!((&queued["status"], &done["status"]), (&json!("queued"), &json!("completed")));
    assert_eq!(done["progress"], 100);
    assert_eq!(file.headers()[header::CONTENT_TYPE], "video/mp4");
    let video = retake_media::probe(std::io::Cursor::new(file.bytes().await.unwrap())).unwrap();
    assert_eq!((video.picture.width, video.picture.height), (720, 1280));
    assert!(video.sound.is_some());
    let ledger = caller.lab.ledger();
    assert_eq!((ledger.totals.rendered, ledger.totals.billed_micros), (1, 400_000));
    assert_eq!((ledger.entries[0].polls, ledger.entries[0].downloads), (2, 1));
}

#[tokio::test]
async fn each_cause_fails_a_video_with_a_code_and_its_truth_is_in_the_ledger() {
    let caller = TestClient::with_scenario("[defaults]\ncreates_per_minute = 100").await;
    let mut ids = Vec::new();
    for cause in Cause::ALL {
        ids.push(caller.create(&format!("a cat lab:fail={}", cause.id())).await);
    }

    caller.lab.clock().advance(HOUR);

    for (id, cause) in ids.iter().zip(Cause::ALL) {
        let video = caller.video(id).await;
        assert_eq!(video["status"], "failed");
        assert!(video["error"]["code"].is_string() && video["error"]["message"].is_string());
        let ledger = caller.lab.ledger();
        let entry = ledger.entries.iter().find(|it| it.remote_id.as_ref() == Some(id)).unwrap();
        assert_eq!((entry.true_cause, entry.billed_micros), (Some(cause), 0));
    }
}

#[tokio::test]
async fn a_create_that_is_cut_off_after_it_was_accepted_is_in_the_list() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({ "prompt": "a cat lab:drop-after-accept" });

    let answer = caller.post("/v1/videos", body).await;
    let list: Value = caller.get("/v1/videos").await.json().await.unwrap();

    assert!(answer.is_err());
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(caller.lab.ledger().totals.accepted, 1);
}

#[tokio::test]
async fn refusals_have_openai_s_shape() {
    let caller = TestClient::with_scenario("").await;
    let cases = [
        (json!({ "prompt": "x [unsafe]" }), 400, "moderation_blocked"),
        (json!({ "prompt": "x", "seconds": "5" }), 400, "invalid_value"),
        (json!({ "prompt": "x", "model": "sora-9" }), 404, "model_not_found"),
        (json!({}), 400, "missing_required_parameter"),
        (json!({ "prompt": "lab:load-shedding" }), 503, "server_is_overloaded"),
        (json!({ "prompt": "lab:rate-limited" }), 429, "rate_limit_exceeded"),
        (json!({ "prompt": "lab:key-revoked" }), 401, "invalid_api_key"),
    ];
    for (body, status, code) in cases {
        let told = body.to_string();
        let (found, answer) = caller.post("/v1/videos", body).await.unwrap();
        assert_eq!(found, status, "{told}");
        if code != "moderation_blocked" {
            assert_eq!(answer["error"]["code"], code, "{told}");
        }
        assert!(answer["error"]["type"].is_string());
    }
}

#[tokio::test]
async fn a_truncated_download_breaks_off_and_the_next_one_is_whole() {
    let caller =
        TestClient::with_scenario("[[fault]]\nwhat = { kind = \"truncated\", times = 1 }").await;
    let id = caller.create("a cat").await;
    caller.lab.clock().advance(SignedDuration::from_mins(5));
    let path = format!("/v1/videos/{id}/content");

    let broken = caller.get(&path).await.bytes().await;
    let whole = caller.get(&path).await.bytes().await;

    assert!(broken.is_err());
    assert!(retake_media::probe(std::io::Cursor::new(whole.unwrap())).is_ok());
}

#[tokio::test]
async fn lists_are_paged_by_the_last_id() {
    let caller = TestClient::with_scenario("").await;
    let (first, second) = (caller.create("a").await, caller.create("b").await);

    let page: Value = caller.get("/v1/videos?limit=1").await.json().await.unwrap();
    let next = format!("/v1/videos?limit=1&after={}", page["last_id"].as_str().unwrap());
    let rest: Value = caller.get(&next).await.json().await.unwrap();

    assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&json!(second), &json!(true)));
    assert_eq!((&rest["data"][0]["id"], &rest["has_more"]), (&json!(first), &json!(false)));
}

#[tokio::test]
async fn a_video_can_be_remixed_extended_and_deleted() {
    let caller = TestClient::with_scenario("").await;
    let id = caller.create("a cat").await;
    caller.lab.clock().advance(SignedDuration::from_mins(5));

    let remix = caller.post(&format!("/v1/videos/{id}/remix"), json!({ "prompt": "a dog" })).await;
    let longer = json!({ "prompt": "it runs", "seconds": "8", "video": { "id": id } });
    let longer = caller.post("/v1/videos/extensions", longer).await;
    let url = caller.url(&format!("/v1/videos/{id}"));
    let gone = caller.client.delete(url).bearer_auth("lab-key").send().await.unwrap();

    assert_eq!(remix.unwrap().1["remixed_from_video_id"], id);
    assert_eq!(longer.unwrap().1["seconds"], "12");
    assert_eq!(gone.json::<Value>().await.unwrap()["deleted"], true);
    assert_eq!(caller.get(&format!("/v1/videos/{id}")).await.status(), 404);
}

#[tokio::test]
async fn after_the_shutdown_there_is_no_model() {
    let caller = TestClient::with_scenario("shutdown = true").await;
    let (status, answer) = caller.post("/v1/videos", json!({ "prompt": "x" })).await.unwrap();
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (404, &json!("model_not_found")));
}
