//! Giving back the room of what was erased.
//!
//! An update leaves the row as it was behind, unseen, until the table is tidied up. The server does that by
//! itself once enough has gathered; after a deletion it is asked to do it soon. What it cannot be asked for is
//! in docs/postgresql.md.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use retake_core::fault::chain;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{fault::Done, pool::Connections, session::Session};

/// Deletions of this long are tidied up together.
const GATHER: Duration = Duration::from_secs(30);

/// Those with words of callers, or of providers, in them. Long texts lie in tables beside these and go along.
const TIDY_UP: &str =
    "VACUUM (SKIP_LOCKED) jobs, job_requests, attempts, exchanges, events, characters,
    webhook_endpoints, webhook_deliveries, webhook_tries";

/// Whether it is asked for already.
#[derive(Clone, Default)]
pub(super) struct Vacuum(Arc<AtomicBool>);

impl Vacuum {
    /// Whether this is the first deletion since the last time.
    pub(super) fn is_to_begin(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Tidies up a little later, unless the ledger closes before that.
    pub(super) async fn run(self, db: Connections, closing: CancellationToken) {
        tokio::select! {
            () = sleep(GATHER) => {}
            () = closing.cancelled() => return,
        }
        self.0.store(false, Ordering::Release);
        let tidied = tokio::select! {
            tidied = db.first(&(), |db, ()| Box::pin(tidy_up(db))) => tidied,
            () = closing.cancelled() => return,
        };
        if let Err(error) = tidied {
            tracing::warn!(
                error = chain(&error),
                "the rows of what was deleted were not tidied up; the server does it in its own time"
            );
        }
    }
}

/// However long it takes: nobody waits for it.
pub(super) async fn tidy_up(db: &Session) -> Done<()> {
    let limit: String = db.query_one("SHOW statement_timeout", []).await?.get(0);
    db.batch_execute("SET statement_timeout = 0").await?;
    let tidied = db.batch_execute(TIDY_UP).await;
    db.batch_execute(&format!("SET statement_timeout = '{limit}'")).await?;
    tidied
}
