//! The accounts of this gateway: which providers it can send work to, and how much at once.

use std::sync::Arc;

use retake_providers::Provider;
use retake_store::Slots;

/// A provider as configured here.
#[derive(Clone)]
pub(crate) struct Account {
    /// Its owner's name for it.
    pub(crate) name: String,
    /// The provider's name in the catalog.
    pub(crate) provider_name: &'static str,
    /// What speaks to it.
    pub(crate) provider: Arc<dyn Provider>,
    /// Attempts that may be open there at once.
    pub(crate) concurrency: u32,
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

    /// The slots of every account, for the ledger to count against.
    pub(crate) fn slots(&self) -> Vec<Slots> {
        let slots = |account: &Account| Slots {
            account: account.name.clone(),
            concurrency: account.concurrency,
        };
        self.0.iter().map(slots).collect()
    }
}
