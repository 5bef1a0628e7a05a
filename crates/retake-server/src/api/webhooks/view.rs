//! What endpoints and deliveries look like on the wire.

use jiff::Timestamp;
use retake_core::delivery_schedule::EventType;
use retake_store::outbox::record::{self, DeliveryState, DisabledWhy};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::view::{ListWord, always},
    signing,
};

always!(EndpointWord, "webhook_endpoint");
always!(DeletedWord, "webhook_endpoint.deleted");
always!(TestWord, "webhook_endpoint.test");
always!(DeliveryWord, "webhook_endpoint.delivery");

/// An address that is told when videos end, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(in crate::api) struct Endpoint {
    /// Its id.
    id: String,
    #[schema(inline)]
    object: EndpointWord,
    /// What it is for.
    name: String,
    /// Where deliveries go.
    url: String,
    /// What it is told.
    event_types: Vec<EventType>,
    /// When it was made, in seconds since 1970.
    created_at: i64,
    /// When it was last changed, in seconds since 1970.
    updated_at: i64,
    /// The last characters of its secret.
    signing_secret_hint: String,
    retake: RetakeExtension,
}

/// What Retake knows of an endpoint beyond OpenAI's fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointDetails)]
struct RetakeExtension {
    /// Whether it is told anything.
    enabled: bool,
    /// Since when it is told nothing, in seconds since 1970.
    #[schema(required)]
    disabled_at: Option<i64>,
    /// Why it is told nothing.
    #[schema(required)]
    disabled_because: Option<DisabledWhy>,
    /// Since when nothing gets through to it, in seconds since 1970.
    #[schema(required)]
    failing_since: Option<i64>,
    /// Until when a secret that was replaced signs along, in seconds since 1970.
    #[schema(required)]
    former_secret_until: Option<i64>,
    /// The key it was made with: it is told of the videos of that key.
    #[schema(required)]
    key: Option<String>,
}

/// An endpoint with its secret. No other answer shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointWithSecret)]
pub(in crate::api) struct WithSecret {
    #[serde(flatten)]
    shown: Endpoint,
    /// What deliveries are signed with, as Standard Webhooks has it.
    signing_secret: String,
}

/// An endpoint that was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedWebhookEndpoint)]
pub(in crate::api) struct DeletedEndpoint {
    /// What its id was.
    id: String,
    #[schema(inline)]
    object: DeletedWord,
    /// Always true.
    deleted: bool,
}

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookTest)]
pub(in crate::api) struct Tested {
    #[schema(inline)]
    object: TestWord,
    /// The endpoint.
    webhook_endpoint_id: String,
    /// What it was told.
    event_type: EventType,
    /// What it answered.
    status_code: u16,
    /// Whether there was an answer at all.
    success: bool,
}

/// What can be told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventTypeList)]
pub(in crate::api) struct EventTypes {
    #[schema(inline)]
    object: ListWord,
    data: Vec<EventType>,
}

/// A notice on its way to an endpoint, with its tries.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(in crate::api) struct Delivery {
    /// Its id, which is that of the notice: the same at every try.
    id: String,
    #[schema(inline)]
    object: DeliveryWord,
    /// Where it goes.
    webhook_endpoint_id: String,
    /// What is told.
    event_type: EventType,
    /// Of which video.
    video_id: String,
    /// When it happened, in seconds since 1970.
    created_at: i64,
    /// How far it got.
    state: DeliveryState,
    /// When it is tried next, in seconds since 1970.
    #[schema(required)]
    next_try_at: Option<i64>,
    /// When it ended, in seconds since 1970.
    #[schema(required)]
    ended_at: Option<i64>,
    /// Its tries, oldest first.
    tries: Vec<Try>,
}

/// One try at a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookTry)]
struct Try {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    number: u32,
    /// When it began, in seconds since 1970.
    at: i64,
    /// How long it took.
    duration_ms: u64,
    /// What the receiver answered.
    #[schema(required)]
    status_code: Option<u16>,
    /// Why it failed.
    #[schema(required)]
    error: Option<String>,
}

