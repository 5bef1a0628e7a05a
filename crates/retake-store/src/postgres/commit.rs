//! Recording what a leaseholder did, and giving its job back.
//!
//! Both are fenced: the row must still name this replica and this epoch. When the connection breaks while a
//! change is being made durable, nobody knows whether it was. What it was about to write is remembered as a
//! [`InDoubtCommit`], and whoever records the change again looks first whether it is there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{future::try_join_all, try_join};
use jiff::Timestamp;
use retake_core::{decide::SlotWait, ids::VideoId, job::Attempt};
use tokio_postgres::{Row, Statement};

use super::{
    exchanges::Said,
    fault::{Done, Fail},
    outbox::announce::{self, Notices},
    owner, renders,
    session::Session,
    settling, timeline,
    values::{self, Moment, json, number, text},
    waits,
};
use crate::{
    error::StoreError,
    queue_position::accounts_json,
    record::{Change, Committed, JobEvent, Lease},
    transition::{Held, Transition, settlement_word},
};

pub(super) const HELD: &str =
    "SELECT waits IS NOT NULL AS waits, cancel_requested, woken_at FROM jobs
    WHERE id = $1 AND replica = $2 AND epoch = $3 FOR NO KEY UPDATE";

pub(super) const LIFE: &str = "UPDATE jobs SET state = $2, fault = $3, progress = $4,
        cancel_requested = $5, hold_kind = $6, hold_until = $17, hold_reason = $7, completed_at = $8,
        expires_at = COALESCE($9, expires_at), output = COALESCE($10, output),
        output_key = COALESCE($11, output_key),
        file_due_at = CASE WHEN COALESCE($11, output_key) IS NOT NULL
                           THEN COALESCE($9, expires_at) END,
        open_attempt = $12, due_at = $13, waits = $14, slot_account = $15,
        replica = CASE WHEN $16 THEN replica END,
        woken_at = CASE WHEN $16 THEN woken_at END
    WHERE id = $1";

/// What was found out behind the holder's back stays: it knows no more than that the submit is unsettled.
pub(super) const ATTEMPT: &str = "INSERT INTO attempts (job_id, number, route, state,
        remote_id, begun_at, accepted_at, ended_at, progress, failed_fetches, fault, note, lost_at,
        absent_since, settlement, charged_micros, file)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (job_id, number) DO UPDATE SET state = excluded.state,
        remote_id = COALESCE(excluded.remote_id, attempts.remote_id), lost_at = excluded.lost_at,
        absent_since = COALESCE(excluded.absent_since, attempts.absent_since),
        settlement = CASE WHEN excluded.settlement = 'pending' AND attempts.settlement IS NOT NULL
                          THEN attempts.settlement ELSE excluded.settlement END,
        accepted_at = excluded.accepted_at,
        ended_at = excluded.ended_at, progress = excluded.progress,
        failed_fetches = excluded.failed_fetches, fault = excluded.fault,
        note = excluded.note, charged_micros = COALESCE(excluded.charged_micros, attempts.charged_micros),
        file = excluded.file";

/// A slot that was taken for a submit that was never recorded is given back with the job. A job that is to be stopped
/// waits for none.
pub(super) const RELEASE: &str = "WITH freed AS (
        UPDATE jobs SET replica = NULL, due_at = COALESCE(woken_at, $4), woken_at = NULL,
            slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END,
            waits = CASE WHEN NOT cancel_requested THEN $5::text END
        WHERE id = $1 AND replica = $2 AND epoch = $3 RETURNING id, waits
    ), left_queues AS (
        DELETE FROM job_waits w USING freed f
        WHERE w.job_id = f.id AND (f.waits IS NULL OR w.account <> ALL ($6))
    ), queues AS (
        INSERT INTO job_waits (job_id, account, rank, due_at)
        SELECT f.id, wait.account, wait.rank, wait.due_at
        FROM freed f, unnest($6::text[], $7::bigint[], $8::timestamptz[]) AS wait (account, rank, due_at)
        WHERE f.waits IS NOT NULL
        ON CONFLICT (job_id, account) DO UPDATE SET rank = excluded.rank, due_at = excluded.due_at
    )
    SELECT COUNT(*) FROM freed";

/// Gives a job back as it was taken, with its place in the queues.
pub(super) const GIVE_BACK: &str = "WITH freed AS (
        UPDATE jobs SET replica = NULL, due_at = COALESCE(woken_at, $4), woken_at = NULL,
            slot_account = CASE WHEN open_attempt IS NOT NULL THEN slot_account END
        WHERE id = $1 AND replica = $2 AND epoch = $3 RETURNING id
    )
    UPDATE job_waits w SET due_at = GREATEST(w.due_at, $4) FROM freed WHERE w.job_id = freed.id";

