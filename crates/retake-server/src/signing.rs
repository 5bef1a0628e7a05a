//! Signing what is sent to webhook endpoints, as the Standard Webhooks specification says.
//!
//! A receiver that knows the secret can tell that a delivery comes from here, that nobody changed it, and that
//! it is not an old one sent again. While a secret is being replaced, both sign, and a receiver that knows
//! either is content.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use retake_core::ids::{EventId, fresh_secret};
use retake_store::outbox::record::Secret;
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "whsec_";
/// Characters of a secret that may be shown.
const HINT: usize = 4;

/// A secret that nobody knows yet: 32 random bytes.
pub(crate) fn new_secret() -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(Sha256::digest(fresh_secret()))))
}

/// What may be shown of a secret, for people who have several.
pub(crate) fn hint(secret: &Secret) -> String {
    let text = secret.reveal().trim_end_matches('=');
    let tail: String = text.chars().skip(text.chars().count().saturating_sub(HINT)).collect();
    format!("{PREFIX}…{tail}")
}

/// The headers that say which delivery it is, when it was sent, and by whom.
pub(crate) fn headers<'a>(
    id: &EventId,
    at: Timestamp,
    secrets: impl Iterator<Item = &'a Secret>,
    body: &[u8],
) -> HeaderMap {
    let seconds = at.as_second();
    let signatures: Vec<_> =
        secrets.map(|secret| signature(secret, id.as_str(), seconds, body)).collect();
    let named = [
        ("webhook-id", id.to_string()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ];
    // Ids, numbers and base64 are always fit for a header.
    let fit = named.into_iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
    });
    fit.collect()
}

fn signature(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = key(secret);
    // HMAC takes a key of any length, so there is always one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The bytes behind a secret: base64 after the prefix, and otherwise the text itself.
fn key(secret: &Secret) -> Vec<u8> {
    let text = secret.reveal();
    let encoded = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    encoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    /// Vectors that other implementations are tested with: those of OpenAI's clients, then of the specification.
    #[test]
    fn known_deliveries_have_their_known_signatures() {
        let body = br#"{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}"#;
        let secret = Secret::new("whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=");
        let id = "wh_685c059ae39c8190af8c71ed1022a24d";
        assert_eq!(
            signature(&secret, id, 1_750_861_210, body),
            "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY="
        );

        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        assert_eq!(
            signature(&secret, id, 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn another_implementation_accepts_what_is_signed_here() {
        #[expect(clippy::disallowed_methods, reason = "the other implementation reads the clock")]
        let now = Timestamp::now();
        let (id, body) = (EventId::new(now), b"{\"id\":1}");
        let (old, new) = (new_secret(), new_secret());
        let accepts = |secret: &Secret, headers: &HeaderMap, body: &[u8]| {
            Webhook::new(secret.reveal()).unwrap().verify(body, headers).is_ok()
        };

        let signed = headers(&id, now, [&new, &old].into_iter(), body);

        assert!(accepts(&new, &signed, body) && accepts(&old, &signed, body));
        assert!(!accepts(&new_secret(), &signed, body));
        assert!(!accepts(&new, &signed, b"{\"id\":2}"));
        let only_new = headers(&id, now, [&new].into_iter(), body);
        assert!(!accepts(&old, &only_new, body));
    }

    #[test]
    fn a_new_secret_is_32_bytes_that_nobody_had_and_its_hint_gives_nothing_away() {
        let (one, two) = (new_secret(), new_secret());

        assert_ne!(one, two);
        assert_eq!(key(&one).len(), 32);
        assert_eq!(
            hint(&Secret::new("whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=")),
            "whsec_…j40c"
        );
    }
}
