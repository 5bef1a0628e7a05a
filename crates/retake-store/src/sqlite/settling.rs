//! Lost submits that no job waits for.

use jiff::Timestamp;
use retake_core::{fault::chain, ids::VideoId, money::Usd};
use rusqlite::{Connection, named_params};

use super::{
    fault::{Done, Fail},
    renders, rows, timeline,
    values::{Moment, Text},
    waits,
};
use crate::{
    error::StoreError,
    record::{Finding, JobEvent, SubmitLease, Unsettled},
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
        charged_micros = COALESCE(:charged, charged_micros),
        note = CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE id = :id AND deleted_at IS NULL)
                    THEN COALESCE(:note, note) ELSE note END
    WHERE job_id = :id AND number = :attempt AND settlement IS NOT NULL";

/// A job that has nothing under way and finds its render needs no slot for it.
pub(super) const WAKE: &str = "UPDATE jobs SET waits = NULL, due_at = MIN(due_at, :now)
    WHERE id = :id AND replica IS NULL AND open_attempt IS NULL AND due_at IS NOT NULL
        AND cancel_requested = 0 AND EXISTS (SELECT 1 FROM attempts
            WHERE job_id = :id AND number = :attempt AND settlement = 'found')";

/// Records that a submit is unsettled; it is due at once.
pub(super) fn add(db: &Connection, id: &VideoId, attempt: u32, at: Timestamp) -> Done<()> {
    let added = named_params! { ":id": id.as_str(), ":attempt": attempt, ":at": Moment(at) };
    db.prepare_cached(ADD)?.execute(added)?;
    Ok(())
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
        renders::own(db, &lease.id, attempt, render)?;
    }
    db.prepare_cached(NOTE)?.execute(named_params! {
        ":id": id,
        ":attempt": attempt,
        ":settlement": finding.settlement.map(word),
        ":absent_since": finding.absent_since.map(Moment),
        ":remote_id": finding.render.as_ref().map(|render| &render.remote_id),
        ":note": finding.note,
        ":charged": finding.charged.map(Usd::micros),
    })?;
    match finding.again {
        Some(again) => db
            .prepare_cached(PUT_OFF)?
            .execute(named_params! { ":id": id, ":attempt": attempt, ":again": Moment(again) })?,
        None => {
            db.prepare_cached(DONE)?.execute(named_params! { ":id": id, ":attempt": attempt })?
        }
    };
    for event in finding.events() {
        timeline::append(db, &lease.id, now, Some(attempt), &JobEvent::Job(event))?;
    }
    let woken = db
        .prepare_cached(WAKE)?
        .execute(named_params! { ":id": id, ":attempt": attempt, ":now": Moment(now) })?;
    if woken > 0 { waits::leave(db, &lease.id) } else { Ok(()) }
}

fn lost(lease: &SubmitLease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
