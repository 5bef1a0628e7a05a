//! Accepts connections and serves HTTP/1.1 on each, or drops one when a fault asks for it.
//!
//! A provider that crashes while it handles a request sends nothing at all, not even a status line.
//! A response built by [`drop_connection`] is never written; the connection is closed instead.

use std::{convert::Infallible, io, net::Ipv4Addr};

use axum::{Router, body::Body, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::Service as _, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::{TcpListener, TcpStream};

use crate::tasks::Tasks;

/// Marks a response instead of which the connection is closed.
#[derive(Clone, Copy)]
struct DropConnection;

/// A response that drops the connection without sending anything.
pub(crate) fn drop_connection() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(DropConnection);
    response
}

/// Listens on loopback; port 0 takes a free one.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until the lab stops.
pub(crate) async fn serve(listener: TcpListener, router: Router, tasks: Tasks) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => tasks.spawn(serve_connection(stream, router.clone())),
            Err(error) => {
                tracing::warn!(%error, "the lab failed to accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    stream.set_nodelay(true).ok();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = router.call(request);
        async move {
            let answer: Result<Response, Infallible> = answer.await;
            let Ok(answer) = answer;
            if answer.extensions().get::<DropConnection>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            Ok(answer)
        }
    });
    // This fails whenever a connection is dropped or a caller goes away.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}
