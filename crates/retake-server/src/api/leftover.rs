//! What a caller is still sending when its answer is ready.
//!
//! A refusal often comes before the body was read. To close the connection on a caller that is still sending
//! makes its system throw the answer away: it would report a broken connection and never learn why. So the
//! rest is read and dropped, within bounds, and then the answer goes out.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::header;
use hyper::body::{Frame, SizeHint};

use super::Desk;

/// How long the rest of a body may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most that is read of it, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// A body that is lent out and can be read on afterwards.
#[derive(Clone)]
struct Lent(Arc<Mutex<Body>>);

impl Lent {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

/// Serves the request, then reads what is left of its body before the answer goes out.
pub(super) async fn read_on(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    // Who expects to be asked for the body has not sent it, and need not.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(head, Body::new(lent.clone()))).await;
    if lent.is_end_stream() {
        return response;
    }
    // Who trickles a body that nobody wants must not keep others from being let in.
    let Ok(_place) = desk.leftovers.try_acquire() else { return response };
    if tokio::time::timeout(PATIENCE, drop_rest(lent)).await.is_err() {
        tracing::debug!("the rest of a body took too long to be waited for");
    }
    response
}

async fn drop_rest(mut lent: Lent) {
    let mut read = 0;
    while read < MOST {
        match poll_fn(|context| Pin::new(&mut lent).poll_frame(context)).await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}
