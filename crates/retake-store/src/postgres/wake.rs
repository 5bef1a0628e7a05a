//! Making a job due because its provider has news of it.

use jiff::Timestamp;
use retake_core::ids::VideoId;

use super::{fault::Done, session::Session, values::Moment};

/// Whatever came first stands: a job that was overdue keeps its place, and so does a request to stop it.
pub(super) const NUDGE: &str = "UPDATE jobs
    SET due_at = CASE WHEN replica IS NULL THEN LEAST(due_at, $2) ELSE due_at END,
        woken_at = CASE WHEN replica IS NOT NULL THEN COALESCE(woken_at, $2) END
    WHERE id = $1 AND open_attempt IS NOT NULL";

/// Makes a job with an open attempt due at once, or as soon as it is freed.
pub(super) async fn nudge(db: &Session, id: &VideoId, now: Timestamp) -> Done<bool> {
    let [nudge] = db.prepare([NUDGE]).await?;
    Ok(db.execute(&nudge, [&id.as_str(), &Moment(now)]).await? > 0)
}
