//! Where a job goes on after what happened to it.

use std::sync::Arc;

use jiff::SignedDuration;

use super::*;
use crate::{
    decide::{
        Applied, Step, World, decide,
        testing::{
            NOON, TIMES, a_world, after, after_under, applied, failed, goes_on as goes_on_under,
            refused, rendering, step_with_slots,
        },
    },
    job::{Event, JobRecord, JobState, Settlement},
    plan::{Plan, tests::a_plan_of},
};

/// Where the job goes on if every route has room, and after how many seconds; nothing where it ends.
fn goes_on(plan: &Plan, events: &[Event]) -> Option<(usize, i64)> {
    goes_on_under(&after(plan, events), plan, &Policy::default())
}

fn a_plan_at(providers: &[&str]) -> Plan {
    let mut plan = a_plan_of(providers.len());
    for (planned, provider) in plan.routes.iter_mut().zip(providers) {
        Arc::make_mut(planned).provider = (*provider).to_owned();
    }
    plan
}

/// The same events several times over.
fn times(count: usize, events: &[Event]) -> Vec<Event> {
    vec![events.to_vec(); count].concat()
}

fn busy(route: usize) -> Vec<Event> {
    refused(route, FaultKind::Overloaded, None)
}

#[test]
fn routes_without_room_are_asked_in_rounds_with_growing_pauses_until_the_deadline_and_cost_no_attempts()
 {
    let (plan, policy) = (a_plan_of(3), Policy::default());
    let (mut record, mut now, mut rounds) = (JobRecord::default(), NOON, Vec::new());
    let mut places = Vec::new();
    while let Step::Begin { place } = step_with_slots(&record, &plan, &policy, now) {
        places.push(place);
        if place == 0 {
            rounds.push(now.duration_since(NOON).as_secs());
        }
        for event in refused(place, FaultKind::Overloaded, Some(0)) {
            let next = applied(&record, &event, &plan, &policy, now);
            (record, now) = (next.record, next.due.unwrap_or(now));
        }
        assert_eq!(record.spent_attempts(), 0);
    }

    // "At once" is believed once, and then they are asked at our own pace.
    assert_eq!(rounds, [0, 0, 30, 90, 210, 450, 750, 1050, 1350, 1650]);
    assert_eq!(places, [0, 1, 2].repeat(10));
    assert_eq!(step_with_slots(&record, &plan, &policy, now), Step::End(Event::DeadlinePassed));
}

#[test]
fn a_route_that_had_no_room_before_has_its_retry_all_the_same() {
    let broke = || refused(0, FaultKind::Runtime, None);
    let next = |events: &[Vec<Event>]| goes_on(&a_plan_of(2), &events.concat());

    assert_eq!(next(&[busy(0), busy(0), busy(0), broke()]), Some((0, 30)));
    assert_eq!(next(&[busy(0), broke(), busy(0), broke()]), Some((1, 0)));
}

#[test]
fn a_runtime_error_is_retried_once_on_the_same_route_after_the_pause_and_then_elsewhere() {
    let broke = vec![failed(FaultKind::Runtime, FaultSource::Provider)];
    let once = [rendering(), broke].concat();

    assert_eq!(goes_on(&a_plan_of(2), &once), Some((0, 30)));
    assert_eq!(goes_on(&a_plan_of(2), &times(2, &once)), Some((1, 0)));
}

#[test]
fn our_own_restart_costs_a_job_no_attempt_and_no_wait() {
    let interrupted = vec![Event::AttemptFailed { fault: Fault::interrupted() }];
    let plan = a_plan_of(1);
    let next = after(&plan, &times(10, &[rendering(), interrupted].concat()));

    assert_eq!(next.record.spent_attempts(), 0);
    assert_eq!(goes_on_under(&next, &plan, &Policy::default()), Some((0, 0)));
}

