//! Lost submits: what is asked about one, and who asks once no job waits for it any more.
//!
//! A job that was cancelled, that failed, or that went on with another route leaves its lost submit behind, and what
//! may have been billed stays so until it is disproved. So the ledger hands such submits out, and they are looked
//! for until they are found, proven absent, or would be over either way. What is found is left to its job while that
//! is open; else it is stopped where that can be done. Of a deleted job the prompt is gone, by which most providers'
//! lists tell renders apart, so its submit stays possibly billed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::{Absence, RouteTimes, weigh_absence},
    fault::{Fault, FaultKind, FaultSource, chain},
    job::{Attempt, Settlement},
    money::Usd,
    plan::Planned,
    policy::Policy,
    request::RenderSpec,
};
use retake_providers::{
    CancelOutcome, Log, Polled, Provider, Reconciliation, Render, SourceVideo, Submission,
    UnconfirmedSubmit,
};
use retake_store::{Finding, Job, RenderClaim, RenderWindow, StoreError, Unsettled};

use super::{Scheduler, effects::tag};
use crate::{assets::AssetError, vitals::Pulse};

/// Submits that are looked after at once, and those of them at one account: a provider that does not answer keeps no
/// other waiting.
const AT_ONCE: u32 = 64;
const AT_ONE_ACCOUNT: usize = 8;
/// How often the ledger is asked for unsettled submits.
const EVERY: SignedDuration = SignedDuration::from_secs(5);
/// After this long somebody else looks after a submit.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How soon a submit is looked for again whose provider could not say anything.
const SOONEST: SignedDuration = SignedDuration::from_mins(1);
const LATEST: SignedDuration = SignedDuration::from_mins(15);
/// How often it is looked whether a job whose render was found still needs it.
const RESERVED: SignedDuration = SignedDuration::from_secs(30);

/// The submits that are looked after.
#[derive(Default)]
struct UnderWay<'a> {
    /// Each ends with its account.
    looks: FuturesUnordered<BoxFuture<'a, String>>,
    accounts: HashMap<String, usize>,
}

