//! Backups of a data directory, while a gateway works on it.
//!
//! A backup is a data directory itself: to restore it is to use it. The ledger is copied as it is at one
//! moment. Then come the files: what the ledger knows was there before it was copied and is there after.

use std::{
    fs,
    path::{Path, PathBuf},
};

use retake_store::{SqliteLedger, StoreError};

use crate::{
    assets::{Copied, CopyError, copy_files},
    data_dir::{DataDir, DataDirError},
};

/// Why there is no backup. What was copied so far is left for a look, and is no data directory.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something already.
    #[error("{} holds something already; name a folder that is new or empty", path.display())]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// It would be part of what it is a copy of.
    #[error("{} lies in the data directory; name a folder elsewhere", path.display())]
    Within {
        /// Where.
        path: PathBuf,
    },
    /// There is nothing to back up.
    #[error("{} holds no ledger, so there is nothing to back up", path.display())]
    NoLedger {
        /// The data directory.
        path: PathBuf,
    },
    /// A file could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// One of the two folders cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The ledger could not be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the ledger of a data directory, and the files in the folder of its assets, whether or not somebody
/// works on them. Blocks for as long as that takes.
pub fn backup(source: &DataDir, assets: &Path, target: &Path) -> Result<Copied, BackupError> {
    let ledger = source.ledger_path();
    if !ledger.is_file() {
        return Err(BackupError::NoLedger { path: source.path().to_owned() });
    }
    if fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty { path: target.to_owned() });
    }
    let home = source.path().canonicalize().unwrap_or_else(|_| source.path().to_owned());
    if std::path::absolute(target).is_ok_and(|target| target.starts_with(&home)) {
        return Err(BackupError::Within { path: target.to_owned() });
    }
    let target = DataDir::prepare(target)?;
    SqliteLedger::copy(&ledger, &target.ledger_path())?;
    Ok(copy_files(assets, &target.assets_path())?)
}
