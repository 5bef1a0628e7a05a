//! Recording who is to be told that a job ended. Runs in the transaction that records the end.

use futures::try_join;
use jiff::Timestamp;
use retake_core::{
    delivery_schedule::EventType,
    ids::{EndpointId, EventId, VideoId},
    job::JobState,
};
use tokio_postgres::Row;

use crate::postgres::{
    fault::Done,
    session::Session,
    values::{self, Moment, Read},
};

/// The enabled endpoints of the machine's owner, which cannot be dropped until the transaction ends.
pub(crate) const OF_ALL: &str = "SELECT id, event_types FROM webhook_endpoints
    WHERE owner IS NULL AND deleted_at IS NULL AND disabled_at IS NULL FOR KEY SHARE";

/// Those of the job's owner, while its key is good.
pub(crate) const OF_ITS_OWNER: &str = "SELECT id, event_types FROM webhook_endpoints
    WHERE owner = (SELECT k.id FROM jobs j JOIN api_keys k ON k.id = j.owner
            WHERE j.id = $1 AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $2))
        AND deleted_at IS NULL AND disabled_at IS NULL FOR KEY SHARE";

/// Of a job that nobody owns, those that were the machine owner's before there were keys.
pub(crate) const OF_NOBODY: &str = "SELECT e.id, e.event_types FROM webhook_endpoints e
        JOIN api_keys k ON k.id = e.owner
    WHERE e.hears_unowned AND e.deleted_at IS NULL AND e.disabled_at IS NULL
        AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
        AND EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND owner IS NULL)
    FOR KEY SHARE OF e";

pub(crate) const RECORD: &str = "INSERT INTO webhook_deliveries
        (id, endpoint, event_type, video, created_at, state, failures, due_at)
    SELECT told.id, told.endpoint, $3, $4, $5, 'pending', 0, $5
    FROM unnest($1::text[], $2::text[]) AS told (id, endpoint)";

/// The notices of one end.
pub(in crate::postgres) struct Notices {
    video: VideoId,
    event_type: Option<EventType>,
    at: Timestamp,
    ids: Vec<String>,
    endpoints: Vec<String>,
}

impl Notices {
    /// The notices that follow from a life in this state: none while the job is not over.
    pub(in crate::postgres) async fn of(
        db: &Session,
        video: &VideoId,
        state: &JobState,
        at: Timestamp,
    ) -> Done<Self> {
        let (event_type, video) = (EventType::of(state), video.clone());
        let mut notices = Self { video, event_type, at, ids: Vec::new(), endpoints: Vec::new() };
        let Some(event_type) = event_type else { return Ok(notices) };
        let [of_all, of_its_owner, of_nobody] =
            db.prepare([OF_ALL, OF_ITS_OWNER, OF_NOBODY]).await?;
        let (job, now) = (notices.video.as_str(), Moment(at));
        let (all, its_owners, nobodys) = try_join!(
            db.query(&of_all, []),
            db.query(&of_its_owner, [&job, &now]),
            db.query(&of_nobody, [&job, &now]),
        )?;
        for row in all.iter().chain(&its_owners).chain(&nobodys) {
            match listener(row) {
                Ok((endpoint, told)) if told.contains(&event_type) => {
                    notices.ids.push(EventId::new(at).to_string());
                    notices.endpoints.push(endpoint.to_string());
                }
                Ok(_) => {}
                // An endpoint that cannot be read must not keep a job from ending.
                Err(error) => {
                    tracing::error!(job.id = %notices.video, %error, "a webhook endpoint is left out");
                }
            }
        }
        Ok(notices)
    }

    /// Records them, to be delivered at once.
    pub(in crate::postgres) async fn record(&self, db: &Session) -> Done<()> {
        let Some(event_type) = self.event_type.filter(|_| !self.ids.is_empty()) else {
            return Ok(());
        };
        let [record] = db.prepare([RECORD]).await?;
        let (told, video) = (event_type.as_str(), self.video.as_str());
        db.execute(&record, [&self.ids, &self.endpoints, &told, &video, &Moment(self.at)]).await?;
        Ok(())
    }
}

fn listener(row: &Row) -> Read<(EndpointId, Vec<EventType>)> {
    Ok((values::parsed(row, "id")?, values::unjson(values::plain(row, "event_types")?)?))
}