impl UnderWay<'_> {
    /// Whether one more at this account is looked after now.
    fn takes(&mut self, account: &str) -> bool {
        let count = self.accounts.entry(account.to_owned()).or_default();
        let is_taken = *count < AT_ONE_ACCOUNT;
        *count += usize::from(is_taken);
        is_taken
    }

    async fn one_ends(&mut self) {
        let Some(account) = self.looks.next().await else { return };
        if let Some(count) = self.accounts.get_mut(&account) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Scheduler {
    /// Settles the lost submits that no job waits for, until the tasks are told to stop.
    pub(crate) async fn settle_submits(self, pulse: Pulse) {
        let mut under_way = UnderWay::default();
        while !self.tasks.is_stopping() {
            match self.settle_due(&mut under_way).await {
                Ok(()) => pulse.beat(),
                Err(error) => {
                    tracing::error!(error = chain(&error), "failed to claim unsettled submits");
                }
            }
            let next = self.clock.now() + EVERY;
            loop {
                tokio::select! {
                    () = under_way.one_ends(), if !under_way.looks.is_empty() => {}
                    () = self.clock.wait_until(next) => break,
                    () = self.tasks.stopping() => break,
                }
            }
        }
    }

    /// Begins to look after the unsettled submits whose time has come.
    async fn settle_due<'a>(&'a self, under_way: &mut UnderWay<'a>) -> Result<(), StoreError> {
        let free = AT_ONCE.saturating_sub(u32::try_from(under_way.looks.len()).unwrap_or(u32::MAX));
        if free == 0 {
            return Ok(());
        }
        let now = self.clock.now();
        for submit in self.ledger.claim_unsettled(free, now, now + TAKEN_FOR).await? {
            let account = account_of(&submit);
            if under_way.takes(&account) {
                let look = async move {
                    self.settle_submit(submit).await;
                    account
                };
                under_way.looks.push(look.boxed());
            } else {
                let later = Finding { again: Some(now + EVERY), ..Finding::default() };
                let put_off = self.ledger.settle_submit(&submit.lease, &later, now).await;
                if let Err(error) = put_off {
                    let error = chain(&error);
                    tracing::warn!(job.id = %submit.lease.id, error, "failed to put off a lost submit");
                }
            }
        }
        Ok(())
    }

    /// Looks after all unsettled submits whose time has come.
    #[cfg(test)]
    pub(super) async fn settle_all_due(&self) -> Result<(), StoreError> {
        let mut under_way = UnderWay::default();
        self.settle_due(&mut under_way).await?;
        while !under_way.looks.is_empty() {
            under_way.one_ends().await;
        }
        Ok(())
    }

    async fn settle_submit(&self, submit: Unsettled) {
        let Unsettled { lease, job } = submit;
        let finding = match &job {
            Some(job) => self.look_into(job, lease.attempt).await,
            None => Finding { settlement: Some(Settlement::Unknowable), ..Finding::default() },
        };
        let now = self.clock.now();
        let settled = match self.ledger.settle_submit(&lease, &finding, now).await {
            Err(StoreError::RenderTaken { .. } | StoreError::RenderInDoubt { .. }) => {
                let instead = self.without_render(job.as_ref(), lease.attempt, now);
                self.ledger.settle_submit(&lease, &instead, now).await
            }
            settled => settled,
        };
        match settled {
            Ok(()) => {
                if finding.settlement.is_some() {
                    self.losses.forget(&tag(&lease.id, lease.attempt));
                }
                self.news.ring();
                self.bell.ring();
            }
            Err(error) => {
                tracing::warn!(job.id = %lease.id, error = chain(&error), "failed to settle a lost submit");
            }
        }
    }

    /// What is done when the render that was found is not this attempt's to have, or not yet: it is looked for
    /// again. That another attempt took it proves nothing of this one's own.
    fn without_render(&self, job: Option<&Job>, number: u32, now: Timestamp) -> Finding {
        let found = job.and_then(|job| {
            let attempt = job.record.attempts.iter().find(|attempt| attempt.number == number)?;
            Some((attempt, self.times(&attempt.planned)))
        });
        match found {
            None => Finding::default(),
            Some((attempt, times)) => still_unknown(attempt, &times, None, now),
        }
    }

    async fn look_into(&self, job: &Job, number: u32) -> Finding {
        let found = job.record.attempts.iter().find(|attempt| attempt.number == number);
        let Some(attempt) = found else { return Finding::default() };
        match (attempt.settlement, &attempt.remote_id) {
            (Some(Settlement::Pending), None) => self.look_for(job, attempt).await,
            (Some(Settlement::Pending), Some(remote_id)) => self.watch(attempt, remote_id).await,
            (Some(Settlement::Found), Some(remote_id)) => {
                self.follow(job, attempt, remote_id).await
            }
            // Its job has taken it up again, or everything is known.
            _ => Finding::default(),
        }
    }

    /// Looks for a submit that may be a render.
    async fn look_for(&self, job: &Job, attempt: &Attempt) -> Finding {
        let times = self.times(&attempt.planned);
        let looked = self.look_up(job, attempt, &Log::default()).await;
        let now = self.clock.now();
        match looked {
            Ok(
                ref found @ (Reconciliation::Found(ref remote_id)
                | Reconciliation::Marked(ref remote_id)),
            ) => Finding {
                settlement: Some(Settlement::Found),
                render: self.render_claim(
                    &attempt.planned,
                    remote_id,
                    matches!(found, Reconciliation::Found(_)),
                ),
                again: Some(now),
                ..Finding::default()
            },
            Ok(Reconciliation::Absent) => {
                not_listed(attempt, &times, self.lost_for(job, attempt), now)
            }
            Ok(Reconciliation::Unknowable { .. }) => still_unknown(attempt, &times, None, now),
            Err(fault) => still_unknown(attempt, &times, Some(&fault), now),
        }
    }

    /// Watches a render that was given up and could not be stopped: it may still come, and its job may want it then.
    async fn watch(&self, attempt: &Attempt, remote_id: &str) -> Finding {
        let now = self.clock.now();
        let until = attempt.begun_at + self.times(&attempt.planned).longest.saturating_mul(2);
        let over = |how: String| Finding {
            settlement: Some(Settlement::Unknowable),
            note: Some(format!("it was given up, and its render went on: {how}")),
            ..Finding::default()
        };
        let provider = self.provider(&attempt.planned);
        let render = render(attempt, remote_id);
        let Some(provider) = provider else {
            return over("its account is not configured here any more".to_owned());
        };
        let polled = provider.poll(&render, &Log::default()).await;
        let pause = SOONEST.max(asked_pause(polled.as_ref().err()));
        match polled {
            Ok(Polled::Rendered { charged } | Polled::Disputed { charged, .. }) => Finding {
                settlement: Some(Settlement::Found),
                charged,
                note: Some("it was given up, and its render was finished later".to_owned()),
                again: Some(now),
                ..Finding::default()
            },
            Ok(Polled::Failed { fault, charged }) => Finding {
                charged,
                // What it did not charge for is on no bill.
                settlement: Some(match charged {
                    Some(Usd::ZERO) => Settlement::Absent,
                    _ => Settlement::Unknowable,
                }),
                ..over(format!("in the end its provider said that it failed ({fault})"))
            },
            Ok(Polled::GivenUp { goes_on: false, .. }) => {
                over("it was cancelled, and may have been billed all the same".to_owned())
            }
            Ok(Polled::Running { .. } | Polled::Doubtful { .. } | Polled::GivenUp { .. })
            | Err(_)
                if now < until =>
            {
                Finding { again: Some(until.min(now + pause)), ..Finding::default() }
            }
            Ok(polled) => over(match polled {
                Polled::GivenUp { fault, .. } | Polled::Doubtful { fault, .. } => fault.message,
                _ => "nothing more is known of it".to_owned(),
            }),
            Err(fault) => over(format!("nothing more is known of it ({fault})")),
        }
    }

    /// Leaves a render that was found to its job while that is open. Then it is stopped: nobody waits for it.
    async fn follow(&self, job: &Job, attempt: &Attempt, remote_id: &str) -> Finding {
        let now = self.clock.now();
        if !job.record.state.is_ended() {
            return Finding { again: Some(now + RESERVED), ..Finding::default() };
        }
        let done = |how: &str| {
            let note = format!("its render was found when the job had ended: {how}");
            Finding { note: Some(note), ..Finding::default() }
        };
        let provider = self.provider(&attempt.planned);
        let render = render(attempt, remote_id);
        let Some(provider) = provider else {
            return done(
                "its account is not configured here any more, so it goes on and is billed",
            );
        };
        // What is over already may say what it cost.
        match provider.poll(&render, &Log::default()).await {
            Ok(Polled::Rendered { charged } | Polled::Disputed { charged, .. }) => {
                return Finding { charged, ..done("it was finished, so it is billed") };
            }
            Ok(Polled::Failed { fault, charged }) => {
                return Finding { charged, ..done(&format!("it had failed ({fault})")) };
            }
            _ => {}
        }
        match provider.cancel(&render, &Log::default()).await {
            Ok(CancelOutcome::Stopped) => {
                done("it was cancelled, and may have been billed all the same")
            }
            Ok(CancelOutcome::AlreadyOver | CancelOutcome::NotKnown) => {
                done("it was over before it could be cancelled, so it is billed")
            }
            Ok(CancelOutcome::Requested) => {
                done("its provider was asked to stop it, and it may have been billed all the same")
            }
            Ok(CancelOutcome::GoesOn) => done("its provider cannot cancel it, so it is billed"),
            Err(fault) if now >= over(attempt, &self.times(&attempt.planned)) => {
                done(&format!("it could not be cancelled ({fault}), so it is billed"))
            }
            Err(fault) => {
                let pause = SOONEST.max(asked_pause(Some(&fault)));
                Finding { again: Some(now + pause), ..Finding::default() }
            }
        }
    }

    /// How long ago a submit was lost, whatever the wall clock did since.
    pub(super) fn lost_for(&self, job: &Job, attempt: &Attempt) -> SignedDuration {
        self.losses.lost_for(tag(&job.id, attempt.number), attempt.lost_since(), &self.clock)
    }

    /// Asks the provider what became of a lost submit.
    pub(super) async fn look_up(
        &self,
        job: &Job,
        attempt: &Attempt,
        log: &Log,
    ) -> Result<Reconciliation, Fault> {
        let Some(provider) = self.provider(&attempt.planned) else {
            let message = "the account of this job is not configured here any more";
            return Err(Fault::new(FaultKind::Auth, FaultSource::Gateway, message));
        };
        self.losses.note(tag(&job.id, attempt.number), &self.clock);
        let submission = self.submission(job, &attempt.planned, attempt.number).await?;
        let (begun_at, lost_at) = (attempt.begun_at, attempt.lost_since());
        let known = self.known_renders(job, attempt).await.map_err(|error| {
            let message = format!("the ledger could not say which renders are known: {error}");
            Fault::new(FaultKind::Storage, FaultSource::Gateway, message)
        })?;
        provider.look_up(&UnconfirmedSubmit { submission, begun_at, lost_at, known }, log).await
    }

    /// The renders of other attempts where this one was submitted, of the time around it.
    async fn known_renders(
        &self,
        job: &Job,
        attempt: &Attempt,
    ) -> Result<BTreeSet<String>, StoreError> {
        let account = self.accounts.get(&attempt.planned.route.account);
        let Some(account) = account else { return Ok(BTreeSet::new()) };
        let Some(place) = &account.place else { return Ok(BTreeSet::new()) };
        let window = RenderWindow {
            place: place.clone(),
            account: account.name.clone(),
            id: job.id.clone(),
            attempt: attempt.number,
            begun_at: attempt.begun_at,
        };
        Ok(self.ledger.known_renders(&window).await?.into_iter().collect())
    }

    /// What is known of the times at a route.
    pub(super) fn times(&self, planned: &Planned) -> RouteTimes {
        let provider = self.provider(planned);
        provider.map_or(RouteTimes::UNKNOWN, |provider| provider.times(&planned.route.model))
    }

    /// That a render is that of an attempt on this route.
    pub(super) fn render_claim(
        &self,
        planned: &Planned,
        remote_id: &str,
        found: bool,
    ) -> Option<RenderClaim> {
        let account = self.accounts.get(&planned.route.account)?;
        let (place, account) = (account.place.clone()?, account.name.clone());
        Some(RenderClaim { place, account, remote_id: remote_id.to_owned(), found })
    }

    /// What is, or was, submitted for an attempt.
    pub(super) async fn submission(
        &self,
        job: &Job,
        planned: &Planned,
        number: u32,
    ) -> Result<Submission, Fault> {
        let (first_frame, characters) = self.pictures(&planned.spec).await.map_err(|error| {
            let message = format!("a picture of the request could not be read: {error}");
            Fault::new(FaultKind::Storage, FaultSource::Gateway, message)
        })?;
        let tag = tag(&job.id, number);
        let hooks = self.hooks.as_ref();
        let picture = planned.spec.first_frame.as_ref();
        Ok(Submission {
            source: self.source(&planned.spec),
            hook: hooks.and_then(|hooks| hooks.url(&planned.route.account, &tag)),
            first_frame_url: picture.and_then(|picture| Some(hooks?.picture_url(&picture.key))),
            tag,
            model: planned.route.model.clone(),
            spec: planned.spec.clone(),
            first_frame,
            characters,
        })
    }

    /// The picture to start from, and those of the characters.
    async fn pictures(&self, spec: &RenderSpec) -> Result<(Option<Bytes>, Vec<Bytes>), AssetError> {
        let first_frame = match &spec.first_frame {
            None => None,
            Some(picture) => Some(self.assets.read(&picture.key).await?),
        };
        let mut characters = Vec::with_capacity(spec.characters.len());
        for character in &spec.characters {
            characters.push(self.assets.read(&character.picture.key).await?);
        }
        Ok((first_frame, characters))
    }

    /// The file that is to be extended.
    fn source(&self, spec: &RenderSpec) -> Option<SourceVideo> {
        let origin = spec.origin.as_ref()?;
        let (key, bytes) = (origin.key.clone()?, origin.bytes);
        let assets = self.assets.clone();
        let runtime = tokio::runtime::Handle::current();
        Some(SourceVideo::new(move || {
            let _inside = runtime.enter();
            Box::new(assets.reader(&key, bytes))
        }))
    }

    pub(super) fn provider(&self, planned: &Planned) -> Option<Arc<dyn Provider>> {
        Some(Arc::clone(&self.accounts.get(&planned.route.account)?.provider))
    }
}

