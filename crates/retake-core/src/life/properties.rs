//! What must hold for every order of events.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{AttemptState, Event, JobState, Life, advance};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    plan::tests::a_plan_of,
    policy::Policy,
    step::{Step, decide},
};

fn any_fault() -> impl Strategy<Value = Fault> {
    let kinds = prop::sample::select(vec![
        FaultKind::Runtime,
        FaultKind::RefusedContent,
        FaultKind::Overloaded,
        FaultKind::BadRequest,
        FaultKind::Timeout,
        FaultKind::Quota,
        FaultKind::Auth,
        FaultKind::Lost,
        FaultKind::Malformed,
        FaultKind::Storage,
        FaultKind::Unrecognised,
    ]);
    let sources = prop::sample::select(vec![
        FaultSource::Us,
        FaultSource::Provider,
        FaultSource::Network,
        FaultSource::Caller,
    ]);
    (kinds, sources, prop::option::of(-5i64..100_000)).prop_map(|(kind, source, pause)| Fault {
        retry_after: pause.map(SignedDuration::from_secs),
        ..Fault::new(kind, source, "something happened")
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0usize..4).prop_map(|route| Event::Begun { route }),
        3 => Just(Event::Accepted { remote_id: "r-1".into() }),
        1 => any_fault().prop_map(|fault| Event::SubmitLost { fault }),
        3 => any::<u8>().prop_map(|percent| Event::Progressed { percent }),
        3 => Just(Event::Rendered),
        1 => any_fault().prop_map(|fault| Event::FetchFailed { fault }),
        2 => Just(Event::Stored),
        3 => any_fault().prop_map(|fault| Event::AttemptFailed { fault }),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::Cancelled),
        1 => Just(Event::DeadlinePassed),
        1 => any_fault().prop_map(|fault| Event::Broken { fault }),
    ]
}

proptest! {
    #[test]
    fn a_job_ends_at_most_once_and_its_progress_never_falls(
        events in prop::collection::vec((any_event(), 0i64..4_000), 0..80),
        routes in 1usize..4,
    ) {
        let (plan, policy) = (a_plan_of(routes), Policy::default());
        let (mut life, mut now, mut endings) = (Life::default(), Timestamp::UNIX_EPOCH, 0);
        for (event, pause) in events {
            now += SignedDuration::from_secs(pause);
            let Ok(next) = advance(&life, &event, &plan, &policy, now) else { continue };

            prop_assert!(!life.state.is_ended(), "{:?} took {event:?}", life.state);
            prop_assert!(next.life.progress >= life.progress);
            prop_assert_eq!(next.life.progress == 100, next.life.state == JobState::Completed);
            prop_assert_eq!(next.due.is_none(), next.life.state.is_ended());
            prop_assert!(next.due.is_none_or(|due| due >= now), "due in the past");
            endings += u32::from(next.life.state.is_ended());
            life = next.life;
        }
        prop_assert!(endings <= 1);
    }

    #[test]
    fn at_most_one_attempt_that_could_bill_is_open(
        events in prop::collection::vec(any_event(), 0..80),
        routes in 1usize..4,
    ) {
        let (plan, policy, now) = (a_plan_of(routes), Policy::default(), Timestamp::UNIX_EPOCH);
        let mut life = Life::default();
        for event in events {
            if let Ok(next) = advance(&life, &event, &plan, &policy, now) {
                life = next.life;
            }
            let open = life.attempts.iter().filter(|a| a.state.is_open()).count();
            let won = life.attempts.iter().filter(|a| a.state == AttemptState::Succeeded).count();

            prop_assert!(open <= 1);
            prop_assert!(won <= 1);
            prop_assert!(!life.state.is_ended() || open == 0, "ended with an open attempt");
            prop_assert_eq!(won == 1, life.state == JobState::Completed);
        }
    }

    #[test]
    fn every_state_has_a_way_out(
        events in prop::collection::vec(any_event(), 0..60),
        routes in 1usize..4,
    ) {
        let (plan, policy, mut now) = (a_plan_of(routes), Policy::default(), Timestamp::UNIX_EPOCH);
        let mut life = Life::default();
        for event in events {
            if let Ok(next) = advance(&life, &event, &plan, &policy, now) {
                life = next.life;
            }
        }

        // From wherever it got to, doing what `decide` says with everything going well ends it.
        for _ in 0..12 {
            let event = match decide(&life, &policy, now) {
                Step::Rest => break,
                Step::Begin { route } => Event::Begun { route },
                Step::Settle => Event::Accepted { remote_id: "r-9".into() },
                Step::Poll { .. } => Event::Rendered,
                Step::Fetch { .. } => Event::Stored,
                Step::Cancel { .. } | Step::EndCancelled => Event::Cancelled,
                Step::GiveUp => Event::DeadlinePassed,
            };
            now += SignedDuration::from_secs(1);
            life = advance(&life, &event, &plan, &policy, now).unwrap().life;
            if life.open_attempt().is_some_and(|a| a.state == AttemptState::Intent) {
                let accepted = Event::Accepted { remote_id: "r-9".into() };
                life = advance(&life, &accepted, &plan, &policy, now).unwrap().life;
            }
        }
        prop_assert!(life.state.is_ended(), "stuck in {life:?}");
    }
}
