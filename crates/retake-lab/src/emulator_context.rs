//! The context of an emulator's handlers: everything a provider does that does not depend on its
//! wire format.
//!
//! An emulator parses a request, calls the context, and builds the response in the provider's
//! format. Faults that need no format (a create that is never answered, a dropped connection, a
//! slow poll) are injected here; the emulator returns such a response unchanged.

mod files;
mod webhook_events;

use std::sync::Arc;

use axum::response::{Html, IntoResponse as _, Response};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    Provider,
    clock::Clock,
    error_envelope,
    fault::{Cause, FaultKind},
    fixture_video::FixtureVideos,
    lab::Urls,
    listener::drop_connection,
    response_fault::{self, ResponseFault},
    scenario::{Conditions, Scenario},
    simulator::{AccountStatus, Admission, Create, JobView, Reason, Refusal, Simulator},
    tasks::Tasks,
    webhook_sender::WebhookSender,
};
pub(crate) use files::serve_video_url;
pub(crate) use webhook_events::{WebhookEvent, WebhookTrigger};

/// The state that all emulators of a lab share.
pub(crate) struct SharedState {
    pub(crate) simulator: Simulator,
    pub(crate) fixture_videos: FixtureVideos,
    pub(crate) webhook_sender: WebhookSender,
    pub(crate) tasks: Tasks,
    pub(crate) urls: Urls,
}

/// The statuses of a proxy that forwarded a create and received no response to it.
const PROXY_STATUSES: [&str; 5] = ["502", "503", "504", "302", "307"];

/// The reason why a call fails.
pub(crate) enum CallError {
    /// The call is refused; the emulator builds the response.
    Refused(Refusal),
    /// The job does not exist.
    Missing,
    /// The response was built already and is returned unchanged.
    Response(Response),
}

/// One provider's access to the shared state.
#[derive(Clone)]
pub(crate) struct EmulatorContext {
    pub(crate) provider: Provider,
    pub(super) shared: Arc<SharedState>,
}

impl EmulatorContext {
    pub(crate) fn new(provider: Provider, shared: Arc<SharedState>) -> Self {
        Self { provider, shared }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.simulator.clock
    }

