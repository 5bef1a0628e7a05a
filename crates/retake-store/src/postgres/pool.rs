//! The connections: how they are set up, how long anything may take, and what is tried again.
//!
//! A connection that broke is replaced when it is next asked for. Work that lost its connection, or met
//! another transaction, is done again for a few seconds, so that a short restart of the server goes
//! unnoticed; then its caller hears of it.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use super::{
    address::Address,
    fault::{Done, Fail},
    session::Session,
    tls::Encryption,
};
use crate::error::StoreError;

/// How many connections there are at most. A server takes a hundred unless told otherwise.
const CONNECTIONS: usize = 16;

/// How long anything may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// For a connection to become free, or to be made.
    pub(super) connect: Duration,
    /// One statement.
    pub(super) statement: Duration,
    /// Waiting for a lock.
    pub(super) lock: Duration,
    /// A transaction whose replica says nothing; then its locks are free again.
    pub(super) silence: Duration,
    /// All statements of a piece of work, as seen from here.
    pub(super) work: Duration,
    /// Trying again.
    pub(super) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            lock: Duration::from_secs(8),
            silence: Duration::from_secs(5),
            work: Duration::from_secs(15),
            patience: Duration::from_secs(5),
        }
    }
}

/// A piece of work: what is done on a connection with what was given for it, as often as need be.
pub(super) type Work<A, T> = for<'a> fn(&'a Session, &'a A) -> BoxFuture<'a, Done<T>>;

/// The way to the database.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    limits: Limits,
    ledger: Arc<str>,
}

impl Connections {
    pub(super) fn new(address: Address, limits: Limits) -> Result<Self, StoreError> {
        let ledger: Arc<str> = address.name.into();
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match Encryption::of(&address.tls)? {
            Some(tls) => Manager::from_config(address.config, tls, recycling),
            None => Manager::from_config(address.config, NoTls, recycling),
        };
        let settings: Arc<str> = settings(limits).into();
        let set_up = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let settings = Arc::clone(&settings);
            Box::pin(
                async move { client.batch_execute(&settings).await.map_err(HookError::Backend) },
            )
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(limits.connect))
            .create_timeout(Some(limits.connect))
            .recycle_timeout(Some(limits.connect))
            .post_create(set_up)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unexpected {
                ledger: ledger.to_string(),
                source: Arc::new(error),
            })?;
        Ok(Self { pool, limits, ledger })
    }

    /// Does a piece of work with what it is given, again if need be.
    pub(super) async fn run<A: Sync, T>(
        &self,
        given: &A,
        work: Work<A, T>,
    ) -> Result<T, StoreError> {
        let last_moment = Instant::now() + self.limits.patience;
        let mut pause = Duration::from_millis(20);
        let mut again = false;
        loop {
            let fail = match self.once(given, work, again).await {
                Ok(answer) => return Ok(answer),
                Err(fail) => fail,
            };
            again |= fail.leaves_doubt();
            if !fail.passes() || Instant::now() + pause > last_moment {
                return Err(fail.at(&self.ledger));
            }
            tracing::debug!(ledger.name = %self.ledger, ?fail, "the database is asked again");
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Does a piece of work once, without any of the patience.
    pub(super) async fn first<A: Sync, T>(
        &self,
        given: &A,
        work: Work<A, T>,
    ) -> Result<T, StoreError> {
        self.once(given, work, false).await.map_err(|fail| fail.at(&self.ledger))
    }

    /// The same connections for work that takes as long as it takes, such as a migration.
    pub(super) fn patient(&self) -> Self {
        let limits = Limits { work: Duration::from_hours(24), ..self.limits };
        Self { limits, ..self.clone() }
    }

    async fn once<A: Sync, T>(&self, given: &A, work: Work<A, T>, again: bool) -> Done<T> {
        let session = Session::new(self.pool.get().await?, again);
        match timeout(self.limits.work, work(&session, given)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fail)) => {
                if timeout(self.limits.silence, session.roll_back()).await.is_err() {
                    session.discard();
                }
                Err(fail)
            }
            Err(late) => {
                session.discard();
                Err(Fail::Silent(Arc::new(late)))
            }
        }
    }

    /// Takes no more work.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    pub(super) fn ledger(&self) -> &str {
        &self.ledger
    }
}

/// What each connection is told first.
///
/// The way a statement is carried out is decided here and tested, not left to statistics: each of ours
/// follows an index from row to row. A commit waits for the disk, whatever the server's default.
fn settings(limits: Limits) -> String {
    let Limits { statement, lock, silence, .. } = limits;
    format!(
        "SET default_transaction_isolation = 'read committed';
         SET statement_timeout = {};
         SET lock_timeout = {};
         SET idle_in_transaction_session_timeout = {};
         SET client_min_messages = warning;
         SET timezone = 'UTC';
         {PLANS}
         SELECT set_config('synchronous_commit', 'on', false)
         WHERE current_setting('synchronous_commit') = 'off';",
        statement.as_millis(),
        lock.as_millis(),
        silence.as_millis(),
    )
}

pub(super) const PLANS: &str = "
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;";
