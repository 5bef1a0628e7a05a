//! Webhooks that report the end of a job.
//!
//! The payload holds only the event and the job's id. A request may name its own receivers, which
//! get a JWT as signature (dynamic); otherwise the registered webhooks get a symmetric signature
//! (static). Google does not document where `user_metadata` is returned; here it is beside `data`.
//! Nor does it document the JWT's claims: here they repeat the event, with the receiver as the
//! audience (Gemini API, "Webhooks", 2026-06-22).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    error_text::{self, Api},
    files, interactions,
    port_state::PortState,
    signatures,
    status::Status,
};
use crate::{
    emulator_context::{EmulatorContext, WebhookEvent, WebhookTrigger},
    simulator::{JobState, JobView},
    webhook_sender::WebhookRequest,
};

/// The delays, in seconds, before the retries of a delivery: growing, up to a day in all.
pub(super) const RETRY_PAUSES: &[i64] = &[10, 60, 300, 1800, 7200, 21_600, 43_200];
/// The maximum number of receivers in a request.
const MAX_URIS: usize = 10;
const ISSUER: &str = "https://generativelanguage.googleapis.com";

/// `webhook_config`: the receivers of one request.
#[derive(Clone, Debug)]
pub(super) struct DynamicWebhook {
    uris: Vec<String>,
    metadata: Value,
}

impl DynamicWebhook {
    /// Parses the configuration, in the spelling of either API; returns `None` without one.
    pub(super) fn parse(config: Option<&Value>) -> Result<Option<Self>, Status> {
        let Some(config) = config.filter(|it| !it.is_null()) else { return Ok(None) };
        let uris = config.get("uris").and_then(Value::as_array).cloned().unwrap_or_default();
        let uris: Vec<_> = uris.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if uris.len() > MAX_URIS || !uris.iter().all(|it| is_web_address(it)) {
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

/// Whether this is a web address. Google requires HTTPS; the lab allows HTTP too.
pub(super) fn is_web_address(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

/// Schedules the webhooks of an accepted job.
pub(super) fn schedule_webhooks(
    context: &EmulatorContext,
    port_state: &Arc<PortState>,
    job: &JobView,
    webhook: Option<DynamicWebhook>,
) {
    let (shared, port_state) = (context.clone(), Arc::clone(port_state));
    context.schedule_webhooks(job, &[WebhookTrigger::Ended], RETRY_PAUSES, move |event| {
        webhook_requests(&shared, &port_state, event, webhook.as_ref())
    });
}

fn webhook_requests(
    context: &EmulatorContext,
    port_state: &PortState,
    event: &WebhookEvent<'_>,
    webhook: Option<&DynamicWebhook>,
) -> Vec<WebhookRequest> {
    let Some((event_type, data)) = event_payload(context, event.job) else { return Vec::new() };
    let at = event.job.ended_at.unwrap_or_else(|| context.now());
    let mut body =
        json!({ "type": event_type, "version": "v1", "timestamp": at.to_string(), "data": data });
    let metadata = webhook.map_or(&Value::Null, |webhook| &webhook.metadata);
    if !metadata.is_null() {
        body["user_metadata"] = metadata.clone();
    }
    match webhook.filter(|webhook| !webhook.uris.is_empty()) {
        Some(webhook) => {
            webhook.uris.iter().map(|uri| dynamic_request(port_state, event, uri, &body)).collect()
        }
        None => registered_requests(context, port_state, event, event_type, &body),
    }
}

/// The type and the data of the event of an ended job; a failed operation has none.
fn event_payload(context: &EmulatorContext, job: &JobView) -> Option<(&'static str, Value)> {
    let id = job.id();
    if job.create.extra["wire"] == json!("gemini") {
        let uri = files::file_uris(context, job, job.outputs()).into_iter().next();
        let name = job.create.extra["files"][0].as_str().map(|it| format!("files/{it}"));
        let data = json!({ "id": id, "output_file_uri": uri, "file_name": name });
        return matches!(job.state, JobState::Done).then_some(("video.generated", data));
    }
    Some(match &job.state {
        JobState::Cancelled => ("interaction.cancelled", json!({ "id": id })),
        JobState::Failed(failure) if !interactions::has_no_video(job) => {
            let error = error_text::failure(Api::Gemini, failure);
            let (code, message) = (error.code.text_code(), error.message);
            let data = json!({ "id": id, "error_code": code, "error_message": message });
            ("interaction.failed", data)
        }
        _ => ("interaction.completed", json!({ "id": id })),
    })
}

fn dynamic_request(
    port_state: &PortState,
    event: &WebhookEvent<'_>,
    uri: &str,
    body: &Value,
) -> WebhookRequest {
    let at = event.wall.as_second();
    let mut claims = body.clone();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(uri)),
        ("jti", json!(event.id)),
        ("iat", json!(at)),
        ("exp", json!(at + 300)),
    ] {
        claims[name] = value;
    }
    let signature = port_state.jwt_signer.sign_jwt(&claims, event.is_genuine);
    webhook_request(uri, &event.id, at, signature, body.to_string())
}

fn registered_requests(
    context: &EmulatorContext,
    port_state: &PortState,
    event: &WebhookEvent<'_>,
    event_type: &str,
    body: &Value,
) -> Vec<WebhookRequest> {
    let mut receivers: Vec<(String, Vec<String>)> = port_state
        .webhooks()
        .iter()
        .filter(|webhook| webhook.is_subscribed(&event.job.create.key, event_type))
        .map(|webhook| (webhook.uri.clone(), webhook.secrets(context.now())))
        .collect();
    let configured = context.conditions().webhooks.into_iter();
    receivers.extend(configured.map(|webhook| (webhook.url, vec![webhook.secret])));
    let sign = |(uri, secrets): (String, Vec<String>)| {
        let forged = vec![signatures::derive_secret("somebody else")];
        let secrets = if event.is_genuine { secrets } else { forged };
        sign_request(&uri, &secrets, &event.id, event.wall.as_second(), body)
    };
    receivers.into_iter().map(sign).collect()
}

/// Builds a webhook with one signature for each valid secret.
pub(super) fn sign_request(
    uri: &str,
    secrets: &[String],
    id: &str,
    at: i64,
    body: &Value,
) -> WebhookRequest {
    let text = body.to_string();
    let all: Vec<_> =
        secrets.iter().map(|it| signatures::sign_standard(it, id, at, &text)).collect();
    webhook_request(uri, id, at, all.join(" "), text)
}

fn webhook_request(
    uri: &str,
    id: &str,
    at: i64,
    signature: String,
    body: String,
) -> WebhookRequest {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    WebhookRequest { url: uri.to_owned(), headers, body: body.into_bytes() }
}
