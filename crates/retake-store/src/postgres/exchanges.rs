//! What was said with providers: kept with the change that followed from it, and read in order.
//!
//! Whoever adds some has locked the row of the job, so the place of the last one stays the last.

use retake_core::{evidence::Exchange, ids::VideoId};
use tokio_postgres::Row;

use super::{
    fault::Done,
    session::Session,
    values::{self, Moment, Read, json, number, unjson},
};
use crate::{
    error::StoreError,
    evidence::{self, Kept},
    record::{Change, KeptExchange},
};

/// The place of the last one of an attempt.
pub(super) const LAST: &str =
    "SELECT seq FROM exchanges WHERE job_id = $1 AND attempt = $2 ORDER BY seq DESC LIMIT 1";

pub(super) const KEEP: &str = "INSERT INTO exchanges (job_id, attempt, seq, at, exchange)
    SELECT $1, $2, said.seq, said.at, said.exchange
    FROM unnest($3::bigint[], $4::timestamptz[], $5::text[]) AS said (seq, at, exchange)";

pub(super) const DROP: &str =
    "DELETE FROM exchanges WHERE job_id = $1 AND attempt = $2 AND seq > $3 AND seq <= $4";

pub(super) const READ: &str =
    "SELECT attempt, exchange FROM exchanges WHERE job_id = $1 ORDER BY attempt, seq";

pub(super) const ERASE: &str = "DELETE FROM exchanges WHERE job_id = $1";

/// The exchanges of one change, about to be kept.
pub(super) struct Said<'a> {
    id: &'a str,
    exchanges: &'a [Exchange],
    /// Their attempt; nothing when there is nothing to keep.
    attempt: Option<i64>,
    last: u64,
}

impl<'a> Said<'a> {
    /// Makes the statements ready, if they are going to be needed.
    pub(super) async fn prepare(db: &Session, change: &Change) -> Done<()> {
        if evidence::attempt_of(change).is_some() {
            db.prepare([LAST, KEEP, DROP]).await?;
        }
        Ok(())
    }

    /// Looks where they go.
    pub(super) async fn of(db: &Session, id: &'a VideoId, change: &'a Change) -> Done<Self> {
        let attempt = evidence::attempt_of(change).map(i64::from);
        let mut said = Self { id: id.as_str(), exchanges: &change.exchanges, attempt, last: 0 };
        let Some(attempt) = attempt else { return Ok(said) };
        let [last] = db.prepare([LAST]).await?;
        let last = db.query_opt(&last, [&said.id, &attempt]).await?;
        let place = last.map_or(Ok(0), |row| values::count(&row, "seq"));
        said.last = place.map_err(|source| unreadable(id, source))?;
        Ok(said)
    }

    /// Adds them to their attempt, and drops what lies between its first and its newest ones.
    pub(super) async fn keep(&self, db: &Session) -> Done<()> {
        let Some(attempt) = self.attempt else { return Ok(()) };
        let [keep, drop] = db.prepare([KEEP, DROP]).await?;
        let kept = Kept::after(self.last, self.exchanges);
        let places: Vec<i64> = kept.lines.iter().map(|(place, _)| number(*place)).collect();
        let moments: Vec<Moment> = kept.lines.iter().map(|(_, one)| Moment(one.at)).collect();
        let texts: Vec<String> =
            kept.lines.iter().map(|(_, one)| json(one)).collect::<Result<_, _>>()?;
        let first = number(evidence::FIRST);
        let to = kept.dropped_to.map(number);
        futures::try_join!(
            db.execute(&keep, [&self.id, &attempt, &places, &moments, &texts]),
            async {
                match to {
                    Some(to) => db.execute(&drop, [&self.id, &attempt, &first, &to]).await,
                    None => Ok(0),
                }
            },
        )?;
        Ok(())
    }
}

/// All that are kept of a job, oldest first.
pub(super) async fn read(db: &Session, id: &VideoId) -> Done<Vec<KeptExchange>> {
    let [read] = db.prepare([READ]).await?;
    let rows = db.query(&read, [&id.as_str()]).await?;
    let kept: Read<_> = rows.iter().map(kept_of).collect();
    Ok(kept.map_err(|source| unreadable(id, source))?)
}

fn kept_of(row: &Row) -> Read<KeptExchange> {
    Ok(KeptExchange {
        attempt: values::count(row, "attempt")?,
        exchange: unjson(values::plain(row, "exchange")?)?,
    })
}

fn unreadable(id: &VideoId, source: crate::error::Cause) -> StoreError {
    StoreError::Unreadable { id: id.to_string(), source }
}
