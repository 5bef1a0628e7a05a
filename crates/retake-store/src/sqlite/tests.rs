//! The promises of the ledger, kept by SQLite, and what only a file can show.

use std::sync::Arc;

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
}

#[async_trait]
impl Engine for Folder {
    async fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(SqliteLedger::open(&self.0.path().join("retake.db")).unwrap())
    }
}

conformance!(Folder::new());
