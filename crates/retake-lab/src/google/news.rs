//! Tells webhooks of the end of a job.
//!
//! The payload is thin: what happened to which job. A request may name its own receivers, which then
//! get a JWT for a signature (dynamic); else those that are registered are told, with a symmetric
//! signature (static). Google does not say where `user_metadata` comes back; here it stands beside
//! `data`. Nor does it document the JWT's claims: here they repeat the event, and name the receiver
//! as the audience (Gemini API, "Webhooks", 2026-06-22).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    files, interactions,
    memory::Memory,
    seal,
    status::Status,
    wording::{self, Wire},
};
use crate::{
    emulator_context::{EmulatorContext, Moment, News},
    simulator::{JobView, State},
    webhook_sender::Notice,
};

/// After which pauses, in seconds, a delivery is tried again: for a day, further and further apart.
pub(super) const PAUSES: &[i64] = &[10, 60, 300, 1800, 7200, 21_600, 43_200];
/// The most receivers that a request can name.
const MOST: usize = 10;
const ISSUER: &str = "https://generativelanguage.googleapis.com";

/// `webhook_config`: receivers for one request.
#[derive(Clone, Debug)]
pub(super) struct Dynamic {
    uris: Vec<String>,
    metadata: Value,
}

impl Dynamic {
    /// Reads it, in the spelling of either wire; `None` without receivers.
    pub(super) fn read(config: Option<&Value>) -> Result<Option<Self>, Status> {
        let Some(config) = config.filter(|it| !it.is_null()) else { return Ok(None) };
        let uris = config.get("uris").and_then(Value::as_array).cloned().unwrap_or_default();
        let uris: Vec<_> = uris.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if uris.len() > MOST || !uris.iter().all(|it| is_address(it)) {
            return Err(Status::invalid(
                "`webhook_config.uris` has to be a list of web addresses.",
            ));
        }
        let spellings = ["user_metadata", "userMetadata"];
        let metadata = spellings.into_iter().find_map(|name| config.get(name));
        let metadata = metadata.cloned().unwrap_or(Value::Null);
        Ok(Some(Self { uris, metadata }))
    }
}

/// Whether webhooks can go there. Google wants HTTPS; a lab is content with less.
pub(super) fn is_address(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

/// Sets up what is told of a job that was accepted.
pub(super) fn tell(
    desk: &EmulatorContext,
    memory: &Arc<Memory>,
    job: &JobView,
    hook: Option<Dynamic>,
) {
    let (at, memory) = (desk.clone(), Arc::clone(memory));
    desk.tell(job, &[Moment::Ended], PAUSES, move |news| {
        notices(&at, &memory, news, hook.as_ref())
    });
}

fn notices(
    desk: &EmulatorContext,
    memory: &Memory,
    news: &News<'_>,
    hook: Option<&Dynamic>,
) -> Vec<Notice> {
    let Some((event, data)) = event(desk, news.job) else { return Vec::new() };
    let at = news.job.ended_at.unwrap_or_else(|| desk.now());
    let mut body =
        json!({ "type": event, "version": "v1", "timestamp": at.to_string(), "data": data });
    let metadata = hook.map_or(&Value::Null, |hook| &hook.metadata);
    if !metadata.is_null() {
        body["user_metadata"] = metadata.clone();
    }
    match hook.filter(|hook| !hook.uris.is_empty()) {
        Some(hook) => hook.uris.iter().map(|uri| dynamic(memory, news, uri, &body)).collect(),
        None => registered(desk, memory, news, event, &body),
    }
}

/// What is told of a job that has ended; nothing of an operation that failed.
fn event(desk: &EmulatorContext, job: &JobView) -> Option<(&'static str, Value)> {
    let id = job.id();
    if job.create.extra["wire"] == json!("gemini") {
        let uri = files::uris(desk, job, job.outputs()).into_iter().next();
        let name = job.create.extra["files"][0].as_str().map(|it| format!("files/{it}"));
        let data = json!({ "id": id, "output_file_uri": uri, "file_name": name });
        return matches!(job.state, State::Done).then_some(("video.generated", data));
    }
    Some(match &job.state {
        State::Cancelled => ("interaction.cancelled", json!({ "id": id })),
        State::Failed(failure) if !interactions::lacks_video(job) => {
            let error = wording::failure(Wire::Gemini, failure);
            let (code, message) = (error.code.word(), error.message);
            let data = json!({ "id": id, "error_code": code, "error_message": message });
            ("interaction.failed", data)
        }
        _ => ("interaction.completed", json!({ "id": id })),
    })
}

fn dynamic(memory: &Memory, news: &News<'_>, uri: &str, body: &Value) -> Notice {
    let at = news.wall.as_second();
    let mut claims = body.clone();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(uri)),
        ("jti", json!(news.id)),
        ("iat", json!(at)),
        ("exp", json!(at + 300)),
    ] {
        claims[name] = value;
    }
    let signature = memory.seal.jwt(&claims, news.is_genuine);
    notice(uri, &news.id, at, signature, body.to_string())
}

fn registered(
    desk: &EmulatorContext,
    memory: &Memory,
    news: &News<'_>,
    event: &str,
    body: &Value,
) -> Vec<Notice> {
    let mut receivers: Vec<(String, Vec<String>)> = memory
        .hooks()
        .iter()
        .filter(|hook| hook.hears(&news.job.create.key, event))
        .map(|hook| (hook.uri.clone(), hook.secrets(desk.now())))
        .collect();
    let set_up = desk.conditions().webhooks.into_iter();
    receivers.extend(set_up.map(|hook| (hook.url, vec![hook.secret])));
    let sign = |(uri, secrets): (String, Vec<String>)| {
        let stranger = vec![seal::secret("somebody else")];
        let secrets = if news.is_genuine { secrets } else { stranger };
        signed(&uri, &secrets, &news.id, news.wall.as_second(), body)
    };
    receivers.into_iter().map(sign).collect()
}

/// A notice with one signature for each secret that is valid.
pub(super) fn signed(uri: &str, secrets: &[String], id: &str, at: i64, body: &Value) -> Notice {
    let text = body.to_string();
    let all: Vec<_> = secrets.iter().map(|it| seal::standard(it, id, at, &text)).collect();
    notice(uri, id, at, all.join(" "), text)
}

fn notice(uri: &str, id: &str, at: i64, signature: String, body: String) -> Notice {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Notice { url: uri.to_owned(), headers, body: body.into_bytes() }
}
