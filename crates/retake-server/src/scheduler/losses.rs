//! How long this process has known that a submit was lost, by a clock that nobody sets.
//!
//! An absence is believed after some time, and a wall clock that jumps ahead makes that time seem over. So it must have
//! passed by the monotonic clock as well, which no other process knows: after a restart it begins anew.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::SignedDuration;

use crate::clock::Tick;

/// Submits that are remembered. A forgotten one is waited for anew, which costs time and no money.
const REMEMBERED: usize = 65_536;

/// Since when each lost submit is known, by its tag.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses(Arc<Mutex<HashMap<String, Tick>>>);

impl Losses {
    /// How long a lost submit has been known here. The first call for it begins that time.
    pub(super) fn known_for(&self, tag: String, now: Tick) -> SignedDuration {
        let mut losses = self.lock();
        if losses.len() >= REMEMBERED {
            losses.clear();
        }
        now.since(*losses.entry(tag).or_insert(now))
    }

    /// Forgets a submit of which everything is known.
    pub(super) fn forget(&self, tag: &str) {
        self.lock().remove(tag);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tick>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
