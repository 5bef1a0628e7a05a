//! The transport: the one place that sends calls to providers.
//!
//! Connections are kept and used again. Every phase has a time and every body a length. A call that changes
//! something is sent once: when the connection breaks after that, nobody can know what became of it, and the
//! answer says so. Redirects are no answers of an API and are not followed, but for downloads, which follow a
//! few and leave the credentials behind when they lead to another host. What an answer names (a file, a
//! status address) lies outside the account's own host or inside it; outside, only public addresses are
//! reached, unless the account's own host is a private one. A proxy of the environment is for the internet: it
//! gets nothing that is meant for a host of a private network.

pub(crate) mod encoding;
mod evidence;
mod memory;
mod names;
mod pace;
mod proxy;
#[cfg(test)]
pub(crate) mod tests;
mod timer;

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream, stream::BoxStream};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use retake_core::{
    address::AddressPolicy,
    fault::{Fault, FaultKind, FaultSource},
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

pub(crate) use self::evidence::request_id;
pub use self::proxy::{Proxy, ProxyVariables};
use self::{
    memory::AnswerMemory,
    pace::{pieces, read},
    timer::{SystemTimer, within},
};
use self::{
    names::{Places, Reconciliation},
    proxy::Proxied,
};
pub use self::{pace::Pace, timer::Timer};
use crate::{
    FetchError, Log,
    call::{Answer, Body, Call, Effect, NoAnswer, Part, Reply, Value},
    response,
    secrets::{Guarded as _, Secrets},
};

/// To look up the name and to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// An idle connection is kept this long.
const IDLE: Duration = Duration::from_secs(90);
/// Redirects that a download follows.
const MOST_REDIRECTS: usize = 5;
/// A longer URL is no address of anything.
const LONGEST_URL: usize = 8192;
/// Longer answers are not searched for secrets as a whole: they are lists and files. What is made of them is.
const LONGEST_REPEAT: usize = 1 << 20;
/// What is read of an answer that was to be a file and is none.
const LONGEST_REFUSAL: usize = 64 << 10;
/// Longer answers are looked through on a thread on which nobody else waits.
const LONG_ANSWER: usize = 16 << 10;

/// Sends the calls of one account.
#[derive(Clone)]
pub struct Transport {
    /// For the account's own host, which its owner has named.
    own: Client,
    /// For every other host.
    others: Client,
    host: Arc<str>,
    /// Whether the account's own API has no TLS.
    may_be_plain: bool,
    others_may_be_plain: bool,
    reach: AddressPolicy,
    patience: Duration,
    secrets: Secrets,
    proxied: Option<Arc<Proxied>>,
    names: Arc<dyn Reconciliation>,
    /// Of files.
    pace: Pace,
    memory: AnswerMemory,
    timer: Arc<dyn Timer>,
}

/// Why there is no transport for an account.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The base URL is none.
    #[error("`{url}` is not a base URL; it looks like `https://api.example.com/v1`")]
    BaseUrl {
        /// What was given.
        url: String,
    },
    /// The proxy is none.
    #[error(
        "`{found}` is not a valid proxy; write a URL such as `http://proxy.example.com:3128`, or `none`"
    )]
    Proxy {
        /// What was given, without a password.
        found: String,
    },
    /// There is no way to check whom one talks to.
    #[error("the system's certificates cannot be read")]
    Certificates(#[from] reqwest::Error),
}

impl Transport {
    /// A transport for an account whose API is at `base_url`.
    pub fn new(base_url: &str) -> Result<Self, TransportError> {
        // An error would say that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let not_one = || TransportError::BaseUrl { url: base_url.chars().take(200).collect() };
        let url = Url::parse(base_url).map_err(|_| not_one())?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(not_one)?.to_owned();
        let reach =
            if is_private(&host) { AddressPolicy::AlsoPrivate } else { AddressPolicy::Public };
        Ok(Self {
            own: client(AddressPolicy::AlsoPrivate)?,
            others: client(reach)?,
            others_may_be_plain: url.scheme() == "http" || reach == AddressPolicy::AlsoPrivate,
            may_be_plain: url.scheme() == "http",
            reach,
            host: host.into(),
            patience: Duration::MAX,
            secrets: Secrets::default(),
            proxied: None,
            names: Arc::new(names::System),
            pace: Pace::FILE,
            memory: AnswerMemory::of_an_account(),
            timer: Arc::new(SystemTimer::new()),
        })
    }

    /// The same transport, which waits no longer than this for an answer to begin.
    #[must_use]
    pub fn with_patience(self, most: Option<Duration>) -> Self {
        Self { patience: most.unwrap_or(Duration::MAX), ..self }
    }

    /// The same transport, whose limits go by this time.
    #[must_use]
    pub fn with_timer(self, timer: Arc<dyn Timer>) -> Self {
        Self { timer, ..self }
    }

