//! What must hold for every order of events.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    Absence, AfterDownload, RouteState, Step, World, after_download, apply, decide, give_up,
    patience,
    testing::{TIMES, a_world, applied, step_with_slots},
    weigh_absence,
};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    job::{Attempt, AttemptState, Event, JobRecord, JobState, Settlement, advance},
    money::Usd,
    plan::{Plan, tests::a_plan_of},
    policy::{OnBusy, OnModeration, OnUnknownSubmit, Policy},
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
        FaultKind::UnknownProviderError,
    ]);
    let sources = prop::sample::select(vec![
        FaultSource::Gateway,
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
        2 => any_fault()
            .prop_map(|fault| Event::SubmitLost { fault, policy: None, until: None }),
        1 => Just(Event::NotListed),
        1 => Just(Event::Settled { settlement: Settlement::Absent }),
        1 => any_fault().prop_map(|fault| Event::Unresolved { fault }),
        1 => any_fault().prop_map(|fault| Event::GivenUp { fault }),
        1 => (1u32..6).prop_map(|attempt| Event::Adopted { attempt }),
        3 => any::<u8>().prop_map(|percent| Event::Progressed { percent }),
        3 => Just(Event::Rendered),
        1 => any_fault().prop_map(|fault| Event::Disputed { fault }),
        1 => any_fault().prop_map(|fault| Event::FetchFailed {
            fault,
            finding: None,
            again_at: None,
        }),
        1 => any_fault().prop_map(|fault| Event::SetAside { fault }),
        1 => any::<u32>().prop_map(|micros| Event::Charged { amount: Usd::from_micros(micros.into()) }),
        2 => Just(Event::Stored),
        3 => any_fault().prop_map(|fault| Event::AttemptFailed { fault }),
        1 => any_fault().prop_map(|fault| Event::FailureDoubted { fault }),
        1 => (any_fault(), any::<bool>())
            .prop_map(|(fault, goes_on)| Event::RenderGivenUp { fault, goes_on }),
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
        let (mut record, mut now, mut endings) = (JobRecord::default(), Timestamp::UNIX_EPOCH, 0);
        for (event, pause) in events {
            now += SignedDuration::from_secs(pause);
            let world = a_world(routes, TIMES);
            let Ok(next) = apply(&record, vec![event.clone()], &plan, &world, &policy, now) else {
                continue;
            };

            prop_assert!(!record.state.is_ended(), "{:?} took {event:?}", record.state);
            prop_assert!(next.waits.is_empty() || next.record.open_attempt().is_none());
            prop_assert!(next.record.progress >= record.progress);
            prop_assert_eq!(next.record.progress == 100, next.record.state == JobState::Completed);
            prop_assert_eq!(next.due.is_none(), next.record.state.is_ended());
            prop_assert!(next.due.is_none_or(|due| due >= now), "due in the past");
            endings += u32::from(next.record.state.is_ended());
            record = next.record;
        }
        prop_assert!(endings <= 1);
    }

    #[test]
    fn at_most_one_attempt_that_could_bill_is_open(
        events in prop::collection::vec(any_event(), 0..80),
        routes in 1usize..4,
    ) {
        let (plan, policy, now) = (a_plan_of(routes), Policy::default(), Timestamp::UNIX_EPOCH);
        let mut record = JobRecord::default();
        for event in events {
            let world = a_world(routes, TIMES);
            if let Ok(next) = apply(&record, vec![event], &plan, &world, &policy, now) {
                record = next.record;
            }
            let open = record.attempts.iter().filter(|a| a.state.is_open()).count();
            let won = record.attempts.iter().filter(|a| a.state == AttemptState::Succeeded).count();

            prop_assert!(open <= 1);
            prop_assert!(won <= 1);
            prop_assert!(!record.state.is_ended() || open == 0, "ended with an open attempt");
            let has_file = won == 1 || record.has_file_set_aside();
            prop_assert!(won == 0 || record.state == JobState::Completed);
            prop_assert!(record.state != JobState::Completed || has_file);
            prop_assert!(!has_file || !matches!(record.state, JobState::Failed(_)), "a file is kept back");
        }
    }

    #[test]
    fn every_state_has_a_way_out(
        events in prop::collection::vec(any_event(), 0..60),
        routes in 1usize..4,
    ) {
        let (plan, policy, mut now) = (a_plan_of(routes), Policy::default(), Timestamp::UNIX_EPOCH);
        let mut record = JobRecord::default();
        for event in events {
            let world = a_world(routes, TIMES);
            if let Ok(next) = apply(&record, vec![event], &plan, &world, &policy, now) {
                record = next.record;
            }
        }

        // From wherever it got to, doing what `decide` says with everything going well ends it.
        for _ in 0..12 {
            let event = match step_with_slots(&record, &plan, &policy, now) {
                Step::Rest => break,
                Step::Begin { place } => Event::Begun { route: place },
                Step::Wait(next) => {
                    now = next.openings.iter().filter_map(|one| one.at).min().unwrap();
                    continue;
                }
                Step::RecordLoss => {
                    Event::SubmitLost { fault: Fault::interrupted(), policy: None, until: None }
                }
                Step::Settle => Event::Accepted { remote_id: "r-9".into() },
                Step::Adopt { attempt } => Event::Adopted { attempt },
                Step::Poll { .. } => Event::Rendered,
                Step::Fetch { .. } => Event::Stored,
                Step::Cancel { .. } => Event::Cancelled,
                Step::End(event) => event,
            };
            now += SignedDuration::from_secs(1);
            record = applied(&record, &event, &plan, &policy, now).record;
            if record.open_attempt().is_some_and(|a| a.state == AttemptState::Intent) {
                let accepted = Event::Accepted { remote_id: "r-9".into() };
                record = applied(&record, &accepted, &plan, &policy, now).record;
            }
        }
        prop_assert!(record.state.is_ended(), "stuck in {record:?}");
    }
}

