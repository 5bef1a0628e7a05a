//! The listener: accepts connections, within bounds, and serves HTTP/1.1 on each.
//!
//! Somebody who opens connections and says nothing must not keep others out: a connection has a time to
//! send the head of a request, whether it is the first or the next one, and there is a most of them. Above
//! it new ones wait in the system's queue.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::tasks::Tasks;

/// How long a connection may take over the head of its next request.
const HEAD: Duration = Duration::from_mins(1);
/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;
/// Pause after a connection could not be accepted, for lack of file handles for example.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until the tasks are told to stop; connections under way finish what they are answering.
pub(crate) async fn serve(listener: TcpListener, router: Router, most: usize, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = async {
            // Never closed, so there is always a place one day.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = tasks.stopping() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, stop) = (router.clone(), tasks.clone());
                tasks.spawn(async move {
                    answer(stream, router, stop).await;
                    drop(place);
                });
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router, stop: Tasks) {
    // Small answers should not wait for company; without the option they only come a little later.
    stream.set_nodelay(true).ok();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
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
