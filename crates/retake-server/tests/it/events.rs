//! Server-sent events.

use futures::StreamExt as _;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    contract,
    gateway::{TestGateway, small},
};

/// One event as it arrives.
#[derive(Debug)]
struct Told {
    id: String,
    name: String,
    data: Value,
}

/// Reads events until `enough`, or until the stream ends.
async fn listen(answer: Response, mut enough: impl FnMut(&Told) -> bool) -> Vec<Told> {
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut chunks, mut text, mut told) = (answer.bytes_stream(), String::new(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        text += std::str::from_utf8(&chunk.unwrap()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim().to_owned())
            };
            if let Some(data) = field("data:") {
                let data = serde_json::from_str(&data).unwrap();
                contract::holds(&contract::schema("VideoEvent"), &data);
                let (id, name) = (field("id:").unwrap(), field("event:").unwrap());
                told.push(Told { id, name, data });
            }
            text = rest.to_owned();
            if told.last().is_some_and(&mut enough) {
                return told;
            }
        }
    }
    told
}

#[tokio::test]
async fn the_timeline_of_a_video_is_told_to_its_end_and_goes_on_where_it_broke_off() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;
    let path = format!("/retake/v1/videos/{id}/events");

    let all = listen(retake.get(&path).await, |_| false).await;
    let later = retake.client().get(retake.url(&path)).header("last-event-id", &all[0].id);
    let rest = listen(later.send().await.unwrap(), |_| false).await;

    assert_eq!((all[0].name.as_str(), all[0].id.as_str()), ("accepted", "1"));
    let last = all.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["video"]["status"]),
        ("completed", &"completed".into())
    );
    let ids: Vec<_> = all.iter().map(|told| told.id.parse::<u64>().unwrap()).collect();
    assert_eq!(ids, (1..=u64::try_from(all.len()).unwrap()).collect::<Vec<_>>());
    let progress: Vec<_> =
        all.iter().map(|told| told.data["video"]["progress"].as_u64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(rest.len(), all.len() - 1);
}

#[tokio::test]
async fn the_stream_of_a_key_tells_its_own_videos_and_nobody_elses() {
    let retake = TestGateway::start().await;
    let key = async |wish: Value, with: Option<&str>| {
        let answer = retake.call(Method::POST, "/retake/v1/keys", with, Some(wish)).await;
        let key: Value = answer.json().await.unwrap();
        key["key"].as_str().unwrap().to_owned()
    };
    let admin = key(json!({ "name": "admin", "admin": true }), None).await;
    let (north, south) = (
        key(json!({ "name": "north" }), Some(&admin)).await,
        key(json!({ "name": "south" }), Some(&admin)).await,
    );
    let stream = retake.call(Method::GET, "/retake/v1/events", Some(&north), None).await;
    let make = async |key: &str| {
        let made = retake.call(Method::POST, "/v1/videos", Some(key), Some(small())).await;
        made.json::<Value>().await.unwrap()["id"].clone()
    };
    make(&south).await;
    let mine = make(&north).await;

    let told = listen(stream, |told| told.name == "completed").await;

    assert!(told.iter().all(|told| told.data["video_id"] == mine), "{told:?}");
    assert_eq!(told[0].name, "accepted");
    let resumed = retake
        .client()
        .get(retake.url("/retake/v1/events"))
        .bearer_auth(&north)
        .header("last-event-id", &told[0].id);
    let again = listen(resumed.send().await.unwrap(), |told| told.name == "completed").await;
    assert_eq!(again.len(), told.len() - 1);
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let retake = TestGateway::start().await;
    let wish = json!({ "name": "admin", "admin": true });
    let key: Value = retake.post("/retake/v1/keys", wish).await.json().await.unwrap();
    let (id, secret) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let stream = retake.call(Method::GET, "/retake/v1/events", Some(secret), None).await;
    let path = format!("/retake/v1/keys/{id}");
    retake.call(Method::DELETE, &path, Some(secret), None).await;

    let told = listen(stream, |_| false).await;

    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;

    for path in ["/retake/v1/events".to_owned(), format!("/retake/v1/videos/{id}/events")] {
        let asked = retake.client().get(retake.url(&path)).header("last-event-id", "yesterday");
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["param"], "last-event-id");
    }
}
