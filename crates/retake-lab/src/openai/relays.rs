//! Relays and servers that speak OpenAI's dialect with differences of their own.

use axum::Router;

use super::plain;
use crate::desk::Desk;

pub(super) fn router() -> Router<Desk> {
    Router::new().merge(plain("/azure/openai/v1")).merge(plain("/litellm/v1"))
}
