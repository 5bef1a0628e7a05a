//! Which attempt owns a render.

use retake_core::ids::VideoId;
use rusqlite::{Connection, Row, named_params};

use super::{
    fault::{Done, Fail},
    rows,
    values::{Moment, Text},
};
use crate::{
    error::StoreError,
    renders::{RenderClaim, RenderWindow},
    transition::{account_place, may_be_anothers},
};

/// The answer to a submit names nobody else's render: whoever had that name before had it from a server that counts
/// from the beginning again.
pub(super) const OWN: &str = "INSERT INTO renders (place, remote_id, job_id, attempt, begun_at)
    VALUES (:place, :remote_id, :id, :attempt,
        (SELECT begun_at FROM attempts WHERE job_id = :id AND number = :attempt))
    ON CONFLICT (place, remote_id) DO UPDATE SET job_id = excluded.job_id, attempt = excluded.attempt,
        begun_at = excluded.begun_at";

pub(super) const OWN_FOUND: &str =
    "INSERT INTO renders (place, remote_id, job_id, attempt, begun_at)
    SELECT :place, :remote_id, :id, :attempt,
        (SELECT begun_at FROM attempts WHERE job_id = :id AND number = :attempt)
    WHERE NOT EXISTS (SELECT 1 FROM renders WHERE place = :account AND remote_id = :remote_id)
    ON CONFLICT (place, remote_id) DO UPDATE SET attempt = excluded.attempt
    WHERE job_id = excluded.job_id AND attempt = excluded.attempt";

/// Creates that are not answered yet.
pub(super) const UNANSWERED: &str = "SELECT j.id FROM jobs j JOIN attempts a
        ON a.job_id = j.id AND a.number = j.open_attempt AND a.state = 'intent'
    WHERE j.slot_account > '' AND j.id <> :id";

/// The renders of other attempts at a place that were begun before a moment, or at it, the nearest first.
pub(super) const BEFORE: &str = "SELECT begun_at, remote_id FROM renders
    WHERE place = :place AND begun_at BETWEEN :from AND :at AND NOT (job_id = :id AND attempt = :attempt)
    ORDER BY begun_at DESC LIMIT :limit";

/// Those that were begun after it.
pub(super) const AFTER: &str = "SELECT begun_at, remote_id FROM renders
    WHERE place = :place AND begun_at > :at AND begun_at <= :until AND NOT (job_id = :id AND attempt = :attempt)
    ORDER BY begun_at LIMIT :limit";

pub(super) const NEXT_PLACE: &str = "SELECT MIN(place) FROM renders WHERE place > :place";

/// What is at the other place already stays as it is.
pub(super) const COPY: &str = "INSERT INTO renders (place, remote_id, job_id, attempt, begun_at)
    SELECT :to, remote_id, job_id, attempt, begun_at FROM renders
    WHERE place = :from ORDER BY remote_id LIMIT :limit
    ON CONFLICT (place, remote_id) DO NOTHING";

pub(super) const DROP: &str = "DELETE FROM renders WHERE place = :from AND remote_id IN
    (SELECT remote_id FROM renders WHERE place = :from ORDER BY remote_id LIMIT :limit)";

/// Records that a render belongs to an attempt. One that was found may be another's.
pub(super) fn own(db: &Connection, id: &VideoId, attempt: u32, render: &RenderClaim) -> Done<()> {
    let account = account_place(&render.account);
    let owned = if render.found {
        leave_to_the_unanswered(db, id, attempt, render)?;
        db.prepare_cached(OWN_FOUND)?.execute(named_params! {
            ":place": render.place,
            ":remote_id": render.remote_id,
            ":id": id.as_str(),
            ":attempt": attempt,
            ":account": account,
        })?
    } else {
        db.prepare_cached(OWN)?.execute(named_params! {
            ":place": render.place,
            ":remote_id": render.remote_id,
            ":id": id.as_str(),
            ":attempt": attempt,
        })?
    };
    if owned == 0 {
        return Err(StoreError::RenderTaken { remote_id: render.remote_id.clone() }.into());
    }
    Ok(())
}

/// Refuses a render that may be that of a create which is not answered yet: the answer will name it.
fn leave_to_the_unanswered(
    db: &Connection,
    id: &VideoId,
    attempt: u32,
    render: &RenderClaim,
) -> Done<()> {
    let Some(job) = rows::job(db, id)? else { return Ok(()) };
    let unanswered: Vec<VideoId> = db
        .prepare_cached(UNANSWERED)?
        .query_map(named_params! { ":id": id.as_str() }, |row| row.get(0).map(|Text(id)| id))?
        .collect::<Result<_, _>>()?;
    for other in unanswered {
        match rows::job(db, &other) {
            Ok(Some(theirs)) if may_be_anothers(&job, attempt, &theirs) => {
                let remote_id = render.remote_id.clone();
                return Err(StoreError::RenderInDoubt { remote_id, other }.into());
            }
            Ok(_) | Err(Fail::Refused(StoreError::Unreadable { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Which renders near a lost submit are other attempts'.
pub(super) fn known(db: &Connection, window: &RenderWindow) -> Done<Vec<String>> {
    let mut found = Vec::new();
    let (from, at, until) =
        (Moment(window.from()), Moment(window.begun_at), Moment(window.until()));
    let read = |row: &Row<'_>| Ok((row.get::<_, Moment>(0)?.0, row.get(1)?));
    for place in window.places() {
        let mut before = db.prepare_cached(BEFORE)?;
        let of = named_params! {
            ":place": place, ":from": from, ":at": at, ":id": window.id.as_str(),
            ":attempt": window.attempt, ":limit": RenderWindow::MOST,
        };
        for render in before.query_map(of, read)? {
            found.push(render?);
        }
        let mut after = db.prepare_cached(AFTER)?;
        let of = named_params! {
            ":place": place, ":until": until, ":at": at, ":id": window.id.as_str(),
            ":attempt": window.attempt, ":limit": RenderWindow::MOST,
        };
        for render in after.query_map(of, read)? {
            found.push(render?);
        }
    }
    Ok(window.nearest(found))
}

/// The places that have renders. Leaps from one to the next, however many renders there are.
pub(super) fn places(db: &Connection) -> Done<Vec<String>> {
    let mut query = db.prepare_cached(NEXT_PLACE)?;
    let mut places: Vec<String> = Vec::new();
    loop {
        let last = places.last().map_or("", String::as_str);
        let next: Option<String> =
            query.query_row(named_params! { ":place": last }, |row| row.get(0))?;
        let Some(place) = next else { return Ok(places) };
        places.push(place);
    }
}

/// Moves so many renders from one place to another.
pub(super) fn rename(db: &Connection, from: &str, to: &str, limit: u32) -> Done<u64> {
    let copied = named_params! { ":from": from, ":to": to, ":limit": limit };
    db.prepare_cached(COPY)?.execute(copied)?;
    let dropped = named_params! { ":from": from, ":limit": limit };
    let moved = db.prepare_cached(DROP)?.execute(dropped)?;
    Ok(u64::try_from(moved).unwrap_or(u64::MAX))
}