/// The account at which a submit was made.
fn account_of(submit: &Unsettled) -> String {
    let account = submit.job.as_ref().and_then(|job| {
        let attempts = &job.record.attempts;
        let attempt = attempts.iter().find(|one| one.number == submit.lease.attempt)?;
        Some(attempt.planned.route.account.clone())
    });
    account.unwrap_or_default()
}

/// The render of an attempt.
pub(super) fn render(attempt: &Attempt, remote_id: &str) -> Render {
    Render {
        remote_id: remote_id.to_owned(),
        model: attempt.planned.route.model.clone(),
        spec: attempt.planned.spec.clone(),
        begun_at: attempt.begun_at,
        give_up: None,
    }
}

/// The pause that a provider asked for, as far as it is kept to.
fn asked_pause(fault: Option<&Fault>) -> SignedDuration {
    let asked = fault.and_then(|fault| fault.retry_after);
    asked.unwrap_or_default().clamp(SignedDuration::ZERO, Policy::LONG_PAUSE)
}

/// When a render would be over either way.
fn over(attempt: &Attempt, times: &RouteTimes) -> Timestamp {
    attempt.lost_since() + times.longest
}

/// What is done when a provider does not list a submit: it is believed, or looked for again.
fn not_listed(
    attempt: &Attempt,
    times: &RouteTimes,
    lost_for: SignedDuration,
    now: Timestamp,
) -> Finding {
    match weigh_absence(attempt, times, lost_for, now) {
        Absence::Proven => Finding { settlement: Some(Settlement::Absent), ..Finding::default() },
        Absence::LookAgainAt(again) => {
            Finding { absent_since: Some(now), again: Some(again), ..Finding::default() }
        }
    }
}

/// What is done when a provider could not say anything: another look later on, or none.
fn still_unknown(
    attempt: &Attempt,
    times: &RouteTimes,
    fault: Option<&Fault>,
    now: Timestamp,
) -> Finding {
    let over = over(attempt, times);
    if now >= over {
        return Finding { settlement: Some(Settlement::Unknowable), ..Finding::default() };
    }
    let pause = (now.duration_since(attempt.lost_since()) / 4).clamp(SOONEST, LATEST);
    Finding { again: Some(over.min(now + pause.max(asked_pause(fault)))), ..Finding::default() }
}
