//! A job's rows, read back as one [`Job`].

use std::sync::Arc;

use jiff::Timestamp;
use retake_core::{
    fault::Fault,
    ids::VideoId,
    job::{Attempt, AttemptState, Hold, JobRecord, JobState, Settlement},
    money::Usd,
    plan::Plan,
};
use serde::Deserialize;
use tokio_postgres::Row;

use super::{
    fault::Done,
    session::Session,
    values::{self, Read, unjson},
};
use crate::{
    error::{Cause, StoreError},
    record::{Job, Output},
    transition::planned_of,
};

/// A query for what [`job_of`] reads, from the jobs that a subquery finds. The attempts come with their
/// job, so that both are of one moment.
macro_rules! select_jobs {
    ($($jobs:expr),+) => {
        concat!(
            "SELECT j.id, j.owner, j.created_at, j.completed_at, j.expires_at, j.state, j.fault, j.progress,
                j.cancel_requested, j.hold_kind, j.hold_until, j.hold_reason, j.waits, j.output, j.file_removed_at,
                r.request, r.plan,
                (SELECT json_agg(json_build_object('number', number, 'route', route, 'state', state,
                        'remote_id', remote_id, 'begun_at', begun_at, 'accepted_at', accepted_at,
                        'ended_at', ended_at, 'progress', progress,
                        'failed_fetches', failed_fetches, 'fault', fault, 'note', note,
                        'lost_at', lost_at, 'absent_since', absent_since,
                        'settlement', settlement, 'charged', charged_micros,
                        'file', file) ORDER BY number)::text
                 FROM attempts WHERE job_id = j.id) AS attempts
             FROM (",
            $($jobs),+,
            ") j CROSS JOIN LATERAL (SELECT request, plan FROM job_requests WHERE job_id = j.id) r"
        )
    };
}
pub(super) use select_jobs;

pub(super) const ONE: &str =
    select_jobs!("SELECT * FROM jobs WHERE id = $1 AND deleted_at IS NULL");

/// An attempt as the query tells it: its fault is a text of its own, so that one which cannot be read
/// spoils no other job's answer.
#[derive(Deserialize)]
struct AttemptRow {
    number: u32,
    route: String,
    state: AttemptState,
    remote_id: Option<String>,
    begun_at: Timestamp,
    accepted_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    progress: u8,
    note: Option<String>,
    failed_fetches: u32,
    charged: Option<Usd>,
    file: Option<String>,
    fault: Option<String>,
    lost_at: Option<Timestamp>,
    absent_since: Option<Timestamp>,
    settlement: Option<Settlement>,
}

/// A job that was not deleted.
pub(super) async fn job(db: &Session, id: &VideoId) -> Done<Option<Job>> {
    let [one] = db.prepare([ONE]).await?;
    let row = db.query_opt(&one, [&id.as_str()]).await?;
    Ok(row.map(|row| job_of(&row)).transpose()?)
}

/// A job, or that it cannot be read.
pub(super) fn job_of(row: &Row) -> Result<Job, StoreError> {
    read(row).map_err(|source| {
        let id = row.try_get("id").unwrap_or_default();
        StoreError::Unreadable { id, source }
    })
}

fn read(row: &Row) -> Read<Job> {
    let values::Moment(created_at) = values::plain(row, "created_at")?;
    let plan = unjson(values::plain(row, "plan")?)?;
    Ok(Job {
        id: values::parsed(row, "id")?,
        created_at,
        owner: values::parsed_option(row, "owner")?,
        completed_at: values::moment(row, "completed_at")?,
        expires_at: values::moment(row, "expires_at")?,
        request: unjson(values::plain(row, "request")?)?,
        record: record_of(row, &plan)?,
        plan,
        waits: optional(row, "waits")?.unwrap_or_default(),
        output: optional::<Output>(row, "output")?,
        file_removed_at: values::moment(row, "file_removed_at")?,
    })
}

fn record_of(row: &Row, plan: &Plan) -> Read<JobRecord> {
    let state = match optional::<Fault>(row, "fault")? {
        Some(fault) => JobState::Failed(fault),
        None => values::word(values::plain(row, "state")?)?,
    };
    let attempts: Vec<AttemptRow> = optional(row, "attempts")?.unwrap_or_default();
    Ok(JobRecord {
        state,
        progress: values::count(row, "progress")?,
        cancel_requested: values::plain(row, "cancel_requested")?,
        attempts: attempts.into_iter().map(|row| attempt_of(row, plan)).collect::<Read<_>>()?,
        hold: hold_of(row)?,
    })
}

fn hold_of(row: &Row) -> Read<Option<Hold>> {
    let kind: Option<&str> = values::plain(row, "hold_kind")?;
    let reason: Option<String> = values::plain(row, "hold_reason")?;
    let Some((kind, reason)) = kind.zip(reason) else { return Ok(None) };
    let until = values::moment(row, "hold_until")?;
    Ok(Some(Hold { kind: values::word(kind)?, until, reason }))
}

fn attempt_of(row: AttemptRow, plan: &Plan) -> Read<Attempt> {
    Ok(Attempt {
        number: row.number,
        planned: planned_of(&row.route, plan).map_err(|error| Arc::new(error) as Cause)?,
        state: row.state,
        remote_id: row.remote_id,
        begun_at: row.begun_at,
        accepted_at: row.accepted_at,
        ended_at: row.ended_at,
        progress: row.progress,
        note: row.note,
        failed_fetches: row.failed_fetches,
        file: row.file.as_deref().map(unjson).transpose()?.unwrap_or_default(),
        charged: row.charged,
        fault: row.fault.as_deref().map(unjson).transpose()?,
        lost_at: row.lost_at,
        absent_since: row.absent_since,
        settlement: row.settlement,
    })
}

fn optional<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Read<Option<T>> {
    values::plain::<Option<&str>>(row, column)?.map(unjson).transpose()
}
