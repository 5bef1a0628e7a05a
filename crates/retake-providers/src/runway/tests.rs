//! Golden tests of both directions: calls as text, answers as fixtures.

use bytes::Bytes;
use insta::assert_snapshot;
use jiff::SignedDuration;
use proptest::prelude::*;
use retake_core::{
    fault::FaultKind,
    request::{Character, Origin, OriginKind, Picture},
    signal::Stage,
    size::Size,
};
use serde_json::json;

use super::*;
use crate::{
    Reconciliation, UnconfirmedSubmit,
    testing::{NOON, a_render, a_submission, hold, json, reply, shown, silence},
};

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn runway() -> Box<dyn Adapter> {
    let settings = Settings {
        provider: "runway".into(),
        api_key: "key_of_nobody".into(),
        ..Settings::default()
    };
    adapter(&settings, &Arc::new(Catalog::shipped().unwrap())).unwrap()
}

fn fixture(name: &str) -> Json {
    let path = format!("{}/fixtures/runway/{name}-2026-11-21.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn from_picture(model: &str, bytes: usize) -> Submission {
    let mut submission = a_submission(model);
    let size = Size::new(1280, 720);
    submission.spec.first_frame =
        Some(Picture { key: "k".into(), size, media_type: "image/png".into() });
    submission.first_frame = Some(Bytes::from(vec![7; bytes]));
    submission.spec.audio = false;
    submission
}

fn silent(model: &str) -> Submission {
    let mut submission = a_submission(model);
    submission.spec.audio = false;
    submission
}

fn taken() -> Answer {
    json(200, &json!({ "id": ID, "estimatedCost": { "credits": 60 } }))
}

fn calls(submission: &Submission, answers: Vec<Answer>) -> String {
    let (calls, taken) = hold(runway().submit(submission, NOON), answers);

    assert_eq!(taken, Ok(ID.to_owned().into()));
    calls.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

fn poll(answer: Answer) -> Result<Polled, Fault> {
    hold(runway().poll(&a_render("gen4.5", ID), NOON), [answer]).1
}

fn failed(answer: Answer) -> Fault {
    match poll(answer) {
        Ok(Polled::Failed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn refusal(submission: &Submission) -> Fault {
    match hold(runway().submit(submission, NOON), []).1 {
        Err(SubmitError::Refused(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

// verifies: runway: text
#[test]
fn a_text_is_sent_with_the_key_and_the_version() {
    assert_snapshot!(calls(&silent("gen4.5"), vec![taken()]));
}

// verifies: runway: parameters
#[test]
fn sound_and_a_negative_prompt_are_said_to_models_that_have_them() {
    let mut submission = a_submission("veo3.1");
    submission.spec.negative_prompt = Some("fog".into());

    assert_snapshot!(calls(&submission, vec![taken()]));
}

#[test]
fn a_model_without_a_switch_for_sound_or_a_seed_is_told_neither() {
    let mut submission = silent("hailuo3");
    submission.spec.size = Size::new(768, 1366);

    assert_snapshot!(calls(&submission, vec![taken()]));
}

// verifies: runway: image
#[test]
fn a_small_picture_goes_along_in_the_request() {
    assert_snapshot!(calls(&from_picture("gen4_turbo", 9), vec![taken()]));
}

#[test]
fn a_large_picture_is_uploaded_first_and_the_storage_gets_no_key() {
    let ticket = json(200, &fixture("upload-ticket"));
    let answers = vec![ticket, reply(204, &[], ""), taken()];

    assert_snapshot!(calls(&from_picture("seedance2", 4_000_000), answers));
}

#[test]
fn a_long_seed_is_cut_to_the_range_of_the_api() {
    let mut submission = silent("gen4.5");
    submission.spec.seed = (5 << 32) | 7;

    let sent = calls(&submission, vec![taken()]);

    assert!(sent.contains(r#""seed": 7"#), "{sent}");
}

#[test]
fn a_failed_upload_makes_no_task_and_is_refused() {
    let submission = from_picture("gen4.5", 4_000_000);
    let ticket = || json(200, &fixture("upload-ticket"));
    let attempts = [
        vec![silence(true)],
        vec![json(200, &json!({ "uploadUrl": "file:///etc/passwd" }))],
        vec![ticket(), silence(true)],
        vec![ticket(), reply(403, &[], "<Error><Code>AccessDenied</Code></Error>")],
    ];
    for answers in attempts {
        let (calls, end) = hold(runway().submit(&submission, NOON), answers);

        assert!(
            matches!(&end, Err(SubmitError::Refused(f)) if f.kind != FaultKind::Quota),
            "{end:?}"
        );
        assert!(calls.iter().all(|call| call.effect == crate::Effect::Asks));
    }
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let mut looped = silent("gen4.5");
    looped.spec.looped = true;
    let mut negative = silent("gen4.5");
    negative.spec.negative_prompt = Some("fog".into());
    let mut square = silent("gen4.5");
    square.spec.size = Size::new(960, 960);
    let mut remixed = silent("gen4.5");
    let kind = OriginKind::Remix;
    remixed.spec.origin =
        Some(Origin { kind, video: None, key: None, bytes: 9, seconds: 4, duration_ms: None });
    let mut peopled = silent("gen4.5");
    let picture = from_picture("gen4.5", 9).spec.first_frame.unwrap();
    peopled.spec.characters = vec![Character {
        id: retake_core::ids::CharacterId::new(NOON),
        name: "Ada".into(),
        picture,
    }];
    let mut emoji = silent("gen4.5");
    emoji.spec.prompt = "🌊".repeat(501);
    let cases = [
        (looped, "loop"),
        (negative, "negative prompt"),
        (square, "1280x720"),
        (remixed, "new videos only"),
        (peopled, "characters"),
        (emoji, "1002 UTF-16"),
        (silent("gen4_turbo"), "input_reference"),
    ];
    for (submission, named) in cases {
        let fault = refusal(&submission);

        assert_eq!(fault.kind, FaultKind::BadRequest);
        assert!(fault.message.contains(named), "{fault}");
    }
}

#[test]
fn a_create_without_a_readable_answer_is_lost() {
    let answers = [
        silence(true),
        json(502, &json!({ "error": "bad gateway" })),
        json(504, &json!({})),
        json(200, &json!({ "id": 7 })),
        reply(200, &[("content-type", "text/html")], "<html>"),
    ];
    for answer in answers {
        let end = hold(runway().submit(&silent("gen4.5"), NOON), [answer]).1;

        assert!(matches!(end, Err(SubmitError::Lost(_))), "{end:?}");
    }
}

#[test]
fn refusals_are_told_apart_by_words_where_the_status_is_the_same() {
    let error = |text: &str| json!({ "error": text });
    let pause = |text: &str| reply(429, &[("retry-after", text)], r#"{"error":"daily limit"}"#);
    let cases = [
        (json(400, &fixture("create-invalid")), FaultKind::BadRequest),
        (json(400, &error("You do not have enough credits to run this task.")), FaultKind::Quota),
        (json(400, &error("The prompt was refused by moderation.")), FaultKind::RefusedContent),
        (json(401, &error("The API key is not valid.")), FaultKind::Auth),
        (json(401, &error("This organization is suspended.")), FaultKind::Quota),
        (json(402, &error("payment required")), FaultKind::Quota),
        (json(404, &error("no such path")), FaultKind::BadRequest),
        (json(429, &error("daily limit")), FaultKind::Quota),
        (json(429, &error("Too many requests.")), FaultKind::Overloaded),
        (reply(429, &[], ""), FaultKind::Overloaded),
        (reply(403, &[], "<html><title>Access denied</title></html>"), FaultKind::Overloaded),
        (json(502, &error("The service is shedding load.")), FaultKind::Overloaded),
        (pause("40"), FaultKind::Overloaded),
        (pause("40000"), FaultKind::Quota),
        (json(503, &error("busy")), FaultKind::Overloaded),
        (silence(false), FaultKind::Overloaded),
    ];
    for (answer, kind) in cases {
        let asked = format!("{answer:?}");
        let end = hold(runway().submit(&silent("gen4.5"), NOON), [answer]).1;

        assert!(matches!(&end, Err(SubmitError::Refused(f)) if f.kind == kind), "{asked}: {end:?}");
    }
}

#[test]
fn the_complaints_about_a_request_are_repeated_with_their_place() {
    let answer = json(400, &fixture("create-invalid"));
    let end = hold(runway().submit(&silent("gen4.5"), NOON), [answer]).1;

    let Err(SubmitError::Refused(fault)) = end else { panic!("{end:?}") };
    assert_eq!(fault.code.as_deref(), Some("too_big"));
    assert_snapshot!(fault.message, @"HTTP 400: Validation of body failed (duration: Expected at most 10; promptImage.0.uri: Invalid asset)");
}

// verifies: runway: failures
#[test]
fn every_failure_code_is_read_by_its_longest_known_beginning() {
    let codes = [
        ("SAFETY", FaultKind::RefusedContent),
        ("SAFETY.INPUT.TEXT", FaultKind::RefusedContent),
        ("SAFETY.INPUT.IMAGE", FaultKind::RefusedContent),
        ("SAFETY.INPUT.VIDEO", FaultKind::RefusedContent),
        ("SAFETY.INPUT.AUDIO", FaultKind::RefusedContent),
        ("SAFETY.OUTPUT.VIDEO", FaultKind::RefusedContent),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", FaultKind::RefusedContent),
        ("INPUT_PREPROCESSING.SAFETY.THIRD_PARTY", FaultKind::RefusedContent),
        ("INPUT_PREPROCESSING.INTERNAL", FaultKind::Runtime),
        ("ASSET.INVALID", FaultKind::BadRequest),
        ("INTERNAL.BAD_OUTPUT.CODE01", FaultKind::Runtime),
        ("INTERNAL.BAD_OUTPUT.01", FaultKind::Runtime),
        ("INTERNAL", FaultKind::Runtime),
        ("INTERNAL.SOMETHING.NEW", FaultKind::Runtime),
        ("THIRD_PARTY.UNAVAILABLE", FaultKind::Timeout),
        ("THIRD_PARTY.INPUT_VALIDATION", FaultKind::BadRequest),
        ("SAFETYNET", FaultKind::UnknownProviderError),
        ("WEATHER.STORM", FaultKind::UnknownProviderError),
    ];
    for (code, kind) in codes {
        let task = json!({ "id": ID, "status": "FAILED", "failure": "no", "failureCode": code });
        let fault = failed(json(200, &task));

        assert_eq!((fault.kind, fault.code.as_deref()), (kind, Some(code)));
    }
}

#[test]
fn a_failure_without_a_code_is_internal() {
    let fault = failed(json(200, &json!({ "id": ID, "status": "FAILED", "failureCode": null })));

    assert_eq!((fault.kind, fault.code), (FaultKind::Runtime, None));
}

#[test]
fn a_failure_tells_what_it_has_cost() {
    let fault = failed(json(200, &fixture("task-failed-safety")));

    assert_snapshot!(fault, @"refused_content: The input did not pass moderation. (60 credits were charged)");
}

#[test]
fn a_task_is_followed_through_its_states() {
    let state = |name: &str| poll(json(200, &fixture(name))).unwrap();
    let running = |percent, seconds| Polled::Running {
        percent,
        ask_again_in: Duration::from_secs(seconds),
        note: None,
    };

    assert_eq!(state("task-pending"), running(0, 6));
    assert_eq!(state("task-throttled"), running(0, 15));
    assert_eq!(state("task-running"), running(42, 6));
    let charged = Some(retake_core::money::Usd::from_micros(600_000));
    assert!(matches!(state("task-succeeded"), Polled::Rendered { .. }));
    let priced =
        json!({ "status": "SUCCEEDED", "output": ["https://x/v.mp4"], "cost": { "credits": 60 } });
    assert_eq!(poll(json(200, &priced)), Ok(Polled::Rendered { charged }));
    let failed = |credits: u32| {
        let task = json!({ "id": ID, "status": "FAILED", "failureCode": "INTERNAL", "cost": { "credits": credits } });
        match poll(json(200, &task)) {
            Ok(Polled::Failed { charged, .. }) => charged,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((failed(60), failed(0)), (charged, Some(retake_core::money::Usd::ZERO)));
}

#[test]
fn a_word_that_nobody_has_documented_is_still_running_with_a_note() {
    let Ok(Polled::Running { note, .. }) = poll(json(200, &json!({ "status": "DREAMING" }))) else {
        panic!("it runs");
    };

    assert_eq!(note.as_deref(), Some("Runway calls it `DREAMING`"));
}

#[test]
fn a_pause_that_is_asked_for_comes_first_within_reason() {
    let body = fixture("task-running").to_string();
    let pause = |text| match poll(reply(200, &[("retry-after", text)], body.clone())) {
        Ok(Polled::Running { ask_again_in, .. }) => ask_again_in.as_secs(),
        other => panic!("{other:?}"),
    };

    assert_eq!((pause("30"), pause("0"), pause("86400")), (30, 1, 60));
}

#[test]
fn a_task_that_was_cancelled_has_failed_and_an_unknown_one_is_asked_for_again() {
    let cancelled = failed(json(200, &fixture("task-cancelled")));
    let unknown = poll(json(404, &json!({ "error": "not found" }))).unwrap_err();

    assert_eq!((cancelled.kind, cancelled.code.as_deref()), (FaultKind::Lost, Some("CANCELLED")));
    assert_eq!(unknown.kind, FaultKind::Lost);
}

#[test]
fn a_poll_that_is_not_answered_says_nothing_of_the_render() {
    for (answer, kind) in [
        (json(401, &json!({ "error": "bad key" })), FaultKind::Auth),
        (reply(429, &[("retry-after", "9")], "{}"), FaultKind::Overloaded),
        (json(502, &json!({ "error": "We are shedding load" })), FaultKind::Overloaded),
        (json(502, &json!({})), FaultKind::Runtime),
        (reply(200, &[], "<html>"), FaultKind::UnknownProviderError),
        (json(200, &json!({ "status": 7 })), FaultKind::UnknownProviderError),
        (silence(true), FaultKind::Lost),
    ] {
        assert_eq!(poll(answer).unwrap_err().kind, kind);
    }
}

// verifies: runway: download
#[test]
fn the_file_is_fetched_by_a_fresh_link_and_without_the_key() {
    let answer = json(200, &fixture("task-succeeded"));
    let (_, found) = hold(runway().fetch(&a_render("gen4.5", ID), NOON), [answer]);

    let Ok(Download::From(call)) = found else { panic!("{found:?}") };
    assert_eq!(call.url, "https://files.example.com/render.mp4?signature=of-nobody");
    assert!(call.headers.is_empty());
}

#[test]
fn an_expired_link_is_fetched_again_and_a_failed_task_has_no_file() {
    let expired = reply(403, &[], "<Error>Request has expired</Error>").unwrap();
    let gone = json(200, &fixture("task-failed-safety"));
    let (_, found) = hold(runway().fetch(&a_render("gen4.5", ID), NOON), [gone]);

    assert!(matches!(runway().refused_download(&expired), FetchError::Later(_)));
    assert!(matches!(found, Err(FetchError::Gone(_))));
}

// verifies: runway: cancel
#[test]
fn a_task_is_cancelled_by_deleting_it_and_twice_is_no_fault() {
    let cancel = |answer| hold(runway().cancel(&a_render("gen4.5", "a/b"), NOON), [answer]);
    let (calls, first) = cancel(reply(204, &[], ""));

    assert_snapshot!(shown(&calls[0]), @r#"
    DELETE https://api.dev.runwayml.com/v1/tasks/a%2Fb (Changes)
    authorization: [secret]
    x-runway-version: "2024-11-06"
    "#);
    assert_eq!(first, Ok(crate::CancelOutcome::Stopped));
    assert_eq!(cancel(reply(404, &[], "{}")).1, Ok(crate::CancelOutcome::NotKnown));
    assert!(cancel(reply(401, &[], "{}")).1.is_err());
}

// verifies: runway: credits
#[test]
fn the_account_tells_credit_tier_concurrency_and_what_the_day_has_left() {
    let answer = json(200, &fixture("organization"));
    let standing = hold(runway().check(NOON), [answer]).1.unwrap();

    assert_snapshot!(standing.summary, @"credit 12.40 USD, tier 2, up to 3 of a model at once, the day's limit is reached for veo3.1");
    assert_eq!((standing.credit_micros, standing.concurrency), (Some(12_400_000), Some(3)));
    assert_eq!(standing.trouble, None);
}

#[test]
fn an_account_without_credit_is_in_trouble() {
    let standing =
        hold(runway().check(NOON), [json(200, &json!({ "creditBalance": 0 }))]).1.unwrap();

    assert_eq!(standing.trouble.map(|fault| fault.kind), Some(FaultKind::Quota));
}

// verifies: runway: look-up
#[test]
fn a_lost_create_cannot_be_found_again() {
    let lost = UnconfirmedSubmit {
        submission: silent("gen4.5"),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    };
    let (calls, found) = hold(runway().look_up(&lost, NOON), []);

    assert!(calls.is_empty());
    assert!(matches!(found, Ok(Reconciliation::Unknowable { .. })));
}

#[test]
fn an_unbelievable_pause_is_no_short_wait() {
    let body = r#"{"error":"The daily task limit of this model has been reached."}"#;
    let fault =
        fault::of_reply(&reply(429, &[("retry-after", "86400")], body).unwrap(), Stage::Create);

    assert_eq!(fault.kind, FaultKind::Quota);
    assert_eq!(fault.retry_after, Some(SignedDuration::from_hours(24)));
}

#[test]
fn every_listed_model_can_be_asked_for_each_of_its_sizes() {
    let catalog = Catalog::shipped().unwrap();
    for model in catalog.models().iter().filter(|model| model.provider == "runway") {
        for size in &model.sizes {
            let mut submission = from_picture(&model.name, 9);
            submission.spec.size = *size;
            let (_, end) = hold(runway().submit(&submission, NOON), [taken()]);

            assert!(end.is_ok(), "{model} {size}: {end:?}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let word = prop_oneof![
        "[A-Z_.]{0,12}",
        ".{0,12}",
        proptest::sample::select(vec![
            "FAILED",
            "SUCCEEDED",
            "RUNNING",
            "https://x.example/a",
            "-1"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        word.prop_map(Json::from),
    ];
    let name = proptest::sample::select(vec![
        "id",
        "status",
        "progress",
        "output",
        "failure",
        "failureCode",
        "cost",
        "credits",
        "error",
        "issues",
        "path",
        "message",
        "code",
        "creditBalance",
        "tier",
        "usage",
        "models",
        "maxConcurrentGenerations",
        "maxDailyGenerations",
        "maxMonthlyCreditSpend",
        "uploadUrl",
        "fields",
        "runwayUri",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let body = prop_oneof![
        3 => any_json().prop_map(|json| Bytes::from(json.to_string())),
        1 => proptest::collection::vec(any::<u8>(), 0..64).prop_map(Bytes::from),
    ];
    let pause = proptest::sample::select(vec!["5", "-1", "1e9", "soon", "NaN"]);
    let status = prop_oneof![Just(200), Just(404), 100..600_u16];
    prop_oneof![
        1 => any::<bool>().prop_map(silence),
        9 => (status, pause, body).prop_map(|(s, p, b)| reply(s, &[("retry-after", p)], b)),
    ]
}

proptest! {
    // verifies: runway: hostile answers
    #[test]
    fn no_answer_makes_a_reader_panic(answers in proptest::collection::vec(any_answer(), 4)) {
        let (runway, render) = (runway(), a_render("gen4.5", ID));
        let again = || answers.clone();

        hold(runway.submit(&silent("gen4.5"), NOON), again()).1.ok();
        hold(runway.submit(&from_picture("gen4.5", 4_000_000), NOON), again()).1.ok();
        hold(runway.poll(&render, NOON), again()).1.ok();
        hold(runway.fetch(&render, NOON), again()).1.ok();
        hold(runway.cancel(&render, NOON), again()).1.ok();
        hold(runway.check(NOON), again()).1.ok();
        if let Ok(reply) = &answers[0] {
            runway.refused_download(reply);
        }
    }
}
