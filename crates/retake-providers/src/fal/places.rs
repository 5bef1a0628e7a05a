//! Where fal is, and what may be sent there.
//!
//! fal has three hosts: the queue, the platform and the storage. Who names another base URL (a proxy, an
//! emulator) has all of them there, unless the options `platform_url` and `rest_url` say otherwise; the key is
//! never sent to fal's own hosts then.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use crate::{
    Settings, SettingsError,
    call::{Call, Value},
    response,
};

/// The queue (fal docs, 2026-11-21).
pub(super) const QUEUE: &str = "https://queue.fal.run";
const PLATFORM: &str = "https://api.fal.ai/v1";
const REST: &str = "https://rest.fal.ai";

/// The places of one account, and its key.
#[derive(Clone, Debug)]
pub(super) struct Places {
    queue: String,
    platform: String,
    rest: String,
    key: SecretString,
}

impl Places {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let queue = settings.base_url()?.to_owned();
        let is_usual = queue == QUEUE;
        let place = |option: &str, usual: &str, there: String| {
            let place = settings.option(option).map(|url| url.trim_end_matches('/').to_owned());
            place.unwrap_or_else(|| if is_usual { usual.to_owned() } else { there })
        };
        Ok(Self {
            platform: place("platform_url", PLATFORM, format!("{queue}/v1")),
            rest: place("rest_url", REST, queue.clone()),
            key: key(settings)?,
            queue,
        })
    }

    /// A place in the queue: a model, or a request by its name.
    pub(super) fn queue(&self, path: &str) -> String {
        format!("{}/{path}", self.queue)
    }

    /// A place on the platform.
    pub(super) fn platform(&self, path: &str) -> String {
        format!("{}/{path}", self.platform)
    }

    /// A place at the storage, where the keys for notices are as well.
    pub(super) fn rest(&self, path: &str) -> String {
        format!("{}/{path}", self.rest)
    }

    /// The call with the key on it.
    pub(super) fn signed(&self, call: Call) -> Call {
        call.header("authorization", Value::credentials("Key", &self.key))
    }

    /// What is kept of a submit that was answered: where the request is below the queue. An address that is
    /// not on the account's own queue, or not plain, counts as none; it is then made from the model's path.
    pub(super) fn ticket(&self, answer: &Json, path: &str) -> Option<String> {
        let id =
            response::id(answer, "/request_id").filter(|id| is_plain(id) && !id.contains('/'))?;
        let told = response::text(answer, "/status_url")
            .and_then(|url| {
                url.strip_prefix(&self.queue)?.strip_prefix('/')?.strip_suffix("/status")
            })
            .filter(|ticket| {
                let app = ticket.strip_suffix(id).and_then(|app| app.strip_suffix("/requests/"));
                app.is_some_and(is_plain) && ticket.len() <= response::LONGEST_ID
            });
        Some(told.map_or_else(|| ticket_of(path, id), str::to_owned))
    }
}

/// Where a request is, by the path of its model: the queue knows it under the owner and the name of the model,
/// without what follows (`fal-client` 1.0.3).
pub(super) fn ticket_of(path: &str, id: &str) -> String {
    let parts = if matches!(path.split('/').next(), Some("workflows" | "comfy")) { 3 } else { 2 };
    let app: Vec<_> = path.split('/').take(parts).collect();
    format!("{}/requests/{id}", app.join("/"))
}

/// Whether this is a path of names and nothing else.
pub(super) fn is_plain(path: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    path.split('/').all(|name| !matches!(name, "" | "." | "..") && name.bytes().all(is_letter))
}

/// A value in the query of a URL.
pub(super) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

fn key(settings: &Settings) -> Result<SecretString, SettingsError> {
    if !settings.api_key.expose_secret().trim().is_empty() {
        return Ok(settings.api_key.clone());
    }
    match (settings.option("key_id"), settings.option("key_secret")) {
        (Some(id), Some(secret)) => Ok(format!("{id}:{secret}").into()),
        _ => Err(SettingsError::Missing {
            option: "api_key",
            why: "fal wants a key, `FAL_KEY`, as `id:secret`; see fal.ai/dashboard/keys",
        }),
    }
}
