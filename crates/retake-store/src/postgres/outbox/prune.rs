//! Dropping what nobody will look at any more, a little at a time.

use futures::try_join;
use jiff::Timestamp;

use crate::postgres::{
    fault::Done,
    session::Session,
    values::{Moment, number},
};

pub(crate) const ENDED: &str = "DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
    SELECT id FROM webhook_deliveries WHERE ended_at < $1 ORDER BY ended_at LIMIT $2
    FOR UPDATE SKIP LOCKED))";

/// One to which nothing can be recorded any more. Passes over one that an end is being told to right now.
pub(crate) const A_DELETED_ENDPOINT: &str = "SELECT id FROM webhook_endpoints
    WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED";

pub(crate) const DELIVERIES_TO: &str = "DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
    SELECT id FROM webhook_deliveries WHERE endpoint = $1 LIMIT $2))";

pub(crate) const FORGET: &str = "DELETE FROM webhook_endpoints WHERE id = $1";

/// What was said of the tries of a delivery may name where it went.
pub(crate) const ERASE_TRIES: &str = "UPDATE webhook_tries SET error = NULL
    WHERE delivery = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE endpoint = $1)) AND error IS NOT NULL";

/// Deliveries that are dropped together with their endpoint.
pub(crate) const AT_ONCE: u64 = if cfg!(test) { 2 } else { 1000 };

/// Drops old deliveries, then those of deleted endpoints, and the endpoints after their last one.
pub(super) async fn prune(db: &Session, ended_before: Timestamp, limit: u32) -> Done<u64> {
    let [ended, deleted] = db.prepare([ENDED, A_DELETED_ENDPOINT]).await?;
    let limit = u64::from(limit);
    let mut gone = db.execute(&ended, [&Moment(ended_before), &number(limit)]).await?;
    while gone < limit {
        let ((), endpoint) = try_join!(db.begin(), db.query_opt(&deleted, []))?;
        let Some(endpoint) = endpoint else {
            db.roll_back().await;
            break;
        };
        let dropped = forget(db, endpoint.get("id"), limit - gone).await?;
        db.commit().await?;
        gone += dropped;
    }
    Ok(gone)
}

/// Drops what was to be told to an endpoint that is being deleted. Where that is much, the rest goes with the next
/// prunings, but without what was said of its tries.
pub(super) async fn empty(db: &Session, endpoint: &str) -> Done<()> {
    if forget(db, endpoint, AT_ONCE).await? == AT_ONCE {
        let [erase_tries] = db.prepare([ERASE_TRIES]).await?;
        db.execute(&erase_tries, [&endpoint]).await?;
    }
    Ok(())
}

/// Drops so many deliveries to a deleted endpoint, and the endpoint after the last one.
async fn forget(db: &Session, endpoint: &str, limit: u64) -> Done<u64> {
    let [deliveries_to, forget] = db.prepare([DELIVERIES_TO, FORGET]).await?;
    let dropped = db.execute(&deliveries_to, [&endpoint, &number(limit)]).await?;
    if dropped < limit {
        db.execute(&forget, [&endpoint]).await?;
    }
    Ok(dropped)
}
