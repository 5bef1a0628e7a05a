//! Webhooks, signed with Ed25519 as fal signs them, and the keys to check them with.
//!
//! The signature, in hexadecimal digits, covers four lines: the ids of the request and the user, the
//! timestamp, and the SHA-256 of the body (fal docs "Webhooks", 2026-11-21).

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::status::{self, RequestNotes, RequestState};
use crate::{
    emulator_context::{EmulatorContext, WebhookEvent, WebhookTrigger},
    hex,
    simulator::JobView,
    webhook_sender::WebhookRequest,
};

/// The delays before the ten retries, in seconds: two hours in all.
const RETRY_PAUSES: &[i64] = &[10, 20, 40, 80, 160, 320, 640, 1280, 1860, 2790];
/// The user that webhooks are signed for.
const USER: &str = "retake-lab";
/// The seeds of the lab's key pairs. They protect nothing.
const TRUE_SEED: &str = "retake-lab fal key";
const FALSE_SEED: &str = "somebody else's key";

/// Schedules the webhook of a request, if it has one, for its end.
pub(super) fn schedule_webhooks(context: &EmulatorContext, job: &JobView) {
    let Some(url) = RequestNotes::new(job).webhook().map(str::to_owned) else { return };
    let shared = context.clone();
    context.schedule_webhooks(job, &[WebhookTrigger::Ended], RETRY_PAUSES, move |event| {
        vec![webhook_request(&shared, &url, event)]
    });
}

fn webhook_request(
    context: &EmulatorContext,
    url: &str,
    event: &WebhookEvent<'_>,
) -> WebhookRequest {
    let body = body(context, event.job).to_string().into_bytes();
    let (id, at) = (event.job.id(), event.wall.as_second().to_string());
    let digest = hex::encode(&Sha256::digest(&body));
    let message = format!("{id}\n{USER}\n{at}\n{digest}");
    let pair = key_pair(event.is_genuine);
    let signature =
        pair.map(|it| hex::encode(it.sign(message.as_bytes()).as_ref())).unwrap_or_default();
    let headers = [
        ("content-type", "application/json"),
        ("x-fal-webhook-request-id", id),
        ("x-fal-webhook-user-id", USER),
        ("x-fal-webhook-timestamp", &at),
        ("x-fal-webhook-signature", &signature),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    WebhookRequest { url: url.to_owned(), headers, body }
}

fn body(context: &EmulatorContext, job: &JobView) -> Value {
    let id = job.id();
    match status::request_state(job) {
        RequestState::Failed(error) => json!({
            "request_id": id,
            "gateway_request_id": id,
            "status": "ERROR",
            "error": format!("Invalid status code: {}", error.status.as_u16()),
            "payload": error.body,
        }),
        _ => json!({
            "request_id": id,
            "gateway_request_id": id,
            "status": "OK",
            "error": null,
            "payload": status::output_json(context, job),
        }),
    }
}

/// `GET /.well-known/jwks.json`: the public keys.
pub(super) async fn jwks(State(_): State<EmulatorContext>) -> Json<Value> {
    let public = key_pair(true).map(|it| URL_SAFE_NO_PAD.encode(it.public_key().as_ref()));
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": public, "kid": "lab-1", "use": "sig" });
    Json(json!({ "keys": [key] }))
}

fn key_pair(is_genuine: bool) -> Option<Ed25519KeyPair> {
    let seed = Sha256::digest(if is_genuine { TRUE_SEED } else { FALSE_SEED });
    Ed25519KeyPair::from_seed_unchecked(&seed).ok()
}
