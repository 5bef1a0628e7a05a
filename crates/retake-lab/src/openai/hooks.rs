//! Webhooks: `video.completed` and `video.failed`, signed as Standard Webhooks.
//!
//! OpenAI's endpoints belong to the account, not to a request, so they stand in the scenario, under
//! `[[providers.openai.webhooks]]`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::json;

use crate::{
    emulator_context::{EmulatorContext, Moment, News},
    scenario::Hook,
    simulator::{JobView, State},
    webhook_sender::Notice,
};

/// Pauses between tries, in seconds: growing, up to 72 hours in all (OpenAI guide, 2026-11-21).
const PAUSES: &[i64] = &[5, 60, 300, 1800, 7200, 18_000, 36_000, 72_000, 108_000];

/// Has the account's endpoints told when a video has ended.
pub(super) fn tell(desk: &EmulatorContext, job: &JobView) {
    let hooks = desk.conditions().webhooks;
    if !hooks.is_empty() {
        desk.tell(job, &[Moment::Ended], PAUSES, move |news| {
            hooks.iter().map(|hook| notice(hook, news)).collect()
        });
    }
}

fn notice(hook: &Hook, news: &News<'_>) -> Notice {
    let kind = match news.job.state {
        State::Done => "video.completed",
        _ => "video.failed",
    };
    let body = json!({
        "id": format!("evt_{}", news.id),
        "object": "event",
        "created_at": news.wall.as_second(),
        "type": kind,
        "data": { "id": news.job.id() },
    });
    let body = body.to_string();
    let (id, timestamp) = (format!("wh_{}", news.id), news.wall.as_second());
    let secret = if news.is_genuine { hook.secret.as_str() } else { "somebody else" };
    let signature = sign(secret, &format!("{id}.{timestamp}.{body}"));
    Notice {
        url: hook.url.clone(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "OpenAI/1.0".to_owned()),
            ("webhook-id".to_owned(), id),
            ("webhook-timestamp".to_owned(), timestamp.to_string()),
            ("webhook-signature".to_owned(), format!("v1,{signature}")),
        ],
        body: body.into_bytes(),
    }
}

/// A secret `whsec_…` stands for the bytes it encodes, any other one for itself.
fn sign(secret: &str, text: &str) -> String {
    let decoded = secret.strip_prefix("whsec_").and_then(|it| BASE64_STANDARD.decode(it).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}
