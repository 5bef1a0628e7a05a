//! Webhooks: `video.completed` and `video.failed`, signed as Standard Webhooks.
//!
//! OpenAI's endpoints belong to the account, not to a request, so they are configured in the
//! scenario, under `[[providers.openai.webhooks]]`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::json;

use crate::{
    emulator_context::{EmulatorContext, WebhookEvent, WebhookTrigger},
    scenario::WebhookEndpoint,
    simulator::{JobState, JobView},
    webhook_sender::WebhookRequest,
};

/// The delays between retries, in seconds: growing, up to 72 hours in all (OpenAI guide,
/// 2026-11-21).
const RETRY_PAUSES: &[i64] = &[5, 60, 300, 1800, 7200, 18_000, 36_000, 72_000, 108_000];

/// Schedules the webhooks of the account's endpoints for the end of a video.
pub(super) fn schedule_webhooks(context: &EmulatorContext, job: &JobView) {
    let endpoints = context.conditions().webhooks;
    if !endpoints.is_empty() {
        context.schedule_webhooks(job, &[WebhookTrigger::Ended], RETRY_PAUSES, move |event| {
            endpoints.iter().map(|endpoint| webhook_request(endpoint, event)).collect()
        });
    }
}

fn webhook_request(endpoint: &WebhookEndpoint, event: &WebhookEvent<'_>) -> WebhookRequest {
    let kind = match event.job.state {
        JobState::Done => "video.completed",
        _ => "video.failed",
    };
    let body = json!({
        "id": format!("evt_{}", event.id),
        "object": "event",
        "created_at": event.wall.as_second(),
        "type": kind,
        "data": { "id": event.job.id() },
    });
    let body = body.to_string();
    let (id, timestamp) = (format!("wh_{}", event.id), event.wall.as_second());
    let secret = if event.is_genuine { endpoint.secret.as_str() } else { "somebody else" };
    let signature = sign(secret, &format!("{id}.{timestamp}.{body}"));
    WebhookRequest {
        url: endpoint.url.clone(),
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

/// Signs a text. A secret `whsec_…` is decoded, any other one is used as it is.
fn sign(secret: &str, text: &str) -> String {
    let decoded = secret.strip_prefix("whsec_").and_then(|it| BASE64_STANDARD.decode(it).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}
