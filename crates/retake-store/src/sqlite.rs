//! The ledger in one SQLite file, for one machine.
//!
//! One thread writes and makes groups of commands durable together (`writer`); a few connections read
//! beside it (`readers`). The verbs are plain functions over a connection, one file for each of the
//! occasions on which they are called.

mod accept;
mod claim;
mod commit;
mod exchanges;
pub(crate) mod export;
mod fault;
mod feed;
mod files;
mod idempotency_keys;
mod keys;
mod list;
mod migrate;
mod open;
mod outbox;
mod owner;
mod private;
mod readers;
mod renders;
mod replica;
mod rows;
mod scrub;
mod secrets;
mod settling;
#[cfg(test)]
mod tests;
mod timeline;
mod values;
mod waits;
mod wake;
mod writer;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::{
    decide::SlotWait,
    ids::{CharacterId, KeyId, ReplicaId, VideoId},
};

use self::{migrate::MIGRATIONS, readers::Readers, writer::Writer};
use crate::{
    error::StoreError,
    ledger::Ledger,
    new_job_row::NewJobRow,
    record::{
        Accepted, ApiKey, Change, Claimed, Committed, Deleted, ExpiredFile, FeedLine, Finding, Job,
        KeptExchange, KeyAdded, Lease, Listing, NewJob, Page, Recorded, Slots, StoredCharacter,
        SubmitLease, Unsettled,
    },
    renders::RenderWindow,
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

    /// Copies the ledger at a path to another one, which must not exist, as it is at one moment. Somebody may
    /// be writing to it meanwhile.
    pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
        let name: Arc<str> = from.display().to_string().into();
        let copied = open::reader(from, open::PATIENCE).and_then(|db| {
            db.execute_batch("PRAGMA query_only = OFF")?;
            private::create(to).map_err(|error| {
                let (ledger, source) = (to.display().to_string(), Arc::new(error));
                StoreError::CannotOpen { ledger, source }
            })?;
            db.execute("VACUUM INTO ?1", [to.display().to_string()])?;
            Ok(())
        });
        copied.map_err(|fail| fail.at(&name))
    }

    /// Makes the ledger at a path ready to be renamed: brings its schema up to date, frees what a replica that
    /// died has left in its hands, and leaves everything in the one file. [`StoreError::Busy`] while another
    /// program reads it.
    pub async fn settle(path: &Path, now: Timestamp) -> Result<(), StoreError> {
        let ledger = Self::open(path)?;
        ledger.expire_leases(Timestamp::MAX, now).await?;
        ledger.close().await?;
        drop(ledger);
        export::settle(path)
    }

    fn unexpected(&self, error: serde_json::Error) -> StoreError {
        StoreError::Unexpected { ledger: self.ledger.to_string(), source: Arc::new(error) }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn accept(&self, job: &NewJob) -> Result<Accepted, StoreError> {
        let draft = NewJobRow::new(job).map_err(|error| self.unexpected(error))?;
        self.writer.write(move |db| accept::accept(db, &draft)).await.flatten()
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
        self.writer.write(move |db| commit::commit(db, &lease, &change)).await
    }

    async fn release(
        &self,
        lease: &Lease,
        due: Timestamp,
        waits: &[SlotWait],
    ) -> Result<(), StoreError> {
        let (lease, waits) = (lease.clone(), waits.to_vec());
        self.writer.write(move |db| commit::release(db, &lease, due, &waits)).await
    }

    async fn request_cancel(&self, id: &VideoId, now: Timestamp) -> Result<Job, StoreError> {
        let id = id.clone();
        self.writer.write(move |db| owner::request_cancel(db, &id, now)).await
    }

    async fn nudge(&self, id: &VideoId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.clone();
        self.writer.write(move |db| wake::nudge(db, &id, now)).await
    }

    async fn job(&self, id: &VideoId) -> Result<Option<Job>, StoreError> {
        let id = id.clone();
        self.readers.read_inline(move |db| rows::job(db, &id)).await
    }

    async fn list(&self, page: &Page) -> Result<Listing, StoreError> {
        let page = page.clone();
        self.readers.read(move |db| list::list(db, &page)).await
    }

    async fn delete(&self, id: &VideoId, now: Timestamp) -> Result<Deleted, StoreError> {
        let id = id.clone();
        self.writer.erase(move |db| owner::delete(db, &id, now)).await
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

    async fn exchanges(&self, id: &VideoId) -> Result<Vec<KeptExchange>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| exchanges::read(db, &id)).await
    }

    async fn claim_unsettled(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Unsettled>, StoreError> {
        // Most looks find nothing, and need not wait for the writer.
        if !self.readers.read_inline(move |db| settling::any_due(db, now)).await? {
            return Ok(Vec::new());
        }
        self.writer.write(move |db| settling::claim(db, limit, now, until)).await
    }

    async fn settle_submit(
        &self,
        lease: &SubmitLease,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (lease, finding) = (lease.clone(), finding.clone());
        self.writer.write(move |db| settling::settle(db, &lease, &finding, now)).await
    }

    async fn known_renders(&self, window: &RenderWindow) -> Result<Vec<String>, StoreError> {
        let window = window.clone();
        self.readers.read(move |db| renders::known(db, &window)).await
    }

    async fn render_places(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(renders::places).await
    }

    async fn move_renders(&self, from: &str, to: &str, limit: u32) -> Result<u64, StoreError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.writer.write(move |db| renders::rename(db, &from, &to, limit)).await
    }

    async fn feed(
        &self,
        owner: Option<&KeyId>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError> {
        let (owner, after) = (owner.cloned(), after.map(str::to_owned));
        self.readers.read(move |db| feed::read(db, owner.as_ref(), after.as_deref(), limit)).await
    }

    async fn feed_end(&self) -> Result<String, StoreError> {
        self.readers.read(feed::end).await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<KeyAdded, StoreError> {
        let key = key.clone();
        self.writer.write(move |db| keys::add(db, &key)).await
    }

    async fn key_by_digest(&self, digest: &str) -> Result<Option<ApiKey>, StoreError> {
        let digest = digest.to_owned();
        self.readers.read_inline(move |db| keys::by_digest(db, &digest)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.readers.read(keys::all).await
    }

    async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<ApiKey, StoreError> {
        let id = id.clone();
        self.writer.write(move |db| keys::revoke(db, &id, now)).await
    }

    async fn secret(&self, name: &str, fresh: &str, now: Timestamp) -> Result<String, StoreError> {
        let (name, fresh) = (name.to_owned(), fresh.to_owned());
        self.writer.write(move |db| secrets::secret(db, &name, &fresh, now)).await
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        self.readers.read_inline(keys::any).await
    }

    async fn add_character(
        &self,
        character: &StoredCharacter,
        most: u32,
    ) -> Result<(), StoreError> {
        let character = character.clone();
        self.writer.write(move |db| keys::add_character(db, &character, most)).await
    }

    async fn characters(
        &self,
        owner: Option<&KeyId>,
        after: Option<&CharacterId>,
        limit: u32,
    ) -> Result<(Vec<StoredCharacter>, bool), StoreError> {
        let (owner, after) = (owner.cloned(), after.cloned());
        let list = move |db: &_| keys::characters(db, owner.as_ref(), after.as_ref(), limit);
        self.readers.read(list).await
    }

    async fn delete_character(&self, id: &CharacterId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.writer.erase(move |db| keys::delete_character(db, &id)).await
    }

    async fn character(&self, id: &CharacterId) -> Result<Option<StoredCharacter>, StoreError> {
        let id = id.clone();
        self.readers.read_inline(move |db| keys::character(db, &id)).await
    }

    async fn prune(
        &self,
        now: Timestamp,
        feed_since: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let prune = move |db: &rusqlite::Connection| {
            let gone =
                idempotency_keys::prune(db, now, limit)? + feed::prune(db, feed_since, limit)?;
            // Once a round is enough for what looks at everything.
            let is_last = gone < u64::from(limit);
            Ok(gone + if is_last { idempotency_keys::prune_surplus(db, limit)? } else { 0 })
        };
        self.writer.write(prune).await
    }

    async fn next_due(&self, slots: &[Slots]) -> Result<Option<Timestamp>, StoreError> {
        let slots = slots.to_vec();
        self.readers.read(move |db| claim::next_due(db, &slots)).await
    }

    async fn awaited_accounts(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(claim::awaited).await
    }

    async fn slots_in_use(&self, account: &str) -> Result<u32, StoreError> {
        let account = account.to_owned();
        self.readers.read_inline(move |db| claim::occupied(db, &account, None)).await
    }

    async fn register(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let replica = replica.clone();
        self.writer.write(move |db| replica::register(db, &replica, now)).await
    }

    async fn heartbeat(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let replica = replica.clone();
        self.writer.write(move |db| replica::heartbeat(db, &replica, now)).await
    }

    async fn expire_leases(
        &self,
        silent_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.writer.write(move |db| replica::expire_leases(db, silent_since, now)).await
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
        self.readers.read(move |db| Ok(db.prepare_cached(probe)?.exists([]).map(drop)?)).await?;
        // Nothing is written, but the lock for it is taken: another program may hold it.
        self.writer.write(|_| Ok(())).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await;
        Ok(())
    }
}
