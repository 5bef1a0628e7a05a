//! Veo on Vertex AI: `predictLongRunning`, polled by a call that names the operation in its body.
//!
//! The video comes inside the last poll as base64, or goes to a bucket when the account has a `storage_uri`. There each
//! render gets a folder of its own, named by our tag: a submit whose answer was lost can then be found once it is
//! rendered, which is all that Vertex AI offers for that. It has no list of operations, no cancelling and no
//! notices but through Pub/Sub.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind, FaultSource},
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
    Adapter, Download, FetchError, LookUp, Lost, Polled, RemoteId, Render, Settings, SettingsError,
    Standing, Submission, SubmitError, Talk,
    call::{Call, Reply},
    reading,
};

/// Google's own example polls this often.
const POLL_EVERY: SignedDuration = SignedDuration::from_secs(15);
/// Google says eleven seconds to six minutes; the rest is for a queue.
const LONGEST_RENDER: Duration = Duration::from_mins(20);
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
        let shot = &submission.shot;
        let known = self.catalog.model("google", &submission.model);
        let (instance, mut parameters) =
            veo::body(submission, submission.model.starts_with("veo-3.1"))?;
        parameters.insert("seed".into(), media::seed(shot, 32).into());
        if known.is_none_or(|model| model.audio) {
            parameters.insert("generateAudio".into(), shot.audio.into());
        }
        if let Some(bucket) = &self.bucket {
            let folder = format!("{}/", bucket.folder(&submission.tag).uri());
            parameters.insert("storageUri".into(), folder.into());
        }
        let body = json!({ "instances": [instance], "parameters": parameters });
        Ok(Call::post(self.model_url(&submission.model, "predictLongRunning"), body))
    }

    /// Asks for the operation.
    fn operation(
        &self,
        render: &Render,
        now: Timestamp,
    ) -> Talk<Result<(Operation, Reply), Fault>> {
        let body = json!({ "operationName": render.remote_id });
        let mut call = Call::ask(self.model_url(&render.model, "fetchPredictOperation"), body);
        call.largest_answer = LARGEST_INLINE;
        self.credentials.ask(now, call, |answer| Talk::Over(answer.and_then(veo::polled)))
    }

    /// Opens a file in a bucket, which has to be the account's own where it has one.
    fn open(&self, link: &str, now: Timestamp) -> Talk<Result<Download, FetchError>> {
        let location = Location::read(link)
            .filter(|found| self.bucket.as_ref().is_none_or(|own| own.bucket == found.bucket));
        let Some(location) = location else {
            let message =
                format!("the file is at no place of this account: {}", reading::quoted(link));
            let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
            return Talk::Over(Err(FetchError::Gone(fault)));
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
        let name = reading::id(item, "/name")?;
        let is_ours = name.starts_with(&begins) && name.ends_with(".mp4");
        is_ours.then(|| Location { object: name.to_owned(), ..folder.clone() }.uri())
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
    fn longest_render(&self) -> Duration {
        LONGEST_RENDER
    }

    fn submit(
        &self,
        submission: &Submission,
        now: Timestamp,
    ) -> Talk<Result<RemoteId, SubmitError>> {
        let call = match self.create(submission) {
            Ok(call) => call,
            Err(fault) => return Talk::Over(Err(SubmitError::Refused(fault))),
        };
        self.credentials.ask(now, call, |answer| {
            Talk::Over(match answer {
                Ok(answer) => veo::accepted(answer, "/name"),
                Err(fault) => Err(SubmitError::Refused(unsent(fault))),
            })
        })
    }

    fn look_up(&self, lost: &Lost, now: Timestamp) -> Talk<Result<LookUp, Fault>> {
        let unknowable = LookUp::Unknowable { over_after: LONGEST_RENDER };
        let Some(bucket) = &self.bucket else { return Talk::Over(Ok(unknowable)) };
        let folder = bucket.folder(&lost.submission.tag);
        self.credentials.ask(now, self.storage.list(&folder), move |answer| {
            let reply = answer.ok().and_then(Result::ok).filter(|reply| reply.status.is_success());
            let found = reply.and_then(|reply| video_in(&reply.json()?, &folder));
            Talk::Over(Ok(found.map_or(unknowable, LookUp::Found)))
        })
    }

    fn poll(&self, render: &Render, now: Timestamp) -> Talk<Result<Polled, Fault>> {
        if render.remote_id.starts_with("gs://") {
            // Found by its file, so it is rendered.
            return Talk::Over(Ok(Polled::Rendered));
        }
        self.operation(render, now)
            .map(|read| read.map(|(operation, reply)| veo::progress(operation, &reply, POLL_EVERY)))
    }

    fn fetch(&self, render: &Render, now: Timestamp) -> Talk<Result<Download, FetchError>> {
        if render.remote_id.starts_with("gs://") {
            return self.open(&render.remote_id, now);
        }
        let own = self.clone();
        self.operation(render, now).and_then(move |read| match read {
            Err(fault) => Talk::Over(Err(FetchError::Later(fault))),
            Ok((Operation::Running, _)) => Talk::Over(Err(FetchError::Later(media::not_yet()))),
            Ok((Operation::Failed(fault), _)) => Talk::Over(Err(FetchError::Gone(fault))),
            Ok((Operation::Done(File::Inline(text)), _)) => {
                Talk::Over(media::decoded(&text).map(Download::Whole))
            }
            Ok((Operation::Done(File::Link(link)), _)) => own.open(&link, now),
        })
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        if reply.status.as_u16() == 401 {
            self.credentials.forget();
        }
        reading::refused_download(reply)
    }

    fn check(&self, now: Timestamp) -> Talk<Result<Standing, Fault>> {
        // The location of the project: the smallest thing that needs the token, the project and the API.
        let call = Call::get(self.place.url(&self.parent));
        self.credentials.ask(now, call, |answer| {
            Talk::Over(match answer {
                Ok(answer) => {
                    fault::standing(answer, "the project and its location are open to the key")
                }
                Err(fault) => fault::in_the_way(fault),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use retake_core::{
        ids::CharacterId,
        request::{Character, Picture},
        size::Size,
    };

    use super::*;
    use crate::{
        call::Answer,
        google::credentials::tests::{a_token, an_account},
        rehearsal::{self, NOON, a_render, a_submission, hold, shown},
    };

    const MODEL: &str = "veo-3.1-generate-001";
    const NAME: &str = "projects/a-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/1";

    fn an_adapter(options: &[(&str, &str)]) -> Vertex {
        let mut settings = Settings {
            provider: "google".into(),
            api_key: "ya29.of-nobody".into(),
            ..Settings::default()
        };
        settings.options.insert("project".into(), "a-project".into());
        for (name, value) in options {
            settings.options.insert((*name).into(), (*value).into());
        }
        Vertex::new(&settings, &Arc::new(Catalog::shipped().unwrap())).unwrap()
    }

    fn a_picture() -> Picture {
        Picture { key: "k".into(), size: Size::new(1280, 720), media_type: "image/png".into() }
    }

    fn taken() -> Answer {
        rehearsal::json(200, &json!({ "name": NAME }))
    }

    fn fixture(text: &str) -> Answer {
        rehearsal::json(200, &serde_json::from_str(text).unwrap())
    }

    fn refusal(submission: &Submission) -> String {
        let (calls, end) = hold(an_adapter(&[]).submit(submission, NOON), []);
        assert!(calls.is_empty());
        match end {
            Err(SubmitError::Refused(fault)) => fault.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_prompt_alone_is_a_submit_that_names_everything() {
        let adapter = an_adapter(&[]);

        let (calls, end) = hold(adapter.submit(&a_submission(MODEL), NOON), [taken()]);

        assert_eq!(end.as_deref(), Ok(NAME));
        insta::assert_snapshot!(shown(&calls[0]));
    }

    #[test]
    fn a_picture_to_start_from_lies_in_the_body() {
        let mut submission = a_submission(MODEL);
        submission.shot.first_frame = Some(a_picture());
        submission.shot.negative_prompt = Some("rain".into());
        submission.shot.audio = false;
        submission.first_frame = Some(Bytes::from_static(b"png"));
        let adapter =
            an_adapter(&[("storage_uri", "gs://a-bucket/videos/"), ("location", "global")]);

        let (calls, _) = hold(adapter.submit(&submission, NOON), [taken()]);

        insta::assert_snapshot!(shown(&calls[0]));
    }

    #[test]
    fn characters_are_reference_pictures_and_need_eight_seconds() {
        let mut submission = a_submission(MODEL);
        let keeper = Character {
            id: CharacterId::new(NOON),
            name: "the keeper".into(),
            picture: a_picture(),
        };
        submission.shot.characters = vec![keeper];
        submission.characters = vec![Bytes::from_static(b"png")];

        assert!(refusal(&submission).contains("8 seconds"));

        submission.shot.seconds = 8;
        let (calls, _) = hold(an_adapter(&[]).submit(&submission, NOON), [taken()]);
        insta::assert_snapshot!(shown(&calls[0]));
    }

    #[test]
    fn what_the_wire_cannot_say_is_refused_before_anything_is_sent() {
        let plain = a_submission(MODEL);
        let with = |change: fn(&mut retake_core::request::Shot)| {
            let mut submission = plain.clone();
            change(&mut submission.shot);
            refusal(&submission)
        };

        assert!(with(|shot| shot.looped = true).contains("`loop`"));
        assert!(with(|shot| shot.size = Size::new(1920, 1080)).contains("8 seconds"));
        assert!(with(|shot| shot.size = Size::new(1792, 1024)).contains("1792x1024"));
        assert!(with(|shot| shot.first_frame = Some(a_picture())).contains("could not be read"));
    }

    #[test]
    fn a_service_account_gets_its_token_first() {
        let mut adapter = an_adapter(&[]);
        adapter.credentials = Credentials::new(&an_account()).unwrap();

        let (calls, end) =
            hold(adapter.submit(&a_submission(MODEL), NOON), [a_token("t1"), taken()]);

        assert!(end.is_ok());
        assert_eq!(calls[0].url, "https://oauth2.googleapis.com/token");
    }

    #[test]
    fn no_token_means_that_nothing_was_sent() {
        let mut adapter = an_adapter(&[]);
        adapter.credentials = Credentials::new(&an_account()).unwrap();

        let (_, end) = hold(adapter.submit(&a_submission(MODEL), NOON), [rehearsal::silence(true)]);

        assert!(
            matches!(end, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::Overloaded)
        );
    }

    #[test]
    fn a_submit_without_a_clear_answer_is_lost_and_a_retired_model_is_not() {
        let adapter = an_adapter(&[]);
        let end = |answer| hold(adapter.submit(&a_submission(MODEL), NOON), [answer]).1;

        for answer in [
            rehearsal::silence(true),
            rehearsal::json(200, &json!({})),
            rehearsal::reply(200, &[], "<html>"),
            rehearsal::reply(504, &[], ""),
        ] {
            assert!(matches!(end(answer), Err(SubmitError::Lost(_))));
        }
        let retired =
            json!({ "error": { "code": 404, "status": "NOT_FOUND", "message": "was not found" } });
        let end = end(rehearsal::json(404, &retired));
        assert!(
            matches!(end, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::BadRequest)
        );
    }

    #[test]
    fn a_poll_names_the_operation_in_its_body() {
        let (calls, end) = hold(an_adapter(&[]).poll(&a_render(MODEL, NAME), NOON), [taken()]);

        let ask_again_in = Duration::from_secs(15);
        assert_eq!(end, Ok(Polled::Running { percent: 0, ask_again_in, note: None }));
        assert_eq!(calls[0].largest_answer, LARGEST_INLINE);
        insta::assert_snapshot!(shown(&calls[0]));
    }

    #[test]
    fn a_poll_that_got_no_answer_says_nothing_of_the_render() {
        let adapter = an_adapter(&[]);
        let end = |answer| hold(adapter.poll(&a_render(MODEL, NAME), NOON), [answer]).1;

        for status in [401, 403, 429, 500, 503] {
            assert!(end(rehearsal::reply(status, &[], "")).is_err(), "{status}");
        }
        let gone = end(rehearsal::reply(404, &[], ""));
        assert!(matches!(gone, Ok(Polled::Failed(fault)) if fault.kind == FaultKind::Lost));
    }

    #[test]
    fn a_file_in_the_answer_is_taken_from_it() {
        let inline = fixture(include_str!("../../fixtures/google/2026-11-21-vertex-inline.json"));

        let (_, end) = hold(an_adapter(&[]).fetch(&a_render(MODEL, NAME), NOON), [inline]);

        let Ok(Download::Whole(bytes)) = end else { panic!("{end:?}") };
        assert_eq!(&bytes[4..], b"ftyp");
    }

    #[test]
    fn a_file_in_the_accounts_bucket_is_fetched_with_its_token_and_none_elsewhere() {
        let stored =
            || fixture(include_str!("../../fixtures/google/2026-11-21-vertex-stored.json"));
        let end = |bucket| {
            let adapter = an_adapter(&[("storage_uri", bucket)]);
            hold(adapter.fetch(&a_render(MODEL, NAME), NOON), [stored()]).1
        };

        let Ok(Download::From(call)) = end("gs://a-bucket/videos") else { panic!("a call") };
        insta::assert_snapshot!(shown(&call));
        assert!(matches!(end("gs://another-bucket"), Err(FetchError::Gone(_))));
    }

    #[test]
    fn a_lost_submit_is_found_by_its_file_in_its_own_folder() {
        let adapter = an_adapter(&[("storage_uri", "gs://a-bucket/videos")]);
        let lost = Lost { submission: a_submission(MODEL), begun_at: NOON };
        let listed = |name: &str| rehearsal::json(200, &json!({ "items": [{ "name": name }] }));
        let found = |answer| hold(adapter.look_up(&lost, NOON), [answer]).1.unwrap();

        let id = match found(listed("videos/video_0198c0de-1/9/sample_0.mp4")) {
            LookUp::Found(id) => id,
            other => panic!("{other:?}"),
        };

        assert_eq!(id, "gs://a-bucket/videos/video_0198c0de-1/9/sample_0.mp4");
        let render = a_render(MODEL, &id);
        assert_eq!(hold(adapter.poll(&render, NOON), []).1, Ok(Polled::Rendered));
        assert!(matches!(hold(adapter.fetch(&render, NOON), []).1, Ok(Download::From(_))));
        for answer in [listed("videos/another/sample_0.mp4"), rehearsal::reply(403, &[], "")] {
            assert!(matches!(found(answer), LookUp::Unknowable { .. }));
        }
    }

    #[test]
    fn each_location_has_its_host() {
        assert_eq!(base_url("global"), "https://aiplatform.googleapis.com");
        assert_eq!(base_url("eu"), "https://aiplatform.eu.rep.googleapis.com");
        let (calls, _) = hold(
            an_adapter(&[("location", "europe-west4")]).check(NOON),
            [rehearsal::reply(200, &[], "{}")],
        );
        assert_eq!(
            calls[0].url,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/a-project/locations/europe-west4"
        );
    }

    #[test]
    fn a_spent_account_is_a_standing_and_an_outage_is_none() {
        let adapter = an_adapter(&[]);
        let end = |answer| hold(adapter.check(NOON), [answer]).1;
        let denied =
            json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message": "no" } });

        let standing = end(rehearsal::json(403, &denied)).unwrap();

        assert_eq!(standing.trouble.map(|fault| fault.kind), Some(FaultKind::Quota));
        assert!(end(rehearsal::reply(503, &[], "")).is_err());
    }
}
