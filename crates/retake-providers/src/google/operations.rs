//! Veo on the Gemini API's earlier wire: `predictLongRunning`, and the operation as an address of its own.
//!
//! Google took its last Veo model off this wire on 2026-10-22. Proxies and resellers still speak it, at a base URL of
//! their own. It says less than Vertex AI: no seed, no switch for sound, no bucket. The file lies at a link that
//! wants the key, for two days.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind, FaultSource},
};
use secrecy::SecretString;
use serde_json::json;

use super::{
    GEMINI, fault, hook,
    media::{self, File, LARGEST_INLINE},
    place::{Place, resource, segment},
    veo::{self, Operation},
};
use crate::{
    AccountStatus, Adapter, Download, FetchError, Flow, Hook, HookError, Polled, Render, Settings,
    Submission, SubmitError, Submitted,
    call::{Call, Reply},
};

/// Google's own example polls this often.
const POLL_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Google says eleven seconds to six minutes; the rest is for a queue.
const LONGEST_RENDER: Duration = Duration::from_mins(20);
/// Google says six minutes at peak hours (Veo guide).
const USUAL_RENDER: Duration = Duration::from_mins(6);

/// An account that speaks this wire.
pub(super) struct Operations {
    gemini: Gemini,
    catalog: Arc<Catalog>,
}

/// What both wires of the Gemini API share: the place, the key and the notices.
#[derive(Clone)]
pub(super) struct Gemini {
    pub(super) place: Place,
    key: SecretString,
    hooks: hook::Keys,
}

impl Gemini {
    /// An account at the Gemini API.
    pub(super) fn new(settings: &Settings) -> Self {
        let place = Place::new(settings.base_url.as_deref().unwrap_or(GEMINI), "v1beta");
        let hooks = hook::Keys::new(&place, settings.option("webhook_secret"));
        Self { place, key: settings.api_key.clone(), hooks }
    }

    /// The call with the key.
    pub(super) fn signed(&self, call: Call) -> Call {
        call.header("x-goog-api-key", self.key.clone())
    }

    /// The call that fetches a file. The key goes along to the account's own host and nowhere else.
    pub(super) fn download(&self, link: &str) -> Result<Call, FetchError> {
        if !link.starts_with("https://") && !link.starts_with("http://") {
            let message = format!(
                "the file is at no link that can be fetched: {}",
                crate::response::quoted(link)
            );
            let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
            return Err(FetchError::Gone(fault));
        }
        let call = Call::get(link);
        Ok(if self.place.owns(link) { self.signed(call) } else { call })
    }

    /// Sees whether the key is accepted: the shortest list of models that there is.
    pub(super) fn check(&self) -> Flow<Result<AccountStatus, Fault>> {
        let call = self.signed(Call::get(self.place.url("models?pageSize=1")));
        Flow::once(call, |answer| fault::account_status(answer, "the key is accepted"))
    }

    /// Checks a notice.
    pub(super) fn verify(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        self.hooks.verify(hook)
    }
}

impl Operations {
    /// The adapter for an account.
    pub(super) fn new(settings: &Settings, catalog: &Arc<Catalog>) -> Self {
        Self { gemini: Gemini::new(settings), catalog: Arc::clone(catalog) }
    }

    fn create(&self, submission: &Submission) -> Result<Call, Fault> {
        let known = self.catalog.model("google", &submission.model);
        if !submission.spec.audio && known.is_none_or(|model| model.audio) {
            let message =
                "sound cannot be turned off on this wire; leave `audio` out, or use Vertex AI";
            return Err(media::refused(message));
        }
        let mut body = veo::body(submission)?.json();
        if let Some(hook) = &submission.hook {
            body["webhookConfig"] =
                json!({ "uris": [hook], "userMetadata": { "tag": submission.tag } });
        }
        let path = format!("models/{}:predictLongRunning", segment(&submission.model));
        Ok(self.gemini.signed(Call::post(self.gemini.place.url(&path), body)))
    }

    fn operation(&self, render: &Render) -> Flow<Result<(Operation, Reply), Fault>> {
        let Some(path) = resource(&render.remote_id) else {
            let message = "the name of the render is none";
            return Flow::Done(Err(Fault::new(FaultKind::Lost, FaultSource::Gateway, message)));
        };
        let mut call = self.gemini.signed(Call::get(self.gemini.place.url(&path)));
        call.largest_answer = LARGEST_INLINE;
        let asked = render.remote_id.clone();
        Flow::once(call, move |answer| veo::polled(answer, &asked))
    }
}

