//! The transition function: the only code that changes a [`JobRecord`].

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Attempt, AttemptState, DownloadFinding, Event, FileRecord, Hold, HoldKind, JobRecord, JobState,
    Settlement,
};
use crate::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    plan::{Plan, Planned},
};

/// Something was said to have happened that cannot happen in this state, such as a late poll result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {job} with its attempt {attempt} cannot take the event {event:?}")]
pub struct IllegalEvent {
    job: &'static str,
    attempt: &'static str,
    event: Box<Event>,
}

/// Returns the record of a job after `event` happened at `now`. `plan` is that of the job.
///
/// # Errors
///
/// [`IllegalEvent`] when the event does not fit the state, or names a place that the plan does not have.
pub fn advance(
    record: &JobRecord,
    event: &Event,
    plan: &Plan,
    now: Timestamp,
) -> Result<JobRecord, IllegalEvent> {
    let mut next = record.clone();
    let fits = !record.state.is_ended()
        && (next.advance_submit(event, plan, now)
            || next.advance_file(event, now)
            || next.advance_render(event, now)
            || next.advance_job(event, now));
    if fits { Ok(next) } else { Err(illegal(record, event)) }
}

impl JobRecord {
    /// Advances by what concerns a submit: that it is about to be made, that it was taken or lost, what became of a
    /// lost one. `false` when the event is another one or does not fit.
    fn advance_submit(&mut self, event: &Event, plan: &Plan, now: Timestamp) -> bool {
        use AttemptState as A;

        match (self.open_attempt().map(|attempt| attempt.state), event) {
            (None, Event::Begun { route }) if !self.cancel_requested => {
                let Some(planned) = plan.routes.get(*route) else { return false };
                self.begin(planned, now);
            }
            (Some(A::Intent | A::Unknown), Event::Accepted { remote_id }) => {
                self.accept(remote_id, now);
            }
            (Some(A::Unknown), Event::Settled { settlement: Settlement::Absent }) => {
                self.disprove(now);
            }
            (Some(A::Intent), Event::SubmitLost { fault, policy, until }) => {
                self.lose(fault, policy.as_deref(), *until, now);
            }
            (Some(A::Unknown), Event::NotListed) => self.note_absence(now),
            (Some(A::Unknown), Event::Unresolved { fault }) => {
                self.end_attempt(A::Failed, Some(fault.clone()), now);
                self.hold = None;
            }
            (None, Event::Adopted { attempt })
                if !self.cancel_requested && self.can_adopt(*attempt) =>
            {
                self.adopt(*attempt, now);
            }
            _ => return false,
        }
        true
    }

    /// Advances by what concerns a render under way. `false` when the event is another one or does not fit.
    fn advance_render(&mut self, event: &Event, now: Timestamp) -> bool {
        use AttemptState as A;

        let Some(open) = self.open_attempt().map(|attempt| attempt.state) else { return false };
        match (open, event) {
            (A::Submitted, Event::Progressed { percent }) => {
                self.progress_to(*percent);
                self.change_file(|file| file.doubted_since = None);
            }
            (A::Submitted | A::Fetching, Event::Noted { note }) => self.remark(note),
            (A::Submitted, Event::FailureDoubted { fault }) => {
                let again = "it is asked again before that is believed";
                self.remark(&format!("{}; {again}", fault.message));
                self.change_file(|file| {
                    file.doubted_since.get_or_insert(now);
                });
            }
            (_, Event::AttemptFailed { fault }) => self.fail(fault, None, now),
            (A::Submitted, Event::RenderGivenUp { fault, goes_on }) => {
                self.fail(fault, goes_on.then_some(Settlement::Pending), now);
            }
            _ => return false,
        }
        true
    }

    /// Advances by what concerns the job as a whole. `false` when the event is another one or does not fit.
    fn advance_job(&mut self, event: &Event, now: Timestamp) -> bool {
        let is_open = self.open_attempt().is_some();
        match event {
            Event::CancelRequested => self.cancel_requested = true,
            Event::Cancelled if self.cancel_requested => {
                self.end_attempt(AttemptState::Cancelled, None, now);
                // What is paid for and kept is delivered all the same.
                let has_file = self.has_file_set_aside();
                self.end(if has_file { JobState::Completed } else { JobState::Cancelled });
            }
            Event::DeadlinePassed if !is_open && !self.attempts.is_empty() => {
                self.end_without_video(self.last_fault());
            }
            Event::GivenUp { fault } if !is_open => self.end_without_video(fault.clone()),
            Event::Broken { fault } => {
                self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
                self.end_without_video(fault.clone());
            }
            _ => return false,
        }
        true
    }

