//! What an HTTP status stands for, where nothing beside it says more.

use super::Author;
use crate::fault::FaultKind;

/// What a status stands for in a provider's own error body, where neither a code nor a text says more.
pub fn kind_of_status(status: u16) -> FaultKind {
    match status {
        400 | 404..=406 | 409..=417 | 422 => FaultKind::BadRequest,
        401 => FaultKind::Auth,
        402 | 403 => FaultKind::Quota,
        429 | 503 | 529 => FaultKind::Overloaded,
        408 | 499 | 504 | 522 | 524 => FaultKind::Timeout,
        500..=599 => FaultKind::Runtime,
        _ => FaultKind::UnknownProviderError,
    }
}

/// What a status stands for where the body is not the provider's own: a proxy, a firewall or a CDN answered in its
/// place. That says nothing of the account and little of the request: the way there is closed for now. Only what
/// is too large for the way stays too large.
pub fn kind_of_foreign_status(status: u16, author: Author) -> FaultKind {
    match status {
        401 if author != Author::Page => FaultKind::Auth,
        413 | 414 | 431 => FaultKind::BadRequest,
        408 | 499 | 500..=599 => kind_of_status(status),
        400..=499 => FaultKind::Overloaded,
        _ => FaultKind::UnknownProviderError,
    }
}

/// Whether a status says more than a relay's general code does: that something is wrong is all that the others say.
pub(super) fn says_much(status: u16) -> bool {
    matches!(status, 401..=403 | 408 | 429 | 499 | 503 | 504 | 524 | 529)
}
