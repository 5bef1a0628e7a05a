//! Reading a whole ledger out, table by table, so that another engine can take it in.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row, types::ValueRef};

use super::{
    fault::{Done, Fail},
    open,
};
use crate::error::StoreError;

/// What is carried over, each table after those that it refers to. Replicas are not: they stay behind, and
/// hold nothing by then.
pub(crate) const TABLES: [&str; 16] = [
    "api_keys",
    "jobs",
    "job_waits",
    "job_requests",
    "attempts",
    "unsettled_submits",
    "renders",
    "exchanges",
    "events",
    "idempotency_keys",
    "feed",
    "characters",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_tries",
    "gateway_secrets",
];

/// Everything in a ledger belongs to something in one of these.
const BEGINNINGS: [&str; 4] = ["jobs", "api_keys", "characters", "webhook_endpoints"];

/// The last position that was ever given out. Lines that were dropped had positions too.
const FEED_END: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'feed'";

/// A stored value.
#[derive(Debug)]
pub(crate) enum Cell {
    Nothing,
    Number(i64),
    Text(String),
}

/// Brings everything into the one file, so that it can be renamed. Refused while somebody else reads it.
pub(crate) fn settle(path: &Path) -> Result<(), StoreError> {
    let ledger = path.display().to_string();
    let settled = open::writer(path).and_then(|db| {
        let busy =
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        Ok(busy)
    });
    if settled.map_err(|fail| fail.at(&ledger))? {
        let source = Arc::new(std::io::Error::other("another program reads it"));
        return Err(StoreError::Busy { ledger, source });
    }
    Ok(())
}

/// Something that only the ledger at this path holds: a table and an id in it. Nothing when it is empty.
pub(crate) fn sample(path: &Path) -> Result<Option<(&'static str, String)>, StoreError> {
    let ledger = path.display().to_string();
    let found = open::writer(path).and_then(|db| {
        for table in BEGINNINGS {
            let newest = format!("SELECT id FROM {table} ORDER BY id DESC LIMIT 1");
            if let Some(id) = db.query_row(&newest, [], |row| row.get(0)).optional()? {
                return Ok(Some((table, id)));
            }
        }
        Ok(None)
    });
    found.map_err(|fail: Fail| fail.at(&ledger))
}

/// Whoever takes a ledger in. Says whether it goes on.
pub(crate) trait RowSink {
    /// A table begins.
    fn table(&mut self, name: &'static str, columns: Vec<String>) -> bool;

    /// A row of the table that has begun.
    fn row(&mut self, row: Vec<Cell>) -> bool;
}

/// Reads the ledger at a path, as it is at one moment, and returns the last place in its feed.
pub(crate) fn export(path: &Path, taker: &mut impl RowSink) -> Result<i64, StoreError> {
    let ledger = path.display().to_string();
    // Whoever closes a ledger last tidies up after it, for which it has to be able to write.
    let read = open::writer(path).and_then(|mut db| {
        let moment = db.transaction()?;
        tables(&moment, taker)?;
        Ok(moment.query_row(FEED_END, [], |row| row.get(0)).optional()?.unwrap_or(0))
    });
    read.map_err(|fail: Fail| fail.at(&ledger))
}

fn tables(db: &Connection, taker: &mut impl RowSink) -> Done<()> {
    for table in TABLES {
        let mut query = db.prepare(&format!("SELECT * FROM {table}"))?;
        let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
        let width = columns.len();
        if !taker.table(table, columns) {
            return Ok(());
        }
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if !taker.row(cells(row, width)?) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn cells(row: &Row<'_>, width: usize) -> Done<Vec<Cell>> {
    (0..width).map(|column| cell(row.get_ref(column)?)).collect()
}

fn cell(value: ValueRef<'_>) -> Done<Cell> {
    Ok(match value {
        ValueRef::Null => Cell::Nothing,
        ValueRef::Integer(number) => Cell::Number(number),
        // No column of ours holds anything else; who put it there is to hear what cannot be read.
        other => Cell::Text(other.as_str().map_err(rusqlite::Error::from)?.to_owned()),
    })
}
