//! Proxies: the one that is set for an account, or those of the environment.

use std::{fmt, net::IpAddr};

use reqwest::{Client, Url};

use super::{TransportError, builder};

/// Which proxy the calls of an account go through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// None.
    #[default]
    None,
    /// Those of the environment, and only for hosts that are known to be on the internet.
    Environment(ProxyVariables),
    /// This one, for every host: it is set for the account.
    Named(String),
}

/// What the environment says of proxies.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTP_PROXY`.
    pub http: Option<String>,
    /// `HTTPS_PROXY`.
    pub https: Option<String>,
    /// `NO_PROXY`.
    pub except: Option<String>,
}

/// A proxy's URL may hold a password.
impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyVariables")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("except", &self.except)
            .finish()
    }
}

impl ProxyVariables {
    /// Reads them, by the names under which they are usually set.
    pub fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: [&str; 4]| names.into_iter().find_map(&get).map(str::to_owned);
        Self {
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: ["no_proxy", "NO_PROXY"].into_iter().find_map(&get).map(str::to_owned),
        }
    }
}

impl Proxy {
    /// The proxy that a setting names: nothing for those of the environment, `none`, or a URL.
    pub fn of(setting: &str, environment: ProxyVariables) -> Result<Self, TransportError> {
        let proxy = match setting.trim() {
            "" => return Ok(Self::Environment(environment)),
            "none" => return Ok(Self::None),
            url => Self::Named(url.to_owned()),
        };
        Proxied::new(&proxy).map(|_| proxy)
    }
}

/// What sends through proxies.
pub(super) struct Proxied {
    http: Option<Client>,
    https: Option<Client>,
    except: Vec<String>,
    /// Whether the proxy is set for this account.
    pub(super) is_named: bool,
}

impl Proxied {
    pub(super) fn new(proxy: &Proxy) -> Result<Option<Self>, TransportError> {
        // An error would say that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match proxy {
            Proxy::None | Proxy::Environment(ProxyVariables { http: None, https: None, .. }) => {
                Ok(None)
            }
            Proxy::Named(url) => {
                let client = client(url)?;
                let (http, https) = (Some(client.clone()), Some(client));
                Ok(Some(Self { http, https, except: Vec::new(), is_named: true }))
            }
            Proxy::Environment(variables) => {
                let except = variables.except.as_deref().unwrap_or_default();
                Ok(Some(Self {
                    http: usable(variables.http.as_deref()),
                    https: usable(variables.https.as_deref()),
                    except: except.split(',').map(|one| one.trim().to_ascii_lowercase()).collect(),
                    is_named: false,
                }))
            }
        }
    }

    /// The client for a URL, unless it is one that no proxy is for.
    pub(super) fn for_url(&self, url: &Url) -> Option<&Client> {
        let client = if url.scheme() == "http" { &self.http } else { &self.https };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        client.as_ref().filter(|_| !self.except.iter().any(|one| is_excepted(host, one)))
    }
}

/// Whether a host is one of those that an entry of `NO_PROXY` names: a name with all below it, an address, or
/// a network.
fn is_excepted(host: &str, entry: &str) -> bool {
    let entry = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => name,
        _ => entry,
    };
    if entry == "*" {
        return true;
    }
    let entry = entry.trim_matches(['[', ']']).trim_start_matches('*');
    if entry.is_empty() {
        return false;
    }
    if let (Ok(address), Some((network, bits))) = (host.parse::<IpAddr>(), entry.split_once('/')) {
        let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
            return false;
        };
        return is_within(address, network, bits);
    }
    let name = entry.trim_start_matches('.');
    host == name || host.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            bits <= 32 && (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            bits <= 128 && (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A proxy of the environment that is none is as good as not set, as it is for other programs.
fn usable(url: Option<&str>) -> Option<Client> {
    client(url?)
        .inspect_err(|error| tracing::warn!(%error, "a proxy of the environment is not used"))
        .ok()
}

/// Names are looked up by the proxy, and its own may be anywhere.
fn client(url: &str) -> Result<Client, TransportError> {
    let found = || {
        let shown = url.rsplit_once('@').map_or(url, |(_, place)| place);
        TransportError::Proxy { found: shown.chars().take(200).collect() }
    };
    let parsed = Url::parse(url).or_else(|_| Url::parse(&format!("http://{url}")));
    let parsed = parsed.ok().filter(Url::has_host).ok_or_else(found)?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(found());
    }
    let proxy = reqwest::Proxy::all(parsed).map_err(|_| found())?;
    Ok(builder().proxy(proxy).build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_names_with_all_below_them_addresses_and_networks() {
        for (host, entry, expected) in [
            ("api.example.com", "example.com", true),
            ("api.example.com", ".example.com", true),
            ("api.example.com", "*.example.com", true),
            ("example.com", "example.com:443", true),
            ("badexample.com", "example.com", false),
            ("example.com", "", false),
            ("example.com", "*", true),
            ("8.8.8.8", "8.8.8.8", true),
            ("8.8.4.4", "8.8.0.0/16", true),
            ("8.9.4.4", "8.8.0.0/16", false),
            ("8.8.4.4", "0.0.0.0/0", true),
            ("2001:db8::1", "2001:db8::/32", true),
            ("2001:db8::1", "8.8.0.0/16", false),
        ] {
            assert_eq!(is_excepted(host, entry), expected, "{host} {entry}");
        }
    }

    #[test]
    fn a_setting_is_nothing_none_or_the_url_of_a_proxy() {
        let environment = ProxyVariables::of(|name| (name == "HTTPS_PROXY").then_some("p:3128"));
        assert_eq!(environment.https.as_deref(), Some("p:3128"));

        let read = |setting| Proxy::of(setting, environment.clone());
        assert_eq!(read("").unwrap(), Proxy::Environment(environment.clone()));
        assert_eq!(read("none").unwrap(), Proxy::None);
        assert_eq!(read("http://p:1").unwrap(), Proxy::Named("http://p:1".to_owned()));
        let refused = read("ftp://me:password@p").unwrap_err().to_string();
        assert!(
            refused.contains("not a valid proxy") && !refused.contains("password"),
            "{refused}"
        );
    }
}
