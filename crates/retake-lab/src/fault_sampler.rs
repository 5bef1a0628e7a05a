//! Samples the faults of one create from a scenario.
//!
//! Sampling is stateless: a sample is a hash of the seed, the rule, the provider and the number of
//! the create. Creates at other providers, and polls, cannot change it.

use crate::{
    Provider,
    fault::{Cause, Fault, FaultKind, FaultPlan, Phase},
    scenario::{Moderation, ModerationTiming, Scenario, default_cause, rule::CreateContext},
};

/// A pseudo-random number that is the same for the same arguments.
pub(crate) fn sample(seed: u64, what: &str, provider: Provider, number: u64) -> u64 {
    let text = what.bytes().chain(provider.name().bytes());
    let hash = text.fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(hash ^ mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15)))
}

fn mix(mut it: u64) -> u64 {
    it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    it ^ (it >> 31)
}

/// A sample as a fraction from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(crate) fn unit_fraction(sample: u64) -> f64 {
    (sample >> 11) as f64 / (1_u64 << 53) as f64
}

/// The choice that a sample selects.
pub(crate) fn pick<T: Copy>(sample: u64, choices: &[T]) -> Option<T> {
    let at = sample.checked_rem(choices.len() as u64)?;
    choices.get(usize::try_from(at).ok()?).copied()
}

impl Scenario {
    /// Plans the faults of a create. A trigger in the prompt takes precedence over all rules.
    pub(crate) fn plan_faults(&self, it: &CreateContext<'_>) -> FaultPlan {
        let mut fault_plan = FaultPlan::default();
        if self.prompt_triggers {
            parse_prompt_triggers(it.prompt)
                .for_each(|fault| self.add_fault(&mut fault_plan, fault, "prompt", it));
        }
        self.add_moderation_fault(&mut fault_plan, it);
        for (at, rule) in self.faults.iter().enumerate() {
            let label = format!("{at} {}", rule.label());
            if rule
                .when
                .matches(it, unit_fraction(sample(self.seed, &label, it.provider, it.number)))
            {
                self.add_fault(&mut fault_plan, rule.what.clone(), rule.label(), it);
            }
        }
        fault_plan
    }

    fn add_moderation_fault(&self, fault_plan: &mut FaultPlan, it: &CreateContext<'_>) {
        let at_create = self.conditions(it.provider).moderates == ModerationTiming::AtCreate;
        let fault_with = |kind, shape: &str, progress| Fault {
            cause: Some(Cause::ContentModeration),
            shape: Some(shape.to_owned()),
            progress: Some(progress),
            ..Fault::new(kind)
        };
        if Moderation::find_phrase(&self.moderation.input, it.prompt).is_some() {
            let kind = if at_create { FaultKind::Refused } else { FaultKind::Fail };
            self.add_fault(fault_plan, fault_with(kind, "input", 0.0), "moderation", it);
        } else if Moderation::find_phrase(&self.moderation.midrender, it.prompt).is_some() {
            self.add_fault(
                fault_plan,
                fault_with(FaultKind::Fail, "output", 0.6),
                "moderation",
                it,
            );
        }
    }

    /// Adds a fault, after filling in the cause and the shape that it leaves open.
    fn add_fault(
        &self,
        fault_plan: &mut FaultPlan,
        mut fault: Fault,
        rule: &str,
        it: &CreateContext<'_>,
    ) {
        fault.sample = sample(self.seed, &format!("{rule} shape"), it.provider, it.number);
        rule.clone_into(&mut fault.rule);
        let has_cause = matches!(fault.kind.phase(), Phase::Create | Phase::Run)
            || default_cause(fault.kind).is_some();
        if fault.cause.is_none() && has_cause {
            fault.cause = default_cause(fault.kind).or_else(|| any_cause(fault.kind, fault.sample));
        }
        fault_plan.add(fault);
    }
}

