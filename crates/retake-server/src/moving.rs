//! Moving from the ledger in a data directory to one in a database.
//!
//! Files go first, so that no gateway ever knows of one that is not there. The ledger is renamed before its
//! rows are copied: from then on nobody begins work on the old one, so that no job goes on in two places.
//! The rows come over in one transaction. Whenever this is broken off, asking again goes on from there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use retake_store::{Imported, Ledger as _, PostgresLedger, SqliteLedger, StoreError};

use crate::{
    assets::{Copied, CopyError, copy_files},
    clock::Clock,
    data_dir::{DataDir, Held},
};

/// What SQLite keeps beside a ledger that was not closed in good order.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

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
        "the ledger was moved before, and the database at {database} holds one: set RETAKE_DATABASE_URL to go on there, or name an empty database to copy {} once more",
        moved.display()
    )]
    MovedBefore {
        /// What is left of it.
        moved: PathBuf,
        /// Where the other one is.
        database: String,
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

/// Moves the ledger of a data directory to an empty database, and the files to another folder if the assets
/// are to be in one.
pub async fn move_ledger(held: &Held, url: &str, assets: &Path) -> Result<Moved, MoveError> {
    let data_dir = held.data_dir();
    let left = data_dir.moved_ledger_path();
    let is_aside = !data_dir.ledger_path().exists();
    if is_aside && !left.exists() {
        return Err(MoveError::NoLedger { path: data_dir.path().to_owned() });
    }
    let target = PostgresLedger::connect(url).await?;
    let database = target.name().to_owned();
    if !target.is_empty().await? {
        if is_aside {
            return Err(MoveError::MovedBefore { moved: left, database });
        }
        return Err(StoreError::NotEmpty { ledger: database }.into());
    }
    let copied = match data_dir.assets_path() {
        own if own == assets => Copied::default(),
        own => copy_in_background(own, assets.to_owned()).await?,
    };
    if !is_aside {
        bring_up_to_date(&data_dir.ledger_path()).await?;
        rename(&data_dir.ledger_path(), &left)?;
    }
    let imported = match target.import(&left).await {
        Ok(imported) => imported,
        Err(source) => return Err(undone(data_dir, &target, source).await),
    };
    target.close().await?;
    Ok(Moved { imported, copied, database, left })
}

async fn copy_in_background(from: PathBuf, to: PathBuf) -> Result<Copied, CopyError> {
    let path = from.clone();
    let copying = tokio::task::spawn_blocking(move || copy_files(&from, &to));
    copying.await.unwrap_or_else(|error| Err(CopyError { path, source: io::Error::other(error) }))
}

/// Brings the schema up to date, and frees what a gateway that died has left in its hands.
async fn bring_up_to_date(path: &Path) -> Result<(), StoreError> {
    let ledger = SqliteLedger::open(path)?;
    ledger.void_leases(Timestamp::MAX, Clock::system().now()).await?;
    ledger.close().await
}

/// Puts the old ledger back in its place, if the database is known to have kept nothing.
async fn undone(data_dir: &DataDir, target: &PostgresLedger, source: StoreError) -> MoveError {
    match target.is_empty().await {
        Ok(true) => match rename(&data_dir.moved_ledger_path(), &data_dir.ledger_path()) {
            Ok(()) => source.into(),
            Err(error) => error,
        },
        Ok(false) | Err(_) => MoveError::InDoubt { source },
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), MoveError> {
    let beside = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let renamed = |from: &Path, to: &Path| {
        fs::rename(from, to).map_err(|source| MoveError::Aside { path: from.to_owned(), source })
    };
    for end in COMPANIONS {
        if beside(from, end).exists() {
            renamed(&beside(from, end), &beside(to, end))?;
        }
    }
    renamed(from, to)?;
    // The new name is to outlive a power cut before the copy does.
    let folder = to.parent().unwrap_or(to);
    let kept = fs::File::open(folder).and_then(|folder| folder.sync_all());
    kept.map_err(|source| MoveError::Aside { path: to.to_owned(), source })
}
