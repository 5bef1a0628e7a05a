//! Notices of the Gemini API: two ways to sign them, and both are read.
//!
//! A notice to a URL that came with the submit is signed by Google's key: the header `webhook-signature` is a JWT
//! (RS256) whose key stands in a public list. One to a URL that somebody registered for the project is signed with
//! a shared secret (Standard Webhooks), the option `webhook_secret`. Google documents no audience and no claim that
//! binds the JWT to the body, so a notice is a hint to poll and nothing more: but where the JWT names a
//! render, it has to be the one of the body (Gemini API, webhooks, 2026-06-22).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    json::JsonLimits,
    signal::Stage,
};
use ring::{hmac, signature};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::{fault, place::Place};
use crate::{
    Flow, Hook, HookError,
    call::{Answer, Call, bounded_json},
    response,
};

/// How old a notice may be, and how far ahead of us its clock.
const OLDEST: SignedDuration = SignedDuration::from_mins(5);
/// How long the list of keys is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// A list is not asked for again before this, whatever key a notice names.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);
/// The longest signature that is looked at.
const LONGEST_SIGNATURE: usize = 8192;
/// The most keys that are kept.
const MOST_KEYS: usize = 32;

/// What the notices of an account are checked with.
#[derive(Clone)]
pub(super) struct Keys {
    url: String,
    secret: Option<SecretString>,
    kept: Arc<Mutex<Option<Kept>>>,
}

#[derive(Clone)]
struct Kept {
    keys: Vec<PublicKey>,
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PublicKey {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
}

/// A JWT, taken apart and not yet believed.
struct Token {
    key_id: String,
    said: String,
    signature: Vec<u8>,
    claims: Json,
}

impl Keys {
    /// The keys of the API at a place, and the secret of registered URLs where there is one.
    pub(super) fn new(place: &Place, secret: Option<&str>) -> Self {
        Self {
            url: format!("{}/.well-known/jwks.json", place.root()),
            secret: secret.map(SecretString::from),
            kept: Arc::default(),
        }
    }

    /// Checks a notice.
    pub(super) fn verify(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        let header = hook.headers.get("webhook-signature").and_then(|value| value.to_str().ok());
        let Some(text) = header.map(str::trim).filter(|text| text.len() <= LONGEST_SIGNATURE)
        else {
            return Flow::Done(Err(HookError::Forged("it bears no signature")));
        };
        if text.contains(',') {
            return Flow::Done(self.verify_shared(text, &hook));
        }
        let token = match Token::read(text) {
            Ok(token) => token,
            Err(problem) => return Flow::Done(Err(problem)),
        };
        if let Err(problem) = token.check_time(&hook) {
            return Flow::Done(Err(problem));
        }
        let kept = self.kept().clone().filter(|kept| hook.at < kept.at + KEPT);
        if let Some(kept) = kept {
            let is_known = kept.keys.iter().any(|key| key.id == token.key_id);
            if is_known || hook.at < kept.at + SETTLED {
                return Flow::Done(token.check(&kept.keys, &hook));
            }
        }
        let own = self.clone();
        Flow::once(Call::get(self.url.as_str()), move |answer| {
            token.check(&own.keep(answer, hook.at)?, &hook)
        })
    }

    /// Reads the public list and keeps it.
    fn keep(&self, answer: Answer, at: Timestamp) -> Result<Vec<PublicKey>, HookError> {
        let reply =
            answer.map_err(|problem| HookError::Unverifiable(response::silence(&problem)))?;
        if !reply.status.is_success() {
            return Err(HookError::Unverifiable(fault::of(&reply, Stage::Callback)));
        }
        let body = reply.json().unwrap_or_default();
        let Some(list) = body.get("keys").and_then(Json::as_array) else {
            let message = "the list of keys is none";
            let fault = Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message);
            return Err(HookError::Unverifiable(fault));
        };
        let keys: Vec<_> = list.iter().filter_map(public_key).take(MOST_KEYS).collect();
        *self.kept() = Some(Kept { keys: keys.clone(), at });
        Ok(keys)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the signature of a registered URL.
    fn verify_shared(&self, text: &str, hook: &Hook) -> Result<(), HookError> {
        let unknown =
            HookError::Forged("it is signed with a secret, and `webhook_secret` is not set");
        let secret = self.secret.as_ref().ok_or(unknown)?.expose_secret();
        let secret = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
            .map_err(|_| HookError::Forged("`webhook_secret` is none: it has to be base64"))?;
        let header = |name| hook.headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(time)) = (header("webhook-id"), header("webhook-timestamp")) else {
            return Err(HookError::Forged("it bears no id or no time"));
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let said = [id.as_bytes(), b".", time.as_bytes(), b".", &hook.body].concat();
        let fits = |part: &str| {
            let digest = part.strip_prefix("v1,").and_then(|sum| STANDARD.decode(sum).ok());
            digest.is_some_and(|digest| hmac::verify(&key, &said, &digest).is_ok())
        };
        if !text.split_ascii_whitespace().any(fits) {
            return Err(HookError::Forged("the signature does not fit"));
        }
        check_age(time.trim().parse().ok(), hook.at)
    }
}

impl Token {
    fn read(text: &str) -> Result<Self, HookError> {
        const NO_TOKEN: HookError = HookError::Forged("the signature is no JWT");
        let (said, signature) = text.rsplit_once('.').ok_or(NO_TOKEN)?;
        let (header, claims) = said.split_once('.').ok_or(NO_TOKEN)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_TOKEN);
        let json = |part: &str| bounded_json(&bytes(part)?, JsonLimits::REQUEST).ok_or(NO_TOKEN);
        let header = json(header)?;
        if response::text(&header, "/alg") != Some("RS256") {
            return Err(HookError::Forged("it is not signed with RS256"));
        }
        let key_id = response::id(&header, "/kid").ok_or(HookError::Forged("it names no key"))?;
        Ok(Self {
            key_id: key_id.to_owned(),
            said: said.to_owned(),
            signature: bytes(signature)?,
            claims: json(claims)?,
        })
    }

