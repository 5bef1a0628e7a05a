//! API keys: who may call, and as whom.
//!
//! Without any key the gateway is open to whoever reaches it, which is this machine. From the first key on
//! every call needs one. A key is 64 random hex digits behind `rtk_`, shown once and kept only as its
//! SHA-256: with that much randomness a slow hash would add nothing. Commands of the machine's owner come in
//! with a secret of their own, which lies in the data directory for as long as the process holds it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use retake_core::ids::{KeyId, fresh_secret};
use retake_store::{ApiKey, KeyAdded, KeyLimits, Ledger, StoreError};
use sha2::{Digest as _, Sha256};

use crate::{
    assets::hex,
    clock::{Clock, Tick},
    shares::Holder,
};

const PREFIX: &str = "rtk_";
/// How long an answer of the ledger is believed: a key that another replica revoked works this much longer,
/// whatever becomes of the clock meanwhile.
const BELIEVED: SignedDuration = SignedDuration::from_secs(1);
/// Answers that are remembered at once.
const REMEMBERED: usize = 4096;
const LONGEST_NAME: usize = 80;

/// Lets callers in, and manages their keys.
#[derive(Clone)]
pub(crate) struct Keys {
    clock: Clock,
    ledger: Arc<dyn Ledger>,
    local: Arc<str>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, (Tick, Option<ApiKey>)>,
    any: Option<(Tick, bool)>,
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Of the key that it came with; nothing where none was needed.
    digest: Option<String>,
    owner: Option<KeyId>,
    admin: bool,
    limits: KeyLimits,
    /// On whose account its work is done.
    holder: Holder,
}

/// What a new key should be able to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewKeySpec {
    pub(crate) name: String,
    pub(crate) admin: bool,
    pub(crate) limits: KeyLimits,
    pub(crate) lasts: Option<SignedDuration>,
}

/// A key that was just made.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) key: ApiKey,
    /// The key itself.
    pub(crate) secret: String,
    /// What else changed by it that its maker should know.
    pub(crate) warnings: Vec<String>,
}

/// Why somebody was not let in, or a key could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// No key was sent.
    #[error(
        "this gateway needs an API key: send it as `Authorization: Bearer rtk_…`; its owner makes one with `retake keys create NAME`"
    )]
    Missing,
    /// The key is none.
    #[error("the API key is not known here; check that it is whole and meant for this gateway")]
    Unknown,
    /// The key was revoked or its time is over.
    #[error("the API key `…{hint}` ({name}) {what}; ask for a new one")]
    Ended {
        /// Its last characters.
        hint: String,
        /// Its name.
        name: String,
        /// What became of it.
        what: &'static str,
    },
    /// The key is good, and not for this.
    #[error("this needs a key with the admin scope")]
    NotAdmin,
    /// A name that is none.
    #[error(
        "the name of a key has from 1 to {LONGEST_NAME} characters, none of them a control character"
    )]
    BadName,
    /// There is no such key.
    #[error("there is no key `{id}`; `GET /retake/v1/keys` lists those there are")]
    NotFound {
        /// What was asked for, shortened.
        id: String,
    },
    /// No ledger.
    #[error("the ledger did not answer")]
    Store(#[from] StoreError),
}

impl Caller {
    /// The machine's owner, or anybody while there are no keys.
    pub(crate) fn local() -> Self {
        let (limits, holder) = (KeyLimits::default(), Holder::Operator);
        Self { digest: None, owner: None, admin: true, limits, holder }
    }

    fn with(key: &ApiKey) -> Self {
        Self {
            digest: Some(key.digest.clone()),
            owner: Some(key.id.clone()),
            admin: key.admin,
            limits: key.limits,
            holder: Holder::Key(key.id.clone()),
        }
    }

    /// The same caller, whose work is done on this account.
    pub(crate) fn on_account_of(self, holder: Holder) -> Self {
        Self { holder, ..self }
    }

    /// On whose account its work is done.
    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whose videos it makes.
    pub(crate) fn owner(&self) -> Option<&KeyId> {
        self.owner.as_ref()
    }

    /// Whose videos it sees; nothing for everybody's.
    pub(crate) fn sees(&self) -> Option<&KeyId> {
        self.owner.as_ref().filter(|_| !self.admin)
    }

    /// Whether something of that owner is there for it.
    pub(crate) fn may_see(&self, owner: Option<&KeyId>) -> bool {
        self.admin || self.owner.as_ref() == owner
    }

    /// Whether it came with the key of an administrator.
    pub(crate) fn is_admin(&self) -> bool {
        self.admin && self.digest.is_some()
    }

    pub(crate) fn limits(&self) -> KeyLimits {
        self.limits
    }

    /// Refuses everybody but administrators.
    pub(crate) fn must_be_admin(&self) -> Result<(), KeyError> {
        if self.admin { Ok(()) } else { Err(KeyError::NotAdmin) }
    }
}

