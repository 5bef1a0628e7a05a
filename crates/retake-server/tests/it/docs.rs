//! `/openapi.json` and `/docs`, and that they tell the truth.

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use crate::{
    contract,
    gateway::{TestGateway, small},
};

#[tokio::test]
async fn every_described_operation_is_served_and_no_other_method_is() {
    let retake = TestGateway::start().await;
    let described = retake_server::openapi();
    for (path, item) in described["paths"].as_object().unwrap() {
        let url = retake.url(&path.replace("{id}", "nothing").replace("{delivery}", "nothing"));
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let is_described = item[method.to_lowercase()].is_object();
            let method: Method = method.parse().unwrap();
            let answer = retake.client().request(method.clone(), &url).send().await.unwrap();
            let status = answer.status();
            let code = if answer
                .headers()
                .get("content-type")
                .is_some_and(|it| it == "application/json")
            {
                let body: Value = answer.json().await.unwrap();
                body["error"]["code"].as_str().unwrap_or_default().to_owned()
            } else {
                String::new()
            };

            assert_ne!(code, "route_not_found", "{method} {path}");
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, is_described, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_description_is_served_without_a_key_and_is_the_one_of_the_code() {
    let retake = TestGateway::start().await;
    retake.post("/retake/v1/keys", json!({ "name": "admin", "admin": true })).await;

    let answer = retake.get("/openapi.json").await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().await.unwrap(), retake_server::openapi());
}

#[tokio::test]
async fn the_page_may_fetch_nothing_and_run_nothing() {
    let retake = TestGateway::start().await;

    let answer = retake.get("/docs").await;

    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = answer.text().await.unwrap();
    assert!(page.contains("<h3 id=\"create_video\">"));
}

/// The answers of most journeys are held against the description as they come; these are the ones that
/// have to be among them.
#[tokio::test]
async fn the_answers_of_a_video_s_life_are_as_described() {
    let retake = TestGateway::start().await;
    let form = multipart::Form::new().text("prompt", "a lighthouse").text("seconds", "1");
    let form = form.text("size", "640x360");
    let made = retake.client().post(retake.url("/v1/videos")).multipart(form).send().await.unwrap();
    let made = contract::kept(&Method::POST, "/v1/videos", made).await;
    assert_eq!(made.headers()["openai-poll-after-ms"], "500");
    let made: Value = made.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/videos/{id}");

    let early = retake.delete(&path).await;
    assert_eq!(early.status(), StatusCode::CONFLICT);
    retake.until_ended(id).await;

    for (method, path, expected) in [
        (Method::GET, path.clone(), 200),
        (Method::GET, "/v1/videos?limit=1".into(), 200),
        (Method::GET, "/v1/videos?limit=many".into(), 400),
        (Method::GET, format!("{path}/content"), 200),
        (Method::HEAD, format!("{path}/content"), 200),
        (Method::GET, format!("{path}/content?variant=smell"), 400),
        (Method::GET, format!("/retake/v1/videos/{id}/events"), 200),
        (Method::POST, format!("{path}/cancel"), 200),
        (Method::GET, "/v1/models".into(), 200),
        (Method::GET, "/v1/models/animatic".into(), 200),
        (Method::GET, "/v1/models/nothing".into(), 404),
        (Method::GET, "/retake/v1/keys".into(), 200),
        (Method::GET, "/healthz".into(), 200),
        (Method::GET, "/readyz".into(), 200),
        (Method::DELETE, path.clone(), 200),
        (Method::GET, path.clone(), 404),
    ] {
        let answer = retake.call(method.clone(), &path, None, None).await;
        assert_eq!(answer.status().as_u16(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_cancelled_video_and_a_key_are_as_described() {
    let retake = TestGateway::start().await;
    let mut long = small();
    long["seconds"] = json!(60);
    let id = retake.create(long).await;
    let cancelled = retake.call(Method::POST, &format!("/v1/videos/{id}/cancel"), None, None).await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    let ended = retake.until_ended(&id).await;
    assert_eq!(ended["error"]["code"], "cancelled");

    let wish = json!({ "name": "admin", "admin": true });
    let key: Value = retake.post("/retake/v1/keys", wish).await.json().await.unwrap();
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str());
    assert_eq!(retake.get("/v1/videos").await.status(), StatusCode::UNAUTHORIZED);
    let path = format!("/retake/v1/keys/{id}");
    let revoked = retake.call(Method::DELETE, &path, secret, None).await;
    assert_eq!(revoked.status(), StatusCode::OK);
}

#[test]
fn the_examples_of_bodies_are_as_described() {
    let described = retake_server::openapi();
    let mut count = 0;
    for (name, schema) in described["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            contract::holds(&contract::schema(name), example);
            count += 1;
        }
    }
    assert!(count >= 5, "{count} examples");
}
