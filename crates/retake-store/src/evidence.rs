//! Which of the exchanges with a provider are kept: the one rule that all engines write by.
//!
//! An attempt may be asked about for hours. How it began and how it ended tells what went wrong; what was
//! said in between repeats itself. So the first exchanges of an attempt stay, and the newest ones.

use retake_core::evidence::Exchange;

use crate::record::Change;

/// The exchanges at the beginning of an attempt that stay.
pub(crate) const FIRST: u64 = 4;

/// The exchanges at its end that stay.
pub(crate) const NEWEST: u64 = 28;

/// What is to be written of the exchanges of one change.
pub(crate) struct Kept<'a> {
    /// The exchanges with their places in the attempt; what would be dropped at once is left out.
    pub(crate) lines: Vec<(u64, &'a Exchange)>,
    /// Places after the first ones are dropped up to this one; nothing while there is room for all.
    pub(crate) dropped_to: Option<u64>,
}

impl Kept<'_> {
    /// Places exchanges after the last one there is, which is at 0 when there is none.
    pub(crate) fn after(last: u64, exchanges: &[Exchange]) -> Kept<'_> {
        let newest = last.saturating_add(exchanges.len() as u64);
        let dropped_to = newest.checked_sub(NEWEST).filter(|&place| place > FIRST);
        let stays = |place: u64| place <= FIRST || dropped_to.is_none_or(|to| place > to);
        let numbered = (last.saturating_add(1)..).zip(exchanges);
        Kept { lines: numbered.filter(|&(place, _)| stays(place)).collect(), dropped_to }
    }
}

/// The number of the attempt that the exchanges of a change belong to: the last one, to which every event
/// happens that happens to one at all. Nothing when there are no exchanges, or no attempt to keep them with.
pub(crate) fn attempt_of(change: &Change) -> Option<u32> {
    let last = change.record.attempts.last().filter(|_| !change.exchanges.is_empty());
    last.map(|attempt| attempt.number)
}
