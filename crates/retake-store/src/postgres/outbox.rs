//! The outbox in PostgreSQL: endpoints, what they are told, and how each try went.

pub(super) mod announce;
pub(super) mod deliveries;
pub(super) mod endpoints;
pub(super) mod prune;
pub(super) mod serve;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::ids::{EndpointId, EventId, ReplicaId};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::serve::Ask;
use super::{PostgresLedger, pool::Connections, undo::undo};
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

/// Claims deliveries. Endpoints that this replica may hold without serving them are given back.
async fn claim(
    db: Connections,
    ask: Ask,
    tasks: TaskTracker,
    closing: CancellationToken,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let given = (ask, Mutex::default());
    let claimed =
        db.run(&given, |db, (ask, doubtful)| Box::pin(serve::claim(db, ask, doubtful))).await;
    if claimed.is_err() {
        let in_vain = given.1.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !in_vain.is_empty() {
            tasks.spawn(undo(
                db,
                in_vain,
                |db, leases| Box::pin(serve::give_back(db, leases)),
                closing,
            ));
        }
    }
    claimed
}

#[async_trait]
impl Outbox for PostgresLedger {
    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<(), StoreError> {
        let given = (endpoint.clone(), most);
        self.write(given, |db, (endpoint, most)| Box::pin(endpoints::add(db, endpoint, *most)))
            .await
    }

    async fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.db.run(id, |db, id| Box::pin(endpoints::one(db, id))).await
    }

    async fn endpoints(&self, page: &EndpointPage) -> Result<EndpointListing, StoreError> {
        self.db.run(page, |db, page| Box::pin(endpoints::list(db, page))).await
    }

    async fn change_endpoint(
        &self,
        id: &EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        self.write((id.clone(), change.clone(), now), |db, (id, change, now)| {
            Box::pin(endpoints::change(db, id, change, *now))
        })
        .await
    }

    async fn rotate_secret(
        &self,
        id: &EndpointId,
        secret: &Secret,
        former_until: Timestamp,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        let given = (id.clone(), secret.clone(), former_until, now);
        self.write(given, |db, (id, secret, until, now)| {
            Box::pin(endpoints::rotate(db, id, secret, *until, *now))
        })
        .await
    }

    async fn delete_endpoint(&self, id: &EndpointId, now: Timestamp) -> Result<(), StoreError> {
        let given = (id.clone(), now);
        let deleted =
            self.write(given, |db, (id, now)| Box::pin(endpoints::delete(db, id, *now))).await;
        self.tidy_up_after(deleted)
    }

    async fn delivery(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
    ) -> Result<Option<Delivery>, StoreError> {
        let given = (endpoint, id);
        self.db.run(&given, |db, (endpoint, id)| Box::pin(deliveries::one(db, endpoint, id))).await
    }

    async fn deliveries(&self, page: &DeliveryPage) -> Result<DeliveryListing, StoreError> {
        self.db.run(page, |db, page| Box::pin(deliveries::list(db, page))).await
    }

    async fn redeliver(
        &self,
        endpoint: &EndpointId,
        id: &EventId,
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        self.write((endpoint.clone(), id.clone(), now), |db, (endpoint, id, now)| {
            Box::pin(deliveries::again(db, endpoint, id, *now))
        })
        .await
    }

    async fn claim_deliveries(
        &self,
        replica: &ReplicaId,
        room: Room,
        now: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let ask = Ask { replica: replica.clone(), room, now };
        let (db, tasks, closing) = (self.db.clone(), self.tasks.clone(), self.closing.clone());
        self.see_through(claim(db, ask, tasks, closing)).await
    }

    async fn record_try(&self, lease: &DeliveryLease, tried: &Tried) -> Result<(), StoreError> {
        let given = (lease.clone(), tried.clone());
        self.write(given, |db, (lease, tried)| Box::pin(serve::record(db, lease, tried))).await
    }

    async fn next_delivery(&self) -> Result<Option<Timestamp>, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(serve::next(db))).await
    }

    async fn prune_deliveries(
        &self,
        ended_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let given = (ended_before, limit);
        self.write(given, |db, (before, limit)| Box::pin(prune::prune(db, *before, *limit))).await
    }
}
