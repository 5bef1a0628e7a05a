//! The feed: the events of all jobs in the order in which they were committed.
//!
//! Transactions run side by side, so a line that is written later may be there sooner. A place that was
//! handed out must have nothing before it that comes later, or its reader would miss that. So lines get
//! their positions when the feed is read, one reader at a time: what is there by then comes after all that
//! has a position already.

use futures::try_join;
use jiff::Timestamp;
use retake_core::ids::KeyId;
use tokio_postgres::Row;

use super::{
    fault::Done,
    session::Session,
    values::{self, Moment, Read},
};
use crate::{
    error::StoreError,
    record::{FeedLine, Recorded},
};

macro_rules! lines {
    ($which:literal) => {
        concat!(
            "SELECT f.position, f.owner, f.job_id, e.seq, e.at, e.attempt, e.event
             FROM (SELECT * FROM feed WHERE position > $1 AND ",
            $which,
            " ORDER BY position LIMIT $2) f
             JOIN events e ON e.job_id = f.job_id AND e.seq = f.seq ORDER BY f.position"
        )
    };
}

pub(super) const ALL: &str = lines!("TRUE");

pub(super) const OWNED: &str = lines!("owner = $3");

pub(super) const UNPLACED: &str = "SELECT 1 FROM feed WHERE position IS NULL LIMIT 1";

pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended(
    'retake feed ' || current_schema(), 0))";

/// In the order of writing, which is the order of a job's own events.
pub(super) const PLACE: &str = "UPDATE feed f SET position = next.position FROM (
        SELECT entry, nextval('feed_positions') AS position FROM (
            SELECT entry FROM feed WHERE position IS NULL ORDER BY entry LIMIT $1
        ) AS unplaced
    ) AS next WHERE f.entry = next.entry";

pub(super) const END: &str =
    "SELECT COALESCE((SELECT MAX(position) FROM feed WHERE position IS NOT NULL), 0)";

pub(super) const PRUNE: &str = "DELETE FROM feed WHERE entry = ANY (ARRAY(
    SELECT entry FROM feed WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// How many lines get their places in one transaction.
const PORTION: u32 = 10_000;

/// The lines after a place.
pub(super) async fn read(
    db: &Session,
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
    place_all(db).await?;
    let [all, owned] = db.prepare([ALL, OWNED]).await?;
    let limit = i64::from(limit);
    let rows = match owner {
        None => db.query(&all, [&after, &limit]).await?,
        Some(owner) => db.query(&owned, [&after, &limit, &owner.as_str()]).await?,
    };
    let lines: Result<_, StoreError> = rows.iter().map(line_of).collect();
    Ok(lines?)
}

/// The place after the last line.
pub(super) async fn end(db: &Session) -> Done<String> {
    place_all(db).await?;
    let [end] = db.prepare([END]).await?;
    Ok(db.query_one(&end, []).await?.get::<_, i64>(0).to_string())
}

/// Gives a position to every line that has none.
async fn place_all(db: &Session) -> Done<()> {
    let [unplaced, alone, place] = db.prepare([UNPLACED, ALONE, PLACE]).await?;
    let portion = i64::from(PORTION);
    while db.query_opt(&unplaced, []).await?.is_some() {
        try_join!(
            db.begin(),
            db.query_one(&alone, []),
            db.execute(&place, [&portion]),
            db.commit(),
        )?;
    }
    Ok(())
}

/// Drops lines that were written before a moment.
pub(super) async fn prune(db: &Session, since: Timestamp, limit: u32) -> Done<u64> {
    let [prune] = db.prepare([PRUNE]).await?;
    db.execute(&prune, [&Moment(since), &i64::from(limit)]).await
}

fn line_of(row: &Row) -> Result<FeedLine, StoreError> {
    read_line(row).map_err(|source| {
        let id = row.try_get("job_id").unwrap_or_default();
        StoreError::Unreadable { id, source }
    })
}

fn read_line(row: &Row) -> Read<FeedLine> {
    let Moment(at) = values::plain(row, "at")?;
    let attempt: Option<i64> = values::plain(row, "attempt")?;
    Ok(FeedLine {
        cursor: values::plain::<i64>(row, "position")?.to_string(),
        owner: values::parsed_option(row, "owner")?,
        id: values::parsed(row, "job_id")?,
        line: Recorded {
            seq: values::count(row, "seq")?,
            at,
            attempt: attempt.and_then(|number| u32::try_from(number).ok()),
            event: values::unjson(values::plain(row, "event")?)?,
        },
    })
}
