//! What is kept of an exchange: enough to see what happened, and no secret.
//!
//! Headers that carry keys are not repeated at all. The values of a URL's query are left out, because links
//! are signed there. In bodies, long runs of base64 (pictures, whole videos) are replaced by their length, and
//! fields that are named like secrets lose their values. Every text is cut clean of the known secrets before it
//! is shortened, so that no part of one stays behind. Of a long text only the beginning is looked at, and a long
//! answer is shortened before anything else is done with it: what keeping it costs does not grow with what came.

use std::time::Duration;

use jiff::Timestamp;
use retake_core::{
    evidence::{Exchange, LONGEST_EXCERPT, excerpt},
    json::JsonLimits,
};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use crate::{
    call::{Answer, Body, Call, Part, Reply, Value, bounded_json},
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

/// How much of a text is looked at: what is kept of it, and so much more that no secret is cut in two there.
const LONGEST_HEAD: usize = 4 * LONGEST_EXCERPT + MARGIN;

/// Longer answers are shortened before they are parsed.
const LONGEST_PARSED: usize = 64 << 10;

/// What is kept of the beginning of a long text without blanks, and of one with blanks.
const BEGINNING: usize = 40;
const LONG_BEGINNING: usize = 1024;

/// What is kept of a call.
pub(super) struct Asked {
    method: String,
    url: String,
    sent: Option<String>,
}

/// What is kept of a call, without its secrets.
pub(super) fn asked(call: &Call, secrets: &Secrets) -> Asked {
    Asked {
        method: call.method.to_string(),
        url: without_values(&secrets.cut(&call.url)),
        sent: sent(&call.body, secrets).map(|text| excerpt(&text)),
    }
}

/// What is kept of a call and its answer.
pub(super) fn exchange(
    asked: Asked,
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
        method: asked.method,
        url: asked.url,
        sent: asked.sent,
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
        Body::Json(json) => Some(shown(json, secrets).to_string()),
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
        Part::Text { name, value } => format!("{name}: {}", shortened(value, secrets)),
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
    let (begun, is_whole) = if reply.body.len() > LONGEST_PARSED {
        condensed(&reply.body, secrets)
    } else {
        (reply.body.to_vec(), true)
    };
    if is_whole && let Some(json) = bounded_json(&begun, JsonLimits::ANSWER) {
        return Some(shown(&json, secrets).to_string());
    }
    let head = &begun[..begun.len().min(LONGEST_HEAD)];
    let text = String::from_utf8_lossy(head);
    let text = secrets.cut(&text);
    let is_whole = is_whole && head.len() == begun.len();
    let kept = if is_whole { text.len() } else { text.len().saturating_sub(MARGIN) };
    let kept = &text[..text.floor_char_boundary(kept)];
    Some(kept.split_inclusive(char::is_whitespace).map(short).collect())
}

/// A long text with each long string in it shortened, as far as it is looked at, and whether that is all of it.
/// Nothing but the places of its quotation marks is read of the rest.
fn condensed(text: &[u8], secrets: &Secrets) -> (Vec<u8>, bool) {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if out.len() > LONGEST_PARSED {
            return (out, false);
        }
        let (byte, rest) = (text[at], &text[at + 1..]);
        out.push(byte);
        at += 1;
        if byte != b'"' {
            continue;
        }
        let length = string_length(rest);
        if length <= LONGEST_HEAD {
            out.extend_from_slice(&rest[..length]);
        } else {
            out.extend_from_slice(beginning_of_string(&rest[..length], secrets).as_bytes());
        }
        at += length;
        out.extend(text.get(at));
        at += 1;
    }
    (out, true)
}

/// How long the string is that begins here, up to its quotation mark.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: &u8| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    };
    text.iter().position(is_end).unwrap_or(text.len())
}

/// The beginning of a long string in JSON. A blank in what is added keeps it from being shortened once more.
fn beginning_of_string(string: &[u8], secrets: &Secrets) -> String {
    let head = String::from_utf8_lossy(&string[..LONGEST_HEAD]);
    let head = secrets.cut(&head);
    let most = if head.contains(' ') { LONG_BEGINNING } else { BEGINNING };
    let kept = &head[..head.floor_char_boundary(most)];
    // An escape may be cut in two.
    let whole = kept.char_indices().rev().take(12).filter(|(_, it)| *it == '\\').last();
    let kept = whole.map_or(kept, |(at, _)| &kept[..at]);
    format!("{kept}… ({} bytes)", string.len())
}

