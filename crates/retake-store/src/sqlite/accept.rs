//! Taking a job on.

use jiff::Timestamp;
use retake_core::{ids::VideoId, life::Life};
use rusqlite::{Connection, ErrorCode, named_params};

use super::{
    fault::{Done, Fail},
    seat::{Seat, Stops},
    timeline,
    values::{Json, Moment},
};
use crate::{
    error::StoreError,
    record::{JobEvent, NewJob},
};

pub(super) const JOB: &str =
    "INSERT INTO jobs (id, created_at, routes, state, progress, cancel_requested,
        next_route, due_at, wants, first_frame_key)
    VALUES (:id, :now, :routes, :state, 0, 0, :next_route, :now, :wants, :first_frame_key)";

pub(super) const REQUEST: &str =
    "INSERT INTO job_requests (job_id, request, plan) VALUES (:id, :request, :plan)";

/// The rows of a new job, made ready before the writing thread is asked.
pub(super) struct Draft {
    id: VideoId,
    created_at: Timestamp,
    routes: Stops,
    request: String,
    plan: String,
    first_frame_key: Option<String>,
}

impl Draft {
    pub(super) fn of(job: &NewJob) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: job.id.clone(),
            created_at: job.created_at,
            routes: Stops::of(&job.plan),
            request: serde_json::to_string(&job.request)?,
            plan: serde_json::to_string(&job.plan)?,
            first_frame_key: job.request.first_frame.as_ref().map(|picture| picture.key.clone()),
        })
    }
}

/// Records the job and the first line of its timeline.
pub(super) fn accept(db: &Connection, draft: &Draft) -> Done<()> {
    let life = Life::default();
    let seat = Seat::of(&life, &draft.routes);
    let added = db.prepare_cached(JOB)?.execute(named_params! {
        ":id": draft.id.as_str(),
        ":now": Moment(draft.created_at),
        ":routes": Json(&draft.routes),
        ":state": life.state.as_str(),
        ":next_route": life.next_route,
        ":wants": seat.wants,
        ":first_frame_key": draft.first_frame_key,
    });
    added.map_err(|error| refused(error, &draft.id))?;
    db.prepare_cached(REQUEST)?.execute(named_params! {
        ":id": draft.id.as_str(),
        ":request": draft.request,
        ":plan": draft.plan,
    })?;
    timeline::append(db, &draft.id, draft.created_at, None, &JobEvent::Accepted)
}

fn refused(error: rusqlite::Error, id: &VideoId) -> Fail {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        return StoreError::AlreadyExists { id: id.clone() }.into();
    }
    error.into()
}
