//! The speed and the limits of a provider.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::Provider;

/// What a provider does with a job above its concurrency limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverConcurrency {
    /// The create is refused.
    Refuse,
    /// The job waits in the queue.
    Queue,
}

/// When a provider reports that a prompt is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModerationTiming {
    /// In the response to the create.
    AtCreate,
    /// As the failure of an accepted job, before anything is rendered.
    AsJob,
}

/// A webhook endpoint that is registered with the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpoint {
    /// The URL of the endpoint; loopback addresses are allowed.
    pub url: String,
    /// The signing secret, in the provider's form.
    #[serde(default)]
    pub secret: String,
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// The conditions of a provider.
        #[derive(Clone, Debug)]
        pub struct Conditions { $($(#[$doc])* pub $name: $kind,)* }

        /// A part of [`Conditions`], which overrides others.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Patch {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$kind>,)*
        }

        impl Conditions {
            /// Overrides what the patch sets.
            pub(crate) fn apply(&mut self, patch: &Patch) {
                $(if let Some(value) = &patch.$name { self.$name.clone_from(value); })*
            }
        }
    };
}

conditions! {
    /// How long a job waits before it is rendered, plus or minus a quarter.
    queue: SignedDuration,
    /// How long a render takes, plus or minus a quarter.
    render: SignedDuration,
    /// The maximum number of creates of one key in a minute.
    creates_per_minute: u32,
    /// The maximum number of creates of one key in 24 hours.
    creates_per_day: u32,
    /// The maximum number of jobs of one key that are rendered at the same time.
    concurrency: u32,
    /// What happens to a job above the concurrency limit.
    over_concurrency: OverConcurrency,
    /// The credit of one key in millionths of a US dollar.
    credit_micros: u64,
    /// How long a finished file, or the link to it, can be downloaded.
    result_lasts: SignedDuration,
    /// Whether failed renders are billed.
    bills_failures: bool,
    /// When a refused prompt is reported.
    moderates: ModerationTiming,
    /// The known keys; if empty, every key is accepted.
    keys: Vec<String>,
    /// The webhook endpoints that are registered with the account and not named in a request.
    webhooks: Vec<WebhookEndpoint>,
}

impl Conditions {
    /// The documented limits of the provider (the provider pages of 2026-11-21), with ample credit.
    pub(crate) fn defaults_for(provider: Provider) -> Self {
        use Provider as P;
        let secs = SignedDuration::from_secs;
        let (per_minute, concurrency) = match provider {
            P::Openai => (25, 100),
            P::Google => (50, 10),
            P::Runway => (10_000, 5),
            P::Luma => (20, 10),
            P::Fal => (10_000, 10),
            P::Replicate => (600, 1_000),
        };
        let over_concurrency = match provider {
            P::Runway | P::Fal | P::Replicate => OverConcurrency::Queue,
            P::Openai | P::Google | P::Luma => OverConcurrency::Refuse,
        };
        let hours = match provider {
            P::Openai | P::Replicate => 1,
            P::Google => 48,
            P::Runway => 24,
            // No end is documented for the Dream Machine's links; those of Agents end by themselves.
            P::Luma => 10 * 365 * 24,
            P::Fal => 7 * 24,
        };
        let moderates = match provider {
            P::Runway | P::Luma | P::Fal | P::Replicate => ModerationTiming::AsJob,
            P::Openai | P::Google => ModerationTiming::AtCreate,
        };
        Self {
            queue: secs(4),
            render: secs(40),
            creates_per_minute: per_minute,
            creates_per_day: 100_000,
            concurrency,
            over_concurrency,
            credit_micros: 1_000_000_000_000,
            result_lasts: SignedDuration::from_hours(hours),
            bills_failures: false,
            moderates,
            keys: Vec::new(),
            webhooks: Vec::new(),
        }
    }
}
