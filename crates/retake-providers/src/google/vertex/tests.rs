//! Golden tests of Veo on Vertex AI.

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
    testing::{self, NOON, a_render, a_submission, hold, shown},
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
    testing::json(200, &json!({ "name": NAME }))
}

fn fixture(text: &str) -> Answer {
    testing::json(200, &serde_json::from_str(text).unwrap())
}

fn refusal(submission: &Submission) -> String {
    let (calls, end) = hold(an_adapter(&[]).submit(submission, NOON), []);
    assert!(calls.is_empty());
    match end {
        Err(SubmitError::Refused(fault)) => fault.message,
        other => panic!("{other:?}"),
    }
}

// verifies: google: text, parameters
#[test]
fn a_prompt_alone_is_a_submit_that_names_everything() {
    let adapter = an_adapter(&[]);

    let (calls, end) = hold(adapter.submit(&a_submission(MODEL), NOON), [taken()]);

    assert_eq!(end.as_ref().map(|it| it.remote_id.as_str()), Ok(NAME));
    insta::assert_snapshot!(shown(&calls[0]));
}

// verifies: google: image
#[test]
fn a_picture_to_start_from_lies_in_the_body() {
    let mut submission = a_submission(MODEL);
    submission.spec.first_frame = Some(a_picture());
    submission.spec.negative_prompt = Some("rain".into());
    submission.spec.audio = false;
    submission.first_frame = Some(Bytes::from_static(b"png"));
    let adapter = an_adapter(&[("storage_uri", "gs://a-bucket/videos/"), ("location", "global")]);

    let (calls, _) = hold(adapter.submit(&submission, NOON), [taken()]);

    insta::assert_snapshot!(shown(&calls[0]));
}

#[test]
fn characters_are_reference_pictures_and_need_eight_seconds() {
    let mut submission = a_submission(MODEL);
    let keeper =
        Character { id: CharacterId::new(NOON), name: "the keeper".into(), picture: a_picture() };
    submission.spec.characters = vec![keeper];
    submission.characters = vec![Bytes::from_static(b"png")];

    assert!(refusal(&submission).contains("8 seconds"));

    submission.spec.seconds = 8;
    let (calls, _) = hold(an_adapter(&[]).submit(&submission, NOON), [taken()]);
    insta::assert_snapshot!(shown(&calls[0]));
}

#[test]
fn what_the_wire_cannot_say_is_refused_before_anything_is_sent() {
    let plain = a_submission(MODEL);
    let with = |change: fn(&mut retake_core::request::RenderSpec)| {
        let mut submission = plain.clone();
        change(&mut submission.spec);
        refusal(&submission)
    };

    assert!(with(|spec| spec.looped = true).contains("`loop`"));
    assert!(with(|spec| spec.size = Size::new(1920, 1080)).contains("8 seconds"));
    assert!(with(|spec| spec.size = Size::new(1792, 1024)).contains("1792x1024"));
    assert!(with(|spec| spec.first_frame = Some(a_picture())).contains("could not be read"));
}

#[test]
fn a_service_account_gets_its_token_first() {
    let mut adapter = an_adapter(&[]);
    adapter.credentials = Credentials::new(&an_account()).unwrap();

    let (calls, end) = hold(adapter.submit(&a_submission(MODEL), NOON), [a_token("t1"), taken()]);

    assert!(end.is_ok());
    assert_eq!(calls[0].url, "https://oauth2.googleapis.com/token");
}

#[test]
fn no_token_means_that_nothing_was_sent() {
    let mut adapter = an_adapter(&[]);
    adapter.credentials = Credentials::new(&an_account()).unwrap();

    let (_, end) = hold(adapter.submit(&a_submission(MODEL), NOON), [testing::silence(true)]);

    assert!(matches!(end, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::Overloaded));
}

#[test]
fn a_submit_without_a_clear_answer_is_lost_and_a_retired_model_is_not() {
    let adapter = an_adapter(&[]);
    let end = |answer| hold(adapter.submit(&a_submission(MODEL), NOON), [answer]).1;

    for answer in [
        testing::silence(true),
        testing::json(200, &json!({})),
        testing::reply(200, &[], "<html>"),
        testing::reply(504, &[], ""),
    ] {
        assert!(matches!(end(answer), Err(SubmitError::Lost(_))));
    }
    let retired =
        json!({ "error": { "code": 404, "status": "NOT_FOUND", "message": "was not found" } });
    let end = end(testing::json(404, &retired));
    assert!(matches!(end, Err(SubmitError::Refused(fault)) if fault.kind == FaultKind::BadRequest));
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
        assert!(end(testing::reply(status, &[], "")).is_err(), "{status}");
    }
    let gone = end(testing::reply(404, &[], ""));
    assert_eq!(gone.unwrap_err().kind, FaultKind::Lost);
}

