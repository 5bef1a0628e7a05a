//! The queues of jobs that wait for a slot of an account.
//!
//! A job stands in the queue of each account that it could go to. It leaves all of them when it begins, is stopped or
//! ends; while it is held for a submit it stays in them, so that it waits again if its holder falls silent.

use retake_core::{decide::SlotWait, ids::VideoId};
use rusqlite::{Connection, named_params};

use super::{fault::Done, values::Moment};
use crate::queue_position::rank;

pub(super) const ADD: &str = "INSERT INTO job_waits (job_id, account, rank, due_at)
    VALUES (:id, :account, :rank, :due)";

pub(super) const LEAVE: &str = "DELETE FROM job_waits WHERE job_id = :id";

/// Puts a job into the queues.
pub(super) fn add(db: &Connection, id: &VideoId, waits: &[SlotWait]) -> Done<()> {
    let mut add = db.prepare_cached(ADD)?;
    for (place, wait) in waits.iter().enumerate() {
        add.execute(named_params! {
            ":id": id.as_str(),
            ":account": wait.account,
            ":rank": rank(place),
            ":due": Moment(wait.from),
        })?;
    }
    Ok(())
}

/// Takes a job out of all queues.
pub(super) fn leave(db: &Connection, id: &VideoId) -> Done<()> {
    db.prepare_cached(LEAVE)?.execute(named_params! { ":id": id.as_str() })?;
    Ok(())
}
