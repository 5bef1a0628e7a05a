//! The webhooks that are registered with a key: `/v1beta/webhooks`.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, Uri};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Mem, access, news, seal,
    status::{Answer, Code, Status},
};
use crate::{clock::later, emulator_context::EmulatorContext, intake};

/// How long the old secrets stay valid after a rotation, unless they are revoked at once.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// The most webhooks that one lab keeps, and that a page of the list has.
const MOST: usize = 1000;
const PAGE: usize = 50;
const EVENTS: [&str; 9] = [
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

/// A webhook that is registered.
#[derive(Clone, Debug)]
pub(super) struct Hook {
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

impl Hook {
    /// Whether it is told of this event of this key.
    pub(super) fn hears(&self, key: &str, event: &str) -> bool {
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
            let mut shown = json!({ "truncated_secret": format!("{}...", &secret[..10]) });
            if *until < Timestamp::MAX {
                shown["expire_time"] = json!(until.to_string());
            }
            shown
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

    /// Takes over what a body names.
    fn change(&mut self, body: &Value) -> Result<(), Status> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        if let Some(uri) = text("uri") {
            if !news::is_address(uri) {
                return Err(Status::invalid("`uri` has to be a web address."));
            }
            uri.clone_into(&mut self.uri);
        }
        if let Some(events) = body.get("subscribed_events").and_then(Value::as_array) {
            let events: Vec<_> = events.iter().filter_map(Value::as_str).collect();
            if let Some(event) = events.iter().find(|it| !EVENTS.contains(it)) {
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

    /// Puts a new secret in the place of the old ones, which last until `until`.
    fn rotate(&mut self, secret: String, until: Timestamp) {
        for (_, ends) in &mut self.secrets {
            *ends = (*ends).min(until);
        }
        self.secrets.push((secret, Timestamp::MAX));
    }
}

/// `POST /v1beta/webhooks`: the only time, with a rotation, that the secret is shown.
pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    request: Request,
) -> Answer {
    let key = access::api_key(&desk, request.headers(), request.uri())?;
    let body = read_body(request).await?;
    if body["uri"].as_str().is_none() || body["subscribed_events"][0].as_str().is_none() {
        return Err(Status::invalid("`uri` and `subscribed_events` are required.").into());
    }
    let (id, now) = (desk.hex(16), desk.now());
    let secret = seal::secret(&id);
    let mut hook = Hook {
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
    hook.change(&body)?;
    let mut view = hook.view(now);
    view["new_signing_secret"] = json!(secret);
    let mut hooks = memory.hooks();
    if hooks.len() >= MOST {
        return Err(Status::new(Code::ResourceExhausted, "There are too many webhooks.").into());
    }
    hooks.push(hook);
    Ok(Json(view).into_response())
}

/// `GET /v1beta/webhooks`, by `page_size` and `page_token`.
pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    let number = |name: &str| access::parameter(&uri, name).and_then(|it| it.parse().ok());
    let (from, size) = (number("page_token").unwrap_or(0), number("page_size").unwrap_or(PAGE));
    let hooks = memory.hooks();
    let own: Vec<_> = hooks.iter().filter(|it| it.key == key).collect();
    let page = own.iter().skip(from).take(size.clamp(1, MOST));
    let page: Vec<_> = page.map(|hook| hook.view(desk.now())).collect();
    let next = from.saturating_add(page.len());
    let mut body = json!({ "webhooks": page });
    if next < own.len() {
        body["next_page_token"] = json!(next.to_string());
    }
    Ok(Json(body).into_response())
}

/// `GET /v1beta/webhooks/{id}`.
pub(super) async fn read(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    let hooks = memory.hooks();
    let hook = find(&hooks, &key, &id)?;
    Ok(Json(hooks[hook].view(desk.now())).into_response())
}

/// `PATCH /v1beta/webhooks/{id}`.
pub(super) async fn update(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let key = access::api_key(&desk, request.headers(), request.uri())?;
    let body = read_body(request).await?;
    let mut hooks = memory.hooks();
    let at = find(&hooks, &key, &id)?;
    hooks[at].change(&body)?;
    hooks[at].updated_at = desk.now();
    Ok(Json(hooks[at].view(desk.now())).into_response())
}

/// `DELETE /v1beta/webhooks/{id}`.
pub(super) async fn remove(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    let mut hooks = memory.hooks();
    let at = find(&hooks, &key, &id)?;
    hooks.remove(at);
    Ok(Json(json!({})).into_response())
}

/// `POST /v1beta/webhooks/{id}:rotateSigningSecret` and `:ping`.
pub(super) async fn act(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(call): Path<String>,
    request: Request,
) -> Answer {
    let key = access::api_key(&desk, request.headers(), request.uri())?;
    let body = read_body(request).await?;
    let (id, verb) = call.split_once(':').unwrap_or((&call, ""));
    let now = desk.now();
    let mut hooks = memory.hooks();
    let at = find(&hooks, &key, id)?;
    match verb {
        "rotateSigningSecret" => {
            let secret = seal::secret(&desk.hex(32));
            let behaviour = body["revocation_behavior"].as_str().unwrap_or_default();
            let is_immediate = behaviour.to_ascii_lowercase().ends_with("_immediately");
            hooks[at].rotate(secret.clone(), if is_immediate { now } else { later(now, GRACE) });
            Ok(Json(json!({ "secret": secret })).into_response())
        }
        "ping" => {
            let hook = hooks[at].clone();
            ping(&desk, &hook);
            Ok(Json(json!({})).into_response())
        }
        _ => Err(unknown(&call).into()),
    }
}

fn ping(desk: &EmulatorContext, hook: &Hook) {
    let (now, wall) = (desk.now(), desk.clock().wall().as_second());
    let body = json!({
        "type": "webhook.ping",
        "version": "v1",
        "timestamp": now.to_string(),
        "data": { "id": hook.id },
    });
    let notice = news::signed(&hook.uri, &hook.secrets(now), &desk.hex(32), wall, &body);
    let courier = desk.shared.courier.clone();
    desk.shared.tasks.spawn(async move {
        courier.post(&notice, &[]).await;
    });
}

fn find(hooks: &[Hook], key: &str, id: &str) -> Result<usize, Status> {
    hooks.iter().position(|it| it.key == key && it.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Status {
    Status::new(Code::NotFound, format!("The webhook {id} was not found."))
}

async fn read_body(request: Request) -> Result<Value, Status> {
    let body = intake::json(request.into_body()).await;
    body.map_err(|error| Status::invalid(error.to_string()))
}
