//! Which attempt owns a render.

use futures::try_join;
use retake_core::ids::VideoId;
use tokio_postgres::Row;

use super::{
    fault::{Done, Fail},
    rows,
    session::Session,
    values::{Moment, text},
};
use crate::{
    error::StoreError,
    renders::{RenderClaim, RenderWindow},
    transition::{account_place, may_be_anothers},
};

/// The answer to a submit names nobody else's render: whoever had that name before had it from a server that counts
/// from the beginning again.
pub(super) const OWN: &str = "INSERT INTO renders (place, remote_id, job_id, attempt, begun_at)
    VALUES ($1, $2, $3, $4, (SELECT begun_at FROM attempts WHERE job_id = $3 AND number = $4))
    ON CONFLICT (place, remote_id) DO UPDATE SET job_id = excluded.job_id, attempt = excluded.attempt,
        begun_at = excluded.begun_at";

pub(super) const OWN_FOUND: &str =
    "INSERT INTO renders AS r (place, remote_id, job_id, attempt, begun_at)
    SELECT $1, $2, $3, $4, (SELECT begun_at FROM attempts WHERE job_id = $3 AND number = $4)
    WHERE NOT EXISTS (SELECT 1 FROM renders WHERE place = $5 AND remote_id = $2)
    ON CONFLICT (place, remote_id) DO UPDATE SET attempt = excluded.attempt
    WHERE r.job_id = excluded.job_id AND r.attempt = excluded.attempt";

/// Creates that are not answered yet: of the jobs that hold a slot, and not of all attempts.
pub(super) const UNANSWERED: &str =
    "SELECT j.id FROM jobs j WHERE j.slot_account > '' AND j.id <> $1
    AND (SELECT state FROM attempts WHERE job_id = j.id AND number = j.open_attempt) = 'intent'";

/// The renders of other attempts at a place that were begun before a moment, or at it, the nearest first.
pub(super) const BEFORE: &str = "SELECT begun_at, remote_id FROM renders
    WHERE place = $1 AND begun_at BETWEEN $2 AND $3 AND NOT (job_id = $4 AND attempt = $5)
    ORDER BY begun_at DESC LIMIT $6";

/// Those that were begun after it.
pub(super) const AFTER: &str = "SELECT begun_at, remote_id FROM renders
    WHERE place = $1 AND begun_at > $2 AND begun_at <= $3 AND NOT (job_id = $4 AND attempt = $5)
    ORDER BY begun_at LIMIT $6";

/// Leaps from one place to the next, however many renders there are.
pub(super) const PLACES: &str = "WITH RECURSIVE known (place) AS (
        SELECT MIN(place) FROM renders WHERE place > ''
        UNION ALL
        SELECT (SELECT MIN(place) FROM renders WHERE place > known.place)
        FROM known WHERE known.place IS NOT NULL
    )
    SELECT place FROM known WHERE place IS NOT NULL";

/// Two replicas that move the same renders do so one after the other.
const ALONE: &str = "LOCK TABLE renders IN SHARE ROW EXCLUSIVE MODE";

/// What is at the other place already stays as it is.
pub(super) const MOVE: &str = "WITH moved AS (
        DELETE FROM renders WHERE place = $1 AND remote_id = ANY (ARRAY(
            SELECT remote_id FROM renders WHERE place = $1 ORDER BY remote_id LIMIT $3))
        RETURNING remote_id, job_id, attempt, begun_at
    ), kept AS (
        INSERT INTO renders (place, remote_id, job_id, attempt, begun_at)
        SELECT $2, remote_id, job_id, attempt, begun_at FROM moved
        ON CONFLICT (place, remote_id) DO NOTHING
    )
    SELECT COUNT(*) FROM moved";

/// Which renders near a lost submit are other attempts'.
pub(super) async fn known(db: &Session, window: &RenderWindow) -> Done<Vec<String>> {
    let [before, after] = db.prepare([BEFORE, AFTER]).await?;
    let (from, at, until) =
        (Moment(window.from()), Moment(window.begun_at), Moment(window.until()));
    let (id, attempt, most) =
        (window.id.as_str(), i64::from(window.attempt), i64::from(RenderWindow::MOST));
    let mut found = Vec::new();
    for place in &window.places() {
        let (before, after) = try_join!(
            db.query(&before, [place, &from, &at, &id, &attempt, &most]),
            db.query(&after, [place, &at, &until, &id, &attempt, &most]),
        )?;
        let read = |row: &Row| (row.get::<_, Moment>(0).0, row.get(1));
        found.extend(before.iter().chain(&after).map(read));
    }
    Ok(window.nearest(found))
}

/// The places that have renders.
pub(super) async fn places(db: &Session) -> Done<Vec<String>> {
    let [places] = db.prepare([PLACES]).await?;
    Ok(db.query(&places, []).await?.iter().map(|row| row.get("place")).collect())
}

/// Moves so many renders from one place to another.
pub(super) async fn rename(db: &Session, from: &str, to: &str, limit: u32) -> Done<u64> {
    let [rename] = db.prepare([MOVE]).await?;
    let limit = i64::from(limit);
    let ((), (), moved, ()) = try_join!(
        db.begin(),
        db.batch_execute(ALONE),
        db.query_one(&rename, [&from, &to, &limit]),
        db.commit(),
    )?;
    Ok(u64::try_from(moved.get::<_, i64>(0)).unwrap_or(0))
}

/// Records that a render belongs to an attempt. One that was found may be another's.
pub(super) async fn own(db: &Session, id: &str, attempt: u32, render: &RenderClaim) -> Done<()> {
    let (remote_id, number) = (text(&render.remote_id), i64::from(attempt));
    if !render.found {
        let [own] = db.prepare([OWN]).await?;
        db.execute(&own, [&render.place, &remote_id, &id, &number]).await?;
        return Ok(());
    }
    leave_to_the_unanswered(db, id, attempt, render).await?;
    let [own] = db.prepare([OWN_FOUND]).await?;
    let account = account_place(&render.account);
    let owned = db.execute(&own, [&render.place, &remote_id, &id, &number, &account]).await?;
    if owned == 0 {
        return Err(StoreError::RenderTaken { remote_id: render.remote_id.clone() }.into());
    }
    Ok(())
}

/// Refuses a render that may be that of a create which is not answered yet: the answer will name it. This is looked at
/// before the render is taken, so that an answer which comes in between is met there.
async fn leave_to_the_unanswered(
    db: &Session,
    id: &str,
    attempt: u32,
    render: &RenderClaim,
) -> Done<()> {
    let [unanswered] = db.prepare([UNANSWERED]).await?;
    let others = db.query(&unanswered, [&id]).await?;
    let Ok(id) = id.parse::<VideoId>() else { return Ok(()) };
    let job = if others.is_empty() { None } else { rows::job(db, &id).await? };
    let Some(job) = job else { return Ok(()) };
    for row in &others {
        let Ok(other) = row.get::<_, &str>(0).parse::<VideoId>() else { continue };
        match rows::job(db, &other).await {
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
