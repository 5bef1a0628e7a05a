//! A response that ends a handler early.

use axum::response::{IntoResponse, Response};

/// A response that ends a handler early; boxed because responses are large and it is rare.
#[derive(Debug)]
pub(crate) struct EarlyResponse(Box<Response>);

impl From<Response> for EarlyResponse {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for EarlyResponse {
    fn into_response(self) -> Response {
        *self.0
    }
}
