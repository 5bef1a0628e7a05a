//! Whether a notice came from the server: OpenAI signs as Standard Webhooks says, `OpenRouter` in a way of its own.
//!
//! A notice is no more than a hint to poll, so only its origin counts, not what it says.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::{account::Account, dialect::Signed};
use crate::{Hook, HookError};

/// A notice counts this long, and may come from a clock that is ahead as much.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// No more signatures than this are tried.
const MOST_SIGNATURES: usize = 32;

/// Checks a notice.
pub(super) fn verify(account: &Account, hook: &Hook) -> Result<(), HookError> {
    let secret = account.webhook_secret.as_ref().map(ExposeSecret::expose_secret);
    match (account.dialect.hook, secret) {
        (Signed::Standard, Some(secret)) => standard(secret, hook),
        (Signed::OpenRouter, Some(secret)) => openrouter(secret, hook),
        // It signs only where a secret was set there; the URL is one that nobody else knows.
        (Signed::OpenRouter, None) => Ok(()),
        (Signed::Standard, None) | (Signed::Never, _) => Err(HookError::NotExpected),
    }
}

fn header<'a>(hook: &'a Hook, name: &str, missing: &'static str) -> Result<&'a str, HookError> {
    let value = hook.headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or(HookError::Forged(missing))
}

fn check_time(text: &str, at: Timestamp) -> Result<(), HookError> {
    let seconds = text.trim().parse().map_err(|_| HookError::Forged("its time is no number"))?;
    let sent = Timestamp::from_second(seconds);
    let sent = sent.map_err(|_| HookError::Forged("its time is out of range"))?;
    if at.duration_since(sent).abs() > TOLERANCE { Err(HookError::Stale) } else { Ok(()) }
}

fn signed(key: &[u8], pieces: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    for piece in pieces {
        mac.update(piece);
    }
    mac.verify_slice(signature).is_ok()
}

fn standard(secret: &str, hook: &Hook) -> Result<(), HookError> {
    let id = header(hook, "webhook-id", "it has no webhook-id")?;
    let time = header(hook, "webhook-timestamp", "it has no webhook-timestamp")?;
    let signatures = header(hook, "webhook-signature", "it has no webhook-signature")?;
    check_time(time, hook.at)?;
    let key = match secret.strip_prefix("whsec_") {
        None => secret.as_bytes().to_vec(),
        Some(base64) => STANDARD
            .decode(base64)
            .map_err(|_| HookError::Forged("our own secret is no base64, so nothing can match"))?,
    };
    let pieces = [id.as_bytes(), b".", time.as_bytes(), b".", hook.body.as_ref()];
    let candidates = signatures.split_whitespace().take(MOST_SIGNATURES);
    let is_signed = candidates
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,").unwrap_or(one)).ok())
        .any(|signature| signed(&key, &pieces, &signature));
    if is_signed { Ok(()) } else { Err(HookError::Forged("no signature matches")) }
}

fn openrouter(secret: &str, hook: &Hook) -> Result<(), HookError> {
    let signature = header(hook, "x-openrouter-signature", "it has no X-OpenRouter-Signature")?;
    let part = |name: &str| signature.split(',').find_map(|part| part.trim().strip_prefix(name));
    let time = part("t=").ok_or(HookError::Forged("its signature has no time"))?;
    check_time(time, hook.at)?;
    let hex = part("v1=").and_then(from_hex);
    let hex = hex.ok_or(HookError::Forged("its signature is not hexadecimal"))?;
    let pieces = [time.as_bytes(), b",", hook.body.as_ref()];
    if signed(secret.as_bytes(), &pieces, &hex) {
        return Ok(());
    }
    Err(HookError::Forged("the signature does not match"))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
    digits.chunks(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}
