//! Recording what a leaseholder did, and giving its job back.
//!
//! Both are fenced: the row must still name this replica and this epoch. A request to cancel needs no lease,
//! so it can come in while the job is held. It is merged into what the holder writes, and the moment it came
//! (`nudged_at`) makes the job due at once when it is freed, unless the holder already acted on it.

use jiff::Timestamp;
use retake_core::{
    ids::VideoId,
    life::{Attempt, JobState, Life},
};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{
    fault::Done,
    seat::{Seat, Stops},
    timeline,
    values::{Json, Moment},
};
use crate::{
    error::StoreError,
    record::{Change, Committed, JobEvent, Lease},
};

pub(super) const HELD: &str = "SELECT routes, cancel_requested, nudged_at FROM jobs
    WHERE id = :id AND replica = :replica AND epoch = :epoch";

pub(super) const LIFE: &str =
    "UPDATE jobs SET state = :state, fault = :fault, progress = :progress,
        cancel_requested = :cancel_requested, next_route = :next_route, hold = :hold,
        completed_at = :completed_at, expires_at = COALESCE(:expires_at, expires_at),
        output = COALESCE(:output, output), output_key = COALESCE(:output_key, output_key),
        file_due_at = CASE WHEN COALESCE(:output_key, output_key) IS NOT NULL
                           THEN COALESCE(:expires_at, expires_at) END,
        open_attempt = :open_attempt, due_at = :due_at, wants = :wants, holds = :holds,
        replica = CASE WHEN :keep THEN replica END,
        nudged_at = CASE WHEN :keep THEN nudged_at END
    WHERE id = :id";

pub(super) const ATTEMPT: &str =
    "INSERT INTO attempts (job_id, number, place, route, cost_micros, state,
        remote_id, begun_at, accepted_at, ended_at, progress, failed_fetches, fault)
    VALUES (:id, :number, :place, :route, :cost, :state, :remote_id, :begun_at, :accepted_at,
        :ended_at, :progress, :failed_fetches, :fault)
    ON CONFLICT (job_id, number) DO UPDATE SET state = excluded.state,
        remote_id = excluded.remote_id, accepted_at = excluded.accepted_at,
        ended_at = excluded.ended_at, progress = excluded.progress,
        failed_fetches = excluded.failed_fetches, fault = excluded.fault";

/// A slot that was taken for a submit that was never recorded is given back with the job.
pub(super) const RELEASE: &str =
    "UPDATE jobs SET replica = NULL, due_at = COALESCE(nudged_at, :due),
        nudged_at = NULL, holds = CASE WHEN open_attempt IS NOT NULL THEN holds END
    WHERE id = :id AND replica = :replica AND epoch = :epoch";

struct Held {
    stops: Stops,
    cancel_requested: bool,
    nudged_at: Option<Moment>,
}

/// Records a change, if the lease still holds.
pub(super) fn commit(db: &Connection, lease: &Lease, change: Change) -> Done<Committed> {
    let held = held(db, lease)?;
    let knew = change.life.cancel_requested;
    let mut life = change.life;
    life.cancel_requested |= held.cancel_requested;
    let seat = Seat::of(&life, &held.stops);
    let lease_kept = change.keep_lease && !life.state.is_ended() && seat.wants.is_none();
    let nudge = held.nudged_at.filter(|_| !knew);
    let due = nudge.or(change.due.map(Moment)).or(Some(Moment(change.at)));

    db.prepare_cached(LIFE)?.execute(named_params! {
        ":id": lease.id.as_str(),
        ":state": life.state.as_str(),
        ":fault": why(&life.state).map(Json),
        ":progress": life.progress,
        ":cancel_requested": life.cancel_requested,
        ":next_route": life.next_route,
        ":hold": life.hold,
        ":completed_at": (life.state == JobState::Completed).then_some(Moment(change.at)),
        ":expires_at": change.expires_at.map(Moment),
        ":output": change.output.as_ref().map(Json),
        ":output_key": change.output.as_ref().map(|output| &output.key),
        ":open_attempt": seat.open_attempt,
        ":due_at": due.filter(|_| !life.state.is_ended()),
        ":wants": seat.wants,
        ":holds": seat.holds,
        ":keep": lease_kept,
    })?;
    if let Some(attempt) = life.attempts.last() {
        keep_attempt(db, &lease.id, attempt, &held.stops)?;
    }
    record(db, &lease.id, change.at, change.event, &life)?;
    Ok(Committed { cancel_requested: life.cancel_requested, lease_kept })
}

/// Gives a job back as it is, if the lease still holds.
pub(super) fn release(db: &Connection, lease: &Lease, due: Timestamp) -> Done<()> {
    let freed = db.prepare_cached(RELEASE)?.execute(named_params! {
        ":id": lease.id.as_str(),
        ":replica": lease.replica.as_str(),
        ":epoch": lease.epoch,
        ":due": Moment(due),
    })?;
    if freed == 0 { Err(lost(lease).into()) } else { Ok(()) }
}

fn held(db: &Connection, lease: &Lease) -> Done<Held> {
    let mut query = db.prepare_cached(HELD)?;
    let holder = named_params! {
        ":id": lease.id.as_str(),
        ":replica": lease.replica.as_str(),
        ":epoch": lease.epoch,
    };
    let held = query.query_row(holder, |row| {
        let Json(stops) = row.get("routes")?;
        Ok(Held {
            stops,
            cancel_requested: row.get("cancel_requested")?,
            nudged_at: row.get("nudged_at")?,
        })
    });
    Ok(held.optional()?.ok_or_else(|| lost(lease))?)
}

fn keep_attempt(db: &Connection, id: &VideoId, attempt: &Attempt, stops: &Stops) -> Done<()> {
    let stop = stops.at(attempt.route);
    db.prepare_cached(ATTEMPT)?.execute(named_params! {
        ":id": id.as_str(),
        ":number": attempt.number,
        ":place": attempt.route,
        ":route": stop.map_or("", |stop| &stop.route),
        ":cost": stop.map_or(0, |stop| stop.cost),
        ":state": attempt.state.as_str(),
        ":remote_id": attempt.remote_id,
        ":begun_at": Moment(attempt.begun_at),
        ":accepted_at": attempt.accepted_at.map(Moment),
        ":ended_at": attempt.ended_at.map(Moment),
        ":progress": attempt.progress,
        ":failed_fetches": attempt.failed_fetches,
        ":fault": attempt.fault.as_ref().map(Json),
    })?;
    Ok(())
}

fn record(
    db: &Connection,
    id: &VideoId,
    at: Timestamp,
    event: retake_core::life::Event,
    life: &Life,
) -> Done<()> {
    let attempt = timeline::attempt_of(&event, life);
    timeline::append(db, id, at, attempt, &JobEvent::Life(event))
}

fn why(state: &JobState) -> Option<&retake_core::fault::Fault> {
    match state {
        JobState::Failed(fault) => Some(fault),
        _ => None,
    }
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
