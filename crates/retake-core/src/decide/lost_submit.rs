//! What is done about a submit whose answer was lost: when an absence is believed, and how long a job waits.
//!
//! A render that is not listed may still be on its way, so an absence is believed only when the create's own time
//! limit and a margin have passed since the answer was lost, and only when it was seen twice. How long a job waits
//! before it goes on although nobody knows is policy. Only times and counts decide here: nothing is asked.

use jiff::{SignedDuration, Timestamp};

use super::{RouteTimes, Situation, World, next_routes::MOST_TRIES};
use crate::{
    job::{Attempt, JobRecord},
    plan::Plan,
    policy::{OnUnknownSubmit, Policy},
    time::whole_seconds,
};

/// Clocks differ, and lists learn late of what was just made.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Why a job waits for a lost submit at the only route that is left.
const LOST_TOO_OFTEN: &str = "as many attempts at this route as it gets may be billed already and no other is left, so it is waited for";

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
    /// Whether it goes on then, and at the same route; nothing where it fails then.
    pub then: Option<GoOn>,
    /// What was chosen and why, for people.
    pub why: String,
}

/// Where a job goes on that does not wait any longer for a lost submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOn {
    /// At another route.
    Elsewhere,
    /// At the same route, since there is no other.
    SameRoute,
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

/// Says how long a job waits for the lost submit of its open attempt, and what it does then.
pub fn patience(
    record: &JobRecord,
    attempt: &Attempt,
    plan: &Plan,
    world: &World,
    policy: &Policy,
) -> Patience {
    let account_policy = world.policy_at(attempt, plan, policy);
    let situation = Situation { record, plan, world, policy: &account_policy };
    situation.patience(attempt)
}

/// From when on the route of a lost submit may be tried again, as the only one that is left: never before an absence
/// could be believed. Nothing where too many attempts there may be billed already, or no time is left.
pub(super) fn same_route_from(situation: &Situation<'_>, attempt: &Attempt) -> Option<Timestamp> {
    let policy = situation.world.policy_at(attempt, situation.plan, situation.policy);
    let OnUnknownSubmit::ContinueAfter(asked) = policy.on_unknown_submit else { return None };
    let here = &situation.world.of_attempt(attempt, situation.plan).times;
    let (lost, since) = (attempt.lost_since(), situation.record.trying_since());
    let from = (lost + asked.unwrap_or(usual_wait(here))).max(lost + here.least_wait());
    let latest = since.unwrap_or(lost) + reserve(&policy, here);
    let is_lost_once = situation.losses_at(&attempt.planned.route) < MOST_TRIES;
    (is_lost_once && from <= latest).then_some(from)
}

/// The time that a route usually takes, and a margin.
fn usual_wait(times: &RouteTimes) -> SignedDuration {
    times.usual.max(times.create.unwrap_or_default() + MARGIN) + MARGIN
}

/// How long after the first attempt another one may begin at a route that still has its usual time before the deadline.
pub(super) fn reserve(policy: &Policy, times: &RouteTimes) -> SignedDuration {
    (policy.deadline - times.usual).max(policy.deadline / 2)
}

