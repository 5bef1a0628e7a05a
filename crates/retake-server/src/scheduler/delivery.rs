//! What a provider says of a render beside its progress, and bringing its file in: what it announces, what it charged,
//! and what its download brings.

use retake_core::{
    decide::{AfterDownload, after_download, has_other_route},
    fault::{Fault, FaultKind, FaultSource, chain},
    job::{DownloadFinding, Event},
    money::Usd,
    output::{OnMismatch, OutputSpec, list, should_cancel},
};
use retake_providers::{CancelOutcome, Echo, Provider, Submitted};
use retake_store::Output;

use super::{JobStep, Then, effects::why_uncancelled, guarded::Watched};
use crate::collector::{CollectError, Collected, FetchTask, collect, is_better};

impl JobStep<'_> {
    /// Records that the provider accepted the render. Where it announces another one than was asked for, that is
    /// told at once, and the render is cancelled if its owner wants nothing else and the provider can cancel it.
    pub(super) async fn accept(&mut self, provider: &dyn Provider, submitted: Submitted) {
        let Submitted { remote_id, echo } = submitted;
        let event = Event::Accepted { remote_id: remote_id.clone() };
        let Some(render) = self.render(&remote_id) else { return };
        let asked = self.job().request.expected_output(&render.spec);
        let output =
            announced(&echo, render.spec.continued().map(|_| render.spec.new_seconds()), &asked);
        let differences = asked.differences(&output, self.scheduler.policy.tolerance);
        if differences.is_empty() {
            self.record(event, Then::Free).await;
            return;
        }
        let list = list(&differences);
        let note = format!("the provider announced another video than was asked for: {list}");
        let (fit, on_mismatch) = (self.job().request.fit, self.on_mismatch());
        let cancels = should_cancel(
            &differences,
            fit,
            on_mismatch,
            has_other_route(self.job_record(), &self.job().plan, &self.policy()),
        );
        let then = if cancels { Then::Keep } else { Then::Free };
        // A crash in between would take the announcement with it: no other answer repeats it.
        let announced = Event::Announced { output, note: note.clone() };
        let recorded = self.try_record_events(vec![event, announced], then, None).await;
        if recorded.is_err() || !cancels {
            return;
        }
        match provider.cancel(&render, &self.log).await {
            Ok(CancelOutcome::Stopped) => {
                let message = format!("{note}; it was cancelled");
                let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
                self.record(Event::AttemptFailed { fault }, Then::Free).await;
            }
            // It is paid for either way, so its file is judged when it is there.
            Ok(outcome) => {
                let note = format!("{note}; {}", why_uncancelled(outcome));
                self.record(Event::Announced { output, note }, Then::Free).await;
            }
            Err(fault) => {
                let note = format!("{note}; it could not be cancelled: {}", fault.message);
                self.record(Event::Announced { output, note }, Then::Free).await;
            }
        }
    }

    /// Records what the provider said that it charged.
    pub(super) async fn charge(&mut self, charged: Option<Usd>) {
        let known = self.job_record().open_attempt().and_then(|attempt| attempt.charged);
        if let Some(amount) = charged.filter(|amount| Some(*amount) != known) {
            self.record(Event::Charged { amount }, Then::Keep).await;
        }
    }

    /// Brings the file of a finished render in.
    pub(super) async fn fetch(&mut self, remote_id: &str) {
        let Some(provider) = self.provider() else { return self.no_provider().await };
        let Some(render) = self.render(remote_id) else { return };
        let Some(attempt) = self.job_record().open_attempt().map(|attempt| attempt.number) else {
            return;
        };
        let id = self.job().id.clone();
        let (policy, request) = (&self.scheduler.policy, &self.job().request);
        let owner = self.job().owner.clone();
        let (asked, tolerance) = (request.expected_output(&render.spec), policy.tolerance);
        let (log, assets) = (self.log.clone(), self.scheduler.assets.clone());
        let owner = owner.as_ref();
        let errand =
            FetchTask { id: &id, owner, attempt, render: &render, asked, tolerance, log: &log };
        let collected = self.unless_stopped(collect(&assets, provider.as_ref(), &errand)).await;
        let Watched::Done(collected) = collected else { return };
        match collected {
            Ok(collected) => {
                if self.keep(collected).await {
                    provider.forget(remote_id).await;
                }
            }
            Err(CollectError::Again { fault, finding }) => {
                self.record_failed_download(fault, finding, None).await;
            }
            // What was called finished is not thrown away for one word that it failed.
            Err(CollectError::Contradicted(fault)) => {
                let disputed = Event::Disputed { fault: fault.clone() };
                self.record_failed_download(fault, None, Some(disputed)).await;
            }
            Err(CollectError::Interrupted(fault)) => {
                if self.record(Event::AttemptFailed { fault }, Then::Free).await {
                    provider.forget(remote_id).await;
                }
            }
        }
    }

    /// Records that a download failed, and what follows from that. `disputed` is what its provider said against the
    /// render itself.
    async fn record_failed_download(
        &mut self,
        fault: Fault,
        finding: Option<DownloadFinding>,
        disputed: Option<Event>,
    ) {
        let now = self.scheduler.clock.now();
        let Some(mut attempt) = self.job_record().open_attempt().cloned() else { return };
        // It is on record once: the first word of it counts.
        let disputed = disputed.filter(|_| attempt.fault.is_none());
        if let Some(Event::Disputed { fault }) = &disputed {
            attempt.fault = Some(fault.clone());
            attempt.file.doubted_since.get_or_insert(now);
        }
        let (id, words) = (&self.job().id, fault.without_words());
        let follows = after_download(&attempt, &fault, finding.as_ref(), &self.policy(), now);
        let (again_at, lost) = match follows {
            AfterDownload::AgainAt(at) => {
                tracing::warn!(job.id = %id, fault = words, "failed to download a finished render; will try again");
                (Some(at), None)
            }
            AfterDownload::Lost(fault) => {
                tracing::warn!(job.id = %id, fault = words, "failed to download a finished render; its file is lost");
                (None, Some(Event::AttemptFailed { fault }))
            }
        };
        let then = again_at.map_or(Then::Free, Then::FreeAt);
        let failed = Event::FetchFailed { fault, finding, again_at };
        let events = disputed.into_iter().chain([failed]).chain(lost).collect();
        self.try_record_events(events, then, None).await.ok();
    }

    /// Records a verified file: as the video, or set aside where its owner wants another route tried first. The
    /// better one of two that were set aside stays.
    async fn keep(&mut self, collected: Collected) -> bool {
        let Collected { output, pin } = collected;
        let before = self.job().output.clone();
        if output.differences.is_empty() || self.on_mismatch() == OnMismatch::Keep {
            let recorded = self.record_with(Event::Stored, Then::Free, Some(output)).await;
            drop(pin);
            if recorded {
                self.discard(before).await;
            }
            return recorded;
        }
        let message =
            format!("the finished render is not what was asked for: {}", list(&output.differences));
        let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
        let event = Event::SetAside { fault };
        if before.as_ref().is_some_and(|kept| !is_better(&output.differences, kept)) {
            let recorded = self.record(event, Then::Free).await;
            self.scheduler.assets.take_back(pin, self.scheduler.ledger.as_ref()).await;
            return recorded;
        }
        let recorded = self.record_with(event, Then::Free, Some(output)).await;
        drop(pin);
        if recorded {
            self.discard(before).await;
        }
        recorded
    }

    /// Removes a file that was set aside and that a better one has replaced.
    async fn discard(&self, replaced: Option<Output>) {
        let Some(output) = replaced else { return };
        let (assets, ledger) = (&self.scheduler.assets, self.scheduler.ledger.as_ref());
        if let Err(error) = assets.discard(&output.key, ledger).await {
            // The sweep takes it.
            tracing::warn!(
                key = output.key,
                error = chain(&error),
                "failed to remove a replaced file"
            );
        }
    }

    fn on_mismatch(&self) -> OnMismatch {
        let asked = self.job().request.on_output_mismatch;
        asked.unwrap_or(self.scheduler.policy.on_output_mismatch)
    }
}

/// What a provider announces. Of an extension it may tell the length of the new part only.
fn announced(echo: &Echo, new_seconds: Option<u32>, asked: &OutputSpec) -> OutputSpec {
    let is_new_part = |ms: u64| new_seconds.is_some_and(|new| ms == u64::from(new) * 1000);
    let duration_ms = match echo.duration_ms {
        Some(ms) if is_new_part(ms) => asked.duration_ms,
        told => told,
    };
    OutputSpec { size: echo.size, duration_ms, sound: None }
}