/// A sampled cause for a fault that may have any.
fn any_cause(kind: FaultKind, sample: u64) -> Option<Cause> {
    use FaultKind as K;
    match kind {
        K::Refused | K::Generic | K::Fail | K::FailGeneric => pick(mix(sample), &Cause::ALL),
        // Causes that a provider would otherwise report with a status of their own.
        K::DisguisedRefusal => {
            pick(mix(sample), &[Cause::Account, Cause::ContentModeration, Cause::InvalidRequest])
        }
        _ => None,
    }
}

/// The faults that a prompt triggers: `lab:stuck`, `lab:fail=capacity`, `lab:fail=account/SHAPE`.
fn parse_prompt_triggers(prompt: &str) -> impl Iterator<Item = Fault> + '_ {
    prompt.match_indices("lab:").filter_map(|(at, mark)| {
        let rest = &prompt[at + mark.len()..];
        let is_trigger_char = |c: char| c.is_ascii_alphanumeric() || "-_=/.".contains(c);
        let end = rest.find(|c| !is_trigger_char(c)).unwrap_or(rest.len());
        let (kind, more) = rest[..end].split_once('=').unwrap_or((&rest[..end], ""));
        let (cause, shape) = more.split_once('/').unwrap_or((more, ""));
        let kind = kind.trim_end_matches('.').parse().ok()?;
        let shape = (!shape.is_empty()).then(|| shape.to_owned());
        Some(Fault { cause: Cause::from_name(cause), shape, ..Fault::new(kind) })
    })
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    fn create(provider: Provider, number: u64, prompt: &str) -> CreateContext<'_> {
        let (now, running) = (Timestamp::UNIX_EPOCH, SignedDuration::ZERO);
        CreateContext { provider, number, model: "m", prompt, now, running }
    }

    #[test]
    fn the_same_create_has_the_same_fate_and_about_as_many_fail_as_should() {
        let text = "[[fault]]\nwhen = { probability = 0.3 }\nwhat = { kind = \"fail\" }";
        let scenario = Scenario::read(text).unwrap();
        let fates = || (1..=2000).map(|n| scenario.plan_faults(&create(Provider::Fal, n, "a")));

        let failing = fates().filter(|fault_plan| fault_plan.run.is_some()).count();

        assert!((500..700).contains(&failing), "{failing}");
        assert!(fates().eq(fates()));
    }

    #[test]
    fn a_prompt_brings_a_fault_about_with_its_cause_and_shape() {
        let fault_plan = Scenario::default().plan_faults(&create(
            Provider::Openai,
            1,
            "a cat, lab:fail=dependency_timeout/E9825 and lab:truncated.",
        ));

        let run = fault_plan.run.unwrap();
        assert_eq!(run.cause, Some(Cause::DependencyTimeout));
        assert_eq!(run.shape.as_deref(), Some("E9825"));
        assert_eq!(fault_plan.result.unwrap().kind, FaultKind::Truncated);
        assert!(fault_plan.create.is_none() && fault_plan.webhook.is_none());
    }

    #[test]
    fn a_provider_that_moderates_jobs_accepts_a_refused_prompt_first() {
        let fault_plan =
            |provider| Scenario::default().plan_faults(&create(provider, 1, "an [UNSAFE] thing"));

        assert_eq!(fault_plan(Provider::Openai).create.unwrap().kind, FaultKind::Refused);
        assert_eq!(fault_plan(Provider::Runway).run.unwrap().progress, Some(0.0));
    }

    #[test]
    fn the_first_rule_that_fits_decides_each_phase() {
        let text = "[[fault]]\nwhat = { kind = \"stuck\" }\n[[fault]]\nwhat = { kind = \"fail\" }\n\
                    [[fault]]\nwhat = { kind = \"corrupt\" }";
        let fault_plan = Scenario::read(text).unwrap().plan_faults(&create(Provider::Luma, 1, "a"));

        assert_eq!(fault_plan.run.unwrap().kind, FaultKind::Stuck);
        assert_eq!(fault_plan.result.unwrap().kind, FaultKind::Corrupt);
    }
}
