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

/// Submits that are remembered. For more than these the wall clock has to do, for those that were lost first.
const REMEMBERED: usize = 4096;

/// When something became known, by the wall clock and by the monotonic one.
type Known = (Timestamp, Tick);

/// When each lost submit was first known here, by its tag and by both clocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses(Arc<Mutex<HashMap<String, Known>>>);

impl Losses {
    /// Takes note that a submit is lost, if that is not known yet.
    pub(super) fn note(&self, tag: String, clock: &Clock) {
        self.known(tag, clock);
    }

    /// How long ago a submit was lost, of which the ledger says when that was.
    pub(super) fn lost_for(
        &self,
        tag: String,
        lost_at: Timestamp,
        clock: &Clock,
    ) -> SignedDuration {
        let (first, first_tick) = self.known(tag, clock);
        let before = first.duration_since(lost_at).max(SignedDuration::ZERO);
        before + clock.tick().since(first_tick)
    }

    /// Forgets a submit of which everything is known, or that nobody looks for any more.
    pub(super) fn forget(&self, tag: &str) {
        self.lock().remove(tag);
    }

    fn known(&self, tag: String, clock: &Clock) -> Known {
        let mut losses = self.lock();
        if losses.len() >= REMEMBERED && !losses.contains_key(&tag) {
            let oldest = losses.iter().min_by_key(|(_, (_, tick))| *tick);
            if let Some(oldest) = oldest.map(|(tag, _)| tag.clone()) {
                losses.remove(&oldest);
            }
        }
        *losses.entry(tag).or_insert_with(|| (clock.now(), clock.tick()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
