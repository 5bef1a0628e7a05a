//! What is kept of an exchange: enough to see what happened, and no secret.
//!
//! Headers that carry keys are not repeated at all. The values of a URL's query are left out, because links
//! are signed there. In bodies, long runs of base64 (pictures, whole videos) are replaced by their length, and
//! fields that are named like secrets lose their values. Every text is cut clean of the known secrets before it
//! is shortened, so that no part of one stays behind.

use std::time::Duration;

use jiff::Timestamp;
use retake_core::evidence::{Exchange, LONGEST_EXCERPT, excerpt};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use crate::{
    call::{Answer, Body, Call, Part, Reply, Value},
    secrets::{SECRET, Secrets},
};

/// Headers of an answer that are worth keeping, besides the names for the exchange.
const TELLING: [&str; 12] = [
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-fal-error-type",
    "x-fal-retryable",
    "content-type",
];

/// Under which names providers give their exchanges a name.
const NAMES: [&str; 7] = [
    "x-request-id",
    "x-fal-request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-goog-request-id",
    "request-id",
    "cf-ray",
];

/// A text without a blank that is longer than this is a file in disguise.
const LONGEST_WORD: usize = 512;

/// In URLs of this gateway that only providers know.
const OURS: &str = "/retake/v1/";

/// Bytes of a long answer that are read beyond what is kept, so that no secret is cut in two where it ends.
const MARGIN: usize = 4096;

/// What is kept of a call and its answer.
pub(super) fn exchange(
    call: &Call,
    answer: &Answer,
    secrets: &Secrets,
    at: Timestamp,
    took: Duration,
) -> Exchange {
    let cut = |text: String| secrets.cut(&text).into_owned();
    let reply = answer.as_ref().ok();
    Exchange {
        at,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        method: call.method.to_string(),
        url: without_values(&cut(call.url.clone())),
        sent: sent(&call.body, secrets).map(|text| excerpt(&text)),
        status: reply.map(|reply| reply.status.as_u16()),
        request_id: reply.and_then(request_id).map(cut),
        headers: reply
            .map(telling)
            .unwrap_or_default()
            .into_iter()
            .map(|(n, v)| (n, cut(v)))
            .collect(),
        received: reply.and_then(|reply| received(reply, secrets)).map(|text| excerpt(&text)),
        failure: answer.as_ref().err().map(|problem| cut(problem.message.clone())),
    }
}

fn without_values(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let names: Vec<_> = query
        .split('&')
        .take(20)
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) => format!("{name}=…"),
            None => "…".to_owned(),
        })
        .collect();
    format!("{path}?{}", names.join("&"))
}

fn sent(body: &Body, secrets: &Secrets) -> Option<String> {
    match body {
        Body::Empty => None,
        Body::Json(json) => Some(shown(json.clone(), secrets).to_string()),
        Body::Urlencoded(fields) => {
            let names: Vec<_> = fields.iter().map(|(name, _)| format!("{name}=…")).collect();
            Some(names.join("&"))
        }
        Body::File { media_type, bytes } => Some(format!("({media_type}, {} bytes)", bytes.len())),
        Body::Form(parts) => {
            let parts: Vec<_> = parts.iter().map(|it| part(it, secrets)).collect();
            Some(parts.join("\n"))
        }
    }
}

fn part(part: &Part, secrets: &Secrets) -> String {
    match part {
        Part::Text { name, value } => format!("{name}: {}", short(&secrets.cut(value))),
        Part::File { name, filename, media_type, bytes } => {
            let filename = secrets.cut(filename);
            format!("{name}: {filename} ({media_type}, {} bytes)", bytes.len())
        }
    }
}

fn received(reply: &Reply, secrets: &Secrets) -> Option<String> {
    if reply.body.is_empty() {
        return None;
    }
    Some(if let Some(json) = reply.json() {
        shown(json, secrets).to_string()
    } else {
        let begun = &reply.body[..reply.body.len().min(4 * LONGEST_EXCERPT + MARGIN)];
        let text = String::from_utf8_lossy(begun);
        let text = secrets.cut(&text);
        let whole = begun.len() == reply.body.len();
        let kept = if whole { text.len() } else { text.len().saturating_sub(MARGIN) };
        let kept = &text[..text.floor_char_boundary(kept)];
        kept.split_inclusive(char::is_whitespace).map(short).collect()
    })
}

