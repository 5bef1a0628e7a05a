//! The accounts in force, with their keys: those of the file, or those whose keys are in the environment.
//!
//! A key is never written into the settings. What is written is where it is, and what was found there is
//! carried along apart, so that no print-out of the settings can show one.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use jiff::SignedDuration;
use retake_core::catalog::{Catalog, Model};
use retake_providers::{
    ProviderInfo, Proxy, ProxyVariables, Secrets as Guarded, Settings, SettingsError, facts,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{AccountConfig, BUILT_IN, Config, ConfigProblem, Environment, Source};

/// The accounts that can be used, with their keys, by their names.
#[derive(Clone, Default)]
pub struct OpenAccounts(BTreeMap<String, Settings>);

/// What one account keeps secret.
#[derive(Clone, Default)]
struct Secrets {
    api_key: SecretString,
    webhook_secret: Option<SecretString>,
}

/// The models that are known: those that ship, and those of the owner's file.
#[derive(Clone)]
pub struct KnownModels(pub Arc<Catalog>);

impl fmt::Debug for OpenAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl PartialEq for OpenAccounts {
    fn eq(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}

impl Default for KnownModels {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a test reads the shipped catalog")]
        Self(Arc::new(Catalog::shipped().expect("the shipped catalog is sound")))
    }
}

impl fmt::Debug for KnownModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} models", self.0.models().len())
    }
}

impl PartialEq for KnownModels {
    fn eq(&self, other: &Self) -> bool {
        let names =
            |known: &Self| known.0.models().iter().map(Model::to_string).collect::<Vec<_>>();
        names(self) == names(other)
    }
}

impl Config {
    /// Reads the owner's catalog, and finds the accounts and their keys.
    pub(super) fn complete(
        &mut self,
        environment: &Environment,
        sources: &mut BTreeMap<String, Source>,
        problems: &mut Vec<ConfigProblem>,
    ) {
        self.read_catalog(problems);
        if self.accounts.is_empty() {
            self.discover(environment, sources);
            self.accounts_found = !self.accounts.is_empty();
        }
        let mut open = BTreeMap::new();
        for (name, account) in &self.accounts {
            if name == BUILT_IN {
                problems.push(ConfigProblem::new(
                    format!("accounts.{name}"),
                    "the name of the embedded renderer",
                    "another name",
                    "choose a name of your own for this account",
                ));
                continue;
            }
            if let Some(settings) = account.open(name, environment, problems) {
                open.insert(name.clone(), settings);
            }
        }
        // A provider may repeat the key of another account: a relay that both go through, say.
        let guarded = Guarded::new(open.values().flat_map(Settings::secrets));
        for settings in open.values_mut() {
            settings.guarded = guarded.clone();
        }
        self.open_accounts = OpenAccounts(open);
    }

    fn read_catalog(&mut self, problems: &mut Vec<ConfigProblem>) {
        if self.catalog.as_os_str().is_empty() {
            return;
        }
        let mut refuse = |why: String| {
            problems.push(ConfigProblem::new(
                "catalog",
                format!("{} ({why})", self.catalog.display()),
                "a file with entries like those of the shipped catalog",
                "see providers.md for an example of an entry",
            ));
        };
        match std::fs::read_to_string(&self.catalog) {
            Err(error) => refuse(error.to_string()),
            Ok(text) => match Catalog::parse(&text) {
                Err(error) => refuse(retake_core::fault::chain(&error)),
                Ok(own) => {
                    let shipped = Arc::unwrap_or_clone(KnownModels::default().0);
                    self.known_models = KnownModels(Arc::new(shipped.with(own)));
                }
            },
        }
    }

    /// The accounts whose keys are in the environment.
    fn discover(&mut self, environment: &Environment, sources: &mut BTreeMap<String, Source>) {
        for facts in facts() {
            let Some(variable) = facts.key_in(environment).or_else(|| facts.pair_in(environment))
            else {
                continue;
            };
            let name = match facts.variant {
                None => facts.provider.to_owned(),
                Some(variant) => format!("{}-{variant}", facts.provider),
            };
            let complete = facts
                .needed_options
                .iter()
                .all(|option| facts.option_in(option, environment).is_some());
            // Keys that several of a provider's APIs share belong to the first that can be used.
            let taken = self
                .accounts
                .values()
                .any(|other| !other.api_key_env.is_empty() && other.api_key_env == variable);
            if !complete
                || taken
                || (facts.base_url.is_none() && facts.url_in(environment).is_none())
            {
                continue;
            }
            let account = AccountConfig {
                provider: facts.provider.to_owned(),
                variant: facts.variant.unwrap_or_default().to_owned(),
                api_key_env: facts.key_in(environment).unwrap_or_default().to_owned(),
                ..AccountConfig::default()
            };
            for setting in ["provider", "variant", "api_key_env"] {
                let source = Source::Variable(variable.to_owned());
                sources.insert(format!("accounts.{name}.{setting}"), source);
            }
            self.accounts.insert(name, account);
        }
    }
}

