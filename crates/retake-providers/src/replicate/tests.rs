//! Replicate, judged by its documented answers.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use jiff::SignedDuration;
use proptest::prelude::*;
use retake_core::{
    catalog::Catalog,
    fault::{Fault, FaultKind},
    request::{Picture, RenderSpec},
};
use ring::hmac;
use serde_json::{Value as Json, json};

use super::{adapter, request::Target};
use crate::{
    Adapter, Download, FetchError, Hook, HookError, Polled, Reconciliation, Settings, Submission,
    SubmitError, UnconfirmedSubmit,
    call::{Answer, Call},
    model_host::anything::any_answer,
    testing::{NOON, a_render, a_submission, hold, json as answer, reply, shown, silence},
};

const VEO: &str = "google/veo-3.1";
const ID: &str = "examplepredictionid0000001";
const HOOK: &str = "https://gateway.example.com/hooks/unguessable";

fn settings() -> Settings {
    Settings { provider: "replicate".into(), api_key: "r8_of_nobody".into(), ..Settings::default() }
}

fn replicate() -> Box<dyn Adapter> {
    adapter(&settings(), &Arc::new(Catalog::shipped().unwrap())).unwrap()
}

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Json>(include_str!(concat!(
            "../../fixtures/replicate/2026-11-21-",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

fn with_a_picture(submission: Submission, bytes: usize) -> Submission {
    let size = submission.spec.size;
    let picture = Picture { key: "k".into(), size, media_type: "image/png".into() };
    let spec = RenderSpec { first_frame: Some(picture), ..submission.spec };
    Submission { spec, first_frame: Some(vec![7; bytes].into()), ..submission }
}

fn polled(answer: Answer) -> Result<Polled, Fault> {
    hold(replicate().poll(&a_render(VEO, ID), NOON), [answer]).1
}

fn failure(body: &Json) -> Fault {
    match polled(answer(200, body)) {
        Ok(Polled::Failed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn all(calls: &[Call]) -> String {
    calls.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

// verifies: replicate: text, parameters
#[test]
fn a_submit_creates_a_prediction_of_the_model() {
    let mut submission = a_submission(VEO);
    submission.hook = Some(HOOK.into());

    let (calls, submitted) =
        hold(replicate().submit(&submission, NOON), [answer(201, &fixture!("created"))]);

    assert_eq!(submitted, Ok(ID.to_owned().into()));
    insta::assert_snapshot!("submit_of_text", all(&calls));
}

// verifies: replicate: image
#[test]
fn a_small_picture_goes_along_and_a_large_one_is_uploaded_first() {
    let small = with_a_picture(a_submission(VEO), 3);
    let large = with_a_picture(a_submission(VEO), 300 << 10);
    let file = json!({ "id": "f", "urls": { "get": "https://api.replicate.com/v1/files/f" } });
    let created = || answer(201, &fixture!("created"));

    let (inline, _) = hold(replicate().submit(&small, NOON), [created()]);
    let (uploaded, _) = hold(replicate().submit(&large, NOON), [answer(201, &file), created()]);

    insta::assert_snapshot!("submit_of_a_small_picture", all(&inline));
    insta::assert_snapshot!("submit_of_a_large_picture", all(&uploaded));
}

#[test]
fn a_model_may_be_named_with_its_version_or_be_a_deployment() {
    let path = |name| Target::of(name).map(|target| target.path);

    assert_eq!(path("a/b").as_deref(), Some("models/a/b/predictions"));
    assert_eq!(path("a/b:c0ffee").as_deref(), Some("predictions"));
    assert_eq!(path("deployments/a/b").as_deref(), Some("deployments/a/b/predictions"));
    for name in ["a", "a/b/c", "a/../b", "../b", "a/b:", "a/b?c", "", "deployments/a/b:c"] {
        assert_eq!(path(name), None, "{name}");
    }
}

#[test]
fn a_version_is_said_in_the_body() {
    let shipped = Catalog::shipped().unwrap();
    let own = include_str!("../../../retake-core/src/catalog/replicate.toml")
        .replace("name = \"google/veo-3.1\"", "name = \"google/veo-3.1:c0ffee\"");
    let catalog = Arc::new(shipped.with(Catalog::parse(&own).unwrap()));
    let adapter = adapter(&settings(), &catalog).unwrap();

    let submission = a_submission("google/veo-3.1:c0ffee");
    let (calls, _) = hold(adapter.submit(&submission, NOON), [answer(201, &fixture!("created"))]);

    assert_eq!(calls[0].url, "https://api.replicate.com/v1/predictions");
    assert!(shown(&calls[0]).contains("\"version\": \"c0ffee\""));
}

#[test]
fn a_submit_without_a_clear_answer_is_lost_and_a_clear_no_is_refused() {
    let submitted = |answer| hold(replicate().submit(&a_submission(VEO), NOON), [answer]).1;

    for unclear in [silence(true), reply(201, &[], "<html>"), reply(502, &[], "bad gateway")] {
        assert!(matches!(submitted(unclear), Err(SubmitError::Lost(_))));
    }
    let Err(SubmitError::Refused(invalid)) = submitted(answer(422, &fixture!("invalid-input")))
    else {
        panic!()
    };
    let Err(SubmitError::Refused(throttled)) = submitted(answer(429, &fixture!("throttled")))
    else {
        panic!()
    };
    assert_eq!(invalid.kind, FaultKind::BadRequest);
    assert!(
        invalid.message.contains("(`duration`: Must be one of 4, 6, 8)"),
        "{}",
        invalid.message
    );
    assert_eq!(throttled.kind, FaultKind::Overloaded);
    assert_eq!(throttled.retry_after, Some(SignedDuration::from_secs(7)));
}

#[test]
fn every_status_of_a_refused_call_has_its_kind() {
    use FaultKind as K;
    let created = |status| {
        let body = json!({ "title": "No", "detail": "words", "status": status });
        hold(replicate().submit(&a_submission(VEO), NOON), [answer(status, &body)]).1
    };
    for (status, kind) in [
        (400, K::BadRequest),
        (401, K::Auth),
        (402, K::Quota),
        (403, K::Quota),
        (404, K::BadRequest),
        (422, K::BadRequest),
        (429, K::Overloaded),
    ] {
        let refused = created(status);

        let Err(SubmitError::Refused(fault)) = refused else { panic!("{refused:?}") };
        assert_eq!(fault.kind, kind, "{status}");
    }
    let lost = created(503);
    let Err(SubmitError::Lost(fault)) = lost else { panic!("{lost:?}") };
    assert_eq!(fault.kind, K::Overloaded);
}

#[test]
fn what_the_model_has_no_input_for_is_refused_before_anything_is_sent() {
    let mut submission = a_submission(VEO);
    submission.spec.looped = true;

    assert!(hold(replicate().submit(&submission, NOON), []).1.is_err());
    assert!(hold(replicate().submit(&a_submission("nobody/knows"), NOON), []).1.is_err());
}

#[test]
fn each_of_the_six_statuses_is_read_and_a_seventh_is_noted() {
    let status = |word: &str| polled(answer(200, &json!({ "id": ID, "status": word })));
    let running =
        |percent, note| Polled::Running { percent, ask_again_in: Duration::from_secs(5), note };

    assert_eq!(polled(answer(200, &fixture!("created"))), Ok(running(0, None)));
    assert_eq!(polled(answer(200, &fixture!("processing"))), Ok(running(45, None)));
    assert_eq!(polled(answer(200, &fixture!("succeeded"))), Ok(Polled::RENDERED));
    assert_eq!(failure(&fixture!("failed")).kind, FaultKind::RefusedContent);
    assert!(
        matches!(status("canceled"), Ok(Polled::Failed { fault: f, .. }) if f.kind == FaultKind::Lost)
    );
    assert!(
        matches!(status("aborted"), Ok(Polled::Failed { fault: f, .. }) if f.kind == FaultKind::Overloaded)
    );
    assert!(
        matches!(status("dreaming"), Ok(Polled::Running { note: Some(n), .. }) if n.contains("dreaming"))
    );
}

#[test]
fn a_success_without_a_video_is_a_failure_only_where_its_reason_is_final() {
    assert_eq!(failure(&fixture!("removed")).kind, FaultKind::Lost);
    let refused =
        json!({ "id": ID, "status": "succeeded", "error": "flagged as sensitive (E005)" });
    assert_eq!(failure(&refused).kind, FaultKind::RefusedContent);
    for output in [json!([]), json!("done"), json!(null)] {
        let polled =
            polled(answer(200, &json!({ "id": ID, "status": "succeeded", "output": output })));
        assert!(matches!(polled, Ok(Polled::Running { note: Some(_), .. })), "{polled:?}");
    }
}

#[test]
fn a_question_that_got_no_answer_is_no_failure_of_the_render() {
    for no_answer in
        [silence(true), reply(503, &[], ""), reply(401, &[], ""), reply(200, &[], "<html>")]
    {
        assert!(polled(no_answer).is_err());
    }
    assert!(polled(reply(404, &[], "")).is_err_and(|fault| fault.kind == FaultKind::Lost));
}

// verifies: replicate: failures
#[test]
fn every_code_and_every_plain_word_has_its_kind() {
    use FaultKind as K;
    for (text, code, kind) in [
        ("Unknown error (E1000)", Some("E1000"), K::Runtime),
        ("E1001: out of memory", Some("E1001"), K::BadRequest),
        ("(E4875) webhook url is empty", Some("E4875"), K::BadRequest),
        ("Health check failed (E8765)", Some("E8765"), K::Runtime),
        ("Could not start (E9243)", Some("E9243"), K::BadRequest),
        ("Upload failed (E9825)", Some("E9825"), K::Timeout),
        ("Director: unexpected error (E9828)", Some("E9828"), K::Runtime),
        ("Flagged as sensitive. (E005) (abc1)", Some("E005"), K::RefusedContent),
        ("Bad input (E006)", Some("E006"), K::BadRequest),
        ("Service is busy (E003)", Some("E003"), K::Overloaded),
        ("Service is down (E004)", Some("E004"), K::Overloaded),
        ("Prediction interrupted; please retry (code: PA)", Some("PA"), K::Runtime),
        ("Something new (E777)", Some("E777"), K::UnknownProviderError),
        ("NSFW content detected", None, K::RefusedContent),
        ("CUDA out of memory", None, K::BadRequest),
        ("Prediction failed: Async prediction failed: ReadError:", None, K::Timeout),
        ("PANIC in the kitchen", None, K::UnknownProviderError),
        ("", None, K::UnknownProviderError),
    ] {
        let fault = failure(&json!({ "id": ID, "status": "failed", "error": text }));

        assert_eq!((fault.kind, fault.code.as_deref()), (kind, code), "{text}");
    }
}

// verifies: replicate: download
#[test]
fn the_file_is_found_in_every_shape_and_fetched_without_the_token() {
    let url = "https://replicate.delivery/example/output.mp4";
    for output in [
        json!(url),
        json!([url]),
        json!(["https://replicate.delivery/example/cover.png", url]),
        json!({ "video": url }),
        json!({ "video": { "url": url } }),
        json!({ "cover": "https://replicate.delivery/example/cover.png", "film": url }),
    ] {
        let body = json!({ "status": "succeeded", "output": output });
        let (_, found) = hold(replicate().fetch(&a_render(VEO, ID), NOON), [answer(200, &body)]);

        let Ok(Download::From(call)) = found else { panic!("{found:?}") };
        assert_eq!((call.url.as_str(), call.headers.len()), (url, 0), "{output}");
    }
}

#[test]
fn the_token_goes_along_only_to_the_api_itself() {
    let headers = |url: &str| {
        let body = json!({ "status": "succeeded", "output": url });
        match hold(replicate().fetch(&a_render(VEO, ID), NOON), [answer(200, &body)]).1 {
            Ok(Download::From(call)) => call.headers.len(),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(headers("https://api.replicate.com/v1/files/f/download"), 1);
    assert_eq!(headers("https://api.replicate.com.example.com/v1/files/f"), 0);
    assert_eq!(headers("https://api.replicate.com/v1@example.com/f"), 0);
}

#[test]
fn the_seconds_in_the_metrics_are_what_is_charged_and_what_did_not_start_is_free() {
    use retake_core::money::Usd;
    let charged = |prediction: Json| match polled(answer(200, &prediction)).unwrap() {
        Polled::Rendered { charged } | Polled::Failed { charged, .. } => charged,
        other => panic!("{other:?}"),
    };
    let of_seconds = |seconds: f64| {
        charged(json!({ "status": "succeeded", "output": "https://x/v.mp4",
            "metrics": { "predict_time": 71.2, "video_output_duration_seconds": seconds } }))
    };
    let whole = of_seconds(4.0).unwrap();

    assert!(whole > Usd::ZERO);
    assert_eq!(of_seconds(8.0), Some(whole.times(2)));
    assert_eq!(charged(json!({ "status": "succeeded", "output": "https://x/v.mp4" })), None);
    assert_eq!(charged(json!({ "id": ID, "status": "aborted" })), Some(Usd::ZERO));
    let with_file = json!({ "id": ID, "status": "failed", "error": "interrupted", "output": ["https://x/v.mp4"] });
    assert!(matches!(polled(answer(200, &with_file)), Ok(Polled::Disputed { .. })));
    let picture = json!({ "id": ID, "status": "failed", "error": "interrupted", "output": "https://x/frame.png" });
    assert!(matches!(polled(answer(200, &picture)), Ok(Polled::Failed { .. })));
}

#[test]
fn files_that_were_removed_are_gone() {
    let fetch = |answer| hold(replicate().fetch(&a_render(VEO, ID), NOON), [answer]).1;

    assert!(matches!(fetch(answer(200, &fixture!("removed"))), Err(FetchError::Gone(_))));
    let unknown = fetch(reply(404, &[], ""));
    assert!(matches!(unknown, Err(FetchError::Later(fault)) if fault.kind == FaultKind::Lost));
    assert!(matches!(fetch(reply(500, &[], "")), Err(FetchError::Later(_))));
}

// verifies: replicate: cancel
#[test]
fn a_cancel_of_what_is_over_is_no_fault() {
    let cancel = |answer| hold(replicate().cancel(&a_render(VEO, "a/b?c"), NOON), [answer]);

    let (calls, done) = cancel(answer(200, &json!({ "status": "canceled" })));
    assert_eq!(done, Ok(crate::CancelOutcome::Stopped));
    for going_on in [json!({ "status": "processing" }), json!({})] {
        let asked = cancel(answer(200, &going_on)).1;
        assert_eq!(asked, Ok(crate::CancelOutcome::Requested), "{going_on}");
    }
    let finished = cancel(answer(200, &json!({ "status": "succeeded" }))).1;
    assert_eq!(finished, Ok(crate::CancelOutcome::AlreadyOver));
    assert_eq!(calls[0].url, "https://api.replicate.com/v1/predictions/a%2Fb%3Fc/cancel");
    assert_eq!(cancel(reply(404, &[], "")).1, Ok(crate::CancelOutcome::NotKnown));
    assert!(cancel(reply(500, &[], "")).1.is_err());
}

fn lost(hook: Option<&str>) -> UnconfirmedSubmit {
    let submission = Submission { hook: hook.map(str::to_owned), ..a_submission(VEO) };
    UnconfirmedSubmit {
        submission,
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    }
}

// verifies: replicate: look-up
#[test]
fn a_lost_prediction_is_found_by_the_url_for_notices_or_by_its_input() {
    let old = json!({ "next": null, "results": [{ "created_at": "2026-11-21T11:00:00Z" }] });
    let look = |hook, answers: Vec<Answer>| hold(replicate().look_up(&lost(hook), NOON), answers);

    let (_, by_hook) = look(Some(HOOK), vec![answer(200, &fixture!("list"))]);
    let (calls, by_input) = look(None, vec![answer(200, &fixture!("list")), answer(200, &old)]);
    let other = "https://gateway.example.com/hooks/another";
    let (_, anothers) = look(Some(other), vec![answer(200, &fixture!("list")), answer(200, &old)]);

    assert_eq!(by_hook, Ok(Reconciliation::Marked(ID.into())));
    assert_eq!(by_input, Ok(Reconciliation::Found(ID.into())));
    assert_eq!(calls[1].url, "https://api.replicate.com/v1/predictions?cursor=cD0yMDI2LTExLTIx");
    assert!(matches!(anothers, Ok(Reconciliation::Unknowable { .. })));
}

#[test]
fn absence_is_promised_only_after_a_walk_back_to_the_beginning() {
    let page = |at: &str, next: Json| {
        let results = json!([{ "id": "x", "created_at": at, "input": { "seed": 1 } }]);
        answer(200, &json!({ "next": next, "results": results }))
    };
    let next = || json!("https://evil.example.com/v1/predictions?cursor=a%2Bb");
    let look = |answers: Vec<Answer>| hold(replicate().look_up(&lost(None), NOON), answers);

    let (calls, absent) =
        look(vec![page("2026-11-21T12:30:00Z", next()), page("2026-11-21T11:00:00Z", next())]);
    let (_, endless) = hold(
        replicate().look_up(&lost(None), NOON),
        std::iter::repeat_with(|| page("2026-11-21T12:30:00Z", next())),
    );
    let (_, hidden) = look(vec![answer(200, &json!({ "next": null, "results": [{ "id": "x" }] }))]);

    assert_eq!(absent, Ok(Reconciliation::Absent));
    assert_eq!(calls[1].url, "https://api.replicate.com/v1/predictions?cursor=a%2Bb");
    assert!(matches!(endless, Ok(Reconciliation::Unknowable { .. })));
    assert!(matches!(hidden, Ok(Reconciliation::Unknowable { .. })));
    assert!(look(vec![reply(500, &[], "")]).1.is_err());
}

#[test]
fn another_name_for_the_model_disproves_no_prediction_that_was_given_our_input() {
    let list = |model: &str, seed: u64| {
        let mut list = fixture!("list");
        list["next"] = Json::Null;
        let ours = &mut list["results"][1];
        (ours["model"], ours["input"]["seed"]) = (model.into(), seed.into());
        list["results"] = json!([ours]);
        list
    };
    let look = |lost: &UnconfirmedSubmit, list: &Json| {
        hold(replicate().look_up(lost, NOON), [answer(200, list)]).1.unwrap()
    };

    for renamed in ["google/veo-3.1-001", "deepmind/veo"] {
        let found = look(&lost(None), &list(renamed, 7));
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{renamed}: {found:?}");
        let known = UnconfirmedSubmit { known: [ID.to_owned()].into(), ..lost(None) };
        assert_eq!(look(&known, &list(renamed, 7)), Reconciliation::Absent, "{renamed}");
        assert_eq!(look(&lost(None), &list(renamed, 8)), Reconciliation::Absent, "{renamed}");
    }
    assert_eq!(look(&lost(None), &list("Google/Veo-3.1", 7)), Reconciliation::Found(ID.into()));
}

#[test]
fn a_date_alone_disproves_no_prediction_that_was_given_our_input() {
    let old = json!({ "created_at": "2026-11-19T12:00:00Z", "id": "old", "input": { "seed": 8 } });
    let look = |at: &str, known: &[&str]| {
        let mut list = fixture!("list");
        list["results"][1]["created_at"] = at.into();
        list["results"] = json!([list["results"][1], old]);
        let lost = UnconfirmedSubmit {
            known: known.iter().map(|&id| id.to_owned()).collect(),
            ..lost(None)
        };
        hold(replicate().look_up(&lost, NOON), [answer(200, &list)]).1.unwrap()
    };

    for at in ["2026-11-20T16:00:00Z", "2026-11-21T07:00:00Z", "0001-01-01T00:00:00Z"] {
        let found = look(at, &[]);
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{at}: {found:?}");
        assert_eq!(look(at, &[ID]), Reconciliation::Absent, "{at}");
    }
}

#[test]
fn a_list_that_tells_of_an_error_proves_no_absence_and_still_shows_what_is_ours() {
    for (field, value) in [("error", json!("internal")), ("success", json!(false))] {
        let look = |mut list: Json| {
            list["next"] = Json::Null;
            list[field] = value.clone();
            hold(replicate().look_up(&lost(None), NOON), [answer(200, &list)]).1.unwrap()
        };
        let found = look(json!({ "results": [] }));
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{field}: {found:?}");
        assert_eq!(look(fixture!("list")), Reconciliation::Found(ID.into()), "{field}");
    }
}

#[test]
fn a_prediction_that_is_known_as_anothers_is_so_whatever_its_url_for_notices() {
    let mut list = fixture!("list");
    list["next"] = Json::Null;
    let known = ["examplepredictionid0000009".to_owned(), ID.to_owned()].into();
    let other = "https://gateway.example.com/hooks/another";
    let lost = UnconfirmedSubmit { known, ..lost(Some(other)) };

    let found = hold(replicate().look_up(&lost, NOON), [answer(200, &list)]).1;
    assert_eq!(found, Ok(Reconciliation::Absent));
}

// verifies: replicate: credits
#[test]
fn an_account_tells_who_it_is() {
    let account = json!({ "type": "organization", "username": "example" });
    let (calls, standing) = hold(replicate().check(NOON), [answer(200, &account)]);
    let (_, bad) = hold(replicate().check(NOON), [reply(401, &[], "")]);

    assert_eq!(calls[0].url, "https://api.replicate.com/v1/account");
    assert!(standing.unwrap().summary.starts_with("organization example"));
    assert_eq!(bad.unwrap_err().kind, FaultKind::Auth);
}

fn secret() -> String {
    format!("whsec_{}", STANDARD.encode("not a real secret"))
}

fn a_notice(body: &'static str) -> Hook {
    let time = NOON.as_second().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"not a real secret");
    let tag = hmac::sign(&key, format!("msg-1.{time}.{body}").as_bytes());
    let signatures = format!("v1,AAAA v1,{}", STANDARD.encode(tag.as_ref()));
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("webhook-id", "msg-1"), ("webhook-timestamp", &time), ("webhook-signature", &signatures)]
    {
        headers.insert(name, value.parse().unwrap());
    }
    Hook { headers, body: body.into(), at: NOON }
}

// verifies: replicate: notices
#[test]
fn a_notice_counts_only_when_the_accounts_secret_signed_this_body_just_now() {
    let key = || answer(200, &json!({ "key": secret() }));
    let judge = |hook: Hook| hold(replicate().verify_hook(hook), [key()]).1;
    let notice = || a_notice("{}");
    let late = NOON.checked_add(SignedDuration::from_secs(301)).unwrap();

    assert_eq!(judge(notice()), Ok(()));
    assert!(matches!(judge(Hook { body: "{ }".into(), ..notice() }), Err(HookError::Forged(_))));
    assert_eq!(judge(Hook { at: late, ..notice() }), Err(HookError::Stale));
    assert!(matches!(
        judge(Hook { headers: HeaderMap::new(), ..notice() }),
        Err(HookError::Forged(_))
    ));
    let unread = hold(replicate().verify_hook(notice()), [silence(true)]).1;
    assert!(matches!(unread, Err(HookError::Unverifiable(_))));
}

#[test]
fn the_secret_for_notices_may_be_in_the_settings() {
    let options = [("webhook_secret".to_owned(), secret())].into();
    let settings = Settings { options, ..settings() };
    let adapter = adapter(&settings, &Arc::new(Catalog::shipped().unwrap())).unwrap();

    assert_eq!(hold(adapter.verify_hook(a_notice("{}")), []).1, Ok(()));
}

#[test]
fn a_base_url_counts_with_and_without_its_version() {
    let catalog = Arc::new(Catalog::shipped().unwrap());
    for base in ["http://127.0.0.1:9", "http://127.0.0.1:9/v1/"] {
        let settings = Settings { base_url: Some(base.into()), ..settings() };
        let adapter = adapter(&settings, &catalog).unwrap();
        let (calls, _) = hold(adapter.check(NOON), [reply(200, &[], "{}")]);

        assert_eq!(calls[0].url, "http://127.0.0.1:9/v1/account");
    }
    assert!(adapter(&Settings { api_key: "".into(), ..settings() }, &catalog).is_err());
}

const NAMES: &[&str] = &[
    "id",
    "status",
    "error",
    "output",
    "logs",
    "data_removed",
    "input",
    "created_at",
    "webhook",
    "model",
    "next",
    "results",
    "title",
    "detail",
    "invalid_fields",
    "field",
    "description",
    "urls",
    "get",
    "key",
    "username",
    "type",
    "prompt",
    "seed",
    "video",
    "url",
];
const WORDS: &[&str] = &[
    "succeeded",
    "failed",
    "processing",
    "https://replicate.delivery/x.mp4",
    "r",
    "(E005)",
    "99999%|",
    "7é%|",
    "2026-11-21T12:00:00Z",
    "https://x/?cursor=%ff",
    "https://x/?cursor=a",
    "resets in ~99999999999s",
    "whsec_AAAA",
    "google/veo-3.1",
    "a lighthouse in a storm",
];

// verifies: replicate: hostile answers
#[test]
fn no_answer_makes_a_reader_panic() {
    let replicate = replicate();
    let any = || any_answer(NAMES, WORDS);
    proptest!(|(first in any(), rest in any(), body in ".{0,40}")| {
        let answers = || std::iter::once(first.clone()).chain(std::iter::repeat(rest.clone()));
        let render = a_render(VEO, ID);
        let _ = hold(replicate.submit(&a_submission(VEO), NOON), answers());
        let _ = hold(replicate.submit(&with_a_picture(a_submission(VEO), 300 << 10), NOON), answers());
        let _ = hold(replicate.poll(&render, NOON), answers());
        let _ = hold(replicate.fetch(&render, NOON), answers());
        let _ = hold(replicate.cancel(&render, NOON), answers());
        let _ = hold(replicate.look_up(&lost(Some(HOOK)), NOON), answers());
        let _ = hold(replicate.check(NOON), answers());
        let _ = hold(replicate.verify_hook(Hook { body: body.into(), ..a_notice("") }), answers());
    });
}

#[test]
fn a_create_that_lands_after_the_first_look_is_found_by_the_second() {
    let old = json!({ "next": null, "results": [{ "created_at": "2026-11-21T11:00:00Z" }] });
    let look = |answers: Vec<Answer>| hold(replicate().look_up(&lost(None), NOON), answers).1;

    let first = look(vec![answer(200, &old)]);
    let second = look(vec![answer(200, &fixture!("list")), answer(200, &old)]);

    assert_eq!((first, second), (Ok(Reconciliation::Absent), Ok(Reconciliation::Found(ID.into()))));
}
