//! The notifier against receivers that do what a test says, on a clock that a test moves.

use std::{io::Write as _, sync::Mutex};

use retake_core::{
    catalog::Catalog,
    decide::{World, slot_waits},
    ids::{EndpointId, VideoId},
    job::{Event, JobRecord, advance},
    plan::{Candidate, PlanContext, plan},
    policy::Policy,
    request::VideoRequest,
};
use retake_store::{
    Change, NewJob, SqliteLedger,
    outbox::record::{DeliveryPage, DeliveryState, DisabledWhy},
};
use standardwebhooks::Webhook;

use super::*;
use crate::egress::server::{Request, Server, hold, redirect_to};

const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);
const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";

/// A notifier over a ledger of its own, moved step by step.
struct Stage {
    notifier: Notifier,
    folder: Arc<tempfile::TempDir>,
}

impl Stage {
    async fn new() -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), Clock::manual(NOON)).await
    }

    /// As a process finds the ledger that just started.
    async fn open(folder: Arc<tempfile::TempDir>, clock: Clock) -> Self {
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let now = clock.now();
        let notifier = Notifier {
            bell: Wakeup::default(),
            clock,
            ledger: Arc::new(ledger),
            outside: Egress::near(),
            replica: ReplicaId::new(now),
            tasks: Tasks::default(),
        };
        notifier.ledger.expire_leases(Timestamp::MAX, now).await.unwrap();
        notifier.ledger.register(&notifier.replica, now).await.unwrap();
        Self { notifier, folder }
    }

    /// The process is gone without a word; another one starts.
    async fn killed_and_restarted(self) -> Self {
        let clock = self.notifier.clock.clone();
        Self::open(self.folder, clock).await
    }

    fn now(&self) -> Timestamp {
        self.notifier.clock.now()
    }

    async fn endpoint(&self, url: &str) -> Endpoint {
        let endpoint = Endpoint {
            id: EndpointId::new(NOON),
            owner: None,
            name: "receiver".into(),
            url: url.to_owned(),
            event_types: EventType::ALL.to_vec(),
            secret: signing::new_secret(),
            former_secret: None,
            created_at: NOON,
            updated_at: NOON,
            disabled: None,
            failing_since: None,
        };
        self.notifier.ledger.add_endpoint(&endpoint, 10).await.unwrap();
        endpoint
    }

    /// A video that is asked for and cancelled.
    async fn cancelled_video(&self) -> VideoId {
        let (ledger, now) = (&self.notifier.ledger, self.now());
        let job = a_job(now);
        ledger.accept(&job).await.unwrap();
        ledger.request_cancel(&job.id, now).await.unwrap();
        let held = ledger.claim(&self.notifier.replica, &[], 1, now).await.unwrap().remove(0);
        let ended = advance(&held.job.record, &Event::Cancelled, &job.plan, now).unwrap();
        let change = Change {
            events: vec![Event::Cancelled],
            at: now,
            record: ended,
            due: None,
            waits: Vec::new(),
            output: None,
            expires_at: None,
            exchanges: Vec::new(),
            keep_lease: false,
            render: None,
        };
        ledger.commit(&held.lease, &change).await.unwrap();
        job.id
    }

    /// Makes every delivery that is due now, one after the other; returns how many.
    async fn deliver(&self) -> usize {
        let claimed = self.notifier.claim(Room { all: 9, failing: 9 }).await;
        let count = claimed.len();
        for held in claimed {
            self.notifier.deliver(held).await;
        }
        count
    }

    /// Moves the clock to the next due moment; returns how far that was.
    async fn move_on(&self) -> SignedDuration {
        let due = self.notifier.ledger.next_delivery().await.unwrap().unwrap();
        let wait = due.duration_since(self.now());
        self.notifier.clock.move_on(wait);
        wait
    }

    async fn deliveries(&self, endpoint: &Endpoint) -> Vec<retake_store::outbox::record::Delivery> {
        let endpoint = endpoint.id.clone();
        let page = DeliveryPage { endpoint, after: None, limit: 100, newest_first: false };
        self.notifier.ledger.deliveries(&page).await.unwrap().deliveries
    }
}

