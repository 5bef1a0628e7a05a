//! Where Replicate is, and calls with the token on them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Settings, SettingsError,
    call::{Call, Value},
};

/// What a name in a path may hold as it is.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The API of one account, and its token.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    base: String,
    token: SecretString,
}

impl Calls {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        if settings.api_key.expose_secret().trim().is_empty() {
            let why = "Replicate wants a token, `REPLICATE_API_TOKEN`; see replicate.com/account/api-tokens";
            return Err(SettingsError::Missing { option: "api_key", why });
        }
        let base = settings.base_url()?;
        let base = base.strip_suffix("/v1").unwrap_or(base);
        Ok(Self { base: format!("{base}/v1"), token: settings.api_key.clone() })
    }

    /// A place below the API.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// A place of a prediction.
    pub(super) fn prediction(&self, id: &str) -> String {
        self.url(&format!("predictions/{}", encoded(id)))
    }

    /// The call with the token on it.
    pub(super) fn signed(&self, call: Call) -> Call {
        call.header("authorization", Value::credentials("Bearer", &self.token))
    }

    /// Whether an address lies below the API, where the token belongs.
    pub(super) fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.base).is_some_and(|path| path.starts_with('/'))
    }
}

/// A name as part of a path or a query.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}
