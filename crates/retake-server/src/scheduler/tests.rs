//! The scheduler against providers that do what a test says, on a clock that a test moves.

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
    fault::{Fault, FaultKind, FaultSource},
    ids::{ReplicaId, VideoId},
    life::{Event, JobState},
    plan::{Candidate, Terms, plan},
    policy::Policy,
    request::VideoRequest,
};
use retake_providers::{
    CancelOutcome, FetchError, Log, LookUp, Lost, Polled, Provider, RemoteId, Render, Standing,
    Submission, SubmitError, Submitted,
};
use retake_store::{Job, Ledger, NewJob, SqliteLedger};

use super::{Bell, Breaks, Scheduler};
use crate::{
    accounts::{Account, Accounts, Shelf},
    assets::Assets,
    clock::Clock,
    config::Retention,
    news::News,
    tasks::Tasks,
};

const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// What a provider does when it is asked next; then it goes on rendering for ever.
#[derive(Default)]
struct Scripted {
    submits: Mutex<VecDeque<Result<Submitted, SubmitError>>>,
    found: Option<RemoteId>,
    /// Whether it cannot say what became of a submit.
    forgetful: bool,
    submitted: Mutex<Vec<String>>,
    cancelled: Mutex<Vec<String>>,
    polls: AtomicU32,
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

    async fn look_up(&self, _: &Lost, _: &Log) -> Result<LookUp, Fault> {
        let unsaid = || {
            if self.forgetful {
                LookUp::Unknowable { over_after: Duration::from_mins(15) }
            } else {
                LookUp::Absent
            }
        };
        Ok(self.found.clone().map_or_else(unsaid, LookUp::Found))
    }

    async fn poll(&self, _: &Render, _: &Log) -> Result<Polled, Fault> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        Ok(Polled::Running { percent: 10, ask_again_in: Duration::from_secs(10), note: None })
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
        Ok(CancelOutcome::Over)
    }

    async fn check(&self, _: &Log) -> Result<Standing, Fault> {
        Ok(Standing::default())
    }

    fn is_resident(&self) -> bool {
        self.resident
    }
}

/// A scheduler over scripted providers, moved step by step.
pub(super) struct Stage {
    pub(super) scheduler: Scheduler,
    pub(super) id: VideoId,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// One job whose plan goes over the providers in order.
    pub(super) async fn with<P: Provider + 'static>(providers: &[(&str, Arc<P>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger: Arc<dyn Ledger> =
            Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let account = |(name, provider): &(&str, Arc<P>)| Account {
            name: (*name).to_owned(),
            shelf: Shelf {
                provider: "animatic",
                variant: None,
                is_blind: false,
                is_elsewhere: false,
            },
            provider: Arc::<P>::clone(provider),
            concurrency: 1,
        };
        let scheduler = Scheduler {
            accounts: Accounts::new(providers.iter().map(account).collect()),
            assets: Assets::local(folder.path().join("assets"), 0).unwrap(),
            bell: Bell::default(),
            breaks: Breaks::default(),
            clock: Clock::manual(NOON),
            hooks: None,
            news: News::new(Arc::clone(&ledger), Clock::manual(NOON)),
            notices: Bell::default(),
            lease: SignedDuration::from_secs(30),
            ledger,
            policy: Policy::default(),
            replica: ReplicaId::new(NOON),
            retention: Retention::Forever,
            tasks: Tasks::default(),
        };
        scheduler.ledger.register(&scheduler.replica, NOON).await.unwrap();
        let job = a_job(providers);
        scheduler.ledger.accept(&job).await.unwrap();
        Self { scheduler, id: job.id, _folder: folder }
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

fn a_job<P>(providers: &[(&str, Arc<P>)]) -> NewJob {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model("animatic", "animatic").unwrap();
    let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };
    let candidates: Vec<_> = providers
        .iter()
        .map(|(name, _)| Candidate { route: format!("{name}/animatic").parse().unwrap(), model })
        .collect();
    let today = NOON.to_zoned(jiff::tz::TimeZone::UTC).date();
    let plan = plan(&request, &candidates, &Terms::plain(7, today)).unwrap();
    NewJob {
        id: VideoId::new(NOON),
        created_at: NOON,
        owner: None,
        request,
        plan,
        repeat: None,
        max_open: None,
    }
}

fn a_fault(kind: FaultKind) -> Fault {
    Fault::new(kind, FaultSource::Provider, "the server had an error")
}

fn attempts(job: &Job) -> Vec<String> {
    let tell = |attempt: &retake_core::life::Attempt| {
        let planned = job.plan.at(attempt.route).unwrap();
        format!("{} {}", planned.route.account, attempt.state)
    };
    job.life.attempts.iter().map(tell).collect()
}

#[tokio::test]
async fn an_overloaded_provider_hands_the_job_to_the_next_in_the_plan() {
    let overloaded = Err(SubmitError::Refused(a_fault(FaultKind::Overloaded)));
    let north = Arc::new(Scripted::that_answers(vec![overloaded]));
    let south = Arc::new(Scripted::default());
    let stage = Stage::with(&[("north", north), ("south", south)]).await;

    let job = stage.play(3).await;

    assert_eq!(attempts(&job), ["north failed", "south submitted"]);
    assert_eq!(job.life.state, JobState::InProgress);
}

#[tokio::test]
async fn a_submit_whose_answer_was_lost_is_looked_up_and_not_repeated() {
    let lost = Err(SubmitError::Lost(a_fault(FaultKind::Timeout)));
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![lost]) };
    let north = Arc::new(north);
    let stage = Stage::with(&[("north", Arc::clone(&north))]).await;

    let job = stage.play(3).await;

    assert_eq!(north.submitted.lock().unwrap().len(), 1);
    assert_eq!(job.life.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
}

