//! The transition function: the only code that changes a [`Life`].

use jiff::{SignedDuration, Timestamp};

use super::{
    Attempt, AttemptState, DownloadFinding, Event, FileRecord, JobState, Life, Settlement,
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
    event: Box<Event>,
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
    if life.state.is_ended() {
        return Err(illegal(life, event));
    }
    let submit = next.advance_submit(event, plan, policy, now);
    if let Some(at) = submit.or_else(|| next.advance_file(event, plan, policy, now)) {
        return Ok(next.due(at));
    }
    let at = match (attempt, event) {
        (Some(A::Submitted), Event::Progressed { percent }) => {
            next.progress_to(*percent);
            now
        }
        (Some(A::Submitted | A::Fetching), Event::Noted { note }) => {
            next.remark(note);
            now
        }
        (Some(A::Fetching), Event::Stored) => {
            next.drop_fault();
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
            next.end_without_video(next.last_fault());
            now
        }
        (_, Event::Broken { fault }) => next.break_off(fault, now),
        _ => return Err(illegal(life, event)),
    };
    Ok(next.due(at))
}

impl Life {
    fn due(self, at: Timestamp) -> Advanced {
        let due = (!self.state.is_ended()).then_some(at);
        Advanced { life: self, due }
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

    /// Advances by what concerns the file and its price: what the provider announces and charges, that the render is
    /// finished, or failed with a file beside it, that a download failed, that a file which differs was set aside.
    /// Nothing when the event is another one or does not fit.
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
                self.last_file(|file| file.announced = Some(*output));
            }
            (A::Submitted | A::Fetching, Event::Charged { amount }) => self.charge(*amount),
            (A::Submitted, Event::Rendered) => {
                self.progress_to(99);
                self.set_attempt(A::Fetching);
                self.last_file(|file| file.rendered_at = Some(now));
            }
            (A::Submitted, Event::Disputed { fault }) => {
                self.set_attempt(A::Fetching);
                self.last_file(|file| file.rendered_at = Some(now));
                if let Some(attempt) = self.open_mut() {
                    attempt.fault = Some(fault.clone());
                }
            }
            (A::Fetching, Event::FetchFailed { fault, finding }) => {
                return Some(match self.wait_for_file(fault, finding.as_ref(), policy, now) {
                    Ok(pause) => now + pause,
                    Err(lost) => self.fail(&lost, plan, policy, now),
                });
            }
            (A::Fetching, Event::SetAside { fault }) => {
                self.last_file(|file| file.set_aside = true);
                return Some(self.fail(fault, plan, policy, now));
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

    fn last_file(&mut self, change: impl FnOnce(&mut FileRecord)) {
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
        self.hold =
            Some(format!("the finished render could not be downloaded yet: {}", fault.message));
        let Some(attempt) = self.open_mut() else { return Ok(policy.retry_after) };
        attempt.failed_fetches = attempt.failed_fetches.saturating_add(1);
        let since = attempt.accepted_at.unwrap_or(attempt.begun_at);
        attempt.file.rendered_at.get_or_insert(since);
        attempt.file.add(finding, now);
        if let Some(said) = attempt.failure_said(fault) {
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

    /// Ends the attempt, and decides what becomes of the job.
    fn fail(&mut self, fault: &Fault, plan: &Plan, policy: &Policy, now: Timestamp) -> Timestamp {
        let Some(place) = self.attempts.iter().rposition(|attempt| attempt.state.is_open()) else {
            return now;
        };
        self.end_attempt(AttemptState::Failed, Some(fault.clone()), now);
        self.retry_or_end(place, fault, plan, policy, now)
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
        event: Box::new(event.clone()),
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
    fn a_failed_download_keeps_the_finished_render_and_says_why_the_job_waits() {
        let failed = fetch_failed(None);
        let next = after(&a_plan_of(1), &[rendering(), vec![Event::Rendered, failed]].concat());

        assert_eq!(next.life.open_attempt().unwrap().state, AttemptState::Fetching);
        assert!(next.due.unwrap() > NOON);
        assert!(next.life.hold.unwrap().contains("could not be downloaded"));
    }

    fn fetch_failed(finding: Option<DownloadFinding>) -> Event {
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "connection dropped");
        Event::FetchFailed { fault, finding }
    }

    fn unusable(digest: &str, is_whole: bool) -> Event {
        fetch_failed(Some(DownloadFinding::Unusable { sha256: digest.into(), is_whole }))
    }

    /// A finished render whose downloads fail, a minute apart from a moment after noon on.
    fn downloads(minutes_after_noon: i64, events: Vec<Event>) -> Life {
        let (plan, policy) = (a_plan_of(2), Policy::default());
        let mut life = after(&plan, &[rendering(), vec![Event::Rendered]].concat()).life;
        let mut now = NOON + SignedDuration::from_mins(minutes_after_noon);
        for event in events {
            life = advance(&life, &event, &plan, &policy, now).unwrap().life;
            now += SignedDuration::from_mins(1);
        }
        life
    }

    fn is_waiting(life: &Life) -> bool {
        life.open_attempt().is_some_and(|attempt| attempt.state == AttemptState::Fetching)
    }

    fn ended_by(life: &Life) -> FaultKind {
        assert!(life.open_attempt().is_none(), "it still waits");
        life.attempts[0].fault.as_ref().unwrap().kind
    }

    #[test]
    fn a_file_is_downloaded_again_until_the_time_for_it_is_over() {
        let day = 24 * 60;

        assert!(is_waiting(&downloads(0, vec![fetch_failed(None); 1000])));
        // A gateway that was down for the day tries a few times first.
        assert!(is_waiting(&downloads(day, vec![fetch_failed(None); 2])));
        let lost = downloads(day, vec![fetch_failed(None); 3]);
        assert_eq!(ended_by(&lost), FaultKind::Lost);
        assert!(lost.attempts[0].may_cost());
    }

    #[test]
    fn what_stands_in_the_way_on_our_side_never_loses_a_file() {
        let fault = Fault::new(FaultKind::Storage, FaultSource::Us, "the disk is full");
        let full = Event::FetchFailed { fault, finding: None };

        assert!(is_waiting(&downloads(48 * 60, vec![full; 50])));
    }

    #[test]
    fn a_file_is_gone_once_its_provider_said_so_again_and_again_for_minutes() {
        let gone = fetch_failed(Some(DownloadFinding::Gone));

        assert!(is_waiting(&downloads(0, vec![gone.clone(); 10])));
        assert_eq!(ended_by(&downloads(0, vec![gone; 11])), FaultKind::Lost);
    }

    #[test]
    fn the_same_damaged_file_three_times_is_what_the_provider_made() {
        let same = |count| downloads(0, vec![unusable("aa", true); count]);
        let changing = ["aa", "bb", "aa", "bb", "aa"].map(|it| unusable(it, true));

        assert!(is_waiting(&same(2)));
        assert_eq!(ended_by(&same(3)), FaultKind::Malformed);
        assert!(is_waiting(&downloads(0, changing.to_vec())));
    }

    #[test]
    fn a_file_that_may_still_be_written_is_waited_for_longer_than_a_damaged_one() {
        let same = |count| downloads(0, vec![unusable("aa", false); count]);

        assert!(is_waiting(&same(9)));
        assert_eq!(ended_by(&same(10)), FaultKind::Malformed);
    }

    /// A render that is said to have failed although a file is shown, and whose downloads fail as often.
    fn disputed(kind: FaultKind, source: FaultSource, downloads: usize) -> Life {
        let said = Fault::new(kind, FaultSource::Provider, "it failed").with_code("E7");
        let dead = Fault::new(FaultKind::Lost, source, "HTTP 404");
        let failed = Event::FetchFailed { fault: dead, finding: Some(DownloadFinding::Gone) };
        let events = [rendering(), vec![Event::Disputed { fault: said }], vec![failed; downloads]];
        after(&a_plan_of(2), &events.concat()).life
    }

    #[test]
    fn a_failed_render_whose_file_is_dead_ends_soon_and_with_what_its_provider_said() {
        let provider = FaultSource::Provider;
        assert!(is_waiting(&disputed(FaultKind::BadRequest, provider, 2)));
        assert!(is_waiting(&disputed(FaultKind::BadRequest, FaultSource::Us, 50)));

        let ended = disputed(FaultKind::BadRequest, provider, 3);
        let attempt = &ended.attempts[0];
        let fault = attempt.fault.as_ref().unwrap();
        assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::BadRequest, Some("E7")));
        assert!(
            fault.message.contains("it failed") && fault.message.contains("HTTP 404"),
            "{fault}"
        );
        assert_eq!((ended.next_route, attempt.file.rendered_at), (1, None));
        let moderated = disputed(FaultKind::RefusedContent, provider, 3);
        assert!(matches!(moderated.state, JobState::Failed(_)), "{moderated:?}");
    }

    #[test]
    fn a_failed_render_whose_file_is_good_is_delivered_without_a_fault() {
        let said = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it failed");
        let events = [rendering(), vec![Event::Disputed { fault: said }, Event::Stored]].concat();
        let done = after(&a_plan_of(1), &events).life;

        assert_eq!(done.state, JobState::Completed);
        assert_eq!(
            (done.attempts[0].state, &done.attempts[0].fault),
            (AttemptState::Succeeded, &None)
        );
    }

    fn set_aside() -> Vec<Event> {
        let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, "another size");
        [rendering(), vec![Event::Rendered, Event::SetAside { fault }]].concat()
    }

