//! What is done about a submit whose answer was lost: when an absence is believed, and how long a job waits.
//!
//! A render that is not listed may still be on its way, so an absence is believed only when the create's own time
//! limit and a margin have passed since the answer was lost, and only when it was seen twice. How long a job waits
//! before it goes on although nobody knows is policy. Only times and counts decide here: nothing is asked.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, Life};
use crate::{
    plan::Plan,
    policy::{OnUnknownSubmit, Policy},
};

/// Clocks differ, and lists learn late of what was just made.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

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

/// Says what it means that a lost submit is not listed at `now`.
pub fn weigh_absence(attempt: &Attempt, times: &RouteTimes, now: Timestamp) -> Absence {
    let Some(create) = times.create else { return Absence::Proven };
    let arrived_by = attempt.lost_since() + create + MARGIN;
    let seen_again = attempt.absent_since.map(|first| first + MARGIN);
    match seen_again {
        Some(moment) if now >= moment && now >= arrived_by => Absence::Proven,
        // It is looked for in between as well: what is found early is not waited for.
        _ => Absence::LookAgainAt(now + MARGIN),
    }
}

/// Says how long a job waits for the lost submit of its open attempt, and what it does then. `times` are those of the
/// routes of the plan, by place.
pub fn patience(
    life: &Life,
    attempt: &Attempt,
    plan: &Plan,
    policy: &Policy,
    times: impl Fn(usize) -> RouteTimes,
) -> Patience {
    let (lost, here) = (attempt.lost_since(), times(attempt.route));
    let over = |why: String| Patience { until: lost + here.longest, route: None, why };
    let OnUnknownSubmit::ContinueAfter(asked) = policy.on_unknown_submit else {
        return over(format!(
            "policy.on_unknown_submit is \"hold\": nothing else is tried until it is known what became of it; if that is \
             not known after {:#}, when a render would be over, the job fails",
            here.longest
        ));
    };
    // It counts as a try from now on: it may be on the bill.
    let counts_already = u32::from(!attempt.was_interrupted());
    if life.spent_attempts() - counts_already + 1 >= policy.max_attempts {
        let most = policy.max_attempts;
        return over(format!("the job has had all of its {most} attempts, so it is waited for"));
    }
    let next = life.elsewhere(attempt.route, plan, policy);
    let route = next.unwrap_or(attempt.route);
    let since = life.trying_since().unwrap_or(lost);
    let reserve = (policy.deadline - times(route).usual).max(policy.deadline / 2);
    let (latest, end) = (since + reserve, since + policy.deadline);
    if lost > end {
        return over("the time for further attempts is over, so it is waited for".to_owned());
    }
    let usual = here.usual.max(here.create.unwrap_or_default() + MARGIN) + MARGIN;
    let wanted = lost + asked.unwrap_or(usual);
    let until = wanted.min(latest).max(lost);
    let what = if next.is_some() { "the next route" } else { "the same route" };
    let wait = until.duration_since(lost);
    let because = match asked {
        _ if until < wanted => {
            format!("so that {what} still fits into the deadline of {:#}", policy.deadline)
        }
        Some(_) => "as policy.on_unknown_submit says".to_owned(),
        None => "the time that the route usually takes, and a margin".to_owned(),
    };
    let why = format!(
        "policy.on_unknown_submit is \"continue_after\": after {wait:#} ({because}) {what} is tried, and this attempt \
         counts as possibly billed until it is disproved"
    );
    Patience { until, route: Some(route), why }
}
