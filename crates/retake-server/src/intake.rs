//! Intake: from a request to a recorded job, before any provider hears of it.
//!
//! The model asked for is resolved to routes, the picture is looked at, preflight and plan are made, and
//! only when all that holds is anything stored. A refusal leaves nothing behind. What builds on a video
//! comes in by way of `sequel`.

mod sequel;

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use retake_core::{
    catalog::{Catalog, Model},
    decide::{World, slot_waits},
    fit::Change,
    ids::{VideoId, fresh_seed},
    job::JobRecord,
    plan::{Candidate, Plan, PlanContext, Refusal, Route, plan},
    policy::Policy,
    request::{Picture, VideoRequest},
    size::Size,
};
use retake_media::{self as media, Budget, Still, StillError, StillLimits};
use retake_store::{Accepted, Job, Ledger, NewJob, Repeat, StoreError};

use crate::{
    accounts::Accounts,
    assets::{AssetError, Assets, Pin},
    characters::{CharacterError, Characters},
    clock::Clock,
    egress::{Egress, EgressError},
    keys::Caller,
    media_work,
    scheduler::Wakeup,
    shares::Turns,
    uploads::{Upload, UploadError},
    videos::{VideoError, Videos},
};

pub(crate) use self::sequel::{Sequel, Source};

/// Decoding takes memory by the pixel, so few pictures are decoded at once.
pub(crate) static DECODING: LazyLock<Turns> = LazyLock::new(|| Turns::new(2));

/// A picture that is being fetched lies in memory, and its server may be slow.
static FETCHING: LazyLock<Turns> = LazyLock::new(|| Turns::new(32));

/// A picture by URL may have as many bytes as one that is sent along.
const LARGEST_PICTURE: usize = 20 << 20;

