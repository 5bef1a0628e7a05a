//! Handing out the jobs whose time has come.
//!
//! A look that changes nothing comes first, since most find nothing to do. Slots in use are counted and jobs
//! taken under a lock of the account, so that no two replicas can fill the same slot; jobs that need no slot
//! are taken past each other. A job stays in its queues while it is held for a submit: if its holder falls silent, it
//! waits for a slot again.

use std::sync::Mutex;

use futures::try_join;
use jiff::Timestamp;
use retake_core::{
    fault::chain,
    ids::{ReplicaId, VideoId},
};
use tokio_postgres::{Row, Statement};

use super::{
    commit,
    fault::Done,
    replica,
    rows::{self, select_jobs},
    session::{Session, Value},
    values::{self, Moment, number},
};
use crate::{
    error::StoreError,
    queue_position::RANKS,
    record::{Claimed, Lease, Slots},
};

/// Whether a claim could find something, and for which accounts.
pub(super) const LOOK: &str = "SELECT
    (SELECT true FROM replicas WHERE id = $1) AS known,
    (SELECT true FROM jobs WHERE waits IS NULL AND replica IS NULL AND due_at <= $2 LIMIT 1) AS ready,
    ARRAY(SELECT s.account FROM unnest($3::text[], $4::bigint[], $5::text[]) AS s (account, concurrency, at)
          WHERE EXISTS (SELECT 1 FROM generate_series(0, $6::bigint - 1) AS ranks (rank) WHERE (
                SELECT true FROM job_waits w JOIN jobs j ON j.id = w.job_id
                WHERE w.account = s.account AND w.rank = ranks.rank AND w.due_at <= $2 AND j.replica IS NULL
                LIMIT 1))
            AND (SELECT COUNT(*) FROM jobs WHERE slot_account = s.account
                 AND (s.at IS NULL OR replica = s.at)) < s.concurrency) AS accounts";

/// Waits for other claims on these accounts and keeps them waiting until the transaction ends. All claims
/// lock in the same order.
pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(key) FROM (
        SELECT hashtextextended('retake account ' || current_schema() || '/' || account, 0) AS key
        FROM unnest($1::text[]) AS account ORDER BY key
    ) AS keys";

pub(super) const TAKE_READY: &str = "WITH due AS MATERIALIZED (
        SELECT id, due_at FROM jobs WHERE replica IS NULL AND due_at <= $2 AND waits IS NULL
        ORDER BY due_at, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE jobs j SET replica = $1, epoch = epoch + 1, woken_at = NULL
    FROM due WHERE j.id = due.id RETURNING j.id, j.epoch, due.due_at";

/// The few that are held come first in the queue, and are passed over.
pub(super) const TAKE_WAITING: &str = "WITH due AS MATERIALIZED (
        SELECT j.id, w.due_at FROM job_waits w JOIN jobs j ON j.id = w.job_id
        WHERE w.account = $4 AND w.rank = $7 AND w.due_at <= $2 AND j.replica IS NULL
        ORDER BY w.due_at, w.job_id LIMIT LEAST($3, GREATEST(0, $5::bigint - (SELECT COUNT(*) FROM jobs
            WHERE slot_account = $4 AND ($6::text IS NULL OR replica = $6))))
        FOR NO KEY UPDATE OF j SKIP LOCKED)
    UPDATE jobs j SET replica = $1, epoch = epoch + 1, slot_account = $4, woken_at = NULL
    FROM due WHERE j.id = due.id RETURNING j.id, j.epoch, due.due_at";

/// The jobs that were taken, in a statement of its own: what they hold may be newer than the taking saw.
pub(super) const TAKEN: &str = select_jobs!("SELECT * FROM jobs WHERE id = ANY ($1)");