impl Keys {
    /// Keys of a ledger; `local` is the secret of this machine's commands.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, clock: Clock, local: &str) -> Self {
        Self { clock, ledger, local: digest(local).into(), known: Arc::default() }
    }

    /// Whether this is the secret of this machine's commands.
    pub(crate) fn is_local(&self, given: &str) -> bool {
        *digest(given) == *self.local
    }

    /// Finds out who calls.
    pub(crate) async fn let_in(&self, given: Option<&str>) -> Result<Caller, KeyError> {
        let given = given.map(digest);
        // Digests are compared, so the time it takes tells nothing of the secret.
        if given.as_deref().is_some_and(|given| *given == *self.local) || !self.any().await? {
            return Ok(Caller::local());
        }
        let key = self.find(&given.ok_or(KeyError::Missing)?).await?.ok_or(KeyError::Unknown)?;
        self.good(key).map(|key| Caller::with(&key))
    }

    /// Refuses somebody who was let in and would not be let in any more. A ledger that does not answer refuses nobody.
    pub(crate) async fn let_in_again(&self, caller: &Caller) -> Result<(), KeyError> {
        let Some(digest) = &caller.digest else {
            // Nobody needed a key when it came.
            let is_nobody = matches!(caller.holder, Holder::Peer(_));
            let is_needed = is_nobody && self.any().await.unwrap_or(false);
            return if is_needed { Err(KeyError::Missing) } else { Ok(()) };
        };
        match self.find(digest).await {
            Ok(key) => self.good(key.ok_or(KeyError::Unknown)?).map(drop),
            Err(_) => Ok(()),
        }
    }

    fn good(&self, key: ApiKey) -> Result<ApiKey, KeyError> {
        if key.is_good(self.clock.now()) {
            return Ok(key);
        }
        let what = if key.revoked_at.is_some() { "was revoked" } else { "has expired" };
        Err(KeyError::Ended { hint: key.hint, name: key.name, what })
    }

    /// Whether somebody who was let in would be let in again. A ledger that does not answer throws nobody out.
    pub(crate) async fn is_still_good(&self, caller: &Caller) -> bool {
        caller.digest.is_none() || self.let_in_again(caller).await.is_ok()
    }

    /// Whether callers need a key.
    pub(crate) async fn any(&self) -> Result<bool, StoreError> {
        let now = self.clock.tick();
        if let Some((at, any)) = self.lock().any
            && (any || now.since(at) < BELIEVED)
        {
            return Ok(any);
        }
        let any = self.ledger.has_keys().await?;
        self.lock().any = Some((now, any));
        Ok(any)
    }

    /// Makes a key, with the key itself, which nobody can read again.
    pub(crate) async fn create(&self, wish: NewKeySpec) -> Result<Created, KeyError> {
        let name = wish.name.trim().to_owned();
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(KeyError::BadName);
        }
        let now = self.clock.now();
        let secret = format!("{PREFIX}{}", fresh_secret());
        let key = ApiKey {
            id: KeyId::new(now),
            name,
            digest: digest(&secret),
            hint: secret[secret.len() - 4..].to_owned(),
            admin: wish.admin,
            limits: wish.limits,
            created_at: now,
            expires_at: wish.lasts.map(|lasts| now.saturating_add(lasts).unwrap_or(Timestamp::MAX)),
            revoked_at: None,
        };
        let added = self.ledger.add_key(&key).await?;
        self.forget();
        let warnings = warnings(&added);
        for warning in &warnings {
            tracing::warn!(key.id = %key.id, "{warning}");
        }
        Ok(Created { key, secret, warnings })
    }

    /// All keys, revoked ones too.
    pub(crate) async fn list(&self) -> Result<Vec<ApiKey>, KeyError> {
        Ok(self.ledger.keys().await?)
    }

    /// Takes a key out of use, here at once.
    pub(crate) async fn revoke(&self, id: &str) -> Result<ApiKey, KeyError> {
        let unknown = || KeyError::NotFound { id: id.chars().take(64).collect() };
        let known = id.parse().map_err(|_| unknown())?;
        let revoked = match self.ledger.revoke_key(&known, self.clock.now()).await {
            Err(StoreError::NoSuchKey { .. }) => return Err(unknown()),
            other => other?,
        };
        self.forget();
        Ok(revoked)
    }

    async fn find(&self, digest: &str) -> Result<Option<ApiKey>, StoreError> {
        let now = self.clock.tick();
        if let Some((at, key)) = self.lock().keys.get(digest)
            && now.since(*at) < BELIEVED
        {
            return Ok(key.clone());
        }
        let key = self.ledger.key_by_digest(digest).await?;
        let mut known = self.lock();
        if known.keys.len() >= REMEMBERED {
            known.keys.clear();
        }
        known.keys.insert(digest.to_owned(), (now, key.clone()));
        Ok(key)
    }

    fn forget(&self) {
        *self.lock() = Known::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the webhook endpoints from before the first key, each of which was told of every video.
fn warnings(added: &KeyAdded) -> Vec<String> {
    let (bound, disabled) = (added.endpoints_bound, added.endpoints_disabled);
    let bound = (bound > 0).then(|| {
        format!(
            "{bound} webhook endpoints that were made before there were keys belong to this key now: they are \
             told of its videos and of those that nobody owns, and not of those of other keys"
        )
    });
    let disabled = (disabled > 0).then(|| {
        format!(
            "{disabled} webhook endpoints that were made before there were keys are disabled, because each \
             would be told of the videos of every key; make them anew with the key whose videos they are \
             for, or enable them as an administrator if that is meant"
        )
    });
    bound.into_iter().chain(disabled).collect()
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use retake_store::SqliteLedger;

    use super::*;

    fn keys() -> (tempfile::TempDir, Keys, Clock) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let clock = Clock::manual(Timestamp::constant(1_800_000_000, 0));
        let keys = Keys::new(Arc::new(ledger), clock.clone(), "local");
        (folder, keys, clock)
    }

    fn named(name: &str) -> NewKeySpec {
        NewKeySpec { name: name.to_owned(), ..NewKeySpec::default() }
    }

    #[tokio::test]
    async fn everybody_is_let_in_until_the_first_key_exists() {
        let (_folder, keys, _) = keys();
        assert_eq!(keys.let_in(Some("unused")).await.unwrap(), Caller::local());

        let Created { key, secret, .. } = keys.create(named("north")).await.unwrap();

        assert!(matches!(keys.let_in(None).await, Err(KeyError::Missing)));
        assert!(matches!(keys.let_in(Some("unused")).await, Err(KeyError::Unknown)));
        assert_eq!(keys.let_in(Some(&secret)).await.unwrap().owner(), Some(&key.id));
        assert_eq!(keys.let_in(Some("local")).await.unwrap(), Caller::local());
        assert!(!format!("{key:?}").contains(&secret), "the key itself is kept nowhere");
    }

    #[tokio::test]
    async fn a_revoked_or_expired_key_is_refused_and_told_why() {
        let (_folder, keys, clock) = keys();
        let Created { key: first, secret: one, .. } = keys.create(named("north")).await.unwrap();
        let hour = SignedDuration::from_hours(1);
        let brief = NewKeySpec { lasts: Some(hour), ..named("south") };
        let two = keys.create(brief).await.unwrap().secret;
        assert!(keys.let_in(Some(&one)).await.is_ok() && keys.let_in(Some(&two)).await.is_ok());

        keys.revoke(first.id.as_str()).await.unwrap();
        clock.move_on(hour);

        for (secret, told) in [(one, "was revoked"), (two, "has expired")] {
            let error = keys.let_in(Some(&secret)).await.unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
        assert!(matches!(keys.revoke("key_nope").await, Err(KeyError::NotFound { .. })));
    }

    #[tokio::test]
    async fn a_key_that_another_replica_revoked_is_out_though_the_clock_was_set_back() {
        let (_folder, keys, clock) = keys();
        let Created { key, secret, .. } = keys.create(named("north")).await.unwrap();
        let caller = keys.let_in(Some(&secret)).await.unwrap();
        keys.ledger.revoke_key(&key.id, clock.now()).await.unwrap();
        assert!(keys.let_in(Some(&secret)).await.is_ok(), "it is remembered");

        clock.set(clock.now() - SignedDuration::from_hours(1));
        clock.move_on(BELIEVED);

        assert!(matches!(keys.let_in(Some(&secret)).await, Err(KeyError::Ended { .. })));
        assert!(!keys.is_still_good(&caller).await);
    }

    #[tokio::test]
    async fn the_first_key_of_another_replica_is_needed_though_the_clock_was_set_back() {
        let (_folder, keys, clock) = keys();
        assert_eq!(keys.let_in(None).await.unwrap(), Caller::local());
        let elsewhere = Keys::new(Arc::clone(&keys.ledger), clock.clone(), "local");
        elsewhere.create(named("north")).await.unwrap();

        clock.set(clock.now() - SignedDuration::from_hours(1));
        clock.move_on(BELIEVED);

        assert!(matches!(keys.let_in(None).await, Err(KeyError::Missing)));
    }

    #[tokio::test]
    async fn an_admin_sees_everything_and_others_their_own() {
        let (_folder, keys, _) = keys();
        let admin = NewKeySpec { admin: true, ..named("admin") };
        let secret = keys.create(admin).await.unwrap().secret;
        let Created { key: north, secret: plain, .. } = keys.create(named("north")).await.unwrap();
        let (admin, caller) =
            (keys.let_in(Some(&secret)).await.unwrap(), keys.let_in(Some(&plain)).await.unwrap());

        assert!(admin.may_see(Some(&north.id)) && admin.may_see(None) && admin.sees().is_none());
        assert!(caller.may_see(Some(&north.id)) && !caller.may_see(None));
        assert!(admin.must_be_admin().is_ok() && caller.must_be_admin().is_err());
    }

    #[tokio::test]
    async fn a_name_that_says_nothing_is_refused() {
        let (_folder, keys, _) = keys();
        for name in ["", "  ", "a\nb", &"x".repeat(81)] {
            assert!(matches!(keys.create(named(name)).await, Err(KeyError::BadName)), "{name:?}");
        }
    }
}
