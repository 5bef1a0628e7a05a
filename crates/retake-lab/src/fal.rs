//! The emulator of fal: still to be written.

use axum::Router;

use crate::desk::Desk;

pub(crate) fn router() -> Router<Desk> {
    Router::new()
}
