use std::time::Duration;

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{Lab, LabConfig, Provider, ScenarioSource, router_ext::RouterExt as _, tasks::Tasks};

const MODEL: &str = "/v1/projects/p/locations/us-central1/publishers/google/models";
const VEO: &str = "veo-3.1-fast-generate-001";
const MINUTES: SignedDuration = SignedDuration::from_mins(5);

/// A lab whose clock stands almost still unless a test advances it, and a client that calls it.
struct TestClient {
    lab: Lab,
    client: reqwest::Client,
    base: String,
}

/// A status and a body.
type Reply = (u16, Value);

impl TestClient {
    async fn with_scenario(scenario: &str) -> Self {
        let scenario = ScenarioSource::Text(scenario.to_owned());
        let config = LabConfig { speed: Some(0.01), scenario, ..LabConfig::default() };
        let lab = Lab::start(config).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = lab.urls().provider(Provider::Google).to_owned();
        Self { lab, client, base }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call_as(method, path, ("x-goog-api-key", "lab-key"), body).await
    }

    async fn call_as(&self, method: &str, path: &str, who: (&str, &str), body: Value) -> Reply {
        let request = self.client.request(method.parse().unwrap(), self.url(path));
        let request = request.header(who.0, who.1);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    /// An access token for an account.
    async fn token(&self) -> String {
        let now = self.lab.clock().wall().as_second();
        let claims = json!({ "iss": "robot@lab.invalid", "iat": now, "exp": now + 3600 });
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.{claims}.x"
        );
        let answer = self.client.post(self.url("/token")).body(form).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn vertex(&self, token: &str, verb: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let path = format!("{MODEL}/{VEO}:{verb}");
        self.call_as("POST", &path, ("authorization", &bearer), body).await
    }

    /// Creates an operation on Vertex and polls it when it has ended.
    async fn vertex_end(&self, prompt: &str, parameters: Value) -> Value {
        let body = json!({ "instances": [{ "prompt": prompt }], "parameters": parameters });
        let (_, created) = self.vertex("robot", "predictLongRunning", body).await;
        self.lab.clock().advance(MINUTES);
        let body = json!({ "operationName": created["name"] });
        self.vertex("robot", "fetchPredictOperation", body).await.1
    }

    async fn interaction(&self, body: Value) -> Reply {
        let mut whole = json!({ "model": "gemini-omni-1.2-flash", "background": true });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        self.call("POST", "/v1beta/interactions", whole).await
    }
}

#[tokio::test]
async fn a_token_is_good_for_an_hour_of_the_lab() {
    let caller = TestClient::with_scenario("").await;
    let token = caller.token().await;
    let body = json!({ "instances": [{ "prompt": "a cat" }] });

    let (first, created) = caller.vertex(&token, "predictLongRunning", body).await;
    caller.lab.clock().advance(SignedDuration::from_mins(61));
    let poll = json!({ "operationName": created["name"] });
    let (expired, error) = caller.vertex(&token, "fetchPredictOperation", poll.clone()).await;
    let (renewed, _) = caller.vertex(&caller.token().await, "fetchPredictOperation", poll).await;

    assert_eq!((first, expired, renewed), (200, 401, 200));
    assert_eq!(error["error"]["status"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_the_filters_take_is_counted_and_is_no_error() {
    let caller = TestClient::with_scenario("").await;

    let none = caller.vertex_end("lab:fail=content_moderation/child", json!({})).await;
    let some = caller.vertex_end("a cat, lab:partial", json!({ "sampleCount": 4 })).await;
    let bare = caller.vertex_end("a cat, lab:done-without-video", json!({})).await;

    assert_eq!(none["response"]["raiMediaFilteredCount"], 1);
    let reason = none["response"]["raiMediaFilteredReasons"][0].as_str().unwrap();
    assert!(reason.contains("58061214") || reason.contains("17301594"), "{reason}");
    assert!(none.get("error").is_none() && none["response"].get("videos").is_none());
    assert_eq!(some["response"]["videos"].as_array().unwrap().len(), 2);
    assert_eq!(some["response"]["raiMediaFilteredCount"], 2);
    assert!(bare["done"] == true && bare["response"].as_object().unwrap().len() == 1, "{bare}");
}

#[tokio::test]
async fn a_failed_operation_carries_the_number_of_its_code() {
    let caller = TestClient::with_scenario("").await;
    for (trigger, number) in [
        ("runtime_error/internal", 13),
        ("capacity/resource-exhausted", 8),
        ("capacity/unavailable", 14),
        ("invalid_request/invalid-argument", 3),
        ("dependency_timeout", 4),
        ("account/permission-denied", 7),
        ("content_moderation/op-error", 3),
    ] {
        let ended = caller.vertex_end(&format!("a cat lab:fail={trigger}"), json!({})).await;

        assert_eq!(ended["error"]["code"], number, "{trigger}: {ended}");
    }
}

#[tokio::test]
async fn results_go_to_the_caller_s_bucket_and_are_read_there_with_a_token() {
    let caller = TestClient::with_scenario("").await;
    let storage = json!({ "storageUri": "gs://bucket/out/" });
    let ended = caller.vertex_end("a cat", storage).await;
    let uri = ended["response"]["videos"][0]["gcsUri"].as_str().unwrap();
    let object = uri.strip_prefix("gs://bucket/").unwrap().replace('/', "%2F");
    let url = caller.url(&format!("/storage/v1/b/bucket/o/{object}?alt=media"));

    let stranger = caller.client.get(&url).send().await.unwrap();
    let file =
        caller.client.get(&url).header("authorization", "Bearer robot").send().await.unwrap();

    assert_eq!(stranger.status(), 401);
    assert_eq!(file.headers()["content-type"], "video/mp4");
    assert_eq!(&file.bytes().await.unwrap()[4..8], b"ftyp");
}

#[tokio::test]
async fn a_file_of_the_gemini_api_needs_its_key_and_is_gone_after_two_days() {
    let caller = TestClient::with_scenario("").await;
    let create = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning";
    let body =
        json!({ "instances": [{ "prompt": "a cat" }], "parameters": { "durationSeconds": 4 } });
    let (_, created) = caller.call("POST", create, body).await;
    let path = format!("/v1beta/{}", created["name"].as_str().unwrap());
    caller.lab.clock().advance(MINUTES);
    let (_, ended) = caller.call("GET", &path, Value::Null).await;
    let samples = &ended["response"]["generateVideoResponse"]["generatedSamples"];
    let uri = samples[0]["video"]["uri"].as_str().unwrap();

    let keyed = caller.client.get(uri).header("x-goog-api-key", "lab-key").send().await.unwrap();
    let (other, _) = caller.call_as("GET", uri, ("x-goog-api-key", "other"), Value::Null).await;
    caller.lab.clock().advance(SignedDuration::from_hours(49));
    let (late, error) = caller.call("GET", uri, Value::Null).await;

    assert!(keyed.url().path().starts_with("/download/"), "{}", keyed.url());
    assert_eq!(&keyed.bytes().await.unwrap()[4..8], b"ftyp");
    assert_eq!((other, late), (403, 403));
    assert_eq!(error["error"]["status"], "PERMISSION_DENIED");
}

#[tokio::test]
async fn retired_models_are_not_found() {
    let caller = TestClient::with_scenario("shutdown = true").await;
    let veo = json!({ "instances": [{ "prompt": "a cat" }] });
    let post = |path: String, body: Value| {
        let caller = &caller;
        async move { caller.call("POST", &path, body).await.0 }
    };

    let preview = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning".to_owned();
    let old = "/v1beta/models/veo-3.0-generate-001:predictLongRunning".to_owned();
    let omni = json!({ "model": "gemini-omni-flash-preview", "input": "a cat" });

    assert_eq!(post(preview, veo.clone()).await, 404);
    assert_eq!(post(old, veo).await, 404);
    assert_eq!(post("/v1beta/interactions".to_owned(), omni).await, 404);
}

#[tokio::test]
async fn an_interaction_goes_from_queued_to_completed_and_can_be_cancelled_before() {
    let caller = TestClient::with_scenario("").await;
    let format = json!({ "type": "video", "delivery": "uri", "duration": "3s" });
    let (_, first) = caller.interaction(json!({ "input": "a", "response_format": format })).await;
    let (_, second) = caller.interaction(json!({ "input": "b" })).await;
    let path = |it: &Value| format!("/v1beta/interactions/{}", it["id"].as_str().unwrap());

    let (_, cancelled) = caller.call("POST", &format!("{}/cancel", path(&second)), json!({})).await;
    caller.lab.clock().advance(SignedDuration::from_secs(10));
    let (_, running) = caller.call("GET", &path(&first), Value::Null).await;
    caller.lab.clock().advance(MINUTES);
    let (_, done) = caller.call("GET", &path(&first), Value::Null).await;
    let (unknown, error) = caller.call("GET", "/v1beta/interactions/v1_no", Value::Null).await;

    assert_eq!(first["status"], "queued");
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(running["status"], "in_progress");
    assert_eq!(done["status"], "completed");
    assert_eq!(done["steps"][0]["content"][0]["type"], "video");
    assert!(done["steps"][0]["content"][0]["uri"].is_string());
    assert_eq!((unknown, &error["error"]["code"]), (400, &json!("invalid_request")));
}

#[tokio::test]
async fn a_refused_interaction_may_be_completed_without_a_video() {
    let caller = TestClient::with_scenario("").await;
    let input = json!({ "input": "a cat, lab:fail=content_moderation/no-video" });
    let (_, created) = caller.interaction(input).await;
    caller.lab.clock().advance(MINUTES);

    let path = format!("/v1beta/interactions/{}", created["id"].as_str().unwrap());
    let (_, ended) = caller.call("GET", &path, Value::Null).await;

    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["steps"][0]["content"][0]["type"], "text");
    assert_eq!(caller.lab.ledger().entries[0].outcome, "failed");
}

#[tokio::test]
async fn an_error_may_come_in_an_array_and_tells_when_to_come_again() {
    let caller = TestClient::with_scenario("").await;
    let limited = "[[fault]]\nwhat = { kind = \"rate-limited\", shape = \"array\" }";
    let limited =
        TestClient::with_scenario(limited).await.interaction(json!({ "input": "a" })).await;

    let (status, refused) =
        caller.interaction(json!({ "input": "a lab:refused=account/array" })).await;

    assert_eq!(limited.0, 429);
    assert_eq!(limited.1[0]["error"]["status"], "RESOURCE_EXHAUSTED");
    let details = limited.1[0]["error"]["details"].as_array().unwrap();
    assert!(details.iter().any(|it| it["retryDelay"].is_string()), "{details:?}");
    assert!(refused[0]["error"]["message"].is_string(), "{status} {refused}");
}

/// The webhooks that a receiver got.
type Inbox = mpsc::UnboundedReceiver<(HeaderMap, String)>;

async fn receiver() -> (String, Inbox) {
    let (sender, inbox) = mpsc::unbounded_channel();
    let receive =
        |State(sender): State<mpsc::UnboundedSender<_>>, headers: HeaderMap, body: String| {
            sender.send((headers, body)).unwrap();
            std::future::ready(())
        };
    let router = Router::new().at("/", post(receive)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let tasks = Tasks::default();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, inbox)
}

/// Advances the clock until this many webhooks have arrived.
async fn wait_for(
    caller: &TestClient,
    inbox: &mut Inbox,
    count: usize,
) -> Vec<(HeaderMap, String)> {
    let mut got = Vec::new();
    for _ in 0..1000 {
        caller.lab.clock().advance(MINUTES);
        let next = tokio::time::timeout(Duration::from_millis(20), inbox.recv()).await;
        got.extend(next.into_iter().flatten());
        if got.len() >= count {
            return got;
        }
    }
    panic!("of {count} webhooks only these came: {got:?}");
}

#[tokio::test]
async fn a_dynamic_webhook_comes_twice_with_one_id_and_a_jwt_that_the_key_set_verifies() {
    let caller = TestClient::with_scenario("").await;
    let (url, mut inbox) = receiver().await;
    let hook = json!({ "uris": [url], "user_metadata": { "job": "j-1" } });
    let input = json!({ "input": "a cat lab:webhook-twice", "webhook_config": hook });

    let (_, created) = caller.interaction(input).await;
    let got = wait_for(&caller, &mut inbox, 2).await;

    let (_, keys) = caller.call("GET", "/.well-known/jwks.json", Value::Null).await;
    assert_eq!(got[0].0["webhook-id"], got[1].0["webhook-id"]);
    let claims = verified(got[0].0["webhook-signature"].to_str().unwrap(), &keys["keys"][0]);
    let event: Value = serde_json::from_str(&got[0].1).unwrap();
    assert_eq!(event["type"], "interaction.completed");
    assert_eq!(event["data"]["id"], created["id"]);
    assert_eq!(event["user_metadata"]["job"], "j-1");
    assert_eq!((&claims["aud"], &claims["data"]), (&json!(url), &event["data"]));
}

#[tokio::test]
async fn a_forged_dynamic_webhook_does_not_verify() {
    let caller = TestClient::with_scenario("").await;
    let (url, mut inbox) = receiver().await;
    let hook = json!({ "uris": [url] });
    let input = json!({ "input": "a lab:webhook-forged", "webhook_config": hook });

    caller.interaction(input).await;
    let got = wait_for(&caller, &mut inbox, 2).await;

    let (_, keys) = caller.call("GET", "/.well-known/jwks.json", Value::Null).await;
    let signature = |nth: usize| got[nth].0["webhook-signature"].to_str().unwrap().to_owned();
    assert!(claims_of(&signature(0), &keys["keys"][0]).is_none());
    assert!(claims_of(&signature(1), &keys["keys"][0]).is_some());
    assert!(got[0].1.contains("interaction.failed"), "{}", got[0].1);
}

#[tokio::test]
async fn after_a_rotation_registered_webhooks_are_signed_with_both_secrets_for_a_day() {
    let caller = TestClient::with_scenario("").await;
    let (url, mut inbox) = receiver().await;
    let hook = json!({ "uri": url, "subscribed_events": ["video.generated"] });
    let (_, hook) = caller.call("POST", "/v1beta/webhooks", hook).await;
    let path = format!("/v1beta/webhooks/{}", hook["id"].as_str().unwrap());
    let (_, rotated) = caller.call("POST", &format!("{path}:rotateSigningSecret"), json!({})).await;

    let create = "/v1beta/models/veo-3.1-lite-generate-preview:predictLongRunning";
    caller.call("POST", create, json!({ "instances": [{ "prompt": "a cat" }] })).await;
    let (headers, body) = wait_for(&caller, &mut inbox, 1).await.remove(0);

    let text = |name: &str| headers[name].to_str().unwrap();
    let signature = |secret: &Value| {
        let at = text("webhook-timestamp").parse().unwrap();
        super::signatures::sign_standard(secret.as_str().unwrap(), text("webhook-id"), at, &body)
    };
    let expected =
        format!("{} {}", signature(&hook["new_signing_secret"]), signature(&rotated["secret"]));
    assert_eq!(text("webhook-signature"), expected);
    assert!(body.contains("video.generated"), "{body}");
    let sent: i64 = text("webhook-timestamp").parse().unwrap();
    let now: Timestamp = caller.lab.clock().wall();
    assert!((now.as_second() - sent).abs() < 60);
}

fn verified(jwt: &str, key: &Value) -> Value {
    claims_of(jwt, key).expect("a valid signature")
}

fn claims_of(jwt: &str, key: &Value) -> Option<Value> {
    let (text, signature) = jwt.rsplit_once('.')?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let part = |name: &str| bytes(key[name].as_str().unwrap());
    let public = RsaPublicKeyComponents { n: part("n"), e: part("e") };
    public.verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &bytes(signature)).ok()?;
    serde_json::from_slice(&bytes(text.split_once('.')?.1)).ok()
}