impl OpenAccounts {
    /// The accounts, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Settings)> {
        self.0.iter()
    }
}

impl AccountConfig {
    /// All that its provider needs, with its key, unless something is wrong, which is told.
    fn open(
        &self,
        name: &str,
        environment: &Environment,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<Settings> {
        let facts = match self.settings(&Secrets::default(), environment).facts() {
            Ok(facts) => facts,
            Err(error) => {
                problems.push(unusable(name, &error));
                return None;
            }
        };
        let api_key = match self.api_key(facts, environment) {
            Ok(key) => key,
            Err((setting, found)) => {
                problems.push(ConfigProblem::new(
                    format!("accounts.{name}.{setting}"),
                    found,
                    "the key of the account",
                    match facts.key_variables {
                        [] => "set the variable, or name another one".to_owned(),
                        [usual, ..] => format!("set {usual}, or name another variable"),
                    },
                ));
                return None;
            }
        };
        let variable = Some(self.webhook_secret_env.as_str()).filter(|name| !name.is_empty());
        let webhook_secret =
            variable.and_then(|name| environment.get(name)).map(SecretString::from);
        if let (Some(variable), None) = (variable, &webhook_secret) {
            problems.push(ConfigProblem::new(
                format!("accounts.{name}.webhook_secret_env"),
                format!("{variable}, which is not set"),
                "a variable that holds a secret",
                "set it, or take the setting out",
            ));
        }
        if let Err(error) = self.proxy_in(environment) {
            problems.push(ConfigProblem::new(
                format!("accounts.{name}.proxy"),
                error.to_string(),
                "the URL of a proxy, or `none`",
                "write it as `http://proxy.example.com:3128`",
            ));
            return None;
        }
        let settings = self.settings(&Secrets { api_key, webhook_secret }, environment);
        let missing = facts.needed_options.iter().find(|option| settings.option(option).is_none());
        let url = settings.base_url();
        let trouble = match (missing, &url) {
            (Some(option), _) => Some(SettingsError::Missing {
                option,
                why: "this provider's API cannot be called without it",
            }),
            (None, Err(_)) => url.err(),
            (None, Ok(_)) => None,
        };
        if let Some(error) = trouble {
            problems.push(unusable(name, &error));
            return None;
        }
        Some(settings)
    }

    fn proxy_in(&self, environment: &Environment) -> Result<Proxy, SettingsError> {
        let variables = ProxyVariables::of(|name| environment.get(name));
        Ok(Proxy::of(&self.proxy, variables)?)
    }

    /// The key, or the setting to blame and what was found there.
    fn api_key(
        &self,
        facts: &ProviderInfo,
        environment: &Environment,
    ) -> Result<SecretString, (&'static str, String)> {
        if !self.api_key_file.as_os_str().is_empty() {
            let path = environment.folder().join(&self.api_key_file);
            return read_key(&path).map_err(|why| ("api_key_file", why));
        }
        let named = Some(self.api_key_env.as_str()).filter(|name| !name.is_empty());
        let Some(variable) = named.or_else(|| facts.key_in(environment)) else {
            // A server of one's own may want none, and some keys come in two halves.
            let none_needed =
                facts.key_variables.is_empty() || facts.pair_in(environment).is_some();
            if none_needed {
                return Ok(SecretString::default());
            }
            return Err(("api_key_env", "nothing".to_owned()));
        };
        let Some(value) = environment.get(variable) else {
            return Err(("api_key_env", format!("{variable}, which is not set")));
        };
        if names_a_file(variable) {
            let path = environment.folder().join(value);
            return read_key(&path).map_err(|why| ("api_key_env", why));
        }
        Ok(SecretString::from(value.trim()))
    }

    fn settings(&self, secrets: &Secrets, environment: &Environment) -> Settings {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let mut settings = Settings {
            provider: self.provider.clone(),
            variant: text(&self.variant),
            base_url: text(&self.base_url),
            api_key: secrets.api_key.clone(),
            options: BTreeMap::new(),
            poll_interval: positive(self.poll_interval),
            render_timeout: positive(self.render_timeout),
            response_timeout: positive(self.response_timeout),
            // What is no proxy is told where the account is opened.
            proxy: self.proxy_in(environment).unwrap_or_default(),
            guarded: Guarded::default(),
        };
        let own = [
            ("project", &self.project),
            ("location", &self.location),
            ("storage_uri", &self.storage_uri),
            ("api_version", &self.api_version),
            ("encoding", &self.encoding),
        ];
        for (option, value) in own {
            if !value.is_empty() {
                settings.options.insert(option.to_owned(), value.clone());
            }
        }
        if let Some(secret) = &secrets.webhook_secret {
            let secret = secret.expose_secret().to_owned();
            settings.options.insert("webhook_secret".to_owned(), secret);
        }
        let Ok(facts) = settings.facts() else { return settings };
        if settings.base_url.is_none() {
            settings.base_url = facts.url_in(environment).map(str::to_owned);
        }
        for (option, _) in facts.option_variables {
            if let (None, Some(value)) =
                (settings.option(option), facts.option_in(option, environment))
            {
                settings.options.insert((*option).to_owned(), value.to_owned());
            }
        }
        settings
    }
}

/// A time that was set, which nothing is not.
fn positive(time: SignedDuration) -> Option<Duration> {
    Duration::try_from(time).ok().filter(|time| !time.is_zero())
}

fn unusable(name: &str, error: &SettingsError) -> ConfigProblem {
    let (setting, remedy) = match error {
        SettingsError::Provider { .. } => ("provider", "name one of these"),
        SettingsError::Variant { .. } => ("variant", "name one of these, or leave it out"),
        SettingsError::Missing { option, .. } | SettingsError::Unusable { option, .. } => {
            (*option, "set it in retake.toml")
        }
        SettingsError::Transport(_) => ("base_url", "write it as `https://api.example.com/v1`"),
    };
    let key = format!("accounts.{name}.{setting}");
    ConfigProblem::new(key, error.to_string(), "an account that can be used", remedy)
}

/// Whether a variable holds the path of a file with the key, and not the key.
fn names_a_file(variable: &str) -> bool {
    variable.ends_with("_CREDENTIALS")
}

fn read_key(path: &std::path::Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{}, which cannot be read ({error})", path.display()))?;
    match text.trim() {
        "" => Err(format!("{}, which is empty", path.display())),
        key => Ok(SecretString::from(key)),
    }
}

/// What the environment says of a provider's accounts.
trait Found {
    /// The first of the variables for a key that is set.
    fn key_in<'a>(&'a self, environment: &Environment) -> Option<&'a str>;
    /// The first of the two variables that a key comes in, if both are set.
    fn pair_in<'a>(&'a self, environment: &Environment) -> Option<&'a str>;
    /// The base URL.
    fn url_in<'a>(&self, environment: &'a Environment) -> Option<&'a str>;
    /// The value of an option.
    fn option_in<'a>(&self, option: &str, environment: &'a Environment) -> Option<&'a str>;
}

