//! Tells webhooks what becomes of a job.

use jiff::{SignedDuration, Timestamp};

use super::EmulatorContext;
use crate::{
    fault::{Cause, FaultKind},
    simulator::{Failure, JobView, State},
    webhook_sender::Notice,
};

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The render has started.
    Started,
    /// The job is done, has failed or was cancelled.
    Ended,
}

/// One piece of news, for the emulator to word and to sign.
pub(crate) struct News<'a> {
    pub(crate) moment: Moment,
    /// The job, as it was then.
    pub(crate) job: &'a JobView,
    /// An id of this piece of news; the same when it is delivered again.
    pub(crate) id: String,
    /// Whether to sign it truly. If not, somebody else is to have signed it.
    pub(crate) is_genuine: bool,
    /// The world's time, for signatures.
    pub(crate) wall: Timestamp,
}

impl EmulatorContext {
    /// Tells about a job when the moments come. `word` makes the notices of a piece of news;
    /// `pauses` are those (in seconds) after which the provider tries a delivery again.
    pub(crate) fn tell(
        &self,
        job: &JobView,
        moments: &'static [Moment],
        pauses: &'static [i64],
        word: impl Fn(&News<'_>) -> Vec<Notice> + Send + Sync + 'static,
    ) {
        let (desk, id, from) = (self.clone(), job.id().to_owned(), job.accepted_at);
        self.shared.tasks.spawn(async move {
            desk.clock().wait_until(from).await;
            let mut held_back = None;
            for &moment in moments {
                let Some(job) = desk.wait_for(&id, moment).await else { return };
                if moment == Moment::Started && job.state.has_ended() {
                    continue;
                }
                if moment == Moment::Started && is_told(&job, FaultKind::WebhookOutOfOrder) {
                    held_back = Some(job);
                    continue;
                }
                desk.deliver(moment, &job, pauses, &word).await;
            }
            if let Some(job) = held_back {
                desk.deliver(Moment::Started, &job, pauses, &word).await;
            }
        });
    }

    /// Waits until a moment has come; `None` when the job is gone.
    async fn wait_for(&self, id: &str, moment: Moment) -> Option<JobView> {
        let mut changes = self.shared.stage.changes();
        loop {
            let job = self.look(id)?;
            let has_come = match moment {
                Moment::Started => !matches!(job.state, State::Queued { .. }),
                Moment::Ended => job.state.has_ended(),
            };
            if has_come {
                return Some(job);
            }
            let next = job.changes_at;
            tokio::select! {
                () = self.clock().wait_until(next.unwrap_or(Timestamp::MAX)), if next.is_some() => {}
                changed = changes.changed() => if changed.is_err() { return None },
            }
        }
    }

    async fn deliver(
        &self,
        moment: Moment,
        job: &JobView,
        pauses: &[i64],
        word: &(impl Fn(&News<'_>) -> Vec<Notice> + Sync),
    ) {
        let fault = job.fate.webhook.as_ref();
        let (id, wall) = (self.hex(32), self.clock().wall());
        let news = News { moment, job, id: id.clone(), is_genuine: true, wall };
        let mut notices = word(&news);
        match fault.map(|fault| (fault.kind, fault)) {
            Some((FaultKind::WebhookNever, _)) => return,
            Some((FaultKind::WebhookLate, fault)) => {
                self.clock().wait(fault.lasting_or(600)).await;
                notices = word(&News { wall: self.clock().wall(), id, ..news });
            }
            Some((FaultKind::WebhookOutOfOrder, _)) if moment == Moment::Ended => {
                self.clock().wait(SignedDuration::from_secs(60)).await;
            }
            Some((FaultKind::WebhookTwice, _)) => notices.extend(notices.clone()),
            Some((FaultKind::WebhookForged, _)) => {
                let forged = opposite(job, self.clock().now());
                let lie = News { moment, job: &forged, id: self.hex(32), is_genuine: false, wall };
                for notice in word(&lie) {
                    self.shared.courier.post(&notice, &[]).await;
                }
            }
            _ => {}
        }
        for notice in notices {
            if self.shared.courier.post(&notice, pauses).await {
                self.shared.stage.count(self.provider, job.id(), |record| record.webhooks += 1);
            }
        }
    }
}

fn is_told(job: &JobView, kind: FaultKind) -> bool {
    job.fate.webhook.as_ref().is_some_and(|fault| fault.kind == kind)
}

/// The job as a liar would tell of it.
fn opposite(job: &JobView, now: Timestamp) -> JobView {
    let failure =
        Failure { cause: Cause::RuntimeError, shape: None, generic: true, billed: false, dice: 0 };
    let state = if matches!(job.state, State::Done) { State::Failed(failure) } else { State::Done };
    let ended_at = Some(job.ended_at.unwrap_or(now));
    JobView { ended_at, state, ..job.clone() }
}
