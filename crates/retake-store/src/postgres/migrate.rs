//! Bringing the schema of a database up to date, one step after the other, by one replica at a time.

use super::{fault::Done, session::Session};
use crate::{
    error::StoreError,
    migration::{self, Migration},
};

/// All steps, in order. There never were any with the numbers 6 and 9.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "jobs",
        sql: include_str!("../../migrations/postgres/0001_jobs.sql"),
    },
    Migration {
        number: 2,
        name: "owners",
        sql: include_str!("../../migrations/postgres/0002_owners.sql"),
    },
    Migration {
        number: 3,
        name: "webhooks",
        sql: include_str!("../../migrations/postgres/0003_webhooks.sql"),
    },
    Migration {
        number: 4,
        name: "evidence",
        sql: include_str!("../../migrations/postgres/0004_evidence.sql"),
    },
    Migration {
        number: 5,
        name: "settling",
        sql: include_str!("../../migrations/postgres/0005_settling.sql"),
    },
    Migration {
        number: 7,
        name: "gateway_secrets",
        sql: include_str!("../../migrations/postgres/0007_gateway_secrets.sql"),
    },
    Migration {
        number: 8,
        name: "files_and_charges",
        sql: include_str!("../../migrations/postgres/0008_files_and_charges.sql"),
    },
    Migration {
        number: 10,
        name: "no_planned_costs",
        sql: include_str!("../../migrations/postgres/0010_no_planned_costs.sql"),
    },
    Migration {
        number: 11,
        name: "renders_by_time",
        sql: include_str!("../../migrations/postgres/0011_renders_by_time.sql"),
    },
    Migration {
        number: 12,
        name: "owned_characters",
        sql: include_str!("../../migrations/postgres/0012_owned_characters.sql"),
    },
    Migration {
        number: 13,
        name: "column_names",
        sql: include_str!("../../migrations/postgres/0013_column_names.sql"),
    },
    Migration {
        number: 14,
        name: "slot_waits",
        sql: include_str!("../../migrations/postgres/0014_slot_waits.sql"),
    },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number   INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    checksum TEXT NOT NULL
)";

/// Held until the transaction ends. A step over many rows takes its time, and others wait for it.
const ALONE: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SELECT pg_advisory_xact_lock(hashtextextended('retake migrations ' || current_schema(), 0));";

/// `migrations` is a common name for a table; ours has a checksum.
const TABLES: &str = "SELECT COUNT(DISTINCT t.tablename) AS \"all\",
        COALESCE(BOOL_OR(c.column_name IS NOT NULL), false) AS ours
    FROM pg_catalog.pg_tables t LEFT JOIN information_schema.columns c
        ON c.table_schema = t.schemaname AND c.table_name = t.tablename
            AND t.tablename = 'migrations' AND c.column_name = 'checksum'
    WHERE t.schemaname = current_schema()";

/// Applies what is missing.
pub(super) async fn migrate(db: &Session, steps: &[Migration], ledger: &str) -> Done<()> {
    alone(db).await?;
    begin(db, steps, ledger).await?;
    db.commit().await?;
    for step in steps {
        alone(db).await?;
        apply(db, step, ledger).await?;
        db.commit().await?;
    }
    Ok(())
}

async fn alone(db: &Session) -> Done<()> {
    db.begin().await?;
    db.batch_execute(ALONE).await
}

/// Refuses what this version must not touch, before anything is changed.
async fn begin(db: &Session, steps: &[Migration], ledger: &str) -> Done<()> {
    let tables = db.query_one(TABLES, []).await?;
    if tables.get::<_, i64>("all") > 0 && !tables.get::<_, bool>("ours") {
        return Err(StoreError::NotALedger { ledger: ledger.to_owned() }.into());
    }
    db.batch_execute(TABLE).await?;
    refuse_newer(db, steps, ledger).await
}

/// The last step that this version knows.
pub(super) fn newest() -> i32 {
    MIGRATIONS.last().map_or(0, |step| step.number.try_into().unwrap_or(i32::MAX))
}

/// Refuses a schema that has steps beyond these.
pub(super) async fn refuse_newer(db: &Session, steps: &[Migration], ledger: &str) -> Done<()> {
    let newest = "SELECT COALESCE(MAX(number), 0) FROM migrations";
    let newest: i32 = db.query_one(newest, []).await?.get(0);
    let found = u32::try_from(newest).unwrap_or(u32::MAX);
    Ok(migration::refuse_newer(steps, found, ledger)?)
}

async fn apply(db: &Session, step: &Migration, ledger: &str) -> Done<()> {
    let number = i32::try_from(step.number).unwrap_or(i32::MAX);
    let recorded = "SELECT name, checksum FROM migrations WHERE number = $1";
    if let Some(row) = db.query_opt(recorded, [&number]).await? {
        return Ok(step.expect(row.get("name"), row.get("checksum"), ledger)?);
    }
    let applied = db.batch_execute(step.sql).await;
    applied.map_err(|error| step.broken(error.at(ledger)))?;
    let record = "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)";
    db.execute(record, [&number, &step.name, &step.checksum()]).await?;
    Ok(())
}
