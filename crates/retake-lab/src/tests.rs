//! The faults that look the same for every provider, seen by a plain HTTP client.

use jiff::SignedDuration;
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

use crate::{Entry, Lab, LabConfig, Provider, ScenarioSource};

const fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// A lab whose clock stands still, and a client that calls it.
struct TestClient {
    lab: Lab,
    client: Client,
}

/// How a provider's API is called.
struct Api {
    provider: Provider,
    create: &'static str,
    /// The JSON pointer of the job's id in the response.
    id: &'static str,
    /// The path of a poll, up to the job's id.
    job: &'static str,
    body: fn(&str) -> Value,
    /// The JSON pointers of the status and the file of a finished job.
    status: &'static str,
    file: &'static str,
    /// Whether a status is that of a failed job.
    failed: fn(&Value) -> bool,
}

const APIS: [Api; 7] = [
    Api {
        provider: Provider::Openai,
        create: "/newapi/v1/videos",
        id: "/id",
        job: "/newapi/v1/videos/",
        body: |prompt| json!({ "model": "kling-v3", "prompt": prompt, "seconds": "4" }),
        status: "/status",
        file: "/metadata/url",
        failed: |it| it == "failed",
    },
    Api {
        provider: Provider::Openai,
        create: "/openrouter/api/v1/videos",
        id: "/id",
        job: "/openrouter/api/v1/videos/",
        body: |prompt| json!({ "model": "google/veo-3.1", "prompt": prompt, "duration": 4 }),
        status: "/status",
        file: "/urls/0",
        failed: |it| it == "failed",
    },
    Api {
        provider: Provider::Google,
        create: "/v1beta/models/veo-3.1-generate-preview:predictLongRunning",
        id: "/name",
        job: "/v1beta/",
        body: |prompt| json!({ "instances": [{ "prompt": prompt }] }),
        status: "/error",
        file: "/response/generateVideoResponse/generatedSamples/0/video/uri",
        failed: Value::is_object,
    },
    Api {
        provider: Provider::Runway,
        create: "/v1/text_to_video",
        id: "/id",
        job: "/v1/tasks/",
        body: |prompt| json!({ "model": "gen4.5", "promptText": prompt, "ratio": "1280:720", "duration": 5 }),
        status: "/status",
        file: "/output/0",
        failed: |it| it == "FAILED",
    },
    Api {
        provider: Provider::Luma,
        create: "/dream-machine/v1/generations",
        id: "/id",
        job: "/dream-machine/v1/generations/",
        body: |prompt| json!({ "model": "ray-2", "prompt": prompt, "generation_type": "video" }),
        status: "/state",
        file: "/assets/video",
        failed: |it| it == "failed",
    },
    Api {
        provider: Provider::Luma,
        create: "/agents/v1/generations",
        id: "/id",
        job: "/agents/v1/generations/",
        body: |prompt| json!({ "model": "ray-3.2", "type": "video", "prompt": prompt }),
        status: "/state",
        file: "/output/0/url",
        failed: |it| it == "failed",
    },
    Api {
        provider: Provider::Replicate,
        create: "/v1/models/google/veo-3.1/predictions",
        id: "/id",
        job: "/v1/predictions/",
        body: |prompt| json!({ "input": { "prompt": prompt } }),
        status: "/status",
        file: "/output",
        failed: |it| it == "failed",
    },
];

impl TestClient {
    async fn new() -> Self {
        let scenario = ScenarioSource::Text("[defaults]\ncreates_per_minute = 100".to_owned());
        let config = LabConfig { scenario, speed: Some(0.0), ..LabConfig::default() };
        let lab = Lab::start(config).await.unwrap();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { lab, client }
    }

    fn advance(&self, stretch: SignedDuration) {
        self.lab.clock().advance(stretch);
    }

    async fn create(&self, api: &Api, prompt: &str) -> Response {
        let url = format!("{}{}", self.lab.urls().provider(api.provider), api.create);
        let call = self.client.post(url).json(&(api.body)(prompt));
        with_keys(call).send().await.unwrap()
    }

