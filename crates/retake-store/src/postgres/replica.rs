//! The replicas: who is alive, and what becomes of the jobs of one that is not.

use futures::try_join;
use jiff::Timestamp;
use retake_core::ids::ReplicaId;

use super::{fault::Done, migrate, outbox::serve, session::Session, values::Moment};
use crate::error::StoreError;

pub(super) const REGISTER: &str = "INSERT INTO replicas (id, registered_at, heartbeat_at)
    VALUES ($1, $2, $2) ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";

/// Of a replica that knows the schema up to a step. One that is older than the schema must not write any more.
pub(super) const HEARTBEAT: &str = "UPDATE replicas SET heartbeat_at = $2
    WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM migrations WHERE number > $3)";

/// Whether a replica is known, and stays so until the transaction ends: the leases of one that is not could
/// never be voided.
pub(super) const KNOWN: &str = "SELECT 1 FROM replicas WHERE id = $1 FOR KEY SHARE";

/// One that is claiming or beating just now is passed over, and looked at again next time.
pub(super) const SILENT: &str = "SELECT id FROM replicas WHERE heartbeat_at < $1
    ORDER BY id FOR UPDATE SKIP LOCKED";

/// What was still to be done is due at once. A slot that was taken for a submit that was never recorded is
/// free again; an open attempt keeps its own.
pub(super) const FREE: &str = "UPDATE jobs SET replica = NULL, woken_at = NULL, due_at = $2,
        slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END
    WHERE replica = ANY ($1)";

pub(super) const FORGET: &str = "DELETE FROM replicas WHERE id = ANY ($1)";

/// Makes a replica known.
pub(super) async fn register(db: &Session, id: &ReplicaId, now: Timestamp) -> Done<()> {
    let [register] = db.prepare([REGISTER]).await?;
    db.execute(&register, [&id.as_str(), &Moment(now)]).await?;
    Ok(())
}

/// Records that a replica is alive, unless the schema is newer than it by now.
pub(super) async fn heartbeat(
    db: &Session,
    id: &ReplicaId,
    now: Timestamp,
    ledger: &str,
) -> Done<()> {
    let [heartbeat] = db.prepare([HEARTBEAT]).await?;
    let told = db.execute(&heartbeat, [&id.as_str(), &Moment(now), &migrate::newest()]).await?;
    if told > 0 {
        return Ok(());
    }
    migrate::refuse_newer(db, migrate::MIGRATIONS, ledger).await?;
    Err(forgotten(id).into())
}

/// Forgets the replicas that fell silent, and frees their jobs and the endpoints they served.
pub(super) async fn expire_leases(db: &Session, since: Timestamp, now: Timestamp) -> Done<u64> {
    let [silent, free, forget] = db.prepare([SILENT, FREE, FORGET]).await?;
    let [unserve] = db.prepare([serve::FREE]).await?;
    let (since, now) = (Moment(since), Moment(now));
    let ((), silent) = try_join!(db.begin(), db.query(&silent, [&since]))?;
    let silent: Vec<&str> = silent.iter().map(|row| row.get("id")).collect();
    if silent.is_empty() {
        db.roll_back().await;
        return Ok(0);
    }
    let (freed, _, _, ()) = try_join!(
        db.execute(&free, [&silent, &now]),
        db.execute(&unserve, [&silent]),
        db.execute(&forget, [&silent]),
        db.commit(),
    )?;
    Ok(freed)
}

pub(super) fn forgotten(id: &ReplicaId) -> StoreError {
    StoreError::ReplicaForgotten { replica: id.clone() }
}
