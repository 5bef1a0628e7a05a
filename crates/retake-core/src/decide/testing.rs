//! Jobs that events happen to, for tests.

use jiff::{SignedDuration, Timestamp};

use super::{Applied, RouteState, RouteTimes, Step, World, apply, decide};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    job::{Event, JobRecord},
    plan::Plan,
    policy::Policy,
};

pub(crate) const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

pub(crate) const TIMES: RouteTimes = RouteTimes {
    create: Some(SignedDuration::from_mins(2)),
    usual: SignedDuration::from_mins(3),
    longest: SignedDuration::from_hours(1),
};

/// A world in which things take that long on each of so many routes, and the job has no slot.
pub(crate) fn a_world(routes: usize, times: RouteTimes) -> World {
    let state = RouteState { times, has_slot: false, on_unknown_submit: None };
    World { routes: vec![state; routes] }
}

/// The same world with a slot for the job on each route.
pub(crate) fn with_slots(mut world: World) -> World {
    for route in &mut world.routes {
        route.has_slot = true;
    }
    world
}

/// What becomes of a job by an event at a moment.
pub(crate) fn applied(
    record: &JobRecord,
    event: &Event,
    plan: &Plan,
    policy: &Policy,
    now: Timestamp,
) -> Applied {
    let world = a_world(plan.routes.len(), TIMES);
    apply(record, vec![event.clone()], plan, &world, policy, now).unwrap()
}

/// What becomes of a new job by these events, all at noon.
pub(crate) fn after_under(plan: &Plan, policy: &Policy, events: &[Event]) -> Applied {
    let start = Applied {
        record: JobRecord::default(),
        events: Vec::new(),
        due: Some(NOON),
        waits: Vec::new(),
    };
    events.iter().fold(start, |before, event| applied(&before.record, event, plan, policy, NOON))
}

pub(crate) fn after(plan: &Plan, events: &[Event]) -> Applied {
    after_under(plan, &Policy::default(), events)
}

/// The next step of a job when every route has a slot for it.
pub(crate) fn step_with_slots(
    record: &JobRecord,
    plan: &Plan,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    decide(record, plan, &with_slots(a_world(plan.routes.len(), TIMES)), policy, now)
}

/// Where the job goes on if every route has room, and after how many seconds; nothing where it ends.
pub(crate) fn goes_on(next: &Applied, plan: &Plan, policy: &Policy) -> Option<(usize, i64)> {
    let due = next.due?;
    match step_with_slots(&next.record, plan, policy, due) {
        Step::Begin { place } => Some((place, due.duration_since(NOON).as_secs())),
        step => panic!("no attempt is to begin: {step:?}"),
    }
}

pub(crate) fn rendering() -> Vec<Event> {
    vec![Event::Begun { route: 0 }, Event::Accepted { remote_id: "r-1".into() }]
}

pub(crate) fn failed(kind: FaultKind, source: FaultSource) -> Event {
    Event::AttemptFailed { fault: Fault::new(kind, source, "it broke") }
}

/// A submit to a place that is turned away, with the pause in seconds that was asked for.
pub(crate) fn refused(route: usize, kind: FaultKind, pause: Option<i64>) -> Vec<Event> {
    let fault = Fault::new(kind, FaultSource::Provider, "it was refused")
        .after(pause.map(SignedDuration::from_secs));
    vec![Event::Begun { route }, Event::AttemptFailed { fault }]
}
