//! The time in which a lost create was taken, if it was: what a list dates outside of it is another render.
//!
//! The clocks of both sides differ, and an absence that is believed for that reason is paid for with a second render.
//! So a list's dates are read by both clocks, the other one as its answer's `Date` header shows it, and only what both
//! call outside is. Even that disproves nothing by itself: a server may show another zone's time, or one that is plainly
//! wrong. So what would be ours but for its date still stands against an absence, and is no proof either that a list was
//! read back to the time before.

use jiff::{SignedDuration, Timestamp};

use crate::{call::Reply, likeness::Likeness};

/// How far two clocks may be apart although nothing shows it.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// A server whose clock shows another place's time is off by no more than this.
const ZONES: SignedDuration = SignedDuration::from_hours(15);

/// The time in which a create was taken, if it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    begun_at: Timestamp,
    /// It was sent within this time after its intent.
    sent_within: SignedDuration,
    /// How far the other clock is ahead of ours.
    ahead: SignedDuration,
}

/// When a listed render was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Before anything that could be ours.
    Before,
    /// In the time of the create.
    Within,
    /// After that.
    After,
}

impl Window {
    pub(crate) fn new(begun_at: Timestamp, sent_within: SignedDuration) -> Self {
        Self { begun_at, sent_within, ahead: SignedDuration::ZERO }
    }

    /// Learns from an answer what the other clock shows.
    pub(crate) fn learn(&mut self, reply: &Reply) {
        self.ahead = ahead(reply).unwrap_or_default();
    }

    /// So long before it, by our clock.
    pub(crate) fn start(&self, before: SignedDuration) -> Timestamp {
        self.begun_at.checked_sub(before).unwrap_or(Timestamp::MIN)
    }

    pub(crate) fn age(&self, made_at: Timestamp) -> Age {
        let since = made_at.duration_since(self.begun_at);
        let by_theirs = since.saturating_sub(self.ahead);
        let (earliest, latest) = (since.min(by_theirs), since.max(by_theirs));
        if latest < -MARGIN {
            Age::Before
        } else if earliest > self.sent_within {
            Age::After
        } else {
            Age::Within
        }
    }

    /// How far from the intent it was made, by the clock that brings it closer.
    pub(crate) fn distance(&self, made_at: Timestamp) -> SignedDuration {
        let since = made_at.duration_since(self.begun_at);
        since.abs().min(since.saturating_sub(self.ahead).abs())
    }

    /// Whether another zone's clock could have moved it out of the window.
    pub(crate) fn is_near(&self, made_at: Timestamp) -> bool {
        made_at.duration_since(self.begun_at).abs() < ZONES
    }

    /// Whether what is dated outside of the window could be ours all the same, by a clock that is wrong.
    pub(crate) fn could_be_ours(&self, made_at: Timestamp, likeness: Likeness) -> bool {
        match likeness {
            Likeness::Same => true,
            Likeness::Changed | Likeness::Hidden => self.is_near(made_at),
            Likeness::Other => false,
        }
    }
}

/// How far the clock of whoever answered is ahead of ours.
fn ahead(reply: &Reply) -> Option<SignedDuration> {
    let date = reply.headers.get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(date.timestamp().duration_since(reply.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOON, reply};

    fn window(date: Option<&str>) -> Window {
        let mut window = Window::new(NOON, SignedDuration::from_mins(15));
        let headers: Vec<_> = date.map(|date| ("date", date)).into_iter().collect();
        window.learn(&reply(200, &headers, "").unwrap());
        window
    }

    fn age(window: Window, minutes: i64) -> Age {
        window.age(NOON + SignedDuration::from_mins(minutes))
    }

    #[test]
    fn a_date_alone_disproves_nothing_that_shows_our_words() {
        let at = |hours| NOON + SignedDuration::from_hours(hours);
        let could = |hours, likeness| window(None).could_be_ours(at(hours), likeness);

        assert_eq!([-2000, -20, 20].map(|hours| could(hours, Likeness::Same)), [true; 3]);
        assert_eq!([-20, -14, 14].map(|hours| could(hours, Likeness::Hidden)), [false, true, true]);
        assert_eq!(
            [-20, -14, 14].map(|hours| could(hours, Likeness::Changed)),
            [false, true, true]
        );
        assert_eq!([-20, -1, 20].map(|hours| could(hours, Likeness::Other)), [false; 3]);
    }

    #[test]
    fn a_date_is_outside_only_when_both_clocks_say_so() {
        let alike = window(None);
        assert_eq!(
            [-11, -10, 15, 16].map(|minute| age(alike, minute)),
            [Age::Before, Age::Within, Age::Within, Age::After]
        );
        let noon = jiff::fmt::rfc2822::DateTimePrinter::new();
        let date = |hours| {
            let at = NOON + SignedDuration::from_hours(hours);
            noon.timestamp_to_rfc9110_string(&at).unwrap()
        };
        let ahead = window(Some(&date(3)));
        assert_eq!([0, 180, 190].map(|minute| age(ahead, minute)), [Age::Within; 3]);
        assert_eq!([-11, 196].map(|minute| age(ahead, minute)), [Age::Before, Age::After]);
        let behind = window(Some(&date(-3)));
        assert_eq!([-180, 0].map(|minute| age(behind, minute)), [Age::Within; 2]);
        assert_eq!(age(window(Some("no date")), 16), Age::After);
    }
}
