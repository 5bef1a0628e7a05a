//! Handing out the deliveries whose time has come, and recording how they fared.
//!
//! The lease is on the endpoint's row, fenced by replica and epoch like that of a job. Which endpoints have
//! something to be delivered is read from the index of due deliveries, leaping from one endpoint to the next,
//! so that neither a long backlog nor many idle endpoints cost anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::try_join;
use jiff::Timestamp;
use retake_core::{
    fault::chain,
    ids::{EndpointId, ReplicaId},
};
use tokio_postgres::Row;

use super::{
    deliveries::{delivery_of, select_deliveries},
    endpoints::endpoint_of,
};
use crate::{
    error::StoreError,
    outbox::record::{
        ClaimedDelivery, Delivery, DeliveryLease, DisabledWhy, Endpoint, Room, Tried,
    },
    postgres::{
        fault::Done,
        replica,
        session::Session,
        values::{self, Moment, Read, number, text},
    },
};

/// The endpoints that can be served and for which something waits, whether or not it is due.
pub(crate) const WAITING: &str = "WITH RECURSIVE waiting (endpoint) AS (
        SELECT MIN(endpoint) FROM webhook_deliveries WHERE due_at IS NOT NULL
        UNION ALL
        SELECT (SELECT MIN(endpoint) FROM webhook_deliveries
                WHERE due_at IS NOT NULL AND endpoint > waiting.endpoint)
        FROM waiting WHERE waiting.endpoint IS NOT NULL
    )
    SELECT e.id, e.failing_since IS NOT NULL AS failing, e.tried_at,
        (SELECT MIN(due_at) FROM webhook_deliveries WHERE endpoint = e.id AND due_at IS NOT NULL) AS due_at
    FROM waiting JOIN webhook_endpoints e ON e.id = waiting.endpoint
    WHERE e.replica IS NULL AND e.disabled_at IS NULL AND e.deleted_at IS NULL";

/// Takes those that nobody else took meanwhile.
pub(crate) const TAKE: &str = "WITH free AS MATERIALIZED (
        SELECT id FROM webhook_endpoints
        WHERE id = ANY ($2) AND replica IS NULL AND disabled_at IS NULL AND deleted_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE webhook_endpoints e SET replica = $1, epoch = epoch + 1 FROM free WHERE e.id = free.id
    RETURNING e.id, e.owner, e.name, e.url, e.event_types, e.secret, e.former_secret, e.former_until,
        e.created_at, e.updated_at, e.disabled_at, e.disabled_why, e.failing_since, e.epoch";

/// What has been due longest at each endpoint.
pub(crate) const FIRST_DUE: &str = select_deliveries!(
    "SELECT first.* FROM unnest($1::text[]) AS taken (endpoint) CROSS JOIN LATERAL (
         SELECT * FROM webhook_deliveries
         WHERE endpoint = taken.endpoint AND due_at IS NOT NULL AND due_at <= $2
         ORDER BY due_at, id LIMIT 1
     ) AS first"
);

pub(crate) const RELEASE: &str = "UPDATE webhook_endpoints SET replica = NULL
    WHERE id = $1 AND replica = $2 AND epoch = $3";

pub(crate) const GIVE_BACK: &str = "UPDATE webhook_endpoints SET replica = NULL, tried_at = $4,
        failing_since = CASE WHEN $5 THEN COALESCE(failing_since, $4) END,
        disabled_at = CASE WHEN $6::text IS NOT NULL THEN COALESCE(disabled_at, $4)
                           ELSE disabled_at END,
        disabled_why = COALESCE(disabled_why, $6)
    WHERE id = $1 AND replica = $2 AND epoch = $3 AND deleted_at IS NULL";

/// The endpoints of replicas that fell silent can be served again.
pub(crate) const FREE: &str =
    "UPDATE webhook_endpoints SET replica = NULL WHERE replica = ANY ($1)";

pub(crate) const SETTLE: &str = "UPDATE webhook_deliveries SET state = $2,
        failures = failures + $3, due_at = $4, ended_at = $5
    WHERE id = $1";

pub(crate) const NOTE: &str =
    "INSERT INTO webhook_tries (delivery, number, at, duration_ms, status, error)
    SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5
    FROM webhook_tries WHERE delivery = $1";

