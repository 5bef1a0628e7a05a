//! The effects: what each step does at a provider or with a file, and what it records of it.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::VideoId,
    life::{AttemptState, Event},
    policy::Policy,
    request::Shot,
};
use retake_providers::{
    CancelOutcome, FetchError, LookUp, Lost, Polled, Provider, Render, SourceVideo, Submission,
    SubmitError,
};

use super::{Hand, LOOK_AGAIN, Then, guarded::Watched};
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
        let event = match provider.submit(submission, &self.log).await {
            Ok(submitted) => Event::Accepted { remote_id: submitted.remote_id },
            Err(SubmitError::Refused(fault)) => Event::AttemptFailed { fault },
            Err(SubmitError::Lost(fault)) => Event::SubmitLost { fault },
        };
        self.record(event, Then::Free).await;
    }

    /// Finds out what became of a submit whose answer was lost.
    pub(super) async fn settle(&mut self) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let Some(lost) = self.lost().await else { return };
        match provider.look_up(&lost, &self.log).await {
            Ok(LookUp::Found(remote_id)) => match self.is_taken(&remote_id).await {
                Ok(false) => drop(self.record(Event::Accepted { remote_id }, Then::Free).await),
                // It is another job's render, so nothing was learnt of ours.
                Ok(true) => {
                    self.wait_out(lost.begun_at + self.scheduler.policy.deadline).await;
                }
                Err(fault) => self.ask_again(&fault).await,
            },
            Ok(LookUp::Absent) => {
                // Without a fault on record the process died before it heard anything.
                let told = self.life().open_attempt().and_then(|attempt| attempt.fault.clone());
                let fault = told.unwrap_or_else(Fault::interrupted);
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
            }
            Ok(LookUp::Unknowable { over_after }) => {
                let over_after = SignedDuration::try_from(over_after).unwrap_or_default();
                self.wait_out(lost.begun_at + over_after).await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    /// Whether a render is that of an attempt on record. Ours is not: its name was never heard.
    async fn is_taken(&self, remote_id: &str) -> Result<bool, Fault> {
        let known = self.scheduler.ledger.knows_render(remote_id).await;
        known.map_err(|error| Fault::new(FaultKind::Storage, FaultSource::Us, error.to_string()))
    }

    /// Holds a job whose submit nobody can settle until the render would be over either way. Only then may
    /// another attempt be made; this one is counted as possibly billed.
    async fn wait_out(&mut self, over: Timestamp) {
        let now = self.scheduler.clock.now();
        if now < over {
            if self.life().open_attempt().is_some_and(|open| open.state == AttemptState::Intent) {
                let message = "the process was stopped before the provider answered the submit";
                let fault = Fault::new(FaultKind::Lost, FaultSource::Us, message);
                self.record(Event::SubmitLost { fault }, Then::FreeAt(over)).await;
            } else {
                self.release(over).await;
            }
            return;
        }
        let message = "the answer to the submit was lost, and the provider cannot say what became \
            of it: it may have been rendered and billed";
        let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, message);
        self.record(Event::AttemptFailed { fault }, Then::Free).await;
    }

    /// What was submitted by the open attempt.
    async fn lost(&mut self) -> Option<Lost> {
        let attempt = self.life().open_attempt()?;
        let (route, begun_at, tag) = (attempt.route, attempt.begun_at, self.tag());
        let planned = self.job().plan.at(route)?.clone();
        let (first_frame, characters) = match self.pictures(&planned.shot).await {
            Ok(pictures) => pictures,
            Err(error) => {
                let message = format!("a picture of the request could not be read: {error}");
                let fault = Fault::new(FaultKind::Storage, FaultSource::Us, message);
                self.ask_again(&fault).await;
                return None;
            }
        };
        let source = self.source(&planned.shot);
        let hook = self.hook(&planned.route.account, &tag);
        let first_frame_url = self.first_frame_url(&planned.shot);
        let (model, shot) = (planned.route.model, planned.shot);
        let submission =
            Submission { tag, model, shot, first_frame, first_frame_url, characters, source, hook };
        Some(Lost { submission, begun_at, lost_at: begun_at })
    }

    /// The render of the open attempt.
    pub(super) fn render(&self, remote_id: &str) -> Option<Render> {
        let attempt = self.life().open_attempt()?;
        let planned = self.job().plan.at(attempt.route)?;
        Some(Render {
            remote_id: remote_id.to_owned(),
            model: planned.route.model.clone(),
            shot: planned.shot.clone(),
            begun_at: attempt.begun_at,
        })
    }

    pub(super) async fn poll(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let Some(render) = self.render(remote_id) else { return };
        let log = self.log.clone();
        let polled = self.unless_stopped(provider.poll(&render, &log)).await;
        let Watched::Done(polled) = polled else { return };
        match polled {
            Ok(Polled::Running { percent, ask_again_in, note }) => {
                let next = self.scheduler.clock.now() + ask_again_in;
                let open = self.life().open_attempt();
                let known = open.map_or(0, |attempt| attempt.progress);
                let noted = open.and_then(|attempt| attempt.note.clone());
                match note {
                    Some(note) if noted.as_ref() != Some(&note) => {
                        self.record(Event::Noted { note }, Then::FreeAt(next)).await;
                    }
                    _ if percent > known => {
                        self.record(Event::Progressed { percent }, Then::FreeAt(next)).await;
                    }
                    _ => self.release(next).await,
                }
            }
            Ok(Polled::Rendered { .. }) => {
                self.record(Event::Rendered, Then::Free).await;
            }
            Ok(Polled::Failed { fault, .. }) => {
                if self.record(Event::AttemptFailed { fault }, Then::Free).await {
                    provider.forget(remote_id).await;
                }
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    pub(super) async fn fetch(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let Some(render) = self.render(remote_id) else { return };
        let Some(attempt) = self.life().open_attempt().map(|attempt| attempt.number) else {
            return;
        };
        let id = self.job().id.clone();
        let sound_asked = self.job().request.audio == Some(true);
        let (log, assets) = (self.log.clone(), self.scheduler.assets.clone());
        let errand = Errand { id: &id, attempt, render: &render, sound_asked, log: &log };
        let collected = self.unless_stopped(collect(&assets, provider.as_ref(), &errand)).await;
        let Watched::Done(collected) = collected else { return };
        match collected {
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
        let known = if let Some(remote_id) = remote_id {
            Ok(LookUp::Found(remote_id))
        } else {
            let Some(lost) = self.lost().await else { return };
            self.look_up_to_stop(provider.as_ref(), &lost).await
        };
        let stopped = match known {
            Ok(LookUp::Found(remote_id)) => {
                let Some(render) = self.render(&remote_id) else { return };
                provider.cancel(&render, &self.log).await
            }
            // What nobody can find nobody can stop.
            Ok(LookUp::Absent | LookUp::Unknowable { .. }) => Ok(CancelOutcome::Over),
            Err(fault) => Err(fault),
        };
        match stopped {
            Ok(CancelOutcome::Over | CancelOutcome::GoesOn) => {
                self.record(Event::Cancelled, Then::Free).await;
            }
            // What cannot be stopped is not waited for longer than it would be tried.
            Err(fault) if self.is_late() => {
                tracing::warn!(job.id = %self.job().id, %fault, "a render could not be stopped and may be billed");
                self.record(Event::Cancelled, Then::Free).await;
            }
            Err(fault) => self.ask_again(&fault).await,
        }
    }

    /// Looks for a lost render that is to be stopped. That of another attempt is nobody's to stop.
    async fn look_up_to_stop(&self, provider: &dyn Provider, lost: &Lost) -> Result<LookUp, Fault> {
        match provider.look_up(lost, &self.log).await {
            Ok(LookUp::Found(remote_id)) if self.is_taken(&remote_id).await? => Ok(LookUp::Absent),
            known => known,
        }
    }

    /// Whether the open attempt began so long ago that no other would begin any more.
    fn is_late(&self) -> bool {
        let now = self.scheduler.clock.now();
        let begun = self.life().open_attempt().map(|attempt| attempt.begun_at);
        begun.is_some_and(|at| now > at + self.scheduler.policy.deadline)
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
        let hook = self.hook(&planned.route.account, &tag);
        let first_frame_url = self.first_frame_url(&planned.shot);
        let (model, shot) = (planned.route.model, planned.shot);
        Some(Submission {
            tag,
            model,
            shot,
            first_frame,
            first_frame_url,
            characters,
            source,
            hook,
        })
    }

    /// Where the provider can tell us that it is done, if this gateway can be reached from there.
    fn hook(&self, account: &str, tag: &str) -> Option<String> {
        self.scheduler.hooks.as_ref()?.url(account, tag)
    }

    /// Where the provider can fetch the picture to start from, if this gateway can be reached from there.
    fn first_frame_url(&self, shot: &Shot) -> Option<String> {
        let picture = shot.first_frame.as_ref()?;
        Some(self.scheduler.hooks.as_ref()?.picture_url(&picture.key))
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
        // Whoever is told to come back tomorrow may find a finished file gone.
        let pause = fault.retry_after.unwrap_or(LOOK_AGAIN * 5).min(Policy::LONG_PAUSE);
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
