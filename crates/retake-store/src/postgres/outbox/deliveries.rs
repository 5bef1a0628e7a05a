//! Deliveries: looked at, and made due once more.

use futures::try_join;
use jiff::Timestamp;
use retake_core::ids::{EndpointId, EventId};
use serde::Deserialize;
use tokio_postgres::Row;

use super::endpoints;
use crate::{
    error::StoreError,
    outbox::record::{Delivery, DeliveryListing, DeliveryPage, Try},
    postgres::{
        fault::Done,
        list::{FIRST, LAST},
        session::Session,
        values::{self, Moment, Read, unjson, word},
    },
};

/// A query for what [`delivery_of`] reads, from the deliveries that a subquery finds. The tries come with
/// their delivery.
macro_rules! select_deliveries {
    ($deliveries:literal) => {
        concat!(
            "SELECT d.id, d.endpoint, d.event_type, d.video, d.created_at, d.state, d.failures,
                d.due_at, d.ended_at,
                (SELECT json_agg(json_build_object('number', number, 'at', at,
                        'duration_ms', duration_ms, 'status', status, 'error', error)
                        ORDER BY number)::text
                 FROM webhook_tries WHERE delivery = d.id) AS tries
             FROM (",
            $deliveries,
            ") d"
        )
    };
}
pub(super) use select_deliveries;

pub(crate) const ONE: &str =
    select_deliveries!("SELECT * FROM webhook_deliveries WHERE id = $1 AND endpoint = $2");

pub(crate) const OLDEST_FIRST: &str = select_deliveries!(
    "SELECT * FROM webhook_deliveries WHERE endpoint = $1 AND id > $2 ORDER BY id LIMIT $3"
);

pub(crate) const NEWEST_FIRST: &str = select_deliveries!(
    "SELECT * FROM webhook_deliveries WHERE endpoint = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
);

pub(crate) const LOCK: &str = "SELECT 1 FROM webhook_deliveries WHERE id = $1 FOR NO KEY UPDATE";

pub(crate) const AGAIN: &str = "UPDATE webhook_deliveries
    SET state = 'pending', failures = 0, due_at = $2, ended_at = NULL WHERE id = $1";

#[derive(Deserialize)]
struct TryRow {
    number: u32,
    at: Timestamp,
    duration_ms: u64,
    status: Option<u16>,
    error: Option<String>,
}

/// One delivery to an endpoint.
pub(super) async fn one(
    db: &Session,
    endpoint: &EndpointId,
    id: &EventId,
) -> Done<Option<Delivery>> {
    let [one] = db.prepare([ONE]).await?;
    let row = db.query_opt(&one, [&id.as_str(), &endpoint.as_str()]).await?;
    Ok(row.as_ref().map(delivery_of).transpose()?)
}

/// One page.
pub(super) async fn list(db: &Session, page: &DeliveryPage) -> Done<DeliveryListing> {
    let (sql, start) = if page.newest_first { (NEWEST_FIRST, LAST) } else { (OLDEST_FIRST, FIRST) };
    let [query] = db.prepare([sql]).await?;
    let after = page.after.as_ref().map_or(start, EventId::as_str);
    let one_more = i64::from(page.limit) + 1;
    let rows = db.query(&query, [&page.endpoint.as_str(), &after, &one_more]).await?;
    let asked = page.limit as usize;
    let deliveries: Result<_, StoreError> = rows.iter().take(asked).map(delivery_of).collect();
    Ok(DeliveryListing { deliveries: deliveries?, has_more: rows.len() > asked })
}

/// Makes a delivery due at once. One that is being tried right now is due already.
pub(super) async fn again(
    db: &Session,
    endpoint: &EndpointId,
    id: &EventId,
    now: Timestamp,
) -> Done<Delivery> {
    let unknown = || StoreError::NoSuchDelivery { id: id.clone() };
    let [lock, again] = db.prepare([LOCK, AGAIN]).await?;
    let (key, now) = (id.as_str(), Moment(now));
    db.prepare([ONE, endpoints::ONE]).await?;
    let ((), _, found, to) = try_join!(
        db.begin(),
        db.query_opt(&lock, [&key]),
        one(db, endpoint, id),
        endpoints::known(db, endpoint),
    )?;
    if to.disabled.is_some() {
        return Err(StoreError::EndpointDisabled { id: endpoint.clone() }.into());
    }
    found.ok_or_else(unknown)?;
    let (_, after, ()) =
        try_join!(db.execute(&again, [&key, &now]), one(db, endpoint, id), db.commit())?;
    Ok(after.ok_or_else(unknown)?)
}

/// A delivery, or that it cannot be read.
pub(super) fn delivery_of(row: &Row) -> Result<Delivery, StoreError> {
    read(row).map_err(|source| {
        let id = row.try_get("id").unwrap_or_default();
        StoreError::Unreadable { id, source }
    })
}

fn read(row: &Row) -> Read<Delivery> {
    let Moment(created_at) = values::plain(row, "created_at")?;
    let tries: Option<&str> = values::plain(row, "tries")?;
    let tries: Vec<TryRow> = tries.map(unjson).transpose()?.unwrap_or_default();
    Ok(Delivery {
        id: values::parsed(row, "id")?,
        endpoint: values::parsed(row, "endpoint")?,
        event_type: values::parsed(row, "event_type")?,
        video: values::parsed(row, "video")?,
        created_at,
        state: word(values::plain(row, "state")?)?,
        due_at: values::moment(row, "due_at")?,
        ended_at: values::moment(row, "ended_at")?,
        failures: values::count(row, "failures")?,
        tries: tries.into_iter().map(try_of).collect(),
    })
}

fn try_of(row: TryRow) -> Try {
    let TryRow { number, at, duration_ms, status, error } = row;
    Try { number, at, duration_ms, status, error }
}
