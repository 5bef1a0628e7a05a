use std::{io::Cursor, time::Duration};

use axum::{Router, extract::State, routing::post};
use http::HeaderMap;
use jiff::SignedDuration;
use reqwest::{StatusCode, header, multipart::Form};
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{hex, openai::tests::TestClient, router_ext::RouterExt as _, tasks::Tasks};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

impl TestClient {
    async fn form(
        &self,
        path: &str,
        fields: &[(&'static str, &'static str)],
    ) -> (StatusCode, Value) {
        let form = fields.iter().fold(Form::new(), |form, (name, value)| form.text(*name, *value));
        let request = self.client.post(self.url(path)).bearer_auth("lab-key").multipart(form);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn get_json(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.get(path).await;
        (answer.status(), answer.json().await.unwrap())
    }

    async fn delete(&self, path: &str) -> reqwest::Response {
        self.client.delete(self.url(path)).bearer_auth("lab-key").send().await.unwrap()
    }
}

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap_or_else(|| panic!("refused: {answer:#}"))
}

#[tokio::test]
async fn openrouter_renders_any_model_in_a_resolution_and_a_ratio() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({
        "model": "somebody/something-2", "prompt": "a cat", "duration": 3, "resolution": "480p",
        "aspect_ratio": "9:16", "generate_audio": false, "seed": 7,
    });

    let (status, queued) = caller.post("/openrouter/api/v1/videos", body).await.unwrap();
    let path = format!("/openrouter/api/v1/videos/{}", id(&queued));
    let early_response = caller.get_json(&format!("{path}/content")).await;
    caller.lab.clock().advance(FIVE_MINUTES);
    let (_, done) = caller.get_json(&path).await;
    let file = caller.get(&format!("{path}/content?index=0")).await;
    let video = retake_media::probe(Cursor::new(file.bytes().await.unwrap())).unwrap();
    let nowhere = caller.get_json(&format!("{path}/content?index=1")).await;
    caller.lab.clock().advance(HOUR);
    let gone = caller.get_json(&format!("{path}/content")).await;

    assert_eq!((status.as_u16(), &queued["status"]), (202, &json!("pending")));
    assert!(id(&queued).starts_with("gen-vid-"));
    assert_eq!((early_response.0.as_u16(), &early_response.1["error"]["code"]), (409, &json!(409)));
    assert_eq!(done["usage"], json!({ "cost": 0.15, "is_byok": false }));
    assert_eq!(
        (video.picture.width, video.picture.height, video.sound.is_some()),
        (480, 854, false)
    );
    assert_eq!((nowhere.0.as_u16(), gone.0.as_u16()), (404, 410));
}

#[tokio::test]
async fn openrouter_holds_a_create_against_what_the_model_can_do() {
    let caller = TestClient::with_scenario("").await;
    let base = json!({ "model": "google/veo-3.1", "prompt": "a cat" });
    let wrong = [
        ("model", json!("veo-3.1")),
        ("duration", json!("8")),
        ("duration", json!(5)),
        ("resolution", json!("480p")),
        ("aspect_ratio", json!("1:1")),
        ("size", json!("640x640")),
        ("seed", json!("x")),
        ("frame_images", json!([{ "type": "image_url", "image_url": { "url": "https://x/y" } }])),
        ("callback_url", json!("http://example.org/hook")),
    ];
    for (name, value) in wrong {
        let mut body = base.clone();
        body[name] = value;
        let (status, answer) = caller.post("/openrouter/api/v1/videos", body).await.unwrap();
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(400)), "{name}");
    }

    let (_, models) = caller.get_json("/openrouter/api/v1/videos/models").await;
    let (_, key) = caller.get_json("/openrouter/api/v1/key").await;

    assert_eq!(models["data"][0]["supported_durations"], json!([4, 6, 8]));
    assert!(key["data"]["limit_remaining"].is_number());
    assert_eq!(caller.get("/openrouter/api/v1/videos").await.status(), 405);
}

#[tokio::test]
async fn openrouter_s_refusals_have_the_status_for_a_code() {
    let caller = TestClient::with_scenario("").await;
    let cases = [("lab:credit-out", 402), ("x [unsafe]", 403), ("lab:rate-limited", 429)];
    for (prompt, expected) in cases {
        let body = json!({ "model": "a/b", "prompt": prompt });
        let (status, answer) = caller.post("/openrouter/api/v1/videos", body).await.unwrap();
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (expected, &json!(expected)));
    }
}

