//! What is left of a video that was deleted: nothing that its owner wrote.

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use retake_server::config::{Config, Environment};
use serde_json::{Value, json};

use crate::{
    gateway::{TestGateway, files_below},
    receiver::Receiver,
};

const CANARY: &str = "unmistakable";

/// A picture that says something besides what it shows.
fn a_png_that_says(text: &str) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(640, 360).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    let said = [b"tEXtComment\0", text.as_bytes()].concat();
    let length = u32::try_from(said.len() - 4).unwrap();
    let chunk = [&length.to_be_bytes()[..], &said, &crc(&said).to_be_bytes()].concat();
    // Behind the signature and the header.
    bytes.splice(33..33, chunk);
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

/// A gateway with an account at a server that says no and repeats what it was asked.
async fn with_a_provider_that_quotes(server: &Receiver) -> TestGateway {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("retake.toml");
    let settings = format!(
        "[accounts.mine]\nprovider = \"openai\"\nbase_url = \"{}\"\napi_key_env = \"KEY\"\n\
         [models.quoting]\nroutes = [\"mine/sora-2\"]\n[policy]\nmax_attempts = 1\n",
        server.url("/v1"),
    );
    std::fs::write(&file, settings).unwrap();
    let home = folder.path().display().to_string();
    let variables = [("KEY", "key_of_nobody_0123456789"), ("HOME", &home)];
    let loaded = Config::load(Some(&file), &Environment::of(folder.path(), variables)).unwrap();
    TestGateway::with(|config| {
        let (data_dir, bind) = (config.data_dir.clone(), config.server.bind);
        *config = Config { data_dir, ..loaded.config };
        config.server.bind = bind;
        config.assets.min_free_space = retake_server::config::ByteSize::bytes(0);
    })
    .await
}

/// The files of a gateway that say it, while it is at work.
fn files_that_say_it(retake: &TestGateway) -> Vec<String> {
    let says = |file: &String| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
    };
    files_below(&retake.data_dir()).into_iter().filter(says).collect()
}

#[tokio::test]
async fn nothing_that_was_written_for_a_deleted_video_is_left_in_the_data_directory() {
    let refusal = json!({ "error": {
        "message": format!("Your prompt `an {CANARY} heron` was blocked"),
        "type": "invalid_request_error",
        "param": "prompt",
        "code": "moderation_blocked",
    } })
    .to_string();
    let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", refusal.len());
    let server = Receiver::that_says(format!("{head}{refusal}").as_bytes());
    let retake = with_a_provider_that_quotes(&server).await;
    let picture = Part::bytes(a_png_that_says(&format!("an {CANARY} picture")))
        .file_name(format!("{CANARY}.png"))
        .mime_str("image/png")
        .unwrap();
    let form = Form::new()
        .text("prompt", format!("an {CANARY} lighthouse"))
        .text("model", "animatic")
        .text("seconds", "1")
        .text("size", "640x360")
        .part("input_reference", picture);
    let drawn: Value = retake.post_form("/v1/videos", form).await.json().await.unwrap();
    let asked = json!({
        "prompt": format!("an {CANARY} heron"), "model": "quoting",
        "seconds": "4", "size": "1280x720",
    });
    let blocked: Value = retake.post("/v1/videos", asked).await.json().await.unwrap();
    let ids = [&drawn, &blocked].map(|video| video["id"].as_str().unwrap().to_owned());
    assert_eq!(retake.until_ended(&ids[0]).await["status"], "completed");
    let failed = retake.until_ended(&ids[1]).await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    assert!(failed.to_string().contains(CANARY), "the provider's words are told: {failed:#}");
    assert!(!files_that_say_it(&retake).is_empty());

    for id in &ids {
        assert_eq!(retake.delete(&format!("/v1/videos/{id}")).await.status(), StatusCode::OK);
    }

    // What a second erasure leaves in unused space is rewritten a moment after the first.
    let patience = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !files_that_say_it(&retake).is_empty() {
        assert!(std::time::Instant::now() < patience, "{:?}", files_that_say_it(&retake));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_picture_stays_while_another_video_has_it_too() {
    let retake = TestGateway::start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let picture = Part::bytes(a_png_that_says("a lighthouse")).file_name("a.png");
        let form = Form::new()
            .text("prompt", "a lighthouse")
            .text("seconds", "1")
            .text("size", "640x360")
            .part("input_reference", picture.mime_str("image/png").unwrap());
        let made: Value = retake.post_form("/v1/videos", form).await.json().await.unwrap();
        ids.push(made["id"].as_str().unwrap().to_owned());
        retake.until_ended(ids.last().unwrap()).await;
    }
    let pictures = || files_below(&retake.data_dir().join("assets/pictures")).len();

    retake.delete(&format!("/v1/videos/{}", ids[0])).await;
    assert_eq!(pictures(), 1);
    retake.delete(&format!("/v1/videos/{}", ids[1])).await;
    assert_eq!(pictures(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_owner_can_read_what_a_gateway_keeps() {
    use std::os::unix::fs::PermissionsExt as _;

    let retake = TestGateway::start().await;
    let id = retake.create(json!({})).await;
    retake.until_ended(&id).await;

    let open: Vec<_> = std::fs::read_dir(retake.data_dir())
        .unwrap()
        .map(Result::unwrap)
        .filter(|it| it.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .map(|it| it.file_name())
        .collect();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn whoever_makes_the_first_key_hears_of_the_endpoints_that_were_there() {
    for (admin, said) in [(true, "belong to this key"), (false, "are disabled")] {
        let retake = TestGateway::with(|config| config.server.allow_private_addresses = true).await;
        let endpoint = json!({
            "name": "mine", "url": "http://127.0.0.1:9/hook", "event_types": ["video.completed"],
        });
        let made: Value =
            retake.post("/v1/webhook_endpoints", endpoint).await.json().await.unwrap();

        let wish = json!({ "name": "first", "admin": admin });
        let first: Value = retake.post("/retake/v1/keys", wish).await.json().await.unwrap();

        let warned = first["warnings"][0].as_str().unwrap();
        assert!(warned.contains(said), "{warned}");
        if admin {
            let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
            let key = first["key"].as_str().unwrap();
            let shown = retake.call(reqwest::Method::GET, &path, Some(key), None).await;
            assert_eq!(shown.status(), StatusCode::OK);
            let again = json!({ "name": "second" });
            let second =
                retake.call(reqwest::Method::POST, "/retake/v1/keys", Some(key), Some(again));
            let second: Value = second.await.json().await.unwrap();
            assert!(second.get("warnings").is_none(), "{second}");
        }
    }
}
