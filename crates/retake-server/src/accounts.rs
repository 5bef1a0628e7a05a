//! The accounts of this gateway: which providers it can send work to, and how much at once.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use jiff::civil::Date;
use reqwest::Url;
use retake_core::{
    catalog::{Catalog, Model},
    ids::ReplicaId,
    policy::OnUnknownSubmit,
};
use retake_providers::{Pace, Provider, Settings, SettingsError};
use retake_store::{Ledger, Slots, StoreError};

use crate::{clock::Clock, config::Config};

/// The entry that stands for whatever else a relay offers.
const ANYTHING: &str = "*";

/// Renders that are recorded at another spelling of their place in one transaction.
const PORTION: u32 = 10_000;

/// Why an account cannot be given pictures.
const BLIND: &str = "its API takes pictures by URL only, so set `server.public_url` to where this \
    gateway can be reached from the internet";

/// A provider as configured here.
#[derive(Clone)]
pub(crate) struct Account {
    /// Its owner's name for it.
    pub(crate) name: String,
    /// The models that it offers.
    pub(crate) shelf: AccountModels,
    /// What speaks to it.
    pub(crate) provider: Arc<dyn Provider>,
    /// Its provider's server, in words that two accounts share which have the same one. Nothing for renders that live
    /// in this process: their names are never given twice.
    pub(crate) place: Option<String>,
    /// Attempts that may be open there at once.
    pub(crate) concurrency: u32,
    /// What is done there when nobody knows whether a submit arrived, where that is not what the policy says.
    pub(crate) on_unknown_submit: Option<OnUnknownSubmit>,
}

impl Account {
    /// An account as it is configured.
    pub(crate) fn open(
        name: &str,
        settings: &Settings,
        config: &Config,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        let facts = settings.facts()?;
        let catalog = &config.known_models.0;
        let provider = retake_providers::open(settings, catalog, Arc::new(clock))?;
        let provider = provider.with_download_pace(Pace {
            whole: config.policy.download_timeout.try_into().unwrap_or(Duration::MAX),
            least_rate: config.policy.min_download_rate.as_u64(),
        });
        let own = config.accounts.get(name);
        let configured = own.map_or(0, |account| account.concurrency);
        Ok(Self {
            name: name.to_owned(),
            shelf: AccountModels::of(settings, config)?,
            provider: Arc::new(provider),
            place: Some(place(facts.provider, settings.base_url()?)),
            concurrency: if configured == 0 { facts.concurrency } else { configured },
            on_unknown_submit: own.and_then(|account| account.on_unknown_submit.0),
        })
    }

    /// What is known of a model here.
    pub(crate) fn model<'a>(&self, catalog: &'a Catalog, name: &str) -> Option<Cow<'a, Model>> {
        self.shelf.model(catalog, name)
    }

    /// The models that can be asked for here without a word in the settings.
    pub(crate) fn offers<'a>(
        &'a self,
        catalog: &'a Catalog,
        today: Date,
    ) -> impl Iterator<Item = &'a Model> {
        self.shelf.offers(catalog, today)
    }
}

/// Which part of the catalog an account offers.
#[derive(Clone, Debug)]
pub(crate) struct AccountModels {
    /// The provider's name in the catalog.
    pub(crate) provider: &'static str,
    /// Which of the provider's APIs it is; nothing for the usual one.
    pub(crate) variant: Option<String>,
    /// Whether it cannot be given pictures: it takes them by URL only, and nobody can fetch them here.
    pub(crate) is_blind: bool,
    /// Whether it is not the provider's own server.
    pub(crate) is_elsewhere: bool,
}

impl AccountModels {
    /// What an account with these settings offers.
    pub(crate) fn of(settings: &Settings, config: &Config) -> Result<Self, SettingsError> {
        let provider = settings.facts()?.provider;
        // Dream Machine has no uploads (Luma docs, 2026-11-21).
        let by_url_only = provider == "luma" && settings.variant.is_none();
        Ok(Self {
            provider,
            variant: settings.variant.clone(),
            is_blind: by_url_only && config.server.public_url.is_empty(),
            is_elsewhere: settings.is_elsewhere(),
        })
    }

