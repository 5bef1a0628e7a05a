//! Faults that change a finished response.
//!
//! Some faults do not depend on the content of a response: a refusal under the wrong status, a body
//! that arrives byte by byte. They are injected in the task that handles the request and applied by
//! the outermost middleware of every port, so that the emulators need not handle them.

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

/// A change of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResponseFault {
    /// The response gets this status.
    Status(StatusCode),
    /// The body is sent byte by byte, with this pause of lab time before each.
    Drip(SignedDuration),
}

tokio::task_local! {
    static INJECTED: Cell<Option<ResponseFault>>;
}

/// Injects a fault into the response to the current task's request.
pub(crate) fn inject(response_fault: ResponseFault) {
    INJECTED.try_with(|injected| injected.set(Some(response_fault))).ok();
}

/// The layer that does what was injected for.
pub(crate) async fn apply(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let answered = async {
        let response = next.run(request).await;
        (response, INJECTED.with(Cell::get))
    };
    let (mut response, response_fault) = INJECTED.scope(Cell::new(None), answered).await;
    match response_fault {
        None => response,
        Some(ResponseFault::Status(status)) => {
            *response.status_mut() = status;
            response
        }
        Some(ResponseFault::Drip(pause)) => {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.map(|body| drip_body(body, pause, clock))
        }
    }
}

/// Sends a body byte by byte.
pub(crate) fn drip_body(body: Body, pause: SignedDuration, clock: Clock) -> Body {
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
