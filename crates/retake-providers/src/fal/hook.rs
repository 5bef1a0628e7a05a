//! Notices, which fal signs with Ed25519 (fal docs, 2026-11-21).
//!
//! What is signed is four lines: the request, the user, the time in seconds, and the SHA-256 of the body. The
//! public keys are fetched for each notice; there is one notice for a render.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use serde_json::Value as Json;

use super::{fault, places::Places};
use crate::{
    Hook, HookError, Talk,
    call::{Answer, Call},
    reading,
};

/// How old a notice may be, and how far ahead its clock.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// No set of keys is larger.
const MOST_KEYS: usize = 32;

pub(super) fn verify(places: &Places, hook: &Hook) -> Talk<Result<(), HookError>> {
    let signed = match Signed::of(hook) {
        Ok(signed) => signed,
        Err(problem) => return Talk::Over(Err(problem)),
    };
    let keys = Call::get(places.rest(".well-known/jwks.json"));
    Talk::once(keys, move |answer| signed.judge(&read_keys(answer)?))
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
    let reply = answer.map_err(|problem| HookError::Unverifiable(reading::silence(&problem)))?;
    if !reply.status.is_success() {
        return Err(HookError::Unverifiable(fault::of_reply(&reply)));
    }
    let json = reply.json().unwrap_or_default();
    let listed = json.get("keys").and_then(Json::as_array).cloned().unwrap_or_default();
    let key =
        |key: &Json| URL_SAFE_NO_PAD.decode(reading::text(key, "/x")?.trim_end_matches('=')).ok();
    let keys: Vec<_> = listed.iter().take(MOST_KEYS).filter_map(key).collect();
    if keys.is_empty() {
        return Err(HookError::Unverifiable(reading::unrecognised(&reply, "fal names no keys")));
    }
    Ok(keys)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if is_hex { (0..text.len()).step_by(2).map(byte).collect() } else { None }
}
