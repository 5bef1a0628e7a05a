//! Recording what a leaseholder did, and giving its job back.
//!
//! Both are fenced: the row must still name this replica and this epoch.

use jiff::Timestamp;
use retake_core::{decide::SlotWait, ids::VideoId, job::Attempt, money::Usd};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{
    exchanges,
    fault::Done,
    outbox::announce,
    renders, settling, timeline,
    values::{Json, Moment},
    waits,
};
use crate::{
    error::StoreError,
    queue_position::accounts_json,
    record::{Change, Committed, Lease},
    transition::{Held, Transition},
};

pub(super) const HELD: &str =
    "SELECT waits IS NOT NULL AS waits, cancel_requested, woken_at FROM jobs
    WHERE id = :id AND replica = :replica AND epoch = :epoch";

pub(super) const LIFE: &str =
    "UPDATE jobs SET state = :state, fault = :fault, progress = :progress,
        cancel_requested = :cancel_requested, hold_kind = :hold_kind, hold_until = :hold_until,
        hold_reason = :hold_reason,
        completed_at = :completed_at, expires_at = COALESCE(:expires_at, expires_at),
        output = COALESCE(:output, output), output_key = COALESCE(:output_key, output_key),
        file_due_at = CASE WHEN COALESCE(:output_key, output_key) IS NOT NULL
                           THEN COALESCE(:expires_at, expires_at) END,
        open_attempt = :open_attempt, due_at = :due_at, waits = :waits, slot_account = :slot_account,
        replica = CASE WHEN :keep THEN replica END,
        woken_at = CASE WHEN :keep THEN woken_at END
    WHERE id = :id";

/// What was found out behind the holder's back stays: it knows no more than that the submit is unsettled.
pub(super) const ATTEMPT: &str = "INSERT INTO attempts (job_id, number, route, state,
        remote_id, begun_at, accepted_at, ended_at, progress, failed_fetches, fault, note, lost_at,
        absent_since, settlement, charged_micros, file)
    VALUES (:id, :number, :route, :state, :remote_id, :begun_at, :accepted_at,
        :ended_at, :progress, :failed_fetches, :fault, :note, :lost_at, :absent_since, :settlement,
        :charged, :file)
    ON CONFLICT (job_id, number) DO UPDATE SET state = excluded.state,
        remote_id = COALESCE(excluded.remote_id, remote_id), lost_at = excluded.lost_at,
        absent_since = COALESCE(excluded.absent_since, absent_since),
        settlement = CASE WHEN excluded.settlement = 'pending' AND settlement IS NOT NULL
                          THEN settlement ELSE excluded.settlement END,
        accepted_at = excluded.accepted_at,
        ended_at = excluded.ended_at, progress = excluded.progress,
        failed_fetches = excluded.failed_fetches, fault = excluded.fault,
        note = excluded.note, charged_micros = COALESCE(excluded.charged_micros, charged_micros),
        file = excluded.file";

/// A slot that was taken for a submit that was never recorded is given back with the job. A job that is to be stopped
/// waits for none.
pub(super) const RELEASE: &str =
    "UPDATE jobs SET replica = NULL, due_at = COALESCE(woken_at, :due),
        woken_at = NULL, slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END,
        waits = CASE WHEN cancel_requested = 0 THEN :waits END
    WHERE id = :id AND replica = :replica AND epoch = :epoch RETURNING waits IS NOT NULL";

