//! The files of jobs: which are to be removed, and which are still needed.

use jiff::Timestamp;
use retake_core::ids::VideoId;

use super::{
    fault::Done,
    owner,
    session::Session,
    values::{self, Moment},
};
use crate::{error::StoreError, record::ExpiredFile};

pub(super) const EXPIRED: &str = "SELECT id, output_key FROM jobs
    WHERE file_due_at <= $1 ORDER BY file_due_at, id LIMIT $2";

pub(super) const REMOVED: &str = "UPDATE jobs
    SET file_removed_at = COALESCE(file_removed_at, $2), file_due_at = NULL WHERE id = $1";

pub(super) const KNOWN: &str =
    "SELECT k.key FROM unnest($1::text[]) WITH ORDINALITY AS k (key, place)
    WHERE (SELECT true FROM jobs
           WHERE output_key = k.key AND deleted_at IS NULL AND file_removed_at IS NULL LIMIT 1)
       OR (SELECT true FROM jobs
           WHERE first_frame_key = k.key AND deleted_at IS NULL AND file_removed_at IS NULL LIMIT 1)
       OR (SELECT true FROM jobs
           WHERE source_key = k.key AND state IN ('queued', 'in_progress') LIMIT 1)
       OR (SELECT true FROM characters WHERE picture_key = k.key LIMIT 1)
    ORDER BY k.place";

/// Files to remove.
pub(super) async fn expired(db: &Session, now: Timestamp, limit: u32) -> Done<Vec<ExpiredFile>> {
    let [expired] = db.prepare([EXPIRED]).await?;
    let rows = db.query(&expired, [&Moment(now), &i64::from(limit)]).await?;
    let mut files = Vec::with_capacity(rows.len());
    for row in rows {
        let unreadable = |source| StoreError::Unreadable { id: row.get("id"), source };
        let id = values::parsed(&row, "id").map_err(unreadable)?;
        files.push(ExpiredFile { id, key: row.get("output_key") });
    }
    Ok(files)
}

/// Records that a file is gone.
pub(super) async fn removed(db: &Session, id: &VideoId, now: Timestamp) -> Done<()> {
    let [removed] = db.prepare([REMOVED]).await?;
    let told = db.execute(&removed, [&id.as_str(), &Moment(now)]).await?;
    if told == 0 { Err(owner::missing(id).into()) } else { Ok(()) }
}

/// Those of the keys that are still needed.
pub(super) async fn known(db: &Session, keys: &[String]) -> Done<Vec<String>> {
    let [known] = db.prepare([KNOWN]).await?;
    Ok(db.query(&known, [&keys]).await?.iter().map(|row| row.get("key")).collect())
}