/// A change of which nobody knows yet whether it was kept.
#[derive(Clone)]
struct InDoubtCommit {
    epoch: u64,
    /// The line it was about to add.
    seq: i64,
    at: Timestamp,
    event: String,
    /// What its holder is to learn if it was kept.
    answer: Committed,
}

/// The changes in doubt, by job.
#[derive(Default)]
pub(super) struct Doubts(Mutex<HashMap<VideoId, InDoubtCommit>>);

impl Doubts {
    fn of(&self, lease: &Lease, at: Timestamp, event: &str) -> Option<InDoubtCommit> {
        let same = |doubt: &&InDoubtCommit| {
            (doubt.epoch, doubt.at, doubt.event.as_str()) == (lease.epoch, at, event)
        };
        self.all().get(&lease.id).filter(same).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<VideoId, InDoubtCommit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records a change, if the lease still holds.
pub(super) async fn commit(
    db: &Session,
    lease: &Lease,
    change: &Change,
    doubts: &Doubts,
) -> Done<Committed> {
    let told = record(db, lease, change, doubts).await;
    if matches!(told, Ok(_) | Err(Fail::Refused(_))) {
        doubts.all().remove(&lease.id);
    }
    told
}

async fn record(db: &Session, lease: &Lease, change: &Change, doubts: &Doubts) -> Done<Committed> {
    let event = json(&change.events.first().cloned().map(JobEvent::Job))?;
    if let Some(doubt) = doubts.of(lease, change.at, &event)
        && was_kept(db, &lease.id, &doubt).await?
    {
        return Ok(doubt.answer);
    }
    let [held, last] = db.prepare([HELD, timeline::LAST]).await?;
    let [record, attempt, append] = db.prepare([LIFE, ATTEMPT, timeline::APPEND]).await?;
    let [unsettled] = db.prepare([settling::ADD]).await?;
    let (id, replica) = (lease.id.as_str(), lease.replica.as_str());
    let epoch = number(lease.epoch);
    db.prepare([announce::OF_ALL, announce::OF_ITS_OWNER, announce::RECORD]).await?;
    Said::prepare(db, change).await?;
    let queues = waits::prepare(db).await?;
    let ((), held, last, notices, said) = try_join!(
        db.begin(),
        db.query_opt(&held, [&id, &replica, &epoch]),
        db.query_opt(&last, [&id]),
        Notices::of(db, &lease.id, &change.record.state, change.at),
        Said::of(db, &lease.id, change),
    )?;
    let held = held_of(&held.ok_or_else(|| lost(lease))?, lease)?;
    let next = Transition::new(&held, change);
    let seq = timeline::next_seq(last.as_ref());
    let answer = next.committed();
    if let (Some(render), Some(attempt)) = (&change.render, next.open_attempt())
        && let Err(refused) = renders::own(db, id, attempt.number, render).await
    {
        db.roll_back().await;
        return Err(refused);
    }
    let doubt =
        InDoubtCommit { epoch: lease.epoch, seq, at: change.at, event: event.clone(), answer };
    doubts.all().insert(lease.id.clone(), doubt);
    try_join!(
        keep_record(db, &record, id, change, &next),
        waits::replace(db, &queues, id, held.waits, &next.position.waits),
        try_join_all(next.changed_attempts().map(|one| keep_attempt(db, &attempt, id, one))),
        try_join_all(next.unsettled().map(|one| add_unsettled(db, &unsettled, id, one, change.at))),
        add_lines(db, &append, id, seq, change, &next),
        said.keep(db),
        notices.record(db),
        db.commit(),
    )?;
    Ok(answer)
}

/// Whether a change that was in doubt is on record. Waits for it, if it is still under way.
async fn was_kept(db: &Session, id: &VideoId, doubt: &InDoubtCommit) -> Done<bool> {
    let [lock, this] = db.prepare([owner::LOCK, timeline::THIS]).await?;
    let (id, at) = (id.as_str(), Moment(doubt.at));
    let ((), _, found) = try_join!(
        db.begin(),
        db.query_opt(&lock, [&id]),
        db.query_opt(&this, [&id, &doubt.seq, &at, &doubt.event]),
    )?;
    db.roll_back().await;
    Ok(found.is_some())
}

async fn keep_record(
    db: &Session,
    record: &Statement,
    id: &str,
    change: &Change,
    next: &Transition,
) -> Done<()> {
    let fault = next.fault().map(json).transpose()?;
    let output = change.output.as_ref().map(json).transpose()?;
    let key = change.output.as_ref().map(|output| output.key.as_str());
    let hold = next.record.hold.as_ref();
    db.execute(
        record,
        [
            &id,
            &next.record.state.as_str(),
            &fault,
            &i64::from(next.record.progress),
            &next.record.cancel_requested,
            &hold.map(|hold| hold.kind.as_str()),
            &hold.map(|hold| text(&hold.reason)),
            &next.completed_at.map(Moment),
            &change.expires_at.map(Moment),
            &output,
            &key,
            &next.position.open_attempt.map(i64::from),
            &next.due.map(Moment),
            &accounts_json(&next.position.waits),
            &next.position.slot_account,
            &next.lease_kept,
            &hold.and_then(|hold| hold.until).map(Moment),
        ],
    )
    .await?;
    Ok(())
}

async fn keep_attempt(
    db: &Session,
    statement: &Statement,
    id: &str,
    attempt: &Attempt,
) -> Done<()> {
    let fault = attempt.fault.as_ref().map(json).transpose()?;
    db.execute(
        statement,
        [
            &id,
            &i64::from(attempt.number),
            &attempt.planned.route.to_string(),
            &attempt.state.as_str(),
            &attempt.remote_id.as_deref().map(text),
            &Moment(attempt.begun_at),
            &attempt.accepted_at.map(Moment),
            &attempt.ended_at.map(Moment),
            &i64::from(attempt.progress),
            &i64::from(attempt.failed_fetches),
            &fault,
            &attempt.note.as_deref().map(text),
            &attempt.lost_at.map(Moment),
            &attempt.absent_since.map(Moment),
            &attempt.settlement.map(settlement_word),
            &attempt.charged.map(|amount| number(amount.micros())),
            &json(&attempt.file)?,
        ],
    )
    .await?;
    Ok(())
}

/// Adds the lines of what happened to the timeline, the first one at `seq`.
async fn add_lines(
    db: &Session,
    append: &Statement,
    id: &str,
    seq: i64,
    change: &Change,
    next: &Transition,
) -> Done<()> {
    let lines = (seq..).zip(next.lines(change)).map(|(seq, (attempt, event))| async move {
        let (attempt, event) = (attempt.map(i64::from), json(&event)?);
        db.execute(append, [&id, &seq, &Moment(change.at), &attempt, &event]).await
    });
    try_join_all(lines).await?;
    Ok(())
}

async fn add_unsettled(
    db: &Session,
    statement: &Statement,
    id: &str,
    attempt: &Attempt,
    at: Timestamp,
) -> Done<()> {
    db.execute(statement, [&id, &i64::from(attempt.number), &Moment(at)]).await?;
    Ok(())
}

/// Gives a job back as it is, if the lease still holds.
pub(super) async fn release(
    db: &Session,
    lease: &Lease,
    due: Timestamp,
    waits: &[SlotWait],
) -> Done<()> {
    let [release] = db.prepare([RELEASE]).await?;
    let (id, replica, epoch) = (lease.id.as_str(), lease.replica.as_str(), number(lease.epoch));
    let (json, queues) = (accounts_json(waits), waits::Columns::new(waits));
    let waits::Columns { accounts, ranks, due: from } = &queues;
    let freed = db
        .query_one(&release, [&id, &replica, &epoch, &Moment(due), &json, accounts, ranks, from])
        .await?;
    let is_freed = freed.get::<_, i64>(0) > 0;
    if is_freed || db.may_be_done() { Ok(()) } else { Err(lost(lease).into()) }
}

/// Gives jobs back, if they were ever taken.
pub(super) async fn give_back(db: &Session, leases: &[Lease], due: Timestamp) -> Done<()> {
    let [give_back] = db.prepare([GIVE_BACK]).await?;
    for lease in leases {
        let (id, replica) = (lease.id.as_str(), lease.replica.as_str());
        db.execute(&give_back, [&id, &replica, &number(lease.epoch), &Moment(due)]).await?;
    }
    Ok(())
}

fn held_of(row: &Row, lease: &Lease) -> Result<Held, StoreError> {
    let read = || {
        Ok(Held {
            waits: values::plain(row, "waits")?,
            cancel_requested: values::plain(row, "cancel_requested")?,
            woken_at: values::moment(row, "woken_at")?,
        })
    };
    read().map_err(|source| StoreError::Unreadable { id: lease.id.to_string(), source })
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost { id: lease.id.clone(), epoch: lease.epoch }
}
