//! Webhooks to the `callback_url` of a request, for the end of its job.
//!
//! Signed as the webhook guide says (`OpenRouter` docs, 2026-11-21): HMAC-SHA256, in hexadecimal
//! digits, of the time and the body with a comma between them, and only when the account has a
//! secret. That is the secret of the endpoint with this URL in the scenario's
//! `[[providers.openai.webhooks]]`, else of the first one there.

use ring::hmac;
use serde_json::{Value, json};

use super::{generation, links, status, usage};
use crate::{
    emulator_context::{EmulatorContext, WebhookEvent, WebhookTrigger},
    hex,
    openai::errors,
    simulator::{JobState, JobView},
    webhook_sender::WebhookRequest,
};

/// The delays before the retries, in seconds. They are not documented; these are the lab's own.
const RETRY_PAUSES: &[i64] = &[10, 60, 300];

/// Schedules the callback of a job, if it has one.
pub(super) fn schedule_webhooks(context: &EmulatorContext, job: &JobView) {
    let url = job.create.request.get("callback_url").and_then(Value::as_str);
    let Some(url) = url.map(str::to_owned) else { return };
    let (shared, secret) = (context.clone(), signing_secret(context, &url));
    context.schedule_webhooks(job, &[WebhookTrigger::Ended], RETRY_PAUSES, move |event| {
        vec![webhook_request(&shared, &url, secret.as_deref(), event)]
    });
}

fn signing_secret(context: &EmulatorContext, url: &str) -> Option<String> {
    let hooks = context.conditions().webhooks;
    let own = hooks.iter().find(|hook| hook.url == url).or_else(|| hooks.first());
    own.map(|hook| hook.secret.clone()).filter(|secret| !secret.is_empty())
}

fn webhook_request(
    context: &EmulatorContext,
    url: &str,
    secret: Option<&str>,
    event: &WebhookEvent<'_>,
) -> WebhookRequest {
    let body = body(context, event).to_string();
    let state = status(event.job);
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-openrouter-idempotency-key".to_owned(), format!("{}-{state}", event.job.id())),
    ];
    if let Some(secret) = secret {
        let secret = if event.is_genuine { secret } else { "somebody else" };
        let at = event.wall.as_second();
        let signature = sign(secret, &format!("{at},{body}"));
        headers.push(("x-openrouter-signature".to_owned(), format!("t={at},v1={signature}")));
    }
    WebhookRequest { url: url.to_owned(), headers, body: body.into_bytes() }
}

fn body(context: &EmulatorContext, event: &WebhookEvent<'_>) -> Value {
    let (job, state) = (event.job, status(event.job));
    let mut data = json!({
        "id": job.id(),
        "status": state,
        "generation_id": generation(job),
        "model": job.create.model,
    });
    match &job.state {
        JobState::Done => {
            data["unsigned_urls"] = json!(links(context, job));
            data["usage"] = usage(job);
        }
        JobState::Failed(failure) => data["error"] = json!(errors::failure(failure).1),
        _ => {}
    }
    let kind = format!("video.generation.{state}");
    json!({ "type": kind, "created_at": event.wall.to_string(), "data": data })
}

fn sign(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()).as_ref())
}
