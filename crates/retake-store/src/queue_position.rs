//! Where a job stands in the queue: the account whose slot it waits for, and the one whose slot it has.

use jiff::SignedDuration;
use retake_core::{
    job::{AttemptState, JobRecord},
    plan::Plan,
};
use serde::{Deserialize, Serialize};

/// How long a job that cannot be read is left alone, so that it does not hold up the others.
pub(crate) const ASIDE: SignedDuration = SignedDuration::from_hours(1);

/// What is kept of a planned route beside the job, so that no step has to read the whole plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RouteStop {
    /// Account and model.
    pub(crate) route: String,
}

/// The routes of a plan in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RouteSummary(Vec<RouteStop>);

/// Where a job stands in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueuePosition {
    /// The account whose slot the next step needs.
    pub(crate) waiting_account: Option<String>,
    /// The account whose slot the open attempt occupies: while it is submitted and rendered. One that is over at
    /// its provider, or of which nobody knows whether it is there, keeps no other job waiting.
    pub(crate) slot_account: Option<String>,
    /// The number of the open attempt.
    pub(crate) open_attempt: Option<u32>,
}

impl RouteSummary {
    pub(crate) fn of(plan: &Plan) -> Self {
        let stop =
            |planned: &retake_core::plan::Planned| RouteStop { route: planned.route.to_string() };
        Self(plan.routes.iter().map(stop).collect())
    }

    /// The route at a place; the first one if there is no such place, as the plan itself answers.
    pub(crate) fn at(&self, place: usize) -> Option<&RouteStop> {
        self.0.get(place).or_else(|| self.0.first())
    }

    fn account(&self, place: usize) -> Option<String> {
        let (account, _) = self.at(place)?.route.split_once('/')?;
        Some(account.to_owned())
    }
}

impl QueuePosition {
    /// A job that is submitted or rendered has its slot; one without an open attempt waits for a slot, unless it
    /// is to be stopped.
    pub(crate) fn of(record: &JobRecord, stops: &RouteSummary) -> Self {
        if record.state.is_ended() {
            return Self { waiting_account: None, slot_account: None, open_attempt: None };
        }
        match record.open_attempt() {
            Some(attempt) => Self {
                waiting_account: None,
                slot_account: occupies(attempt.state)
                    .then(|| stops.account(attempt.route))
                    .flatten(),
                open_attempt: Some(attempt.number),
            },
            None => Self {
                waiting_account: (!record.cancel_requested)
                    .then(|| stops.account(record.next_route))
                    .flatten(),
                slot_account: None,
                open_attempt: None,
            },
        }
    }
}

fn occupies(state: AttemptState) -> bool {
    matches!(state, AttemptState::Intent | AttemptState::Submitted)
}
