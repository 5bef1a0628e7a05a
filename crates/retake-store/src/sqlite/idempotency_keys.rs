//! Requests that are made twice: the second one gets the job of the first.

use jiff::Timestamp;
use retake_core::ids::{KeyId, VideoId};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{
    fault::Done,
    values::{Moment, Text},
};
use crate::{
    error::StoreError,
    record::{MOST_REPEATS, Repeat},
};

pub(super) const FIRST: &str = "SELECT fingerprint, job_id FROM idempotency_keys
    WHERE owner = :owner AND name = :name AND expires_at > :now";

pub(super) const REMEMBER: &str =
    "INSERT INTO idempotency_keys (owner, name, fingerprint, job_id, expires_at)
    VALUES (:owner, :name, :fingerprint, :id, :expires_at)
    ON CONFLICT (owner, name) DO UPDATE SET fingerprint = excluded.fingerprint,
        job_id = excluded.job_id, expires_at = excluded.expires_at";

pub(super) const FORGET: &str =
    "DELETE FROM idempotency_keys WHERE owner = :owner AND name = :name";

pub(super) const PRUNE: &str = "DELETE FROM idempotency_keys WHERE (owner, name) IN
    (SELECT owner, name FROM idempotency_keys WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit)";

/// Owners with more of them than are remembered.
pub(super) const FULL: &str =
    "SELECT owner FROM idempotency_keys GROUP BY owner HAVING COUNT(*) > :most LIMIT :limit";

/// The oldest of an owner, beyond so many.
pub(super) const SURPLUS: &str = "DELETE FROM idempotency_keys WHERE owner = :owner AND name IN
    (SELECT name FROM idempotency_keys WHERE owner = :owner
     ORDER BY expires_at DESC, name LIMIT :limit OFFSET :most)";

/// The job of the first request, when this one repeats it.
pub(super) fn first(
    db: &Connection,
    owner: Option<&KeyId>,
    repeat: &Repeat,
    now: Timestamp,
) -> Done<Option<VideoId>> {
    if !repeat.replay {
        return Ok(None);
    }
    let of = named_params! {
        ":owner": name_of(owner), ":name": repeat.name, ":now": Moment(now),
    };
    let known: Option<(String, Text<VideoId>)> =
        db.prepare_cached(FIRST)?.query_row(of, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match known {
        Some((fingerprint, _)) if fingerprint != repeat.fingerprint => {
            Err(StoreError::KeyReused.into())
        }
        Some((_, Text(id))) => Ok(Some(id)),
        None => Ok(None),
    }
}

/// Makes this request the one that later ones repeat.
pub(super) fn remember(
    db: &Connection,
    owner: Option<&KeyId>,
    repeat: &Repeat,
    id: &VideoId,
) -> Done<()> {
    db.prepare_cached(REMEMBER)?.execute(named_params! {
        ":owner": name_of(owner),
        ":name": repeat.name,
        ":fingerprint": repeat.fingerprint,
        ":id": id.as_str(),
        ":expires_at": Moment(repeat.expires_at),
    })?;
    Ok(())
}

/// Forgets the request of this name: whoever repeats it asks for something new.
pub(super) fn forget(db: &Connection, owner: Option<&KeyId>, name: &str) -> Done<()> {
    let of = named_params! { ":owner": name_of(owner), ":name": name };
    db.prepare_cached(FORGET)?.execute(of)?;
    Ok(())
}

/// Forgets requests whose repetition would be a new request.
pub(super) fn prune(db: &Connection, now: Timestamp, limit: u32) -> Done<u64> {
    let gone = db
        .prepare_cached(PRUNE)?
        .execute(named_params! { ":now": Moment(now), ":limit": limit })?;
    Ok(count(gone))
}

/// Forgets those that are too many for their owner. Counts them all.
pub(super) fn prune_surplus(db: &Connection, limit: u32) -> Done<u64> {
    let mut full = db.prepare_cached(FULL)?;
    let most = named_params! { ":most": MOST_REPEATS, ":limit": limit };
    let owners: rusqlite::Result<Vec<String>> = full.query_map(most, |row| row.get(0))?.collect();
    let mut gone = 0;
    for owner in owners? {
        let of = named_params! { ":owner": owner, ":most": MOST_REPEATS, ":limit": limit };
        gone += count(db.prepare_cached(SURPLUS)?.execute(of)?);
    }
    Ok(gone)
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn name_of(owner: Option<&KeyId>) -> &str {
    owner.map_or("", KeyId::as_str)
}
