//! What PostgreSQL says when it does not do what it was told, sorted into the situations of [`StoreError`].

use std::{error::Error as _, io, sync::Arc};

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use tokio_postgres::{Error, error::SqlState};

use crate::error::{Cause, StoreError};

/// Why a piece of work on the database did not succeed, before anybody said which ledger it was.
#[derive(Debug)]
pub(super) enum Fail {
    /// The server said no, or fell silent.
    Engine(Error),
    /// There was no connection to be had.
    NoConnection(Error),
    /// All connections were in use for too long.
    Crowded(Cause),
    /// The server did not answer in time.
    Silent(Cause),
    /// The rules of the ledger said no.
    Refused(StoreError),
    /// A value that has no JSON.
    Unwritable(serde_json::Error),
    /// The ledger was closed.
    Closed,
}

/// The outcome of a piece of work on the database.
pub(super) type Done<T> = Result<T, Fail>;

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<PoolError> for Fail {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                Self::NoConnection(error)
            }
            PoolError::Timeout(TimeoutType::Wait) => Self::Crowded(Arc::new(error)),
            PoolError::Closed => Self::Closed,
            other => Self::Silent(Arc::new(other)),
        }
    }
}

/// What kind of trouble it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The connection is gone, or could not be made.
    Lost,
    /// Another transaction was in the way; this one left no trace.
    Conflict,
    /// Something took longer than it may.
    Slow,
    /// The server does not let us in, or not do this.
    Barred,
    DiskFull,
    Disk,
    Damaged,
    ReadOnly,
    Unknown,
}

impl Fail {
    /// Whether the same work may go through if it is tried again soon.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Engine(error) | Self::NoConnection(error) => {
                matches!(trouble(error), Trouble::Lost | Trouble::Conflict)
            }
            _ => false,
        }
    }

    /// Whether the work may have been done all the same: the connection broke before the answer came.
    pub(super) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Engine(error) => trouble(error) == Trouble::Lost,
            Self::Silent(_) => true,
            _ => false,
        }
    }

    /// Names the ledger, and with it the way out.
    pub(super) fn at(self, ledger: &str) -> StoreError {
        let ledger = ledger.to_owned();
        match self {
            Self::NoConnection(error) if trouble(&error) == Trouble::Unknown => {
                barred(error, ledger)
            }
            Self::Engine(error) | Self::NoConnection(error) => sorted(error, ledger),
            Self::Crowded(source) => StoreError::Busy { ledger, source },
            Self::Silent(source) => StoreError::Unavailable { ledger, source },
            Self::Refused(error) => error,
            Self::Unwritable(error) => StoreError::Unexpected { ledger, source: Arc::new(error) },
            Self::Closed => StoreError::Closed { ledger },
        }
    }
}

fn sorted(error: Error, ledger: String) -> StoreError {
    let kind = trouble(&error);
    if kind == Trouble::Barred {
        return barred(error, ledger);
    }
    let source: Cause = Arc::new(error);
    match kind {
        Trouble::Lost => StoreError::Unavailable { ledger, source },
        Trouble::Conflict | Trouble::Slow => StoreError::Busy { ledger, source },
        Trouble::DiskFull => StoreError::DiskFull { ledger, source },
        Trouble::Disk => StoreError::Disk { ledger, source },
        Trouble::Damaged => StoreError::Corrupt { ledger, source },
        Trouble::ReadOnly => StoreError::ReadOnly { ledger, source },
        Trouble::Barred | Trouble::Unknown => StoreError::Unexpected { ledger, source },
    }
}

fn trouble(error: &Error) -> Trouble {
    let Some(code) = error.code() else {
        let broken = error.source().is_some_and(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|io| !speaks_of_tls(io))
        });
        return if error.is_closed() || broken { Trouble::Lost } else { Trouble::Unknown };
    };
    match *code {
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::OUT_OF_MEMORY => Trouble::Lost,
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Trouble::Conflict,
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => Trouble::Slow,
        SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        | SqlState::INVALID_CATALOG_NAME
        | SqlState::INVALID_SCHEMA_NAME
        | SqlState::INSUFFICIENT_PRIVILEGE => Trouble::Barred,
        SqlState::DISK_FULL => Trouble::DiskFull,
        SqlState::IO_ERROR => Trouble::Disk,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Trouble::Damaged,
        SqlState::READ_ONLY_SQL_TRANSACTION => Trouble::ReadOnly,
        _ if code.code().starts_with("08") || code.code() == "57P05" => Trouble::Lost,
        _ => Trouble::Unknown,
    }
}

/// A certificate that is refused arrives as an error of reading or writing.
fn speaks_of_tls(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>())
}

fn barred(error: Error, ledger: String) -> StoreError {
    let remedy = remedy(&error);
    StoreError::Barred { ledger, remedy, source: Arc::new(error) }
}

fn remedy(error: &Error) -> &'static str {
    match error.code() {
        Some(&SqlState::INVALID_PASSWORD) => "check the user and the password in its URL",
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            "make the database with `createdb`, or name another"
        }
        Some(&SqlState::INVALID_SCHEMA_NAME) => {
            "make the schema that `search_path` names with CREATE SCHEMA"
        }
        Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            "check the user, let it in by the server's pg_hba.conf, and add `?sslmode=require` to the URL \
             if the server asks for encryption"
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "grant this user CREATE on the schema and all rights on its tables"
        }
        _ if matches!(error.source(), Some(cause) if cause.is::<io::Error>()) => {
            "name the authority that signed its certificate with `sslrootcert=FILE` in the URL"
        }
        _ => "check user, password and `sslmode` in its URL",
    }
}
