//! The outbox: the part of the ledger that is told to the outside, and to whom.
//!
//! When a job ends, a notice for each webhook endpoint of its owner, and for those that have no owner, is
//! recorded in the transaction that records the end, so a notice exists if and only if the end does. From then on it is a [`Delivery`]: it is
//! handed out under a [`DeliveryLease`] when it is due, and what became of each try is recorded until it got
//! through or is given up. A try whose report never came is made again, so a notice arrives at least once;
//! its id tells a receiver that it has seen it.
//!
//! The lease is on the endpoint: each is served one delivery at a time, over all replicas, so that a slow one
//! cannot take every hand there is.

pub mod record;

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::ids::{EndpointId, EventId, ReplicaId};

use self::record::{
    ClaimedDelivery, Delivery, DeliveryLease, DeliveryListing, DeliveryPage, Endpoint,
    EndpointChange, EndpointListing, EndpointPage, Room, Secret, Tried,
};
use crate::error::StoreError;

/// The verbs of the outbox. As with those of [`Ledger`](crate::Ledger), each is one durable transaction.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Records an endpoint, if its owner has fewer than `most`.
    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<(), StoreError>;

    /// One endpoint, unless it was deleted.
    async fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, StoreError>;

    /// Endpoints in the order of their ids, which is the order of their making.
    async fn endpoints(&self, page: &EndpointPage) -> Result<EndpointListing, StoreError>;

    /// Changes an endpoint. What waits for a disabled one is due again when it is enabled.
    async fn change_endpoint(
        &self,
        id: &EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError>;

    /// Replaces the secret of an endpoint. The one before signs along until `former_until`.
    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &Secret,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError>;

    /// Erases an endpoint, with what was delivered to it and what waits for it.
    async fn delete_endpoint(&self, id: &EndpointId, now: Timestamp) -> Result<(), StoreError>;

    /// One delivery to an endpoint.
    async fn delivery(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
    ) -> Result<Option<Delivery>, StoreError>;

    /// The deliveries to an endpoint in the order of their ids, which is the order of their making.
    async fn deliveries(&self, page: &DeliveryPage) -> Result<DeliveryListing, StoreError>;

    /// Makes a delivery due at once, and gives it all its tries again. [`StoreError::EndpointDisabled`] when
    /// it would only wait.
    async fn redeliver(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
        now: Timestamp,
    ) -> Result<Delivery, StoreError>;

    /// Hands out deliveries whose time has come: one for each endpoint that is enabled and that nobody serves
    /// right now, the endpoint that was served least recently first, and those that fail after the others.
    async fn claim_deliveries(
        &self,
        replica: &ReplicaId,
        room: Room,
        now: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Records how a try went, and gives the endpoint back.
    async fn record_try(&self, lease: &DeliveryLease, tried: &Tried) -> Result<(), StoreError>;

    /// The earliest moment at which [`claim_deliveries`](Self::claim_deliveries) could hand something out,
    /// as things stand: an endpoint that is being served does not count.
    async fn next_delivery(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Drops deliveries that ended before a moment and those of deleted endpoints, at most `limit`. Returns
    /// how many went.
    async fn prune_deliveries(
        &self,
        ended_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;
}