impl Situation<'_> {
    fn patience(&self, attempt: &Attempt) -> Patience {
        let (lost, here) = (attempt.lost_since(), self.world.of_attempt(attempt, self.plan).times);
        let setting = setting(self.policy, attempt);
        let over = |why: String| Patience { until: lost + here.longest, then: None, why };
        let OnUnknownSubmit::ContinueAfter(asked) = self.policy.on_unknown_submit else {
            return over(format!(
                "{setting} is \"hold\": nothing else is tried until it is known what became of it; if that is \
                 not known after {:#}, when a render would be over, the job fails",
                whole_seconds(here.longest)
            ));
        };
        // It counts as a try from now on: it may be on the bill.
        let counts_already = u32::from(!attempt.was_interrupted());
        let most = self.policy.max_attempts;
        if self.record.spent_attempts().saturating_sub(counts_already) + 1 >= most {
            return over(format!(
                "the job has had all of its {most} attempts, so it is waited for"
            ));
        }
        let place = self.plan.place_of(&attempt.planned.route);
        let next = place.and_then(|place| self.next_place(place));
        if next.is_none() && self.losses_at(&attempt.planned.route) >= MOST_TRIES {
            return over(LOST_TOO_OFTEN.to_owned());
        }
        let since = self.record.trying_since().unwrap_or(lost);
        let end = since + self.policy.deadline;
        if lost > end {
            return over("the time for further attempts is over, so it is waited for".to_owned());
        }
        let Some(next) = next else { return self.patience_for_same_route(attempt, &setting, end) };
        let latest = since + reserve(self.policy, &self.world.at(next.place).times);
        let wanted = (lost + asked.unwrap_or(usual_wait(&here))).max(next.at.unwrap_or(lost));
        // It begins before the deadline in any case.
        let latest = latest.max(lost + here.least_wait());
        let until = wanted.min(latest).min(end - MARGIN).max(lost);
        let why = self.why_until(&setting, "the next route", (lost, wanted, until), asked);
        Patience { until, then: Some(GoOn::Elsewhere), why }
    }

    fn patience_for_same_route(
        &self,
        attempt: &Attempt,
        setting: &str,
        end: Timestamp,
    ) -> Patience {
        let (lost, here) = (attempt.lost_since(), self.world.of_attempt(attempt, self.plan).times);
        let OnUnknownSubmit::ContinueAfter(asked) = self.policy.on_unknown_submit else {
            return Patience { until: end, then: None, why: setting.to_owned() };
        };
        if let Some(until) = same_route_from(self, attempt) {
            let wanted = lost + asked.unwrap_or(usual_wait(&here));
            let why = self.why_until(setting, "the same route", (lost, wanted, until), asked);
            return Patience { until, then: Some(GoOn::SameRoute), why };
        }
        let until = (lost + here.longest).min(end).max(lost + here.least_wait());
        let why = format!(
            "another attempt at the same route does not fit into the deadline of {:#} any more, and no other route \
             is left, so it is waited for",
            whole_seconds(self.policy.deadline)
        );
        Patience { until, then: None, why }
    }

    /// What was chosen and why, for people: when it was lost, until when it was to be waited for, and until when it is.
    fn why_until(
        &self,
        setting: &str,
        what: &str,
        (lost, wanted, until): (Timestamp, Timestamp, Timestamp),
        asked: Option<SignedDuration>,
    ) -> String {
        let wait = whole_seconds(until.duration_since(lost));
        let because = match asked {
            _ if until < wanted => {
                let deadline = whole_seconds(self.policy.deadline);
                format!("so that {what} still fits into the deadline of {deadline:#}")
            }
            _ if until > wanted => {
                "the least time after which a lost submit is repeated".to_owned()
            }
            Some(_) => format!("as {setting} says"),
            None => "the time that the route usually takes, and a margin".to_owned(),
        };
        format!(
            "{setting} is \"continue_after\": after {wait:#} ({because}) {what} is tried, and this attempt \
             counts as possibly billed until it is disproved"
        )
    }
}

