//! The notifier: tells webhook endpoints what the outbox says they are to be told.
//!
//! It wakes when a job ends, when a delivery is due again, or after a moment in case another replica recorded
//! something. Deliveries run side by side, one for each endpoint, and endpoints that fail get a part of the
//! room only, so that receivers which never answer cannot keep news from those that do. A receiver learns an
//! id and a word, signed; whoever wants to know more asks the API.

mod delivery_policy;
#[cfg(test)]
mod tests;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    delivery_schedule::EventType,
    fault::chain,
    ids::{EventId, ReplicaId, VideoId},
};
use retake_store::{
    Ledger, StoreError,
    outbox::record::{ClaimedDelivery, Endpoint, Room, ThenDeliver, Tried},
};
use serde::Serialize;
use tokio::sync::Semaphore;

use self::delivery_policy::judge;
use crate::{
    clock::Clock,
    egress::{Answer, Egress, EgressError},
    scheduler::Wakeup,
    signing,
    tasks::{Tasks, panic_text},
    vitals::Pulse,
};

/// Deliveries under way at once.
const AT_ONCE: u32 = 32;
/// Of them, to endpoints whose last try failed.
const FAILING_AT_ONCE: u32 = 16;
/// Without news the ledger is asked again after this long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// How long it can be looked up how a delivery went.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
const TIDY_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Deliveries that are dropped in one transaction.
const DROPPED_AT_ONCE: u32 = 500;
/// What a delivery under way gets when the gateway stops. One that is cut off is made again later.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Delivers what the outbox holds.
#[derive(Clone)]
pub(crate) struct Notifier {
    pub(crate) bell: Wakeup,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) outside: Egress,
    pub(crate) replica: ReplicaId,
    pub(crate) tasks: Tasks,
}

/// What a receiver is told, in the shape and the order of OpenAI's webhooks.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a EventId,
    object: &'static str,
    created_at: i64,
    r#type: EventType,
    data: About<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    id: &'a VideoId,
}

/// Tells an endpoint something, once.
pub(crate) async fn tell(
    outside: &Egress,
    endpoint: &Endpoint,
    event: (&EventId, EventType, &VideoId, Timestamp),
    now: Timestamp,
) -> Result<Answer, EgressError> {
    let (id, event_type, video, created_at) = event;
    let told = Told {
        id,
        object: "event",
        created_at: created_at.as_second(),
        r#type: event_type,
        data: About { id: video },
    };
    // Texts and numbers are always JSON.
    let body = Bytes::from(serde_json::to_vec(&told).unwrap_or_default());
    let mut headers = signing::headers(id, now, endpoint.secrets(now), &body);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    outside.post(&endpoint.url, headers, body).await
}

impl Notifier {
    /// Works until the tasks are told to stop.
    pub(crate) async fn run(self, pulse: Pulse) {
        let all = Arc::new(Semaphore::new(AT_ONCE as usize));
        let failing = Arc::new(Semaphore::new(FAILING_AT_ONCE as usize));
        let free = |of: &Semaphore| u32::try_from(of.available_permits()).unwrap_or(0);
        while !self.tasks.is_stopping() {
            let claimed = self.claim(Room { all: free(&all), failing: free(&failing) }).await;
            pulse.beat();
            if claimed.is_empty() {
                self.rest().await;
            }
            for held in claimed {
                let kind =
                    if held.endpoint.failing_since.is_some() { Some(&failing) } else { None };
                let mut permits = Vec::new();
                // Nobody else takes any, so there are as many as were counted.
                for permits_of in [Some(&all), kind].into_iter().flatten() {
                    permits.extend(Arc::clone(permits_of).acquire_owned().await.ok());
                }
                let notifier = self.clone();
                self.tasks.spawn(async move {
                    notifier.deliver(held).await;
                    drop(permits);
                    notifier.bell.ring();
                });
            }
        }
    }

