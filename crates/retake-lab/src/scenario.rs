//! A scenario: the providers' speed and limits, and the faults that occur.
//!
//! It is written in TOML and parsed strictly: an unknown key is an error, so that a misspelt fault
//! is not silently ignored. Durations are written `"90s"`, `"5m"`, `"1h 30m"` and are in lab time.

pub mod builtin;
mod conditions;
pub(crate) mod rule;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use conditions::{Conditions, ModerationTiming, OverConcurrency, Patch, WebhookEndpoint};
pub use rule::{Rule, When};

use crate::{
    Provider,
    fault::{Cause, FaultKind, Phase},
};

/// The maximum size of a scenario, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The maximum number of rules, of phrases and of incidents in a scenario.
const MAX_ENTRIES: usize = 10_000;

/// The configuration of what happens in a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// A description in one line.
    pub about: String,
    /// The seed of everything that the rules leave open.
    pub seed: u64,
    /// The speed of the lab's clock relative to wall-clock time.
    pub speed: Option<f64>,
    /// The start time of the lab's clock; the current time if left out.
    pub start: Option<Timestamp>,
    /// Whether `lab:<fault>` in a prompt triggers that fault.
    pub prompt_triggers: bool,
    /// Whether OpenAI responds as after the removal of its Videos API on 2026-09-24.
    pub shutdown: bool,
    /// The phrases that moderation refuses.
    pub moderation: Moderation,
    /// The conditions of all providers, unless overridden for one of them.
    pub defaults: Patch,
    /// The conditions of single providers.
    pub providers: BTreeMap<Provider, Patch>,
    /// The fault rules. In each phase the first rule that matches a create applies.
    #[serde(rename = "fault")]
    pub faults: Vec<Rule>,
    /// The incidents that the status pages show.
    #[serde(rename = "incident")]
    pub incidents: Vec<Incident>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            about: String::new(),
            seed: 1,
            speed: None,
            start: None,
            prompt_triggers: true,
            shutdown: false,
            moderation: Moderation::default(),
            defaults: Patch::default(),
            providers: BTreeMap::new(),
            faults: Vec::new(),
            incidents: Vec::new(),
        }
    }
}

/// Phrases in prompts that a provider refuses, regardless of case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moderation {
    /// Phrases that are refused before the render.
    pub input: Vec<String>,
    /// Phrases that are refused in the middle of the render.
    pub midrender: Vec<String>,
}

impl Default for Moderation {
    fn default() -> Self {
        let owned = |phrases: &[&str]| phrases.iter().map(|&it| it.to_owned()).collect();
        Self {
            input: owned(&["[unsafe]", "lab:refuse-input"]),
            midrender: owned(&["[unsafe-output]", "lab:refuse-midrender"]),
        }
    }
}

impl Moderation {
    /// Finds the phrase that the prompt contains.
    pub(crate) fn find_phrase<'a>(phrases: &'a [String], prompt: &str) -> Option<&'a str> {
        let prompt = prompt.to_lowercase();
        phrases.iter().map(String::as_str).find(|it| prompt.contains(&it.to_lowercase()))
    }
}

/// An incident on a provider's status page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// The provider whose page shows it.
    pub provider: Provider,
    /// The headline of the incident.
    pub name: String,
    /// The affected component, as the page lists it.
    #[serde(default = "default_component")]
    pub component: String,
    /// The severity.
    #[serde(default)]
    pub impact: Impact,
    /// The time from the start of the lab to the start of the incident.
    #[serde(default)]
    pub from: SignedDuration,
    /// The time from the start of the lab to the resolution; never resolved if left out.
    #[serde(default)]
    pub until: Option<SignedDuration>,
}

fn default_component() -> String {
    "Video generation".to_owned()
}

/// The severity of an incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    Minor,
    #[default]
    Major,
    Critical,
}