    /// Creates a job and returns the path of its polls.
    async fn create_job(&self, api: &Api, prompt: &str) -> String {
        let answer = self.create(api, prompt).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{} {status} {body}", api.create);
        format!("{}{}", api.job, body.pointer(api.id).unwrap().as_str().unwrap())
    }

    async fn get(&self, api: &Api, path: &str) -> Response {
        let url = format!("{}{path}", self.lab.urls().provider(api.provider));
        with_keys(self.client.get(url)).send().await.unwrap()
    }

    async fn json(&self, api: &Api, path: &str) -> (StatusCode, Value) {
        let answer = self.get(api, path).await;
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// Downloads the file of a URL in a response.
    async fn file(&self, url: &str) -> Response {
        let answer = with_keys(self.client.get(url)).send().await.unwrap();
        match answer.headers().get(header::LOCATION) {
            Some(place) => {
                with_keys(self.client.get(place.to_str().unwrap())).send().await.unwrap()
            }
            None => answer,
        }
    }

    fn entry(&self) -> Entry {
        self.lab.ledger().entries.pop().unwrap()
    }
}

fn with_keys(call: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    call.bearer_auth("lab-key")
        .header("x-goog-api-key", "lab-key")
        .header("x-runway-version", "2024-11-06")
}

/// OpenAI's own API.
const VIDEOS: Api = Api {
    create: "/v1/videos",
    job: "/v1/videos/",
    body: |prompt| json!({ "prompt": prompt, "seconds": "12", "size": "1280x720" }),
    ..APIS[0]
};

#[tokio::test]
async fn a_late_create_is_listed_and_answered_only_when_its_time_has_come() {
    let caller = TestClient::new().await;
    let listed =
        || async { caller.json(&VIDEOS, "/v1/videos").await.1["data"].as_array().unwrap().len() };

    let answered = caller.create(&VIDEOS, "a cat lab:late-create");
    let looking = async {
        while caller.lab.ledger().entries.is_empty() {
            tokio::task::yield_now().await;
        }
        let before = (listed().await, caller.entry());
        caller.advance(seconds(150));
        (before, listed().await)
    };
    let (answer, ((none, received), one)) = tokio::join!(answered, looking);

    assert_eq!((none, one), (0, 1));
    assert_eq!((received.outcome.as_str(), received.accepted), ("received", false));
    assert_eq!(answer.status(), StatusCode::OK);
    caller.advance(seconds(3600));
    let entry = caller.entry();
    assert_eq!((entry.outcome.as_str(), entry.accepted), ("done", true));
    assert!(entry.billed_micros > 0 && entry.started_at.unwrap() >= entry.at + seconds(150));
}

#[tokio::test]
async fn a_late_answer_is_about_a_job_that_was_there_at_once() {
    let caller = TestClient::new().await;

    let answered = caller.create(&VIDEOS, "a cat lab:late-answer");
    let looking = async {
        while caller.lab.ledger().entries.is_empty() {
            tokio::task::yield_now().await;
        }
        caller.advance(seconds(100));
        let done = caller.entry();
        caller.advance(seconds(100));
        done
    };
    let (answer, done) = tokio::join!(answered, looking);

    assert_eq!(done.outcome, "done");
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "completed");
}

#[tokio::test]
async fn a_proxy_answers_an_accepted_create_with_a_page_on_every_wire() {
    let caller = TestClient::new().await;
    for (api, status) in APIS.iter().zip(["502", "503", "504", "302", "307", "503", "502"]) {
        let prompt = format!("a cat lab:proxy-after-accept=runtime_error/{status}");

        let answer = caller.create(api, &prompt).await;

        assert_eq!(answer.status().as_str(), status, "{}", api.create);
        assert_eq!(answer.headers().contains_key(header::LOCATION), status.starts_with('3'));
        assert!(answer.text().await.unwrap().starts_with("<html>"));
        let entry = caller.entry();
        assert_eq!((entry.accepted, entry.outcome.as_str()), (true, "queued"));
    }
    caller.advance(seconds(3600));
    assert!(caller.lab.ledger().entries.iter().all(|entry| entry.billed_micros > 0));
}

