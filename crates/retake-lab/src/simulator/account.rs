//! The usage of one key, and its limits.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::Reason;
use crate::{Provider, clock::later, fault::Cause, scenario::Conditions};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The account of a key: every key is an account of its own.
pub(super) type Key = (Provider, String);

#[derive(Debug, Default)]
pub(super) struct Account {
    /// The records of jobs that have not ended, in the order of their creates.
    pub(super) open: Vec<usize>,
    /// The amount billed for ended jobs, in millionths of a US dollar.
    pub(super) spent: u64,
    pub(super) revoked: bool,
    pub(super) blocked: bool,
    /// The times of the creates of the last 24 hours.
    creates: VecDeque<Timestamp>,
}

/// The rate limit and the credit that a key has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountStatus {
    /// The maximum number of creates in a minute.
    pub(crate) per_minute: u32,
    /// The number of creates that are left in this minute.
    pub(crate) remaining: u32,
    /// The time until the limit is reset, in lab time.
    pub(crate) resets_in: SignedDuration,
    /// The remaining credit, in millionths of a US dollar.
    pub(crate) credit_micros: u64,
}

impl Account {
    pub(super) fn block_reason(&self) -> Option<Reason> {
        if self.revoked {
            return Some(Reason::KeyRevoked);
        }
        self.blocked.then_some(Reason::SoftBlock)
    }

    /// Counts a create against the rate limits. A create above a limit is not counted; the reason
    /// and the time to wait are returned.
    pub(super) fn count_create(
        &mut self,
        it: &Conditions,
        now: Timestamp,
    ) -> Option<(Reason, Cause, SignedDuration)> {
        while self.creates.front().is_some_and(|&at| later(at, DAY) <= now) {
            self.creates.pop_front();
        }
        let wait_for_window = |most: u32, window: SignedDuration| {
            let nth = self.creates.len().checked_sub((most as usize).max(1))?;
            let oldest = self.creates.get(nth)?;
            Some(later(*oldest, window).duration_since(now)).filter(SignedDuration::is_positive)
        };
        let day = wait_for_window(it.creates_per_day, DAY)
            .map(|wait| (Reason::TooManyToday, Cause::Account, wait));
        let minute = || {
            wait_for_window(it.creates_per_minute, MINUTE)
                .map(|wait| (Reason::TooFast, Cause::Capacity, wait))
        };
        let refused = day.or_else(minute);
        if refused.is_none() {
            self.creates.push_back(now);
        }
        refused
    }

    pub(super) fn account_status(
        &self,
        it: &Conditions,
        committed: u64,
        now: Timestamp,
    ) -> AccountStatus {
        let recent = self.creates.iter().rev().take_while(|&&at| later(at, MINUTE) > now);
        let used = u32::try_from(recent.count()).unwrap_or(u32::MAX);
        let last = self.creates.back().filter(|_| used > 0);
        AccountStatus {
            per_minute: it.creates_per_minute,
            remaining: it.creates_per_minute.saturating_sub(used),
            resets_in: last
                .map_or(SignedDuration::ZERO, |&at| later(at, MINUTE).duration_since(now)),
            credit_micros: it.credit_micros.saturating_sub(committed),
        }
    }
}
