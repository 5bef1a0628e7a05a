//! The scheduler: claims due jobs, does one effect per step, and commits one transition.
//!
//! It keeps nothing in memory that the ledger does not know, so a restart continues every job from there.
//! What comes next is [`decide`]d, and what has happened is [`apply()`]'d, by the rules in `retake-core`;
//! here are only the effects. A transition whose commit fails (a full disk, a locked database) is kept
//! and committed again until it succeeds or the lease is lost: what has happened at a provider must not
//! be forgotten.

mod delivery;
mod effects;
mod guarded;
mod local_render;
mod losses;
mod settling;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::{guarded::Breaks, losses::Losses};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::{RouteState, Step, World, apply, decide, slot_waits},
    fault::chain,
    ids::ReplicaId,
    job::{AttemptState, Event, JobRecord, JobState},
    policy::Policy,
};
use retake_providers::Log;
use retake_store::{
    Change, Claimed, Committed, Job, Ledger, Output, RenderClaim, Slots, StoreError,
};
use tokio::sync::{Notify, Semaphore};

use crate::{
    accounts::Accounts,
    assets::Assets,
    callbacks::Callbacks,
    clock::Clock,
    config::Retention,
    event_feed::EventFeed,
    shares::{Holder, Shares},
    tasks::Tasks,
    vitals::{Pulse, Vitals},
};

/// Steps that run at once. One owner has at most half of them, and whoever comes finds some.
const STEPS_AT_ONCE: u32 = 256;
/// A job of an owner who has no more steps at the time is looked at again after this long.
const NO_STEP: SignedDuration = SignedDuration::from_secs(1);
/// Without news the ledger is asked again after this long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// Rung when there may be something new to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakeup(Arc<Notify>);

impl Wakeup {
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}

/// Works off the jobs of a ledger.
#[derive(Clone)]
pub(crate) struct Scheduler {
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    pub(crate) bell: Wakeup,
    pub(crate) breaks: Breaks,
    pub(crate) clock: Clock,
    /// Where providers can reach this gateway, if they can.
    pub(crate) hooks: Option<Callbacks>,
    /// A replica whose last sign of life is older than this has lost its leases.
    pub(crate) lease: SignedDuration,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) losses: Losses,
    pub(crate) news: EventFeed,
    /// Wakes the notifier.
    pub(crate) notices: Wakeup,
    pub(crate) policy: Policy,
    pub(crate) replica: ReplicaId,
    pub(crate) retention: Retention,
    pub(crate) tasks: Tasks,
}