    #[test]
    fn a_file_that_was_set_aside_is_delivered_when_no_other_route_brings_a_better_one() {
        let alone = after(&a_plan_of(1), &set_aside()).life;
        assert_eq!((&alone.state, alone.progress), (&JobState::Completed, 100));

        let other = after(&a_plan_of(2), &set_aside()).life;
        assert_eq!((&other.state, other.next_route), (&JobState::InProgress, 1));
        let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
        let second = vec![Event::Begun { route: 1 }, refused];
        let ended = after(&a_plan_of(2), &[set_aside(), second].concat()).life;
        assert_eq!(ended.state, JobState::Completed);
        let late = after(&a_plan_of(2), &[set_aside(), vec![Event::DeadlinePassed]].concat()).life;
        assert_eq!(late.state, JobState::Completed);
    }

    #[test]
    fn a_job_that_was_cancelled_delivers_nothing_that_was_set_aside() {
        let stop = vec![Event::CancelRequested, Event::Cancelled];
        let ended = after(&a_plan_of(2), &[set_aside(), stop].concat()).life;

        assert_eq!(ended.state, JobState::Cancelled);
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

    fn lost_submit() -> Vec<Event> {
        let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer in 2m");
        vec![Event::Begun { route: 0 }, Event::SubmitLost { fault, policy: None }]
    }

    fn left(route: Option<usize>) -> Event {
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, "it may have been billed");
        Event::Unresolved { fault, route }
    }

