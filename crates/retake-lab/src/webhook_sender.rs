//! Delivers webhooks.
//!
//! A delivery that is not answered with a 2xx in time is tried again after the pauses that the
//! provider documents, in the lab's time. Any address is fine, loopback too: this is a lab.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::redirect::Policy;

use crate::clock::Clock;

/// How long a receiver may take, in the world's time.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Something to be delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebhookRequest {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Delivers notices over HTTP.
#[derive(Clone)]
pub(crate) struct WebhookSender {
    client: Option<reqwest::Client>,
    clock: Clock,
}

impl WebhookSender {
    pub(crate) fn new(clock: Clock) -> Self {
        // An error would say that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(RESPONSE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .inspect_err(|error| tracing::warn!(%error, "the lab cannot deliver webhooks"));
        Self { client: client.ok(), clock }
    }

    /// Delivers, trying again after each pause (in seconds). Returns whether it was taken.
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
