//! Random histories: two replicas, one of which falls silent now and then, against a plain model.
//!
//! The model remembers what each commit that went through made of a job, and who holds it. The ledger must
//! agree with it at every turn, never have more attempts open on an account than it has slots, and never
//! let a lost lease write. The histories follow from their seeds, so a failure can be repeated.

use std::collections::BTreeMap;

use jiff::Timestamp;
use retake_core::{
    evidence::Exchange,
    ids::VideoId,
    job::{Attempt, AttemptState, DownloadFinding, Event, JobRecord, advance},
    money::Usd,
};

use super::{
    Engine, Worker, a_fault, a_job_over, accepted, attempt_failed, change_of,
    evidence::an_exchange, noon_plus, waits_of,
};
use crate::{Claimed, JobEvent, Slots, StoreError};

const HISTORIES: u64 = 4;
const STEPS: i64 = 200;
const SLOTS: u32 = 2;

/// A small generator, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}

/// What the ledger should know, and the leases that are out, of which some are lost.
#[derive(Default)]
struct Model {
    lives: BTreeMap<VideoId, JobRecord>,
    lines: BTreeMap<VideoId, u64>,
    /// All that was ever said, by job and attempt.
    said: BTreeMap<(VideoId, u32), Vec<Exchange>>,
    held: Vec<(usize, Claimed)>,
    lost: Vec<(usize, Claimed)>,
}

impl Model {
    /// The first and the newest exchanges of each attempt.
    fn kept(&self, id: &VideoId) -> Vec<(u32, Exchange)> {
        let mut kept = Vec::new();
        for ((_, attempt), said) in self.said.range((id.clone(), 0)..=(id.clone(), u32::MAX)) {
            let places = 0..said.len();
            let stay = places.filter(|place| *place < 4 || place + 28 >= said.len());
            kept.extend(stay.map(|place| (*attempt, said[place].clone())));
        }
        kept
    }
}

struct History {
    workers: [Worker; 2],
    model: Model,
    dice: Dice,
    now: Timestamp,
}

pub(crate) async fn random_histories_keep_every_promise(engine: &dyn Engine) {
    for seed in 1..=HISTORIES {
        let workers = [Worker::at(engine).await, Worker::at(engine).await];
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut history = History { workers, model: Model::default(), dice, now: noon_plus(0) };
        for step in 1..=STEPS {
            history.now = noon_plus(step * 5);
            history.step().await;
            if step % 10 == 0 {
                history.check().await;
            }
        }
        history.wind_up().await;
    }
}

impl History {
    async fn step(&mut self) {
        match self.dice.below(21) {
            0..4 => self.accept().await,
            4..8 => self.claim().await,
            8..15 => self.tell().await,
            15 => self.release().await,
            16 => self.cancel().await,
            17 => self.void().await,
            18 => self.write_late().await,
            19 => self.nudge().await,
            _ => self.delete().await,
        }
    }

    fn slots() -> Vec<Slots> {
        ["north", "south"]
            .map(|a| Slots { account: a.to_owned(), concurrency: SLOTS, at: None })
            .to_vec()
    }

    async fn accept(&mut self) {
        let accounts: &[&str] =
            if self.dice.below(2) == 0 { &["north", "south"] } else { &["south"] };
        let id = self.workers[0].accept(a_job_over(accounts, self.now)).await;
        self.model.lives.insert(id.clone(), JobRecord::default());
        self.model.lines.insert(id, 1);
    }

    async fn claim(&mut self) {
        let who = self.dice.one_of(2);
        let worker = &self.workers[who];
        let claimed = worker.ledger.claim(&worker.me, &Self::slots(), 2, self.now).await.unwrap();
        for claim in claimed {
            assert_eq!(claim.job.record, self.model.lives[&claim.job.id]);
            let mut others = self.model.held.iter().map(|(_, held)| &held.job.id);
            assert!(others.all(|id| *id != claim.job.id), "two holders");
            self.model.held.push((who, claim));
        }
    }

