//! The simulation behind every emulator: admits jobs and computes the state of each.
//!
//! A job's whole schedule is fixed when it is admitted: when it starts, when it fails or is done.
//! Its state follows from that and the clock, so nothing runs in the background, and advancing the
//! clock finishes jobs at once. Only cancelling a job changes the schedule of others: those that
//! wait behind it move up.

mod account;
mod job_schedule;
mod job_view;
mod records;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

pub(crate) use account::AccountStatus;
use job_schedule::JobSchedule;
pub(crate) use job_view::{Create, Failure, JobState, JobView, Reason, Refusal};
pub(crate) use records::Record;
use records::Records;

use crate::{
    Provider,
    clock::{Clock, later},
    fault::{Cause, Fault, FaultKind, FaultPlan},
    scenario::{Conditions, OverConcurrency, Scenario, rule::CreateContext},
};

/// Seconds after which a late response is sent: longer than callers wait.
const LATE_ANSWER_SECONDS: i64 = 150;
/// The maximum number of creates that a lab records; further ones are refused.
const MAX_RECORDS: usize = 200_000;

/// The outcome of a create.
pub(crate) enum Admission {
    /// The job was accepted and the caller gets it.
    Accepted(JobView),
    /// The job was accepted and the caller gets an error.
    AcceptedThenError(JobView, Refusal),
    /// The job was accepted and the connection is dropped.
    AcceptedThenDropped,
    /// The job was accepted and the caller gets a proxy's page with the status in the fault's
    /// shape.
    AcceptedThenProxyPage(JobView, Refusal),
    /// The job was accepted, now or at this time, at which the caller gets the response.
    Late(JobView, Timestamp),
    /// The job was not accepted and the caller gets a refusal.
    Refused(Refusal),
    /// The job was not accepted and the connection is dropped.
    DropConnection,
    /// The job was not accepted and the caller never gets a response.
    Hang,
}

/// The simulated jobs of all providers.
pub(crate) struct Simulator {
    pub(crate) clock: Clock,
    scenario: RwLock<Arc<Scenario>>,
    records: Mutex<Records>,
    changed: watch::Sender<u64>,
}

impl Simulator {
    pub(crate) fn new(clock: Clock, scenario: Scenario) -> Self {
        let scenario = RwLock::new(Arc::new(scenario));
        let (records, changed) = (Mutex::default(), watch::Sender::new(0));
        Self { clock, scenario, records, changed }
    }

