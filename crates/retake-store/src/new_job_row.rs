//! The rows of a new job, made ready before an engine is asked for a transaction.

use jiff::Timestamp;
use retake_core::{
    decide::SlotWait,
    ids::{KeyId, VideoId},
    job::JobRecord,
};

use crate::{
    queue_position::accounts_json,
    record::{NewJob, Repeat},
};

/// A new job in the form in which engines keep it.
pub(crate) struct NewJobRow {
    pub(crate) id: VideoId,
    pub(crate) created_at: Timestamp,
    pub(crate) record: JobRecord,
    /// The slots that it waits for.
    pub(crate) waits: Vec<SlotWait>,
    /// Their accounts, as JSON.
    pub(crate) waits_json: Option<String>,
    /// The request, as JSON.
    pub(crate) request: String,
    /// The plan, as JSON.
    pub(crate) plan: String,
    pub(crate) first_frame_key: Option<String>,
    /// The file of the video that it builds on.
    pub(crate) source_key: Option<String>,
    pub(crate) owner: Option<KeyId>,
    pub(crate) repeat: Option<Repeat>,
    pub(crate) max_open: Option<u32>,
}

impl NewJobRow {
    pub(crate) fn new(job: &NewJob) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: job.id.clone(),
            created_at: job.created_at,
            record: JobRecord::default(),
            waits: job.waits.clone(),
            waits_json: accounts_json(&job.waits),
            request: serde_json::to_string(&job.request)?,
            plan: serde_json::to_string(&job.plan)?,
            first_frame_key: job.request.first_frame.as_ref().map(|picture| picture.key.clone()),
            source_key: job.request.origin.as_ref().and_then(|origin| origin.key.clone()),
            owner: job.owner.clone(),
            repeat: job.repeat.clone(),
            max_open: job.max_open,
        })
    }
}
