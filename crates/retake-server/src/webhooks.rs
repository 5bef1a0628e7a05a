//! Webhook endpoints: who is told when videos end, where, and how that went.
//!
//! An endpoint that was made with a key is told of the videos of that key. One that was made without, by the
//! machine's owner, is told of all of them.

use std::sync::{Arc, LazyLock};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    delivery_schedule::EventType,
    ids::{EndpointId, EventId, VideoId},
};
use retake_store::{
    Ledger, StoreError,
    outbox::record::{
        Delivery, DeliveryListing, DeliveryPage, Endpoint, EndpointChange, EndpointListing,
        EndpointPage,
    },
};

use crate::{
    clock::Clock,
    egress::{Egress, EgressError},
    keys::Caller,
    notifier::tell,
    scheduler::Wakeup,
    shares::Turns,
    signing,
};

/// Endpoints that one owner may have. Each end of a video is recorded for all of them.
const MOST_ENDPOINTS: u32 = 20;
const LONGEST_NAME: usize = 100;
/// A test waits for its receiver, which may take its time, so few are under way at once.
static TESTING: LazyLock<Turns> = LazyLock::new(|| Turns::new(16));
/// How long a replaced secret signs along, where that is asked for.
const SIGNS_ALONG: SignedDuration = SignedDuration::from_hours(24);

/// The webhook endpoints of this gateway.
#[derive(Clone)]
pub(crate) struct Webhooks {
    /// Wakes the notifier.
    pub(crate) bell: Wakeup,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) outside: Egress,
}

/// An endpoint as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct NewEndpoint {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) event_types: Vec<EventType>,
}

/// Which part of a list is asked for, by ids as they came.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
    pub(crate) newest_first: bool,
}

