//! Who calls: every request is let in here, before any handler sees it.

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header, request::Parts};

use super::{AppState, Problem};
use crate::{
    keys::Caller,
    listener::{Kept, Peer},
    shares::Holder,
};

/// Whether the gateway lives, which is told however much is going on.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// What else anybody may read: how to talk to the gateway.
const OPEN: [&str; 2] = ["/openapi.json", "/docs"];

/// What providers call: the URLs themselves are the leave.
const FOR_PROVIDERS: [&str; 2] = [crate::callbacks::PATH, crate::callbacks::PICTURES];

/// Lets the caller in, or answers with 401. Each has a part of what can be served at once.
pub(super) async fn let_in(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if HEALTH.contains(&path) {
        return next.run(request).await;
    }
    let is_below = |open: &str| path.strip_prefix(open).is_some_and(|rest| rest.starts_with('/'));
    let from =
        request.extensions().get::<Peer>().map_or(Holder::Operator, |peer| Holder::at(peer.0));
    let holder = if OPEN.contains(&path) || FOR_PROVIDERS.into_iter().any(is_below) {
        from
    } else {
        let key = bearer(request.headers());
        let caller = match state.keys.let_in(key.as_deref()).await {
            Ok(caller) => caller,
            Err(error) => return Problem::from(error).into_response(),
        };
        let is_operator = key.is_some_and(|key| state.keys.is_local(&key)) || caller.is_admin();
        let holder = match caller.owner() {
            _ if is_operator => Holder::Operator,
            Some(key) => Holder::Key(key.clone()),
            // Nobody needs a key yet, so those who call are told apart by where they are.
            None => from,
        };
        request.extensions_mut().insert(caller.on_account_of(holder.clone()));
        holder
    };
    let place = match state.requests.take(&holder) {
        // However much goes on, there is a way in for who can do something about it.
        Err(_) if holder == Holder::Operator => state.operators.take(&holder),
        taken => taken,
    };
    let is_let_in = request.extensions().get::<Caller>().is_some();
    request.extensions_mut().insert(holder.clone());
    let mut response = match place {
        Ok(place) => next.run(request).await.map(|body| Body::new(Kept::with(body, place))),
        Err(none) => Problem::from(none).into_response(),
    };
    if is_let_in {
        // Who waits for the rest of its body to be read waits on its own account.
        response.extensions_mut().insert(holder);
    }
    response
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