#[test]
fn a_file_in_the_answer_is_taken_from_it() {
    let inline = fixture(include_str!("../../../fixtures/google/2026-11-21-vertex-inline.json"));

    let (_, end) = hold(an_adapter(&[]).fetch(&a_render(MODEL, NAME), NOON), [inline]);

    let Ok(Download::Whole(bytes)) = end else { panic!("{end:?}") };
    assert_eq!(&bytes[4..], b"ftyp");
}

// verifies: google: download
#[test]
fn a_file_in_the_accounts_bucket_is_fetched_with_its_token_and_none_elsewhere() {
    let stored = || fixture(include_str!("../../../fixtures/google/2026-11-21-vertex-stored.json"));
    let end = |bucket| {
        let adapter = an_adapter(&[("storage_uri", bucket)]);
        hold(adapter.fetch(&a_render(MODEL, NAME), NOON), [stored()]).1
    };

    let Ok(Download::From(call)) = end("gs://a-bucket/videos") else { panic!("a call") };
    insta::assert_snapshot!(shown(&call));
    assert!(matches!(end("gs://another-bucket"), Err(FetchError::Gone(_))));
}

// verifies: google: look-up
#[test]
fn a_lost_submit_is_found_by_its_file_in_its_own_folder() {
    let adapter = an_adapter(&[("storage_uri", "gs://a-bucket/videos")]);
    let lost = UnconfirmedSubmit {
        submission: a_submission(MODEL),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    };
    let listed = |name: &str| testing::json(200, &json!({ "items": [{ "name": name }] }));
    let found = |answer| hold(adapter.look_up(&lost, NOON), [answer]).1.unwrap();

    let id = match found(listed("videos/video_0198c0de-1/9/sample_0.mp4")) {
        Reconciliation::Marked(id) => id,
        other => panic!("{other:?}"),
    };

    assert_eq!(id, "gs://a-bucket/videos/video_0198c0de-1/9/sample_0.mp4");
    let render = a_render(MODEL, &id);
    assert_eq!(hold(adapter.poll(&render, NOON), []).1, Ok(Polled::RENDERED));
    assert!(matches!(hold(adapter.fetch(&render, NOON), []).1, Ok(Download::From(_))));
    assert!(matches!(
        found(listed("videos/another/sample_0.mp4")),
        Reconciliation::Unknowable { .. }
    ));
    let refused = hold(adapter.look_up(&lost, NOON), [testing::reply(403, &[], "")]).1;
    assert!(refused.is_err(), "a question that was not answered is asked again");
}

#[test]
fn each_location_has_its_host() {
    assert_eq!(base_url("global"), "https://aiplatform.googleapis.com");
    assert_eq!(base_url("eu"), "https://aiplatform.eu.rep.googleapis.com");
    let (calls, _) = hold(
        an_adapter(&[("location", "europe-west4")]).check(NOON),
        [testing::reply(200, &[], "{}")],
    );
    assert_eq!(
        calls[0].url,
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/a-project/locations/europe-west4"
    );
}

// verifies: google: credits
#[test]
fn a_spent_account_is_a_status_and_an_outage_is_none() {
    let adapter = an_adapter(&[]);
    let end = |answer| hold(adapter.check(NOON), [answer]).1;
    let denied =
        json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message": "no" } });

    let standing = end(testing::json(403, &denied)).unwrap();

    assert_eq!(standing.trouble.map(|fault| fault.kind), Some(FaultKind::Quota));
    assert!(end(testing::reply(503, &[], "")).is_err());
}

#[test]
fn a_create_that_lands_after_the_first_look_is_found_by_the_second() {
    let adapter = an_adapter(&[("storage_uri", "gs://a-bucket/videos")]);
    let lost = UnconfirmedSubmit {
        submission: a_submission(MODEL),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    };
    let look = |items: serde_json::Value| {
        let answer = testing::json(200, &json!({ "items": items }));
        hold(adapter.look_up(&lost, NOON), [answer]).1.unwrap()
    };

    let first = look(json!([]));
    let second = look(json!([{ "name": "videos/video_0198c0de-1/9/sample_0.mp4" }]));

    assert!(
        matches!(first, Reconciliation::Unknowable { .. }),
        "a missing file does not prove an absence: {first:?}"
    );
    assert!(matches!(second, Reconciliation::Marked(_)), "{second:?}");
}