#[test]
fn a_full_disk_of_ours_is_waited_for_and_ends_the_job_when_it_stays_full() {
    let full = vec![failed(FaultKind::Storage, FaultSource::Gateway)];
    let once = [rendering(), full].concat();
    let waiting = after(&a_plan_of(2), &times(3, &once));

    assert_eq!(waiting.record.hold.as_ref().map(|hold| hold.kind), Some(HoldKind::Storage));
    assert_eq!(goes_on(&a_plan_of(2), &times(3, &once)), Some((0, 30)));
    let ended = after(&a_plan_of(2), &times(4, &once));
    assert!(matches!(ended.record.state, JobState::Failed(_)));
    assert!(matches!(ended.events.last(), Some(Event::GivenUp { .. })), "{:?}", ended.events);
}

#[test]
fn a_route_whose_render_had_all_its_time_is_not_bought_at_again_after_the_others() {
    for source in [FaultSource::Provider, FaultSource::Network] {
        let slow = vec![failed(FaultKind::Timeout, source)];
        let events = [rendering(), slow, busy(1), busy(2)].concat();
        assert_eq!(goes_on(&a_plan_of(3), &events), Some((1, 30)));
    }
}

#[test]
fn a_render_that_goes_on_after_it_was_given_up_is_never_bought_again_on_the_same_route() {
    let fault = Fault::new(FaultKind::Timeout, FaultSource::Provider, "it was given up");
    let events = [rendering(), vec![Event::RenderGivenUp { fault, goes_on: true }]].concat();

    assert_eq!(goes_on(&a_plan_of(2), &events), Some((1, 0)));
    assert_eq!(goes_on(&a_plan_of(1), &events), None);
    let record = after(&a_plan_of(2), &events).record;
    assert_eq!(record.attempts[0].settlement, Some(Settlement::Pending));
}

#[test]
fn a_job_goes_back_to_the_route_that_was_only_busy() {
    let (auth, quota, wrong) = (FaultKind::Auth, FaultKind::Quota, FaultKind::BadRequest);
    let broken = times(2, &refused(1, FaultKind::Runtime, None));
    let late = Event::AttemptFailed {
        fault: Fault::new(FaultKind::Malformed, FaultSource::Provider, "another size"),
    };
    let differs = vec![Event::Begun { route: 1 }, Event::Accepted { remote_id: "r".into() }, late];

    for (what, then, expected) in [
        ("busy too", busy(1), Some((0, 30))),
        ("asked for less", refused(1, FaultKind::Overloaded, Some(5)), Some((1, 5))),
        ("no key", refused(1, auth, None), Some((0, 30))),
        ("no money", refused(1, quota, None), Some((0, 30))),
        ("a bad request", refused(1, wrong, None), Some((0, 30))),
        ("broken twice", broken, Some((0, 30))),
        ("another file", differs, Some((0, 30))),
    ] {
        let next = goes_on(&a_plan_of(2), &[busy(0), then].concat());
        assert_eq!(next, expected, "{what}");
    }
    let asked = [refused(0, FaultKind::Overloaded, Some(90)), refused(1, auth, None)].concat();
    assert_eq!(goes_on(&a_plan_of(2), &asked), Some((0, 90)));
    let ended = [refused(0, wrong, None), refused(1, auth, None)].concat();
    assert_eq!(goes_on(&a_plan_of(2), &ended), None);
    // Whoever has no money is not asked again after that.
    let again = [busy(0), refused(1, auth, None), busy(0)].concat();
    assert_eq!(goes_on(&a_plan_of(2), &again), Some((0, 300)));
}

#[test]
fn a_busy_route_that_says_come_back_at_once_is_asked_at_our_own_pace_the_next_time() {
    let busy = || refused(0, FaultKind::Overloaded, Some(0));

    assert_eq!(goes_on(&a_plan_of(1), &busy()), Some((0, 0)));
    assert_eq!(goes_on(&a_plan_of(1), &[busy(), busy()].concat()), Some((0, 30)));
}

#[test]
fn a_render_that_had_all_its_time_goes_to_another_route_where_there_is_one() {
    let slow = vec![failed(FaultKind::Timeout, FaultSource::Provider)];
    let events = [rendering(), slow].concat();

    assert_eq!(goes_on(&a_plan_of(2), &events), Some((1, 0)));
    assert_eq!(goes_on(&a_plan_of(1), &events), Some((0, 30)));
}

