//! Schedules the webhooks that report a job's start and end.

use jiff::{SignedDuration, Timestamp};

use super::EmulatorContext;
use crate::{
    fault::{Cause, FaultKind},
    simulator::{Failure, JobState, JobView},
    webhook_sender::WebhookRequest,
};

/// The change of a job that triggers a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookTrigger {
    /// The render has started.
    Started,
    /// The job is done, has failed or was cancelled.
    Ended,
}

/// One event, for which the emulator builds and signs the requests.
pub(crate) struct WebhookEvent<'a> {
    pub(crate) trigger: WebhookTrigger,
    /// The job as it was when the event happened.
    pub(crate) job: &'a JobView,
    /// The id of this event; a repeated delivery has the same id.
    pub(crate) id: String,
    /// Whether it is signed with the right secret; a forged event is signed with another one.
    pub(crate) is_genuine: bool,
    /// The wall-clock time, for signatures.
    pub(crate) wall: Timestamp,
}

impl EmulatorContext {
    /// Sends webhooks about a job when the triggers occur. `build_requests` builds the requests of
    /// an event; `pauses` are the delays in seconds before the provider retries a delivery.
    pub(crate) fn schedule_webhooks(
        &self,
        job: &JobView,
        triggers: &'static [WebhookTrigger],
        pauses: &'static [i64],
        build_requests: impl Fn(&WebhookEvent<'_>) -> Vec<WebhookRequest> + Send + Sync + 'static,
    ) {
        let (context, id, from) = (self.clone(), job.id().to_owned(), job.accepted_at);
        self.shared.tasks.spawn(async move {
            context.clock().wait_until(from).await;
            let mut held_back = None;
            for &trigger in triggers {
                let Some(job) = context.wait_for(&id, trigger).await else { return };
                if trigger == WebhookTrigger::Started && job.state.has_ended() {
                    continue;
                }
                if trigger == WebhookTrigger::Started
                    && has_webhook_fault(&job, FaultKind::WebhookOutOfOrder)
                {
                    held_back = Some(job);
                    continue;
                }
                context.deliver(trigger, &job, pauses, &build_requests).await;
            }
            if let Some(job) = held_back {
                context.deliver(WebhookTrigger::Started, &job, pauses, &build_requests).await;
            }
        });
    }

    /// Waits until a trigger has occurred; returns `None` when the job is gone.
    async fn wait_for(&self, id: &str, trigger: WebhookTrigger) -> Option<JobView> {
        let mut changes = self.shared.simulator.subscribe();
        loop {
            let job = self.find_job(id)?;
            let has_come = match trigger {
                WebhookTrigger::Started => !matches!(job.state, JobState::Queued { .. }),
                WebhookTrigger::Ended => job.state.has_ended(),
            };
            if has_come {
                return Some(job);
            }
            let next = job.next_change_at;
            tokio::select! {
                () = self.clock().wait_until(next.unwrap_or(Timestamp::MAX)), if next.is_some() => {}
                changed = changes.changed() => if changed.is_err() { return None },
            }
        }
    }

    async fn deliver(
        &self,
        trigger: WebhookTrigger,
        job: &JobView,
        pauses: &[i64],
        build_requests: &(impl Fn(&WebhookEvent<'_>) -> Vec<WebhookRequest> + Sync),
    ) {
        let fault = job.fault_plan.webhook.as_ref();
        let (id, wall) = (self.new_hex_id(32), self.clock().wall());
        let event = WebhookEvent { trigger, job, id: id.clone(), is_genuine: true, wall };
        let mut webhook_requests = build_requests(&event);
        match fault.map(|fault| (fault.kind, fault)) {
            Some((FaultKind::WebhookNever, _)) => return,
            Some((FaultKind::WebhookLate, fault)) => {
                self.clock().wait(fault.lasting_or(600)).await;
                webhook_requests =
                    build_requests(&WebhookEvent { wall: self.clock().wall(), id, ..event });
            }
            Some((FaultKind::WebhookOutOfOrder, _)) if trigger == WebhookTrigger::Ended => {
                self.clock().wait(SignedDuration::from_secs(60)).await;
            }
            Some((FaultKind::WebhookTwice, _)) => webhook_requests.extend(webhook_requests.clone()),
            Some((FaultKind::WebhookForged, _)) => {
                self.deliver_forged(trigger, job, build_requests).await;
            }
            _ => {}
        }
        for webhook_request in webhook_requests {
            if self.shared.webhook_sender.deliver(&webhook_request, pauses).await {
                self.shared
                    .simulator
                    .update_record(self.provider, job.id(), |record| record.webhooks += 1);
            }
        }
    }

    /// Delivers an event with the opposite outcome and a wrong signature.
    async fn deliver_forged(
        &self,
        trigger: WebhookTrigger,
        job: &JobView,
        build_requests: &(impl Fn(&WebhookEvent<'_>) -> Vec<WebhookRequest> + Sync),
    ) {
        let forged = with_opposite_outcome(job, self.clock().now());
        let (id, wall) = (self.new_hex_id(32), self.clock().wall());
        let event = WebhookEvent { trigger, job: &forged, id, is_genuine: false, wall };
        for webhook_request in build_requests(&event) {
            self.shared.webhook_sender.deliver(&webhook_request, &[]).await;
        }
    }
}

fn has_webhook_fault(job: &JobView, kind: FaultKind) -> bool {
    job.fault_plan.webhook.as_ref().is_some_and(|fault| fault.kind == kind)
}

/// The job with the opposite outcome, for a forged webhook.
fn with_opposite_outcome(job: &JobView, now: Timestamp) -> JobView {
    let failure = Failure {
        cause: Cause::RuntimeError,
        shape: None,
        is_generic: true,
        billed: false,
        sample: 0,
    };
    let state = if matches!(job.state, JobState::Done) {
        JobState::Failed(failure)
    } else {
        JobState::Done
    };
    let ended_at = Some(job.ended_at.unwrap_or(now));
    JobView { ended_at, state, ..job.clone() }
}
