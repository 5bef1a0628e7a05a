//! One caller cannot take the gateway from the others.
//!
//! Each gateway here holds few connections, so that a few callers are many. What counts is who is answered, not
//! how fast.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use retake_server::config::ByteSize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::gateway::{TestGateway, small};

/// The connections of a small gateway.
const FEW: usize = 20;
/// The longest that an answer is waited for which has to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A gateway with few connections, and the keys of an administrator and two others.
async fn small_gateway() -> (TestGateway, [String; 3]) {
    let retake = TestGateway::with(|config| config.server.max_connections = FEW).await;
    let keys = keys(&retake).await;
    (retake, keys)
}

async fn keys(retake: &TestGateway) -> [String; 3] {
    let key = async |wish: Value, with: Option<&str>| {
        let answer = retake.call(Method::POST, "/retake/v1/keys", with, Some(wish)).await;
        let key: Value = answer.json().await.unwrap();
        key["key"].as_str().unwrap().to_owned()
    };
    let admin = key(json!({ "name": "admin", "admin": true }), None).await;
    let north = key(json!({ "name": "north" }), Some(&admin)).await;
    let south = key(json!({ "name": "south" }), Some(&admin)).await;
    [admin, north, south]
}

/// Sends the beginning of a request on a connection of its own.
async fn begin(retake: &TestGateway, request: &str) -> TcpStream {
    let url = retake.url("");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// The status of an answer that has to come.
async fn status_of(connection: &mut TcpStream) -> String {
    let mut head = [0; 12];
    timeout(PATIENCE, connection.read_exact(&mut head)).await.unwrap().unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}

/// Everything that others may count on while one key holds whatever it can.
async fn others_are_served(retake: &TestGateway, [admin, _, south]: &[String; 3]) {
    let answered = async {
        assert_eq!(retake.get("/healthz").await.status(), StatusCode::OK);
        assert_eq!(retake.get("/readyz").await.status(), StatusCode::OK);
        let listed = retake.call(Method::GET, "/retake/v1/keys", Some(admin), None).await;
        assert_eq!(listed.status(), StatusCode::OK);
        let made = retake.call(Method::POST, "/v1/videos", Some(south), Some(small())).await;
        assert_eq!(made.status(), StatusCode::OK);
        let stream = retake.client().get(retake.url("/retake/v1/events")).bearer_auth(south);
        assert_eq!(stream.send().await.unwrap().status(), StatusCode::OK);
    };
    timeout(PATIENCE, answered).await.unwrap();
}

fn head(method: &str, path: &str, key: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn twenty_event_streams_of_one_key_leave_places_for_everybody_else() {
    let (retake, keys) = small_gateway().await;
    let request = head("GET", "/retake/v1/events", &keys[1], "");
    let (mut streams, mut statuses) = (Vec::new(), Vec::new());
    for _ in 0..FEW {
        let mut stream = begin(&retake, &request).await;
        statuses.push(status_of(&mut stream).await);
        streams.push(stream);
    }

    let open = statuses.iter().filter(|status| *status == "200").count();
    assert_eq!(open, FEW / 4, "half of the half that streams may have: {statuses:?}");
    assert!(statuses.iter().all(|status| status == "200" || status == "429"), "{statuses:?}");
    others_are_served(&retake, &keys).await;

    drop(streams);
    let again = async {
        loop {
            let mut stream = begin(&retake, &request).await;
            if status_of(&mut stream).await == "200" {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn twenty_uploads_of_one_key_that_trickle_leave_places_for_everybody_else() {
    let (retake, keys) = small_gateway().await;
    let more = "content-type: application/json\r\ncontent-length: 3000000\r\n";
    for beginning in [1_usize, 100_000] {
        let request = head("POST", "/v1/videos", &keys[1], more) + &" ".repeat(beginning);
        let mut uploads = Vec::new();
        for _ in 0..FEW {
            uploads.push(begin(&retake, &request).await);
        }

        others_are_served(&retake, &keys).await;
    }
}

#[tokio::test]
async fn uploads_that_trickle_without_a_key_leave_places_for_everybody_else() {
    let (retake, keys) = small_gateway().await;
    let more = "content-length: 3000000\r\n";
    let mut uploads = Vec::new();
    for path in ["/healthz", "/nowhere", "/v1/videos"] {
        let request = head("POST", path, "rtk_nope", more) + "x";
        for _ in 0..FEW {
            uploads.push(begin(&retake, &request).await);
        }
    }

    others_are_served(&retake, &keys).await;
}

#[tokio::test]
async fn a_refusal_reaches_a_caller_that_is_still_sending_while_strangers_trickle() {
    let (retake, keys) = small_gateway().await;
    let more = "content-length: 3000000
";
    let mut strangers = Vec::new();
    for _ in 0..FEW / 2 {
        strangers.push(begin(&retake, &(head("POST", "/v1/videos", "rtk_nope", more) + "x")).await);
    }

    // Whatever is not read of it would break the connection before the answer is read.
    let length = 48 << 20;
    let more = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    let mut upload = begin(&retake, &head("POST", "/v1/videos", &keys[1], &more)).await;
    timeout(PATIENCE, upload.write_all(&vec![b' '; length])).await.unwrap().unwrap();

    assert_eq!(status_of(&mut upload).await, "413");
}

#[tokio::test]
async fn who_holds_all_uploads_that_it_may_is_told_which_limit_it_reached() {
    let retake = TestGateway::with(|config| config.server.max_uploads = 2).await;
    let keys = keys(&retake).await;
    let more = "content-type: application/json\r\ncontent-length: 3000000\r\n";
    let request = head("POST", "/v1/videos", &keys[1], more) + &" ".repeat(100_000);
    let refusal = async {
        let mut uploads = Vec::new();
        loop {
            let mut upload = begin(&retake, &request).await;
            let mut answer = vec![0; 4096];
            // One that is not refused is not answered while it waits for the rest of its body.
            if let Ok(read) = timeout(Duration::from_secs(10), upload.read(&mut answer)).await {
                return String::from_utf8_lossy(&answer[..read.unwrap()]).into_owned();
            }
            uploads.push(upload);
        }
    };
    let refusal = timeout(PATIENCE, refusal).await.unwrap();

    assert!(refusal.starts_with("HTTP/1.1 429"), "{refusal}");
    assert!(
        refusal.contains("concurrency_limit_exceeded") && refusal.contains("server.max_uploads"),
        "{refusal}"
    );
    assert!(refusal.contains("retry-after"), "{refusal}");
}

#[tokio::test]
async fn a_body_of_many_tiny_members_is_refused_before_it_is_parsed() {
    let retake = TestGateway::resting().await;
    let list = format!("{{\"prompt\":\"p\",\"metadata\":[{}0]}}", "0,".repeat(2 << 20));
    let members = "\"a\":0,".repeat(20_000);
    let members = format!("{{{members}\"prompt\":\"p\"}}");
    let deep = format!("{{\"prompt\":{}", "[".repeat(100_000));
    for path in ["/v1/videos", "/v1/videos/edits", "/retake/v1/keys", "/v1/webhook_endpoints"] {
        for body in [&list, &members, &deep] {
            let request = retake.client().post(retake.url(path));
            let request = request.header("content-type", "application/json").body(body.clone());
            let answer = request.send().await.unwrap();

            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
            let refusal: Value = answer.json().await.unwrap();
            assert_eq!(refusal["error"]["code"], "request_too_large", "{path} {refusal}");
        }
    }
}

#[tokio::test]
async fn only_a_picture_in_a_data_url_may_be_long() {
    let retake = TestGateway::resting().await;
    let post = async |body: Value| {
        let answer = retake.post("/v1/videos", body).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let long = "A".repeat(4 << 20);
    let with = |name: &str, value: Value| {
        let mut body = small();
        body[name] = value;
        body
    };

    let (status, refusal) = post(with("prompt", json!(long))).await;
    assert_eq!((status, &refusal["error"]["param"]), (413, &json!("prompt")), "{refusal}");
    let (status, refusal) = post(with("metadata", json!({ "a": [{ "b": long }] }))).await;
    assert_eq!((status, &refusal["error"]["param"]), (413, &json!("metadata")), "{refusal}");
    let data = format!("data:image/png;base64,{long}");
    let (status, refusal) = post(with("input_reference", json!({ "image_url": data }))).await;
    assert_eq!((status, &refusal["error"]["code"]), (400, &json!("invalid_image")), "{refusal}");
    let broken = format!("data:image/png;base64,{long}!");
    let (status, refusal) = post(with("input_reference", json!({ "image_url": broken }))).await;
    assert_eq!((status, &refusal["error"]["code"]), (400, &json!("invalid_value")), "{refusal}");
}

#[tokio::test]
async fn a_long_picture_in_a_data_url_is_the_same_in_json_with_escaped_slashes_and_in_a_form() {
    use base64::Engine as _;
    let retake = TestGateway::resting().await;
    // Noise does not become shorter when it is compressed.
    let noise =
        |x: u32, y: u32| (x.wrapping_mul(x).wrapping_add(y.wrapping_mul(2_654_435_761))) >> 7;
    let picture = image::RgbImage::from_fn(640, 360, |x, y| {
        image::Rgb(noise(x, y).to_le_bytes()[..3].try_into().unwrap())
    });
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(png.into_inner());
    let url = format!("data:image/png;base64,{text}");
    assert!(url.len() > 300_000, "{} bytes", url.len());
    let key = ("idempotency-key", "the same");
    let send = async |request: reqwest::RequestBuilder| {
        let answer = request.header(key.0, key.1).send().await.unwrap();
        let status = answer.status();
        let video: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{video}");
        video["id"].as_str().unwrap().to_owned()
    };
    let mut body = small();
    body["input_reference"] = json!({ "image_url": url });
    let escaped = body.to_string().replace('/', "\\/");
    let form = ["prompt", "seconds", "size"]
        .into_iter()
        .fold(reqwest::multipart::Form::new(), |form, name| {
            form.text(name, small()[name].as_str().unwrap().to_owned())
        });
    let form = form.text("input_reference[image_url]", url.clone());
    let post = || retake.client().post(retake.url("/v1/videos"));

    let plain = send(post().json(&body)).await;
    let json_escaped = post().header("content-type", "application/json").body(escaped);
    assert_eq!(send(json_escaped).await, plain);
    assert_eq!(send(post().multipart(form)).await, plain);
}

#[tokio::test]
async fn a_form_that_is_all_head_is_refused() {
    let retake = TestGateway::resting().await;
    for begin in ["", "--B\r\n", "--B\r\nContent-Disposition: form-data; name=\""] {
        let body = format!("{begin}{}", "x".repeat(4 << 20));
        let request = retake.client().post(retake.url("/v1/videos"));
        let request = request.header("content-type", "multipart/form-data; boundary=B").body(body);
        let answer = request.send().await.unwrap();

        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{begin:?}");
        let refusal: Value = answer.json().await.unwrap();
        assert_eq!(refusal["error"]["code"], "invalid_multipart", "{refusal}");
    }
}

#[tokio::test]
async fn a_key_has_only_so_many_characters_and_can_delete_them() {
    let retake = TestGateway::with(|config| config.server.max_characters = 2).await;
    let clip = a_clip(&retake).await;
    let make = async |name: &str| {
        let part = reqwest::multipart::Part::bytes(clip.clone()).file_name("clip.mp4");
        let form = reqwest::multipart::Form::new().text("name", name.to_owned());
        let answer = retake.post_form("/v1/videos/characters", form.part("video", part)).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, fox) = make("fox").await;
    let (_, owl) = make("owl").await;
    let (fox, owl) = (fox["id"].as_str().unwrap(), owl["id"].as_str().unwrap());

    let (status, refusal) = make("cat").await;
    assert_eq!((status, &refusal["error"]["code"]), (409, &json!("too_many_characters")));
    let listed: Value = retake.get("/v1/videos/characters?limit=1").await.json().await.unwrap();
    assert_eq!((&listed["data"][0]["id"], &listed["has_more"]), (&json!(owl), &json!(true)));
    let path = format!("/v1/videos/characters?after={owl}");
    let listed: Value = retake.get(&path).await.json().await.unwrap();
    assert_eq!((&listed["data"][0]["id"], &listed["has_more"]), (&json!(fox), &json!(false)));

    let deleted: Value =
        retake.delete(&format!("/v1/videos/characters/{fox}")).await.json().await.unwrap();
    assert_eq!(deleted, json!({ "id": fox, "object": "character.deleted", "deleted": true }));
    let gone = retake.get(&format!("/v1/videos/characters/{fox}")).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(make("cat").await.0, 200);
}

#[tokio::test]
async fn a_character_of_another_key_cannot_be_deleted_and_the_last_one_takes_its_picture_along() {
    let retake = TestGateway::start().await;
    let clip = a_clip(&retake).await;
    let [_, north, south] = keys(&retake).await;
    let part = reqwest::multipart::Part::bytes(clip).file_name("clip.mp4");
    let form = reqwest::multipart::Form::new().text("name", "fox").part("video", part);
    let post = retake.client().post(retake.url("/v1/videos/characters")).bearer_auth(&north);
    let made: Value = post.multipart(form).send().await.unwrap().json().await.unwrap();
    let path = format!("/v1/videos/characters/{}", made["id"].as_str().unwrap());
    let pictures = retake.data_dir().join("assets/pictures");
    let kept = || crate::gateway::files_below(&pictures).len();
    assert_eq!(kept(), 1);

    let foreign = retake.call(Method::DELETE, &path, Some(&south), None).await;
    assert_eq!((foreign.status(), kept()), (StatusCode::NOT_FOUND, 1));
    let own = retake.call(Method::DELETE, &path, Some(&north), None).await;
    assert_eq!((own.status(), kept()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_ready_gateway_says_what_it_looked_at() {
    let retake = TestGateway::with(|config| config.server.upload_memory = ByteSize::mib(1)).await;

    let ready: Value = retake.get("/readyz").await.json().await.unwrap();

    let names: Vec<_> = ready["checks"]["tasks"].as_array().unwrap().iter().collect();
    for name in ["the scheduler", "the heartbeat", "the delivery of webhooks"] {
        assert!(names.iter().any(|task| task["name"] == name), "{ready}");
    }
    assert!(ready["checks"]["free_bytes"].as_u64().unwrap() > 0, "{ready}");
    assert_eq!(ready["checks"]["clock_skew_ms"], Value::Null, "there is no database");
}

/// The file of a small video.
async fn a_clip(retake: &TestGateway) -> Vec<u8> {
    let id = retake.create(json!({})).await;
    retake.until_ended(&id).await;
    retake.get(&format!("/v1/videos/{id}/content")).await.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_request_whose_key_is_revoked_while_its_body_arrives_is_refused() {
    let (retake, [admin, north, south]) = small_gateway().await;
    let listed = retake.call(Method::GET, "/retake/v1/keys", Some(&admin), None).await;
    let listed: Value = listed.json().await.unwrap();
    let of = |name: &str| {
        let key = listed["data"].as_array().unwrap().iter().find(|key| key["name"] == name);
        format!("/retake/v1/keys/{}", key.unwrap()["id"].as_str().unwrap())
    };
    let endpoint = json!({
        "name": "mine", "url": "https://example.com/hook", "event_types": ["video.completed"],
    });
    let mut requests = Vec::new();
    for (path, body, key) in [
        ("/v1/videos", small(), &north),
        ("/v1/webhook_endpoints", endpoint, &north),
        ("/v1/videos", small(), &south),
    ] {
        let body = body.to_string();
        let (first, rest) = body.split_at(body.len() / 2);
        let more = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let connection = begin(&retake, &(head("POST", path, key, &more) + first)).await;
        requests.push((connection, rest.to_owned()));
    }

    let revoked = retake.call(Method::DELETE, &of("north"), Some(&admin), None).await;
    assert_eq!(revoked.status(), StatusCode::OK);

    let mut statuses = Vec::new();
    for (mut connection, rest) in requests {
        connection.write_all(rest.as_bytes()).await.unwrap();
        statuses.push(status_of(&mut connection).await);
    }
    assert_eq!(statuses, ["401", "401", "200"]);
}

#[tokio::test]
async fn whoever_sends_far_too_much_to_a_small_endpoint_reads_why_it_was_refused() {
    let (retake, [admin, ..]) = small_gateway().await;
    let length = 64 << 20;
    let more = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    let mut upload = begin(&retake, &head("POST", "/retake/v1/keys", &admin, &more)).await;

    let piece = vec![b' '; 1 << 20];
    for _ in 0..length / piece.len() {
        upload.write_all(&piece).await.unwrap();
    }

    assert_eq!(status_of(&mut upload).await, "413");
}
