//! Taking a job on.

use retake_core::ids::{KeyId, VideoId};
use rusqlite::{Connection, ErrorCode, named_params};

use super::{
    fault::{Done, Fail},
    idempotency_keys, keys, timeline,
    values::Moment,
    waits,
};
use crate::{
    error::StoreError,
    new_job_row::NewJobRow,
    record::{Accepted, JobEvent},
};

pub(super) const JOB: &str = "INSERT INTO jobs (id, created_at, state, progress, cancel_requested,
        due_at, waits, first_frame_key, owner, source_key)
    VALUES (:id, :now, :state, 0, 0, :now, :waits, :first_frame_key, :owner, :source_key)";

pub(super) const REQUEST: &str =
    "INSERT INTO job_requests (job_id, request, plan) VALUES (:id, :request, :plan)";

pub(super) const OPEN: &str =
    "SELECT COUNT(*) FROM jobs WHERE owner = :owner AND state IN ('queued', 'in_progress')";

/// Records the job and the first line of its timeline. A request over its owner's limit is refused, and what
/// that changes is kept: the refusal is an answer, and not a failure of the command.
pub(super) fn accept(db: &Connection, draft: &NewJobRow) -> Done<Result<Accepted, StoreError>> {
    if let Some(repeat) = &draft.repeat
        && let Some(first) =
            idempotency_keys::first(db, draft.owner.as_ref(), repeat, draft.created_at)?
    {
        return Ok(Ok(Accepted::Known(first)));
    }
    if let Some(limit) = reached(db, draft)? {
        forget(db, draft)?;
        return Ok(Err(StoreError::TooManyOpen { limit }));
    }
    // It may have been revoked since its request began.
    if let Some(owner) = &draft.owner
        && keys::has_ended(db, owner, draft.created_at)?
    {
        return Ok(Err(StoreError::KeyEnded));
    }
    let added = db.prepare_cached(JOB)?.execute(named_params! {
        ":id": draft.id.as_str(),
        ":now": Moment(draft.created_at),
        ":state": draft.record.state.as_str(),
        ":waits": draft.waits_json,
        ":first_frame_key": draft.first_frame_key,
        ":owner": draft.owner.as_ref().map(KeyId::as_str),
        ":source_key": draft.source_key,
    });
    added.map_err(|error| refused(error, &draft.id))?;
    db.prepare_cached(REQUEST)?.execute(named_params! {
        ":id": draft.id.as_str(),
        ":request": draft.request,
        ":plan": draft.plan,
    })?;
    waits::add(db, &draft.id, &draft.waits)?;
    timeline::append(db, &draft.id, draft.created_at, None, &JobEvent::Accepted)?;
    if let Some(repeat) = &draft.repeat {
        idempotency_keys::remember(db, draft.owner.as_ref(), repeat, &draft.id)?;
    }
    Ok(Ok(Accepted::New))
}

/// The limit of the owner, when it has as many open jobs as it may.
fn reached(db: &Connection, draft: &NewJobRow) -> Done<Option<u32>> {
    let (Some(owner), Some(limit)) = (&draft.owner, draft.max_open) else { return Ok(None) };
    let open: u32 = db
        .prepare_cached(OPEN)?
        .query_row(named_params! { ":owner": owner.as_str() }, |row| row.get(0))?;
    Ok((open >= limit).then_some(limit))
}

/// Forgets an older request of the same name, which this one would have replaced. Else its repetition would
/// be taken for one of the older request, and get that one's job.
fn forget(db: &Connection, draft: &NewJobRow) -> Done<()> {
    match draft.repeat.as_ref().filter(|repeat| !repeat.replay) {
        Some(repeat) => idempotency_keys::forget(db, draft.owner.as_ref(), &repeat.name),
        None => Ok(()),
    }
}

fn refused(error: rusqlite::Error, id: &VideoId) -> Fail {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        return StoreError::AlreadyExists { id: id.clone() }.into();
    }
    error.into()
}
