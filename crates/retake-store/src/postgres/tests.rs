//! The promises of the ledger, kept by PostgreSQL, and what only a server can show.
//!
//! They run where `RETAKE_TEST_DATABASE_URL` names a database, each in a schema of its own; `cargo xtask
//! test` starts a server for them.

mod importing;
mod losing;
mod opening;
mod plans;
mod proxy;
mod racing;

use std::{sync::Arc, thread};

use async_trait::async_trait;
use retake_core::ids::ReplicaId;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::TaskTracker;

use super::{PostgresLedger, pool::Limits};
use crate::{
    Ledger,
    conformance::{Engine, NOON, Worker, conformance},
};

/// A schema of its own, removed when dropped.
struct Schema {
    database: String,
    name: String,
}

impl Schema {
    /// A new schema in the database of the tests, if there is one.
    async fn new() -> Option<Self> {
        let Some(database) = std::env::var_os("RETAKE_TEST_DATABASE_URL") else {
            skipped();
            return None;
        };
        let name = ReplicaId::new(NOON).to_string().replace("replica", "retake_test");
        let schema = Self { database: database.into_string().unwrap(), name };
        let create = format!("CREATE SCHEMA {}", schema.name);
        connected(&schema.database).await.batch_execute(&create).await.unwrap();
        Some(schema)
    }

    /// The URL of the schema, with its name for everything that connects by it.
    fn url(&self) -> String {
        let joint = if self.database.contains('?') { '&' } else { '?' };
        let Self { database, name } = self;
        format!("{database}{joint}application_name={name}&options=-c%20search_path%3D{name}")
    }

    async fn ledger(&self) -> PostgresLedger {
        PostgresLedger::connect(&self.url()).await.unwrap()
    }

    async fn ledger_with(&self, limits: Limits) -> PostgresLedger {
        PostgresLedger::connect_with(&self.url(), limits).await.unwrap()
    }

    /// A connection of another program, which works in the schema too.
    async fn stranger(&self) -> Client {
        connected(&self.url()).await
    }

    /// Lets another hand at the schema.
    async fn tamper(&self, sql: &str) {
        self.stranger().await.batch_execute(sql).await.unwrap();
    }

    /// Ends every connection that came by the URL. Returns how many there were.
    async fn cut_all(&self) -> i64 {
        let cut = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = $1";
        connected(&self.database).await.query_one(cut, &[&self.name]).await.unwrap().get(0)
    }

    async fn remove(&self) {
        self.cut_all().await;
        let drop = format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.name);
        connected(&self.database).await.batch_execute(&drop).await.unwrap();
    }
}

async fn connected(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    client
}

#[expect(clippy::print_stderr, reason = "nobody should take this for a pass")]
fn skipped() {
    eprintln!("skipped: RETAKE_TEST_DATABASE_URL names no database");
}

impl Drop for Schema {
    fn drop(&mut self) {
        // The runtime of the test stands still meanwhile, so this needs one of its own.
        thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(self.remove());
            });
        });
    }
}

#[async_trait]
impl Engine for Schema {
    async fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(self.ledger().await)
    }

    async fn everything(&self) -> Vec<u8> {
        let stranger = self.stranger().await;
        let tables =
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()";
        let mut all = String::new();
        for table in stranger.query(tables, &[]).await.unwrap() {
            let table: String = table.get(0);
            let rows = format!("SELECT COALESCE(string_agg(t::text, '\n'), '') FROM {table} t");
            all += stranger.query_one(&rows, &[]).await.unwrap().get::<_, &str>(0);
        }
        all.into_bytes()
    }

    async fn number(&self, query: &str) -> i64 {
        self.stranger().await.query_one(query, &[]).await.unwrap().get(0)
    }
}

/// A replica that works on a ledger of its own making.
async fn worker_on(ledger: PostgresLedger) -> Worker {
    let (ledger, me) = (Arc::new(ledger), ReplicaId::new(NOON));
    ledger.register(&me, NOON).await.unwrap();
    Worker { ledger, me }
}

conformance!(Schema::new().await);