/// What a provider answers to the next question.
#[derive(Clone, Debug)]
enum Answer {
    Taken,
    Refused(Fault),
    Lost(Fault),
    /// The process ends before it comes.
    Crashed,
    Silent,
    NotListed,
    Found,
    Running,
    Broke(Fault),
}

fn a_providers_fault() -> impl Strategy<Value = Fault> {
    any_fault().prop_map(|fault| {
        let kind = match fault.kind {
            // What is ours to answer for is no provider's outcome.
            FaultKind::Storage => FaultKind::UnknownProviderError,
            kind => kind,
        };
        Fault { kind, source: FaultSource::Provider, ..fault }
    })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        2 => Just(Answer::Taken),
        2 => a_providers_fault().prop_map(Answer::Refused),
        3 => a_providers_fault().prop_map(Answer::Lost),
        1 => Just(Answer::Crashed),
        2 => Just(Answer::Silent),
        2 => Just(Answer::NotListed),
        1 => Just(Answer::Found),
        1 => Just(Answer::Running),
        2 => a_providers_fault().prop_map(Answer::Broke),
    ]
}

/// A job that is played against a first provider that answers from a script and a second one that is healthy.
struct Play {
    plan: Plan,
    record: JobRecord,
    now: Timestamp,
    policy: Policy,
    /// The place in the plan where all goes well.
    healthy: Option<usize>,
    /// Submits of which the provider may have made a render that nobody stopped or saw end.
    told: Vec<u32>,
}

impl Play {
    fn under(policy: Policy) -> Self {
        let (plan, record) = (a_plan_of_two_providers(), JobRecord::default());
        Self {
            plan,
            record,
            now: Timestamp::UNIX_EPOCH,
            policy,
            healthy: Some(1),
            told: Vec::new(),
        }
    }

    /// The same job without the healthy provider.
    fn alone(policy: Policy) -> Self {
        let plan = a_plan_of(1);
        Self { plan, ..Self::under(policy) }
    }

    /// When the attempts began that may be on a bill because their answers were lost.
    fn doubtful(&self) -> Vec<Timestamp> {
        let in_doubt = |attempt: &&Attempt| {
            attempt.state == AttemptState::Unknown
                || attempt.settlement == Some(Settlement::Pending)
        };
        self.record.attempts.iter().filter(in_doubt).map(|attempt| attempt.begun_at).collect()
    }

    fn world(&self) -> World {
        a_world(self.plan.routes.len(), TIMES)
    }

    fn record(&mut self, event: &Event) -> Option<Timestamp> {
        let next = applied(&self.record, event, &self.plan, &self.policy, self.now);
        self.record = next.record;
        next.due
    }

