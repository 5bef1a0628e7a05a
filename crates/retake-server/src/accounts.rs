//! The accounts of this gateway: which providers it can send work to, and how much at once.

use std::sync::Arc;

use retake_core::ids::ReplicaId;
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
