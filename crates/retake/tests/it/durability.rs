//! What an answer promised survives the process that gave it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::Server;

const VIDEOS: usize = 20;

#[test]
fn twenty_videos_survive_a_kill_9_in_the_middle_and_each_is_finished_once() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let ids: BTreeSet<String> = (0..VIDEOS).map(|seed| server.create(&a_video(seed))).collect();
    assert_eq!(ids.len(), VIDEOS);
    server.until("/v1/videos?limit=100", "one done, one rendering, some queued", |page| {
        let count = |status| videos(page).filter(|video| video["status"] == status).count();
        count("completed") >= 1 && count("in_progress") >= 1 && count("queued") >= 1
    });

    server.kill_9();
    let server = Server::start(home.path());
    let page = server.until("/v1/videos?limit=100", "all ended", |page| {
        videos(page).all(|video| matches!(video["status"].as_str(), Some("completed" | "failed")))
    });

    let listed: BTreeSet<String> =
        videos(&page).map(|video| video["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, ids, "a video was lost or invented");
    for video in videos(&page) {
        assert_eq!(video["status"], "completed", "{video:#}");
        let attempts = video["retake"]["attempts"].as_array().unwrap();
        let won = attempts.iter().filter(|attempt| attempt["state"] == "succeeded").count();
        assert_eq!(won, 1, "{video:#}");
        let id = video["id"].as_str().unwrap();
        let content = server.bytes(&format!("/v1/videos/{id}/content"));
        assert_eq!(json!(content.len()), video["retake"]["output"]["bytes"]);
    }
}

fn a_video(seed: usize) -> Value {
    json!({ "prompt": "a lighthouse", "seconds": "1", "size": "640x360", "seed": seed })
}

fn videos(page: &Value) -> impl Iterator<Item = &Value> {
    page["data"].as_array().unwrap().iter()
}
