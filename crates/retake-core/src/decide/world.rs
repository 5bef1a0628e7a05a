//! What [`decide`](super::decide()) may know beside the job itself.
//!
//! It is a plain value that is put together just before a decision and thrown away after it.

use jiff::SignedDuration;

use super::lost_submit::MARGIN;
use crate::{
    job::Attempt,
    plan::Plan,
    policy::{OnUnknownSubmit, Policy},
};

/// The state of the world, as far as it concerns one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// What is known of each route of the plan, by place.
    pub routes: Vec<RouteState>,
}

/// What is known of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteState {
    /// How long things take there.
    pub times: RouteTimes,
    /// Whether the job has a slot of the account there.
    pub has_slot: bool,
    /// What the owner of the account wants done about lost submits, where that is set for the account.
    pub on_unknown_submit: Option<OnUnknownSubmit>,
}

/// What is known of the times at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTimes {
    /// How long the provider may take to answer a create. `None` where an absence is certain at once, because the
    /// renders live in this process.
    pub create: Option<SignedDuration>,
    /// How long a render usually takes.
    pub usual: SignedDuration,
    /// After this long a render is over either way.
    pub longest: SignedDuration,
}

impl RouteTimes {
    /// What is assumed of a route whose account is not configured.
    pub const UNKNOWN: Self = Self {
        create: Some(SignedDuration::from_mins(2)),
        usual: SignedDuration::from_mins(5),
        longest: SignedDuration::from_hours(1),
    };

    /// How long a lost submit is looked for at least before the same route is tried again, however short its owner
    /// wants the wait: until an absence could be believed.
    pub fn least_wait(&self) -> SignedDuration {
        self.create.unwrap_or_default() + MARGIN
    }
}

impl RouteState {
    /// What is assumed of a route whose account is not configured.
    pub const UNKNOWN: Self =
        Self { times: RouteTimes::UNKNOWN, has_slot: false, on_unknown_submit: None };
}

impl World {
    /// What is known of the route at a place in the plan.
    pub fn at(&self, place: usize) -> &RouteState {
        self.routes.get(place).unwrap_or(&RouteState::UNKNOWN)
    }

    /// What is known of the route of an attempt.
    pub fn of_attempt(&self, attempt: &Attempt, plan: &Plan) -> &RouteState {
        match plan.place_of(&attempt.planned.route) {
            Some(place) => self.at(place),
            None => &RouteState::UNKNOWN,
        }
    }

    /// The policy at the route of an attempt, whose account may have one of its own for lost submits.
    pub(super) fn policy_at(&self, attempt: &Attempt, plan: &Plan, policy: &Policy) -> Policy {
        policy.at_account(self.of_attempt(attempt, plan).on_unknown_submit)
    }
}
