//! Recording who is to be told that a job ended. Runs in the transaction that records the end.

use jiff::Timestamp;
use retake_core::{
    delivery_schedule::EventType,
    fault::chain,
    ids::{EndpointId, EventId, VideoId},
    job::JobState,
};
use rusqlite::{Connection, named_params};

use crate::{
    error::StoreError,
    sqlite::{
        fault::{Done, Fail},
        values::{Json, Moment, Text},
    },
};

/// The enabled endpoints of the machine's owner, and those of the job's owner while its key is good. Of a job
/// that nobody owns, also those that were the machine owner's before there were keys.
pub(crate) const LISTENERS: &str = "SELECT id, event_types FROM webhook_endpoints
    WHERE owner IS NULL AND deleted_at IS NULL AND disabled_at IS NULL
    UNION ALL
    SELECT e.id, e.event_types FROM jobs j CROSS JOIN api_keys k ON k.id = j.owner
        CROSS JOIN webhook_endpoints e ON e.owner = j.owner
    WHERE j.id = :video AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
        AND e.deleted_at IS NULL AND e.disabled_at IS NULL
    UNION ALL
    SELECT e.id, e.event_types FROM jobs j CROSS JOIN webhook_endpoints e ON e.hears_unowned = 1
        CROSS JOIN api_keys k ON k.id = e.owner
    WHERE j.id = :video AND j.owner IS NULL
        AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
        AND e.deleted_at IS NULL AND e.disabled_at IS NULL";

pub(crate) const RECORD: &str = "INSERT INTO webhook_deliveries
        (id, endpoint, event_type, video, created_at, state, failures, due_at)
    VALUES (:id, :endpoint, :event_type, :video, :now, 'pending', 0, :now)";

/// Records a delivery for each endpoint that is to be told; none while the job is not over.
pub(in crate::sqlite) fn announce(
    db: &Connection,
    video: &VideoId,
    state: &JobState,
    now: Timestamp,
) -> Done<()> {
    let Some(event_type) = EventType::of(state) else { return Ok(()) };
    let of = named_params! { ":video": video.as_str(), ":now": Moment(now) };
    let mut query = db.prepare_cached(LISTENERS)?;
    let listeners = query.query_map(of, |row| {
        let (Text::<EndpointId>(id), Json::<Vec<EventType>>(told)) =
            (row.get("id")?, row.get("event_types")?);
        Ok((id, told))
    })?;
    for listener in listeners {
        let (endpoint, told) = match listener.map_err(|error| Fail::from(error).reading(video)) {
            Ok(listener) => listener,
            // An endpoint that cannot be read must not keep a job from ending.
            Err(Fail::Refused(error @ StoreError::Unreadable { .. })) => {
                tracing::error!(job.id = %video, error = chain(&error), "a webhook endpoint is left out");
                continue;
            }
            Err(error) => return Err(error),
        };
        if told.contains(&event_type) {
            db.prepare_cached(RECORD)?.execute(named_params! {
                ":id": EventId::new(now).as_str(),
                ":endpoint": endpoint.as_str(),
                ":event_type": event_type.as_str(),
                ":video": video.as_str(),
                ":now": Moment(now),
            })?;
        }
    }
    Ok(())
}