/// Why nothing could be done with an endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    /// No such endpoint.
    #[error(
        "there is no webhook endpoint `{id}`; `GET /v1/webhook_endpoints` lists those there are"
    )]
    Unknown {
        /// What was asked for, shortened.
        id: String,
    },
    /// No such delivery.
    #[error(
        "there is no delivery `{id}` to this endpoint; its `/deliveries` lists those of the last 30 days"
    )]
    UnknownDelivery {
        /// What was asked for, shortened.
        id: String,
    },
    /// A name that is none.
    #[error(
        "the name of an endpoint has from 1 to {LONGEST_NAME} characters, none of them a control character"
    )]
    BadName,
    /// Nothing to be told.
    #[error(
        "`event_types` is empty; name what the endpoint is to be told, such as `video.completed`"
    )]
    NoEventTypes,
    /// A URL that deliveries cannot go to.
    #[error("deliveries cannot go to this URL: {0}")]
    Url(#[source] EgressError),
    /// Its owner has enough of them.
    #[error("there are {limit} webhook endpoints already; delete one that is not needed any more")]
    TooMany {
        /// How many there may be.
        limit: u32,
    },
    /// Nothing would be delivered.
    #[error(
        "the webhook endpoint `{id}` is disabled; enable it first by sending `{{\"retake\": {{\"enabled\": true}}}}` to `/v1/webhook_endpoints/{id}`"
    )]
    Disabled {
        /// The endpoint.
        id: EndpointId,
    },
    /// The test brought no answer.
    #[error("the test delivery brought no answer: {0}")]
    Test(#[source] EgressError),
    /// No ledger.
    #[error("the ledger did not answer")]
    Store(#[from] StoreError),
}

impl Webhooks {
    /// Makes an endpoint, with a secret that is shown now and never again.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        wish: NewEndpoint,
    ) -> Result<Endpoint, WebhookError> {
        let now = self.clock.now();
        let endpoint = Endpoint {
            id: EndpointId::new(now),
            owner: caller.owner().cloned(),
            name: named(&wish.name)?,
            url: self.address(&wish.url)?,
            event_types: told(&wish.event_types)?,
            secret: signing::new_secret(),
            former_secret: None,
            created_at: now,
            updated_at: now,
            disabled: None,
            failing_since: None,
        };
        match self.ledger.add_endpoint(&endpoint, MOST_ENDPOINTS).await {
            Err(StoreError::TooManyEndpoints { limit }) => Err(WebhookError::TooMany { limit }),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(endpoint),
        }
    }

    /// The endpoint by that id.
    pub(crate) async fn get(&self, caller: &Caller, id: &str) -> Result<Endpoint, WebhookError> {
        let Ok(known) = id.parse::<EndpointId>() else { return Err(unknown(id)) };
        let endpoint = self.ledger.endpoint(&known).await?;
        // Somebody else's endpoint is no more there than one that never was.
        endpoint.filter(|it| caller.may_see(it.owner.as_ref())).ok_or_else(|| unknown(id))
    }

    /// A part of the list of endpoints.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<EndpointListing, WebhookError> {
        let nothing = EndpointListing { endpoints: Vec::new(), has_more: false };
        // After an endpoint that never was comes nothing.
        let Some(after) = part.place() else { return Ok(nothing) };
        let Part { limit, newest_first, .. } = part;
        let page = EndpointPage { owner: caller.sees().cloned(), after, limit, newest_first };
        Ok(self.ledger.endpoints(&page).await?)
    }

    /// Changes an endpoint.
    pub(crate) async fn change(
        &self,
        caller: &Caller,
        id: &str,
        change: EndpointChange,
    ) -> Result<Endpoint, WebhookError> {
        let endpoint = self.get(caller, id).await?;
        let change = EndpointChange {
            name: change.name.as_deref().map(named).transpose()?,
            url: change.url.as_deref().map(|url| self.address(url)).transpose()?,
            event_types: change.event_types.as_deref().map(told).transpose()?,
            enabled: change.enabled,
        };
        let changed = self.ledger.change_endpoint(&endpoint.id, &change, self.clock.now()).await;
        // What waited for it may be due.
        self.bell.ring();
        changed.map_err(|error| refused(error, id))
    }

    /// Gives an endpoint a new secret. The one before signs along for a day, or not at all.
    pub(crate) async fn rotate_secret(
        &self,
        caller: &Caller,
        id: &str,
        keep_former: bool,
    ) -> Result<Endpoint, WebhookError> {
        let endpoint = self.get(caller, id).await?;
        let (now, secret) = (self.clock.now(), signing::new_secret());
        let until = if keep_former { now + SIGNS_ALONG } else { now };
        let rotated = self.ledger.rotate_secret(&endpoint.id, &secret, until, now).await;
        rotated.map_err(|error| refused(error, id))
    }

    /// Deletes an endpoint, with everything that waits for it.
    pub(crate) async fn delete(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<EndpointId, WebhookError> {
        let endpoint = self.get(caller, id).await?;
        let deleted = self.ledger.delete_endpoint(&endpoint.id, self.clock.now()).await;
        deleted.map(|()| endpoint.id).map_err(|error| refused(error, id))
    }

    /// Sends a delivery about a video that does not exist, now, and tells what came back.
    pub(crate) async fn test(
        &self,
        caller: &Caller,
        id: &str,
        event_type: EventType,
    ) -> Result<(EndpointId, StatusCode), WebhookError> {
        let endpoint = self.get(caller, id).await?;
        let now = self.clock.now();
        let (event, video) = (EventId::new(now), VideoId::new(Timestamp::UNIX_EPOCH));
        let about = (&event, event_type, &video, now);
        let _turn = TESTING.take(caller.holder()).await;
        let answer = tell(&self.outside, &endpoint, about, now).await;
        Ok((endpoint.id, answer.map_err(WebhookError::Test)?.status))
    }

    /// A part of the list of deliveries to an endpoint.
    pub(crate) async fn deliveries(
        &self,
        caller: &Caller,
        id: &str,
        part: Part,
    ) -> Result<DeliveryListing, WebhookError> {
        let endpoint = self.get(caller, id).await?.id;
        let nothing = DeliveryListing { deliveries: Vec::new(), has_more: false };
        let Some(after) = part.place() else { return Ok(nothing) };
        let Part { limit, newest_first, .. } = part;
        let page = DeliveryPage { endpoint, after, limit, newest_first };
        Ok(self.ledger.deliveries(&page).await?)
    }

    /// One delivery to an endpoint.
    pub(crate) async fn delivery(
        &self,
        caller: &Caller,
        id: &str,
        delivery: &str,
    ) -> Result<Delivery, WebhookError> {
        let endpoint = self.get(caller, id).await?;
        let Ok(known) = delivery.parse::<EventId>() else { return Err(no_delivery(delivery)) };
        let found = self.ledger.delivery(&endpoint.id, &known).await?;
        found.ok_or_else(|| no_delivery(delivery))
    }

    /// Makes a delivery once more, as soon as the endpoint is free.
    pub(crate) async fn redeliver(
        &self,
        caller: &Caller,
        id: &str,
        delivery: &str,
    ) -> Result<Delivery, WebhookError> {
        let known = self.delivery(caller, id, delivery).await?;
        let again = self.ledger.redeliver(&known.endpoint, &known.id, self.clock.now()).await;
        self.bell.ring();
        again.map_err(|error| match error {
            StoreError::NoSuchDelivery { .. } => no_delivery(delivery),
            error => refused(error, id),
        })
    }

    fn address(&self, url: &str) -> Result<String, WebhookError> {
        Ok(self.outside.check(url.trim()).map_err(WebhookError::Url)?.into())
    }
}

impl Part {
    /// The place after which it begins: the very beginning where none is given, and nothing where none is meant.
    #[expect(clippy::option_option, reason = "no place and a place that is none are different")]
    fn place<I: std::str::FromStr>(&self) -> Option<Option<I>> {
        match self.after.as_deref() {
            _ if self.limit == 0 => None,
            None => Some(None),
            Some(id) => id.parse().ok().map(Some),
        }
    }
}

fn named(name: &str) -> Result<String, WebhookError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(WebhookError::BadName);
    }
    Ok(name.to_owned())
}

/// Each event once, in the usual order.
fn told(wished: &[EventType]) -> Result<Vec<EventType>, WebhookError> {
    let told: Vec<_> = EventType::ALL.into_iter().filter(|one| wished.contains(one)).collect();
    if told.is_empty() { Err(WebhookError::NoEventTypes) } else { Ok(told) }
}

fn unknown(id: &str) -> WebhookError {
    WebhookError::Unknown { id: id.chars().take(64).collect() }
}

fn no_delivery(id: &str) -> WebhookError {
    WebhookError::UnknownDelivery { id: id.chars().take(64).collect() }
}

fn refused(error: StoreError, id: &str) -> WebhookError {
    match error {
        StoreError::NoSuchEndpoint { .. } => unknown(id),
        StoreError::EndpointDisabled { id } => WebhookError::Disabled { id },
        error => error.into(),
    }
}
