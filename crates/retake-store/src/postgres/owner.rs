//! What a job's owner may do to it without a lease: ask to stop it, and delete it.

use futures::try_join;
use jiff::Timestamp;
use retake_core::{
    fault::{ERASED, Fault},
    ids::VideoId,
    job::Event,
    plan::Plan,
    request::VideoRequest,
};
use tokio_postgres::Row;

use super::{
    exchanges,
    fault::Done,
    rows,
    session::Session,
    timeline,
    values::{self, Moment, Read, json, unjson},
    waits,
};
use crate::{
    error::StoreError,
    record::{Deleted, Job, JobEvent},
    transition,
};

/// Keeps others from changing a job. What is read of it comes in the next statement, which sees what they
/// did before.
pub(super) const LOCK: &str = "SELECT 1 FROM jobs WHERE id = $1 FOR NO KEY UPDATE";

/// A job that is held keeps its slot until its holder gives it back: it may be submitting right now.
pub(super) const CANCEL: &str =
    "UPDATE jobs SET cancel_requested = true, waits = NULL, due_at = $2,
        woken_at = CASE WHEN replica IS NOT NULL THEN $2::timestamptz END
    WHERE id = $1";

pub(super) const STANDING: &str =
    "SELECT state IN ('queued', 'in_progress') AS open, deleted_at IS NOT NULL AS deleted,
        CASE WHEN file_removed_at IS NULL THEN output_key END AS file
    FROM jobs WHERE id = $1 FOR NO KEY UPDATE";

pub(super) const HIDE: &str = "UPDATE jobs SET deleted_at = $2,
        file_due_at = CASE WHEN output_key IS NOT NULL AND file_removed_at IS NULL THEN $2::timestamptz END
    WHERE id = $1";

pub(super) const TEXTS: &str = "SELECT request, plan FROM job_requests WHERE job_id = $1";

pub(super) const ERASE: &str = "UPDATE job_requests SET request = $2, plan = $3 WHERE job_id = $1";

pub(super) const FAULTS: &str = "SELECT NULL::bigint AS number, fault FROM jobs WHERE id = $1
    UNION ALL SELECT number, fault FROM attempts WHERE job_id = $1";

pub(super) const ERASE_FAULT: &str = "UPDATE jobs
    SET fault = $2, hold_kind = NULL, hold_until = NULL, hold_reason = NULL WHERE id = $1";

pub(super) const ERASE_ATTEMPT: &str = "UPDATE attempts SET fault = $3,
        note = CASE WHEN note IS NOT NULL THEN $4::text END
    WHERE job_id = $1 AND number = $2";

/// Asks to stop a job that is not over.
pub(super) async fn request_cancel(db: &Session, id: &VideoId, now: Timestamp) -> Done<Job> {
    let [lock, one, last] = db.prepare([LOCK, rows::ONE, timeline::LAST]).await?;
    let [cancel, append, leave] = db.prepare([CANCEL, timeline::APPEND, waits::LEAVE]).await?;
    let (key, now) = (id.as_str(), Moment(now));
    let ((), _, row, last) = try_join!(
        db.begin(),
        db.query_opt(&lock, [&key]),
        db.query_opt(&one, [&key]),
        db.query_opt(&last, [&key]),
    )?;
    let mut job = rows::job_of(&row.ok_or_else(|| missing(id))?)?;
    if job.record.state.is_ended() || job.record.cancel_requested {
        db.roll_back().await;
        return Ok(job);
    }
    let event = Event::CancelRequested;
    let attempt = transition::attempt_of(&event, &job.record).map(i64::from);
    let (seq, event) = (timeline::next_seq(last.as_ref()), json(&JobEvent::Job(event))?);
    try_join!(
        db.execute(&cancel, [&key, &now]),
        db.execute(&leave, [&key]),
        db.execute(&append, [&key, &seq, &now, &attempt, &event]),
        db.commit(),
    )?;
    job.record.cancel_requested = true;
    job.waits.clear();
    Ok(job)
}

/// Hides a job that is over, and takes out the words of its owner, wherever they were repeated.
pub(super) async fn delete(db: &Session, id: &VideoId, now: Timestamp) -> Done<Deleted> {
    let [standing, texts] = db.prepare([STANDING, TEXTS]).await?;
    let [hide, erase, unsay] = db.prepare([HIDE, ERASE, exchanges::ERASE]).await?;
    let (key, now) = (id.as_str(), Moment(now));
    let ((), row, texts) =
        try_join!(db.begin(), db.query_opt(&standing, [&key]), db.query_opt(&texts, [&key]))?;
    let row = row.ok_or_else(|| missing(id))?;
    if row.get("open") {
        return Err(StoreError::NotEnded { id: id.clone() }.into());
    }
    let file: Option<String> = row.get("file");
    if row.get("deleted") {
        db.roll_back().await;
        return Ok(Deleted { key: file, already: true });
    }
    let (mut request, mut plan) = texts_of(&texts.ok_or_else(|| missing(id))?)
        .map_err(|source| StoreError::Unreadable { id: id.to_string(), source })?;
    transition::erase_request(&mut request, &mut plan);
    let (request, plan) = (json(&request)?, json(&plan)?);
    try_join!(
        db.execute(&hide, [&key, &now]),
        db.execute(&erase, [&key, &request, &plan]),
        db.execute(&unsay, [&key]),
    )?;
    erase_faults(db, id).await?;
    timeline::erase(db, id).await?;
    db.commit().await?;
    Ok(Deleted { key: file, already: false })
}

/// Takes the words out of why the job waited and failed, and out of what was odd about its attempts.
async fn erase_faults(db: &Session, id: &VideoId) -> Done<()> {
    let [faults, erase_fault, erase_attempt] =
        db.prepare([FAULTS, ERASE_FAULT, ERASE_ATTEMPT]).await?;
    let key = id.as_str();
    for row in db.query(&faults, [&key]).await? {
        let number: Option<i64> = row.get("number");
        let fault: Option<&str> = row.get("fault");
        let fault = fault.map(unjson::<Fault>).transpose();
        let fault =
            fault.map_err(|source| StoreError::Unreadable { id: id.to_string(), source })?;
        let fault = fault.map(transition::erased_fault).map(|fault| json(&fault)).transpose()?;
        match number {
            None => db.execute(&erase_fault, [&key, &fault]).await?,
            Some(number) => db.execute(&erase_attempt, [&key, &number, &fault, &ERASED]).await?,
        };
    }
    Ok(())
}

fn texts_of(row: &Row) -> Read<(VideoRequest, Plan)> {
    Ok((unjson(values::plain(row, "request")?)?, unjson(values::plain(row, "plan")?)?))
}

pub(super) fn missing(id: &VideoId) -> StoreError {
    StoreError::NotFound { id: id.clone() }
}
