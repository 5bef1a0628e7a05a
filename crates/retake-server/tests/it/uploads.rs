//! Videos that are made from a file which comes with the request.

use std::{io::Cursor, time::Duration};

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use retake_media::{Picture, Pictures};
use serde_json::{Value, json};

use crate::gateway::{TestGateway, files_below};

const EDITS: &str = "/v1/videos/edits";
const EXTENSIONS: &str = "/v1/videos/extensions";

/// 64x48 in H.264.
const TINY: &[u8] = include_bytes!("../../../retake-media/tests/fixtures/reordered.mp4");
const HEVC: &[u8] = include_bytes!("../../../retake-media/tests/fixtures/hevc.mov");

/// A video of one second, 640x360, as a file.
async fn a_clip() -> Vec<u8> {
    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;
    assert_eq!(retake.until_ended(&id).await["status"], "completed");
    let content = retake.get(&format!("/v1/videos/{id}/content")).await;
    content.bytes().await.unwrap().to_vec()
}

/// A form with a file, as the official client for Python sends plain bytes.
fn a_form(prompt: &str, file: &[u8]) -> Form {
    let part = Part::bytes(file.to_vec()).file_name("upload");
    let part = part.mime_str("application/octet-stream").unwrap();
    Form::new().text("prompt", prompt.to_owned()).part("video", part)
}

fn by_seconds(seconds: &str, file: &[u8]) -> Form {
    a_form("the light goes out", file).text("seconds", seconds.to_owned())
}

async fn made(retake: &TestGateway, path: &str, form: Form) -> Value {
    let answer = retake.post_form(path, form).await;
    let status = answer.status();
    let video: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{video}");
    let done = retake.until_ended(video["id"].as_str().unwrap()).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    done
}

/// The code, the parameter and the message of a refusal.
async fn refused(retake: &TestGateway, path: &str, form: Form) -> (String, String, String) {
    let answer = retake.post_form(path, form).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body: Value = answer.json().await.unwrap();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("param"), text("message"))
}

async fn has_nothing(retake: &TestGateway) -> bool {
    let listed: Value = retake.get("/v1/videos").await.json().await.unwrap();
    listed["data"] == json!([]) && files_below(&retake.data_dir().join("assets")).is_empty()
}

/// Writes a number over one in a box, so many bytes behind the name of the box.
fn patched(file: &[u8], name: [u8; 4], behind: usize, number: u32) -> Vec<u8> {
    let at = file.windows(4).position(|window| window == name).unwrap() + 4 + behind;
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&number.to_be_bytes());
    file
}

fn first_picture(file: &[u8]) -> Picture {
    Pictures::open(Cursor::new(file)).unwrap().at(Duration::ZERO).unwrap()
}

#[tokio::test]
async fn an_uploaded_video_goes_on_and_what_comes_out_is_the_whole() {
    let (retake, clip) = (TestGateway::start().await, a_clip().await);

    let done = made(&retake, EXTENSIONS, by_seconds("2", &clip)).await;

    assert_eq!((&done["seconds"], &done["size"]), (&json!("3"), &json!("640x360")));
    assert_eq!(
        (&done["model"], &done["remixed_from_video_id"]),
        (&json!("animatic"), &Value::Null)
    );
    assert_eq!(done["retake"]["made_by"], "extension");
    let output = &done["retake"]["output"];
    assert_eq!((&output["duration_ms"], &output["frames"]), (&json!(3000), &json!(72)));
    let path = format!("/v1/videos/{}/content", done["id"].as_str().unwrap());
    let whole = retake.get(&path).await.bytes().await.unwrap();
    assert!(first_picture(&whole) == first_picture(&clip), "the first part is not what it was");
}

#[tokio::test]
async fn an_uploaded_video_of_a_broken_length_goes_on_from_where_it_ends() {
    let (retake, clip) = (TestGateway::start().await, a_clip().await);
    // Of its 24 pictures, 18 are shown.
    let clip = patched(&clip, *b"elst", 8, 18_000);

    let once = made(&retake, EXTENSIONS, by_seconds("2", &clip)).await;
    let body = json!({ "prompt": "dawn", "video": { "id": once["id"] }, "seconds": 1 });
    let twice: Value = retake.post(EXTENSIONS, body).await.json().await.unwrap();
    let twice = retake.until_ended(twice["id"].as_str().unwrap()).await;

    assert_eq!(
        (&once["seconds"], &once["retake"]["output"]["duration_ms"]),
        (&json!("3"), &json!(2750))
    );
    assert_eq!(twice["status"], "completed", "{twice:#}");
    assert_eq!(twice["retake"]["output"]["duration_ms"], 3750);
}

#[tokio::test]
async fn an_edit_of_an_uploaded_video_begins_with_its_picture_and_is_as_long_and_as_large() {
    let (retake, clip) = (TestGateway::start().await, a_clip().await);

    let done = made(&retake, EDITS, a_form("a red kite", &clip).text("model", "animatic")).await;

    assert_eq!((&done["seconds"], &done["size"]), (&json!("1"), &json!("640x360")));
    assert_eq!(
        (&done["prompt"], &done["remixed_from_video_id"]),
        (&json!("a red kite"), &Value::Null)
    );
    assert_eq!(done["retake"]["made_by"], "edit");
    let path = format!("/v1/videos/{}/content", done["id"].as_str().unwrap());
    let (edit, clip) =
        (first_picture(&retake.get(&path).await.bytes().await.unwrap()), first_picture(&clip));
    let off: u64 = edit.rgba.iter().zip(&clip.rgba).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(off / (edit.rgba.len() as u64) < 4, "{off} off over {} bytes", edit.rgba.len());
}