/// JSON as it may be seen by those who operate a gateway.
fn shown(mut json: Json, secrets: &Secrets) -> Json {
    match &mut json {
        Json::String(text) => *text = short(&secrets.cut(text)),
        Json::Array(items) => {
            items.truncate(64);
            for item in items {
                *item = shown(std::mem::take(item), secrets);
            }
        }
        Json::Object(fields) => {
            let shown = |(name, value): (String, Json)| {
                let hides = value.is_string() && is_secret(&name);
                let value = if hides { SECRET.into() } else { shown(value, secrets) };
                (secrets.cut(&name).into_owned(), value)
            };
            *fields = std::mem::take(fields).into_iter().map(shown).collect();
        }
        _ => {}
    }
    json
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "secret",
        "password",
        "api_key",
        "apikey",
        "access_token",
        "authorization",
        "signature",
        "id_token",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// A text, or what it is when it is a file in disguise or a signed link.
fn short(text: &str) -> String {
    if text.starts_with("whsec_") {
        return SECRET.to_owned();
    }
    // The rest of such a URL of ours is what shows that somebody was given it.
    if let Some((before, _)) = text.split_once(OURS) {
        return format!("{before}{OURS}…");
    }
    if text.starts_with("http") && text.contains('?') && !text.contains(char::is_whitespace) {
        return without_values(text);
    }
    if text.len() > LONGEST_WORD && !text.contains(' ') {
        let end = text.floor_char_boundary(40);
        return format!("{}… ({} bytes)", &text[..end], text.len());
    }
    text.to_owned()
}

/// The secrets of a call, as they stand in its headers.
pub(super) fn secrets(call: &Call) -> impl Iterator<Item = &str> {
    call.headers.iter().filter_map(|(_, value)| match value {
        Value::Secret(secret) => Some(secret.expose_secret()),
        Value::Plain(_) => None,
    })
}

fn request_id(reply: &Reply) -> Option<String> {
    let name = NAMES.iter().find_map(|name| reply.header(name))?;
    (name.len() <= 200).then(|| name.to_owned())
}

fn telling(reply: &Reply) -> Vec<(String, String)> {
    let found = TELLING.iter().filter_map(|name| Some((*name, reply.header(name)?)));
    found
        .filter(|(_, value)| value.len() <= 200)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    const KEY: &str = "key_0123456789abcdef";

    fn kept(call: &Call, body: impl Into<Bytes>) -> Exchange {
        let reply = Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.into(),
            at: Timestamp::UNIX_EPOCH,
        };
        let secrets = Secrets::default().with(secrets(call));
        exchange(call, &Ok(reply), &secrets, Timestamp::UNIX_EPOCH, Duration::ZERO)
    }

    fn a_call() -> Call {
        Call::post("https://api.example.com/v1/videos", json!({ "prompt": "a lighthouse" }))
            .header("authorization", Value::credentials("Bearer", &SecretString::from(KEY)))
    }

    #[test]
    fn a_file_in_a_body_is_kept_as_its_length() {
        let call = a_call().body(Body::Json(json!({ "image": "A".repeat(100_000) })));

        let sent = kept(&call, "").sent.unwrap();

        assert!(sent.contains("(100000 bytes)"), "{sent}");
        assert!(sent.len() < 200, "{}", sent.len());
    }

    #[test]
    fn the_values_that_sign_a_link_are_left_out() {
        let body = json!({ "output": ["https://cdn.example.com/a.mp4?sig=abc&exp=7"] });

        let received = kept(&a_call(), body.to_string()).received.unwrap();

        assert_eq!(received, r#"{"output":["https://cdn.example.com/a.mp4?sig=…&exp=…"]}"#);
    }

    #[test]
    fn what_opens_a_door_of_ours_is_left_out() {
        let body = json!({
            "key": "whsec_bm9ib2R5",
            "webhook": "https://retake.example.com/retake/v1/hooks/fal/video_1-1/0123",
        });

        let received = kept(&a_call(), body.to_string()).received.unwrap();

        let expected =
            "{\"key\":\"[secret]\",\"webhook\":\"https://retake.example.com/retake/v1/…\"}";
        assert_eq!(received, expected);
    }

    #[test]
    fn no_part_of_a_key_stays_where_a_text_is_shortened() {
        let long = format!("{}{KEY}", "x".repeat(30));
        let end = format!("{}{KEY}", "a word ".repeat(4 * LONGEST_EXCERPT / 7 - 1));

        for body in [json!({ "a": long.repeat(100) }).to_string(), long.repeat(99), end] {
            let kept = serde_json::to_string(&kept(&a_call(), body)).unwrap();
            assert!(!kept.contains("key_0123"), "{kept}");
        }
    }

    proptest! {
        #[test]
        fn no_evidence_shows_the_key(before in ".{0,40}", after in ".{0,40}", url in "[a-z]{0,9}") {
            let body = format!("{before}{KEY}{after}");
            let call = Call { url: format!("https://a.example.com/{KEY}/{url}?k={KEY}"), ..a_call() };

            for body in [body.clone(), json!({ "error": body }).to_string()] {
                let kept = serde_json::to_string(&kept(&call, body)).unwrap();
                prop_assert!(!kept.contains(KEY), "{kept}");
            }
        }
    }
}
