//! Answers that end a handler before its work is done.

use axum::response::{IntoResponse, Response};

/// Such an answer; boxed, because answers are large and mostly there is none.
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
