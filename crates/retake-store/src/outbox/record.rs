//! What goes into the outbox and what comes out of it.

use std::fmt;

use jiff::Timestamp;
use retake_core::{
    delivery_schedule::EventType,
    ids::{EndpointId, EventId, KeyId, ReplicaId, VideoId},
};
use serde::{Deserialize, Serialize};

/// What deliveries are signed with. It has to be known, not only recognised, so it is stored as it is; it is
/// shown by nothing that was not asked to.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// An address that is told when videos end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name in the system.
    pub id: EndpointId,
    /// The key it was made with: it is told of the videos of that key. One without is told of all.
    pub owner: Option<KeyId>,
    /// Its owner's name for it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it is told.
    pub event_types: Vec<EventType>,
    /// What deliveries are signed with.
    pub secret: Secret,
    /// What they were signed with before, while that still counts.
    pub former_secret: Option<FormerSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// Since when, and why, it is told nothing.
    pub disabled: Option<Disabled>,
    /// Since when every try has failed; nothing when the last one got through.
    pub failing_since: Option<Timestamp>,
}

/// A secret that was replaced and still signs along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerSecret {
    /// The secret.
    pub secret: Secret,
    /// Until when it signs along.
    pub until: Timestamp,
}

/// Since when, and why, an endpoint is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: DisabledWhy,
}

/// Why an endpoint is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisabledWhy {
    /// Its owner asked for it.
    Asked,
    /// It answered that it is gone for good.
    Gone,
    /// Nothing got through to it for days.
    Failing,
    /// It was made before there were keys, by anybody, and would be told of the videos of all of them. Whoever
    /// enables it says that this is meant.
    Unowned,
}

/// What an owner changes about an endpoint; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// A new name.
    pub name: Option<String>,
    /// A new address.
    pub url: Option<String>,
    /// All that it is to be told.
    pub event_types: Option<Vec<EventType>>,
    /// Whether it is to be told anything.
    pub enabled: Option<bool>,
}

/// Which part of the list of endpoints to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPage {
    /// Whose; nothing for everybody's.
    pub owner: Option<KeyId>,
    /// The last one of the page before. It is a position: the endpoint itself need not exist any more.
    pub after: Option<EndpointId>,
    /// How many at most.
    pub limit: u32,
    /// Whether younger ones come first.
    pub newest_first: bool,
}

/// A part of the list of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointListing {
    /// The endpoints, in the order asked for.
    pub endpoints: Vec<Endpoint>,
    /// Whether there are endpoints after these.
    pub has_more: bool,
}

/// A notice on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The name of the notice, the same at every try.
    pub id: EventId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// What is told.
    pub event_type: EventType,
    /// Of which video.
    pub video: VideoId,
    /// When it happened.
    pub created_at: Timestamp,
    /// How far it got.
    pub state: DeliveryState,
    /// When it is tried next; nothing once it ended.
    pub due_at: Option<Timestamp>,
    /// When it got through or was given up.
    pub ended_at: Option<Timestamp>,
    /// Tries that failed since it was recorded or was to be delivered once more.
    pub failures: u32,
    /// The tries on record, oldest first.
    pub tries: Vec<Try>,
}

/// How far a delivery got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is still to be delivered.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

/// One try at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why it failed; nothing when it got through.
    pub error: Option<String>,
}

/// Which part of the list of deliveries to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// To which endpoint.
    pub endpoint: EndpointId,
    /// The last one of the page before. It is a position: the delivery itself need not exist any more.
    pub after: Option<EventId>,
    /// How many at most.
    pub limit: u32,
    /// Whether younger ones come first.
    pub newest_first: bool,
}

/// A part of the list of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryListing {
    /// The deliveries, in the order asked for.
    pub deliveries: Vec<Delivery>,
    /// Whether there are deliveries after these.
    pub has_more: bool,
}

/// How many deliveries a replica can take on.
///
/// Endpoints that fail are slow, as a rule. Room that they may not take keeps them from holding up the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub all: u32,
    /// Of them, to endpoints whose last try failed.
    pub failing: u32,
}

/// The right to serve an endpoint with one delivery, until the replica falls silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The endpoint. Nobody else delivers to it meanwhile.
    pub endpoint: EndpointId,
    /// The delivery.
    pub delivery: EventId,
    /// Which claim of the endpoint this is.
    pub epoch: u64,
    /// Who holds it.
    pub replica: ReplicaId,
}

/// A delivery whose time has come, and the right to try it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// What is delivered.
    pub delivery: Delivery,
    /// The right to try it.
    pub lease: DeliveryLease,
}

/// How a try went and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why it failed; nothing when it got through.
    pub error: Option<String>,
    /// What becomes of the delivery.
    pub then: ThenDeliver,
    /// Why the endpoint is told nothing from now on, if that follows.
    pub disable: Option<DisabledWhy>,
}

/// What becomes of a delivery after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThenDeliver {
    /// It got through.
    Done,
    /// It is tried again.
    AgainAt(Timestamp),
    /// It is given up.
    GiveUp,
}

impl Secret {
    /// A secret as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Endpoint {
    /// The secrets that sign at that moment, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let former = self.former_secret.as_ref().filter(|former| now < former.until);
        [Some(&self.secret), former.map(|former| &former.secret)].into_iter().flatten()
    }

    /// What its owner makes of it. A change that changes nothing leaves no trace.
    pub(crate) fn changed(&self, change: &EndpointChange, now: Timestamp) -> Self {
        let mut after = self.clone();
        if let Some(name) = &change.name {
            after.name.clone_from(name);
        }
        if let Some(event_types) = &change.event_types {
            after.event_types.clone_from(event_types);
        }
        if let Some(url) = change.url.as_ref().filter(|url| **url != self.url) {
            after.url.clone_from(url);
            // How the old address fared says nothing about the new one.
            after.failing_since = None;
        }
        match (change.enabled, self.disabled) {
            (Some(true), Some(_)) => (after.disabled, after.failing_since) = (None, None),
            (Some(false), None) => {
                after.disabled = Some(Disabled { at: now, why: DisabledWhy::Asked });
            }
            _ => {}
        }
        if after != *self {
            after.updated_at = now;
        }
        after
    }

    /// Itself with another secret. The one before signs along until `former_until`.
    pub(crate) fn with_secret(
        self,
        secret: Secret,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Self {
        let former = FormerSecret { secret: self.secret, until: former_until };
        Self {
            secret,
            former_secret: (former_until > now).then_some(former),
            updated_at: now,
            ..self
        }
    }
}

impl ThenDeliver {
    /// Whether the try did not get through.
    pub(crate) fn is_failure(self) -> bool {
        self != Self::Done
    }

    /// How far the delivery got with it.
    pub(crate) fn state(self) -> DeliveryState {
        match self {
            Self::Done => DeliveryState::Delivered,
            Self::AgainAt(_) => DeliveryState::Pending,
            Self::GiveUp => DeliveryState::Failed,
        }
    }

    /// When it is tried next.
    pub(crate) fn due(self) -> Option<Timestamp> {
        match self {
            Self::AgainAt(due) => Some(due),
            Self::Done | Self::GiveUp => None,
        }
    }
}

impl DisabledWhy {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Unowned => "unowned",
        }
    }
}

impl DeliveryState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        let secret = Secret::new("whsec_abc");

        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.reveal(), "whsec_abc");
    }
}