impl Found for ProviderInfo {
    fn key_in<'a>(&'a self, environment: &Environment) -> Option<&'a str> {
        self.key_variables.iter().copied().find(|name| environment.get(name).is_some())
    }

    fn pair_in<'a>(&'a self, environment: &Environment) -> Option<&'a str> {
        let [id, secret] = ["key_id", "key_secret"].map(|half| {
            let (_, names) = self.option_variables.iter().find(|(option, _)| *option == half)?;
            names.iter().copied().find(|name| environment.get(name).is_some())
        });
        secret.and(id)
    }

    fn url_in<'a>(&self, environment: &'a Environment) -> Option<&'a str> {
        self.base_url_variables.iter().find_map(|name| environment.get(name))
    }

    fn option_in<'a>(&self, option: &str, environment: &'a Environment) -> Option<&'a str> {
        let (_, variables) = self.option_variables.iter().find(|(name, _)| *name == option)?;
        variables.iter().find_map(|name| environment.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Loaded;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Loaded, crate::config::ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join("retake.toml"), file).unwrap();
        }
        std::fs::write(folder.path().join("key.json"), "{\"type\": \"service_account\"}").unwrap();
        let home = [("HOME", "/home/ada")];
        let all = home.into_iter().chain(variables.iter().copied());
        Config::load(None, &Environment::of(folder.path(), all))
    }

    fn accounts(file: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let config = load(file, variables).unwrap().config;
        config.open_accounts.iter().map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn one_key_in_the_environment_is_an_account_without_any_settings() {
        for (variable, account) in [
            ("OPENAI_API_KEY", "openai"),
            ("OPENROUTER_API_KEY", "openai-openrouter"),
            ("GEMINI_API_KEY", "google-interactions"),
            ("RUNWAYML_API_SECRET", "runway"),
            ("LUMAAI_API_KEY", "luma"),
            ("LUMA_AGENTS_API_KEY", "luma-agents"),
            ("FAL_KEY", "fal"),
            ("REPLICATE_API_TOKEN", "replicate"),
        ] {
            assert_eq!(accounts("", &[(variable, "key_of_nobody")]), [account]);
        }
        let halves = [("FAL_KEY_ID", "id"), ("FAL_KEY_SECRET", "secret")];
        assert_eq!(accounts("", &halves), ["fal"]);
        assert!(accounts("", &halves[..1]).is_empty());
    }

    #[test]
    fn a_relay_can_be_told_to_take_json() {
        let file = "[accounts.shop]\nprovider = \"openai\"\nvariant = \"relay\"\n\
             base_url = \"https://relay.example/v1\"\nencoding = \"json\"\n";

        let config = load(file, &[]).unwrap().config;

        let (_, settings) = config.open_accounts.iter().next().unwrap();
        assert_eq!(settings.option("encoding"), Some("json"));
    }

    #[test]
    fn vertex_wants_a_project_beside_the_file_with_its_key() {
        let file = ("GOOGLE_APPLICATION_CREDENTIALS", "key.json");

        assert!(accounts("", &[file]).is_empty());
        assert_eq!(accounts("", &[file, ("GOOGLE_CLOUD_PROJECT", "p")]), ["google"]);
    }

    #[test]
    fn a_base_url_is_found_where_the_providers_own_tools_look_for_it() {
        let url = "http://127.0.0.1:9503";
        let variables = [("RUNWAYML_API_SECRET", "key_of_nobody"), ("RUNWAYML_BASE_URL", url)];

        let config = load("", &variables).unwrap().config;

        let (_, settings) = config.open_accounts.iter().next().unwrap();
        assert_eq!(settings.base_url().unwrap(), url);
        assert!(settings.is_elsewhere());
    }

    #[test]
    fn with_accounts_in_the_file_those_count_and_no_others() {
        let file = "[accounts.mine]\nprovider = \"fal\"\n";
        let keys = [("FAL_KEY", "key_of_nobody"), ("LUMAAI_API_KEY", "key_of_nobody")];

        assert_eq!(accounts(file, &keys), ["mine"]);
    }

    #[test]
    fn an_account_without_its_key_is_refused_with_the_variable_to_set() {
        let refusal = |file: &str| load(file, &[]).unwrap_err().to_string();

        let told = refusal("[accounts.mine]\nprovider = \"runway\"\n");
        assert!(told.contains("set RUNWAYML_API_SECRET"), "{told}");
        let told = refusal("[accounts.mine]\nprovider = \"runaway\"\n");
        assert!(told.contains("`runaway` is no provider"), "{told}");
        let told = refusal("[accounts.mine]\nprovider = \"luma\"\nvariant = \"agent\"\n");
        assert!(told.contains("`agent` is no variant of `luma`; there are agents"), "{told}");
    }

    #[test]
    fn no_print_out_of_the_settings_shows_a_key() {
        let file = "[accounts.mine]\nprovider = \"fal\"\n";
        let loaded = load(file, &[("FAL_KEY", "key_of_nobody")]).unwrap();

        assert!(!loaded.render_toml().contains("key_of_nobody"));
        assert!(!format!("{loaded:?}").contains("key_of_nobody"));
    }

    #[test]
    fn an_owners_catalog_adds_models_and_wins_over_the_shipped_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.toml");
        let entry = "[[model]]\nprovider = \"runway\"\nname = \"gen4.5\"\ntitle = \"Mine\"\n\
             seconds = { one_of = [3] }\nsizes = [\"1280x720\"]\nprompt_chars = 10\n\
             negative = \"none\"\nloop = false\naudio = false\nseed = false\nfirst_frame = false\n\
             micros_per_second = 1\nreleased = \"2026-01-01\"\nsource = \"me\"\n\
             checked = \"2026-11-21\"\n";
        std::fs::write(&path, entry).unwrap();

        let loaded = load(&format!("catalog = {path:?}\n"), &[]).unwrap();
        let known = &loaded.config.known_models.0;

        assert_eq!(known.model("runway", "gen4.5").unwrap().title, "Mine");
        assert!(known.model("animatic", "animatic").is_some());
        std::fs::write(&path, "[[model]]\nprovider = 7\n").unwrap();
        let refusal = load(&format!("catalog = {path:?}\n"), &[]).unwrap_err().to_string();
        assert!(refusal.contains("models.toml"), "{refusal}");
    }
}
