//! Webhook endpoints: made, looked at, changed, hidden.

use futures::try_join;
use jiff::Timestamp;
use retake_core::ids::{EndpointId, KeyId};
use tokio_postgres::Row;

use super::prune;
use crate::{
    error::StoreError,
    outbox::record::{
        Disabled, DisabledWhy, Endpoint, EndpointChange, EndpointListing, EndpointPage,
        FormerSecret, Secret,
    },
    postgres::{
        fault::Done,
        list::{FIRST, LAST},
        session::Session,
        values::{self, Moment, Read, json, text, unjson, word},
    },
    record::{ApiKey, KeyAdded},
};

macro_rules! select_endpoints {
    ($which:literal) => {
        concat!(
            "SELECT id, owner, name, url, event_types, secret, former_secret, former_until, created_at,
                updated_at, disabled_at, disabled_why, failing_since
            FROM webhook_endpoints WHERE deleted_at IS NULL AND ",
            $which
        )
    };
}

pub(crate) const ONE: &str = select_endpoints!("id = $1");

/// One that is about to be changed.
pub(crate) const LOCKED: &str = select_endpoints!("id = $1 FOR NO KEY UPDATE");

pub(crate) const OLDEST_FIRST: &str = select_endpoints!("id > $1 ORDER BY id LIMIT $2");

pub(crate) const NEWEST_FIRST: &str = select_endpoints!("id < $1 ORDER BY id DESC LIMIT $2");

pub(crate) const OWNED_OLDEST_FIRST: &str =
    select_endpoints!("owner = $3 AND id > $1 ORDER BY id LIMIT $2");

pub(crate) const OWNED_NEWEST_FIRST: &str =
    select_endpoints!("owner = $3 AND id < $1 ORDER BY id DESC LIMIT $2");

/// Makes the endpoints of an owner be counted one at a time, until the transaction ends.
pub(crate) const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended(
    'retake endpoints ' || current_schema() || '/' || COALESCE($1::text, ''), 0))";

pub(crate) const COUNT: &str = "SELECT CASE WHEN $1::text IS NULL
        THEN (SELECT COUNT(*) FROM webhook_endpoints
              WHERE owner IS NULL AND deleted_at IS NULL AND id <> $2)
        ELSE (SELECT COUNT(*) FROM webhook_endpoints
              WHERE owner = $1 AND deleted_at IS NULL AND id <> $2) END";

