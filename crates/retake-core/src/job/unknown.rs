//! What is done about a submit whose answer was lost: when an absence is believed, and how long a job waits.
//!
//! A render that is not listed may still be on its way, so an absence is believed only when the create's own time
//! limit and a margin have passed since the answer was lost, and only when it was seen twice. How long a job waits
//! before it goes on although nobody knows is policy. Only times and counts decide here: nothing is asked.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, JobRecord, remedy::MOST_TRIES};
use crate::{
    plan::Plan,
    policy::{OnUnknownSubmit, Policy},
    time::whole_seconds,
};

/// Clocks differ, and lists learn late of what was just made.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Why a job waits for a lost submit at the only route that is left.
const LOST_TOO_OFTEN: &str = "as many attempts at this route as it gets may be billed already and no other is left, so it is waited for";

/// What is known of the times at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTimes {
    /// How long the provider may take to answer a create. `None` where an absence is certain at once, because the
    /// renders live in this process.
    pub create: Option<SignedDuration>,
    /// How long a render usually takes.
    pub usual: SignedDuration,
    /// After this long a render is over either way.
    pub longest: SignedDuration,
}

impl RouteTimes {
    /// How long a lost submit is looked for at least before the same route is tried again, however short its owner
    /// wants the wait: until an absence could be believed.
    pub fn least_wait(&self) -> SignedDuration {
        self.create.unwrap_or_default() + MARGIN
    }
}

/// What a look that found nothing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There is no such render, and none will come.
    Proven,
    /// It may be on its way: look again then.
    LookAgainAt(Timestamp),
}

/// How long a job waits for a lost submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until when.
    pub until: Timestamp,
    /// The place in the plan where it goes on then; nothing where it fails then.
    pub route: Option<usize>,
    /// What was chosen and why, for people.
    pub why: String,
}

/// Says what it means that a lost submit is not listed at `now`. `lost_for` is how long ago it was lost by a clock that
/// nobody sets: the wall clock may have jumped.
pub fn weigh_absence(
    attempt: &Attempt,
    times: &RouteTimes,
    lost_for: SignedDuration,
    now: Timestamp,
) -> Absence {
    let Some(create) = times.create else { return Absence::Proven };
    let arrives_within = create + MARGIN;
    let has_arrived = lost_for >= arrives_within && now >= attempt.lost_since() + arrives_within;
    let seen_again = attempt.absent_since.map(|first| first + MARGIN);
    match seen_again {
        Some(moment) if now >= moment && has_arrived => Absence::Proven,
        // It is looked for in between as well: what is found early is not waited for.
        _ => Absence::LookAgainAt(now + MARGIN),
    }
}

/// Says how long a job waits for the lost submit of its open attempt, and what it does then. `times` are those of the
/// routes of the plan, by place.
pub fn patience(
    record: &JobRecord,
    attempt: &Attempt,
    plan: &Plan,
    policy: &Policy,
    times: impl Fn(usize) -> RouteTimes,
) -> Patience {
    let (lost, here) = (attempt.lost_since(), times(attempt.route));
    let setting = setting(policy, attempt, plan);
    let over = |why: String| Patience { until: lost + here.longest, route: None, why };
    let OnUnknownSubmit::ContinueAfter(asked) = policy.on_unknown_submit else {
        return over(format!(
            "{setting} is \"hold\": nothing else is tried until it is known what became of it; if that is \
             not known after {:#}, when a render would be over, the job fails",
            whole_seconds(here.longest)
        ));
    };
    // It counts as a try from now on: it may be on the bill.
    let counts_already = u32::from(!attempt.was_interrupted());
    if record.spent_attempts().saturating_sub(counts_already) + 1 >= policy.max_attempts {
        let most = policy.max_attempts;
        return over(format!("the job has had all of its {most} attempts, so it is waited for"));
    }
    let next_place = record.next_place(attempt.route, plan, policy);
    let (next, room_at) = (next_place.map(|(place, _)| place), next_place.and_then(|(_, at)| at));
    if next.is_none() && record.losses_at(attempt.route) >= MOST_TRIES {
        return over(LOST_TOO_OFTEN.to_owned());
    }
    let route = next.unwrap_or(attempt.route);
    let since = record.trying_since().unwrap_or(lost);
    let reserve = (policy.deadline - times(route).usual).max(policy.deadline / 2);
    let (latest, end) = (since + reserve, since + policy.deadline);
    if lost > end {
        return over("the time for further attempts is over, so it is waited for".to_owned());
    }
    let usual = here.usual.max(here.create.unwrap_or_default() + MARGIN) + MARGIN;
    let least = lost + here.least_wait();
    let wanted = (lost + asked.unwrap_or(usual)).max(room_at.unwrap_or(lost));
    let until = match next {
        // It begins before the deadline in any case.
        Some(_) => wanted.min(latest.max(least)).min(end - MARGIN).max(lost),
        None if wanted.max(least) <= latest => wanted.max(least),
        None => {
            let until = (lost + here.longest).min(end).max(least);
            let why = format!(
                "another attempt at the same route does not fit into the deadline of {:#} any more, and no other route \
                 is left, so it is waited for",
                whole_seconds(policy.deadline)
            );
            return Patience { until, route: None, why };
        }
    };
    let what = if next.is_some() { "the next route" } else { "the same route" };
    let wait = whole_seconds(until.duration_since(lost));
    let because = match asked {
        _ if until < wanted => {
            let deadline = whole_seconds(policy.deadline);
            format!("so that {what} still fits into the deadline of {deadline:#}")
        }
        _ if until > wanted => "the least time after which a lost submit is repeated".to_owned(),
        Some(_) => format!("as {setting} says"),
        None => "the time that the route usually takes, and a margin".to_owned(),
    };
    let why = format!(
        "{setting} is \"continue_after\": after {wait:#} ({because}) {what} is tried, and this attempt \
         counts as possibly billed until it is disproved"
    );
    Patience { until, route: Some(route), why }
}