    /// What is known of a model here. Another server than the maker's may offer what its maker has shut down,
    /// and a relay also models that nobody else knows.
    pub(crate) fn model<'a>(&self, catalog: &'a Catalog, name: &str) -> Option<Cow<'a, Model>> {
        let known = catalog.model(self.provider, name).filter(|model| self.has(model));
        if !self.is_elsewhere && !self.is_blind {
            return known.map(Cow::Borrowed);
        }
        let anything = || self.anything(catalog).filter(|_| self.is_elsewhere);
        let mut model = known.or_else(anything)?.clone();
        if self.is_elsewhere {
            name.clone_into(&mut model.name);
            model.shutdown = None;
        }
        if self.is_blind && model.first_frame {
            model.first_frame = false;
            model.no_first_frame_because = Some(BLIND);
        }
        Some(Cow::Owned(model))
    }

    /// The models that can be asked for here without a word in the settings. What another server than the
    /// maker's offers is not known, but those that the maker had are worth a try.
    pub(crate) fn offers<'a>(
        &'a self,
        catalog: &'a Catalog,
        today: Date,
    ) -> impl Iterator<Item = &'a Model> {
        let models = catalog.models().iter().filter(|model| model.provider == self.provider);
        models.filter(move |model| {
            self.has(model) && (self.is_elsewhere || !model.is_shut_down(today))
        })
    }

    /// What is known of models that nobody knows: of this API of the provider's, else of any.
    fn anything<'a>(&self, catalog: &'a Catalog) -> Option<&'a Model> {
        let of = |variant: Option<&str>| {
            catalog.named(ANYTHING).find(|model| {
                model.provider == self.provider && model.variant.as_deref() == variant
            })
        };
        of(self.variant.as_deref()).or_else(|| of(None))
    }

    /// Whether a model of the provider is one of this API of the provider's. All that speak OpenAI's dialect
    /// have the same ones.
    fn has(&self, model: &Model) -> bool {
        let same_api = model.variant == self.variant || self.provider == "openai";
        same_api && model.name != ANYTHING
    }
}

/// All accounts, in the order in which they are preferred.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<[Account]>);

