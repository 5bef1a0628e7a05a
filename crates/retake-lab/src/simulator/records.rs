//! The records of all creates, and the usage of each key.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{
    AccountStatus, Create, JobState, JobView, Refusal, Simulator,
    account::{Account, Key},
    job_schedule::JobSchedule,
};
use crate::{
    Provider,
    clock::later,
    fault::{Fault, FaultPlan},
};

/// One create and its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) provider: Provider,
    pub(crate) number: u64,
    /// When the create was received.
    pub(crate) at: Timestamp,
    /// From when the job exists.
    pub(crate) exists_from: Timestamp,
    pub(crate) create: Arc<Create>,
    pub(crate) fault_plan: Arc<FaultPlan>,
    pub(crate) refusal: Option<Refusal>,
    /// The schedule of a job that was accepted.
    pub(super) schedule: Option<JobSchedule>,
    pub(crate) polls: u32,
    /// The number of polls that met the fault of the run, and the time of the first.
    pub(crate) poll_faults: (u32, Option<Timestamp>),
    pub(crate) downloads: u32,
    pub(crate) webhooks: u32,
    pub(crate) is_deleted: bool,
}

impl Record {
    pub(super) fn new(
        provider: Provider,
        number: u64,
        at: Timestamp,
        create: Create,
        fault_plan: FaultPlan,
    ) -> Self {
        Self {
            provider,
            number,
            at,
            exists_from: at,
            create: Arc::new(create),
            fault_plan: Arc::new(fault_plan),
            refusal: None,
            schedule: None,
            polls: 0,
            poll_faults: (0, None),
            downloads: 0,
            webhooks: 0,
            is_deleted: false,
        }
    }
}

#[derive(Default)]
pub(super) struct Records {
    all: Vec<Record>,
    by_id: HashMap<(Provider, String), usize>,
    numbers: HashMap<Provider, u64>,
    accounts: HashMap<Key, Account>,
    /// The index of the first record that the ledger shows.
    shown_from: usize,
}

impl Records {
    pub(super) fn next_number(&mut self, provider: Provider) -> u64 {
        let number = self.numbers.entry(provider).or_default();
        *number += 1;
        *number
    }

    pub(super) fn is_full(&self, most: usize) -> bool {
        self.all.len() >= most
    }

    pub(super) fn account(&mut self, key: &Key) -> &mut Account {
        self.accounts.entry(key.clone()).or_default()
    }

    pub(super) fn insert(&mut self, record: Record) -> usize {
        let at = self.all.len();
        if record.schedule.is_some() {
            self.by_id.insert((record.provider, record.create.id.clone()), at);
            self.account(&(record.provider, record.create.key.clone())).open.push(at);
        }
        self.all.push(record);
        at
    }

    /// The index of the job of this id, if it exists at this time.
    pub(super) fn find(&self, provider: Provider, id: &str, now: Timestamp) -> Option<usize> {
        let at = *self.by_id.get(&(provider, id.to_owned()))?;
        let record = &self.all[at];
        (!record.is_deleted && record.exists_from <= now).then_some(at)
    }

    /// Moves ended jobs from the open ones to the billed amount.
    pub(super) fn settle(&mut self, key: &Key, now: Timestamp) {
        let Self { all, accounts, .. } = self;
        let Some(account) = accounts.get_mut(key) else { return };
        let Account { open, spent, .. } = account;
        open.retain(|&at| {
            let record = &all[at];
            let Some(schedule) = &record.schedule else { return false };
            let is_open = schedule.final_at() > now;
            if !is_open {
                let billed = schedule.billed_micros(record, &schedule.state(record, now));
                *spent = spent.saturating_add(billed);
            }
            is_open
        });
    }

    /// The amount that was billed, plus what the open jobs will cost.
    pub(super) fn committed_micros(&self, key: &Key) -> u64 {
        let Some(account) = self.accounts.get(key) else { return 0 };
        let open = account.open.iter().map(|&at| self.all[at].create.price_micros);
        open.fold(account.spent, u64::saturating_add)
    }

    /// When a job that is created now can start: when fewer than `concurrency` of those before it
    /// are left.
    pub(super) fn earliest_start(&self, key: &Key, concurrency: u32, now: Timestamp) -> Timestamp {
        let Some(account) = self.accounts.get(key) else { return now };
        self.earliest_start_behind(&account.open, concurrency, now)
    }

    fn earliest_start_behind(&self, open: &[usize], concurrency: u32, now: Timestamp) -> Timestamp {
        let Some(has_to_end) = open.len().checked_sub((concurrency as usize).max(1)) else {
            return now;
        };
        let schedules = open.iter().filter_map(|&at| self.all[at].schedule.as_ref());
        let mut ends: Vec<_> = schedules.map(JobSchedule::final_at).collect();
        ends.sort_unstable();
        ends.get(has_to_end).copied().unwrap_or(now)
    }

    pub(super) fn cancel(&mut self, at: usize, concurrency: u32, now: Timestamp) {
        if let Some(schedule) = &mut self.all[at].schedule {
            schedule.cancelled_at = Some(now);
        }
        let key = (self.all[at].provider, self.all[at].create.key.clone());
        self.settle(&key, now);
        let open = self.account(&key).open.clone();
        for (nth, &waiting) in open.iter().enumerate() {
            let slot = self.earliest_start_behind(&open[..nth], concurrency, now);
            if let Some(schedule) = &mut self.all[waiting].schedule
                && !schedule.has_started(now)
            {
                schedule.starts_at = schedule.ready_at.max(slot);
            }
        }
    }

