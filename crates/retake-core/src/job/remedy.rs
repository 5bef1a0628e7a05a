//! What follows a failed attempt: another one here, later or elsewhere, or the end of the job.
//!
//! A route that only had no room costs nothing and may have room later. So it is never given up for that: the other
//! routes come first, then the one that may have room soonest, again and again, with pauses that grow, until the time
//! for the job is over. Only what a provider took, or refused for a reason of its own, counts as an attempt.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, JobRecord, Settlement};
use crate::{
    fault::{Cause, Fault, FaultKind, FaultSource},
    plan::Plan,
    policy::{OnModeration, Policy},
};

/// A place in the plan that had room for the request is tried no more often than this.
pub(super) const MOST_TRIES: usize = 2;

/// What the attempts so far say of a place in the plan.
enum Standing {
    /// Worth a try now.
    Open,
    /// It had no room, and may have some then.
    Busy { until: Timestamp },
    /// It would come to nothing, or to the same bill again.
    Closed,
}

impl JobRecord {
    /// The remedy that fits the fault: another attempt here, later or elsewhere, or the end.
    pub(super) fn retry_or_end(
        &mut self,
        ended: usize,
        fault: &Fault,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Timestamp {
        let remedy = if self.cancel_requested {
            Some((self.next_route, SignedDuration::ZERO))
        } else {
            self.remedy(ended, fault, plan, policy, now)
        };
        let Some((route, pause)) = remedy else {
            self.end_without_video(fault.clone());
            return now;
        };
        let (route, pause) = self.in_time(ended, route, pause, plan, policy, now);
        self.next_route = route;
        self.hold = (!pause.is_zero()).then(|| fault.message.clone());
        now + pause
    }

    /// Whoever would wait beyond the deadline goes to another route at once, where there is one.
    fn in_time(
        &self,
        ended: usize,
        route: usize,
        pause: SignedDuration,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> (usize, SignedDuration) {
        let end = self.trying_since().map(|since| since + policy.deadline);
        let too_late = end.is_some_and(|end| now <= end && now + pause > end);
        let here = self.attempts.get(ended).map_or(0, |attempt| attempt.route);
        match self.next_open_place(here, plan, policy) {
            Some(next) if too_late => (next, SignedDuration::ZERO),
            _ => (route, pause),
        }
    }

    fn remedy(
        &self,
        ended: usize,
        fault: &Fault,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<(usize, SignedDuration)> {
        let attempt = self.attempts.get(ended)?;
        let here = attempt.route;
        if attempt.was_interrupted() {
            let again = (here, SignedDuration::ZERO);
            return (self.interruptions() < Policy::MAX_INTERRUPTIONS).then_some(again);
        }
        if self.spent_attempts() >= policy.max_attempts {
            return None;
        }
        if fault.kind == FaultKind::Storage && fault.source == FaultSource::Gateway {
            // Another provider would not find more room on our disk.
            return Some((here, policy.retry_delay));
        }
        let next_place = self.next_place(here, plan, policy).map(|(place, at)| {
            let pause = at.map_or(SignedDuration::ZERO, |at| at.duration_since(now));
            (place, pause.max(SignedDuration::ZERO))
        });
        let asked = fault.retry_after.map(|pause| within_deadline(pause, policy));
        let is_long = asked.is_some_and(|pause| pause > Policy::LONG_PAUSE);
        // It had all its time there, and may be on the bill.
        let is_slow = fault.kind == FaultKind::Timeout && attempt.accepted_at.is_some();
        match fault.kind.cause() {
            // It may still come, and two of them would be billed.
            _ if attempt.settlement == Some(Settlement::Pending) => next_place,
            // The same route would make the same file again, and be paid again.
            _ if fault.kind == FaultKind::Malformed => next_place,
            // Nothing could be learnt of it there, and nothing would be of the next one.
            _ if is_slow && fault.source == FaultSource::Network => next_place,
            Some(Cause::ContentModeration) if policy.on_moderation == OnModeration::Fail => None,
            Some(Cause::RuntimeError | Cause::DependencyTimeout) | None
                if self.failures_at(here) < MOST_TRIES =>
            {
                let again = (here, asked.unwrap_or(policy.retry_delay));
                Some(next_place.filter(|_| is_long || is_slow).unwrap_or(again))
            }
            _ => next_place,
        }
    }

    /// Where the job goes on that leaves `here`, and when, if not at once: to the next place that is worth a try, else
    /// to the one that may have room soonest, which may be `here`.
    pub(super) fn next_place(
        &self,
        here: usize,
        plan: &Plan,
        policy: &Policy,
    ) -> Option<(usize, Option<Timestamp>)> {
        if let Some(next) = self.next_open_place(here, plan, policy) {
            return Some((next, None));
        }
        let busy = |place| match self.standing(place, plan, policy) {
            Standing::Busy { until } => Some((place, until)),
            Standing::Open | Standing::Closed => None,
        };
        let soonest = (0..plan.routes.len()).filter_map(busy).min_by_key(|(_, until)| *until);
        soonest.map(|(place, until)| (place, Some(until)))
    }

    /// The next place in the plan that is worth a try at once.
    pub(super) fn next_open_place(
        &self,
        here: usize,
        plan: &Plan,
        policy: &Policy,
    ) -> Option<usize> {
        let is_open = |place: &usize| matches!(self.standing(*place, plan, policy), Standing::Open);
        (here + 1..plan.routes.len()).find(is_open)
    }

    fn standing(&self, place: usize, plan: &Plan, policy: &Policy) -> Standing {
        if !self.may_go(place, plan, policy) {
            return Standing::Closed;
        }
        if self.attempts.iter().any(|attempt| attempt.route == place && attempt.bars_its_place()) {
            return Standing::Closed;
        }
        let Some(last) = self.tries_at(place).last() else { return Standing::Open };
        let Some((fault, ended_at)) = last.fault.as_ref().zip(last.ended_at) else {
            return Standing::Closed;
        };
        match fault.kind.cause() {
            Some(Cause::Capacity) => {
                Standing::Busy { until: ended_at + self.busy_pause(place, fault, policy) }
            }
            Some(Cause::Account | Cause::InvalidRequest) => Standing::Closed,
            _ if self.failures_at(place) < MOST_TRIES => Standing::Open,
            _ => Standing::Closed,
        }
    }

    /// The pause after which a place is asked again that had no room. What it asks for is believed once; whoever says
    /// "at once" again and again is asked at our own pace, which grows.
    fn busy_pause(&self, place: usize, fault: &Fault, policy: &Policy) -> SignedDuration {
        let is_busy = |attempt: &&Attempt| {
            attempt.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Overloaded)
        };
        let times = self.tries_at(place).filter(is_busy).count();
        let longest = policy.retry_delay.max(Policy::LONG_PAUSE);
        match (fault.retry_after.map(|pause| within_deadline(pause, policy)), times) {
            (Some(asked), 0 | 1) => asked,
            (Some(asked), _) => {
                let doublings = u32::try_from(times - 2).unwrap_or(u32::MAX).min(16);
                let growing = policy.retry_delay.saturating_mul(1 << doublings);
                asked.max(growing.min(longest))
            }
            (None, 0 | 1) => policy.retry_delay,
            (None, _) => Policy::LONG_PAUSE,
        }
    }

    /// How often a place failed that had room for the request.
    fn failures_at(&self, place: usize) -> usize {
        self.tries_at(place).filter(|attempt| !attempt.met_no_room()).count()
    }

    /// How many attempts at a place may be on the bill although no render of theirs is known.
    pub(super) fn losses_at(&self, place: usize) -> usize {
        let is_lost = |attempt: &&Attempt| {
            attempt.route == place && attempt.accepted_at.is_none() && attempt.may_cost()
        };
        // One that we interrupted may be on the bill as well.
        self.attempts.iter().filter(is_lost).count()
    }

    /// The attempts at a place in the plan that we did not interrupt.
    fn tries_at(&self, place: usize) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |one| one.route == place && !one.was_interrupted())
    }

