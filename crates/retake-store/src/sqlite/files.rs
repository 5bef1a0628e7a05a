//! The files of jobs: which are to be removed, and which are still needed.

use jiff::Timestamp;
use retake_core::ids::VideoId;
use rusqlite::{Connection, named_params};

use super::{
    fault::Done,
    values::{Moment, Text},
};
use crate::{error::StoreError, record::ExpiredFile};

pub(super) const EXPIRED: &str = "SELECT id, output_key FROM jobs
    WHERE file_due_at <= :now ORDER BY file_due_at, id LIMIT :limit";

pub(super) const REMOVED: &str = "UPDATE jobs
    SET file_removed_at = COALESCE(file_removed_at, :now), file_due_at = NULL WHERE id = :id";

pub(super) const AN_OUTPUT: &str = "SELECT 1 FROM jobs
    WHERE output_key = :key AND deleted_at IS NULL AND file_removed_at IS NULL";

pub(super) const A_FIRST_FRAME: &str = "SELECT 1 FROM jobs
    WHERE first_frame_key = :key AND deleted_at IS NULL AND file_removed_at IS NULL";

pub(super) const A_SOURCE: &str = "SELECT 1 FROM jobs
    WHERE source_key = :key AND state IN ('queued', 'in_progress')";

pub(super) const A_CHARACTER: &str = "SELECT 1 FROM characters WHERE picture_key = :key";

/// Files to remove.
pub(super) fn expired(db: &Connection, now: Timestamp, limit: u32) -> Done<Vec<ExpiredFile>> {
    let mut query = db.prepare_cached(EXPIRED)?;
    let files = query.query_map(named_params! { ":now": Moment(now), ":limit": limit }, |row| {
        let Text(id) = row.get("id")?;
        Ok(ExpiredFile { id, key: row.get("output_key")? })
    })?;
    Ok(files.collect::<Result<_, _>>()?)
}

/// Records that a file is gone.
pub(super) fn removed(db: &Connection, id: &VideoId, now: Timestamp) -> Done<()> {
    let told = db
        .prepare_cached(REMOVED)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    if told == 0 { Err(StoreError::NotFound { id: id.clone() }.into()) } else { Ok(()) }
}

/// Those of the keys that are still needed.
pub(super) fn known(db: &Connection, keys: Vec<String>) -> Done<Vec<String>> {
    let mut needed = Vec::new();
    for key in keys {
        for uses in [AN_OUTPUT, A_FIRST_FRAME, A_SOURCE, A_CHARACTER] {
            if db.prepare_cached(uses)?.exists(named_params! { ":key": key })? {
                needed.push(key);
                break;
            }
        }
    }
    Ok(needed)
}
