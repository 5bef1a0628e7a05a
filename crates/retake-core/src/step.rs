//! What to do next for a job: one side effect per step.
//!
//! [`decide`] reads it from the job's life alone. The scheduler carries it out, tells
//! [`advance`](crate::life::advance) what happened, and commits the two together.

use jiff::Timestamp;

use crate::{
    life::{AttemptState, Life},
    policy::Policy,
};

/// The next thing to do for a job whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing; the job is over.
    Rest,
    /// Record the intent to submit to this place in the plan, then submit.
    Begin {
        /// The place in the plan.
        route: usize,
    },
    /// Find out what became of a submit whose answer was lost.
    Settle,
    /// Ask the provider how far it is.
    Poll {
        /// The provider's name for the render.
        remote_id: String,
    },
    /// Bring the finished file home.
    Fetch {
        /// The provider's name for the render.
        remote_id: String,
    },
    /// Stop the render at its provider.
    Cancel {
        /// The provider's name for the render, if it has one.
        remote_id: Option<String>,
    },
    /// Record that the job was stopped before anything was submitted.
    EndCancelled,
    /// Record that the time for retries ran out.
    GiveUp,
}

/// Decides the next step of a job whose time has come.
///
/// An attempt that is found in `Intent` was interrupted between its record and the provider's answer, so
/// it is settled, never submitted again unseen.
pub fn decide(life: &Life, policy: &Policy, now: Timestamp) -> Step {
    if life.state.is_ended() {
        return Step::Rest;
    }
    let Some(attempt) = life.open_attempt() else {
        let late = life.trying_since().is_some_and(|since| now > since + policy.deadline);
        return match life.cancel_requested {
            true => Step::EndCancelled,
            false if late => Step::GiveUp,
            false => Step::Begin { route: life.next_route },
        };
    };
    let remote_id = attempt.remote_id.clone();
    match (attempt.state, remote_id) {
        (_, remote_id) if life.cancel_requested => Step::Cancel { remote_id },
        (AttemptState::Submitted, Some(remote_id)) => Step::Poll { remote_id },
        (AttemptState::Fetching, Some(remote_id)) => Step::Fetch { remote_id },
        _ => Step::Settle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{Fault, FaultKind, FaultSource},
        life::{Event, advance},
        plan::tests::a_plan_of,
    };

    fn after(events: &[Event]) -> Life {
        events.iter().fold(Life::default(), |life, event| {
            let (plan, policy) = (a_plan_of(1), Policy::default());
            advance(&life, event, &plan, &policy, Timestamp::UNIX_EPOCH).unwrap().life
        })
    }

    fn next(life: &Life) -> Step {
        decide(life, &Policy::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_submit_that_a_crash_interrupted_is_settled_and_not_repeated() {
        assert_eq!(next(&after(&[Event::Begun { route: 0 }])), Step::Settle);
    }

    #[test]
    fn a_cancelled_render_is_stopped_at_its_provider_before_the_job_ends() {
        let rendering = [
            Event::Begun { route: 0 },
            Event::Accepted { remote_id: "r-1".into() },
            Event::CancelRequested,
        ];

        assert_eq!(next(&after(&rendering)), Step::Cancel { remote_id: Some("r-1".into()) });
    }

    #[test]
    fn a_render_that_a_long_outage_interrupted_is_begun_again_however_late() {
        let interrupted = Event::AttemptFailed { fault: Fault::interrupted() };
        let life = after(&[Event::Begun { route: 0 }, interrupted]);
        let next_morning = Timestamp::UNIX_EPOCH + Policy::default().deadline * 20;

        assert_eq!(decide(&life, &Policy::default(), next_morning), Step::Begin { route: 0 });
    }

    #[test]
    fn no_attempt_begins_once_the_time_for_retries_is_over() {
        let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
        let life = after(&[Event::Begun { route: 0 }, Event::AttemptFailed { fault: broke }]);
        let late = Timestamp::UNIX_EPOCH + Policy::default().deadline * 2;

        assert_eq!(decide(&life, &Policy::default(), late), Step::GiveUp);
    }

    #[test]
    fn a_job_that_was_never_begun_waits_for_a_free_slot_as_long_as_it_takes() {
        let years_later = Timestamp::from_second(4_000_000_000).unwrap();

        let step = decide(&Life::default(), &Policy::default(), years_later);

        assert_eq!(step, Step::Begin { route: 0 });
    }
}
