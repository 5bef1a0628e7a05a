//! The replicas: who is alive, and what becomes of the jobs of one that is not.

use jiff::Timestamp;
use retake_core::ids::ReplicaId;
use rusqlite::{Connection, named_params};

use super::{fault::Done, outbox::serve, values::Moment};
use crate::error::StoreError;

pub(super) const REGISTER: &str = "INSERT INTO replicas (id, registered_at, heartbeat_at)
    VALUES (:id, :now, :now) ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

pub(super) const HEARTBEAT: &str = "UPDATE replicas SET heartbeat_at = :now WHERE id = :id";

/// What was still to be done is due at once. A slot that was taken for a submit that was never recorded is
/// free again; an open attempt keeps its own.
pub(super) const FREE: &str = "UPDATE jobs SET replica = NULL, woken_at = NULL, due_at = :due,
        slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END
    WHERE replica = :id";

/// Makes a replica known.
pub(super) fn register(db: &Connection, id: &ReplicaId, now: Timestamp) -> Done<()> {
    db.prepare_cached(REGISTER)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    Ok(())
}

/// Records that a replica is alive.
pub(super) fn heartbeat(db: &Connection, id: &ReplicaId, now: Timestamp) -> Done<()> {
    let told = db
        .prepare_cached(HEARTBEAT)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    if told == 0 { Err(forgotten(id).into()) } else { Ok(()) }
}

/// Refuses a replica nobody knows: its leases could never be voided.
pub(super) fn known(db: &Connection, id: &ReplicaId) -> Done<()> {
    let known = db
        .prepare_cached("SELECT 1 FROM replicas WHERE id = :id")?
        .exists(named_params! { ":id": id.as_str() })?;
    if known { Ok(()) } else { Err(forgotten(id).into()) }
}

/// Forgets the replicas that fell silent, and frees their jobs and the endpoints they served.
pub(super) fn expire_leases(db: &Connection, silent_since: Timestamp, now: Timestamp) -> Done<u64> {
    let silent: Vec<String> = db
        .prepare_cached("SELECT id FROM replicas WHERE heartbeat_at < :since")?
        .query_map(named_params! { ":since": Moment(silent_since) }, |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut freed = 0;
    for id in silent {
        freed +=
            db.prepare_cached(FREE)?.execute(named_params! { ":id": id, ":due": Moment(now) })?;
        db.prepare_cached(serve::FREE)?.execute(named_params! { ":id": id })?;
        db.prepare_cached("DELETE FROM replicas WHERE id = :id")?
            .execute(named_params! { ":id": id })?;
    }
    Ok(u64::try_from(freed).unwrap_or(u64::MAX))
}

fn forgotten(id: &ReplicaId) -> StoreError {
    StoreError::ReplicaForgotten { replica: id.clone() }
}
