//! Lost submits that no job waits for, and whose render is whose.

use futures::try_join;
use jiff::Timestamp;
use retake_core::{fault::chain, ids::VideoId, life::Event};

use super::{
    fault::{Done, Fail},
    owner, rows,
    session::Session,
    timeline,
    values::{self, Moment, json, number, text},
};
use crate::{
    error::StoreError,
    record::{Finding, JobEvent, Near, RenderClaim, SubmitLease, Unsettled},
    transition::{account_place, may_be_anothers, settlement_word},
};

pub(super) const ADD: &str = "INSERT INTO unsettled_submits (job_id, attempt, due_at)
    VALUES ($1, $2, $3) ON CONFLICT (job_id, attempt) DO NOTHING";

pub(super) const TAKE: &str = "WITH due AS MATERIALIZED (
        SELECT job_id, attempt FROM unsettled_submits WHERE due_at <= $1
        ORDER BY due_at, job_id, attempt LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE unsettled_submits u SET due_at = $3, epoch = u.epoch + 1
    FROM due WHERE u.job_id = due.job_id AND u.attempt = due.attempt
    RETURNING u.job_id, u.attempt, u.epoch";

pub(super) const HELD: &str = "SELECT 1 FROM unsettled_submits
    WHERE job_id = $1 AND attempt = $2 AND epoch = $3 FOR NO KEY UPDATE";

/// Puts the next look off, or ends the looking.
pub(super) const PUT_OFF: &str =
    "UPDATE unsettled_submits SET due_at = $3 WHERE job_id = $1 AND attempt = $2";

pub(super) const DONE: &str = "DELETE FROM unsettled_submits WHERE job_id = $1 AND attempt = $2";

/// An attempt that its job has taken up again has no settlement, and is left alone. Of a deleted job no word is kept.
pub(super) const NOTE: &str = "UPDATE attempts SET settlement = COALESCE($3, settlement),
        absent_since = COALESCE(absent_since, $4), remote_id = COALESCE($5, remote_id),
        note = CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND deleted_at IS NULL)
                    THEN COALESCE($6, note) ELSE note END
    WHERE job_id = $1 AND number = $2 AND settlement IS NOT NULL";

/// A job that has nothing under way and finds its render needs no slot for it.
pub(super) const WAKE: &str = "UPDATE jobs SET wants = NULL, due_at = LEAST(due_at, $2)
    WHERE id = $1 AND replica IS NULL AND open_attempt IS NULL AND due_at IS NOT NULL
        AND NOT cancel_requested AND EXISTS (SELECT 1 FROM attempts
            WHERE job_id = $1 AND number = $3 AND settlement = 'found')";

/// The answer to a submit names nobody else's render: whoever had that name before had it from a server that counts
/// from the beginning again.
pub(super) const OWN: &str = "INSERT INTO renders (place, remote_id, job_id, attempt)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (place, remote_id) DO UPDATE SET job_id = excluded.job_id, attempt = excluded.attempt";

pub(super) const OWN_FOUND: &str = "INSERT INTO renders AS r (place, remote_id, job_id, attempt)
    SELECT $1, $2, $3, $4
    WHERE NOT EXISTS (SELECT 1 FROM renders WHERE place = $5 AND remote_id = $2)
    ON CONFLICT (place, remote_id) DO UPDATE SET attempt = excluded.attempt
    WHERE r.job_id = excluded.job_id AND r.attempt = excluded.attempt";

/// Creates that are not answered yet.
pub(super) const UNANSWERED: &str = "SELECT j.id FROM jobs j JOIN attempts a
        ON a.job_id = j.id AND a.number = j.open_attempt AND a.state = 'intent'
    WHERE j.holds > '' AND j.id <> $1";

/// The renders of other attempts at a place that were begun within a time.
pub(super) const NEAR: &str = "SELECT r.remote_id FROM renders r JOIN attempts a
        ON a.job_id = r.job_id AND a.number = r.attempt
    WHERE r.place IN ($1, $2) AND a.begun_at BETWEEN $3 AND $4
        AND NOT (r.job_id = $5 AND r.attempt = $6)
    LIMIT $7";

