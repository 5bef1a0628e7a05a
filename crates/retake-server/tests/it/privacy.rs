//! What is left of a video that was deleted: nothing that its owner wrote.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::{
    gateway::{TestGateway, files_below},
    receiver::{Receiver, answer},
};

const CANARY: &str = "unmistakable";
/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(4);

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
    let settings = format!(
        "[accounts.mine]\nprovider = \"openai\"\nbase_url = \"{}\"\napi_key_env = \"KEY\"\n\
         poll_interval = \"50ms\"\n[models.quoting]\nroutes = [\"mine/sora-2\"]\n\
         [policy]\nmax_attempts = 1\n",
        server.url("/v1"),
    );
    TestGateway::configured(&settings).await
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
    let patience = Instant::now() + Duration::from_mins(1);
    while !files_that_say_it(&retake).is_empty() {
        assert!(Instant::now() < patience, "{:?}", files_that_say_it(&retake));
        tokio::task::yield_now().await;
    }
}

/// What a log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything from now on that anybody can have logged by `server.log_level`, of all tests in this process.
    fn begin() -> Self {
        let (log, filter) =
            (Self::default(), tracing_subscriber::EnvFilter::new("warn,retake=trace"));
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(move || written.clone());
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Waits until it says something of a job.
    async fn until(&self, id: &str, what: &str) {
        let begun = Instant::now();
        let says = |line: &str| line.contains(id) && line.contains(what);
        while !self.text().lines().any(says) {
            assert!(begun.elapsed() < PATIENCE, "no `{what}` of {id} in\n{}", self.text());
            tokio::task::yield_now().await;
        }
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_of_jobs_that_fail_in_any_way_has_no_word_of_their_prompts() {
    let log = Log::begin();
    let quoted = format!("we do not like `an {CANARY} heron`");
    let refusal = json!({ "error": { "message": quoted, "type": "invalid_request_error" } });
    let failure = json!({ "id": "v-1", "status": "failed", "error": {
        "code": "moderation_blocked", "message": quoted,
    } });
    let json = |status: &str, body: &Value| {
        answer(status, "application/json", body.to_string().as_bytes())
    };
    let queued = json("200 OK", &json!({ "id": "v-1", "status": "queued" }));
    let done = json("200 OK", &json!({ "id": "v-1", "status": "completed" }));
    let page = answer("200 OK", "text/html", format!("<html>{quoted}").as_bytes());
    // What is said to a submit, to a poll and to a download, and what the log is to say of the job unless that fails.
    let ways = [
        ([json("400 Bad Request", &refusal), Vec::new(), Vec::new()], ""),
        ([queued.clone(), json("200 OK", &failure), Vec::new()], ""),
        ([queued.clone(), json("503 Service Unavailable", &refusal), Vec::new()], "no answer"),
        ([queued.clone(), page.clone(), Vec::new()], "no answer"),
        ([queued.clone(), done.clone(), page], "failed to download"),
        ([queued, done, json("404 Not Found", &refusal)], "failed to download"),
    ];
    for ([submit, poll, file], least) in ways {
        let server = Receiver::that_answers(move |request| match &request.head {
            head if head.starts_with("POST") => submit.clone(),
            head if head.contains("/content") => file.clone(),
            _ => poll.clone(),
        });
        let retake = with_a_provider_that_quotes(&server).await;
        let asked = json!({
            "prompt": format!("an {CANARY} heron"), "model": "quoting",
            "seconds": "4", "size": "1280x720",
        });
        let video: Value = retake.post("/v1/videos", asked).await.json().await.unwrap();
        let id = video["id"].as_str().unwrap();
        match least {
            "" => drop(retake.until(id, &["failed"]).await),
            what => log.until(id, what).await,
        }
        retake.post(&format!("/v1/videos/{id}/cancel"), json!({})).await;
    }

    let log = log.text();
    assert!(log.contains("served"), "nothing was logged: {log}");
    let said: Vec<_> = log.lines().filter(|line| line.contains(CANARY)).collect();
    assert!(said.is_empty(), "{said:#?}");
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
