//! From a name to the addresses that may be reached: the address that is judged is the one that is connected
//! to, so a name that leads elsewhere a moment later gains nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use retake_core::address::AddressPolicy;

/// The system's resolver, of whose answers only those within reach are given out.
pub(super) struct FilteredResolver(pub(super) AddressPolicy);

impl Resolve for FilteredResolver {
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

/// Finds out where a name leads, before it is known whether that matters.
pub(super) trait Reconciliation: Send + Sync {
    fn look_up<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
pub(super) struct System;

impl Reconciliation for System {
    fn look_up<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Where a name leads; nowhere when that is not known here.
pub(super) struct Places(pub(super) Vec<IpAddr>);

impl Places {
    /// Whether it is known to lead to the internet and nowhere else.
    pub(super) fn is_public(&self) -> bool {
        !self.0.is_empty() && self.forbidden(AddressPolicy::Public).is_none()
    }

    /// What it leads to that may not be reached.
    pub(super) fn forbidden(&self, reach: AddressPolicy) -> Option<&'static str> {
        self.0.iter().find_map(|address| reach.check(*address).err()).map(|why| why.what)
    }
}
