//! The schedule of one job, computed when it is admitted.

use jiff::{SignedDuration, Timestamp};

use super::{Failure, JobState, Record};
use crate::{
    Provider,
    clock::later,
    fault::{Cause, Fault, FaultKind},
    fault_sampler,
    scenario::Conditions,
};

/// The times at which a job changes its state. Everything after the start is relative to it.
#[derive(Clone, Debug)]
pub(crate) struct JobSchedule {
    /// When the job would start if no other were ahead.
    pub(super) ready_at: Timestamp,
    pub(super) starts_at: Timestamp,
    /// How long the render takes without a fault.
    render: SignedDuration,
    /// The progress at which a stuck render stops.
    stuck_at: Option<f64>,
    fails_after: Option<SignedDuration>,
    done_after: Option<SignedDuration>,
    pub(super) cancelled_at: Option<Timestamp>,
    bills_failures: bool,
}

impl JobSchedule {
    /// The schedule of an accepted job that can start at `slot` at the earliest.
    pub(super) fn new(record: &Record, it: &Conditions, seed: u64, slot: Timestamp) -> Self {
        let vary = |what, stretch: SignedDuration| {
            let sample = fault_sampler::sample(seed, what, record.provider, record.number);
            scale(stretch, 0.75 + fault_sampler::unit_fraction(sample) / 2.0)
        };
        let (queue, render) = (vary("queue", it.queue), vary("render", it.render));
        let ready_at = later(record.exists_from, queue);
        let mut schedule = Self {
            ready_at,
            starts_at: ready_at.max(slot),
            render,
            stuck_at: None,
            fails_after: None,
            done_after: Some(render),
            cancelled_at: None,
            bills_failures: it.bills_failures,
        };
        if let Some(fault) = &record.fault_plan.run {
            schedule.apply_fault(fault);
        }
        schedule
    }

    fn apply_fault(&mut self, fault: &Fault) {
        let progress = fault.progress.unwrap_or(0.5);
        let then = scale(self.render, progress);
        match fault.kind {
            FaultKind::Fail | FaultKind::FailGeneric | FaultKind::ErrorIn200 => {
                (self.fails_after, self.done_after) = (Some(then), None);
            }
            FaultKind::Stuck => (self.stuck_at, self.done_after) = (Some(progress), None),
            FaultKind::LateSuccess => {
                self.done_after = Some(then.saturating_add(fault.lasting_or(300)));
                if fault.shape.as_deref() == Some("silent") {
                    self.stuck_at = Some(progress);
                } else {
                    self.fails_after = Some(then);
                }
            }
            _ => {}
        }
    }

    /// When the job ends; never for one that is stuck.
    pub(super) fn final_at(&self) -> Timestamp {
        let ends = self.done_after.or(self.fails_after);
        let ends = ends.map_or(Timestamp::MAX, |after| later(self.starts_at, after));
        self.cancelled_at.unwrap_or(ends)
    }

    pub(super) fn has_started(&self, now: Timestamp) -> bool {
        self.starts_at <= now
    }

    pub(super) fn state(&self, record: &Record, now: Timestamp) -> JobState {
        let past = |after: Option<SignedDuration>| {
            after.is_some_and(|after| later(self.starts_at, after) <= now)
        };
        if self.cancelled_at.is_some_and(|at| at <= now) {
            JobState::Cancelled
        } else if !self.has_started(now) {
            JobState::Queued { ahead: 0 }
        } else if past(self.done_after) {
            JobState::Done
        } else if past(self.fails_after) {
            JobState::Failed(self.failure(record))
        } else {
            JobState::Running { progress: self.progress(now) }
        }
    }

    fn progress(&self, now: Timestamp) -> f64 {
        let whole = self.render.as_secs_f64().max(f64::MIN_POSITIVE);
        let part = now.duration_since(self.starts_at).as_secs_f64() / whole;
        part.min(self.stuck_at.unwrap_or(1.0)).clamp(0.0, 0.99)
    }

    /// When the state changes next without a cancellation.
    pub(super) fn next_change_at(&self, now: Timestamp) -> Option<Timestamp> {
        let after = |after: Option<SignedDuration>| after.map(|it| later(self.starts_at, it));
        let moments = [Some(self.starts_at), after(self.fails_after), after(self.done_after)];
        let is_ahead = |moment: &Timestamp| *moment > now && *moment < Timestamp::MAX;
        self.cancelled_at.is_none().then(|| moments.into_iter().flatten().filter(is_ahead).min())?
    }

    pub(super) fn ended_at(&self, state: &JobState) -> Option<Timestamp> {
        let after = match state {
            JobState::Queued { .. } | JobState::Running { .. } => return None,
            JobState::Cancelled => return self.cancelled_at,
            JobState::Done => self.done_after,
            JobState::Failed(_) => self.fails_after,
        };
        after.map(|after| later(self.starts_at, after))
    }

    fn failure(&self, record: &Record) -> Failure {
        let fault = record.fault_plan.run.as_ref();
        let cause = fault.and_then(|it| it.cause).unwrap_or(Cause::RuntimeError);
        // Runway keeps the credits of moderated tasks (Runway docs, 2026-11-21).
        let keeps = record.provider == Provider::Runway && cause == Cause::ContentModeration;
        Failure {
            cause,
            shape: fault.and_then(|it| it.shape.clone()),
            is_generic: fault.is_some_and(|it| {
                matches!(it.kind, FaultKind::FailGeneric | FaultKind::LateSuccess)
            }),
            billed: fault.and_then(|it| it.billed).unwrap_or(self.bills_failures || keeps),
            sample: fault.map_or(0, |it| it.sample),
        }
    }

    /// The amount billed for a job in this state, in millionths of a US dollar.
    pub(super) fn billed_micros(&self, record: &Record, state: &JobState) -> u64 {
        let is_billed = match state {
            JobState::Queued { .. } | JobState::Running { .. } => false,
            JobState::Done => true,
            JobState::Failed(failure) => failure.billed,
            // Replicate bills cancelled runs of public models, and Runway refunds no task that runs
            // (the docs of both, 2026-11-21).
            JobState::Cancelled => {
                matches!(record.provider, Provider::Replicate | Provider::Runway)
                    && self.cancelled_at.is_some_and(|at| self.has_started(at))
            }
        };
        if is_billed { record.create.price_micros } else { 0 }
    }
}

fn scale(stretch: SignedDuration, by: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(stretch.as_secs_f64() * by).unwrap_or(SignedDuration::MAX)
}
