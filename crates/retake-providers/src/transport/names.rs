//! From a name to the addresses that may be reached: the address that is judged is the one that is connected
//! to, so a name that leads elsewhere a moment later gains nothing.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use retake_core::address::Reach;

/// The system's resolver, of whose answers only those within reach are given out.
pub(super) struct Judged(pub(super) Reach);

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut forbidden = None;
            let mut good = Vec::new();
            for address in found {
                match reach.check(address.ip()) {
                    Ok(()) => good.push(address),
                    Err(why) => forbidden = Some(why.what),
                }
            }
            if let (true, Some(what)) = (good.is_empty(), forbidden) {
                return Err(format!("the name leads to {what}").into());
            }
            let addresses: Addrs = Box::new(good.into_iter());
            Ok(addresses)
        })
    }
}
