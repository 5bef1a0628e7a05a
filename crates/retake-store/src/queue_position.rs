//! Where a job stands in the queue: the accounts whose slots it waits for, and the one whose slot it has.

use jiff::SignedDuration;
use retake_core::{
    decide::SlotWait,
    job::{AttemptState, JobRecord},
};

/// How long a job that cannot be read is left alone, so that it does not hold up the others.
pub(crate) const ASIDE: SignedDuration = SignedDuration::from_hours(1);

/// The ranks that a claim tells apart, from 0 for a first choice. Waits beyond the last one share it.
pub(crate) const RANKS: u32 = 4;

/// Where a job stands in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueuePosition {
    /// The slots that it waits for, the first choice first.
    pub(crate) waits: Vec<SlotWait>,
    /// The account whose slot the open attempt occupies: while it is submitted and rendered. One that is over at
    /// its provider, or of which nobody knows whether it is there, keeps no other job waiting.
    pub(crate) slot_account: Option<String>,
    /// The number of the open attempt.
    pub(crate) open_attempt: Option<u32>,
}

impl QueuePosition {
    /// A job that is submitted or rendered has its slot; one without an open attempt waits for a slot, unless it
    /// is to be stopped.
    pub(crate) fn new(record: &JobRecord, waits: &[SlotWait]) -> Self {
        let open = record.open_attempt().filter(|_| !record.state.is_ended());
        let waits_for_none = record.state.is_ended() || record.cancel_requested || open.is_some();
        let occupying = open.filter(|attempt| occupies(attempt.state));
        Self {
            waits: if waits_for_none { Vec::new() } else { waits.to_vec() },
            slot_account: occupying.map(|attempt| attempt.planned.route.account.clone()),
            open_attempt: open.map(|attempt| attempt.number),
        }
    }
}

/// The rank of the wait at a place in the list.
pub(crate) fn rank(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX).min(RANKS - 1)
}

/// The accounts of waits, as a column keeps them; nothing where there are none.
pub(crate) fn accounts_json(waits: &[SlotWait]) -> Option<String> {
    let accounts: Vec<&str> = waits.iter().map(|wait| wait.account.as_str()).collect();
    (!accounts.is_empty()).then(|| serde_json::Value::from(accounts).to_string())
}

fn occupies(state: AttemptState) -> bool {
    matches!(state, AttemptState::Intent | AttemptState::Submitted)
}
