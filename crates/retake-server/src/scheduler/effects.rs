//! The effects: what each step does at a provider or with a file, and what it records of it.

use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::VideoId,
    life::Event,
};
use retake_providers::{FetchError, Polled, Provider, Submission, SubmitError};

use super::{Hand, LOOK_AGAIN, Then};
use crate::collector::{Errand, collect};

impl Hand<'_> {
    /// Records the intent, then submits. A crash in between leaves an attempt to settle.
    pub(super) async fn begin(&mut self, route: usize) {
        let Some(provider) = self.provider_at(route) else {
            return self.no_account(route).await;
        };
        let Some(submission) = self.submission(route).await else { return };
        self.record(Event::Begun { route }, Then::Keep).await;
        if self.life().open_attempt().is_none() {
            return;
        }
        if self.life().cancel_requested {
            // Asked for in the meantime, and nothing was sent yet.
            return self.record(Event::Cancelled, Then::Free).await;
        }
        let event = match provider.submit(submission).await {
            Ok(remote_id) => Event::Accepted { remote_id },
            Err(SubmitError::Refused(fault)) => Event::AttemptFailed { fault },
            Err(SubmitError::Lost(fault)) => Event::SubmitLost { fault },
        };
        self.record(event, Then::Free).await;
    }

    /// Finds out what became of a submit whose answer was lost.
    pub(super) async fn settle(&mut self) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        match provider.look_up(&self.tag()).await {
            Ok(Some(remote_id)) => self.record(Event::Accepted { remote_id }, Then::Free).await,
            Ok(None) => {
                let fault = Fault::interrupted();
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    pub(super) async fn poll(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        match provider.poll(remote_id).await {
            Ok(Polled::Running { percent, ask_again_in }) => {
                let next = self.scheduler.clock.now() + ask_again_in;
                let known = self.life().open_attempt().map_or(0, |attempt| attempt.progress);
                if percent > known {
                    self.record(Event::Progressed { percent }, Then::FreeAt(next)).await;
                } else {
                    self.release(next).await;
                }
            }
            Ok(Polled::Rendered) => self.record(Event::Rendered, Then::Free).await,
            Ok(Polled::Failed(fault)) => {
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
                provider.forget(remote_id).await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    pub(super) async fn fetch(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let (id, attempt, shot) = {
            let job = self.job();
            let Some(attempt) = job.life.open_attempt() else { return };
            let Some(planned) = job.plan.at(attempt.route) else { return };
            (job.id.clone(), attempt.number, planned.shot.clone())
        };
        let errand = Errand { id: &id, attempt, remote_id, shot: &shot };
        match collect(&self.scheduler.assets, provider.as_ref(), &errand).await {
            Ok(output) => {
                self.record_with(Event::Stored, Then::Free, Some(output)).await;
                provider.forget(remote_id).await;
            }
            Err(FetchError::Later(fault)) => {
                tracing::warn!(job.id = %id, %fault, "a finished file could not be brought home yet");
                self.record(Event::FetchFailed { fault }, Then::Free).await;
            }
            Err(FetchError::Gone(fault)) => {
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
                provider.forget(remote_id).await;
            }
        }
    }

    /// Stops the render where it runs, then ends the job.
    pub(super) async fn cancel(&mut self, remote_id: Option<String>) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let known = match remote_id {
            Some(remote_id) => Ok(Some(remote_id)),
            None => provider.look_up(&self.tag()).await,
        };
        let stopped = match known {
            Ok(Some(remote_id)) => provider.cancel(&remote_id).await,
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        };
        match stopped {
            Ok(()) => self.record(Event::Cancelled, Then::Free).await,
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    async fn submission(&mut self, route: usize) -> Option<Submission> {
        let planned = self.job().plan.at(route)?.clone();
        let tag = tag(&self.job().id, self.life().attempts.len() + 1);
        let first_frame = match &planned.shot.first_frame {
            None => None,
            Some(picture) => match self.scheduler.assets.read(&picture.key).await {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    tracing::error!(job.id = %self.job().id, error = chain(&error), "no reference picture");
                    self.record(Event::Begun { route }, Then::Keep).await;
                    let message = format!("the reference picture could not be read: {error}");
                    let fault = Fault::new(FaultKind::Storage, FaultSource::Us, message);
                    self.record(Event::AttemptFailed { fault }, Then::Free).await;
                    return None;
                }
            },
        };
        Some(Submission { tag, shot: planned.shot, first_frame })
    }

    fn provider_at(&self, route: usize) -> Option<std::sync::Arc<dyn Provider>> {
        let account = &self.job().plan.at(route)?.route.account;
        Some(std::sync::Arc::clone(&self.scheduler.accounts.get(account)?.provider))
    }

    fn provider(&self) -> Option<std::sync::Arc<dyn Provider>> {
        self.provider_at(self.life().open_attempt()?.route)
    }

    /// The account of a planned route was taken out of the configuration since.
    async fn no_account(&mut self, route: usize) {
        self.record(Event::Begun { route }, Then::Keep).await;
        let message = "the account that this was planned for is not configured any more";
        let fault = Fault::new(FaultKind::Auth, FaultSource::Caller, message);
        self.record(Event::AttemptFailed { fault }, Then::Free).await;
    }

    /// The same, in the middle of an attempt: it may come back with the next configuration.
    async fn no_provider(&self) {
        tracing::error!(job.id = %self.job().id, "the account of an open attempt is not configured");
        self.release(self.scheduler.clock.now() + self.scheduler.policy.retry_after).await;
    }

    async fn ask_again(&self, fault: &Fault) {
        tracing::warn!(job.id = %self.job().id, %fault, "a provider gave no answer");
        let pause = fault.retry_after.unwrap_or(LOOK_AGAIN * 5);
        self.release(self.scheduler.clock.now() + pause).await;
    }

    fn tag(&self) -> String {
        tag(&self.job().id, self.life().attempts.len())
    }
}

/// Our name for an attempt at its provider.
fn tag(id: &VideoId, attempt: usize) -> String {
    format!("{id}-{attempt}")
}
