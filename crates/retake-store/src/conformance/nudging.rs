//! News from outside for a job that somebody may hold.

use retake_core::{
    ids::VideoId,
    job::{Event, JobState},
};

use super::{
    Engine, NOON, Worker, a_job, accepted, attempt_failed, change_of, noon_plus, slots, waits_of,
};
use crate::{Change, Claimed};

/// A job that is rendering and held.
async fn rendering(worker: &Worker) -> Claimed {
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, accepted("r-1"), NOON).await.unwrap();
    held
}

/// A change that asks for a long pause.
fn much_later(held: &Claimed, event: Event, keep_lease: bool) -> Change {
    let mut change = change_of(held, event, noon_plus(2), keep_lease);
    for wait in &mut change.waits {
        wait.from = noon_plus(600);
    }
    Change { due: Some(noon_plus(600)), ..change }
}

async fn next_due(worker: &Worker) -> Option<jiff::Timestamp> {
    worker.ledger.next_due(&slots("north", 9)).await.unwrap()
}

pub(crate) async fn news_of_a_job_that_nobody_holds_makes_it_due_at_once(engine: &dyn Engine) {
    let (worker, door) = (Worker::at(engine).await, engine.open().await);
    let held = rendering(&worker).await;
    worker
        .ledger
        .release(&held.lease, noon_plus(600), &waits_of(&held, noon_plus(600)))
        .await
        .unwrap();
    let before = worker.ledger.job(&held.job.id).await.unwrap();

    assert!(door.nudge(&held.job.id, noon_plus(5)).await.unwrap());

    assert_eq!(next_due(&worker).await, Some(noon_plus(5)));
    assert_eq!(worker.ledger.job(&held.job.id).await.unwrap(), before, "nothing else changed");
    assert_eq!(worker.ledger.events(&held.job.id, 0, 100).await.unwrap().len(), 3);
    let again = worker.claim_one(noon_plus(5)).await;
    worker
        .ledger
        .release(&again.lease, noon_plus(600), &waits_of(&again, noon_plus(600)))
        .await
        .unwrap();
    assert_eq!(next_due(&worker).await, Some(noon_plus(600)), "news counts once");
}

pub(crate) async fn news_never_puts_off_what_is_due_already(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let held = rendering(&worker).await;
    worker.ledger.release(&held.lease, noon_plus(1), &waits_of(&held, noon_plus(1))).await.unwrap();

    assert!(worker.ledger.nudge(&held.job.id, noon_plus(5)).await.unwrap());

    assert_eq!(next_due(&worker).await, Some(noon_plus(1)));
}

pub(crate) async fn news_of_a_held_job_makes_it_due_as_soon_as_it_is_freed(engine: &dyn Engine) {
    let (worker, door) = (Worker::at(engine).await, engine.open().await);
    let mut held = rendering(&worker).await;
    let id = held.job.id.clone();
    for freed_by_a_change in [true, false] {
        assert!(door.nudge(&id, noon_plus(1)).await.unwrap());
        assert!(worker.claim(9, noon_plus(1)).await.is_empty(), "it is still held");
        let kept = much_later(&held, Event::Progressed { percent: 10 }, true);
        let told = worker.ledger.commit(&held.lease, &kept).await.unwrap();
        assert!(told.lease_kept && !told.cancel_requested);

        if freed_by_a_change {
            let freed = much_later(&held, Event::Progressed { percent: 20 }, false);
            worker.ledger.commit(&held.lease, &freed).await.unwrap();
        } else {
            worker
                .ledger
                .release(&held.lease, noon_plus(600), &waits_of(&held, noon_plus(600)))
                .await
                .unwrap();
        }

        held = worker.claim_one(noon_plus(1)).await;
        assert!(!held.job.record.cancel_requested);
    }
}