    async fn tell(&mut self) {
        if self.model.held.is_empty() {
            return;
        }
        let place = self.dice.one_of(self.model.held.len());
        let (who, mut held) = self.model.held.swap_remove(place);
        let Some(event) = self.possible(&held) else { return self.model.held.push((who, held)) };
        let mut change = change_of(&held, event, self.now, self.dice.below(2) == 0);
        change.exchanges = self.some_exchanges();
        let told = self.workers[who].ledger.commit(&held.lease, &change).await.unwrap();

        let recorded = self.model.lives.get_mut(&held.job.id).unwrap();
        let cancel = recorded.cancel_requested || change.record.cancel_requested;
        *recorded = JobRecord { cancel_requested: cancel, ..change.record };
        *self.model.lines.get_mut(&held.job.id).unwrap() += change.events.len() as u64;
        assert_eq!(told.cancel_requested, cancel);
        if let Some(attempt) = recorded.attempts.last() {
            let said = self.model.said.entry((held.job.id.clone(), attempt.number));
            said.or_default().extend(change.exchanges);
        }
        held.job.record = recorded.clone();
        let side = if told.lease_kept { &mut self.model.held } else { &mut self.model.lost };
        side.push((who, held));
    }

    fn some_exchanges(&mut self) -> Vec<Exchange> {
        let count = self.dice.below(3) * self.dice.below(12);
        let mut number = || i64::try_from(self.dice.below(1000)).unwrap();
        (0..count).map(|_| an_exchange(number(), self.now)).collect()
    }

    /// An event that the rules allow now.
    fn possible(&mut self, held: &Claimed) -> Option<Event> {
        let record = &held.job.record;
        let is_at = |slot: &String| {
            let mut routes = held.job.plan.routes.iter();
            routes.position(|planned| planned.route.account == *slot)
        };
        let place = held.slot.as_ref().and_then(is_at);
        let mut events: Vec<_> = place.map(|route| Event::Begun { route }).into_iter().collect();
        events.extend([
            accepted("r"),
            Event::SubmitLost { fault: a_fault(), policy: None, until: None },
            Event::NotListed,
            Event::Unresolved { fault: a_fault() },
            Event::Progressed { percent: 30 },
            Event::Rendered,
            Event::Charged { amount: Usd::from_micros(self.dice.below(2_000_000)) },
            Event::FetchFailed {
                fault: a_fault(),
                finding: Some(DownloadFinding::Gone),
                again_at: None,
            },
            Event::SetAside { fault: a_fault() },
            Event::Stored,
            attempt_failed(),
            Event::Cancelled,
        ]);
        events.retain(|event| advance(record, event, &held.job.plan, self.now).is_ok());
        let chosen = self.dice.one_of(events.len().max(1));
        events.into_iter().nth(chosen)
    }

    async fn release(&mut self) {
        if let Some((who, held)) = self.model.held.pop() {
            self.workers[who]
                .ledger
                .release(&held.lease, self.now, &waits_of(&held, self.now))
                .await
                .unwrap();
            self.model.lost.push((who, held));
        }
    }

    async fn cancel(&mut self) {
        let Some(id) = self.any() else { return };
        let job = self.workers[1].ledger.request_cancel(&id, self.now).await.unwrap();
        let recorded = self.model.lives.get_mut(&id).unwrap();
        if !recorded.state.is_ended() && !recorded.cancel_requested {
            recorded.cancel_requested = true;
            *self.model.lines.get_mut(&id).unwrap() += 1;
        }
        assert_eq!(job.record, *recorded);
    }

    /// News for an open attempt makes its job due, whenever it is not held.
    async fn nudge(&mut self) {
        let Some(id) = self.any() else { return };
        let ledger = &self.workers[1].ledger;

        let nudged = ledger.nudge(&id, self.now).await.unwrap();

        assert_eq!(nudged, self.model.lives[&id].open_attempt().is_some());
        if nudged && self.model.held.iter().all(|(_, held)| held.job.id != id) {
            assert!(ledger.next_due(&[]).await.unwrap().unwrap() <= self.now);
        }
    }

