//! The scheduler against providers that do what a test says, on a clock that a test moves.

mod delivering;
mod losing;
mod settling;
mod upgrading;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    catalog::Catalog,
    decide::{GiveUp, RouteTimes, World, slot_waits},
    fault::{Fault, FaultKind, FaultSource},
    ids::{KeyId, ReplicaId, VideoId},
    job::{AttemptState, Event, JobRecord, JobState, Settlement},
    plan::{Candidate, PlanContext, plan},
    policy::{OnUnknownSubmit, Policy},
    request::VideoRequest,
};
use retake_providers::{
    AccountStatus, CancelOutcome, FetchError, Log, Polled, Provider, Reconciliation, RemoteId,
    Render, Submission, SubmitError, Submitted, UnconfirmedSubmit,
};
use retake_store::{ApiKey, Job, KeyLimits, Ledger, NewJob, SqliteLedger};

use super::{Breaks, Losses, Scheduler, Wakeup};
use crate::{
    accounts::{Account, AccountModels, Accounts},
    assets::Assets,
    clock::Clock,
    config::Retention,
    event_feed::EventFeed,
    tasks::Tasks,
};

const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// What a provider does when it is asked next; then it goes on rendering for ever.
#[derive(Default)]
struct Scripted {
    submits: Mutex<VecDeque<Result<Submitted, SubmitError>>>,
    found: Option<RemoteId>,
    /// Whether what is found carries the mark of its attempt.
    marks: bool,
    /// Whether it cannot say what became of a submit.
    forgetful: bool,
    /// The look at which the lost create has arrived, from 0.
    arrives_at_look: Option<u32>,
    looks: AtomicU32,
    /// What comes of a cancel; it is stopped where nothing is said.
    cancel_outcome: Option<CancelOutcome>,
    /// Answers to polls; then it goes on rendering for ever.
    answers: Mutex<VecDeque<Polled>>,
    submitted: Mutex<Vec<String>>,
    cancelled: Mutex<Vec<String>>,
    polls: AtomicU32,
    /// When the render that was asked about last is given up.
    give_up: Mutex<Option<GiveUp>>,
    resident: bool,
}

impl Scripted {
    fn that_answers(answers: Vec<Result<Submitted, SubmitError>>) -> Self {
        Self { submits: Mutex::new(answers.into()), ..Self::default() }
    }
}

#[async_trait]
impl Provider for Scripted {
    async fn submit(&self, submission: Submission, _: &Log) -> Result<Submitted, SubmitError> {
        self.submitted.lock().unwrap().push(submission.tag);
        self.submits.lock().unwrap().pop_front().unwrap_or_else(|| Ok("r-1".to_owned().into()))
    }

    async fn look_up(&self, lost: &UnconfirmedSubmit, _: &Log) -> Result<Reconciliation, Fault> {
        assert!(lost.lost_at >= lost.begun_at);
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        if self.arrives_at_look.is_some_and(|arrives| look >= arrives) {
            return Ok(Reconciliation::Found("r-late".to_owned()));
        }
        let unsaid = || {
            if self.forgetful {
                Reconciliation::Unknowable { over_after: Duration::from_mins(15) }
            } else {
                Reconciliation::Absent
            }
        };
        let is_there = if self.marks { Reconciliation::Marked } else { Reconciliation::Found };
        Ok(self.found.clone().map_or_else(unsaid, is_there))
    }

    async fn poll(&self, render: &Render, _: &Log) -> Result<Polled, Fault> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        *self.give_up.lock().unwrap() = render.give_up;
        let running =
            Polled::Running { percent: 10, ask_again_in: Duration::from_secs(10), note: None };
        Ok(self.answers.lock().unwrap().pop_front().unwrap_or(running))
    }

    fn times(&self, _: &str) -> RouteTimes {
        RouteTimes {
            create: (!self.resident).then_some(SignedDuration::from_mins(2)),
            usual: SignedDuration::from_mins(2),
            longest: SignedDuration::from_mins(15),
        }
    }

    async fn fetch(
        &self,
        _: &Render,
        _: &Log,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
        Err(FetchError::Gone(Fault::interrupted()))
    }

    async fn cancel(&self, render: &Render, _: &Log) -> Result<CancelOutcome, Fault> {
        self.cancelled.lock().unwrap().push(render.remote_id.clone());
        Ok(self.cancel_outcome.unwrap_or(CancelOutcome::Stopped))
    }

    async fn check(&self, _: &Log) -> Result<AccountStatus, Fault> {
        Ok(AccountStatus::default())
    }

    fn is_resident(&self) -> bool {
        self.resident
    }
}

