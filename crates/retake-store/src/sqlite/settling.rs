//! Lost submits that no job waits for, and whose render is whose.

use jiff::Timestamp;
use retake_core::{fault::chain, ids::VideoId, life::Event};
use rusqlite::{Connection, named_params};

use super::{
    fault::{Done, Fail},
    rows, timeline,
    values::{Moment, Text},
};
use crate::{
    error::StoreError,
    record::{Finding, JobEvent, Near, RenderClaim, SubmitLease, Unsettled},
    transition::{account_place, may_be_anothers},
};

pub(super) use crate::transition::settlement_word as word;

pub(super) const ADD: &str = "INSERT INTO unsettled_submits (job_id, attempt, due_at)
    VALUES (:id, :attempt, :at) ON CONFLICT (job_id, attempt) DO NOTHING";

pub(super) const DUE: &str = "SELECT job_id, attempt FROM unsettled_submits
    WHERE due_at <= :now ORDER BY due_at, job_id, attempt LIMIT :limit";

pub(super) const TAKE: &str = "UPDATE unsettled_submits SET due_at = :until, epoch = epoch + 1
    WHERE job_id = :id AND attempt = :attempt RETURNING epoch";

pub(super) const HELD: &str = "SELECT 1 FROM unsettled_submits
    WHERE job_id = :id AND attempt = :attempt AND epoch = :epoch";

pub(super) const PUT_OFF: &str = "UPDATE unsettled_submits SET due_at = :again
    WHERE job_id = :id AND attempt = :attempt";

pub(super) const DONE: &str =
    "DELETE FROM unsettled_submits WHERE job_id = :id AND attempt = :attempt";

/// An attempt that its job has taken up again has no settlement, and is left alone. Of a deleted job no word is kept.
pub(super) const NOTE: &str = "UPDATE attempts SET settlement = COALESCE(:settlement, settlement),
        absent_since = COALESCE(absent_since, :absent_since),
        remote_id = COALESCE(:remote_id, remote_id),
        note = CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE id = :id AND deleted_at IS NULL)
                    THEN COALESCE(:note, note) ELSE note END
    WHERE job_id = :id AND number = :attempt AND settlement IS NOT NULL";

/// A job that has nothing under way and finds its render needs no slot for it.
pub(super) const WAKE: &str = "UPDATE jobs SET wants = NULL, due_at = MIN(due_at, :now)
    WHERE id = :id AND replica IS NULL AND open_attempt IS NULL AND due_at IS NOT NULL
        AND cancel_requested = 0 AND EXISTS (SELECT 1 FROM attempts
            WHERE job_id = :id AND number = :attempt AND settlement = 'found')";

/// The answer to a submit names nobody else's render: whoever had that name before had it from a server that counts
/// from the beginning again.
pub(super) const OWN: &str = "INSERT INTO renders (place, remote_id, job_id, attempt)
    VALUES (:place, :remote_id, :id, :attempt)
    ON CONFLICT (place, remote_id) DO UPDATE SET job_id = excluded.job_id, attempt = excluded.attempt";

pub(super) const OWN_FOUND: &str = "INSERT INTO renders (place, remote_id, job_id, attempt)
    SELECT :place, :remote_id, :id, :attempt
    WHERE NOT EXISTS (SELECT 1 FROM renders WHERE place = :account AND remote_id = :remote_id)
    ON CONFLICT (place, remote_id) DO UPDATE SET attempt = excluded.attempt
    WHERE job_id = excluded.job_id AND attempt = excluded.attempt";

/// Creates that are not answered yet.
pub(super) const UNANSWERED: &str = "SELECT j.id FROM jobs j JOIN attempts a
        ON a.job_id = j.id AND a.number = j.open_attempt AND a.state = 'intent'
    WHERE j.holds > '' AND j.id <> :id";

/// The renders of other attempts at a place that were begun within a time.
pub(super) const NEAR: &str = "SELECT r.remote_id FROM renders r JOIN attempts a
        ON a.job_id = r.job_id AND a.number = r.attempt
    WHERE r.place IN (:place, :account) AND a.begun_at BETWEEN :from AND :until
        AND NOT (r.job_id = :id AND r.attempt = :attempt)
    LIMIT :limit";

/// Records that a submit is unsettled; it is due at once.
pub(super) fn add(db: &Connection, id: &VideoId, attempt: u32, at: Timestamp) -> Done<()> {
    let added = named_params! { ":id": id.as_str(), ":attempt": attempt, ":at": Moment(at) };
    db.prepare_cached(ADD)?.execute(added)?;
    Ok(())
}

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
pub(super) fn near(db: &Connection, near: &Near) -> Done<Vec<String>> {
    let found = db
        .prepare_cached(NEAR)?
        .query_map(
            named_params! {
                ":place": near.place,
                ":account": account_place(&near.account),
                ":from": Moment(near.from()),
                ":until": Moment(near.until()),
                ":id": near.id.as_str(),
                ":attempt": near.attempt,
                ":limit": Near::MOST,
            },
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// Whether there is an unsettled submit to look after.
pub(super) fn any_due(db: &Connection, now: Timestamp) -> Done<bool> {
    Ok(db.prepare_cached(DUE)?.exists(named_params! { ":now": Moment(now), ":limit": 1 })?)
}

/// Takes the unsettled submits that are due.
pub(super) fn claim(
    db: &Connection,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Done<Vec<Unsettled>> {
    let due: Vec<(VideoId, u32)> = db
        .prepare_cached(DUE)?
        .query_map(named_params! { ":now": Moment(now), ":limit": limit }, |row| {
            Ok((row.get(0).map(|Text(id)| id)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut claimed = Vec::with_capacity(due.len());
    for (id, attempt) in due {
        let taken =
            named_params! { ":id": id.as_str(), ":attempt": attempt, ":until": Moment(until) };
        let epoch = db.prepare_cached(TAKE)?.query_row(taken, |row| row.get(0))?;
        let job = match rows::job(db, &id) {
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
pub(super) fn settle(
    db: &Connection,
    lease: &SubmitLease,
    finding: &Finding,
    now: Timestamp,
) -> Done<()> {
    let (id, attempt) = (lease.id.as_str(), lease.attempt);
    let held = named_params! { ":id": id, ":attempt": attempt, ":epoch": lease.epoch };
    if !db.prepare_cached(HELD)?.exists(held)? {
        return Err(lost(lease).into());
    }
    if let Some(render) = &finding.render {
        own(db, &lease.id, attempt, render)?;
    }
    db.prepare_cached(NOTE)?.execute(named_params! {
        ":id": id,
        ":attempt": attempt,
        ":settlement": finding.settlement.map(word),
        ":absent_since": finding.absent_since.map(Moment),
        ":remote_id": finding.render.as_ref().map(|render| &render.remote_id),
        ":note": finding.note,
    })?;
    match finding.again {
        Some(again) => db
            .prepare_cached(PUT_OFF)?
            .execute(named_params! { ":id": id, ":attempt": attempt, ":again": Moment(again) })?,
        None => {
            db.prepare_cached(DONE)?.execute(named_params! { ":id": id, ":attempt": attempt })?
        }
    };
    if let Some(settlement) = finding.settlement {
        let line = JobEvent::Life(Event::Settled { settlement });
        timeline::append(db, &lease.id, now, Some(attempt), &line)?;
    }
    db.prepare_cached(WAKE)?
        .execute(named_params! { ":id": id, ":attempt": attempt, ":now": Moment(now) })?;
    Ok(())
}

fn lost(lease: &SubmitLease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
