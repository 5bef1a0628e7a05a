//! Connections that break, at the worst moments: what was answered is so, what was not is found out.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use retake_core::job::Event;
use tokio::time::timeout;

use super::{
    Schema,
    proxy::{Break, Proxy},
    worker_on,
};
use crate::{
    Change, JobEvent, Ledger, PostgresLedger, StoreError,
    conformance::{
        NOON, Worker, a_job, accepted, change_of, evidence::an_exchange, noon_plus, notices, slots,
        waits_of,
    },
    postgres::pool::Limits,
};

/// The server says that a transaction was kept.
const KEPT: Break = Break::AfterTheAnswer("COMMIT\0");

/// Long enough on any machine, short enough to fail a test.
const A_WHILE: Duration = Duration::from_secs(30);

async fn behind(proxy: &Proxy) -> Worker {
    worker_on(PostgresLedger::connect(&proxy.url()).await.unwrap()).await
}

/// A ledger that gives up at the first broken connection.
async fn hasty(proxy: &Proxy) -> Worker {
    let limits = Limits { patience: Duration::ZERO, ..Limits::default() };
    worker_on(PostgresLedger::connect_with(&proxy.url(), limits).await.unwrap()).await
}

#[tokio::test]
async fn an_accept_whose_answer_is_lost_is_kept_once() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    worker.accept(a_job(NOON)).await;
    let job = a_job(NOON);

    proxy.break_at(job.id.as_str(), Break::AfterTheAnswer("INSERT 0 1"));
    worker.ledger.accept(&job).await.unwrap();

    assert!(proxy.broke());
    assert_eq!(worker.ledger.events(&job.id, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_recorded_once() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;

    proxy.break_at("COMMIT", KEPT);
    let begun = Change {
        exchanges: vec![an_exchange(1, NOON)],
        ..change_of(&held, Event::Begun { route: 0 }, NOON, true)
    };
    let told = worker.ledger.commit(&held.lease, &begun).await.unwrap();

    assert!(proxy.broke() && told.lease_kept);
    assert_eq!(worker.ledger.events(&id, 0, 10).await.unwrap().len(), 2);
    assert_eq!(worker.ledger.exchanges(&id).await.unwrap().len(), 1);
    held.job.record = begun.record;
    worker.tell_and_free(held, accepted("r-1"), noon_plus(1)).await.unwrap();
}

#[tokio::test]
async fn a_change_that_never_reached_the_server_is_recorded_all_the_same() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;

    proxy.break_at("COMMIT", Break::BeforeTheServer);
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();

    assert!(proxy.broke());
    let lines = worker.ledger.events(&id, 0, 10).await.unwrap();
    assert_eq!(lines[1].event, JobEvent::Job(Event::Begun { route: 0 }));
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn a_change_in_doubt_is_settled_when_it_is_told_again() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = hasty(&proxy).await;
    for (event, keep_lease) in [(Event::Begun { route: 0 }, true), (Event::Cancelled, false)] {
        let id = worker.accept(a_job(NOON)).await;
        let mut held = worker.claim_one(NOON).await;
        worker.ledger.request_cancel(&id, NOON).await.unwrap();
        held.job.record.cancel_requested = event == Event::Cancelled;
        let change = change_of(&held, event, NOON, keep_lease);

        proxy.break_at("COMMIT", KEPT);
        let first = worker.ledger.commit(&held.lease, &change).await;
        let second = worker.ledger.commit(&held.lease, &change).await.unwrap();

        assert!(matches!(first, Err(StoreError::Unavailable { .. })), "{first:?}");
        assert!(second.cancel_requested);
        assert_eq!(second.lease_kept, keep_lease);
        let lines = worker.ledger.events(&id, 0, 10).await.unwrap();
        assert_eq!(lines.len(), 3, "accepted, asked to stop, and once what was told: {lines:?}");
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_made_again() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    let id = worker.accept(a_job(NOON)).await;

    proxy.break_at("COMMIT", KEPT);
    let held = worker.claim(1, NOON).await.remove(0);

    assert!(proxy.broke());
    assert_eq!((&held.job.id, held.lease.epoch), (&id, 2), "the first lease was given back");
    worker.tell_and_free(held, Event::Begun { route: 0 }, NOON).await.unwrap();
}

#[tokio::test]
async fn jobs_that_were_claimed_in_vain_are_given_back() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = hasty(&proxy).await;
    worker.accept(a_job(NOON)).await;

    proxy.break_at("COMMIT", KEPT);
    let lost = worker.ledger.claim(&worker.me, &slots("north", 1), 1, NOON).await;

    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    let claimed_after_all = async {
        while worker.claim(1, NOON).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(A_WHILE, claimed_after_all).await.expect("nobody else may have it");
}

#[tokio::test]
async fn a_claim_of_a_delivery_whose_answer_is_lost_is_made_again() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    notices::added(&*worker.ledger, notices::an_endpoint(None)).await;
    notices::completed(&worker, 0).await;

    proxy.break_at("COMMIT", KEPT);
    let held = notices::claim_one(&worker, noon_plus(1)).await;

    assert!(proxy.broke());
    assert_eq!(held.lease.epoch, 2, "the first lease was given back");
    let tried = notices::a_success(noon_plus(2));
    worker.ledger.record_try(&held.lease, &tried).await.unwrap();
}

