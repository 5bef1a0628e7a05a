//! The few connections that only read, and never wait for the writer.
//!
//! Each read sees one moment of the ledger, and every change that was answered before it began. What may take
//! its time is read on a thread for that. A few rows by their key are read right where they are asked for,
//! because waking another thread costs several times as much; see decision 0008.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task};

use super::{fault::Done, open};
use crate::error::StoreError;

/// How many reads go on at once.
const READERS: u32 = 4;

/// The connections that only read. They are opened when first needed.
pub(super) struct Readers {
    path: PathBuf,
    ledger: Arc<str>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Readers of the database at a path.
    pub(super) fn new(path: PathBuf, ledger: Arc<str>) -> Self {
        let permits = Arc::new(Semaphore::new(READERS as usize));
        Self { path, ledger, idle: Arc::default(), permits }
    }

    /// Reads a few rows by their key, in one snapshot, on this very thread unless that means to wait.
    pub(super) async fn read_inline<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Done<T> + Send + 'static,
    {
        match self.at_once(&work) {
            Some(result) => result.map_err(|fail| fail.at(&self.ledger)),
            None => self.read(work).await,
        }
    }

    /// Nothing when it cannot be done without waiting.
    fn at_once<T>(&self, work: impl Fn(&Connection) -> Done<T>) -> Option<Done<T>> {
        let permit = self.permits.try_acquire().ok()?;
        let read = connection(&self.idle, &self.path, Duration::ZERO).and_then(|db| {
            let result = snapshot(&db, work);
            keep(&self.idle, db);
            result
        });
        drop(permit);
        Some(read).filter(|read| !matches!(read, Err(fail) if fail.is_busy()))
    }

    /// Reads in one snapshot.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed { ledger: self.ledger.to_string() })?;
        let (path, ledger) = (self.path.clone(), Arc::clone(&self.ledger));
        let idle = Arc::clone(&self.idle);
        let reading = task::spawn_blocking(move || {
            let result = connection(&idle, &path, open::PATIENCE).and_then(|db| {
                let result = snapshot(&db, work);
                keep(&idle, db);
                result
            });
            drop(permit);
            result.map_err(|fail| fail.at(&ledger))
        });
        reading.await.map_err(|error| StoreError::Unexpected {
            ledger: self.ledger.to_string(),
            source: Arc::new(error),
        })?
    }

    /// Waits for the reads that go on, and lets go of the connections.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(READERS).await {
            self.permits.close();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            drop(all);
        }
    }
}

/// Reads as of one moment. The words for that are kept prepared like the questions themselves.
fn snapshot<T>(db: &Connection, work: impl FnOnce(&Connection) -> Done<T>) -> Done<T> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let result = work(db);
    db.prepare_cached("COMMIT")?.execute([])?;
    result
}

/// A connection that waits this long when somebody else keeps the ledger locked.
fn connection(idle: &Mutex<Vec<Connection>>, path: &Path, patience: Duration) -> Done<Connection> {
    let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let Some(db) = free else { return open::reader(path, patience) };
    db.busy_timeout(patience)?;
    Ok(db)
}

/// Keeps a connection for the next reader, unless its snapshot is still open: that would show the past for ever.
fn keep(idle: &Mutex<Vec<Connection>>, db: Connection) {
    if db.is_autocommit() {
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
    }
}
