//! Bringing the schema up to date, one numbered file after the other.
//!
//! Each file runs in a transaction of its own together with its line in the table `migrations`, so a step
//! either happened or did not. A file that was applied must not change afterwards; its checksum tells.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::fault::{Done, Fail};
use crate::error::StoreError;

/// One step of the schema.
pub(super) struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
}

/// All steps, in order.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "jobs",
    sql: include_str!("../../migrations/sqlite/0001_jobs.sql"),
}];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number   INTEGER PRIMARY KEY NOT NULL,
    name     TEXT NOT NULL,
    checksum TEXT NOT NULL
)";

/// Applies what is missing.
pub(super) fn migrate(db: &mut Connection, steps: &[Migration], ledger: &str) -> Done<()> {
    let start = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    begin(&start, steps, ledger)?;
    start.commit()?;
    for step in steps {
        let step_tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        apply(&step_tx, step, ledger)?;
        step_tx.commit()?;
    }
    Ok(())
}

/// Refuses what this version must not touch, before anything is changed.
fn begin(db: &Transaction<'_>, steps: &[Migration], ledger: &str) -> Done<()> {
    let tables = "SELECT COUNT(*), COALESCE(SUM(name = 'migrations'), 0) FROM sqlite_schema
                  WHERE type = 'table'";
    let (all, ours): (u32, u32) = db.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if all > 0 && ours == 0 {
        return Err(StoreError::NotALedger { ledger: ledger.to_owned() }.into());
    }
    db.execute_batch(TABLE)?;
    let newest = "SELECT COALESCE(MAX(number), 0) FROM migrations";
    let found: u32 = db.query_row(newest, [], |row| row.get(0))?;
    let known = steps.last().map_or(0, |step| step.number);
    if found > known {
        return Err(StoreError::NewerSchema { ledger: ledger.to_owned(), found, known }.into());
    }
    Ok(())
}

fn apply(db: &Transaction<'_>, step: &Migration, ledger: &str) -> Done<()> {
    let &Migration { number, name, sql } = step;
    let recorded: Option<(String, String)> = db
        .query_row("SELECT name, checksum FROM migrations WHERE number = ?1", [number], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match recorded {
        Some((_, found)) if found == checksum(sql) => Ok(()),
        Some((name, _)) => {
            Err(StoreError::ChangedMigration { ledger: ledger.to_owned(), number, name }.into())
        }
        None => {
            db.execute_batch(sql).map_err(|error| broken(error, step, ledger))?;
            db.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
                params![number, name, checksum(sql)],
            )?;
            Ok(())
        }
    }
}

/// A statement that cannot run is the migration's own fault; a full disk or a lock is not.
fn broken(error: rusqlite::Error, step: &Migration, ledger: &str) -> Fail {
    match Fail::from(error).at(ledger) {
        StoreError::Unexpected { ledger, source } => {
            StoreError::Migration { ledger, number: step.number, name: step.name, source }.into()
        }
        known => known.into(),
    }
}

/// FNV-1a, which is enough to notice an edited file; line endings do not count.
fn checksum(sql: &str) -> String {
    let hash =
        sql.bytes().filter(|&byte| byte != b'\r').fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
