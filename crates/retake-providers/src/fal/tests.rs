//! fal, judged by its documented answers.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use proptest::prelude::*;
use retake_core::{
    catalog::Catalog,
    fault::FaultKind,
    request::{Picture, RenderSpec},
};
use serde_json::{Value as Json, json};

use super::{adapter, hook::tests::a_notice, places};
use crate::{
    Adapter, Download, Effect, FetchError, Hook, Polled, Reconciliation, Settings, Submission,
    SubmitError, UnconfirmedSubmit,
    call::{Answer, Call},
    model_host::anything::any_answer,
    testing::{NOON, a_render, a_submission, hold, json as answer, reply, shown, silence},
};

const VEO: &str = "fal-ai/veo3.1";
const KLING: &str = "fal-ai/kling-video/v3/pro";
const TICKET: &str = "fal-ai/veo3.1/requests/00000000-aaaa-4bbb-8ccc-000000000001";

fn settings() -> Settings {
    Settings {
        provider: "fal".into(),
        api_key: "id-of-nobody:secret".into(),
        ..Settings::default()
    }
}

pub(super) fn fal() -> Box<dyn Adapter> {
    adapter(&settings(), &Arc::new(Catalog::shipped().unwrap())).unwrap()
}

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Json>(include_str!(concat!(
            "../../fixtures/fal/2026-11-21-",
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

fn polled(answers: impl IntoIterator<Item = Answer>) -> Result<Polled, retake_core::fault::Fault> {
    hold(fal().poll(&a_render(VEO, TICKET), NOON), answers).1
}

fn failure(answers: impl IntoIterator<Item = Answer>) -> retake_core::fault::Fault {
    match polled(answers) {
        Ok(Polled::Failed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn all(calls: &[Call]) -> String {
    calls.iter().map(shown).collect::<Vec<_>>().join("\n\n")
}

// verifies: fal: text, parameters
#[test]
fn a_submit_sends_the_bare_inputs_and_keeps_where_the_request_is() {
    let mut submission = a_submission(VEO);
    submission.hook = Some("https://gateway.example.com/hooks/a?b".into());
    submission.spec.negative_prompt = Some("fog".into());

    let (calls, submitted) =
        hold(fal().submit(&submission, NOON), [answer(200, &fixture!("submitted"))]);

    assert_eq!(submitted, Ok(TICKET.to_owned().into()));
    insta::assert_snapshot!("submit_of_text", all(&calls));
}

#[test]
fn a_small_picture_goes_along_in_the_request() {
    let submission = with_a_picture(a_submission(VEO), 3);

    let (calls, _) = hold(fal().submit(&submission, NOON), [answer(200, &fixture!("submitted"))]);

    insta::assert_snapshot!("submit_of_a_small_picture", all(&calls));
}

// verifies: fal: image
#[test]
fn a_large_picture_goes_to_the_storage_first_and_without_the_key() {
    let mut submission = with_a_picture(a_submission(KLING), 2 << 20);
    submission.spec.size = "1920x1080".parse().unwrap();
    let place = json!({
        "upload_url": "https://storage.example.com/put?signature=x",
        "file_url": "https://v3.fal.media/files/example/first-frame.png",
    });
    let answers =
        [answer(200, &place), reply(200, &[], ""), answer(200, &json!({ "request_id": "r-1" }))];

    let (calls, submitted) = hold(fal().submit(&submission, NOON), answers);

    assert_eq!(submitted, Ok("fal-ai/kling-video/requests/r-1".to_owned().into()));
    insta::assert_snapshot!("submit_of_a_large_picture", all(&calls));
}

#[test]
fn an_upload_that_fails_refuses_the_render_because_none_was_made() {
    let submission = with_a_picture(a_submission(VEO), 2 << 20);

    let (_, lost) = hold(fal().submit(&submission, NOON), [silence(true)]);
    let (_, refused) =
        hold(fal().submit(&submission, NOON), [answer(401, &json!({ "detail": "no" }))]);

    assert!(
        matches!(lost, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::Overloaded)
    );
    assert!(matches!(refused, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::Auth));
}

#[test]
fn a_status_address_on_another_host_is_not_believed() {
    for url in [
        "https://queue.fal.run.example.com/x/y/requests/r-1/status",
        "https://example.com/fal-ai/veo3.1/requests/r-1/status",
        "https://queue.fal.run/a/../b/requests/r-1/status",
        "https://queue.fal.run/a/b/requests/r-1?x=/status",
        "https://queue.fal.run/a/b/requests/other/status",
        "https://queue.fal.run@example.com/requests/r-1/status",
    ] {
        let told = json!({ "request_id": "r-1", "status_url": url });

        let (_, submitted) = hold(fal().submit(&a_submission(VEO), NOON), [answer(200, &told)]);

        assert_eq!(submitted, Ok("fal-ai/veo3.1/requests/r-1".to_owned().into()), "{url}");
    }
}

#[test]
fn the_alias_that_the_queue_names_is_kept() {
    let told = json!({
        "request_id": "r-1",
        "status_url": "https://queue.fal.run/fal-ai/kling-video/requests/r-1/status",
    });
    let mut submission = a_submission(KLING);
    submission.spec.size = "1920x1080".parse().unwrap();

    let (_, submitted) = hold(fal().submit(&submission, NOON), [answer(200, &told)]);

    assert_eq!(submitted, Ok("fal-ai/kling-video/requests/r-1".to_owned().into()));
    assert_eq!(places::ticket_of("workflows/me/film/x", "r"), "workflows/me/film/requests/r");
}

#[test]
fn a_submit_without_a_clear_answer_is_lost_and_a_clear_no_is_refused() {
    let submitted = |answer| hold(fal().submit(&a_submission(VEO), NOON), [answer]).1;

    for unclear in [
        silence(true),
        reply(200, &[], "<html>welcome</html>"),
        answer(200, &json!({ "request_id": "two words" })),
        answer(504, &json!({ "detail": "gateway" })),
    ] {
        assert!(matches!(submitted(unclear), Err(SubmitError::Lost(_))));
    }
    for no in [silence(false), answer(422, &fixture!("result-422-bound")), reply(429, &[], "")] {
        assert!(matches!(submitted(no), Err(SubmitError::Refused(_))));
    }
}

#[test]
fn what_the_model_has_no_input_for_is_refused_before_anything_is_sent() {
    let mut submission = a_submission(VEO);
    submission.spec.looped = true;
    let (calls, submitted) = hold(fal().submit(&submission, NOON), []);

    assert!(calls.is_empty());
    let Err(SubmitError::Refused(fault)) = submitted else { panic!("{submitted:?}") };
    assert_eq!(fault.kind, FaultKind::BadRequest);
    assert!(fault.message.contains("cannot be told to loop"), "{}", fault.message);
    assert!(hold(fal().submit(&a_submission("nobody/knows"), NOON), []).1.is_err());
}

#[test]
fn a_request_that_waits_or_runs_is_running_and_an_unknown_word_is_noted() {
    let running = |body: &Json| match polled([answer(202, body), reply(400, &[], "")]) {
        Ok(Polled::Running { ask_again_in, note, .. }) => (ask_again_in, note),
        other => panic!("{other:?}"),
    };

    assert_eq!(running(&fixture!("in-queue")), (Duration::from_secs(8), None));
    assert_eq!(running(&fixture!("in-progress")), (Duration::from_secs(4), None));
    let (_, note) = running(&json!({ "status": "PONDERING" }));
    assert!(note.unwrap().contains("PONDERING"));
}

#[test]
fn completed_counts_only_with_a_video_in_the_result() {
    let completed = || answer(200, &fixture!("completed"));
    let (calls, rendered) = hold(
        fal().poll(&a_render(VEO, TICKET), NOON),
        [completed(), answer(200, &fixture!("result"))],
    );

    assert_eq!(rendered, Ok(Polled::RENDERED));
    insta::assert_snapshot!("poll", all(&calls));
    let empty = polled([completed(), answer(200, &json!({ "seed": 7 }))]);
    assert!(matches!(empty, Ok(Polled::Running { note: Some(_), .. })), "{empty:?}");
}

#[test]
fn completed_with_an_error_has_failed() {
    let fault = failure([
        answer(200, &fixture!("completed-with-error")),
        answer(503, &json!({ "detail": "gone", "error_type": "runner_disconnected" })),
    ]);
    let refused = [answer(200, &fixture!("completed-with-error")), answer(404, &json!({}))];

    assert_eq!(failure(refused), fault);
    assert_eq!(
        (fault.kind, fault.code.as_deref()),
        (FaultKind::Runtime, Some("runner_disconnected"))
    );
}

#[test]
fn a_server_error_is_not_charged_and_a_file_beside_a_failure_is_looked_at() {
    use retake_core::money::Usd;
    let charged = |status, code: &str| {
        let body = json!({ "detail": "words", "error_type": code });
        match polled([answer(200, &fixture!("completed")), answer(status, &body)]) {
            Ok(Polled::Failed { charged, .. }) => charged,
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(charged(503, "runner_disconnected"), Some(Usd::ZERO));
    assert_eq!(charged(422, "content_policy_violation"), None);
    let found = [answer(200, &fixture!("completed-with-error")), answer(200, &fixture!("result"))];
    assert!(matches!(polled(found), Ok(Polled::Disputed { .. })));
    // Without the name of the request it is not known whose failure the status tells of.
    let nobodys = || answer(200, &json!({ "status": "COMPLETED", "error": "Runner disconnected" }));
    assert!(polled([nobodys(), silence(true)]).is_err());
    assert_eq!(polled([nobodys(), answer(200, &fixture!("result"))]), Ok(Polled::RENDERED));
}

#[test]
fn a_failure_is_asked_about_again_where_the_look_for_its_file_got_no_answer() {
    for unsure in [
        silence(true),
        reply(503, &[], "<html>503</html>"),
        reply(200, &[], "<html>sign in</html>"),
        answer(401, &json!({ "detail": "no" })),
        answer(429, &json!({ "detail": "slow down" })),
        answer(400, &json!({ "detail": "Request is still in progress" })),
        answer(200, &json!({ "seed": 7 })),
    ] {
        let polled = polled([answer(200, &fixture!("completed-with-error")), unsure.clone()]);
        assert!(matches!(polled, Ok(Polled::Doubtful { .. })), "{unsure:?}: {polled:?}");
    }
}

#[test]
fn a_result_that_is_an_error_names_the_parameter_and_the_limit() {
    let result =
        |status, body: &Json| failure([answer(200, &fixture!("completed")), answer(status, body)]);

    let bound = result(422, &fixture!("result-422-bound"));
    let policy = result(422, &fixture!("result-422-policy"));

    assert_eq!(bound.kind, FaultKind::BadRequest);
    assert!(
        bound
            .message
            .contains("`duration`: Input should be less than or equal to 10 (le 10, it was 12)")
    );
    assert_eq!(policy.kind, FaultKind::RefusedContent);
}

#[test]
fn a_question_that_got_no_answer_is_no_failure_of_the_render() {
    for no_answer in [
        silence(true),
        reply(502, &[], "<html>bad gateway</html>"),
        reply(429, &[], ""),
        answer(401, &json!({ "detail": "key" })),
    ] {
        let after = polled([answer(200, &fixture!("completed")), no_answer.clone()]);

        assert!(polled([no_answer]).is_err());
        assert!(after.is_err(), "{after:?}");
    }
    assert_eq!(polled([reply(404, &[], "")]).unwrap_err().kind, FaultKind::Lost);
}

// verifies: fal: failures
#[test]
fn every_code_has_its_kind() {
    use FaultKind as K;
    let platform = [
        ("request_timeout", 504, K::Overloaded),
        ("startup_timeout", 504, K::Overloaded),
        ("runner_scheduling_failure", 503, K::Overloaded),
        ("runner_connection_timeout", 503, K::Timeout),
        ("runner_disconnected", 503, K::Runtime),
        ("runner_connection_refused", 503, K::Runtime),
        ("runner_connection_error", 503, K::Runtime),
        ("runner_incomplete_response", 502, K::Runtime),
        ("runner_server_error", 500, K::Runtime),
        ("client_disconnected", 499, K::Timeout),
        ("client_cancelled", 499, K::Lost),
        ("bad_request", 400, K::BadRequest),
        ("internal_error", 500, K::Runtime),
        ("url_error", 400, K::BadRequest),
    ];
    for (code, status, kind) in platform {
        let body = json!({ "detail": "words", "error_type": code });
        let fault = failure([answer(200, &fixture!("completed")), answer(status, &body)]);
        let by_header = failure([
            answer(200, &fixture!("completed")),
            reply(status, &[("x-fal-error-type", code)], ""),
        ]);

        assert_eq!((fault.kind, fault.code.as_deref()), (kind, Some(code)));
        assert_eq!(by_header.kind, kind, "{code}");
    }
    let model = [
        ("internal_server_error", 500, K::Runtime),
        ("generation_timeout", 504, K::Timeout),
        ("downstream_service_error", 400, K::Timeout),
        ("downstream_service_unavailable", 500, K::Timeout),
        ("content_policy_violation", 422, K::RefusedContent),
        ("no_media_generated", 422, K::RefusedContent),
        ("image_too_small", 422, K::BadRequest),
        ("image_load_error", 422, K::BadRequest),
        ("file_download_error", 422, K::BadRequest),
        ("face_detection_error", 422, K::BadRequest),
        ("file_too_large", 422, K::BadRequest),
        ("greater_than_equal", 422, K::BadRequest),
        ("less_than", 422, K::BadRequest),
        ("multiple_of", 422, K::BadRequest),
        ("sequence_too_long", 422, K::BadRequest),
        ("one_of", 422, K::BadRequest),
        ("feature_not_supported", 422, K::BadRequest),
        ("missing", 422, K::BadRequest),
        ("invalid_archive", 422, K::BadRequest),
        ("archive_file_count_exceeds_maximum", 422, K::BadRequest),
        ("audio_duration_too_long", 422, K::BadRequest),
        ("video_duration_too_short", 422, K::BadRequest),
        ("unsupported_image_format", 422, K::BadRequest),
        ("a_type_of_tomorrow", 422, K::BadRequest),
        ("a_type_of_tomorrow", 500, K::Runtime),
    ];
    for (code, status, kind) in model {
        let body = json!({ "detail": [{ "loc": ["body", "x"], "msg": "words", "type": code }] });
        let fault = failure([answer(200, &fixture!("completed")), answer(status, &body)]);

        assert_eq!((fault.kind, fault.code.as_deref()), (kind, Some(code)));
    }
}

#[test]
fn an_account_without_money_is_a_matter_of_quota_and_a_bad_key_of_the_key() {
    let refused = |status, body: &Json| match hold(
        fal().submit(&a_submission(VEO), NOON),
        [answer(status, body)],
    )
    .1
    {
        Err(SubmitError::Refused(fault)) => fault.kind,
        other => panic!("{other:?}"),
    };

    let locked = json!({ "detail": "User is locked. Reason: Exhausted balance." });
    assert_eq!(refused(403, &locked), FaultKind::Quota);
    assert_eq!(
        refused(401, &json!({ "detail": "x", "error_type": "auth_error" })),
        FaultKind::Auth
    );
    assert_eq!(refused(429, &json!({ "detail": "Rate limit exceeded" })), FaultKind::Overloaded);
}

// verifies: fal: download
#[test]
fn the_file_is_fetched_without_the_key() {
    let render = a_render(VEO, TICKET);
    let (_, found) = hold(fal().fetch(&render, NOON), [answer(200, &fixture!("result"))]);
    let (_, gone) = hold(fal().fetch(&render, NOON), [reply(404, &[], "")]);
    let inline = json!({ "video": { "url": "data:video/mp4;base64,AAAA" } });
    let (_, inline) = hold(fal().fetch(&render, NOON), [answer(200, &inline)]);

    let Ok(Download::From(call)) = found else { panic!("{found:?}") };
    assert_eq!(call.url, "https://v3.fal.media/files/example/output.mp4");
    assert!(call.headers.is_empty());
    assert!(matches!(gone, Err(FetchError::Later(fault)) if fault.kind == FaultKind::Lost));
    assert!(matches!(inline, Ok(Download::Whole(bytes)) if bytes.len() == 3));
}

// verifies: fal: cancel
#[test]
fn each_of_the_four_answers_to_a_cancel_is_told_apart() {
    let cancel = |answer| hold(fal().cancel(&a_render(VEO, TICKET), NOON), [answer]);

    let (calls, done) = cancel(answer(202, &json!({ "status": "CANCELLATION_REQUESTED" })));
    assert_eq!(done, Ok(crate::CancelOutcome::Requested));
    let waited = cancel(answer(200, &json!({ "status": "CANCELLED" }))).1;
    assert_eq!(waited, Ok(crate::CancelOutcome::Stopped));
    assert_eq!(calls[0].url, format!("https://queue.fal.run/{TICKET}/cancel"));
    assert_eq!((calls[0].method.as_str(), calls[0].effect), ("PUT", Effect::Changes));
    assert_eq!(
        cancel(answer(400, &json!({ "status": "ALREADY_COMPLETED" }))).1,
        Ok(crate::CancelOutcome::AlreadyOver)
    );
    assert_eq!(
        cancel(answer(404, &json!({ "status": "NOT_FOUND" }))).1,
        Ok(crate::CancelOutcome::NotKnown)
    );
    assert!(cancel(reply(500, &[], "")).1.is_err());
}

fn lost() -> UnconfirmedSubmit {
    UnconfirmedSubmit {
        submission: a_submission(VEO),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    }
}

// verifies: fal: look-up
#[test]
fn a_lost_request_is_found_by_its_input_with_our_seed() {
    let (calls, found) = hold(fal().look_up(&lost(), NOON), [answer(200, &fixture!("list"))]);

    assert_eq!(found, Ok(Reconciliation::Found(TICKET.to_owned())));
    insta::assert_snapshot!("look_up", all(&calls));
}

#[test]
fn absence_is_promised_only_after_the_whole_list_and_when_it_would_be_over() {
    let empty = |cursor: &str| {
        answer(200, &json!({ "items": [], "has_more": !cursor.is_empty(), "next_cursor": cursor }))
    };
    let later = NOON.checked_add(SignedDuration::from_hours(2)).unwrap();

    let (calls, absent) = hold(fal().look_up(&lost(), later), [empty("Mg=="), empty("")]);
    let (_, early) = hold(fal().look_up(&lost(), NOON), [empty("")]);
    let (_, endless) =
        hold(fal().look_up(&lost(), later), std::iter::repeat_with(|| empty("Mg==")));
    let (_, hidden) = hold(fal().look_up(&lost(), later), [reply(403, &[], "")]);

    assert_eq!(absent, Ok(Reconciliation::Absent));
    assert!(calls[1].url.ends_with("&cursor=Mg%3D%3D"));
    assert_eq!(early.unwrap_err().kind, FaultKind::Lost);
    assert!(matches!(endless, Ok(Reconciliation::Unknowable { .. })));
    assert!(matches!(hidden, Ok(Reconciliation::Unknowable { .. })));
}

#[test]
fn a_list_is_asked_for_from_a_day_back_because_fal_filters_it_by_its_own_clock() {
    let later = NOON.checked_add(SignedDuration::from_hours(2)).unwrap();
    let ahead = SignedDuration::from_mins(30);
    let begun_at = NOON.checked_add(ahead).unwrap();
    let mut list = answer(200, &fixture!("list"));
    let reply = list.as_mut().unwrap();
    // Our clock was 30 minutes ahead of fal's when the create was sent, and is so at the answer.
    reply.at = later.checked_add(ahead).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = date.timestamp_to_rfc9110_string(&later).unwrap();
    reply.headers.insert("date", date.parse().unwrap());

    let lost = UnconfirmedSubmit { begun_at, lost_at: begun_at, ..lost() };
    let (calls, found) = hold(fal().look_up(&lost, later), [list]);

    assert!(calls[0].url.contains("&start=2026%2D11%2D20T12%3A30%3A00Z&"), "{}", calls[0].url);
    assert_eq!(found, Ok(Reconciliation::Found(TICKET.to_owned())));
}

#[test]
fn a_list_that_tells_of_an_error_or_that_goes_on_proves_no_absence_and_still_shows_what_is_ours() {
    let later = NOON.checked_add(SignedDuration::from_hours(2)).unwrap();
    let odd = [
        ("error", json!({ "message": "no" })),
        ("success", json!(false)),
        ("has_more", json!(true)),
    ];
    for (field, value) in odd {
        let look = |mut list: Json| {
            list[field] = value.clone();
            hold(fal().look_up(&lost(), later), [answer(200, &list)]).1.unwrap()
        };
        let found = look(json!({ "items": [], "has_more": false }));
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{field}: {found:?}");
        assert_eq!(look(fixture!("list")), Reconciliation::Found(TICKET.to_owned()), "{field}");
    }
}

// verifies: fal: credits
#[test]
fn an_account_tells_its_credit_or_at_least_that_the_key_works() {
    let check = |answers: Vec<Answer>| hold(fal().check(NOON), answers);

    let (calls, rich) = check(vec![answer(200, &fixture!("billing"))]);
    let (_, poor) = check(vec![answer(200, &json!({ "credits": { "current_balance": 0 } }))]);
    let (_, plain) = check(vec![reply(403, &[], ""), answer(200, &json!({ "items": [] }))]);
    let (_, bad) = check(vec![answer(401, &json!({ "detail": "key" }))]);

    assert_eq!(calls[0].url, "https://api.fal.ai/v1/account/billing?expand=credits");
    let rich = rich.unwrap();
    assert_eq!(rich.summary, "credit 24.50 USD, account example-team");
    assert_eq!((rich.credit_micros, rich.trouble), (Some(24_500_000), None));
    assert_eq!(poor.unwrap().trouble.unwrap().kind, FaultKind::Quota);
    assert!(plain.unwrap().summary.contains("the key works"));
    assert_eq!(bad.unwrap_err().kind, FaultKind::Auth);
}

#[test]
fn a_key_may_come_in_two_parts_and_another_base_url_keeps_everything_there() {
    let catalog = Arc::new(Catalog::shipped().unwrap());
    let mut settings = Settings { base_url: Some("http://127.0.0.1:9/fal/".into()), ..settings() };
    settings.api_key = "".into();
    assert!(adapter(&settings, &catalog).is_err());
    settings.options = [("key_id", "id"), ("key_secret", "secret")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let fal = adapter(&settings, &catalog).unwrap();

    let (calls, _) = hold(fal.check(NOON), [answer(200, &fixture!("billing"))]);

    assert_eq!(calls[0].url, "http://127.0.0.1:9/fal/v1/account/billing?expand=credits");
}

const NAMES: &[&str] = &[
    "request_id",
    "status_url",
    "status",
    "error",
    "error_type",
    "detail",
    "loc",
    "msg",
    "type",
    "ctx",
    "input",
    "video",
    "url",
    "items",
    "json_input",
    "sent_at",
    "has_more",
    "next_cursor",
    "keys",
    "x",
    "credits",
    "current_balance",
    "upload_url",
    "file_url",
    "prompt",
    "seed",
    "queue_position",
];
const WORDS: &[&str] = &[
    "COMPLETED",
    "IN_QUEUE",
    "https://queue.fal.run/a/b/requests/r/status",
    "r",
    "data:video/mp4;base64,AA",
    "2026-11-21T12:00:00Z",
    "a lighthouse in a storm",
    "content_policy_violation",
    "http://x",
];

// verifies: fal: hostile answers
#[test]
fn no_answer_makes_a_reader_panic() {
    let fal = fal();
    let any = || any_answer(NAMES, WORDS);
    proptest!(|(first in any(), rest in any(), body in ".{0,40}")| {
        let answers = || std::iter::once(first.clone()).chain(std::iter::repeat(rest.clone()));
        let render = a_render(VEO, TICKET);
        let _ = hold(fal.submit(&a_submission(VEO), NOON), answers());
        let _ = hold(fal.submit(&with_a_picture(a_submission(VEO), 2 << 20), NOON), answers());
        let _ = hold(fal.poll(&render, NOON), answers());
        let _ = hold(fal.fetch(&render, NOON), answers());
        let _ = hold(fal.cancel(&render, NOON), answers());
        let _ = hold(fal.look_up(&lost(), NOON), answers());
        let _ = hold(fal.check(NOON), answers());
        let hook = Hook { body: body.into(), ..a_notice("") };
        let _ = hold(fal.verify_hook(hook), answers());
    });
}

#[test]
fn a_create_that_lands_after_the_first_look_is_found_by_the_second() {
    let empty = answer(200, &json!({ "items": [], "has_more": false }));
    let (_, first) = hold(fal().look_up(&lost(), NOON), [empty]);
    let (_, second) = hold(fal().look_up(&lost(), NOON), [answer(200, &fixture!("list"))]);

    assert!(first.is_err(), "what still runs may be missing in the list: {first:?}");
    assert_eq!(second, Ok(Reconciliation::Found(TICKET.to_owned())));
}