/// A scheduler over scripted providers, moved step by step.
pub(super) struct SchedulerTest {
    pub(super) scheduler: Scheduler,
    pub(super) id: VideoId,
    _folder: tempfile::TempDir,
}

impl SchedulerTest {
    /// One job whose plan goes over the providers in order.
    pub(super) async fn with<P: Provider + 'static>(providers: &[(&str, Arc<P>)]) -> Self {
        Self::asked(providers, Policy::default(), VideoRequest::default()).await
    }

    /// The same for a request of one's own, under a policy of one's own.
    async fn asked<P: Provider + 'static>(
        providers: &[(&str, Arc<P>)],
        policy: Policy,
        request: VideoRequest,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger: Arc<dyn Ledger> =
            Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let account = |(name, provider): &(&str, Arc<P>)| Account {
            name: (*name).to_owned(),
            shelf: AccountModels {
                provider: "animatic",
                variant: None,
                is_blind: false,
                is_elsewhere: false,
            },
            provider: Arc::<P>::clone(provider),
            place: Some("animatic test".to_owned()),
            concurrency: 1,
            on_unknown_submit: None,
        };
        let scheduler = Scheduler {
            accounts: Accounts::new(providers.iter().map(account).collect()),
            assets: Assets::local(folder.path().join("assets"), 0).unwrap(),
            bell: Wakeup::default(),
            breaks: Breaks::default(),
            clock: Clock::manual(NOON),
            hooks: None,
            news: EventFeed::new(Arc::clone(&ledger), Clock::manual(NOON)),
            notices: Wakeup::default(),
            lease: SignedDuration::from_secs(30),
            ledger,
            losses: Losses::default(),
            policy,
            replica: ReplicaId::new(NOON),
            retention: Retention::Forever,
            tasks: Tasks::default(),
        };
        scheduler.ledger.register(&scheduler.replica, NOON).await.unwrap();
        let names: Vec<_> = providers.iter().map(|(name, _)| *name).collect();
        let job = a_job(&names, request);
        scheduler.ledger.accept(&job).await.unwrap();
        Self { scheduler, id: job.id, _folder: folder }
    }

    async fn with_policy(policy: Policy, providers: &[(&str, Arc<Scripted>)]) -> Self {
        let mut test = Self::with(providers).await;
        test.scheduler.policy = policy;
        test
    }

    /// Asks for another job of the same kind.
    async fn another(&self, providers: &[(&str, Arc<Scripted>)]) -> VideoId {
        let names: Vec<_> = providers.iter().map(|(name, _)| *name).collect();
        let job = a_job(&names, VideoRequest::default());
        self.scheduler.ledger.accept(&job).await.unwrap();
        job.id
    }

    /// Adds a key to the ledger.
    pub(super) async fn a_key(&self, name: &str) -> KeyId {
        let key = ApiKey {
            id: KeyId::new(NOON),
            name: name.to_owned(),
            digest: name.to_owned(),
            hint: String::new(),
            admin: false,
            limits: KeyLimits::default(),
            created_at: NOON,
            expires_at: None,
            revoked_at: None,
        };
        self.scheduler.ledger.add_key(&key).await.unwrap();
        key.id
    }

    /// Asks for another job, on behalf of somebody.
    pub(super) async fn asked_by(&self, owner: &KeyId) -> VideoId {
        let names: Vec<_> = self.scheduler.accounts.iter().map(|it| it.name.clone()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let job = a_job(&names, VideoRequest::default());
        let job = NewJob { owner: Some(owner.clone()), ..job };
        self.scheduler.ledger.accept(&job).await.unwrap();
        job.id
    }

    /// Plays on until the job is as it is asked for, and fails when it never is.
    async fn until(&self, what: impl Fn(&Job) -> bool) -> Job {
        for _ in 0..400 {
            let job = self.play(1).await;
            if what(&job) {
                return job;
            }
        }
        panic!("it never came to that: {:?}", self.play(1).await.record);
    }

    /// Lets time pass and looks after the submits that nobody waits for.
    async fn settle_behind(&self, seconds: i64) -> Job {
        self.scheduler.clock.move_on(SignedDuration::from_secs(seconds));
        self.scheduler.settle_all_due().await.unwrap();
        self.scheduler.ledger.job(&self.id).await.unwrap().unwrap()
    }

    /// Does every step that is due now, then moves the clock to the next due moment, `rounds` times.
    async fn play(&self, rounds: usize) -> Job {
        for _ in 0..rounds {
            for claimed in self.scheduler.claim(8).await.unwrap() {
                self.scheduler.step(claimed).await;
            }
            let slots = self.scheduler.slots();
            if let Some(due) = self.scheduler.ledger.next_due(&slots).await.unwrap() {
                let wait = due.duration_since(self.scheduler.clock.now());
                self.scheduler.clock.move_on(wait.max(SignedDuration::ZERO));
            }
        }
        self.scheduler.ledger.job(&self.id).await.unwrap().unwrap()
    }
}

