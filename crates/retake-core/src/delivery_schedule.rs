//! What the outside is told when a job ends, and how patiently it is told.
//!
//! A notice goes to a webhook endpoint, which may be down for a while. It is tried again with growing pauses
//! for a day in all: seconds for a receiver that restarts, hours for one that is being repaired.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::job::JobState;

/// Pauses after the first failed try, the second, and so on. Together a day.
const PAUSES: [SignedDuration; 7] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_mins(6 * 60 + 25),
];

/// A receiver that asks for a longer pause than this does not get it.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(1);

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EventType {
    /// A video is finished and can be fetched.
    #[serde(rename = "video.completed")]
    VideoCompleted,
    /// A video ended without a file: it failed or was cancelled.
    #[serde(rename = "video.failed")]
    VideoFailed,
}

/// A text that names nothing that can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no event that is told here; there are `video.completed` and `video.failed`")]
pub struct UnknownEventType {
    /// The text, shortened.
    pub found: String,
}

impl EventType {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::VideoCompleted, Self::VideoFailed];

    /// What a job in this state is told as; nothing while it is not over.
    pub fn of(state: &JobState) -> Option<Self> {
        match state {
            JobState::Queued | JobState::InProgress => None,
            JobState::Completed => Some(Self::VideoCompleted),
            JobState::Failed(_) | JobState::Cancelled => Some(Self::VideoFailed),
        }
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VideoCompleted => "video.completed",
            Self::VideoFailed => "video.failed",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| UnknownEventType { found: text.chars().take(48).collect() })
    }
}

/// How long to wait after a number of failed tries, given what the receiver asked for; nothing when it was
/// the last one.
///
/// ```
/// use jiff::SignedDuration;
/// use retake_core::delivery_schedule::pause_after;
///
/// assert_eq!(pause_after(1, None), Some(SignedDuration::from_secs(5)));
/// let asked = SignedDuration::from_secs(90);
/// assert_eq!(pause_after(1, Some(asked)), Some(asked));
/// assert_eq!(pause_after(8, None), None);
/// ```
pub fn pause_after(failures: u32, retry_after: Option<SignedDuration>) -> Option<SignedDuration> {
    let place = usize::try_from(failures.max(1) - 1).unwrap_or(usize::MAX);
    let pause = *PAUSES.get(place)?;
    let asked = retry_after.unwrap_or_default().min(LONGEST_ASKED);
    Some(pause.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind, FaultSource};

    #[test]
    fn a_receiver_that_stays_away_is_tried_for_a_day() {
        let pauses: Vec<_> = (1..).map_while(|failures| pause_after(failures, None)).collect();

        assert_eq!(pauses.len(), 7, "eight tries");
        let all = pauses.iter().fold(SignedDuration::ZERO, |all, pause| all + *pause);
        assert_eq!(all.as_hours(), 24);
        assert!(pauses[..6].is_sorted());
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_but_not_for_ever() {
        let asked = |seconds| pause_after(1, Some(SignedDuration::from_secs(seconds)));

        assert_eq!(asked(1), Some(PAUSES[0]), "never sooner than the schedule");
        assert_eq!(asked(120), Some(SignedDuration::from_mins(2)));
        assert_eq!(asked(i64::MAX), Some(LONGEST_ASKED));
        assert_eq!(asked(-5), Some(PAUSES[0]));
        assert_eq!(pause_after(8, Some(LONGEST_ASKED)), None);
    }

    #[test]
    fn only_an_end_is_told() {
        let failed = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "HTTP 503");

        assert_eq!(EventType::of(&JobState::Queued), None);
        assert_eq!(EventType::of(&JobState::InProgress), None);
        assert_eq!(EventType::of(&JobState::Completed), Some(EventType::VideoCompleted));
        assert_eq!(EventType::of(&JobState::Failed(failed)), Some(EventType::VideoFailed));
        assert_eq!(EventType::of(&JobState::Cancelled), Some(EventType::VideoFailed));
    }

    #[test]
    fn an_event_type_has_one_name_everywhere() {
        for known in EventType::ALL {
            assert_eq!(known.as_str().parse(), Ok(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
        }
        assert!("video.started".parse::<EventType>().is_err());
    }
}
