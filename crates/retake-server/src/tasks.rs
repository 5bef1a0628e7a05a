//! Background work that a shutdown can wait for, and that is begun again when it breaks.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::vitals::Pulse;

/// The first pause before work that broke is begun again. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The tasks of one gateway and the signal that tells them to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work` to its end. Work that loops watches [`Tasks::stopping`].
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Runs work that goes on for as long as the gateway does. When it panics, or ends too early, it is begun
    /// again after a pause that grows.
    pub(crate) fn keep_running<F>(
        &self,
        pulse: Pulse,
        work: impl Fn(Pulse) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.tracker.spawn(async move {
            while !tasks.is_stopping() {
                let ended =
                    AssertUnwindSafe(async { work(pulse.clone()).await }).catch_unwind().await;
                if tasks.is_stopping() {
                    return;
                }
                let restarts = pulse.broke();
                let why = match &ended {
                    Ok(()) => "it ended by itself".to_owned(),
                    Err(panic) => format!("it panicked: {}", panic_text(&**panic)),
                };
                tracing::error!(
                    task = pulse.name(),
                    restarts,
                    why,
                    "a background task is begun again"
                );
                let pause = FIRST_PAUSE.saturating_mul(1 << restarts.saturating_sub(1).min(16));
                tokio::select! {
                    () = tokio::time::sleep(pause.min(LONGEST_PAUSE)) => {}
                    () = tasks.stopping() => {}
                }
            }
        });
    }

    /// Resolves once the tasks should come to an end.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the tasks should come to an end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Tells the tasks to end.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits until all have ended; [`Tasks::stop`] comes first.
    pub(crate) async fn ended(&self) {
        self.tracker.wait().await;
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_panics_or_ends_too_early_is_begun_again_until_the_end() {
        static TURNS: AtomicU32 = AtomicU32::new(0);
        let (tasks, pulse) = (Tasks::default(), Pulse::new("test", Duration::from_hours(1)));
        let stop = tasks.clone();

        tasks.keep_running(pulse.clone(), move |pulse| {
            let stop = stop.clone();
            async move {
                match TURNS.fetch_add(1, Ordering::SeqCst) {
                    0 => panic!("it broke"),
                    1 => {}
                    _ => {
                        pulse.beat();
                        stop.stop();
                    }
                }
            }
        });
        tasks.stopping().await;
        tasks.ended().await;

        let condition = pulse.condition();
        assert_eq!((TURNS.load(Ordering::SeqCst), condition.restarts), (3, 2));
        assert!(!condition.is_down, "it did a round");
    }
}
