//! When a render that goes on and on is given up, so that another route still fits into the deadline.

use jiff::Timestamp;

use super::{
    Situation, World,
    lost_submit::{MARGIN, reserve},
};
use crate::{
    job::{Attempt, JobRecord},
    plan::Plan,
    policy::{OnUnknownSubmit, Policy},
};

/// When a render is given up for another route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveUp {
    /// From here on, if its provider still calls it running or does not know it.
    pub slow_at: Timestamp,
    /// From here on, if polls bring no answer: the last moment at which another attempt may begin. Whoever answered
    /// in between would have ended the wait, so the silence has lasted; nothing where it could not have.
    pub silent_at: Option<Timestamp>,
}

/// When the render of an open attempt is given up for another route. Nothing where none is left to try, or no time for
/// it, where the render would not have had its usual time by then, where it lives in this process, and where its owner
/// prefers no video to two bills: there it has the longest time that renders take.
pub fn give_up(
    record: &JobRecord,
    attempt: &Attempt,
    plan: &Plan,
    world: &World,
    policy: &Policy,
    now: Timestamp,
) -> Option<GiveUp> {
    let here = world.of_attempt(attempt, plan).times;
    let policy = &world.policy_at(attempt, plan, policy);
    let is_bound = policy.on_unknown_submit == OnUnknownSubmit::Hold
        || record.spent_attempts() >= policy.max_attempts
        || here.create.is_none();
    if is_bound {
        return None;
    }
    let place = plan.place_of(&attempt.planned.route)?;
    let next = Situation { record, plan, world, policy }.next_open_place(place)?;
    let since = record.trying_since()?;
    let end = since + policy.deadline;
    // Too late: a render that goes on through a long outage of ours is all that the job has.
    if now >= end {
        return None;
    }
    let begun = attempt.accepted_at.unwrap_or(attempt.begun_at);
    let reserve = reserve(policy, &world.at(next).times);
    // Twice the usual time is slow, and no more than that.
    let latest = (since + reserve).max(begun + here.usual * 2);
    let last = end - MARGIN;
    let slow_at = latest.min(last);
    let silent_at = (last >= slow_at + MARGIN * 2).then_some(last);
    (slow_at >= begun + here.usual).then_some(GiveUp { slow_at, silent_at })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        decide::{
            RouteTimes,
            testing::{NOON, TIMES, a_world, applied, failed},
        },
        fault::{FaultKind, FaultSource},
        job::Event,
        plan::tests::a_plan_of,
    };

    /// The minute after noon at which a render is given up that was begun in this one, after another one at noon.
    fn given_up(
        begun: i64,
        usual: i64,
        routes: usize,
        policy: &Policy,
    ) -> Option<(i64, Option<i64>)> {
        let plan = a_plan_of(routes);
        let at_the_begin = NOON + SignedDuration::from_mins(begun);
        let events = [
            (NOON, Event::Begun { route: 0 }),
            (NOON, failed(FaultKind::Runtime, FaultSource::Provider)),
            (at_the_begin, Event::Begun { route: 0 }),
            (at_the_begin, Event::Accepted { remote_id: "r-1".into() }),
        ];
        let record = events.iter().fold(JobRecord::default(), |record, (at, event)| {
            applied(&record, event, &plan, policy, *at).record
        });
        let attempt = record.open_attempt().unwrap();
        let times = RouteTimes { usual: SignedDuration::from_mins(usual), ..TIMES };
        let world = a_world(routes, times);
        let minute = |moment: Timestamp| moment.duration_since(NOON).as_mins();
        let at = |now| give_up(&record, attempt, &plan, &world, policy, now);
        assert_eq!(at(NOON + policy.deadline), None, "no other attempt would begin");
        at(at_the_begin).map(|it| (minute(it.slow_at), it.silent_at.map(minute)))
    }

    #[test]
    fn a_render_is_given_up_in_time_for_another_route_and_never_before_its_usual_time() {
        let policy = Policy::default();
        let hold = Policy { on_unknown_submit: OnUnknownSubmit::Hold, ..policy };
        let last = Policy { max_attempts: 2, ..policy };

        for (begun, usual, routes, policy, expected) in [
            (0, 3, 2, policy, Some((27, Some(29)))),
            (0, 10, 2, policy, Some((20, Some(29)))),
            (0, 14, 2, policy, Some((28, None))),
            (0, 20, 2, policy, Some((29, None))),
            (0, 30, 2, policy, None),
            (20, 3, 2, policy, Some((27, Some(29)))),
            (24, 3, 2, policy, Some((29, None))),
            (28, 3, 2, policy, None),
            (0, 3, 1, policy, None),
            (0, 3, 2, hold, None),
            (0, 3, 2, last, None),
        ] {
            let told = format!("begun at {begun}, usually {usual}, of {routes}");
            assert_eq!(given_up(begun, usual, routes, &policy), expected, "{told}");
        }
    }
}
