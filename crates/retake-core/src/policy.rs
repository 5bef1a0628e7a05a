//! How hard a job is tried before it is given up.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::output::{OnMismatch, Tolerance};

/// The limits on retries. See `[policy]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts that ended by a provider's fault, over all routes. That a route had no room is none.
    pub max_attempts: u32,
    /// No attempt begins later than this after the first one that we did not interrupt ourselves.
    pub deadline: SignedDuration,
    /// The pause before the first retry on the same route.
    pub retry_delay: SignedDuration,
    /// What is done when nobody knows whether a submit arrived.
    pub on_unknown_submit: OnUnknownSubmit,
    /// Whether that is set for the account, and not in the whole policy.
    pub is_account_override: bool,
    /// What is done when the account that the job would go to first has no free slot.
    pub on_busy: OnBusy,
    /// What is done when content rules refused the request.
    pub on_moderation: OnModeration,
    /// What is done with a playable file that differs from what was asked for.
    pub on_output_mismatch: OnMismatch,
    /// How far a file may be off before it counts as different.
    pub tolerance: Tolerance,
    /// How long after its render was finished a file is fetched before it counts as lost.
    pub fetch_within: SignedDuration,
}

/// What is done when nobody knows whether a submit arrived. Another attempt may mean two bills, none may mean no video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknownSubmit {
    /// Nothing else is tried until it is known.
    Hold,
    /// The job goes on after this long, or after the time that the route usually takes.
    ContinueAfter(Option<SignedDuration>),
}

/// What is done when the account that a job would go to first has no free slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBusy {
    /// The job takes the next route of the same standing whose account has one.
    #[default]
    Switch,
    /// The job waits for a slot there.
    Wait,
}

/// What is done when content rules refused the request. The smaller one is the stricter one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnModeration {
    /// The job fails.
    #[default]
    Fail,
    /// The job goes on at another provider or with another model.
    Switch,
}

impl Policy {
    /// The policy for one request: the stricter of what its caller and the owner of the gateway allow.
    #[must_use]
    pub fn for_request(self, on_moderation: Option<OnModeration>) -> Self {
        let asked = on_moderation.unwrap_or(self.on_moderation);
        Self { on_moderation: self.on_moderation.min(asked), ..self }
    }

    /// The policy for one account, which may have a word of its own on lost submits.
    #[must_use]
    pub fn at_account(self, on_unknown_submit: Option<OnUnknownSubmit>) -> Self {
        match on_unknown_submit {
            Some(on_unknown_submit) => {
                Self { on_unknown_submit, is_account_override: true, ..self }
            }
            None => self,
        }
    }
}

impl Policy {
    /// Nobody is asked again sooner than after this, whatever it says.
    pub const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(1);

    /// The pause when a retry did not help either.
    pub const LONG_PAUSE: SignedDuration = SignedDuration::from_mins(5);

    /// How often a file is fetched at least before the time for it counts as over: a gateway that was down for that
    /// long has not tried yet.
    pub const MIN_FETCHES: u32 = 3;

    /// How often, and over how long, a provider has to say that a file is not there before it counts as gone.
    pub const MIN_GONE: u32 = 5;
    /// See [`Policy::MIN_GONE`].
    pub const GONE_AFTER: SignedDuration = SignedDuration::from_mins(10);

    /// How many downloads have to bring the same damaged file, over [`Policy::GONE_AFTER`] at least, before it counts as
    /// what the provider made: a store may show something else in its place for a while.
    pub const SAME_DAMAGED: u32 = 3;
    /// The same for a file that ends too early: a store may still be writing it.
    pub const SAME_INCOMPLETE: u32 = 10;

    /// How often, and over how long, the file of a render that is said to have failed is fetched at least.
    pub const DISPUTED_FETCHES: u32 = 3;
    /// See [`Policy::DISPUTED_FETCHES`].
    pub const DISPUTED_FOR: SignedDuration = SignedDuration::from_mins(2);

    /// After this long a failure that may be that of the question alone has to be said again to be believed.
    pub const DOUBTED_FOR: SignedDuration = SignedDuration::from_mins(1);

    /// How often our own interruptions (a restart in mid-render) may cost a job its attempt. They are
    /// not the job's fault, but a job that brings the process down has to end one day.
    pub const MAX_INTERRUPTIONS: u32 = 25;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            deadline: SignedDuration::from_mins(30),
            retry_delay: SignedDuration::from_secs(30),
            on_unknown_submit: OnUnknownSubmit::ContinueAfter(None),
            is_account_override: false,
            on_busy: OnBusy::Switch,
            on_moderation: OnModeration::Fail,
            on_output_mismatch: OnMismatch::Keep,
            tolerance: Tolerance::default(),
            fetch_within: SignedDuration::from_hours(24),
        }
    }
}
