//! Several replicas at once on one database.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use retake_core::{ids::ReplicaId, job::Event};
use tokio::{task::JoinSet, time::timeout};

use super::{
    Schema,
    proxy::{Break, Proxy},
    worker_on,
};
use crate::{
    Ledger, PostgresLedger, Slots, StoreError,
    conformance::{NOON, Worker, a_job, a_job_over, accepted, noon_plus},
    postgres::pool::Limits,
};

const JOBS: i64 = 60;
const SLOTS: [(&str, u32); 2] = [("north", 3), ("south", 2)];
const A_WHILE: Duration = Duration::from_mins(1);

/// How many jobs of an account are in hand, and how many were finished.
#[derive(Default)]
struct Tally {
    in_hand: HashMap<String, AtomicI64>,
    finished: AtomicI64,
}

async fn work_until_all_is_done(worker: Arc<Worker>, tally: Arc<Tally>) {
    let slots = SLOTS.map(|(account, concurrency)| Slots {
        account: account.into(),
        concurrency,
        at: None,
    });
    while tally.finished.load(Ordering::SeqCst) < JOBS {
        let claimed = worker.ledger.claim(&worker.me, &slots, 4, noon_plus(JOBS)).await.unwrap();
        for mut held in claimed {
            let account = held.job.plan.routes[0].route.account.clone();
            let (_, limit) = SLOTS.into_iter().find(|(name, _)| **name == account).unwrap();
            let in_hand = &tally.in_hand[&account];
            assert!(in_hand.fetch_add(1, Ordering::SeqCst) < i64::from(limit), "{account}");
            worker.tell(&mut held, Event::Begun { route: 0 }, noon_plus(JOBS)).await.unwrap();
            worker.tell(&mut held, accepted("r"), noon_plus(JOBS)).await.unwrap();
            worker.tell(&mut held, Event::Rendered, noon_plus(JOBS)).await.unwrap();
            in_hand.fetch_sub(1, Ordering::SeqCst);
            worker.tell_and_free(held, Event::Stored, noon_plus(JOBS)).await.unwrap();
            tally.finished.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_claim_at_once_share_the_slots_and_finish_each_job_once() {
    let Some(schema) = Schema::new().await else { return };
    let mut tally = Tally::default();
    for (account, _) in SLOTS {
        tally.in_hand.insert(account.to_owned(), AtomicI64::new(0));
    }
    let (tally, mut running) = (Arc::new(tally), JoinSet::new());
    let first = Arc::new(worker_on(schema.ledger().await).await);
    for n in 0..JOBS {
        let account = SLOTS[usize::try_from(n % 2).unwrap()].0;
        first.accept(a_job_over(&[account], noon_plus(n))).await;
    }

    for worker in [first, Arc::new(worker_on(schema.ledger().await).await)] {
        for _ in 0..3 {
            running.spawn(work_until_all_is_done(Arc::clone(&worker), Arc::clone(&tally)));
        }
    }
    timeout(A_WHILE, running.join_all()).await.expect("every job comes to its end");

    assert_eq!(tally.finished.load(Ordering::SeqCst), JOBS);
    let left = "SELECT COUNT(*) FROM jobs WHERE state <> 'completed' OR slot_account IS NOT NULL";
    let left: i64 = schema.stranger().await.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_stopped_beyond_its_lease_finds_its_jobs_taken_over() {
    let Some(schema) = Schema::new().await else { return };
    let stopped = worker_on(schema.ledger().await).await;
    let lively = worker_on(schema.ledger().await).await;
    let id = stopped.accept(a_job(NOON)).await;
    let mut held = stopped.claim_one(NOON).await;
    stopped.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();

    lively.ledger.heartbeat(&lively.me, noon_plus(60)).await.unwrap();
    assert_eq!(lively.ledger.expire_leases(noon_plus(30), noon_plus(60)).await.unwrap(), 1);
    let taken_over = lively.claim_one(noon_plus(60)).await;

    let late = stopped.tell(&mut held, accepted("r-late"), noon_plus(61)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    let beat = stopped.ledger.heartbeat(&stopped.me, noon_plus(61)).await;
    assert!(matches!(beat, Err(StoreError::ReplicaForgotten { .. })), "{beat:?}");
    let claimed = stopped.ledger.claim(&stopped.me, &[], 9, noon_plus(61)).await;
    assert!(matches!(claimed, Err(StoreError::ReplicaForgotten { .. })), "{claimed:?}");
    let attempts = lively.ledger.job(&id).await.unwrap().unwrap().record.attempts;
    assert_eq!(attempts, taken_over.job.record.attempts, "nothing stale was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_stopped_in_the_middle_of_a_claim_does_not_hold_up_the_others() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let limits = Limits {
        silence: Duration::from_millis(200),
        work: Duration::from_secs(20),
        ..Limits::default()
    };
    let stopped = PostgresLedger::connect_with(&proxy.url(), limits).await.unwrap();
    let stopped = Arc::new(worker_on(stopped).await);
    let lively = worker_on(schema.ledger().await).await;
    let id = lively.accept(a_job(NOON)).await;

    proxy.break_at("COMMIT", Break::Silence);
    let mut claims = JoinSet::new();
    claims.spawn(async move { stopped.claim(1, NOON).await });
    let claimed_by_another = async {
        while !proxy.broke() {
            tokio::task::yield_now().await;
        }
        lively.claim(1, NOON).await
    };
    let claimed = timeout(A_WHILE, claimed_by_another).await.expect("the locks are given up");

    assert_eq!(claimed.iter().map(|held| &held.job.id).collect::<Vec<_>>(), [&id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_left_with_a_replica_that_was_forgotten_while_it_claimed() {
    let Some(schema) = Schema::new().await else { return };
    let (ledger, judge) = (schema.ledger().await, schema.ledger().await);
    for n in 0..40 {
        ledger.accept(&a_job(noon_plus(n))).await.unwrap();
    }
    let slots = [Slots { account: "north".to_owned(), concurrency: 100, at: None }];

    let claim = async {
        for n in 0..40 {
            let me = ReplicaId::new(NOON);
            ledger.register(&me, NOON).await.unwrap();
            match ledger.claim(&me, &slots, 1 + n % 3, noon_plus(40)).await {
                Ok(_) | Err(StoreError::ReplicaForgotten { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let forget = async {
        for _ in 0..60 {
            judge.expire_leases(noon_plus(1), noon_plus(1)).await.unwrap();
        }
    };
    tokio::join!(claim, forget);
    judge.expire_leases(noon_plus(1), noon_plus(1)).await.unwrap();

    let me = ReplicaId::new(NOON);
    ledger.register(&me, NOON).await.unwrap();
    assert_eq!(ledger.claim(&me, &slots, 100, noon_plus(40)).await.unwrap().len(), 40);
}