#[tokio::test]
async fn a_file_is_kept_once_while_jobs_wait_for_it_and_an_edit_needs_only_its_picture() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);

    for (path, form) in [
        (EXTENSIONS, by_seconds("1", &clip)),
        (EXTENSIONS, by_seconds("2", &clip)),
        (EDITS, a_form("a red kite", &clip)),
    ] {
        assert_eq!(retake.post_form(path, form).await.status(), StatusCode::OK);
    }

    let assets = retake.data_dir().join("assets");
    assert_eq!(files_below(&assets.join("uploads")).len(), 1);
    assert_eq!(files_below(&assets.join("pictures")).len(), 1);
}

#[tokio::test]
async fn what_is_no_video_that_can_be_decoded_is_refused_and_leaves_nothing() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);
    let mut garbled = clip.clone();
    let data = clip.windows(4).position(|window| window == b"mdat").unwrap();
    garbled[data + 4..].fill(0xFF);
    let files: [&[u8]; 6] =
        [b"", b"Example data", b"<html>", &clip[..clip.len() / 2], &clip[..200], &garbled];
    for file in files {
        for (path, form) in [(EDITS, a_form("p", file)), (EXTENSIONS, by_seconds("1", file))] {
            let (code, param, message) = refused(&retake, path, form).await;
            assert_eq!((code.as_str(), param.as_str()), ("invalid_video", "video"), "{message}");
            assert!(message.contains("H.264") || message.contains("ffmpeg"), "{message}");
        }
    }
    assert!(has_nothing(&retake).await);
}

#[tokio::test]
async fn a_size_or_a_length_that_the_model_does_not_render_is_said_of_the_video() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);

    let odd = refused(&retake, EDITS, a_form("p", TINY)).await;
    let also_odd = refused(&retake, EXTENSIONS, by_seconds("1", HEVC)).await;
    let long = refused(&retake, EXTENSIONS, by_seconds("120", &clip)).await;

    for (code, param, message) in [odd, also_odd] {
        assert_eq!((code.as_str(), param.as_str()), ("unsupported_size", "video"));
        assert!(message.contains("scale it to "), "{message}");
    }
    assert_eq!((long.0.as_str(), long.1.as_str()), ("unsupported_seconds", "seconds"));
    assert!(has_nothing(&retake).await);
}

#[tokio::test]
async fn a_video_behind_which_nothing_can_be_put_is_refused_with_a_way_out_and_can_be_edited() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);
    // Thirty pictures a second instead of 24.
    let fast = patched(&clip, *b"stts", 12, 800);

    let (code, param, message) = refused(&retake, EXTENSIONS, by_seconds("1", &fast)).await;

    assert_eq!((code.as_str(), param.as_str()), ("invalid_video", "video"));
    assert!(message.contains("30.000") && message.contains("ffmpeg -i"), "{message}");
    assert!(has_nothing(&retake).await);
    let edit = retake.post_form(EDITS, a_form("p", &fast)).await;
    assert_eq!(edit.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_video_is_either_named_or_sent_and_nothing_else_is_a_file() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);
    let file = || Part::bytes(clip.clone()).file_name("clip.mp4");

    for (form, code, param) in [
        (a_form("p", &clip).text("video[id]", "video_1"), "invalid_value", "video"),
        (Form::new().part("prompt", file()).part("video", file()), "invalid_type", "prompt"),
        (Form::new().part("video", file()), "missing_required_parameter", "prompt"),
        (Form::new().text("prompt", "p"), "missing_required_parameter", "video"),
        (a_form("p", &clip).text("size", "640x360"), "unknown_parameter", "size"),
        (a_form("p", &clip).part("clip", file()), "unknown_parameter", "clip"),
        (a_form("p", &clip).text("model", "nothing"), "model_not_found", "model"),
        (a_form(" ", &clip), "empty_prompt", "prompt"),
    ] {
        let found = refused(&retake, EDITS, form).await;
        assert_eq!((found.0.as_str(), found.1.as_str()), (code, param), "{}", found.2);
    }
    assert!(has_nothing(&retake).await);
}

#[tokio::test]
async fn the_content_of_a_file_counts_when_a_request_is_repeated() {
    let (retake, clip) = (TestGateway::resting().await, a_clip().await);
    let ask = async |file: &[u8]| {
        let request = retake.client().post(retake.url(EXTENSIONS)).multipart(by_seconds("1", file));
        let answer = request.header("idempotency-key", "order-7").send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    // The same video under another title.
    let mut other = clip.clone();
    let title = other.windows(10).position(|window| window == b"lighthouse").unwrap();
    other[title] = b'L';

    let (first, again, another) = (ask(&clip).await, ask(&clip).await, ask(&other).await);

    assert_eq!((first.0, &again), (200, &first));
    assert_eq!((another.0, &another.1["error"]["code"]), (422, &json!("idempotency_key_reused")));
}
