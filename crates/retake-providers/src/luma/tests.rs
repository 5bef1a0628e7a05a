//! Golden tests of both variants: calls as text, answers as fixtures.

mod look_up;

use bytes::Bytes;
use insta::assert_snapshot;
use jiff::SignedDuration;
use proptest::prelude::*;
use retake_core::{
    fault::{Fault, FaultKind},
    request::Picture,
    signal::Stage,
    size::Size,
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    Download, Polled, Reconciliation, Submission, UnconfirmedSubmit,
    testing::{NOON, a_render, a_submission, hold, json, reply, shown, silence},
};

const ID: &str = "00000000-0000-4000-8000-000000000002";
/// As the fixtures of the Agents API name theirs.
const AGENTS_ID: &str = "00000000-0000-4000-8000-000000000005";
const HOOK: &str = "https://retake.example/hooks/luma/unguessable";

fn luma(variant: Option<&str>) -> Box<dyn Adapter> {
    let settings = Settings {
        provider: "luma".into(),
        variant: variant.map(str::to_owned),
        api_key: "luma-of-nobody".into(),
        ..Settings::default()
    };
    adapter(&settings, &Arc::new(Catalog::shipped().unwrap())).unwrap()
}

fn dream() -> Box<dyn Adapter> {
    luma(None)
}

fn agents() -> Box<dyn Adapter> {
    luma(Some("agents"))
}

