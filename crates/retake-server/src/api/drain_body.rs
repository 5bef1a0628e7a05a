//! What a caller is still sending when its answer is ready.
//!
//! A refusal often comes before the body was read. To close the connection on a caller that is still sending
//! makes its system throw the answer away: it would report a broken connection and never learn why. So the
//! rest is read and dropped, and then the answer goes out. However long the rest is, who sends it without a pause
//! gets the answer; who trickles it does not hold a place for long.

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
use tokio::time::{Instant, timeout};

use super::AppState;
use crate::{
    listener::Peer,
    shares::{Holder, Place, Shares},
};

/// How long the rest of a body may take, while it comes fast.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may pause, and how long it may be slow.
const BRIEFLY: Duration = Duration::from_secs(3);
/// To so many places of callers there is one for strangers.
const STRANGERS: usize = 8;
/// What is not slow, in bytes per second.
const FAST: u64 = 1 << 20;

/// Places for bodies that are read on although they are of no use. Who trickles one keeps no other from its answer:
/// callers that were let in share theirs, and those that were not share a few of their own.
pub(crate) struct Leftovers {
    callers: Shares,
    strangers: Shares,
}

impl Leftovers {
    pub(crate) fn new(places: usize) -> Self {
        let what = "bodies that are read on";
        Self {
            callers: Shares::new(what, places),
            strangers: Shares::new(what, (places / STRANGERS).max(1)),
        }
    }

    /// A place for a caller that was let in, or for somebody else from there.
    fn take(&self, caller: Option<&Holder>, from: Option<Holder>) -> Option<Place> {
        match caller {
            Some(caller) => self.callers.take(caller),
            None => self.strangers.take(&from.unwrap_or(Holder::Operator)),
        }
        .ok()
    }
}

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
pub(super) async fn read_on(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    // Who expects to be asked for the body has not sent it, and need not.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let from = request.extensions().get::<Peer>().map(|peer| Holder::at(peer.0));
    let (head, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(head, Body::new(lent.clone()))).await;
    if lent.is_end_stream() {
        return response;
    }
    let Some(_place) = state.leftovers.take(response.extensions().get(), from) else {
        return response;
    };
    if !drop_rest(lent).await {
        tracing::debug!("the rest of a body took too long to be waited for");
    }
    response
}

/// Reads the rest of a body; false when that took too long.
async fn drop_rest(mut rest: impl HttpBody<Data = Bytes> + Unpin) -> bool {
    let (begun, mut read) = (Instant::now(), 0);
    while may_go_on(begun.elapsed(), read) {
        let next = poll_fn(|context| Pin::new(&mut rest).poll_frame(context));
        match timeout(BRIEFLY, next).await {
            Ok(Some(Ok(frame))) => read += frame.data_ref().map_or(0, |piece| piece.len() as u64),
            Ok(Some(Err(_)) | None) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Whether a rest is read on of which so much came in this time.
fn may_go_on(elapsed: Duration, read: u64) -> bool {
    elapsed <= BRIEFLY || (elapsed <= PATIENCE && read >= FAST * elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use retake_core::ids::KeyId;

    use super::*;

    #[test]
    fn a_rest_is_read_on_while_it_comes_fast_however_long_it_is() {
        let seconds = Duration::from_secs;

        assert!(may_go_on(seconds(0), 0) && may_go_on(BRIEFLY, 0));
        assert!(may_go_on(seconds(10), 10 * FAST) && !may_go_on(seconds(10), 9 * FAST));
        assert!(may_go_on(PATIENCE, u64::MAX) && !may_go_on(PATIENCE + seconds(1), u64::MAX));
    }

    #[test]
    fn whoever_was_not_let_in_takes_no_place_from_who_was() {
        let leftovers = Leftovers::new(64);
        let at = |address: &str| Holder::at(address.parse().unwrap());
        let north = Holder::Key(KeyId::new(Timestamp::UNIX_EPOCH));
        let south = Holder::Key(KeyId::new(Timestamp::MAX));
        let all = |caller: Option<&Holder>, from: Holder| {
            std::iter::from_fn(|| leftovers.take(caller, Some(from.clone()))).collect::<Vec<_>>()
        };

        let strangers: Vec<_> = (0..100).map(|n| all(None, at(&format!("10.0.0.{n}")))).collect();
        assert_eq!(strangers.iter().map(Vec::len).sum::<usize>(), 8);
        let norths = all(Some(&north), at("10.0.0.1"));
        assert_eq!(norths.len(), 32);
        assert_eq!(all(Some(&south), at("10.0.0.1")).len(), 16);

        drop(strangers);
        assert_eq!(all(None, at("10.0.0.1")).len(), 4, "one address gets half");
    }

    #[tokio::test]
    async fn a_rest_of_many_megabytes_is_read_to_its_end() {
        let piece = Bytes::from(vec![b' '; 1 << 20]);
        let pieces = (0..100).map(move |_| Ok::<_, std::io::Error>(piece.clone()));

        assert!(drop_rest(Body::from_stream(futures::stream::iter(pieces))).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_stops_is_not_waited_for() {
        let endless = futures::stream::pending::<Result<Bytes, std::io::Error>>();

        assert!(!drop_rest(Body::from_stream(endless)).await);
    }
}
