//! Reads and sets HTTP headers.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The text of a header; `None` when it is missing, empty or not text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|it| !it.is_empty())
}

/// Sets a header, unless the value is not a valid one.
pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}
