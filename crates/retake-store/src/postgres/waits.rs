//! The queues of jobs that wait for a slot of an account.
//!
//! A job stands in the queue of each account that it could go to. It leaves all of them when it begins, is stopped or
//! ends; while it is held for a submit it stays in them, so that it waits again if its holder falls silent.

use futures::try_join;
use retake_core::decide::SlotWait;
use tokio_postgres::Statement;

use super::{fault::Done, session::Session, values::Moment};
use crate::queue_position::rank;

pub(super) const ADD: &str = "INSERT INTO job_waits (job_id, account, rank, due_at)
    SELECT $1, account, rank, due_at
    FROM unnest($2::text[], $3::bigint[], $4::timestamptz[]) AS wait (account, rank, due_at)";

pub(super) const LEAVE: &str = "DELETE FROM job_waits WHERE job_id = $1";

/// Waits as columns.
pub(super) struct Columns<'a> {
    pub(super) accounts: Vec<&'a str>,
    pub(super) ranks: Vec<i64>,
    pub(super) due: Vec<Moment>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(waits: &'a [SlotWait]) -> Self {
        Self {
            accounts: waits.iter().map(|wait| wait.account.as_str()).collect(),
            ranks: (0..waits.len()).map(|place| i64::from(rank(place))).collect(),
            due: waits.iter().map(|wait| Moment(wait.from)).collect(),
        }
    }
}

/// The statements that [`replace`] needs.
pub(super) struct Statements {
    leave: Statement,
    add: Statement,
}

pub(super) async fn prepare(db: &Session) -> Done<Statements> {
    let [leave, add] = db.prepare([LEAVE, ADD]).await?;
    Ok(Statements { leave, add })
}

/// Replaces the queues in which a job stands. `was_waiting` is whether it stood in any. Everything is sent at once, so
/// that it can go along with the commit of its transaction.
pub(super) async fn replace(
    db: &Session,
    statements: &Statements,
    id: &str,
    was_waiting: bool,
    waits: &[SlotWait],
) -> Done<()> {
    let Columns { accounts, ranks, due } = Columns::new(waits);
    let leave = async {
        if was_waiting {
            db.execute(&statements.leave, [&id]).await?;
        }
        Done::Ok(())
    };
    let add = async {
        if !accounts.is_empty() {
            db.execute(&statements.add, [&id, &accounts, &ranks, &due]).await?;
        }
        Done::Ok(())
    };
    try_join!(leave, add)?;
    Ok(())
}

/// Takes a job out of all queues.
pub(super) async fn leave(db: &Session, id: &str) -> Done<()> {
    let [leave] = db.prepare([LEAVE]).await?;
    db.execute(&leave, [&id]).await?;
    Ok(())
}
