//! Veo on Vertex AI: `predictLongRunning`, polled by a call that names the operation in its body.
//!
//! The video comes inside the last poll as base64, or goes to a bucket when the account has a `storage_uri`. There each
//! render gets a folder of its own, named by our tag: a submit whose answer was lost can then be found once it is
//! rendered, which is all that Vertex AI offers for that. It has no list of operations, no cancelling and no
//! notices but through Pub/Sub.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::{Value as Json, json};

use super::{
    credentials::Credentials,
    fault,
    media::{self, File, LARGEST_INLINE},
    place::{Place, segment},
    storage::{Location, Storage},
    veo::{self, Operation},
};
use crate::{
    AccountStatus, Adapter, Download, FetchError, Flow, Polled, Reconciliation, RemoteId, Render,
    Settings, SettingsError, Submission, SubmitError, Submitted, UnconfirmedSubmit,
    call::{Call, Reply},
    response,
};

/// Google's own example polls this often.
const POLL_EVERY: SignedDuration = SignedDuration::from_secs(15);
/// Google says eleven seconds to six minutes; the rest is for a queue.
const LONGEST_RENDER: Duration = Duration::from_mins(20);
/// Google says six minutes at peak hours (Veo guide).
const USUAL_RENDER: Duration = Duration::from_mins(6);
/// Where an account is without a word on it: every Veo model is there.
const LOCATION: &str = "us-central1";

/// An account at Vertex AI.
#[derive(Clone)]
pub(super) struct Vertex {
    place: Place,
    /// `projects/…/locations/…`, encoded.
    parent: String,
    bucket: Option<Location>,
    storage: Storage,
    credentials: Arc<Credentials>,
    catalog: Arc<Catalog>,
}

impl Vertex {
    /// The adapter for an account.
    pub(super) fn new(settings: &Settings, catalog: &Arc<Catalog>) -> Result<Self, SettingsError> {
        let missing = SettingsError::Missing {
            option: "project",
            why: "it is the id of the Google Cloud project that pays",
        };
        let project = settings.option("project").ok_or(missing)?;
        let location = settings.option("location").unwrap_or(LOCATION);
        if !location.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            let why = "it has to look like `us-central1` or `global`".to_owned();
            return Err(SettingsError::Unusable { option: "location", why });
        }
        let regional = base_url(location);
        let place = Place::new(settings.base_url.as_deref().unwrap_or(&regional), "v1");
        let storage = Storage::beside(&place, settings.option("storage_url"));
        Ok(Self {
            parent: format!("projects/{}/locations/{location}", segment(project)),
            bucket: settings.option("storage_uri").map(Location::option).transpose()?,
            storage,
            place,
            credentials: Credentials::new(&settings.api_key)?,
            catalog: Arc::clone(catalog),
        })
    }

    fn model_url(&self, model: &str, verb: &str) -> String {
        let model = segment(model);
        self.place.url(&format!("{}/publishers/google/models/{model}:{verb}", self.parent))
    }

    fn create(&self, submission: &Submission) -> Result<Call, Fault> {
        let spec = &submission.spec;
        let known = self.catalog.model("google", &submission.model);
        let mut body = veo::body(submission)?;
        let parameters = &mut body.parameters;
        parameters.insert("seed".into(), media::seed(spec, 32).into());
        if known.is_none_or(|model| model.audio) {
            parameters.insert("generateAudio".into(), spec.audio.into());
        }
        if let Some(bucket) = &self.bucket {
            let folder = format!("{}/", bucket.folder(&submission.tag).uri());
            parameters.insert("storageUri".into(), folder.into());
        }
        let url = self.model_url(&submission.model, "predictLongRunning");
        Ok(Call::post(url, body.json()))
    }

    /// Asks for the operation.
    fn operation(
        &self,
        render: &Render,
        now: Timestamp,
    ) -> Flow<Result<(Operation, Reply), Fault>> {
        let body = json!({ "operationName": render.remote_id });
        let mut call = Call::ask(self.model_url(&render.model, "fetchPredictOperation"), body);
        call.largest_answer = LARGEST_INLINE;
        let asked = render.remote_id.clone();
        self.credentials.ask(now, call, move |answer| {
            Flow::Done(answer.and_then(|answer| veo::polled(answer, &asked)))
        })
    }

    /// Opens a file in a bucket, which has to be the account's own where it has one.
    fn open(&self, link: &str, now: Timestamp) -> Flow<Result<Download, FetchError>> {
        let location = Location::read(link)
            .filter(|found| self.bucket.as_ref().is_none_or(|own| own.bucket == found.bucket));
        let Some(location) = location else {
            let message =
                format!("the file is at no place of this account: {}", response::quoted(link));
            let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
            return Flow::Done(Err(FetchError::Gone(fault)));
        };
        let call = self.storage.fetch(&location);
        self.credentials.bearer(now).map(|bearer| match bearer {
            Ok(bearer) => Ok(Download::From(call.header("authorization", bearer))),
            Err(fault) => Err(FetchError::Later(fault)),
        })
    }
}

