//! An account as its calls need it: where the API is, what shows the key, and which addresses are its own.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use super::dialect::{Dialect, Key, Source};
use crate::{Call, Settings, SettingsError, Value};

/// What an id keeps as it is in a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An answer about a render may carry the file, in base64: one of 72 MiB.
const LARGEST_INLINE: usize = 96 << 20;

/// The calls of one account.
pub(super) struct Account {
    pub(super) dialect: &'static Dialect,
    pub(super) webhook_secret: Option<SecretString>,
    /// Without a slash at the end.
    base: String,
    origin: Origin,
    key: SecretString,
    organization: Option<String>,
    project: Option<String>,
    api_version: Option<String>,
}

/// Scheme, host and port: what decides whether an address is the account's own.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Account {
    /// An account, if what it needs was said.
    pub(super) fn new(
        settings: &Settings,
        dialect: &'static Dialect,
    ) -> Result<Self, SettingsError> {
        let given = settings.base_url()?;
        let unusable = || SettingsError::Unusable {
            option: "base_url",
            why: format!("`{given}` is no URL such as `https://api.example.com/v1`"),
        };
        let uri: Uri = given.parse().map_err(|_| unusable())?;
        let origin = Origin::of(&uri).ok_or_else(unusable)?;
        let needs_key = dialect.key != (Key::Bearer { needed: false });
        if needs_key && settings.api_key.expose_secret().is_empty() {
            let why = "nothing is rendered there without a key";
            return Err(SettingsError::Missing { option: "api_key", why });
        }
        let option = |name| settings.option(name).map(str::to_owned);
        let says_version = dialect.api_version.is_some();
        Ok(Self {
            base: rooted(given, &uri, dialect.root),
            origin,
            key: settings.api_key.clone(),
            organization: option("organization"),
            project: option("project"),
            api_version: option("api_version")
                .filter(|_| says_version)
                .or(dialect.api_version.map(str::to_owned)),
            webhook_secret: option("webhook_secret").map(SecretString::from),
            dialect,
        })
    }

    /// A URL of the API. Values of the query are encoded.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let version = self.api_version.as_deref().map(|version| ("api-version", version));
        let pairs: Vec<_> = version
            .into_iter()
            .chain(query.iter().copied())
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{}", self.base, pairs.join("&"))
    }

    /// Asks for one render.
    pub(super) fn job(&self, id: &str) -> Call {
        let path = format!("{}/{}", self.dialect.create, encoded(id));
        let call = self.sign(Call::get(self.url(&path, &[])));
        match self.dialect.result {
            Source::Content => call,
            Source::NamedOrContent | Source::Generation => {
                Call { largest_answer: LARGEST_INLINE, ..call }
            }
        }
    }

    /// The same call with the key, and with what else says whose it is.
    pub(super) fn sign(&self, mut call: Call) -> Call {
        if !self.key.expose_secret().is_empty() {
            call = match self.dialect.key {
                Key::Bearer { .. } => {
                    call.header("authorization", Value::credentials("Bearer", &self.key))
                }
                Key::Header(name) => call.header(name, self.key.clone()),
            };
        }
        if let Some(organization) = &self.organization {
            call = call.header("openai-organization", organization.as_str());
        }
        if let Some(project) = &self.project {
            call = call.header("openai-project", project.as_str());
        }
        call
    }

    /// Asks for an address that an answer named. The key goes along only to the account's own host.
    pub(super) fn follow(&self, address: &str) -> Option<Call> {
        let address = match address.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => format!("{}/{rest}", self.origin),
            _ => address.to_owned(),
        };
        // Where two readers of a URL could see two hosts, nothing is sent.
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@');
        if address.contains(is_odd) {
            return None;
        }
        let origin = Origin::of(&address.split('#').next()?.parse().ok()?)?;
        let call = Call::get(address);
        Some(if origin == self.origin { self.sign(call) } else { call })
    }
}

/// An id as part of a path.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_PATH).to_string()
}

/// The base URL, with the usual path where it names only a host. Azure's endpoint never has one.
fn rooted(given: &str, uri: &Uri, root: &str) -> String {
    let is_bare = uri.path().trim_matches('/').is_empty();
    let given = given.trim_end_matches('/');
    if is_bare { format!("{given}{root}") } else { given.to_owned() }
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self { scheme, host, port: uri.port_u16().unwrap_or(usual) })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}