#[tokio::test]
async fn openrouter_tells_the_callback_and_signs_with_the_account_s_secret() {
    let (sender, mut inbox) = mpsc::unbounded_channel::<(HeaderMap, String)>();
    let take =
        |State(sender): State<mpsc::UnboundedSender<_>>, headers: HeaderMap, body: String| {
            sender.send((headers, body)).unwrap();
            std::future::ready(())
        };
    let receiver = Router::new().at("/", post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let tasks = Tasks::default();
    tasks.spawn(async move { axum::serve(listener, receiver).await.unwrap() });
    let hook = format!("[[providers.openai.webhooks]]\nurl = \"{url}\"\nsecret = \"a secret\"");
    let caller = TestClient::with_scenario(&hook).await;
    let body = json!({ "model": "a/b", "prompt": "a cat", "callback_url": url });

    let (_, queued) = caller.post("/openrouter/api/v1/videos", body).await.unwrap();
    caller.lab.clock().advance(FIVE_MINUTES);
    let told = tokio::time::timeout(Duration::from_secs(10), inbox.recv()).await;
    let (headers, body) = told.unwrap().unwrap();

    let signature = headers["x-openrouter-signature"].to_str().unwrap();
    let (at, digits) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret");
    assert_eq!(hex::encode(hmac::sign(&key, format!("{at},{body}").as_bytes()).as_ref()), digits);
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["type"], "video.generation.completed");
    assert_eq!((&event["data"]["id"], &event["data"]["model"]), (&queued["id"], &json!("a/b")));
    let name = headers["x-openrouter-idempotency-key"].to_str().unwrap();
    assert_eq!(name, format!("{}-completed", id(&queued)));
}

#[tokio::test]
async fn vllm_omni_s_synchronous_route_answers_with_the_video_or_gives_up() {
    let caller = TestClient::with_scenario("").await;
    caller.lab.clock().set_speed(1000.0);
    let stuck = [("prompt", "lab:stuck")];

    let form = Form::new().text("prompt", "a cat").text("seconds", "1").text("size", "64x64");
    let request = caller.client.post(caller.url("/vllm/v1/videos/sync")).multipart(form);
    let made = request.send().await.unwrap();
    let stuck = caller.form("/vllm/v1/videos/sync", &stuck).await;

    assert_eq!(made.headers()[header::CONTENT_TYPE], "video/mp4");
    assert!(made.headers().contains_key("x-inference-time-s"));
    assert_eq!((stuck.0.as_u16(), stuck.1["detail"].is_string()), (504, true));
}

#[tokio::test]
async fn vllm_omni_reads_forms_with_json_for_text_and_any_size() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({ "prompt": "a cat", "model": "Wan-AI/Wan2.2" });

    let refused = caller.post("/vllm/v1/videos", body).await.unwrap();
    let broken = [("prompt", "a cat"), ("extra_params", "{")];
    let broken = caller.form("/vllm/v1/videos", &broken).await;
    let fields = [("prompt", "a cat"), ("seconds", "3"), ("size", "640x368"), ("lora", "{}")];
    let (_, queued) = caller.form("/vllm/v1/videos", &fields).await;

    assert_eq!((refused.0.as_u16(), &refused.1["detail"][0]["type"]), (422, &json!("missing")));
    assert_eq!((broken.0.as_u16(), broken.1["detail"].is_string()), (400, true));
    assert!(id(&queued).starts_with("video_gen_"));
    assert_eq!((&queued["size"], &queued["seconds"]), (&json!("640x368"), &json!("3")));
}

