//! Where a job goes next that has no attempt under way: the routes that are worth a try, and from when on.
//!
//! A route that only had no room costs nothing and may have room later. So it is never given up for that: the other
//! routes come first, then the one that may have room soonest, again and again, with pauses that grow, until the time
//! for the job is over. Only what a provider took, or refused for a reason of its own, counts as an attempt.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::{Situation, lost_submit};
use crate::{
    fault::{Cause, Fault, FaultKind, FaultSource},
    job::{Attempt, Hold, HoldKind},
    plan::{Planned, Route},
    policy::{OnBusy, OnModeration, OnUnknownSubmit, Policy},
};

/// A route that had room for the request is tried no more often than this.
pub(super) const MOST_TRIES: usize = 2;

/// A route that the next attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Its place in the plan.
    pub place: usize,
    /// From when on; at once where there is none.
    pub at: Option<Timestamp>,
}

/// The routes that the next attempt may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRoutes {
    /// The routes, best first. The first is the one that the job would go to if each had room; the others stand in
    /// for it while it has none.
    pub openings: Vec<Opening>,
    /// What the job waits for until the first of them opens, if it has to wait.
    pub hold: Option<Hold>,
}

/// What the attempts so far say of a route.
enum Standing {
    /// Worth a try now.
    Open,
    /// It had no room, and may have some then.
    Busy { until: Timestamp },
    /// It would come to nothing, or to the same bill again.
    Closed,
}