    /// What happens at the next step, given what the first provider answers.
    fn step(&mut self, answer: Answer) -> Option<Timestamp> {
        let step = step_with_slots(&self.record, &self.plan, &self.policy, self.now);
        let open = self.record.open_attempt().map(|a| self.plan.place_of(&a.planned.route));
        let here = match (&step, open) {
            (Step::Begin { place }, _) => Some(*place),
            (_, open) => open.flatten(),
        };
        let healthy = self.healthy.is_some() && self.healthy == here;
        match step {
            Step::Rest => None,
            Step::Wait(next) => next.openings.iter().filter_map(|opening| opening.at).min(),
            Step::Begin { place } => {
                self.record(&Event::Begun { route: place });
                self.now += SignedDuration::from_secs(5);
                let event = match answer {
                    _ if healthy => Event::Accepted { remote_id: "s-1".into() },
                    Answer::Crashed => return Some(self.now),
                    Answer::Refused(fault) | Answer::Broke(fault) => Event::AttemptFailed { fault },
                    Answer::Lost(fault) => Event::SubmitLost { fault, policy: None, until: None },
                    _ => Event::Accepted { remote_id: "r-1".into() },
                };
                self.record(&event)
            }
            Step::RecordLoss => {
                let message = "the process was stopped before the answer came";
                let fault = Fault::new(FaultKind::Lost, FaultSource::Gateway, message);
                self.record(&Event::SubmitLost { fault, policy: None, until: None })
            }
            Step::Settle => self.settle(&answer),
            Step::Poll { .. } => match answer {
                _ if healthy => self.record(&Event::Rendered),
                Answer::Broke(fault) | Answer::Refused(fault) => {
                    self.record(&Event::AttemptFailed { fault })
                }
                _ => self.still_running(),
            },
            Step::Fetch { .. } => self.record(&Event::Stored),
            Step::End(event) => self.record(&event),
            step => panic!("nobody asked for {step:?}"),
        }
    }

    /// What a poll comes to that says that the render goes on: in the end it is given up.
    fn still_running(&mut self) -> Option<Timestamp> {
        let attempt = self.record.open_attempt().unwrap();
        let given_up =
            give_up(&self.record, attempt, &self.plan, &self.world(), &self.policy, self.now);
        let over = attempt.begun_at + TIMES.longest;
        if self.now <= given_up.map_or(over, |it| it.slow_at.min(over)) {
            return Some(self.now + SignedDuration::from_secs(20));
        }
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Provider, "it was given up");
        self.record(&Event::RenderGivenUp { fault, goes_on: false })
    }

    fn settle(&mut self, answer: &Answer) -> Option<Timestamp> {
        let attempt = self.record.open_attempt().unwrap().clone();
        let patience = patience(&self.record, &attempt, &self.plan, &self.world(), &self.policy);
        let lost_for = self.now.duration_since(attempt.lost_since());
        let absence = weigh_absence(&attempt, &TIMES, lost_for, self.now);
        match (answer, absence) {
            (Answer::Found, _) => return self.record(&Event::Accepted { remote_id: "r-1".into() }),
            (Answer::NotListed, Absence::Proven) => {
                return self.record(&Event::Settled { settlement: Settlement::Absent });
            }
            (Answer::NotListed, Absence::LookAgainAt(_)) => drop(self.record(&Event::NotListed)),
            _ => {}
        }
        if self.now < patience.until {
            return Some(patience.until.min(self.now + SignedDuration::from_secs(30)));
        }
        self.told.push(attempt.number);
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, "it may have been billed");
        self.record(&Event::Unresolved { fault })
    }

    /// Attempts that may be on a bill although no provider said how they ended, and nobody was told.
    fn untold(&self) -> usize {
        let in_doubt = |attempt: &&Attempt| {
            attempt.settlement == Some(Settlement::Pending) && !self.told.contains(&attempt.number)
        };
        let open = usize::from(self.record.open_attempt().is_some());
        self.record.attempts.iter().filter(in_doubt).count() + open
    }
}

fn a_plan_of_two_providers() -> Plan {
    let mut plan = a_plan_of(2);
    for (planned, provider) in plan.routes.iter_mut().zip(["north", "south"]) {
        Arc::make_mut(planned).provider = provider.to_owned();
    }
    plan
}

#[test]
fn a_render_that_never_ends_does_not_keep_a_job_from_its_healthy_route() {
    let mut play = Play::under(Policy::default());
    for _ in 0..400 {
        let Some(due) = play.step(Answer::Running) else { break };
        play.now = play.now.max(due);
    }

    assert_eq!(play.record.state, JobState::Completed, "{:?}", play.record);
    assert_eq!(play.record.attempts.len(), 2);
    let deadline = Timestamp::UNIX_EPOCH + play.policy.deadline;
    assert!(play.record.attempts[1].begun_at < deadline);
}

