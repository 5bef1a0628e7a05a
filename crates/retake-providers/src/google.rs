//! Google: Veo on Vertex AI, and what the Gemini API offers for video.
//!
//! Three wires, one account each. The usual one is Vertex AI (`predictLongRunning`, an access token or a service
//! account). `gemini-operations` is the wire on which the Gemini API offered Veo until 2026-10-22; resellers and
//! proxies still speak it. `interactions` is Gemini Omni, the video model of the Gemini API today. All three share
//! Google's error model ([`fault`]), its safety codes ([`safety`]) and the trap that a refusal by the filters
//! is a success without a video.
//!
//! Facts: Google's documentation and `google-genai` 3.4.0 (2.34.0 for the earlier wire), 2026-11-21.

mod credentials;
mod fault;
mod hook;
mod interactions;
mod media;
mod operations;
mod place;
mod safety;
mod storage;
#[cfg(test)]
mod tests;
mod veo;
mod vertex;

use std::sync::Arc;

use retake_core::catalog::Catalog;

pub(crate) use self::fault::exhaustion;
use crate::{Adapter, ProviderInfo, Settings, SettingsError};

/// Where the Gemini API is.
const GEMINI: &str = "https://generativelanguage.googleapis.com";

/// The variables for keys and base URLs are those of `google-genai` 3.4.0, which names base URLs without a
/// version, prefers `GOOGLE_API_KEY` and finds the credentials of Vertex AI through `google-auth`:
/// `GOOGLE_APPLICATION_CREDENTIALS` names a file, whose text is the key.
pub(crate) const FACTS: &[ProviderInfo] = &[
    ProviderInfo {
        provider: "google",
        variant: None,
        title: "Google Vertex AI",
        base_url: Some("https://us-central1-aiplatform.googleapis.com"),
        key_variables: &["GOOGLE_APPLICATION_CREDENTIALS"],
        base_url_variables: &["GOOGLE_VERTEX_BASE_URL"],
        option_variables: &[
            ("project", &["GOOGLE_CLOUD_PROJECT"]),
            ("location", &["GOOGLE_CLOUD_LOCATION"]),
            ("storage_url", &["STORAGE_EMULATOR_HOST"]),
        ],
        needed_options: &["project"],
        concurrency: 10,
    },
    ProviderInfo {
        provider: "google",
        variant: Some("interactions"),
        title: "Google Gemini API (Omni)",
        base_url: Some(GEMINI),
        key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        base_url_variables: &["GOOGLE_GEMINI_BASE_URL"],
        option_variables: &[],
        needed_options: &[],
        concurrency: 10,
    },
    ProviderInfo {
        provider: "google",
        variant: Some("gemini-operations"),
        title: "Google Gemini API (Veo, retired)",
        base_url: Some(GEMINI),
        key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        base_url_variables: &["GOOGLE_GEMINI_BASE_URL"],
        option_variables: &[],
        needed_options: &[],
        concurrency: 10,
    },
];

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    Ok(match settings.variant.as_deref() {
        Some("gemini-operations") => Box::new(operations::Operations::new(settings, catalog)),
        Some(_) => Box::new(interactions::Interactions::new(settings)),
        None => Box::new(vertex::Vertex::new(settings, catalog)?),
    })
}