    /// One replica goes on, the other is found to have been silent, and comes back.
    async fn void(&mut self) {
        let silent = self.dice.one_of(2);
        let lively = &self.workers[1 - silent];
        lively.ledger.heartbeat(&lively.me, self.now).await.unwrap();
        let freed = lively.ledger.expire_leases(self.now, self.now).await.unwrap();
        let (lost, held) = self.model.held.drain(..).partition(|(who, _)| *who == silent);
        self.model.held = held;
        let lost: Vec<_> = lost;
        assert_eq!(freed, lost.len() as u64);
        self.model.lost.extend(lost);
        let back = &self.workers[silent];
        back.ledger.register(&back.me, self.now).await.unwrap();
    }

    async fn write_late(&mut self) {
        if self.model.lost.is_empty() {
            return;
        }
        let place = self.dice.one_of(self.model.lost.len());
        let (who, held) = self.model.lost.swap_remove(place);
        let Some(event) = self.possible(&held) else { return };
        let change = change_of(&held, event, self.now, true);
        let late = self.workers[who].ledger.commit(&held.lease, &change).await;
        assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    }

    async fn delete(&mut self) {
        let Some(id) = self.any() else { return };
        let deleted = self.workers[0].ledger.delete(&id, self.now).await;
        if self.model.lives[&id].state.is_ended() {
            deleted.unwrap();
            self.model.lives.remove(&id);
            assert!(self.workers[1].ledger.exchanges(&id).await.unwrap().is_empty());
        } else {
            assert!(matches!(deleted, Err(StoreError::NotEnded { .. })), "{deleted:?}");
        }
    }

    fn any(&mut self) -> Option<VideoId> {
        let count = self.model.lives.len().max(1);
        self.model.lives.keys().nth(self.dice.one_of(count)).cloned()
    }

    async fn check(&self) {
        let ledger = &self.workers[0].ledger;
        let mut open = BTreeMap::new();
        for (id, record) in &self.model.lives {
            let job = ledger.job(id).await.unwrap().unwrap();
            assert_eq!(job.record, *record);
            let kept = ledger.exchanges(id).await.unwrap();
            let kept: Vec<_> = kept.into_iter().map(|kept| (kept.attempt, kept.exchange)).collect();
            assert_eq!(kept, self.model.kept(id));
            // What was lost and found was rendered all the time, whoever had its slot in between.
            let counts = |attempt: &&Attempt| {
                let in_use =
                    matches!(attempt.state, AttemptState::Intent | AttemptState::Submitted);
                in_use && attempt.lost_at.is_none()
            };
            if let Some(attempt) = record.open_attempt().filter(counts) {
                let account = attempt.planned.route.account.clone();
                *open.entry(account).or_insert(0) += 1;
            }
        }
        assert!(open.values().all(|&count| count <= SLOTS), "{open:?}");
    }

    /// Everything is given back and comes to its end; nothing is stuck, no timeline has a gap.
    async fn wind_up(&mut self) {
        while !self.model.held.is_empty() {
            self.release().await;
        }
        while let Some(id) = self.open_job() {
            self.workers[0].ledger.request_cancel(&id, self.now).await.unwrap();
            let worker = &self.workers[0];
            let due = worker.ledger.next_due(&[]).await.unwrap().unwrap();
            let now = due.max(self.now);
            for held in worker.ledger.claim(&worker.me, &[], 50, now).await.unwrap() {
                let id = held.job.id.clone();
                let event = if held.job.record.cancel_requested {
                    Event::Cancelled
                } else {
                    attempt_failed()
                };
                let change = change_of(&held, event, now, false);
                worker.ledger.commit(&held.lease, &change).await.unwrap();
                self.model.lives.insert(id, change.record);
            }
        }
        for id in self.model.lines.keys() {
            let lines = self.workers[1].ledger.events(id, 0, 10_000).await.unwrap();
            let ends = lines.iter().filter(|line| ends(&line.event)).count();
            assert!(ends <= 1, "{lines:?}");
            assert!(lines.iter().zip(1..).all(|(line, seq)| line.seq == seq));
            assert!(lines.len() as u64 >= self.model.lines[id]);
        }
    }

    fn open_job(&self) -> Option<VideoId> {
        let mut lives = self.model.lives.iter();
        lives.find(|(_, record)| !record.state.is_ended()).map(|(id, _)| id.clone())
    }
}

fn ends(event: &JobEvent) -> bool {
    matches!(event, JobEvent::Job(Event::Stored | Event::Cancelled))
}