impl Adapter for Operations {
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
        match self.create(submission) {
            Ok(call) => Flow::once(call, |answer| veo::accepted(answer, "/name")),
            Err(fault) => Flow::Done(Err(SubmitError::Refused(fault))),
        }
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        self.operation(render)
            .map(|read| read.map(|(operation, reply)| veo::progress(operation, &reply, POLL_EVERY)))
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        let gemini = self.gemini.clone();
        self.operation(render).map(move |read| match read {
            Err(fault) => Err(FetchError::Later(fault)),
            Ok((Operation::Running | Operation::WithoutFile, _)) => {
                Err(FetchError::Later(media::not_yet()))
            }
            Ok((Operation::Failed(fault, _), _)) => Err(FetchError::Gone(fault)),
            Ok((Operation::Done(File::Inline(text), _), _)) => {
                media::decoded(&text).map(Download::Whole)
            }
            Ok((Operation::Done(File::Link(link), _), _)) => {
                gemini.download(&link).map(Download::From)
            }
        })
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        self.gemini.check()
    }

    fn verify_hook(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        self.gemini.verify(hook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOON, a_render, a_submission, hold, shown};

    const MODEL: &str = "veo-3.1-generate-preview";
    const NAME: &str = "models/veo-3.1-generate-preview/operations/abc123";
    const DONE: &str = include_str!("../../fixtures/google/2026-06-22-gemini-done.json");

    fn an_adapter() -> Operations {
        let settings = Settings {
            provider: "google".into(),
            variant: Some("gemini-operations".into()),
            api_key: "AIza-of-nobody".into(),
            ..Settings::default()
        };
        Operations::new(&settings, &Arc::new(Catalog::shipped().unwrap()))
    }

    // verifies: google/gemini-operations: text, image, parameters
    #[test]
    fn a_submit_says_what_this_wire_can_say() {
        let mut submission = a_submission(MODEL);
        submission.spec.negative_prompt = Some("rain".into());
        submission.hook = Some("https://retake.example.com/hooks/1".into());
        let taken = testing::json(200, &json!({ "name": NAME }));

        let (calls, end) = hold(an_adapter().submit(&submission, NOON), [taken]);

        assert_eq!(end.as_ref().map(|it| it.remote_id.as_str()), Ok(NAME));
        insta::assert_snapshot!(shown(&calls[0]));
    }

    #[test]
    fn silence_cannot_be_asked_for() {
        let mut submission = a_submission(MODEL);
        submission.spec.audio = false;

        let (calls, end) = hold(an_adapter().submit(&submission, NOON), []);

        assert!(calls.is_empty());
        assert!(
            matches!(end, Err(SubmitError::Refused(fault)) if fault.message.contains("`audio`"))
        );
    }

    #[test]
    fn a_poll_asks_the_operation_itself() {
        let running =
            testing::reply(200, &[("retry-after", "3")], json!({ "name": NAME }).to_string());

        let (calls, end) = hold(an_adapter().poll(&a_render(MODEL, NAME), NOON), [running]);

        let ask_again_in = Duration::from_secs(3);
        assert_eq!(end, Ok(Polled::Running { percent: 0, ask_again_in, note: None }));
        insta::assert_snapshot!(shown(&calls[0]));
    }

    // verifies: google/gemini-operations: download
    #[test]
    fn the_key_goes_with_a_download_from_the_own_host_only() {
        let mut elsewhere: serde_json::Value = serde_json::from_str(DONE).unwrap();
        let own = elsewhere.clone();
        elsewhere["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"] =
            "https://files.example.com/abc".into();
        let headers = |body| {
            let (_, end) =
                hold(an_adapter().fetch(&a_render(MODEL, NAME), NOON), [testing::json(200, body)]);
            match end {
                Ok(Download::From(call)) => call.headers.len(),
                other => panic!("{other:?}"),
            }
        };

        assert_eq!(headers(&own), 1);
        assert_eq!(headers(&elsewhere), 0);
    }
}