/// Records a change, if the lease still holds.
pub(super) fn commit(db: &Connection, lease: &Lease, change: &Change) -> Done<Committed> {
    let held = held(db, lease)?;
    let next = Transition::new(&held, change);
    let hold = next.record.hold.as_ref();
    db.prepare_cached(LIFE)?.execute(named_params! {
        ":id": lease.id.as_str(),
        ":state": next.record.state.as_str(),
        ":fault": next.fault().map(Json),
        ":progress": next.record.progress,
        ":cancel_requested": next.record.cancel_requested,
        ":hold_kind": hold.map(|hold| hold.kind.as_str()),
        ":hold_until": hold.and_then(|hold| hold.until).map(Moment),
        ":hold_reason": hold.map(|hold| &hold.reason),
        ":completed_at": next.completed_at.map(Moment),
        ":expires_at": change.expires_at.map(Moment),
        ":output": change.output.as_ref().map(Json),
        ":output_key": change.output.as_ref().map(|output| &output.key),
        ":open_attempt": next.position.open_attempt,
        ":due_at": next.due.map(Moment),
        ":waits": accounts_json(&next.position.waits),
        ":slot_account": next.position.slot_account,
        ":keep": next.lease_kept,
    })?;
    if held.waits {
        waits::leave(db, &lease.id)?;
    }
    waits::add(db, &lease.id, &next.position.waits)?;
    for attempt in next.changed_attempts() {
        keep_attempt(db, &lease.id, attempt)?;
    }
    for attempt in next.unsettled() {
        settling::add(db, &lease.id, attempt.number, change.at)?;
    }
    if let (Some(render), Some(attempt)) = (&change.render, next.open_attempt()) {
        renders::own(db, &lease.id, attempt.number, render)?;
    }
    exchanges::keep(db, &lease.id, change)?;
    for (attempt, line) in next.lines(change) {
        timeline::append(db, &lease.id, change.at, attempt, &line)?;
    }
    announce::announce(db, &lease.id, &next.record.state, change.at)?;
    Ok(next.committed())
}

/// Gives a job back as it is, if the lease still holds.
pub(super) fn release(
    db: &Connection,
    lease: &Lease,
    due: Timestamp,
    waits: &[SlotWait],
) -> Done<()> {
    let mut release = db.prepare_cached(RELEASE)?;
    let freed = named_params! {
        ":id": lease.id.as_str(),
        ":replica": lease.replica.as_str(),
        ":epoch": lease.epoch,
        ":due": Moment(due),
        ":waits": accounts_json(waits),
    };
    let waiting: Option<bool> = release.query_row(freed, |row| row.get(0)).optional()?;
    let is_waiting = waiting.ok_or_else(|| lost(lease))?;
    waits::leave(db, &lease.id)?;
    if is_waiting { waits::add(db, &lease.id, waits) } else { Ok(()) }
}

fn held(db: &Connection, lease: &Lease) -> Done<Held> {
    let mut query = db.prepare_cached(HELD)?;
    let holder = named_params! {
        ":id": lease.id.as_str(),
        ":replica": lease.replica.as_str(),
        ":epoch": lease.epoch,
    };
    let held = query.query_row(holder, |row| {
        Ok(Held {
            waits: row.get("waits")?,
            cancel_requested: row.get("cancel_requested")?,
            woken_at: row.get::<_, Option<Moment>>("woken_at")?.map(|Moment(at)| at),
        })
    });
    Ok(held.optional()?.ok_or_else(|| lost(lease))?)
}

fn keep_attempt(db: &Connection, id: &VideoId, attempt: &Attempt) -> Done<()> {
    db.prepare_cached(ATTEMPT)?.execute(named_params! {
        ":id": id.as_str(),
        ":number": attempt.number,
        ":route": attempt.planned.route.to_string(),
        ":state": attempt.state.as_str(),
        ":remote_id": attempt.remote_id,
        ":begun_at": Moment(attempt.begun_at),
        ":accepted_at": attempt.accepted_at.map(Moment),
        ":ended_at": attempt.ended_at.map(Moment),
        ":progress": attempt.progress,
        ":failed_fetches": attempt.failed_fetches,
        ":fault": attempt.fault.as_ref().map(Json),
        ":note": attempt.note,
        ":lost_at": attempt.lost_at.map(Moment),
        ":absent_since": attempt.absent_since.map(Moment),
        ":settlement": attempt.settlement.map(settling::word),
        ":charged": attempt.charged.map(Usd::micros),
        ":file": Json(&attempt.file),
    })?;
    Ok(())
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