fn a_job(accounts: &[&str], request: VideoRequest) -> NewJob {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model("animatic", "animatic").unwrap();
    let request = VideoRequest { prompt: "a lighthouse".into(), ..request };
    let candidates: Vec<_> = accounts
        .iter()
        .map(|name| Candidate { route: format!("{name}/animatic").parse().unwrap(), model })
        .collect();
    let today = NOON.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut plan = plan(&request, &candidates, &PlanContext::plain(7, today)).unwrap();
    // The built-in renderer stands for several providers here.
    for planned in &mut plan.routes {
        let planned = Arc::make_mut(planned);
        planned.provider.clone_from(&planned.route.account);
    }
    NewJob {
        id: VideoId::new(NOON),
        created_at: NOON,
        owner: None,
        request,
        waits: slot_waits(
            &JobRecord::default(),
            &plan,
            &World::default(),
            &Policy::default(),
            NOON,
        ),
        plan,
        repeat: None,
        max_open: None,
    }
}

fn a_fault(kind: FaultKind) -> Fault {
    Fault::new(kind, FaultSource::Provider, "the server had an error")
}

fn a_loss() -> Result<Submitted, SubmitError> {
    Err(SubmitError::Lost(a_fault(FaultKind::Timeout)))
}

#[expect(clippy::unnecessary_wraps, reason = "an answer may also be a refusal")]
fn taken(remote_id: &str) -> Result<Submitted, SubmitError> {
    Ok(remote_id.to_owned().into())
}

fn attempts(job: &Job) -> Vec<String> {
    let tell = |attempt: &retake_core::job::Attempt| {
        format!("{} {}", attempt.planned.route.account, attempt.state)
    };
    job.record.attempts.iter().map(tell).collect()
}

#[tokio::test]
async fn an_overloaded_provider_hands_the_job_to_the_next_in_the_plan() {
    let overloaded = Err(SubmitError::Refused(a_fault(FaultKind::Overloaded)));
    let north = Arc::new(Scripted::that_answers(vec![overloaded]));
    let south = Arc::new(Scripted::default());
    let test = SchedulerTest::with(&[("north", north), ("south", south)]).await;

    let job = test.play(3).await;

    assert_eq!(attempts(&job), ["north failed", "south submitted"]);
    assert_eq!(job.record.state, JobState::InProgress);
}

#[tokio::test]
async fn a_running_render_is_stopped_at_its_provider_when_its_owner_asks() {
    let north = Arc::new(Scripted::default());
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    test.play(2).await;

    test.scheduler.ledger.request_cancel(&test.id, NOON).await.unwrap();
    let job = test.play(1).await;

    assert_eq!(job.record.state, JobState::Cancelled);
    assert_eq!(*north.cancelled.lock().unwrap(), ["r-1"]);
}

#[tokio::test]
async fn a_job_fails_with_the_last_fault_when_every_attempt_is_used_up() {
    let broke = || Err(SubmitError::Refused(a_fault(FaultKind::Runtime)));
    let north = Arc::new(Scripted::that_answers(vec![broke(), broke(), broke()]));
    let test = SchedulerTest::with(&[("north", north)]).await;

    let job = test.play(8).await;

    assert_eq!(attempts(&job), ["north failed", "north failed"]);
    assert_eq!(job.record.state, JobState::Failed(a_fault(FaultKind::Runtime)));
}

/// A render that lives in this process, followed until its provider was asked how far it is twice.
#[expect(clippy::disallowed_methods, reason = "the test asks whether it has ended")]
async fn followed(north: &Arc<Scripted>) -> (SchedulerTest, tokio::task::JoinHandle<()>) {
    let test = SchedulerTest::with(&[("north", Arc::clone(north))]).await;
    let claimed = test.scheduler.claim(1).await.unwrap().pop().unwrap();
    let scheduler = test.scheduler.clone();
    let following = tokio::spawn(async move { scheduler.step(claimed).await });
    while north.polls.load(Ordering::SeqCst) < 2 {
        test.scheduler.clock.move_on(SignedDuration::from_secs(10));
        tokio::task::yield_now().await;
    }
    (test, following)
}

