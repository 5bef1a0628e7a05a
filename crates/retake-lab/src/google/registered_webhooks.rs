//! The webhooks that callers register with their key: `/v1beta/webhooks`.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    PortStateExtension,
    auth::GeminiCaller,
    signatures,
    status::{Code, HandlerResult, Status},
    webhook,
};
use crate::{auth::query_parameter, clock::later, emulator_context::EmulatorContext, request_body};

/// How long the old secrets stay valid after a rotation, unless they are revoked at once.
const ROTATION_GRACE: SignedDuration = SignedDuration::from_hours(24);
/// The maximum number of webhooks, in the lab and on a page of the list.
const MAX_WEBHOOKS: usize = 1000;
const PAGE_SIZE: usize = 50;
const EVENT_TYPES: [&str; 9] = [
    "batch.succeeded",
    "batch.cancelled",
    "batch.expired",
    "batch.failed",
    "interaction.requires_action",
    "interaction.completed",
    "interaction.failed",
    "interaction.cancelled",
    "video.generated",
];
const STATES: [&str; 3] = ["enabled", "disabled", "disabled_due_to_failed_deliveries"];

/// A registered webhook.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    id: String,
    key: String,
    name: String,
    pub(super) uri: String,
    events: Vec<String>,
    state: String,
    /// The newest last; the others expire.
    secrets: Vec<(String, Timestamp)>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Webhook {
    /// Whether it is subscribed to this event of this key.
    pub(super) fn is_subscribed(&self, key: &str, event: &str) -> bool {
        self.key == key && self.state == "enabled" && self.events.iter().any(|it| it == event)
    }

    /// The secrets that are valid now.
    pub(super) fn secrets(&self, now: Timestamp) -> Vec<String> {
        let valid = self.secrets.iter().filter(|(_, until)| *until > now);
        valid.map(|(secret, _)| secret.clone()).collect()
    }

    fn view(&self, now: Timestamp) -> Value {
        let valid = self.secrets.iter().filter(|(_, until)| *until > now);
        let secrets = valid.map(|(secret, until)| {
            let mut secret_view = json!({ "truncated_secret": format!("{}...", &secret[..10]) });
            if *until < Timestamp::MAX {
                secret_view["expire_time"] = json!(until.to_string());
            }
            secret_view
        });
        json!({
            "id": self.id,
            "name": self.name,
            "uri": self.uri,
            "subscribed_events": self.events,
            "state": self.state,
            "signing_secrets": secrets.collect::<Vec<_>>(),
            "create_time": self.created_at.to_string(),
            "update_time": self.updated_at.to_string(),
        })
    }

    /// Updates the fields that a body sets.
    fn update(&mut self, body: &Value) -> Result<(), Status> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        if let Some(uri) = text("uri") {
            if !webhook::is_web_address(uri) {
                return Err(Status::invalid("`uri` has to be a web address."));
            }
            uri.clone_into(&mut self.uri);
        }
        if let Some(events) = body.get("subscribed_events").and_then(Value::as_array) {
            let events: Vec<_> = events.iter().filter_map(Value::as_str).collect();
            if let Some(event) = events.iter().find(|it| !EVENT_TYPES.contains(it)) {
                return Err(Status::invalid(format!("There is no event `{event}`.")));
            }
            self.events = events.into_iter().map(str::to_owned).collect();
        }
        if let Some(state) = text("state") {
            if !STATES.contains(&state) {
                return Err(Status::invalid(format!("There is no state `{state}`.")));
            }
            state.clone_into(&mut self.state);
        }
        if let Some(name) = text("name") {
            name.clone_into(&mut self.name);
        }
        Ok(())
    }

    /// Adds a new secret; the old ones stay valid until `until`.
    fn rotate(&mut self, secret: String, until: Timestamp) {
        for (_, ends) in &mut self.secrets {
            *ends = (*ends).min(until);
        }
        self.secrets.push((secret, Timestamp::MAX));
    }
}

/// `POST /v1beta/webhooks`: the secret is shown only here and in a rotation.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    GeminiCaller { key, .. }: GeminiCaller,
    request: Request,
) -> HandlerResult {
    let body = read_json_body(request).await?;
    if body["uri"].as_str().is_none() || body["subscribed_events"][0].as_str().is_none() {
        return Err(Status::invalid("`uri` and `subscribed_events` are required.").into());
    }
    let (id, now) = (context.new_hex_id(16), context.now());
    let secret = signatures::derive_secret(&id);
    let mut webhook = Webhook {
        id,
        key,
        name: String::new(),
        uri: String::new(),
        events: Vec::new(),
        state: STATES[0].to_owned(),
        secrets: vec![(secret.clone(), Timestamp::MAX)],
        created_at: now,
        updated_at: now,
    };
    webhook.update(&body)?;
    let mut view = webhook.view(now);
    view["new_signing_secret"] = json!(secret);
    let mut webhooks = port_state.webhooks();
    if webhooks.len() >= MAX_WEBHOOKS {
        return Err(Status::new(Code::ResourceExhausted, "There are too many webhooks.").into());
    }
    webhooks.push(webhook);
    Ok(Json(view).into_response())
}

