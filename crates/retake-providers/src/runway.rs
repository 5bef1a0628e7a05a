//! Runway: its own Gen-4 models, and the models of others that it sells through the same wire.
//!
//! A render is a task: created by one call for text and another for pictures, polled by its id, and gone as
//! soon as it is cancelled or deleted. A task beyond the account's concurrency is taken and waits as
//! `THROTTLED`, so only the count of a rolling day is ever refused. There is no list of tasks, no notice and
//! no idempotency: a create whose answer is lost cannot be found again. What a model accepts is read from the
//! catalog; what only the wire knows, such as the two ways to say a size, is in [`framing`].
//!
//! Facts: `runwayml` 5.24.0 and the pages on task failures, HTTP errors, inputs and tiers, 2026-11-21.

mod account;
mod fault;
mod framing;
mod media;
mod request;
mod task;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use retake_core::{catalog::Catalog, fault::Fault, signal::Stage};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::{
    AccountStatus, Adapter, Answer, Call, CancelOutcome, Download, FetchError, Flow, Hook,
    HookError, Polled, ProviderInfo, Render, Reply, Settings, SettingsError, Submission,
    SubmitError, Submitted, Value, response,
};

pub(crate) const FACTS: &[ProviderInfo] = &[ProviderInfo {
    provider: PROVIDER,
    variant: None,
    title: "Runway",
    base_url: Some("https://api.dev.runwayml.com"),
    key_variables: &["RUNWAYML_API_SECRET"],
    base_url_variables: &["RUNWAYML_BASE_URL"],
    option_variables: &[],
    needed_options: &[],
    // The first tier renders one or two at once, depending on the model; more of them only wait.
    concurrency: 2,
}];

const PROVIDER: &str = "runway";

/// The version of the API that this is written for; a superseded one is kept for about four months.
const API_VERSION: &str = "2024-11-06";

/// The SDK waits ten minutes for a task, and a throttled one waits for its turn before that.
const LONGEST_RENDER: Duration = Duration::from_hours(1);

/// The time after which the waiter of the SDK gives up (`runwayml` 5.24.0).
const USUAL_RENDER: Duration = Duration::from_mins(10);

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    let api = Api {
        base: settings.base_url()?.to_owned(),
        key: settings.api_key.clone(),
        version: settings.option("api_version").unwrap_or(API_VERSION).to_owned(),
    };
    Ok(Box::new(Runway { api, catalog: Arc::clone(catalog) }))
}

struct Runway {
    api: Api,
    catalog: Arc<Catalog>,
}

/// Where the API is and how it is spoken to.
#[derive(Clone)]
struct Api {
    base: String,
    key: SecretString,
    version: String,
}

impl Api {
    fn url(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.base)
    }

    fn task(&self, id: &str) -> String {
        self.url(&format!("tasks/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)))
    }

    fn signed(&self, call: Call) -> Call {
        call.header("authorization", Value::credentials("Bearer", &self.key))
            .header("x-runway-version", self.version.as_str())
    }

    fn create(&self, path: &str, body: Json) -> Flow<Result<Submitted, SubmitError>> {
        Flow::once(self.signed(Call::post(self.url(path), body)), created)
    }

    fn ask_for(&self, render: &Render) -> Call {
        self.signed(Call::get(self.task(&render.remote_id)))
    }
}

/// Reads the answer to a create. A success that names no task may have made one.
fn created(answer: Answer) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(response::failed_create(reply.status, fault::body_of(&reply), &fault::SHED));
    }
    let id = reply.json().and_then(|json| response::id(&json, "/id").map(str::to_owned));
    id.map(Submitted::from).ok_or_else(|| {
        SubmitError::Lost(response::unexpected(&reply, "the answer to the create names no task"))
    })
}

impl Adapter for Runway {
    fn render_timeout(&self) -> Duration {
        LONGEST_RENDER
    }

    fn usual_render(&self, _model: &str) -> Duration {
        USUAL_RENDER
    }

    fn submit(
        &self,
        submission: &Submission,
        _now: Timestamp,
    ) -> Flow<Result<Submitted, SubmitError>> {
        let known = self.catalog.model(PROVIDER, &submission.model);
        let body = match request::body(submission, known) {
            Ok(body) => body,
            Err(fault) => return Flow::Done(Err(SubmitError::Refused(fault))),
        };
        let Some(picture) = &submission.spec.first_frame else {
            return self.api.create("text_to_video", body.into());
        };
        let api = self.api.clone();
        media::uri(&api, picture, submission.first_frame.as_ref()).and_then(move |uri| match uri {
            Ok(uri) => api.create("image_to_video", request::with_picture(body, &uri)),
            Err(problem) => Flow::Done(Err(problem)),
        })
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        let asked = render.remote_id.clone();
        Flow::once(self.api.ask_for(render), move |answer| task::polled(answer, &asked))
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        // Every look at a task signs its links anew, so the link is never older than this call.
        let asked = render.remote_id.clone();
        Flow::once(self.api.ask_for(render), move |answer| task::download(answer, &asked))
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        task::refused_download(reply)
    }

    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        let call = Call::change(Method::DELETE, self.api.task(&render.remote_id));
        Flow::once(self.api.signed(call), |answer| {
            let reply = answer.map_err(|problem| response::silence(&problem))?;
            match reply.status {
                StatusCode::NOT_FOUND | StatusCode::GONE => Ok(CancelOutcome::NotKnown),
                status if status.is_success() => Ok(CancelOutcome::Stopped),
                _ => Err(fault::of_reply(&reply, Stage::Cancel)),
            }
        })
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        let call = self.api.signed(Call::get(self.api.url("organization")));
        Flow::once(call, account::account_status)
    }

    fn verify_hook(&self, _hook: Hook) -> Flow<Result<(), HookError>> {
        Flow::Done(Err(HookError::NotExpected))
    }
}
