//! Bringing the schema of a file up to date, one step after the other.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::fault::{Done, Fail};
use crate::{
    error::StoreError,
    migration::{self, Migration},
};

/// All steps, in order. There never were any with the numbers 6 and 9.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "jobs",
        sql: include_str!("../../migrations/sqlite/0001_jobs.sql"),
    },
    Migration {
        number: 2,
        name: "owners",
        sql: include_str!("../../migrations/sqlite/0002_owners.sql"),
    },
    Migration {
        number: 3,
        name: "webhooks",
        sql: include_str!("../../migrations/sqlite/0003_webhooks.sql"),
    },
    Migration {
        number: 4,
        name: "evidence",
        sql: include_str!("../../migrations/sqlite/0004_evidence.sql"),
    },
    Migration {
        number: 5,
        name: "settling",
        sql: include_str!("../../migrations/sqlite/0005_settling.sql"),
    },
    Migration {
        number: 7,
        name: "gateway_secrets",
        sql: include_str!("../../migrations/sqlite/0007_gateway_secrets.sql"),
    },
    Migration {
        number: 8,
        name: "files_and_charges",
        sql: include_str!("../../migrations/sqlite/0008_files_and_charges.sql"),
    },
    Migration {
        number: 10,
        name: "no_planned_costs",
        sql: include_str!("../../migrations/sqlite/0010_no_planned_costs.sql"),
    },
    Migration {
        number: 11,
        name: "renders_by_time",
        sql: include_str!("../../migrations/sqlite/0011_renders_by_time.sql"),
    },
    Migration {
        number: 12,
        name: "owned_characters",
        sql: include_str!("../../migrations/sqlite/0012_owned_characters.sql"),
    },
    Migration {
        number: 13,
        name: "column_names",
        sql: include_str!("../../migrations/sqlite/0013_column_names.sql"),
    },
    Migration {
        number: 14,
        name: "slot_waits",
        sql: include_str!("../../migrations/sqlite/0014_slot_waits.sql"),
    },
];

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
    Ok(migration::refuse_newer(steps, found, ledger)?)
}

fn apply(db: &Transaction<'_>, step: &Migration, ledger: &str) -> Done<()> {
    let recorded: Option<(String, String)> = db
        .query_row(
            "SELECT name, checksum FROM migrations WHERE number = ?1",
            [step.number],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((name, checksum)) = recorded {
        return Ok(step.expect(name, &checksum, ledger)?);
    }
    db.execute_batch(step.sql).map_err(|error| step.broken(Fail::from(error).at(ledger)))?;
    db.execute(
        "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
        params![step.number, step.name, step.checksum()],
    )?;
    Ok(())
}
