//! Whatever bytes arrive, the answer is never a server error, and every refusal has OpenAI's shape.
//!
//! A gateway that takes requests in but makes no videos is sent requests that are put together from the
//! pieces which real ones have, in every order, and from noise.

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use retake_server::CODES;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::gateway::{TestGateway, small};

/// A part that says what every request has to say.
const PROMPT: &str = "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\np\r\n";

const CASES: u32 = 400;
const JSON: &str = "application/json";
const UNKNOWN: &str = "video_00000000000000000000000000000000";
/// Paths that read a body. The first is the one with most to read, so it comes most often.
const POSTS: [&str; 9] = [
    "/v1/videos",
    "/v1/videos",
    "/v1/videos",
    "/v1/videos/generations",
    "/v1/videos/edits",
    "/v1/videos/extensions",
    "/v1/videos/characters",
    "/v1/videos/video_00000000000000000000000000000000/remix",
    "/v1/videos/video_00000000000000000000000000000000/cancel",
];
/// What such a body may say.
const FIELDS: [&str; 14] = [
    "prompt",
    "model",
    "seconds",
    "size",
    "video",
    "input_reference",
    "characters",
    "duration",
    "aspect_ratio",
    "resolution",
    "negative_prompt",
    "seed",
    "loop",
    "audio",
];
/// What the values in it may say.
const INNER: [&str; 4] = ["id", "image_url", "file_id", "name"];

/// Sends a request for each of many values and looks at every answer.
fn fuzz<S: Strategy>(runtime: &Runtime, values: &S, request: impl Fn(S::Value) -> RequestBuilder) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(values, |value| runtime.block_on(is_well_answered(request(value))))
        .unwrap();
}

async fn is_well_answered(request: RequestBuilder) -> Result<(), TestCaseError> {
    let answer = request.send().await.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    let status = answer.status();
    prop_assert!(answer.headers().contains_key("x-request-id"), "no request id: {status}");
    if status.is_success() || status.is_redirection() {
        return Ok(());
    }
    prop_assert!(status.is_client_error(), "{status}");
    let text = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or_default();
    prop_assert!(!message.is_empty() && message.len() < 2000, "{status} {text:?}");
    prop_assert!(error["type"].is_string(), "{status} {text:?}");
    prop_assert!(error["code"].as_str().is_some_and(|code| CODES.contains(&code)), "{text:?}");
    let param = error.get("param");
    prop_assert!(param.is_some_and(|param| param.is_null() || param.is_string()), "{text:?}");
    Ok(())
}

/// A gateway that renders nothing, and what runs it.
fn resting() -> (Runtime, TestGateway) {
    let runtime = Runtime::new().unwrap();
    let retake = runtime.block_on(TestGateway::resting());
    (runtime, retake)
}

fn piece(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::sample::select(&FIELDS[..]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(of), 0..24).prop_map(|pieces| pieces.concat())
}

