//! The few connections that only read, and never wait for the writer.
//!
//! Each read sees one moment of the ledger, and every change that was answered before it began.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
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
            let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let result = free.map_or_else(|| open::reader(&path), Ok).and_then(|db| {
                let result = snapshot(&db, work);
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
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

fn snapshot<T>(db: &Connection, work: impl FnOnce(&Connection) -> Done<T>) -> Done<T> {
    let moment = db.unchecked_transaction()?;
    let result = work(&moment);
    moment.finish()?;
    result
}