    /// Whether it is new enough: by its own time, else by the time of the delivery.
    fn check_time(&self, hook: &Hook) -> Result<(), HookError> {
        let claim = |name| self.claims.get(name).and_then(Json::as_i64);
        if claim("exp").is_some_and(|end| end < hook.at.as_second()) {
            return Err(HookError::Stale);
        }
        let header = hook.headers.get("webhook-timestamp").and_then(|value| value.to_str().ok());
        let delivered = header.and_then(|text| text.trim().parse().ok());
        check_age(claim("iat").or(delivered), hook.at)
    }

    fn check(&self, keys: &[PublicKey], hook: &Hook) -> Result<(), HookError> {
        let key = keys.iter().find(|key| key.id == self.key_id);
        let key = key.ok_or(HookError::Forged("nobody knows its key"))?;
        signature::RsaPublicKeyComponents { n: &key.n, e: &key.e }
            .verify(&signature::RSA_PKCS1_2048_8192_SHA256, self.said.as_bytes(), &self.signature)
            .map_err(|_| HookError::Forged("the signature does not fit"))?;
        let body = bounded_json(&hook.body, JsonLimits::REQUEST).unwrap_or_default();
        match response::text(&self.claims, "/data/id") {
            Some(id) if response::text(&body, "/data/id") != Some(id) => {
                Err(HookError::Forged("it was signed for another render"))
            }
            _ => Ok(()),
        }
    }
}

fn check_age(seconds: Option<i64>, now: Timestamp) -> Result<(), HookError> {
    let said = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let said = said.ok_or(HookError::Forged("it bears no time"))?;
    if now.duration_since(said).abs() > OLDEST {
        return Err(HookError::Stale);
    }
    Ok(())
}