impl Situation<'_> {
    /// The routes that the next attempt of a job may take that has none under way.
    ///
    /// # Errors
    ///
    /// The fault with which the job ends, when there is none.
    pub(super) fn next_routes(&self) -> Result<NextRoutes, Fault> {
        let Some(last) = self.record.last_ended() else {
            let first = Opening { place: 0, at: None };
            return Ok(NextRoutes { openings: self.with_others(first), hold: None });
        };
        let fault = last.fault.clone().unwrap_or_else(Fault::interrupted);
        let Some(first) = self.remedy(last, &fault) else { return Err(fault) };
        let first = self.in_time(last, first);
        let waits = first.at.filter(|at| last.ended_at.is_none_or(|ended| *at > ended));
        let kind = if is_our_disk(&fault) { HoldKind::Storage } else { HoldKind::Pause };
        let hold = waits.map(|at| Hold { kind, until: Some(at), reason: fault.message.clone() });
        Ok(NextRoutes { openings: self.with_others(first), hold })
    }

    /// The remedy that fits the fault of the last attempt: another one at the same route, later or elsewhere.
    fn remedy(&self, last: &Attempt, fault: &Fault) -> Option<Opening> {
        let here = self.plan.place_of(&last.planned.route)?;
        let after = |pause| Opening { place: here, at: last.ended_at.map(|ended| ended + pause) };
        if last.was_interrupted() {
            let may_go_on = self.record.interruptions() < Policy::MAX_INTERRUPTIONS;
            return may_go_on.then_some(Opening { place: here, at: None });
        }
        if self.record.spent_attempts() >= self.policy.max_attempts {
            return None;
        }
        if is_our_disk(fault) {
            // Another provider would not find more room on our disk.
            return Some(after(self.policy.retry_delay));
        }
        if last.is_in_doubt() && last.accepted_at.is_none() {
            return self.after_lost_submit(last, here);
        }
        let next_place = self.next_place(here);
        let asked = fault.retry_after.map(|pause| within_deadline(pause, self.policy));
        let is_long = asked.is_some_and(|pause| pause > Policy::LONG_PAUSE);
        // It had all its time there, and may be on the bill.
        let is_slow = fault.kind == FaultKind::Timeout && last.accepted_at.is_some();
        match fault.kind.cause() {
            // It may still come, and two of them would be billed.
            _ if last.is_in_doubt() => next_place,
            // The same route would make the same file again, and be paid again.
            _ if fault.kind == FaultKind::Malformed => next_place,
            // Nothing could be learnt of it there, and nothing would be of the next one.
            _ if is_slow && fault.source == FaultSource::Network => next_place,
            Some(Cause::ContentModeration) if self.policy.on_moderation == OnModeration::Fail => {
                None
            }
            Some(Cause::RuntimeError | Cause::DependencyTimeout) | None
                if self.failures_at(&last.planned.route) < MOST_TRIES =>
            {
                let again = after(asked.unwrap_or(self.policy.retry_delay));
                Some(next_place.filter(|_| is_long || is_slow).unwrap_or(again))
            }
            _ => next_place,
        }
    }

    /// Where a job goes that does not wait any longer for a lost submit, which may be billed.
    fn after_lost_submit(&self, last: &Attempt, here: usize) -> Option<Opening> {
        let policy = self.world.policy_at(last, self.plan, self.policy);
        if policy.on_unknown_submit == OnUnknownSubmit::Hold {
            return None;
        }
        let again = || {
            let from = lost_submit::same_route_from(self, last)?;
            Some(Opening { place: here, at: Some(from) })
        };
        self.next_place(here).or_else(again)
    }

    /// Whoever would wait beyond the deadline goes to another route at once, where there is one.
    fn in_time(&self, last: &Attempt, first: Opening) -> Opening {
        let end = self.record.trying_since().map(|since| since + self.policy.deadline);
        let is_late = end.zip(first.at).is_some_and(|(end, at)| at > end);
        let here = self.plan.place_of(&last.planned.route).filter(|_| is_late);
        let next = here.and_then(|here| self.next_open_place(here));
        next.map_or(first, |place| Opening { place, at: None })
    }

    /// The first choice, and the routes of the same standing that may stand in for it, in the order of the plan: while
    /// it has no free slot, another one may have.
    fn with_others(&self, first: Opening) -> Vec<Opening> {
        let mut openings = vec![first];
        let Some(choice) = self.plan.routes.get(first.place) else { return openings };
        if self.policy.on_busy == OnBusy::Wait {
            return openings;
        }
        let others = self
            .plan
            .routes
            .iter()
            .enumerate()
            .filter(|(place, planned)| *place != first.place && stands_in_for(planned, choice));
        openings.extend(others.filter_map(|(place, _)| {
            let own = match self.standing(place) {
                Standing::Open => None,
                Standing::Busy { until } => Some(until),
                Standing::Closed => return None,
            };
            // `None` is the smallest.
            Some(Opening { place, at: own.max(first.at) })
        }));
        openings
    }

    /// Where the job goes on that leaves `here`: to the next place that is worth a try, else to the one that may have
    /// room soonest, which may be `here`.
    pub(super) fn next_place(&self, here: usize) -> Option<Opening> {
        if let Some(place) = self.next_open_place(here) {
            return Some(Opening { place, at: None });
        }
        let busy = |place| match self.standing(place) {
            Standing::Busy { until } => Some((place, until)),
            Standing::Open | Standing::Closed => None,
        };
        let soonest = (0..self.plan.routes.len())
            .filter_map(busy)
            .max_by_key(|(place, until)| (Reverse(*until), Reverse(*place)));
        soonest.map(|(place, until)| Opening { place, at: Some(until) })
    }

    /// The next place in the plan that is worth a try at once.
    pub(super) fn next_open_place(&self, here: usize) -> Option<usize> {
        let is_open = |place: &usize| matches!(self.standing(*place), Standing::Open);
        (here + 1..self.plan.routes.len()).find(is_open)
    }

    fn standing(&self, place: usize) -> Standing {
        let Some(planned) = self.plan.routes.get(place) else { return Standing::Closed };
        let route = &planned.route;
        let is_barred = self.attempts_at(route).any(Attempt::bars_its_route);
        if is_barred || !self.may_go(planned) {
            return Standing::Closed;
        }
        let Some(last) = self.tries_at(route).last() else { return Standing::Open };
        let Some((fault, ended_at)) = last.fault.as_ref().zip(last.ended_at) else {
            return Standing::Closed;
        };
        match fault.kind.cause() {
            Some(Cause::Capacity) => {
                Standing::Busy { until: ended_at + self.busy_pause(route, fault) }
            }
            Some(Cause::Account | Cause::InvalidRequest) => Standing::Closed,
            _ if self.failures_at(route) < MOST_TRIES => Standing::Open,
            _ => Standing::Closed,
        }
    }

    /// The pause after which a route is asked again that had no room. What it asks for is believed once; whoever says
    /// "at once" again and again is asked at our own pace, which grows.
    fn busy_pause(&self, route: &Route, fault: &Fault) -> SignedDuration {
        let is_busy = |attempt: &&Attempt| {
            attempt.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Overloaded)
        };
        let times = self.tries_at(route).filter(is_busy).count();
        let own = self.policy.retry_delay;
        match (fault.retry_after.map(|pause| within_deadline(pause, self.policy)), times) {
            (Some(asked), 0 | 1) => asked,
            (Some(asked), _) => {
                let doublings = u32::try_from(times - 2).unwrap_or(u32::MAX).min(16);
                let growing = own.saturating_mul(1 << doublings);
                asked.max(growing.min(own.max(Policy::LONG_PAUSE)))
            }
            (None, 0 | 1) => own,
            (None, _) => Policy::LONG_PAUSE,
        }
    }

    /// How often a route failed that had room for the request.
    fn failures_at(&self, route: &Route) -> usize {
        self.tries_at(route).filter(|attempt| !attempt.met_no_room()).count()
    }

    /// How many attempts at a route may be on the bill although no render of theirs is known. One that we interrupted
    /// may be on the bill as well.
    pub(super) fn losses_at(&self, route: &Route) -> usize {
        let is_lost = |attempt: &&Attempt| attempt.accepted_at.is_none() && attempt.may_cost();
        self.attempts_at(route).filter(is_lost).count()
    }

    fn attempts_at(&self, route: &Route) -> impl Iterator<Item = &Attempt> {
        self.record.attempts.iter().filter(move |one| one.planned.route == *route)
    }

    /// The attempts at a route that we did not interrupt.
    fn tries_at(&self, route: &Route) -> impl Iterator<Item = &Attempt> {
        self.attempts_at(route).filter(|one| !one.was_interrupted())
    }

    /// Whether the verdicts on this request leave a route open: the same model at the same provider refuses the same
    /// words and makes the same file again, whatever the account.
    fn may_go(&self, planned: &Planned) -> bool {
        !self.record.attempts.iter().any(|attempt| {
            let is_same = || attempt.planned.is_same_model(planned);
            match attempt.fault.as_ref().map(|fault| fault.kind) {
                Some(FaultKind::RefusedContent) => {
                    self.policy.on_moderation == OnModeration::Fail || is_same()
                }
                Some(FaultKind::Malformed) => is_same(),
                _ => false,
            }
        })
    }
}

/// Whether a route may take a job whose first choice has no free slot: it takes the request no less faithfully, and
/// is no sketch in place of a render.
fn stands_in_for(planned: &Planned, choice: &Planned) -> bool {
    let is_changed = |planned: &Planned| !planned.changes.is_empty();
    (is_changed(choice) || !is_changed(planned)) && (choice.is_free() || !planned.is_free())
}

fn is_our_disk(fault: &Fault) -> bool {
    fault.kind == FaultKind::Storage && fault.source == FaultSource::Gateway
}

fn within_deadline(pause: SignedDuration, policy: &Policy) -> SignedDuration {
    pause.clamp(SignedDuration::ZERO, policy.deadline)
}

#[cfg(test)]
mod tests;
