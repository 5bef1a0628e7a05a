//! Videos that are made from others.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{TestGateway, small};

async fn finished(retake: &TestGateway) -> Value {
    let made: Value = retake.post("/v1/videos", small()).await.json().await.unwrap();
    retake.until_ended(made["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_remix_keeps_everything_but_the_prompt() {
    let retake = TestGateway::start().await;
    let source = finished(&retake).await;
    let id = source["id"].as_str().unwrap();

    let path = format!("/v1/videos/{id}/remix");
    let remix = retake.post(&path, json!({ "prompt": "a kite at night" })).await;
    let remix: Value = remix.json().await.unwrap();
    let done = retake.until_ended(remix["id"].as_str().unwrap()).await;

    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["remixed_from_video_id"], source["id"]);
    assert_eq!(done["prompt"], "a kite at night");
    for same in ["seconds", "size", "model"] {
        assert_eq!(done[same], source[same], "{same}");
    }
    assert_eq!(done["retake"]["seed"], source["retake"]["seed"]);
    assert_ne!(done["retake"]["output"]["sha256"], source["retake"]["output"]["sha256"]);
}

#[tokio::test]
async fn an_edit_names_its_video_by_id_in_either_form() {
    let retake = TestGateway::start().await;
    let source = finished(&retake).await;

    let json_form = json!({ "prompt": "a red kite", "video": { "id": source["id"] } });
    let json_form = retake.post("/v1/videos/edits", json_form).await;
    let form = reqwest::multipart::Form::new()
        .text("prompt", "a blue kite")
        .text("video[id]", source["id"].as_str().unwrap().to_owned());
    let form = retake.client().post(retake.url("/v1/videos/edits")).multipart(form);
    let form = form.send().await.unwrap();

    for answer in [json_form, form] {
        assert_eq!(answer.status(), StatusCode::OK);
        let edit: Value = answer.json().await.unwrap();
        assert_eq!(edit["remixed_from_video_id"], source["id"]);
        let done = retake.until_ended(edit["id"].as_str().unwrap()).await;
        assert_eq!(done["status"], "completed", "{done}");
    }
}

#[tokio::test]
async fn a_video_that_is_not_finished_or_not_there_is_no_source() {
    let retake = TestGateway::start().await;
    let long = json!({ "prompt": "a slow kite", "seconds": 60, "size": "640x360" });
    let open: Value = retake.post("/v1/videos", long).await.json().await.unwrap();
    let unknown = "video_00000000000000000000000000000000";

    for (id, status, code) in [
        (open["id"].as_str().unwrap(), 409, "video_not_ready"),
        (unknown, 404, "video_not_found"),
        ("../../etc/passwd", 404, "video_not_found"),
    ] {
        let body = json!({ "prompt": "p", "video": { "id": id } });
        let answer = retake.post("/v1/videos/edits", body).await;
        assert_eq!(answer.status().as_u16(), status);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], code, "{id}");
    }
}

#[tokio::test]
async fn what_a_sequel_lacks_or_has_too_much_is_named() {
    let retake = TestGateway::start().await;
    let id = "video_00000000000000000000000000000000";
    let cases = [
        ("edits", json!({ "prompt": "p" }), "missing_required_parameter", "video"),
        ("edits", json!({ "video": { "id": id } }), "missing_required_parameter", "prompt"),
        ("edits", json!({ "prompt": "p", "video": { "di": id } }), "invalid_value", "video"),
        ("edits", json!({ "prompt": "p", "video": 7 }), "invalid_type", "video"),
        (
            "edits",
            json!({ "prompt": "p", "video": id, "size": "1x1" }),
            "unknown_parameter",
            "size",
        ),
        (
            "extensions",
            json!({ "prompt": "p", "video": id }),
            "missing_required_parameter",
            "seconds",
        ),
    ];
    for (route, body, code, param) in cases {
        let answer = retake.post(&format!("/v1/videos/{route}"), body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["param"]),
            (&json!(code), &json!(param))
        );
    }
}

#[tokio::test]
async fn an_extension_is_the_whole_with_what_is_new_behind_it() {
    let retake = TestGateway::start().await;
    let source = finished(&retake).await;
    let body =
        json!({ "prompt": "the light goes out", "video": { "id": source["id"] }, "seconds": "2" });

    let made: Value = retake.post("/v1/videos/extensions", body).await.json().await.unwrap();
    let done = retake.until_ended(made["id"].as_str().unwrap()).await;

    assert_eq!(done["status"], "completed", "{done:#}");
    assert_eq!((&done["seconds"], &done["size"]), (&json!("3"), &source["size"]));
    assert_eq!(done["retake"]["output"]["duration_ms"], 3000);
    assert_eq!(done["retake"]["output"]["frames"], 72);
    assert_eq!(done["retake"]["made_by"], "extension");

    let body = json!({ "prompt": "p", "video": { "id": done["id"] }, "seconds": 118 });
    let too_long = retake.post("/v1/videos/extensions", body).await;
    assert_eq!(too_long.status(), StatusCode::BAD_REQUEST);
    let body: Value = too_long.json().await.unwrap();
    assert_eq!(body["error"]["code"], "unsupported_seconds");
}
