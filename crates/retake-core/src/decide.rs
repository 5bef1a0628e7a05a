//! What to do next for a job: one side effect per step.
//!
//! [`decide()`] chooses it from the record of the job and the state of the world, and chooses anew whenever the job is
//! claimed. The scheduler carries it out. [`apply()`] records what happened and says when, and for which accounts, the
//! job is to be claimed again.

mod apply;
mod download;
mod give_up;
mod lost_submit;
mod next_routes;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
mod world;

use jiff::Timestamp;

pub use self::{
    apply::{Applied, SlotWait, apply, slot_waits},
    download::{AfterDownload, after_download},
    give_up::{GiveUp, give_up},
    lost_submit::{Absence, GoOn, Patience, patience, weigh_absence},
    next_routes::{NextRoutes, Opening},
    world::{RouteState, RouteTimes, World},
};
use crate::{
    job::{AttemptState, Event, JobRecord},
    plan::Plan,
    policy::Policy,
};

/// The next thing to do for a job whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing; the job is over.
    Rest,
    /// Record the intent to submit to this place in the plan, then submit.
    Begin {
        /// The place in the plan.
        place: usize,
    },
    /// Wait until one of these routes opens and its account has a free slot.
    Wait(NextRoutes),
    /// Record that the answer to a submit was lost: the process ended before it came.
    RecordLoss,
    /// Find out what became of a submit whose answer was lost.
    Settle,
    /// Record that the job goes on with a render that was found in the meantime.
    Adopt {
        /// The number of its attempt.
        attempt: u32,
    },
    /// Ask the provider how far it is.
    Poll {
        /// The provider's id of the render.
        remote_id: String,
    },
    /// Download the finished file.
    Fetch {
        /// The provider's id of the render.
        remote_id: String,
    },
    /// Stop the render at its provider.
    Cancel {
        /// The provider's id of the render.
        remote_id: String,
    },
    /// Record this event, with which the job ends.
    End(Event),
}

/// What is decided from.
#[derive(Clone, Copy)]
struct Situation<'a> {
    record: &'a JobRecord,
    plan: &'a Plan,
    world: &'a World,
    policy: &'a Policy,
}

/// Decides the next step of a job whose time has come.
///
/// An attempt that is found in `Intent` was interrupted between its record and the provider's answer, so
/// it is settled, never submitted again unseen. Nobody waits for that who asked to stop the job: it ends, and the
/// submit is settled behind it.
pub fn decide(
    record: &JobRecord,
    plan: &Plan,
    world: &World,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    if record.state.is_ended() {
        return Step::Rest;
    }
    let Some(attempt) = record.open_attempt() else {
        return Situation { record, plan, world, policy }.between_attempts(now);
    };
    match (attempt.state, attempt.remote_id.clone()) {
        (AttemptState::Intent, _) => Step::RecordLoss,
        (AttemptState::Unknown, _) if record.cancel_requested => Step::End(Event::Cancelled),
        (_, Some(remote_id)) if record.cancel_requested => Step::Cancel { remote_id },
        (AttemptState::Submitted, Some(remote_id)) => Step::Poll { remote_id },
        (AttemptState::Fetching, Some(remote_id)) => Step::Fetch { remote_id },
        _ => Step::Settle,
    }
}

/// Whether a route is left in the plan behind that of the open attempt that is worth a try.
pub fn has_other_route(record: &JobRecord, plan: &Plan, policy: &Policy) -> bool {
    let situation = Situation { record, plan, world: &World::default(), policy };
    let open = record.open_attempt();
    let here = open.and_then(|attempt| plan.place_of(&attempt.planned.route));
    here.and_then(|here| situation.next_open_place(here)).is_some()
}

impl Situation<'_> {
    fn between_attempts(&self, now: Timestamp) -> Step {
        let since = self.record.trying_since();
        let is_late = since.is_some_and(|since| now > since + self.policy.deadline);
        match self.record.adoptable() {
            _ if self.record.cancel_requested => return Step::End(Event::Cancelled),
            Some(found) => return Step::Adopt { attempt: found.number },
            None if is_late => return Step::End(Event::DeadlinePassed),
            None => {}
        }
        match self.next_routes() {
            Ok(next) => self.begin_or_wait(next, now),
            Err(fault) => Step::End(Event::GivenUp { fault }),
        }
    }

    fn begin_or_wait(&self, next: NextRoutes, now: Timestamp) -> Step {
        let is_ready = |opening: &&Opening| {
            opening.at.is_none_or(|at| at <= now) && self.world.at(opening.place).has_slot
        };
        match next.openings.iter().find(is_ready) {
            Some(opening) => Step::Begin { place: opening.place },
            None => Step::Wait(next),
        }
    }
}

#[cfg(test)]
mod tests;
