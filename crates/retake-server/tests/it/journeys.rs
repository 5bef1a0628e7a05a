//! What goes well.

use reqwest::StatusCode;
use serde_json::json;

use crate::gateway::{TestGateway, files_below};

#[tokio::test]
async fn a_request_becomes_a_verified_file_of_the_size_and_length_asked_for() {
    let retake = TestGateway::start().await;

    let id = retake.create(json!({ "seed": 7 })).await;
    let done = retake.until_ended(&id).await;

    assert_eq!(done["status"], "completed", "{done:#}");
    assert_eq!((&done["progress"], &done["model"]), (&json!(100), &json!("animatic")));
    let output = &done["retake"]["output"];
    assert_eq!((&output["width"], &output["height"]), (&json!(640), &json!(360)));
    assert_eq!(output["duration_ms"], 1000);
    let content = retake.get(&format!("/v1/videos/{id}/content")).await;
    assert_eq!(content.headers()["content-type"], "video/mp4");
    let bytes = content.bytes().await.unwrap();
    assert_eq!(json!(bytes.len()), output["bytes"]);
}

#[tokio::test]
async fn a_player_can_ask_for_ranges_and_a_cache_for_changes() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;
    retake.until_ended(&id).await;
    let url = retake.url(&format!("/v1/videos/{id}/content"));
    let whole = retake.client().get(&url).send().await.unwrap();
    let etag = whole.headers()["etag"].clone();
    let whole = whole.bytes().await.unwrap();

    let part = retake.client().get(&url).header("range", "bytes=4-7").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 4-7/{}", whole.len()));
    assert_eq!(part.bytes().await.unwrap(), whole[4..8]);

    let known = retake.client().get(&url).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

    let changed =
        retake.client().get(&url).header("range", "bytes=4-7").header("if-range", "\"other\"");
    assert_eq!(changed.send().await.unwrap().status(), StatusCode::OK);

    let outside =
        retake.client().get(&url).header("range", "bytes=999999999-").send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers()["content-range"], format!("bytes */{}", whole.len()));

    let head = retake.client().head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], whole.len().to_string());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let retake = TestGateway::start().await;
    let mut digests = Vec::new();
    for seed in [7, 7, 8] {
        let id = retake.create(json!({ "seed": seed })).await;
        digests.push(retake.until_ended(&id).await["retake"]["output"]["sha256"].clone());
    }

    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

#[tokio::test]
async fn a_running_render_is_cancelled_and_leaves_no_file() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({ "seconds": "120", "size": "1280x720" })).await;
    retake.until(&id, &["in_progress"]).await;

    retake.post(&format!("/v1/videos/{id}/cancel"), json!({})).await;
    let ended = retake.until_ended(&id).await;

    assert_eq!(
        (&ended["status"], &ended["error"]["code"]),
        (&json!("failed"), &json!("cancelled"))
    );
    let data = retake.data_dir();
    // The render thread may take one more frame to notice.
    let next = retake.create(json!({})).await;
    retake.until_ended(&next).await;
    let left = files_below(&data.join("work"));
    assert!(!left.iter().any(|file| file.contains(&id)), "{left:?}");
    assert!(files_below(&data.join("assets")).iter().all(|file| !file.contains(&id)));
}

#[tokio::test]
async fn a_queued_video_is_cancelled_without_waiting_for_a_slot() {
    let retake = TestGateway::with(|config| config.renderer.threads = 1).await;
    let running = retake.create(json!({ "seconds": "120", "size": "1280x720" })).await;
    retake.until(&running, &["in_progress"]).await;
    let waiting = retake.create(json!({})).await;

    retake.post(&format!("/v1/videos/{waiting}/cancel"), json!({})).await;
    let ended = retake.until_ended(&waiting).await;

    assert_eq!(ended["retake"]["attempts"], json!([]));
    assert_eq!(retake.video(&running).await["status"], "in_progress");
    retake.post(&format!("/v1/videos/{running}/cancel"), json!({})).await;
    retake.until_ended(&running).await;
}

#[tokio::test]
async fn a_deleted_video_takes_its_file_along() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;
    retake.until_ended(&id).await;
    assert_eq!(files_below(&retake.data_dir().join("assets")).len(), 3, "with two previews");

    let answer = retake.delete(&format!("/v1/videos/{id}")).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(retake.get(&format!("/v1/videos/{id}")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(files_below(&retake.data_dir().join("assets")), Vec::<String>::new());
}

#[tokio::test]
async fn a_configured_name_leads_to_its_route_and_the_answer_says_who_made_it() {
    let retake = TestGateway::with(|config| {
        let routes = vec!["animatic/animatic".to_owned()];
        config.models.insert("sora-2".into(), retake_server::config::ModelConfig { routes });
    })
    .await;

    let id = retake.create(json!({ "model": "sora-2" })).await;
    let done = retake.until_ended(&id).await;

    assert_eq!(done["model"], "animatic");
    assert_eq!(done["retake"]["requested_model"], "sora-2");
}