/// The first video in a list of objects that lies in the folder.
fn video_in(list: &Json, folder: &Location) -> Option<RemoteId> {
    let begins = format!("{}/", folder.object);
    list.get("items")?.as_array()?.iter().find_map(|item| {
        let name = response::id(item, "/name")?;
        let is_video = name.rsplit_once('.').is_some_and(|(_, end)| end == "mp4");
        (is_video && name.starts_with(&begins))
            .then(|| Location { object: name.to_owned(), ..folder.clone() }.uri())
    })
}

/// A fault that kept a call from being made at all: nothing is there, so another try is safe.
fn unsent(fault: Fault) -> Fault {
    match fault.source {
        FaultSource::Network => Fault { kind: FaultKind::Overloaded, ..fault },
        _ => fault,
    }
}

/// Where Vertex AI is for a location (google-genai 3.4.0).
fn base_url(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    }
}

impl Adapter for Vertex {
    fn render_timeout(&self) -> Duration {
        LONGEST_RENDER
    }

    fn usual_render(&self, _model: &str) -> Duration {
        USUAL_RENDER
    }

    fn submit(
        &self,
        submission: &Submission,
        now: Timestamp,
    ) -> Flow<Result<Submitted, SubmitError>> {
        let call = match self.create(submission) {
            Ok(call) => call,
            Err(fault) => return Flow::Done(Err(SubmitError::Refused(fault))),
        };
        self.credentials.ask(now, call, |answer| {
            Flow::Done(match answer {
                Ok(answer) => veo::accepted(answer, "/name"),
                Err(fault) => Err(SubmitError::Refused(unsent(fault))),
            })
        })
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        let unknowable = Reconciliation::Unknowable { over_after: LONGEST_RENDER };
        let Some(bucket) = &self.bucket else { return Flow::Done(Ok(unknowable)) };
        let folder = bucket.folder(&lost.submission.tag);
        self.credentials.ask(now, self.storage.list(&folder), move |answer| {
            let answered = answer.and_then(|answer| answer.map_err(|it| response::silence(&it)));
            let found = answered.and_then(|reply| {
                if !reply.status.is_success() {
                    return Err(fault::of(&reply, Stage::Poll));
                }
                Ok(reply.json().and_then(|listed| video_in(&listed, &folder)))
            });
            Flow::Done(found.map(|found| found.map_or(unknowable, Reconciliation::Marked)))
        })
    }

    fn poll(&self, render: &Render, now: Timestamp) -> Flow<Result<Polled, Fault>> {
        if render.remote_id.starts_with("gs://") {
            // Found by its file, so it is rendered.
            return Flow::Done(Ok(Polled::RENDERED));
        }
        self.operation(render, now)
            .map(|read| read.map(|(operation, reply)| veo::progress(operation, &reply, POLL_EVERY)))
    }

    fn fetch(&self, render: &Render, now: Timestamp) -> Flow<Result<Download, FetchError>> {
        if render.remote_id.starts_with("gs://") {
            return self.open(&render.remote_id, now);
        }
        let own = self.clone();
        self.operation(render, now).and_then(move |read| match read {
            Err(fault) => Flow::Done(Err(FetchError::Later(fault))),
            Ok((Operation::Running | Operation::WithoutFile, _)) => {
                Flow::Done(Err(FetchError::Later(media::not_yet())))
            }
            Ok((Operation::Failed(fault, _), _)) => Flow::Done(Err(FetchError::Gone(fault))),
            Ok((Operation::Done(File::Inline(text), _), _)) => {
                Flow::Done(media::decoded(&text).map(Download::Whole))
            }
            Ok((Operation::Done(File::Link(link), _), _)) => own.open(&link, now),
        })
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        if reply.status.as_u16() == 401 {
            self.credentials.forget();
        }
        response::refused_download(reply)
    }

    fn check(&self, now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        // The location of the project: the smallest thing that needs the token, the project and the API.
        let call = Call::get(self.place.url(&self.parent));
        self.credentials.ask(now, call, |answer| {
            Flow::Done(match answer {
                Ok(answer) => fault::account_status(
                    answer,
                    "the project and its location are open to the key",
                ),
                Err(fault) => fault::in_the_way(fault),
            })
        })
    }
}
