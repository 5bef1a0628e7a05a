//! What is refused, with the parameter and the way out, and with nothing left behind.

use reqwest::{
    Response, StatusCode,
    multipart::{Form, Part},
};
use retake_server::config::ByteSize;
use serde_json::{Value, json};

use crate::gateway::{TestGateway, files_below};

async fn code(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    for key in ["message", "type", "param", "code"] {
        assert!(error.get(key).is_some(), "no {key} in {body}");
    }
    (status, error["code"].as_str().unwrap().to_owned(), error["param"].clone())
}

#[tokio::test]
async fn every_bad_parameter_is_named() {
    let retake = TestGateway::start().await;
    let cases = [
        (json!({}), "missing_required_parameter", json!("prompt")),
        (json!({ "prompt": "" }), "empty_prompt", json!("prompt")),
        (json!({ "prompt": 7 }), "invalid_type", json!("prompt")),
        (json!({ "prompt": "p", "second": 8 }), "unknown_parameter", json!("second")),
        (json!({ "prompt": "p", "seconds": "abc" }), "invalid_type", json!("seconds")),
        (json!({ "prompt": "p", "seconds": 4.5 }), "invalid_type", json!("seconds")),
        (json!({ "prompt": "p", "seconds": 121 }), "unsupported_seconds", json!("seconds")),
        (json!({ "prompt": "p", "size": "big" }), "invalid_value", json!("size")),
        (json!({ "prompt": "p", "size": "1281x721" }), "unsupported_size", json!("size")),
        (
            json!({ "prompt": "p", "aspect_ratio": "5:1" }),
            "unsupported_size",
            json!("aspect_ratio"),
        ),
        (json!({ "prompt": "p", "resolution": "8K" }), "invalid_value", json!("resolution")),
        (json!({ "prompt": "p", "seed": -1 }), "invalid_type", json!("seed")),
        (json!({ "prompt": "p", "loop": "yes" }), "invalid_type", json!("loop")),
        (json!({ "prompt": "p", "model": "animatc" }), "model_not_found", json!("model")),
        (json!({ "prompt": "p", "model": "sora-2-pro" }), "model_shut_down", json!("model")),
        (
            json!({ "prompt": "p", "input_reference": "x" }),
            "invalid_type",
            json!("input_reference"),
        ),
        (
            json!({ "prompt": "p", "input_reference": { "image_url": "http://127.0.0.1/a.png" } }),
            "address_not_allowed",
            json!("input_reference"),
        ),
        (
            json!({ "prompt": "p", "input_reference": { "image_url": "data:image/png;base64,eHg=" } }),
            "invalid_image",
            json!("input_reference"),
        ),
    ];
    for (body, expected, param) in cases {
        let answer = code(retake.post("/v1/videos", body.clone()).await).await;

        assert_eq!(answer, (400, expected.to_owned(), param), "{body}");
    }
    let listed: Value = retake.get("/v1/videos").await.json().await.unwrap();
    assert_eq!(listed["data"], json!([]));
    assert_eq!(files_below(&retake.data_dir().join("assets")), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let retake = TestGateway::start().await;
    let send = |content_type: &'static str, body: &'static str| {
        let request = retake.client().post(retake.url("/v1/videos"));
        request.header("content-type", content_type).body(body).send()
    };

    let array = code(send("application/json", "[1, 2]").await.unwrap()).await;
    assert_eq!((array.0, array.1.as_str()), (400, "invalid_json"));
    let broken = code(send("application/json", "{\"prompt\": ").await.unwrap()).await;
    assert_eq!((broken.0, broken.1.as_str()), (400, "invalid_json"));
    let form = code(send("text/plain", "prompt=p").await.unwrap()).await;
    assert_eq!((form.0, form.1.as_str()), (415, "unsupported_media_type"));
    let cut =
        send("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data").await;
    let cut = code(cut.unwrap()).await;
    assert_eq!((cut.0, cut.1.as_str()), (400, "invalid_multipart"));
    let unbounded = code(send("multipart/form-data", "--x").await.unwrap()).await;
    assert_eq!((unbounded.0, unbounded.1.as_str()), (400, "invalid_multipart"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_in_either_form() {
    let retake =
        TestGateway::with(|config| config.server.max_upload = ByteSize::bytes(100_000)).await;
    let large = "x".repeat(200_000);

    let as_json = retake.post("/v1/videos", json!({ "prompt": large })).await;
    assert_eq!(code(as_json).await.1, "request_too_large");

    let form = Form::new()
        .text("prompt", "p")
        .part("input_reference", Part::bytes(vec![0; 200_000]).file_name("a.png"));
    let request = retake.client().post(retake.url("/v1/videos")).multipart(form);
    let answer = code(request.send().await.unwrap()).await;
    assert_eq!((answer.0, answer.1.as_str()), (413, "request_too_large"));
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_accepted() {
    let plenty = ByteSize::bytes(1 << 60);
    let retake = TestGateway::with(|config| config.assets.min_free_space = plenty).await;

    let response = retake.post("/v1/videos", json!({ "prompt": "p" })).await;

    assert!(response.headers().contains_key("retry-after"));
    let answer = code(response).await;
    assert_eq!((answer.0, answer.1.as_str()), (503, "storage_full"));
    let listed: Value = retake.get("/v1/videos").await.json().await.unwrap();
    assert_eq!(listed["data"], json!([]));
}

#[tokio::test]
async fn a_body_that_does_not_fit_on_the_disk_is_refused_before_it_is_read_and_leaves_nothing() {
    let plenty = ByteSize::bytes(1 << 60);
    let retake = TestGateway::with(|config| config.assets.min_free_space = plenty).await;
    // Whoever read it would say that it is no JSON. A short one never touches the disk.
    for (length, expected) in [(20_000, (503, "storage_full")), (2_000, (400, "invalid_json"))] {
        for path in ["/v1/videos", "/v1/videos/edits", "/retake/v1/keys"] {
            let request = retake.client().post(retake.url(path));
            let request = request.header("content-type", "application/json");
            let response = request.body("x".repeat(length)).send().await.unwrap();

            assert_eq!(response.headers().contains_key("retry-after"), expected.0 == 503);
            let answer = code(response).await;
            assert_eq!((answer.0, answer.1.as_str()), expected, "{path}");
        }
    }
    assert_eq!(files_below(&retake.data_dir().join("spool")), Vec::<String>::new());
}

#[tokio::test]
async fn an_unfinished_video_has_no_content_and_clients_are_told_not_to_retry() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({ "seconds": "120", "size": "1280x720" })).await;

    let content = retake.get(&format!("/v1/videos/{id}/content")).await;
    assert_eq!(content.headers()["x-should-retry"], "false");
    assert_eq!(code(content).await.1, "video_not_ready");
    let deleted = retake.delete(&format!("/v1/videos/{id}")).await;
    assert_eq!(code(deleted).await.1, "video_not_ended");

    retake.post(&format!("/v1/videos/{id}/cancel"), json!({})).await;
    retake.until_ended(&id).await;
    let content = retake.get(&format!("/v1/videos/{id}/content")).await;
    assert_eq!(code(content).await.1, "video_has_no_content");
}

#[tokio::test]
async fn unknown_ids_paths_and_methods_have_their_own_answers() {
    let retake = TestGateway::start().await;

    for path in ["/v1/videos/video_1", "/v1/videos/%2e%2e%2fetc", "/v1/videos/x/content"] {
        assert_eq!(code(retake.get(path).await).await.1, "video_not_found", "{path}");
    }
    assert_eq!(code(retake.get("/v1/nothing").await).await.1, "route_not_found");
    let put = retake.client().put(retake.url("/v1/videos")).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(put.headers().contains_key("allow"));
    assert_eq!(code(put).await.1, "method_not_allowed");
    assert_eq!(code(retake.get("/v1/videos?limit=101").await).await.2, "limit");
    assert_eq!(code(retake.get("/v1/videos?order=up").await).await.2, "order");
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
    let mut pages: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "README")
        .collect();
    pages.sort();

    assert_eq!(pages, retake_server::CODES);
}

#[tokio::test]
async fn a_page_of_another_site_gets_nothing_done() {
    let retake = TestGateway::start().await;
    let videos = retake.url("/v1/videos");
    let page = retake
        .client()
        .post(&videos)
        .header("origin", "https://example.com")
        .multipart(Form::new().text("prompt", "a lighthouse"));
    let borrowed_name = retake.client().get(&videos).header("host", "example.com");

    let (page, name) = (page.send().await.unwrap(), borrowed_name.send().await.unwrap());

    assert_eq!(code(page).await, (403, "cross_site_request".into(), Value::Null));
    assert_eq!(code(name).await, (421, "unknown_host".into(), Value::Null));
    let list: Value = retake.get("/v1/videos").await.json().await.unwrap();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn a_path_or_query_that_cannot_be_read_is_refused_in_the_usual_shape() {
    let retake = TestGateway::start().await;

    for path in ["/v1/videos/%ff", "/v1/videos?limit=1&limit=2"] {
        assert_eq!(code(retake.get(path).await).await, (400, "invalid_value".into(), Value::Null));
    }
}
