//! Signed URLs, which a provider issues anew whenever it shows a job, each with its own expiry.
//!
//! A plain URL of the emulator context expires a fixed time after the job's end. Runway and Luma's
//! Agents API sign a URL when they answer a poll: an expired one is refused, and the next poll
//! returns a new one for as long as the job exists.

use axum::response::{IntoResponse as _, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde::Deserialize;

use crate::{
    auth::{self, KeySource},
    clock::later,
    emulator_context::EmulatorContext,
    file_response::FileUnavailable,
    simulator::JobView,
};

/// The query of a signed URL.
#[derive(Debug, Deserialize)]
pub(crate) struct SignedQuery {
    /// The expiry, in milliseconds since 1970, in lab time.
    #[serde(rename = "Expires")]
    expires: i64,
    #[serde(rename = "Signature")]
    signature: String,
}

/// A signed URL of one of a job's videos (counted from 0) below `path` on this provider's port.
pub(crate) fn sign_url(
    context: &EmulatorContext,
    job: &JobView,
    nth: u32,
    (path, lasting): (&str, SignedDuration),
) -> String {
    let expires = later(context.now(), lasting).as_millisecond();
    let file = format!("{}/{nth}.mp4", job.id());
    let signature = sign(&file, expires);
    format!("{}{path}/{file}?Expires={expires}&Signature={signature}", context.base_url())
}

/// Serves a signed URL: `file` is `0.mp4` of the job `id`.
pub(crate) async fn serve(
    context: &EmulatorContext,
    (id, file): (&str, &str),
    signed_query: Option<SignedQuery>,
    headers: &HeaderMap,
) -> Response {
    let name = format!("{id}/{file}");
    let Some(signed_query) = signed_query
        .filter(|signed_query| sign(&name, signed_query.expires) == signed_query.signature)
    else {
        return access_denied();
    };
    let Some(mut job) = context.find_job(id) else { return StatusCode::NOT_FOUND.into_response() };
    let until = Timestamp::from_millisecond(signed_query.expires).unwrap_or(Timestamp::MIN);
    if until <= context.now() {
        return access_denied();
    }
    // The context computes the expiry from the job's end; this URL's own expiry was checked
    // already.
    job.ended_at = Some(context.now());
    let key = auth::find_key(headers, None, &[KeySource::Authorization("Bearer")]);
    match context.download(&job, key.as_deref(), headers).await {
        Ok(response) => response,
        Err(FileUnavailable::Expired) => access_denied(),
        Err(FileUnavailable::KeyRequired) => StatusCode::UNAUTHORIZED.into_response(),
        Err(FileUnavailable::RenderFailed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(
            FileUnavailable::NotReady | FileUnavailable::NoVideo | FileUnavailable::NotYetStored,
        ) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The response of an object store to a URL that has expired or was tampered with.
fn access_denied() -> Response {
    let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    (StatusCode::FORBIDDEN, [("content-type", "application/xml")], body).into_response()
}

/// The signature detects a query that was cut or changed; the key is no secret.
fn sign(file: &str, expires: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"the lab's own");
    let tag = hmac::sign(&key, format!("{file}?{expires}").as_bytes());
    URL_SAFE_NO_PAD.encode(tag)
}
