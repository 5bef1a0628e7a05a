//! The types by which emulators create jobs and see their state.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    fault::{Cause, Fault, FaultKind, FaultPlan},
    fault_sampler,
};

/// A create, parsed from a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Create {
    /// The id of the job, in the provider's form.
    pub(crate) id: String,
    /// The caller's key.
    pub(crate) key: String,
    pub(crate) model: String,
    pub(crate) prompt: String,
    /// The length in milliseconds.
    pub(crate) millis: u64,
    /// Pixels, an even number.
    pub(crate) width: u32,
    /// Pixels, an even number.
    pub(crate) height: u32,
    /// Whether the video has a sound track.
    pub(crate) audio: bool,
    /// The number of videos; 0 counts as 1.
    pub(crate) outputs: u32,
    /// The price in millionths of a US dollar.
    pub(crate) price_micros: u64,
    /// The body of the request, for emulators that echo it.
    pub(crate) request: Value,
    /// Further data of the emulator.
    pub(crate) extra: Value,
}

/// The reason why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The call had no key.
    MissingKey,
    /// The key is unknown.
    UnknownKey,
    /// The key was revoked.
    KeyRevoked,
    /// The account is blocked.
    SoftBlock,
    /// The account's credit is insufficient.
    CreditOut,
    /// Too many creates in a minute.
    TooFast,
    /// Too many creates in a day.
    TooManyToday,
    /// Too many concurrent jobs.
    TooManyAtOnce,
    /// The provider is overloaded.
    Overloaded,
    /// The scenario refuses it, for `cause` and in `shape`.
    Scripted,
    /// The job was accepted and the caller gets a server error.
    AfterAccept,
    /// A poll is answered with an error.
    Poll,
}

/// A call that is refused. The emulator builds the response.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The true cause.
    pub(crate) cause: Cause,
    pub(crate) reason: Reason,
    /// The shape that the scenario asks for.
    pub(crate) shape: Option<String>,
    /// Whether the caller gets the provider's least specific message.
    pub(crate) is_generic: bool,
    /// Whether the response has a status that hides the reason.
    pub(crate) is_disguised: bool,
    /// The `Retry-After`, in wall-clock time.
    pub(crate) retry_after: Option<Duration>,
    /// The sample that decides what the scenario leaves open.
    pub(crate) sample: u64,
}

impl Refusal {
    /// A refusal that no fault asks for.
    pub(crate) const fn new(cause: Cause, reason: Reason) -> Self {
        Self {
            cause,
            reason,
            shape: None,
            is_generic: false,
            is_disguised: false,
            retry_after: None,
            sample: 0,
        }
    }

    /// Picks one of the shapes: the one that the scenario asks for if it is among them, else one by
    /// the seed.
    pub(crate) fn pick<'a>(&self, shapes: &[&'a str]) -> &'a str {
        pick(self.shape.as_deref(), self.sample, shapes)
    }
}

/// The failure of a render. The emulator builds the response.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The true cause.
    pub(crate) cause: Cause,
    /// The shape that the scenario asks for; `input` and `output` say what was moderated.
    pub(crate) shape: Option<String>,
    /// Whether the caller gets the provider's least specific message.
    pub(crate) is_generic: bool,
    /// Whether the render is billed.
    pub(crate) billed: bool,
    /// The sample that decides what the scenario leaves open.
    pub(crate) sample: u64,
}

impl Failure {
    /// Picks one of the shapes: the one that the scenario asks for if it is among them, else one by
    /// the seed.
    pub(crate) fn pick<'a>(&self, shapes: &[&'a str]) -> &'a str {
        pick(self.shape.as_deref(), self.sample, shapes)
    }
}

fn pick<'a>(asked: Option<&str>, sample: u64, shapes: &[&'a str]) -> &'a str {
    let asked = shapes.iter().copied().find(|shape| asked == Some(*shape));
    asked.or_else(|| fault_sampler::pick(sample, shapes)).unwrap_or_default()
}

