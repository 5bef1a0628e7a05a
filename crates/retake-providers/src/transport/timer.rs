//! The time by which calls are limited.

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time, and waits for the limits of calls.
pub trait Timer: fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The time that has passed since some moment in the past. It never goes back.
    fn passed(&self) -> Duration;

    /// Waits until this much more time has passed. `Duration::MAX` never ends.
    fn wait(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The time of the machine.
#[derive(Debug)]
pub(super) struct SystemTimer(Instant);

impl SystemTimer {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Timer for SystemTimer {
    #[expect(clippy::disallowed_methods, reason = "this is the machine's own time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// What the work yields, unless the time is over first.
pub(super) async fn within<T>(
    timer: &dyn Timer,
    time: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = timer.wait(time) => None,
    }
}
