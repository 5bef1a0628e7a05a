//! The life of a job: the states it and its attempts can be in, and what moves them on.
//!
//! A job is one promise to a caller: this prompt becomes one video, or you are told why not. A series of
//! attempts, each on one route of its plan, keeps it. [`advance()`] is the only thing that changes a
//! [`JobRecord`]: it takes what happened and when, and returns the record after it. It records facts only. What
//! to do next, [`crate::decide`] chooses from the record and from the state of the world.
//!
//! An attempt is recorded (`Intent`) before its provider is called, so a crash in between leaves a trace
//! to settle instead of a render nobody remembers paying for.

mod advance;
mod file;

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    advance::{IllegalEvent, advance},
    file::{DownloadFinding, FileRecord},
};
use crate::{
    fault::{ERASED, Fault, FaultKind, FaultSource},
    money::Usd,
    output::OutputSpec,
    plan::Planned,
    policy::Policy,
};

/// A job's state and the attempts made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobRecord {
    /// Where the job stands.
    pub state: JobState,
    /// Percent done; never falls, and is 100 exactly when completed.
    pub progress: u8,
    /// Whether its owner asked to stop it.
    pub cancel_requested: bool,
    /// The attempts, oldest first. At most one is open: the last one, or one whose lost render was found.
    pub attempts: Vec<Attempt>,
    /// What the job waits for, if it waits for something outside.
    pub hold: Option<Hold>,
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The kind of thing that it waits for.
    pub kind: HoldKind,
    /// When the wait ends at the latest; `None` where that is not known.
    pub until: Option<Timestamp>,
    /// Why it waits, for people.
    pub reason: String,
}

/// The kind of thing that a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// The end of a pause before the next attempt.
    Pause,
    /// A free slot of an account.
    Slot,
    /// An account that is configured here no longer.
    Account,
    /// What became of a submit whose answer was lost.
    UnknownSubmit,
    /// The file of a finished render, which could not be downloaded yet.
    Download,
    /// Room on a disk of this gateway.
    Storage,
}

impl HoldKind {
    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Slot => "slot",
            Self::Account => "account",
            Self::UnknownSubmit => "unknown_submit",
            Self::Download => "download",
            Self::Storage => "storage",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No provider has taken it yet.
    #[default]
    Queued,
    /// A provider took it.
    InProgress,
    /// Its video is verified and kept.
    Completed,
    /// It ended without a video.
    Failed(Fault),
    /// Its owner stopped it.
    Cancelled,
}

/// One submission of a job to one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number within the job, from 1.
    pub number: u32,
    /// Where it went, the request as it was settled for that route, and its price.
    pub planned: Arc<Planned>,
    /// Where it stands.
    pub state: AttemptState,
    /// The provider's name for it, once there is one.
    pub remote_id: Option<String>,
    /// When its intent was recorded.
    pub begun_at: Timestamp,
    /// When the provider took it.
    pub accepted_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Percent done by the provider's own count.
    pub progress: u8,
    /// The last odd thing that its provider said of it.
    pub note: Option<String>,
    /// Downloads of its result that did not succeed.
    pub failed_fetches: u32,
    /// What is known of its file.
    pub file: FileRecord,
    /// What its provider said that it charged.
    pub charged: Option<Usd>,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// When the answer to its submit was lost: an absence counts from here.
    pub lost_at: Option<Timestamp>,
    /// When its provider did not list it for the first time. One look proves nothing.
    pub absent_since: Option<Timestamp>,
    /// What is known of a submit that the job did not wait for.
    pub settlement: Option<Settlement>,
}

