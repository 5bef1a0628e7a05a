//! Steps that break or take too long.
//!
//! A step that panics must not keep its job: nobody else may touch it while it is leased. So it is given back
//! after a pause, and one that breaks the gateway each time ends with that. And a step that only asks or fetches is
//! broken off when its job is to be stopped, or the process ends: what it would have learnt is asked again.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt as _;
use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::VideoId,
    job::Event,
};
use retake_providers::Log;
use retake_store::Claimed;

use super::{JobStep, Scheduler, Then};
use crate::tasks::panic_text;

/// Steps of one job that may break before it ends.
const MOST_BREAKS: u32 = 3;
/// Pause after a step that broke, as often as it did.
const AFTER_BREAK: SignedDuration = SignedDuration::from_secs(10);
/// How often the ledger is asked whether a job is to be stopped while a step takes its time.
const LOOK: SignedDuration = SignedDuration::from_secs(2);
/// Jobs whose breaks are remembered.
const REMEMBERED: usize = 4096;

/// How often each job broke a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaks(Arc<Mutex<HashMap<VideoId, u32>>>);

impl Breaks {
    fn count(&self, id: &VideoId) -> u32 {
        let mut breaks = self.lock();
        if breaks.len() >= REMEMBERED {
            breaks.clear();
        }
        let count = breaks.entry(id.clone()).or_default();
        *count += 1;
        *count
    }

    fn forget(&self, id: &VideoId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of work that may be broken off.
pub(super) enum Watched<T> {
    Done(T),
    /// The job is to be stopped, or the process ends.
    BrokenOff,
}

impl Scheduler {
    /// Takes the next step of a job, and gives the job back if that panics.
    pub(super) async fn guarded_step(&self, claimed: Claimed) {
        let kept = claimed.clone();
        let Err(panic) = AssertUnwindSafe(self.step(claimed)).catch_unwind().await else { return };
        let id = kept.job.id.clone();
        let (breaks, why) = (self.breaks.count(&id), panic_text(&*panic));
        tracing::error!(job.id = %id, breaks, why, "a step panicked; its job is given back");
        let mut job_step = JobStep {
            scheduler: self,
            claimed: kept,
            stays: None,
            is_marked: false,
            log: Log::default(),
        };
        if breaks < MOST_BREAKS {
            let breaks = i32::try_from(breaks).unwrap_or(i32::MAX);
            return job_step.give_back(self.clock.now() + AFTER_BREAK * breaks).await;
        }
        self.breaks.forget(&id);
        // What was recorded before it panicked is not in our copy.
        match self.ledger.job(&id).await {
            Ok(Some(job)) => job_step.claimed.job = job,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(job.id = %id, error = chain(&error), "a broken job could not be looked at");
                return job_step.give_back(self.clock.now() + AFTER_BREAK).await;
            }
        }
        // What the panic said may repeat what somebody wrote, so it stands in the log only.
        let message = format!(
            "the gateway broke over this job {MOST_BREAKS} times; the log has the reason under its id"
        );
        let fault = Fault::new(FaultKind::InternalError, FaultSource::Gateway, message);
        job_step.record(Event::Broken { fault }, Then::Free).await;
    }
}

impl JobStep<'_> {
    /// Does work that changes nothing at a provider, unless the job is to be stopped meanwhile. Then it is given
    /// back, due at once.
    pub(super) async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Watched<T> {
        let done = tokio::select! {
            biased;
            done = work => Some(done),
            () = self.stopped() => None,
        };
        let Some(done) = done else {
            tracing::info!(job.id = %self.job().id, "a step is broken off");
            self.release(self.scheduler.clock.now()).await;
            return Watched::BrokenOff;
        };
        Watched::Done(done)
    }

    /// Resolves when the job is to be stopped, or the process ends.
    async fn stopped(&self) {
        let Scheduler { clock, ledger, tasks, .. } = self.scheduler;
        // Whoever steps on after that was asked knows why.
        let knows = self.job_record().cancel_requested;
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = clock.wait_until(clock.now() + LOOK) => {}
            }
            let job = ledger.job(&self.job().id).await.ok().flatten();
            if !knows && job.is_some_and(|job| job.record.cancel_requested) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures::stream::{self, BoxStream, StreamExt as _};
    use retake_core::job::JobState;
    use retake_providers::{
        AccountStatus, CancelOutcome, FetchError, Polled, Provider, Reconciliation, Render,
        Submission, SubmitError, Submitted, UnconfirmedSubmit,
    };
    use retake_store::Job;

