//! What happens to an answer once an emulator has worded it.
//!
//! Some faults concern the answer and not what it says: a refusal under a status that is not its own, a body
//! that arrives byte by byte. Whoever decides on one asks for it here, in the task that answers the request,
//! and the outermost layer of every port does it, so that no emulator has to know.

use std::cell::Cell;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::{StreamExt as _, stream};
use http::{StatusCode, header};
use jiff::SignedDuration;

use crate::clock::Clock;

/// What is to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Twist {
    /// The answer comes under this status.
    Status(StatusCode),
    /// The body comes byte by byte, with this pause of the lab's time before each.
    Drip(SignedDuration),
}

tokio::task_local! {
    static ASKED: Cell<Option<Twist>>;
}

/// Asks for a twist of the answer to the request that this task is about.
pub(crate) fn ask(twist: Twist) {
    ASKED.try_with(|asked| asked.set(Some(twist))).ok();
}

/// The layer that does what was asked for.
pub(crate) async fn layer(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let answered = async {
        let response = next.run(request).await;
        (response, ASKED.with(Cell::get))
    };
    let (mut response, twist) = ASKED.scope(Cell::new(None), answered).await;
    match twist {
        None => response,
        Some(Twist::Status(status)) => {
            *response.status_mut() = status;
            response
        }
        Some(Twist::Drip(pause)) => {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.map(|body| drip(body, pause, clock))
        }
    }
}

/// A body byte by byte.
pub(crate) fn drip(body: Body, pause: SignedDuration, clock: Clock) -> Body {
    let bytes = body.into_data_stream().flat_map(|piece| {
        let bytes = match piece {
            Ok(piece) => (0..piece.len()).map(|at| Ok(piece.slice(at..=at))).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(bytes)
    });
    Body::from_stream(bytes.then(move |byte: Result<Bytes, axum::Error>| {
        let clock = clock.clone();
        async move {
            clock.hold(pause).await;
            byte
        }
    }))
}
