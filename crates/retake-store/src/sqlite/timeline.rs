//! The timeline of a job: written once, line by line, and read in order.

use jiff::Timestamp;
use retake_core::ids::VideoId;
use rusqlite::{Connection, named_params};

use super::{
    fault::{Done, Fail},
    values::{Json, Moment},
};
use crate::{
    record::{JobEvent, Recorded},
    transition,
};

pub(super) const APPEND: &str = "INSERT INTO events (job_id, seq, at, attempt, event)
    SELECT :id, COALESCE(MAX(seq), 0) + 1, :at, :attempt, :event FROM events WHERE job_id = :id
    RETURNING seq";

pub(super) const ANNOUNCE: &str = "INSERT INTO feed (owner, job_id, seq, at)
    SELECT owner, id, :seq, :at FROM jobs WHERE id = :id";

pub(super) const READ: &str = "SELECT seq, at, attempt, event FROM events
    WHERE job_id = :id AND seq > :after ORDER BY seq LIMIT :limit";

/// Adds a line, to the job's timeline and to the feed.
pub(super) fn append(
    db: &Connection,
    id: &VideoId,
    at: Timestamp,
    attempt: Option<u32>,
    event: &JobEvent,
) -> Done<()> {
    let line = named_params! {
        ":id": id.as_str(),
        ":at": Moment(at),
        ":attempt": attempt,
        ":event": Json(event),
    };
    let seq: u64 = db.prepare_cached(APPEND)?.query_row(line, |row| row.get(0))?;
    db.prepare_cached(ANNOUNCE)?
        .execute(named_params! { ":id": id.as_str(), ":seq": seq, ":at": Moment(at) })?;
    Ok(())
}

pub(super) const LINES: &str = "SELECT seq, event FROM events WHERE job_id = :id";

pub(super) const ERASE: &str = "UPDATE events SET event = :event WHERE job_id = :id AND seq = :seq";

/// Takes the words out of a job's lines; what happened when stays.
pub(super) fn erase(db: &Connection, id: &VideoId) -> Done<()> {
    let mut query = db.prepare_cached(LINES)?;
    let lines = query.query_map(named_params! { ":id": id.as_str() }, |row| {
        Ok((row.get("seq")?, row.get("event")?))
    })?;
    let lines: rusqlite::Result<Vec<(u64, Json<JobEvent>)>> = lines.collect();
    for (seq, Json(event)) in lines.map_err(|error| Fail::from(error).reading(id))? {
        if let Some(erased) = transition::erased(&event) {
            db.prepare_cached(ERASE)?.execute(named_params! {
                ":id": id.as_str(), ":seq": seq, ":event": Json(erased),
            })?;
        }
    }
    Ok(())
}

/// The lines after a place.
pub(super) fn read(db: &Connection, id: &VideoId, after: u64, limit: u32) -> Done<Vec<Recorded>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut query = db.prepare_cached(READ)?;
    let rows = query.query_map(
        named_params! { ":id": id.as_str(), ":after": after, ":limit": limit },
        |row| {
            let Moment(at) = row.get("at")?;
            let Json(event) = row.get("event")?;
            Ok(Recorded { seq: row.get("seq")?, at, attempt: row.get("attempt")?, event })
        },
    )?;
    let lines: rusqlite::Result<_> = rows.collect();
    lines.map_err(|error| Fail::from(error).reading(id))
}
