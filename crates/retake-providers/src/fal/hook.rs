//! Notices, which fal signs with Ed25519 (fal docs, 2026-11-21).
//!
//! What is signed is four lines: the request, the user, the time in seconds, and the SHA-256 of the body. The
//! public keys are fetched for each notice; there is one notice for a render.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use retake_core::signal::Stage;
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use serde_json::Value as Json;

use super::{fault, places::Places};
use crate::{
    Flow, Hook, HookError,
    call::{Answer, Call},
    response,
};

/// How old a notice may be, and how far ahead its clock.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// No set of keys is larger.
const MOST_KEYS: usize = 32;

pub(super) fn verify(places: &Places, hook: &Hook) -> Flow<Result<(), HookError>> {
    let signed = match Signed::of(hook) {
        Ok(signed) => signed,
        Err(problem) => return Flow::Done(Err(problem)),
    };
    let keys = Call::get(places.rest(".well-known/jwks.json"));
    Flow::once(keys, move |answer| signed.judge(&read_keys(answer)?))
}

struct Signed {
    message: String,
    signature: Vec<u8>,
}

impl Signed {
    fn of(hook: &Hook) -> Result<Self, HookError> {
        let header = |name| {
            let text = hook.headers.get(name).and_then(|value| value.to_str().ok());
            text.ok_or(HookError::Forged("a header of the signature is missing"))
        };
        let time = header("x-fal-webhook-timestamp")?;
        let seconds = time.trim().parse().ok();
        let at = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let at = at.ok_or(HookError::Forged("the time of the signature is none"))?;
        if hook.at.duration_since(at).abs() > TOLERANCE {
            return Err(HookError::Stale);
        }
        let body = hex(digest(&SHA256, &hook.body).as_ref());
        let request = header("x-fal-webhook-request-id")?;
        let user = header("x-fal-webhook-user-id")?;
        let signature = unhex(header("x-fal-webhook-signature")?.trim());
        Ok(Self {
            message: format!("{request}\n{user}\n{time}\n{body}"),
            signature: signature.ok_or(HookError::Forged("the signature is not hexadecimal"))?,
        })
    }

    fn judge(&self, keys: &[Vec<u8>]) -> Result<(), HookError> {
        let fits = |key: &Vec<u8>| {
            let key = UnparsedPublicKey::new(&ED25519, key);
            key.verify(self.message.as_bytes(), &self.signature).is_ok()
        };
        let fits = keys.iter().any(fits);
        fits.then_some(()).ok_or(HookError::Forged("no key of fal made the signature"))
    }
}

fn read_keys(answer: Answer) -> Result<Vec<Vec<u8>>, HookError> {
    let reply = answer.map_err(|problem| HookError::Unverifiable(response::silence(&problem)))?;
    if !reply.status.is_success() {
        return Err(HookError::Unverifiable(fault::of_reply(&reply, Stage::Callback)));
    }
    let json = reply.json().unwrap_or_default();
    let listed = json.get("keys").and_then(Json::as_array).cloned().unwrap_or_default();
    let key =
        |key: &Json| URL_SAFE_NO_PAD.decode(response::text(key, "/x")?.trim_end_matches('=')).ok();
    let keys: Vec<_> = listed.iter().take(MOST_KEYS).filter_map(key).collect();
    if keys.is_empty() {
        return Err(HookError::Unverifiable(response::unexpected(&reply, "fal names no keys")));
    }
    Ok(keys)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if is_hex { (0..text.len()).step_by(2).map(byte).collect() } else { None }
}

#[cfg(test)]
pub(crate) mod tests {
    use http::HeaderMap;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;
    use crate::{
        fal::tests::fal,
        testing::{NOON, hold, json as answer, silence},
    };

    fn key() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    /// A notice as fal signs it.
    pub(crate) fn a_notice(body: &'static str) -> Hook {
        let time = NOON.as_second().to_string();
        let message =
            format!("r-1\nu-1\n{time}\n{}", hex(digest(&SHA256, body.as_bytes()).as_ref()));
        let signature = hex(key().sign(message.as_bytes()).as_ref());
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-fal-webhook-request-id", "r-1"),
            ("x-fal-webhook-user-id", "u-1"),
            ("x-fal-webhook-timestamp", &time),
            ("x-fal-webhook-signature", &signature),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        Hook { headers, body: body.into(), at: NOON }
    }

    // verifies: fal: notices
    #[test]
    fn a_notice_counts_only_when_fal_signed_this_body_just_now() {
        let public = URL_SAFE_NO_PAD.encode(key().public_key().as_ref());
        let keys =
            || answer(200, &json!({ "keys": [{ "kty": "OKP", "x": "AAAA" }, { "x": public }] }));
        let judge = |hook: Hook| hold(fal().verify_hook(hook), [keys()]).1;
        let notice = || a_notice(r#"{"status":"OK"}"#);
        let late = NOON.checked_add(SignedDuration::from_secs(301)).unwrap();

        assert_eq!(judge(notice()), Ok(()));
        assert!(matches!(judge(Hook { body: "{}".into(), ..notice() }), Err(HookError::Forged(_))));
        assert_eq!(judge(Hook { at: late, ..notice() }), Err(HookError::Stale));
        assert!(matches!(
            judge(Hook { headers: HeaderMap::new(), ..notice() }),
            Err(HookError::Forged(_))
        ));
        let unread = hold(fal().verify_hook(notice()), [silence(true)]).1;
        assert!(matches!(unread, Err(HookError::Unverifiable(_))));
    }
}
