//! Webhook endpoints: made, looked at, changed, hidden.

use jiff::Timestamp;
use retake_core::ids::{EndpointId, KeyId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::prune;
use crate::{
    error::StoreError,
    outbox::record::{
        Disabled, DisabledWhy, Endpoint, EndpointChange, EndpointListing, EndpointPage,
        FormerSecret, Secret,
    },
    record::{ApiKey, KeyAdded},
    sqlite::{
        fault::{Done, Fail},
        scrub,
        values::{Json, Moment, Text, Word},
    },
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

pub(crate) const ONE: &str = select_endpoints!("id = :id");

pub(crate) const OLDEST_FIRST: &str = select_endpoints!("id > :after ORDER BY id LIMIT :limit");

pub(crate) const NEWEST_FIRST: &str =
    select_endpoints!("id < :after ORDER BY id DESC LIMIT :limit");

pub(crate) const OWNED_OLDEST_FIRST: &str =
    select_endpoints!("owner = :owner AND id > :after ORDER BY id LIMIT :limit");

pub(crate) const OWNED_NEWEST_FIRST: &str =
    select_endpoints!("owner = :owner AND id < :after ORDER BY id DESC LIMIT :limit");

pub(crate) const COUNT: &str =
    "SELECT COUNT(*) FROM webhook_endpoints WHERE owner IS :owner AND deleted_at IS NULL";

pub(crate) const ADD: &str = "INSERT INTO webhook_endpoints
        (id, owner, name, url, event_types, secret, created_at, updated_at)
    VALUES (:id, :owner, :name, :url, :event_types, :secret, :created_at, :created_at)";

pub(crate) const SAVE: &str = "UPDATE webhook_endpoints SET name = :name, url = :url,
        event_types = :event_types, secret = :secret, former_secret = :former_secret,
        former_until = :former_until, updated_at = :updated_at, disabled_at = :disabled_at,
        disabled_why = :disabled_why, failing_since = :failing_since
    WHERE id = :id";

pub(crate) const HIDE: &str = "UPDATE webhook_endpoints
    SET deleted_at = :now, name = '', url = '', event_types = '[]', secret = '', former_secret = NULL,
        former_until = NULL
    WHERE id = :id AND deleted_at IS NULL";

/// Every id sorts between these.
const FIRST: &str = "";
const LAST: &str = "~";

/// Records an endpoint, if its owner may have another one.
pub(super) fn add(db: &Connection, endpoint: &Endpoint, most: u32) -> Done<()> {
    let owner = endpoint.owner.as_ref().map(KeyId::as_str);
    let count: u32 =
        db.prepare_cached(COUNT)?.query_row(named_params! { ":owner": owner }, |row| row.get(0))?;
    if count >= most {
        return Err(StoreError::TooManyEndpoints { limit: most }.into());
    }
    db.prepare_cached(ADD)?.execute(named_params! {
        ":id": endpoint.id.as_str(),
        ":owner": owner,
        ":name": endpoint.name,
        ":url": endpoint.url,
        ":event_types": Json(&endpoint.event_types),
        ":secret": endpoint.secret.reveal(),
        ":created_at": Moment(endpoint.created_at),
    })?;
    Ok(())
}

pub(crate) const BIND: &str = "UPDATE webhook_endpoints SET owner = :key, hears_unowned = 1
    WHERE owner IS NULL AND deleted_at IS NULL";

pub(crate) const DISABLE_UNOWNED: &str = "UPDATE webhook_endpoints
    SET disabled_at = :now, disabled_why = :why
    WHERE owner IS NULL AND deleted_at IS NULL AND disabled_at IS NULL";

/// Settles whose the endpoints are that were there before the first key.
pub(in crate::sqlite) fn adopt(db: &Connection, key: &ApiKey) -> Done<KeyAdded> {
    let mut added = KeyAdded::default();
    if key.admin {
        let bound = db.prepare_cached(BIND)?.execute(named_params! { ":key": key.id.as_str() })?;
        added.endpoints_bound = bound as u64;
    } else {
        let disabled = db.prepare_cached(DISABLE_UNOWNED)?.execute(named_params! {
            ":now": Moment(key.created_at), ":why": DisabledWhy::Unowned.as_str(),
        })?;
        added.endpoints_disabled = disabled as u64;
    }
    Ok(added)
}

/// An endpoint that was not deleted.
pub(super) fn one(db: &Connection, id: &EndpointId) -> Done<Option<Endpoint>> {
    let mut query = db.prepare_cached(ONE)?;
    let found = query.query_row(named_params! { ":id": id.as_str() }, endpoint_of).optional();
    found.map_err(|error| Fail::from(error).reading(id))
}

/// One page.
pub(super) fn list(db: &Connection, page: &EndpointPage) -> Done<EndpointListing> {
    let start = if page.newest_first { LAST } else { FIRST };
    let after = page.after.as_ref().map_or(start, EndpointId::as_str);
    let one_more = u64::from(page.limit) + 1;
    let found: rusqlite::Result<Vec<Endpoint>> = match &page.owner {
        None => {
            let sql = if page.newest_first { NEWEST_FIRST } else { OLDEST_FIRST };
            let range = named_params! { ":after": after, ":limit": one_more };
            db.prepare_cached(sql)?.query_map(range, endpoint_of)?.collect()
        }
        Some(owner) => {
            let sql = if page.newest_first { OWNED_NEWEST_FIRST } else { OWNED_OLDEST_FIRST };
            let range = named_params! {
                ":owner": owner.as_str(), ":after": after, ":limit": one_more,
            };
            db.prepare_cached(sql)?.query_map(range, endpoint_of)?.collect()
        }
    };
    let mut endpoints = found.map_err(|error| Fail::from(error).reading(&"webhook endpoints"))?;
    let has_more = endpoints.len() > page.limit as usize;
    endpoints.truncate(page.limit as usize);
    Ok(EndpointListing { endpoints, has_more })
}

/// Changes what its owner may change.
pub(super) fn change(
    db: &Connection,
    id: &EndpointId,
    change: &EndpointChange,
    now: Timestamp,
) -> Done<Endpoint> {
    let before = known(db, id)?;
    let after = before.changed(change, now);
    if after != before {
        save(db, &after)?;
    }
    Ok(after)
}

/// Replaces the secret.
pub(super) fn rotate(
    db: &Connection,
    id: &EndpointId,
    secret: Secret,
    former_until: Timestamp,
    now: Timestamp,
) -> Done<Endpoint> {
    let endpoint = known(db, id)?.with_secret(secret, former_until, now);
    save(db, &endpoint)?;
    Ok(endpoint)
}

/// Erases an endpoint, with its deliveries. Where those are many, the rest of them goes with the next prunings.
pub(super) fn delete(db: &Connection, id: &EndpointId, now: Timestamp) -> Done<()> {
    let hidden = db
        .prepare_cached(HIDE)?
        .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    if hidden == 0 {
        return Err(unknown(id).into());
    }
    prune::empty(db, id.as_str())?;
    db.execute_batch(scrub::OWED)?;
    Ok(())
}

/// An endpoint that has to be there.
pub(super) fn known(db: &Connection, id: &EndpointId) -> Done<Endpoint> {
    Ok(one(db, id)?.ok_or_else(|| unknown(id))?)
}

fn unknown(id: &EndpointId) -> StoreError {
    StoreError::NoSuchEndpoint { id: id.clone() }
}

fn save(db: &Connection, endpoint: &Endpoint) -> Done<()> {
    let former = endpoint.former_secret.as_ref();
    db.prepare_cached(SAVE)?.execute(named_params! {
        ":id": endpoint.id.as_str(),
        ":name": endpoint.name,
        ":url": endpoint.url,
        ":event_types": Json(&endpoint.event_types),
        ":secret": endpoint.secret.reveal(),
        ":former_secret": former.map(|former| former.secret.reveal()),
        ":former_until": former.map(|former| Moment(former.until)),
        ":updated_at": Moment(endpoint.updated_at),
        ":disabled_at": endpoint.disabled.map(|disabled| Moment(disabled.at)),
        ":disabled_why": endpoint.disabled.map(|disabled| disabled.why.as_str()),
        ":failing_since": endpoint.failing_since.map(Moment),
    })?;
    Ok(())
}

fn endpoint_of(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let (Text(id), Json(event_types)) = (row.get("id")?, row.get("event_types")?);
    let (Moment(created_at), Moment(updated_at)) = (row.get("created_at")?, row.get("updated_at")?);
    let moment = |column| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<Moment>>(column)?.map(|Moment(at)| at))
    };
    let former: Option<String> = row.get("former_secret")?;
    let former_until = moment("former_until")?;
    let why = row.get::<_, Option<Word<DisabledWhy>>>("disabled_why")?;
    Ok(Endpoint {
        id,
        owner: row.get::<_, Option<Text<KeyId>>>("owner")?.map(|Text(owner)| owner),
        name: row.get("name")?,
        url: row.get("url")?,
        event_types,
        secret: Secret::new(row.get::<_, String>("secret")?),
        former_secret: former
            .zip(former_until)
            .map(|(secret, until)| FormerSecret { secret: Secret::new(secret), until }),
        created_at,
        updated_at,
        disabled: moment("disabled_at")?.zip(why).map(|(at, Word(why))| Disabled { at, why }),
        failing_since: moment("failing_since")?,
    })
}
