//! The effects: what each step does at a provider or with a file, and what it records of it.

use bytes::Bytes;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::VideoId,
    life::Event,
    request::Shot,
};
use retake_providers::{FetchError, Polled, Provider, SourceVideo, Submission, SubmitError};

use super::{Hand, LOOK_AGAIN, Then};
use crate::assets::AssetError;
use crate::collector::{Collected, Errand, collect};

impl Hand<'_> {
    /// Records the intent, then submits. A crash in between leaves an attempt to settle.
    pub(super) async fn begin(&mut self, route: usize) {
        let Some(provider) = self.provider_at(route) else {
            return self.no_provider().await;
        };
        let Some(submission) = self.submission(route).await else { return };
        self.record(Event::Begun { route }, Then::Keep).await;
        if self.life().open_attempt().is_none() {
            return;
        }
        if self.life().cancel_requested {
            // Asked for in the meantime, and nothing was sent yet.
            self.record(Event::Cancelled, Then::Free).await;
            return;
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
            Ok(Some(remote_id)) => {
                self.record(Event::Accepted { remote_id }, Then::Free).await;
            }
            Ok(None) => {
                // Without a fault on record the process died before it heard anything.
                let told = self.life().open_attempt().and_then(|attempt| attempt.fault.clone());
                let fault = told.unwrap_or_else(Fault::interrupted);
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
            Ok(Polled::Rendered) => {
                self.record(Event::Rendered, Then::Free).await;
            }
            Ok(Polled::Failed(fault)) => {
                if self.record(Event::AttemptFailed { fault }, Then::Free).await {
                    provider.forget(remote_id).await;
                }
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
            Ok(Collected { output, pin }) => {
                let recorded = self.record_with(Event::Stored, Then::Free, Some(output)).await;
                drop(pin);
                if recorded {
                    provider.forget(remote_id).await;
                }
            }
            Err(FetchError::Later(fault)) => {
                tracing::warn!(job.id = %id, %fault, "a finished file could not be brought home yet");
                self.record(Event::FetchFailed { fault }, Then::Free).await;
            }
            Err(FetchError::Gone(fault)) => {
                if self.record(Event::AttemptFailed { fault }, Then::Free).await {
                    provider.forget(remote_id).await;
                }
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
            Ok(()) => {
                self.record(Event::Cancelled, Then::Free).await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    async fn submission(&mut self, route: usize) -> Option<Submission> {
        let planned = self.job().plan.at(route)?.clone();
        let tag = tag(&self.job().id, self.life().attempts.len() + 1);
        let pictures = match self.pictures(&planned.shot).await {
            Ok(pictures) => pictures,
            Err(error) => {
                tracing::error!(job.id = %self.job().id, error = chain(&error), "no picture for a submit");
                self.record(Event::Begun { route }, Then::Keep).await;
                let message = format!("a picture of the request could not be read: {error}");
                let fault = Fault::new(FaultKind::Storage, FaultSource::Us, message);
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
                return None;
            }
        };
        let (first_frame, characters) = pictures;
        let source = self.source(&planned.shot);
        Some(Submission { tag, shot: planned.shot, first_frame, characters, source })
    }

    /// The picture to start from, and those of the characters.
    async fn pictures(&self, shot: &Shot) -> Result<(Option<Bytes>, Vec<Bytes>), AssetError> {
        let assets = &self.scheduler.assets;
        let first_frame = match &shot.first_frame {
            None => None,
            Some(picture) => Some(assets.read(&picture.key).await?),
        };
        let mut characters = Vec::with_capacity(shot.characters.len());
        for character in &shot.characters {
            characters.push(assets.read(&character.picture.key).await?);
        }
        Ok((first_frame, characters))
    }

    /// The file that is to be extended.
    fn source(&self, shot: &Shot) -> Option<SourceVideo> {
        let origin = shot.origin.as_ref()?;
        let (key, bytes) = (origin.key.clone()?, origin.bytes);
        let assets = self.scheduler.assets.clone();
        let runtime = tokio::runtime::Handle::current();
        Some(SourceVideo::new(move || {
            let _inside = runtime.enter();
            Box::new(assets.reader(&key, bytes))
        }))
    }

    pub(super) fn provider_at(&self, route: usize) -> Option<std::sync::Arc<dyn Provider>> {
        let account = &self.job().plan.at(route)?.route.account;
        Some(std::sync::Arc::clone(&self.scheduler.accounts.get(account)?.provider))
    }

    fn provider(&self) -> Option<std::sync::Arc<dyn Provider>> {
        self.provider_at(self.life().open_attempt()?.route)
    }

    /// The account was taken out of the configuration since. It may come back with the next one.
    async fn no_provider(&mut self) {
        tracing::error!(job.id = %self.job().id, "the account of this job is not configured");
        self.release(self.scheduler.clock.now() + self.scheduler.policy.retry_after).await;
    }

    async fn ask_again(&mut self, fault: &Fault) {
        tracing::warn!(job.id = %self.job().id, %fault, "a provider gave no answer");
        let pause = fault.retry_after.unwrap_or(LOOK_AGAIN * 5);
        self.release(self.scheduler.clock.now() + pause).await;
    }

    pub(super) fn tag(&self) -> String {
        tag(&self.job().id, self.life().attempts.len())
    }
}

/// Our name for an attempt at its provider.
fn tag(id: &VideoId, attempt: usize) -> String {
    format!("{id}-{attempt}")
}
