//! Moving from the ledger in a data directory to one in a database.
//!
//! Files go first, so that no gateway ever knows of one that is not there. Then the ledger gets the name of one
//! that is being moved, with which nobody begins work on it, so that no job goes on in two places. The rows come
//! over in one transaction, and after that the ledger gets the name of one that was moved. Whenever this is
//! broken off, asking again goes on from there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use retake_store::{Imported, Job, Ledger as _, Page, PostgresLedger, SqliteLedger, StoreError};

use crate::{
    assets::{Copied, CopyError, copy_files},
    clock::Clock,
    data_dir::{DataDir, Held},
};

/// How many of the newest videos are asked for their files.
const SAMPLE: u32 = 100;

/// What was moved.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What the ledger held.
    pub imported: Imported,
    /// The files, where they had to be copied.
    pub copied: Copied,
    /// The address of the database, as it may be shown.
    pub database: String,
    /// What is left of the old ledger.
    pub left: PathBuf,
}

/// Why a ledger was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is nothing to move.
    #[error("{} holds no ledger, so there is nothing to move", path.display())]
    NoLedger {
        /// The data directory.
        path: PathBuf,
    },
    /// It was moved, here or to another place.
    #[error(
        "the ledger was moved to a database before: set RETAKE_DATABASE_URL to go on there; {} is what is left of it, and `ledger.db` was its name",
        moved.display()
    )]
    MovedBefore {
        /// What is left of it.
        moved: PathBuf,
    },
    /// There is more than one.
    #[error("there are {} and {}; put the one away that is not to be moved", one.display(), other.display())]
    Several {
        /// One of them.
        one: PathBuf,
        /// Another.
        other: PathBuf,
    },
    /// The files of its videos are somewhere else.
    #[error(
        "none of the newest videos has its file in {}; copy what was in `assets.folder` until now there, and ask again",
        folder.display()
    )]
    NoFiles {
        /// Where they are to be.
        folder: PathBuf,
    },
    /// A file could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The old ledger could not be put aside.
    #[error("{} cannot be renamed", path.display())]
    Aside {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of the ledgers said no. The old one is as it was.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database fell silent, so that nobody knows whether it has kept the ledger.
    #[error(
        "the database fell silent at the end; ask again when it answers, and nothing will be there twice"
    )]
    InDoubt {
        /// What it said.
        source: StoreError,
    },
}

/// What of a ledger there is in a data directory.
enum Found {
    /// One at work.
    Whole(PathBuf),
    /// One whose move was broken off.
    Moving(PathBuf),
}

/// Moves the ledger of a data directory to an empty database, and the files to another folder if the assets
/// are to be in one.
pub async fn move_ledger(held: &Held, url: &str, assets: &Path) -> Result<Moved, MoveError> {
    let data_dir = held.data_dir();
    let found = find(data_dir)?;
    let target = PostgresLedger::connect(url).await?;
    let (moving, left) = (data_dir.moving_ledger_path(), data_dir.moved_ledger_path());
    let database = target.name().to_owned();
    let is_empty = target.is_empty().await?;
    let (imported, copied) = match (&found, is_empty) {
        (Found::Moving(ledger), false) => {
            let known = target.imported(ledger).await?;
            let nothing = || StoreError::NotEmpty { ledger: database.clone() };
            (known.ok_or_else(nothing)?, Copied::default())
        }
        (Found::Whole(_), false) => return Err(StoreError::NotEmpty { ledger: database }.into()),
        (Found::Whole(ledger) | Found::Moving(ledger), true) => {
            let copied = bring_files(data_dir, assets).await?;
            has_files(ledger, assets).await?;
            if let Found::Whole(ledger) = &found {
                SqliteLedger::settle(ledger, Clock::system().now()).await?;
                rename(ledger, &moving)?;
            }
            let imported = target.import(&moving).await;
            match imported {
                Ok(imported) => (imported, copied),
                Err(source) => return Err(undone(data_dir, &target, source).await),
            }
        }
    };
    rename(&moving, &left)?;
    target.close().await?;
    Ok(Moved { imported, copied, database, left })
}

fn find(data_dir: &DataDir) -> Result<Found, MoveError> {
    let (whole, moving) = (data_dir.ledger_path(), data_dir.moving_ledger_path());
    let moved = data_dir.moved_ledger_path();
    match (whole.exists(), moving.exists(), moved.exists()) {
        (true, false, false) => Ok(Found::Whole(whole)),
        (false, true, false) => Ok(Found::Moving(moving)),
        (false, false, true) => Err(MoveError::MovedBefore { moved }),
        (false, false, false) => Err(MoveError::NoLedger { path: data_dir.path().to_owned() }),
        (true, true, _) => Err(MoveError::Several { one: whole, other: moving }),
        (true, false, true) => Err(MoveError::Several { one: whole, other: moved }),
        (false, true, true) => Err(MoveError::Several { one: moving, other: moved }),
    }
}

/// Copies the files to where they are to be, if that is somewhere else.
async fn bring_files(data_dir: &DataDir, assets: &Path) -> Result<Copied, CopyError> {
    let (from, to) = (data_dir.assets_path(), assets.to_owned());
    if from == to {
        return Ok(Copied::default());
    }
    let path = from.clone();
    let copying = tokio::task::spawn_blocking(move || copy_files(&from, &to));
    copying.await.unwrap_or_else(|error| Err(CopyError { path, source: io::Error::other(error) }))
}

/// Makes sure that the folder is the one with the files of this ledger.
async fn has_files(ledger: &Path, folder: &Path) -> Result<(), MoveError> {
    let ledger = SqliteLedger::open(ledger)?;
    let page = Page { owner: None, after: None, limit: SAMPLE, newest_first: true };
    let newest = ledger.list(&page).await?.jobs;
    ledger.close().await?;
    let kept = newest.iter().filter(|job| job.file_removed_at.is_none());
    let mut keys = kept.filter_map(|job: &Job| Some(&job.output.as_ref()?.key)).peekable();
    if keys.peek().is_none() || keys.any(|key| folder.join(key).is_file()) {
        return Ok(());
    }
    Err(MoveError::NoFiles { folder: folder.to_owned() })
}

/// Puts the old ledger back in its place, if the database is known to have kept nothing.
async fn undone(data_dir: &DataDir, target: &PostgresLedger, source: StoreError) -> MoveError {
    // Somebody else's ledger came in between, and nothing of ours went there.
    let refused = matches!(source, StoreError::NotEmpty { .. });
    match target.is_empty().await {
        kept if refused || matches!(kept, Ok(true)) => {
            match rename(&data_dir.moving_ledger_path(), &data_dir.ledger_path()) {
                Ok(()) => source.into(),
                Err(error) => error,
            }
        }
        _ => MoveError::InDoubt { source },
    }
}

/// Renames a ledger that is settled, so that it stays so over a power cut.
fn rename(from: &Path, to: &Path) -> Result<(), MoveError> {
    let folder = to.parent().unwrap_or(to);
    fs::rename(from, to)
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .map_err(|source| MoveError::Aside { path: from.to_owned(), source })
}