/// A page of endpoints.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointList)]
pub(in crate::api) struct Endpoints {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Endpoint>,
    /// The id of the first one here.
    #[schema(required)]
    first_id: Option<String>,
    /// The id of the last one here; as `after` it leads to the next page.
    #[schema(required)]
    last_id: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDeliveryList)]
pub(in crate::api) struct Deliveries {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Delivery>,
    /// The id of the first one here.
    #[schema(required)]
    first_id: Option<String>,
    /// The id of the last one here; as `after` it leads to the next page.
    #[schema(required)]
    last_id: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
}

/// An endpoint, without its secret.
pub(super) fn endpoint(endpoint: &record::Endpoint) -> Endpoint {
    let disabled = endpoint.disabled;
    Endpoint {
        id: endpoint.id.to_string(),
        object: EndpointWord::Always,
        name: endpoint.name.clone(),
        url: endpoint.url.clone(),
        event_types: endpoint.event_types.clone(),
        created_at: endpoint.created_at.as_second(),
        updated_at: endpoint.updated_at.as_second(),
        signing_secret_hint: signing::hint(&endpoint.secret),
        retake: RetakeExtension {
            enabled: disabled.is_none(),
            disabled_at: seconds(disabled.map(|disabled| disabled.at)),
            disabled_because: disabled.map(|disabled| disabled.why),
            failing_since: seconds(endpoint.failing_since),
            former_secret_until: seconds(
                endpoint.former_secret.as_ref().map(|former| former.until),
            ),
            key: endpoint.owner.as_ref().map(ToString::to_string),
        },
    }
}

/// An endpoint whose secret is to be shown, once.
pub(super) fn with_secret(shown: &record::Endpoint) -> WithSecret {
    WithSecret { shown: endpoint(shown), signing_secret: shown.secret.reveal().to_owned() }
}

pub(super) fn deleted(id: String) -> DeletedEndpoint {
    DeletedEndpoint { id, object: DeletedWord::Always, deleted: true }
}

pub(super) fn tested(id: String, event_type: EventType, status_code: u16) -> Tested {
    let object = TestWord::Always;
    Tested { object, webhook_endpoint_id: id, event_type, status_code, success: true }
}

pub(super) fn event_types() -> EventTypes {
    EventTypes { object: ListWord::Always, data: EventType::ALL.to_vec() }
}

/// A delivery with its tries.
pub(super) fn delivery(delivery: &record::Delivery) -> Delivery {
    Delivery {
        id: delivery.id.to_string(),
        object: DeliveryWord::Always,
        webhook_endpoint_id: delivery.endpoint.to_string(),
        event_type: delivery.event_type,
        video_id: delivery.video.to_string(),
        created_at: delivery.created_at.as_second(),
        state: delivery.state,
        next_try_at: seconds(delivery.due_at),
        ended_at: seconds(delivery.ended_at),
        tries: delivery.tries.iter().map(a_try).collect(),
    }
}

/// A page of endpoints.
pub(super) fn endpoints(listing: &record::EndpointListing) -> Endpoints {
    let data: Vec<_> = listing.endpoints.iter().map(endpoint).collect();
    Endpoints {
        object: ListWord::Always,
        first_id: data.first().map(|one| one.id.clone()),
        last_id: data.last().map(|one| one.id.clone()),
        data,
        has_more: listing.has_more,
    }
}

/// A page of deliveries.
pub(super) fn deliveries(listing: &record::DeliveryListing) -> Deliveries {
    let data: Vec<_> = listing.deliveries.iter().map(delivery).collect();
    Deliveries {
        object: ListWord::Always,
        first_id: data.first().map(|one| one.id.clone()),
        last_id: data.last().map(|one| one.id.clone()),
        data,
        has_more: listing.has_more,
    }
}

fn a_try(one: &record::Try) -> Try {
    Try {
        number: one.number,
        at: one.at.as_second(),
        duration_ms: one.duration_ms,
        status_code: one.status,
        error: one.error.clone(),
    }
}

fn seconds(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(Timestamp::as_second)
}
