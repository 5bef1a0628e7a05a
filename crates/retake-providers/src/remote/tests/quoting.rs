//! Answers that quote what the caller wrote, or repeat the key, through a whole account.

use retake_core::catalog::Catalog;

use super::*;
use crate::{
    Settings, openai,
    testing::a_submission,
    transport::tests::{answer, server},
};

const KEY: &str = "qzx-secret-81-of-nobody";

/// An account at a relay that gives these answers.
async fn account(answers: &[(&str, serde_json::Value)]) -> Remote {
    let answers: Vec<_> =
        answers.iter().map(|(status, body)| answer(status, &body.to_string())).collect();
    let (url, _) = server(&answers).await;
    let settings = Settings {
        provider: "openai".into(),
        variant: Some("relay".into()),
        api_key: KEY.into(),
        base_url: Some(url.clone()),
        ..Settings::default()
    };
    let adapter = openai::adapter(&settings, &Arc::new(Catalog::shipped().unwrap())).unwrap();
    Remote::new(adapter, Transport::new(&url).unwrap(), || NOON)
}

async fn submitted(
    prompt: &str,
    status: &str,
    body: serde_json::Value,
) -> Result<Submitted, SubmitError> {
    let mut submission = a_submission("any-model");
    submission.spec.prompt = prompt.into();
    account(&[(status, body)]).await.submit(submission, &Log::default()).await
}

#[tokio::test]
async fn a_create_that_failed_and_quotes_a_prompt_in_words_of_refusals_is_lost() {
    let prompt = "a shop sign in the old town: insufficient balance";
    for (status, prompt, quoted) in [
        ("500 X", prompt, prompt),
        ("408 X", prompt, prompt),
        ("499 X", prompt, prompt),
        (
            "500 X",
            "a banker with a wallet, his insufficient balance grows",
            "a banker with a wallet, his insuff…",
        ),
        ("502 X", "two men: token quota is not enough", "two men: token quota is not enough"),
    ] {
        let body = serde_json::json!({ "error": { "message": format!("Internal error in job for \"{quoted}\"") } });
        let lost = submitted(prompt, status, body).await;
        assert!(matches!(lost, Err(SubmitError::Lost(_))), "{status} {quoted}: {lost:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_quotes_a_prompt_in_words_of_the_network_is_one() {
    let prompt = "a coach calls a timeout";
    for (text, code) in [
        ("Your request was rejected by our safety system", "moderation_blocked"),
        ("Invalid value for prompt", "invalid_value"),
    ] {
        let body = serde_json::json!({ "error": { "message": format!("{text}: \"{prompt}\""),
            "type": "invalid_request_error", "code": code } });
        let refused = submitted(prompt, "400 X", body).await;
        assert!(matches!(refused, Err(SubmitError::Refused(_))), "{text}: {refused:?}");
    }
}

#[tokio::test]
async fn a_failure_that_quotes_a_prompt_about_a_status_ends_the_render() {
    let prompt = "nurses check the status of a patient";
    let failed = serde_json::json!({ "id": "v", "status": "failed", "error": {
        "code": "generation_failed", "message": format!("The model could not render: {prompt}") } });
    let nothing = serde_json::json!({ "error": { "message": "none", "code": "not_found" } });
    let remote = account(&[("200 OK", failed), ("404 X", nothing)]).await;
    let mut render = a_render("any-model", "v");
    render.spec.prompt = prompt.into();

    let polled = remote.poll(&render, &Log::default()).await;

    assert!(matches!(polled, Ok(Polled::Failed { .. })), "{polled:?}");
}

#[tokio::test]
async fn a_name_out_of_which_the_key_was_cut_is_none() {
    for id in [format!("v-{KEY}"), KEY.to_owned()] {
        let body = serde_json::json!({ "id": id, "status": "queued" });
        let lost = submitted("a lighthouse", "200 OK", body).await;
        assert!(matches!(lost, Err(SubmitError::Lost(_))), "{id}: {lost:?}");
    }
}
