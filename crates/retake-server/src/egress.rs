//! The one client for URLs that users give: pictures to begin with, and receivers of webhooks.
//!
//! Such a URL must not become a way into the network that the gateway stands in. So the name is looked up
//! once, every address is judged before it is connected to ([`retake_core::address`]), redirects are followed by hand under
//! the same rules, and nothing goes along that could open a door: no cookies, no credentials, no proxy of
//! the environment. And whoever is at the other end may be slow, endless or a liar, so every phase has a time
//! and every body a length.

mod names;
#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;

use std::{
    error::Error,
    io,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use tokio::time::timeout;

pub(crate) use retake_core::address::AddressPolicy;
use retake_core::address::BlockedAddress;

use self::names::{Checked, LookUp, NameError, System};

/// A longer URL is no address of anything.
const LONGEST_URL: usize = 2048;
/// Redirects that are followed on the way to a picture.
const MOST_REDIRECTS: usize = 3;
/// What is read of a receiver's answer, which nobody looks at.
const LONGEST_ANSWER: usize = 4096;
/// How long the rest of an answer is waited for once its status is known.
const DRAIN: Duration = Duration::from_secs(1);

/// How long each phase may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// To look up the name, and again to connect.
    connect: Duration,
    /// Until the answer begins, connecting included.
    answer: Duration,
    /// Between two pieces of a body.
    silence: Duration,
    /// For everything together.
    whole: Duration,
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(15),
    silence: Duration::from_secs(10),
    whole: Duration::from_secs(30),
};

/// For tests: it only bounds a hang. One that waits for a limit to run out shortens that one alone, so that a slow
/// machine reaches no other before it.
#[cfg(test)]
const LONG: Patience = Patience {
    connect: Duration::from_mins(2),
    answer: Duration::from_mins(2),
    silence: Duration::from_mins(2),
    whole: Duration::from_mins(4),
};
/// What such a test waits for.
#[cfg(test)]
const SOON: Duration = Duration::from_millis(300);

/// Reaches what users' URLs lead to.
///
/// Each has its own room for look-ups, which slow name services can fill. So what callers wait for and what is
/// done in the background should not share one.
#[derive(Clone)]
pub(crate) struct Egress(Arc<Inner>);

struct Inner {
    names: Arc<dyn LookUp>,
    reach: AddressPolicy,
    patience: Patience,
    /// Needs no certificates, and a system without any must not matter to it.
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When it wants to be asked again, as it said.
    pub(crate) retry_after: Option<String>,
}

/// Why a URL did not bring what was wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EgressError {
    /// It is no URL.
    #[error("it is not a URL: {why}; it looks like `https://example.com/path`")]
    NotAUrl {
        /// What the reader said.
        why: String,
    },
    /// It has a scheme that is not spoken.
    #[error("`{scheme}:` is not spoken here; use a URL that begins with `https://` or `http://`")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It carries a user name or a password.
    #[error("it carries a user name or a password, which are not sent; leave them out")]
    Credentials,
    /// It leads where nobody may go.
    #[error("`{host}` is or leads to {}{}", forbidden.what, way_out(*forbidden))]
    BlockedAddress {
        /// The host of the URL.
        host: String,
        /// What is wrong with it.
        forbidden: BlockedAddress,
    },
    /// A redirect is no better than a URL.
    #[error("it redirects to a place that is not gone to: {why}")]
    Redirect {
        /// What is wrong with that place.
        #[source]
        why: Box<EgressError>,
    },
    /// It redirects again and again.
    #[error("it redirects more than {MOST_REDIRECTS} times; use the URL that it leads to")]
    TooManyRedirects,
    /// The name has no address.
    #[error("`{host}` has no address ({why}); check the name")]
    UnknownHost {
        /// The host of the URL.
        host: String,
        /// What the name service said.
        why: String,
    },
    /// It took too long.
    #[error("`{host}` {what} within {} s; try again later", after.as_secs_f32())]
    Slow {
        /// The host of the URL.
        host: String,
        /// What it did not do.
        what: &'static str,
        /// The time it had.
        after: Duration,
    },
    /// It answered, and not with the thing.
    #[error("`{host}` answered {status}; the URL has to answer 200 to anybody, without signing in")]
    Status {
        /// The host of the URL.
        host: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The body is too long.
    #[error("`{host}` sends more than {limit} bytes; use a smaller file")]
    TooLarge {
        /// The host of the URL.
        host: String,
        /// How many are taken.
        limit: usize,
    },
    /// The connection was refused, broke off, or spoke no HTTP or TLS.
    #[error("the connection to `{host}` failed: {why}")]
    Broken {
        /// The host of the URL.
        host: String,
        /// What went wrong, at the bottom of it.
        why: String,
        /// The whole of it.
        #[source]
        source: reqwest::Error,
    },
    /// What asks it broke.
    #[error("the gateway itself broke over it; its log has the reason")]
    Panicked,
    /// There is no way to check whom one talks to.
    #[error("no `https` URL can be reached, because the system's certificates cannot be read")]
    NoCertificates(#[source] reqwest::Error),
}

fn way_out(forbidden: BlockedAddress) -> &'static str {
    if forbidden.may_be_allowed {
        ", which is not reached from here; use a public address, or set \
         `server.allow_private_addresses` if this is meant"
    } else {
        ", which is never reached; use another address"
    }
}