/// One part of a multipart body as clients write it, with whatever name and content.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        prop::sample::select(&FIELDS[..]).prop_map(str::to_owned),
        "[a-z_]{1,9}(\\[[a-z]{0,4}\\]){0,6}",
        "\\PC{0,20}",
    ];
    let kind = prop::sample::select(
        &["", "; filename=\"a.png\"", "; filename=\"\"", "; filename*=utf-8''%ff", "; filename"][..],
    );
    let content = prop_oneof![
        "[0-9]{1,25}".prop_map(String::into_bytes),
        "\\PC{0,20}".prop_map(String::into_bytes),
        prop::sample::select(&["1280x720", "0x0", "-1", "1e9", "data:image/png;base64,AAAA"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(|noise| [
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(),
            &noise
        ]
        .concat()),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    (name, kind, content).prop_map(|(name, kind, content)| {
        let head = format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{kind}\r\n\r\n");
        [head.as_bytes(), &content, b"\r\n"].concat()
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9]{1,4}(x[0-9]{1,4}|:[0-9]{1,3}|p|s)?".prop_map(Value::from),
        Just(json!("\0")),
        Just(json!(UNKNOWN)),
        Just(json!("data:image/png;base64,iVBORw0KGgo=")),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let key =
            prop_oneof![prop::sample::select(&INNER[..]).prop_map(str::to_owned), "\\PC{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What may stand in a header's value.
fn header_value(pieces: &'static [&'static str]) -> impl Strategy<Value = HeaderValue> {
    let piece = prop_oneof![
        6 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::collection::vec(0x20u8..=0x7e, 0..20),
        1 => prop::collection::vec(0x80u8..=0xff, 0..20),
        1 => "[0-9]{0,30}".prop_map(String::into_bytes),
    ];
    // One piece alone is often one that is understood.
    (prop_oneof![Just(1), 0..5_usize])
        .prop_flat_map(move |count| prop::collection::vec(piece.clone(), count))
        .prop_map(|pieces| HeaderValue::from_bytes(&pieces.concat()).unwrap())
}

/// What may stand in a path or a query, encoded and not.
fn address() -> impl Strategy<Value = String> {
    const PIECES: [&str; 24] = [
        "%",
        "%00",
        "%0",
        "%ff",
        "%2F",
        "..",
        "%2e%2e",
        "&",
        "=",
        "after=",
        "limit=",
        "order=",
        "variant=",
        "video_",
        "asc",
        "100",
        "-1",
        "18446744073709551616",
        "+",
        "[]",
        "thumbnail",
        ";",
        ":",
        "video_01a1fd7ba32f7baeae58fc7592d8eb7a",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "[0-9A-Za-z._~!$'()*,@|{}^`-]{0,12}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

#[test]
fn no_multipart_body_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let noise = pieces(&[
        "--B\r\n",
        "--B--\r\n",
        "--B",
        "\r\n",
        "\r\n\r\n",
        "Content-Disposition: form-data; name=\"prompt\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"",
        "\"",
        "[",
        "]",
        "[]",
        "Content-Type: image/png\r\n",
        "Content-Transfer-Encoding: base64\r\n",
    ]);
    let begin = prop::sample::select(&[PROMPT, PROMPT, PROMPT, ""][..]);
    let end = prop::sample::select(&["--B--\r\n", "--B--\r\n", "--B--\r\n", ""][..]);
    let parts =
        (begin, prop::collection::vec(part(), 0..4), end).prop_map(|(begin, parts, end)| {
            [begin.as_bytes(), parts.concat().as_slice(), end.as_bytes()].concat()
        });
    let body = prop_oneof![1 => noise, 3 => parts];
    let kind = prop::sample::select(
        &[
            "multipart/form-data; boundary=B",
            "multipart/form-data; boundary=B",
            "multipart/form-data; boundary=B",
            "multipart/form-data; boundary=\"B\"",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "Multipart/Form-Data; charset=x; boundary=B; boundary=C",
        ][..],
    );

    fuzz(&runtime, &(prop::sample::select(&POSTS[..]), kind, body), |(path, kind, body)| {
        retake.client().post(retake.url(path)).header("content-type", kind).body(body)
    });
}

#[test]
fn no_json_body_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let noise = pieces(&[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"prompt\":\"p\"",
        "\"seconds\":",
        "\"size\":",
        "1e999",
        "-0",
        "18446744073709551616",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "null",
        "\u{feff}",
        "NaN",
    ]);
    let deep = (1usize..3000, prop::sample::select(&["[", "{\"a\":"][..]))
        .prop_map(|(depth, open)| format!("{{\"prompt\":{}", open.repeat(depth)).into_bytes());
    let fields = prop::collection::vec((prop::sample::select(&FIELDS[..]), any_json()), 1..3);
    let fields = fields.prop_map(|fields| {
        let mut body = json!({ "prompt": "p" });
        for (field, value) in fields {
            body[field] = value;
        }
        body.to_string().into_bytes()
    });
    let body = prop_oneof![1 => noise, 1 => deep, 4 => fields];
    let kind = prop::sample::select(&[JSON, JSON, "", "APPLICATION/JSON; charset=latin-1"][..]);

    fuzz(&runtime, &(prop::sample::select(&POSTS[..]), kind, body), |(path, kind, body)| {
        retake.client().post(retake.url(path)).header("content-type", kind).body(body)
    });
}

#[test]
fn no_wish_for_a_key_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let admin = json!({ "name": "admin", "admin": true });
    let admin: Value = runtime
        .block_on(async { retake.post("/retake/v1/keys", admin).await.json().await.unwrap() });
    let secret = admin["key"].as_str().unwrap();
    let field = prop::sample::select(&["name", "admin", "max_open", "expires_in_s", "more"][..]);
    let wish = prop::collection::btree_map(field, any_json(), 0..4);

    fuzz(&runtime, &wish, |wish| {
        retake.client().post(retake.url("/retake/v1/keys")).bearer_auth(secret).json(&wish)
    });
    fuzz(&runtime, &address(), |id| {
        let path = retake.url(&format!("/retake/v1/keys/{id}"));
        retake.client().delete(path).bearer_auth(secret)
    });
}

#[test]
fn no_wish_about_a_webhook_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let endpoint = json!({
        "name": "n", "url": "https://93.184.216.34/hook", "event_types": ["video.completed"],
    });
    let made: Value = runtime.block_on(async {
        retake.post("/v1/webhook_endpoints", endpoint).await.json().await.unwrap()
    });
    let id = made["id"].as_str().unwrap().to_owned();
    let path = prop::sample::select(vec![
        "/v1/webhook_endpoints".to_owned(),
        format!("/v1/webhook_endpoints/{id}"),
        format!("/v1/webhook_endpoints/{id}/rotate_secret"),
        "/v1/webhook_endpoints/we_0".to_owned(),
    ]);
    let field = prop::sample::select(
        &["name", "url", "event_types", "retake", "keep_old_secret_active_for_24_hours"][..],
    );
    let address = prop::sample::select(
        &["https://93.184.216.34/", "http://[::1]/", "http://a:b@c/", "file:///", "https://\u{1}"]
            [..],
    );
    let value = prop_oneof![
        3 => any_json(),
        1 => address.prop_map(Value::from),
        1 => Just(json!({ "enabled": false })),
        1 => prop::collection::vec(any_json(), 0..40).prop_map(Value::from),
        1 => Just(json!(["video.completed", "video.completed", "video.failed"])),
    ];
    let wish = prop::collection::btree_map(field, value, 0..5);

    fuzz(&runtime, &(path, wish), |(path, wish)| {
        retake.client().post(retake.url(&path)).json(&wish)
    });
}

#[test]
fn no_call_of_a_provider_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let name = prop::sample::select(
        &["webhook-signature", "webhook-id", "webhook-timestamp", "content-type", "authorization"]
            [..],
    );
    let value = header_value(&["v1,", "eyJhbGciOiJSUzI1NiJ9", ".", " ", "1800000000", "-1", JSON]);
    let headers = prop::collection::vec((name, value), 0..4);
    let body = prop_oneof![
        any_json().prop_map(|value| value.to_string().into_bytes()),
        pieces(&["{", "[", "\"data\":", "\"id\":", "}", "\"\\ud800\"", ","]),
        (1_usize..(2 << 20)).prop_map(|length| vec![b'['; length]),
    ];

    fuzz(&runtime, &(address(), address(), headers, body), |(tag, code, headers, body)| {
        let path = retake.url(&format!("/retake/v1/hooks/north/{tag}/{code}"));
        let request = retake.client().post(path).body(body);
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    });
}

#[test]
fn no_query_and_no_id_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let place = prop::sample::select(
        &[
            "/v1/videos?{}",
            "/v1/videos?{}&{}",
            "/v1/videos/{}",
            "/v1/videos/{}/content?variant={}",
            "/v1/videos/{}/remix",
            "/v1/videos/{}/cancel",
            "/v1/videos/characters/{}",
            "/v1/models/{}",
            "/retake/v1/videos/{}/events",
            "/{}",
        ][..],
    );
    let get = Just(Method::GET);
    let other = prop::sample::select(vec![Method::DELETE, Method::POST, Method::PATCH]);
    let method = prop_oneof![4 => get, 1 => other];

    fuzz(&runtime, &(method, place, address()), |(method, place, text)| {
        retake.client().request(method, retake.url(&place.replace("{}", &text)))
    });
}

