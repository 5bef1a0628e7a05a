//! JSON in the form of server-sent events, in which some relays answer whatever was asked for.

use retake_core::json::JsonLimits;
use serde_json::Value as Json;

use crate::call::bounded_json;

/// No more events are read.
const MOST: usize = 1024;
/// How an event begins.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
/// Where a render or its name is in an answer.
const NAMES: [&str; 9] =
    ["id", "task_id", "request_id", "video_id", "name", "data", "video", "job", "task"];

/// Whether a body has the form of events.
pub(crate) fn is_events(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    FIELDS.iter().any(|field| body.starts_with(field))
}

/// What the events say: the last that names something, since an error may follow on the name of a render; else the
/// last.
pub(crate) fn json(body: &[u8]) -> Option<Json> {
    if !is_events(body) {
        return None;
    }
    let (mut last, mut named) = (None, None);
    for event in events(body).into_iter().take(MOST) {
        let Some(json) = bounded_json(&event, JsonLimits::ANSWER) else { continue };
        let has_name = |name: &&str| json.get(*name).is_some_and(|value| !value.is_null());
        let place = if NAMES.iter().any(has_name) { &mut named } else { &mut last };
        *place = Some(json);
    }
    named.or(last)
}

/// The data of each event.
fn events(body: &[u8]) -> Vec<Vec<u8>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut events = vec![Vec::new()];
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        match (line.strip_prefix(b"data:"), events.last_mut()) {
            (Some(data), Some(event)) => {
                event.extend_from_slice(data);
                event.push(b'\n');
            }
            (None, Some(event)) if line.is_empty() && !event.is_empty() => events.push(Vec::new()),
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_in_events_is_read_like_any_other() {
        let render = json!({ "id": "v_1", "status": "queued" });
        for text in [
            "data: {\"id\":\"v_1\",\"status\":\"queued\"}\n\n",
            "data:{\"id\":\"v_1\",\"status\":\"queued\"}",
            "\u{feff}: ping\r\n\r\nevent: created\r\nid: 7\r\ndata: {\"id\":\"v_1\",\r\ndata: \"status\":\"queued\"}\r\n\r\n",
            "data: {\"id\":\"v_1\",\"status\":\"queued\"}\n\ndata: [DONE]\n\n",
            "data: {\"progress\":1}\n\ndata: {\"id\":\"v_1\",\"status\":\"queued\"}\n\ndata: {\"error\":{\"message\":\"no\"}}\n\n",
            "data: {\"id\":\"v_1\",\"status\":\"starting\"}\n\ndata: {\"id\":\"v_1\",\"status\":\"queued\"}\n\ndata: {\"id\":\"v_",
        ] {
            assert_eq!(json(text.as_bytes()), Some(render.clone()), "{text}");
        }
        let error = json!({ "error": { "message": "no" } });
        assert_eq!(json(b"data: {\"error\":{\"message\":\"no\"}}\n\n"), Some(error));
        for text in ["", "{}", "data: no JSON", "data:", "event: x\n\n", "database is down", ":"] {
            assert_eq!(json(text.as_bytes()), None, "{text}");
        }
    }
}
