//! Jobs whose render lives in this process.
//!
//! Nobody else can follow such a render, fetch its file or stop it, so its job is not given back between two
//! steps: the lease is kept until the attempt is over. That is all it takes for several replicas. While this
//! one is alive nobody else can claim the job, and when it falls silent the job is claimed by another, which
//! does not know the render, finds that it was interrupted and begins anew.

use jiff::Timestamp;
use retake_core::{fault::chain, job::JobRecord};

use super::JobStep;

impl JobStep<'_> {
    /// Whether a job with this life has to stay in this hand.
    pub(super) fn is_resident(&self, record: &JobRecord) -> bool {
        let open = record.open_attempt();
        let open = open.and_then(|attempt| self.scheduler.provider(&attempt.planned));
        open.is_some_and(|provider| provider.is_resident())
    }

    /// Waits until the next step is due. `false` when the job was given back instead, because this process
    /// ends.
    pub(super) async fn stay(&mut self, next: Timestamp) -> bool {
        let clock = &self.scheduler.clock;
        tokio::select! {
            () = clock.wait_until(next) => {}
            () = self.scheduler.tasks.stopping() => {
                self.give_back(clock.now()).await;
                return false;
            }
        }
        // Nothing is committed while a render makes no progress, so the ledger is asked what came in.
        match self.scheduler.ledger.job(&self.job().id).await {
            Ok(Some(job)) => {
                self.claimed.job.record.cancel_requested |= job.record.cancel_requested;
            }
            // An open job is never deleted; if it was taken over, the next commit is refused.
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(job.id = %self.job().id, error = chain(&error), "a job could not be looked at");
            }
        }
        true
    }

    /// Stops a render that nobody will come for any more, because its job was taken over meanwhile.
    pub(super) async fn abandon(&self) {
        let Some(attempt) =
            self.job_record().open_attempt().filter(|_| self.is_resident(self.job_record()))
        else {
            return;
        };
        if self.scheduler.tasks.is_stopping() {
            return;
        }
        let now_open = match self.scheduler.ledger.job(&self.job().id).await {
            Ok(job) => job.and_then(|job| job.record.open_attempt().map(|open| open.number)),
            Err(_) => return,
        };
        // Whoever took it over may be this very process, which is following the same render then.
        if now_open == Some(attempt.number) {
            return;
        }
        let Some(provider) = self.scheduler.provider(&attempt.planned) else { return };
        let remote_id = attempt.remote_id.clone().unwrap_or_else(|| self.tag());
        let Some(render) = self.render(&remote_id) else { return };
        if let Err(fault) = provider.cancel(&render, &self.log).await {
            tracing::warn!(job.id = %self.job().id, fault = fault.without_words(), "a render that nobody needs goes on");
        }
    }
}