    /// How long an answer may take to begin at most, where its owner has set that.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The same transport, whose answers and evidence repeat none of these, nor any of a call's own.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The same transport, which goes through a proxy where that is set and may be.
    pub fn with_proxy(self, proxy: &Proxy) -> Result<Self, TransportError> {
        Ok(Self { proxied: Proxied::new(proxy)?.map(Arc::new), ..self })
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The same transport, for files that arrive at this pace at least.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Sends a call and reads the whole answer.
    pub async fn send(&self, call: &Call, now: Timestamp, log: &Log) -> Answer {
        let (begun, mut last) = (self.timer.passed(), None);
        let tries = if call.effect == Effect::Asks { 2 } else { 1 };
        for _ in 0..tries {
            let secrets = self.secrets.with(evidence::secrets(call));
            let answer = self.send_once(call, now).await;
            let asked = evidence::asked(call, &secrets);
            let answer = examined(
                answer,
                asked,
                secrets,
                (now, self.timer.passed().saturating_sub(begun)),
                log,
            )
            .await;
            match answer {
                Err(problem) if !problem.slow => last = Some(problem),
                answer => return answer,
            }
        }
        Err(last.unwrap_or(NoAnswer { sent: false, slow: false, message: "not sent".into() }))
    }

    async fn send_once(&self, call: &Call, now: Timestamp) -> Answer {
        let url = self.judge(&call.url)?;
        let request =
            fill(self.client(&url).await?.request(call.method.clone(), url.clone()), call, true)?;
        let response = self.begin(request, call.patience).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let length = response.content_length().map(|length| {
            length.min(call.enough.and_then(|enough| enough.try_into().ok()).unwrap_or(u64::MAX))
        });
        let pace = Pace::of_answer(call.largest_answer, length, self.pace);
        let room = self.memory.room(call.largest_answer, length);
        let body = beginning(chunks(response), call.enough);
        let body = read(body, room, pace, &*self.timer, was_broken).await?;
        let is_beginning = call.enough.is_some();
        self.decoded(Reply { status, headers, body, at: now }, call.largest_answer, is_beginning)
            .await
    }

    /// The same answer, no more compressed, and no longer than allowed.
    pub(crate) async fn decoded(
        &self,
        mut reply: Reply,
        most: usize,
        is_beginning: bool,
    ) -> Answer {
        if encoding::is_compressed(&reply.body) {
            let announced = encoding::announced(&reply.body).filter(|_| !is_beginning);
            let room = self.memory.room(most, announced);
            reply.body = encoding::decode(reply.body, room, is_beginning, &*self.timer).await?;
            reply.headers.remove(header::CONTENT_ENCODING);
        }
        Ok(reply)
    }

    /// Opens a file. An answer that is none is given back to be read.
    pub async fn download(
        &self,
        call: &Call,
        now: Timestamp,
        log: &Log,
    ) -> Result<Result<BoxStream<'static, Result<Bytes, Fault>>, Reply>, FetchError> {
        // An address that may not be reached today may not be tomorrow.
        if let Err(problem) = self.judge(&call.url) {
            let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, problem.message);
            return Err(FetchError::Gone(fault));
        }
        let begun = self.timer.passed();
        let opened = self.follow(call).await;
        let (answer, response) = match opened {
            Err(problem) => (Err(problem), None),
            Ok(response) if response.status().is_success() => {
                let reply = Reply {
                    status: response.status(),
                    headers: response.headers().clone(),
                    body: Bytes::new(),
                    at: now,
                };
                (Ok(reply), Some(response))
            }
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                let room = self.memory.room(LONGEST_REFUSAL, response.content_length());
                let body =
                    read(chunks(response), room, Pace::ANSWER, &*self.timer, was_broken).await;
                let reply = body.map(|body| Reply { status, headers, body, at: now });
                let reply = match reply {
                    Ok(reply) => self.decoded(reply, LONGEST_REFUSAL, false).await,
                    Err(problem) => Err(problem),
                };
                (reply, None)
            }
        };
        let secrets = self.secrets.with(evidence::secrets(call));
        let asked = evidence::asked(call, &secrets);
        let answer =
            examined(answer, asked, secrets, (now, self.timer.passed().saturating_sub(begun)), log)
                .await;
        match (answer, response) {
            (Ok(reply), Some(response)) => {
                if let Some(encoding) = encoding::unreadable(&reply.headers) {
                    let message = format!(
                        "the file came encoded as `{}`, which was not asked for",
                        response::quoted(encoding)
                    );
                    let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
                    return Err(FetchError::Later(fault));
                }
                let broken = |error: reqwest::Error| innermost(&error.without_url());
                let timer = Arc::clone(&self.timer);
                Ok(Ok(encoding::plain(pieces(chunks(response), self.pace, timer, broken))))
            }
            (Ok(reply), None) => Ok(Err(reply)),
            (Err(problem), _) => Err(FetchError::Later(response::silence(&problem))),
        }
    }

    async fn begin(
        &self,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Response, NoAnswer> {
        let patience = patience.min(self.patience);
        let Some(response) = within(&*self.timer, patience, request.send()).await else {
            let message = format!("no answer within {} s", patience.as_secs());
            return Err(NoAnswer { sent: true, slow: true, message });
        };
        response.map_err(|error| broken(error, false))
    }

    async fn follow(&self, call: &Call) -> Result<Response, NoAnswer> {
        let mut url = self.judge(&call.url)?;
        let first = url.origin();
        for _ in 0..=MOST_REDIRECTS {
            let keeps_secrets = url.origin() == first;
            let request = self.client(&url).await?.request(call.method.clone(), url.clone());
            let request = fill(request, call, keeps_secrets)?;
            let response = self.begin(request, call.patience).await?;
            match next_hop(&response) {
                None => return Ok(response),
                Some(hop) => {
                    let hop = url.join(&hop).map_err(|_| unsent("it redirects to no URL"))?;
                    url = self.judge(hop.as_str())?;
                }
            }
        }
        Err(NoAnswer { sent: true, slow: false, message: "it redirects again and again".into() })
    }

    /// Reads a URL, and refuses those that lead where an answer has no business to lead.
    fn judge(&self, text: &str) -> Result<Url, NoAnswer> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_URL);
        let url = url.ok_or_else(|| unsent("the address is not a URL"))?;
        if self.is_own(&url) {
            return Ok(url);
        }
        match url.scheme() {
            "https" => {}
            "http" if self.others_may_be_plain => {}
            _ => return Err(unsent("the address is not an `https` one")),
        }
        let literal = url.host_str().unwrap_or_default().trim_matches(['[', ']']).parse::<IpAddr>();
        if let Ok(address) = literal
            && let Err(forbidden) = self.reach.check(address)
        {
            return Err(unsent(&format!("the address is {}", forbidden.what)));
        }
        Ok(url)
    }

    fn is_own(&self, url: &Url) -> bool {
        let spoken = url.scheme() == "https" || (url.scheme() == "http" && self.may_be_plain);
        spoken && url.host_str() == Some(&*self.host)
    }

    /// What sends to a URL: a proxy, where one is set for it, else this machine itself.
    async fn client(&self, url: &Url) -> Result<&Client, NoAnswer> {
        let is_own = self.is_own(url);
        let direct = if is_own { &self.own } else { &self.others };
        let Some((proxied, client)) =
            self.proxied.as_ref().and_then(|it| Some((it, it.for_url(url)?)))
        else {
            return Ok(direct);
        };
        let leads = self.leads_to(url).await;
        if proxied.is_named {
            // Its owner has named it for whatever the account is, and it may know names that nobody here does.
            // What an answer names goes no further by it than without.
            return match leads.forbidden(self.reach) {
                Some(what) if !is_own => Err(unsent(&format!("the name leads to {what}"))),
                _ => Ok(client),
            };
        }
        // It was set for the internet: nothing goes to it that is not known to be meant for there.
        Ok(if leads.is_public() { client } else { direct })
    }

    async fn leads_to(&self, url: &Url) -> Places {
        let host = url.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Places(vec![address]),
            Err(_) if is_private(host) => Places(vec![IpAddr::from([127, 0, 0, 1])]),
            Err(_) => match timeout(CONNECT, self.names.look_up(host)).await {
                Ok(Ok(addresses)) => Places(addresses),
                _ => Places(Vec::new()),
            },
        }
    }
}

