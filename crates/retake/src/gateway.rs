//! A gateway as its HTTP API shows it: one method per call, errors told apart by what helps.

use std::{net::IpAddr, time::Duration};

use reqwest::{RequestBuilder, Response, StatusCode, Url, header::HeaderMap};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    exit::{Exit, Failure, innermost},
    wire::{Page, Video},
};

/// How long a server may take to accept a connection, and to say anything once it has.
const CONNECT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_mins(1);

/// One gateway, near or far.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// A video and when it makes sense to ask again.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) video: Video,
    pub(crate) poll_after: Option<Duration>,
}

/// Why a call brought no answer to work with.
#[derive(Debug)]
pub(crate) enum CallError {
    /// Nobody answered, or the answer broke off.
    Unreachable { url: Url, source: reqwest::Error },
    /// The gateway answered with an error.
    Refused(Refusal),
    /// Something answered that is not a gateway.
    Foreign { url: Url, what: String },
}

/// An error as the API tells it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// A URL that cannot be that of a server.
pub(crate) fn server_url(text: &str) -> Result<Url, Failure> {
    let refuse = |why: &str| {
        Failure::new(Exit::BadInput, format!("`{text}` is not the URL of a server: {why}"))
            .hint("it looks like http://127.0.0.1:8080")
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it has to begin with http:// or https:// and name a host"));
    }
    Ok(url)
}

impl Gateway {
    /// A gateway by its URL, with or without `/v1` at the end.
    pub(crate) fn at(mut base: Url) -> Result<Self, Failure> {
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        base.set_path(&path);
        base.set_query(None);
        base.set_fragment(None);
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("retake/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // No certificates are needed then, and a system without any must not matter.
            builder = builder.tls_certs_only([]);
        }
        if is_local(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Failure::caused_by(Exit::Failed, &error))?;
        Ok(Self { http, base, key: None })
    }

    /// The same gateway, with the key that it may need.
    pub(crate) fn with_key(self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// The version of the gateway that answers here.
    pub(crate) async fn health(&self) -> Result<String, CallError> {
        #[derive(Deserialize)]
        struct Health {
            status: String,
            version: String,
        }
        let url = self.path(&["healthz"]);
        let request = self.http.get(url.clone()).timeout(CONNECT);
        let answer = self.json(url.clone(), request).await?.0;
        match Health::deserialize(answer) {
            Ok(health) if health.status == "ok" => Ok(health.version),
            Ok(health) => Err(foreign(&url, format!("the status {:?}", health.status))),
            Err(error) => Err(foreign(&url, error.to_string())),
        }
    }

    /// Asks for a video: `build` adds the body.
    pub(crate) async fn create(
        &self,
        build: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Video, CallError> {
        let url = self.path(&["v1", "videos"]);
        let request = build(self.http.post(url.clone()));
        Ok(self.video_at(url, request).await?.video)
    }

    pub(crate) async fn video(&self, id: &str) -> Result<Polled, CallError> {
        let url = self.path(&["v1", "videos", id]);
        self.video_at(url.clone(), self.http.get(url)).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<Video, CallError> {
        let url = self.path(&["v1", "videos", id, "cancel"]);
        Ok(self.video_at(url.clone(), self.http.post(url)).await?.video)
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<Value, CallError> {
        self.delete_at(&["v1", "videos", id]).await
    }

    pub(crate) async fn videos(&self, limit: u32, after: Option<&str>) -> Result<Page, CallError> {
        let path = ["v1", "videos"];
        let answer = self.page(&path, limit, after).await?;
        Page::read(answer).map_err(|error| foreign(&self.path(&path), error.to_string()))
    }

    /// A part of a list.
    pub(crate) async fn page(
        &self,
        path: &[&str],
        limit: u32,
        after: Option<&str>,
    ) -> Result<Value, CallError> {
        let mut url = self.path(path);
        url.query_pairs_mut()
            .append_pair("limit", &limit.to_string())
            .extend_pairs(after.map(|id| ("after", id)));
        Ok(self.json(url.clone(), self.http.get(url)).await?.0)
    }

    pub(crate) async fn models(&self) -> Result<Value, CallError> {
        self.get(&["v1", "models"]).await
    }

    /// Something of Retake's own.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Value, CallError> {
        let url = self.path(path);
        Ok(self.json(url.clone(), self.http.get(url)).await?.0)
    }

    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, CallError> {
        let url = self.path(path);
        Ok(self.json(url.clone(), self.http.post(url).json(body)).await?.0)
    }

    pub(crate) async fn delete_at(&self, path: &[&str]) -> Result<Value, CallError> {
        let url = self.path(path);
        Ok(self.json(url.clone(), self.http.delete(url)).await?.0)
    }

    /// The file of a finished video, still to be read.
    pub(crate) async fn content(&self, id: &str) -> Result<Response, CallError> {
        let url = self.path(&["v1", "videos", id, "content"]);
        let response = self.send(&url, self.http.get(url.clone())).await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            _ => Err(self.refusal(&url, response).await),
        }
    }

    fn path(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Cannot fail: `server_url` lets no URL without a host in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    async fn video_at(&self, url: Url, request: RequestBuilder) -> Result<Polled, CallError> {
        let (answer, headers) = self.json(url.clone(), request).await?;
        let video = Video::read(answer).map_err(|error| foreign(&url, error.to_string()))?;
        let poll_after = headers.get("openai-poll-after-ms");
        let poll_after = poll_after.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Polled { video, poll_after: poll_after.map(Duration::from_millis) })
    }

    async fn json(
        &self,
        url: Url,
        request: RequestBuilder,
    ) -> Result<(Value, HeaderMap), CallError> {
        let response = self.send(&url, request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(&url, response).await);
        }
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|source| unreachable(&url, source))?;
        match serde_json::from_slice(&body) {
            Ok(value) => Ok((value, headers)),
            Err(_) => Err(foreign(&url, kind_of(&headers))),
        }
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, CallError> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.map_err(|source| unreachable(url, source))
    }

