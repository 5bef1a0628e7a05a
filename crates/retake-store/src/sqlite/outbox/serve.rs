//! Handing out the deliveries whose time has come, and recording how they fared.
//!
//! The lease is on the endpoint's row, fenced by replica and epoch like that of a job. Which endpoints have
//! something to be delivered is read from the index of due deliveries, leaping from one endpoint to the next,
//! so that neither a long backlog nor many idle endpoints cost anything.

use jiff::Timestamp;
use retake_core::{
    fault::chain,
    ids::{EndpointId, ReplicaId},
};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{
    deliveries::{self, delivery_of, select_deliveries},
    endpoints,
};
use crate::{
    error::StoreError,
    outbox::record::{ClaimedDelivery, Delivery, DeliveryLease, Room, Tried},
    sqlite::{
        fault::{Done, Fail},
        replica,
        values::{Moment, Text},
    },
};

pub(crate) const NEXT_ENDPOINT: &str =
    "SELECT MIN(endpoint) FROM webhook_deliveries WHERE due_at IS NOT NULL AND endpoint > :after";

/// An endpoint that can be served, and when it has something to be served.
pub(crate) const STANDING: &str = "SELECT failing_since IS NOT NULL AS failing, tried_at,
        (SELECT MIN(due_at) FROM webhook_deliveries WHERE endpoint = :id AND due_at IS NOT NULL) AS due_at
    FROM webhook_endpoints
    WHERE id = :id AND replica IS NULL AND disabled_at IS NULL AND deleted_at IS NULL";

pub(crate) const FIRST_DUE: &str = select_deliveries!(
    "endpoint = :endpoint AND due_at IS NOT NULL AND due_at <= :now ORDER BY due_at, id LIMIT 1"
);

pub(crate) const TAKE: &str = "UPDATE webhook_endpoints SET replica = :replica, epoch = epoch + 1
    WHERE id = :id RETURNING epoch";

pub(crate) const GIVE_BACK: &str = "UPDATE webhook_endpoints SET replica = NULL, tried_at = :at,
        failing_since = CASE WHEN :failed THEN COALESCE(failing_since, :at) END,
        disabled_at = CASE WHEN :why IS NOT NULL THEN COALESCE(disabled_at, :at) ELSE disabled_at END,
        disabled_why = COALESCE(disabled_why, :why)
    WHERE id = :id AND replica = :replica AND epoch = :epoch AND deleted_at IS NULL";

pub(crate) const FREE: &str = "UPDATE webhook_endpoints SET replica = NULL WHERE replica = :id";

pub(crate) const SETTLE: &str = "UPDATE webhook_deliveries SET state = :state,
        failures = failures + :failed, due_at = :due_at, ended_at = :ended_at
    WHERE id = :id";

pub(crate) const NOTE: &str =
    "INSERT INTO webhook_tries (delivery, number, at, duration_ms, status, error)
    SELECT :id, COALESCE(MAX(number), 0) + 1, :at, :duration_ms, :status, :error
    FROM webhook_tries WHERE delivery = :id
    RETURNING number";

pub(crate) const FORGET: &str =
    "DELETE FROM webhook_tries WHERE delivery = :id AND number <= :number";

/// Tries that are kept of one delivery, however often it is to be delivered again.
const TRIES_KEPT: u32 = 50;

/// An endpoint that could be served.
struct Standing {
    id: EndpointId,
    failing: bool,
    tried_at: Option<Timestamp>,
    due_at: Timestamp,
}

