//! The effects: what each step does at a provider or with a file, and what it records of it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::{Absence, GiveUp, GoOn, Patience, give_up, patience, weigh_absence},
    fault::{Fault, FaultKind, FaultSource},
    ids::VideoId,
    job::{Attempt, Event, Settlement},
    plan::Planned,
    policy::Policy,
};
use retake_providers::{
    CancelOutcome, Polled, Provider, Reconciliation, Render, Submission, SubmitError,
};

use super::{JobStep, LOOK_AGAIN, NotRecorded, Then, guarded::Watched, settling};

impl JobStep<'_> {
    /// Records the intent, then submits. A crash in between leaves an attempt to settle.
    pub(super) async fn begin(&mut self, place: usize) {
        let planned = self.job().plan.routes.get(place).cloned();
        let provider = planned.as_ref().and_then(|planned| self.scheduler.provider(planned));
        let Some((planned, provider)) = planned.zip(provider) else {
            return self.no_provider().await;
        };
        let Some(submission) = self.submission(&planned, place).await else { return };
        self.record(Event::Begun { route: place }, Then::Keep).await;
        if self.job_record().open_attempt().is_none() {
            return;
        }
        if self.job_record().cancel_requested {
            // Asked for in the meantime, and nothing was sent yet.
            self.record(Event::Cancelled, Then::Free).await;
            return;
        }
        let event = match provider.submit(submission, &self.log).await {
            Ok(submitted) => return self.accept(provider.as_ref(), submitted).await,
            Err(SubmitError::Refused(fault)) => Event::AttemptFailed { fault },
            Err(SubmitError::Lost(fault)) => self.loss(fault),
        };
        self.record(event, Then::Free).await;
    }

    /// Records that the process ended before the answer to a submit came. The absence of its render counts from now:
    /// nobody knows when the create was sent.
    pub(super) async fn record_loss(&mut self) {
        let message = "the process was stopped before the provider answered the submit";
        let event = self.loss(Fault::new(FaultKind::Lost, FaultSource::Gateway, message));
        self.record(event, Then::Free).await;
    }

    /// That the answer to the submit was lost just now, and what the policy makes of it.
    fn loss(&self, fault: Fault) -> Event {
        let now = self.scheduler.clock.now();
        let open = self.job_record().open_attempt();
        let lost = open.map(|attempt| Attempt { lost_at: Some(now), ..attempt.clone() });
        self.scheduler.losses.note(self.tag(), &self.scheduler.clock);
        let patience = lost.map(|attempt| self.patience(&attempt));
        let until = patience.as_ref().map(|patience| patience.until);
        Event::SubmitLost { fault, policy: patience.map(|patience| patience.why), until }
    }

    /// How long the job waits for a lost submit.
    fn patience(&self, attempt: &Attempt) -> Patience {
        let world = self.world(None);
        patience(self.job_record(), attempt, &self.job().plan, &world, &self.policy())
    }

    /// When the open attempt's render is given up for another route.
    fn give_up(&self) -> Option<GiveUp> {
        let attempt = self.job_record().open_attempt()?;
        let (world, now) = (self.world(None), self.scheduler.clock.now());
        give_up(self.job_record(), attempt, &self.job().plan, &world, &self.policy(), now)
    }

    /// Finds out what became of a submit whose answer was lost.
    pub(super) async fn settle(&mut self) {
        let Some(attempt) = self.job_record().open_attempt().cloned() else { return };
        let (scheduler, job, log) = (self.scheduler, self.job().clone(), self.log.clone());
        let looked = self.unless_stopped(scheduler.look_up(&job, &attempt, &log)).await;
        let Watched::Done(looked) = looked else { return };
        self.is_marked = matches!(looked, Ok(Reconciliation::Marked(_)));
        match looked {
            Ok(Reconciliation::Found(remote_id) | Reconciliation::Marked(remote_id)) => {
                let accepted = self.try_record(Event::Accepted { remote_id }, Then::Free, None);
                match accepted.await {
                    // Another job took it meanwhile. What else is there the next look shows, which knows it for owned.
                    Err(NotRecorded::RenderTaken) => {
                        self.wait_for_settlement(&attempt, LOOK_AGAIN * 60).await;
                    }
                    Err(NotRecorded::RenderInDoubt) => self.wait_for_the_other(&attempt).await,
                    Ok(()) | Err(NotRecorded::Overtaken) => {}
                }
            }
            Ok(Reconciliation::Absent) => self.weigh_absence(&attempt).await,
            // What a provider cannot say now it may say later: some show a render only when it is done.
            Ok(Reconciliation::Unknowable { .. }) => {
                self.wait_for_settlement(&attempt, LOOK_AGAIN * 60).await;
            }
            Err(fault) => {
                tracing::warn!(job.id = %self.job().id, fault = fault.without_words(), "failed to look a lost submit up");
                let pause = pause_after(&fault);
                self.wait_for_settlement(&attempt, pause).await;
            }
        }
    }

    /// Goes on from a look that found nothing.
    async fn weigh_absence(&mut self, attempt: &Attempt) {
        let now = self.scheduler.clock.now();
        let times = self.scheduler.times(&attempt.planned);
        let lost_for = self.scheduler.lost_for(self.job(), attempt);
        match weigh_absence(attempt, &times, lost_for, now) {
            Absence::Proven => {
                self.scheduler.losses.forget(&tag(&self.job().id, attempt.number));
                let settlement = Settlement::Absent;
                self.record(Event::Settled { settlement }, Then::Free).await;
            }
            Absence::LookAgainAt(again) => {
                let until = self.waits_until(attempt, &self.patience(attempt), now);
                if attempt.absent_since.is_none() && now < until {
                    self.record(Event::NotListed, Then::FreeAt(again.min(until))).await;
                } else {
                    self.wait_for_settlement(attempt, again.duration_since(now)).await;
                }
            }
        }
    }

    /// Until when the job waits for a lost submit. The wall clock may have jumped ahead, so the time in which the same
    /// route has to be left alone must have passed by the other clock as well.
    fn waits_until(&self, attempt: &Attempt, patience: &Patience, now: Timestamp) -> Timestamp {
        let least = self.scheduler.times(&attempt.planned).least_wait();
        let left = least - self.scheduler.lost_for(self.job(), attempt);
        if patience.then == Some(GoOn::SameRoute) && left.is_positive() {
            patience.until.max(now + left)
        } else {
            patience.until
        }
    }

    /// Looks again soon: a render is there, and it is this job's or that of a create which is not answered yet. That is
    /// known as soon as such creates are answered, so another one is not bought before that.
    async fn wait_for_the_other(&mut self, attempt: &Attempt) {
        let now = self.scheduler.clock.now();
        let least = self.scheduler.times(&attempt.planned).least_wait();
        if now < self.patience(attempt).until + least {
            self.release(now + LOOK_AGAIN * 10).await;
        } else {
            self.wait_for_settlement(attempt, LOOK_AGAIN * 60).await;
        }
    }

    /// Looks again after a pause, or when the job's patience is over. Then it goes on, or ends, and the submit is
    /// settled behind it.
    async fn wait_for_settlement(&mut self, attempt: &Attempt, pause: SignedDuration) {
        let now = self.scheduler.clock.now();
        let patience = self.patience(attempt);
        let until = self.waits_until(attempt, &patience, now);
        if now < until {
            self.release(until.min(now + pause)).await;
            return;
        }
        let seen = attempt.fault.as_ref().map_or("nothing", |fault| fault.message.as_str());
        let message = format!(
            "the answer to the submit was lost ({seen}), and it is not known what became of it: it may have been \
             rendered and billed; {}",
            patience.why
        );
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, message);
        self.record(Event::Unresolved { fault }, Then::Free).await;
    }

    /// The render of the open attempt.
    pub(super) fn render(&self, remote_id: &str) -> Option<Render> {
        Some(settling::render(self.job_record().open_attempt()?, remote_id))
    }

    pub(super) async fn poll(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let Some(render) = self.render(remote_id) else { return };
        let render = Render { give_up: self.give_up(), ..render };
        let log = self.log.clone();
        let polled = self.unless_stopped(provider.poll(&render, &log)).await;
        let Watched::Done(polled) = polled else { return };
        match polled {
            Ok(Polled::Running { percent, ask_again_in, note }) => {
                let next = self.scheduler.clock.now() + ask_again_in;
                let open = self.job_record().open_attempt();
                let known = open.map_or(0, |attempt| attempt.progress);
                let is_doubted = open.is_some_and(|attempt| attempt.file.doubted_since.is_some());
                let noted = open.and_then(|attempt| attempt.note.clone());
                match note {
                    Some(note) if noted.as_ref() != Some(&note) => {
                        self.record(Event::Noted { note }, Then::FreeAt(next)).await;
                    }
                    // What goes on has not failed, whatever was said before.
                    _ if percent > known || is_doubted => {
                        self.record(Event::Progressed { percent }, Then::FreeAt(next)).await;
                    }
                    _ => self.release(next).await,
                }
            }
            Ok(Polled::Rendered { charged }) => {
                self.charge(charged).await;
                self.record(Event::Rendered, Then::Free).await;
            }
            Ok(Polled::Disputed { fault, charged }) => {
                self.charge(charged).await;
                self.record(Event::Disputed { fault }, Then::Free).await;
            }
            Ok(Polled::Doubtful { fault, charged }) => {
                let now = self.scheduler.clock.now();
                let open = self.job_record().open_attempt();
                let (next, again) = (now + Policy::DOUBTED_FOR / 2, Then::FreeAt);
                if open.is_some_and(|attempt| attempt.is_failure_confirmed(now)) {
                    self.charge(charged).await;
                    self.record(Event::AttemptFailed { fault }, Then::Free).await;
                } else if open.is_some_and(|attempt| attempt.file.doubted_since.is_none()) {
                    self.record(Event::FailureDoubted { fault }, again(next)).await;
                } else {
                    self.release(next).await;
                }
            }
            Ok(Polled::GivenUp { fault, goes_on }) => {
                self.record(Event::RenderGivenUp { fault, goes_on }, Then::Free).await;
            }
            Ok(Polled::Failed { fault, charged }) => {
                self.charge(charged).await;
                if self.record(Event::AttemptFailed { fault }, Then::Free).await {
                    provider.forget(remote_id).await;
                }
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    /// Stops the render where it runs, then ends the job.
    pub(super) async fn cancel(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else {
            let why = "its account is not configured here any more, so it could not be cancelled and goes on there";
            return self.end_uncancelled(why).await;
        };
        let Some(render) = self.render(remote_id) else { return };
        match provider.cancel(&render, &self.log).await {
            Ok(CancelOutcome::Stopped) => {
                self.record(Event::Cancelled, Then::Free).await;
            }
            Ok(outcome) => self.end_uncancelled(why_uncancelled(outcome)).await,
            // What cannot be stopped is not waited for longer than it would be tried.
            Err(fault) if self.is_late() => {
                self.end_uncancelled(&format!(
                    "it could not be cancelled ({fault}) and may go on there"
                ))
                .await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    /// Ends a job whose render was not cancelled, and says so.
    async fn end_uncancelled(&mut self, why: &str) {
        let note = format!("{why}: the render may be billed");
        tracing::warn!(job.id = %self.job().id, "a render was not cancelled");
        if self.record(Event::Noted { note }, Then::Keep).await {
            self.record(Event::Cancelled, Then::Free).await;
        }
    }

    /// Whether the open attempt began so long ago that no other would begin any more.
    fn is_late(&self) -> bool {
        let now = self.scheduler.clock.now();
        let begun = self.job_record().open_attempt().map(|attempt| attempt.begun_at);
        begun.is_some_and(|at| now > at + self.scheduler.policy.deadline)
    }

    async fn submission(&mut self, planned: &Planned, place: usize) -> Option<Submission> {
        let number = u32::try_from(self.job_record().attempts.len()).unwrap_or(u32::MAX);
        match self.scheduler.submission(self.job(), planned, number.saturating_add(1)).await {
            Ok(submission) => Some(submission),
            Err(fault) => {
                tracing::error!(job.id = %self.job().id, fault = fault.without_words(), "no picture for a submit");
                self.record(Event::Begun { route: place }, Then::Keep).await;
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
                None
            }
        }
    }

    /// The provider of the open attempt.
    pub(super) fn provider(&self) -> Option<Arc<dyn Provider>> {
        self.scheduler.provider(&self.job_record().open_attempt()?.planned)
    }

    /// The account was taken out of the configuration since. It may come back with the next one.
    pub(super) async fn no_provider(&mut self) {
        tracing::error!(job.id = %self.job().id, "the account of this job is not configured");
        self.release(self.scheduler.clock.now() + self.scheduler.policy.retry_delay).await;
    }

    async fn ask_again(&mut self, fault: &Fault) {
        tracing::warn!(job.id = %self.job().id, fault = fault.without_words(), "a provider gave no answer");
        let pause = pause_after(fault);
        self.release(self.scheduler.clock.now() + pause).await;
    }

    pub(super) fn tag(&self) -> String {
        let open = self.job_record().open_attempt().or(self.job_record().attempts.last());
        tag(&self.job().id, open.map_or(0, |attempt| attempt.number))
    }
}

/// The pause after which a provider that gave no answer is asked again. Whoever is told to come back tomorrow may find
/// a finished file gone, and whoever is told to come back at once would ask without a pause.
fn pause_after(fault: &Fault) -> SignedDuration {
    let pause = fault.retry_after.unwrap_or(LOOK_AGAIN * 5);
    pause.clamp(Policy::SHORTEST_PAUSE, Policy::LONG_PAUSE)
}

/// Why a render was not cancelled, for people.
pub(super) fn why_uncancelled(outcome: CancelOutcome) -> &'static str {
    match outcome {
        CancelOutcome::Stopped => "it was cancelled",
        CancelOutcome::Requested => {
            "its provider was asked to stop it and has not said that it did, so it may go on there"
        }
        CancelOutcome::AlreadyOver => "it was over before it could be cancelled",
        CancelOutcome::NotKnown => {
            "its provider says that it does not know it, so it may go on there"
        }
        CancelOutcome::GoesOn => "its provider cannot cancel a render, so it goes on there",
    }
}

/// Our name for an attempt at its provider.
pub(super) fn tag(id: &VideoId, attempt: u32) -> String {
    format!("{id}-{attempt}")
}
