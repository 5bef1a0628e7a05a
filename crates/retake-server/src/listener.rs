//! The listener: accepts connections, within bounds, and serves HTTP/1.1 on each.
//!
//! Somebody who opens connections and says nothing must not keep others out. A connection has a time to send
//! the head of a request, whether it is the first or the next one; there is a most of them; and at that bound
//! those that ask for nothing make room for new ones (see [`connection_limit`]). Only when everybody is being served do
//! new ones wait in the system's queue.

mod connection_limit;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service as HyperService, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use self::connection_limit::{Connection, ConnectionLimit};
use crate::tasks::Tasks;

/// How long a connection may take over the head of its next request.
const HEAD: Duration = Duration::from_mins(1);
/// How long a caller may take nothing of its answer.
const STANDSTILL: Duration = Duration::from_mins(1);
/// How long a connection that is shown out may take for the end of its last answer.
const FAREWELL: Duration = Duration::from_secs(5);
/// The largest head of a request, however few connections there may be.
const LARGEST_HEAD: usize = 64 * 1024;
/// The smallest that it may be bounded to, so that what clients usually send fits.
const SMALLEST_HEAD: usize = 8 * 1024;
/// What the heads of requests on all connections may take together.
const ALL_HEADS: usize = 64 << 20;
/// Pause after a connection could not be accepted, for lack of file handles for example.
const BREATH: Duration = Duration::from_millis(100);

/// Connections that the system may hold until we come to them, as far as it allows. A caller whose connection
/// finds no room there tries again only after a second.
const UNACCEPTED: u32 = 4096;

/// Listens at an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Else a restart would wait until the system has forgotten the connections of the process before.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(UNACCEPTED)
}

/// Serves until the tasks are told to stop; connections under way finish what they are answering.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    service: impl HttpService,
    most: usize,
    tasks: Tasks,
) {
    let lobby = ConnectionLimit::with(most);
    loop {
        let accepted = async {
            let (stream, from) = listener.accept().await?;
            Ok((stream, Peer(from.ip()), lobby.place().await))
        };
        let accepted = tokio::select! {
            () = tasks.stopping() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let guest = lobby.welcome(place);
                let serving = (service.clone(), largest_head(most));
                tasks.spawn(answer(stream, peer, serving, guest, tasks.clone()));
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// How long the head of a request may be where there may be so many connections.
fn largest_head(connections: usize) -> usize {
    (ALL_HEADS / connections.max(1)).clamp(SMALLEST_HEAD, LARGEST_HEAD)
}

async fn answer(
    stream: TcpStream,
    peer: Peer,
    (service, largest_head): (impl HttpService, usize),
    guest: Arc<Connection>,
    stop: Tasks,
) {
    // Small answers should not wait for company; without the option they only come a little later.
    stream.set_nodelay(true).ok();
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STANDSTILL));
    let stream = pin!(stream);
    let (inner, asks) = (TowerToHyperService::new(service), Arc::clone(&guest));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (asking, answer) = (asks.asks(), HyperService::call(&inner, request.map(Body::new)));
        async move { answer.await.map(|answer| answer.map(|body| Kept::with(body, asking))) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(largest_head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = guest.shown_out() => {
            connection.as_mut().graceful_shutdown();
            // Who never asked for anything gets nothing. To others an answer may still be on its way, and one
            // that asked at the last moment is served.
            let farewell = if guest.has_asked() { FAREWELL } else { Duration::ZERO };
            match timeout(farewell, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) if guest.is_served() => connection.await,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What answers requests.
pub(crate) trait HttpService:
    Service<Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> HttpService for T where
    T: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The body of an answer, and what is kept until all of it was handed over.
pub(crate) struct Kept<T> {
    body: Body,
    _kept: T,
}

impl<T> Kept<T> {
    pub(crate) fn with(body: Body, kept: T) -> Self {
        Self { body, _kept: kept }
    }
}

impl<T: Unpin> HttpBody for Kept<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Gone again before we came to it.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_of_requests_on_all_connections_are_bounded_together() {
        for connections in [1, 100, 1024, 8192] {
            let head = largest_head(connections);

            assert!((SMALLEST_HEAD..=LARGEST_HEAD).contains(&head));
            assert!(head * connections <= ALL_HEADS, "{connections} of {head}");
        }
    }
}
