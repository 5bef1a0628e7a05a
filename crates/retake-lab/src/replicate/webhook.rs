//! Webhooks with Standard Webhooks signatures, and the secret to verify them.

use axum::Json;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Caller,
    view::{self, RequestNotes},
};
use crate::{
    emulator_context::{EmulatorContext, WebhookEvent, WebhookTrigger},
    simulator::{JobState, JobView},
    webhook_sender::WebhookRequest,
};

/// The delays before the retries, in seconds (the documentation says only that there are retries).
const RETRY_PAUSES: &[i64] = &[10, 30, 60, 300, 900];
/// The signing secret. It protects nothing.
const SECRET: &[u8] = b"retake-lab-replicate-webhooks";
/// The secret of forged webhooks.
const OTHER_SECRET: &[u8] = b"not-the-secret-of-this-account";

/// `GET /v1/webhooks/default/secret`.
pub(super) async fn secret(_: Caller) -> Json<Value> {
    Json(json!({ "key": format!("whsec_{}", STANDARD.encode(SECRET)) }))
}

/// Schedules the webhook of a prediction, if it has one.
pub(super) fn schedule_webhooks(context: &EmulatorContext, job: &JobView) {
    let Some(url) = RequestNotes::new(job).text("webhook").map(str::to_owned) else { return };
    let shared = context.clone();
    context.schedule_webhooks(
        job,
        &[WebhookTrigger::Started, WebhookTrigger::Ended],
        RETRY_PAUSES,
        move |event| webhook_requests(&shared, &url, event),
    );
}

/// The requests of a trigger: a successful end has an output event and a completed event.
fn webhook_requests(
    context: &EmulatorContext,
    url: &str,
    event: &WebhookEvent<'_>,
) -> Vec<WebhookRequest> {
    let is_done = matches!(event.job.state, JobState::Done);
    let event_names: &[&str] = match event.trigger {
        WebhookTrigger::Started => &["start", "logs"],
        WebhookTrigger::Ended if is_done => &["output", "completed"],
        WebhookTrigger::Ended => &["completed"],
    };
    let wanted = event_names
        .iter()
        .enumerate()
        .filter(|(_, name)| RequestNotes::new(event.job).is_subscribed(name));
    wanted.map(|(nth, _)| webhook_request(context, url, event, nth)).collect()
}

fn webhook_request(
    context: &EmulatorContext,
    url: &str,
    event: &WebhookEvent<'_>,
    nth: usize,
) -> WebhookRequest {
    let body = view::prediction(context, event.job).to_string();
    let (id, at) = (format!("msg_{}{nth}", event.id), event.wall.as_second().to_string());
    let secret = if event.is_genuine { SECRET } else { OTHER_SECRET };
    let signature = sign(secret, &format!("{id}.{at}.{body}"));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", format!("v1,{signature}")),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    WebhookRequest { url: url.to_owned(), headers, body: body.into_bytes() }
}

fn sign(secret: &[u8], message: &str) -> String {
    // A key of any length will do, so there is no error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