/// `GET /v1beta/webhooks`, by `page_size` and `page_token`.
pub(super) async fn list(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    GeminiCaller { key, .. }: GeminiCaller,
    uri: Uri,
) -> HandlerResult {
    let number = |name: &str| query_parameter(&uri, name).and_then(|it| it.parse().ok());
    let (from, size) =
        (number("page_token").unwrap_or(0), number("page_size").unwrap_or(PAGE_SIZE));
    let webhooks = port_state.webhooks();
    let own: Vec<_> = webhooks.iter().filter(|it| it.key == key).collect();
    let page = own.iter().skip(from).take(size.clamp(1, MAX_WEBHOOKS));
    let page: Vec<_> = page.map(|webhook| webhook.view(context.now())).collect();
    let next = from.saturating_add(page.len());
    let mut body = json!({ "webhooks": page });
    if next < own.len() {
        body["next_page_token"] = json!(next.to_string());
    }
    Ok(Json(body).into_response())
}

/// `GET /v1beta/webhooks/{id}`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    let webhooks = port_state.webhooks();
    let webhook = find_index(&webhooks, &key, &id)?;
    Ok(Json(webhooks[webhook].view(context.now())).into_response())
}

/// `PATCH /v1beta/webhooks/{id}`.
pub(super) async fn update(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
    request: Request,
) -> HandlerResult {
    let body = read_json_body(request).await?;
    let mut webhooks = port_state.webhooks();
    let at = find_index(&webhooks, &key, &id)?;
    webhooks[at].update(&body)?;
    webhooks[at].updated_at = context.now();
    Ok(Json(webhooks[at].view(context.now())).into_response())
}

/// `DELETE /v1beta/webhooks/{id}`.
pub(super) async fn remove(
    Extension(port_state): PortStateExtension,
    Path(id): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    let mut webhooks = port_state.webhooks();
    let at = find_index(&webhooks, &key, &id)?;
    webhooks.remove(at);
    Ok(Json(json!({})).into_response())
}

/// `POST /v1beta/webhooks/{id}:rotateSigningSecret` and `:ping`.
pub(super) async fn call_method(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(call): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
    request: Request,
) -> HandlerResult {
    let body = read_json_body(request).await?;
    let (id, verb) = call.split_once(':').unwrap_or((&call, ""));
    let now = context.now();
    let mut webhooks = port_state.webhooks();
    let at = find_index(&webhooks, &key, id)?;
    match verb {
        "rotateSigningSecret" => {
            let secret = signatures::derive_secret(&context.new_hex_id(32));
            let behaviour = body["revocation_behavior"].as_str().unwrap_or_default();
            let is_immediate = behaviour.to_ascii_lowercase().ends_with("_immediately");
            webhooks[at].rotate(
                secret.clone(),
                if is_immediate { now } else { later(now, ROTATION_GRACE) },
            );
            Ok(Json(json!({ "secret": secret })).into_response())
        }
        "ping" => {
            let webhook = webhooks[at].clone();
            ping(&context, &webhook);
            Ok(Json(json!({})).into_response())
        }
        _ => Err(webhook_not_found(&call).into()),
    }
}

fn ping(context: &EmulatorContext, webhook: &Webhook) {
    let (now, wall) = (context.now(), context.clock().wall().as_second());
    let body = json!({
        "type": "webhook.ping",
        "version": "v1",
        "timestamp": now.to_string(),
        "data": { "id": webhook.id },
    });
    let webhook_request = webhook::sign_request(
        &webhook.uri,
        &webhook.secrets(now),
        &context.new_hex_id(32),
        wall,
        &body,
    );
    let webhook_sender = context.shared.webhook_sender.clone();
    context.shared.tasks.spawn(async move {
        webhook_sender.deliver(&webhook_request, &[]).await;
    });
}

fn find_index(webhooks: &[Webhook], key: &str, id: &str) -> Result<usize, Status> {
    webhooks.iter().position(|it| it.key == key && it.id == id).ok_or_else(|| webhook_not_found(id))
}

fn webhook_not_found(id: &str) -> Status {
    Status::new(Code::NotFound, format!("The webhook {id} was not found."))
}

async fn read_json_body(request: Request) -> Result<Value, Status> {
    let body = request_body::read_json(request.into_body()).await;
    body.map_err(|error| Status::invalid(error.to_string()))
}
