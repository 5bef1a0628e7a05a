//! The plan: the routes worth trying for a request, in order, each with the request settled for it.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::Model,
    fit::{self, Change},
    money::Usd,
    preflight::{self, Finding, Severity},
    request::{Fit, RenderSpec, VideoRequest},
};

/// Where an attempt can go: a model on an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    pub routes: Vec<Arc<Planned>>,
}

/// One route of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Where it goes.
    pub route: Route,
    /// The provider of the account, by its name in the catalog. Empty in plans that were made before it was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// The request, settled for the model there.
    pub spec: RenderSpec,
    /// What it will cost at the catalog's price.
    pub cost: Usd,
    /// Whether nobody sends a bill for it. Without that a cost of nothing means that the price is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Whether the provider charges nothing for a render that failed there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed_renders_are_free: bool,
    /// What is not as it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// No route can take the request: what the first one says against it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_message(.findings))]
pub struct Refusal {
    /// The findings of the first candidate; at least one is an error.
    pub findings: Vec<Finding>,
}

/// What a plan is made under, besides the request and the candidates.
#[derive(Clone, Debug)]
pub struct PlanContext {
    /// The seed for a request that names none.
    pub seed: u64,
    /// The day: models have a last one.
    pub today: Date,
    /// Why the candidates stand in for the model that was asked for, if they do.
    pub replaced: Option<Change>,
}

impl PlanContext {
    /// Terms under which nobody stands in for anything.
    pub fn plain(seed: u64, today: Date) -> Self {
        Self { seed, today, replaced: None }
    }
}

/// Plans a request over the candidates that can take it: first those that can take it as it is, then those for
/// which it has to be changed, each in the order of the candidates. Whether it may be changed is for
/// [`VideoRequest::fit`] to say. Without a word there it may be where another candidate takes it as it is, or
/// where all of them stand in for a model that is gone.
///
/// # Errors
///
/// [`Refusal`] when no candidate can take it; it speaks for the first candidate.
pub fn plan(
    request: &VideoRequest,
    candidates: &[Candidate<'_>],
    context: &PlanContext,
) -> Result<Plan, Refusal> {
    let mut refused: Option<Vec<Finding>> = None;
    let (mut exact, mut changed) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    // Another place for the same route would be bought at while the first one may still be billed.
    for candidate in candidates.iter().filter(|candidate| seen.insert(&candidate.route)) {
        match as_it_is(request, candidate, context) {
            Ok(planned) => exact.push(planned),
            Err(findings) => {
                refused.get_or_insert(findings);
                if request.fit != Some(Fit::Strict) {
                    changed.extend(to_fit(request, candidate, context));
                }
            }
        }
    }
    let may_change = match request.fit {
        Some(Fit::Nearest) => true,
        Some(Fit::Strict) => false,
        None => !exact.is_empty() || context.replaced.is_some(),
    };
    if may_change {
        exact.extend(changed);
    }
    if exact.is_empty() {
        return Err(Refusal { findings: refused.unwrap_or_default() });
    }
    Ok(Plan { routes: exact.into_iter().map(Arc::new).collect() })
}

fn as_it_is(
    request: &VideoRequest,
    candidate: &Candidate<'_>,
    context: &PlanContext,
) -> Result<Planned, Vec<Finding>> {
    let findings = preflight::check(request, candidate.model, context.today);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(findings);
    }
    Ok(planned(request, candidate, context, Vec::new()))
}

fn to_fit(
    request: &VideoRequest,
    candidate: &Candidate<'_>,
    context: &PlanContext,
) -> Option<Planned> {
    let (fitted, changes) = fit::nearest(request, candidate.model);
    let findings = preflight::check(&fitted, candidate.model, context.today);
    let fits = findings.iter().all(|finding| finding.severity != Severity::Error);
    fits.then(|| planned(&fitted, candidate, context, changes))
}

fn planned(
    request: &VideoRequest,
    candidate: &Candidate<'_>,
    context: &PlanContext,
    changes: Vec<Change>,
) -> Planned {
    let Candidate { route, model } = candidate;
    let spec = preflight::settle(request, model, context.seed);
    let cost = model.price(spec.new_seconds(), spec.size, spec.audio);
    let replaced = context
        .replaced
        .clone()
        .map(|change| Change { given: Some(route.model.clone()), ..change });
    let fitted = fit::of_picture(request, &spec, model);
    let changes = replaced.into_iter().chain(changes).chain(fitted).collect();
    Planned {
        route: route.clone(),
        provider: model.provider.clone(),
        spec,
        cost,
        free: model.free,
        failed_renders_are_free: model.failed_renders_are_free,
        changes,
    }
}

fn first_message(findings: &[Finding]) -> &str {
    findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
        .map_or("no route can take this request", |finding| &finding.message)
}

impl Plan {
    /// The place of a route in the plan.
    pub fn place_of(&self, route: &Route) -> Option<usize> {
        self.routes.iter().position(|planned| planned.route == *route)
    }
}

impl Planned {
    /// What it will cost by the catalog; nothing where the catalog does not know.
    pub fn list_price(&self) -> Option<Usd> {
        (self.is_free() || self.cost != Usd::ZERO).then_some(self.cost)
    }

