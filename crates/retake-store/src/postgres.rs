//! The ledger in a PostgreSQL database, for any number of replicas.
//!
//! A pool of connections (`pool`) does each verb in one transaction and tries again what a restart of the
//! server or another transaction interrupted. The verbs are plain functions over a connection (`session`),
//! one file for each of the occasions on which they are called. A verb that writes goes on to its end
//! though its caller stops waiting.

mod accept;
mod address;
mod claim;
mod commit;
mod exchanges;
mod fault;
mod feed;
mod files;
mod idempotency_keys;
mod import;
mod keys;
mod list;
mod migrate;
mod open;
mod outbox;
mod owner;
mod pool;
mod renders;
mod replica;
mod rows;
mod secrets;
mod session;
mod settling;
#[cfg(test)]
mod tests;
mod timeline;
mod tls;
mod undo;
mod vacuum;
mod values;
mod waits;
mod wake;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use retake_core::{
    decide::SlotWait,
    ids::{CharacterId, KeyId, ReplicaId, VideoId},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    address::Address,
    claim::{Ask, Taken},
    commit::Doubts,
    migrate::MIGRATIONS,
    pool::{Connections, Limits, Work},
    undo::undo,
    vacuum::Vacuum,
};
use crate::{
    error::StoreError,
    ledger::Ledger,
    new_job_row::NewJobRow,
    queue_position::ASIDE,
    record::{
        Accepted, ApiKey, Change, Claimed, Committed, Deleted, ExpiredFile, FeedLine, Finding,
        Imported, Job, KeptExchange, KeyAdded, Lease, Listing, NewJob, Page, Recorded, Slots,
        StoredCharacter, SubmitLease, Unsettled,
    },
    renders::RenderWindow,
};

/// The ledger in a PostgreSQL database.
pub struct PostgresLedger {
    db: Connections,
    doubts: Arc<Doubts>,
    tasks: TaskTracker,
    closing: CancellationToken,
    vacuum: Vacuum,
}

impl PostgresLedger {
    /// Connects to a database by its URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and brings its
    /// schema up to date. Tables go into the first schema of `search_path`.
    ///
    /// With `sslmode=require` the connection is encrypted and the server's certificate verified;
    /// `sslrootcert=FILE` names the authority to trust.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, Limits::default()).await
    }

    async fn connect_with(url: &str, limits: Limits) -> Result<Self, StoreError> {
        let db = Connections::new(Address::parse(url)?, limits)?;
        db.first(&db.ledger(), |db, ledger| Box::pin(open::look(db, ledger))).await?;
        db.patient()
            .first(&db.ledger(), |db, ledger| Box::pin(migrate::migrate(db, MIGRATIONS, ledger)))
            .await?;
        let (doubts, tasks, closing) =
            (Arc::default(), TaskTracker::new(), CancellationToken::new());
        Ok(Self { db, doubts, tasks, closing, vacuum: Vacuum::default() })
    }

    /// What came over from the embedded ledger at a path; nothing when this is another one.
    pub async fn imported(&self, from: &Path) -> Result<Option<Imported>, StoreError> {
        let given = from.to_owned();
        self.db.run(&given, |db, from| Box::pin(import::imported(db, from))).await
    }

    /// Whether nothing was ever recorded here. An import that is being made durable is waited for.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(import::is_empty(db))).await
    }

    /// Takes in the embedded ledger at a path, all of it or nothing. Nobody may have it open, its schema has
    /// to be up to date, and no replica may hold anything of it. [`StoreError::NotEmpty`] when there is
    /// something here already.
    ///
    /// When the connection breaks over the commit, [`is_empty`](Self::is_empty) tells whether it was kept.
    pub async fn import(&self, from: &Path) -> Result<Imported, StoreError> {
        let given = (from.to_owned(), self.db.ledger().to_owned());
        let work: Work<(PathBuf, String), Imported> =
            |db, (from, ledger)| Box::pin(import::import(db, from, ledger));
        let db = self.db.patient();
        self.see_through(async move { db.first(&given, work).await }).await
    }

    /// The address in a URL, as it may be shown, if the URL is one.
    pub fn name_of(url: &str) -> Result<String, StoreError> {
        Ok(Address::parse(url)?.name)
    }

    /// The address of the database, as it may be shown.
    pub fn name(&self) -> &str {
        self.db.ledger()
    }

    /// Does a piece of work to its end, even if nobody waits for it any more.
    async fn write<A, T>(&self, given: A, work: Work<A, T>) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let db = self.db.clone();
        self.see_through(async move { db.run(&given, work).await }).await
    }

    /// Gives back the room of what was erased, a little later.
    fn tidy_up_after<T>(&self, erased: Result<T, StoreError>) -> Result<T, StoreError> {
        if erased.is_ok() && !self.tasks.is_closed() && self.vacuum.is_to_begin() {
            let (vacuum, db) = (self.vacuum.clone(), self.db.patient());
            self.tasks.spawn(vacuum.run(db, self.closing.clone()));
        }
        erased
    }

    async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ledger = || self.db.ledger().to_owned();
        if self.tasks.is_closed() {
            return Err(StoreError::Closed { ledger: ledger() });
        }
        self.tasks
            .spawn(work)
            .await
            .map_err(|error| StoreError::Unexpected { ledger: ledger(), source: Arc::new(error) })?
    }

    fn unexpected(&self, error: serde_json::Error) -> StoreError {
        StoreError::Unexpected { ledger: self.db.ledger().to_owned(), source: Arc::new(error) }
    }
}