    /// The current scenario.
    pub(crate) fn scenario(&self) -> Arc<Scenario> {
        Arc::clone(&self.scenario.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Switches to another scenario; jobs that were admitted already keep their fault plan.
    pub(crate) fn set_scenario(&self, scenario: Scenario) {
        *self.scenario.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(scenario);
    }

    /// Notifies whenever a job's schedule was changed by a cancellation.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides whether a create is accepted, and records it.
    pub(crate) fn admit(&self, provider: Provider, create: Create) -> Admission {
        let scenario = self.scenario();
        let conditions = scenario.conditions(provider);
        let now = self.clock.now();
        let mut records = self.records();
        let number = records.next_number(provider);
        let fault_plan = scenario.plan_faults(&CreateContext {
            provider,
            number,
            model: &create.model,
            prompt: &create.prompt,
            now,
            running: self.clock.running(),
        });
        let refusal =
            self.find_refusal(&mut records, &conditions, provider, &create, &fault_plan, now);
        let create = clamp_create(create, &fault_plan);
        let mut record = Record::new(provider, number, now, create, fault_plan);
        if let Some(refusal) = refusal {
            record.refusal = Some(refusal.clone());
            records.insert(record);
            return Admission::Refused(refusal);
        }
        let fault = record.fault_plan.create.clone();
        let kind = fault.as_ref().map(|fault| fault.kind);
        if let Some(admission) = admission_without_job(kind) {
            records.insert(record);
            return admission;
        }
        if kind == Some(FaultKind::LateCreate) {
            record.exists_from = late_answer_at(fault.as_ref(), now);
        }
        let account = (provider, record.create.key.clone());
        let slot = records.earliest_start(&account, conditions.concurrency, now);
        record.schedule = Some(JobSchedule::new(&record, &conditions, scenario.seed, slot));
        let index = records.insert(record);
        let job = records.view(index, now);
        drop(records);
        self.admission(job, fault.as_ref())
    }

    /// How the create of an accepted job is answered, given its fault.
    fn admission(&self, job: JobView, fault: Option<&Fault>) -> Admission {
        use FaultKind as K;
        let Some(fault) = fault else { return Admission::Accepted(job) };
        let refusal = || self.refusal_from_fault(fault, Reason::AfterAccept);
        match fault.kind {
            K::DropAfterAccept => Admission::AcceptedThenDropped,
            K::ProxyAfterAccept => Admission::AcceptedThenProxyPage(job, refusal()),
            K::LateAnswer | K::LateCreate => {
                let at = late_answer_at(Some(fault), job.now);
                Admission::Late(job, at)
            }
            _ => Admission::AcceptedThenError(job, refusal()),
        }
    }

    /// The reason why a create is refused, if it is: the account's limits are checked first, then
    /// the scenario's fault.
    fn find_refusal(
        &self,
        records: &mut Records,
        conditions: &Conditions,
        provider: Provider,
        create: &Create,
        fault_plan: &FaultPlan,
        now: Timestamp,
    ) -> Option<Refusal> {
        if records.is_full(MAX_RECORDS) {
            return Some(Refusal::new(Cause::Capacity, Reason::Overloaded));
        }
        let key = (provider, create.key.clone());
        records.settle(&key, now);
        let account = records.account(&key);
        if let Some(reason) = account.block_reason() {
            return Some(Refusal::new(Cause::Account, reason));
        }
        let waits = account.count_create(conditions, now);
        if let Some((reason, cause, wait)) = waits {
            let retry_after = Some(self.retry_delay(wait));
            return Some(Refusal { retry_after, ..Refusal::new(cause, reason) });
        }
        if let Some(refusal) =
            fault_plan.create.as_ref().and_then(|fault| self.apply_create_fault(account, fault))
        {
            return Some(refusal);
        }
        if conditions.over_concurrency == OverConcurrency::Refuse
            && account.open.len() >= conditions.concurrency as usize
        {
            return Some(Refusal::new(Cause::Capacity, Reason::TooManyAtOnce));
        }
        let committed = records.committed_micros(&key);
        (committed.saturating_add(create.price_micros) > conditions.credit_micros)
            .then(|| Refusal::new(Cause::Account, Reason::CreditOut))
    }

    /// The refusal that a fault at create causes, if it causes one.
    fn apply_create_fault(&self, account: &mut account::Account, fault: &Fault) -> Option<Refusal> {
        use FaultKind as K;
        let reason = match fault.kind {
            K::Refused | K::Generic | K::DisguisedRefusal => Reason::Scripted,
            K::RateLimited => Reason::TooFast,
            K::LoadShedding => Reason::Overloaded,
            K::CreditOut => Reason::CreditOut,
            K::SoftBlock => {
                account.blocked = true;
                Reason::SoftBlock
            }
            K::KeyRevoked => {
                account.revoked = true;
                Reason::KeyRevoked
            }
            _ => return None,
        };
        Some(self.refusal_from_fault(fault, reason))
    }

    /// The refusal that a fault describes.
    pub(crate) fn refusal_from_fault(&self, fault: &Fault, reason: Reason) -> Refusal {
        let advised = match fault.retry_after {
            None if reason == Reason::TooFast => Some(SignedDuration::from_secs(20)),
            advised => advised.filter(SignedDuration::is_positive),
        };
        Refusal {
            cause: fault.cause.unwrap_or(Cause::RuntimeError),
            reason,
            shape: fault.shape.clone(),
            is_generic: fault.kind == FaultKind::Generic,
            is_disguised: fault.kind == FaultKind::DisguisedRefusal,
            retry_after: advised.map(|it| self.retry_delay(it)),
            sample: fault.sample,
        }
    }

    /// A duration of lab time as a `Retry-After`: whole seconds of wall-clock time.
    fn retry_delay(&self, lab: SignedDuration) -> Duration {
        let real = self.clock.real(lab);
        let begun = u64::from(real.subsec_nanos() > 0);
        Duration::from_secs(real.as_secs().saturating_add(begun).max(1))
    }

    /// The refusal of a key that is unknown or revoked.
    pub(crate) fn key_refusal(&self, provider: Provider, key: &str) -> Option<Refusal> {
        let conditions = self.scenario().conditions(provider);
        let refused = |reason| Some(Refusal::new(Cause::Account, reason));
        if !conditions.keys.is_empty() && !conditions.keys.iter().any(|it| it == key) {
            return refused(Reason::UnknownKey);
        }
        let mut records = self.records();
        let is_revoked = records.account(&(provider, key.to_owned())).revoked;
        if is_revoked { refused(Reason::KeyRevoked) } else { None }
    }

    /// Cancels a job that has not ended; those behind it move up. Returns `None` if there is no
    /// such job.
    pub(crate) fn cancel(&self, provider: Provider, id: &str) -> Option<JobView> {
        let now = self.clock.now();
        let concurrency = self.scenario().conditions(provider).concurrency;
        let mut records = self.records();
        let at = records.find(provider, id, now)?;
        if !records.view(at, now).state.has_ended() {
            records.cancel(at, concurrency, now);
        }
        let job = records.view(at, now);
        drop(records);
        self.changed.send_modify(|count| *count += 1);
        Some(job)
    }
}

/// The create as the provider renders it: shorter than requested when the fault plan clamps it.
fn clamp_create(mut create: Create, fault_plan: &FaultPlan) -> Create {
    let Some(fault) = fault_plan.run.as_ref().filter(|it| it.kind == FaultKind::Clamped) else {
        return create;
    };
    let asked = create.millis;
    let given = fault.lasting.map(|it| u64::try_from(it.as_millis()).unwrap_or(0));
    // Whole seconds, as responses report the length.
    let made = given.unwrap_or((asked * 2 / 3000 * 1000).max(1000)).clamp(1, asked.max(1));
    create.price_micros = create.price_micros / asked.max(1) * made;
    create.millis = made;
    create
}

/// When a late create is answered.
fn late_answer_at(fault: Option<&Fault>, now: Timestamp) -> Timestamp {
    fault.map_or(now, |fault| later(now, fault.lasting_or(LATE_ANSWER_SECONDS)))
}

/// The admission of a create that a fault prevents from being accepted without a refusal.
fn admission_without_job(kind: Option<FaultKind>) -> Option<Admission> {
    match kind? {
        FaultKind::Hang => Some(Admission::Hang),
        FaultKind::DropBeforeAccept => Some(Admission::DropConnection),
        _ => None,
    }
}
