//! Who is calling: a token's account on Vertex, an API key on the Gemini API.

use axum::extract::Query;
use http::{HeaderMap, Uri};

use super::{
    oauth,
    status::Status,
    wording::{self, Wire},
};
use crate::{emulator_context::EmulatorContext, intake};

/// Lets the bearer of a token in; returns the account that it stands for.
pub(super) fn bearer(desk: &EmulatorContext, headers: &HeaderMap) -> Result<String, Status> {
    let account = match intake::authorization(headers, "Bearer") {
        Some(token) => Some(oauth::account(desk, &token)?),
        None => None,
    };
    desk.authenticate(account).map_err(|it| wording::refusal(Wire::Vertex, &it))
}

/// Lets the holder of an API key in, shown in `x-goog-api-key` or in `?key=`.
pub(super) fn api_key(
    desk: &EmulatorContext,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<String, Status> {
    let key = intake::named(headers, "x-goog-api-key").map(str::to_owned);
    let key = key.or_else(|| parameter(uri, "key"));
    desk.authenticate(key).map_err(|it| wording::refusal(Wire::Gemini, &it))
}

/// A parameter of the query.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
