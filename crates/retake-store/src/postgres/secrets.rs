//! Secrets of the gateway itself, made once for all replicas.

use jiff::Timestamp;

use super::{fault::Done, session::Session, values::Moment};

const KEEP: &str = "INSERT INTO gateway_secrets (name, secret, created_at)
    VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";

const FIND: &str = "SELECT secret FROM gateway_secrets WHERE name = $1";

/// The secret by that name, which is the fresh one if there was none.
pub(super) async fn secret(db: &Session, name: &str, fresh: &str, now: Timestamp) -> Done<String> {
    let [keep, find] = db.prepare([KEEP, FIND]).await?;
    db.execute(&keep, [&name, &fresh, &Moment(now)]).await?;
    Ok(db.query_one(&find, [&name]).await?.get(0))
}
