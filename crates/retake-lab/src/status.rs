//! The providers' status pages.

use std::sync::Arc;

use axum::Router;

use crate::desk::Shared;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().with_state(shared)
}
