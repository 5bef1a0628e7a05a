//! The transition function: the only code that changes a [`Life`].

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, AttemptState, Event, JobState, Life};
use crate::{
    fault::{Cause, Fault, FaultKind, FaultSource},
    plan::Plan,
    policy::Policy,
};

/// A life after something happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The next life.
    pub life: Life,
    /// When there is something to do again; `None` once the job is over.
    pub due: Option<Timestamp>,
}

/// Something was said to have happened that cannot happen in this state, such as a late poll result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {job} with its attempt {attempt} cannot take the event {event:?}")]
pub struct IllegalEvent {
    job: &'static str,
    attempt: &'static str,
    event: Event,
}

/// Decides what a job becomes when `event` happens at `now`.
///
/// # Errors
///
/// [`IllegalEvent`] when the event does not fit the state. The life is unchanged then.
pub fn advance(
    life: &Life,
    event: &Event,
    plan: &Plan,
    policy: &Policy,
    now: Timestamp,
) -> Result<Advanced, IllegalEvent> {
    use AttemptState as A;

    let mut next = life.clone();
    let attempt = life.open_attempt().map(|attempt| attempt.state);
    let at = match (attempt, event) {
        _ if life.state.is_ended() => return Err(illegal(life, event)),
        (None, Event::Begun { route }) if !life.cancel_requested && *route < plan.routes.len() => {
            next.begin(*route, now)
        }
        (Some(A::Intent | A::Unknown), Event::Accepted { remote_id }) => {
            next.accept(remote_id, now)
        }
        (Some(A::Intent), Event::SubmitLost { fault }) => {
            next.lose(fault);
            now
        }
        (Some(A::Submitted), Event::Progressed { percent }) => {
            next.progress_to(*percent);
            now
        }
        (Some(A::Submitted), Event::Noted { note }) => {
            next.remark(note);
            now
        }
        (Some(A::Submitted), Event::Rendered) => {
            next.progress_to(99);
            next.set_attempt(A::Fetching);
            now
        }
        (Some(A::Fetching), Event::FetchFailed { fault }) => {
            match next.wait_for_file(fault, policy) {
                Some(pause) => now + pause,
                None => next.fail(fault, plan, policy, now),
            }
        }
        (Some(A::Fetching), Event::Stored) => {
            next.end_attempt(A::Succeeded, None, now);
            next.end(JobState::Completed);
            now
        }
        (Some(_), Event::AttemptFailed { fault }) => next.fail(fault, plan, policy, now),
        (_, Event::CancelRequested) => {
            next.cancel_requested = true;
            now
        }
        (open, Event::Cancelled) if life.cancel_requested => {
            if open.is_some() {
                next.end_attempt(A::Cancelled, None, now);
            }
            next.end(JobState::Cancelled);
            now
        }
        (None, Event::DeadlinePassed) if !life.attempts.is_empty() => {
            next.end(JobState::Failed(next.last_fault()));
            now
        }
        (_, Event::Broken { fault }) => next.break_off(fault, now),
        _ => return Err(illegal(life, event)),
    };
    let due = (!next.state.is_ended()).then_some(at);
    Ok(Advanced { life: next, due })
}

