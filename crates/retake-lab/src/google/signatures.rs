//! Signatures: those of webhooks, and the lab's MACs of tokens and tickets.
//!
//! The private key of the JWTs is beside this file. It is public by design: it proves nothing
//! outside a lab.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};
use sha2::Sha256;

const KEY: &[u8] = include_bytes!("webhook-key.pk8");
const KID: &str = "retake-lab-1";
/// The key of the lab's MACs. It is public, since nothing depends on it.
const MAC_KEY: &[u8] = b"retake-lab";

/// Signs dynamic webhooks.
pub(super) struct JwtSigner(Option<RsaKeyPair>);

impl Default for JwtSigner {
    fn default() -> Self {
        Self(RsaKeyPair::from_pkcs8(KEY).ok())
    }
}

impl JwtSigner {
    /// The public key as a key set (JWKS).
    pub(super) fn jwks(&self) -> Value {
        let key = self.0.as_ref().map(|pair| {
            let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
            json!({
                "kty": "RSA",
                "alg": "RS256",
                "use": "sig",
                "kid": KID,
                "n": URL_SAFE_NO_PAD.encode(public.n),
                "e": URL_SAFE_NO_PAD.encode(public.e),
            })
        });
        json!({ "keys": Vec::from_iter(key) })
    }

    /// A JWT with these claims. One that is not genuine has an invalid signature.
    pub(super) fn sign_jwt(&self, claims: &Value, is_genuine: bool) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": KID });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signing_input = if is_genuine { text.clone() } else { text.chars().rev().collect() };
        let signature = self.0.as_ref().and_then(|pair| {
            let mut signature = vec![0; pair.public().modulus_len()];
            let random = SystemRandom::new();
            pair.sign(&RSA_PKCS1_SHA256, &random, signing_input.as_bytes(), &mut signature).ok()?;
            Some(signature)
        });
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default()))
    }
}

/// A Standard Webhooks signature; the secret is `whsec_` and base64.
pub(super) fn sign_standard(secret: &str, id: &str, at: i64, body: &str) -> String {
    let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
    format!("v1,{}", STANDARD.encode(sign(&key, &format!("{id}.{at}.{body}"))))
}

/// Derives a webhook secret from a unique seed.
pub(super) fn derive_secret(seed: &str) -> String {
    format!("whsec_{}", STANDARD.encode(sign(MAC_KEY, seed)))
}

/// The lab's MAC of a text.
pub(super) fn mac(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sign(MAC_KEY, text))
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
