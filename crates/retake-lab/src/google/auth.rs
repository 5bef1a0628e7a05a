//! Authentication: a token stands for an account on Vertex, an API key for itself on the Gemini API.

use axum::response::Response;
use http::request::Parts;

use super::{
    error_text::{self, Api},
    oauth,
};
use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::EmulatorContext,
    simulator::Refusal,
};

/// A caller of Vertex or of Cloud Storage; the key is the account.
pub(super) type VertexCaller = auth::Caller<VertexAuth>;

/// How callers of Vertex authenticate.
pub(super) struct VertexAuth;

impl AuthScheme for VertexAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Authorization("Bearer")]
    }

    fn resolve(context: &EmulatorContext, token: String) -> Result<String, Response> {
        oauth::resolve_account(context, &token).map_err(|status| status.response())
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        error_text::refusal(Api::Vertex, refusal).response()
    }
}

/// A caller of the Gemini API.
pub(super) type GeminiCaller = auth::Caller<GeminiAuth>;

/// How callers of the Gemini API authenticate.
pub(super) struct GeminiAuth;

impl AuthScheme for GeminiAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        &[KeySource::Header("x-goog-api-key"), KeySource::QueryParameter("key")]
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        error_text::refusal(Api::Gemini, refusal).response()
    }
}
