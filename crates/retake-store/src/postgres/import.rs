//! Taking in a whole embedded ledger, in one transaction: the database has all of it, or nothing.
//!
//! A thread reads the file and sends it on in portions, so that a ledger of any length takes little memory.

use std::{error::Error, path::Path, pin::pin};

use tokio::{sync::mpsc, task};
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::{
    fault::{Done, Fail},
    session::Session,
    values,
};
use crate::{
    error::StoreError,
    record::Imported,
    sqlite::export::{Cell, RowSink, export, sample},
};

/// Rows that are sent on together.
const PORTION: usize = 500;
/// Portions that may wait.
const AHEAD: usize = 4;

/// However long it takes, nobody ends it.
const PATIENT: &str = "SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// No gateway comes in between.
const ALONE: &str =
    "LOCK TABLE jobs, api_keys, characters, webhook_endpoints IN SHARE ROW EXCLUSIVE MODE";

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM jobs), (SELECT COUNT(*) FROM api_keys),
    (SELECT COUNT(*) FROM webhook_endpoints)";

const EMPTY: &str = "SELECT NOT (EXISTS (SELECT 1 FROM jobs) OR EXISTS (SELECT 1 FROM api_keys)
    OR EXISTS (SELECT 1 FROM characters) OR EXISTS (SELECT 1 FROM webhook_endpoints))";

/// New lines come after all that the embedded ledger ever had, so that every place in its feed stays good.
const FEED_GOES_ON: &str = "SELECT setval('feed_positions', $1) WHERE $1 > 0";

/// What is on its way from the file to the database.
enum ImportBatch {
    Table { name: &'static str, columns: Vec<String> },
    Rows(Vec<Vec<Cell>>),
}

/// Packs rows into parcels.
struct Sender {
    parcels: mpsc::Sender<ImportBatch>,
    rows: Vec<Vec<Cell>>,
}

impl RowSink for Sender {
    fn table(&mut self, name: &'static str, columns: Vec<String>) -> bool {
        self.flush() && self.parcels.blocking_send(ImportBatch::Table { name, columns }).is_ok()
    }

    fn row(&mut self, row: Vec<Cell>) -> bool {
        self.rows.push(row);
        self.rows.len() < PORTION || self.flush()
    }
}

impl Sender {
    fn flush(&mut self) -> bool {
        let rows = std::mem::take(&mut self.rows);
        rows.is_empty() || self.parcels.blocking_send(ImportBatch::Rows(rows)).is_ok()
    }
}

/// Whether nothing was ever recorded here. Waits for whoever is about to take a ledger in.
pub(super) async fn is_empty(db: &Session) -> Done<bool> {
    db.begin().await?;
    db.batch_execute(ALONE).await?;
    let empty = db.query_one(EMPTY, []).await?.get(0);
    db.commit().await?;
    Ok(empty)
}

/// What came over from the ledger at a path, if it did.
pub(super) async fn imported(db: &Session, from: &Path) -> Done<Option<Imported>> {
    let path = from.to_owned();
    let sample = task::spawn_blocking(move || sample(&path)).await;
    if let Some((table, id)) = sample.map_err(|error| broke_off(error, ""))?? {
        let known = format!("SELECT 1 FROM {table} WHERE id = $1");
        if db.query_opt(&known, [&id]).await?.is_none() {
            return Ok(None);
        }
    }
    let counts = db.query_one(COUNTS, []).await?;
    let count = |column| u64::try_from(counts.get::<_, i64>(column)).unwrap_or(0);
    Ok(Some(Imported { jobs: count(0), keys: count(1), endpoints: count(2) }))
}

/// Takes in the ledger at a path, which nobody else has open.
pub(super) async fn import(db: &Session, from: &Path, ledger: &str) -> Done<Imported> {
    db.begin().await?;
    db.batch_execute(PATIENT).await?;
    db.batch_execute(ALONE).await?;
    if !db.query_one(EMPTY, []).await?.get::<_, bool>(0) {
        return Err(StoreError::NotEmpty { ledger: ledger.to_owned() }.into());
    }
    let (parcels, arriving) = mpsc::channel(AHEAD);
    let path = from.to_owned();
    let reading = task::spawn_blocking(move || {
        let mut sender = Sender { parcels, rows: Vec::with_capacity(PORTION) };
        let feed_end = export(&path, &mut sender)?;
        // Else the last rows stay behind; if nobody takes them, that one says why.
        sender.flush();
        Ok::<_, StoreError>(feed_end)
    });
    let unpacked = unpack(db, arriving).await;
    // Whatever went wrong, the file is closed when this returns.
    let read = reading.await.map_err(|error| broke_off(error, ledger))?;
    let (imported, feed_end) = (unpacked?, read?);
    db.query_opt(FEED_GOES_ON, [&feed_end]).await?;
    db.commit().await?;
    Ok(imported)
}

async fn unpack(db: &Session, mut arriving: mpsc::Receiver<ImportBatch>) -> Done<Imported> {
    let mut imported = Imported::default();
    let mut next = arriving.recv().await;
    while let Some(ImportBatch::Table { name, columns }) = next {
        let columns = columns.join(", ");
        let [shape] = db.prepare([&format!("SELECT {columns} FROM {name}")]).await?;
        let types: Vec<Type> = shape.columns().iter().map(|one| one.type_().clone()).collect();
        let copy = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
        let mut writer = pin!(db.copy_in(&copy, &types).await?);
        next = arriving.recv().await;
        while let Some(ImportBatch::Rows(rows)) = next {
            for row in rows {
                writer.as_mut().write_raw(row).await?;
            }
            next = arriving.recv().await;
        }
        imported.add(name, writer.finish().await?);
    }
    Ok(imported)
}

fn broke_off(error: task::JoinError, ledger: &str) -> Fail {
    StoreError::Unexpected { ledger: ledger.to_owned(), source: std::sync::Arc::new(error) }.into()
}

impl ToSql for Cell {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, kind) {
            (Self::Nothing, _) => Ok(IsNull::Yes),
            (Self::Number(number), &Type::BOOL) => (*number != 0).to_sql(kind, out),
            (Self::Number(micros), &Type::TIMESTAMPTZ) => {
                values::Moment(jiff::Timestamp::from_microsecond(*micros)?).to_sql(kind, out)
            }
            (Self::Number(number), &Type::INT8) => number.to_sql(kind, out),
            (Self::Text(text), &Type::TEXT) => values::text(text).to_sql(kind, out),
            (cell, kind) => Err(format!("{cell:?} does not fit a column of {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