#[test]
fn no_header_of_a_create_breaks_the_gateway() {
    let (runtime, retake) = resting();
    let name = prop::sample::select(
        &["idempotency-key", "x-stainless-retry-count", "content-type", "authorization", "accept"]
            [..],
    );
    let value = header_value(&["Bearer ", "rtk_", "0", "1", "-1", JSON, ";", "multipart/", "key"]);

    fuzz(&runtime, &prop::collection::vec((name, value), 0..3), |headers| {
        let request = retake.client().post(retake.url("/v1/videos")).body(small().to_string());
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    });
}

#[test]
fn no_header_of_a_download_or_a_stream_breaks_the_gateway() {
    let runtime = Runtime::new().unwrap();
    let retake = runtime.block_on(TestGateway::start());
    let id = runtime.block_on(async {
        let id = retake.create(json!({})).await;
        retake.until_ended(&id).await;
        id
    });
    let content = retake.url(&format!("/v1/videos/{id}/content"));
    let name = prop::sample::select(&["range", "if-range", "if-none-match"][..]);
    let value = header_value(&[
        "bytes=0-0",
        "bytes=-7",
        "bytes=99999999999-",
        "bytes=",
        "0-0",
        "-",
        ",",
        "18446744073709551616",
        "18446744073709551615",
        "\"",
        "W/",
        "*",
    ]);
    fuzz(&runtime, &prop::collection::vec((name, value), 1..3), |headers| {
        let request = retake.client().get(&content);
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    });

    let streams =
        ["/retake/v1/events".to_owned(), format!("/retake/v1/videos/{id}/events")].to_vec();
    let place = header_value(&["0", "1", "6", "-1", "-", ":", "18446744073709551616"]);
    fuzz(&runtime, &(prop::sample::select(streams), place), |(stream, place)| {
        retake.client().get(retake.url(&stream)).header("last-event-id", place)
    });
}
