//! What a change comes to when it meets the record: the one set of rules that all engines write by.
//!
//! A request to cancel needs no lease, so it can come in while a job is held. It is merged into what the
//! holder writes, and the moment it came makes the job due at once when it is freed, unless the holder
//! already acted on it. News from a provider makes it due the same way, unless its attempt has ended by then:
//! a job that waits for another slot keeps its pause and its place.

use std::sync::Arc;

use jiff::Timestamp;
use retake_core::{
    fault::{ERASED, Fault},
    job::{Attempt, AttemptState, Event, JobRecord, JobState, Settlement},
    plan::{Plan, Planned, Route},
    request::{Character, VideoRequest},
};

use crate::{
    queue_position::QueuePosition,
    record::{Change, Committed, Job, JobEvent},
};

/// What is on record of a job that is held.
pub(crate) struct Held {
    /// Whether it waits for slots.
    pub(crate) waits: bool,
    /// Whether its owner asked to stop it.
    pub(crate) cancel_requested: bool,
    /// When something came in since it was claimed.
    pub(crate) woken_at: Option<Timestamp>,
}

/// What is to be written of a change.
pub(crate) struct Transition {
    /// The life after it.
    pub(crate) record: JobRecord,
    /// Where the job stands in the queue then.
    pub(crate) position: QueuePosition,
    /// When there is something to do; nothing once it is over.
    pub(crate) due: Option<Timestamp>,
    /// When its video was kept.
    pub(crate) completed_at: Option<Timestamp>,
    /// Whether the lease goes on.
    pub(crate) lease_kept: bool,
    /// When it happened.
    at: Timestamp,
}

impl Transition {
    pub(crate) fn new(held: &Held, change: &Change) -> Self {
        let mut record = change.record.clone();
        record.cancel_requested |= held.cancel_requested;
        let position = QueuePosition::new(&record, &change.waits);
        let over = record.state.is_ended();
        let heeded = !change.record.cancel_requested && position.waits.is_empty();
        let woken_at = held.woken_at.filter(|_| heeded);
        let due = woken_at.or(change.due).unwrap_or(change.at);
        Self {
            lease_kept: change.keep_lease && !over && position.waits.is_empty(),
            due: (!over).then_some(due),
            completed_at: (record.state == JobState::Completed).then_some(change.at),
            at: change.at,
            position,
            record,
        }
    }

    /// The lines of the timeline, each with the number of the attempt that it belongs to.
    pub(crate) fn lines<'a>(
        &'a self,
        change: &'a Change,
    ) -> impl Iterator<Item = (Option<u32>, JobEvent)> + 'a {
        let events = change.events.iter();
        events.map(|event| (attempt_of(event, &self.record), JobEvent::Job(event.clone())))
    }

    /// Why the job failed.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        match &self.record.state {
            JobState::Failed(fault) => Some(fault),
            _ => None,
        }
    }

    /// The attempts that may have changed: what is open, what ended just now, and the last one.
    pub(crate) fn changed_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let last = self.record.attempts.last().map(|attempt| attempt.number);
        self.record.attempts.iter().filter(move |attempt| {
            attempt.state.is_open()
                || attempt.ended_at == Some(self.at)
                || Some(attempt.number) == last
        })
    }

    /// The attempts that ended just now while nobody knows whether their submits arrived.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Attempt> {
        self.record.attempts.iter().filter(|attempt| {
            attempt.settlement == Some(Settlement::Pending) && attempt.ended_at == Some(self.at)
        })
    }

    /// The attempt that is under way.
    pub(crate) fn open_attempt(&self) -> Option<&Attempt> {
        self.record.open_attempt()
    }

    pub(crate) fn committed(&self) -> Committed {
        Committed { cancel_requested: self.record.cancel_requested, lease_kept: self.lease_kept }
    }
}

/// The number of the attempt an event happened to, given the life after it.
pub(crate) fn attempt_of(event: &Event, after: &JobRecord) -> Option<u32> {
    // Only one attempt is open, and what ends is the latest to have ended.
    let ended = || after.attempts.iter().max_by_key(|attempt| (attempt.ended_at, attempt.number));
    let concerned = after.open_attempt().or_else(ended)?;
    let concerns = match event {
        Event::DeadlinePassed | Event::GivenUp { .. } => false,
        Event::CancelRequested => concerned.state.is_open(),
        Event::Cancelled => concerned.state == AttemptState::Cancelled,
        _ => true,
    };
    concerns.then_some(concerned.number)
}

/// Whether a render that was found for an attempt of `job` may be that of the create which `other` has under way:
/// lists tell renders apart by words, length and size. They may name a model otherwise than it was asked by.
pub(crate) fn may_be_anothers(job: &Job, attempt: u32, other: &Job) -> bool {
    let mine = job.record.attempts.iter().find(|one| one.number == attempt);
    let theirs = other.record.open_attempt().filter(|one| one.state == AttemptState::Intent);
    let Some((mine, theirs)) = mine.zip(theirs) else { return false };
    let words = |attempt: &Attempt| {
        let spec = &attempt.planned.spec;
        (spec.prompt.trim().to_owned(), spec.seconds, spec.size)
    };
    words(mine) == words(theirs)
}

/// Parameters whose values are numbers or names of ours.
const WORDLESS: [&str; 8] =
    ["seconds", "size", "aspect_ratio", "resolution", "audio", "loop", "seed", "model"];

/// Takes out what a deleted job's owner wrote.
pub(crate) fn erase_request(request: &mut VideoRequest, plan: &mut Plan) {
    request.prompt.clear();
    request.negative_prompt = None;
    erase_names(&mut request.characters);
    for planned in &mut plan.routes {
        let planned = Arc::make_mut(planned);
        planned.spec.prompt.clear();
        planned.spec.negative_prompt = None;
        erase_names(&mut planned.spec.characters);
        for change in &mut planned.changes {
            if !WORDLESS.contains(&&*change.param) {
                ERASED.clone_into(&mut change.asked);
                change.given = change.given.take().map(|_| ERASED.to_owned());
            }
        }
    }
}

fn erase_names(characters: &mut [Character]) {
    for character in characters {
        character.name.clear();
    }
}

/// The same line of a timeline without its words; nothing when it has none.
pub(crate) fn erased(event: &JobEvent) -> Option<JobEvent> {
    let JobEvent::Job(told) = event else { return None };
    let mut told = told.clone();
    told.erase_words();
    Some(JobEvent::Job(told)).filter(|erased| erased != event)
}

/// The same fault without its words.
pub(crate) fn erased_fault(mut fault: Fault) -> Fault {
    fault.erase_words();
    fault
}

/// What the plan says of the route of an attempt.
pub(crate) fn planned_of(route: &str, plan: &Plan) -> Result<Arc<Planned>, UnknownRoute> {
    let named = route.split_once('/');
    let is_it = |it: &Route| named == Some((it.account.as_str(), it.model.as_str()));
    let planned = plan.routes.iter().find(|planned| is_it(&planned.route));
    planned.cloned().ok_or_else(|| UnknownRoute(route.to_owned()))
}

/// An attempt names a route that the plan of its job does not have.
#[derive(Debug, thiserror::Error)]
#[error("the plan of the job has no route `{0}`")]
pub(crate) struct UnknownRoute(String);

/// The word that stands for a settlement in a column.
pub(crate) fn settlement_word(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Pending => "pending",
        Settlement::Absent => "absent",
        Settlement::Found => "found",
        Settlement::Unknowable => "unknowable",
    }
}

/// The place of renders that were recorded before there were places.
pub(crate) fn account_place(account: &str) -> String {
    format!("account {account}")
}
