//! Replicate: predictions of models of many makers.
//!
//! A model is named `owner/name`, `owner/name:version` or `deployments/owner/name`, and each is created at a path
//! of its own; from then on there is one prediction with six statuses. What went wrong is free text, in which
//! newer models put a code such as `(E005)`. The files of a prediction are removed an hour after it ended.
//!
//! There is no name of ours on a prediction, but the URL for notices is repeated in it: one that nobody else can
//! know marks it as ours, and else its input with the seed does.
//!
//! The facts are those of Replicate's documentation and of `replicate` 1.0.7 (Python), seen on 2026-11-21.

mod account;
mod calls;
mod fault;
mod find;
mod hook;
mod media;
mod request;
mod status;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use retake_core::{catalog::Catalog, fault::Fault};

use self::calls::Calls;
use crate::{
    AccountStatus, Adapter, CancelOutcome, Download, FetchError, Flow, Hook, HookError, Polled,
    ProviderInfo, Reconciliation, Render, Settings, SettingsError, Submission, SubmitError,
    Submitted, UnconfirmedSubmit,
};

/// The name of the provider in the catalog.
const PROVIDER: &str = "replicate";
/// A prediction is stopped after half an hour of running; the rest is for waiting.
const LONGEST_RENDER: Duration = Duration::from_hours(1);
/// Video models of its catalog take one to five minutes by their own pages (2026-11-21).
const USUAL_RENDER: Duration = Duration::from_mins(5);

pub(crate) const FACTS: &[ProviderInfo] = &[ProviderInfo {
    provider: PROVIDER,
    variant: None,
    title: "Replicate",
    base_url: Some("https://api.replicate.com"),
    key_variables: &["REPLICATE_API_TOKEN"],
    base_url_variables: &["REPLICATE_BASE_URL"],
    option_variables: &[],
    needed_options: &[],
    concurrency: 10,
}];

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    let calls = Arc::new(Calls::of(settings)?);
    let secret = settings.option("webhook_secret").map(|secret| secret.to_owned().into());
    Ok(Box::new(Replicate { calls, catalog: Arc::clone(catalog), secret }))
}

struct Replicate {
    calls: Arc<Calls>,
    catalog: Arc<Catalog>,
    /// What notices are signed with, when the account's settings say it.
    secret: Option<secrecy::SecretString>,
}

impl Adapter for Replicate {
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
        request::submit(&self.calls, &self.catalog, submission)
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        _now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        find::look_up(&self.calls, &self.catalog, lost)
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        status::poll(&self.calls, &self.catalog, render)
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        media::fetch(&self.calls, &render.remote_id)
    }

    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        status::cancel(&self.calls, &render.remote_id)
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        account::check(&self.calls)
    }

    fn verify_hook(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        hook::verify(&self.calls, self.secret.as_ref(), &hook)
    }
}
