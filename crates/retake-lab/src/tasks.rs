//! Background tasks, which stopping the lab waits for.

use std::future::Future;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of one lab and the signal that tells them to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work` until it ends or the lab stops.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Signals the tasks to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits until all tasks have ended; call [`Tasks::stop`] first.
    pub(crate) async fn wait(&self) {
        self.tracker.wait().await;
    }
}