    use super::*;
    use crate::{
        accounts::{Account, Accounts},
        scheduler::{STEPS_AT_ONCE, tests::SchedulerTest},
        vitals::Vitals,
    };

    /// What goes wrong at a provider.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Trouble {
        /// The code that reads its answers panics.
        Panics,
        /// The code panics once.
        PanicsOnce,
        /// A question gets no answer.
        SaysNothing,
        /// A file drips.
        Drips,
    }

    struct Troubled {
        with: Trouble,
        polls: AtomicU32,
        submits: AtomicU32,
        cancels: AtomicU32,
    }

    impl Troubled {
        fn with(with: Trouble) -> Arc<Self> {
            let none = || AtomicU32::new(0);
            Arc::new(Self { with, polls: none(), submits: none(), cancels: none() })
        }
    }

    #[async_trait]
    impl Provider for Troubled {
        async fn submit(&self, _: Submission, _: &Log) -> Result<Submitted, SubmitError> {
            self.submits.fetch_add(1, Ordering::SeqCst);
            Ok("r-1".to_owned().into())
        }

        async fn look_up(&self, _: &UnconfirmedSubmit, _: &Log) -> Result<Reconciliation, Fault> {
            Ok(Reconciliation::Absent)
        }

        async fn poll(&self, _: &Render, _: &Log) -> Result<Polled, Fault> {
            let polls = self.polls.fetch_add(1, Ordering::SeqCst);
            match self.with {
                Trouble::PanicsOnce if polls > 0 => {}
                Trouble::Panics | Trouble::PanicsOnce => panic!("nobody thought of this answer"),
                Trouble::SaysNothing => std::future::pending().await,
                Trouble::Drips => return Ok(Polled::Rendered { charged: None }),
            }
            Ok(Polled::Running {
                percent: 10,
                ask_again_in: std::time::Duration::from_secs(10),
                note: None,
            })
        }

        async fn fetch(
            &self,
            _: &Render,
            _: &Log,
        ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
            let first = stream::once(async { Ok(Bytes::from_static(b"x")) });
            Ok(first.chain(stream::pending()).boxed())
        }

        async fn cancel(&self, _: &Render, _: &Log) -> Result<CancelOutcome, Fault> {
            self.cancels.fetch_add(1, Ordering::SeqCst);
            Ok(CancelOutcome::Stopped)
        }

        async fn check(&self, _: &Log) -> Result<AccountStatus, Fault> {
            Ok(AccountStatus::default())
        }
    }

    async fn job(test: &SchedulerTest) -> Job {
        test.scheduler.ledger.job(&test.id).await.unwrap().unwrap()
    }

    /// Takes the next step of the job once it is due.
    async fn next(test: &SchedulerTest) {
        loop {
            let claimed = test.scheduler.claim(1).await.unwrap().pop();
            match claimed {
                Some(claimed) => return test.scheduler.guarded_step(claimed).await,
                None => test.scheduler.clock.move_on(SignedDuration::from_secs(1)),
            }
        }
    }

    #[tokio::test]
    async fn a_job_whose_step_panicked_is_given_back_after_a_pause_and_goes_on() {
        let provider = Troubled::with(Trouble::PanicsOnce);
        let test = SchedulerTest::with(&[("north", Arc::clone(&provider))]).await;
        next(&test).await;
        next(&test).await;
        assert!(test.scheduler.claim(1).await.unwrap().is_empty(), "there is a pause");

        next(&test).await;

        assert_eq!(job(&test).await.record.open_attempt().unwrap().progress, 10);
        assert_eq!(provider.submits.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_job_that_breaks_every_step_ends_and_says_that_the_gateway_is_at_fault() {
        let provider = Troubled::with(Trouble::Panics);
        let test = SchedulerTest::with(&[("north", Arc::clone(&provider))]).await;
        for _ in 0..4 {
            next(&test).await;
        }

        let ended = job(&test).await;
        let JobState::Failed(fault) = &ended.record.state else { panic!("{:?}", ended.record) };
        assert_eq!((fault.kind, fault.source), (FaultKind::InternalError, FaultSource::Gateway));
        assert!(fault.message.contains("3 times"), "{fault}");
        assert!(ended.record.attempts[0].may_cost(), "the provider goes on rendering");
        assert_eq!(provider.polls.load(Ordering::SeqCst), 3);
        assert_eq!(provider.submits.load(Ordering::SeqCst), 1, "nothing is bought again");
    }

    /// A job is asked to stop while the step runs that hangs.
    async fn stopped_in_the_middle(trouble: Trouble) {
        let provider = Troubled::with(trouble);
        let test = SchedulerTest::with(&[("north", Arc::clone(&provider))]).await;
        next(&test).await;
        if trouble == Trouble::Drips {
            next(&test).await;
        }
        let claimed = test.scheduler.claim(1).await.unwrap().pop().unwrap();
        let mut hanging = Box::pin(test.scheduler.guarded_step(claimed));
        assert!(futures::poll!(&mut hanging).is_pending());
        let now = test.scheduler.clock.now();
        test.scheduler.ledger.request_cancel(&test.id, now).await.unwrap();

        while futures::poll!(&mut hanging).is_pending() {
            test.scheduler.clock.move_on(LOOK);
            tokio::task::yield_now().await;
        }
        next(&test).await;

        assert_eq!(job(&test).await.record.state, JobState::Cancelled);
        assert_eq!(provider.cancels.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_cancel_interrupts_a_question_that_gets_no_answer() {
        Box::pin(stopped_in_the_middle(Trouble::SaysNothing)).await;
    }

    #[tokio::test]
    async fn a_cancel_interrupts_a_download_that_drips() {
        Box::pin(stopped_in_the_middle(Trouble::Drips)).await;
    }

    #[tokio::test]
    async fn a_shutdown_interrupts_a_question_and_gives_the_job_back() {
        let test = SchedulerTest::with(&[("north", Troubled::with(Trouble::SaysNothing))]).await;
        next(&test).await;
        let claimed = test.scheduler.claim(1).await.unwrap().pop().unwrap();
        let mut hanging = Box::pin(test.scheduler.guarded_step(claimed));
        assert!(futures::poll!(&mut hanging).is_pending());

        test.scheduler.tasks.stop();
        hanging.await;

        assert_eq!(test.scheduler.claim(1).await.unwrap().len(), 1, "anybody may go on");
    }

    #[tokio::test]
    async fn steps_of_one_owner_that_hang_leave_some_for_everybody_else() {
        let provider = Troubled::with(Trouble::SaysNothing);
        let mut test = SchedulerTest::with(&[("north", Arc::clone(&provider))]).await;
        let accounts = test.scheduler.accounts.iter().cloned();
        let wide = accounts.map(|account| Account { concurrency: 9_999, ..account });
        test.scheduler.accounts = Accounts::new(wide.collect());
        let (many, few) = (test.a_key("many").await, test.a_key("few").await);
        for _ in 0..STEPS_AT_ONCE * 2 {
            test.asked_by(&many).await;
        }
        let vitals = Vitals::new(SignedDuration::from_secs(1));
        let pulse = vitals.pulse("scheduler", std::time::Duration::from_mins(1));
        test.scheduler.tasks.spawn(test.scheduler.clone().run(pulse));
        while provider.polls.load(Ordering::SeqCst) < STEPS_AT_ONCE / 2 {
            test.scheduler.clock.move_on(SignedDuration::from_secs(1));
            tokio::task::yield_now().await;
        }

        let late = test.asked_by(&few).await;
        loop {
            test.scheduler.clock.move_on(SignedDuration::from_secs(1));
            tokio::task::yield_now().await;
            let job = test.scheduler.ledger.job(&late).await.unwrap().unwrap();
            if job.record.open_attempt().is_some() {
                break;
            }
        }
        test.scheduler.tasks.stop();
    }
}