pub(super) const NEXT: &str = "SELECT LEAST(
    (SELECT MIN(due_at) FROM jobs WHERE waits IS NULL AND replica IS NULL AND due_at IS NOT NULL),
    (SELECT MIN((SELECT w.due_at FROM job_waits w JOIN jobs j ON j.id = w.job_id
                 WHERE w.account = s.account AND w.rank = ranks.rank AND j.replica IS NULL
                 ORDER BY w.due_at, w.job_id LIMIT 1))
     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS s (account, concurrency, at)
     CROSS JOIN generate_series(0, $4::bigint - 1) AS ranks (rank)
     WHERE (SELECT COUNT(*) FROM jobs WHERE slot_account = s.account
            AND (s.at IS NULL OR replica = s.at)) < s.concurrency)) AS due_at";

pub(super) const OCCUPIED: &str = "SELECT COUNT(*) FROM jobs WHERE slot_account = $1";

/// Leaps from one account to the next, however many jobs there are.
pub(super) const AWAITED: &str = "WITH RECURSIVE awaited (account) AS (
        SELECT MIN(account) FROM job_waits
        UNION ALL
        SELECT (SELECT MIN(account) FROM job_waits WHERE account > awaited.account)
        FROM awaited WHERE awaited.account IS NOT NULL
    )
    SELECT account FROM awaited WHERE account IS NOT NULL";

/// What is asked for by a claim.
pub(super) struct Ask {
    pub(super) replica: ReplicaId,
    pub(super) slots: Vec<Slots>,
    pub(super) limit: u32,
    pub(super) now: Timestamp,
}

/// What a claim took. Jobs that cannot be read are to be given back for a while.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) claimed: Vec<Claimed>,
    pub(super) unreadable: Vec<Lease>,
}