impl Accounts {
    pub(crate) fn new(accounts: Vec<Account>) -> Self {
        Self(accounts.into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.0.iter()
    }

    /// How many renders may live in this process at once.
    pub(crate) fn residents(&self) -> u32 {
        let resident = self.0.iter().filter(|account| account.provider.is_resident());
        resident.map(|account| account.concurrency).sum()
    }

    /// The slots of every account, for the ledger to count against. Each replica has its own renderer.
    pub(crate) fn slots(&self, replica: &ReplicaId) -> Vec<Slots> {
        let slots = |account: &Account| Slots {
            account: account.name.clone(),
            concurrency: account.concurrency,
            at: account.provider.is_resident().then(|| replica.clone()),
        };
        self.0.iter().map(slots).collect()
    }
}

/// Where the renders of an account are made, however its address is written: two accounts with one place see the same
/// renders.
fn place(provider: &str, base_url: &str) -> String {
    let Ok(url) = Url::parse(base_url) else { return format!("{provider} {base_url}") };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let is_loopback = host == "localhost"
        || host.ends_with(".localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    let host = if is_loopback { "localhost" } else { host };
    let port = url.port_or_known_default().unwrap_or_default();
    let mut path: Vec<_> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    // It is added where it is missing.
    if path.last() == Some(&"v1") {
        path.pop();
    }
    format!("{provider} {host}:{port}/{}", path.join("/"))
}

/// Records the renders of earlier versions, which wrote the address of a place as it was configured, at the place as it
/// is written now. Until then nobody could tell that such a render is somebody's, and it could be adopted again.
pub(crate) async fn respell_places(ledger: &dyn Ledger) -> Result<(), StoreError> {
    for before in ledger.render_places().await? {
        let Some(now) = respelled(&before) else { continue };
        while ledger.move_renders(&before, &now, PORTION).await? >= u64::from(PORTION) {}
        tracing::info!(before, now, "the place of earlier renders is written in another way now");
    }
    Ok(())
}

/// How a place is written now, where that is another way.
fn respelled(before: &str) -> Option<String> {
    let (provider, base_url) = before.split_once(' ').filter(|(_, url)| url.contains("://"))?;
    Some(place(provider, base_url)).filter(|now| now != before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(provider: &'static str, is_blind: bool, is_elsewhere: bool) -> AccountModels {
        AccountModels { provider, variant: None, is_blind, is_elsewhere }
    }

    #[test]
    fn a_server_is_one_place_however_its_address_is_written() {
        for (urls, is_one) in [
            (["http://127.0.0.1:9499", "http://127.0.0.1:9499/v1"], true),
            (["http://127.0.0.1:9499/v1", "http://localhost:9499/v1/"], true),
            (["http://[::1]:9499", "http://127.0.0.1:9499/./v1"], true),
            (["https://relay.example.com//u2/v1", "https://RELAY.example.com:443/u2"], true),
            (["https://relay.example.com/v1/.", "https://relay.example.com./v1"], true),
            (["https://relay.example.com/a", "https://relay.example.com/b"], false),
            (["http://127.0.0.1:9499", "http://127.0.0.1:9500"], false),
        ] {
            let [one, other] = urls.map(|url| place("openai", url));
            assert_eq!(one == other, is_one, "{urls:?}: {one} and {other}");
        }
        assert_ne!(place("openai", "https://x.example.com"), place("fal", "https://x.example.com"));
    }

    #[test]
    fn a_place_that_an_earlier_version_recorded_is_told_from_one_that_is_written_as_now() {
        for (before, now) in [
            ("openai http://127.0.0.1:9499/v1", Some("openai localhost:9499/")),
            ("fal https://queue.fal.run", Some("fal queue.fal.run:443/")),
            ("openai localhost:9499/", None),
            ("account north", None),
            ("openai http://[", None),
        ] {
            assert_eq!(respelled(before).as_deref(), now, "{before}");
        }
    }

    #[test]
    fn an_account_that_cannot_be_given_pictures_says_what_to_set() {
        let catalog = Catalog::shipped().unwrap();
        let model = shelf("luma", true, false).model(&catalog, "ray-2").unwrap().into_owned();

        assert!(!model.first_frame);
        assert!(model.no_first_frame_because.unwrap().contains("server.public_url"));
        assert!(shelf("luma", false, false).model(&catalog, "ray-2").unwrap().first_frame);
    }

    #[test]
    fn a_relay_may_offer_what_its_maker_has_shut_down_and_what_nobody_knows() {
        let catalog = Catalog::shipped().unwrap();
        let today = Date::constant(2026, 11, 21);
        let (maker, relay) = (shelf("openai", false, false), shelf("openai", false, true));

        assert!(maker.model(&catalog, "sora-2").unwrap().is_shut_down(today));
        assert!(!relay.model(&catalog, "sora-2").unwrap().is_shut_down(today));
        assert!(maker.model(&catalog, "wan-9").is_none());
        assert_eq!(relay.model(&catalog, "wan-9").unwrap().name, "wan-9");
        assert_eq!(maker.offers(&catalog, today).count(), 0);
        assert!(relay.offers(&catalog, today).all(|model| model.name != ANYTHING));
    }

    #[test]
    fn what_vllm_omni_would_cut_to_whole_blocks_is_not_offered_there() {
        let catalog = Catalog::shipped().unwrap();
        let vllm =
            AccountModels { variant: Some("vllm-omni".into()), ..shelf("openai", false, true) };
        let any = vllm.model(&catalog, "wan-2.2").unwrap();

        assert!(any.sizes.iter().all(|it| it.width % 16 == 0 && it.height % 16 == 0));
        assert_eq!(any.name, "wan-2.2");
        let relays = shelf("openai", false, true);
        let relays = relays.model(&catalog, "wan-2.2").unwrap();
        assert!(relays.sizes.iter().any(|it| it.height % 16 != 0));
    }

    #[test]
    fn a_model_of_another_of_the_providers_apis_is_not_offered() {
        let catalog = Catalog::shipped().unwrap();

        assert!(shelf("luma", false, false).model(&catalog, "ray-3.2").is_none());
    }
}