pub(crate) const FORGET: &str = "DELETE FROM webhook_tries WHERE delivery = $1
    AND number <= (SELECT MAX(number) FROM webhook_tries WHERE delivery = $1) - $2";

/// Tries that are kept of one delivery, however often it is to be delivered again.
const TRIES_KEPT: i64 = 50;

/// What is asked for by a claim.
pub(super) struct Ask {
    pub(super) replica: ReplicaId,
    pub(super) room: Room,
    pub(super) now: Timestamp,
}

/// An endpoint that could be served.
struct Standing {
    id: EndpointId,
    failing: bool,
    tried_at: Option<Timestamp>,
    due_at: Timestamp,
}

/// The endpoints that were taken: those that can be served, and those to be released.
#[derive(Default)]
struct Matched {
    claimed: Vec<ClaimedDelivery>,
    in_vain: Vec<(String, i64)>,
}

/// Takes an endpoint each, as far as there is room. `doubtful` are leases that an earlier try may have taken
/// without learning it.
pub(super) async fn claim(
    db: &Session,
    ask: &Ask,
    doubtful: &Mutex<Vec<DeliveryLease>>,
) -> Done<Vec<ClaimedDelivery>> {
    let undone = lock(doubtful).clone();
    give_back(db, &undone).await?;
    lock(doubtful).clear();
    let [known, take] = db.prepare([replica::KNOWN, TAKE]).await?;
    let [first_due, release] = db.prepare([FIRST_DUE, RELEASE]).await?;
    let (me, now) = (ask.replica.as_str(), Moment(ask.now));
    let known_now = db.query_opt(&known, [&me]).await?.is_some();
    let chosen = if known_now { choose(waiting(db).await?, ask) } else { Vec::new() };
    if known_now && chosen.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = chosen.iter().map(EndpointId::as_str).collect();
    let ((), known) = try_join!(db.begin(), db.query_opt(&known, [&me]))?;
    known.ok_or_else(|| replica::forgotten(&ask.replica))?;
    let taken = db.query(&take, [&me, &ids]).await?;
    let due = db.query(&first_due, [&ids, &now]).await?;
    let Matched { claimed, in_vain } = matched(&taken, &due, ask)?;
    for (endpoint, epoch) in in_vain {
        db.execute(&release, [&endpoint, &me, &epoch]).await?;
    }
    lock(doubtful).extend(claimed.iter().map(|one| one.lease.clone()));
    db.commit().await?;
    Ok(in_order(claimed, &chosen))
}

/// The endpoints to serve, as far as there is room: the failing ones last, then the one served least recently.
fn choose(mut waiting: Vec<Standing>, ask: &Ask) -> Vec<EndpointId> {
    waiting.retain(|standing| standing.due_at <= ask.now);
    waiting.sort_by_key(|standing| (standing.failing, standing.tried_at, standing.due_at));
    let sound = waiting.iter().take_while(|standing| !standing.failing).count();
    let room = sound.saturating_add(ask.room.failing as usize).min(ask.room.all as usize);
    waiting.into_iter().take(room).map(|standing| standing.id).collect()
}

/// Pairs what was taken with what is due there.
fn matched(taken: &[Row], due: &[Row], ask: &Ask) -> Result<Matched, StoreError> {
    let mut matched = Matched::default();
    for row in taken {
        let (id, epoch): (&str, i64) = (row.get("id"), row.get("epoch"));
        let first = due.iter().find(|due| due.get::<_, &str>("endpoint") == id);
        let Some(first) = first else {
            matched.in_vain.push((id.to_owned(), epoch));
            continue;
        };
        match endpoint_of(row).and_then(|endpoint| Ok((endpoint, delivery_of(first)?))) {
            Ok((endpoint, delivery)) => {
                let lease = lease_of(&endpoint, &delivery, epoch, ask)?;
                matched.claimed.push(ClaimedDelivery { endpoint, delivery, lease });
            }
            // One endpoint that cannot be read must not hold up the others.
            Err(error) => {
                tracing::error!(webhook.endpoint = %id, error = chain(&error), "an endpoint is left out");
                matched.in_vain.push((id.to_owned(), epoch));
            }
        }
    }
    Ok(matched)
}

