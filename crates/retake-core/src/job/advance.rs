//! The transition function: the only code that changes a [`JobRecord`].

use jiff::{SignedDuration, Timestamp};

use super::{
    Attempt, AttemptState, DownloadFinding, Event, FileRecord, JobRecord, JobState, Settlement,
};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    plan::Plan,
    policy::Policy,
};

/// A life after something happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The next life.
    pub record: JobRecord,
    /// When there is something to do again; `None` once the job is over.
    pub due: Option<Timestamp>,
}

/// Something was said to have happened that cannot happen in this state, such as a late poll result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {job} with its attempt {attempt} cannot take the event {event:?}")]
pub struct IllegalEvent {
    job: &'static str,
    attempt: &'static str,
    event: Box<Event>,
}

/// Decides what a job becomes when `event` happens at `now`.
///
/// # Errors
///
/// [`IllegalEvent`] when the event does not fit the state. The life is unchanged then.
pub fn advance(
    record: &JobRecord,
    event: &Event,
    plan: &Plan,
    policy: &Policy,
    now: Timestamp,
) -> Result<Advanced, IllegalEvent> {
    use AttemptState as A;

    let mut next = record.clone();
    let attempt = record.open_attempt().map(|attempt| attempt.state);
    if record.state.is_ended() {
        return Err(illegal(record, event));
    }
    let submit = next.advance_submit(event, plan, policy, now);
    if let Some(at) = submit.or_else(|| next.advance_file(event, plan, policy, now)) {
        return Ok(next.due(at));
    }
    let at = match (attempt, event) {
        (Some(A::Submitted), Event::Progressed { percent }) => {
            next.progress_to(*percent);
            next.change_file(|file| file.doubted_since = None);
            now
        }
        (Some(A::Submitted | A::Fetching), Event::Noted { note }) => {
            next.remark(note);
            now
        }
        (Some(A::Submitted), Event::FailureDoubted { fault }) => {
            next.remark(&format!("{}; it is asked again before that is believed", fault.message));
            next.change_file(|file| {
                file.doubted_since.get_or_insert(now);
            });
            now
        }
        (Some(A::Fetching), Event::Stored) => {
            next.drop_fault();
            next.end_attempt(A::Succeeded, None, now);
            next.end(JobState::Completed);
            now
        }
        (Some(_), Event::AttemptFailed { fault }) => next.fail(fault, None, plan, policy, now),
        (Some(A::Submitted), Event::RenderGivenUp { fault, goes_on }) => {
            let settlement = goes_on.then_some(Settlement::Pending);
            next.fail(fault, settlement, plan, policy, now)
        }
        (_, Event::CancelRequested) => {
            next.cancel_requested = true;
            now
        }
        (open, Event::Cancelled) if record.cancel_requested => {
            if open.is_some() {
                next.end_attempt(A::Cancelled, None, now);
            }
            next.end(JobState::Cancelled);
            now
        }
        (None, Event::DeadlinePassed) if !record.attempts.is_empty() => {
            next.end_without_video(next.last_fault());
            now
        }
        (_, Event::Broken { fault }) => next.break_off(fault, now),
        _ => return Err(illegal(record, event)),
    };
    Ok(next.due(at))
}

impl JobRecord {
    fn due(self, at: Timestamp) -> Advanced {
        let due = (!self.state.is_ended()).then_some(at);
        Advanced { record: self, due }
    }

