//! Dropping what nobody will look at any more, a little at a time.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::sqlite::{fault::Done, values::Moment};

pub(crate) const ENDED: &str = "DELETE FROM webhook_deliveries WHERE id IN
    (SELECT id FROM webhook_deliveries WHERE ended_at < :before ORDER BY ended_at LIMIT :limit)";

pub(crate) const A_DELETED_ENDPOINT: &str = "SELECT id FROM webhook_endpoints
    WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1";

pub(crate) const DELIVERIES_TO: &str = "DELETE FROM webhook_deliveries WHERE id IN
    (SELECT id FROM webhook_deliveries WHERE endpoint = :endpoint LIMIT :limit)";

pub(crate) const FORGET: &str = "DELETE FROM webhook_endpoints WHERE id = :endpoint";

/// What was said of the tries of a delivery may name where it went.
pub(crate) const ERASE_TRIES: &str = "UPDATE webhook_tries SET error = NULL
    WHERE delivery IN (SELECT id FROM webhook_deliveries WHERE endpoint = :endpoint) AND error IS NOT NULL";

/// Deliveries that are dropped together with their endpoint.
pub(crate) const AT_ONCE: u64 = if cfg!(test) { 2 } else { 1000 };

/// Drops old deliveries, then those of deleted endpoints, and the endpoints after their last one.
pub(super) fn prune(db: &Connection, ended_before: Timestamp, limit: u32) -> Done<u64> {
    let limit = u64::from(limit);
    let ended = named_params! { ":before": Moment(ended_before), ":limit": limit };
    let mut gone = count(db.prepare_cached(ENDED)?.execute(ended)?);
    while gone < limit {
        let next: Option<String> =
            db.prepare_cached(A_DELETED_ENDPOINT)?.query_row([], |row| row.get(0)).optional()?;
        let Some(endpoint) = next else { break };
        gone += forget(db, &endpoint, limit - gone)?;
    }
    Ok(gone)
}

/// Drops what was to be told to an endpoint that is being deleted. Where that is much, the rest goes with the next
/// prunings, but without what was said of its tries.
pub(super) fn empty(db: &Connection, endpoint: &str) -> Done<()> {
    if forget(db, endpoint, AT_ONCE)? == AT_ONCE {
        db.prepare_cached(ERASE_TRIES)?.execute(named_params! { ":endpoint": endpoint })?;
    }
    Ok(())
}

/// Drops so many deliveries to a deleted endpoint, and the endpoint after the last one.
fn forget(db: &Connection, endpoint: &str, limit: u64) -> Done<u64> {
    let of = named_params! { ":endpoint": endpoint, ":limit": limit };
    let dropped = count(db.prepare_cached(DELIVERIES_TO)?.execute(of)?);
    if dropped < limit {
        db.prepare_cached(FORGET)?.execute(named_params! { ":endpoint": endpoint })?;
    }
    Ok(dropped)
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
