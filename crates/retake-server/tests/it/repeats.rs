//! Requests that are made twice, by their callers or by an impatient client.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{TestGateway, small};

async fn create(retake: &TestGateway, body: Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let request = retake.client().post(retake.url("/v1/videos")).json(&body);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn count(retake: &TestGateway) -> usize {
    let list: Value = retake.get("/v1/videos").await.json().await.unwrap();
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer() {
    let retake = TestGateway::start().await;
    let key = [("idempotency-key", "order-7")];
    let (_, first) = create(&retake, small(), &key).await;
    retake.until_ended(first["id"].as_str().unwrap()).await;

    let (_, second) = create(&retake, small(), &key).await;

    assert_eq!(second, first);
    assert_eq!(count(&retake).await, 1);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let retake = TestGateway::start().await;
    let key = [("idempotency-key", "order-7")];
    create(&retake, small(), &key).await;

    let other = json!({ "prompt": "a hare", "seconds": 1, "size": "640x360" });
    let (status, body) = create(&retake, other, &key).await;

    assert_eq!((status, &body["error"]["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(count(&retake).await, 1);
}

#[tokio::test]
async fn a_create_that_a_client_sends_again_gets_the_first_video() {
    let retake = TestGateway::start().await;
    let (_, first) = create(&retake, small(), &[("x-stainless-retry-count", "0")]).await;

    let (_, again) = create(&retake, small(), &[("x-stainless-retry-count", "1")]).await;
    let (_, deliberate) = create(&retake, small(), &[("x-stainless-retry-count", "0")]).await;

    assert_eq!(again["id"], first["id"]);
    assert_ne!(deliberate["id"], first["id"], "whoever asks twice wants two");
    assert_eq!(count(&retake).await, 2);
}

#[tokio::test]
async fn the_video_of_a_first_answer_that_was_deleted_is_not_made_again() {
    let retake = TestGateway::start().await;
    let key = [("idempotency-key", "order-7")];
    let (_, first) = create(&retake, small(), &key).await;
    let id = first["id"].as_str().unwrap();
    retake.until_ended(id).await;
    assert_eq!(retake.delete(&format!("/v1/videos/{id}")).await.status(), StatusCode::OK);

    let (status, body) = create(&retake, small(), &key).await;

    assert_eq!((status, &body["error"]["code"]), (404, &json!("video_not_found")));
    assert_eq!(count(&retake).await, 0);
}

#[tokio::test]
async fn a_key_without_characters_or_with_too_many_is_refused() {
    let retake = TestGateway::start().await;

    for key in ["", &"k".repeat(256)] {
        let (status, body) = create(&retake, small(), &[("idempotency-key", key)]).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!("idempotency-key")));
    }
    let unreadable = reqwest::header::HeaderValue::from_bytes("für-7".as_bytes()).unwrap();
    let request = retake.client().post(retake.url("/v1/videos")).json(&small());
    let answer = request.header("idempotency-key", unreadable).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(count(&retake).await, 0);
}
