//! Which attempt owns a render: what is claimed, and what is known around a lost submit.

use jiff::{SignedDuration, Timestamp};
use retake_core::ids::VideoId;

use crate::transition::account_place;

/// Where and when a submit was lost whose render may stand beside others that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderWindow {
    /// The provider's server, as in [`RenderClaim::place`].
    pub place: String,
    /// The account, by its name here.
    pub account: String,
    /// The job whose submit was lost.
    pub id: VideoId,
    /// Its attempt.
    pub attempt: u32,
    /// When that was begun.
    pub begun_at: Timestamp,
}

impl RenderWindow {
    /// At most this many names are returned, those of the nearest renders; others count as nobody's.
    pub(crate) const MOST: u32 = if cfg!(test) { 5 } else { 10_000 };
    /// A list's dates alone disprove nothing that shows the same words, so what is known has to reach as far as lists do.
    const WITHIN: SignedDuration = SignedDuration::from_hours(366 * 24);

    pub(crate) fn from(&self) -> Timestamp {
        self.begun_at.checked_sub(Self::WITHIN).unwrap_or(self.begun_at)
    }

    pub(crate) fn until(&self) -> Timestamp {
        self.begun_at.checked_add(Self::WITHIN).unwrap_or(self.begun_at)
    }

    /// Where its renders may be recorded.
    pub(crate) fn places(&self) -> [String; 2] {
        [self.place.clone(), account_place(&self.account)]
    }

    /// The names of the nearest of the renders that were begun at these moments, the nearest first.
    pub(crate) fn nearest(&self, mut renders: Vec<(Timestamp, String)>) -> Vec<String> {
        renders.sort_by_key(|(begun_at, _)| begun_at.duration_since(self.begun_at).abs());
        renders.truncate(Self::MOST as usize);
        renders.into_iter().map(|(_, remote_id)| remote_id).collect()
    }
}

/// That a render belongs to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderClaim {
    /// The provider's server, whatever the account: two accounts may have one key, and local servers count from 1.
    pub place: String,
    /// The account that it was submitted to.
    pub account: String,
    /// The provider's name for it.
    pub remote_id: String,
    /// Whether it was looked for and found. Then it may be another attempt's, which is refused; the answer to a
    /// submit names nobody else's.
    pub found: bool,
}
