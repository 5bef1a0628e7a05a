//! A schema of a test's own in the PostgreSQL database of the tests.
//!
//! It is there where `RETAKE_TEST_DATABASE_URL` names a database; `cargo xtask test` starts a server for it.

use tokio_postgres::NoTls;

use crate::server::on_runtime;

/// A schema of its own, removed when dropped.
pub(crate) struct Schema {
    database: String,
    name: String,
}

impl Schema {
    /// A new schema in the database of the tests, if there is one. Each test has another name for it.
    #[expect(clippy::print_stderr, reason = "nobody should take this for a pass")]
    pub(crate) fn of_test(test: &str) -> Option<Self> {
        let Some(database) = std::env::var_os("RETAKE_TEST_DATABASE_URL") else {
            eprintln!("skipped: RETAKE_TEST_DATABASE_URL names no database");
            return None;
        };
        let name = format!("retake_{test}_{}", std::process::id());
        let schema = Self { database: database.into_string().unwrap(), name };
        let name = &schema.name;
        schema.execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"));
        Some(schema)
    }

    pub(crate) fn url(&self) -> String {
        let joint = if self.database.contains('?') { '&' } else { '?' };
        format!("{}{joint}options=-c%20search_path%3D{}", self.database, self.name)
    }

    fn execute(&self, sql: &str) {
        on_runtime(async {
            let (client, connection) =
                tokio_postgres::connect(&self.database, NoTls).await.unwrap();
            let work = async {
                client.batch_execute(sql).await.unwrap();
                drop(client);
            };
            let (ended, ()) = tokio::join!(connection, work);
            ended.unwrap();
        });
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let name = &self.name;
        self.execute(&format!("SET client_min_messages = warning; DROP SCHEMA {name} CASCADE"));
    }
}