#[tokio::test]
async fn a_lost_submit_that_never_arrived_is_made_again_under_another_tag() {
    let lost = Err(SubmitError::Lost(a_fault(FaultKind::Timeout)));
    let north = Arc::new(Scripted::that_answers(vec![lost]));
    let stage = Stage::with(&[("north", Arc::clone(&north))]).await;

    let job = stage.play(4).await;

    assert_eq!(attempts(&job), ["north failed", "north submitted"]);
    let tags = north.submitted.lock().unwrap();
    assert_ne!(tags[0], tags[1]);
}

#[tokio::test]
async fn a_running_render_is_stopped_at_its_provider_when_its_owner_asks() {
    let north = Arc::new(Scripted::default());
    let stage = Stage::with(&[("north", Arc::clone(&north))]).await;
    stage.play(2).await;

    stage.scheduler.ledger.request_cancel(&stage.id, NOON).await.unwrap();
    let job = stage.play(1).await;

    assert_eq!(job.life.state, JobState::Cancelled);
    assert_eq!(*north.cancelled.lock().unwrap(), ["r-1"]);
}

#[tokio::test]
async fn a_job_fails_with_the_last_fault_when_every_attempt_is_used_up() {
    let broke = || Err(SubmitError::Refused(a_fault(FaultKind::Runtime)));
    let north = Arc::new(Scripted::that_answers(vec![broke(), broke(), broke()]));
    let stage = Stage::with(&[("north", north)]).await;

    let job = stage.play(8).await;

    assert_eq!(attempts(&job), ["north failed", "north failed"]);
    assert_eq!(job.life.state, JobState::Failed(a_fault(FaultKind::Runtime)));
}

/// A render that lives in this process, followed until its provider was asked how far it is twice.
#[expect(clippy::disallowed_methods, reason = "the test asks whether it has ended")]
async fn followed(north: &Arc<Scripted>) -> (Stage, tokio::task::JoinHandle<()>) {
    let stage = Stage::with(&[("north", Arc::clone(north))]).await;
    let claimed = stage.scheduler.claim(1).await.unwrap().pop().unwrap();
    let scheduler = stage.scheduler.clone();
    let following = tokio::spawn(async move { scheduler.step(claimed).await });
    while north.polls.load(Ordering::SeqCst) < 2 {
        stage.scheduler.clock.move_on(SignedDuration::from_secs(10));
        tokio::task::yield_now().await;
    }
    (stage, following)
}

async fn until_over(stage: &Stage, following: tokio::task::JoinHandle<()>) -> Job {
    while !following.is_finished() {
        stage.scheduler.clock.move_on(SignedDuration::from_secs(10));
        tokio::task::yield_now().await;
    }
    stage.scheduler.ledger.job(&stage.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn nobody_else_gets_a_job_whose_render_lives_here_and_a_cancel_still_reaches_it() {
    let north = Arc::new(Scripted { resident: true, ..Scripted::default() });
    let (stage, following) = followed(&north).await;
    let (ledger, other) = (&stage.scheduler.ledger, ReplicaId::new(NOON));
    ledger.register(&other, NOON).await.unwrap();

    let now = stage.scheduler.clock.now() + SignedDuration::from_hours(1);
    let slots = stage.scheduler.accounts.slots(&other);
    assert!(ledger.claim(&other, &slots, 9, now).await.unwrap().is_empty());
    ledger.request_cancel(&stage.id, now).await.unwrap();
    let job = until_over(&stage, following).await;

    assert_eq!(job.life.state, JobState::Cancelled);
    assert_eq!(*north.cancelled.lock().unwrap(), ["r-1"]);
}

#[tokio::test]
async fn a_render_is_stopped_when_its_job_was_taken_over_and_begun_elsewhere() {
    let north = Arc::new(Scripted { resident: true, ..Scripted::default() });
    let (stage, following) = followed(&north).await;
    let mut other = stage.scheduler.clone();
    other.replica = ReplicaId::new(NOON);
    let now = stage.scheduler.clock.now();
    other.ledger.void_leases(Timestamp::MAX, now).await.unwrap();
    other.ledger.register(&other.replica, now).await.unwrap();

    let lost = Fault::interrupted();
    let taken = other.claim(1).await.unwrap().pop().unwrap();
    let log = Log::default();
    let mut hand = super::Hand { scheduler: &other, claimed: taken, stays: None, log };
    hand.record(Event::AttemptFailed { fault: lost }, super::Then::Free).await;
    other.ledger.request_cancel(&stage.id, now).await.unwrap();
    let job = until_over(&stage, following).await;

    assert_eq!(attempts(&job), ["north failed"]);
    let cancelled = north.cancelled.lock().unwrap();
    assert!(!cancelled.is_empty() && cancelled.iter().all(|it| it == "r-1"), "{cancelled:?}");
}

#[tokio::test]
async fn a_lost_submit_that_nobody_can_settle_is_waited_out_before_anything_else_is_tried() {
    let lost = || Err(SubmitError::Lost(a_fault(FaultKind::Lost)));
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![lost()]) });
    let stage = Stage::with(&[("north", Arc::clone(&north))]).await;

    let held = stage.play(2).await;
    assert_eq!(attempts(&held), ["north unknown"]);
    assert!(held.life.hold.is_some());
    let begun = held.life.attempts[0].begun_at;
    assert_eq!(stage.scheduler.clock.now(), begun + SignedDuration::from_mins(15));

    let later = stage.play(3).await;
    assert_eq!(attempts(&later), ["north failed", "north submitted"]);
    let message = &later.life.attempts[0].fault.as_ref().unwrap().message;
    assert!(message.contains("may have been rendered and billed"), "{message}");
}