    /// Drops deliveries that are of no interest any more, from time to time.
    pub(crate) async fn tidy_up(self, pulse: Pulse) {
        while !self.tasks.is_stopping() {
            pulse.beat();
            let now = self.clock.now();
            match self.ledger.prune_deliveries(now - KEPT, DROPPED_AT_ONCE).await {
                Ok(dropped) if dropped >= u64::from(DROPPED_AT_ONCE) => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = chain(&error), "old webhook deliveries stay for now");
                }
            }
            tokio::select! {
                () = self.clock.wait_until(now + TIDY_EVERY) => {}
                () = self.tasks.stopping() => {}
            }
        }
    }

    /// What is due and for which there is room.
    async fn claim(&self, room: Room) -> Vec<ClaimedDelivery> {
        let now = self.clock.now();
        if room.all == 0 {
            return Vec::new();
        }
        let claim = async {
            // Looking costs nothing; claiming waits for its turn to write.
            match self.ledger.next_delivery().await? {
                Some(due) if due <= now => {
                    self.ledger.claim_deliveries(&self.replica, room, now).await
                }
                _ => Ok(Vec::new()),
            }
        };
        claim.await.unwrap_or_else(|error: StoreError| {
            tracing::error!(error = chain(&error), "no webhook deliveries could be claimed");
            Vec::new()
        })
    }

    /// Waits for the bell, the next due moment or the end.
    async fn rest(&self) {
        let now = self.clock.now();
        let latest = now + LOOK_AGAIN;
        let due = self.ledger.next_delivery().await.ok().flatten().unwrap_or(latest);
        // What is due now and was not claimed waits for room; whoever makes some rings the bell.
        let until = if due <= now { latest } else { due.min(latest) };
        tokio::select! {
            () = self.bell.rung() => {}
            () = self.clock.wait_until(until) => {}
            () = self.tasks.stopping() => {}
        }
    }

    /// Makes one try and records how it went.
    async fn deliver(&self, held: ClaimedDelivery) {
        let (delivery, at) = (&held.delivery, self.clock.now());
        let event = (&delivery.id, delivery.event_type, &delivery.video, delivery.created_at);
        self.note(&held, at, tell(&self.outside, &held.endpoint, event, at)).await;
    }

    /// Records how a try goes. One that panics counts as failed: it must not keep its endpoint from what comes
    /// after it.
    async fn note(
        &self,
        held: &ClaimedDelivery,
        at: Timestamp,
        telling: impl Future<Output = Result<Answer, EgressError>>,
    ) {
        let begun = Instant::now();
        let answer = tokio::select! {
            biased;
            answer = AssertUnwindSafe(telling).catch_unwind() => answer,
            () = self.out_of_time() => return,
        };
        let answer = answer.unwrap_or_else(|panic| {
            let (delivery, why) = (&held.delivery.id, panic_text(&*panic));
            tracing::error!(webhook.delivery = %delivery, why, "a webhook delivery panicked");
            Err(EgressError::Panicked)
        });
        let tried = judge(held, &answer, at, begun.elapsed());
        log(held, &tried);
        self.record(held, &tried).await;
    }

    /// Records a try until it is durable or somebody else serves the endpoint.
    async fn record(&self, held: &ClaimedDelivery, tried: &Tried) {
        let mut pause = SignedDuration::from_millis(250);
        loop {
            let error = match self.ledger.record_try(&held.lease, tried).await {
                Ok(()) => return,
                Err(error @ StoreError::DeliveryLost { .. }) => {
                    tracing::warn!(webhook.delivery = %held.delivery.id, %error, "a delivery was overtaken");
                    return;
                }
                Err(error) => error,
            };
            tracing::error!(webhook.delivery = %held.delivery.id, error = chain(&error), "a delivery waits for the ledger");
            tokio::select! {
                () = self.clock.wait_until(self.clock.now() + pause) => {}
                // The lease ends with this process; the delivery is then made once more.
                () = self.tasks.stopping() => return,
            }
            pause = (pause * 2).min(SignedDuration::from_secs(15));
        }
    }

    async fn out_of_time(&self) {
        self.tasks.stopping().await;
        tokio::time::sleep(LAST_WORDS).await;
    }
}

fn log(held: &ClaimedDelivery, tried: &Tried) {
    let (endpoint, delivery) = (&held.endpoint.id, &held.delivery.id);
    let (status, duration_ms) = (tried.status, tried.duration_ms);
    let error = tried.error.as_deref().unwrap_or_default();
    match tried.then {
        ThenDeliver::Done => tracing::debug!(
            webhook.endpoint = %endpoint, webhook.delivery = %delivery, status, duration_ms, "told a webhook endpoint"
        ),
        ThenDeliver::AgainAt(due) => tracing::info!(
            webhook.endpoint = %endpoint, webhook.delivery = %delivery, status, duration_ms, error, due = %due,
            "a webhook delivery did not get through"
        ),
        ThenDeliver::GiveUp => tracing::warn!(
            webhook.endpoint = %endpoint, webhook.delivery = %delivery, status, duration_ms, error,
            "a webhook delivery is given up"
        ),
    }
    if let Some(why) = tried.disable {
        tracing::warn!(webhook.endpoint = %endpoint, why = why.as_str(), "a webhook endpoint is disabled");
    }
}
