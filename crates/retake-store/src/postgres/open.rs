//! A first look at a database: whether it can hold a ledger, and what its owner should know.

use std::sync::Arc;

use jiff::Timestamp;

use super::{fault::Done, session::Session};
use crate::error::StoreError;

/// The oldest release that is still maintained by its makers, or nearly.
const OLDEST: i32 = 13;

const TRAITS: &str = "SELECT current_setting('server_version_num')::int / 10000 AS version,
    current_schema()::text AS schema, getdatabaseencoding()::text AS encoding,
    current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS durable";

const READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on'";

/// Why a database cannot hold a ledger.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the server is PostgreSQL {0}")]
    Old(i32),
    #[error("it keeps text as {0}")]
    Encoding(String),
    #[error("none of the schemas in `search_path` exists")]
    NoSchema,
    #[error("the server is a standby, or the database is set to read only")]
    ReadOnly,
}

/// Refuses a database that cannot hold a ledger, and warns of one that can lose what it answered.
pub(super) async fn look(db: &Session, ledger: &str) -> Done<()> {
    let row = db.query_one(TRAITS, []).await?;
    let (version, encoding): (i32, String) = (row.get("version"), row.get("encoding"));
    let barred = |remedy, unfit| StoreError::Barred {
        ledger: ledger.to_owned(),
        remedy,
        source: Arc::new(unfit),
    };
    if version < OLDEST {
        return Err(barred("use PostgreSQL 13 or newer", Unfit::Old(version)).into());
    }
    if encoding != "UTF8" {
        let remedy = "make a database with the encoding UTF8";
        return Err(barred(remedy, Unfit::Encoding(encoding)).into());
    }
    if row.get::<_, Option<&str>>("schema").is_none() {
        let remedy = "make the schema that `search_path` names with CREATE SCHEMA";
        return Err(barred(remedy, Unfit::NoSchema).into());
    }
    writable(db, ledger).await?;
    if !row.get::<_, bool>("durable") {
        tracing::warn!(
            ledger.name = %ledger,
            "the database server has `fsync` or `full_page_writes` turned off, so a power cut can lose \
             what was answered"
        );
    }
    Ok(())
}

/// The time of the server, not of the transaction.
pub(super) async fn clock(db: &Session) -> Done<Timestamp> {
    const CLOCK: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";
    let micros = db.query_one(CLOCK, []).await?.get(0);
    Ok(Timestamp::from_microsecond(micros).unwrap_or_default())
}

/// Refuses a server that only lets itself be read, such as a standby.
pub(super) async fn writable(db: &Session, ledger: &str) -> Done<()> {
    if db.query_one(READ_ONLY, []).await?.get(0) {
        let (ledger, source) = (ledger.to_owned(), Arc::new(Unfit::ReadOnly));
        return Err(StoreError::ReadOnly { ledger, source }.into());
    }
    Ok(())
}