    async fn refusal(&self, url: &Url, response: Response) -> CallError {
        #[derive(Deserialize)]
        struct Body {
            error: Told,
        }
        #[derive(Deserialize)]
        struct Told {
            message: String,
            #[serde(default)]
            code: Option<String>,
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(source) => return unreachable(url, source),
        };
        match serde_json::from_slice::<Body>(&body) {
            Ok(Body { error: Told { message, code } }) => {
                let request_id = headers.get("x-request-id");
                let request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
                CallError::Refused(Refusal { status, message, code, request_id })
            }
            Err(_) => foreign(url, format!("HTTP {status}, {}", kind_of(&headers))),
        }
    }
}

impl CallError {
    /// Whether the same call may well work a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(Refusal { status, .. }) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Foreign { .. } => false,
        }
    }

    /// Whether the call cannot have had any effect, because nobody heard it.
    pub(crate) fn was_not_heard(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_connect())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable { url, source } => {
                let (server, why) = (origin(&url), innermost(&source));
                Failure::new(
                    Exit::Unreachable,
                    format!("cannot reach the server at {server}: {why}"),
                )
                .hint("start one with `retake serve`, or leave out --server to work without")
            }
            CallError::Foreign { url, what } => Failure::new(
                Exit::Unreachable,
                format!("{} does not answer like a Retake gateway: {what}", origin(&url)),
            )
            .hint("check the URL of the server"),
            CallError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, message, code, request_id } = refusal;
        let exit = match status {
            _ if code.as_deref() == Some("webhook_test_failed") => Exit::Failed,
            StatusCode::NOT_FOUND | StatusCode::GONE => Exit::NotFound,
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => Exit::BadInput,
            _ if code.as_deref() == Some("storage_full") => Exit::CannotWrite,
            _ => Exit::Failed,
        };
        let failure = Failure::new(exit, message);
        let failure = match code.as_deref() {
            Some("video_not_found") => failure.hint("`retake videos list` shows those there are"),
            Some("model_not_found") => failure.hint("`retake models` shows those there are"),
            Some("video_not_ready") => failure.hint("add --wait to wait until it is finished"),
            Some("video_not_ended") => failure.hint("stop it first with `retake videos cancel`"),
            Some("missing_api_key" | "invalid_api_key") => {
                failure.hint("set RETAKE_API_KEY to a key of that gateway")
            }
            Some("webhook_endpoint_not_found") => {
                failure.hint("`retake webhooks list` shows those there are")
            }
            Some("webhook_delivery_not_found") => {
                failure.hint("`retake webhooks deliveries ID` shows those there are")
            }
            Some("webhook_endpoint_disabled") => {
                failure.hint("switch it on with `retake webhooks update ID --enable`")
            }
            Some("key_not_found") => failure.hint("`retake keys list` shows those there are"),
            Some("storage_full") => failure.hint("make room on the disk of the data directory"),
            _ => failure,
        };
        failure.code(code).request_id(request_id)
    }
}

fn unreachable(url: &Url, source: reqwest::Error) -> CallError {
    CallError::Unreachable { url: url.clone(), source: source.without_url() }
}

fn foreign(url: &Url, what: impl Into<String>) -> CallError {
    CallError::Foreign { url: url.clone(), what: what.into() }
}

fn kind_of(headers: &HeaderMap) -> String {
    let kind = headers.get(reqwest::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    format!("its answer is no JSON of ours ({})", kind.unwrap_or("no content type"))
}

/// The server of a URL, without any password in it.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether a gateway is on this machine or in a network of one's own: a proxy of the environment is for the
/// internet, and would be told the key.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => {
            let host = host.trim_end_matches('.');
            let ends = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];
            !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_told_the_key_of_a_gateway_in_a_network_of_ones_own() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("192.168.1.7", true),
            ("[fd00::7]", true),
            ("retake", true),
            ("retake.lan.", true),
            ("retake.example.com", false),
            ("8.8.8.8", false),
        ] {
            let url = format!("http://{host}").parse().unwrap();
            assert_eq!(is_local(&url), expected, "{host}");
        }
    }
}
