//! What a job's owner may do to it without a lease: ask to stop it, and delete it.

use jiff::Timestamp;
use retake_core::{
    fault::{ERASED, Fault},
    ids::VideoId,
    job::Event,
    plan::Plan,
    request::VideoRequest,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{
    exchanges,
    fault::{Done, Fail},
    rows, scrub, timeline,
    values::{Json, Moment},
    waits,
};
use crate::{
    error::StoreError,
    record::{Deleted, Job, JobEvent},
    transition,
};

/// A job that is held keeps its slot until its holder gives it back: it may be submitting right now.
pub(super) const CANCEL: &str = "UPDATE jobs SET cancel_requested = 1, waits = NULL, due_at = :now,
        woken_at = CASE WHEN replica IS NOT NULL THEN :now END
    WHERE id = :id";

pub(super) const HIDE: &str = "UPDATE jobs SET deleted_at = :now,
        file_due_at = CASE WHEN output_key IS NOT NULL AND file_removed_at IS NULL THEN :now END
    WHERE id = :id";

pub(super) const STANDING: &str =
    "SELECT state IN ('queued', 'in_progress') AS open, deleted_at IS NOT NULL AS deleted,
        CASE WHEN file_removed_at IS NULL THEN output_key END AS file
    FROM jobs WHERE id = :id";

pub(super) const FAULT: &str = "SELECT fault FROM jobs WHERE id = :id";

pub(super) const FAULTS: &str = "SELECT number, fault FROM attempts WHERE job_id = :id";

pub(super) const ERASE_FAULT: &str =
    "UPDATE jobs SET fault = :fault, hold_kind = NULL, hold_until = NULL, hold_reason = NULL
    WHERE id = :id";

pub(super) const ERASE_ATTEMPT: &str = "UPDATE attempts SET fault = :fault,
        note = CASE WHEN note IS NOT NULL THEN :erased END
    WHERE job_id = :id AND number = :number";

/// Asks to stop a job that is not over.
pub(super) fn request_cancel(db: &Connection, id: &VideoId, now: Timestamp) -> Done<Job> {
    let missing = || StoreError::NotFound { id: id.clone() };
    let mut job = rows::job(db, id)?.ok_or_else(missing)?;
    if job.record.state.is_ended() || job.record.cancel_requested {
        return Ok(job);
    }
    db.prepare_cached(CANCEL)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    waits::leave(db, id)?;
    let event = Event::CancelRequested;
    let attempt = transition::attempt_of(&event, &job.record);
    timeline::append(db, id, now, attempt, &JobEvent::Job(event))?;
    job.record.cancel_requested = true;
    job.waits.clear();
    Ok(job)
}

/// Hides a job that is over, and takes out the words of its owner, wherever they were repeated.
pub(super) fn delete(db: &Connection, id: &VideoId, now: Timestamp) -> Done<Deleted> {
    let standing: Option<(bool, bool, Option<String>)> = db
        .prepare_cached(STANDING)?
        .query_row(named_params! { ":id": id.as_str() }, |row| {
            Ok((row.get("open")?, row.get("deleted")?, row.get("file")?))
        })
        .optional()?;
    match standing {
        None => Err(StoreError::NotFound { id: id.clone() }.into()),
        Some((true, _, _)) => Err(StoreError::NotEnded { id: id.clone() }.into()),
        Some((false, true, key)) => Ok(Deleted { key, already: true }),
        Some((false, false, key)) => {
            db.prepare_cached(HIDE)?
                .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
            erase_request(db, id)?;
            erase_faults(db, id)?;
            timeline::erase(db, id)?;
            exchanges::erase(db, id)?;
            db.execute_batch(scrub::OWED)?;
            Ok(Deleted { key, already: false })
        }
    }
}

fn erase_request(db: &Connection, id: &VideoId) -> Done<()> {
    let texts: rusqlite::Result<(Json<VideoRequest>, Json<Plan>)> = db
        .prepare_cached("SELECT request, plan FROM job_requests WHERE job_id = :id")?
        .query_row(named_params! { ":id": id.as_str() }, |row| Ok((row.get(0)?, row.get(1)?)));
    let (Json(mut request), Json(mut plan)) =
        texts.map_err(|error| Fail::from(error).reading(id))?;
    transition::erase_request(&mut request, &mut plan);
    db.prepare_cached(
        "UPDATE job_requests SET request = :request, plan = :plan WHERE job_id = :id",
    )?
    .execute(named_params! {
        ":id": id.as_str(),
        ":request": Json(request),
        ":plan": Json(plan),
    })?;
    Ok(())
}

/// Takes the words out of why the job waited and failed, and out of what was odd about its attempts.
fn erase_faults(db: &Connection, id: &VideoId) -> Done<()> {
    let of_it = named_params! { ":id": id.as_str() };
    let of_job = |row: &Row<'_>| Ok((None::<u32>, row.get("fault")?));
    let of_attempt = |row: &Row<'_>| Ok((Some(row.get("number")?), row.get("fault")?));
    let mut faults = vec![db.prepare_cached(FAULT)?.query_row(of_it, of_job)];
    faults.extend(db.prepare_cached(FAULTS)?.query_map(of_it, of_attempt)?);
    for found in faults {
        let (number, fault): (_, Option<Json<Fault>>) =
            found.map_err(|error| Fail::from(error).reading(id))?;
        let fault = fault.map(|Json(fault)| Json(transition::erased_fault(fault)));
        match number {
            None => db
                .prepare_cached(ERASE_FAULT)?
                .execute(named_params! { ":id": id.as_str(), ":fault": fault })?,
            Some(number) => db.prepare_cached(ERASE_ATTEMPT)?.execute(named_params! {
                ":id": id.as_str(), ":number": number, ":fault": fault, ":erased": ERASED,
            })?,
        };
    }
    Ok(())
}