    /// Advances by what concerns a submit: that it is about to be made, that it was taken or lost, what became of a
    /// lost one. Nothing when the event is another one or does not fit.
    fn advance_submit(
        &mut self,
        event: &Event,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Timestamp> {
        use AttemptState as A;

        let is_place = |route: usize| route < plan.routes.len();
        match (self.open_attempt().map(|attempt| attempt.state), event) {
            (None, Event::Begun { route }) if !self.cancel_requested && is_place(*route) => {
                return Some(self.begin(*route, now));
            }
            (Some(A::Intent | A::Unknown), Event::Accepted { remote_id }) => {
                return Some(self.accept(remote_id, now));
            }
            (Some(A::Unknown), Event::Settled { settlement: Settlement::Absent }) => {
                return Some(self.disprove(plan, policy, now));
            }
            (Some(A::Intent), Event::SubmitLost { fault, policy }) => {
                self.lose(fault, policy.as_deref(), now);
            }
            (Some(A::Unknown), Event::NotListed) => self.note_absence(now),
            (Some(A::Unknown), Event::Unresolved { fault, route })
                if route.is_none_or(is_place) =>
            {
                self.leave_unresolved(fault, *route, now);
            }
            (None, Event::Adopted { attempt })
                if !self.cancel_requested && self.can_adopt(*attempt) =>
            {
                self.adopt(*attempt, now);
            }
            _ => return None,
        }
        Some(now)
    }

    /// Advances by what concerns the file and its price. Nothing when the event is another one or does not fit.
    fn advance_file(
        &mut self,
        event: &Event,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Timestamp> {
        use AttemptState as A;

        match (self.open_attempt()?.state, event) {
            (A::Submitted, Event::Announced { output, note }) => {
                self.remark(note);
                self.change_file(|file| file.announced = Some(*output));
            }
            (A::Submitted | A::Fetching, Event::Charged { amount }) => self.charge(*amount),
            (A::Submitted, Event::Rendered) => {
                self.progress_to(99);
                self.set_attempt(A::Fetching);
                self.change_file(|file| file.rendered_at = Some(now));
            }
            (A::Submitted, Event::Disputed { fault }) => {
                self.set_attempt(A::Fetching);
                self.change_file(|file| file.rendered_at = Some(now));
                if let Some(attempt) = self.open_mut() {
                    attempt.fault = Some(fault.clone());
                }
            }
            (A::Fetching, Event::FetchFailed { fault, finding }) => {
                return Some(match self.wait_for_file(fault, finding.as_ref(), policy, now) {
                    Ok(pause) => now + pause,
                    Err(lost) => self.fail(&lost, None, plan, policy, now),
                });
            }
            (A::Fetching, Event::SetAside { fault }) => {
                self.change_file(|file| file.set_aside = true);
                return Some(self.fail(fault, None, plan, policy, now));
            }
            _ => return None,
        }
        Some(now)
    }

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
            file: FileRecord::default(),
            charged: None,
            fault: None,
            lost_at: None,
            absent_since: None,
            settlement: None,
        });
        now
    }

    fn accept(&mut self, remote_id: &str, now: Timestamp) -> Timestamp {
        self.state = JobState::InProgress;
        self.hold = None;
        if let Some(attempt) = self.open_mut() {
            attempt.state = AttemptState::Submitted;
            attempt.remote_id = Some(remote_id.to_owned());
            attempt.accepted_at = Some(now);
            attempt.fault = None;
        }
        now
    }

    /// Nobody knows whether the provider took it.
    fn lose(&mut self, fault: &Fault, policy: Option<&str>, now: Timestamp) {
        let policy = policy.map(|policy| format!("; {policy}")).unwrap_or_default();
        self.hold = Some(format!("{}{policy}", fault.message));
        if let Some(attempt) = self.open_mut() {
            attempt.state = AttemptState::Unknown;
            attempt.lost_at = Some(now);
            attempt.fault = Some(fault.clone());
        }
    }

    fn note_absence(&mut self, now: Timestamp) {
        if let Some(attempt) = self.open_mut() {
            attempt.absent_since.get_or_insert(now);
        }
    }

    /// Nothing came of a lost submit, so what follows is what follows from its fault.
    fn disprove(&mut self, plan: &Plan, policy: &Policy, now: Timestamp) -> Timestamp {
        let Some(place) = self.attempts.iter().rposition(|attempt| attempt.state.is_open()) else {
            return now;
        };
        let fault = self.open_attempt().and_then(|attempt| attempt.fault.clone());
        let fault = fault.unwrap_or_else(Fault::interrupted);
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        if let Some(ended) = self.attempts.get_mut(place) {
            ended.settlement = Some(Settlement::Absent);
        }
        self.retry_or_end(place, &fault, plan, policy, now)
    }

    /// The job goes on, or ends, although its attempt may be billed.
    fn leave_unresolved(&mut self, fault: &Fault, route: Option<usize>, now: Timestamp) {
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        match route {
            Some(_) if self.cancel_requested => {}
            Some(route) => {
                self.next_route = route;
                self.hold = None;
            }
            None => self.end_without_video(fault.clone()),
        }
    }

    fn can_adopt(&self, number: u32) -> bool {
        let found = |attempt: &Attempt| {
            attempt.number == number
                && attempt.remote_id.is_some()
                && attempt.settlement == Some(Settlement::Found)
        };
        self.attempts.iter().any(found)
    }

    fn adopt(&mut self, number: u32, now: Timestamp) {
        self.state = JobState::InProgress;
        self.hold = None;
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) {
            attempt.state = AttemptState::Submitted;
            attempt.accepted_at = Some(now);
            attempt.ended_at = None;
            attempt.fault = None;
            attempt.settlement = None;
        }
    }

    fn open_mut(&mut self) -> Option<&mut Attempt> {
        self.attempts.iter_mut().rev().find(|attempt| attempt.state.is_open())
    }

    /// What was kept speaks for itself, whatever its provider said of it.
    fn drop_fault(&mut self) {
        if let Some(attempt) = self.open_mut() {
            attempt.fault = None;
        }
    }

    /// Keeps the last odd thing that the provider said.
    fn remark(&mut self, note: &str) {
        if let Some(attempt) = self.open_mut() {
            attempt.note = Some(note.to_owned());
        }
    }

    fn set_attempt(&mut self, state: AttemptState) {
        if let Some(attempt) = self.open_mut() {
            attempt.state = state;
        }
    }

    /// Only a kept file makes it 100.
    fn progress_to(&mut self, percent: u8) {
        let percent = percent.min(99);
        self.progress = self.progress.max(percent);
        if let Some(attempt) = self.open_mut() {
            attempt.progress = attempt.progress.max(percent);
        }
    }

    /// What ends while nobody knows whether its submit arrived may be billed until that is known.
    fn end_attempt(&mut self, state: AttemptState, fault: Option<Fault>, now: Timestamp) {
        if let Some(attempt) = self.open_mut() {
            if attempt.state == AttemptState::Unknown {
                attempt.settlement = Some(Settlement::Pending);
            }
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
        self.end_without_video(fault.clone());
        now
    }

    /// The end of a job that no route brings further: with the file that was set aside, if there is one.
    pub(super) fn end_without_video(&mut self, fault: Fault) {
        let has_file = self.has_file_set_aside();
        let state = if has_file { JobState::Completed } else { JobState::Failed(fault) };
        self.end(state);
    }

    fn charge(&mut self, amount: Usd) {
        if let Some(attempt) = self.open_mut() {
            attempt.charged = Some(amount);
        }
    }

    fn change_file(&mut self, change: impl FnOnce(&mut FileRecord)) {
        if let Some(attempt) = self.open_mut() {
            change(&mut attempt.file);
        }
    }

    /// A finished render is worth waiting for: the pauses grow, and only its loss ends the attempt, with the fault
    /// that is returned.
    fn wait_for_file(
        &mut self,
        fault: &Fault,
        finding: Option<&DownloadFinding>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<SignedDuration, Fault> {
        let is_disputed = self.open_attempt().is_some_and(|attempt| attempt.fault.is_some());
        let what = if is_disputed {
            "the file that its provider shows beside a failure"
        } else {
            "the finished render"
        };
        self.hold = Some(format!("{what} could not be downloaded yet: {}", fault.message));
        let Some(attempt) = self.open_mut() else { return Ok(policy.retry_delay) };
        attempt.failed_fetches = attempt.failed_fetches.saturating_add(1);
        if fault.source != FaultSource::Gateway {
            let refused = &mut attempt.file.refused_downloads;
            *refused = refused.saturating_add(1);
        }
        let since = attempt.accepted_at.unwrap_or(attempt.begun_at);
        attempt.file.rendered_at.get_or_insert(since);
        attempt.file.add(finding, now);
        if let Some(said) = attempt.failure_said(fault, now) {
            // It was not finished after all.
            attempt.file.rendered_at = None;
            return Err(said);
        }
        if let Some(lost) = attempt.file.loss(attempt.failed_fetches, fault, policy, now) {
            return Err(lost);
        }
        let growing = SignedDuration::from_secs(1) * (1 << attempt.failed_fetches.min(8));
        let pause = fault.retry_after.unwrap_or(growing);
        Ok(pause.clamp(SignedDuration::ZERO, Policy::LONG_PAUSE))
    }

    /// Ends the attempt, and decides what becomes of the job. `settlement` says what is known of a render that goes on.
    fn fail(
        &mut self,
        fault: &Fault,
        settlement: Option<Settlement>,
        plan: &Plan,
        policy: &Policy,
        now: Timestamp,
    ) -> Timestamp {
        let Some(place) = self.attempts.iter().rposition(|attempt| attempt.state.is_open()) else {
            return now;
        };
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        if let Some(ended) = self.attempts.get_mut(place) {
            ended.settlement = settlement.or(ended.settlement);
        }
        self.retry_or_end(place, fault, plan, policy, now)
    }

    fn last_fault(&self) -> Fault {
        let last = self.attempts.iter().rev().find_map(|attempt| attempt.fault.clone());
        last.unwrap_or_else(|| {
            Fault::new(
                FaultKind::UnknownProviderError,
                FaultSource::Gateway,
                "no attempt could be made in time",
            )
        })
    }
}

fn illegal(record: &JobRecord, event: &Event) -> IllegalEvent {
    IllegalEvent {
        job: record.state.as_str(),
        attempt: record.attempts.last().map_or("not made", |attempt| attempt.state.as_str()),
        event: Box::new(event.clone()),
    }
}

#[cfg(test)]
mod tests;
