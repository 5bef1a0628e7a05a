//! How long a submit has been lost, by a clock that nobody sets.
//!
//! An absence is believed after some time, and a wall clock that jumps ahead makes that time seem over. So from when this
//! process knows of a loss the time is taken from the monotonic clock. What passed before, in another process, only the
//! wall clock can tell.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, Tick};

/// Submits that are remembered. A forgotten one is waited for anew, which costs time and no money.
const REMEMBERED: usize = 65_536;

/// When something became known, by the wall clock and by the monotonic one.
type Known = (Timestamp, Tick);

/// When each lost submit was first known here, by its tag and by both clocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses(Arc<Mutex<HashMap<String, Known>>>);

impl Losses {
    /// How long ago a submit was lost, of which the ledger says when that was.
    pub(super) fn lost_for(
        &self,
        tag: String,
        lost_at: Timestamp,
        clock: &Clock,
    ) -> SignedDuration {
        let (now, tick) = (clock.now(), clock.tick());
        let mut losses = self.lock();
        if losses.len() >= REMEMBERED {
            losses.clear();
        }
        let (first, first_tick) = *losses.entry(tag).or_insert((now, tick));
        first.duration_since(lost_at).max(SignedDuration::ZERO) + tick.since(first_tick)
    }

    /// Forgets a submit of which everything is known.
    pub(super) fn forget(&self, tag: &str) {
        self.lock().remove(tag);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
