//! Accounts: what the owner of a gateway says of one, and the facts of each provider that fill the rest.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use retake_core::catalog::Catalog;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Proxy, Remote, Secrets, Timer, Transport, TransportError, fal, google, luma, openai, replicate,
    runway,
};

/// An account as its owner describes it. Some of its options are secret, so `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Settings {
    /// The provider: `runway`.
    pub provider: String,
    /// Which of the provider's APIs or dialects it speaks; nothing for the usual one.
    pub variant: Option<String>,
    /// Where the API is, when that is not where it usually is.
    pub base_url: Option<String>,
    /// The key.
    pub api_key: SecretString,
    /// What only some providers need, by name: `project`, `location`, `storage_uri`, `api_version`,
    /// `encoding`, `webhook_secret`.
    pub options: BTreeMap<String, String>,
    /// How long until a render is asked about again, instead of what the provider advises.
    pub poll_interval: Option<Duration>,
    /// The longest that a render may take, instead of what is usual there.
    pub render_timeout: Option<Duration>,
    /// How long an answer may take to begin, where that is less than is usual there.
    pub response_timeout: Option<Duration>,
    /// Which proxy its calls go through.
    pub proxy: Proxy,
    /// What nobody may be shown, whoever repeats it: the keys of all accounts.
    pub guarded: Secrets,
}

/// What is known of a provider's accounts before anybody has one.
#[derive(Clone, Copy, Debug)]
pub struct ProviderInfo {
    /// The provider, as the catalog calls it.
    pub provider: &'static str,
    /// Which of its APIs or dialects; nothing for the usual one.
    pub variant: Option<&'static str>,
    /// Its name for people.
    pub title: &'static str,
    /// Where its API is; nothing where every customer has an address of their own.
    pub base_url: Option<&'static str>,
    /// The variables in which its own tools look for a key, in their order.
    pub key_variables: &'static [&'static str],
    /// The variables in which its own tools look for another base URL.
    pub base_url_variables: &'static [&'static str],
    /// What only some providers need, as the option and the variables in which its own tools look for it.
    pub option_variables: &'static [(&'static str, &'static [&'static str])],
    /// The options without which it cannot work.
    pub needed_options: &'static [&'static str],
    /// Renders that a new account may have at once.
    pub concurrency: u32,
}

/// Why an account cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody knows that provider.
    #[error("`{provider}` is no provider; there are {known}")]
    Provider {
        /// The name.
        provider: String,
        /// Those that there are.
        known: String,
    },
    /// The provider has no such variant.
    #[error("`{variant}` is no variant of `{provider}`; there are {known}")]
    Variant {
        /// The provider.
        provider: String,
        /// The name.
        variant: String,
        /// Those that there are.
        known: String,
    },
    /// Something has to be said.
    #[error("`{option}` is missing: {why}")]
    Missing {
        /// The option.
        option: &'static str,
        /// What it is for, and where to find it.
        why: &'static str,
    },
    /// Something is said that cannot be.
    #[error("`{option}` cannot be used: {why}")]
    Unusable {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// There is no way there.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// The facts of every provider and variant, in the order in which keys are looked for.
pub fn facts() -> impl Iterator<Item = &'static ProviderInfo> {
    [openai::FACTS, google::FACTS, runway::FACTS, luma::FACTS, fal::FACTS, replicate::FACTS]
        .into_iter()
        .flatten()
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("provider", &self.provider)
            .field("variant", &self.variant)
            .field("base_url", &self.base_url)
            .field("options", &self.options.keys())
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The facts of its provider and variant.
    pub fn facts(&self) -> Result<&'static ProviderInfo, SettingsError> {
        let (provider, variant) = (&self.provider, self.variant.as_deref());
        let list = |names: Vec<&str>| names.join(", ");
        let of_provider: Vec<_> = facts().filter(|facts| facts.provider == provider).collect();
        if of_provider.is_empty() {
            let mut known: Vec<_> = facts().map(|facts| facts.provider).collect();
            known.dedup();
            let provider = provider.clone();
            return Err(SettingsError::Provider { provider, known: list(known) });
        }
        let found = of_provider.iter().copied().find(|facts| facts.variant == variant);
        found.ok_or_else(|| SettingsError::Variant {
            provider: provider.clone(),
            variant: variant.unwrap_or_default().to_owned(),
            known: list(of_provider.iter().filter_map(|facts| facts.variant).collect()),
        })
    }

    /// Where its API is, without a slash at the end.
    pub fn base_url(&self) -> Result<&str, SettingsError> {
        let missing = SettingsError::Missing {
            option: "base_url",
            why: "every customer of this provider has an address of their own",
        };
        let url = self.base_url.as_deref().or(self.facts()?.base_url).ok_or(missing)?;
        Ok(url.trim_end_matches('/'))
    }

    /// Whether the API is at another place than the provider's own. There may be what the provider does not
    /// offer, or not any more.
    pub fn is_elsewhere(&self) -> bool {
        let usual = self.facts().ok().and_then(|facts| facts.base_url);
        let named = self.base_url.as_deref().map(|url| url.trim_end_matches('/'));
        let dialect = self.provider == "openai" && self.variant.is_some();
        dialect || named.is_some_and(|url| usual != Some(url))
    }

    /// Everything about it that is secret.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let options = ["webhook_secret", "key_secret"].into_iter().filter_map(|it| self.option(it));
        std::iter::once(self.api_key.expose_secret()).chain(options)
    }

    /// One of its options.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Opens an account, which goes by this time.
pub fn open(
    settings: &Settings,
    catalog: &Arc<Catalog>,
    timer: Arc<dyn Timer>,
) -> Result<Remote, SettingsError> {
    let facts = settings.facts()?;
    let adapter = match facts.provider {
        "openai" => openai::adapter(settings, catalog)?,
        "google" => google::adapter(settings, catalog)?,
        "runway" => runway::adapter(settings, catalog)?,
        "luma" => luma::adapter(settings, catalog)?,
        "fal" => fal::adapter(settings, catalog)?,
        _ => replicate::adapter(settings, catalog)?,
    };
    let secrets = settings.guarded.with(settings.secrets());
    let transport = Transport::new(settings.base_url()?)?
        .with_patience(settings.response_timeout)
        .with_timer(Arc::clone(&timer))
        .with_secrets(secrets)
        .with_proxy(&settings.proxy)?;
    let remote = Remote::new(adapter, transport, move || timer.now());
    Ok(remote.with_pace(settings.poll_interval, settings.render_timeout))
}