/// Takes an endpoint each, as far as there is room.
pub(super) fn claim(
    db: &Connection,
    replica: &ReplicaId,
    room: Room,
    now: Timestamp,
) -> Done<Vec<ClaimedDelivery>> {
    replica::known(db, replica)?;
    let mut waiting = waiting(db)?;
    waiting.retain(|standing| standing.due_at <= now);
    waiting.sort_by_key(|standing| (standing.failing, standing.tried_at, standing.due_at));
    let (mut claimed, mut failing) = (Vec::new(), 0);
    for standing in waiting {
        if claimed.len() >= room.all as usize || (standing.failing && failing >= room.failing) {
            break;
        }
        match take(db, replica, &standing.id, now) {
            Ok(Some(taken)) => {
                failing += u32::from(standing.failing);
                claimed.push(taken);
            }
            Ok(None) => {}
            // One endpoint that cannot be read must not hold up the others.
            Err(Fail::Refused(error @ StoreError::Unreadable { .. })) => {
                tracing::error!(webhook.endpoint = %standing.id, error = chain(&error), "an endpoint is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(claimed)
}

/// When there could be something to take.
pub(super) fn next(db: &Connection) -> Done<Option<Timestamp>> {
    Ok(waiting(db)?.into_iter().map(|standing| standing.due_at).min())
}

/// Records a try, if the lease still holds, and gives the endpoint back.
pub(super) fn record(db: &Connection, lease: &DeliveryLease, tried: &Tried) -> Done<()> {
    let failed = tried.then.is_failure();
    let held = db.prepare_cached(GIVE_BACK)?.execute(named_params! {
        ":id": lease.endpoint.as_str(),
        ":replica": lease.replica.as_str(),
        ":epoch": lease.epoch,
        ":at": Moment(tried.at),
        ":failed": failed,
        ":why": tried.disable.map(crate::outbox::record::DisabledWhy::as_str),
    })?;
    if held == 0 {
        return Err(StoreError::DeliveryLost { id: lease.delivery.clone() }.into());
    }
    let due_at = tried.then.due().map(Moment);
    db.prepare_cached(SETTLE)?.execute(named_params! {
        ":id": lease.delivery.as_str(),
        ":state": tried.then.state().as_str(),
        ":failed": failed,
        ":due_at": due_at,
        ":ended_at": due_at.is_none().then_some(Moment(tried.at)),
    })?;
    note(db, lease, tried)
}

fn note(db: &Connection, lease: &DeliveryLease, tried: &Tried) -> Done<()> {
    let number: u32 = db.prepare_cached(NOTE)?.query_row(
        named_params! {
            ":id": lease.delivery.as_str(),
            ":at": Moment(tried.at),
            ":duration_ms": tried.duration_ms,
            ":status": tried.status,
            ":error": tried.error,
        },
        |row| row.get(0),
    )?;
    if let Some(old) = number.checked_sub(TRIES_KEPT).filter(|old| *old > 0) {
        db.prepare_cached(FORGET)?
            .execute(named_params! { ":id": lease.delivery.as_str(), ":number": old })?;
    }
    Ok(())
}

/// The endpoints that can be served and for which something waits, whether or not it is due.
fn waiting(db: &Connection) -> Done<Vec<Standing>> {
    let mut leap = db.prepare_cached(NEXT_ENDPOINT)?;
    let mut look = db.prepare_cached(STANDING)?;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let next: Option<Text<EndpointId>> =
            leap.query_row(named_params! { ":after": after }, |row| row.get(0))?;
        let Some(Text(id)) = next else { return Ok(found) };
        after.clear();
        after.push_str(id.as_str());
        let standing = look.query_row(named_params! { ":id": after }, |row| {
            let Moment(due_at) = row.get("due_at")?;
            let tried_at = row.get::<_, Option<Moment>>("tried_at")?.map(|Moment(at)| at);
            Ok(Standing { id, failing: row.get("failing")?, tried_at, due_at })
        });
        found.extend(standing.optional()?);
    }
}

fn take(
    db: &Connection,
    replica: &ReplicaId,
    id: &EndpointId,
    now: Timestamp,
) -> Done<Option<ClaimedDelivery>> {
    let due = named_params! { ":endpoint": id.as_str(), ":now": Moment(now) };
    let delivery: Option<Delivery> = db
        .prepare_cached(FIRST_DUE)?
        .query_row(due, delivery_of)
        .optional()
        .map_err(|error| Fail::from(error).reading(id))?;
    let Some(delivery) = delivery else { return Ok(None) };
    let delivery = deliveries::with_tries(db, delivery)?;
    let endpoint = endpoints::known(db, id)?;
    let holder = named_params! { ":id": id.as_str(), ":replica": replica.as_str() };
    let epoch = db.prepare_cached(TAKE)?.query_row(holder, |row| row.get(0))?;
    let lease = DeliveryLease {
        endpoint: id.clone(),
        delivery: delivery.id.clone(),
        epoch,
        replica: replica.clone(),
    };
    Ok(Some(ClaimedDelivery { endpoint, delivery, lease }))
}
