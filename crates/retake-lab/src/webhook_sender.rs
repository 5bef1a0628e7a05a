//! Delivers webhooks over HTTP.
//!
//! A delivery without a timely 2xx response is retried after the delays that the provider
//! documents, in lab time. Every address is allowed, loopback too: this is a lab.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::redirect::Policy;

use crate::clock::Clock;

/// How long a receiver may take to respond, in wall-clock time.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP request of a webhook.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebhookRequest {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The HTTP client that delivers webhooks.
#[derive(Clone)]
pub(crate) struct WebhookSender {
    client: Option<reqwest::Client>,
    clock: Clock,
}

impl WebhookSender {
    pub(crate) fn new(clock: Clock) -> Self {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(RESPONSE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .inspect_err(|error| tracing::warn!(%error, "the lab failed to build its HTTP client; webhooks are not delivered"));
        Self { client: client.ok(), clock }
    }

    /// Delivers a webhook, with a retry after each pause (in seconds). Returns whether it was
    /// accepted.
    pub(crate) async fn deliver(&self, webhook_request: &WebhookRequest, pauses: &[i64]) -> bool {
        for pause in std::iter::once(&0).chain(pauses) {
            self.clock.wait(SignedDuration::from_secs(*pause)).await;
            if self.send(webhook_request).await {
                return true;
            }
        }
        false
    }

    async fn send(&self, webhook_request: &WebhookRequest) -> bool {
        let Some(client) = &self.client else { return false };
        let mut request = client.post(&webhook_request.url).body(webhook_request.body.clone());
        for (name, value) in &webhook_request.headers {
            request = request.header(name, value);
        }
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }
}