/// What is known of a lost submit after its attempt ended. It counts as possibly billed until it is disproved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The provider is still asked; it may have been billed.
    Pending,
    /// It is proven that there is no such render: nothing is billed.
    Absent,
    /// The render exists and is billed.
    Found,
    /// Nobody will ever know; it may have been billed.
    Unknowable,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// About to be submitted.
    Intent,
    /// The answer to the submit was lost: it may or may not exist there.
    Unknown,
    /// The provider has it.
    Submitted,
    /// Rendered; its file is being brought home.
    Fetching,
    /// Its file is verified and kept.
    Succeeded,
    /// It ended without a file.
    Failed,
    /// It was stopped on request.
    Cancelled,
}

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A submit to this place in the plan is about to be made.
    Begun {
        /// The place in the plan.
        route: usize,
    },
    /// The provider took it.
    Accepted {
        /// The provider's name for it.
        remote_id: String,
    },
    /// The answer to the submit was lost.
    SubmitLost {
        /// What was seen instead.
        fault: Fault,
        /// What the policy makes of it: how long it is waited for, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<String>,
        /// Until when it is waited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
        until: Option<Timestamp>,
    },
    /// The provider's list was read, and the lost submit was not in it. It may yet be.
    NotListed,
    /// It was found out what became of a lost submit, or that nobody will know.
    Settled {
        /// What was found out.
        settlement: Settlement,
    },
    /// The job does not wait any longer for a lost submit, which may be billed.
    Unresolved {
        /// What the attempt ends with.
        fault: Fault,
    },
    /// A render was found that the job had not waited for, and the job goes on with it.
    Adopted {
        /// The number of its attempt.
        attempt: u32,
    },
    /// The provider reports how far it is.
    Progressed {
        /// Percent, by the provider's count.
        percent: u8,
    },
    /// The provider said something odd, such as a status word that nobody has documented.
    Noted {
        /// What was odd.
        note: String,
    },
    /// The provider announces something else than was asked for.
    Announced {
        /// What it says it will render.
        output: OutputSpec,
        /// How that differs from what was asked for.
        note: String,
    },
    /// The provider said what it charged.
    Charged {
        /// The amount, in millionths of a US dollar.
        #[serde(rename = "usd_micros")]
        #[cfg_attr(feature = "schema", schema(value_type = u64))]
        amount: Usd,
    },
    /// The provider is done and the file can be fetched.
    Rendered,
    /// The provider says that the render failed, and shows a file all the same: that is looked at before another
    /// render is bought.
    Disputed {
        /// Why it failed, by the provider's word.
        fault: Fault,
    },
    /// The file could not be brought home this time; it is still there.
    FetchFailed {
        /// What went wrong.
        fault: Fault,
        /// What it shows of the file, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<DownloadFinding>,
        /// When it is tried again, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
        again_at: Option<Timestamp>,
    },
    /// The file is verified and kept.
    Stored,
    /// The file is kept, but is not what was asked for: it is delivered only if no other route brings a better one.
    SetAside {
        /// How it differs.
        fault: Fault,
    },
    /// The attempt ended without a file.
    AttemptFailed {
        /// Why.
        fault: Fault,
    },
    /// The owner asked to stop the job.
    CancelRequested,
    /// The job is stopped, at its provider too.
    Cancelled,
    /// The provider says that the render failed, for a reason that may be that of the question alone, such as load: it
    /// is asked again before that is believed.
    FailureDoubted {
        /// Why it failed, by the provider's word.
        fault: Fault,
    },
    /// The render is not waited for any longer, because its time is over or another route needs it.
    RenderGivenUp {
        /// What the attempt ends with.
        fault: Fault,
        /// Whether it could not be stopped at its provider, so that it may still come.
        goes_on: bool,
    },
    /// The time for retries ran out before another attempt could begin.
    DeadlinePassed,
    /// No other attempt is made: the job ends, with the file that was set aside if there is one.
    GivenUp {
        /// What it ends with.
        fault: Fault,
    },
    /// The gateway broke over the job again and again, and does not go on with it.
    Broken {
        /// What happened.
        fault: Fault,
    },
}

impl Event {
    /// Takes out the words, which may quote the request. Each event says here what of it may.
    pub fn erase_words(&mut self) {
        match self {
            Self::SubmitLost { fault, .. }
            | Self::Unresolved { fault, .. }
            | Self::Disputed { fault }
            | Self::FetchFailed { fault, .. }
            | Self::SetAside { fault }
            | Self::AttemptFailed { fault }
            | Self::FailureDoubted { fault }
            | Self::RenderGivenUp { fault, .. }
            | Self::GivenUp { fault }
            | Self::Broken { fault } => fault.erase_words(),
            Self::Noted { note } | Self::Announced { note, .. } => ERASED.clone_into(note),
            Self::Begun { .. }
            | Self::Accepted { .. }
            | Self::NotListed
            | Self::Settled { .. }
            | Self::Adopted { .. }
            | Self::Progressed { .. }
            | Self::Charged { .. }
            | Self::Rendered
            | Self::Stored
            | Self::CancelRequested
            | Self::Cancelled
            | Self::DeadlinePassed => {}
        }
    }
}

