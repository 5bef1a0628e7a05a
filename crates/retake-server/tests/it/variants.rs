//! What there is of a finished video besides itself, and the characters made of clips.

use std::path::Path;

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::gateway::TestGateway;

async fn clip(retake: &TestGateway) -> (String, Vec<u8>) {
    let id = retake.create(json!({})).await;
    retake.until_ended(&id).await;
    let content = retake.get(&format!("/v1/videos/{id}/content")).await;
    (id, content.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_finished_video_has_a_thumbnail_and_a_spritesheet() {
    let retake = TestGateway::start().await;
    let (id, _) = clip(&retake).await;

    for (variant, media_type, magic) in [
        ("thumbnail", "image/webp", &b"RIFF"[..]),
        ("spritesheet", "image/jpeg", &b"\xFF\xD8\xFF"[..]),
    ] {
        let path = format!("/v1/videos/{id}/content?variant={variant}");
        let answer = retake.get(&path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], media_type);
        let etag = answer.headers()["etag"].clone();
        let length = answer.headers()["content-length"].to_str().unwrap().to_owned();
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(magic), "{variant}");
        assert_eq!(bytes.len().to_string(), length);
        let known = retake.client().get(retake.url(&path)).header("if-none-match", etag);
        assert_eq!(known.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
    let output = retake.video(&id).await["retake"]["output"].clone();
    assert_eq!(output["warnings"], json!([]), "{output}");
    assert!(output["spritesheet"]["columns"].as_u64().unwrap() > 0, "{output}");
}

#[tokio::test]
async fn a_silent_video_is_told_to_be_silent() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({ "audio": false })).await;

    let done = retake.until_ended(&id).await;

    assert_eq!(done["retake"]["output"]["warnings"], json!(["silent"]), "{done:#}");
}

#[tokio::test]
async fn an_unknown_variant_is_refused_with_those_there_are() {
    let retake = TestGateway::start().await;
    let (id, _) = clip(&retake).await;

    let answer = retake.get(&format!("/v1/videos/{id}/content?variant=gif")).await;

    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body: Value = answer.json().await.unwrap();
    assert!(body["error"]["message"].as_str().unwrap().contains("`spritesheet`"));
}

#[tokio::test]
async fn a_character_made_of_a_clip_appears_in_videos_that_name_it() {
    let retake = TestGateway::start().await;
    let (_, clip) = clip(&retake).await;
    let form =
        Form::new().text("name", "Keeper").part("video", Part::bytes(clip).file_name("k.mp4"));
    let made = retake.client().post(retake.url("/v1/videos/characters")).multipart(form);
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    let known: Value =
        retake.get(&format!("/v1/videos/characters/{id}")).await.json().await.unwrap();
    assert_eq!(known, made);

    let with = retake
        .create(json!({ "prompt": "the keeper waves", "seed": 7, "characters": [{ "id": id }] }));
    let without = retake.create(json!({ "prompt": "the keeper waves", "seed": 7 }));
    let (with, without) = (with.await, without.await);
    let (with, without) = (retake.until_ended(&with).await, retake.until_ended(&without).await);

    assert_eq!(with["status"], "completed", "{with:#}");
    assert_eq!(with["retake"]["characters"], json!([{ "id": id, "name": "Keeper" }]));
    assert_ne!(with["retake"]["output"]["sha256"], without["retake"]["output"]["sha256"]);
}

#[tokio::test]
async fn a_character_that_cannot_be_is_refused() {
    let retake = TestGateway::start().await;
    let (_, clip) = clip(&retake).await;
    let post = async |form: Form| {
        let answer =
            retake.client().post(retake.url("/v1/videos/characters")).multipart(form).send().await;
        let body: Value = answer.unwrap().json().await.unwrap();
        body["error"]["code"].as_str().unwrap().to_owned()
    };
    let file = |bytes: Vec<u8>| Part::bytes(bytes).file_name("k.mp4");

    assert_eq!(post(Form::new().text("name", "x")).await, "missing_required_parameter");
    let no_name = Form::new().part("video", file(clip.clone()));
    assert_eq!(post(no_name).await, "missing_required_parameter");
    let blank = Form::new().text("name", " ").part("video", file(clip));
    assert_eq!(post(blank).await, "invalid_value");
    let no_video = Form::new().text("name", "x").part("video", file(b"Example data".to_vec()));
    assert_eq!(post(no_video).await, "invalid_video");
    for (characters, code) in
        [(json!([{ "id": "char_nope" }]), "character_not_found"), (json!("char_1"), "invalid_type")]
    {
        let body = json!({ "prompt": "p", "characters": characters });
        let body: Value = retake.post("/v1/videos", body).await.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
    }
}

#[tokio::test]
async fn the_same_content_is_kept_once_and_as_long_as_somebody_has_it() {
    let retake = TestGateway::start().await;
    let make = async || {
        let id = retake.create(json!({ "seed": 7 })).await;
        retake.until_ended(&id).await;
        id
    };
    let (first, second) = (make().await, make().await);
    let videos = retake.data_dir().join("assets/videos");
    let count = || {
        let files = crate::gateway::files_below(&videos);
        let is_video = |name: &&String| Path::new(name).extension().is_some_and(|it| it == "mp4");
        files.iter().filter(is_video).count()
    };
    assert_eq!(count(), 1);

    retake.delete(&format!("/v1/videos/{first}")).await;
    let still = retake.get(&format!("/v1/videos/{second}/content")).await;
    assert_eq!((still.status(), count()), (StatusCode::OK, 1));

    retake.delete(&format!("/v1/videos/{second}")).await;
    assert_eq!(crate::gateway::files_below(&videos).len(), 0);
}