/// Where it is set, for people.
fn setting(policy: &Policy, attempt: &Attempt, plan: &Plan) -> String {
    match plan.at(attempt.route).filter(|_| policy.is_account_override) {
        Some(planned) => format!("accounts.{}.on_unknown_submit", planned.route.account),
        None => "policy.on_unknown_submit".to_owned(),
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

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const TIMES: RouteTimes = RouteTimes {
        create: Some(SignedDuration::from_mins(2)),
        usual: SignedDuration::from_mins(3),
        longest: SignedDuration::from_hours(1),
    };

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    fn an_attempt() -> Attempt {
        let (plan, policy) = (a_plan_of(1), Policy::default());
        let begun = Event::Begun { route: 0 };
        let record = advance(&JobRecord::default(), &begun, &plan, &policy, NOON).unwrap().record;
        record.open_attempt().unwrap().clone()
    }

    /// What is made of a submit that was lost this long after the first attempt began.
    fn lost_after(passed: SignedDuration, routes: usize, asked: Option<i64>) -> Patience {
        let policy = Policy {
            on_unknown_submit: OnUnknownSubmit::ContinueAfter(asked.map(minutes)),
            ..Policy::default()
        };
        let plan = a_plan_of(routes);
        let broke = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it broke");
        let gone = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
        let events = [
            (NOON, Event::Begun { route: 0 }),
            (NOON, Event::AttemptFailed { fault: broke }),
            (NOON + passed, Event::Begun { route: 0 }),
            (NOON + passed, Event::SubmitLost { fault: gone, policy: None }),
        ];
        let record = events.iter().fold(JobRecord::default(), |record, (at, event)| {
            advance(&record, event, &plan, &policy, *at).unwrap().record
        });
        patience(&record, record.open_attempt().unwrap(), &plan, &policy, |_| TIMES)
    }

    #[test]
    fn a_submit_lost_late_is_not_made_again_at_the_only_route_and_is_waited_for_until_the_deadline()
    {
        let patience = lost_after(minutes(28), 1, None);

        assert_eq!((patience.until, patience.route), (NOON + minutes(31), None));
        assert!(patience.why.contains("no other route"), "{}", patience.why);
        let early = lost_after(minutes(5), 1, None);
        assert_eq!((early.until, early.route), (NOON + minutes(9), Some(0)));
    }

    #[test]
    fn a_wait_that_its_owner_wants_shorter_is_never_too_short_to_believe_an_absence_at_the_same_route()
     {
        let patience = lost_after(minutes(5), 1, Some(0));

        assert_eq!((patience.until, patience.route), (NOON + minutes(8), Some(0)));
        let elsewhere = lost_after(minutes(5), 2, Some(0));
        assert_eq!((elsewhere.until, elsewhere.route), (NOON + minutes(5), Some(1)));
    }

    #[test]
    fn an_absence_is_believed_only_when_the_time_has_passed_by_both_clocks() {
        let lost = Attempt { lost_at: Some(NOON), ..an_attempt() };
        let seen = Attempt { absent_since: Some(NOON), ..lost };
        let weigh = |passed, by_wall| {
            weigh_absence(&seen, &TIMES, minutes(passed), NOON + minutes(by_wall))
        };

        assert_eq!(weigh(3, 3), Absence::Proven);
        assert!(matches!(weigh(2, 8), Absence::LookAgainAt(_)), "the wall clock was set ahead");
        assert!(matches!(weigh(8, 2), Absence::LookAgainAt(_)), "it was set back");
    }

    #[test]
    fn a_submit_that_a_crash_interrupted_is_not_made_again_at_once_at_a_route_that_was_busy_before()
    {
        let policy = Policy {
            on_unknown_submit: OnUnknownSubmit::ContinueAfter(Some(SignedDuration::ZERO)),
            ..Policy::default()
        };
        let plan = a_plan_of(1);
        let busy = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "no room")
            .after(Some(SignedDuration::from_secs(1)));
        let crash = Fault::new(FaultKind::Lost, FaultSource::Gateway, "the process was stopped");
        let events = [
            (NOON, Event::Begun { route: 0 }),
            (NOON, Event::AttemptFailed { fault: busy }),
            (NOON + minutes(1), Event::Begun { route: 0 }),
            (NOON + minutes(1), Event::SubmitLost { fault: crash, policy: None }),
        ];
        let record = events.iter().fold(JobRecord::default(), |record, (at, event)| {
            advance(&record, event, &plan, &policy, *at).unwrap().record
        });
        let patience = patience(&record, record.open_attempt().unwrap(), &plan, &policy, |_| TIMES);

        assert_eq!((patience.until, patience.route), (NOON + minutes(4), Some(0)));
    }

    #[test]
    fn a_submit_lost_late_is_looked_for_and_another_route_is_tried_before_the_deadline() {
        let patience = lost_after(minutes(26), 2, None);

        assert_eq!((patience.until, patience.route), (NOON + minutes(29), Some(1)));
        let at_the_end = lost_after(minutes(30), 2, None);
        assert_eq!((at_the_end.until, at_the_end.route), (NOON + minutes(30), Some(1)));
    }
}