/// A text as it may be seen, whatever its length.
fn shortened(text: &str, secrets: &Secrets) -> String {
    // Of a file nothing is kept but its beginning.
    let begin = &text[..text.floor_char_boundary(MARGIN)];
    let is_file = text.len() > LONGEST_HEAD && !begin.contains(char::is_whitespace);
    let most = if is_file { MARGIN } else { LONGEST_HEAD };
    let head = &text[..text.floor_char_boundary(most)];
    let cut = secrets.cut(head);
    if head.len() == text.len() {
        return short(&cut);
    }
    let most = if cut.contains(' ') { LONG_BEGINNING } else { BEGINNING };
    format!("{}… ({} bytes)", &cut[..cut.floor_char_boundary(most)], text.len())
}

/// JSON as it may be seen by those who operate a gateway.
fn shown(json: &Json, secrets: &Secrets) -> Json {
    match json {
        Json::String(text) => shortened(text, secrets).into(),
        Json::Array(items) => items.iter().take(64).map(|item| shown(item, secrets)).collect(),
        Json::Object(fields) => {
            let shown = |(name, value): (&String, &Json)| {
                let hides = value.is_string() && is_secret(name);
                let value = if hides { SECRET.into() } else { shown(value, secrets) };
                (secrets.cut(name).into_owned(), value)
            };
            Json::Object(fields.iter().map(shown).collect())
        }
        other => other.clone(),
    }
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

/// The provider's name for an exchange.
pub(crate) fn request_id(reply: &Reply) -> Option<String> {
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
        let asked = asked(call, &secrets);
        exchange(asked, &Ok(reply), &secrets, Timestamp::UNIX_EPOCH, Duration::ZERO)
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

    #[test]
    fn of_a_long_answer_the_same_is_kept_as_of_a_short_one_and_its_files_as_their_length() {
        let film = "QUJD".repeat(1 << 20);
        let body = |film: &str| {
            json!({ "done": true, "api_key": "abc", "url": "https://a.example.com/v?sig=1",
                "videos": [{ "bytes": film, "type": "video/mp4" }], "note": format!("of {KEY}") })
        };

        let received = kept(&a_call(), body(&film).to_string()).received.unwrap();

        let short = format!("{}… ({} bytes)", &film[..40], film.len());
        assert_eq!(received, kept(&a_call(), body(&short).to_string()).received.unwrap());
        assert!(received.contains("[secret]") && !received.contains("sig=1"), "{received}");
    }

    #[test]
    fn a_long_string_is_shortened_where_no_escape_and_no_key_is_cut_in_two() {
        let secrets = Secrets::new([KEY]);
        for before in 0..45 {
            for piece in [r"\u00e9", r"\n", "ü", KEY] {
                let text = format!("{}{}", "x".repeat(before), piece.repeat(30_000));
                let long = format!(r#"{{"a":"{text}","b":1}}"#);

                let (short, is_whole) = condensed(long.as_bytes(), &secrets);

                assert!(is_whole && short.len() < 200, "{}", short.len());
                let json: Json = serde_json::from_slice(&short).unwrap();
                assert!(
                    json["a"].as_str().unwrap().ends_with(&format!("… ({} bytes)", text.len()))
                );
                assert!(!json.to_string().contains("key_0123"), "{json}");
            }
        }
    }

    #[test]
    fn of_an_answer_without_an_end_only_the_beginning_is_looked_at() {
        let secrets = Secrets::new([KEY]);
        for hostile in ["[", "{\"a\":", "\"\",", "\"\\\\\"", "x y "] {
            let long = hostile.repeat((8 << 20) / hostile.len());

            let (short, _) = condensed(long.as_bytes(), &secrets);

            assert!(short.len() <= LONGEST_PARSED + LONGEST_HEAD, "{hostile}: {}", short.len());
            assert!(kept(&a_call(), long).received.unwrap().len() <= LONGEST_EXCERPT + 40);
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