proptest! {
    #[test]
    fn a_job_whose_second_route_is_healthy_completes_whatever_the_first_one_does(
        answers in prop::collection::vec(any_answer(), 1..40),
        wait in prop::option::of(0i64..7_200),
    ) {
        let policy = Policy {
            on_moderation: OnModeration::Switch,
            on_unknown_submit: OnUnknownSubmit::ContinueAfter(wait.map(SignedDuration::from_secs)),
            ..Policy::default()
        };
        let mut play = Play::under(policy);
        let mut answers = answers.into_iter();
        for _ in 0..400 {
            // When the script is over, the first provider breaks whatever it has.
            let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
            let Some(due) = play.step(answers.next().unwrap_or(Answer::Broke(broke))) else { break };
            prop_assert!(play.untold() <= 1, "two may be billed: {:?}", play.record);
            play.now = play.now.max(due);
        }
        prop_assert_eq!(&play.record.state, &JobState::Completed, "{:?}", play.record);
    }

    #[test]
    fn a_job_ends_however_its_providers_answer_and_buys_no_more_than_its_attempts(
        answers in prop::collection::vec(any_answer(), 1..60),
        last in any_answer(),
        routes in 1usize..5,
        max_attempts in 1u32..6,
    ) {
        let policy = Policy { max_attempts, ..Policy::default() };
        let mut play = Play { plan: a_plan_of(routes), ..Play::under(policy) };
        for planned in &mut play.plan.routes {
            let planned = Arc::make_mut(planned);
            planned.provider = planned.route.account.clone();
        }
        play.healthy = None;
        let mut answers = answers.into_iter();
        for _ in 0..2_000 {
            // When the script is over, all of them go on with the same answer.
            let Some(due) = play.step(answers.next().unwrap_or_else(|| last.clone())) else { break };
            play.now = play.now.max(due);
        }
        prop_assert!(play.record.state.is_ended(), "it goes on for ever: {:?}", play.record);
        let all = play.record.attempts.iter().filter(|attempt| !attempt.met_no_room()).count();
        prop_assert!(all <= max_attempts as usize + 25, "{all} attempts: {:?}", play.record);
        let bought = play.record.attempts.iter().filter(|attempt| attempt.may_cost()).count();
        prop_assert!(bought <= max_attempts as usize, "{bought} bought: {:?}", play.record);
    }

    #[test]
    fn in_any_world_a_job_ends_and_begins_only_where_it_has_a_slot(
        worlds in prop::collection::vec(prop::collection::vec((any::<bool>(), 1i64..90), 4), 1..30),
        answers in prop::collection::vec(any_answer(), 1..30),
        routes in 1usize..5,
        waits in any::<bool>(),
    ) {
        let on_busy = if waits { OnBusy::Wait } else { OnBusy::Switch };
        let mut play = Play { plan: a_plan_of(routes), ..Play::under(Policy { on_busy, ..Policy::default() }) };
        play.healthy = None;
        let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
        let mut answers = answers.into_iter();
        for state in worlds {
            let world = World {
                routes: state
                    .into_iter()
                    .take(routes)
                    .map(|(has_slot, usual)| RouteState {
                        times: super::RouteTimes { usual: SignedDuration::from_mins(usual), ..TIMES },
                        has_slot,
                        on_unknown_submit: None,
                    })
                    .collect(),
            };
            match decide(&play.record, &play.plan, &world, &play.policy, play.now) {
                Step::Begin { place } => prop_assert!(world.at(place).has_slot),
                Step::Wait(next) => {
                    let ready = next.openings.iter().filter(|opening| opening.at.is_none_or(|at| at <= play.now));
                    prop_assert!(ready.clone().all(|opening| !world.at(opening.place).has_slot), "{next:?}");
                    // It gets its slots later on.
                    play.now += SignedDuration::from_secs(30);
                    continue;
                }
                _ => {}
            }
            let Some(due) = play.step(answers.next().unwrap_or(Answer::Taken)) else { break };
            play.now = play.now.max(due);
        }
        for _ in 0..2_000 {
            let Some(due) = play.step(Answer::Broke(broke.clone())) else { break };
            play.now = play.now.max(due);
        }
        prop_assert!(play.record.state.is_ended(), "it goes on for ever: {:?}", play.record);
    }

    #[test]
    fn a_download_is_tried_again_later_or_its_loss_ends_the_attempt(
        failures in prop::collection::vec((any_fault(), 0i64..20_000), 1..40),
    ) {
        let (plan, policy) = (a_plan_of(2), Policy::default());
        let mut now = Timestamp::UNIX_EPOCH;
        let mut record = JobRecord::default();
        let accepted = Event::Accepted { remote_id: "r-1".into() };
        for event in [Event::Begun { route: 0 }, accepted, Event::Rendered] {
            record = advance(&record, &event, &plan, now).unwrap();
        }
        for (fault, pause) in failures {
            now += SignedDuration::from_secs(pause);
            let attempt = record.open_attempt().unwrap();
            match after_download(attempt, &fault, None, &policy, now) {
                AfterDownload::AgainAt(at) => {
                    prop_assert!(at >= now && at <= now + Policy::LONG_PAUSE);
                    let again_at = Some(at);
                    let event = Event::FetchFailed { fault, finding: None, again_at };
                    record = advance(&record, &event, &plan, now).unwrap();
                }
                AfterDownload::Lost(_) => {
                    prop_assert!(fault.source != FaultSource::Gateway);
                    prop_assert!(now >= Timestamp::UNIX_EPOCH + policy.fetch_within);
                    break;
                }
            }
        }
    }

    #[test]
    fn two_submits_in_doubt_at_one_route_are_never_closer_than_the_least_wait(
        answers in prop::collection::vec(any_answer(), 1..60),
        wait in prop::option::of(0i64..7_200),
        deadline in 1i64..7_200,
    ) {
        let policy = Policy {
            on_unknown_submit: OnUnknownSubmit::ContinueAfter(wait.map(SignedDuration::from_secs)),
            deadline: SignedDuration::from_secs(deadline),
            ..Policy::default()
        };
        let mut play = Play::alone(policy);
        for answer in answers {
            let Some(due) = play.step(answer) else { break };
            play.now = play.now.max(due);
        }
        for pair in play.doubtful().windows(2) {
            let apart = pair[1].duration_since(pair[0]);
            prop_assert!(apart >= TIMES.least_wait(), "{apart:#} apart: {:?}", play.record);
        }
    }

    #[test]
    fn an_owner_who_prefers_no_video_to_two_bills_never_gets_a_second_attempt_in_doubt(
        answers in prop::collection::vec(any_answer(), 1..40),
    ) {
        let policy = Policy {
            on_moderation: OnModeration::Switch,
            on_unknown_submit: OnUnknownSubmit::Hold,
            ..Policy::default()
        };
        let mut play = Play::under(policy);
        let mut answers = answers.into_iter();
        for _ in 0..800 {
            let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
            let Some(due) = play.step(answers.next().unwrap_or(Answer::Broke(broke))) else { break };
            play.now = play.now.max(due);
        }
        prop_assert!(play.record.state.is_ended());
        let pending = |a: &Attempt| a.settlement == Some(Settlement::Pending);
        let doubtful = play.record.attempts.iter().position(pending);
        prop_assert!(doubtful.is_none_or(|place| place + 1 == play.record.attempts.len()));
    }

    #[test]
    fn an_absence_is_never_believed_before_the_create_could_have_arrived_and_was_looked_for_twice(
        looks in prop::collection::vec(0i64..300, 1..12),
        lost_after in 0i64..300,
    ) {
        let (plan, policy) = (a_plan_of(1), Policy::default());
        let begun = Timestamp::UNIX_EPOCH;
        let lost = begun + SignedDuration::from_secs(lost_after);
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
        let event = Event::Begun { route: 0 };
        let mut record = applied(&JobRecord::default(), &event, &plan, &policy, begun).record;
        let event = Event::SubmitLost { fault, policy: None, until: None };
        record = applied(&record, &event, &plan, &policy, lost).record;
        let (mut now, mut first) = (lost, None);
        for pause in looks {
            now += SignedDuration::from_secs(pause);
            let attempt = record.open_attempt().unwrap().clone();
            match weigh_absence(&attempt, &TIMES, now.duration_since(lost), now) {
                Absence::Proven => {
                    prop_assert!(now >= lost + SignedDuration::from_mins(3));
                    prop_assert!(first.is_some_and(|at| now >= at + SignedDuration::from_mins(1)));
                    break;
                }
                Absence::LookAgainAt(again) => {
                    prop_assert!(again > now);
                    first.get_or_insert(now);
                    record = applied(&record, &Event::NotListed, &plan, &policy, now).record;
                }
            }
        }
    }
}
