//! The feed: the events of all jobs in the order in which they were committed.

use jiff::Timestamp;
use retake_core::ids::{KeyId, VideoId};
use rusqlite::{Connection, Row, named_params};

use super::{
    fault::Done,
    values::{Json, Moment, Text},
};
use crate::{
    error::StoreError,
    record::{FeedLine, Recorded},
};

macro_rules! lines {
    ($which:literal) => {
        concat!(
            "SELECT f.position, f.owner, f.job_id, e.seq, e.at, e.attempt, e.event FROM feed f
                CROSS JOIN events e ON e.job_id = f.job_id AND e.seq = f.seq WHERE ",
            $which,
            " AND f.position > :after ORDER BY f.position LIMIT :limit"
        )
    };
}

pub(super) const ALL: &str = lines!("TRUE");

pub(super) const OWNED: &str = lines!("f.owner = :owner");

pub(super) const END: &str = "SELECT COALESCE(MAX(position), 0) FROM feed";

pub(super) const PRUNE: &str = "DELETE FROM feed WHERE position IN
    (SELECT position FROM feed WHERE at < :since ORDER BY at LIMIT :limit)";

/// The lines after a place.
pub(super) fn read(
    db: &Connection,
    owner: Option<&KeyId>,
    after: Option<&str>,
    limit: u32,
) -> Done<Vec<FeedLine>> {
    let place = |text: &str| text.parse::<i64>().ok().filter(|place| *place >= 0);
    let after = match after {
        None => 0,
        Some(text) => place(text)
            .ok_or_else(|| StoreError::NoSuchPlace { cursor: text.chars().take(64).collect() })?,
    };
    let lines: rusqlite::Result<Vec<FeedLine>> = match owner {
        None => db
            .prepare_cached(ALL)?
            .query_map(named_params! { ":after": after, ":limit": limit }, line)?
            .collect(),
        Some(owner) => {
            let of = named_params! { ":owner": owner.as_str(), ":after": after, ":limit": limit };
            db.prepare_cached(OWNED)?.query_map(of, line)?.collect()
        }
    };
    Ok(lines?)
}

/// The place after the last line.
pub(super) fn end(db: &Connection) -> Done<String> {
    let end: i64 = db.prepare_cached(END)?.query_row([], |row| row.get(0))?;
    Ok(end.to_string())
}

/// Drops lines that were written before a moment.
pub(super) fn prune(db: &Connection, since: Timestamp, limit: u32) -> Done<u64> {
    let gone = db
        .prepare_cached(PRUNE)?
        .execute(named_params! { ":since": Moment(since), ":limit": limit })?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

fn line(row: &Row<'_>) -> rusqlite::Result<FeedLine> {
    let Text::<VideoId>(id) = row.get("job_id")?;
    let Moment(at) = row.get("at")?;
    let Json(event) = row.get("event")?;
    Ok(FeedLine {
        cursor: row.get::<_, i64>("position")?.to_string(),
        owner: row.get::<_, Option<Text<KeyId>>>("owner")?.map(|Text(owner)| owner),
        id,
        line: Recorded { seq: row.get("seq")?, at, attempt: row.get("attempt")?, event },
    })
}
