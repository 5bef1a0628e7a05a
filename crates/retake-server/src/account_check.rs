//! A look at every account: whether its key is good and whether anything stands in the way of renders.
//!
//! Each account is asked by way of its own adapter, all of them at once, and nothing is spent by it.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use retake_core::fault::{Fault, FaultKind, FaultSource};
use retake_providers::{AccountStatus, Log, Provider as _, Settings};

use crate::{clock::Clock, config::Config};

/// Nobody wants to wait longer for a doctor.
const PATIENCE: Duration = Duration::from_secs(20);

/// How an account is.
#[derive(Debug)]
pub struct Seen {
    /// Its owner's name for it.
    pub account: String,
    /// What its provider says of it, in a line, or what is wrong.
    pub standing: Result<String, AccountProblem>,
}

/// What is wrong with an account.
#[derive(Debug)]
pub struct AccountProblem {
    /// What was seen.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// Looks at every configured account.
pub async fn check_accounts(config: &Config) -> Vec<Seen> {
    let accounts = config.open_accounts.iter();
    join_all(accounts.map(|(name, settings)| look(config, name, settings))).await
}

async fn look(config: &Config, name: &str, settings: &Settings) -> Seen {
    let title = settings.facts().map_or("", |facts| facts.title);
    let standing = match standing(config, settings).await {
        Ok(AccountStatus { trouble: Some(fault), .. }) | Err(fault) => {
            let key = key_place(config, name, settings);
            Err(AccountProblem {
                message: format!("{title}: {}", fault.message),
                hint: hint(&fault, name, title, &key, settings),
            })
        }
        Ok(AccountStatus { summary, .. }) => Ok(format!("{title}: {summary}")),
    };
    Seen { account: name.to_owned(), standing }
}

/// Where the key of an account was found: a file or a variable.
fn key_place(config: &Config, name: &str, settings: &Settings) -> String {
    let configured = config.accounts.get(name);
    let named = configured.and_then(|account| {
        let file = account.api_key_file.display().to_string();
        [file, account.api_key_env.clone()].into_iter().find(|place| !place.is_empty())
    });
    let usual = settings.facts().ok().and_then(|facts| facts.key_variables.first());
    named.or(usual.map(|name| (*name).to_owned())).unwrap_or_else(|| format!("accounts.{name}"))
}

fn hint(
    fault: &Fault,
    account: &str,
    title: &str,
    key: &str,
    settings: &Settings,
) -> Option<String> {
    Some(match (fault.kind, fault.source) {
        (FaultKind::Auth, _) => format!("see whether the key in {key} is good"),
        (FaultKind::Quota, _) => {
            format!("see to the account at {title}: credit, limits, access to models")
        }
        (_, FaultSource::Network) => {
            let url = settings.base_url().unwrap_or_default();
            format!(
                "see whether {title} can be reached from here at {url} (accounts.{account}.base_url)"
            )
        }
        _ => return None,
    })
}

async fn standing(config: &Config, settings: &Settings) -> Result<AccountStatus, Fault> {
    let clock = Arc::new(Clock::system());
    let unusable = |error: retake_providers::SettingsError| {
        Fault::new(FaultKind::BadRequest, FaultSource::Gateway, error.to_string())
    };
    let opened = retake_providers::open(settings, &config.known_models.0, clock);
    let remote = opened.map_err(unusable)?;
    let log = Log::default();
    let slow = |_| {
        let message = format!("no answer within {} s", PATIENCE.as_secs());
        Fault::new(FaultKind::Timeout, FaultSource::Network, message)
    };
    tokio::time::timeout(PATIENCE, remote.check(&log)).await.map_err(slow)?
}
