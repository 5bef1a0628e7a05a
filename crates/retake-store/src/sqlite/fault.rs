//! What SQLite says when it does not do what it was told, sorted into the situations of [`StoreError`].

use std::{fmt::Display, sync::Arc};

use rusqlite::{Error, ErrorCode};

use crate::error::{Cause, StoreError};

/// Why a piece of work on a connection did not succeed, before anybody said which ledger it was.
#[derive(Debug)]
pub(super) enum Fail {
    /// The engine said no.
    Engine(Error),
    /// The rules of the ledger said no.
    Refused(StoreError),
}

/// The outcome of a piece of work on a connection.
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

impl Fail {
    /// Names the record whose stored text could not be read; other failures stay what they are.
    pub(super) fn reading(self, id: &impl Display) -> Self {
        match self {
            Self::Engine(
                error @ (Error::FromSqlConversionFailure(..)
                | Error::InvalidColumnType(..)
                | Error::IntegralValueOutOfRange(..)),
            ) => StoreError::Unreadable { id: id.to_string(), source: Arc::new(error) }.into(),
            other => other,
        }
    }

    /// Whether somebody else keeps the ledger locked.
    pub(super) fn is_busy(&self) -> bool {
        let code = match self {
            Self::Engine(error) => error.sqlite_error_code(),
            Self::Refused(_) => None,
        };
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Names the ledger, and with it the way out.
    pub(super) fn at(self, ledger: &str) -> StoreError {
        match self {
            Self::Engine(error) => sorted(error, ledger.to_owned()),
            Self::Refused(error) => error,
        }
    }
}

fn sorted(error: Error, ledger: String) -> StoreError {
    let code = error.sqlite_error_code();
    let source: Cause = Arc::new(error);
    match code {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt { ledger, source }
        }
        Some(ErrorCode::DiskFull) => StoreError::DiskFull { ledger, source },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::ReadOnly { ledger, source }
        }
        Some(ErrorCode::CannotOpen) => StoreError::CannotOpen { ledger, source },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { ledger, source }
        }
        Some(ErrorCode::SystemIoFailure) => StoreError::Disk { ledger, source },
        _ => StoreError::Unexpected { ledger, source },
    }
}