fn fixture(name: &str) -> Json {
    let path = format!("{}/fixtures/luma/{name}-2026-11-21.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn of_seconds(model: &str, seconds: u32) -> Submission {
    let mut submission = a_submission(model);
    submission.spec.seconds = seconds;
    submission.spec.audio = false;
    submission
}

fn from_picture(model: &str, seconds: u32) -> Submission {
    let mut submission = of_seconds(model, seconds);
    let size = Size::new(1280, 720);
    submission.spec.first_frame =
        Some(Picture { key: "k".into(), size, media_type: "image/webp".into() });
    submission.first_frame = Some(Bytes::from_static(b"a picture"));
    submission
}

fn calls(adapter: &dyn Adapter, submission: &Submission) -> String {
    let taken = json(201, &json!({ "id": ID, "state": "queued" }));
    let (calls, taken) = hold(adapter.submit(submission, NOON), [taken]);

    assert_eq!(taken, Ok(ID.to_owned().into()));
    calls.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

fn refusal(adapter: &dyn Adapter, submission: &Submission) -> Fault {
    match hold(adapter.submit(submission, NOON), []).1 {
        Err(SubmitError::Refused(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn poll(adapter: &dyn Adapter, answer: Answer) -> Result<Polled, Fault> {
    poll_for(adapter, ID, answer)
}

fn poll_for(adapter: &dyn Adapter, id: &str, answer: Answer) -> Result<Polled, Fault> {
    hold(adapter.poll(&a_render("ray", id), NOON), [answer]).1
}

fn failed(adapter: &dyn Adapter, answer: Answer) -> Fault {
    match poll(adapter, answer) {
        Ok(Polled::Failed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn running(note: Option<&str>) -> Polled {
    Polled::Running {
        percent: 0,
        ask_again_in: Duration::from_secs(5),
        note: note.map(str::to_owned),
    }
}

// verifies: luma: text, notices
#[test]
fn dream_machine_gets_a_text_and_a_hook_with_our_tag() {
    let mut submission = of_seconds("ray-2", 9);
    submission.spec.looped = true;
    submission.hook = Some(HOOK.into());

    assert_snapshot!(calls(&*dream(), &submission));
}

// verifies: luma: image
#[test]
fn dream_machine_gets_a_picture_as_a_public_url() {
    let mut submission = from_picture("ray-flash-2", 5);
    submission.first_frame_url = Some("https://retake.example/files/of-nobody".into());

    assert_snapshot!(calls(&*dream(), &submission));
}

#[test]
fn dream_machine_cannot_fetch_a_picture_from_a_gateway_without_a_public_url() {
    let fault = refusal(&*dream(), &from_picture("ray-2", 5));

    assert_eq!(fault.kind, FaultKind::BadRequest);
    assert!(fault.message.contains("`server.public_url`"), "{fault}");
}

// verifies: luma/agents: text, image
#[test]
fn the_agents_api_gets_a_picture_in_the_request() {
    assert_snapshot!(calls(&*agents(), &from_picture("ray-3.2", 5)));
}

#[test]
fn a_picture_of_a_long_video_is_a_keyframe_at_its_beginning() {
    let sent = calls(&*agents(), &from_picture("ray-3.2", 10));

    assert!(sent.contains("keyframe_indexes") && !sent.contains("start_frame"), "{sent}");
}

// verifies: luma/agents: parameters
#[test]
fn a_loop_is_said_to_the_agents_api_for_five_seconds_only() {
    let mut submission = of_seconds("ray-3.2", 5);
    submission.spec.looped = true;
    let short = calls(&*agents(), &submission);
    submission.spec.seconds = 10;

    assert!(short.contains(r#""loop": true"#), "{short}");
    assert!(refusal(&*agents(), &submission).message.contains("5 seconds"));
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    for (adapter, model) in [(dream(), "ray-2"), (agents(), "ray-3.2")] {
        let mut loud = of_seconds(model, 5);
        loud.spec.audio = true;
        let mut negative = of_seconds(model, 5);
        negative.spec.negative_prompt = Some("fog".into());
        let mut odd = of_seconds(model, 5);
        odd.spec.size = Size::new(1000, 700);
        for (submission, named) in [(loud, "audio"), (negative, "negative"), (odd, "1000x700")] {
            let fault = refusal(&*adapter, &submission);

            assert!(fault.message.contains(named), "{fault}");
        }
    }
}

#[test]
fn a_model_of_the_other_variant_is_refused_with_the_way_there() {
    assert!(refusal(&*dream(), &of_seconds("ray-3.2", 5)).message.contains("`agents`"));
    assert!(refusal(&*agents(), &of_seconds("ray-2", 5)).message.contains("without a variant"));
}

#[test]
fn a_create_without_a_readable_answer_is_lost() {
    for (adapter, model) in [(dream(), "ray-2"), (agents(), "ray-3.2")] {
        for answer in [
            silence(true),
            json(502, &json!({ "detail": "bad gateway" })),
            json(201, &json!({ "state": "queued" })),
            reply(200, &[], "<html>"),
        ] {
            let end = hold(adapter.submit(&of_seconds(model, 5), NOON), [answer]).1;

            assert!(matches!(end, Err(SubmitError::Lost(_))), "{end:?}");
        }
    }
}

#[test]
fn refusals_of_the_agents_api_are_told_apart() {
    let detail = |text: &str| json!({ "detail": text });
    let listed = json!({ "detail": [{ "loc": ["body", "video", "loop"], "msg": "not with 10s" }] });
    let cases = [
        (json(400, &detail("malformed")), FaultKind::BadRequest),
        (json(401, &detail("no key")), FaultKind::Auth),
        (json(402, &detail("balance")), FaultKind::Quota),
        (json(403, &detail("client suspended")), FaultKind::Quota),
        (json(413, &detail("too large")), FaultKind::BadRequest),
        (json(422, &listed), FaultKind::BadRequest),
        (json(429, &detail("Rate limit exceeded")), FaultKind::Overloaded),
        (json(429, &detail("Too many concurrent jobs")), FaultKind::Overloaded),
        (json(503, &detail("image ingestion unavailable")), FaultKind::Timeout),
    ];
    for (answer, kind) in cases {
        let end = hold(agents().submit(&of_seconds("ray-3.2", 5), NOON), [answer]).1;

        assert!(matches!(&end, Err(SubmitError::Refused(f)) if f.kind == kind), "{end:?}");
    }
}

#[test]
fn the_two_meanings_of_429_are_told_apart() {
    let said = |text: &str| {
        let body = json!({ "detail": text }).to_string();
        fault::of_agents_reply(&reply(429, &[("retry-after", "7")], body).unwrap(), Stage::Poll)
    };
    let rate = said("Rate limit exceeded");
    let crowd = said("Too many concurrent jobs");

    assert_eq!(rate.retry_after, Some(SignedDuration::from_secs(7)));
    assert!(!rate.message.contains("when one of"), "{rate}");
    assert!(crowd.message.contains("when one of the account's renders ends"), "{crowd}");
}

#[test]
fn refusals_of_dream_machine_are_told_apart() {
    let detail = |text: &str| json!({ "detail": text });
    let cases = [
        (json(400, &detail("Prompt is too short, minimum length is 3")), FaultKind::BadRequest),
        (json(400, &detail("Insufficient credits")), FaultKind::Quota),
        (json(401, &detail("Not authenticated")), FaultKind::Auth),
        (json(422, &detail("Unknown request type")), FaultKind::BadRequest),
        (json(429, &detail("Too many concurrent generations")), FaultKind::Overloaded),
        (silence(false), FaultKind::Overloaded),
    ];
    for (answer, kind) in cases {
        let end = hold(dream().submit(&of_seconds("ray-2", 5), NOON), [answer]).1;

        assert!(matches!(&end, Err(SubmitError::Refused(f)) if f.kind == kind), "{end:?}");
    }
}

// verifies: luma/agents: failures
#[test]
fn every_failure_code_of_the_agents_api_has_a_kind() {
    let codes = [
        ("content_moderated", FaultKind::RefusedContent),
        ("generation_failed", FaultKind::Runtime),
        ("budget_exhausted", FaultKind::Quota),
        ("output_not_found", FaultKind::Runtime),
        ("image_too_large", FaultKind::BadRequest),
        ("unsupported_format", FaultKind::BadRequest),
        ("corrupt_input", FaultKind::BadRequest),
        ("invalid_request", FaultKind::BadRequest),
        ("rate_limited", FaultKind::Overloaded),
        ("storm", FaultKind::UnknownProviderError),
    ];
    for (code, kind) in codes {
        let body =
            json!({ "id": ID, "state": "failed", "failure_code": code, "failure_reason": "no" });
        let fault = failed(&*agents(), json(200, &body));

        assert_eq!((fault.kind, fault.code.as_deref()), (kind, Some(code)));
    }
}

// verifies: luma: failures
#[test]
fn every_failure_reason_of_dream_machine_has_a_kind() {
    let reasons = [
        ("Contains blacklisted words", FaultKind::RefusedContent),
        ("Frame moderation failed", FaultKind::RefusedContent),
        ("Advanced prompt moderation failed", FaultKind::RefusedContent),
        ("400: prompt not allowed because it contains IP", FaultKind::RefusedContent),
        ("Failed to read user input frames", FaultKind::BadRequest),
        ("Prompt processing failed", FaultKind::Timeout),
        ("Error dispatching job", FaultKind::Overloaded),
        ("Job failed", FaultKind::Runtime),
        ("A storm came", FaultKind::UnknownProviderError),
    ];
    for (reason, kind) in reasons {
        let body = json!({ "id": ID, "state": "failed", "failure_reason": reason });

        assert_eq!(failed(&*dream(), json(200, &body)).kind, kind, "{reason}");
    }
    let silent = failed(&*dream(), json(200, &json!({ "id": ID, "state": "failed" })));
    assert_eq!(silent.kind, FaultKind::Runtime);
}

#[test]
fn a_notice_that_luma_could_not_deliver_is_no_failed_render() {
    let reason = "Error processing callback";
    let with = json!({
        "id": ID, "state": "failed", "failure_reason": reason, "assets": { "video": "https://cdn.example.com/v.mp4" }
    });
    let without = || json(200, &json!({ "id": ID, "state": "failed", "failure_reason": reason }));
    let later = NOON + SignedDuration::from_mins(21);

    assert_eq!(poll(&*dream(), json(200, &with)), Ok(Polled::RENDERED));
    assert!(matches!(poll(&*dream(), without()), Ok(Polled::Running { note: Some(_), .. })));
    let end = hold(dream().poll(&a_render("ray-2", ID), later), [without()]).1;
    // It was given up here, so Luma has not said that it paid anything back.
    assert!(matches!(end, Ok(Polled::Failed { charged: None, .. })), "{end:?}");
}

#[test]
fn a_dream_that_failed_was_paid_back_and_a_file_beside_a_failure_is_looked_at() {
    let dream_failed = json!({ "id": ID, "state": "failed", "failure_reason": "Job failed" });
    let charged = Some(retake_core::money::Usd::ZERO);
    let end = poll(&*dream(), json(200, &dream_failed));
    assert!(matches!(end, Ok(Polled::Failed { charged: it, .. }) if it == charged), "{end:?}");

    let mut with_file = dream_failed;
    with_file["assets"] = json!({ "video": "https://cdn.example.com/v.mp4" });
    let disputed = poll(&*dream(), json(200, &with_file));
    assert!(matches!(disputed, Ok(Polled::Disputed { .. })), "{disputed:?}");
    with_file["failure_reason"] = "Contains blacklisted words".into();
    assert_eq!(failed(&*dream(), json(200, &with_file)).kind, FaultKind::RefusedContent);
    let agents_failed = json!({ "id": ID, "state": "failed", "failure_code": "output_not_found",
        "output": [{ "type": "video", "url": "https://cdn.example.com/v.mp4" }] });
    let disputed = poll(&*agents(), json(200, &agents_failed));
    assert!(matches!(disputed, Ok(Polled::Disputed { .. })), "{disputed:?}");
}

#[test]
fn generations_are_followed_through_their_states() {
    let dreaming = poll(&*dream(), json(200, &fixture("dream-dreaming")));
    let processing = poll_for(&*agents(), AGENTS_ID, json(200, &fixture("agents-processing")));
    let odd = poll(&*agents(), json(200, &json!({ "state": "paused" })));

    assert_eq!(dreaming, Ok(running(None)));
    assert_eq!(processing, Ok(running(None)));
    assert_eq!(odd, Ok(running(Some("Luma calls it `paused`"))));
    assert_eq!(poll(&*dream(), json(200, &fixture("dream-completed"))), Ok(Polled::RENDERED));
    let agents = |name| poll_for(&*agents(), AGENTS_ID, json(200, &fixture(name)));
    assert_eq!(agents("agents-completed"), Ok(Polled::RENDERED));
    let Ok(Polled::Failed { fault, .. }) = agents("agents-failed") else { panic!("it failed") };
    assert_eq!(fault.kind, FaultKind::RefusedContent);
}

#[test]
fn a_generation_that_is_not_known_and_a_question_without_an_answer_are_asked_again() {
    for adapter in [dream(), agents()] {
        let unknown = poll(&*adapter, json(404, &json!({})));
        assert_eq!(unknown.unwrap_err().kind, FaultKind::Lost);
        assert_eq!(poll(&*adapter, json(401, &json!({}))).unwrap_err().kind, FaultKind::Auth);
        assert!(poll(&*adapter, reply(200, &[], "<html>")).is_err());
    }
}

// verifies: luma: download
#[test]
fn the_file_is_fetched_without_the_key() {
    for (adapter, id, name) in
        [(dream(), ID, "dream-completed"), (agents(), AGENTS_ID, "agents-completed")]
    {
        let answer = json(200, &fixture(name));
        let (_, found) = hold(adapter.fetch(&a_render("ray", id), NOON), [answer]);

        let Ok(Download::From(call)) = found else { panic!("{found:?}") };
        assert!(call.headers.is_empty() && call.url.contains("render.mp4"), "{call:?}");
    }
}

// verifies: luma/agents: download
#[test]
fn an_expired_link_is_fetched_again() {
    let expired = reply(403, &[], "<Error>expired</Error>").unwrap();

    assert!(matches!(agents().refused_download(&expired), FetchError::Later(_)));
}

// verifies: luma: credits
#[test]
fn dream_machine_tells_its_credit() {
    let standing = |cents: f64| {
        let answer = json(200, &json!({ "credit_balance": cents }));
        hold(dream().check(NOON), [answer]).1.unwrap()
    };
    let (rich, poor) = (standing(1240.5), standing(-3.0));

    assert_eq!((rich.summary.as_str(), rich.credit_micros), ("credit 12.40 USD", Some(12_405_000)));
    assert_eq!((poor.credit_micros, poor.trouble.is_some()), (Some(0), true));
}

// verifies: luma/agents: credits
#[test]
fn the_agents_api_is_checked_by_its_list_of_files() {
    let (calls, end) =
        hold(agents().check(NOON), [json(200, &json!({ "data": [], "has_more": false }))]);
    let (_, refused) = hold(agents().check(NOON), [json(401, &json!({ "detail": "no" }))]);

    assert_eq!(calls[0].url, "https://agents.lumalabs.ai/v1/files?limit=1");
    assert!(end.is_ok());
    assert_eq!(refused.unwrap_err().kind, FaultKind::Auth);
}

// verifies: luma: cancel
#[test]
fn a_dream_is_deleted_to_cancel_it_and_agents_cannot() {
    let (calls, end) = hold(dream().cancel(&a_render("ray-2", ID), NOON), [reply(404, &[], "{}")]);
    let (none, over) = hold(agents().cancel(&a_render("ray-3.2", ID), NOON), []);

    assert_eq!((calls[0].method.as_str(), end), ("DELETE", Ok(crate::CancelOutcome::NotKnown)));
    assert_eq!((none.len(), over), (0, Ok(crate::CancelOutcome::GoesOn)));
}

fn lost(hook: bool) -> UnconfirmedSubmit {
    let mut submission = of_seconds("ray-2", 5);
    submission.hook = hook.then(|| HOOK.to_owned());
    UnconfirmedSubmit {
        submission,
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    }
}

// verifies: luma/agents: look-up
#[test]
fn a_lost_submit_to_the_agents_api_cannot_be_found_again() {
    let (calls, found) = hold(agents().look_up(&lost(true), NOON), []);

    assert!(calls.is_empty() && matches!(found, Ok(Reconciliation::Unknowable { .. })));
}

// verifies: luma: parameters
#[test]
fn every_listed_model_can_be_asked_for_each_of_its_sizes() {
    let catalog = Catalog::shipped().unwrap();
    for model in catalog.models().iter().filter(|model| model.provider == "luma") {
        for size in &model.sizes {
            let adapter = if model.name == "ray-3.2" { agents() } else { dream() };
            let mut submission = of_seconds(&model.name, 5);
            submission.spec.size = *size;

            calls(&*adapter, &submission);
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let word = prop_oneof![
        ".{0,12}",
        proptest::sample::select(vec![
            "failed",
            "completed",
            "queued",
            "https://x.example/?tag=a",
            "2026-11-21T12:00:00Z",
            "video",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        word.prop_map(Json::from),
    ];
    let name = proptest::sample::select(vec![
        "id",
        "state",
        "failure_code",
        "failure_reason",
        "assets",
        "video",
        "output",
        "type",
        "url",
        "detail",
        "loc",
        "msg",
        "generations",
        "has_more",
        "request",
        "callback_url",
        "created_at",
        "credit_balance",
        "data",
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
    // verifies: luma: hostile answers
    #[test]
    fn no_answer_makes_a_reader_panic(answer in any_answer()) {
        let again = || std::iter::repeat_with(|| answer.clone());
        for (luma, model) in [(dream(), "ray-2"), (agents(), "ray-3.2")] {
            let render = a_render(model, ID);
            hold(luma.submit(&of_seconds(model, 5), NOON), again()).1.ok();
            hold(luma.poll(&render, NOON), again()).1.ok();
            hold(luma.fetch(&render, NOON), again()).1.ok();
            hold(luma.cancel(&render, NOON), again()).1.ok();
            hold(luma.check(NOON), again()).1.ok();
            hold(luma.look_up(&lost(true), NOON), again()).1.ok();
            if let Ok(reply) = &answer {
                luma.refused_download(reply);
            }
        }
    }
}