/// The state of a job.
#[derive(Clone, Debug)]
pub(crate) enum JobState {
    /// The job has not started; `ahead` jobs of the same key have to end first (0: it starts by
    /// itself).
    Queued {
        ahead: usize,
    },
    /// The render is running; the progress is from 0 to below 1.
    Running {
        progress: f64,
    },
    Done,
    Failed(Failure),
    Cancelled,
}

impl JobState {
    /// Whether the job has ended, as far as a caller can see.
    pub(crate) const fn has_ended(&self) -> bool {
        !matches!(self, Self::Queued { .. } | Self::Running { .. })
    }
}

/// A job at one point in time.
#[derive(Clone, Debug)]
pub(crate) struct JobView {
    /// The number of the create at its provider, counted from 1.
    pub(crate) number: u64,
    pub(crate) create: Arc<Create>,
    pub(crate) fault_plan: Arc<FaultPlan>,
    /// The time of this view.
    pub(crate) now: Timestamp,
    pub(crate) accepted_at: Timestamp,
    /// When the render starts or started.
    pub(crate) starts_at: Timestamp,
    /// When the job ended, if it has.
    pub(crate) ended_at: Option<Timestamp>,
    /// When the state changes next without a cancellation, if it does.
    pub(crate) next_change_at: Option<Timestamp>,
    pub(crate) state: JobState,
    /// The number of polls before.
    pub(crate) polls: u32,
    /// The number of downloads before.
    pub(crate) downloads: u32,
    /// The billed amount in millionths of a US dollar, if the job has ended.
    pub(crate) billed_micros: u64,
}

impl JobView {
    pub(crate) fn id(&self) -> &str {
        &self.create.id
    }

    /// The fault of this kind in the run phase, if one is planned.
    pub(crate) fn run_fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.fault_plan.run.as_ref().filter(|fault| fault.kind == kind)
    }

    /// The fault of this kind in the result phase, if one is planned.
    pub(crate) fn result_fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.fault_plan.result.as_ref().filter(|fault| fault.kind == kind)
    }

    /// The progress in whole percent: 0 while queued, 100 when done.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 99")]
    pub(crate) fn percent(&self) -> u32 {
        match &self.state {
            JobState::Running { progress } => (progress * 100.0).clamp(0.0, 99.0) as u32,
            JobState::Done => 100,
            JobState::Queued { .. } | JobState::Failed(_) | JobState::Cancelled => 0,
        }
    }

    /// The undocumented status that replaces that of a running job, if the scenario asks for one.
    pub(crate) fn odd_status<'a>(&'a self, statuses: &[&'a str]) -> Option<&'a str> {
        let fault = self.run_fault(FaultKind::OddStatus)?;
        let is_running = matches!(self.state, JobState::Running { .. });
        let status =
            || fault.shape.as_deref().or_else(|| fault_sampler::pick(fault.sample, statuses));
        is_running.then(status).flatten()
    }

    /// The status of a job that is done: `done`, unless the scenario asks for another one beside
    /// the file.
    pub(crate) fn done_status<'a>(&'a self, done: &'a str, failed: &'a str) -> &'a str {
        let is_done = matches!(self.state, JobState::Done);
        match self.fault_plan.run.as_ref().filter(|_| is_done) {
            Some(fault) if fault.kind == FaultKind::FailedWithFile => failed,
            Some(fault) if fault.kind == FaultKind::UnknownWithFile => {
                fault.shape.as_deref().unwrap_or("unknown")
            }
            _ => done,
        }
    }

    /// Whether the scenario withholds the video of a job that is done.
    pub(crate) fn has_no_video(&self) -> bool {
        self.run_fault(FaultKind::DoneWithoutVideo).is_some()
    }

    /// The number of videos when the job is done; the scenario may withhold some.
    pub(crate) fn outputs(&self) -> u32 {
        let asked = self.create.outputs.max(1);
        match self.run_fault(FaultKind::Partial) {
            _ if self.has_no_video() => 0,
            Some(_) if asked > 1 => asked / 2,
            _ => asked,
        }
    }

    /// When the file, or the link to it, expires.
    pub(crate) fn expires_at(&self, lasting: SignedDuration) -> Option<Timestamp> {
        self.ended_at.map(|ended| crate::clock::later(ended, lasting))
    }
}
