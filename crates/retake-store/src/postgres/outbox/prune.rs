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

/// Drops old deliveries, then those of deleted endpoints, and the endpoints after their last one.
pub(super) async fn prune(db: &Session, ended_before: Timestamp, limit: u32) -> Done<u64> {
    let [ended, deleted] = db.prepare([ENDED, A_DELETED_ENDPOINT]).await?;
    let [deliveries_to, forget] = db.prepare([DELIVERIES_TO, FORGET]).await?;
    let limit = u64::from(limit);
    let mut gone = db.execute(&ended, [&Moment(ended_before), &number(limit)]).await?;
    while gone < limit {
        let ((), endpoint) = try_join!(db.begin(), db.query_opt(&deleted, []))?;
        let Some(endpoint) = endpoint else {
            db.roll_back().await;
            break;
        };
        let (endpoint, rest) = (endpoint.get::<_, String>("id"), limit - gone);
        let dropped = db.execute(&deliveries_to, [&endpoint, &number(rest)]).await?;
        if dropped < rest {
            db.execute(&forget, [&endpoint]).await?;
        }
        db.commit().await?;
        gone += dropped;
    }
    Ok(gone)
}
