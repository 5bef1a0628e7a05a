//! What each dialect sends.

use insta::assert_snapshot;
use serde_json::json;

use super::{super::dialect::Dialect, adapter, open, settings, with_picture};
use crate::{
    Body, Effect, Settings, SettingsError, SubmitError,
    testing::{NOON, a_submission, hold, json, shown},
};

fn create(variant: Option<&str>, with_frame: bool) -> String {
    let submission = a_submission("any-model");
    let submission = if with_frame { with_picture(submission) } else { submission };
    let talk = adapter(variant).submit(&submission, NOON);
    let (calls, _) = hold(talk, [json(200, &json!({ "id": "video_1" }))]);
    assert_eq!(calls[0].effect, Effect::Changes);
    shown(&calls[0])
}

// verifies: openai: text, image, parameters
#[test]
fn openai_is_sent_a_form_as_its_own_clients_send_it() {
    assert_snapshot!(create(None, true));
}

// verifies: openai/azure: text, image
#[test]
fn azure_is_spoken_to_like_openai_below_its_own_path() {
    assert_snapshot!(create(Some("azure"), false));
}

// verifies: openai/azure-jobs: text, image
#[test]
fn an_azure_job_is_json_until_a_picture_comes_with_it() {
    assert_snapshot!(create(Some("azure-jobs"), false));
    assert_snapshot!(create(Some("azure-jobs"), true));
}

// verifies: openai/openrouter: text, image
#[test]
fn openrouter_is_sent_json_with_the_picture_as_a_frame() {
    assert_snapshot!(create(Some("openrouter"), true));
}

// verifies: openai/vllm-omni: text, image, parameters
#[test]
fn vllm_omni_is_sent_a_form_with_a_seed() {
    assert_snapshot!(create(Some("vllm-omni"), true));
}

// verifies: openai/sglang: text, image, parameters
#[test]
fn sglang_is_sent_a_form_with_a_seed() {
    assert_snapshot!(create(Some("sglang"), false));
}

// verifies: openai/litellm: text, image
#[test]
fn litellm_is_sent_what_openai_is() {
    assert_snapshot!(create(Some("litellm"), false));
}

// verifies: openai/newapi: text, image
#[test]
fn new_api_is_sent_json_with_the_picture_as_a_text() {
    assert_snapshot!(create(Some("newapi"), true));
}

// verifies: openai/relay: text, parameters
#[test]
fn a_relay_is_sent_a_form_unless_its_owner_knows_that_it_takes_json() {
    assert_snapshot!(create(Some("relay"), false));

    let mut account = settings(Some("relay"));
    account.options.insert("encoding".into(), "json".into());
    let talk = open(&account).submit(&with_picture(a_submission("any-model")), NOON);
    let (calls, _) = hold(talk, [json(200, &json!({ "id": "video_1" }))]);
    assert_snapshot!(shown(&calls[0]));
    for (variant, encoding) in [("relay", "xml"), ("vllm-omni", "json")] {
        let mut account = settings(Some(variant));
        account.options.insert("encoding".into(), encoding.into());
        assert!(Dialect::of(&account).is_err(), "{variant} {encoding}");
    }
}

#[test]
fn a_negative_prompt_goes_where_the_dialect_has_a_word_for_it() {
    let mut submission = a_submission("any-model");
    submission.spec.negative_prompt = Some("rain".into());
    let sent = |variant| {
        let talk = adapter(variant).submit(&submission, NOON);
        let (calls, _) = hold(talk, [json(200, &json!({ "id": "video_1" }))]);
        calls[0].body.clone()
    };

    let Body::Json(nested) = sent(Some("newapi")) else { panic!("no JSON") };
    assert_eq!(nested["metadata"], json!({ "negative_prompt": "rain" }));
    let Body::Form(parts) = sent(Some("vllm-omni")) else { panic!("no form") };
    assert!(format!("{parts:?}").contains("negative_prompt"));
}

#[test]
fn what_cannot_be_said_is_refused_by_name_and_nothing_is_sent() {
    let refused = |change: fn(&mut crate::Submission)| {
        let mut submission = a_submission("any-model");
        change(&mut submission);
        let (calls, end) = hold(adapter(None).submit(&submission, NOON), []);
        assert!(calls.is_empty());
        let Err(SubmitError::Refused(fault)) = end else { panic!("taken: {end:?}") };
        fault.message
    };

    assert!(refused(|one| one.spec.looped = true).contains("`loop`"));
    assert!(
        refused(|one| one.spec.negative_prompt = Some("x".into())).contains("`negative_prompt`")
    );
    assert!(refused(|one| one.spec.audio = false).contains("sound"));
    assert!(
        refused(|one| one.spec.first_frame = with_picture(one.clone()).spec.first_frame)
            .contains("picture")
    );
}

#[test]
fn a_hook_is_named_only_where_a_create_can_and_only_an_https_one() {
    let body = |variant, hook: &str| {
        let mut submission = a_submission("any-model");
        submission.hook = Some(hook.into());
        let talk = adapter(variant).submit(&submission, NOON);
        let (calls, _) = hold(talk, [json(202, &json!({ "id": "video_1" }))]);
        format!("{:?}", calls[0].body)
    };

    assert!(body(Some("openrouter"), "https://us.example.com/h/1").contains("callback_url"));
    assert!(!body(Some("openrouter"), "http://us.example.com/h/1").contains("callback_url"));
    assert!(!body(None, "https://us.example.com/h/1").contains("us.example.com"));
}

#[test]
fn a_key_is_asked_for_where_nothing_goes_without_one() {
    let without = |variant| Settings { api_key: "".into(), ..settings(variant) };
    let open = |variant| {
        super::super::adapter(
            &without(variant),
            &std::sync::Arc::new(retake_core::catalog::Catalog::shipped().unwrap()),
        )
    };

    assert!(matches!(open(None), Err(SettingsError::Missing { option: "api_key", .. })));
    let (calls, _) = hold(open(Some("vllm-omni")).unwrap().check(NOON), [json(200, &json!({}))]);
    assert!(calls[0].headers.is_empty());
}

#[test]
fn a_name_with_a_slash_stays_one_piece_of_the_path() {
    let render = crate::testing::a_render("m", "a/../b?c=d");
    let (calls, _) = hold(adapter(None).poll(&render, NOON), [json(200, &json!({}))]);

    assert_eq!(calls[0].url, "https://api.openai.com/v1/videos/a%2F..%2Fb%3Fc%3Dd");
}