fn a_job(at: Timestamp) -> NewJob {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model("animatic", "animatic").unwrap();
    let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };
    let candidates = [Candidate { route: "animatic/animatic".parse().unwrap(), model }];
    let today = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let plan = plan(&request, &candidates, &PlanContext::plain(7, today)).unwrap();
    NewJob {
        id: VideoId::new(at),
        created_at: at,
        owner: None,
        request,
        waits: slot_waits(&JobRecord::default(), &plan, &World::default(), &Policy::default(), at),
        plan,
        repeat: None,
        max_open: None,
    }
}

/// A receiver that answers with these, one after the other, and then with the last one for ever.
fn that_says_in_turn(answers: &[&str]) -> Server {
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    let next = Mutex::new(0);
    Server::that(move |stream, _| {
        let mut next = next.lock().unwrap();
        let answer = &answers[(*next).min(answers.len() - 1)];
        *next += 1;
        drop(stream.write_all(answer.as_bytes()));
    })
}

/// Whether one of the signatures is what another implementation makes with that secret. It is not asked to
/// verify, because it would compare a test's time with the machine's.
fn is_signed(request: &Request, secret: &str) -> bool {
    let header = |name| request.header(name).unwrap();
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let signature =
        Webhook::new(secret).unwrap().sign(header("webhook-id"), timestamp, &request.body).unwrap();
    header("webhook-signature").split(' ').any(|one| one == signature)
}

#[tokio::test]
async fn an_end_is_told_once_signed_and_in_the_shape_of_openais_webhooks() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(TAKEN));
    let endpoint = stage.endpoint(&receiver.url("/hook?tenant=1")).await;
    let video = stage.cancelled_video().await;

    assert_eq!(stage.deliver().await, 1);
    assert_eq!(stage.deliver().await, 0);

    let [request] = &receiver.requests()[..] else { panic!("it is told once") };
    assert!(request.head.starts_with("POST /hook?tenant=1 HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), Some("application/json"));
    let id = request.header("webhook-id").unwrap();
    let expected = format!(
        r#"{{"id":"{id}","object":"event","created_at":1800000000,"type":"video.failed","data":{{"id":"{video}"}}}}"#
    );
    assert_eq!(String::from_utf8_lossy(&request.body), expected);
    assert_eq!(request.header("webhook-timestamp"), Some("1800000000"));
    assert!(is_signed(request, endpoint.secret.reveal()));
    assert!(!is_signed(request, signing::new_secret().reveal()));
    let told = stage.deliveries(&endpoint).await.remove(0);
    assert_eq!((told.id.as_str(), told.state), (id, DeliveryState::Delivered));
}

#[tokio::test]
async fn both_secrets_sign_while_one_is_being_replaced() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(TAKEN));
    let old = stage.endpoint(&receiver.url("/")).await;
    let (new, until) = (signing::new_secret(), NOON + SignedDuration::from_hours(24));
    stage.notifier.ledger.rotate_secret(&old.id, &new, until, NOON).await.unwrap();

    stage.cancelled_video().await;
    stage.deliver().await;
    stage.notifier.clock.move_on(SignedDuration::from_hours(24));
    stage.cancelled_video().await;
    stage.deliver().await;

    let [during, after] = &receiver.requests()[..] else { panic!("two are told") };
    assert!(is_signed(during, old.secret.reveal()) && is_signed(during, new.reveal()));
    assert!(!is_signed(after, old.secret.reveal()) && is_signed(after, new.reveal()));
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_with_the_same_id_until_it_takes_it() {
    let stage = Stage::new().await;
    let receiver = that_says_in_turn(&[BUSY, &redirect_to("/elsewhere"), TAKEN]);
    let endpoint = stage.endpoint(&receiver.url("/hook")).await;
    stage.cancelled_video().await;

    stage.deliver().await;
    let pauses = [stage.move_on().await, {
        stage.deliver().await;
        stage.move_on().await
    }];
    stage.deliver().await;

    assert_eq!(pauses.map(|pause| pause.as_secs()), [5, 300]);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|one| one.head.starts_with("POST /hook ")), "no redirect");
    assert!(requests.iter().all(|one| one.body == requests[0].body), "always the same");
    let times: Vec<_> = requests.iter().map(|one| one.header("webhook-timestamp")).collect();
    assert_ne!(times[0], times[2], "a signature is as old as its try");
    let told = stage.deliveries(&endpoint).await.remove(0);
    let tries: Vec<_> = told.tries.iter().map(|one| one.status).collect();
    assert_eq!(
        (told.state, tries),
        (DeliveryState::Delivered, vec![Some(503), Some(302), Some(204)])
    );
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_is_left_alone_after_a_day() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(BUSY));
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.cancelled_video().await;

    while stage.deliver().await == 1 {
        if stage.notifier.ledger.next_delivery().await.unwrap().is_some() {
            stage.move_on().await;
        }
    }

    let told = stage.deliveries(&endpoint).await.remove(0);
    assert_eq!((told.state, told.tries.len()), (DeliveryState::Failed, 8));
    let hours = told.tries[7].at.duration_since(told.tries[0].at).as_hours();
    assert_eq!(hours, 24);
    let endpoint = stage.notifier.ledger.endpoint(&endpoint.id).await.unwrap().unwrap();
    assert_eq!((endpoint.disabled, endpoint.failing_since), (None, Some(NOON)));
}