    /// Whether nobody sends a bill for it.
    pub fn is_free(&self) -> bool {
        // Plans that were made before it was kept know the renderer that is built in by its name.
        self.free || self.provider == "animatic"
    }

    /// Whether a prompt that one of them refused is refused by the other too: the same model at the same provider,
    /// whatever the account.
    pub fn is_same_model(&self, other: &Self) -> bool {
        let is_known = !self.provider.is_empty() && !other.provider.is_empty();
        let same_provider = if is_known {
            self.provider == other.provider
        } else {
            self.route.account == other.route.account
        };
        same_provider && self.route.model == other.route.model
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

    fn context(today: Date) -> PlanContext {
        PlanContext::plain(7, today)
    }

    fn candidate<'a>(catalog: &'a Catalog, provider: &str, name: &str) -> Candidate<'a> {
        let route = format!("{provider}/{name}").parse().unwrap();
        Candidate { route, model: catalog.model(provider, name).unwrap() }
    }

    /// A plan over `count` routes to the embedded renderer.
    pub(crate) fn a_plan_of(count: usize) -> Plan {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };
        let candidates: Vec<_> = (0..count)
            .map(|n| Candidate { route: format!("account-{n}/animatic").parse().unwrap(), model })
            .collect();
        let mut plan = plan(&request, &candidates, &context(TODAY)).unwrap();
        for (n, planned) in plan.routes.iter_mut().enumerate().skip(1) {
            Arc::make_mut(planned).provider = format!("provider-{n}");
        }
        plan
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

        let plan = plan(&request, &candidates, &context(TODAY)).unwrap();

        assert_eq!(plan.routes.len(), 1);
        assert_eq!(plan.routes[0].route, route("animatic/animatic"));
    }

    #[test]
    fn a_route_for_which_the_request_is_changed_comes_after_those_that_take_it_as_it_is() {
        let catalog = Catalog::shipped().unwrap();
        let candidates =
            [candidate(&catalog, "openai", "sora-2"), candidate(&catalog, "animatic", "animatic")];
        let ask = |fit| VideoRequest {
            prompt: "a lighthouse".into(),
            seconds: Some(10),
            fit,
            ..VideoRequest::default()
        };
        let then = Date::constant(2026, 9, 1);
        let routes = |fit| {
            let plan = plan(&ask(fit), &candidates, &context(then)).unwrap();
            let told = |p: &Arc<Planned>| (p.route.model.clone(), p.spec.seconds, p.changes.len());
            plan.routes.iter().map(told).collect::<Vec<_>>()
        };

        let (as_is, changed) = (("animatic".into(), 10, 0), ("sora-2".into(), 8, 1));
        assert_eq!(routes(None), [as_is.clone(), changed]);
        assert_eq!(routes(Some(Fit::Strict)), [as_is]);
    }

    #[test]
    fn nothing_is_changed_unasked_where_no_route_takes_the_request_as_it_is() {
        let catalog = Catalog::shipped().unwrap();
        let candidates = [candidate(&catalog, "openai", "sora-2")];
        let request = VideoRequest {
            prompt: "a lighthouse".into(),
            seconds: Some(10),
            ..VideoRequest::default()
        };
        let then = Date::constant(2026, 9, 1);

        assert!(plan(&request, &candidates, &context(then)).is_err());
        let nearest = VideoRequest { fit: Some(Fit::Nearest), ..request };
        assert_eq!(plan(&nearest, &candidates, &context(then)).unwrap().routes[0].spec.seconds, 8);
    }

    #[test]
    fn those_that_stand_in_for_a_model_that_is_gone_say_so() {
        let catalog = Catalog::shipped().unwrap();
        let gone = Change {
            param: "model".into(),
            asked: "sora-2".into(),
            given: None,
            why: "it was shut down".into(),
        };
        let request = VideoRequest {
            prompt: "a lighthouse".into(),
            seconds: Some(500),
            ..VideoRequest::default()
        };
        let context = PlanContext { replaced: Some(gone), ..context(TODAY) };

        let plan =
            plan(&request, &[candidate(&catalog, "animatic", "animatic")], &context).unwrap();

        let told: Vec<_> = plan.routes[0].changes.iter().map(|c| c.param.as_str()).collect();
        assert_eq!(told, ["model", "seconds"]);
        assert_eq!(plan.routes[0].changes[0].given.as_deref(), Some("animatic"));
    }

    #[test]
    fn a_route_that_is_named_twice_is_planned_once() {
        let catalog = Catalog::shipped().unwrap();
        let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };
        let one = || candidate(&catalog, "animatic", "animatic");

        let plan = plan(&request, &[one(), one()], &context(TODAY)).unwrap();

        assert_eq!(plan.routes.len(), 1);
    }

    #[test]
    fn a_route_is_an_account_and_a_model_that_may_itself_have_slashes() {
        let route: Route = "fal/kling/v2".parse().unwrap();

        assert_eq!((route.account.as_str(), route.model.as_str()), ("fal", "kling/v2"));
        assert!("animatic".parse::<Route>().is_err());
    }
}
