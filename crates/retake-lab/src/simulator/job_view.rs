//! What emulators put in and get out.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    fault::{Cause, Fault, FaultKind, FaultPlan},
    fault_sampler,
};

/// A create, read from the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Create {
    /// The id that the job will have, in the provider's form.
    pub(crate) id: String,
    /// The key that it was asked for with.
    pub(crate) key: String,
    pub(crate) model: String,
    pub(crate) prompt: String,
    /// Length in thousandths of a second.
    pub(crate) millis: u64,
    /// Pixels; even.
    pub(crate) width: u32,
    /// Pixels; even.
    pub(crate) height: u32,
    /// Whether the video has a sound track.
    pub(crate) audio: bool,
    /// How many videos; 0 counts as 1.
    pub(crate) outputs: u32,
    /// What it costs in millionths of a US dollar.
    pub(crate) price_micros: u64,
    /// The request as it came, for emulators that echo it.
    pub(crate) request: Value,
    /// Whatever else the emulator wants to remember.
    pub(crate) extra: Value,
}

/// Why a call was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There was no key.
    MissingKey,
    /// The key is not known.
    UnknownKey,
    /// The key was revoked.
    KeyRevoked,
    /// The account is blocked.
    SoftBlock,
    /// The account's credit does not suffice.
    CreditOut,
    /// Too many creates in a minute.
    TooFast,
    /// Too many creates in a day.
    TooManyToday,
    /// Too many jobs at a time.
    TooManyAtOnce,
    /// The provider turns creates away.
    Overloaded,
    /// The scenario says so: for `cause`, in `shape`.
    Scripted,
    /// The job was accepted, and the caller is told of a server error.
    AfterAccept,
    /// A poll is answered with an error.
    Poll,
}

/// A call that is turned away. The emulator words it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Why in truth.
    pub(crate) cause: Cause,
    pub(crate) reason: Reason,
    /// The shape that the scenario asks for, if it does.
    pub(crate) shape: Option<String>,
    /// Whether the caller gets the least telling message there is.
    pub(crate) is_generic: bool,
    /// Whether it is told under a status that says nothing.
    pub(crate) is_disguised: bool,
    /// When to come again, in the world's time.
    pub(crate) retry_after: Option<Duration>,
    /// For choices that are left open.
    pub(crate) sample: u64,
}

impl Refusal {
    /// A refusal that the scenario did not ask for.
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

    /// One of the shapes: the one asked for if it is among them, else one by the seed.
    pub(crate) fn pick<'a>(&self, shapes: &[&'a str]) -> &'a str {
        pick(self.shape.as_deref(), self.sample, shapes)
    }
}

/// Why a render failed. The emulator words it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Why in truth.
    pub(crate) cause: Cause,
    /// The shape that the scenario asks for; `input` and `output` tell what was moderated.
    pub(crate) shape: Option<String>,
    /// Whether the caller gets the least telling message there is.
    pub(crate) is_generic: bool,
    /// Whether it is paid for.
    pub(crate) billed: bool,
    /// For choices that are left open.
    pub(crate) sample: u64,
}

impl Failure {
    /// One of the shapes: the one asked for if it is among them, else one by the seed.
    pub(crate) fn pick<'a>(&self, shapes: &[&'a str]) -> &'a str {
        pick(self.shape.as_deref(), self.sample, shapes)
    }
}

fn pick<'a>(asked: Option<&str>, sample: u64, shapes: &[&'a str]) -> &'a str {
    let asked = shapes.iter().copied().find(|shape| asked == Some(*shape));
    asked.or_else(|| fault_sampler::pick(sample, shapes)).unwrap_or_default()
}

/// What has become of a job.
#[derive(Clone, Debug)]
pub(crate) enum JobState {
    /// Not started; `ahead` jobs of the same key have to make room first (0: it starts by itself).
    Queued {
        ahead: usize,
    },
    /// From 0 to below 1.
    Running {
        progress: f64,
    },
    Done,
    Failed(Failure),
    Cancelled,
}

impl JobState {
    /// Whether nothing more will happen, as far as one can see.
    pub(crate) const fn has_ended(&self) -> bool {
        !matches!(self, Self::Queued { .. } | Self::Running { .. })
    }
}

/// A job at one moment.
#[derive(Clone, Debug)]
pub(crate) struct JobView {
    /// Which of the provider's creates it was, from 1.
    pub(crate) number: u64,
    pub(crate) create: Arc<Create>,
    pub(crate) fault_plan: Arc<FaultPlan>,
    /// The moment that this is the view of.
    pub(crate) now: Timestamp,
    pub(crate) accepted_at: Timestamp,
    /// When the render starts or started.
    pub(crate) starts_at: Timestamp,
    /// When it ended, if it has.
    pub(crate) ended_at: Option<Timestamp>,
    /// When the state changes next by itself, if it does.
    pub(crate) next_change_at: Option<Timestamp>,
    pub(crate) state: JobState,
    /// How often it was polled before.
    pub(crate) polls: u32,
    /// How often its file was asked for before.
    pub(crate) downloads: u32,
    /// What has been paid for it in millionths of a US dollar, if it has ended.
    pub(crate) billed_micros: u64,
}

impl JobView {
    pub(crate) fn id(&self) -> &str {
        &self.create.id
    }

    /// The fault of this kind that the job meets while it runs.
    pub(crate) fn run_fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.fault_plan.run.as_ref().filter(|fault| fault.kind == kind)
    }

    /// The fault of this kind that its file meets.
    pub(crate) fn result_fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.fault_plan.result.as_ref().filter(|fault| fault.kind == kind)
    }

    /// Progress in whole percent: 0 while queued, 100 when done.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 99")]
    pub(crate) fn percent(&self) -> u32 {
        match &self.state {
            JobState::Running { progress } => (progress * 100.0).clamp(0.0, 99.0) as u32,
            JobState::Done => 100,
            JobState::Queued { .. } | JobState::Failed(_) | JobState::Cancelled => 0,
        }
    }

    /// The word that takes the status' place while the job runs, if the scenario wants one.
    pub(crate) fn odd_status<'a>(&'a self, words: &[&'a str]) -> Option<&'a str> {
        let fault = self.run_fault(FaultKind::OddStatus)?;
        let is_running = matches!(self.state, JobState::Running { .. });
        let word = || fault.shape.as_deref().or_else(|| fault_sampler::pick(fault.sample, words));
        is_running.then(word).flatten()
    }

    /// The status of a job that is done: that of success, unless the scenario wants another beside the file.
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

    /// Whether it is done and there is nevertheless no video.
    pub(crate) fn has_no_video(&self) -> bool {
        self.run_fault(FaultKind::DoneWithoutVideo).is_some()
    }

    /// How many videos there are when it is done; the scenario may withhold some.
    pub(crate) fn outputs(&self) -> u32 {
        let asked = self.create.outputs.max(1);
        match self.run_fault(FaultKind::Partial) {
            _ if self.has_no_video() => 0,
            Some(_) if asked > 1 => asked / 2,
            _ => asked,
        }
    }

    /// When the file, or the link to it, expires after it is done.
    pub(crate) fn expires_at(&self, lasting: SignedDuration) -> Option<Timestamp> {
        self.ended_at.map(|ended| crate::clock::later(ended, lasting))
    }
}
