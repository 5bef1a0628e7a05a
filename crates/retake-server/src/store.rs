//! Where the ledger is kept: in the data directory, or in a database that replicas share.

use std::{fmt, sync::Arc};

use retake_store::{Ledger, PostgresLedger, SqliteLedger, StoreError};

use crate::{
    config::{Config, Environment},
    data_dir::DataDir,
    gateway::StartError,
};

/// The variable that names a database. Its URL may hold a password, so there is no setting for it.
pub const DATABASE_URL: &str = "RETAKE_DATABASE_URL";

/// Where the ledger is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Store {
    /// In the data directory, for the one process that holds it.
    Embedded,
    /// In the PostgreSQL database at this URL, for any number of replicas.
    Postgres(String),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "Embedded",
            Self::Postgres(_) => "Postgres(…)",
        })
    }
}

impl Store {
    /// What the environment names.
    pub fn of(environment: &Environment) -> Self {
        environment.get(DATABASE_URL).map_or(Self::Embedded, |url| Self::Postgres(url.to_owned()))
    }

    /// Where that is, as it may be shown.
    pub fn name(&self) -> Result<String, StoreError> {
        match self {
            Self::Embedded => Ok("the data directory".to_owned()),
            Self::Postgres(url) => PostgresLedger::name_of(url),
        }
    }

    /// Opens the ledger and brings its schema up to date.
    pub(crate) async fn open(&self, data_dir: &DataDir) -> Result<Arc<dyn Ledger>, StartError> {
        let (ledger, moved) = (data_dir.ledger_path(), data_dir.moved_ledger_path());
        let moving = data_dir.moving_ledger_path();
        if moving.exists() {
            return Err(StartError::Moving { moving });
        }
        Ok(match self {
            Self::Embedded if moved.exists() && !ledger.exists() => {
                return Err(StartError::Moved { ledger, moved });
            }
            Self::Postgres(_) if ledger.exists() => return Err(StartError::Unmoved { ledger }),
            Self::Embedded => Arc::new(SqliteLedger::open(&ledger)?),
            Self::Postgres(url) => Arc::new(PostgresLedger::connect(url).await?),
        })
    }
}

impl DataDir {
    /// Where finished videos and references are kept, given the settings.
    pub fn assets_folder(&self, config: &Config) -> std::path::PathBuf {
        let folder = &config.assets.folder;
        if folder.as_os_str().is_empty() { self.assets_path() } else { folder.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_used_when_the_environment_names_one_and_its_url_is_not_shown() {
        let none = Environment::of("", []);
        let named = Environment::of("", [(DATABASE_URL, "postgres://me:secret@db/retake")]);

        assert_eq!(Store::of(&none), Store::Embedded);
        let store = Store::of(&named);
        assert_eq!(store, Store::Postgres("postgres://me:secret@db/retake".to_owned()));
        assert!(!format!("{store:?}").contains("secret"));
    }
}