#[tokio::test]
async fn a_receiver_that_never_answers_or_breaks_off_costs_one_failed_try() {
    let (mute, rude) = (Server::that(|stream, _| hold(stream)), Server::that(|_, _| {}));
    for (server, outside, what) in [
        (mute, Egress::near_and_hasty(), "did not answer within"),
        (rude, Egress::near(), "the connection to"),
    ] {
        let mut stage = Stage::new().await;
        stage.notifier.outside = outside;
        let endpoint = stage.endpoint(&server.url("/")).await;
        stage.cancelled_video().await;

        assert_eq!(stage.deliver().await, 1);

        let told = stage.deliveries(&endpoint).await.remove(0);
        let [only] = &told.tries[..] else { panic!("one try") };
        let error = only.error.as_deref().unwrap();
        assert!(error.contains(what), "{error}");
        assert_eq!((told.state, only.status), (DeliveryState::Pending, None));
    }
}

#[tokio::test]
async fn a_try_that_panics_is_a_failed_one_and_the_next_gets_through() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(TAKEN));
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.cancelled_video().await;

    let held = stage.notifier.claim(Room { all: 9, failing: 9 }).await.remove(0);
    stage.notifier.note(&held, stage.now(), async { panic!("it broke") }).await;

    let told = stage.deliveries(&endpoint).await.remove(0);
    assert_eq!((told.state, told.tries.len()), (DeliveryState::Pending, 1));
    let error = told.tries[0].error.as_deref().unwrap();
    assert!(error.contains("its log has the reason") && !error.contains("it broke"), "{error}");
    stage.move_on().await;
    assert_eq!(stage.deliver().await, 1, "its claim is given up");
    assert_eq!(stage.deliveries(&endpoint).await[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn an_answer_that_comes_late_but_in_time_counts() {
    let stage = Stage::new().await;
    let late = Server::that(|stream, _| {
        std::thread::park_timeout(Duration::from_millis(100));
        drop(stream.write_all(TAKEN.as_bytes()));
    });
    let endpoint = stage.endpoint(&late.url("/")).await;
    stage.cancelled_video().await;

    stage.deliver().await;

    let told = stage.deliveries(&endpoint).await.remove(0);
    assert_eq!(told.state, DeliveryState::Delivered);
    assert!(told.tries[0].duration_ms >= 90, "{:?}", told.tries);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_nothing_more() {
    let stage = Stage::new().await;
    let gone = Server::that_says("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
    let endpoint = stage.endpoint(&gone.url("/")).await;
    stage.cancelled_video().await;

    stage.deliver().await;
    stage.cancelled_video().await;

    assert_eq!(stage.notifier.ledger.next_delivery().await.unwrap(), None);
    assert_eq!(gone.requests().len(), 1);
    let endpoint = stage.notifier.ledger.endpoint(&endpoint.id).await.unwrap().unwrap();
    assert_eq!(endpoint.disabled.map(|it| it.why), Some(DisabledWhy::Gone));
}

#[tokio::test]
async fn a_kill_between_the_end_and_its_delivery_loses_nothing() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(TAKEN));
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.cancelled_video().await;

    let stage = stage.killed_and_restarted().await;
    assert_eq!(stage.deliver().await, 1);

    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(stage.deliveries(&endpoint).await[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_kill_between_a_delivery_and_its_record_repeats_it_under_the_same_id() {
    let (stage, receiver) = (Stage::new().await, Server::that_says(TAKEN));
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.cancelled_video().await;
    let held = stage.notifier.claim(Room { all: 1, failing: 1 }).await.remove(0);
    let delivery = &held.delivery;
    let about = (&delivery.id, delivery.event_type, &delivery.video, delivery.created_at);
    tell(&stage.notifier.outside, &held.endpoint, about, stage.now()).await.unwrap();

    let stage = stage.killed_and_restarted().await;
    assert_eq!(stage.deliver().await, 1);

    let [first, second] = &receiver.requests()[..] else { panic!("it is told twice") };
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert_eq!(stage.deliveries(&endpoint).await[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_receiver_that_never_answers_does_not_hold_up_the_others() {
    let stage = Stage::new().await;
    let (mute, quick) = (Server::that(|stream, _| hold(stream)), Server::that_says(TAKEN));
    let slow = stage.endpoint(&mute.url("/")).await;
    let quick_one = stage.endpoint(&quick.url("/")).await;
    let mut videos = Vec::new();
    for _ in 0..5 {
        videos.push(stage.cancelled_video().await);
    }
    let tasks = stage.notifier.tasks.clone();
    tasks.spawn(stage.notifier.clone().run(pulse()));

    let limit = tokio::time::timeout(Duration::from_mins(2), async {
        while stage
            .deliveries(&quick_one)
            .await
            .iter()
            .any(|one| one.state == DeliveryState::Pending)
        {
            tokio::task::yield_now().await;
        }
    });
    limit.await.unwrap();

    assert_eq!(quick.requests().len(), 5);
    assert!(stage.deliveries(&slow).await.iter().all(|one| one.tries.is_empty()));
    assert_eq!(mute.requests().len(), 1, "one at a time");
    tasks.stop();
}

#[tokio::test]
async fn old_deliveries_are_dropped_and_what_waits_is_kept() {
    let (stage, receiver) = (Stage::new().await, that_says_in_turn(&[TAKEN, BUSY]));
    let endpoint = stage.endpoint(&receiver.url("/")).await;
    stage.cancelled_video().await;
    stage.deliver().await;
    let waiting = stage.cancelled_video().await;
    stage.deliver().await;
    stage.notifier.clock.move_on(KEPT + SignedDuration::from_secs(1));

    let tasks = stage.notifier.tasks.clone();
    tasks.spawn(stage.notifier.clone().tidy_up(pulse()));
    let limit = tokio::time::timeout(Duration::from_mins(2), async {
        while stage.deliveries(&endpoint).await.len() > 1 {
            tokio::task::yield_now().await;
        }
    });
    limit.await.unwrap();

    assert_eq!(stage.deliveries(&endpoint).await[0].video, waiting);
    tasks.stop();
    tasks.ended().await;
}

fn pulse() -> crate::vitals::Pulse {
    crate::vitals::Pulse::new("test", Duration::from_hours(1))
}