#[test]
fn a_render_of_which_nothing_could_be_learnt_is_never_bought_again_on_the_same_route() {
    let unheard = failed(FaultKind::Timeout, FaultSource::Network);
    let events = [rendering(), vec![unheard.clone()]].concat();

    assert_eq!(goes_on(&a_plan_of(2), &events), Some((1, 0)));
    assert_eq!(goes_on(&a_plan_of(1), &events), None);
    // A submit that never left is another matter.
    let unsent = [Event::Begun { route: 0 }, unheard];
    assert_eq!(goes_on(&a_plan_of(1), &unsent), Some((0, 30)));
}

#[test]
fn a_file_that_differs_is_never_bought_again_of_the_same_model_whatever_the_account() {
    let differs = failed(FaultKind::Malformed, FaultSource::Provider);
    let events = [rendering(), vec![Event::Rendered, differs]].concat();
    let next = |providers: &[&str]| goes_on(&a_plan_at(providers), &events);

    assert_eq!(next(&["luma", "runway"]), Some((1, 0)));
    assert_eq!(next(&["luma", "luma", "runway"]), Some((2, 0)));
    assert_eq!(next(&["luma", "luma"]), None);
    assert_eq!(next(&["luma"]), None);
}

fn moderated_under(on_moderation: OnModeration, providers: &[&str]) -> Option<(usize, i64)> {
    let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
    let policy = Policy { on_moderation, ..Policy::default() };
    let plan = a_plan_at(providers);
    let next = after_under(&plan, &policy, &[rendering(), vec![refused]].concat());
    goes_on_under(&next, &plan, &policy)
}

#[test]
fn a_moderated_prompt_goes_to_nobody_else_unless_its_owner_says_so() {
    assert_eq!(moderated_under(OnModeration::Fail, &["runway", "luma"]), None);
    assert_eq!(moderated_under(OnModeration::Switch, &["runway", "luma"]), Some((1, 0)));
}

#[test]
fn a_moderated_prompt_never_goes_to_the_same_model_of_the_same_provider_again() {
    let switch = OnModeration::Switch;

    assert_eq!(moderated_under(switch, &["runway", "runway", "luma"]), Some((2, 0)));
    assert_eq!(moderated_under(switch, &["runway", "runway"]), None);
    assert_eq!(moderated_under(switch, &["runway"]), None);
}

#[test]
fn of_what_caller_and_owner_allow_the_stricter_wins() {
    let owner = |on_moderation| Policy { on_moderation, ..Policy::default() };
    let (fail, switch) = (OnModeration::Fail, OnModeration::Switch);

    assert_eq!(owner(switch).for_request(None).on_moderation, switch);
    assert_eq!(owner(switch).for_request(Some(fail)).on_moderation, fail);
    assert_eq!(owner(fail).for_request(Some(switch)).on_moderation, fail);
}

#[test]
fn a_pause_that_leaves_no_time_is_not_waited_for_where_another_route_is_there() {
    let broke = |pause| Event::AttemptFailed {
        fault: Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke").after(pause),
    };
    let tomorrow = Some(SignedDuration::from_hours(24));
    let events = [rendering(), vec![broke(tomorrow)]].concat();
    assert_eq!(goes_on(&a_plan_of(2), &events), Some((1, 0)));

    let (plan, policy) = (a_plan_of(2), Policy::default());
    let taken = after(&plan, &rendering()).record;
    let late = NOON + policy.deadline - SignedDuration::from_secs(1);
    let next = applied(&taken, &broke(None), &plan, &policy, late);
    assert_eq!(goes_on_under(&next, &plan, &policy), Some((1, 30 * 60 - 1)));
}

#[test]
fn a_job_says_what_it_waits_for_and_until_when() {
    let broke = vec![failed(FaultKind::Runtime, FaultSource::Provider)];
    let hold = after(&a_plan_of(1), &[rendering(), broke].concat()).record.hold.unwrap();

    assert_eq!(hold.kind, HoldKind::Pause);
    assert_eq!(hold.until, Some(NOON + SignedDuration::from_secs(30)));
    assert_eq!(hold.reason, "it broke");
}