/// A key of the public list, if it is one that can have signed a notice.
fn public_key(json: &Json) -> Option<PublicKey> {
    let number = |pointer| URL_SAFE_NO_PAD.decode(response::text(json, pointer)?).ok();
    let is_rsa = response::text(json, "/kty") == Some("RSA");
    let id = response::id(json, "/kid").filter(|_| is_rsa)?;
    Some(PublicKey { id: id.to_owned(), n: number("/n")?, e: number("/e")? })
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use ring::rand::SystemRandom;
    use serde_json::json;

    use super::*;
    use crate::{
        google::credentials::tests::a_pair,
        testing::{self, NOON, hold},
    };

    const BODY: &str = include_str!("../../fixtures/google/2026-06-22-notice.json");

    fn keys() -> Keys {
        Keys::new(
            &Place::new("https://generativelanguage.googleapis.com", "v1beta"),
            Some("whsec_c2VjcmV0"),
        )
    }

    /// The public list with the key of the tests.
    fn the_list() -> Answer {
        let pair = a_pair();
        let parts = signature::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (n, e) = (URL_SAFE_NO_PAD.encode(parts.n), URL_SAFE_NO_PAD.encode(parts.e));
        testing::json(
            200,
            &json!({ "keys": [{ "kty": "RSA", "kid": "key-1", "alg": "RS256", "n": n, "e": e }] }),
        )
    }

    fn a_token(header: &Json, claims: &Json) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let said = format!("{}.{}", part(header), part(claims));
        let pair = a_pair();
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&signature::RSA_PKCS1_SHA256, &random, said.as_bytes(), &mut signature).unwrap();
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn a_good_token() -> String {
        let claims = json!({ "iat": NOON.as_second(), "data": { "id": "v1_abc" } });
        a_token(&json!({ "alg": "RS256", "kid": "key-1" }), &claims)
    }

    /// A notice with these headers.
    pub(in crate::google) fn a_notice(headers: &[(&'static str, &str)], body: &str) -> Hook {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let headers: HeaderMap = headers.collect();
        Hook { headers, body: Bytes::copy_from_slice(body.as_bytes()), at: NOON }
    }

    fn end(token: &str, body: &str) -> Result<(), HookError> {
        hold(keys().verify(a_notice(&[("webhook-signature", token)], body)), [the_list()]).1
    }

    // verifies: google/interactions: notices
    #[test]
    fn a_notice_signed_by_googles_key_counts_and_the_keys_are_asked_for_once() {
        let keys = keys();
        let token = a_good_token();
        let notice = || a_notice(&[("webhook-signature", &token)], BODY);

        let (calls, end) = hold(keys.verify(notice()), [the_list()]);
        assert_eq!(end, Ok(()));
        assert_eq!(calls[0].url, "https://generativelanguage.googleapis.com/.well-known/jwks.json");

        let (calls, end) = hold(keys.verify(notice()), []);
        assert_eq!((calls.len(), end), (0, Ok(())));
    }

    #[test]
    fn a_notice_that_was_changed_does_not_count() {
        let token = a_good_token();
        let (said, _) = token.rsplit_once('.').unwrap();
        let another = BODY.replace("v1_abc", "v1_xyz");

        assert!(matches!(end(&format!("{said}.AAAA"), BODY), Err(HookError::Forged(_))));
        assert!(matches!(end(&token, &another), Err(HookError::Forged(_))));
        assert!(matches!(end("no.jwt", BODY), Err(HookError::Forged(_))));
    }

    #[test]
    fn another_algorithm_is_refused_before_anything_is_asked() {
        let token =
            a_token(&json!({ "alg": "none", "kid": "key-1" }), &json!({ "iat": NOON.as_second() }));

        let (calls, end) =
            hold(keys().verify(a_notice(&[("webhook-signature", &token)], BODY)), []);

        assert!(calls.is_empty());
        assert!(matches!(end, Err(HookError::Forged(_))));
    }

    #[test]
    fn a_key_that_nobody_knows_does_not_make_us_ask_again_and_again() {
        let keys = keys();
        let claims = json!({ "iat": NOON.as_second() });
        let token = a_token(&json!({ "alg": "RS256", "kid": "another" }), &claims);
        let notice = || a_notice(&[("webhook-signature", &token)], BODY);

        assert!(matches!(hold(keys.verify(notice()), [the_list()]).1, Err(HookError::Forged(_))));
        assert!(matches!(hold(keys.verify(notice()), []).1, Err(HookError::Forged(_))));
    }

    #[test]
    fn an_old_notice_and_one_without_a_time_do_not_count() {
        let header = json!({ "alg": "RS256", "kid": "key-1" });
        let old = a_token(&header, &json!({ "iat": NOON.as_second() - 301 }));
        let over =
            a_token(&header, &json!({ "iat": NOON.as_second(), "exp": NOON.as_second() - 1 }));

        assert_eq!(end(&old, BODY), Err(HookError::Stale));
        assert_eq!(end(&over, BODY), Err(HookError::Stale));
        assert!(matches!(end(&a_token(&header, &json!({})), BODY), Err(HookError::Forged(_))));
    }

    #[test]
    fn keys_that_cannot_be_read_leave_a_notice_unverified() {
        let token = a_good_token();
        let notice = || a_notice(&[("webhook-signature", &token)], BODY);

        for answer in [
            testing::silence(true),
            testing::reply(503, &[], ""),
            testing::reply(200, &[], "<html>"),
        ] {
            assert!(matches!(
                hold(keys().verify(notice()), [answer]).1,
                Err(HookError::Unverifiable(_))
            ));
        }
    }

    #[test]
    fn a_notice_to_a_registered_url_is_checked_with_the_shared_secret() {
        let time = NOON.as_second().to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let sum = hmac::sign(&key, format!("msg_1.{time}.{BODY}").as_bytes());
        let signature = format!("v1,AAAA v1,{}", STANDARD.encode(sum));
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let end = |body| hold(keys().verify(a_notice(&headers, body)), []).1;

        assert_eq!(end(BODY), Ok(()));
        assert!(matches!(end("{}"), Err(HookError::Forged(_))));
    }
}
