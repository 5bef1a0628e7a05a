//! Giving back what was claimed in vain.
//!
//! When the connection breaks while a claim is made durable, or what was claimed cannot be read, this replica
//! may hold what it will never act on. While it is alive, nobody else would free that.

use std::time::Duration;

use retake_core::fault::chain;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::pool::{Connections, Work};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Does the work however long that takes, or until the ledger closes.
pub(super) async fn undo<A: Sync>(
    db: Connections,
    given: A,
    work: Work<A, ()>,
    closing: CancellationToken,
) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = db.run(&given, work).await {
        tracing::warn!(error = chain(&error), "what was claimed in vain is still held");
        tokio::select! {
            () = sleep(pause) => {}
            () = closing.cancelled() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
