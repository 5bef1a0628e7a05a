//! The next step of a job.

use super::{
    testing::{NOON, after, failed, rendering, step_with_slots},
    *,
};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    plan::tests::a_plan_of,
};

fn next(events: &[Event]) -> Step {
    let plan = a_plan_of(1);
    step_with_slots(&after(&plan, events).record, &plan, &Policy::default(), NOON)
}

fn lost() -> Event {
    Event::SubmitLost { fault: Fault::interrupted(), policy: None, until: None }
}

#[test]
fn a_submit_that_a_crash_interrupted_is_settled_and_not_repeated() {
    let begun = Event::Begun { route: 0 };

    assert_eq!(next(std::slice::from_ref(&begun)), Step::RecordLoss);
    assert_eq!(next(&[begun, lost()]), Step::Settle);
}

#[test]
fn whoever_stops_a_job_does_not_wait_until_its_lost_submit_is_settled() {
    let events = [Event::Begun { route: 0 }, lost(), Event::CancelRequested];
    let stopped = after(&a_plan_of(1), &events);

    assert_eq!(stopped.events, [Event::CancelRequested, Event::Cancelled]);
    assert!(stopped.record.state.is_ended());
}

#[test]
fn a_cancelled_render_is_stopped_at_its_provider_before_the_job_ends() {
    let events = [rendering(), vec![Event::CancelRequested]].concat();

    assert_eq!(next(&events), Step::Cancel { remote_id: "r-1".into() });
}

#[test]
fn a_render_that_a_long_outage_interrupted_is_begun_again_however_late() {
    let (plan, policy) = (a_plan_of(1), Policy::default());
    let interrupted = Event::AttemptFailed { fault: Fault::interrupted() };
    let record = after(&plan, &[Event::Begun { route: 0 }, interrupted]).record;

    let next_morning = NOON + policy.deadline * 20;
    assert_eq!(step_with_slots(&record, &plan, &policy, next_morning), Step::Begin { place: 0 });
}

#[test]
fn no_attempt_begins_once_the_time_for_retries_is_over() {
    let (plan, policy) = (a_plan_of(1), Policy::default());
    let broke = failed(FaultKind::Runtime, FaultSource::Provider);
    let record = after(&plan, &[Event::Begun { route: 0 }, broke]).record;

    let late = NOON + policy.deadline * 2;
    let step = step_with_slots(&record, &plan, &policy, late);
    assert_eq!(step, Step::End(Event::DeadlinePassed));
}

#[test]
fn a_job_that_was_never_begun_waits_for_a_free_slot_as_long_as_it_takes() {
    let years_later = Timestamp::from_second(4_000_000_000).unwrap();
    let (plan, policy, record) = (a_plan_of(1), Policy::default(), JobRecord::default());

    let step = decide(&record, &plan, &World::default(), &policy, years_later);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert_eq!(step_with_slots(&record, &plan, &policy, years_later), Step::Begin { place: 0 });
}
