//! Secrets of the gateway itself, made once.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::{fault::Done, values::Moment};

const KEEP: &str = "INSERT INTO gateway_secrets (name, secret, created_at)
    VALUES (:name, :fresh, :now) ON CONFLICT (name) DO NOTHING";

const FIND: &str = "SELECT secret FROM gateway_secrets WHERE name = :name";

/// The secret by that name, which is the fresh one if there was none.
pub(super) fn secret(db: &Connection, name: &str, fresh: &str, now: Timestamp) -> Done<String> {
    db.prepare_cached(KEEP)?.execute(named_params! {
        ":name": name, ":fresh": fresh, ":now": Moment(now),
    })?;
    let mut query = db.prepare_cached(FIND)?;
    Ok(query.query_row(named_params! { ":name": name }, |row| row.get(0))?)
}