/// An endpoint that is recorded again is the same one: an earlier try was kept.
pub(crate) const ADD: &str = "INSERT INTO webhook_endpoints
        (id, owner, name, url, event_types, secret, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (id) DO NOTHING";

pub(crate) const SAVE: &str = "UPDATE webhook_endpoints SET name = $2, url = $3, event_types = $4,
        secret = $5, former_secret = $6, former_until = $7, updated_at = $8, disabled_at = $9,
        disabled_why = $10, failing_since = $11
    WHERE id = $1";

pub(crate) const HIDE: &str = "UPDATE webhook_endpoints
    SET deleted_at = $2, name = '', url = '', event_types = '[]', secret = '', former_secret = NULL,
        former_until = NULL
    WHERE id = $1";

/// One that is still there. Waits for the ends that are being told to it right now, and lets no other one come.
pub(crate) const TO_BE_DELETED: &str =
    "SELECT 1 FROM webhook_endpoints WHERE id = $1 AND deleted_at IS NULL FOR UPDATE";

/// Records an endpoint, if its owner may have another one.
pub(super) async fn add(db: &Session, endpoint: &Endpoint, most: u32) -> Done<()> {
    let [alone, count, add] = db.prepare([ALONE, COUNT, ADD]).await?;
    let (id, owner) = (endpoint.id.as_str(), endpoint.owner.as_ref().map(KeyId::as_str));
    let ((), _, count) = try_join!(
        db.begin(),
        db.query_one(&alone, [&owner]),
        db.query_one(&count, [&owner, &id]),
    )?;
    if count.get::<_, i64>(0) >= i64::from(most) {
        return Err(StoreError::TooManyEndpoints { limit: most }.into());
    }
    let (name, url) = (text(&endpoint.name), text(&endpoint.url));
    let (told, secret) = (json(&endpoint.event_types)?, endpoint.secret.reveal());
    let made = Moment(endpoint.created_at);
    try_join!(db.execute(&add, [&id, &owner, &name, &url, &told, &secret, &made]), db.commit(),)?;
    Ok(())
}

pub(crate) const BIND: &str = "UPDATE webhook_endpoints SET owner = $1, hears_unowned = true
    WHERE owner IS NULL AND deleted_at IS NULL";

pub(crate) const DISABLE_UNOWNED: &str = "UPDATE webhook_endpoints
    SET disabled_at = $1, disabled_why = $2
    WHERE owner IS NULL AND deleted_at IS NULL AND disabled_at IS NULL";

/// Settles whose the endpoints are that were there before the first key.
pub(in crate::postgres) async fn adopt(db: &Session, key: &ApiKey) -> Done<KeyAdded> {
    let [bind, disable] = db.prepare([BIND, DISABLE_UNOWNED]).await?;
    let mut added = KeyAdded::default();
    if key.admin {
        added.endpoints_bound = db.execute(&bind, [&key.id.as_str()]).await?;
    } else {
        let why = DisabledWhy::Unowned.as_str();
        added.endpoints_disabled = db.execute(&disable, [&Moment(key.created_at), &why]).await?;
    }
    Ok(added)
}

/// An endpoint that was not deleted.
pub(super) async fn one(db: &Session, id: &EndpointId) -> Done<Option<Endpoint>> {
    let [one] = db.prepare([ONE]).await?;
    let row = db.query_opt(&one, [&id.as_str()]).await?;
    Ok(row.as_ref().map(endpoint_of).transpose()?)
}

/// One page.
pub(super) async fn list(db: &Session, page: &EndpointPage) -> Done<EndpointListing> {
    let start = if page.newest_first { LAST } else { FIRST };
    let after = page.after.as_ref().map_or(start, EndpointId::as_str);
    let one_more = i64::from(page.limit) + 1;
    let rows = match &page.owner {
        None => {
            let sql = if page.newest_first { NEWEST_FIRST } else { OLDEST_FIRST };
            let [query] = db.prepare([sql]).await?;
            db.query(&query, [&after, &one_more]).await?
        }
        Some(owner) => {
            let sql = if page.newest_first { OWNED_NEWEST_FIRST } else { OWNED_OLDEST_FIRST };
            let [query] = db.prepare([sql]).await?;
            db.query(&query, [&after, &one_more, &owner.as_str()]).await?
        }
    };
    let asked = page.limit as usize;
    let endpoints: Result<_, StoreError> = rows.iter().take(asked).map(endpoint_of).collect();
    Ok(EndpointListing { endpoints: endpoints?, has_more: rows.len() > asked })
}

/// Changes what its owner may change.
pub(super) async fn change(
    db: &Session,
    id: &EndpointId,
    change: &EndpointChange,
    now: Timestamp,
) -> Done<Endpoint> {
    let before = locked(db, id).await?;
    let after = before.changed(change, now);
    if after == before {
        db.roll_back().await;
        return Ok(after);
    }
    save(db, after).await
}

/// Replaces the secret.
pub(super) async fn rotate(
    db: &Session,
    id: &EndpointId,
    secret: &Secret,
    former_until: Timestamp,
    now: Timestamp,
) -> Done<Endpoint> {
    let before = locked(db, id).await?;
    if db.may_be_done() && before.secret == *secret {
        db.roll_back().await;
        return Ok(before);
    }
    save(db, before.with_secret(secret.clone(), former_until, now)).await
}

/// Erases an endpoint, with its deliveries. Where those are many, the rest of them goes with the next prunings.
pub(super) async fn delete(db: &Session, id: &EndpointId, now: Timestamp) -> Done<()> {
    let [found, hide] = db.prepare([TO_BE_DELETED, HIDE]).await?;
    let key = id.as_str();
    let ((), found) = try_join!(db.begin(), db.query_opt(&found, [&key]))?;
    if found.is_none() {
        db.roll_back().await;
        return if db.may_be_done() { Ok(()) } else { Err(unknown(id).into()) };
    }
    db.execute(&hide, [&key, &Moment(now)]).await?;
    prune::empty(db, key).await?;
    db.commit().await?;
    Ok(())
}

/// An endpoint that has to be there.
pub(super) async fn known(db: &Session, id: &EndpointId) -> Done<Endpoint> {
    Ok(one(db, id).await?.ok_or_else(|| unknown(id))?)
}

/// Begins a transaction with an endpoint that has to be there, and that nobody else changes meanwhile.
async fn locked(db: &Session, id: &EndpointId) -> Done<Endpoint> {
    let [locked] = db.prepare([LOCKED]).await?;
    let key = id.as_str();
    let ((), row) = try_join!(db.begin(), db.query_opt(&locked, [&key]))?;
    Ok(endpoint_of(&row.ok_or_else(|| unknown(id))?)?)
}

fn unknown(id: &EndpointId) -> StoreError {
    StoreError::NoSuchEndpoint { id: id.clone() }
}

async fn save(db: &Session, endpoint: Endpoint) -> Done<Endpoint> {
    let [save] = db.prepare([SAVE]).await?;
    let former = endpoint.former_secret.as_ref();
    db.execute(
        &save,
        [
            &endpoint.id.as_str(),
            &text(&endpoint.name),
            &text(&endpoint.url),
            &json(&endpoint.event_types)?,
            &endpoint.secret.reveal(),
            &former.map(|former| former.secret.reveal()),
            &former.map(|former| Moment(former.until)),
            &Moment(endpoint.updated_at),
            &endpoint.disabled.map(|disabled| Moment(disabled.at)),
            &endpoint.disabled.map(|disabled| disabled.why.as_str()),
            &endpoint.failing_since.map(Moment),
        ],
    )
    .await?;
    db.commit().await?;
    Ok(endpoint)
}

/// An endpoint, or that it cannot be read.
pub(super) fn endpoint_of(row: &Row) -> Result<Endpoint, StoreError> {
    read(row).map_err(|source| {
        let id = row.try_get("id").unwrap_or_default();
        StoreError::Unreadable { id, source }
    })
}

fn read(row: &Row) -> Read<Endpoint> {
    let Moment(created_at) = values::plain(row, "created_at")?;
    let Moment(updated_at) = values::plain(row, "updated_at")?;
    let former: Option<String> = values::plain(row, "former_secret")?;
    let former = former.zip(values::moment(row, "former_until")?);
    let why: Option<&str> = values::plain(row, "disabled_why")?;
    let why = why.map(word::<DisabledWhy>).transpose()?;
    Ok(Endpoint {
        id: values::parsed(row, "id")?,
        owner: values::parsed_option(row, "owner")?,
        name: values::plain(row, "name")?,
        url: values::plain(row, "url")?,
        event_types: unjson(values::plain(row, "event_types")?)?,
        secret: Secret::new(values::plain::<String>(row, "secret")?),
        former_secret: former
            .map(|(secret, until)| FormerSecret { secret: Secret::new(secret), until }),
        created_at,
        updated_at,
        disabled: values::moment(row, "disabled_at")?
            .zip(why)
            .map(|(at, why)| Disabled { at, why }),
        failing_since: values::moment(row, "failing_since")?,
    })
}
