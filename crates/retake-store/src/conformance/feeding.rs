//! The feed of all events.

use super::{
    Engine, NOON, Worker, a_job, noon_plus,
    owning::{a_job_of, a_tenant},
};
use crate::{NewJob, Repeat, StoreError};

pub(crate) async fn the_feed_has_every_event_in_the_order_of_commits(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let start = worker.ledger.feed_end().await.unwrap();
    let first = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", noon_plus(1)).await;
    let second = worker.accept(a_job(noon_plus(2))).await;

    let all = worker.ledger.feed(None, Some(&start), 100).await.unwrap();
    let (head, tail) = (
        worker.ledger.feed(None, Some(&start), 2).await.unwrap(),
        worker.ledger.feed(None, Some(&all[1].cursor), 100).await.unwrap(),
    );

    let of_first = all.iter().filter(|line| line.id == first);
    assert_eq!(of_first.map(|line| line.line.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!((&all[5].id, all.len()), (&second, 6));
    assert_eq!([head, tail].concat(), all);
    let end = worker.ledger.feed_end().await.unwrap();
    assert!(worker.ledger.feed(None, Some(&end), 100).await.unwrap().is_empty());
}

pub(crate) async fn the_feed_of_an_owner_is_its_own(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let (north, south) =
        (a_tenant(&*worker.ledger, "north").await, a_tenant(&*worker.ledger, "south").await);
    let mine = worker.accept(a_job_of(&north, 1)).await;
    worker.accept(a_job_of(&south, 2)).await;
    worker.accept(a_job(noon_plus(3))).await;

    let lines = worker.ledger.feed(Some(&north), None, 100).await.unwrap();

    assert_eq!(lines.iter().map(|line| &line.id).collect::<Vec<_>>(), [&mine]);
    assert_eq!(lines[0].owner, Some(north));
}

pub(crate) async fn a_place_that_is_none_is_refused(engine: &dyn Engine) {
    let ledger = engine.open().await;

    for place in ["", "-1", "next", "1; DROP TABLE jobs", "99999999999999999999999999"] {
        let lines = ledger.feed(None, Some(place), 10).await;
        assert!(matches!(lines, Err(StoreError::NoSuchPlace { .. })), "{place:?}: {lines:?}");
    }
}

pub(crate) async fn what_is_old_is_pruned_in_portions(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    for n in 0..4 {
        let repeat = Repeat {
            name: format!("order {n}"),
            fingerprint: String::new(),
            replay: true,
            expires_at: noon_plus(n + 10),
        };
        worker.accept(NewJob { repeat: Some(repeat), ..a_job(noon_plus(n)) }).await;
    }
    let prune = async |now, since, limit| {
        worker.ledger.prune(noon_plus(now), noon_plus(since), limit).await.unwrap()
    };

    assert_eq!(prune(9, 0, 100).await, 0, "nothing is old yet");
    assert_eq!(prune(12, 3, 2).await, 4, "two of each");
    assert_eq!(prune(12, 3, 100).await, 2);
    assert_eq!(worker.ledger.feed(None, None, 100).await.unwrap().len(), 1);
}