/// The reason why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("no scenario is called `{0}`; `retake lab --list` names those there are")]
    Unknown(String),

    #[error("{0}")]
    Syntax(#[from] toml::de::Error),

    #[error("the scenario is larger than {} KiB", MAX_BYTES / 1024)]
    TooLarge,

    #[error("{0}")]
    Nonsense(String),
}

impl Scenario {
    /// Parses a scenario.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] that says what is wrong and where.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        if text.len() > MAX_BYTES {
            return Err(ScenarioError::TooLarge);
        }
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The built-in scenario of this name.
    ///
    /// # Errors
    ///
    /// [`ScenarioError::Unknown`] when none has this name.
    pub fn from_name(name: &str) -> Result<Self, ScenarioError> {
        let found = builtin::ALL.iter().find(|it| it.0 == name);
        if let Some((_, text)) = found {
            return Self::read(text);
        }
        let kind: FaultKind = name.parse().map_err(|_| ScenarioError::Unknown(name.to_owned()))?;
        Ok(builtin::from_fault(kind))
    }

    /// The conditions of this provider: its own settings override the defaults, which override what
    /// is known of it.
    pub fn conditions(&self, provider: Provider) -> Conditions {
        let mut conditions = Conditions::defaults_for(provider);
        conditions.apply(&self.defaults);
        if let Some(own) = self.providers.get(&provider) {
            conditions.apply(own);
        }
        conditions
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let lists = [self.moderation.input.len(), self.moderation.midrender.len()];
        let lists = lists.into_iter().chain([self.faults.len(), self.incidents.len()]);
        if lists.max().unwrap_or(0) > MAX_ENTRIES {
            return Err(ScenarioError::Nonsense(format!(
                "more than {MAX_ENTRIES} entries in one list"
            )));
        }
        self.faults.iter().enumerate().try_for_each(|(at, rule)| rule.check(at))
    }
}

/// The default cause of a fault that names none, for kinds that have one.
pub(crate) fn default_cause(kind: FaultKind) -> Option<Cause> {
    use FaultKind as K;
    Some(match kind {
        K::RateLimited | K::LoadShedding => Cause::Capacity,
        K::CreditOut | K::SoftBlock | K::KeyRevoked => Cause::Account,
        K::ErrorAfterAccept | K::PollErrors | K::ErrorIn200 | K::LateSuccess => Cause::RuntimeError,
        K::DoneWithoutVideo => Cause::ContentModeration,
        K::Refused | K::Generic | K::DisguisedRefusal | K::Fail | K::FailGeneric => return None,
        _ if kind.phase() == Phase::Result => Cause::DependencyTimeout,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_refused_with_its_place() {
        let error = Scenario::read(
            "[[fault]]\nwhen = { provider = \"openai\" }\nwhat = { kind = \"fial\" }",
        )
        .unwrap_err()
        .to_string();

        assert!(error.contains("line 3") && error.contains("fial"), "{error}");
    }

    #[test]
    fn a_provider_s_own_conditions_win_over_the_defaults() {
        let text =
            "[defaults]\nrender = \"5s\"\nconcurrency = 9\n[providers.runway]\nrender = \"1m\"";
        let scenario = Scenario::read(text).unwrap();

        let (runway, luma) =
            (scenario.conditions(Provider::Runway), scenario.conditions(Provider::Luma));

        assert_eq!((runway.render.as_secs(), luma.render.as_secs()), (60, 5));
        assert_eq!((runway.concurrency, luma.concurrency), (9, 9));
    }

    #[test]
    fn every_scenario_that_comes_with_the_lab_can_be_read_and_says_what_it_is() {
        for name in builtin::names() {
            let scenario = Scenario::from_name(name).unwrap();
            assert!(!scenario.about.is_empty(), "{name}");
        }
        assert!(Scenario::from_name("no-such-day").is_err());
    }

    #[test]
    fn a_probability_above_one_is_nonsense() {
        let text = "[[fault]]\nwhen = { probability = 1.5 }\nwhat = { kind = \"fail\" }";
        assert!(Scenario::read(text).unwrap_err().to_string().contains("probability"));
    }
}
