//! Reference pictures by URL.

use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::{
    gateway::{TestGateway, files_below, small},
    receiver::Receiver,
};

fn a_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::new(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn ask(retake: &TestGateway, url: &str) -> (u16, Value) {
    let mut body = small();
    body["input_reference"] = json!({ "image_url": url });
    let answer = retake.post("/v1/videos", body).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_picture_is_fetched_and_the_video_begins_with_it() {
    let server = Receiver::that_says(&answer(&a_png(640, 360)));
    let retake = TestGateway::with(|config| config.server.allow_private_addresses = true).await;

    let (status, video) = ask(&retake, &server.url("/first.png")).await;

    assert_eq!(status, 200, "{video}");
    let done = retake.until_ended(video["id"].as_str().unwrap()).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    assert!(server.requests()[0].head.starts_with("GET /first.png "));
}

#[tokio::test]
async fn a_picture_that_cannot_be_had_is_refused_and_leaves_nothing() {
    let retake = TestGateway::with(|config| config.server.allow_private_addresses = true).await;
    let inside =
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    for (says, code) in [
        (&b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"[..], "download_failed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf", "download_failed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n", "download_failed"),
        (inside, "address_not_allowed"),
        (&answer(b"<html>no picture</html>"), "invalid_image"),
        (&answer(&a_png(64, 64)), "reference_size_mismatch"),
    ] {
        let (status, refused) = ask(&retake, &Receiver::that_says(says).url("/")).await;
        let error = &refused["error"];
        assert_eq!((status, &error["code"]), (400, &json!(code)), "{refused}");
        assert_eq!(error["param"], "input_reference", "{refused}");
    }
    let listed: Value = retake.get("/v1/videos").await.json().await.unwrap();
    assert_eq!(listed["data"], json!([]));
    assert_eq!(files_below(&retake.data_dir().join("assets")), Vec::<String>::new());
}