impl JobRecord {
    /// The attempt that is not over yet.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|attempt| attempt.state.is_open())
    }

    /// The latest attempt whose lost render was found while nobody waited for it.
    pub fn adoptable(&self) -> Option<&Attempt> {
        let found = |attempt: &&Attempt| {
            attempt.settlement == Some(Settlement::Found) && attempt.remote_id.is_some()
        };
        self.attempts.iter().rev().find(found)
    }

    /// Attempts that a provider's fault or success used up. Our own interruptions do not count, and neither does a
    /// route that had no room: waiting costs a job time, never attempts.
    pub fn spent_attempts(&self) -> u32 {
        self.count(|attempt| !attempt.was_interrupted() && !attempt.met_no_room())
    }

    /// Attempts that we ourselves interrupted, other than by an orderly shutdown.
    pub fn interruptions(&self) -> u32 {
        self.count(|attempt| attempt.was_interrupted() && !attempt.was_shut_down())
    }

    /// When the first attempt began that we did not interrupt: the time for retries runs from here,
    /// and a night without power does not use it up. Of one that was lost, when that was noticed: the process may
    /// have been down in between.
    pub fn trying_since(&self) -> Option<Timestamp> {
        let counted = self.attempts.iter().find(|attempt| !attempt.was_interrupted());
        counted.map(|attempt| attempt.lost_at.unwrap_or(attempt.begun_at))
    }

    /// Whether there is a file to deliver although its attempt counts as failed.
    pub fn has_file_set_aside(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.file.set_aside)
    }

    /// The attempt that ended last.
    pub fn last_ended(&self) -> Option<&Attempt> {
        let ended = self.attempts.iter().filter(|attempt| !attempt.state.is_open());
        ended.max_by_key(|attempt| (attempt.ended_at, attempt.number))
    }

    /// Time left until the file is finished, judged by the pace so far; nothing while that is a guess.
    pub fn time_left(&self, now: Timestamp) -> Option<SignedDuration> {
        let attempt = self.open_attempt().filter(|a| (3..100).contains(&a.progress))?;
        let passed = now.duration_since(attempt.accepted_at?);
        let done = i32::from(attempt.progress);
        Some((passed * (100 - done) / done).max(SignedDuration::ZERO))
    }

    fn count(&self, which: impl Fn(&Attempt) -> bool) -> u32 {
        u32::try_from(self.attempts.iter().filter(|a| which(a)).count()).unwrap_or(u32::MAX)
    }
}

impl Attempt {
    /// Whether its provider took it, or may have: what it refused is not on any bill. A lost submit stays in doubt
    /// until it is proven that nothing came of it.
    pub fn may_cost(&self) -> bool {
        if let Some(settlement) = self.settlement {
            return settlement != Settlement::Absent;
        }
        let in_doubt = matches!(self.state, AttemptState::Intent | AttemptState::Unknown);
        let lost = self.fault.as_ref().is_some_and(|fault| {
            // Whoever broke in the middle of a submit cannot know whether it was taken on.
            fault.kind == FaultKind::InternalError
                || (fault.kind == FaultKind::Lost && fault.source == FaultSource::Provider)
        });
        self.accepted_at.is_some() || in_doubt || lost
    }

    /// When the answer to its submit was lost, as far as that is on record.
    pub fn lost_since(&self) -> Timestamp {
        self.lost_at.unwrap_or(self.begun_at)
    }

    /// Whether it came to nothing because there was no room for it, at no cost.
    pub(crate) fn met_no_room(&self) -> bool {
        let is_full = self.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Overloaded);
        is_full && !self.state.is_open() && !self.may_cost()
    }

    /// Whether its provider has said before, some time ago, that the render failed, and has not taken that back since.
    pub fn is_failure_confirmed(&self, now: Timestamp) -> bool {
        self.file.doubted_since.is_some_and(|at| now >= at + Policy::DOUBTED_FOR)
    }

    /// Whether it was given up while its render went on, had all its time, or may be on the bill for another reason.
    /// Nothing is bought again on the same route then.
    pub(crate) fn bars_its_route(&self) -> bool {
        let was_slow = self.accepted_at.is_some()
            && self.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Timeout);
        self.state.is_open() || was_slow || self.is_in_doubt()
    }

    /// Whether it ended while nobody knew what became of it, and that it came to nothing is not proven since.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.settlement.is_some_and(|known| known != Settlement::Absent)
    }

    /// Notes that a download of its file failed, and what that shows of the file.
    pub(crate) fn add_failed_download(
        &mut self,
        fault: &Fault,
        finding: Option<&DownloadFinding>,
        now: Timestamp,
    ) {
        self.failed_fetches = self.failed_fetches.saturating_add(1);
        if fault.source != FaultSource::Gateway {
            let refused = &mut self.file.refused_downloads;
            *refused = refused.saturating_add(1);
        }
        let since = self.accepted_at.unwrap_or(self.begun_at);
        self.file.rendered_at.get_or_insert(since);
        self.file.add(finding, now);
    }

    pub(crate) fn was_interrupted(&self) -> bool {
        let broken_off =
            |fault: &Fault| matches!(fault.kind, FaultKind::Lost | FaultKind::Shutdown);
        self.fault
            .as_ref()
            .is_some_and(|fault| fault.source == FaultSource::Gateway && broken_off(fault))
    }

    fn was_shut_down(&self) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Shutdown)
    }
}

impl JobState {
    /// Whether the job is over.
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed(_) | Self::Cancelled)
    }

    /// The word that stands for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl AttemptState {
    /// Whether the attempt is still under way.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Intent | Self::Unknown | Self::Submitted | Self::Fetching)
    }

    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Unknown => "unknown",
            Self::Submitted => "submitted",
            Self::Fetching => "fetching",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