/// Claims jobs. Those that this replica may hold without acting on them are given back.
async fn claim_all(
    db: Connections,
    ask: Ask,
    tasks: TaskTracker,
    closing: CancellationToken,
) -> Result<Vec<Claimed>, StoreError> {
    let now = ask.now;
    let given = (ask, Mutex::default());
    let taken =
        db.run(&given, |db, (ask, doubtful)| Box::pin(claim::claim(db, ask, doubtful))).await;
    let (in_vain, due, answer) = match taken {
        Ok(Taken { claimed, unreadable }) => (unreadable, now + ASIDE, Ok(claimed)),
        Err(error) => {
            let doubtful = given.1.into_inner().unwrap_or_else(PoisonError::into_inner);
            (doubtful, now, Err(error))
        }
    };
    if !in_vain.is_empty() {
        let work: Work<(Vec<Lease>, Timestamp), ()> =
            |db, (leases, due)| Box::pin(commit::give_back(db, leases, *due));
        tasks.spawn(undo(db, (in_vain, due), work, closing));
    }
    answer
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn accept(&self, job: &NewJob) -> Result<Accepted, StoreError> {
        let draft = NewJobRow::new(job).map_err(|error| self.unexpected(error))?;
        self.write(draft, |db, draft| Box::pin(accept::accept(db, draft))).await.flatten()
    }

    async fn claim(
        &self,
        replica: &ReplicaId,
        slots: &[Slots],
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let ask = Ask { replica: replica.clone(), slots: slots.to_vec(), limit, now };
        let (db, tasks, closing) = (self.db.clone(), self.tasks.clone(), self.closing.clone());
        self.see_through(claim_all(db, ask, tasks, closing)).await
    }

    async fn commit(&self, lease: &Lease, change: &Change) -> Result<Committed, StoreError> {
        let given = (lease.clone(), change.clone(), Arc::clone(&self.doubts));
        self.write(given, |db, (lease, change, doubts)| {
            Box::pin(commit::commit(db, lease, change, doubts))
        })
        .await
    }

    async fn release(
        &self,
        lease: &Lease,
        due: Timestamp,
        waits: &[SlotWait],
    ) -> Result<(), StoreError> {
        let given = (lease.clone(), due, waits.to_vec());
        self.write(given, |db, (lease, due, waits)| {
            Box::pin(commit::release(db, lease, *due, waits))
        })
        .await
    }

    async fn request_cancel(&self, id: &VideoId, now: Timestamp) -> Result<Job, StoreError> {
        let given = (id.clone(), now);
        self.write(given, |db, (id, now)| Box::pin(owner::request_cancel(db, id, *now))).await
    }

    async fn nudge(&self, id: &VideoId, now: Timestamp) -> Result<bool, StoreError> {
        let given = (id.clone(), now);
        self.write(given, |db, (id, now)| Box::pin(wake::nudge(db, id, *now))).await
    }

    async fn job(&self, id: &VideoId) -> Result<Option<Job>, StoreError> {
        self.db.run(id, |db, id| Box::pin(rows::job(db, id))).await
    }

    async fn list(&self, page: &Page) -> Result<Listing, StoreError> {
        self.db.run(page, |db, page| Box::pin(list::list(db, page))).await
    }

    async fn delete(&self, id: &VideoId, now: Timestamp) -> Result<Deleted, StoreError> {
        let given = (id.clone(), now);
        let deleted =
            self.write(given, |db, (id, now)| Box::pin(owner::delete(db, id, *now))).await;
        self.tidy_up_after(deleted)
    }

    async fn events(
        &self,
        id: &VideoId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.db
            .run(&(id, after_seq, limit), |db, (id, after, limit)| {
                Box::pin(timeline::read(db, id, *after, *limit))
            })
            .await
    }

    async fn exchanges(&self, id: &VideoId) -> Result<Vec<KeptExchange>, StoreError> {
        self.db.run(id, |db, id| Box::pin(exchanges::read(db, id))).await
    }

    async fn claim_unsettled(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Unsettled>, StoreError> {
        self.write((limit, now, until), |db, (limit, now, until)| {
            Box::pin(settling::claim(db, *limit, *now, *until))
        })
        .await
    }

    async fn settle_submit(
        &self,
        lease: &SubmitLease,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let given = (lease.clone(), finding.clone(), now);
        self.write(given, |db, (lease, finding, now)| {
            Box::pin(settling::settle(db, lease, finding, *now))
        })
        .await
    }

    async fn known_renders(&self, window: &RenderWindow) -> Result<Vec<String>, StoreError> {
        self.db.run(window, |db, window| Box::pin(renders::known(db, window))).await
    }

    async fn render_places(&self) -> Result<Vec<String>, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(renders::places(db))).await
    }

    async fn move_renders(&self, from: &str, to: &str, limit: u32) -> Result<u64, StoreError> {
        let given = (from.to_owned(), to.to_owned(), limit);
        self.write(given, |db, (from, to, limit)| Box::pin(renders::rename(db, from, to, *limit)))
            .await
    }

    async fn feed(
        &self,
        owner: Option<&KeyId>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError> {
        let given = (owner.cloned(), after.map(str::to_owned), limit);
        self.write(given, |db, (owner, after, limit)| {
            Box::pin(feed::read(db, owner.as_ref(), after.as_deref(), *limit))
        })
        .await
    }

    async fn feed_end(&self) -> Result<String, StoreError> {
        self.write((), |db, ()| Box::pin(feed::end(db))).await
    }

    async fn add_key(&self, key: &ApiKey) -> Result<KeyAdded, StoreError> {
        self.write(key.clone(), |db, key| Box::pin(keys::add(db, key))).await
    }

    async fn secret(&self, name: &str, fresh: &str, now: Timestamp) -> Result<String, StoreError> {
        let given = (name.to_owned(), fresh.to_owned(), now);
        self.write(given, |db, (name, fresh, now)| Box::pin(secrets::secret(db, name, fresh, *now)))
            .await
    }

    async fn key_by_digest(&self, digest: &str) -> Result<Option<ApiKey>, StoreError> {
        self.db.run(&digest, |db, digest| Box::pin(keys::by_digest(db, digest))).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(keys::all(db))).await
    }

    async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<ApiKey, StoreError> {
        let given = (id.clone(), now);
        self.write(given, |db, (id, now)| Box::pin(keys::revoke(db, id, *now))).await
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(keys::any(db))).await
    }

    async fn add_character(
        &self,
        character: &StoredCharacter,
        most: u32,
    ) -> Result<(), StoreError> {
        let given = (character.clone(), most);
        self.write(given, |db, (it, most)| Box::pin(keys::add_character(db, it, *most))).await
    }

    async fn characters(
        &self,
        owner: Option<&KeyId>,
        after: Option<&CharacterId>,
        limit: u32,
    ) -> Result<(Vec<StoredCharacter>, bool), StoreError> {
        let given = (owner.cloned(), after.cloned(), limit);
        self.db
            .run(&given, |db, (owner, after, limit)| {
                Box::pin(keys::characters(db, owner.as_ref(), after.as_ref(), *limit))
            })
            .await
    }

    async fn delete_character(&self, id: &CharacterId) -> Result<bool, StoreError> {
        let deleted =
            self.write(id.clone(), |db, id| Box::pin(keys::delete_character(db, id))).await;
        self.tidy_up_after(deleted)
    }

    async fn character(&self, id: &CharacterId) -> Result<Option<StoredCharacter>, StoreError> {
        self.db.run(id, |db, id| Box::pin(keys::character(db, id))).await
    }

    async fn prune(
        &self,
        now: Timestamp,
        feed_since: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write((now, feed_since, limit), |db, (now, since, limit)| {
            Box::pin(async move {
                let gone = idempotency_keys::prune(db, *now, *limit).await?
                    + feed::prune(db, *since, *limit).await?;
                // Once a round is enough for what looks at everything.
                let is_last = gone < u64::from(*limit);
                Ok(gone
                    + if is_last { idempotency_keys::prune_surplus(db, *limit).await? } else { 0 })
            })
        })
        .await
    }

    async fn next_due(&self, slots: &[Slots]) -> Result<Option<Timestamp>, StoreError> {
        self.db.run(&slots, |db, slots| Box::pin(claim::next_due(db, slots))).await
    }

    async fn awaited_accounts(&self) -> Result<Vec<String>, StoreError> {
        self.db.run(&(), |db, ()| Box::pin(claim::awaited(db))).await
    }

    async fn slots_in_use(&self, account: &str) -> Result<u32, StoreError> {
        self.db.run(&account, |db, account| Box::pin(claim::occupied(db, account))).await
    }

    async fn register(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let given = (replica.clone(), now);
        self.write(given, |db, (replica, now)| Box::pin(replica::register(db, replica, *now))).await
    }

    async fn heartbeat(&self, replica: &ReplicaId, now: Timestamp) -> Result<(), StoreError> {
        let given = (replica.clone(), now, self.db.ledger().to_owned());
        self.write(given, |db, (replica, now, ledger)| {
            Box::pin(replica::heartbeat(db, replica, *now, ledger))
        })
        .await
    }

    async fn expire_leases(
        &self,
        silent_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let given = (silent_since, now);
        self.write(given, |db, (since, now)| Box::pin(replica::expire_leases(db, *since, *now)))
            .await
    }

    async fn expired_files(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ExpiredFile>, StoreError> {
        let given = (now, limit);
        self.db.run(&given, |db, (now, limit)| Box::pin(files::expired(db, *now, *limit))).await
    }

    async fn file_removed(&self, id: &VideoId, now: Timestamp) -> Result<(), StoreError> {
        let given = (id.clone(), now);
        self.write(given, |db, (id, now)| Box::pin(files::removed(db, id, *now))).await
    }

    async fn known_keys(&self, keys: &[String]) -> Result<Vec<String>, StoreError> {
        self.db.run(&keys, |db, keys| Box::pin(files::known(db, keys))).await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.db.first(&(), |db, ()| Box::pin(open::clock(db))).await.map(Some)
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.db.first(&self.db.ledger(), |db, name| Box::pin(open::writable(db, name))).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close();
        Ok(())
    }
}
