//! fal: a queue in front of models of many makers.
//!
//! A submit is a POST of the model's bare inputs to the queue. The answer names where the request can be
//! followed; only what lies on the account's own queue is believed, because the key goes there, and it is kept
//! as the render's name: `fal-ai/veo3.1/requests/{id}`. "Completed" is not "succeeded": the failure is in the
//! status or in the answer to the request for the result, so a poll reads both.
//!
//! fal tries failed requests again by itself, and may hand them to another model. Both are turned off: which
//! model renders, and how often something is tried, is decided here.
//!
//! The facts are those of fal's documentation and of `fal-client` 1.0.3, seen on 2026-11-21.

mod account;
mod fault;
mod find;
mod hook;
mod media;
mod places;
mod request;
mod status;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use retake_core::{catalog::Catalog, fault::Fault};

use self::places::Places;
use crate::{
    AccountStatus, Adapter, CancelOutcome, Download, FetchError, Flow, Hook, HookError, Polled,
    ProviderInfo, Reconciliation, Render, Settings, SettingsError, Submission, SubmitError,
    Submitted, UnconfirmedSubmit,
};

/// The name of the provider in the catalog.
const PROVIDER: &str = "fal";
/// No video takes longer once it runs; what waits behind the account's own limit is part of it.
const LONGEST_RENDER: Duration = Duration::from_hours(1);
/// The models of the catalog take one to five minutes by their own pages (2026-11-21).
const USUAL_RENDER: Duration = Duration::from_mins(5);

pub(crate) const FACTS: &[ProviderInfo] = &[ProviderInfo {
    provider: PROVIDER,
    variant: None,
    title: "fal",
    base_url: Some(places::QUEUE),
    key_variables: &["FAL_KEY"],
    base_url_variables: &[],
    option_variables: &[("key_id", &["FAL_KEY_ID"]), ("key_secret", &["FAL_KEY_SECRET"])],
    needed_options: &[],
    concurrency: 2,
}];

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    let places = Arc::new(Places::of(settings)?);
    Ok(Box::new(Fal { places, catalog: Arc::clone(catalog) }))
}

struct Fal {
    places: Arc<Places>,
    catalog: Arc<Catalog>,
}

impl Adapter for Fal {
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
        request::submit(&self.places, &self.catalog, submission)
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        find::look_up(&self.places, &self.catalog, lost, now)
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        status::poll(&self.places, &render.remote_id)
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        media::fetch(&self.places, &render.remote_id)
    }

    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        status::cancel(&self.places, &render.remote_id)
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        account::check(&self.places)
    }

    fn verify_hook(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        hook::verify(&self.places, &hook)
    }
}
