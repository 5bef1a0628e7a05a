//! Paths and queries, read so that what cannot be read is answered in the shape of every other error.

use axum::{
    extract::{FromRequestParts, Path, Query},
    response::Response,
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;
use axum::response::IntoResponse as _;

/// The names in a path.
pub(super) struct Named<T>(pub(super) T);

/// The parameters after the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Named<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named))
            .map_err(|rejection| Problem::unreadable(&rejection.body_text()).into_response())
    }
}

impl<T, S> FromRequestParts<S> for Asked<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| Problem::unreadable(&rejection.body_text()).into_response())
    }
}
