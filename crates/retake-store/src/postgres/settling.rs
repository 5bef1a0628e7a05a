//! Lost submits that no job waits for.

use futures::try_join;
use jiff::Timestamp;
use retake_core::{fault::chain, ids::VideoId};

use super::{
    fault::{Done, Fail},
    owner, renders, rows,
    session::Session,
    timeline,
    values::{self, Moment, json, number, text},
    waits,
};
use crate::{
    error::StoreError,
    record::{Finding, JobEvent, SubmitLease, Unsettled},
    transition::settlement_word,
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
        charged_micros = COALESCE($7, charged_micros),
        note = CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND deleted_at IS NULL)
                    THEN COALESCE($6, note) ELSE note END
    WHERE job_id = $1 AND number = $2 AND settlement IS NOT NULL";

/// A job that has nothing under way and finds its render needs no slot for it.
pub(super) const WAKE: &str = "UPDATE jobs SET waits = NULL, due_at = LEAST(due_at, $2)
    WHERE id = $1 AND replica IS NULL AND open_attempt IS NULL AND due_at IS NOT NULL
        AND NOT cancel_requested AND EXISTS (SELECT 1 FROM attempts
            WHERE job_id = $1 AND number = $3 AND settlement = 'found')";

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
        && let Err(refused) = renders::own(db, id, lease.attempt, render).await
    {
        db.roll_back().await;
        return Err(refused);
    }
    note(db, lease, finding).await?;
    for (seq, event) in (timeline::next_seq(last.as_ref())..).zip(finding.events()) {
        let event = json(&JobEvent::Job(event))?;
        let [append] = db.prepare([timeline::APPEND]).await?;
        db.execute(&append, [&id, &seq, &Moment(now), &Some(attempt), &event]).await?;
    }
    let [wake] = db.prepare([WAKE]).await?;
    if db.execute(&wake, [&id, &Moment(now), &attempt]).await? > 0 {
        waits::leave(db, id).await?;
    }
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
            &finding.charged.map(|amount| number(amount.micros())),
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
