//! Notices, which Replicate signs as Standard Webhooks (Replicate docs, 2026-11-21).
//!
//! What is signed is `id.time.body`; the secret is the account's and is fetched when the settings do not say it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use retake_core::signal::Stage;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use super::{calls::Calls, fault};
use crate::{
    Flow, Hook, HookError,
    call::{Answer, Call},
    response,
};

/// How old a notice may be, and how far ahead its clock.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// Signatures of one notice that are tried: there are two while a secret is changed.
const MOST_SIGNATURES: usize = 8;

pub(super) fn verify(
    calls: &Calls,
    secret: Option<&SecretString>,
    hook: &Hook,
) -> Flow<Result<(), HookError>> {
    let signed = match Signed::of(hook) {
        Ok(signed) => signed,
        Err(problem) => return Flow::Done(Err(problem)),
    };
    if let Some(secret) = secret {
        return Flow::Done(signed.judge(secret.expose_secret()));
    }
    let call = calls.signed(Call::get(calls.url("webhooks/default/secret")));
    Flow::once(call, move |answer| signed.judge(&read_secret(answer)?))
}

struct Signed {
    message: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl Signed {
    fn of(hook: &Hook) -> Result<Self, HookError> {
        let header = |name| {
            let text = hook.headers.get(name).and_then(|value| value.to_str().ok());
            text.ok_or(HookError::Forged("a header of the signature is missing"))
        };
        let (id, time) = (header("webhook-id")?, header("webhook-timestamp")?);
        let seconds = time.trim().parse().ok();
        let at = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let at = at.ok_or(HookError::Forged("the time of the signature is none"))?;
        if hook.at.duration_since(at).abs() > TOLERANCE {
            return Err(HookError::Stale);
        }
        let signature = |text: &str| STANDARD.decode(text.strip_prefix("v1,")?).ok();
        let listed = header("webhook-signature")?.split_ascii_whitespace();
        Ok(Self {
            message: [format!("{id}.{time}.").as_bytes(), &hook.body].concat(),
            signatures: listed.take(MOST_SIGNATURES).filter_map(signature).collect(),
        })
    }

    fn judge(&self, secret: &str) -> Result<(), HookError> {
        let secret = STANDARD.decode(secret.trim().trim_start_matches("whsec_"));
        let Some(secret) = secret.ok().filter(|secret| !secret.is_empty()) else {
            let message = "the secret for notices is not what Replicate hands out (`whsec_...`)";
            return Err(HookError::Unverifiable(fault::ours(message)));
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let fits = |signature: &Vec<u8>| hmac::verify(&key, &self.message, signature).is_ok();
        let fits = self.signatures.iter().any(fits);
        fits.then_some(())
            .ok_or(HookError::Forged("the account's secret did not make the signature"))
    }
}

fn read_secret(answer: Answer) -> Result<String, HookError> {
    let reply = answer.map_err(|problem| HookError::Unverifiable(response::silence(&problem)))?;
    if !reply.status.is_success() {
        return Err(HookError::Unverifiable(fault::of_reply(&reply, Stage::Callback)));
    }
    let secret = reply.json().and_then(|json| Some(response::text(&json, "/key")?.to_owned()));
    // The answer is not repeated: it may hold the secret.
    secret.ok_or_else(|| {
        HookError::Unverifiable(fault::ours("Replicate names no secret for notices"))
    })
}