#[tokio::test]
async fn vllm_omni_answers_for_a_failed_job_with_an_error_and_a_delete_aborts() {
    let caller = TestClient::with_scenario("").await;
    let failing = [("prompt", "lab:fail=capacity"), ("seconds", "4")];
    let (_, failing) = caller.form("/vllm/v1/videos", &failing).await;
    let (_, running) = caller.form("/vllm/v1/videos", &[("prompt", "a cat")]).await;
    let (failing, running) = (id(&failing), id(&running));

    let early_response = caller.get_json(&format!("/vllm/v1/videos/{running}/content")).await;
    let deleted = caller.delete(&format!("/vllm/v1/videos/{running}")).await;
    caller.lab.clock().advance(HOUR);
    let (status, video) = caller.get_json(&format!("/vllm/v1/videos/{failing}")).await;
    let content = caller.get_json(&format!("/vllm/v1/videos/{failing}/content")).await;

    assert_eq!((status.as_u16(), &video["error"]["code"]), (503, &json!(503)));
    assert_eq!(video["status"], "failed");
    assert_eq!(
        (early_response.0.as_u16(), content.0.as_u16(), deleted.status().as_u16()),
        (404, 422, 200)
    );
    let ledger = caller.lab.ledger();
    let entry = ledger.entries.iter().find(|it| it.remote_id.as_deref() == Some(running));
    assert_eq!(entry.unwrap().outcome, "cancelled");
}

#[tokio::test]
async fn sglang_numbers_its_files_and_a_delete_lets_the_job_run_on() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({
        "prompt": "a cat", "seconds": 2, "n": 2, "input_reference": "https://example.org/cat.png",
    });
    let wrong = json!({ "prompt": "a cat", "input_reference": { "image_url": "x" } });

    let refused = caller.post("/sglang/v1/videos", wrong).await.unwrap();
    let (_, queued) = caller.post("/sglang/v1/videos", body).await.unwrap();
    let path = format!("/sglang/v1/videos/{}", id(&queued));
    let early_response = caller.get_json(&format!("{path}/content")).await;
    caller.lab.clock().advance(FIVE_MINUTES);
    let mut found = Vec::new();
    for variant in ["", "?variant=1", "?variant=2", "?variant=video", "?variant=thumbnail"] {
        found.push(caller.get(&format!("{path}/content{variant}")).await.status().as_u16());
    }
    let deleted: Value = caller.delete(&path).await.json().await.unwrap();

    assert_eq!((refused.0.as_u16(), refused.1["detail"].is_string()), (400, true));
    assert_eq!((&queued["model"], &queued["size"]), (&json!("sora-2"), &json!("")));
    assert_eq!(early_response.1["detail"], "Generation is still in-progress");
    assert_eq!(found, [200, 200, 404, 404, 404]);
    assert_eq!(deleted["status"], "deleted");
    assert_eq!(caller.lab.ledger().entries[0].outcome, "done");
}

#[tokio::test]
async fn sglang_s_failure_is_a_message_without_a_code() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({ "prompt": "lab:fail=runtime_error" });
    let (_, queued) = caller.post("/sglang/v1/videos", body).await.unwrap();

    caller.lab.clock().advance(HOUR);
    let (_, failed) = caller.get_json(&format!("/sglang/v1/videos/{}", id(&queued))).await;

    assert!(failed["error"]["message"].is_string() && failed["error"].get("code").is_none());
}

#[tokio::test]
async fn litellm_gives_long_ids_out_and_deletes_nothing() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({ "prompt": "a cat", "model": "openai/sora-2", "seconds": "4" });

    let (_, queued) = caller.post("/litellm/videos", body).await.unwrap();
    let path = format!("/litellm/v1/videos/{}", id(&queued));
    let (_, polled) = caller.get_json(&path).await;
    let nowhere = caller.get_json("/litellm/v1/videos/video_none").await;

    assert!(id(&queued).len() > 150);
    assert_eq!(polled["usage"]["duration_seconds"], 4.0);
    assert!(polled.get("prompt").is_none());
    assert_eq!(caller.delete(&path).await.status(), 405);
    assert_eq!((nowhere.0.as_u16(), &nowhere.1["error"]["code"]), (404, &json!("404")));
}

