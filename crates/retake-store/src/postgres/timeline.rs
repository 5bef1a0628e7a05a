//! The timeline of a job: written once, line by line, and read in order.
//!
//! Whoever adds a line has locked the row of the job, so the number of the last line stays the last.

use retake_core::ids::VideoId;
use tokio_postgres::Row;

use super::{
    fault::Done,
    session::Session,
    values::{self, Moment, Read, json, number, unjson},
};
use crate::{
    error::StoreError,
    record::{JobEvent, Recorded},
    transition,
};

/// The number of the last line.
pub(super) const LAST: &str = "SELECT seq FROM events WHERE job_id = $1 ORDER BY seq DESC LIMIT 1";

/// A line of the timeline, and one of the feed.
pub(super) const APPEND: &str = "WITH line AS (
        INSERT INTO events (job_id, seq, at, attempt, event) VALUES ($1, $2, $3, $4, $5)
    )
    INSERT INTO feed (owner, job_id, seq, at) SELECT owner, id, $2, $3 FROM jobs WHERE id = $1";

/// One line, if it is still what it was to be.
pub(super) const THIS: &str =
    "SELECT 1 FROM events WHERE job_id = $1 AND seq = $2 AND at = $3 AND event = $4";

pub(super) const READ: &str = "SELECT seq, at, attempt, event FROM events
    WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

pub(super) const LINES: &str = "SELECT seq, event FROM events WHERE job_id = $1";

pub(super) const ERASE: &str = "UPDATE events SET event = $3 WHERE job_id = $1 AND seq = $2";

/// Takes the words out of a job's lines; what happened when stays.
pub(super) async fn erase(db: &Session, id: &VideoId) -> Done<()> {
    let [lines, erase] = db.prepare([LINES, ERASE]).await?;
    let key = id.as_str();
    for row in db.query(&lines, [&key]).await? {
        let seq: i64 = row.get("seq");
        let event: JobEvent = values::plain(&row, "event")
            .and_then(unjson)
            .map_err(|source| StoreError::Unreadable { id: id.to_string(), source })?;
        if let Some(erased) = transition::erased(&event) {
            db.execute(&erase, [&key, &seq, &json(&erased)?]).await?;
        }
    }
    Ok(())
}

/// The number of the next line, given what [`LAST`] found.
pub(super) fn next_seq(last: Option<&Row>) -> i64 {
    last.map_or(1, |row| row.get::<_, i64>("seq") + 1)
}

/// The lines after a place.
pub(super) async fn read(
    db: &Session,
    id: &VideoId,
    after: u64,
    limit: u32,
) -> Done<Vec<Recorded>> {
    let [read] = db.prepare([READ]).await?;
    let rows = db.query(&read, [&id.as_str(), &number(after), &i64::from(limit)]).await?;
    let lines: Read<_> = rows.iter().map(line).collect();
    Ok(lines.map_err(|source| StoreError::Unreadable { id: id.to_string(), source })?)
}

fn line(row: &Row) -> Read<Recorded> {
    let Moment(at) = values::plain(row, "at")?;
    let attempt: Option<i64> = values::plain(row, "attempt")?;
    Ok(Recorded {
        seq: values::count(row, "seq")?,
        at,
        attempt: attempt.and_then(|number| u32::try_from(number).ok()),
        event: unjson(values::plain(row, "event")?)?,
    })
}
