//! Making sure that what was erased is in none of the ledger's files.
//!
//! `secure_delete` overwrites what is deleted where it lies. It does not reach
//! two places. The write-ahead log still has the pages as they were, so it is emptied. And a row that was moved
//! when its page was split left a copy in the unused part of that page, so the file is rewritten without its
//! unused parts. Both are owed from the transaction that erased something, also after a crash.
//!
//! Emptying the log is quick, and is done before the erasure is answered. It waits for whoever reads an older
//! state; so it may have to be tried again. Rewriting takes as long as the ledger is large, and everybody who
//! writes waits for it: of a run of erasures only the first is followed by it at once.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::open::PATIENCE;

/// Says that the file is to be rewritten, in the transaction that makes it so.
pub(super) const OWED: &str = "PRAGMA user_version = 1";

const PAID: &str = "PRAGMA user_version = 0";

/// How long a reader of an older state is waited for at once, while others wait for the writer.
const BRIEFLY: Duration = Duration::from_millis(50);

/// When the log is emptied again that could not be.
const SOON: Duration = Duration::from_millis(100);

/// When something is tried again that failed for another reason.
const LATER: Duration = Duration::from_mins(1);

/// Rewriting may take this part of the time.
const SHARE: u32 = 20;

/// A larger ledger is not rewritten while it is in use: everybody would have to wait.
const LARGEST: u64 = 64 << 20;

/// What is still to be done about what was erased.
pub(super) struct Scrubber {
    log: bool,
    pages: bool,
    rewrite_from: Option<Instant>,
    retry_at: Option<Instant>,
    warned: bool,
}

impl Scrubber {
    /// What an earlier process may have left to be done.
    pub(super) fn of(db: &Connection) -> Self {
        let owed = db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        let pages = owed.is_ok_and(|version| version != 0);
        Self { log: true, pages, rewrite_from: None, retry_at: None, warned: false }
    }

    /// Something was erased.
    pub(super) fn owe(&mut self) {
        (self.log, self.pages, self.retry_at) = (true, true, None);
    }

    /// When there is something to do again without a new erasure.
    pub(super) fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let log = self.log.then(|| self.retry_at.unwrap_or(now));
        let pages = self.pages.then(|| self.rewrite_from.unwrap_or(now));
        [log, pages].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn work(&mut self, db: &Connection, ledger: &str) {
        drop(db.busy_timeout(BRIEFLY));
        self.rewrite(db, ledger);
        self.empty_log(db, ledger);
        drop(db.busy_timeout(PATIENCE));
    }

    fn rewrite(&mut self, db: &Connection, ledger: &str) {
        let now = Instant::now();
        if !self.pages || self.rewrite_from.is_some_and(|from| now < from) {
            return;
        }
        if size(db).is_none_or(|size| size > LARGEST) {
            self.rewrite_from = Some(now + LATER);
            if !self.warned {
                self.warned = true;
                tracing::warn!(
                    ledger.path = %ledger,
                    "the ledger is too large to be rewritten in use, so parts of erased texts may be left in \
                     the unused space of its file until `VACUUM` is run on it"
                );
            }
            return;
        }
        match db.execute_batch("VACUUM").and_then(|()| db.execute_batch(PAID)) {
            Ok(()) => {
                (self.pages, self.log) = (false, true);
                self.rewrite_from = Some(Instant::now() + now.elapsed() * SHARE);
            }
            Err(error) => {
                self.rewrite_from = Some(Instant::now() + LATER);
                tracing::warn!(
                    ledger.path = %ledger, %error,
                    "erased texts may be left in the unused space of the ledger; trying again in a minute"
                );
            }
        }
    }

    fn empty_log(&mut self, db: &Connection, ledger: &str) {
        if !self.log {
            return;
        }
        let emptied =
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match emptied {
            Ok(busy) => {
                self.log = busy;
                self.retry_at = Some(Instant::now() + SOON);
            }
            Err(error) => {
                self.retry_at = Some(Instant::now() + LATER);
                tracing::warn!(
                    ledger.path = %ledger, %error,
                    "erased texts are still in the log of the ledger; trying again in a minute"
                );
            }
        }
    }
}

fn size(db: &Connection) -> Option<u64> {
    let number = |name| db.query_row(name, [], |row| row.get::<_, u64>(0)).ok();
    Some(number("PRAGMA page_count")? * number("PRAGMA page_size")?)
}