    /// Whether the verdicts on this request leave a place in the plan open: the same model at the same provider
    /// refuses the same words and makes the same file again, whatever the account.
    fn may_go(&self, place: usize, plan: &Plan, policy: &Policy) -> bool {
        let Some(planned) = plan.routes.get(place) else { return false };
        !self.attempts.iter().any(|attempt| {
            let is_same = || plan.at(attempt.route).is_some_and(|it| it.is_same_model(planned));
            match attempt.fault.as_ref().map(|fault| fault.kind) {
                Some(FaultKind::RefusedContent) => {
                    policy.on_moderation == OnModeration::Fail || is_same()
                }
                Some(FaultKind::Malformed) => is_same(),
                _ => false,
            }
        })
    }
}

fn within_deadline(pause: SignedDuration, policy: &Policy) -> SignedDuration {
    pause.clamp(SignedDuration::ZERO, policy.deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        job::{Advanced, Event, JobState, advance},
        plan::tests::a_plan_of,
        step::{Step, decide},
    };

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn after(plan: &Plan, events: &[Event]) -> Advanced {
        let start = Advanced { record: JobRecord::default(), due: Some(NOON) };
        events.iter().fold(start, |at, event| {
            advance(&at.record, event, plan, &Policy::default(), NOON).unwrap()
        })
    }

    fn rendering() -> Vec<Event> {
        vec![Event::Begun { route: 0 }, Event::Accepted { remote_id: "r-1".into() }]
    }

    fn failed(kind: FaultKind, source: FaultSource) -> Event {
        Event::AttemptFailed { fault: Fault::new(kind, source, "it broke") }
    }

    /// A submit to a place that is turned away, with the pause in seconds that was asked for.
    fn refused(route: usize, kind: FaultKind, pause: Option<i64>) -> Vec<Event> {
        let fault = Fault::new(kind, FaultSource::Provider, "it was refused")
            .after(pause.map(SignedDuration::from_secs));
        vec![Event::Begun { route }, Event::AttemptFailed { fault }]
    }

    /// Where the job goes on, and after how many seconds; nothing where it ends.
    fn goes_on(next: &Advanced) -> Option<(usize, i64)> {
        Some((next.record.next_route, next.due?.duration_since(NOON).as_secs()))
    }

    #[test]
    fn routes_without_room_are_asked_in_rounds_with_growing_pauses_until_the_deadline_and_cost_no_attempts()
     {
        let (plan, policy) = (a_plan_of(3), Policy::default());
        let (mut record, mut now, mut rounds) = (JobRecord::default(), NOON, Vec::new());
        let mut places = Vec::new();
        while let Step::Begin { route } = decide(&record, &policy, now) {
            places.push(route);
            if route == 0 {
                rounds.push(now.duration_since(NOON).as_secs());
            }
            for event in refused(route, FaultKind::Overloaded, Some(0)) {
                let next = advance(&record, &event, &plan, &policy, now).unwrap();
                (record, now) = (next.record, next.due.unwrap_or(now));
            }
            assert_eq!(record.spent_attempts(), 0);
        }

        // "At once" is believed once, and then they are asked at our own pace.
        assert_eq!(rounds, [0, 0, 30, 90, 210, 450, 750, 1050, 1350, 1650]);
        assert_eq!(places, [0, 1, 2].repeat(10));
        assert_eq!(decide(&record, &policy, now), Step::GiveUp);
    }

    #[test]
    fn a_route_that_had_no_room_before_has_its_retry_all_the_same() {
        let busy = || refused(0, FaultKind::Overloaded, None);
        let broke = || refused(0, FaultKind::Runtime, None);
        let next = |events: &[Vec<Event>]| goes_on(&after(&a_plan_of(2), &events.concat()));

        assert_eq!(next(&[busy(), busy(), busy(), broke()]), Some((0, 30)));
        assert_eq!(next(&[busy(), broke(), busy(), broke()]), Some((1, 0)));
    }

    #[test]
    fn a_place_whose_render_had_all_its_time_is_not_bought_at_again_after_the_others() {
        for source in [FaultSource::Provider, FaultSource::Network] {
            let slow = vec![failed(FaultKind::Timeout, source)];
            let busy = |route| refused(route, FaultKind::Overloaded, None);
            let events = [rendering(), slow, busy(1), busy(2)].concat();
            let next = goes_on(&after(&a_plan_of(3), &events)).unwrap();
            assert_eq!(next, (1, 30));
        }
    }

    #[test]
    fn a_render_that_goes_on_after_it_was_given_up_is_never_bought_again_at_the_same_place() {
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Provider, "it was given up");
        let events = [rendering(), vec![Event::RenderGivenUp { fault, goes_on: true }]].concat();
        let next = |routes| after(&a_plan_of(routes), &events);

        assert_eq!(goes_on(&next(2)), Some((1, 0)));
        assert_eq!(goes_on(&next(1)), None);
        assert_eq!(next(2).record.attempts[0].settlement, Some(Settlement::Pending));
    }

    #[test]
    fn a_job_goes_back_to_the_route_that_was_only_busy() {
        let busy = |route, pause| refused(route, FaultKind::Overloaded, pause);
        let (auth, quota, wrong) = (FaultKind::Auth, FaultKind::Quota, FaultKind::BadRequest);
        let broken = [refused(1, FaultKind::Runtime, None), refused(1, FaultKind::Runtime, None)];
        let late = Event::AttemptFailed {
            fault: Fault::new(FaultKind::Malformed, FaultSource::Provider, "another size"),
        };
        let differs =
            vec![Event::Begun { route: 1 }, Event::Accepted { remote_id: "r".into() }, late];

        for (what, then, expected) in [
            ("busy too", busy(1, None), Some((0, 30))),
            ("asked for less", busy(1, Some(5)), Some((1, 5))),
            ("no key", refused(1, auth, None), Some((0, 30))),
            ("no money", refused(1, quota, None), Some((0, 30))),
            ("a bad request", refused(1, wrong, None), Some((0, 30))),
            ("broken twice", broken.concat(), Some((0, 30))),
            ("another file", differs, Some((0, 30))),
        ] {
            let next = after(&a_plan_of(2), &[busy(0, None), then].concat());
            assert_eq!(goes_on(&next), expected, "{what}");
        }
        let asked = [busy(0, Some(90)), refused(1, auth, None)].concat();
        assert_eq!(goes_on(&after(&a_plan_of(2), &asked)), Some((0, 90)));
        let ended = [refused(0, wrong, None), refused(1, auth, None)].concat();
        assert_eq!(goes_on(&after(&a_plan_of(2), &ended)), None);
        // Whoever has no money is not asked again after that.
        let again = [busy(0, None), refused(1, auth, None), busy(0, None)].concat();
        assert_eq!(goes_on(&after(&a_plan_of(2), &again)), Some((0, 300)));
    }

    #[test]
    fn a_busy_route_that_says_come_back_at_once_is_asked_at_our_own_pace_the_next_time() {
        let busy = || refused(0, FaultKind::Overloaded, Some(0));

        assert_eq!(goes_on(&after(&a_plan_of(1), &busy())), Some((0, 0)));
        assert_eq!(goes_on(&after(&a_plan_of(1), &[busy(), busy()].concat())), Some((0, 30)));
    }

    #[test]
    fn a_render_that_had_all_its_time_goes_to_another_route_where_there_is_one() {
        let slow = failed(FaultKind::Timeout, FaultSource::Provider);
        let next = |routes| after(&a_plan_of(routes), &[rendering(), vec![slow.clone()]].concat());

        assert_eq!(goes_on(&next(2)), Some((1, 0)));
        assert_eq!(goes_on(&next(1)), Some((0, 30)));
    }

    #[test]
    fn a_render_of_which_nothing_could_be_learnt_is_never_bought_again_on_the_same_route() {
        let unheard = failed(FaultKind::Timeout, FaultSource::Network);
        let next =
            |routes| after(&a_plan_of(routes), &[rendering(), vec![unheard.clone()]].concat());

        assert_eq!(goes_on(&next(2)), Some((1, 0)));
        assert_eq!(goes_on(&next(1)), None);
        // A submit that never left is another matter.
        let unsent = [vec![Event::Begun { route: 0 }], vec![unheard]].concat();
        assert_eq!(goes_on(&after(&a_plan_of(1), &unsent)), Some((0, 30)));
    }

    #[test]
    fn a_file_that_differs_is_never_bought_again_of_the_same_model_whatever_the_account() {
        let differs = failed(FaultKind::Malformed, FaultSource::Provider);
        let events = [rendering(), vec![Event::Rendered, differs]].concat();
        let next = |providers: &[&str]| {
            let mut plan = a_plan_of(providers.len());
            for (planned, provider) in plan.routes.iter_mut().zip(providers) {
                planned.provider = (*provider).to_owned();
            }
            goes_on(&after(&plan, &events))
        };

        assert_eq!(next(&["luma", "runway"]), Some((1, 0)));
        assert_eq!(next(&["luma", "luma", "runway"]), Some((2, 0)));
        assert_eq!(next(&["luma", "luma"]), None);
        assert_eq!(next(&["luma"]), None);
    }

    #[test]
    fn refused_content_is_never_retried_unchanged_where_it_was_refused() {
        let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
        let next = after(&a_plan_of(1), &[rendering(), vec![refused]].concat());

        assert!(matches!(next.record.state, JobState::Failed(_)));
    }

    fn moderated_under(on_moderation: OnModeration, providers: &[&str]) -> Advanced {
        let mut plan = a_plan_of(providers.len());
        for (planned, provider) in plan.routes.iter_mut().zip(providers) {
            planned.provider = (*provider).to_owned();
        }
        let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
        let policy = Policy { on_moderation, ..Policy::default() };
        let start = Advanced { record: JobRecord::default(), due: Some(NOON) };
        [rendering(), vec![refused]]
            .concat()
            .iter()
            .fold(start, |at, event| advance(&at.record, event, &plan, &policy, NOON).unwrap())
    }

    #[test]
    fn a_moderated_prompt_goes_to_nobody_else_unless_its_owner_says_so() {
        let ended = moderated_under(OnModeration::Fail, &["runway", "luma"]);
        assert!(matches!(ended.record.state, JobState::Failed(_)));

        let next = moderated_under(OnModeration::Switch, &["runway", "luma"]);
        assert_eq!((next.record.next_route, next.due), (1, Some(NOON)));
    }

    #[test]
    fn a_moderated_prompt_never_goes_to_another_account_of_the_same_provider_and_model() {
        let next = moderated_under(OnModeration::Switch, &["runway", "runway", "luma"]);
        assert_eq!(next.record.next_route, 2);

        let ended = moderated_under(OnModeration::Switch, &["runway", "runway"]);
        assert!(matches!(ended.record.state, JobState::Failed(_)));
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
        let next = after(&a_plan_of(2), &[rendering(), vec![broke(tomorrow)]].concat());
        assert_eq!((next.record.next_route, next.due), (1, Some(NOON)));

        let (plan, policy) = (a_plan_of(2), Policy::default());
        let taken = after(&plan, &rendering()).record;
        let late = NOON + policy.deadline - SignedDuration::from_secs(1);
        let next = advance(&taken, &broke(None), &plan, &policy, late).unwrap();
        assert_eq!((next.record.next_route, next.due), (1, Some(late)));
    }
}
