//! Making a job due because its provider has news of it.

use jiff::Timestamp;
use retake_core::ids::VideoId;
use rusqlite::{Connection, named_params};

use super::{fault::Done, values::Moment};

/// Whatever came first stands: a job that was overdue keeps its place, and so does a request to stop it.
pub(super) const NUDGE: &str = "UPDATE jobs
    SET due_at = CASE WHEN replica IS NULL THEN MIN(due_at, :now) ELSE due_at END,
        woken_at = CASE WHEN replica IS NOT NULL THEN COALESCE(woken_at, :now) END
    WHERE id = :id AND open_attempt IS NOT NULL";

/// Makes a job with an open attempt due at once, or as soon as it is freed.
pub(super) fn nudge(db: &Connection, id: &VideoId, now: Timestamp) -> Done<bool> {
    let nudged = db
        .prepare_cached(NUDGE)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    Ok(nudged > 0)
}