impl Egress {
    /// A client that goes as far as `reach` says.
    pub(crate) fn new(reach: AddressPolicy) -> Self {
        Self::with(reach, Arc::new(System::default()), PATIENCE)
    }

    /// One for tests: it reaches servers on this machine.
    #[cfg(test)]
    pub(crate) fn near() -> Self {
        Self::near_with(LONG)
    }

    /// The same, which does not wait long for an answer to begin.
    #[cfg(test)]
    pub(crate) fn near_and_hasty() -> Self {
        Self::near_with(Patience { answer: SOON, ..LONG })
    }

    #[cfg(test)]
    fn near_with(patience: Patience) -> Self {
        Self::with(AddressPolicy::AlsoPrivate, Arc::new(System::default()), patience)
    }

    fn with(reach: AddressPolicy, names: Arc<dyn LookUp>, patience: Patience) -> Self {
        // An error would say that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (plain, secure) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { names, reach, patience, plain, secure }))
    }

    /// Reads a URL and refuses what can be known to be refused before anything is looked up.
    pub(crate) fn check(&self, text: &str) -> Result<Url, EgressError> {
        self.check_from(None, text)
    }

    /// The same for a place that a redirect from another one names.
    fn check_from(&self, from: Option<&Url>, text: &str) -> Result<Url, EgressError> {
        if text.len() > LONGEST_URL {
            let why = format!("it is longer than {LONGEST_URL} bytes");
            return Err(EgressError::NotAUrl { why });
        }
        let url = from.map_or_else(|| Url::parse(text), |from| from.join(text));
        let mut url = url.map_err(|error| EgressError::NotAUrl { why: error.to_string() })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::Scheme { scheme: url.scheme().chars().take(20).collect() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Credentials);
        }
        let host = host_of(&url);
        let name = host.trim_end_matches('.');
        // The reader of URLs has turned every way to write an address (`0x7f.1`, `2130706433`) into one.
        let address = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Some(address),
            Err(_) if name == "localhost" || name.ends_with(".localhost") => {
                Some(IpAddr::from([127, 0, 0, 1]))
            }
            Err(_) => None,
        };
        if let Some(address) = address
            && let Err(forbidden) = self.0.reach.check(address)
        {
            return Err(EgressError::BlockedAddress { host, forbidden });
        }
        url.set_fragment(None);
        Ok(url)
    }

    /// Fetches a picture of at most `limit` bytes.
    pub(crate) async fn get_picture(&self, url: &str, limit: usize) -> Result<Bytes, EgressError> {
        let url = self.check(url)?;
        let (host, whole) = (host_of(&url), self.0.patience.whole);
        let slow = |_| EgressError::Slow { host, what: "did not send it all", after: whole };
        timeout(whole, self.follow(url, limit)).await.map_err(slow)?
    }

    async fn follow(&self, mut url: Url, limit: usize) -> Result<Bytes, EgressError> {
        for _ in 0..=MOST_REDIRECTS {
            let request = self.client(&url)?.get(url.clone()).header(header::ACCEPT, "image/*");
            let response = self.send(&url, request).await?;
            match next_hop(&response) {
                Some(hop) => url = self.check_from(Some(&url), &hop).map_err(redirected)?,
                None => return self.read(&url, response, limit).await,
            }
        }
        Err(EgressError::TooManyRedirects)
    }

    async fn read(
        &self,
        url: &Url,
        mut response: Response,
        limit: usize,
    ) -> Result<Bytes, EgressError> {
        let host = host_of(url);
        if response.status() != StatusCode::OK {
            return Err(EgressError::Status { host, status: response.status() });
        }
        // What it says of its length is believed only when it is too much.
        let told = response.content_length().and_then(|told| usize::try_from(told).ok());
        if told.is_some_and(|told| told > limit) {
            return Err(EgressError::TooLarge { host, limit });
        }
        let (mut body, silence) = (BytesMut::new(), self.0.patience.silence);
        loop {
            let Ok(piece) = timeout(silence, response.chunk()).await else {
                let what = "sent nothing more";
                return Err(EgressError::Slow { host, what, after: silence });
            };
            match piece.map_err(|error| self.broken(url, error))? {
                None => return Ok(body.freeze()),
                Some(piece) if body.len() + piece.len() > limit => {
                    return Err(EgressError::TooLarge { host, limit });
                }
                Some(piece) => body.extend_from_slice(&piece),
            }
        }
    }

    /// Sends something to a receiver. A redirect is an answer like any other.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, EgressError> {
        let url = self.check(url)?;
        let request = self.client(&url)?.post(url.clone()).headers(headers).body(body);
        let mut response = self.send(&url, request).await?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status();
        // Hearing it out is polite, and nothing depends on it.
        let mut heard = 0;
        let drain = async {
            while let Ok(Some(piece)) = response.chunk().await
                && heard < LONGEST_ANSWER
            {
                heard += piece.len();
            }
        };
        timeout(DRAIN, drain).await.ok();
        Ok(Answer { status, retry_after })
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, EgressError> {
        let after = self.0.patience.answer;
        let slow = |_| EgressError::Slow { host: host_of(url), what: "did not answer", after };
        timeout(after, request.send()).await.map_err(slow)?.map_err(|error| self.broken(url, error))
    }

    /// What a failed exchange means.
    fn broken(&self, url: &Url, error: reqwest::Error) -> EgressError {
        let host = host_of(url);
        // A URL can hold what is nobody's business.
        let error = error.without_url();
        match cause::<NameError>(&error) {
            Some(NameError::BlockedAddress(forbidden)) => {
                return EgressError::BlockedAddress { host, forbidden: *forbidden };
            }
            Some(NameError::Unknown(why)) => {
                return EgressError::UnknownHost { host, why: why.to_string() };
            }
            Some(NameError::Slow) => {
                return EgressError::UnknownHost {
                    host,
                    why: "the name service did not answer".to_owned(),
                };
            }
            None => {}
        }
        if error.is_timeout() {
            let (what, after) = ("could not be connected to", self.0.patience.connect);
            return EgressError::Slow { host, what, after };
        }
        let why = match cause::<io::Error>(&error) {
            Some(io) => io.to_string(),
            None => innermost(&error),
        };
        EgressError::Broken { host, why, source: error }
    }

    fn client(&self, url: &Url) -> Result<&Client, EgressError> {
        let is_plain = url.scheme() == "http";
        let place = if is_plain { &self.0.plain } else { &self.0.secure };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let Inner { names, reach, patience, .. } = &*self.0;
        let names = Arc::clone(names);
        let mut builder = Client::builder()
            .dns_resolver(Arc::new(Checked { names, reach: *reach, patience: patience.connect }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(patience.connect)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("retake/", env!("CARGO_PKG_VERSION")));
        if is_plain {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(EgressError::NoCertificates)?;
        Ok(place.get_or_init(|| client))
    }
}

/// Where an answer says to go on.
fn next_hop(response: &Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn redirected(why: EgressError) -> EgressError {
    EgressError::Redirect { why: Box::new(why) }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The first error of a type down the chain.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source())
        .find_map(|error| error.downcast_ref())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (*error).source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}
