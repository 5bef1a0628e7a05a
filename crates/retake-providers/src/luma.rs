//! Luma, which has two APIs with hosts, keys and models of their own.
//!
//! The usual variant is the Dream Machine API ([`dream`]): `ray-2` and `ray-flash-2`. It takes pictures only
//! as public URLs, tells each change of a render to a URL that it is given, and lists what was asked of it,
//! that URL included, so that a lost submit can be found again. The variant `agents` is the Agents API
//! ([`agents`]): `ray-3.2`, pictures in the request, a closed list of failure codes, and no list and no cancel.
//!
//! Facts: `lumaai` 1.21.0, `luma-agents` 0.5.0 and Luma's pages on errors, limits and callbacks, 2026-11-21.

mod agents;
mod dream;
mod fault;
mod frame;
mod list;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use retake_core::{catalog::Catalog, request::RenderSpec};
use secrecy::SecretString;

use crate::{
    Adapter, Answer, Call, FetchError, ProviderInfo, Reply, Settings, SettingsError, SubmitError,
    Submitted, Value, response,
};

pub(crate) const FACTS: &[ProviderInfo] = &[
    ProviderInfo {
        provider: "luma",
        variant: None,
        title: "Luma Dream Machine",
        base_url: Some("https://api.lumalabs.ai/dream-machine/v1"),
        key_variables: &["LUMAAI_API_KEY"],
        base_url_variables: &["LUMAAI_BASE_URL"],
        option_variables: &[],
        needed_options: &[],
        // The tier "Build", with which an account begins.
        concurrency: 10,
    },
    ProviderInfo {
        provider: "luma",
        variant: Some("agents"),
        title: "Luma Agents",
        base_url: Some("https://agents.lumalabs.ai/v1"),
        key_variables: &["LUMA_AGENTS_API_KEY"],
        base_url_variables: &["LUMA_BASE_URL"],
        option_variables: &[],
        needed_options: &[],
        // Each account has a limit of its own, which only its dashboard tells: begin with little.
        concurrency: 2,
    },
];

/// How often to ask. Both documentations ask every two to five seconds.
const PACE: Duration = Duration::from_secs(5);

/// The adapter for an account.
pub(crate) fn adapter(
    settings: &Settings,
    _catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    let api = Api { base: settings.base_url()?.to_owned(), key: settings.api_key.clone() };
    Ok(match settings.variant {
        Some(_) => Box::new(agents::Agents::new(api)),
        None => Box::new(dream::Dream::new(api)),
    })
}

/// Where an API is and how it is spoken to, which is the same for both.
#[derive(Clone)]
struct Api {
    base: String,
    key: SecretString,
}

impl Api {
    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn generation(&self, id: &str) -> String {
        self.url(&format!("generations/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)))
    }

    fn signed(&self, call: Call) -> Call {
        call.header("authorization", Value::credentials("Bearer", &self.key))
    }

    fn ask_for(&self, id: &str) -> Call {
        self.signed(Call::get(self.generation(id)))
    }
}

/// Reads the answer to a create. A success that names no generation may have made one.
fn created(answer: Answer) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(response::failed_create(reply.status, fault::body_of(&reply), &[]));
    }
    let id = reply.json().and_then(|json| response::id(&json, "/id").map(str::to_owned));
    id.map(Submitted::from).ok_or_else(|| {
        let what = "the answer to the create names no generation";
        SubmitError::Lost(response::unexpected(&reply, what))
    })
}

/// When to ask again: the provider's own pause first, within reason.
fn ask_again(reply: &Reply) -> Duration {
    let asked = reply.retry_after().and_then(|pause| Duration::try_from(pause).ok());
    asked.map_or(PACE, |pause| pause.clamp(Duration::from_secs(1), Duration::from_mins(1)))
}

/// A link that does not open any more is replaced by the next look at the generation.
fn refused_download(reply: &Reply) -> FetchError {
    match reply.status.as_u16() {
        401 | 403 => {
            let message = format!("the link has expired: {}", response::plain(&reply.body));
            FetchError::Later(fault::lost(message))
        }
        _ => response::refused_download(reply),
    }
}

/// What neither API has a word for.
fn refuse_what_cannot_be_said(model: &str, spec: &RenderSpec) -> Result<(), String> {
    let problem = if spec.audio {
        "makes no sound; leave `audio` out, or take another model"
    } else if spec.negative_prompt.is_some() {
        "takes no negative prompt; leave it out"
    } else if !spec.characters.is_empty() {
        "takes no characters; leave them out"
    } else if spec.origin.is_some() {
        "is asked for new videos only; take another model to change or extend one"
    } else {
        return Ok(());
    };
    Err(format!("`{model}` {problem}"))
}
