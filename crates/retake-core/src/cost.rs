//! What attempts cost: as their providers said it, or estimated at the list price.
//!
//! This is the one place that decides it. What a provider says it charged wins. What it refused is free. All else is
//! estimated at the list price and told as uncertain, until it is proven that nothing was charged: what may have
//! been billed is never told as free.

use crate::{
    fault::{FaultKind, FaultSource},
    job::{Attempt, AttemptState, JobRecord},
    money::Usd,
    plan::Planned,
};

/// What something cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// What is known to have been charged: by the provider's own word, or nothing because nothing was rendered.
    /// `None` where nobody has said it; of several, the sum of what is known, if that is anything.
    pub charged: Option<Usd>,
    /// The best estimate: what was charged, and the list price where that is not known. `None` where there is no
    /// list price either.
    pub estimated: Option<Usd>,
    /// Whether the estimate is what was charged.
    pub certain: bool,
}

impl Cost {
    const FREE: Self = Self::charged(Usd::ZERO);

    const fn charged(amount: Usd) -> Self {
        Self { charged: Some(amount), estimated: Some(amount), certain: true }
    }

    const fn estimated(amount: Option<Usd>) -> Self {
        Self { charged: None, estimated: amount, certain: false }
    }

    /// What one attempt cost.
    pub fn of_attempt(attempt: &Attempt) -> Self {
        let planned: &Planned = &attempt.planned;
        if let Some(amount) = attempt.charged {
            return Self::charged(amount);
        }
        let listed = planned.list_price();
        let is_free = listed == Some(Usd::ZERO)
            || !attempt.may_cost()
            || (planned.failed_renders_are_free && failed_at_its_provider(attempt));
        if is_free { Self::FREE } else { Self::estimated(listed) }
    }

    /// What all attempts of a job cost so far.
    pub fn of_job(record: &JobRecord) -> Self {
        let costs = record.attempts.iter().map(Self::of_attempt);
        costs.reduce(Self::plus).unwrap_or(Self::FREE)
    }

    fn plus(self, other: Self) -> Self {
        let charged = match (self.charged, other.charged) {
            (Some(one), Some(other)) => Some(one.plus(other)),
            // That one of them was free says nothing of the whole.
            (one, other) => one.or(other).filter(|known| *known != Usd::ZERO),
        };
        Self {
            charged,
            estimated: self.estimated.zip(other.estimated).map(|(one, other)| one.plus(other)),
            certain: self.certain && other.certain,
        }
    }
}

