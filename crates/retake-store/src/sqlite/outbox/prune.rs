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

/// Drops old deliveries, then those of deleted endpoints, and the endpoints after their last one.
pub(super) fn prune(db: &Connection, ended_before: Timestamp, limit: u32) -> Done<u64> {
    let limit = u64::from(limit);
    let ended = named_params! { ":before": Moment(ended_before), ":limit": limit };
    let mut gone = count(db.prepare_cached(ENDED)?.execute(ended)?);
    while gone < limit {
        let next: Option<String> =
            db.prepare_cached(A_DELETED_ENDPOINT)?.query_row([], |row| row.get(0)).optional()?;
        let Some(endpoint) = next else { break };
        let rest = limit - gone;
        let of = named_params! { ":endpoint": endpoint, ":limit": rest };
        let dropped = count(db.prepare_cached(DELIVERIES_TO)?.execute(of)?);
        gone += dropped;
        if dropped < rest {
            db.prepare_cached("DELETE FROM webhook_endpoints WHERE id = :endpoint")?
                .execute(named_params! { ":endpoint": endpoint })?;
        }
    }
    Ok(gone)
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