    /// The record's job at this time; a create that was not accepted is shown as cancelled.
    pub(super) fn view(&self, at: usize, now: Timestamp) -> JobView {
        let record = &self.all[at];
        let mut state = record
            .schedule
            .as_ref()
            .map_or(JobState::Cancelled, |schedule| schedule.state(record, now));
        let schedule = record.schedule.as_ref();
        if let JobState::Queued { ahead } = &mut state
            && schedule.is_some_and(|schedule| schedule.starts_at > schedule.ready_at)
        {
            *ahead = self.count_ahead(at, now);
        }
        JobView {
            number: record.number,
            create: Arc::clone(&record.create),
            fault_plan: Arc::clone(&record.fault_plan),
            now,
            accepted_at: record.exists_from,
            starts_at: schedule.map_or(now, |schedule| schedule.starts_at),
            ended_at: schedule.and_then(|schedule| schedule.ended_at(&state)),
            next_change_at: schedule.and_then(|schedule| schedule.next_change_at(now)),
            billed_micros: schedule.map_or(0, |schedule| schedule.billed_micros(record, &state)),
            state,
            polls: record.polls,
            downloads: record.downloads,
        }
    }

    fn count_ahead(&self, at: usize, now: Timestamp) -> usize {
        let record = &self.all[at];
        let key = (record.provider, record.create.key.clone());
        let Some(account) = self.accounts.get(&key) else { return 1 };
        let waits = |&&other: &&usize| {
            let schedule = self.all[other].schedule.as_ref();
            let is_held = |it: &JobSchedule| !it.has_started(now) && it.starts_at > it.ready_at;
            other < at && schedule.is_some_and(is_held)
        };
        account.open.iter().filter(waits).count() + 1
    }
}

impl Simulator {
    /// The job of this id, without counting a poll.
    pub(crate) fn find_job(&self, provider: Provider, id: &str) -> Option<JobView> {
        let (now, records) = (self.clock.now(), self.records());
        Some(records.view(records.find(provider, id, now)?, now))
    }

    /// Updates the record of a job; returns the job as it was before.
    pub(crate) fn update_record(
        &self,
        provider: Provider,
        id: &str,
        update: impl FnOnce(&mut Record),
    ) -> Option<JobView> {
        let (now, mut records) = (self.clock.now(), self.records());
        let at = records.find(provider, id, now)?;
        let job = records.view(at, now);
        update(&mut records.all[at]);
        Some(job)
    }

    /// The jobs of a key, oldest first, without those that were deleted.
    pub(crate) fn list_jobs(&self, provider: Provider, key: &str) -> Vec<JobView> {
        let (now, records) = (self.clock.now(), self.records());
        let is_listed = |record: &Record| {
            record.provider == provider
                && record.create.key == key
                && record.schedule.is_some()
                && record.exists_from <= now
                && !record.is_deleted
        };
        let found = records.all.iter().enumerate().filter(|(_, record)| is_listed(record));
        found.map(|(at, _)| records.view(at, now)).collect()
    }

    /// The rate limit and the credit that a key has left.
    pub(crate) fn account_status(&self, provider: Provider, key: &str) -> AccountStatus {
        let conditions = self.scenario().conditions(provider);
        let (now, mut records) = (self.clock.now(), self.records());
        let key = (provider, key.to_owned());
        records.settle(&key, now);
        let committed = records.committed_micros(&key);
        records.account(&key).account_status(&conditions, committed, now)
    }

    /// The records since the ledger was cleared, each with its job as it is now.
    pub(crate) fn history(&self) -> Vec<(Record, Option<JobView>)> {
        let (now, records) = (self.clock.now(), self.records());
        let shown = records.all.iter().enumerate().skip(records.shown_from);
        shown
            .map(|(at, record)| {
                let exists = record.schedule.is_some() && record.exists_from <= now;
                let job = exists.then(|| records.view(at, now));
                (record.clone(), job)
            })
            .collect()
    }

    /// Consumes one occurrence of a fault of polls and returns whether this poll meets it. The
    /// fault affects the first `times` polls after its progress was reached, or all polls for
    /// `lasting` from the first one on.
    pub(crate) fn consume_poll_fault(
        &self,
        provider: Provider,
        job: &JobView,
        fault: &Fault,
    ) -> bool {
        let (now, mut records) = (self.clock.now(), self.records());
        let Some(at) = records.find(provider, job.id(), now) else { return false };
        let (count, since) = records.all[at].poll_faults;
        let is_far_enough = match job.state {
            JobState::Running { progress } => progress >= fault.progress.unwrap_or(0.1),
            _ => false,
        };
        let is_faulty = match (fault.lasting, since) {
            (Some(lasting), Some(since)) => now < later(since, lasting),
            (Some(_), None) => is_far_enough,
            (None, _) => is_far_enough && count < fault.times.unwrap_or(1),
        };
        if is_faulty {
            records.all[at].poll_faults = (count.saturating_add(1), since.or(Some(now)));
        }
        is_faulty
    }

    /// Clears the ledger; jobs continue.
    pub(crate) fn clear_ledger(&self) {
        let mut records = self.records();
        records.shown_from = records.all.len();
    }
}