#[tokio::test]
async fn a_report_of_a_delivery_whose_answer_is_lost_is_recorded_once() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let worker = behind(&proxy).await;
    let endpoint = notices::added(&*worker.ledger, notices::an_endpoint(None)).await;
    notices::completed(&worker, 0).await;
    let held = notices::claim_one(&worker, noon_plus(1)).await;

    proxy.break_at("COMMIT", KEPT);
    let tried = notices::a_success(noon_plus(2));
    worker.ledger.record_try(&held.lease, &tried).await.unwrap();

    assert!(proxy.broke());
    assert_eq!(notices::deliveries(&*worker.ledger, &endpoint).await[0].tries.len(), 1);
}

#[tokio::test]
async fn connections_that_were_cut_are_replaced() {
    let Some(schema) = Schema::new().await else { return };
    let worker = worker_on(schema.ledger().await).await;
    let id = worker.accept(a_job(NOON)).await;

    assert!(schema.cut_all().await > 0);

    let held = worker.claim_one(NOON).await;
    assert!(schema.cut_all().await > 0);
    worker.ledger.release(&held.lease, NOON, &waits_of(&held, NOON)).await.unwrap();
    assert!(schema.cut_all().await > 0);
    assert!(worker.ledger.job(&id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_while_connections_are_cut() {
    let Some(schema) = Schema::new().await else { return };
    let worker = Arc::new(worker_on(schema.ledger().await).await);
    let accept = async |n| {
        for _ in 0..10 {
            worker.accept(a_job(noon_plus(n))).await;
        }
    };
    let cut = async {
        for _ in 0..12 {
            schema.cut_all().await;
        }
    };

    let (_, ()) = tokio::join!(join_all((0..8).map(accept)), cut);
    let finish_all = async {
        let mut finished = 0;
        while finished < 80 {
            for held in worker.claim(100, noon_plus(100)).await {
                worker.finish(held, "out/1", noon_plus(100)).await;
                finished += 1;
            }
        }
    };
    let (finished, ()) = tokio::join!(timeout(A_WHILE, finish_all), cut_again(&schema));

    finished.expect("every job is claimed and finished");
    let lines = "SELECT COUNT(*), COUNT(DISTINCT job_id) FROM events GROUP BY event";
    for row in schema.stranger().await.query(lines, &[]).await.unwrap() {
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (80, 80));
    }
}

async fn cut_again(schema: &Schema) {
    for _ in 0..12 {
        schema.cut_all().await;
    }
}

#[tokio::test]
async fn a_database_that_is_locked_is_reported_as_busy() {
    let Some(schema) = Schema::new().await else { return };
    let limits = Limits { lock: Duration::from_millis(50), ..Limits::default() };
    let ledger = schema.ledger_with(limits).await;
    let holder = schema.stranger().await;
    holder.batch_execute("BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let refused = ledger.accept(&a_job(NOON)).await.unwrap_err();

    assert!(matches!(refused, StoreError::Busy { .. }), "{refused:?}");
    assert!(refused.is_passing());
    holder.batch_execute("ROLLBACK").await.unwrap();
    ledger.accept(&a_job(NOON)).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let Some(schema) = Schema::new().await else { return };
    let limits = Limits { statement: Duration::from_secs(2), ..Limits::default() };
    let ledger = schema.ledger_with(limits).await;
    let holder = schema.stranger().await;
    holder.batch_execute("BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let refused =
        ledger.list(&crate::Page { owner: None, after: None, limit: 1, newest_first: true }).await;

    assert!(matches!(refused, Err(StoreError::Busy { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let Some(schema) = Schema::new().await else { return };
    let proxy = Proxy::to(&schema).await;
    let limits = Limits { work: Duration::from_secs(2), ..Limits::default() };
    let ledger = PostgresLedger::connect_with(&proxy.url(), limits).await.unwrap();
    let job = a_job(NOON);

    proxy.break_at(job.id.as_str(), Break::Silence);
    let refused = timeout(A_WHILE, ledger.accept(&job)).await.expect("an answer").unwrap_err();

    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    // Not by the same ledger: a slow machine may take longer than its limit.
    schema.ledger().await.accept(&job).await.unwrap();
}