    /// Advances by what concerns the file and its price. `false` when the event is another one or does not fit.
    fn advance_file(&mut self, event: &Event, now: Timestamp) -> bool {
        use AttemptState as A;

        let Some(open) = self.open_attempt().map(|attempt| attempt.state) else { return false };
        match (open, event) {
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
            (A::Submitted | A::Fetching, Event::Disputed { fault }) => {
                self.set_attempt(A::Fetching);
                if let Some(attempt) = self.open_mut() {
                    attempt.file.rendered_at.get_or_insert(now);
                    attempt.file.doubted_since.get_or_insert(now);
                    attempt.fault = Some(fault.clone());
                }
            }
            (A::Fetching, Event::FetchFailed { fault, finding, again_at }) => {
                self.wait_for_file(fault, finding.as_ref(), *again_at, now);
            }
            (A::Fetching, Event::Stored) => {
                self.drop_fault();
                self.end_attempt(A::Succeeded, None, now);
                self.end(JobState::Completed);
            }
            (A::Fetching, Event::SetAside { fault }) => {
                self.change_file(|file| file.set_aside = true);
                self.fail(fault, None, now);
            }
            _ => return false,
        }
        true
    }

    fn begin(&mut self, planned: &Arc<Planned>, now: Timestamp) {
        self.hold = None;
        self.attempts.push(Attempt {
            number: u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1),
            planned: Arc::clone(planned),
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
    }

    fn accept(&mut self, remote_id: &str, now: Timestamp) {
        self.state = JobState::InProgress;
        self.hold = None;
        if let Some(attempt) = self.open_mut() {
            attempt.state = AttemptState::Submitted;
            attempt.remote_id = Some(remote_id.to_owned());
            attempt.accepted_at = Some(now);
            attempt.fault = None;
        }
    }

    /// Nobody knows whether the provider took it.
    fn lose(
        &mut self,
        fault: &Fault,
        policy: Option<&str>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) {
        let policy = policy.map(|policy| format!("; {policy}")).unwrap_or_default();
        let reason = format!("{}{policy}", fault.message);
        self.hold = Some(Hold { kind: HoldKind::UnknownSubmit, until, reason });
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
    fn disprove(&mut self, now: Timestamp) {
        let fault = self.open_attempt().and_then(|attempt| attempt.fault.clone());
        self.fail(&fault.unwrap_or_else(Fault::interrupted), Some(Settlement::Absent), now);
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

    /// The end of a job that no route brings further: with the file that was set aside, if there is one.
    fn end_without_video(&mut self, fault: Fault) {
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

    /// A finished render is worth waiting for.
    fn wait_for_file(
        &mut self,
        fault: &Fault,
        finding: Option<&DownloadFinding>,
        again_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let is_disputed = self.open_attempt().is_some_and(|attempt| attempt.fault.is_some());
        let what = if is_disputed {
            "the file that its provider shows beside a failure"
        } else {
            "the finished render"
        };
        let reason = format!("{what} could not be downloaded yet: {}", fault.message);
        self.hold = Some(Hold { kind: HoldKind::Download, until: again_at, reason });
        if let Some(attempt) = self.open_mut() {
            attempt.add_failed_download(fault, finding, now);
        }
    }

    /// Ends the attempt. `settlement` says what is known of a render that goes on.
    fn fail(&mut self, fault: &Fault, settlement: Option<Settlement>, now: Timestamp) {
        let Some(place) = self.attempts.iter().rposition(|attempt| attempt.state.is_open()) else {
            return;
        };
        self.hold = None;
        let said = self.open_attempt().and_then(|attempt| Some(attempt.fault.as_ref()?.kind));
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        let Some(ended) = self.attempts.get_mut(place) else { return };
        ended.settlement = settlement.or(ended.settlement);
        // What its provider called failed, and showed a file of all the same, was not finished after all.
        if said == Some(fault.kind) {
            ended.file.rendered_at = None;
        }
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
