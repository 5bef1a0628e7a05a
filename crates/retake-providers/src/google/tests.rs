//! What holds for all three wires: whatever comes back ends in a value, and the facts fit the catalog.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use jiff::civil::date;
use proptest::{collection::vec, prelude::*};
use retake_core::catalog::Catalog;
use serde_json::{Map, Value as Json};

use super::{FACTS, adapter, credentials::tests::an_account, hook};
use crate::{
    Adapter, Flow, Settings, UnconfirmedSubmit,
    call::{Answer, Reply},
    testing::{NOON, a_render, a_submission, silence},
};

/// An adapter of each wire, the usual one also with a service account and a bucket.
fn adapters() -> Vec<Box<dyn Adapter>> {
    let catalog = Arc::new(Catalog::shipped().unwrap());
    let settings = |variant: Option<&str>, key| Settings {
        provider: "google".into(),
        variant: variant.map(str::to_owned),
        api_key: key,
        options: [("project", "a-project"), ("storage_uri", "gs://a-bucket/videos")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Settings::default()
    };
    [
        settings(None, "ya29.of-nobody".into()),
        settings(None, an_account()),
        settings(Some("gemini-operations"), "AIza-of-nobody".into()),
        settings(Some("interactions"), "AIza-of-nobody".into()),
    ]
    .iter()
    .map(|settings| adapter(settings, &catalog).unwrap())
    .collect()
}

/// Holds a talk that gets the same answer to everything, as long as it goes on.
fn hold_with<T>(mut talk: Flow<T>, answer: &Answer) -> T {
    for _ in 0..20 {
        match talk {
            Flow::Done(value) => return value,
            Flow::Ask { then, .. } => talk = then(answer.clone()),
        }
    }
    panic!("the talk does not end");
}

/// A word that an answer of Google's could have as a name or as a value, or none such.
fn a_word() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "name",
        "done",
        "error",
        "code",
        "status",
        "message",
        "details",
        "response",
        "videos",
        "video",
        "gcsUri",
        "uri",
        "bytesBase64Encoded",
        "raiMediaFilteredReasons",
        "generateVideoResponse",
        "generatedSamples",
        "steps",
        "type",
        "content",
        "model_output",
        "completed",
        "failed",
        "data",
        "id",
        "errors",
        "items",
        "access_token",
        "expires_in",
        "keys",
        "kid",
        "n",
        "e",
        "state",
        "PROCESSING",
        "violations",
        "reason",
        "retryDelay",
        "1e400s",
        "gs://a-bucket/x",
        "https://a.example.com/files/x",
    ];
    prop_oneof![4 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        a_word().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::from),
            vec((a_word(), inner), 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let body = prop_oneof![
        3 => any_json().prop_map(|json| json.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..200),
    ];
    let status = prop_oneof![
        prop::sample::select(&[200_u16, 200, 400, 401, 403, 404, 429, 500, 503][..]),
        100_u16..1000,
    ];
    let retry_after = prop::option::of("[0-9a-z.:-]{0,12}");
    (status, body, retry_after).prop_map(|(status, body, retry_after)| {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after.and_then(|text| text.parse().ok()) {
            headers.insert("retry-after", value);
        }
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Reply { status, headers, body: body.into(), at: NOON })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // verifies: google: hostile answers
    #[test]
    fn whatever_is_answered_every_talk_ends(answer in any_answer(), header in "[ -~]{0,60}") {
        let render = a_render("veo-3.1-generate-001", "models/x/operations/1");
        let lost = UnconfirmedSubmit { submission: a_submission("veo-3.1-generate-001"), begun_at: NOON, lost_at: NOON, known: std::collections::BTreeSet::default() };
        for adapter in adapters() {
            let _ = hold_with(adapter.submit(&lost.submission, NOON), &answer);
            let _ = hold_with(adapter.poll(&render, NOON), &answer);
            let _ = hold_with(adapter.look_up(&lost, NOON), &answer);
            let _ = hold_with(adapter.fetch(&render, NOON), &answer);
            let _ = hold_with(adapter.cancel(&render, NOON), &answer);
            let _ = hold_with(adapter.check(NOON), &answer);
            let notice = hook::tests::a_notice(&[("webhook-signature", &header)], "{}");
            let _ = hold_with(adapter.verify_hook(notice), &answer);
            if let Ok(reply) = &answer {
                let _ = adapter.refused_download(reply);
            }
        }
    }

    #[test]
    fn whatever_key_is_given_it_is_taken_or_refused(key in ".{0,80}") {
        let _ = super::credentials::Credentials::new(&key.into());
    }
}

#[test]
fn silence_after_a_submit_was_sent_is_never_a_refusal() {
    for adapter in adapters().into_iter().skip(2) {
        let model = "gemini-omni-1.2-flash";
        let end = hold_with(adapter.submit(&a_submission(model), NOON), &silence(true));

        assert!(matches!(end, Err(crate::SubmitError::Lost(_))), "{end:?}");
    }
}

#[test]
fn every_variant_has_an_adapter_and_the_usual_one_needs_a_project() {
    let catalog = Arc::new(Catalog::shipped().unwrap());
    for facts in FACTS {
        let mut settings = Settings {
            provider: "google".into(),
            variant: facts.variant.map(str::to_owned),
            api_key: "of-nobody".into(),
            ..Settings::default()
        };
        assert_eq!(
            adapter(&settings, &catalog).is_err(),
            facts.needed_options.contains(&"project")
        );
        settings.options.insert("project".into(), "a-project".into());
        assert!(adapter(&settings, &catalog).is_ok());
        settings.options.insert("location".into(), "evil.example/".into());
        assert_eq!(adapter(&settings, &catalog).is_err(), facts.variant.is_none());
    }
}

#[test]
fn the_catalog_knows_what_is_offered_today_and_what_took_the_place_of_the_rest() {
    let catalog = Catalog::shipped().unwrap();
    let today = date(2026, 11, 21);
    let of_google = || catalog.models().iter().filter(|model| model.provider == "google");

    let offered: Vec<_> = of_google()
        .filter(|model| !model.is_shut_down(today))
        .map(|model| model.name.as_str())
        .collect();

    assert_eq!(
        offered,
        [
            "veo-3.1-generate-001",
            "veo-3.1-fast-generate-001",
            "veo-3.1-lite-generate-001",
            "gemini-omni-1.2-flash",
            "gemini-omni-1.1-flash",
        ]
    );
    for model in of_google().filter(|model| model.is_shut_down(today)) {
        assert!(!model.successors.is_empty(), "{model}");
        for successor in &model.successors {
            let name = successor.strip_prefix("google/").unwrap();
            assert!(offered.contains(&name), "{model}: {successor}");
        }
    }
}

#[test]
fn every_size_of_the_catalog_can_be_said_on_the_wire() {
    let catalog = Catalog::shipped().unwrap();
    for model in catalog.models().iter().filter(|model| model.provider == "google") {
        for size in &model.sizes {
            assert!(super::media::resolution(*size).is_some(), "{model}: {size}");
        }
    }
}
