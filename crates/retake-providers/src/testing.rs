//! For tests of adapters: a talk held with answers from a script, and calls as text.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use proptest::{collection, prelude::*};
use retake_core::{request::RenderSpec, size::Size};
use serde_json::Value as Json;

use crate::{
    Render, Submission,
    call::{Answer, Body, Call, NoAnswer, Part, Reply},
    flow::Flow,
};

/// When every rehearsal takes place: 2026-11-21T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_795_262_400, 0);

/// A text-to-video submission with nothing special about it: four seconds at 1280x720, with sound.
pub(crate) fn a_submission(model: &str) -> Submission {
    let spec = RenderSpec {
        prompt: "a lighthouse in a storm".into(),
        negative_prompt: None,
        seconds: 4,
        size: Size::new(1280, 720),
        seed: 7,
        looped: false,
        audio: true,
        first_frame: None,
        characters: Vec::new(),
        origin: None,
    };
    Submission {
        tag: "video_0198c0de-1".into(),
        model: model.into(),
        spec,
        first_frame: None,
        first_frame_url: None,
        characters: Vec::new(),
        source: None,
        hook: None,
    }
}

/// A render that was taken at noon.
pub(crate) fn a_render(model: &str, remote_id: &str) -> Render {
    Render {
        remote_id: remote_id.into(),
        model: model.into(),
        spec: a_submission(model).spec,
        begun_at: NOON,
        give_up: None,
    }
}

/// An answer with a body of JSON.
pub(crate) fn json(status: u16, body: &Json) -> Answer {
    reply(status, &[("content-type", "application/json")], body.to_string())
}

/// An answer of any kind.
#[expect(clippy::unnecessary_wraps, reason = "an answer may also be none")]
pub(crate) fn reply(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    Ok(Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect::<HeaderMap>(),
        body: body.into(),
        at: NOON,
    })
}

/// Any answer at all: statuses, headers and bodies that no provider documents, or none.
pub(crate) fn any_answer() -> impl Strategy<Value = Answer> {
    let texts = "[ -~]{0,40}";
    let names =
        prop::sample::select(vec!["retry-after", "retry-after-ms", "content-type", "location"]);
    let headers = collection::vec((names, texts), 0..3);
    let replied = (100_u16..1000, headers, any_body()).prop_map(|(status, headers, body)| {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        reply(status, &headers, body)
    });
    let succeeded = any_body().prop_map(|body| reply(200, &[], body));
    prop_oneof![10 => replied, 10 => succeeded, 1 => any::<bool>().prop_map(silence)]
}

/// A body: JSON of any shape, JSON that was cut off, bytes, or text.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let json = any_json().prop_map(|json| json.to_string().into_bytes());
    let cut = (any_json(), any::<prop::sample::Index>()).prop_map(|(json, at)| {
        let text = json.to_string().into_bytes();
        text[..at.index(text.len() + 1)].to_vec()
    });
    let deep = (1_usize..400).prop_map(|depth| "[".repeat(depth).into_bytes());
    prop_oneof![
        6 => json,
        1 => cut,
        1 => deep,
        1 => collection::vec(any::<u8>(), 0..200),
        1 => ".{0,80}".prop_map(String::into_bytes),
    ]
}

/// Names that providers give to what they answer.
const NAMES: &str = "id name status state task_id task_status request_id data error errors code message \
    detail type output outputs result response done progress created_at createdAt url \
    urls video videos assets failure_reason failureCode generations metadata has_more \
    last_id next results items usage credit limit tier models keys kid x";
/// Texts that providers answer, and some that they should not.
const TEXTS: &[&str] = &[
    "queued",
    "in_progress",
    "completed",
    "succeeded",
    "failed",
    "cancelled",
    "COMPLETED",
    "SUCCEEDED",
    "FAILED",
    "THROTTLED",
    "..",
    "video_1",
    "https://cdn.example.com/a.mp4",
    "http://127.0.0.1/",
    "data:video/mp4;base64,AAAA",
    "2026-11-21T12:00:00Z",
    "1e999",
    "failed: {\"error\":{\"code\":\"x\"}}",
    "rate_limit_exceeded",
    "{'a': 'b'}",
];

/// JSON in which the names that providers use turn up with values of every kind.
pub(crate) fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,20}".prop_map(Json::from),
        prop::sample::select(TEXTS).prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 8, |inner| {
        let name = prop_oneof![
            8 => prop::sample::select(NAMES.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
            1 => ".{0,6}",
        ];
        let object = collection::btree_map(name, inner.clone(), 0..8)
            .prop_map(|fields| Json::Object(fields.into_iter().collect()));
        prop_oneof![1 => collection::vec(inner, 0..4).prop_map(Json::from), 3 => object]
    })
}

/// No answer, to a call that left or did not.
pub(crate) fn silence(sent: bool) -> Answer {
    Err(NoAnswer { sent, slow: false, message: "the connection broke".into() })
}

/// Holds a talk with these answers. Returns the calls it made and how it ended; panics when it asks more
/// often than there are answers.
pub(crate) fn hold<T>(
    mut talk: Flow<T>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Vec<Call>, T) {
    let (mut answers, mut calls) = (answers.into_iter(), Vec::new());
    loop {
        match talk {
            Flow::Done(value) => return (calls, value),
            Flow::Ask { call, then } => {
                let answer = answers.next().unwrap_or_else(|| panic!("no answer for {call:?}"));
                calls.push(*call);
                talk = then(answer);
            }
        }
    }
}

/// A call as text, for snapshots: no secret, and files by their length.
pub(crate) fn shown(call: &Call) -> String {
    let headers: Vec<_> =
        call.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
    let headers = headers.concat();
    let body = match &call.body {
        Body::Empty => String::new(),
        Body::Json(json) => serde_json::to_string_pretty(json).unwrap(),
        Body::Urlencoded(fields) => format!("{fields:?}"),
        Body::File { media_type, bytes } => format!("({media_type}, {} bytes)", bytes.len()),
        Body::Form(parts) => parts.iter().map(part).collect::<Vec<_>>().join("\n"),
    };
    format!("{} {} ({:?})\n{headers}\n{body}", call.method, call.url, call.effect)
}

fn part(part: &Part) -> String {
    match part {
        Part::Text { name, value } => format!("{name}: {value}"),
        Part::File { name, filename, media_type, bytes } => {
            format!("{name}: {filename} ({media_type}, {} bytes)", bytes.len())
        }
    }
}