/// Whether the provider itself ended the render without a result. What we gave up (a time-out, a lost render) or
/// could not use (its file) may have been rendered.
fn failed_at_its_provider(attempt: &Attempt) -> bool {
    let explained = |kind| {
        !matches!(
            kind,
            FaultKind::Timeout
                | FaultKind::Lost
                | FaultKind::Malformed
                | FaultKind::Storage
                | FaultKind::Shutdown
                | FaultKind::InternalError
                | FaultKind::UnknownProviderError
        )
    };
    attempt.state == AttemptState::Failed
        && attempt.accepted_at.is_some()
        && attempt.file.rendered_at.is_none()
        && attempt
            .fault
            .as_ref()
            .is_some_and(|fault| fault.source == FaultSource::Provider && explained(fault.kind))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        fault::Fault,
        job::{Event, advance},
        plan::{Plan, tests::a_plan_of},
    };

    const LISTED: Usd = Usd::from_micros(1_200_000);

    fn a_plan(failed_renders_are_free: bool) -> Plan {
        let mut plan = a_plan_of(2);
        for planned in &mut plan.routes {
            let planned = Arc::make_mut(planned);
            planned.cost = LISTED;
            (planned.free, planned.provider) = (false, "relay".to_owned());
            planned.failed_renders_are_free = failed_renders_are_free;
        }
        plan
    }

    fn after(events: &[Event], plan: &Plan) -> Cost {
        let now = Timestamp::UNIX_EPOCH;
        let record = events.iter().fold(JobRecord::default(), |record, event| {
            advance(&record, event, plan, now).unwrap()
        });
        Cost::of_job(&record)
    }

    fn begun() -> Event {
        Event::Begun { route: 0 }
    }

    fn rendering() -> Vec<Event> {
        vec![begun(), Event::Accepted { remote_id: "r-1".into() }]
    }

    fn failed(kind: FaultKind) -> Event {
        Event::AttemptFailed { fault: Fault::new(kind, FaultSource::Provider, "it broke") }
    }

    #[test]
    fn nothing_was_charged_before_anything_was_tried_or_when_it_was_refused() {
        let plan = a_plan(false);

        assert_eq!(after(&[], &plan), Cost::FREE);
        assert_eq!(after(&[begun(), failed(FaultKind::BadRequest)], &plan), Cost::FREE);
    }

    #[test]
    fn a_render_that_was_taken_on_is_estimated_until_its_provider_says_what_it_charged() {
        let plan = a_plan(false);
        let charged = |micros| Event::Charged { amount: Usd::from_micros(micros) };
        let told = |events: Vec<Event>| after(&[rendering(), events].concat(), &plan);

        assert_eq!(told(vec![]), Cost::estimated(Some(LISTED)));
        assert_eq!(told(vec![Event::Rendered]), Cost::estimated(Some(LISTED)));
        assert_eq!(told(vec![charged(7)]), Cost::charged(Usd::from_micros(7)));
        let refunded = told(vec![charged(0), failed(FaultKind::RefusedContent)]);
        assert_eq!(refunded, Cost::FREE);
    }

    #[test]
    fn a_failed_render_is_free_only_where_its_provider_says_so_and_ended_it_itself() {
        let broken = |kind| [rendering(), vec![failed(kind)]].concat();
        let (free, silent) = (a_plan(true), a_plan(false));

        assert_eq!(after(&broken(FaultKind::Runtime), &free), Cost::FREE);
        assert_eq!(after(&broken(FaultKind::Runtime), &silent), Cost::estimated(Some(LISTED)));
        // It was given up here: the provider has not said that it failed.
        assert_eq!(after(&broken(FaultKind::Timeout), &free), Cost::estimated(Some(LISTED)));
        let unusable = [rendering(), vec![Event::Rendered, failed(FaultKind::Runtime)]].concat();
        assert_eq!(after(&unusable, &free), Cost::estimated(Some(LISTED)));
    }

    #[test]
    fn an_attempt_that_nobody_settled_is_never_told_as_free() {
        let plan = a_plan(true);
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
        let lost = [begun(), Event::SubmitLost { fault, policy: None, until: None }];

        assert_eq!(after(&[begun()], &plan), Cost::estimated(Some(LISTED)));
        assert_eq!(after(&lost, &plan), Cost::estimated(Some(LISTED)));
        let stopped = [lost.to_vec(), vec![Event::CancelRequested, Event::Cancelled]].concat();
        assert_eq!(after(&stopped, &plan), Cost::estimated(Some(LISTED)));
        let given_up = [lost.to_vec(), vec![failed(FaultKind::Lost)]].concat();
        assert_eq!(after(&given_up, &plan), Cost::estimated(Some(LISTED)));
    }

    #[test]
    fn the_cost_of_a_job_is_that_of_all_its_attempts() {
        let plan = a_plan(false);
        let charged = Event::Charged { amount: Usd::from_micros(500_000) };
        let first = [rendering(), vec![charged, failed(FaultKind::Runtime)]].concat();

        let both = after(&[first, rendering()].concat(), &plan);

        assert_eq!(both.charged, Some(Usd::from_micros(500_000)));
        assert_eq!((both.estimated, both.certain), (Some(Usd::from_micros(1_700_000)), false));
    }

    #[test]
    fn what_has_no_list_price_is_told_as_not_known_and_never_as_free() {
        let mut plan = a_plan(false);
        for planned in &mut plan.routes {
            Arc::make_mut(planned).cost = Usd::ZERO;
        }
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
        let lost = [begun(), Event::SubmitLost { fault, policy: None, until: None }];

        for told in [after(&rendering(), &plan), after(&lost, &plan)] {
            assert_eq!((told.charged, told.estimated, told.certain), (None, None, false));
        }
        let charged = Event::Charged { amount: Usd::from_micros(7) };
        let said = after(&[rendering(), vec![charged]].concat(), &plan);
        assert_eq!(said, Cost::charged(Usd::from_micros(7)));
        Arc::make_mut(&mut plan.routes[0]).free = true;
        assert_eq!(after(&rendering(), &plan), Cost::FREE);
    }

    #[test]
    fn the_renderer_that_is_built_in_is_free_also_in_plans_that_do_not_say_so() {
        let mut plan = a_plan_of(1);
        assert!(plan.routes[0].free);
        Arc::make_mut(&mut plan.routes[0]).free = false;

        assert_eq!(after(&rendering(), &plan), Cost::FREE);
    }

    #[test]
    fn what_was_refused_does_not_make_nothing_of_what_may_have_been_billed() {
        let refused = [vec![begun(), failed(FaultKind::Runtime)], rendering()].concat();

        let both = after(&refused, &a_plan(false));

        assert_eq!((both.charged, both.estimated), (None, Some(LISTED)));
    }
}
