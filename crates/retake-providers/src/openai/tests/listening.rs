//! Notices, and what is known of an account.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use retake_core::fault::FaultKind;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::{adapter, fixture, open, settings};
use crate::{
    AccountStatus, Hook, HookError,
    testing::{self, NOON, hold},
};

const BODY: &str = r#"{"type":"video.completed","data":{"id":"video_1"}}"#;

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn verified(
    variant: Option<&str>,
    secret: Option<&str>,
    headers: &[(&'static str, String)],
    at: Timestamp,
) -> Result<(), HookError> {
    let mut account = settings(variant);
    account.options.extend(secret.map(|secret| ("webhook_secret".to_owned(), secret.to_owned())));
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect::<HeaderMap>();
    let hook = Hook { headers, body: Bytes::from(BODY), at };
    hold(open(&account).verify_hook(hook), []).1
}

fn standard(key: &[u8]) -> Vec<(&'static str, String)> {
    let time = NOON.as_second();
    let signature = STANDARD.encode(mac(key, &format!("wh_1.{time}.{BODY}")));
    vec![
        ("webhook-id", "wh_1".into()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", format!("v1,AAAA v1,{signature}")),
    ]
}

// verifies: openai: notices
#[test]
fn a_notice_of_openai_counts_when_one_of_its_signatures_matches() {
    let secret = format!("whsec_{}", STANDARD.encode("key of nobody"));

    assert_eq!(verified(None, Some(&secret), &standard(b"key of nobody"), NOON), Ok(()));
    assert_eq!(verified(None, Some("plain"), &standard(b"plain"), NOON), Ok(()));
    let forged = verified(None, Some(&secret), &standard(b"another key"), NOON);
    assert!(matches!(forged, Err(HookError::Forged(_))));
    let unsigned = verified(None, Some(&secret), &[], NOON);
    assert!(matches!(unsigned, Err(HookError::Forged(_))));
}

#[test]
fn a_notice_that_is_too_old_or_from_the_future_is_stale() {
    for minutes in [-6, 6] {
        let at = NOON + SignedDuration::from_mins(minutes);
        assert_eq!(verified(None, Some("k"), &standard(b"k"), at), Err(HookError::Stale));
    }
}

// verifies: openai/openrouter: notices
#[test]
fn openrouter_signs_in_a_way_of_its_own_or_not_at_all() {
    let time = NOON.as_second();
    let bytes = mac(b"k", &format!("{time},{BODY}"));
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let headers = |hex: &str| [("x-openrouter-signature", format!("t={time},v1={hex}"))];

    assert_eq!(verified(Some("openrouter"), Some("k"), &headers(&hex), NOON), Ok(()));
    assert_eq!(verified(Some("openrouter"), None, &[], NOON), Ok(()));
    let forged = verified(Some("openrouter"), Some("other"), &headers(&hex), NOON);
    assert!(matches!(forged, Err(HookError::Forged(_))));
    assert!(verified(Some("openrouter"), Some("k"), &headers("zz"), NOON).is_err());
}

#[test]
fn who_sends_no_notices_is_not_believed() {
    for variant in [None, Some("azure"), Some("vllm-omni"), Some("newapi"), Some("relay")] {
        assert_eq!(verified(variant, None, &standard(b"k"), NOON), Err(HookError::NotExpected));
    }
}

#[test]
fn every_model_of_openai_is_shut_down_and_names_who_takes_its_place() {
    let catalog = retake_core::catalog::Catalog::shipped().unwrap();
    let models: Vec<_> =
        catalog.models().iter().filter(|it| it.provider == "openai" && it.name != "*").collect();

    assert_eq!(models.len(), 7);
    for model in models {
        assert!(model.shutdown.is_some_and(|day| day <= model.checked), "{model}");
        assert!(!model.successors.is_empty(), "{model}");
    }
}

fn standing(variant: Option<&str>, status: u16, body: &Json) -> AccountStatus {
    hold(adapter(variant).check(NOON), [testing::json(status, body)]).1.unwrap()
}

// verifies: openai/openrouter: credits
#[test]
fn openrouter_tells_of_the_credit_that_is_left() {
    let standing = standing(Some("openrouter"), 200, &fixture("key-2026"));

    assert_eq!(standing.credit_micros, Some(74_500_000));
    assert_eq!(standing.summary, "74.50 USD left, 25.50 USD used");
    assert_eq!(standing.trouble, None);
}

#[test]
fn a_refused_key_is_an_answer_and_a_busy_server_is_none() {
    let refused =
        standing(None, 401, &json!({ "error": { "code": "invalid_api_key", "message": "no" } }));
    assert_eq!(refused.trouble.unwrap().kind, FaultKind::Auth);

    let removed = standing(None, 404, &json!({ "error": { "message": "Unknown path" } }));
    assert!(removed.summary.contains("2026-09-24"));

    let spent = standing(Some("openrouter"), 200, &json!({ "data": { "limit_remaining": 0 } }));
    assert_eq!(spent.trouble.unwrap().kind, FaultKind::Quota);

    let busy = hold(adapter(None).check(NOON), [testing::json(503, &json!({}))]).1;
    assert_eq!(busy.unwrap_err().kind, FaultKind::Overloaded);
}
