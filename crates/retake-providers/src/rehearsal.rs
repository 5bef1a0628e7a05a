//! For tests of adapters: a talk held with answers from a script, and calls as text.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use retake_core::{request::Shot, size::Size};
use serde_json::Value as Json;

use crate::{
    Render, Submission,
    call::{Answer, Body, Call, NoAnswer, Part, Reply},
    talk::Talk,
};

/// When every rehearsal takes place: 2026-11-21T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_795_262_400, 0);

/// A text-to-video submission with nothing special about it: four seconds at 1280x720, with sound.
pub(crate) fn a_submission(model: &str) -> Submission {
    let shot = Shot {
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
        shot,
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
        shot: a_submission(model).shot,
        begun_at: NOON,
    }
}

/// An answer with a body of JSON.
pub(crate) fn json(status: u16, body: &Json) -> Answer {
    reply(status, &[("content-type", "application/json")], body.to_string())
}

/// An answer of any kind.
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

/// No answer, to a call that left or did not.
pub(crate) fn silence(sent: bool) -> Answer {
    Err(NoAnswer { sent, slow: false, message: "the connection broke".into() })
}

/// Holds a talk with these answers. Returns the calls it made and how it ended; panics when it asks more
/// often than there are answers.
pub(crate) fn hold<T>(
    mut talk: Talk<T>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Vec<Call>, T) {
    let (mut answers, mut calls) = (answers.into_iter(), Vec::new());
    loop {
        match talk {
            Talk::Over(value) => return (calls, value),
            Talk::Ask { call, then } => {
                let answer = answers.next().unwrap_or_else(|| panic!("no answer for {call:?}"));
                calls.push(*call);
                talk = then(answer);
            }
        }
    }
}

/// A call as text, for snapshots: no secret, and files by their length.
pub(crate) fn shown(call: &Call) -> String {
    let headers =
        call.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect::<String>();
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