    /// The current time in the lab.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    pub(crate) fn scenario(&self) -> Arc<Scenario> {
        self.shared.simulator.scenario()
    }

    /// The provider's current conditions.
    pub(crate) fn conditions(&self) -> Conditions {
        self.scenario().conditions(self.provider)
    }

    /// The base URL of this provider, `http://127.0.0.1:PORT`, without a trailing slash.
    pub(crate) fn base_url(&self) -> &str {
        self.shared.urls.provider(self.provider)
    }

    /// A unique id of lower-case hexadecimal digits, at most 32.
    #[expect(clippy::unused_self, reason = "callers ask the context for every id")]
    pub(crate) fn new_hex_id(&self, digits: usize) -> String {
        let mut text = Uuid::new_v4().simple().to_string();
        text.truncate(digits);
        text
    }

    /// A unique id in the form of a UUID.
    #[expect(clippy::unused_self, reason = "callers ask the context for every id")]
    pub(crate) fn new_uuid(&self) -> String {
        Uuid::new_v4().to_string()
    }

    /// Checks an API key; returns it, or why it is refused.
    pub(crate) fn authenticate(&self, key: Option<String>) -> Result<String, Refusal> {
        let missing = || Refusal::new(Cause::Account, Reason::MissingKey);
        let key = key.filter(|key| !key.is_empty()).ok_or_else(missing)?;
        match self.shared.simulator.key_refusal(self.provider, &key) {
            Some(refusal) => Err(refusal),
            None => Ok(key),
        }
    }

    /// The rate limit and the credit that a key has left.
    pub(crate) fn account_status(&self, key: &str) -> AccountStatus {
        self.shared.simulator.account_status(self.provider, key)
    }

    /// Admits a create and injects the faults that look the same for every provider.
    pub(crate) async fn admit(&self, create: Create) -> Result<JobView, CallError> {
        self.admit_with(create, |_| {}).await
    }

    /// Admits a create and, if it was accepted, calls `then` with the job, even when the caller
    /// never gets a response. Webhooks are scheduled there.
    pub(crate) async fn admit_with(
        &self,
        create: Create,
        then: impl FnOnce(&JobView),
    ) -> Result<JobView, CallError> {
        let id = create.id.clone();
        match self.shared.simulator.admit(self.provider, create) {
            Admission::Accepted(job) => {
                then(&job);
                Ok(job)
            }
            Admission::AcceptedThenError(job, refusal) => {
                then(&job);
                Err(CallError::Refused(refusal))
            }
            Admission::AcceptedThenDropped => {
                if let Some(job) = self.find_job(&id) {
                    then(&job);
                }
                Err(CallError::Response(drop_connection()))
            }
            Admission::AcceptedThenProxyPage(job, refusal) => {
                then(&job);
                Err(CallError::Response(self.proxy_response(refusal.pick(&PROXY_STATUSES))))
            }
            Admission::Late(job, at) => {
                then(&job);
                self.clock().hold_until(at).await;
                self.find_job(&id).ok_or_else(|| CallError::Response(drop_connection()))
            }
            Admission::Refused(refusal) => Err(refuse(refusal)),
            Admission::DropConnection => Err(CallError::Response(drop_connection())),
            Admission::Hang => {
                self.clock().hold_until(Timestamp::MAX).await;
                std::future::pending().await
            }
        }
    }

    /// The response of a proxy in the provider's place: an HTML page, or a redirect to one.
    fn proxy_response(&self, status: &str) -> Response {
        let status = status.parse().unwrap_or(StatusCode::BAD_GATEWAY);
        let page = format!(
            "<html>\n<head><title>{status}</title></head>\n<body>\n<center><h1>{status}</h1></center>\n\
             <hr><center>nginx</center>\n</body>\n</html>\n"
        );
        let response = (status, Html(page)).into_response();
        if !status.is_redirection() {
            return response;
        }
        let place = [(header::LOCATION, format!("{}/maintenance", self.base_url()))];
        (place, response).into_response()
    }

    /// Polls the job of this id. `key` is the caller's; with `None` the job of any key is returned.
    pub(crate) async fn poll(&self, id: &str, key: Option<&str>) -> Result<JobView, CallError> {
        let simulator = &self.shared.simulator;
        let is_callers = |job: &JobView| key.is_none_or(|key| key == job.create.key);
        self.find_job(id).filter(is_callers).ok_or(CallError::Missing)?;
        let job = simulator
            .update_record(self.provider, id, |record| {
                record.polls = record.polls.saturating_add(1);
            })
            .ok_or(CallError::Missing)?;
        if let Some(fault) = job.run_fault(FaultKind::SlowPolls) {
            self.clock().hold(fault.lasting_or(30)).await;
        }
        if let Some(fault) = job.run_fault(FaultKind::PollErrors)
            && job.polls < fault.times.unwrap_or(3)
        {
            return Err(CallError::Refused(simulator.refusal_from_fault(fault, Reason::Poll)));
        }
        if let Some(fault) = job.run_fault(FaultKind::PollMissing)
            && simulator.consume_poll_fault(self.provider, &job, fault)
        {
            return Err(CallError::Missing);
        }
        if let Some(fault) = job.run_fault(FaultKind::PollEnvelope)
            && simulator.consume_poll_fault(self.provider, &job, fault)
        {
            return Err(CallError::Response(error_envelope::response(fault)));
        }
        if let Some(fault) = job.run_fault(FaultKind::DripPolls)
            && job.polls < fault.times.unwrap_or(1)
        {
            response_fault::inject(ResponseFault::Drip(fault.lasting_or(5)));
        }
        self.find_job(id).ok_or(CallError::Missing)
    }

    /// The job of this id as it is now, without counting a poll.
    pub(crate) fn find_job(&self, id: &str) -> Option<JobView> {
        self.shared.simulator.find_job(self.provider, id)
    }

    /// The jobs of a key, oldest first, without those that were deleted.
    pub(crate) fn list_jobs(&self, key: &str) -> Vec<JobView> {
        self.shared.simulator.list_jobs(self.provider, key)
    }

    /// Cancels a job unless it has ended, and returns it as it is then.
    pub(crate) fn cancel(&self, id: &str) -> Option<JobView> {
        self.shared.simulator.cancel(self.provider, id)
    }

    /// Deletes a job: it cannot be found any more, but a running one continues and is billed.
    pub(crate) fn delete(&self, id: &str) -> Option<JobView> {
        self.shared.simulator.update_record(self.provider, id, |record| record.is_deleted = true)
    }

    /// A duration of lab time in milliseconds of wall-clock time, for headers that callers act on.
    pub(crate) fn wall_millis(&self, lab: SignedDuration) -> u64 {
        u64::try_from(self.clock().real(lab).as_millis()).unwrap_or(u64::MAX)
    }
}

/// The error of a refused create; a disguised refusal gets the status 500.
fn refuse(refusal: Refusal) -> CallError {
    if refusal.is_disguised {
        response_fault::inject(ResponseFault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    }
    CallError::Refused(refusal)
}