/// Cuts the secrets out of an answer and keeps what is worth keeping of it.
async fn examined(
    answer: Answer,
    asked: evidence::Asked,
    secrets: Secrets,
    (at, took): (Timestamp, Duration),
    log: &Log,
) -> Answer {
    let length = answer.as_ref().map_or(0, |reply| reply.body.len());
    let examine = move || {
        let answer = clean(answer, &secrets);
        let exchange = evidence::exchange(asked, &answer, &secrets, at, took);
        (answer, exchange)
    };
    let (answer, exchange) = off_thread(length, examine).await;
    log.keep(exchange);
    answer
}

/// Does work on so many bytes: much of it where it keeps no other task waiting.
async fn off_thread<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= LONG_ANSWER {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // It was never begun, because the process ends.
            Err(_) => std::future::pending().await,
        },
    }
}

/// An answer that repeats no secret: its texts are shown to callers.
fn clean(answer: Answer, secrets: &Secrets) -> Answer {
    let mut reply = match answer {
        Ok(reply) => reply,
        Err(problem) => {
            return Err(NoAnswer { message: problem.message.guarded(secrets), ..problem });
        }
    };
    for value in reply.headers.values_mut() {
        let cut = secrets.cut_bytes(value.as_bytes());
        if let Some(cut) = cut.and_then(|cut| header::HeaderValue::from_bytes(&cut).ok()) {
            *value = cut;
        }
    }
    if reply.body.len() <= LONGEST_REPEAT
        && let Some(cut) = secrets.cut_bytes(&reply.body)
    {
        reply.body = cut.into();
    }
    Ok(reply)
}

