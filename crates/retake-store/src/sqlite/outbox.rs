//! The outbox in SQLite: endpoints, what they are told, and how each try went.

pub(super) mod announce;
pub(super) mod deliveries;
pub(super) mod endpoints;
pub(super) mod prune;
pub(super) mod serve;

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::ids::{EndpointId, EventId, ReplicaId};

use super::SqliteLedger;
use crate::{
    error::StoreError,
    outbox::{
        Outbox,
        record::{
            ClaimedDelivery, Delivery, DeliveryLease, DeliveryListing, DeliveryPage, Endpoint,
            EndpointChange, EndpointListing, EndpointPage, Room, Secret, Tried,
        },
    },
};

#[async_trait]
impl Outbox for SqliteLedger {
    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<(), StoreError> {
        let endpoint = endpoint.clone();
        self.writer.write(move |db| endpoints::add(db, &endpoint, most)).await
    }

    async fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| endpoints::one(db, &id)).await
    }

    async fn endpoints(&self, page: &EndpointPage) -> Result<EndpointListing, StoreError> {
        let page = page.clone();
        self.readers.read(move |db| endpoints::list(db, &page)).await
    }

    async fn change_endpoint(
        &self,
        id: &EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        let (id, change) = (id.clone(), change.clone());
        self.writer.write(move |db| endpoints::change(db, &id, &change, now)).await
    }

    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &Secret,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        let (id, secret) = (id.clone(), secret.clone());
        self.writer.write(move |db| endpoints::rotate(db, &id, secret, former_until, now)).await
    }

    async fn delete_endpoint(&self, id: &EndpointId, now: Timestamp) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.erase(move |db| endpoints::delete(db, &id, now)).await
    }

    async fn delivery(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
    ) -> Result<Option<Delivery>, StoreError> {
        let (endpoint, id) = (endpoint.clone(), id.clone());
        self.readers.read(move |db| deliveries::one(db, &endpoint, &id)).await
    }

    async fn deliveries(&self, page: &DeliveryPage) -> Result<DeliveryListing, StoreError> {
        let page = page.clone();
        self.readers.read(move |db| deliveries::list(db, &page)).await
    }

    async fn redeliver(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        let (endpoint, id) = (endpoint.clone(), id.clone());
        self.writer.write(move |db| deliveries::again(db, &endpoint, &id, now)).await
    }

    async fn claim_deliveries(
        &self,
        replica: &ReplicaId,
        room: Room,
        now: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let replica = replica.clone();
        self.writer.write(move |db| serve::claim(db, &replica, room, now)).await
    }

    async fn record_try(&self, lease: &DeliveryLease, tried: &Tried) -> Result<(), StoreError> {
        let (lease, tried) = (lease.clone(), tried.clone());
        self.writer.write(move |db| serve::record(db, &lease, &tried)).await
    }

    async fn next_delivery(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(serve::next).await
    }

    async fn prune_deliveries(
        &self,
        ended_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.writer.write(move |db| prune::prune(db, ended_before, limit)).await
    }
}