fn lease_of(
    endpoint: &Endpoint,
    delivery: &Delivery,
    epoch: i64,
    ask: &Ask,
) -> Result<DeliveryLease, StoreError> {
    let epoch = u64::try_from(epoch).map_err(|error| StoreError::Unreadable {
        id: endpoint.id.to_string(),
        source: std::sync::Arc::new(error),
    })?;
    Ok(DeliveryLease {
        endpoint: endpoint.id.clone(),
        delivery: delivery.id.clone(),
        epoch,
        replica: ask.replica.clone(),
    })
}

fn in_order(mut claimed: Vec<ClaimedDelivery>, chosen: &[EndpointId]) -> Vec<ClaimedDelivery> {
    claimed.sort_by_key(|one| chosen.iter().position(|id| *id == one.endpoint.id));
    claimed
}

/// Gives endpoints back, if they were ever taken.
pub(super) async fn give_back(db: &Session, leases: &[DeliveryLease]) -> Done<()> {
    let [release] = db.prepare([RELEASE]).await?;
    for lease in leases {
        let (endpoint, replica) = (lease.endpoint.as_str(), lease.replica.as_str());
        db.execute(&release, [&endpoint, &replica, &number(lease.epoch)]).await?;
    }
    Ok(())
}

/// When there could be something to take.
pub(super) async fn next(db: &Session) -> Done<Option<Timestamp>> {
    Ok(waiting(db).await?.into_iter().map(|standing| standing.due_at).min())
}

/// Records a try, if the lease still holds, and gives the endpoint back.
pub(super) async fn record(db: &Session, lease: &DeliveryLease, tried: &Tried) -> Done<()> {
    let [give_back, settle] = db.prepare([GIVE_BACK, SETTLE]).await?;
    let [note, forget] = db.prepare([NOTE, FORGET]).await?;
    let (endpoint, replica) = (lease.endpoint.as_str(), lease.replica.as_str());
    let (epoch, at, failed) = (number(lease.epoch), Moment(tried.at), tried.then.is_failure());
    let why = tried.disable.map(DisabledWhy::as_str);
    let ((), held) = try_join!(
        db.begin(),
        db.execute(&give_back, [&endpoint, &replica, &epoch, &at, &failed, &why]),
    )?;
    if held == 0 {
        if db.may_be_done() {
            db.roll_back().await;
            return Ok(());
        }
        return Err(StoreError::DeliveryLost { id: lease.delivery.clone() }.into());
    }
    let (id, state) = (lease.delivery.as_str(), tried.then.state().as_str());
    let (due, failures) = (tried.then.due().map(Moment), i64::from(failed));
    let ended = due.is_none().then_some(at);
    let (took, status) = (number(tried.duration_ms), tried.status.map(i64::from));
    let error = tried.error.as_deref().map(text);
    try_join!(
        db.execute(&settle, [&id, &state, &failures, &due, &ended]),
        db.execute(&note, [&id, &at, &took, &status, &error]),
        db.execute(&forget, [&id, &TRIES_KEPT]),
        db.commit(),
    )?;
    Ok(())
}

async fn waiting(db: &Session) -> Done<Vec<Standing>> {
    let [waiting] = db.prepare([WAITING]).await?;
    let rows = db.query(&waiting, []).await?;
    let standings: Result<_, StoreError> = rows
        .iter()
        // What waited when the index was read may be delivered by now.
        .filter(|row| row.get::<_, Option<Moment>>("due_at").is_some())
        .map(|row| {
            standing_of(row).map_err(|source| StoreError::Unreadable { id: row.get("id"), source })
        })
        .collect();
    Ok(standings?)
}

fn standing_of(row: &Row) -> Read<Standing> {
    let Moment(due_at) = values::plain(row, "due_at")?;
    Ok(Standing {
        id: values::parsed(row, "id")?,
        failing: values::plain(row, "failing")?,
        tried_at: values::moment(row, "tried_at")?,
        due_at,
    })
}

fn lock(leases: &Mutex<Vec<DeliveryLease>>) -> MutexGuard<'_, Vec<DeliveryLease>> {
    leases.lock().unwrap_or_else(PoisonError::into_inner)
}