fn is_private(host: &str) -> bool {
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
    // A name without a dot, or in one of these, is nobody's on the internet.
    let is_local = !host.contains('.')
        || [".localhost", ".local", ".internal", ".lan", ".home.arpa"]
            .iter()
            .any(|end| host.ends_with(end));
    match literal {
        Ok(address) => AddressPolicy::Public.check(address).is_err(),
        Err(_) => is_local,
    }
}

fn client(reach: AddressPolicy) -> Result<Client, reqwest::Error> {
    builder().no_proxy().dns_resolver(Arc::new(names::FilteredResolver(reach))).build()
}

/// What all of them have in common.
fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("retake/", env!("CARGO_PKG_VERSION")))
}

fn unsent(message: &str) -> NoAnswer {
    NoAnswer { sent: false, slow: false, message: message.to_owned() }
}

/// Puts headers and body on a request.
fn fill(
    mut request: RequestBuilder,
    call: &Call,
    with_secrets: bool,
) -> Result<RequestBuilder, NoAnswer> {
    for (name, value) in &call.headers {
        request = match value {
            Value::Plain(text) => request.header(*name, text),
            Value::Secret(secret) if with_secrets => {
                let mut value = header::HeaderValue::from_str(secret.expose_secret())
                    .map_err(|_| unsent("the key has characters that no header can carry"))?;
                value.set_sensitive(true);
                request.header(*name, value)
            }
            Value::Secret(_) => request,
        };
    }
    Ok(match &call.body {
        Body::Empty => request,
        Body::Json(json) => request.json(json),
        Body::Urlencoded(fields) => request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(urlencoded(fields)),
        Body::File { media_type, bytes } => {
            request.header(header::CONTENT_TYPE, media_type).body(bytes.clone())
        }
        Body::Form(parts) => request.multipart(form(parts)?),
    })
}

fn urlencoded(fields: &[(&str, String)]) -> String {
    let encode =
        |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn form(parts: &[Part]) -> Result<reqwest::multipart::Form, NoAnswer> {
    let mut form = reqwest::multipart::Form::new();
    for part in parts {
        form = match part {
            Part::Text { name, value } => form.text(name.clone(), value.clone()),
            Part::File { name, filename, media_type, bytes } => {
                let length = bytes.len() as u64;
                let file = reqwest::multipart::Part::stream_with_length(bytes.clone(), length)
                    .file_name(filename.clone())
                    .mime_str(media_type)
                    .map_err(|_| unsent("the type of a file is none"))?;
                form.part(name.clone(), file)
            }
        };
    }
    Ok(form)
}

/// The pieces of a body until they are enough.
fn beginning<S, E>(
    body: S,
    enough: Option<usize>,
) -> impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    E: Send + 'static,
{
    let enough = enough.unwrap_or(usize::MAX);
    let next = move |(mut body, read): (S, usize)| async move {
        if read >= enough {
            return None;
        }
        let mut piece = body.next().await?;
        if let Ok(piece) = &mut piece {
            piece.truncate(enough - read);
        }
        let read = read + piece.as_ref().map_or(0, Bytes::len);
        Some((piece, (body, read)))
    };
    stream::unfold((body, 0), next).boxed()
}

/// The pieces of a body as they come.
fn chunks(
    response: Response,
) -> impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + Unpin + 'static {
    let next = |mut response: Response| async move {
        response.chunk().await.transpose().map(|piece| (piece, response))
    };
    stream::unfold(response, next).boxed()
}

fn was_broken(error: reqwest::Error) -> NoAnswer {
    broken(error, true)
}

/// What a failed exchange means. Only a connection that was never there is sure not to have carried anything.
fn broken(error: reqwest::Error, begun: bool) -> NoAnswer {
    let error = error.without_url();
    let sent = begun || !(error.is_connect() || error.is_builder());
    let message = if sent {
        format!("the connection broke: {}", innermost(&error))
    } else {
        format!("no connection: {}", innermost(&error))
    };
    NoAnswer { sent, slow: error.is_timeout(), message }
}

/// Where an answer says to go on.
fn next_hop(response: &Response) -> Option<String> {
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    location(response.headers()).filter(|_| redirects)
}

fn location(headers: &HeaderMap) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(header::LOCATION)?.as_bytes()).into_owned())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (*error).source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}