/// Where it is set, for people.
fn setting(policy: &Policy, attempt: &Attempt) -> String {
    if policy.is_account_override {
        format!("accounts.{}.on_unknown_submit", attempt.planned.route.account)
    } else {
        "policy.on_unknown_submit".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::{
            Step,
            testing::{NOON, TIMES, a_world, applied, failed, step_with_slots},
        },
        fault::{Fault, FaultKind, FaultSource},
        job::Event,
        plan::tests::a_plan_of,
    };

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    fn lost(kind: FaultKind, source: FaultSource) -> Event {
        let fault = Fault::new(kind, source, "no answer");
        Event::SubmitLost { fault, policy: None, until: None }
    }

    fn continue_after(asked: Option<SignedDuration>) -> Policy {
        Policy { on_unknown_submit: OnUnknownSubmit::ContinueAfter(asked), ..Policy::default() }
    }

    /// A job to which these things happened.
    fn a_record(plan: &Plan, policy: &Policy, events: &[(Timestamp, Event)]) -> JobRecord {
        events.iter().fold(JobRecord::default(), |record, (at, event)| {
            applied(&record, event, plan, policy, *at).record
        })
    }

    fn patience_of(record: &JobRecord, plan: &Plan, policy: &Policy) -> Patience {
        let world = a_world(plan.routes.len(), TIMES);
        patience(record, record.open_attempt().unwrap(), plan, &world, policy)
    }

    fn an_attempt() -> Attempt {
        let record =
            a_record(&a_plan_of(1), &Policy::default(), &[(NOON, Event::Begun { route: 0 })]);
        record.open_attempt().unwrap().clone()
    }

    /// What is made of a submit that was lost this long after the first attempt began: until when it is waited for,
    /// where the job goes on then, and why. The step that follows has to agree.
    fn lost_after(
        passed: SignedDuration,
        routes: usize,
        asked: Option<i64>,
    ) -> (Timestamp, Option<usize>, String) {
        let (plan, policy) = (a_plan_of(routes), continue_after(asked.map(minutes)));
        let record = a_record(
            &plan,
            &policy,
            &[
                (NOON, Event::Begun { route: 0 }),
                (NOON, failed(FaultKind::Runtime, FaultSource::Provider)),
                (NOON + passed, Event::Begun { route: 0 }),
                (NOON + passed, lost(FaultKind::Timeout, FaultSource::Network)),
            ],
        );
        let patience = patience_of(&record, &plan, &policy);
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, "it may be billed");
        let unresolved = Event::Unresolved { fault };
        let next = applied(&record, &unresolved, &plan, &policy, patience.until).record;
        let place = match step_with_slots(&next, &plan, &policy, patience.until) {
            Step::Begin { place } => Some(place),
            Step::Rest => None,
            step => panic!("{step:?}"),
        };
        let expected = patience.then.map(|then| usize::from(then == GoOn::Elsewhere));
        assert_eq!(place, expected, "{}", patience.why);
        (patience.until, place, patience.why)
    }

    #[test]
    fn a_submit_lost_late_is_not_made_again_at_the_only_route_and_is_waited_for_until_the_deadline()
    {
        let (until, place, why) = lost_after(minutes(28), 1, None);

        assert_eq!((until, place), (NOON + minutes(31), None));
        assert!(why.contains("no other route"), "{why}");
        let (until, place, _) = lost_after(minutes(5), 1, None);
        assert_eq!((until, place), (NOON + minutes(9), Some(0)));
    }

    #[test]
    fn a_wait_that_its_owner_wants_shorter_is_never_too_short_to_believe_an_absence_at_the_same_route()
     {
        let (until, place, _) = lost_after(minutes(5), 1, Some(0));

        assert_eq!((until, place), (NOON + minutes(8), Some(0)));
        let (until, place, _) = lost_after(minutes(5), 2, Some(0));
        assert_eq!((until, place), (NOON + minutes(5), Some(1)));
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
        let (plan, policy) = (a_plan_of(1), continue_after(Some(SignedDuration::ZERO)));
        let busy = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "no room")
            .after(Some(SignedDuration::from_secs(1)));
        let record = a_record(
            &plan,
            &policy,
            &[
                (NOON, Event::Begun { route: 0 }),
                (NOON, Event::AttemptFailed { fault: busy }),
                (NOON + minutes(1), Event::Begun { route: 0 }),
                (NOON + minutes(1), lost(FaultKind::Lost, FaultSource::Gateway)),
            ],
        );
        let patience = patience_of(&record, &plan, &policy);

        assert_eq!(patience.until, NOON + minutes(4));
    }

    #[test]
    fn a_submit_lost_late_is_looked_for_and_another_route_is_tried_before_the_deadline() {
        let (until, place, _) = lost_after(minutes(26), 2, None);

        assert_eq!((until, place), (NOON + minutes(29), Some(1)));
        let (until, place, _) = lost_after(minutes(30), 2, None);
        assert_eq!((until, place), (NOON + minutes(30), Some(1)));
    }
}