/// Takes what is ready, then as many waiting jobs as there is room for. `doubtful` are leases that an
/// earlier try may have taken without learning it.
pub(super) async fn claim(db: &Session, ask: &Ask, doubtful: &Mutex<Vec<Lease>>) -> Done<Taken> {
    let undone = lock(doubtful).clone();
    commit::give_back(db, &undone, ask.now).await?;
    lock(doubtful).clear();
    let Some(accounts) = look(db, ask).await? else { return Ok(Taken::default()) };
    let [known, alone, ready] = db.prepare([replica::KNOWN, ALONE, TAKE_READY]).await?;
    let [waiting, taken] = db.prepare([TAKE_WAITING, TAKEN]).await?;
    let (me, now) = (ask.replica.as_str(), Moment(ask.now));
    let limit = i64::from(ask.limit);
    let ((), known, _, first) = try_join!(
        db.begin(),
        db.query_opt(&known, [&me]),
        db.query(&alone, [&accounts]),
        db.query(&ready, [&me, &now, &limit]),
    )?;
    if known.is_none() {
        return Err(replica::forgotten(&ask.replica).into());
    }
    let mut leases: Vec<(Lease, Option<String>)> =
        in_order(&first, ask)?.into_iter().map(|lease| (lease, None)).collect();
    for rank in 0..i64::from(RANKS) {
        for slot in ask.slots.iter().filter(|slot| accounts.contains(&slot.account)) {
            let room = limit - number(leases.len());
            if room > 0 {
                let (account, concurrency) = (&slot.account, i64::from(slot.concurrency));
                let at = slot.at.as_ref().map(ReplicaId::as_str);
                let values = [&me as Value<'_>, &now, &room, account, &concurrency, &at, &rank];
                let more = in_order(&db.query(&waiting, values).await?, ask)?;
                leases.extend(more.into_iter().map(|lease| (lease, Some(account.clone()))));
            }
        }
    }
    *lock(doubtful) = leases.iter().map(|(lease, _)| lease.clone()).collect();
    read(db, &taken, leases).await
}

async fn look(db: &Session, ask: &Ask) -> Done<Option<Vec<String>>> {
    let [look] = db.prepare([LOOK]).await?;
    let (accounts, counts, at) = columns(&ask.slots);
    let (me, now) = (ask.replica.as_str(), Moment(ask.now));
    let ranks = i64::from(RANKS);
    let found = db.query_one(&look, [&me, &now, &accounts, &counts, &at, &ranks]).await?;
    if found.get::<_, Option<bool>>("known").is_none() {
        return Err(replica::forgotten(&ask.replica).into());
    }
    let accounts: Vec<String> = found.get("accounts");
    let nothing = found.get::<_, Option<bool>>("ready").is_none() && accounts.is_empty();
    Ok((!nothing && ask.limit > 0).then_some(accounts))
}

/// Reads the jobs that were taken and makes the taking durable.
async fn read(
    db: &Session,
    taken: &Statement,
    leases: Vec<(Lease, Option<String>)>,
) -> Done<Taken> {
    let ids: Vec<&str> = leases.iter().map(|(lease, _)| lease.id.as_str()).collect();
    let (rows, ()) = try_join!(db.query(taken, [&ids]), db.commit())?;
    let mut answer = Taken::default();
    for (lease, slot) in leases {
        let of_it = |row: &&Row| row.get::<_, &str>("id") == lease.id.as_str();
        let row = rows.iter().find(of_it);
        let missing = || Err(StoreError::NotFound { id: lease.id.clone() });
        match row.map_or_else(missing, rows::job_of) {
            Ok(job) => answer.claimed.push(Claimed { job, lease, slot }),
            Err(error) => {
                tracing::error!(job.id = %lease.id, error = chain(&error), "a job is set aside for an hour");
                answer.unreadable.push(lease);
            }
        }
    }
    Ok(answer)
}

/// The leases on the jobs of one taking, the longest due first.
fn in_order(rows: &[Row], ask: &Ask) -> Done<Vec<Lease>> {
    let mut leases = Vec::with_capacity(rows.len());
    for row in rows {
        let Moment(due) = row.get("due_at");
        let unreadable = |source| StoreError::Unreadable { id: row.get("id"), source };
        let id: VideoId = values::parsed(row, "id").map_err(unreadable)?;
        let epoch = values::count(row, "epoch").map_err(unreadable)?;
        leases.push((due, Lease { id, epoch, replica: ask.replica.clone() }));
    }
    leases.sort_by(|(a, left), (b, right)| (a, left.id.as_str()).cmp(&(b, right.id.as_str())));
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

/// When there could be something to take, with the slots as they are.
pub(super) async fn next_due(db: &Session, slots: &[Slots]) -> Done<Option<Timestamp>> {
    let [next] = db.prepare([NEXT]).await?;
    let (accounts, counts, at) = columns(slots);
    let row = db.query_one(&next, [&accounts, &counts, &at, &i64::from(RANKS)]).await?;
    Ok(row.get::<_, Option<Moment>>("due_at").map(|Moment(at)| at))
}

/// The accounts that jobs wait for.
pub(super) async fn awaited(db: &Session) -> Done<Vec<String>> {
    let [awaited] = db.prepare([AWAITED]).await?;
    Ok(db.query(&awaited, []).await?.iter().map(|row| row.get("account")).collect())
}

/// How many slots of an account are in use.
pub(super) async fn occupied(db: &Session, account: &str) -> Done<u32> {
    let [occupied] = db.prepare([OCCUPIED]).await?;
    let count: i64 = db.query_one(&occupied, [&account]).await?.get(0);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The accounts, how many attempts each takes, and at which replica they are counted.
type Columns<'a> = (Vec<&'a str>, Vec<i64>, Vec<Option<&'a str>>);

fn columns(slots: &[Slots]) -> Columns<'_> {
    (
        slots.iter().map(|slot| slot.account.as_str()).collect(),
        slots.iter().map(|slot| i64::from(slot.concurrency)).collect(),
        slots.iter().map(|slot| slot.at.as_ref().map(ReplicaId::as_str)).collect(),
    )
}

fn lock(leases: &Mutex<Vec<Lease>>) -> std::sync::MutexGuard<'_, Vec<Lease>> {
    leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
