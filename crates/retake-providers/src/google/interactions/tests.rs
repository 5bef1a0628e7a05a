//! Golden tests of the Interactions wire.

use bytes::Bytes;
use retake_core::{request::Picture, size::Size};

use super::*;
use crate::testing::{self, NOON, a_render, a_submission, hold, shown};

const MODEL: &str = "gemini-omni-1.2-flash";
const LINKED: &str = include_str!("../../../fixtures/google/2026-11-21-interaction-linked.json");
const REFUSED: &str = include_str!("../../../fixtures/google/2026-11-21-interaction-refused.json");
const FAILED: &str = include_str!("../../../fixtures/google/2026-11-21-interaction-failed.json");

fn an_adapter() -> Interactions {
    let settings = Settings {
        provider: "google".into(),
        variant: Some("interactions".into()),
        api_key: "AIza-of-nobody".into(),
        ..Settings::default()
    };
    Interactions::new(&settings)
}

fn fixture(text: &str) -> Answer {
    testing::json(200, &serde_json::from_str(text).unwrap())
}

fn end_of_poll(answer: Answer) -> Result<Polled, Fault> {
    hold(an_adapter().poll(&a_render(MODEL, "v1_abc"), NOON), [answer]).1
}

fn failed(answer: Answer) -> Fault {
    match end_of_poll(answer) {
        Ok(Polled::Failed { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

// verifies: google/interactions: text, parameters
#[test]
fn a_prompt_alone_is_asked_for_in_the_background_with_our_tag_in_the_notice() {
    let mut submission = a_submission(MODEL);
    submission.hook = Some("https://retake.example.com/hooks/1".into());
    let taken = testing::json(200, &json!({ "id": "v1_abc", "status": "queued" }));

    let (calls, end) = hold(an_adapter().submit(&submission, NOON), [taken]);

    assert_eq!(end.as_ref().map(|it| it.remote_id.as_str()), Ok("v1_abc"));
    insta::assert_snapshot!(shown(&calls[0]));
}

// verifies: google/interactions: image
#[test]
fn a_picture_to_start_from_goes_before_the_prompt() {
    let mut submission = a_submission(MODEL);
    submission.spec.size = Size::new(1080, 1920);
    submission.spec.first_frame = Some(Picture {
        key: "k".into(),
        size: submission.spec.size,
        media_type: "image/jpeg".into(),
    });
    submission.first_frame = Some(Bytes::from_static(b"jpeg"));
    let taken = testing::json(200, &json!({ "id": "v1_abc" }));

    let (calls, _) = hold(an_adapter().submit(&submission, NOON), [taken]);

    insta::assert_snapshot!(shown(&calls[0]));
}

#[test]
fn what_omni_cannot_be_told_is_refused_before_anything_is_sent() {
    let refusal = |change: fn(&mut retake_core::request::RenderSpec)| {
        let mut submission = a_submission(MODEL);
        change(&mut submission.spec);
        let (calls, end) = hold(an_adapter().submit(&submission, NOON), []);
        assert!(calls.is_empty());
        match end {
            Err(SubmitError::Refused(fault)) => fault.message,
            other => panic!("{other:?}"),
        }
    };

    assert!(refusal(|spec| spec.audio = false).contains("`audio`"));
    assert!(refusal(|spec| spec.negative_prompt = Some("rain".into())).contains("negative prompt"));
}

// verifies: google/interactions: failures
#[test]
fn each_status_is_understood_and_an_unknown_one_is_still_running() {
    let said = |status: &str| {
        end_of_poll(testing::json(200, &json!({ "id": "v1_abc", "status": status })))
    };
    let kind = |status: &str| match said(status) {
        Ok(Polled::Failed { fault, .. }) => fault.kind,
        other => panic!("{other:?}"),
    };

    for status in ["queued", "in_progress"] {
        assert!(matches!(said(status), Ok(Polled::Running { note: None, .. })));
    }
    assert_eq!(kind("cancelled"), FaultKind::Runtime);
    assert_eq!(kind("incomplete"), FaultKind::Runtime);
    assert_eq!(kind("requires_action"), FaultKind::Runtime);
    assert_eq!(kind("requires_continuation"), FaultKind::Runtime);
    assert_eq!(kind("budget_exceeded"), FaultKind::Quota);
    assert_eq!(kind("failed"), FaultKind::UnknownProviderError);
    assert!(matches!(said("completed"), Ok(Polled::Running { note: Some(_), .. })));
    let Ok(Polled::Running { note: Some(note), .. }) = said("dreaming") else { panic!("a note") };
    assert!(note.contains("`dreaming`"));
}

#[test]
fn words_instead_of_a_video_are_a_refusal_with_the_words() {
    let fault = failed(fixture(REFUSED));

    assert_eq!(fault.kind, FaultKind::RefusedContent);
    assert_eq!(fault.code.as_deref(), Some("completed_without_video"));
    assert!(fault.message.contains("cannot help with that"), "{fault}");
}

#[test]
fn a_failed_interaction_is_read_by_the_error_on_its_record() {
    let fault = failed(fixture(FAILED));

    assert_eq!(
        (fault.kind, fault.code.as_deref()),
        (FaultKind::Overloaded, Some("RESOURCE_EXHAUSTED"))
    );
}

#[test]
fn an_interaction_that_is_not_known_is_asked_for_again_although_it_is_a_400() {
    let body = json!([{ "error": { "code": 400, "message": "Invalid interaction name" } }]);

    let unknown = |answer| end_of_poll(answer).unwrap_err().kind;
    assert_eq!(unknown(testing::json(400, &body)), FaultKind::Lost);
    assert_eq!(unknown(testing::reply(404, &[], "")), FaultKind::Lost);
    let other = json!({ "error": { "code": 400, "message": "bad header" } });
    assert!(end_of_poll(testing::json(400, &other)).is_err());
}

// verifies: google/interactions: download
#[test]
fn a_file_is_fetched_once_it_is_no_longer_worked_on() {
    let fetched = |state: Answer| {
        let answers = [fixture(LINKED), state];
        hold(an_adapter().fetch(&a_render(MODEL, "v1_abc"), NOON), answers)
    };
    let in_state = |state: &str| testing::json(200, &json!({ "state": state }));

    let (calls, end) = fetched(in_state("ACTIVE"));
    assert_eq!(calls[1].url, "https://generativelanguage.googleapis.com/v1beta/files/abc123");
    let Ok(Download::From(call)) = end else { panic!("a call") };
    insta::assert_snapshot!(shown(&call));
    assert!(matches!(fetched(in_state("PROCESSING")).1, Err(FetchError::Later(_))));
    // The bytes of some that are said to have failed are there all the same.
    assert!(matches!(fetched(in_state("FAILED")).1, Ok(Download::From(_))));
    assert!(matches!(fetched(testing::reply(404, &[], "")).1, Ok(Download::From(_))));
}

#[test]
fn a_file_in_the_answer_is_taken_from_it_whatever_was_asked_for() {
    let body = json!({ "status": "completed", "steps": [
        { "type": "model_output", "content": [{ "type": "video", "data": "AAAAGGZ0eXA=" }] },
    ] });

    let (_, end) =
        hold(an_adapter().fetch(&a_render(MODEL, "v1_abc"), NOON), [testing::json(200, &body)]);

    assert!(matches!(end, Ok(Download::Whole(_))));
}

// verifies: google/interactions: cancel
#[test]
fn stopping_one_that_is_over_or_unknown_is_no_fault() {
    let end = |status| {
        hold(
            an_adapter().cancel(&a_render(MODEL, "v1_abc"), NOON),
            [testing::reply(status, &[], "")],
        )
    };

    let (calls, stopped) = end(200);
    assert_eq!(stopped, Ok(crate::CancelOutcome::Stopped));
    assert!(calls[0].url.ends_with("/v1beta/interactions/v1_abc/cancel"));
    assert_eq!(end(400).1, Ok(crate::CancelOutcome::AlreadyOver));
    assert_eq!(end(404).1, Ok(crate::CancelOutcome::NotKnown));
    assert!(end(401).1.is_err());
}