#[tokio::test]
async fn a_disguised_refusal_is_worded_as_ever_and_nothing_was_accepted() {
    let caller = TestClient::new().await;
    for api in APIS.iter().chain([&VIDEOS]) {
        let plain = caller.create(api, "a cat lab:refused=account").await;
        let usual = (plain.status(), plain.text().await.unwrap());

        let answer = caller.create(api, "a cat lab:disguised-refusal=account").await;

        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{}", api.create);
        assert!(usual.0.is_client_error(), "{usual:?}");
        let body = answer.text().await.unwrap();
        assert!(serde_json::from_str::<Value>(&body).unwrap().is_object(), "{body}");
        assert_eq!((caller.entry().outcome.as_str(), caller.entry().billed_micros), ("refused", 0));
    }
}

#[tokio::test]
async fn a_job_is_missing_once_in_the_middle_of_its_render_and_goes_on() {
    let caller = TestClient::new().await;
    for api in &APIS {
        let path = caller.create_job(api, "a cat lab:poll-missing").await;
        assert_eq!(caller.get(api, &path).await.status(), StatusCode::OK, "it waits");
        caller.advance(seconds(25));

        let missing = caller.get(api, &path).await.status();
        let again = caller.get(api, &path).await.status();
        caller.advance(seconds(3600));

        assert_eq!((missing, again), (StatusCode::NOT_FOUND, StatusCode::OK), "{path}");
        assert_eq!(caller.entry().outcome, "done");
    }
}

#[tokio::test]
async fn a_job_is_missing_for_some_time_when_the_scenario_says_so() {
    let rule = "[[fault]]\nwhat = { kind = \"poll-missing\", lasting = \"2m\" }";
    let scenario = ScenarioSource::Text(rule.to_owned());
    let config = LabConfig { scenario, speed: Some(0.0), ..LabConfig::default() };
    let lab = Lab::start(config).await.unwrap();
    let caller = TestClient { lab, ..TestClient::new().await };
    let path = caller.create_job(&VIDEOS, "a cat").await;

    let mut seen = Vec::new();
    for wait in [25, 10, 60, 60] {
        caller.advance(seconds(wait));
        seen.push(caller.get(&VIDEOS, &path).await.status().as_u16());
    }

    assert_eq!(seen, [404, 404, 404, 200]);
}

#[tokio::test]
async fn an_envelope_of_a_relay_comes_with_200_and_the_render_goes_on() {
    let caller = TestClient::new().await;
    for (shape, code) in [
        ("do_request_failed", json!("do_request_failed")),
        ("500", json!(500)),
        ("fail_to_fetch_task", json!("fail_to_fetch_task")),
    ] {
        let prompt = format!("a cat lab:poll-envelope=runtime_error/{shape}");
        let path = caller.create_job(&APIS[0], &prompt).await;
        caller.advance(seconds(25));

        let (status, body) = caller.json(&APIS[0], &path).await;
        caller.advance(seconds(3600));
        let (_, after) = caller.json(&APIS[0], &path).await;

        assert_eq!((status, &body["code"], body.get("id")), (StatusCode::OK, &code, None));
        assert_eq!(after["status"], "completed");
    }
}

#[tokio::test]
async fn a_finished_job_may_say_that_it_failed_or_nothing_known_beside_its_file() {
    let caller = TestClient::new().await;
    for api in &APIS {
        for kind in ["failed-with-file", "unknown-with-file"] {
            let path = caller.create_job(api, &format!("a cat lab:{kind}")).await;
            caller.advance(seconds(120));

            let (status, job) = caller.json(api, &path).await;
            let url = job.pointer(api.file).unwrap_or_else(|| panic!("{kind} {job:#}"));
            let file = caller.file(url.as_str().unwrap()).await;

            assert_eq!(status, StatusCode::OK);
            let word = job.pointer(api.status).unwrap_or(&Value::Null);
            assert_eq!((api.failed)(word), kind == "failed-with-file", "{job:#}");
            assert_ne!(word, "completed");
            assert!(file.bytes().await.unwrap().len() > 1000, "{path}");
            assert_eq!(caller.entry().outcome, "done");
            assert!(caller.entry().billed_micros > 0);
        }
    }
}

