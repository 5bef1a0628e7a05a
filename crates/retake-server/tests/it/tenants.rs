//! API keys: who gets in, and what each of them sees.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::gateway::{TestGateway, small};

async fn a_key(retake: &TestGateway, wish: Value, with: Option<&str>) -> Value {
    let answer = retake.call(Method::POST, "/retake/v1/keys", with, Some(wish)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

fn secret(key: &Value) -> &str {
    key["key"].as_str().unwrap()
}

async fn status(
    retake: &TestGateway,
    method: Method,
    path: &str,
    key: Option<&str>,
) -> (u16, Value) {
    let answer = retake.call(method, path, key, None).await;
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn from_the_first_key_on_every_call_needs_one() {
    let retake = TestGateway::start().await;
    assert_eq!(retake.get("/v1/videos").await.status(), StatusCode::OK);

    let admin = a_key(&retake, json!({ "name": "admin", "admin": true }), None).await;

    for (key, code) in [(None, "missing_api_key"), (Some("rtk_nope"), "invalid_api_key")] {
        let answer = retake.call(Method::GET, "/v1/videos", key, None).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], code);
    }
    let (status, _) = status(&retake, Method::GET, "/v1/models", Some(secret(&admin))).await;
    assert_eq!(status, 200);
    assert_eq!(retake.get("/healthz").await.status(), StatusCode::OK);
    assert!(
        secret(&admin).starts_with("rtk_") && admin["id"].as_str().unwrap().starts_with("key_")
    );
}

#[tokio::test]
async fn who_is_refused_while_still_sending_reads_why() {
    let retake = TestGateway::start().await;
    a_key(&retake, json!({ "name": "admin", "admin": true }), None).await;
    let address = retake.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let body = vec![b'x'; 4 << 20];
    let head = format!(
        "POST /v1/videos HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer rtk_nope\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );

    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("invalid_api_key"), "{answer}");
}

#[tokio::test]
async fn a_key_sees_and_touches_only_its_own_videos() {
    let retake = TestGateway::start().await;
    let admin = a_key(&retake, json!({ "name": "admin", "admin": true }), None).await;
    let admin = secret(&admin);
    let north = a_key(&retake, json!({ "name": "north" }), Some(admin)).await;
    let south = a_key(&retake, json!({ "name": "south" }), Some(admin)).await;
    let made = retake.call(Method::POST, "/v1/videos", Some(secret(&north)), Some(small())).await;
    let id = made.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();

    for (method, path) in [
        (Method::GET, format!("/v1/videos/{id}")),
        (Method::GET, format!("/v1/videos/{id}/content")),
        (Method::DELETE, format!("/v1/videos/{id}")),
        (Method::POST, format!("/v1/videos/{id}/cancel")),
        (Method::GET, format!("/retake/v1/videos/{id}/events")),
    ] {
        let (status, body) = status(&retake, method.clone(), &path, Some(secret(&south))).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("video_not_found")), "{path}");
    }
    let remix = json!({ "prompt": "a kite at night" });
    let path = format!("/v1/videos/{id}/remix");
    let remix = retake.call(Method::POST, &path, Some(secret(&south)), Some(remix)).await;
    assert_eq!(remix.status(), StatusCode::NOT_FOUND);
    for (key, count) in [(secret(&north), 1), (secret(&south), 0), (admin, 1)] {
        let (_, list) = status(&retake, Method::GET, "/v1/videos", Some(key)).await;
        assert_eq!(list["data"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn a_revoked_key_is_out_at_once_and_only_admins_manage_keys() {
    let retake = TestGateway::start().await;
    let admin = a_key(&retake, json!({ "name": "admin", "admin": true }), None).await;
    let north = a_key(&retake, json!({ "name": "north" }), Some(secret(&admin))).await;
    let id = north["id"].as_str().unwrap();
    let path = format!("/retake/v1/keys/{id}");

    for (method, path) in [(Method::GET, "/retake/v1/keys"), (Method::DELETE, path.as_str())] {
        let (status, body) = status(&retake, method, path, Some(secret(&north))).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("permission_denied")));
    }
    let (revoked, _) = status(&retake, Method::DELETE, &path, Some(secret(&admin))).await;
    let (after, body) = status(&retake, Method::GET, "/v1/videos", Some(secret(&north))).await;

    assert_eq!((revoked, after), (200, 401));
    assert!(body["error"]["message"].as_str().unwrap().contains("was revoked"));
    let (_, keys) = status(&retake, Method::GET, "/retake/v1/keys", Some(secret(&admin))).await;
    assert!(!keys.to_string().contains(secret(&north)), "keys are shown once");
    assert_eq!(keys["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_has_no_more_open_videos_than_it_may() {
    let retake = TestGateway::start().await;
    let wish = json!({ "name": "north", "max_open": 1 });
    let north = a_key(&retake, wish, None).await;
    let long = json!({ "prompt": "a slow kite", "seconds": 60, "size": "640x360" });

    let first = retake.call(Method::POST, "/v1/videos", Some(secret(&north)), Some(long.clone()));
    assert_eq!(first.await.status(), StatusCode::OK);
    let second = retake.call(Method::POST, "/v1/videos", Some(secret(&north)), Some(long)).await;

    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(second.headers()["retry-after"], "5");
    assert_eq!(
        second.json::<Value>().await.unwrap()["error"]["code"],
        "concurrency_limit_exceeded"
    );
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused_until_there_is_a_key() {
    let refused = TestGateway::refused(|config| {
        config.server.bind = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    });

    assert!(refused.await.contains("`retake keys create NAME`"));
}
