//! Dropping what nobody will look at any more, a little at a time.

use jiff::Timestamp;

use super::{
    Engine, NOON, Worker, noon_plus,
    notices::{a_failure, a_success, added, an_endpoint, claim_one, completed, deliveries, record},
};
use crate::outbox::record::ThenDeliver;

pub(crate) async fn what_ended_long_ago_is_dropped_a_little_at_a_time(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    for n in 0..4 {
        completed(&worker, n * 10).await;
        let held = claim_one(&worker, noon_plus(n * 10 + 1)).await;
        record(&worker, &held, a_success(noon_plus(n * 10 + 2))).await;
    }
    completed(&worker, 90).await;

    assert_eq!(ledger.prune_deliveries(noon_plus(32), 2).await.unwrap(), 2);
    assert_eq!(ledger.prune_deliveries(noon_plus(32), 2).await.unwrap(), 1);
    assert_eq!(ledger.prune_deliveries(noon_plus(32), 2).await.unwrap(), 0);

    let left = deliveries(ledger, &endpoint).await;
    let left: Vec<_> = left.iter().map(|one| one.ended_at).collect();
    assert_eq!(left, [Some(noon_plus(32)), None]);
    assert_eq!(ledger.prune_deliveries(Timestamp::MAX, 9).await.unwrap(), 1, "not what waits");
}

/// Leaves a deleted endpoint behind whose seven deliveries were given up after a try.
pub(crate) async fn a_deleted_endpoint(worker: &Worker) {
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    for n in 0..7 {
        completed(worker, n * 10).await;
        let held = claim_one(worker, noon_plus(n * 10 + 1)).await;
        record(worker, &held, a_failure(noon_plus(n * 10 + 2), ThenDeliver::GiveUp)).await;
    }
    ledger.delete_endpoint(&endpoint, noon_plus(100)).await.unwrap();
}

pub(crate) async fn a_deleted_endpoint_with_many_deliveries_keeps_no_word_of_its_tries(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;

    a_deleted_endpoint(&worker).await;

    let left = engine.number("SELECT COUNT(*) FROM webhook_tries").await;
    let words = engine.number("SELECT COUNT(*) FROM webhook_tries WHERE error IS NOT NULL").await;
    assert_eq!((left, words), (5, 0));
    for gone in [2, 2, 1, 0] {
        assert_eq!(worker.ledger.prune_deliveries(NOON, 2).await.unwrap(), gone);
    }
    assert_eq!(engine.number("SELECT COUNT(*) FROM webhook_endpoints").await, 0);
}
