//! Taking a job on.
//!
//! A request without a name, from a caller without a limit, is one statement. Otherwise a lock of the name
//! makes requests of the same name wait for each other, and a lock of the key makes its jobs be counted one
//! at a time.

use futures::try_join;
use retake_core::ids::KeyId;

use super::{
    fault::Done,
    idempotency_keys,
    session::Session,
    values::{Moment, json},
    waits::Columns,
};
use crate::{
    error::StoreError,
    new_job_row::NewJobRow,
    record::{Accepted, JobEvent},
};

/// The job, its texts, the first line of its timeline and its line in the feed, in one journey.
pub(super) const ACCEPT: &str = "WITH job AS (
        INSERT INTO jobs (id, created_at, state, progress, cancel_requested,
            due_at, waits, first_frame_key, owner, source_key)
        SELECT $1, $2, $3, 0, false, $2, $4, $5, $9, $10
        WHERE NOT EXISTS (SELECT 1 FROM api_keys
            WHERE id = $9 AND (revoked_at IS NOT NULL OR expires_at <= $2))
        ON CONFLICT (id) DO NOTHING RETURNING id, owner
    ), texts AS (
        INSERT INTO job_requests (job_id, request, plan) SELECT id, $6, $7 FROM job
    ), queues AS (
        INSERT INTO job_waits (job_id, account, rank, due_at)
        SELECT job.id, wait.account, wait.rank, wait.due_at
        FROM job, unnest($11::text[], $12::bigint[], $13::timestamptz[]) AS wait (account, rank, due_at)
    ), announced AS (
        INSERT INTO feed (owner, job_id, seq, at) SELECT owner, id, 1, $2 FROM job
    )
    INSERT INTO events (job_id, seq, at, event) SELECT id, 1, $2, $8 FROM job";

/// Makes the jobs of a key be accepted one at a time, until the transaction ends.
pub(super) const ALONE: &str = "SELECT 1 FROM api_keys WHERE id = $1 FOR NO KEY UPDATE";

pub(super) const OPEN: &str =
    "SELECT COUNT(*) FROM jobs WHERE owner = $1 AND state IN ('queued', 'in_progress')";

/// A key that was revoked or has had its time, perhaps since its request began.
pub(super) const ENDED: &str = "SELECT 1 FROM api_keys
    WHERE id = $1 AND (revoked_at IS NOT NULL OR expires_at <= $2)";

pub(super) const KEPT: &str = "SELECT 1 FROM jobs WHERE id = $1";

/// Records the job and the first line of its timeline. A request over its owner's limit is refused, and what
/// that changes is kept: the refusal is an answer, and not a failure of the transaction.
pub(super) async fn accept(db: &Session, draft: &NewJobRow) -> Done<Result<Accepted, StoreError>> {
    if draft.repeat.is_none() && draft.max_open.is_none() {
        return insert(db, draft).await;
    }
    let ((), known) = try_join!(db.begin(), look(db, draft))?;
    match known {
        Some(Ok(known)) => {
            db.roll_back().await;
            return Ok(Ok(known));
        }
        Some(Err(refused)) => {
            forget(db, draft).await?;
            db.commit().await?;
            return Ok(Err(refused));
        }
        None => {}
    }
    db.prepare([ACCEPT, idempotency_keys::REMEMBER]).await?;
    let (added, (), ()) = try_join!(insert(db, draft), remember(db, draft), db.commit())?;
    Ok(added)
}

/// Whether the owner's key is good no longer.
async fn has_ended(db: &Session, draft: &NewJobRow) -> Done<bool> {
    let Some(owner) = &draft.owner else { return Ok(false) };
    let [ended] = db.prepare([ENDED]).await?;
    let row = db.query_opt(&ended, [&owner.as_str(), &Moment(draft.created_at)]).await?;
    Ok(row.is_some())
}

/// What is known of the request already: what became of it before, or that it is one too many.
async fn look(db: &Session, draft: &NewJobRow) -> Done<Option<Result<Accepted, StoreError>>> {
    if let Some(repeat) = &draft.repeat {
        let first =
            idempotency_keys::first(db, draft.owner.as_ref(), repeat, draft.created_at).await?;
        match first {
            Some(id) if id == draft.id && db.may_be_done() => return Ok(Some(Ok(Accepted::New))),
            Some(id) => return Ok(Some(Ok(Accepted::Known(id)))),
            None => {}
        }
    }
    let (Some(owner), Some(limit)) = (&draft.owner, draft.max_open) else { return Ok(None) };
    let [alone, open, kept] = db.prepare([ALONE, OPEN, KEPT]).await?;
    let (owner, id) = (owner.as_str(), draft.id.as_str());
    let (_, open, kept) = try_join!(
        db.query_opt(&alone, [&owner]),
        db.query_one(&open, [&owner]),
        db.query_opt(&kept, [&id]),
    )?;
    if kept.is_some() && db.may_be_done() {
        return Ok(Some(Ok(Accepted::New)));
    }
    let is_full = open.get::<_, i64>(0) >= i64::from(limit);
    Ok(is_full.then_some(Err(StoreError::TooManyOpen { limit })))
}

/// Forgets an older request of the same name, which this one would have replaced. Else its repetition would
/// be taken for one of the older request, and get that one's job.
async fn forget(db: &Session, draft: &NewJobRow) -> Done<()> {
    match draft.repeat.as_ref().filter(|repeat| !repeat.replay) {
        Some(repeat) => idempotency_keys::forget(db, draft.owner.as_ref(), &repeat.name).await,
        None => Ok(()),
    }
}

async fn remember(db: &Session, draft: &NewJobRow) -> Done<()> {
    let Some(repeat) = &draft.repeat else { return Ok(()) };
    idempotency_keys::remember(db, draft.owner.as_ref(), repeat, &draft.id).await
}

async fn insert(db: &Session, draft: &NewJobRow) -> Done<Result<Accepted, StoreError>> {
    let [accept] = db.prepare([ACCEPT]).await?;
    let queues = Columns::new(&draft.waits);
    let added = db
        .execute(
            &accept,
            [
                &draft.id.as_str(),
                &Moment(draft.created_at),
                &draft.record.state.as_str(),
                &draft.waits_json,
                &draft.first_frame_key,
                &draft.request,
                &draft.plan,
                &json(&JobEvent::Accepted)?,
                &draft.owner.as_ref().map(KeyId::as_str),
                &draft.source_key,
                &queues.accounts,
                &queues.ranks,
                &queues.due,
            ],
        )
        .await?;
    if added > 0 || db.may_be_done() {
        return Ok(Ok(Accepted::New));
    }
    if has_ended(db, draft).await? {
        return Ok(Err(StoreError::KeyEnded));
    }
    Err(StoreError::AlreadyExists { id: draft.id.clone() }.into())
}