/// Takes requests in.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) accounts: Accounts,
    pub(crate) assets: Assets,
    pub(crate) bell: Wakeup,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) models: Arc<Models>,
    pub(crate) characters: Characters,
    pub(crate) outside: Egress,
    pub(crate) policy: Policy,
    pub(crate) videos: Videos,
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
        "`{model}` was shut down by its provider on {day}{}; ask for a model that `GET /v1/models` lists, or lead the name elsewhere with `[models.{model}] routes = [...]` in retake.toml",
        stand_ins(successors)
    )]
    ShutDown {
        /// The name asked for.
        model: String,
        /// The day.
        day: Date,
        /// Who would stand in for it, as `provider/model`.
        successors: Vec<String>,
    },
    /// The first answer to this request is gone.
    #[error(
        "this request was made before, and its video `{id}` was deleted since; use a new idempotency key for a new video"
    )]
    Deleted {
        /// The video of the first answer.
        id: VideoId,
    },
    /// The video to start from cannot be used.
    #[error(transparent)]
    Source(#[from] VideoError),
    /// The video that came along cannot be used.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// A character cannot appear.
    #[error(transparent)]
    Character(#[from] CharacterError),
    /// The reference is no usable picture.
    #[error("the reference picture cannot be used")]
    Picture(#[from] StillError),
    /// The reference was to be fetched, and could not be.
    #[error("the reference picture could not be fetched: {0}")]
    Fetch(#[from] EgressError),
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

/// What to say of those who would stand in for a model, none of which can be reached.
fn stand_ins(successors: &[String]) -> String {
    if successors.is_empty() {
        return String::new();
    }
    format!("; with an account for one of {} it would go there", successors.join(", "))
}

impl Models {
    /// Everything a caller may ask for, with the routes it leads to.
    pub(crate) fn offered(
        &self,
        accounts: &Accounts,
        catalog: &Catalog,
        today: Date,
    ) -> Vec<(String, Vec<Route>)> {
        let mut offered = self.named.clone();
        for account in accounts.iter() {
            for model in account.offers(catalog, today) {
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

/// What a caller wants, with what is still to be looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct SubmitRequest {
    pub(crate) request: VideoRequest,
    /// The picture to start from.
    pub(crate) picture: Option<Reference>,
    /// The video to edit or to extend, where it came as a file.
    pub(crate) upload: Option<Upload>,
    /// The ids of the characters that are to appear.
    pub(crate) characters: Vec<String>,
}

/// A picture that comes with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reference {
    /// It was sent along.
    Sent(Bytes),
    /// It is to be fetched from this URL.
    At(String),
}

/// The files that a request brings along, each looked at.
struct Attachments {
    /// The picture to start from.
    first_frame: Option<Bytes>,
    /// The video to go on from.
    source: Option<Bytes>,
}

/// How a caller marked a request, so that a repetition is known.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyToken {
    /// The idempotency key, if one was sent.
    pub(crate) key: Option<String>,
    /// What is asked for, in short.
    pub(crate) digest: String,
    /// Whether the client says that it sends this again.
    pub(crate) is_retry: bool,
}

impl IdempotencyToken {
    /// An idempotency key counts for a day. The official clients send none when they repeat a create by
    /// themselves, within minutes, but say that they do.
    fn repeat(self, now: Timestamp) -> Repeat {
        match self.key {
            Some(key) => Repeat {
                name: format!("key {key}"),
                fingerprint: self.digest,
                replay: true,
                expires_at: now + SignedDuration::from_hours(24),
            },
            None => Repeat {
                name: format!("body {}", self.digest),
                fingerprint: self.digest,
                replay: self.is_retry,
                expires_at: now + SignedDuration::from_mins(10),
            },
        }
    }
}

impl Intake {
    /// Takes a request in: checks it, plans it, records it. The answer may be given at once after.
    pub(crate) async fn submit(
        &self,
        caller: &Caller,
        wanted: SubmitRequest,
        mark: IdempotencyToken,
    ) -> Result<Job, IntakeError> {
        let now = self.clock.now();
        let SubmitRequest { mut request, picture, upload, characters } = wanted;
        let picture = self.bring(caller, picture).await?;
        for id in &characters {
            request.characters.push(self.characters.get(caller, id).await?.character);
        }
        if let Some(bytes) = &picture {
            request.first_frame = Some(look_at(caller, bytes).await?);
        }
        let mut plan = self.plan(&request, now)?;
        let brought = self.look_closely(caller, picture, upload, &mut plan).await?;
        self.assets.check_room()?;
        let pins = self.keep(brought, &mut request, &mut plan).await?;
        let job = NewJob {
            id: VideoId::new(now),
            created_at: now,
            owner: caller.owner().cloned(),
            request,
            waits: slot_waits(&JobRecord::default(), &plan, &World::default(), &self.policy, now),
            plan,
            repeat: Some(mark.repeat(now)),
            max_open: caller.limits().max_open,
        };
        match self.ledger.accept(&job).await {
            Ok(Accepted::New) => drop(pins),
            Ok(Accepted::Known(first)) => {
                self.take_back(pins).await;
                return self.first_answer(first).await;
            }
            Err(error) => {
                // A ledger that fell silent may have recorded the job all the same.
                if !error.is_passing() {
                    self.take_back(pins).await;
                }
                return Err(error.into());
            }
        }
        self.bell.ring();
        self.videos.news.ring();
        tracing::info!(job.id = %job.id, "accepted a video to make");
        Ok(Job {
            id: job.id,
            created_at: now,
            owner: job.owner,
            completed_at: None,
            expires_at: None,
            request: job.request,
            plan: job.plan,
            record: JobRecord::default(),
            waits: job.waits.into_iter().map(|wait| wait.account).collect(),
            output: None,
            file_removed_at: None,
        })
    }

    /// Everything that may be asked for today, with the routes it leads to.
    pub(crate) fn offered(&self) -> Vec<(String, Vec<Route>)> {
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        self.models.offered(&self.accounts, &self.catalog, today)
    }

    /// The bytes of a picture, wherever they are.
    async fn bring(
        &self,
        caller: &Caller,
        picture: Option<Reference>,
    ) -> Result<Option<Bytes>, IntakeError> {
        Ok(match picture {
            None => None,
            Some(Reference::Sent(bytes)) => Some(bytes),
            Some(Reference::At(url)) => {
                let _turn = FETCHING.take(caller.holder()).await;
                Some(self.outside.get_picture(&url, LARGEST_PICTURE).await?)
            }
        })
    }

    /// Decodes what a request brings along. Only that shows that it is whole; a render that breaks on it
    /// later would come too late.
    async fn look_closely(
        &self,
        caller: &Caller,
        picture: Option<Bytes>,
        upload: Option<Upload>,
        plan: &mut Plan,
    ) -> Result<Attachments, IntakeError> {
        let Some(upload) = upload else {
            if let Some(bytes) = picture.clone() {
                let limits = StillLimits::default();
                let whole = move |budget: &Budget| {
                    media::Picture::decode_within(&bytes, limits, budget).map(drop)
                };
                let looked =
                    media_work::run(DECODING.take(caller.holder()), limits.budget(), whole).await;
                looked.map_err(IntakeError::Interrupted)??;
            }
            return Ok(Attachments { first_frame: picture, source: None });
        };
        let first_frame = self.look_into(&upload, plan).await?;
        let source = first_frame.is_none().then(|| upload.bytes().clone());
        Ok(Attachments { first_frame, source })
    }

    async fn take_back(&self, pins: Vec<Pin>) {
        for pin in pins {
            self.assets.take_back(pin, self.ledger.as_ref()).await;
        }
    }

    /// Stores what a request brings along, and notes where.
    async fn keep(
        &self,
        brought: Attachments,
        request: &mut VideoRequest,
        plan: &mut Plan,
    ) -> Result<Vec<Pin>, AssetError> {
        let mut pins = Vec::new();
        if let (Some(bytes), Some(picture)) = (brought.first_frame, &mut request.first_frame) {
            let (key, pin) = self.assets.keep_picture(bytes).await?;
            picture.key = key;
            pins.push(pin);
        }
        if let (Some(bytes), Some(origin)) = (brought.source, &mut request.origin) {
            let (key, pin) = self.assets.keep_upload(bytes).await?;
            origin.key = Some(key);
            pins.push(pin);
        }
        for planned in &mut plan.routes {
            let planned = Arc::make_mut(planned);
            planned.spec.first_frame.clone_from(&request.first_frame);
            planned.spec.origin.clone_from(&request.origin);
        }
        Ok(pins)
    }

    /// The job as it was answered the first time.
    async fn first_answer(&self, id: VideoId) -> Result<Job, IntakeError> {
        tracing::info!(job.id = %id, "a request was repeated; it gets its first answer");
        let job = self.ledger.job(&id).await?.ok_or(IntakeError::Deleted { id })?;
        Ok(Job {
            record: JobRecord::default(),
            completed_at: None,
            expires_at: None,
            output: None,
            file_removed_at: None,
            ..job
        })
    }

    fn plan(&self, request: &VideoRequest, now: Timestamp) -> Result<Plan, IntakeError> {
        let asked = request.model.as_deref().unwrap_or(&self.models.default);
        let today = now.to_zoned(TimeZone::UTC).date();
        let offered = self.models.offered(&self.accounts, &self.catalog, today);
        let found = offered.iter().find(|(name, _)| name == asked);
        let routes = found.map(|(_, routes)| routes.clone()).unwrap_or_default();
        let mut known = self.known(&routes);
        let mut replaced = None;
        if known.is_empty() {
            // A whole route is a name too, for models that a relay may or may not offer.
            known = asked.parse().map(|route| self.known(&[route])).unwrap_or_default();
        }
        if known.is_empty() {
            (known, replaced) = self.successors(asked, today);
        }
        if known.is_empty() {
            return Err(self.unknown_model(asked, &offered, now));
        }
        let candidates: Vec<_> = known
            .iter()
            .map(|(route, model)| Candidate { route: route.clone(), model: model.as_ref() })
            .collect();
        let terms = PlanContext { seed: fresh_seed(now), today, replaced };
        Ok(plan(request, &candidates, &terms)?)
    }

    /// Those of the routes whose account and model are known, with what is known.
    fn known(&self, routes: &[Route]) -> Vec<(Route, Cow<'_, Model>)> {
        let known = |route: &Route| {
            let model = self.accounts.get(&route.account)?.model(&self.catalog, &route.model)?;
            Some((route.clone(), model))
        };
        routes.iter().filter_map(known).collect()
    }

    /// Who stands in for a model that was shut down, of those for which there is an account, and what is to be
    /// said of it.
    fn successors(
        &self,
        asked: &str,
        today: Date,
    ) -> (Vec<(Route, Cow<'_, Model>)>, Option<Change>) {
        let gone = self.catalog.named(asked).find(|known| known.is_shut_down(today));
        let Some(gone) = gone else { return (Vec::new(), None) };
        let mut found = Vec::new();
        for successor in gone.successors.iter().filter_map(|text| text.parse::<Route>().ok()) {
            for account in self.accounts.iter().filter(|a| a.shelf.provider == successor.account) {
                let (account, model) = (account.name.clone(), successor.model.clone());
                let here = self.known(&[Route { account, model }]);
                found.extend(here.into_iter().filter(|(_, model)| !model.is_shut_down(today)));
            }
        }
        let day = gone.shutdown.map(|day| format!(" on {day}")).unwrap_or_default();
        let why = format!("`{asked}` was shut down by its provider{day}");
        let change =
            Change { param: "model".to_owned(), asked: asked.to_owned(), given: None, why };
        (found, Some(change))
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
        if let Some((known, day)) = gone.and_then(|known| Some((known, known.shutdown?))) {
            return IntakeError::ShutDown { model, day, successors: known.successors.clone() };
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
async fn look_at(caller: &Caller, bytes: &Bytes) -> Result<Picture, IntakeError> {
    let bytes = bytes.clone();
    let turn = DECODING.take(caller.holder());
    let read = media_work::run(turn, StillLimits::default().budget(), move |budget| {
        Still::read_within(&bytes, budget)
    });
    let still = read.await.map_err(IntakeError::Interrupted)??;
    let size = Size::new(still.width, still.height);
    let media_type = still.format.media_type().to_owned();
    Ok(Picture { key: String::new(), size, media_type })
}
