//! Opening a connection, and the settings each one needs.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{fault::Done, private};

/// How long another process may keep the ledger locked before the caller hears of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared.
const STATEMENTS: usize = 64;

/// `FULL` makes an answered commit survive a power cut. `secure_delete` overwrites an erased prompt.
const WRITER: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 8388608;
";

const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -8192;
";

/// The connection that writes; makes the file if there is none, for its owner alone.
pub(super) fn writer(path: &Path) -> Done<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    private::keep_private(path);
    connection(path, flags, WRITER, PATIENCE)
}

/// A connection that only reads, and waits this long for a lock.
pub(super) fn reader(path: &Path, patience: Duration) -> Done<Connection> {
    connection(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER, patience)
}

fn connection(
    path: &Path,
    flags: OpenFlags,
    settings: &str,
    patience: Duration,
) -> Done<Connection> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(patience)?;
    // Else each new value of a parameter has its statement planned anew, which costs more than running it.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.execute_batch(settings)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}
