//! The door: every request gets a name (`x-request-id`), a line in the log and an answer.

use std::{
    any::Any,
    net::IpAddr,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header, uri::Authority};
use retake_core::ids::RequestId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{AppState, Problem, problem::Reason};
use crate::{clock::Clock, tasks::panic_text, vitals::Condition};

/// How long the ledger may take to say that it is there.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, serves it, logs how it went, and logs the reason of a server error once.
pub(super) async fn name_and_log(request: Request, next: Next) -> Response {
    let id = RequestId::new(Clock::system().now());
    let (method, path) = (request.method().clone(), loggable(request.uri().path()));
    let begun = Instant::now();

    let mut response = next.run(request).await;

    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(Reason(reason)) = response.extensions().get() {
        tracing::error!(
            request.id = %id, %method, path, status, duration_ms, reason, "a request could not be served"
        );
    } else {
        tracing::debug!(request.id = %id, %method, path, status, duration_ms, "served");
    }
    response
}

/// A path as it may stand in a log: addresses that only a provider knows end in a code.
fn loggable(path: &str) -> String {
    let secret = [crate::callbacks::PATH, crate::callbacks::PICTURES];
    match secret.iter().find(|prefix| path.starts_with(**prefix)) {
        Some(prefix) => format!("{prefix}/…"),
        None => path.to_owned(),
    }
}

/// Refuses what a page of another site makes a browser send.
///
/// There is no password that such a page would lack, so it must not get in by the browser of somebody who
/// can: neither from its own origin, nor under a name of its own that it let lead here.
pub(super) async fn refuse_strangers(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let authority = request.uri().authority().map(Authority::as_str);
    let Some(problem) = strange(request.headers(), authority, &state.hosts) else {
        return next.run(request).await;
    };
    // Where callers need a key, a page gets nowhere by itself: it cannot know one.
    match state.keys.any().await {
        Ok(false) => problem.into_response(),
        Ok(true) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// What is strange about where a request comes from, or whom it takes us for.
fn strange(headers: &HeaderMap, authority: Option<&str>, ours: &[String]) -> Option<Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or(authority).unwrap_or_default();
    let name = host.parse::<Authority>().map(|it| it.host().to_ascii_lowercase());
    let name = name.unwrap_or_default();
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_local = name == "localhost" || name.ends_with(".localhost");
    let is_ours = ours.iter().any(|ours| ours.eq_ignore_ascii_case(&name));
    if !host.is_empty() && !is_address && !is_local && !is_ours {
        return Some(Problem::unknown_host(host));
    }
    let from_elsewhere = text(header::ORIGIN)
        .is_some_and(|origin| origin.split_once("://").is_none_or(|(_, from)| from != host));
    let is_cross = text(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site");
    (from_elsewhere || is_cross).then(Problem::cross_site)
}

/// A handler that panicked is a server error like any other.
#[expect(clippy::needless_pass_by_value, reason = "the signature is the middleware's")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    Problem::internal(format!("a handler panicked: {}", panic_text(&*panic))).into_response()
}

/// How the gateway is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version of Retake.
    version: &'static str,
}

/// What the gateway can be relied on for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Always `ready`.
    status: &'static str,
    /// The version of Retake.
    version: &'static str,
    checks: Checks,
}

/// What was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct Checks {
    /// The bytes that are free where videos are kept.
    free_bytes: u64,
    /// How many milliseconds the clock is ahead of the database's; nothing without a database.
    #[schema(required)]
    clock_skew_ms: Option<i64>,
    /// What goes on in the background.
    tasks: Vec<TaskCheck>,
}

/// Work in the background.
#[derive(Debug, Serialize, ToSchema)]
struct TaskCheck {
    /// What it does.
    name: &'static str,
    /// How long ago it did a round, in milliseconds.
    silent_ms: u64,
    /// How often it broke and was begun again.
    restarts: u32,
}

/// Says that the process is up
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "gateway",
    security(()),
    responses((status = 200, description = "It is up.", body = Health)),
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Says whether videos can be asked for
///
/// The ledger answers, there is room for videos, the work in the background goes on, the clock agrees with that of
/// the database, and the process is not about to stop.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "gateway",
    security(()),
    responses((status = 200, description = "It is ready.", body = Readiness)),
    extensions(("x-refusals" = json!([
        "503 background_task_stalled", "503 clock_skew", "503 shutting_down", "503 ledger_unavailable",
        "503 storage_full", "503 storage_unavailable",
    ]))),
)]
pub(super) async fn readyz(State(state): State<AppState>) -> Result<Json<Readiness>, Problem> {
    if state.tasks.is_stopping() {
        return Err(Problem::stopping());
    }
    if let Some(ailment) = state.vitals.ailment() {
        return Err(ailment.into());
    }
    let looked = tokio::time::timeout(LONGEST_LOOK, state.videos.ready()).await;
    let free_bytes = looked.map_err(|_| Problem::silent_ledger())??;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let task = |it: Condition| TaskCheck {
        name: it.name,
        silent_ms: millis(it.silent),
        restarts: it.restarts,
    };
    let skew = state.vitals.skew();
    let checks = Checks {
        free_bytes,
        clock_skew_ms: skew.map(|skew| i64::try_from(skew.as_millis()).unwrap_or(i64::MAX)),
        tasks: state.vitals.conditions().into_iter().map(task).collect(),
    };
    Ok(Json(Readiness { status: "ready", version: env!("CARGO_PKG_VERSION"), checks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_strange(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        strange(&headers.collect(), None, &["retake.example.com".into()]).is_some()
    }

    #[test]
    fn programs_and_pages_of_our_own_are_let_in() {
        for host in ["127.0.0.1:8080", "[::1]:8080", "localhost", "retake.example.com"] {
            assert!(!is_strange(&[("host", host)]), "{host}");
        }
        assert!(!is_strange(&[("host", "localhost:1"), ("origin", "http://localhost:1")]));
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let host = ("host", "127.0.0.1:8080");

        assert!(is_strange(&[host, ("origin", "https://example.com")]));
        assert!(is_strange(&[host, ("origin", "null")]));
        assert!(is_strange(&[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_name_that_somebody_else_let_lead_here_is_refused() {
        assert!(is_strange(&[("host", "evil.example.net")]));
        assert!(is_strange(&[("host", "127.0.0.1.evil.example.net:8080")]));
    }

    #[test]
    fn the_code_of_an_address_that_only_a_provider_knows_is_not_logged() {
        assert_eq!(loggable("/retake/v1/hooks/relay/video_1-1/c0de"), "/retake/v1/hooks/…");
        assert_eq!(loggable("/retake/v1/pictures/9f/c0de"), "/retake/v1/pictures/…");
        assert_eq!(loggable("/v1/videos/video_1"), "/v1/videos/video_1");
    }
}