    #[test]
    fn a_lost_submit_stays_possibly_billed_through_cancel_and_give_up_until_it_is_disproved() {
        let endings =
            [vec![Event::CancelRequested, Event::Cancelled], vec![left(None)], vec![left(Some(1))]];
        for ending in endings {
            let next = after(&a_plan_of(2), &[lost_submit(), ending].concat()).life;
            let attempt = &next.attempts[0];
            assert!(attempt.may_cost() && !attempt.state.is_open(), "{attempt:?}");
            assert_eq!(attempt.settlement, Some(Settlement::Pending));

            let mut disproved = attempt.clone();
            disproved.settlement = Some(Settlement::Absent);
            assert!(!disproved.may_cost());
        }
    }

    #[test]
    fn a_submit_that_is_proven_absent_costs_nothing_and_its_fault_decides_what_follows() {
        let absent = Event::Settled { settlement: Settlement::Absent };
        let next = after(&a_plan_of(2), &[lost_submit(), vec![Event::NotListed, absent]].concat());

        assert!(!next.life.attempts[0].may_cost());
        assert_eq!(next.life.attempts[0].absent_since, Some(NOON));
        assert_eq!(
            (next.life.next_route, next.due),
            (0, Some(NOON + SignedDuration::from_secs(30)))
        );
    }

    #[test]
    fn a_render_that_is_found_late_is_adopted_though_other_attempts_came_after_it() {
        let plan = a_plan_of(2);
        let mut other = rendering();
        other[0] = Event::Begun { route: 1 };
        let events = [lost_submit(), vec![left(Some(1))], other].concat();
        let mut life = after(&plan, &events).life;
        life.attempts[0].settlement = Some(Settlement::Found);
        life.attempts[0].remote_id = Some("r-0".into());

        let adopt = Event::Adopted { attempt: 1 };
        assert!(advance(&life, &adopt, &plan, &Policy::default(), NOON).is_err(), "one is open");
        life =
            advance(&life, &Event::Noted { note: "odd".into() }, &plan, &Policy::default(), NOON)
                .unwrap()
                .life;
        assert_eq!(life.attempts[1].note.as_deref(), Some("odd"));
        let runtime = failed(FaultKind::Runtime, FaultSource::Provider);
        let between = advance(&life, &runtime, &plan, &Policy::default(), NOON).unwrap().life;
        let adopted = advance(&between, &adopt, &plan, &Policy::default(), NOON).unwrap().life;

        assert_eq!(adopted.open_attempt().unwrap().number, 1);
        assert!(adopted.attempts[0].may_cost());
        let done = [Event::Rendered, Event::Stored].iter().fold(adopted, |life, event| {
            advance(&life, event, &plan, &Policy::default(), NOON).unwrap().life
        });
        assert_eq!(done.state, JobState::Completed);
        assert_eq!(done.attempts[0].state, AttemptState::Succeeded);
        assert_eq!(done.attempts[1].fault.as_ref().unwrap().kind, FaultKind::Runtime);
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
