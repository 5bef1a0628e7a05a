//! From a name to addresses that may be reached.
//!
//! The HTTP client asks here and connects to what it is given, so the address that was checked is the address
//! that is reached: a name that leads elsewhere a moment later gains nothing.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use retake_core::address::{AddressPolicy, BlockedAddress};
use tokio::sync::Semaphore;

/// Addresses of one name that are tried. A name may have any number, and each costs time.
const MOST_ADDRESSES: usize = 4;
/// Names looked up at once. The system's resolver takes a thread for each, for as long as it likes, also when
/// nobody waits for it any more.
const AT_ONCE: usize = 64;

/// Knows which addresses a name has.
pub(super) trait LookUp: Send + Sync {
    /// The addresses of a name.
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the system.
pub(super) struct System(Arc<Semaphore>);

impl Default for System {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl LookUp for System {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let permits = Arc::clone(&self.0);
        Box::pin(async move {
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            // The thread keeps the permit: a caller that gave up does not end the look-up.
            let looking = move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(permit);
                found.map(|found| found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(looking).await.map_err(io::Error::other)?
        })
    }
}

/// Gives out only addresses that may be reached.
pub(super) struct Checked {
    pub(super) names: Arc<dyn LookUp>,
    pub(super) reach: AddressPolicy,
    pub(super) patience: Duration,
}

/// Why a name leads nowhere.
#[derive(Debug)]
pub(super) enum NameError {
    /// Nobody knows it.
    Unknown(io::Error),
    /// The name service did not answer.
    Slow,
    /// It leads where nobody may go.
    BlockedAddress(BlockedAddress),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(error) => write!(f, "the name has no address: {error}"),
            Self::Slow => f.write_str("the name service did not answer"),
            Self::BlockedAddress(forbidden) => write!(f, "the name leads to {}", forbidden.what),
        }
    }
}

impl std::error::Error for NameError {}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = self.names.look_up(name.as_str().to_owned());
        let (reach, patience) = (self.reach, self.patience);
        Box::pin(async move {
            let found = tokio::time::timeout(patience, looking).await;
            let found = found.map_err(|_| NameError::Slow)?.map_err(NameError::Unknown)?;
            Ok(allowed(found, reach)?)
        })
    }
}

/// Those of the addresses that may be reached; an error when none may.
fn allowed(found: Vec<IpAddr>, reach: AddressPolicy) -> Result<Addrs, NameError> {
    let mut forbidden = None;
    let mut good = Vec::new();
    for address in found {
        match reach.check(address) {
            Ok(()) => good.push(SocketAddr::new(address, 0)),
            Err(why) => forbidden = Some(why),
        }
    }
    good.truncate(MOST_ADDRESSES);
    match (good.is_empty(), forbidden) {
        (false, _) => Ok(Box::new(good.into_iter())),
        (true, Some(why)) => Err(NameError::BlockedAddress(why)),
        (true, None) => {
            Err(NameError::Unknown(io::Error::new(io::ErrorKind::NotFound, "no address")))
        }
    }
}
