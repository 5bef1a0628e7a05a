//! Asking to stop a job, whoever holds it.

use jiff::SignedDuration;
use retake_core::{
    ids::VideoId,
    job::{Event, JobState},
};

use super::{Engine, NOON, Worker, a_job, accepted, change_of, noon_plus, slots, waits_of};
use crate::{Change, Claimed, JobEvent, StoreError};

/// A job that is rendering, held by the worker.
async fn rendering(worker: &Worker) -> Claimed {
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, accepted("r-1"), NOON).await.unwrap();
    held
}

async fn cancel_lines(worker: &Worker, id: &VideoId) -> usize {
    let lines = worker.ledger.events(id, 0, 1000).await.unwrap();
    lines.iter().filter(|line| line.event == JobEvent::Job(Event::CancelRequested)).count()
}

pub(crate) async fn a_cancel_while_the_job_is_held_reaches_its_holder(engine: &dyn Engine) {
    let (worker, owner) = (Worker::at(engine).await, engine.open().await);
    let mut held = rendering(&worker).await;
    let cancelled = owner.request_cancel(&held.job.id, noon_plus(1)).await.unwrap();
    assert!(cancelled.record.cancel_requested);

    let told = worker.tell(&mut held, Event::Progressed { percent: 40 }, noon_plus(2)).await;

    let told = told.unwrap();
    assert!(told.cancel_requested && told.lease_kept);
    let record = owner.job(&held.job.id).await.unwrap().unwrap().record;
    assert!(record.cancel_requested);
    assert_eq!(record.progress, 40);
}

pub(crate) async fn a_cancel_makes_a_held_job_due_as_soon_as_it_is_given_back(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let held = rendering(&worker).await;
    worker.ledger.request_cancel(&held.job.id, noon_plus(1)).await.unwrap();
    assert!(worker.claim(9, noon_plus(1)).await.is_empty(), "it is still held");

    worker
        .ledger
        .release(&held.lease, noon_plus(600), &waits_of(&held, noon_plus(600)))
        .await
        .unwrap();

    let next = worker.claim_one(noon_plus(1)).await;
    assert!(next.job.record.cancel_requested);
}

pub(crate) async fn a_cancel_that_its_holder_acts_on_keeps_the_holders_pause(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut held = rendering(&worker).await;
    worker.ledger.request_cancel(&held.job.id, noon_plus(1)).await.unwrap();
    worker.ledger.release(&held.lease, noon_plus(1), &waits_of(&held, noon_plus(1))).await.unwrap();
    held = worker.claim_one(noon_plus(1)).await;
    worker
        .ledger
        .release(&held.lease, noon_plus(30), &waits_of(&held, noon_plus(30)))
        .await
        .unwrap();

    assert!(worker.claim(9, noon_plus(29)).await.is_empty(), "its provider asked for a pause");
    held = worker.claim_one(noon_plus(30)).await;
    worker.tell_and_free(held.clone(), Event::Cancelled, noon_plus(30)).await.unwrap();
    let job = worker.ledger.job(&held.job.id).await.unwrap().unwrap();
    assert_eq!((job.record.state, job.completed_at), (JobState::Cancelled, None));
}

pub(crate) async fn a_holder_that_knows_of_the_cancel_sets_the_pace(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut held = rendering(&worker).await;
    worker.ledger.request_cancel(&held.job.id, noon_plus(1)).await.unwrap();
    worker.tell(&mut held, Event::Progressed { percent: 40 }, noon_plus(1)).await.unwrap();
    held.job.record.cancel_requested = true;

    let progress = change_of(&held, Event::Progressed { percent: 41 }, noon_plus(2), false);
    let paused = Change { due: Some(noon_plus(30)), ..progress };
    worker.ledger.commit(&held.lease, &paused).await.unwrap();

    assert!(worker.claim(9, noon_plus(29)).await.is_empty());
    worker.claim_one(noon_plus(30)).await;
}

pub(crate) async fn a_cancel_racing_a_commit_is_never_lost(engine: &dyn Engine) {
    let (worker, owner) = (Worker::at(engine).await, engine.open().await);
    for round in 0..30 {
        let held = rendering(&worker).await;
        let id = held.job.id.clone();
        let at = noon_plus(round);
        let much_later = Some(at + SignedDuration::from_hours(1));
        let progress = Event::Progressed { percent: 40 };
        let progress = Change { due: much_later, ..change_of(&held, progress, at, false) };

        let commit = worker.ledger.commit(&held.lease, &progress);
        let (cancelled, told) = tokio::join!(owner.request_cancel(&id, at), commit);

        assert!(cancelled.unwrap().record.cancel_requested);
        told.unwrap();
        let next = worker.claim_one(at).await;
        assert_eq!(next.job.id, id);
        assert!(next.job.record.cancel_requested);
        assert_eq!(next.job.record.progress, 40);
        worker.tell_and_free(next, Event::Cancelled, at).await.unwrap();
        assert_eq!(cancel_lines(&worker, &id).await, 1);
    }
}

pub(crate) async fn a_waiting_job_that_is_cancelled_needs_no_slot(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(noon_plus(100))).await;
    worker.ledger.request_cancel(&id, noon_plus(1)).await.unwrap();

    assert_eq!(worker.ledger.next_due(&[]).await.unwrap(), Some(noon_plus(1)));
    let held = worker.ledger.claim(&worker.me, &[], 1, noon_plus(1)).await.unwrap().remove(0);
    worker.tell_and_free(held, Event::Cancelled, noon_plus(1)).await.unwrap();

    let record = worker.ledger.job(&id).await.unwrap().unwrap().record;
    assert_eq!((record.state, record.attempts.len()), (JobState::Cancelled, 0));
}

pub(crate) async fn a_job_cancelled_while_claimed_keeps_its_slot_until_it_is_given_back(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.accept(a_job(noon_plus(1))).await;
    worker.ledger.request_cancel(&held.job.id, noon_plus(1)).await.unwrap();

    assert!(worker.claim(1, noon_plus(1)).await.is_empty(), "its holder may be submitting");
    let begun = worker.tell(&mut held, Event::Begun { route: 0 }, noon_plus(1)).await.unwrap();
    assert!(begun.cancel_requested && begun.lease_kept);
    assert!(worker.claim(1, noon_plus(1)).await.is_empty(), "its attempt is open");

    held.job.record.cancel_requested = true;
    worker.tell_and_free(held, Event::Cancelled, noon_plus(2)).await.unwrap();
    assert_eq!(worker.claim(1, noon_plus(2)).await.len(), 1);
}

pub(crate) async fn a_cancel_after_the_end_changes_nothing(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;
    let before = worker.ledger.job(&id).await.unwrap().unwrap();

    let after = worker.ledger.request_cancel(&id, noon_plus(1)).await.unwrap();

    assert_eq!(after, before);
    assert_eq!(cancel_lines(&worker, &id).await, 0);
    assert_eq!(worker.ledger.next_due(&slots("north", 9)).await.unwrap(), None);
    let unknown = worker.ledger.request_cancel(&VideoId::new(NOON), NOON).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

pub(crate) async fn a_second_cancel_leaves_no_second_line(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let first = worker.ledger.request_cancel(&id, noon_plus(1)).await.unwrap();

    let second = worker.ledger.request_cancel(&id, noon_plus(2)).await.unwrap();

    assert_eq!(first, second);
    assert_eq!(cancel_lines(&worker, &id).await, 1);
}
