//! Which addresses may be reached for somebody who only gave a URL.
//!
//! What may be reached is listed, not what may not: an address is public when it is known to be. An address
//! that carries another one inside (mapped, translated) is judged by the one inside, because that is where a
//! packet ends up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What URLs that users give may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public addresses.
    Public,
    /// Also this machine and private networks.
    AlsoPrivate,
}

/// Whom an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Everybody can reach it.
    Public,
    /// Somebody's own network; reached only where the operator says so.
    Private(&'static str),
    /// Never the place of a picture or a receiver.
    Never(&'static str),
}

/// Why an address is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedAddress {
    /// What it is, to be said after "is".
    pub what: &'static str,
    /// Whether `server.allow_private_addresses` would allow it.
    pub may_be_allowed: bool,
}

const LOOPBACK: Kind = Kind::Private("this machine itself");
const OWN_NETWORK: Kind = Kind::Private("a private address");
const LINK_LOCAL: Kind = Kind::Never("a link-local address");
const METADATA: Kind = Kind::Never("a metadata service");
const MULTICAST: Kind = Kind::Never("a multicast address");
const RESERVED: Kind = Kind::Never("a reserved address");

impl AddressPolicy {
    /// Whether an address may be reached.
    ///
    /// # Errors
    ///
    /// [`BlockedAddress`] with what the address is.
    pub fn check(self, address: IpAddr) -> Result<(), BlockedAddress> {
        match kind_of(address) {
            Kind::Public => Ok(()),
            Kind::Private(_) if self == Self::AlsoPrivate => Ok(()),
            Kind::Private(what) => Err(BlockedAddress { what, may_be_allowed: true }),
            Kind::Never(what) => Err(BlockedAddress { what, may_be_allowed: false }),
        }
    }
}

fn kind_of(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [127, ..] => LOOPBACK,
        // Where clouds keep the credentials of their machines, not all of it link-local.
        [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [169, 254, 169, 253 | 254]
        | [192, 0, 0, 192] => METADATA,
        [169, 254, ..] => LINK_LOCAL,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => OWN_NETWORK,
        [100, 64..=127, ..] => Kind::Private("an address behind a carrier's NAT"),
        [198, 18 | 19, ..] => Kind::Private("an address for benchmarks"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Kind::Never("an address for documentation")
        }
        [224..=239, ..] => MULTICAST,
        [0 | 240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => RESERVED,
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let inside = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // An IPv4 address as IPv6 programs write it, and one behind the well-known NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            inside(high, low)
        }
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => {
            METADATA
        }
        [0xfc00..=0xfdff, ..] => OWN_NETWORK,
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => {
            Kind::Never("an address for documentation")
        }
        // Teredo, ORCHID and other assignments of protocols; and 6to4, which nobody routes any more.
        [0x2001, 0..=0x01ff, ..] | [0x2002, ..] => RESERVED,
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => RESERVED,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> Kind {
        kind_of(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for text in
            ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.0.1.1"]
        {
            assert_eq!(kind(text), Kind::Public, "{text}");
        }
        for text in ["2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888"] {
            assert_eq!(kind(text), Kind::Public, "{text}");
        }
    }

    #[test]
    fn private_addresses_are_reached_only_where_that_is_meant() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fc00::1",
            "fd12:3456:789a::1",
        ] {
            let address = text.parse().unwrap();
            assert!(
                AddressPolicy::Public.check(address).is_err_and(|why| why.may_be_allowed),
                "{text}"
            );
            assert_eq!(AddressPolicy::AlsoPrivate.check(address), Ok(()), "{text}");
        }
    }

    #[test]
    fn some_addresses_are_never_reached() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "192.88.99.1",
            "::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "2001::1",
            "2002:7f00:1::",
            "64:ff9b:1::a00:1",
            "fd00:ec2::254",
            "100::1",
            "5f00::1",
            "::7f00:1",
            "4000::1",
        ] {
            for reach in [AddressPolicy::Public, AddressPolicy::AlsoPrivate] {
                let refused = reach.check(text.parse().unwrap());
                assert!(refused.is_err_and(|why| !why.may_be_allowed), "{text}");
            }
        }
    }

    #[test]
    fn an_address_that_carries_another_is_judged_by_that_one() {
        assert_eq!(kind("::ffff:127.0.0.1"), LOOPBACK);
        assert_eq!(kind("::ffff:169.254.169.254"), METADATA);
        assert_eq!(kind("64:ff9b::10.0.0.1"), OWN_NETWORK);
        assert_eq!(kind("64:ff9b::8.8.8.8"), Kind::Public);
    }

    proptest! {
        #[test]
        fn what_the_standard_library_knows_not_to_be_public_is_not(bits: u32, high: u64, low: u64) {
            let v4 = Ipv4Addr::from(bits);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!known || kind_of_v4(v4) != Kind::Public, "{v4}");
            prop_assert_eq!(kind_of_v6(v4.to_ipv6_mapped()), kind_of_v4(v4));
            let v6 = Ipv6Addr::from((u128::from(high) << 64) | u128::from(low));
            let known = v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()
                || v6.is_unique_local() || v6.is_unspecified();
            prop_assert!(!known || kind_of_v6(v6) != Kind::Public, "{v6}");
        }
    }
}