pub(crate) async fn a_job_that_waits_for_a_slot_keeps_its_place(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let waiting = worker.accept(a_job(noon_plus(100))).await;
    assert!(!worker.ledger.nudge(&waiting, noon_plus(1)).await.unwrap());
    assert_eq!(next_due(&worker).await, Some(noon_plus(100)));

    let held = worker.claim_one(noon_plus(100)).await;
    assert!(!worker.ledger.nudge(&waiting, noon_plus(1)).await.unwrap(), "no attempt is open");

    worker
        .ledger
        .release(&held.lease, noon_plus(200), &waits_of(&held, noon_plus(200)))
        .await
        .unwrap();
    assert_eq!(next_due(&worker).await, Some(noon_plus(200)));
}

pub(crate) async fn news_of_an_attempt_that_ends_does_not_shorten_the_pause_before_the_next(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let held = rendering(&worker).await;
    assert!(worker.ledger.nudge(&held.job.id, noon_plus(1)).await.unwrap());

    let failed = much_later(&held, attempt_failed(), false);
    worker.ledger.commit(&held.lease, &failed).await.unwrap();

    assert_eq!(next_due(&worker).await, Some(noon_plus(600)));
    assert!(!worker.ledger.nudge(&held.job.id, noon_plus(3)).await.unwrap());
    assert_eq!(next_due(&worker).await, Some(noon_plus(600)));
}

pub(crate) async fn a_job_that_is_over_or_unknown_has_no_news(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut held = rendering(&worker).await;
    let id = held.job.id.clone();
    assert!(worker.ledger.nudge(&id, noon_plus(1)).await.unwrap());
    held.job.record.cancel_requested = true;
    worker.tell_and_free(held, Event::Cancelled, noon_plus(2)).await.unwrap();

    assert!(!worker.ledger.nudge(&id, noon_plus(3)).await.unwrap());
    assert!(!worker.ledger.nudge(&VideoId::new(NOON), noon_plus(3)).await.unwrap());

    assert_eq!(next_due(&worker).await, None);
    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!(job.record.state, JobState::Cancelled);
    worker.ledger.delete(&id, noon_plus(4)).await.unwrap();
    assert!(!worker.ledger.nudge(&id, noon_plus(5)).await.unwrap());
}

pub(crate) async fn news_takes_nothing_from_a_request_to_stop(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut held = rendering(&worker).await;
    let id = held.job.id.clone();
    assert!(worker.ledger.nudge(&id, noon_plus(1)).await.unwrap());
    worker.ledger.request_cancel(&id, noon_plus(2)).await.unwrap();
    assert!(worker.ledger.nudge(&id, noon_plus(3)).await.unwrap());

    let progress = much_later(&held, Event::Progressed { percent: 40 }, true);
    let told = worker.ledger.commit(&held.lease, &progress).await.unwrap();
    assert!(told.cancel_requested);
    held.job.record.cancel_requested = true;
    let paused = much_later(&held, Event::Progressed { percent: 41 }, false);
    worker.ledger.commit(&held.lease, &paused).await.unwrap();

    assert_eq!(next_due(&worker).await, Some(noon_plus(600)), "who stops it sets the pace");
    assert!(worker.ledger.nudge(&id, noon_plus(9)).await.unwrap());
    let next = worker.claim_one(noon_plus(9)).await;
    assert!(next.job.record.cancel_requested);
}

pub(crate) async fn news_racing_a_commit_is_never_lost(engine: &dyn Engine) {
    let (worker, door) = (Worker::at(engine).await, engine.open().await);
    for _ in 0..30 {
        let held = rendering(&worker).await;
        let progress = much_later(&held, Event::Progressed { percent: 40 }, false);

        let commit = worker.ledger.commit(&held.lease, &progress);
        let (nudged, told) = tokio::join!(door.nudge(&held.job.id, noon_plus(2)), commit);

        assert!(nudged.unwrap());
        told.unwrap();
        let mut next = worker.claim_one(noon_plus(2)).await;
        assert_eq!(next.job.id, held.job.id);
        next.job.record.cancel_requested = true;
        worker.tell_and_free(next, Event::Cancelled, noon_plus(2)).await.unwrap();
    }
}
