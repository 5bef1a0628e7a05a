//! Handing out the jobs whose time has come.
//!
//! Counting the slots in use and taking the job happen in one transaction, so that no two replicas can
//! fill the same slot. A job stays in its queues while it is held for a submit: if its holder falls silent, it waits
//! for a slot again.

use jiff::Timestamp;
use retake_core::{
    fault::chain,
    ids::{ReplicaId, VideoId},
};
use rusqlite::{Connection, OptionalExtension, ToSql, named_params};

use super::{
    fault::{Done, Fail},
    replica, rows,
    values::{Moment, Text},
};
use crate::{
    error::StoreError,
    queue_position::{ASIDE, RANKS},
    record::{Claimed, Lease, Slots},
};

pub(super) const READY: &str = "SELECT id FROM jobs
    WHERE waits IS NULL AND replica IS NULL AND due_at <= :now
    ORDER BY due_at, id LIMIT :limit";

/// The few that are held come first in the queue, and are passed over.
pub(super) const WAITING: &str =
    "SELECT w.job_id FROM job_waits w CROSS JOIN jobs j ON j.id = w.job_id
    WHERE w.account = :account AND w.rank = :rank AND w.due_at <= :now AND j.replica IS NULL
    ORDER BY w.due_at, w.job_id LIMIT :limit";

pub(super) const OCCUPIED: &str = "SELECT COUNT(*) FROM jobs WHERE slot_account = :account
    AND (:at IS NULL OR replica = :at)";

pub(super) const NEXT_READY: &str = "SELECT MIN(due_at) FROM jobs
    WHERE waits IS NULL AND replica IS NULL AND due_at IS NOT NULL";

pub(super) const NEXT_WAITING: &str =
    "SELECT w.due_at FROM job_waits w CROSS JOIN jobs j ON j.id = w.job_id
    WHERE w.account = :account AND w.rank = :rank AND j.replica IS NULL
    ORDER BY w.due_at, w.job_id LIMIT 1";

pub(super) const NEXT_ACCOUNT: &str = "SELECT MIN(account) FROM job_waits WHERE account > :account";

pub(super) const TAKE: &str = "UPDATE jobs
    SET replica = :replica, epoch = epoch + 1, slot_account = COALESCE(:slot, slot_account), woken_at = NULL
    WHERE id = :id RETURNING epoch";

pub(super) const SET_ASIDE: &str = "UPDATE jobs
    SET replica = NULL, due_at = :later, slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END
    WHERE id = :id";

pub(super) const PUT_OFF: &str = "UPDATE job_waits SET due_at = :later WHERE job_id = :id";

/// Takes what is ready, then as many waiting jobs as there is room for.
pub(super) fn claim(
    db: &Connection,
    replica: &ReplicaId,
    slots: &[Slots],
    limit: u32,
    now: Timestamp,
) -> Done<Vec<Claimed>> {
    replica::known(db, replica)?;
    let now = Moment(now);
    let ready = due(db, READY, named_params! { ":now": now, ":limit": limit })?;
    let mut claimed = take(db, replica, ready, None, now)?;
    let mut room: Vec<u32> = slots.iter().map(|slot| free(db, slot)).collect::<Done<_>>()?;
    for rank in 0..RANKS {
        for (slot, free) in slots.iter().zip(&mut room) {
            let left = limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
            let count = left.min(*free);
            if count > 0 {
                let account = slot.account.as_str();
                let waiting = due(
                    db,
                    WAITING,
                    named_params! { ":account": account, ":rank": rank, ":now": now, ":limit": count },
                )?;
                let taken = take(db, replica, waiting, Some(account), now)?;
                *free = free.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
                claimed.extend(taken);
            }
        }
    }
    Ok(claimed)
}

/// When there could be something to take, with the slots as they are.
pub(super) fn next_due(db: &Connection, slots: &[Slots]) -> Done<Option<Timestamp>> {
    let mut earliest: Option<Moment> =
        db.prepare_cached(NEXT_READY)?.query_row([], |row| row.get(0))?;
    for slot in slots {
        if free(db, slot)? == 0 {
            continue;
        }
        for rank in 0..RANKS {
            let queue = named_params! { ":account": slot.account, ":rank": rank };
            let mut query = db.prepare_cached(NEXT_WAITING)?;
            let next: Option<Moment> = query.query_row(queue, |row| row.get(0)).optional()?;
            earliest = [earliest, next].into_iter().flatten().min_by_key(|moment| moment.0);
        }
    }
    Ok(earliest.map(|moment| moment.0))
}

/// The accounts that jobs wait for. Leaps from one to the next, however many jobs there are.
pub(super) fn awaited(db: &Connection) -> Done<Vec<String>> {
    let mut query = db.prepare_cached(NEXT_ACCOUNT)?;
    let mut accounts: Vec<String> = Vec::new();
    loop {
        let last = accounts.last().map_or("", String::as_str);
        let next: Option<String> =
            query.query_row(named_params! { ":account": last }, |row| row.get(0))?;
        let Some(account) = next else { return Ok(accounts) };
        accounts.push(account);
    }
}

fn free(db: &Connection, slot: &Slots) -> Done<u32> {
    let at = slot.at.as_ref().map(ReplicaId::as_str);
    Ok(slot.concurrency.saturating_sub(occupied(db, &slot.account, at)?))
}

/// How many slots of an account are in use, at one replica or at all of them.
pub(super) fn occupied(db: &Connection, account: &str, at: Option<&str>) -> Done<u32> {
    let mut query = db.prepare_cached(OCCUPIED)?;
    Ok(query.query_row(named_params! { ":account": account, ":at": at }, |row| row.get(0))?)
}

fn due(db: &Connection, sql: &str, values: &[(&str, &dyn ToSql)]) -> Done<Vec<VideoId>> {
    let mut query = db.prepare_cached(sql)?;
    let ids = query.query_map(values, |row| row.get(0).map(|Text(id)| id))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn take(
    db: &Connection,
    replica: &ReplicaId,
    ids: Vec<VideoId>,
    slot: Option<&str>,
    now: Moment,
) -> Done<Vec<Claimed>> {
    let mut update = db.prepare_cached(TAKE)?;
    let mut claimed = Vec::with_capacity(ids.len());
    for id in ids {
        let holder =
            named_params! { ":replica": replica.as_str(), ":id": id.as_str(), ":slot": slot };
        let epoch = update.query_row(holder, |row| row.get(0))?;
        match rows::job(db, &id) {
            Ok(Some(job)) => {
                let lease = Lease { id, epoch, replica: replica.clone() };
                claimed.push(Claimed { job, lease, slot: slot.map(str::to_owned) });
            }
            Ok(None) => return Err(StoreError::NotFound { id }.into()),
            Err(Fail::Refused(error @ StoreError::Unreadable { .. })) => {
                tracing::error!(job.id = %id, error = chain(&error), "a job is set aside for an hour");
                let later = Moment(now.0 + ASIDE);
                for put_off in [SET_ASIDE, PUT_OFF] {
                    db.prepare_cached(put_off)?
                        .execute(named_params! { ":id": id.as_str(), ":later": later })?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(claimed)
}
