//! Leases: who may write, and who no longer may.

use retake_core::job::{Event, JobState};

use super::{
    Engine, NOON, Worker, a_job, a_job_over, accepted, attempt_failed, change_of, noon_plus, slots,
    waits_of,
};
use crate::{JobEvent, StoreError};

pub(crate) async fn a_lost_lease_cannot_finish_a_job(engine: &dyn Engine) {
    let (slow, quick) = (Worker::at(engine).await, Worker::at(engine).await);
    let id = slow.accept(a_job(NOON)).await;
    let mut held = slow.claim_one(NOON).await;
    for event in [Event::Begun { route: 0 }, accepted("r-1"), Event::Rendered] {
        slow.tell(&mut held, event, NOON).await.unwrap();
    }
    quick.ledger.heartbeat(&quick.me, noon_plus(60)).await.unwrap();
    assert_eq!(quick.ledger.expire_leases(noon_plus(30), noon_plus(30)).await.unwrap(), 1);
    let taken_over = quick.claim_one(noon_plus(60)).await;

    let late = slow.tell_and_free(held.clone(), Event::Stored, noon_plus(61)).await;

    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    let released =
        slow.ledger.release(&held.lease, noon_plus(61), &waits_of(&held, noon_plus(61))).await;
    assert!(matches!(released, Err(StoreError::LeaseLost { .. })), "{released:?}");
    let job = slow.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!(job.record, taken_over.job.record);
    quick.tell_and_free(taken_over, Event::Stored, noon_plus(62)).await.unwrap();
}

pub(crate) async fn the_lease_of_an_earlier_claim_cannot_write(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let earlier = worker.claim_one(NOON).await;
    worker.ledger.release(&earlier.lease, NOON, &waits_of(&earlier, NOON)).await.unwrap();
    let later = worker.claim_one(NOON).await;

    let stale = worker.tell_and_free(earlier, Event::Begun { route: 0 }, NOON).await;

    assert!(matches!(stale, Err(StoreError::LeaseLost { .. })), "{stale:?}");
    worker.tell_and_free(later, Event::Begun { route: 0 }, NOON).await.unwrap();
}

pub(crate) async fn begin_and_submit_run_under_one_claim(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;

    let begun = worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    assert!(begun.lease_kept);
    assert!(worker.claim(100, noon_plus(60)).await.is_empty(), "it is held while it is submitted");
    let expected = held.job.record.clone();
    assert_eq!(worker.ledger.job(&id).await.unwrap().unwrap().record, expected);

    let taken = worker.tell_and_free(held, accepted("r-1"), noon_plus(2)).await.unwrap();
    assert!(!taken.lease_kept);
    let record = worker.claim_one(noon_plus(2)).await.job.record;
    assert_eq!(record.state, JobState::InProgress);
    assert_eq!(record.attempts[0].remote_id.as_deref(), Some("r-1"));
    assert_eq!(record.attempts[0].accepted_at, Some(noon_plus(2)));
}

pub(crate) async fn a_job_that_needs_another_slot_is_freed(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();

    let failed = worker.tell(&mut held, attempt_failed(), NOON).await.unwrap();

    assert!(!failed.lease_kept, "its next step is on `south`");
    assert!(worker.claim(100, NOON).await.is_empty());
    let south = worker.ledger.claim(&worker.me, &slots("south", 1), 1, NOON).await.unwrap();
    assert_eq!(south.len(), 1);
}

pub(crate) async fn a_job_ends_at_most_once(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    for event in [Event::Begun { route: 0 }, accepted("r-1"), Event::Rendered] {
        worker.tell(&mut held, event, NOON).await.unwrap();
    }
    let stored = change_of(&held, Event::Stored, noon_plus(9), true);

    let first = worker.ledger.commit(&held.lease, &stored).await.unwrap();
    let second = worker.ledger.commit(&held.lease, &stored).await;

    assert!(!first.lease_kept);
    assert!(matches!(second, Err(StoreError::LeaseLost { .. })), "{second:?}");
    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!((job.record.state, job.completed_at), (JobState::Completed, Some(noon_plus(9))));
    let lines = worker.ledger.events(&id, 0, 100).await.unwrap();
    let ends = lines.iter().filter(|line| line.event == JobEvent::Job(Event::Stored)).count();
    assert_eq!(ends, 1);
    assert!(worker.claim(100, noon_plus(9999)).await.is_empty());
    assert_eq!(worker.ledger.next_due(&slots("north", 1)).await.unwrap(), None);
}

pub(crate) async fn a_silent_replica_loses_its_jobs_and_a_lively_one_keeps_them(
    engine: &dyn Engine,
) {
    let (silent, lively) = (Worker::at(engine).await, Worker::at(engine).await);
    let lost = silent.accept(a_job(NOON)).await;
    silent.claim_one(NOON).await;
    lively.accept(a_job(noon_plus(1))).await;
    let kept = lively.claim_one(noon_plus(1)).await;
    lively.ledger.heartbeat(&lively.me, noon_plus(20)).await.unwrap();

    assert_eq!(lively.ledger.expire_leases(noon_plus(20), noon_plus(20)).await.unwrap(), 1);

    assert_eq!(lively.claim_one(noon_plus(20)).await.job.id, lost);
    lively.tell_and_free(kept, Event::Begun { route: 0 }, noon_plus(20)).await.unwrap();
}

pub(crate) async fn the_slot_of_a_submit_that_was_never_recorded_is_free_again(
    engine: &dyn Engine,
) {
    let (silent, lively) = (Worker::at(engine).await, Worker::at(engine).await);
    silent.accept(a_job(NOON)).await;
    silent.claim_one(NOON).await;
    lively.ledger.heartbeat(&lively.me, noon_plus(20)).await.unwrap();
    assert!(lively.claim(1, noon_plus(20)).await.is_empty());

    lively.ledger.expire_leases(noon_plus(20), noon_plus(20)).await.unwrap();

    let next = lively.claim(1, noon_plus(20)).await.remove(0);
    lively
        .ledger
        .release(&next.lease, noon_plus(20), &waits_of(&next, noon_plus(20)))
        .await
        .unwrap();
    assert_eq!(lively.claim(1, noon_plus(20)).await.len(), 1, "a release frees it too");
}

pub(crate) async fn a_forgotten_replica_is_told_so(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    worker.ledger.expire_leases(noon_plus(1), noon_plus(1)).await.unwrap();

    let beat = worker.ledger.heartbeat(&worker.me, noon_plus(2)).await;

    assert!(matches!(beat, Err(StoreError::ReplicaForgotten { .. })), "{beat:?}");
    worker.ledger.register(&worker.me, noon_plus(2)).await.unwrap();
    worker.claim_one(noon_plus(2)).await;
}
