//! Recording what happened to a job, together with what follows from it.

use jiff::Timestamp;

use super::{NextRoutes, Step, World, decide};
use crate::{
    job::{Event, IllegalEvent, JobRecord, advance},
    plan::Plan,
    policy::Policy,
};

/// What is to be recorded after something happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The record after it.
    pub record: JobRecord,
    /// What happened, and what followed from it at once.
    pub events: Vec<Event>,
    /// When there is something to do again; `None` once the job is over.
    pub due: Option<Timestamp>,
    /// The slots that the job waits for; none while an attempt is under way.
    pub waits: Vec<SlotWait>,
}

/// That a job waits for a slot of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotWait {
    /// The account.
    pub account: String,
    /// From when on it can use one.
    pub from: Timestamp,
}

/// Applies what happened to a job at `now`, and decides whether that ends it, and what it waits for.
///
/// # Errors
///
/// [`IllegalEvent`] when an event does not fit the state of the job.
pub fn apply(
    record: &JobRecord,
    events: Vec<Event>,
    plan: &Plan,
    world: &World,
    policy: &Policy,
    now: Timestamp,
) -> Result<Applied, IllegalEvent> {
    let mut record = record.clone();
    for event in &events {
        record = advance(&record, event, plan, now)?;
    }
    let mut applied = Applied { record, events, due: Some(now), waits: Vec::new() };
    match decide(&applied.record, plan, world, policy, now) {
        Step::End(event) => {
            applied.record = advance(&applied.record, &event, plan, now)?;
            applied.events.push(event);
            applied.due = None;
        }
        Step::Rest => applied.due = None,
        Step::Wait(next) => {
            applied.waits = waits_of(&next, plan, now);
            applied.due = applied.waits.iter().map(|wait| wait.from).min().or(applied.due);
            applied.record.hold = next.hold;
        }
        _ => {}
    }
    Ok(applied)
}

/// The slots that a job waits for as it is recorded, with nothing new to apply: at the earliest from `now`.
pub fn slot_waits(
    record: &JobRecord,
    plan: &Plan,
    world: &World,
    policy: &Policy,
    now: Timestamp,
) -> Vec<SlotWait> {
    match decide(record, plan, world, policy, now) {
        Step::Wait(next) => waits_of(&next, plan, now),
        _ => Vec::new(),
    }
}

/// One wait for each account, in the order of preference.
fn waits_of(next: &NextRoutes, plan: &Plan, now: Timestamp) -> Vec<SlotWait> {
    let mut waits: Vec<SlotWait> = Vec::new();
    for opening in &next.openings {
        let Some(planned) = plan.routes.get(opening.place) else { continue };
        let (account, from) = (&planned.route.account, opening.at.unwrap_or(now).max(now));
        match waits.iter_mut().find(|wait| wait.account == *account) {
            Some(known) => known.from = known.from.min(from),
            None => waits.push(SlotWait { account: account.clone(), from }),
        }
    }
    waits
}
