//! The promises of the ledger, kept by SQLite, and what only a file can show.

mod crash;
mod opening;
mod plans;
mod upgrade;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tempfile::TempDir;

use super::SqliteLedger;
use crate::{
    Ledger,
    conformance::{Engine, conformance},
};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("retake.db")
    }

    fn ledger(&self) -> SqliteLedger {
        SqliteLedger::open(&self.path()).unwrap()
    }
}

#[async_trait]
impl Engine for Folder {
    async fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(self.ledger())
    }

    async fn everything(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    async fn number(&self, query: &str) -> i64 {
        let db = rusqlite::Connection::open(self.path()).unwrap();
        db.query_row(query, [], |row| row.get(0)).unwrap()
    }
}

conformance!(Some(Folder::new()));
