//! Where a job stands in the queue: the account whose slot it waits for, and the one whose slot it has.

use retake_core::{life::Life, plan::Plan};
use serde::{Deserialize, Serialize};

/// What is kept of a planned route beside the job, so that no step has to read the whole plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stop {
    /// Account and model.
    pub(super) route: String,
    /// What an attempt costs, in millionths of a dollar.
    pub(super) cost: u64,
}

/// The routes of a plan in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Stops(Vec<Stop>);

/// Where a job stands in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// The account whose slot the next step needs.
    pub(super) wants: Option<String>,
    /// The account whose slot the open attempt occupies.
    pub(super) holds: Option<String>,
    /// The number of the open attempt.
    pub(super) open_attempt: Option<u32>,
}

impl Stops {
    pub(super) fn of(plan: &Plan) -> Self {
        let stop = |planned: &retake_core::plan::Planned| Stop {
            route: planned.route.to_string(),
            cost: planned.cost.micros(),
        };
        Self(plan.routes.iter().map(stop).collect())
    }

    /// The route at a place; the first one if there is no such place, as the plan itself answers.
    pub(super) fn at(&self, place: usize) -> Option<&Stop> {
        self.0.get(place).or_else(|| self.0.first())
    }

    fn account(&self, place: usize) -> Option<String> {
        let (account, _) = self.at(place)?.route.split_once('/')?;
        Some(account.to_owned())
    }
}

impl Seat {
    /// A job with an open attempt has its slot; one without waits for a slot, unless it is to be stopped.
    pub(super) fn of(life: &Life, stops: &Stops) -> Self {
        if life.state.is_ended() {
            return Self { wants: None, holds: None, open_attempt: None };
        }
        match life.open_attempt() {
            Some(attempt) => Self {
                wants: None,
                holds: stops.account(attempt.route),
                open_attempt: Some(attempt.number),
            },
            None => Self {
                wants: (!life.cancel_requested).then(|| stops.account(life.next_route)).flatten(),
                holds: None,
                open_attempt: None,
            },
        }
    }
}