/// Which renders near a lost submit are other attempts'.
pub(super) async fn near(db: &Session, near: &Near) -> Done<Vec<String>> {
    let [statement] = db.prepare([NEAR]).await?;
    let account = account_place(&near.account);
    let (from, until) = (Moment(near.from()), Moment(near.until()));
    let (id, attempt) = (near.id.as_str(), i64::from(near.attempt));
    let (place, most) = (&near.place, i64::from(Near::MOST));
    let rows = db.query(&statement, [place, &account, &from, &until, &id, &attempt, &most]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
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

/// Takes the unsettled submits that are due.
pub(super) async fn claim(
    db: &Session,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Done<Vec<Unsettled>> {
    let [take] = db.prepare([TAKE]).await?;
    let taken = db.query(&take, [&Moment(now), &i64::from(limit), &Moment(until)]).await?;
    let mut claimed = Vec::with_capacity(taken.len());
    for row in &taken {
        let unreadable = |source| StoreError::Unreadable { id: row.get("job_id"), source };
        let id: VideoId = values::parsed(row, "job_id").map_err(unreadable)?;
        let attempt = values::count(row, "attempt").map_err(unreadable)?;
        let epoch = values::count(row, "epoch").map_err(unreadable)?;
        let job = match rows::job(db, &id).await {
            Err(Fail::Refused(error @ StoreError::Unreadable { .. })) => {
                tracing::error!(job.id = %id, error = chain(&error), "a lost submit is set aside");
                continue;
            }
            job => job?,
        };
        claimed.push(Unsettled { lease: SubmitLease { id, attempt, epoch }, job });
    }
    Ok(claimed)
}

/// Records what was found out, if nobody else looks after the submit by now.
pub(super) async fn settle(
    db: &Session,
    lease: &SubmitLease,
    finding: &Finding,
    now: Timestamp,
) -> Done<()> {
    let (id, attempt, epoch) = (lease.id.as_str(), i64::from(lease.attempt), number(lease.epoch));
    let [lock, held, last] = db.prepare([owner::LOCK, HELD, timeline::LAST]).await?;
    let ((), _, held, last) = try_join!(
        db.begin(),
        db.query_opt(&lock, [&id]),
        db.query_opt(&held, [&id, &attempt, &epoch]),
        db.query_opt(&last, [&id]),
    )?;
    if held.is_none() {
        db.roll_back().await;
        // An earlier try of this very work may have ended the looking.
        return if db.may_be_done() { Ok(()) } else { Err(lost(lease).into()) };
    }
    if let Some(render) = &finding.render
        && let Err(refused) = own(db, id, lease.attempt, render).await
    {
        db.roll_back().await;
        return Err(refused);
    }
    note(db, lease, finding).await?;
    if let Some(settlement) = finding.settlement {
        let event = json(&JobEvent::Life(Event::Settled { settlement }))?;
        let (seq, now) = (timeline::next_seq(last.as_ref()), Moment(now));
        let [append] = db.prepare([timeline::APPEND]).await?;
        db.execute(&append, [&id, &seq, &now, &Some(attempt), &event]).await?;
    }
    let [wake] = db.prepare([WAKE]).await?;
    db.execute(&wake, [&id, &Moment(now), &attempt]).await?;
    db.commit().await
}

async fn note(db: &Session, lease: &SubmitLease, finding: &Finding) -> Done<()> {
    let (id, attempt) = (lease.id.as_str(), i64::from(lease.attempt));
    let [note, put_off, done] = db.prepare([NOTE, PUT_OFF, DONE]).await?;
    let remote_id = finding.render.as_ref().map(|render| text(&render.remote_id));
    db.execute(
        &note,
        [
            &id,
            &attempt,
            &finding.settlement.map(settlement_word),
            &finding.absent_since.map(Moment),
            &remote_id,
            &finding.note.as_deref().map(text),
        ],
    )
    .await?;
    match finding.again {
        Some(again) => db.execute(&put_off, [&id, &attempt, &Moment(again)]).await?,
        None => db.execute(&done, [&id, &attempt]).await?,
    };
    Ok(())
}

fn lost(lease: &SubmitLease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