#[tokio::test]
async fn azure_words_its_errors_in_its_own_way() {
    let caller = TestClient::with_scenario("[providers.openai]\nconcurrency = 1").await;
    let path = "/azure/openai/v1/videos";
    let body = |size: &str| json!({ "prompt": "a cat", "model": "our-sora", "size": size });

    let (_, wrong) = caller.post(path, body("1024x1792")).await.unwrap();
    let with_key = caller.client.post(caller.url(path)).header("api-key", "lab-key");
    let taken = with_key.json(&body("1280x720")).send().await.unwrap();
    let (status, busy) = caller.post(path, body("1280x720")).await.unwrap();
    let no_key = caller.client.get(caller.url(path)).send().await.unwrap();

    let expected = json!({
        "message": "Too many running tasks", "type": "video_generation_user_error", "param": null,
        "code": null,
    });
    assert_eq!((taken.status().as_u16(), status.as_u16()), (200, 429));
    assert_eq!(busy["error"], expected);
    assert_eq!(wrong["error"]["type"], "video_generation_user_error");
    assert_eq!(no_key.json::<Value>().await.unwrap()["error"]["code"], "401");
}

#[tokio::test]
async fn azure_s_jobs_end_in_generations_with_ids_of_their_own() {
    let caller = TestClient::with_scenario("").await;
    let base = "/azure/openai/v1/video/generations";
    let body = json!({
        "model": "sora", "prompt": "a cat", "width": "480", "height": 480, "n_seconds": "2",
        "n_variants": 2,
    });
    let failing = json!({ "model": "sora", "prompt": "a cat lab:fail=content_moderation/input" });

    let unversioned = caller.post(&format!("{base}/jobs"), body.clone()).await.unwrap();
    let create = format!("{base}/jobs?api-version=preview");
    let (status, queued) = caller.post(&create, body).await.unwrap();
    let (_, failing) = caller.post(&create, failing).await.unwrap();
    caller.lab.clock().advance(FIVE_MINUTES);
    let job = |id: &str| format!("{base}/jobs/{id}?api-version=preview");
    let (_, done) = caller.get_json(&job(id(&queued))).await;
    let (_, failed) = caller.get_json(&job(id(&failing))).await;
    let made = id(&done["generations"][1]);
    let file = caller.get(&format!("{base}/{made}/content/video?api-version=preview")).await;

    assert_eq!((unversioned.0.as_u16(), status.as_u16()), (404, 201));
    assert!(id(&queued).starts_with("task_") && made.starts_with("gen_"));
    assert_eq!((&queued["status"], &done["status"]), (&json!("queued"), &json!("succeeded")));
    assert_eq!(done["generations"].as_array().unwrap().len(), 2);
    assert_eq!(file.headers()[header::CONTENT_TYPE], "video/mp4");
    assert_eq!(failed["failure_reason"], "input_moderation");
    assert_eq!(caller.delete(&job(id(&queued))).await.status(), 204);
}

#[tokio::test]
async fn new_api_takes_its_own_fields_and_leaves_out_what_is_empty() {
    let caller = TestClient::with_scenario("").await;
    let body = json!({
        "model": "kling-v1", "prompt": "a cat", "duration": 2.5, "width": 640, "height": 360,
    });

    let (_, queued) = caller.post("/newapi/v1/videos", body.clone()).await.unwrap();
    let (_, native) = caller.post("/newapi/v1/video/generations", body).await.unwrap();
    caller.lab.clock().advance(FIVE_MINUTES);
    let (_, done) = caller.get_json(&format!("/newapi/v1/videos/{}", id(&queued))).await;
    let task = native["task_id"].as_str().unwrap();
    let (_, task) = caller.get_json(&format!("/newapi/v1/video/generations/{task}")).await;

    assert_eq!((&queued["task_id"], &queued["seconds"]), (&queued["id"], &json!("3")));
    assert!(queued.get("error").is_none() && queued.get("completed_at").is_none());
    assert!(done["metadata"]["url"].is_string() && task["url"].is_string());
    assert_eq!(task["metadata"]["width"], 640);
    assert_eq!(caller.get("/newapi/v1/videos").await.status(), 405);
}

#[tokio::test]
async fn a_job_of_one_relay_is_not_known_to_another() {
    let caller = TestClient::with_scenario("").await;
    let (_, queued) = caller.form("/vllm/v1/videos", &[("prompt", "a cat")]).await;
    let id = id(&queued);

    let vllm = caller.get(&format!("/vllm/v1/videos/{id}")).await;
    let openai = caller.get(&format!("/v1/videos/{id}")).await;
    let (_, list) = caller.get_json("/v1/videos").await;

    assert_eq!((vllm.status().as_u16(), openai.status().as_u16()), (200, 404));
    assert_eq!(list["data"], json!([]));
}
