//! Deliveries: looked at, and made due once more.

use jiff::Timestamp;
use retake_core::ids::{EndpointId, EventId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::endpoints;
use crate::{
    error::StoreError,
    outbox::record::{Delivery, DeliveryListing, DeliveryPage, Try},
    sqlite::{
        fault::{Done, Fail},
        values::{Moment, Text, Word},
    },
};

macro_rules! select_deliveries {
    ($which:literal) => {
        concat!(
            "SELECT id, endpoint, event_type, video, created_at, state, failures, due_at, ended_at
            FROM webhook_deliveries WHERE ",
            $which
        )
    };
}
pub(super) use select_deliveries;

pub(crate) const ONE: &str = select_deliveries!("id = :id AND endpoint = :endpoint");

pub(crate) const OLDEST_FIRST: &str =
    select_deliveries!("endpoint = :endpoint AND id > :after ORDER BY id LIMIT :limit");

pub(crate) const NEWEST_FIRST: &str =
    select_deliveries!("endpoint = :endpoint AND id < :after ORDER BY id DESC LIMIT :limit");

pub(crate) const TRIES: &str = "SELECT number, at, duration_ms, status, error FROM webhook_tries
    WHERE delivery = :id ORDER BY number";

pub(crate) const AGAIN: &str = "UPDATE webhook_deliveries
    SET state = 'pending', failures = 0, due_at = :now, ended_at = NULL WHERE id = :id";

/// Every id sorts between these.
const FIRST: &str = "";
const LAST: &str = "~";

/// One delivery to an endpoint.
pub(super) fn one(db: &Connection, endpoint: &EndpointId, id: &EventId) -> Done<Option<Delivery>> {
    let of = named_params! { ":id": id.as_str(), ":endpoint": endpoint.as_str() };
    let found = db.prepare_cached(ONE)?.query_row(of, delivery_of).optional();
    let found = found.map_err(|error| Fail::from(error).reading(id))?;
    found.map(|delivery| with_tries(db, delivery)).transpose()
}

/// One page.
pub(super) fn list(db: &Connection, page: &DeliveryPage) -> Done<DeliveryListing> {
    let (sql, start) = if page.newest_first { (NEWEST_FIRST, LAST) } else { (OLDEST_FIRST, FIRST) };
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(
        named_params! {
            ":endpoint": page.endpoint.as_str(),
            ":after": page.after.as_ref().map_or(start, EventId::as_str),
            ":limit": u64::from(page.limit) + 1,
        },
        delivery_of,
    )?;
    let found: rusqlite::Result<Vec<Delivery>> = rows.collect();
    let mut found = found.map_err(|error| Fail::from(error).reading(&page.endpoint))?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let deliveries: Done<_> = found.into_iter().map(|one| with_tries(db, one)).collect();
    Ok(DeliveryListing { deliveries: deliveries?, has_more })
}

/// Makes a delivery due at once. One that is being tried right now is due already.
pub(super) fn again(
    db: &Connection,
    endpoint: &EndpointId,
    id: &EventId,
    now: Timestamp,
) -> Done<Delivery> {
    if endpoints::known(db, endpoint)?.disabled.is_some() {
        return Err(StoreError::EndpointDisabled { id: endpoint.clone() }.into());
    }
    let unknown = || StoreError::NoSuchDelivery { id: id.clone() };
    one(db, endpoint, id)?.ok_or_else(unknown)?;
    db.prepare_cached(AGAIN)?.execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    Ok(one(db, endpoint, id)?.ok_or_else(unknown)?)
}

/// A delivery with the tries on record.
pub(super) fn with_tries(db: &Connection, delivery: Delivery) -> Done<Delivery> {
    let mut query = db.prepare_cached(TRIES)?;
    let rows = query.query_map(named_params! { ":id": delivery.id.as_str() }, |row| {
        let Moment(at) = row.get("at")?;
        Ok(Try {
            number: row.get("number")?,
            at,
            duration_ms: row.get("duration_ms")?,
            status: row.get("status")?,
            error: row.get("error")?,
        })
    })?;
    let tries: rusqlite::Result<_> = rows.collect();
    let tries = tries.map_err(|error| Fail::from(error).reading(&delivery.id))?;
    Ok(Delivery { tries, ..delivery })
}

/// A delivery but for its tries.
pub(super) fn delivery_of(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let (Text(id), Text(endpoint), Text(video)) =
        (row.get("id")?, row.get("endpoint")?, row.get("video")?);
    let (Text(event_type), Word(state)) = (row.get("event_type")?, row.get("state")?);
    let Moment(created_at) = row.get("created_at")?;
    let moment = |column| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<Moment>>(column)?.map(|Moment(at)| at))
    };
    Ok(Delivery {
        id,
        endpoint,
        event_type,
        video,
        created_at,
        state,
        due_at: moment("due_at")?,
        ended_at: moment("ended_at")?,
        failures: row.get("failures")?,
        tries: Vec::new(),
    })
}
