//! The ledger: every create that was received, its true outcome and its cost.
//!
//! A gateway's view is checked against it. Every create has an entry, also one that was refused,
//! dropped or never answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Provider,
    fault::Cause,
    simulator::{JobState, JobView, Record, Simulator},
};

/// The number of characters of a prompt that an entry shows.
const MAX_PROMPT_CHARS: usize = 2000;

/// All creates since the ledger was last cleared.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub totals: Totals,
    /// The entries, in the order of the creates.
    pub entries: Vec<Entry>,
}

/// Totals over the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub creates: u64,
    pub accepted: u64,
    /// Jobs that are done, whether or not the file was downloaded.
    pub rendered: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// The billed amount in millionths of a US dollar.
    pub billed_micros: u64,
}

/// One create and its outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub provider: Provider,
    /// The number of the create at its provider, counted from 1.
    pub number: u64,
    /// The time of the create, in lab time.
    pub at: Timestamp,
    /// The last four characters of the key.
    pub key: String,
    /// The provider's id of the job, if it was accepted.
    pub remote_id: Option<String>,
    pub model: String,
    /// The first 2000 characters of the prompt.
    pub prompt: String,
    pub accepted: bool,
    /// The outcome: `refused`, `cut`, `received` (the job does not exist yet), `queued`, `running`,
    /// `done`, `failed` or `cancelled`.
    pub outcome: String,
    /// The true cause of a refusal or a failure, whatever the response said.
    pub true_cause: Option<Cause>,
    /// The kinds of the planned faults, in the order of the phases.
    pub faults: Vec<String>,
    /// The rules that planned the faults.
    pub rules: Vec<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The billed amount in millionths of a US dollar.
    pub billed_micros: u64,
    pub polls: u32,
    pub downloads: u32,
    /// The number of delivered webhooks.
    pub webhooks: u32,
    pub deleted: bool,
}

impl Ledger {
    /// The ledger of one provider or of all.
    pub(crate) fn from_simulator(simulator: &Simulator, provider: Option<Provider>) -> Self {
        let history = simulator.history();
        let asked =
            history.iter().filter(|(it, _)| provider.is_none_or(|asked| asked == it.provider));
        let entries: Vec<_> =
            asked.map(|(record, job)| Entry::from_record(record, job.as_ref())).collect();
        let count = |is: &dyn Fn(&Entry) -> bool| entries.iter().filter(|it| is(it)).count() as u64;
        let totals = Totals {
            creates: entries.len() as u64,
            accepted: count(&|it| it.accepted),
            rendered: count(&|it| it.outcome == "done"),
            failed: count(&|it| it.outcome == "failed"),
            cancelled: count(&|it| it.outcome == "cancelled"),
            billed_micros: entries.iter().map(|it| it.billed_micros).fold(0, u64::saturating_add),
        };
        Self { totals, entries }
    }
}

impl Entry {
    fn from_record(record: &Record, job: Option<&JobView>) -> Self {
        let faults = || record.fault_plan.faults();
        Self {
            provider: record.provider,
            number: record.number,
            at: record.at,
            key: last_four(&record.create.key),
            remote_id: job.is_some().then(|| record.create.id.clone()),
            model: record.create.model.clone(),
            prompt: record.create.prompt.chars().take(MAX_PROMPT_CHARS).collect(),
            accepted: job.is_some(),
            outcome: outcome(record, job).to_owned(),
            true_cause: true_cause(record, job),
            faults: faults().map(|fault| fault.kind.name().to_owned()).collect(),
            rules: faults().map(|fault| fault.rule.clone()).collect(),
            started_at: job.map(|it| it.starts_at).filter(|&at| has_started(at, job)),
            ended_at: job.and_then(|it| it.ended_at),
            billed_micros: job.map_or(0, |it| it.billed_micros),
            polls: record.polls,
            downloads: record.downloads,
            webhooks: record.webhooks,
            deleted: record.is_deleted,
        }
    }
}

fn outcome(record: &Record, job: Option<&JobView>) -> &'static str {
    match job.map(|job| &job.state) {
        Some(JobState::Queued { .. }) => "queued",
        Some(JobState::Running { .. }) => "running",
        Some(JobState::Done) => "done",
        Some(JobState::Failed(_)) => "failed",
        Some(JobState::Cancelled) => "cancelled",
        None if record.refusal.is_some() => "refused",
        None if record.exists_from > record.at => "received",
        None => "cut",
    }
}

/// The cause of a refusal or a failure, or of a video that is withheld.
fn true_cause(record: &Record, job: Option<&JobView>) -> Option<Cause> {
    if let Some(refusal) = &record.refusal {
        return Some(refusal.cause);
    }
    match &job?.state {
        JobState::Failed(failure) => Some(failure.cause),
        JobState::Done if job.is_some_and(JobView::has_no_video) => {
            record.fault_plan.run.as_ref().and_then(|fault| fault.cause)
        }
        _ => None,
    }
}

fn has_started(at: Timestamp, job: Option<&JobView>) -> bool {
    job.is_some_and(|job| at <= job.ended_at.unwrap_or(job.now))
}

/// The last four characters.
fn last_four(key: &str) -> String {
    let skipped = key.chars().count().saturating_sub(4);
    key.chars().skip(skipped).collect()
}
