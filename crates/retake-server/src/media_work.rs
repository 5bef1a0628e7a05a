//! Work on media files from outside, off the async threads.
//!
//! Reading and decoding take processor time by the file, so they run on threads that may block, and only
//! when it is their turn. The work ends soon after nobody waits for it any more: when the
//! request that asked for it is gone, or when it has taken [`TIMEOUT`]. What it may cost in between is
//! bounded by the file's [`Budget`].

use std::time::Duration;

use retake_media::Budget;
use tokio::task::JoinError;

/// Far beyond what a budget allows on a machine that is not overloaded.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Runs `work` on a blocking thread once it is its turn. It has to pay for what it does from the budget
/// that it is given; that is how it notices that it was cancelled.
pub(crate) async fn run<T: Send + 'static>(
    turn: impl Future<Output = impl Send + 'static>,
    budget: Budget,
    work: impl FnOnce(&Budget) -> T + Send + 'static,
) -> Result<T, JoinError> {
    run_for(TIMEOUT, turn, budget, work).await
}

async fn run_for<T: Send + 'static>(
    timeout: Duration,
    turn: impl Future<Output = impl Send + 'static>,
    budget: Budget,
    work: impl FnOnce(&Budget) -> T + Send + 'static,
) -> Result<T, JoinError> {
    let turn = turn.await;
    // Dropped with this future, when the caller is gone.
    let guard = budget.guard();
    let mut running = tokio::task::spawn_blocking(move || {
        // Held to the end of the work, also when the caller is gone by then.
        let _turn = turn;
        work(&budget)
    });
    if let Ok(outcome) = tokio::time::timeout(timeout, &mut running).await {
        return outcome;
    }
    drop(guard);
    running.await
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, sync::mpsc};

    use retake_media::{BudgetError, ProbeError, probe_within};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn work_whose_sender_is_gone_ends_and_frees_its_place() {
        static PERMITS: Semaphore = Semaphore::const_new(1);
        let (begun, begins) = mpsc::channel();
        let (ended, ends) = mpsc::channel();
        let endless = run(PERMITS.acquire(), Budget::default(), move |budget| {
            begun.send(()).unwrap();
            // Reading any file fails as soon as the work was cancelled.
            let error = loop {
                match probe_within(Cursor::new(b"text"), budget) {
                    Err(error @ ProbeError::Budget(_)) => break error,
                    _ => std::thread::yield_now(),
                }
            };
            ended.send(matches!(error, ProbeError::Budget(BudgetError::Cancelled))).unwrap();
        });
        let begins = tokio::task::spawn_blocking(move || begins.recv());

        tokio::select! {
            _ = endless => panic!("it ended by itself"),
            begun = begins => begun.unwrap().unwrap(),
        }

        assert!(tokio::task::spawn_blocking(move || ends.recv()).await.unwrap().unwrap());
        assert_eq!(run(PERMITS.acquire(), Budget::default(), |_| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_takes_too_long_is_cancelled() {
        static PERMITS: Semaphore = Semaphore::const_new(1);

        let outcome = run_for(Duration::ZERO, PERMITS.acquire(), Budget::default(), |budget| {
            loop {
                match probe_within(Cursor::new(b"text"), budget) {
                    Err(ProbeError::Budget(error)) => return error,
                    _ => std::thread::yield_now(),
                }
            }
        });

        assert_eq!(outcome.await.unwrap(), BudgetError::Cancelled);
    }
}
