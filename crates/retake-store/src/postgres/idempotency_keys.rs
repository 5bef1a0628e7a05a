//! Requests that are made twice: the second one gets the job of the first.

use futures::try_join;
use jiff::Timestamp;
use retake_core::ids::{KeyId, VideoId};

use super::{
    fault::Done,
    session::Session,
    values::{self, Moment, text},
};
use crate::{
    error::StoreError,
    record::{MOST_REPEATS, Repeat},
};

/// Makes requests of one owner and name wait for each other, until the transaction ends.
pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended(
    'retake request ' || current_schema() || '/' || $1::text || '/' || $2::text, 0))";

pub(super) const FIRST: &str = "SELECT fingerprint, job_id FROM idempotency_keys
    WHERE owner = $1 AND name = $2 AND expires_at > $3";

/// Of a job that was accepted, which is decided by the statement before this one.
pub(super) const REMEMBER: &str =
    "INSERT INTO idempotency_keys (owner, name, fingerprint, job_id, expires_at)
    SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $4)
    ON CONFLICT (owner, name) DO UPDATE SET fingerprint = excluded.fingerprint,
        job_id = excluded.job_id, expires_at = excluded.expires_at";

pub(super) const FORGET: &str = "DELETE FROM idempotency_keys WHERE owner = $1 AND name = $2";

pub(super) const PRUNE: &str = "DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
    FOR UPDATE SKIP LOCKED))";

/// Owners with more of them than are remembered.
pub(super) const FULL: &str =
    "SELECT owner FROM idempotency_keys GROUP BY owner HAVING COUNT(*) > $1 LIMIT $2";

/// The oldest of an owner, beyond so many.
pub(super) const SURPLUS: &str = "DELETE FROM idempotency_keys WHERE owner = $1 AND name IN
    (SELECT name FROM idempotency_keys WHERE owner = $1 ORDER BY expires_at DESC, name LIMIT $3 OFFSET $2)";

/// The job of the first request, when this one repeats it. Requests of the same name wait until the
/// transaction ends, so that one of many is the first.
pub(super) async fn first(
    db: &Session,
    owner: Option<&KeyId>,
    repeat: &Repeat,
    now: Timestamp,
) -> Done<Option<VideoId>> {
    let [alone, first] = db.prepare([ALONE, FIRST]).await?;
    let (owner, name, now) = (name_of(owner), text(&repeat.name), Moment(now));
    let (_, known) = try_join!(
        db.query_one(&alone, [&owner, &name]),
        db.query_opt(&first, [&owner, &name, &now]),
    )?;
    let Some(known) = known.filter(|_| repeat.replay) else { return Ok(None) };
    if known.get::<_, &str>("fingerprint") != text(&repeat.fingerprint) {
        return Err(StoreError::KeyReused.into());
    }
    let unreadable = |source| StoreError::Unreadable { id: known.get("job_id"), source };
    Ok(Some(values::parsed(&known, "job_id").map_err(unreadable)?))
}

/// Makes this request the one that later ones repeat.
pub(super) async fn remember(
    db: &Session,
    owner: Option<&KeyId>,
    repeat: &Repeat,
    id: &VideoId,
) -> Done<()> {
    let [remember] = db.prepare([REMEMBER]).await?;
    let (name, fingerprint) = (text(&repeat.name), text(&repeat.fingerprint));
    let until = Moment(repeat.expires_at);
    db.execute(&remember, [&name_of(owner), &name, &fingerprint, &id.as_str(), &until]).await?;
    Ok(())
}

/// Forgets the request of this name: whoever repeats it asks for something new.
pub(super) async fn forget(db: &Session, owner: Option<&KeyId>, name: &str) -> Done<()> {
    let [forget] = db.prepare([FORGET]).await?;
    db.execute(&forget, [&name_of(owner), &text(name)]).await?;
    Ok(())
}

/// Forgets requests whose repetition would be a new request.
pub(super) async fn prune(db: &Session, now: Timestamp, limit: u32) -> Done<u64> {
    let [prune] = db.prepare([PRUNE]).await?;
    db.execute(&prune, [&Moment(now), &i64::from(limit)]).await
}

/// Forgets those that are too many for their owner. Counts them all.
pub(super) async fn prune_surplus(db: &Session, limit: u32) -> Done<u64> {
    let [full, surplus] = db.prepare([FULL, SURPLUS]).await?;
    let (most, limit) = (i64::from(MOST_REPEATS), i64::from(limit));
    let mut gone = 0;
    for owner in db.query(&full, [&most, &limit]).await? {
        gone += db.execute(&surplus, [&owner.get::<_, &str>("owner"), &most, &limit]).await?;
    }
    Ok(gone)
}

fn name_of(owner: Option<&KeyId>) -> &str {
    owner.map_or("", KeyId::as_str)
}
