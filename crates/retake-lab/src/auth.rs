//! Authenticates callers: finds the API key in a request and checks it.
//!
//! Providers differ in where the key stands and in how they refuse a bad one. An emulator declares
//! both as an [`AuthScheme`]. Its handlers take a [`Caller`] and run only when the key was accepted.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, Query},
    response::Response,
};
use http::{HeaderMap, Uri, header, request::Parts};

use crate::{emulator_context::EmulatorContext, headers, simulator::Refusal};

/// A place in a request where an API key may stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeySource {
    /// The header `Authorization: <scheme> <key>`; the scheme is compared without regard to case.
    Authorization(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// A query parameter of this name.
    QueryParameter(&'static str),
    /// Nowhere: a caller without a key gets this one.
    Anonymous(&'static str),
}

/// How the callers of one API authenticate.
pub(crate) trait AuthScheme: Send + Sync + 'static {
    /// The places that are searched for a key, the preferred one first.
    fn key_sources(parts: &Parts) -> &'static [KeySource];

    /// The key that a credential stands for, for APIs whose credential is a token.
    fn resolve(_context: &EmulatorContext, credential: String) -> Result<String, Response> {
        Ok(credential)
    }

    /// The response to a caller whose key is missing or refused.
    fn reject(parts: &Parts, refusal: &Refusal) -> Response;
}

/// A caller whose key was accepted. Handlers that take one are not run for anybody else.
pub(crate) struct Caller<S> {
    pub(crate) key: String,
    scheme: PhantomData<S>,
}

impl<S: AuthScheme> FromRequestParts<EmulatorContext> for Caller<S> {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &EmulatorContext,
    ) -> Result<Self, Response> {
        let credential = find_key(&parts.headers, Some(&parts.uri), S::key_sources(parts));
        let key = credential.map(|it| S::resolve(context, it)).transpose()?;
        match context.authenticate(key) {
            Ok(key) => Ok(Self { key, scheme: PhantomData }),
            Err(refusal) => Err(S::reject(parts, &refusal)),
        }
    }
}

/// The key in the first of these places that has one.
pub(crate) fn find_key(
    headers: &HeaderMap,
    uri: Option<&Uri>,
    sources: &[KeySource],
) -> Option<String> {
    sources.iter().find_map(|source| match source {
        KeySource::Authorization(scheme) => authorization(headers, scheme),
        KeySource::Header(name) => headers::text(headers, name).map(str::to_owned),
        KeySource::QueryParameter(name) => query_parameter(uri?, name),
        KeySource::Anonymous(key) => Some((*key).to_owned()),
    })
}

/// The value of a query parameter.
pub(crate) fn query_parameter(uri: &Uri, name: &str) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn authorization(headers: &HeaderMap, scheme: &str) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (found, key) = value.split_once(' ')?;
    let key = key.trim();
    (found.eq_ignore_ascii_case(scheme) && !key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_behind_its_scheme_only() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "bearer lab-key".parse().unwrap());

        let with = |source| find_key(&headers, None, &[source]);
        assert_eq!(with(KeySource::Authorization("Bearer")).as_deref(), Some("lab-key"));
        assert_eq!(with(KeySource::Authorization("Key")), None);
    }

    #[test]
    fn the_first_place_with_a_key_wins() {
        let mut headers = HeaderMap::new();
        headers.insert("api-key", "second".parse().unwrap());
        let uri = Uri::from_static("/v1/models?key=third");
        let sources = [
            KeySource::Authorization("Bearer"),
            KeySource::Header("api-key"),
            KeySource::QueryParameter("key"),
        ];

        assert_eq!(find_key(&headers, Some(&uri), &sources).as_deref(), Some("second"));
        assert_eq!(find_key(&HeaderMap::new(), Some(&uri), &sources).as_deref(), Some("third"));
        let anonymous = [KeySource::Header("api-key"), KeySource::Anonymous("nobody")];
        assert_eq!(find_key(&HeaderMap::new(), None, &anonymous).as_deref(), Some("nobody"));
    }
}
