//! A job's rows, read back as one [`Job`].

use jiff::Timestamp;
use retake_core::{
    fault::Fault,
    ids::{KeyId, VideoId},
    job::{Attempt, Hold, HoldKind, JobRecord, JobState},
    money::Usd,
    plan::Plan,
};
use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Row, named_params,
    types::{FromSql, FromSqlError},
};

use super::{
    fault::{Done, Fail},
    values::{Json, Moment, Text, Word},
};
use crate::{
    record::{Job, Output},
    transition::planned_of,
};

/// A query for what [`job_of`] reads, in the order in which it reads it. The join is crossed, so that the jobs decide
/// the order of the rows.
macro_rules! select_jobs {
    ($jobs:literal, $which:literal) => {
        concat!(
            "SELECT j.id, j.created_at, j.owner, j.completed_at, j.expires_at, r.request, r.plan,
                j.fault, j.state, j.progress, j.cancel_requested, j.hold_kind, j.hold_until,
                j.hold_reason, j.waits, j.output, j.file_removed_at
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
    "SELECT number, route, state, remote_id, begun_at, accepted_at, ended_at, progress, note,
        failed_fetches, file, charged_micros, fault, lost_at, absent_since, settlement
    FROM attempts WHERE job_id = :id ORDER BY number";

/// A job that was not deleted.
pub(super) fn job(db: &Connection, id: &VideoId) -> Done<Option<Job>> {
    let mut query = db.prepare_cached(ONE)?;
    let job = query.query_row(named_params! { ":id": id.as_str() }, job_of).optional();
    let Some(mut job) = job.map_err(|error| Fail::from(error).reading(id))? else {
        return Ok(None);
    };
    add_attempts(&mut attempts(db)?, &mut job)?;
    Ok(Some(job))
}

/// The query for the attempts of a job. Whoever reads several jobs prepares it once.
pub(super) fn attempts(db: &Connection) -> Done<CachedStatement<'_>> {
    Ok(db.prepare_cached(ATTEMPTS)?)
}

/// Reads the attempts of a job into its life.
pub(super) fn add_attempts(query: &mut CachedStatement<'_>, job: &mut Job) -> Done<()> {
    let (id, plan) = (&job.id, &job.plan);
    let rows =
        query.query_map(named_params! { ":id": id.as_str() }, |row| attempt_of(row, plan))?;
    let attempts: rusqlite::Result<_> = rows.collect();
    job.record.attempts = attempts.map_err(|error| Fail::from(error).reading(id))?;
    Ok(())
}

/// The columns of a row, one after the other. To look each of them up by its name takes longer than to read it.
struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    fn of(row: &'a Row<'_>) -> Self {
        Self { row, next: 0 }
    }

    fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.skip();
        self.row.get(self.next - 1)
    }

    fn skip(&mut self) {
        self.next += 1;
    }

    fn moment(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        Ok(self.take::<Option<Moment>>()?.map(|Moment(at)| at))
    }

    fn json<T>(&mut self) -> rusqlite::Result<Option<T>>
    where
        Json<T>: FromSql,
    {
        Ok(self.take::<Option<Json<T>>>()?.map(|Json(value)| value))
    }

    fn word<T>(&mut self) -> rusqlite::Result<T>
    where
        Word<T>: FromSql,
    {
        self.take().map(|Word(value)| value)
    }
}

/// A job but for its attempts.
pub(super) fn job_of(row: &Row<'_>) -> rusqlite::Result<Job> {
    let mut columns = Columns::of(row);
    let (Text(id), Moment(created_at)) = (columns.take()?, columns.take()?);
    Ok(Job {
        id,
        created_at,
        owner: columns.take::<Option<Text<KeyId>>>()?.map(|Text(owner)| owner),
        completed_at: columns.moment()?,
        expires_at: columns.moment()?,
        request: columns.take().map(|Json(request)| request)?,
        plan: columns.take().map(|Json(plan)| plan)?,
        record: record_of(&mut columns)?,
        waits: columns.json()?.unwrap_or_default(),
        output: columns.json::<Output>()?,
        file_removed_at: columns.moment()?,
    })
}

fn record_of(columns: &mut Columns<'_>) -> rusqlite::Result<JobRecord> {
    let state = if let Some(fault) = columns.json::<Fault>()? {
        columns.skip();
        JobState::Failed(fault)
    } else {
        columns.word()?
    };
    Ok(JobRecord {
        state,
        progress: columns.take()?,
        cancel_requested: columns.take()?,
        attempts: Vec::new(),
        hold: hold_of(columns)?,
    })
}

fn hold_of(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Hold>> {
    let kind = columns.take::<Option<Word<HoldKind>>>()?;
    let (until, reason) = (columns.moment()?, columns.take::<Option<String>>()?);
    let hold = kind.zip(reason);
    Ok(hold.map(|(Word(kind), reason)| Hold { kind, until, reason }))
}

fn attempt_of(row: &Row<'_>, plan: &Plan) -> rusqlite::Result<Attempt> {
    let mut columns = Columns::of(row);
    Ok(Attempt {
        number: columns.take()?,
        planned: planned_of(&columns.take::<String>()?, plan)
            .map_err(|error| FromSqlError::Other(error.into()))?,
        state: columns.word()?,
        remote_id: columns.take()?,
        begun_at: columns.take().map(|Moment(at)| at)?,
        accepted_at: columns.moment()?,
        ended_at: columns.moment()?,
        progress: columns.take()?,
        note: columns.take()?,
        failed_fetches: columns.take()?,
        file: columns.json()?.unwrap_or_default(),
        charged: columns.take::<Option<u64>>()?.map(Usd::from_micros),
        fault: columns.json()?,
        lost_at: columns.moment()?,
        absent_since: columns.moment()?,
        settlement: columns.take::<Option<Word<_>>>()?.map(|Word(value)| value),
    })
}
