//! Intake: from a request to a recorded job, before any provider hears of it.
//!
//! The model asked for is resolved to routes, the picture is looked at, preflight and plan are made, and
//! only when all that holds is anything stored. A refusal leaves nothing behind.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use retake_core::{
    catalog::Catalog,
    ids::{VideoId, fresh_seed},
    life::Life,
    plan::{Candidate, Plan, Refusal, Route, plan},
    request::{Picture, VideoRequest},
    size::Size,
};
use retake_media::{self as media, Still, StillError, StillLimits};
use retake_store::{Job, Ledger, NewJob, StoreError};

use crate::{
    accounts::Accounts,
    assets::{AssetError, Assets},
    clock::Clock,
    scheduler::Bell,
};

/// Takes requests in.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    pub(crate) bell: Bell,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) models: Arc<Models>,
}

/// The names that callers may ask for, and where each leads.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) default: String,
    pub(crate) named: Vec<(String, Vec<Route>)>,
}

/// Why a request was turned away before a job existed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// No account offers the model.
    #[error("no configured account offers the model `{model}`{}; `GET /v1/models` lists those that are offered", hint(nearest.as_ref()))]
    UnknownModel {
        /// The name asked for.
        model: String,
        /// The offered name that is most like it.
        nearest: Option<String>,
    },
    /// The model was removed by its provider.
    #[error(
        "`{model}` was shut down by its provider on {day}; ask for a model that `GET /v1/models` lists, or lead the name elsewhere with `[models.{model}] routes = [...]` in retake.toml"
    )]
    ShutDown {
        /// The name asked for.
        model: String,
        /// The day.
        day: jiff::civil::Date,
    },
    /// The reference is no usable picture.
    #[error("the reference picture cannot be used")]
    Picture(#[from] StillError),
    /// No route can take the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The thread that looked at the picture did not come back.
    #[error("the reference picture could not be looked at")]
    Interrupted(#[source] tokio::task::JoinError),
    /// No room, or no asset store.
    #[error("the request could not be stored")]
    Assets(#[from] AssetError),
    /// No ledger.
    #[error("the job could not be recorded")]
    Store(#[from] StoreError),
}

fn hint(nearest: Option<&String>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Models {
    /// Everything a caller may ask for, with the routes it leads to.
    pub(crate) fn offered(
        &self,
        accounts: &Accounts,
        catalog: &Catalog,
    ) -> Vec<(String, Vec<Route>)> {
        let mut offered = self.named.clone();
        for account in accounts.iter() {
            for model in catalog.models().iter().filter(|m| m.provider == account.provider_name) {
                let route = Route { account: account.name.clone(), model: model.name.clone() };
                match offered.iter_mut().find(|(name, _)| *name == model.name) {
                    Some(_) if self.named.iter().any(|(name, _)| *name == model.name) => {}
                    Some((_, routes)) => routes.push(route),
                    None => offered.push((model.name.clone(), vec![route])),
                }
            }
        }
        offered
    }
}

impl Intake {
    /// Takes a request in: checks it, plans it, records it. The answer may be given at once after.
    pub(crate) async fn submit(
        &self,
        mut request: VideoRequest,
        picture: Option<Bytes>,
    ) -> Result<Job, IntakeError> {
        let now = self.clock.now();
        if let Some(bytes) = &picture {
            let bytes = bytes.clone();
            let looked = tokio::task::spawn_blocking(move || look_at(&bytes)).await;
            request.first_frame = Some(looked.map_err(IntakeError::Interrupted)??);
        }
        let mut plan = self.plan(&request, now)?;
        self.assets.check_room()?;
        if let (Some(bytes), Some(picture)) = (picture, &mut request.first_frame) {
            picture.key = self.assets.keep_picture(bytes).await?;
            for planned in &mut plan.routes {
                planned.shot.first_frame = Some(picture.clone());
            }
        }
        let job = NewJob { id: VideoId::new(now), created_at: now, request, plan };
        self.ledger.accept(&job).await?;
        self.bell.ring();
        tracing::info!(job.id = %job.id, "accepted a video to make");
        Ok(Job {
            id: job.id,
            created_at: now,
            completed_at: None,
            expires_at: None,
            request: job.request,
            plan: job.plan,
            life: Life::default(),
            output: None,
            file_removed_at: None,
        })
    }

    fn plan(&self, request: &VideoRequest, now: Timestamp) -> Result<Plan, IntakeError> {
        let model = request.model.as_deref().unwrap_or(&self.models.default);
        let offered = self.models.offered(&self.accounts, &self.catalog);
        let Some((_, routes)) = offered.iter().find(|(name, _)| name == model) else {
            return Err(self.unknown_model(model, &offered, now));
        };
        let candidates: Vec<_> = routes
            .iter()
            .filter_map(|route| {
                let account = self.accounts.get(&route.account)?;
                let model = self.catalog.model(account.provider_name, &route.model)?;
                Some(Candidate { route: route.clone(), model })
            })
            .collect();
        let today = now.to_zoned(TimeZone::UTC).date();
        Ok(plan(request, &candidates, fresh_seed(now), today)?)
    }

    fn unknown_model(
        &self,
        asked: &str,
        offered: &[(String, Vec<Route>)],
        now: Timestamp,
    ) -> IntakeError {
        let model: String = asked.chars().take(80).collect();
        let today = now.to_zoned(TimeZone::UTC).date();
        let gone = self.catalog.named(asked).find(|known| known.is_shut_down(today));
        if let Some(day) = gone.and_then(|known| known.shutdown) {
            return IntakeError::ShutDown { model, day };
        }
        let likeness =
            |name: &String| strsim::jaro_winkler(&name.to_lowercase(), &model.to_lowercase());
        let nearest = offered
            .iter()
            .map(|(name, _)| name)
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            .cloned();
        IntakeError::UnknownModel { model, nearest }
    }
}

/// Reads what the picture is from its first bytes; its key is set once it is stored.
fn look_at(bytes: &Bytes) -> Result<Picture, IntakeError> {
    let still = Still::read(bytes)?;
    // Only decoding shows that it is whole; a render that breaks on it later would come too late.
    media::Picture::decode(bytes, StillLimits::default())?;
    let size = Size::new(still.width, still.height);
    let media_type = still.format.media_type().to_owned();
    Ok(Picture { key: String::new(), size, media_type })
}