#[tokio::test]
async fn a_clamped_video_is_shorter_and_cheaper_and_the_answer_to_the_create_says_so() {
    let caller = TestClient::new().await;
    let plain: Value = caller.create(&VIDEOS, "a cat").await.json().await.unwrap();
    let clamped: Value = caller.create(&VIDEOS, "a cat lab:clamped").await.json().await.unwrap();
    caller.advance(seconds(120));
    let prices: Vec<_> = caller.lab.ledger().entries.iter().map(|it| it.billed_micros).collect();
    let path = format!("/v1/videos/{}/content", clamped["id"].as_str().unwrap());
    let video = caller.get(&VIDEOS, &path).await.bytes().await.unwrap();

    assert_eq!((&plain["seconds"], &clamped["seconds"]), (&json!("12"), &json!("8")));
    assert_eq!(prices[1] * 12, prices[0] * 8);
    let found = retake_media::probe(std::io::Cursor::new(video)).unwrap();
    assert_eq!(found.duration.as_duration().as_millis(), 8000);
}

/// What a prompt's first and second download get: status, type and length.
async fn downloads(caller: &TestClient, prompt: &str) -> [(u16, String, usize); 2] {
    let path = caller.create_job(&VIDEOS, prompt).await;
    caller.advance(seconds(120));
    let path = format!("{path}/content");
    let load = async || {
        let answer = caller.get(&VIDEOS, &path).await;
        let kind = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.bytes().await.unwrap().len())
    };
    [load().await, load().await]
}

#[tokio::test]
async fn a_download_goes_wrong_once_in_each_way_and_the_render_is_billed_once() {
    let caller = TestClient::new().await;
    let [(_, _, whole), _] = downloads(&caller, "a cat").await;
    for (kind, status, media_type) in [
        ("page-for-file", 200, "text/html; charset=utf-8"),
        ("json-for-file", 200, "application/json"),
        ("empty-file", 200, "video/mp4"),
        ("half-file", 200, "video/mp4"),
        ("half-file=runtime_error/chunked", 200, "video/mp4"),
        ("file-refused=runtime_error/403", 403, "application/xml"),
        ("file-refused=runtime_error/404", 404, "application/xml"),
        ("file-refused=runtime_error/410", 410, "application/xml"),
    ] {
        let [first, second] = downloads(&caller, &format!("a cat lab:{kind}")).await;

        assert_eq!((first.0, first.1.as_str()), (status, media_type), "{kind}");
        assert!(first.2 < whole && second == (200, "video/mp4".to_owned(), whole), "{kind}");
        assert_eq!((caller.entry().outcome.as_str(), caller.entry().downloads), ("done", 2));
    }
    let [first, second] = downloads(&caller, "a cat lab:trailing-bytes").await;
    assert!(first.2 > whole && first == second, "{first:?}");
}

#[tokio::test]
async fn a_model_renders_in_steps_of_its_own() {
    let caller = TestClient::new().await;
    let path = caller.create_job(&VIDEOS, "a cat lab:grain").await;
    caller.advance(seconds(120));

    let video = caller.get(&VIDEOS, &format!("{path}/content")).await.bytes().await.unwrap();

    let found = retake_media::probe(std::io::Cursor::new(video)).unwrap();
    assert_eq!((found.picture.width, found.picture.height), (1280, 704));
    // 295 frames at 24 a second.
    assert_eq!(found.duration.as_duration().as_millis(), 12_291);
}

#[tokio::test]
async fn an_answer_comes_byte_by_byte_with_a_pause_before_each() {
    let caller = TestClient::new().await;
    let path = caller.create_job(&VIDEOS, "a cat lab:drip-polls").await;
    let begun = caller.lab.clock().now();

    let reading = async { caller.get(&VIDEOS, &path).await.bytes().await.unwrap() };
    let moving = async {
        loop {
            if !caller.lab.clock().held_answers().is_empty() {
                caller.advance(seconds(5));
            }
            tokio::task::yield_now().await;
        }
    };
    let body = tokio::select! {
        body = reading => body,
        () = moving => unreachable!("it moves for ever"),
    };

    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["object"], "video");
    let took = caller.lab.clock().now().duration_since(begun);
    assert!(took >= seconds(5 * i64::try_from(body.len()).unwrap()), "{took}");
}
