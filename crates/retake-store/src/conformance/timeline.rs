//! The timeline of a job.

use retake_core::job::Event;

use super::{Engine, NOON, Worker, a_job, a_job_over, accepted, attempt_failed, noon_plus, slots};
use crate::{Claimed, JobEvent};

pub(crate) async fn every_change_adds_one_line_that_names_its_attempt(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, noon_plus(1)).await.unwrap();
    worker.tell(&mut held, attempt_failed(), noon_plus(2)).await.unwrap();
    let south = worker.ledger.claim(&worker.me, &slots("south", 1), 1, noon_plus(2)).await;
    let mut held: Claimed = south.unwrap().remove(0);
    worker.tell(&mut held, Event::Begun { route: 1 }, noon_plus(3)).await.unwrap();
    worker.tell(&mut held, accepted("r-2"), noon_plus(4)).await.unwrap();
    worker.ledger.request_cancel(&id, noon_plus(5)).await.unwrap();

    let lines = worker.ledger.events(&id, 0, 100).await.unwrap();

    let record = |event: Event| JobEvent::Job(event);
    let expected = [
        (1, NOON, None, JobEvent::Accepted),
        (2, noon_plus(1), Some(1), record(Event::Begun { route: 0 })),
        (3, noon_plus(2), Some(1), record(attempt_failed())),
        (4, noon_plus(3), Some(2), record(Event::Begun { route: 1 })),
        (5, noon_plus(4), Some(2), record(accepted("r-2"))),
        (6, noon_plus(5), Some(2), record(Event::CancelRequested)),
    ];
    let found: Vec<_> =
        lines.into_iter().map(|line| (line.seq, line.at, line.attempt, line.event)).collect();
    assert_eq!(found, expected);
    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    held.job.record.cancel_requested = true;
    assert_eq!(job.record, held.job.record, "attempts, faults and moments are what was told");
}

pub(crate) async fn a_timeline_is_read_on_from_a_place(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", noon_plus(1)).await;

    let seqs = async |after, limit| {
        let lines = worker.ledger.events(&id, after, limit).await.unwrap();
        lines.into_iter().map(|line| line.seq).collect::<Vec<_>>()
    };

    assert_eq!(seqs(0, 2).await, [1, 2]);
    assert_eq!(seqs(2, 100).await, [3, 4, 5]);
    assert!(seqs(5, 100).await.is_empty());
    assert!(seqs(u64::MAX, 100).await.is_empty());
}
