//! The plan: the routes worth trying for a request, in order, each with the request settled for it.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::Model,
    money::Usd,
    preflight::{self, Finding, Severity},
    request::{Shot, VideoRequest},
};

/// Where an attempt can go: a model on an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Route {
    /// The account, by its owner's name for it.
    pub account: String,
    /// The model, by the provider's name for it.
    pub model: String,
}

/// A text that is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a route; write account and model, for example `animatic/animatic`")]
pub struct InvalidRoute(String);

/// A route that could take the request, and what the catalog says of its model.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Where it would go.
    pub route: Route,
    /// What is known of the model there.
    pub model: &'a Model,
}

/// The routes worth trying, best first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The routes in the order in which they are tried.
    pub routes: Vec<Planned>,
}

/// One route of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Where it goes.
    pub route: Route,
    /// The request, settled for the model there.
    pub shot: Shot,
    /// What it will cost at the catalog's price.
    pub cost: Usd,
}

/// No route can take the request: what the first one says against it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_message(.findings))]
pub struct Refusal {
    /// The findings of the first candidate; at least one is an error.
    pub findings: Vec<Finding>,
}

/// Plans a request over the candidates that can take it. `seed` is used when the request names none.
///
/// # Errors
///
/// [`Refusal`] when no candidate can take it; it speaks for the first candidate.
pub fn plan(
    request: &VideoRequest,
    candidates: &[Candidate<'_>],
    seed: u64,
    today: Date,
) -> Result<Plan, Refusal> {
    let mut refused: Option<Vec<Finding>> = None;
    let mut routes = Vec::new();
    for Candidate { route, model } in candidates {
        let findings = preflight::check(request, model, today);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            refused.get_or_insert(findings);
            continue;
        }
        let shot = preflight::settle(request, model, seed);
        let cost = model.price(shot.new_seconds(), shot.size, shot.audio);
        routes.push(Planned { route: route.clone(), shot, cost });
    }
    if routes.is_empty() {
        return Err(Refusal { findings: refused.unwrap_or_default() });
    }
    Ok(Plan { routes })
}

fn first_message(findings: &[Finding]) -> &str {
    findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
        .map_or("no route can take this request", |finding| &finding.message)
}

impl Plan {
    /// The route at a place in the plan; the first one if there is no such place.
    pub fn at(&self, place: usize) -> Option<&Planned> {
        self.routes.get(place).or_else(|| self.routes.first())
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.model)
    }
}

impl FromStr for Route {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, InvalidRoute> {
        match text.split_once('/') {
            Some((account, model)) if !account.is_empty() && !model.is_empty() => {
                Ok(Self { account: account.to_owned(), model: model.to_owned() })
            }
            _ => Err(InvalidRoute(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Route {
    type Error = InvalidRoute;

    fn try_from(text: String) -> Result<Self, InvalidRoute> {
        text.parse()
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalog::Catalog;

    const TODAY: Date = Date::constant(2026, 11, 21);

    /// A plan over `count` routes to the embedded renderer.
    pub(crate) fn a_plan_of(count: usize) -> Plan {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };
        let candidates: Vec<_> = (0..count)
            .map(|n| Candidate { route: format!("account-{n}/animatic").parse().unwrap(), model })
            .collect();
        plan(&request, &candidates, 7, TODAY).unwrap()
    }

    #[test]
    fn a_route_that_cannot_take_the_request_is_left_out() {
        let catalog = Catalog::shipped().unwrap();
        let request = VideoRequest {
            prompt: "a lighthouse".into(),
            seconds: Some(60),
            ..VideoRequest::default()
        };
        let route = |text: &str| text.parse().unwrap();
        let candidates = [
            Candidate {
                route: route("relay/sora-2"),
                model: catalog.model("openai", "sora-2").unwrap(),
            },
            Candidate {
                route: route("animatic/animatic"),
                model: catalog.model("animatic", "animatic").unwrap(),
            },
        ];

        let plan = plan(&request, &candidates, 7, TODAY).unwrap();

        assert_eq!(plan.routes.len(), 1);
        assert_eq!(plan.routes[0].route, route("animatic/animatic"));
    }

    #[test]
    fn a_route_is_an_account_and_a_model_that_may_itself_have_slashes() {
        let route: Route = "fal/kling/v2".parse().unwrap();

        assert_eq!((route.account.as_str(), route.model.as_str()), ("fal", "kling/v2"));
        assert!("animatic".parse::<Route>().is_err());
    }
}
