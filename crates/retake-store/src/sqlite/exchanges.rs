//! What was said with providers: kept with the change that followed from it, and read in order.

use retake_core::ids::VideoId;
use rusqlite::{Connection, named_params};

use super::{
    fault::{Done, Fail},
    values::{Json, Moment},
};
use crate::{
    evidence::{self, Kept},
    record::{Change, KeptExchange},
};

pub(super) const LAST: &str =
    "SELECT COALESCE(MAX(seq), 0) FROM exchanges WHERE job_id = :id AND attempt = :attempt";

pub(super) const KEEP: &str = "INSERT INTO exchanges (job_id, attempt, seq, at, exchange)
    VALUES (:id, :attempt, :seq, :at, :exchange)";

pub(super) const DROP: &str = "DELETE FROM exchanges
    WHERE job_id = :id AND attempt = :attempt AND seq > :first AND seq <= :to";

pub(super) const READ: &str =
    "SELECT attempt, exchange FROM exchanges WHERE job_id = :id ORDER BY attempt, seq";

pub(super) const ERASE: &str = "DELETE FROM exchanges WHERE job_id = :id";

/// Adds those of a change to its attempt, and drops what lies between its first and its newest ones.
pub(super) fn keep(db: &Connection, id: &VideoId, change: &Change) -> Done<()> {
    let Some(attempt) = evidence::attempt_of(change) else { return Ok(()) };
    let id = id.as_str();
    let of_it = named_params! { ":id": id, ":attempt": attempt };
    let last = db.prepare_cached(LAST)?.query_row(of_it, |row| row.get(0))?;
    let kept = Kept::after(last, &change.exchanges);
    let mut insert = db.prepare_cached(KEEP)?;
    for (seq, exchange) in kept.lines {
        insert.execute(named_params! {
            ":id": id,
            ":attempt": attempt,
            ":seq": seq,
            ":at": Moment(exchange.at),
            ":exchange": Json(exchange),
        })?;
    }
    if let Some(to) = kept.dropped_to {
        let between = named_params! {
            ":id": id, ":attempt": attempt, ":first": evidence::FIRST, ":to": to,
        };
        db.prepare_cached(DROP)?.execute(between)?;
    }
    Ok(())
}

/// All that are kept of a job, oldest first.
pub(super) fn read(db: &Connection, id: &VideoId) -> Done<Vec<KeptExchange>> {
    let mut query = db.prepare_cached(READ)?;
    let rows = query.query_map(named_params! { ":id": id.as_str() }, |row| {
        let Json(exchange) = row.get("exchange")?;
        Ok(KeptExchange { attempt: row.get("attempt")?, exchange })
    })?;
    let kept: rusqlite::Result<_> = rows.collect();
    kept.map_err(|error| Fail::from(error).reading(id))
}

/// Takes out those of a job: they repeat its prompt.
pub(super) fn erase(db: &Connection, id: &VideoId) -> Done<()> {
    db.prepare_cached(ERASE)?.execute(named_params! { ":id": id.as_str() })?;
    Ok(())
}