async fn until_over(test: &SchedulerTest, following: tokio::task::JoinHandle<()>) -> Job {
    while !following.is_finished() {
        test.scheduler.clock.move_on(SignedDuration::from_secs(10));
        tokio::task::yield_now().await;
    }
    test.scheduler.ledger.job(&test.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn nobody_else_gets_a_job_whose_render_lives_here_and_a_cancel_still_reaches_it() {
    let north = Arc::new(Scripted { resident: true, ..Scripted::default() });
    let (test, following) = followed(&north).await;
    let (ledger, other) = (&test.scheduler.ledger, ReplicaId::new(NOON));
    ledger.register(&other, NOON).await.unwrap();

    let now = test.scheduler.clock.now() + SignedDuration::from_hours(1);
    let slots = test.scheduler.accounts.slots(&other);
    assert!(ledger.claim(&other, &slots, 9, now).await.unwrap().is_empty());
    ledger.request_cancel(&test.id, now).await.unwrap();
    let job = until_over(&test, following).await;

    assert_eq!(job.record.state, JobState::Cancelled);
    assert_eq!(*north.cancelled.lock().unwrap(), ["r-1"]);
}

#[tokio::test]
async fn a_render_is_stopped_when_its_job_was_taken_over_and_begun_elsewhere() {
    let north = Arc::new(Scripted { resident: true, ..Scripted::default() });
    let (test, following) = followed(&north).await;
    let mut other = test.scheduler.clone();
    other.replica = ReplicaId::new(NOON);
    let now = test.scheduler.clock.now();
    other.ledger.expire_leases(Timestamp::MAX, now).await.unwrap();
    other.ledger.register(&other.replica, now).await.unwrap();

    let lost = Fault::interrupted();
    let taken = other.claim(1).await.unwrap().pop().unwrap();
    let log = Log::default();
    let mut job_step =
        super::JobStep { scheduler: &other, claimed: taken, stays: None, is_marked: false, log };
    job_step.record(Event::AttemptFailed { fault: lost }, super::Then::Free).await;
    other.ledger.request_cancel(&test.id, now).await.unwrap();
    let job = until_over(&test, following).await;

    assert_eq!(attempts(&job), ["north failed"]);
    let cancelled = north.cancelled.lock().unwrap();
    assert!(!cancelled.is_empty() && cancelled.iter().all(|it| it == "r-1"), "{cancelled:?}");
}

#[tokio::test]
async fn a_render_is_to_be_given_up_while_another_route_still_fits_into_the_deadline() {
    let north = Arc::new(Scripted::default());
    let alone = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    alone.play(2).await;
    assert_eq!(*north.give_up.lock().unwrap(), None);

    let both =
        SchedulerTest::with(&[("north", Arc::clone(&north)), ("south", Arc::default())]).await;
    both.play(2).await;
    let minute = |minute| NOON + SignedDuration::from_mins(minute);
    let expected = GiveUp { slow_at: minute(28), silent_at: None };
    assert_eq!(*north.give_up.lock().unwrap(), Some(expected));
}

#[tokio::test]
async fn routes_without_room_are_asked_until_one_of_them_has_some() {
    let full = || Err(SubmitError::Refused(a_fault(FaultKind::Overloaded)));
    let north = Arc::new(Scripted::that_answers(vec![full(), full()]));
    let south = Arc::new(Scripted::that_answers(vec![full(), full()]));
    let test = SchedulerTest::with(&[("north", Arc::clone(&north)), ("south", south)]).await;

    let job = test.until(|job| job.record.open_attempt().is_some()).await;

    assert_eq!(job.record.attempts.len(), 5);
    assert_eq!(job.record.open_attempt().unwrap().planned.route.account, "north");
    assert_eq!(north.submitted.lock().unwrap().len(), 3);
    let waited = test.scheduler.clock.now().duration_since(NOON);
    assert!(waited >= SignedDuration::from_secs(30), "it was asked again after {waited:#}");
}

#[tokio::test]
async fn a_render_that_was_not_cancelled_is_told_as_possibly_billed_with_the_reason() {
    for (outcome, why) in [
        (CancelOutcome::GoesOn, "cannot cancel"),
        (CancelOutcome::NotKnown, "does not know it"),
        (CancelOutcome::AlreadyOver, "was over before"),
    ] {
        let cancel_outcome = Some(outcome);
        let north = Arc::new(Scripted { cancel_outcome, ..Scripted::default() });
        let test = SchedulerTest::with(&[("north", north)]).await;
        test.play(2).await;

        test.scheduler.ledger.request_cancel(&test.id, NOON).await.unwrap();
        let job = test.play(1).await;

        assert_eq!(job.record.state, JobState::Cancelled);
        let attempt = &job.record.attempts[0];
        let note = attempt.note.as_deref().unwrap();
        assert!(note.contains(why) && note.contains("may be billed"), "{note}");
        assert!(attempt.may_cost());
    }
}
