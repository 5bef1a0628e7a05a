//! `POST /token`: the `token_uri` of a service account's JSON.
//!
//! The assertion's times are checked against wall-clock time, but not its signature: the lab knows
//! no account's key. A token contains its account and its expiry in lab time, so the lab stores no
//! tokens.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, Uri};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{error_text, signatures, status::Status};
use crate::emulator_context::EmulatorContext;

/// The lifetime of a token, in lab time.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(3599);
/// The maximum size of a form, in bytes.
const MAX_FORM_BYTES: usize = 1 << 16;
/// The prefix of the lab's tokens.
const TOKEN_PREFIX: &str = "ya29.lab-";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Exchanges an assertion for a token.
pub(super) async fn token(
    State(context): State<EmulatorContext>,
    body: axum::body::Body,
) -> Response {
    let issued = match axum::body::to_bytes(body, MAX_FORM_BYTES).await {
        Ok(bytes) => issue_token(&context, &String::from_utf8_lossy(&bytes)),
        Err(_) => Err(("invalid_request", "The body is too large.".to_owned())),
    };
    match issued {
        Ok(token) => {
            let left = context.wall_millis(TOKEN_LIFETIME).div_ceil(1000).max(1);
            let body = json!({ "access_token": token, "expires_in": left, "token_type": "Bearer" });
            Json(body).into_response()
        }
        Err((error, description)) => {
            let body = json!({ "error": error, "error_description": description });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// The account of a token. A credential that is no token of the lab is its own account.
pub(super) fn resolve_account(context: &EmulatorContext, token: &str) -> Result<String, Status> {
    let Some(rest) = token.strip_prefix(TOKEN_PREFIX) else { return Ok(token.to_owned()) };
    let (claim, mac) = rest.rsplit_once('.').ok_or_else(error_text::invalid_token)?;
    let text = URL_SAFE_NO_PAD.decode(claim).ok().and_then(|it| String::from_utf8(it).ok());
    let text =
        text.filter(|_| signatures::mac(claim) == mac).ok_or_else(error_text::invalid_token)?;
    let (until, account) = text.split_once(' ').ok_or_else(error_text::invalid_token)?;
    let is_valid = until.parse().is_ok_and(|until: i64| context.now().as_second() < until);
    if is_valid { Ok(account.to_owned()) } else { Err(error_text::invalid_token()) }
}

type GrantError = (&'static str, String);

fn issue_token(context: &EmulatorContext, form: &str) -> Result<String, GrantError> {
    let fields = format!("/?{form}").parse::<Uri>().ok().and_then(|uri| {
        Query::<Vec<(String, String)>>::try_from_uri(&uri).ok().map(|Query(fields)| fields)
    });
    let fields = fields.ok_or(("invalid_request", "The body is no form.".to_owned()))?;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, it)| it.as_str());
    if field("grant_type") != Some(GRANT_TYPE) {
        return Err(("unsupported_grant_type", "Invalid grant_type.".to_owned()));
    }
    let claims = field("assertion").and_then(parse_claims);
    let claims = claims.ok_or(("invalid_grant", "Invalid JWT: it cannot be read.".to_owned()))?;
    let account = valid_account(&claims, context.clock().wall().as_second())?;
    if context.authenticate(Some(account.clone())).is_err() {
        return Err(("invalid_grant", "Invalid grant: account not found.".to_owned()));
    }
    let until = context.now().as_second().saturating_add(TOKEN_LIFETIME.as_secs());
    let claim = URL_SAFE_NO_PAD.encode(format!("{until} {account}"));
    let mac = signatures::mac(&claim);
    Ok(format!("{TOKEN_PREFIX}{claim}.{mac}"))
}

fn parse_claims(assertion: &str) -> Option<Value> {
    let mut parts = assertion.split('.');
    let (_, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if signature.is_empty() || parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// The account of an assertion, if the assertion is valid now.
fn valid_account(claims: &Value, now: i64) -> Result<String, GrantError> {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (from, until) = (time("iat"), time("exp"));
    // Google tolerates a little skew and at most an hour (OAuth for server accounts, 2026-11-21).
    if until <= now || from > now + 300 || until - from > 3600 {
        let error = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a \
                   reasonable timeframe. Check your iat and exp values.";
        return Err(("invalid_grant", error.to_owned()));
    }
    let account = claims.get("iss").and_then(Value::as_str).filter(|it| !it.is_empty());
    account.map(str::to_owned).ok_or(("invalid_grant", "Invalid JWT: there is no iss.".to_owned()))
}
