//! What to do next for a job: one side effect per step.
//!
//! [`decide`] reads it from the job's life alone. The scheduler carries it out, tells
//! [`advance`](crate::job::advance) what happened, and commits the two together.

use jiff::Timestamp;

use crate::{
    job::{AttemptState, JobRecord},
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
    /// Record that the answer to a submit was lost: the process ended before it came.
    RecordLoss,
    /// Find out what became of a submit whose answer was lost.
    Settle,
    /// Record that the job goes on with a render that was found in the meantime.
    Adopt {
        /// The number of its attempt.
        attempt: u32,
    },
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
        /// The provider's name for the render.
        remote_id: String,
    },
    /// Record that the job was stopped: there is nothing that could be stopped at a provider now.
    EndCancelled,
    /// Record that the time for retries ran out.
    GiveUp,
}

/// Decides the next step of a job whose time has come.
///
/// An attempt that is found in `Intent` was interrupted between its record and the provider's answer, so
/// it is settled, never submitted again unseen. Nobody waits for that who asked to stop the job: it ends, and the
/// submit is settled behind it.
pub fn decide(record: &JobRecord, policy: &Policy, now: Timestamp) -> Step {
    if record.state.is_ended() {
        return Step::Rest;
    }
    let Some(attempt) = record.open_attempt() else {
        return between_attempts(record, policy, now);
    };
    match (attempt.state, attempt.remote_id.clone()) {
        (AttemptState::Intent, _) => Step::RecordLoss,
        (AttemptState::Unknown, _) if record.cancel_requested => Step::EndCancelled,
        (_, Some(remote_id)) if record.cancel_requested => Step::Cancel { remote_id },
        (AttemptState::Submitted, Some(remote_id)) => Step::Poll { remote_id },
        (AttemptState::Fetching, Some(remote_id)) => Step::Fetch { remote_id },
        _ => Step::Settle,
    }
}

fn between_attempts(record: &JobRecord, policy: &Policy, now: Timestamp) -> Step {
    let late = record.trying_since().is_some_and(|since| now > since + policy.deadline);
    match record.adoptable() {
        _ if record.cancel_requested => Step::EndCancelled,
        Some(found) => Step::Adopt { attempt: found.number },
        None if late => Step::GiveUp,
        None => Step::Begin { route: record.next_route },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{Fault, FaultKind, FaultSource},
        job::{Event, advance},
        plan::tests::a_plan_of,
    };

    fn after(events: &[Event]) -> JobRecord {
        events.iter().fold(JobRecord::default(), |record, event| {
            let (plan, policy) = (a_plan_of(1), Policy::default());
            advance(&record, event, &plan, &policy, Timestamp::UNIX_EPOCH).unwrap().record
        })
    }

    fn next(record: &JobRecord) -> Step {
        decide(record, &Policy::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_submit_that_a_crash_interrupted_is_settled_and_not_repeated() {
        let begun = Event::Begun { route: 0 };
        let lost = Event::SubmitLost { fault: Fault::interrupted(), policy: None };

        assert_eq!(next(&after(std::slice::from_ref(&begun))), Step::RecordLoss);
        assert_eq!(next(&after(&[begun, lost])), Step::Settle);
    }

    #[test]
    fn whoever_stops_a_job_does_not_wait_until_its_lost_submit_is_settled() {
        let lost = Event::SubmitLost { fault: Fault::interrupted(), policy: None };
        let events = [Event::Begun { route: 0 }, lost, Event::CancelRequested];

        assert_eq!(next(&after(&events)), Step::EndCancelled);
    }

    #[test]
    fn a_cancelled_render_is_stopped_at_its_provider_before_the_job_ends() {
        let rendering = [
            Event::Begun { route: 0 },
            Event::Accepted { remote_id: "r-1".into() },
            Event::CancelRequested,
        ];

        assert_eq!(next(&after(&rendering)), Step::Cancel { remote_id: "r-1".into() });
    }

    #[test]
    fn a_render_that_a_long_outage_interrupted_is_begun_again_however_late() {
        let interrupted = Event::AttemptFailed { fault: Fault::interrupted() };
        let record = after(&[Event::Begun { route: 0 }, interrupted]);
        let next_morning = Timestamp::UNIX_EPOCH + Policy::default().deadline * 20;

        assert_eq!(decide(&record, &Policy::default(), next_morning), Step::Begin { route: 0 });
    }

    #[test]
    fn no_attempt_begins_once_the_time_for_retries_is_over() {
        let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
        let record = after(&[Event::Begun { route: 0 }, Event::AttemptFailed { fault: broke }]);
        let late = Timestamp::UNIX_EPOCH + Policy::default().deadline * 2;

        assert_eq!(decide(&record, &Policy::default(), late), Step::GiveUp);
    }

    #[test]
    fn a_job_that_was_never_begun_waits_for_a_free_slot_as_long_as_it_takes() {
        let years_later = Timestamp::from_second(4_000_000_000).unwrap();

        let step = decide(&JobRecord::default(), &Policy::default(), years_later);

        assert_eq!(step, Step::Begin { route: 0 });
    }
}
