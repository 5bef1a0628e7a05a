//! A WebM file of a provider, all the way to who asked for it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    elements::A_WEBM,
    gateway::{TestGateway, files_below},
    receiver::{Receiver, answer},
};

#[tokio::test]
async fn a_webm_file_of_a_provider_is_kept_and_handed_out_as_what_it_is() {
    let film = A_WEBM.file();
    let body = film.clone();
    let server = Receiver::that_answers(move |request| {
        if request.head.contains("/content") {
            // What a provider calls it does not count.
            return answer("200 OK", "video/mp4", &body);
        }
        let status = if request.head.starts_with("POST") { "queued" } else { "completed" };
        let video = json!({ "id": "v-1", "status": status }).to_string();
        answer("200 OK", "application/json", video.as_bytes())
    });
    let settings = format!(
        "[accounts.mine]\nprovider = \"openai\"\nbase_url = \"{}\"\napi_key_env = \"KEY\"\n\
         poll_interval = \"50ms\"\n[models.film]\nroutes = [\"mine/sora-2\"]\n",
        server.url("/v1"),
    );
    let retake = TestGateway::configured(&settings).await;
    let asked = json!({ "prompt": "p", "model": "film", "seconds": "4", "size": "1280x720" });
    let video: Value = retake.post("/v1/videos", asked).await.json().await.unwrap();
    let id = video["id"].as_str().unwrap();

    let ended = retake.until_ended(id).await;

    assert_eq!(ended["status"], "completed", "{ended:#}");
    let path = format!("/v1/videos/{id}/content");
    let content = retake.get(&path).await;
    assert_eq!(content.status(), StatusCode::OK);
    assert_eq!(content.headers()["content-type"], "video/webm");
    let name = format!("inline; filename=\"{id}.webm\"");
    assert_eq!(content.headers()["content-disposition"], name.as_str());
    assert_eq!(content.headers()["content-length"], film.len().to_string().as_str());
    assert!(content.bytes().await.unwrap() == film);

    let part = retake.client().get(retake.url(&path)).header("range", "bytes=4-9").send().await;
    let part = part.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-type"], "video/webm");
    assert!(part.bytes().await.unwrap() == film[4..10]);
    let kept = files_below(&retake.data_dir().join("assets/videos"));
    let endings = kept.iter().map(|file| file.rsplit('.').next());
    assert_eq!(endings.collect::<Vec<_>>(), [Some("webm")], "{kept:?}");
}