impl Scheduler {
    /// Works until the tasks are told to stop; steps under way are finished by their own tasks.
    pub(crate) async fn run(self, pulse: Pulse) {
        // A render that lives here keeps its step for as long as it takes.
        let at_once = STEPS_AT_ONCE + self.accounts.residents();
        let permits = Arc::new(Semaphore::new(at_once as usize));
        let shares = Shares::new("steps", at_once as usize);
        while !self.tasks.is_stopping() {
            let claiming = self.clock.working();
            let free = u32::try_from(permits.available_permits()).unwrap_or(at_once);
            let claimed = match self.claim(free).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::error!(error = chain(&error), "failed to claim jobs");
                    Vec::new()
                }
            };
            let more = !claimed.is_empty();
            for claimed in claimed {
                let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { break };
                let owner = claimed.job.owner.clone();
                let share = shares.take(&owner.map_or(Holder::Operator, Holder::Key)).ok();
                let scheduler = self.clone();
                let working = self.clock.working();
                self.tasks.spawn(async move {
                    match share {
                        Some(_) => scheduler.guarded_step(claimed).await,
                        None => scheduler.put_off(claimed).await,
                    }
                    drop((permit, share));
                    scheduler.bell.ring();
                    drop(working);
                });
            }
            pulse.beat();
            drop(claiming);
            if !more {
                self.rest().await;
            }
        }
    }

    /// Keeps this replica's leases alive and takes over those of replicas that fell silent.
    pub(crate) async fn keep_alive(self, pulse: Pulse, vitals: Vitals) {
        while !self.tasks.is_stopping() {
            let now = self.clock.now();
            let beat = async {
                self.ledger.heartbeat(&self.replica, now).await?;
                self.ledger.expire_leases(now - self.lease, now).await
            };
            let beaten = beat.await;
            if beaten.is_ok() {
                pulse.beat();
            }
            self.compare_clocks(&vitals).await;
            match beaten {
                Ok(0) => {}
                Ok(freed) => {
                    tracing::warn!(
                        jobs = freed,
                        "took over the jobs of a replica that fell silent"
                    );
                    self.bell.ring();
                }
                Err(StoreError::ReplicaForgotten { .. }) => {
                    tracing::warn!(
                        "this process was silent for too long; its jobs are claimed anew"
                    );
                    self.ledger.register(&self.replica, now).await.ok();
                }
                Err(error) => {
                    tracing::error!(error = chain(&error), "failed to write the heartbeat");
                }
            }
            tokio::select! {
                () = self.clock.wait_until(now + self.lease / 6) => {}
                () = self.tasks.stopping() => {}
            }
        }
    }

    /// Leases of replicas are judged by each other's clocks.
    async fn compare_clocks(&self, vitals: &Vitals) {
        let asked = self.clock.now();
        // A ledger that does not answer is told of elsewhere.
        if let Ok(Some(theirs)) = self.ledger.clock().await {
            let took = self.clock.now().duration_since(asked);
            vitals.note_skew((asked + took / 2).duration_since(theirs));
        }
    }

    async fn claim(&self, free: u32) -> Result<Vec<Claimed>, StoreError> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        self.ledger.claim(&self.replica, &self.slots(), free, now).await
    }

    fn slots(&self) -> Vec<Slots> {
        self.accounts.slots(&self.replica)
    }

    /// Waits for the bell, the next due moment or the end.
    async fn rest(&self) {
        let now = self.clock.now();
        let latest = now + LOOK_AGAIN;
        let due = self.ledger.next_due(&self.slots()).await.ok().flatten().unwrap_or(latest);
        // A job that is due now but was not claimable waits for a slot; its release rings the bell.
        let until = if due <= now { latest } else { due.min(latest) };
        tokio::select! {
            () = self.bell.rung() => {}
            () = self.clock.wait_until(until) => {}
            () = self.tasks.stopping() => {}
        }
    }

    /// Gives a job back whose owner's other jobs take all steps that one owner may have.
    async fn put_off(&self, claimed: Claimed) {
        let job_step = JobStep {
            scheduler: self,
            claimed,
            stays: None,
            is_marked: false,
            log: Log::default(),
        };
        job_step.give_back(self.clock.now() + NO_STEP).await;
    }

    async fn step(&self, claimed: Claimed) {
        let mut job_step = JobStep {
            scheduler: self,
            claimed,
            stays: None,
            is_marked: false,
            log: Log::default(),
        };
        loop {
            job_step.take_step().await;
            let Some(next) = job_step.stays.take() else { return };
            if !job_step.stay(next).await {
                return;
            }
        }
    }
}

/// A claimed job in the hand of one step.
struct JobStep<'a> {
    scheduler: &'a Scheduler,
    claimed: Claimed,
    /// What was said with providers and is not on record yet.
    log: Log,
    /// Whether the render that was found carries the mark of the attempt, so that it is nobody else's.
    is_marked: bool,
    /// When its next step is due, if the job stays in this hand: see [`local_render`].
    stays: Option<Timestamp>,
}

/// What becomes of the lease after a transition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The same step has more to do.
    Keep,
    /// Anybody may take the next step.
    Free,
    /// Anybody may take the next step, at the earliest then.
    FreeAt(Timestamp),
}

