//! Webhooks: endpoints over HTTP, and what they are told.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    gateway::{TestGateway, small},
    receiver::{Receiver, Request},
};

const ENDPOINTS: &str = "/v1/webhook_endpoints";

/// A gateway that reaches the receivers of tests, which are on this machine.
async fn a_gateway() -> TestGateway {
    TestGateway::with(|config| config.server.allow_private_addresses = true).await
}

fn an_endpoint(url: &str) -> Value {
    json!({ "name": "receiver", "url": url, "event_types": ["video.completed", "video.failed"] })
}

async fn created(retake: &TestGateway, url: &str) -> Value {
    let answer = retake.post(ENDPOINTS, an_endpoint(url)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn get(retake: &TestGateway, path: &str) -> Value {
    retake.get(path).await.json().await.unwrap()
}

async fn post(retake: &TestGateway, path: &str, body: Value) -> (u16, Value) {
    let answer = retake.post(path, body).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn path_of(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap())
}

fn is_accepted(request: &Request, secret: &Value) -> bool {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let mut headers = reqwest::header::HeaderMap::new();
    for name in names {
        headers.insert(name, request.header(name).parse().unwrap());
    }
    let secret = Webhook::new(secret.as_str().unwrap()).unwrap();
    secret.verify(request.body.as_bytes(), &headers).is_ok()
}

/// Waits until the newest delivery to an endpoint is in a state.
async fn until_delivery(retake: &TestGateway, endpoint: &Value, state: &str) -> Value {
    let path = format!("{}/deliveries", path_of(endpoint));
    let mut last = Value::Null;
    let wait = async {
        loop {
            last = get(retake, &path).await["data"][0].clone();
            if last["state"] == state {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_mins(4), wait).await.is_ok();
    assert!(in_time, "not {state} in time, but {last:#}");
    last
}

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_and_deleted() {
    let retake = a_gateway().await;

    let made = created(&retake, "https://receiver.example/hook").await;
    let path = path_of(&made);
    let secret = made["signing_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let shown = get(&retake, &path).await;
    assert_eq!(shown["object"], "webhook_endpoint");
    assert_eq!(shown["event_types"], json!(["video.completed", "video.failed"]));
    assert_eq!(shown["retake"]["enabled"], true);
    assert_eq!(shown["created_at"], shown["updated_at"]);
    assert!(!shown.to_string().contains(secret), "it is shown once: {shown}");
    let hint = shown["signing_secret_hint"].as_str().unwrap();
    assert!(secret.trim_end_matches('=').ends_with(hint.rsplit('…').next().unwrap()), "{hint}");

    let change = json!({
        "name": "another", "url": "https://another.example/", "event_types": ["video.failed"],
        "retake": { "enabled": false },
    });
    let (status, changed) = post(&retake, &path, change).await;
    assert_eq!((status, &changed["name"]), (200, &json!("another")));
    assert_eq!(changed["url"], "https://another.example/");
    assert_eq!(changed["event_types"], json!(["video.failed"]));
    assert_eq!(changed["retake"]["disabled_because"], "asked");
    assert_eq!(get(&retake, &path).await, changed);
    assert_eq!(post(&retake, &path, json!({})).await.1, changed);

    let (_, rotated) = post(&retake, &format!("{path}/rotate_secret"), json!({})).await;
    assert_ne!(rotated["signing_secret"], made["signing_secret"]);
    assert_eq!(rotated["retake"]["former_secret_until"], Value::Null);
    let keep = json!({ "keep_old_secret_active_for_24_hours": true });
    let (_, kept) = post(&retake, &format!("{path}/rotate_secret"), keep).await;
    assert!(kept["retake"]["former_secret_until"].is_i64(), "{kept}");
    let bodyless = retake.call(Method::POST, &format!("{path}/rotate_secret"), None, None).await;
    assert_eq!(bodyless.status(), StatusCode::OK);

    let deleted: Value = retake.delete(&path).await.json().await.unwrap();
    let expected =
        json!({ "id": made["id"], "object": "webhook_endpoint.deleted", "deleted": true });
    assert_eq!(deleted, expected);
    assert_eq!(retake.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get(&retake, ENDPOINTS).await["data"], json!([]));
    let types = get(&retake, "/v1/webhook_event_types").await;
    assert_eq!(types["data"], json!(["video.completed", "video.failed"]));
}

#[tokio::test]
async fn a_finished_video_is_told_and_the_delivery_is_on_record() {
    let (retake, receiver) = (a_gateway().await, Receiver::start());
    let endpoint = created(&retake, &receiver.url("/hook")).await;
    let deaf =
        json!({ "name": "deaf", "url": receiver.url("/no"), "event_types": ["video.failed"] });
    post(&retake, ENDPOINTS, deaf).await;

    let video = retake.create(json!({})).await;
    let request = receiver.until(1).await.remove(0);

    let told = request.json();
    assert_eq!(
        (&told["type"], &told["data"]),
        (&json!("video.completed"), &json!({ "id": video }))
    );
    assert_eq!(told["object"], "event");
    assert_eq!(request.header("webhook-id"), told["id"]);
    assert!(request.head.starts_with("POST /hook "), "{}", request.head);
    assert!(is_accepted(&request, &endpoint["signing_secret"]));
    assert_eq!(retake.video(&video).await["status"], "completed", "told after, never before");
    let delivery = until_delivery(&retake, &endpoint, "delivered").await;
    assert_eq!((&delivery["id"], &delivery["video_id"]), (&told["id"], &json!(video)));
    assert_eq!(delivery["tries"][0]["status_code"], 204);
    assert_eq!(delivery["tries"][0]["error"], Value::Null);
    let one = format!("{}/deliveries/{}", path_of(&endpoint), delivery["id"].as_str().unwrap());
    assert_eq!(get(&retake, &one).await, delivery);

    let (status, again) = post(&retake, &format!("{one}/redeliver"), json!({})).await;
    assert_eq!((status, &again["state"]), (200, &json!("pending")));
    let second = receiver.until(2).await.remove(1);
    assert_eq!(second.header("webhook-id"), request.header("webhook-id"));
    assert_eq!(until_delivery(&retake, &endpoint, "delivered").await["tries"][1]["number"], 2);
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_comes_back_is_told_what_it_missed() {
    let retake = a_gateway().await;
    let receiver = Receiver::that_says(b"HTTP/1.1 500 Oh no\r\ncontent-length: 0\r\n\r\n");
    let endpoint = created(&retake, &receiver.url("/")).await;
    let video = retake.create(json!({ "seconds": "120", "size": "1280x720" })).await;
    retake.post(&format!("/v1/videos/{video}/cancel"), json!({})).await;

    receiver.until(1).await;
    receiver.says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let delivery = until_delivery(&retake, &endpoint, "delivered").await;

    let codes: Vec<_> =
        delivery["tries"].as_array().unwrap().iter().map(|one| &one["status_code"]).collect();
    assert_eq!(codes, [&json!(500), &json!(200)]);
    assert_eq!(delivery["event_type"], "video.failed");
    assert!(delivery["tries"][0]["error"].as_str().unwrap().contains("500"));
}

#[tokio::test]
async fn a_test_delivery_goes_out_now_and_leaves_no_record() {
    let (retake, receiver) = (a_gateway().await, Receiver::start());
    let endpoint = created(&retake, &receiver.url("/")).await;
    let path = format!("{}/test", path_of(&endpoint));
    let test = json!({ "event_type": "video.failed" });

    let (status, result) = post(&retake, &path, test.clone()).await;

    let expected = json!({
        "object": "webhook_endpoint.test", "webhook_endpoint_id": endpoint["id"],
        "event_type": "video.failed", "status_code": 204, "success": true,
    });
    assert_eq!((status, result), (200, expected));
    let request = receiver.until(1).await.remove(0);
    assert!(is_accepted(&request, &endpoint["signing_secret"]));
    let about = request.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(retake.get(&format!("/v1/videos/{about}")).await.status(), StatusCode::NOT_FOUND);
    receiver.says(b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(post(&retake, &path, test.clone()).await.1["status_code"], 418);
    assert_eq!(
        get(&retake, &format!("{}/deliveries", path_of(&endpoint))).await["data"],
        json!([])
    );

    let nobody = created(&retake, "http://127.0.0.1:1/").await;
    let answer = retake.post(&format!("{}/test", path_of(&nobody)), test).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers()["x-should-retry"], "false");
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "webhook_test_failed");
}

#[tokio::test]
async fn an_endpoint_that_makes_no_sense_is_refused_with_its_parameter() {
    let retake = TestGateway::start().await;
    let cases = [
        ("name", Value::Null, "missing_required_parameter"),
        ("url", Value::Null, "missing_required_parameter"),
        ("event_types", Value::Null, "missing_required_parameter"),
        ("name", json!(" "), "invalid_value"),
        ("name", json!("x".repeat(101)), "invalid_value"),
        ("name", json!("a\nb"), "invalid_value"),
        ("name", json!(7), "invalid_type"),
        ("event_types", json!([]), "invalid_value"),
        ("event_types", json!(["batch.completed"]), "invalid_value"),
        ("event_types", json!([7]), "invalid_type"),
        ("event_types", json!("video.failed"), "invalid_type"),
        ("secret", json!("whsec_"), "unknown_parameter"),
        ("url", json!("receiver"), "invalid_value"),
        ("url", json!("ftp://receiver.example/"), "invalid_value"),
        ("url", json!("https://u:p@receiver.example/"), "invalid_value"),
        ("url", json!("http://127.0.0.1:9/"), "address_not_allowed"),
        ("url", json!("http://0x7f.1/"), "address_not_allowed"),
        ("url", json!("http://169.254.169.254/"), "address_not_allowed"),
    ];
    for (param, value, code) in cases {
        let mut body = an_endpoint("https://receiver.example/");
        body[param] = value;
        let (status, answer) = post(&retake, ENDPOINTS, body.clone()).await;
        let error = &answer["error"];
        assert_eq!((status, &error["code"]), (400, &json!(code)), "{body}: {answer}");
        assert_eq!(error["param"], param, "{body}: {answer}");
    }
    assert_eq!(get(&retake, ENDPOINTS).await["data"], json!([]));
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused_with_its_parameter() {
    let retake = TestGateway::start().await;
    let made = created(&retake, "https://receiver.example/").await;
    let path = path_of(&made);

    for (path, body, code, param) in [
        (path.clone(), json!({ "retake": { "enable": true } }), "unknown_parameter", "enable"),
        (path.clone(), json!({ "retake": { "enabled": "yes" } }), "invalid_type", "enabled"),
        (path.clone(), json!({ "retake": true }), "invalid_type", "retake"),
        (path.clone(), json!({ "url": "http://10.0.0.1/" }), "address_not_allowed", "url"),
        (format!("{path}/test"), json!({}), "missing_required_parameter", "event_type"),
        (format!("{path}/test"), json!({ "event_type": "x" }), "invalid_value", "event_type"),
        (format!("{path}/rotate_secret"), json!({ "keep": true }), "unknown_parameter", "keep"),
    ] {
        let (status, answer) = post(&retake, &path, body.clone()).await;
        let error = &answer["error"];
        assert_eq!((status, &error["code"]), (400, &json!(code)), "{body}: {answer}");
        assert_eq!(error["param"], param, "{body}: {answer}");
    }
    let (limit, order) = (format!("{ENDPOINTS}?limit=101"), format!("{path}/deliveries?order=up"));
    assert_eq!(get(&retake, &limit).await["error"]["param"], "limit");
    assert_eq!(get(&retake, &order).await["error"]["param"], "order");
    let same = get(&retake, &path).await;
    assert_eq!((&same["url"], &same["updated_at"]), (&made["url"], &made["updated_at"]));
}

#[tokio::test]
async fn unknown_endpoints_and_deliveries_have_their_own_answers() {
    let retake = TestGateway::start().await;
    let made = created(&retake, "https://receiver.example/").await;
    let path = path_of(&made);

    for unknown in ["whep_1", "whep_00000000000000000000000000000000", "..%2f..%2fetc"] {
        let answer = get(&retake, &format!("{ENDPOINTS}/{unknown}")).await;
        assert_eq!(answer["error"]["code"], "webhook_endpoint_not_found", "{unknown}");
        let answer = get(&retake, &format!("{path}/deliveries/{unknown}")).await;
        assert_eq!(answer["error"]["code"], "webhook_delivery_not_found", "{unknown}");
    }
    for query in ["limit=0", "after=whep_nope"] {
        assert_eq!(
            get(&retake, &format!("{ENDPOINTS}?{query}")).await["data"],
            json!([]),
            "{query}"
        );
    }
    let put = retake.call(Method::PUT, &path, None, None).await;
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn pages_of_endpoints_meet_and_there_may_be_twenty() {
    let retake = TestGateway::start().await;
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(created(&retake, "https://receiver.example/").await["id"].clone());
    }

    let refused = retake.post(ENDPOINTS, an_endpoint("https://receiver.example/")).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(refused.headers()["x-should-retry"], "false");
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"]["code"], "too_many_webhook_endpoints");

    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&retake, &format!("{ENDPOINTS}?limit=8{after}")).await;
        let data = page["data"].as_array().unwrap();
        assert_eq!(
            (&page["first_id"], &page["last_id"]),
            (&data[0]["id"], &data[data.len() - 1]["id"])
        );
        seen.extend(data.iter().map(|one| one["id"].clone()));
        after = format!("&after={}", page["last_id"].as_str().unwrap());
        if page["has_more"] == false {
            break;
        }
    }
    seen.sort_by_key(Value::to_string);
    made.sort_by_key(Value::to_string);
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_key_is_told_of_its_own_videos_and_sees_its_own_endpoints() {
    let (retake, receiver) = (a_gateway().await, Receiver::start());
    let wish = |name: &str| json!({ "name": name, "admin": name == "admin" });
    let key = async |name: &str, with: Option<&str>| {
        let made = retake.call(Method::POST, "/retake/v1/keys", with, Some(wish(name))).await;
        made.json::<Value>().await.unwrap()["key"].as_str().unwrap().to_owned()
    };
    let of_all = created(&retake, &receiver.url("/all")).await;
    let admin = key("admin", None).await;
    let (north, south) = (key("north", Some(&admin)).await, key("south", Some(&admin)).await);
    let endpoint = |path: &str| Some(an_endpoint(&receiver.url(path)));
    let made = retake.call(Method::POST, ENDPOINTS, Some(&north), endpoint("/north")).await;
    let of_north: Value = made.json().await.unwrap();
    retake.call(Method::POST, ENDPOINTS, Some(&south), endpoint("/south")).await;
    retake.call(Method::POST, ENDPOINTS, Some(&admin), endpoint("/admin")).await;

    let path = path_of(&of_north);
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::POST, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/rotate_secret")),
        (Method::GET, format!("{path}/deliveries")),
    ] {
        let answer = retake.call(method, &path, Some(&south), None).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for (key, count) in [(&north, 1), (&south, 1), (&admin, 4)] {
        let list = retake.call(Method::GET, ENDPOINTS, Some(key), None).await;
        let list: Value = list.json().await.unwrap();
        assert_eq!(list["data"].as_array().unwrap().len(), count);
    }

    // The endpoint from before the first key went to the key that was made first, and hears of no other's videos.
    for (key, count, expected) in [(&north, 1, vec!["/north"]), (&admin, 3, vec!["/admin", "/all"])]
    {
        let video = retake.call(Method::POST, "/v1/videos", Some(key), Some(small())).await;
        let video: Value = video.json().await.unwrap();
        let requests = receiver.until(count).await;
        let mut paths: Vec<_> = requests
            .iter()
            .filter(|one| one.json()["data"]["id"] == video["id"])
            .map(|one| one.head.split(' ').nth(1).unwrap().to_owned())
            .collect();
        paths.sort();
        assert_eq!(
            (paths, requests.len()),
            (expected.iter().map(ToString::to_string).collect(), count)
        );
    }
    let all = retake.call(Method::GET, &path_of(&of_all), Some(&admin), None).await;
    assert_eq!(all.status(), StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_delivered_to_a_private_address_that_became_forbidden() {
    let receiver = Receiver::start();
    let retake = a_gateway().await;
    let endpoint = created(&retake, &receiver.url("/")).await;

    // The next start has the default again.
    let retake = retake.restarted().await;
    let video = retake.create(json!({})).await;
    retake.until_ended(&video).await;
    let path = format!("{}/deliveries", path_of(&endpoint));
    let mut delivery = get(&retake, &path).await["data"][0].clone();
    while delivery["tries"].as_array().is_none_or(Vec::is_empty) {
        delivery = get(&retake, &path).await["data"][0].clone();
    }

    assert_eq!(delivery["state"], "pending");
    let error = delivery["tries"][0]["error"].as_str().unwrap();
    assert!(error.contains("`server.allow_private_addresses`"), "{error}");
    assert!(receiver.requests().is_empty());
}