impl Life {
    fn begin(&mut self, route: usize, now: Timestamp) -> Timestamp {
        self.hold = None;
        self.attempts.push(Attempt {
            number: u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1),
            route,
            state: AttemptState::Intent,
            remote_id: None,
            begun_at: now,
            accepted_at: None,
            ended_at: None,
            progress: 0,
            note: None,
            failed_fetches: 0,
            fault: None,
        });
        now
    }

    fn accept(&mut self, remote_id: &str, now: Timestamp) -> Timestamp {
        self.state = JobState::InProgress;
        self.hold = None;
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.state = AttemptState::Submitted;
            attempt.remote_id = Some(remote_id.to_owned());
            attempt.accepted_at = Some(now);
            attempt.fault = None;
        }
        now
    }

    /// Nobody knows whether the provider took it.
    fn lose(&mut self, fault: &Fault) {
        self.hold = Some(fault.message.clone());
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.state = AttemptState::Unknown;
            attempt.fault = Some(fault.clone());
        }
    }

    /// Keeps the last odd thing that the provider said.
    fn remark(&mut self, note: &str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.note = Some(note.to_owned());
        }
    }

    fn set_attempt(&mut self, state: AttemptState) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.state = state;
        }
    }

    /// Only a kept file makes it 100.
    fn progress_to(&mut self, percent: u8) {
        let percent = percent.min(99);
        self.progress = self.progress.max(percent);
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.progress = attempt.progress.max(percent);
        }
    }

    fn end_attempt(&mut self, state: AttemptState, fault: Option<Fault>, now: Timestamp) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.state = state;
            attempt.ended_at = Some(now);
            attempt.fault = fault.or(attempt.fault.take());
        }
    }

    fn end(&mut self, state: JobState) {
        if state == JobState::Completed {
            self.progress = 100;
        }
        self.hold = None;
        self.state = state;
    }

    /// Ends the job where it stands.
    fn break_off(&mut self, fault: &Fault, now: Timestamp) -> Timestamp {
        if self.open_attempt().is_some() {
            self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        }
        self.end(JobState::Failed(fault.clone()));
        now
    }

    /// A finished render is worth waiting for: the pauses grow, and only its loss ends the attempt. That counts as
    /// certain after a day of trying; what stands in the way on our side does not count.
    fn wait_for_file(&mut self, fault: &Fault, policy: &Policy) -> Option<SignedDuration> {
        self.hold = Some(fault.message.clone());
        let Some(attempt) = self.attempts.last_mut() else { return Some(policy.retry_after) };
        attempt.failed_fetches = attempt.failed_fetches.saturating_add(1);
        if attempt.failed_fetches >= Policy::MAX_FETCHES && fault.source != FaultSource::Us {
            return None;
        }
        let growing = SignedDuration::from_secs(1) * (1 << attempt.failed_fetches.min(8));
        let pause = fault.retry_after.unwrap_or(growing);
        Some(pause.clamp(SignedDuration::ZERO, Policy::LONG_PAUSE))
    }

    /// Ends the attempt, and decides what becomes of the job.
    fn fail(&mut self, fault: &Fault, plan: &Plan, policy: &Policy, now: Timestamp) -> Timestamp {
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        self.retry_or_end(fault, plan, policy, now)
    }

    /// The remedy that fits the fault: another attempt here, later or elsewhere, or the end.
    fn retry_or_end(
        &mut self,
        fault: &Fault,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Timestamp {
        let remedy = if self.cancel_requested {
            Some((self.next_route, SignedDuration::ZERO))
        } else {
            self.remedy(fault, plan, policy)
        };
        let Some((route, pause)) = remedy else {
            self.end(JobState::Failed(fault.clone()));
            return now;
        };
        self.next_route = route;
        self.hold = (!pause.is_zero()).then(|| fault.message.clone());
        now + pause
    }

    fn remedy(
        &self,
        fault: &Fault,
        plan: &Plan,
        policy: &Policy,
    ) -> Option<(usize, SignedDuration)> {
        let here = self.attempts.last()?.route;
        if self.attempts.last()?.was_interrupted() {
            let again = (here, SignedDuration::ZERO);
            return (self.interruptions() < Policy::MAX_INTERRUPTIONS).then_some(again);
        }
        if self.spent_attempts() >= policy.max_attempts {
            return None;
        }
        if fault.kind == FaultKind::Storage && fault.source == FaultSource::Us {
            // Another provider would not find more room on our disk.
            return Some((here, policy.retry_after));
        }
        let elsewhere = (here + 1 < plan.routes.len()).then_some((here + 1, SignedDuration::ZERO));
        let tries_here =
            self.attempts.iter().filter(|a| a.route == here && !a.was_interrupted()).count();
        let asked =
            fault.retry_after.map(|pause| pause.clamp(SignedDuration::ZERO, policy.deadline));
        match fault.kind.cause() {
            Some(Cause::RuntimeError | Cause::DependencyTimeout) | None if tries_here < 2 => {
                Some((here, asked.unwrap_or(policy.retry_after)))
            }
            Some(Cause::Capacity) => match (asked, elsewhere) {
                (Some(pause), None) => Some((here, pause)),
                (_, Some(next)) => Some(next),
                (None, None) if tries_here < 2 => Some((here, policy.retry_after)),
                (None, None) => Some((here, Policy::LONG_PAUSE)),
            },
            _ => elsewhere,
        }
    }

    fn last_fault(&self) -> Fault {
        let last = self.attempts.iter().rev().find_map(|attempt| attempt.fault.clone());
        last.unwrap_or_else(|| {
            Fault::new(FaultKind::Unrecognised, FaultSource::Us, "no attempt could be made in time")
        })
    }
}