/// Why something that happened is not on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotRecorded {
    /// Somebody else holds the job by now, or this process ends.
    Overtaken,
    /// The render that was found is another attempt's. The job is still held.
    RenderTaken,
    /// The render that was found may be that of a create which is not answered yet. The job is still held.
    RenderInDoubt,
}

impl JobStep<'_> {
    fn job(&self) -> &Job {
        &self.claimed.job
    }

    fn job_record(&self) -> &JobRecord {
        &self.claimed.job.record
    }

    async fn take_step(&mut self) {
        let now = self.scheduler.clock.now();
        let world = self.world(self.claimed.slot.as_deref());
        match decide(self.job_record(), &self.job().plan, &world, &self.policy(), now) {
            Step::Rest => self.release(now + LOOK_AGAIN).await,
            Step::Begin { place } => self.begin(place).await,
            // The slot that it was claimed for is none that it can use now.
            Step::Wait(_) => self.release(now).await,
            Step::RecordLoss => self.record_loss().await,
            Step::Settle => self.settle().await,
            Step::Adopt { attempt } => {
                self.record(Event::Adopted { attempt }, Then::Free).await;
            }
            Step::Poll { remote_id } => self.poll(&remote_id).await,
            Step::Fetch { remote_id } => self.fetch(&remote_id).await,
            Step::Cancel { remote_id } => self.cancel(&remote_id).await,
            Step::End(event) => drop(self.record(event, Then::Free).await),
        }
    }

    /// The state of the world as far as it concerns this job, which has a slot of this account.
    fn world(&self, slot: Option<&str>) -> World {
        let routes = self.job().plan.routes.iter().map(|planned| {
            let account = self.scheduler.accounts.get(&planned.route.account);
            RouteState {
                times: self.scheduler.times(planned),
                has_slot: slot == Some(planned.route.account.as_str()),
                on_unknown_submit: account.and_then(|account| account.on_unknown_submit),
            }
        });
        World { routes: routes.collect() }
    }

    /// Advances the life by `event` and commits it. `false` when that was not to be: then what happened
    /// is not on record, and nothing may be done that relies on it.
    async fn record(&mut self, event: Event, then: Then) -> bool {
        self.record_with(event, then, None).await
    }

    async fn record_with(&mut self, event: Event, then: Then, output: Option<Output>) -> bool {
        self.try_record(event, then, output).await.is_ok()
    }

    async fn try_record(
        &mut self,
        event: Event,
        then: Then,
        output: Option<Output>,
    ) -> Result<(), NotRecorded> {
        self.try_record_events(vec![event], then, output).await
    }

    /// Records what happened, and what follows from it, in one transaction.
    async fn try_record_events(
        &mut self,
        events: Vec<Event>,
        then: Then,
        output: Option<Output>,
    ) -> Result<(), NotRecorded> {
        let now = self.scheduler.clock.now();
        let render = events.first().and_then(|event| self.claim_of(event));
        // The slot of an attempt that ends is given back with it.
        let (plan, world, policy) = (&self.job().plan, self.world(None), self.policy());
        let applied = match apply(self.job_record(), events, plan, &world, &policy, now) {
            Ok(applied) => applied,
            Err(error) => {
                tracing::error!(job.id = %self.job().id, %error, "illegal state transition; the step is dropped");
                self.release(now + LOOK_AGAIN).await;
                return Err(NotRecorded::Overtaken);
            }
        };
        let due = match then {
            Then::FreeAt(moment) => applied.due.map(|due| due.max(moment)),
            Then::Keep | Then::Free => applied.due,
        };
        let expires_at = self.expires_at(&applied.record, output.as_ref(), now);
        let change = Change {
            keep_lease: then == Then::Keep || self.is_resident(&applied.record),
            record: applied.record,
            due,
            waits: applied.waits,
            events: applied.events,
            at: now,
            output,
            expires_at,
            exchanges: self.log.take(),
            render,
        };
        let committed = match self.commit(&change).await {
            Ok(committed) => committed,
            Err(NotRecorded::Overtaken) => {
                self.abandon().await;
                return Err(NotRecorded::Overtaken);
            }
            Err(taken) => return Err(taken),
        };
        if committed.lease_kept && then != Then::Keep {
            self.stays = Some(due.unwrap_or(now));
        }
        self.tell(&change.record);
        self.claimed.job.record = change.record;
        self.claimed.job.output = change.output.or(self.claimed.job.output.take());
        self.claimed.job.record.cancel_requested |= committed.cancel_requested;
        Ok(())
    }

    /// When the file of a job that ends with this life is removed: what is delivered after its time, what was set
    /// aside and is not delivered at once.
    fn expires_at(
        &self,
        record: &JobRecord,
        output: Option<&Output>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        output.or(self.job().output.as_ref()).filter(|_| record.state.is_ended())?;
        match record.state {
            JobState::Completed => self.scheduler.retention.expires_at(now),
            _ => Some(now),
        }
    }

    /// The policy for this job.
    fn policy(&self) -> Policy {
        self.scheduler.policy.for_request(self.job().request.on_moderation)
    }

    /// The render that the open attempt has after this event.
    fn claim_of(&self, event: &Event) -> Option<RenderClaim> {
        let Event::Accepted { remote_id } = event else { return None };
        let attempt = self.job_record().open_attempt()?;
        let found = attempt.state == AttemptState::Unknown && !self.is_marked;
        self.scheduler.render_claim(&attempt.planned, remote_id, found)
    }

    /// Commits until it is durable, or until that cannot be.
    async fn commit(&self, change: &Change) -> Result<Committed, NotRecorded> {
        let mut pause = SignedDuration::from_millis(250);
        loop {
            let error = match self.scheduler.ledger.commit(&self.claimed.lease, change).await {
                Ok(committed) => {
                    self.scheduler.news.ring();
                    if change.record.state.is_ended() {
                        self.scheduler.notices.ring();
                    }
                    return Ok(committed);
                }
                Err(error @ StoreError::LeaseLost { .. }) => {
                    tracing::warn!(job.id = %self.job().id, %error, "lease lost; commit discarded");
                    return Err(NotRecorded::Overtaken);
                }
                Err(StoreError::RenderTaken { .. }) => return Err(NotRecorded::RenderTaken),
                Err(StoreError::RenderInDoubt { .. }) => return Err(NotRecorded::RenderInDoubt),
                Err(error) => error,
            };
            tracing::error!(job.id = %self.job().id, error = chain(&error), "a transition waits for the ledger");
            tokio::select! {
                () = self.scheduler.clock.wait_until(self.scheduler.clock.now() + pause) => {}
                // The lease ends with this process; the next one settles what happened.
                () = self.scheduler.tasks.stopping() => return Err(NotRecorded::Overtaken),
            }
            pause = (pause * 2).min(SignedDuration::from_secs(15));
        }
    }

    /// Gives the job back without a change, unless it has to stay here.
    async fn release(&mut self, due: Timestamp) {
        if self.is_resident(self.job_record()) {
            self.stays = Some(due);
        } else {
            self.give_back(due).await;
        }
    }

    async fn give_back(&self, due: Timestamp) {
        let (plan, world, policy) = (&self.job().plan, self.world(None), self.policy());
        let waits = slot_waits(self.job_record(), plan, &world, &policy, due);
        let released = self.scheduler.ledger.release(&self.claimed.lease, due, &waits).await;
        if let Err(error) = released {
            tracing::error!(job.id = %self.job().id, error = chain(&error), "a job could not be given back");
        }
    }

    fn tell(&self, record: &JobRecord) {
        if !record.state.is_ended() {
            return;
        }
        let took = self.scheduler.clock.now().duration_since(self.job().created_at);
        tracing::info!(
            job.id = %self.job().id,
            job.attempts = record.attempts.len(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(0),
            "the video {}", record.state
        );
    }
}
