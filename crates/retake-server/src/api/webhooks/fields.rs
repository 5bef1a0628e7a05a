//! What bodies about webhook endpoints say. A field that nobody knows is refused, as everywhere.

use axum::extract::Request;
use http::{HeaderMap, header};
use retake_core::delivery_schedule::EventType;
use retake_store::outbox::record::EndpointChange;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    api::{
        AppState, Problem,
        body::{self, shortened},
    },
    webhooks::NewEndpoint,
};

/// An endpoint as it is asked for.
#[derive(ToSchema)]
#[schema(
    as = WebhookEndpointRequest,
    examples(json!({ "name": "studio", "url": "https://example.com/hook", "event_types": ["video.completed"] })),
)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `wish` reads")]
pub(super) struct Wish {
    /// What the endpoint is for.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Where deliveries go.
    #[schema(format = "uri")]
    url: String,
    /// What is to be told.
    #[schema(min_items = 1)]
    event_types: Vec<EventType>,
}

/// What is to be changed about an endpoint; what is not named stays as it is.
#[derive(ToSchema)]
#[schema(as = WebhookEndpointChange, examples(json!({ "retake": { "enabled": true } })))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `change` reads")]
pub(super) struct Change {
    /// What the endpoint is for.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Where deliveries go.
    #[schema(format = "uri")]
    url: Option<String>,
    /// All that is to be told.
    #[schema(min_items = 1)]
    event_types: Option<Vec<EventType>>,
    retake: Option<OurChange>,
}

/// What is to be changed beyond OpenAI's fields.
#[derive(ToSchema)]
#[schema(as = WebhookEndpointDetailsChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `change` reads")]
struct OurChange {
    /// Whether it is to be told anything.
    enabled: Option<bool>,
}

/// How a secret is replaced.
#[derive(ToSchema)]
#[schema(as = WebhookSecretRotation, examples(json!({ "keep_old_secret_active_for_24_hours": true })))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `keep_former` reads")]
pub(super) struct Rotation {
    /// Whether the secret that is replaced signs along for a day.
    keep_old_secret_active_for_24_hours: Option<bool>,
}

/// What a test is to tell.
#[derive(ToSchema)]
#[schema(as = WebhookSample, examples(json!({ "event_type": "video.completed" })))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `event_type` reads")]
pub(super) struct Sample {
    event_type: EventType,
}

/// Reads a body; where there is none, it says nothing.
pub(super) async fn read(
    request: Request,
    state: &AppState,
) -> Result<Map<String, Value>, Problem> {
    if is_bodyless(request.headers()) {
        return Ok(Map::new());
    }
    let fields = body::read_plain(request, state).await?;
    match fields.files.keys().next() {
        Some(file) => Err(wrong(file, "text, not a file")),
        None => Ok(fields.values),
    }
}

/// HTTP/1.1 has no body without one of these.
fn is_bodyless(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    length.is_none_or(|length| length == "0") && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// An endpoint as it is asked for.
pub(super) fn wish(mut values: Map<String, Value>) -> Result<NewEndpoint, Problem> {
    only(&values, &["name", "url", "event_types"])?;
    Ok(NewEndpoint {
        name: needed(text(&mut values, "name")?, "name", "say what the endpoint is for")?,
        url: needed(text(&mut values, "url")?, "url", "say where deliveries go")?,
        event_types: needed(
            events(&mut values)?,
            "event_types",
            "name what is to be told, such as `[\"video.completed\", \"video.failed\"]`",
        )?,
    })
}

/// What is to be changed.
pub(super) fn change(mut values: Map<String, Value>) -> Result<EndpointChange, Problem> {
    only(&values, &["name", "url", "event_types", "retake"])?;
    let enabled = match values.remove("retake") {
        None | Some(Value::Null) => None,
        Some(Value::Object(mut ours)) => {
            only(&ours, &["enabled"])?;
            flag(&mut ours, "enabled")?
        }
        Some(_) => return Err(wrong("retake", "an object such as `{\"enabled\": true}`")),
    };
    Ok(EndpointChange {
        name: text(&mut values, "name")?,
        url: text(&mut values, "url")?,
        event_types: events(&mut values)?,
        enabled,
    })
}

/// Whether the secret that is replaced signs along for a while.
pub(super) fn keep_former(mut values: Map<String, Value>) -> Result<bool, Problem> {
    const KEEP: &str = "keep_old_secret_active_for_24_hours";
    only(&values, &[KEEP])?;
    Ok(flag(&mut values, KEEP)?.unwrap_or_default())
}

/// What a test is to tell.
pub(super) fn event_type(mut values: Map<String, Value>) -> Result<EventType, Problem> {
    only(&values, &["event_type"])?;
    let name = needed(
        text(&mut values, "event_type")?,
        "event_type",
        "name what the test is to tell, such as `video.completed`",
    )?;
    event(&name, "event_type")
}

fn only(values: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    let Some(name) = values.keys().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let name = shortened(name);
    let message = format!("there is no parameter `{name}` here; known are {}", known.join(", "));
    Err(Problem::bad_request("unknown_parameter", Some(&name), message))
}

fn needed<T>(value: Option<T>, param: &str, what: &str) -> Result<T, Problem> {
    let missing = || {
        let message = format!("`{param}` is missing; {what}");
        Problem::bad_request("missing_required_parameter", Some(param), message)
    };
    value.ok_or_else(missing)
}

fn text(values: &mut Map<String, Value>, param: &str) -> Result<Option<String>, Problem> {
    match values.remove(param) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(param, "text")),
    }
}

fn flag(values: &mut Map<String, Value>, param: &str) -> Result<Option<bool>, Problem> {
    match values.remove(param) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(_) => Err(wrong(param, "`true` or `false`")),
    }
}

fn events(values: &mut Map<String, Value>) -> Result<Option<Vec<EventType>>, Problem> {
    const PARAM: &str = "event_types";
    let shape = || wrong(PARAM, "a list such as `[\"video.completed\", \"video.failed\"]`");
    let named = match values.remove(PARAM) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(named)) => named,
        Some(_) => return Err(shape()),
    };
    let read = |name: &Value| event(name.as_str().ok_or_else(shape)?, PARAM);
    named.iter().map(read).collect::<Result<_, _>>().map(Some)
}

fn event(name: &str, param: &str) -> Result<EventType, Problem> {
    name.parse().map_err(|error: retake_core::delivery_schedule::UnknownEventType| {
        Problem::bad_request("invalid_value", Some(param), error.to_string())
    })
}

fn wrong(param: &str, expected: &str) -> Problem {
    let param = shortened(param);
    Problem::bad_request("invalid_type", Some(&param), format!("`{param}` has to be {expected}"))
}
