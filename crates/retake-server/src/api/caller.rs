//! Who calls: every request is let in here, before any handler sees it.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header, request::Parts};

use super::{Desk, Problem};
use crate::keys::Caller;

/// What anybody may read: whether the gateway lives, and how to talk to it.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/openapi.json", "/docs"];

/// What providers call: the URLs themselves are the leave.
const FOR_PROVIDERS: [&str; 2] = [crate::hooks::PATH, crate::hooks::PICTURES];

/// Lets the caller in, or answers with 401.
pub(super) async fn let_in(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_below = |open: &str| path.strip_prefix(open).is_some_and(|rest| rest.starts_with('/'));
    if OPEN.contains(&path) || FOR_PROVIDERS.into_iter().any(is_below) {
        return next.run(request).await;
    }
    match desk.keys.let_in(bearer(request.headers()).as_deref()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// The key that a request carries.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let missing = || Problem::internal("a route without its caller".into()).into_response();
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
