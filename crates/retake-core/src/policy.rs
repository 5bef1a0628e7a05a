//! How hard a job is tried before it is given up.

use jiff::SignedDuration;

/// The limits on retries. See `[policy]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts that ended by a provider's fault, over all routes.
    pub max_attempts: u32,
    /// No attempt begins later than this after the first one that we did not interrupt ourselves.
    pub deadline: SignedDuration,
    /// The pause before the first retry on the same route.
    pub retry_after: SignedDuration,
}

impl Policy {
    /// The pause when a retry did not help either.
    pub const LONG_PAUSE: SignedDuration = SignedDuration::from_mins(5);

    /// How often a finished file is fetched before it counts as lost: about a day of the long pause.
    pub const MAX_FETCHES: u32 = 300;

    /// How often our own interruptions (a restart in mid-render) may cost a job its attempt. They are
    /// not the job's fault, but a job that brings the process down has to end one day.
    pub const MAX_INTERRUPTIONS: u32 = 25;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            deadline: SignedDuration::from_mins(30),
            retry_after: SignedDuration::from_secs(30),
        }
    }
}
