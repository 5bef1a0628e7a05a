//! Backups of a data directory, while a gateway works on it.
//!
//! A backup is a data directory itself: to restore it is to use it. The ledger is copied as it is at one
//! moment. Then come the files, which are never changed once they have their name, so that on the same
//! disk a second name does. What the ledger knows was there before it was copied and is there after.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use retake_store::{SqliteLedger, StoreError};

use crate::data_dir::{DataDir, DataDirError};

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Files, besides the ledger.
    pub files: u64,
    /// Their length together.
    pub bytes: u64,
}

/// Why there is no backup. What was copied so far is left for a look, and is no data directory.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something already.
    #[error("{} holds something already; name a folder that is new or empty", path.display())]
    NotEmpty {
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
    #[error("{} could not be copied", path.display())]
    Copy {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of the two folders cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The ledger could not be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a data directory, whether or not somebody works on it. Blocks for as long as that takes.
pub fn backup(source: &DataDir, target: &Path) -> Result<Backup, BackupError> {
    let ledger = source.ledger_path();
    if !ledger.is_file() {
        return Err(BackupError::NoLedger { path: source.path().to_owned() });
    }
    if fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty { path: target.to_owned() });
    }
    let target = DataDir::prepare(target)?;
    SqliteLedger::copy(&ledger, &target.ledger_path())?;
    let mut backup = Backup::default();
    copy_files(&source.assets_path(), &target.assets_path(), &mut backup)?;
    Ok(backup)
}

fn copy_files(from: &Path, to: &Path, backup: &mut Backup) -> Result<(), BackupError> {
    let copied = |path: &Path, source| BackupError::Copy { path: path.to_owned(), source };
    fs::create_dir_all(to).map_err(|source| copied(to, source))?;
    for entry in fs::read_dir(from).map_err(|source| copied(from, source))? {
        let entry = entry.map_err(|source| copied(from, source))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let Ok(kind) = entry.file_type() else { continue };
        // What is half-written belongs to nobody yet.
        let is_half = entry.file_name().to_string_lossy().contains('#');
        if kind.is_dir() && entry.file_name() != "staging" {
            copy_files(&path, &place, backup)?;
        } else if kind.is_file() && !is_half {
            match copy_file(&path, &place) {
                Ok(bytes) => {
                    backup.files += 1;
                    backup.bytes += bytes;
                }
                // Its time was over, or its video was deleted, since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(copied(&path, source)),
            }
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<u64> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(fs::metadata(to)?.len());
    }
    let bytes = fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()?;
    Ok(bytes)
}