/// Where a job begins when only the routes at these places have a slot for it.
fn begins_with_slots_at(places: &[usize], next: &Applied, plan: &Plan, policy: &Policy) -> Step {
    let mut world = a_world(plan.routes.len(), TIMES);
    for place in places {
        world.routes[*place].has_slot = true;
    }
    decide(&next.record, plan, &world, policy, next.due.unwrap())
}

#[test]
fn a_job_whose_first_route_has_no_free_slot_begins_at_the_next_one_that_has() {
    let (plan, policy) = (a_plan_of(3), Policy::default());
    let new = after(&plan, &[]);
    let begins = |places: &[usize]| begins_with_slots_at(places, &new, &plan, &policy);

    assert_eq!(begins(&[0, 1, 2]), Step::Begin { place: 0 });
    assert_eq!(begins(&[1, 2]), Step::Begin { place: 1 });
    assert!(matches!(begins(&[]), Step::Wait(next) if next.openings.len() == 3));
    let wait = Policy { on_busy: OnBusy::Wait, ..policy };
    let stays = begins_with_slots_at(&[1, 2], &new, &plan, &wait);
    assert!(matches!(stays, Step::Wait(next) if next.openings.len() == 1));
}

#[test]
fn no_sketch_and_no_changed_request_stands_in_for_a_route_that_has_no_free_slot() {
    let mut plan = a_plan_at(&["runway", "animatic", "luma"]);
    for place in [0, 2] {
        Arc::make_mut(&mut plan.routes[place]).free = false;
    }
    let policy = Policy::default();
    let new = after(&plan, &[]);

    let begins = begins_with_slots_at(&[1, 2], &new, &plan, &policy);
    assert_eq!(begins, Step::Begin { place: 2 }, "the renderer that is built in only sketches");
    let change = crate::fit::Change {
        param: "seconds".into(),
        asked: "10".into(),
        given: Some("8".into()),
        why: "it renders no 10 seconds".into(),
    };
    Arc::make_mut(&mut plan.routes[2]).changes.push(change);
    let begins = begins_with_slots_at(&[1, 2], &new, &plan, &policy);
    assert!(matches!(begins, Step::Wait(_)), "{begins:?}");
}

#[test]
fn a_pause_before_a_retry_is_kept_to_on_the_routes_that_stand_in_for_it() {
    let (plan, policy) = (a_plan_of(2), Policy::default());
    let broke = vec![failed(FaultKind::Runtime, FaultSource::Provider)];
    let next = after(&plan, &[rendering(), broke].concat());

    let from: Vec<_> = next.waits.iter().map(|wait| wait.from).collect();
    assert_eq!(from, [NOON + SignedDuration::from_secs(30); 2]);
    assert_eq!(begins_with_slots_at(&[1], &next, &plan, &policy), Step::Begin { place: 1 });
}

#[test]
fn a_job_waits_for_a_busy_route_and_for_the_slot_of_the_next_one_whichever_comes_first() {
    let (plan, policy) = (a_plan_of(2), Policy::default());
    let next = after(&plan, &busy(0));
    let waits: Vec<_> = next
        .waits
        .iter()
        .map(|wait| (wait.account.as_str(), wait.from.duration_since(NOON).as_secs()))
        .collect();

    assert_eq!(waits, [("account-1", 0), ("account-0", 30)]);
    let later = Applied { due: Some(NOON + SignedDuration::from_secs(30)), ..next };
    assert_eq!(begins_with_slots_at(&[0], &later, &plan, &policy), Step::Begin { place: 0 });
}

#[test]
fn a_route_that_the_plan_does_not_have_is_no_place_to_begin_at() {
    let plan = a_plan_of(1);
    let begun = Event::Begun { route: 1 };
    let world = World::default();

    let next = crate::decide::apply(
        &JobRecord::default(),
        vec![begun],
        &plan,
        &world,
        &Policy::default(),
        NOON,
    );
    assert!(next.is_err());
}
