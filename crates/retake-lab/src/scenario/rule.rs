//! A rule: a fault and the creates that it applies to.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use crate::{Provider, fault::Fault};

/// One fault and the creates that it applies to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name in the ledger; the name of the fault if left out.
    #[serde(default)]
    pub name: String,
    /// The creates that it applies to; all if left out.
    #[serde(default)]
    pub when: When,
    /// The fault.
    pub what: Fault,
}

/// The creates that a rule applies to. Every condition that is given has to hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The provider of the create.
    pub provider: Option<Provider>,
    /// A pattern for the model, in which `*` matches anything.
    pub model: Option<String>,
    /// Phrases of which the prompt contains one, regardless of case.
    pub prompt: Vec<String>,
    /// The number of the create at its provider, counted from 1.
    pub nth: Option<u64>,
    /// A divisor of the create's number.
    pub every: Option<u64>,
    /// The create's number is higher than this.
    pub after: Option<u64>,
    /// The create's number is at most this.
    pub up_to: Option<u64>,
    /// The fraction of the creates, 0 to 1.
    pub probability: Option<f64>,
    /// The lab has been running for at least this long.
    pub from: Option<SignedDuration>,
    /// The lab has been running for less than this.
    pub until: Option<SignedDuration>,
    /// The time of day in whole hours of UTC: `"14-20"`; `"22-06"` spans midnight.
    pub hours: Option<String>,
}

/// The facts about a create that rules are matched against.
pub(crate) struct CreateContext<'a> {
    pub(crate) provider: Provider,
    pub(crate) number: u64,
    pub(crate) model: &'a str,
    pub(crate) prompt: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) running: SignedDuration,
}

impl Rule {
    /// The name of the rule, or of its fault.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { self.what.kind.name() } else { &self.name }
    }

    /// Returns the rule if it is valid.
    pub(crate) fn into_checked(self) -> Result<Self, ScenarioError> {
        self.check(0)?;
        Ok(self)
    }

    pub(super) fn check(&self, at: usize) -> Result<(), ScenarioError> {
        let invalid = |what: &str| {
            let rule = self.label();
            Err(ScenarioError::Nonsense(format!("fault number {} ({rule}): {what}", at + 1)))
        };
        let is_fraction = |it: &Option<f64>| it.is_none_or(|it| (0.0..=1.0).contains(&it));
        if !is_fraction(&self.when.probability) {
            return invalid("probability has to be from 0 to 1");
        }
        if !is_fraction(&self.what.progress) {
            return invalid("progress has to be from 0 to 1");
        }
        if self.when.every == Some(0) || self.when.nth == Some(0) {
            return invalid("nth and every count from 1");
        }
        if self.when.hours.as_deref().is_some_and(|it| hours(it).is_none()) {
            return invalid("hours are written like \"14-20\", from 0 to 24");
        }
        Ok(())
    }
}

impl When {
    /// Whether the rule applies to this create; `sample`, from 0 to 1, is drawn for the create and
    /// the rule.
    pub(crate) fn matches(&self, it: &CreateContext<'_>, sample: f64) -> bool {
        self.provider.is_none_or(|provider| provider == it.provider)
            && self.model.as_deref().is_none_or(|pattern| is_glob_match(pattern, it.model))
            && self.matches_prompt(it.prompt)
            && self.nth.is_none_or(|nth| nth == it.number)
            && self.every.is_none_or(|every| every > 0 && it.number.is_multiple_of(every))
            && self.after.is_none_or(|after| it.number > after)
            && self.up_to.is_none_or(|up_to| it.number <= up_to)
            && self.from.is_none_or(|from| it.running >= from)
            && self.until.is_none_or(|until| it.running < until)
            && self.matches_hour(it.now)
            && self.probability.is_none_or(|probability| sample < probability)
    }

    fn matches_prompt(&self, prompt: &str) -> bool {
        let prompt = prompt.to_lowercase();
        self.prompt.is_empty() || self.prompt.iter().any(|it| prompt.contains(&it.to_lowercase()))
    }

    fn matches_hour(&self, now: Timestamp) -> bool {
        let Some((from, until)) = self.hours.as_deref().and_then(hours) else { return true };
        let hour = now.to_zoned(TimeZone::UTC).hour();
        if from <= until { (from..until).contains(&hour) } else { hour >= from || hour < until }
    }
}

fn hours(text: &str) -> Option<(i8, i8)> {
    let hour = |text: &str| text.trim().parse().ok().filter(|hour| (0..=24).contains(hour));
    let (from, until) = text.split_once('-')?;
    Some((hour(from)?, hour(until)?))
}

/// Whether `text` matches `pattern`, in which `*` matches any characters.
pub(crate) fn is_glob_match(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let (middle, end) = tail.rsplit_once('*').unwrap_or(("", tail));
    for part in middle.split('*') {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn the_fourth_create(prompt: &str) -> CreateContext<'_> {
        CreateContext {
            provider: Provider::Openai,
            number: 4,
            model: "sora-2-pro",
            prompt,
            now: "2026-11-21T23:30:00Z".parse().unwrap(),
            running: SignedDuration::from_mins(10),
        }
    }

    #[test]
    fn a_rule_fits_when_all_that_it_names_does() {
        let when = |text: &str| toml::from_str::<When>(text).unwrap();
        let fitting = [
            "",
            "every = 2",
            "nth = 4",
            "after = 3",
            "up_to = 4",
            "model = \"sora-*\"",
            "hours = \"22-06\"",
            "from = \"5m\"",
            "prompt = [\"Cat\"]",
            "probability = 0.6",
        ];
        let others = [
            "every = 3",
            "nth = 1",
            "after = 4",
            "model = \"veo*\"",
            "hours = \"8-20\"",
            "until = \"5m\"",
            "prompt = [\"dog\"]",
            "probability = 0.4",
            "provider = \"fal\"",
        ];
        for text in fitting {
            assert!(when(text).matches(&the_fourth_create("a cat"), 0.5), "{text}");
        }
        for text in others {
            assert!(!when(text).matches(&the_fourth_create("a cat"), 0.5), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, fits) in [
            ("sora-2", "sora-2", true),
            ("sora-2", "sora-2-pro", false),
            ("*pro", "sora-2-pro", true),
            ("s*2*o", "sora-2-pro", true),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(is_glob_match(pattern, text), fits, "{pattern} {text}");
        }
    }
}