fn illegal(life: &Life, event: &Event) -> IllegalEvent {
    IllegalEvent {
        job: life.state.as_str(),
        attempt: life.attempts.last().map_or("not made", |attempt| attempt.state.as_str()),
        event: event.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::a_plan_of;

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn after(plan: &Plan, events: &[Event]) -> Advanced {
        let start = Advanced { life: Life::default(), due: Some(NOON) };
        events.iter().fold(start, |at, event| {
            advance(&at.life, event, plan, &Policy::default(), NOON).unwrap()
        })
    }

    fn rendering() -> Vec<Event> {
        vec![Event::Begun { route: 0 }, Event::Accepted { remote_id: "r-1".into() }]
    }

    fn failed(kind: FaultKind, source: FaultSource) -> Event {
        Event::AttemptFailed { fault: Fault::new(kind, source, "it broke") }
    }

    #[test]
    fn a_render_that_is_stored_completes_its_job() {
        let done =
            after(&a_plan_of(1), &[rendering(), vec![Event::Rendered, Event::Stored]].concat());

        assert_eq!(done.life.state, JobState::Completed);
        assert_eq!((done.life.progress, done.due), (100, None));
    }

    #[test]
    fn a_runtime_error_is_retried_once_on_the_same_route_after_the_pause() {
        let broke = failed(FaultKind::Runtime, FaultSource::Provider);
        let next = after(&a_plan_of(2), &[rendering(), vec![broke]].concat());

        assert_eq!(next.life.next_route, 0);
        assert_eq!(next.due, Some(NOON + SignedDuration::from_secs(30)));
    }

    #[test]
    fn a_second_runtime_error_goes_to_the_next_route() {
        let broke = failed(FaultKind::Runtime, FaultSource::Provider);
        let twice = [rendering(), vec![broke.clone()], rendering(), vec![broke]].concat();
        let next = after(&a_plan_of(2), &twice);

        assert_eq!((next.life.next_route, next.due), (1, Some(NOON)));
    }

    #[test]
    fn refused_content_is_never_retried_unchanged_where_it_was_refused() {
        let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
        let next = after(&a_plan_of(1), &[rendering(), vec![refused]].concat());

        assert!(matches!(next.life.state, JobState::Failed(_)));
    }

    #[test]
    fn our_own_restart_costs_a_job_no_attempt_and_no_wait() {
        let interrupted = Event::AttemptFailed { fault: Fault::interrupted() };
        let mut events = Vec::new();
        for _ in 0..10 {
            events.extend(rendering());
            events.push(interrupted.clone());
        }
        let next = after(&a_plan_of(1), &events);

        assert_eq!((next.life.spent_attempts(), next.due), (0, Some(NOON)));
    }

    #[test]
    fn a_full_disk_of_ours_is_waited_for_and_ends_the_job_when_it_stays_full() {
        let full = failed(FaultKind::Storage, FaultSource::Us);
        let mut events = Vec::new();
        for _ in 0..3 {
            events.extend(rendering());
            events.push(full.clone());
        }
        let waiting = after(&a_plan_of(2), &events);
        assert_eq!(
            (waiting.life.next_route, waiting.due),
            (0, Some(NOON + SignedDuration::from_secs(30)))
        );

        let ended = after(&a_plan_of(2), &[events, rendering(), vec![full]].concat());
        assert!(matches!(ended.life.state, JobState::Failed(_)));
    }

    #[test]
    fn a_failed_download_keeps_the_finished_render() {
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "connection dropped");
        let events = [rendering(), vec![Event::Rendered, Event::FetchFailed { fault }]].concat();
        let next = after(&a_plan_of(1), &events);

        assert_eq!(next.life.open_attempt().unwrap().state, AttemptState::Fetching);
        assert!(next.due.unwrap() > NOON);
    }

    #[test]
    fn a_file_that_cannot_be_fetched_for_a_day_is_lost() {
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "connection dropped");
        let failed = Event::FetchFailed { fault: fault.clone() };
        let ours = Fault::new(FaultKind::Storage, FaultSource::Us, "the disk is full");
        let patience = Policy::MAX_FETCHES as usize;
        let tries =
            |event: Event, count| [rendering(), vec![Event::Rendered], vec![event; count]].concat();

        let waiting = after(&a_plan_of(1), &tries(failed.clone(), patience - 1)).life;
        assert_eq!(waiting.open_attempt().unwrap().state, AttemptState::Fetching);
        let lost = after(&a_plan_of(1), &tries(failed, patience)).life;
        assert!(lost.open_attempt().is_none());
        let full = after(&a_plan_of(1), &tries(Event::FetchFailed { fault: ours }, patience)).life;
        assert_eq!(full.open_attempt().unwrap().state, AttemptState::Fetching);
    }

    #[test]
    fn what_a_provider_refused_is_on_no_bill_and_what_was_lost_may_be() {
        let refused = failed(FaultKind::Auth, FaultSource::Provider);
        let lost = failed(FaultKind::Lost, FaultSource::Provider);
        let begun = Event::Begun { route: 0 };
        let costs = |events: &[Event]| {
            after(&a_plan_of(1), events).life.attempts.first().unwrap().may_cost()
        };

        assert!(!costs(&[begun.clone(), refused.clone()]));
        assert!(costs(&[begun, lost]));
        assert!(costs(&[rendering(), vec![refused]].concat()));
    }

    #[test]
    fn a_late_poll_result_cannot_reopen_an_ended_job() {
        let plan = a_plan_of(1);
        let done = after(&plan, &[rendering(), vec![Event::Rendered, Event::Stored]].concat());

        let late = Event::Progressed { percent: 50 };
        assert!(advance(&done.life, &late, &plan, &Policy::default(), NOON).is_err());
    }

    #[test]
    fn a_job_that_the_gateway_breaks_over_ends_with_that_and_may_have_been_billed() {
        let fault = Fault::new(FaultKind::InternalError, FaultSource::Us, "a step panicked");
        let broken = Event::Broken { fault: fault.clone() };
        for before in [vec![], vec![Event::Begun { route: 0 }], rendering()] {
            let ended = after(&a_plan_of(2), &[before, vec![broken.clone()]].concat());

            assert_eq!((ended.life.state, ended.due), (JobState::Failed(fault.clone()), None));
            let attempt = ended.life.attempts.first();
            assert!(attempt.is_none_or(|it| it.may_cost() && !it.state.is_open()));
        }
    }

    #[test]
    fn nothing_new_is_begun_once_the_owner_asked_to_stop() {
        let plan = a_plan_of(1);
        let stopped = after(&plan, &[Event::CancelRequested]);

        let begun = Event::Begun { route: 0 };
        assert!(advance(&stopped.life, &begun, &plan, &Policy::default(), NOON).is_err());
    }
}
