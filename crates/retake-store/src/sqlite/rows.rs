//! A job's rows, read back as one [`Job`].

use retake_core::{
    fault::Fault,
    ids::{KeyId, VideoId},
    life::{Attempt, JobState, Life},
    money::Usd,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, types::FromSql};

use super::{
    fault::{Done, Fail},
    values::{Json, Moment, Text, Word},
};
use crate::record::{Job, Output};

/// A query for what [`job_of`] reads. The join is crossed, so that the jobs decide the order.
macro_rules! select_jobs {
    ($jobs:literal, $which:literal) => {
        concat!(
            "SELECT j.id, j.owner, j.created_at, j.completed_at, j.expires_at, j.state, j.fault, j.progress,
                j.cancel_requested, j.next_route, j.hold, j.output, j.file_removed_at,
                r.request, r.plan
             FROM ",
            $jobs,
            " CROSS JOIN job_requests r ON r.job_id = j.id WHERE j.deleted_at IS NULL AND ",
            $which
        )
    };
}
pub(super) use select_jobs;

pub(super) const ONE: &str = select_jobs!("jobs j", "j.id = :id");

pub(super) const ATTEMPTS: &str =
    "SELECT number, place, state, remote_id, begun_at, accepted_at, ended_at,
        progress, failed_fetches, fault, note, lost_at, absent_since, settlement, charged_micros, file
    FROM attempts WHERE job_id = :id ORDER BY number";

/// A job that was not deleted.
pub(super) fn job(db: &Connection, id: &VideoId) -> Done<Option<Job>> {
    let mut query = db.prepare_cached(ONE)?;
    let job = query.query_row(named_params! { ":id": id.as_str() }, job_of).optional();
    let Some(mut job) = job.map_err(|error| Fail::from(error).reading(id))? else {
        return Ok(None);
    };
    add_attempts(db, &mut job)?;
    Ok(Some(job))
}

/// Reads the attempts of a job into its life.
pub(super) fn add_attempts(db: &Connection, job: &mut Job) -> Done<()> {
    let mut query = db.prepare_cached(ATTEMPTS)?;
    let rows = query.query_map(named_params! { ":id": job.id.as_str() }, attempt_of)?;
    let attempts: rusqlite::Result<_> = rows.collect();
    job.life.attempts = attempts.map_err(|error| Fail::from(error).reading(&job.id))?;
    Ok(())
}

/// A job but for its attempts.
pub(super) fn job_of(row: &Row<'_>) -> rusqlite::Result<Job> {
    let Text(id) = row.get("id")?;
    let Moment(created_at) = row.get("created_at")?;
    let Json(request) = row.get("request")?;
    let Json(plan) = row.get("plan")?;
    Ok(Job {
        id,
        created_at,
        owner: row.get::<_, Option<Text<KeyId>>>("owner")?.map(|Text(owner)| owner),
        completed_at: moment(row, "completed_at")?,
        expires_at: moment(row, "expires_at")?,
        request,
        plan,
        life: life_of(row)?,
        output: json::<Output>(row, "output")?,
        file_removed_at: moment(row, "file_removed_at")?,
    })
}

fn life_of(row: &Row<'_>) -> rusqlite::Result<Life> {
    let state = match json::<Fault>(row, "fault")? {
        Some(fault) => JobState::Failed(fault),
        None => word(row, "state")?,
    };
    Ok(Life {
        state,
        progress: row.get("progress")?,
        cancel_requested: row.get("cancel_requested")?,
        attempts: Vec::new(),
        next_route: row.get("next_route")?,
        hold: row.get("hold")?,
    })
}

fn attempt_of(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let Moment(begun_at) = row.get("begun_at")?;
    Ok(Attempt {
        number: row.get("number")?,
        route: row.get("place")?,
        state: word(row, "state")?,
        remote_id: row.get("remote_id")?,
        begun_at,
        accepted_at: moment(row, "accepted_at")?,
        ended_at: moment(row, "ended_at")?,
        progress: row.get("progress")?,
        note: row.get("note")?,
        failed_fetches: row.get("failed_fetches")?,
        file: json(row, "file")?.unwrap_or_default(),
        charged: row.get::<_, Option<u64>>("charged_micros")?.map(Usd::from_micros),
        fault: json(row, "fault")?,
        lost_at: moment(row, "lost_at")?,
        absent_since: moment(row, "absent_since")?,
        settlement: row.get::<_, Option<Word<_>>>("settlement")?.map(|Word(value)| value),
    })
}

fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<jiff::Timestamp>> {
    Ok(row.get::<_, Option<Moment>>(column)?.map(|Moment(at)| at))
}

fn json<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    Json<T>: FromSql,
{
    Ok(row.get::<_, Option<Json<T>>>(column)?.map(|Json(value)| value))
}

fn word<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    Word<T>: FromSql,
{
    row.get(column).map(|Word(value)| value)
}
