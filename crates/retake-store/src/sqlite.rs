//! The ledger in one SQLite file, for one machine.
//!
//! One thread writes and makes groups of commands durable together (`writer`); a few connections read
//! beside it (`readers`). The verbs are plain functions over a connection, one file for each of the
//! occasions on which they are called.

mod accept;
mod claim;
mod commit;
mod fault;
mod files;
mod list;
mod migrate;
mod open;
mod owner;
mod readers;
mod replica;
mod rows;
mod seat;
#[cfg(test)]
mod tests;
mod timeline;
mod values;
mod writer;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::ids::{ReplicaId, VideoId};

use self::{accept::Draft, migrate::MIGRATIONS, readers::Readers, writer::Writer};
use crate::{
    error::StoreError,
    ledger::Ledger,
    record::{
        Change, Claimed, Committed, Deleted, ExpiredFile, Job, Lease, Listing, NewJob, Page,
        Recorded, Slots,
    },
};

/// The ledger in one SQLite file.
///
/// Dropping it finishes what was asked for, which waits for the disk; [`Ledger::close`] does the same
/// without blocking the thread.
pub struct SqliteLedger {
    readers: Readers,
    writer: Writer,
    ledger: Arc<str>,
}

impl SqliteLedger {
    /// Opens the ledger at a path, makes it if there is none, and brings its schema up to date.
    /// The folder has to exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let ledger: Arc<str> = path.display().to_string().into();
        let named = |fail: fault::Fail| fail.at(&ledger);
        let mut db = open::writer(path).map_err(named)?;
        migrate::migrate(&mut db, MIGRATIONS, &ledger).map_err(named)?;
        let writer = Writer::start(db, Arc::clone(&ledger))?;
        let readers = Readers::new(path.to_owned(), Arc::clone(&ledger));
        Ok(Self { readers, writer, ledger })
    }

    fn unexpected(&self, error: serde_json::Error) -> StoreError {
        StoreError::Unexpected { ledger: self.ledger.to_string(), source: Arc::new(error) }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn accept(&self, job: &NewJob) -> Result<(), StoreError> {
        let draft = Draft::of(job).map_err(|error| self.unexpected(error))?;
        self.writer.write(move |db| accept::accept(db, &draft)).await
    }

    async fn claim(
        &self,
        replica: &ReplicaId,
        slots: &[Slots],
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (replica, slots) = (replica.clone(), slots.to_vec());
        self.writer.write(move |db| claim::claim(db, &replica, &slots, limit, now)).await
    }

    async fn commit(&self, lease: &Lease, change: &Change) -> Result<Committed, StoreError> {
        let (lease, change) = (lease.clone(), change.clone());
        self.writer.write(move |db| commit::commit(db, &lease, change)).await
    }

    async fn release(&self, lease: &Lease, due: Timestamp) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.writer.write(move |db| commit::release(db, &lease, due)).await
    }

    async fn request_cancel(&self, id: &VideoId, now: Timestamp) -> Result<Job, StoreError> {
        let id = id.clone();
        self.writer.write(move |db| owner::request_cancel(db, &id, now)).await
    }

    async fn job(&self, id: &VideoId) -> Result<Option<Job>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| rows::job(db, &id)).await
    }

    async fn list(&self, page: &Page) -> Result<Listing, StoreError> {
        let page = page.clone();
        self.readers.read(move |db| list::list(db, &page)).await
    }

    async fn delete(&self, id: &VideoId, now: Timestamp) -> Result<Deleted, StoreError> {
        let id = id.clone();
        self.writer.write(move |db| owner::delete(db, &id, now)).await
    }

    async fn events(
        &self,
        id: &VideoId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| timeline::read(db, &id, after_seq, limit)).await
    }

    async fn next_due(&self, slots: &[Slots]) -> Result<Option<Timestamp>, StoreError> {
        let slots = slots.to_vec();
        self.readers.read(move |db| claim::next_due(db, &slots)).await
    }

    async fn awaited_accounts(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(claim::awaited).await
    }

    async fn register(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let replica = replica.clone();
        self.writer.write(move |db| replica::register(db, &replica, now)).await
    }

    async fn heartbeat(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let replica = replica.clone();
        self.writer.write(move |db| replica::heartbeat(db, &replica, now)).await
    }

    async fn void_leases(&self, silent_since: Timestamp) -> Result<u64, StoreError> {
        self.writer.write(move |db| replica::void_leases(db, silent_since)).await
    }

    async fn expired_files(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ExpiredFile>, StoreError> {
        self.readers.read(move |db| files::expired(db, now, limit)).await
    }

    async fn file_removed(&self, id: &VideoId, now: Timestamp) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.write(move |db| files::removed(db, &id, now)).await
    }

    async fn known_keys(&self, keys: &[String]) -> Result<Vec<String>, StoreError> {
        let keys = keys.to_vec();
        self.readers.read(move |db| files::known(db, keys)).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        if !self.writer.is_open() {
            return Err(StoreError::Closed { ledger: self.ledger.to_string() });
        }
        let probe = "SELECT 1 FROM jobs LIMIT 1";
        self.readers.read(move |db| Ok(db.prepare_cached(probe)?.exists([]).map(drop)?)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await;
        Ok(())
    }
}
