//! Requests that are made twice.

use retake_core::ids::{KeyId, VideoId};

use super::{
    Engine, NOON, Worker, a_job, noon_plus,
    owning::{a_job_of, a_tenant},
};
use crate::{Accepted, NewJob, Page, Repeat, StoreError, record::MOST_REPEATS};

pub(crate) fn repeat(fingerprint: &str, replay: bool) -> Repeat {
    Repeat {
        name: "order 7".to_owned(),
        fingerprint: fingerprint.to_owned(),
        replay,
        expires_at: noon_plus(600),
    }
}

fn named(fingerprint: &str, replay: bool, seconds: i64) -> NewJob {
    NewJob { repeat: Some(repeat(fingerprint, replay)), ..a_job(noon_plus(seconds)) }
}

async fn count(worker: &Worker) -> usize {
    let page = Page { owner: None, after: None, limit: 100, newest_first: true };
    worker.ledger.list(&page).await.unwrap().jobs.len()
}

pub(crate) async fn a_repeated_request_gets_the_first_job_and_records_nothing(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let first = named("a fox", true, 0);

    let (new, again) = (
        worker.ledger.accept(&first).await.unwrap(),
        worker.ledger.accept(&named("a fox", true, 1)).await.unwrap(),
    );

    assert_eq!((new, again), (Accepted::New, Accepted::Known(first.id)));
    assert_eq!(count(&worker).await, 1);
}

pub(crate) async fn another_request_under_the_same_name_is_refused(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(named("a fox", true, 0)).await;

    let other = worker.ledger.accept(&named("a hare", true, 1)).await;

    assert!(matches!(other, Err(StoreError::KeyReused)), "{other:?}");
    assert_eq!(count(&worker).await, 1);
}

pub(crate) async fn a_first_request_is_never_taken_for_a_repetition(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(named("a fox", false, 0)).await;
    let second = worker.accept(named("a fox", false, 1)).await;

    let repeated = worker.ledger.accept(&named("a fox", true, 2)).await.unwrap();

    assert_eq!(repeated, Accepted::Known(second));
    assert_eq!(count(&worker).await, 2);
}

pub(crate) async fn a_first_request_that_was_refused_is_not_answered_with_an_older_job(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let north = a_tenant(&*worker.ledger, "north").await;
    let of_north = |replay, max_open, seconds| NewJob {
        repeat: Some(repeat("a fox", replay)),
        max_open,
        ..a_job_of(&north, seconds)
    };
    worker.accept(of_north(false, None, 0)).await;
    let refused = worker.ledger.accept(&of_north(false, Some(1), 1)).await;
    assert!(matches!(refused, Err(StoreError::TooManyOpen { .. })), "{refused:?}");

    let repeated = worker.ledger.accept(&of_north(true, None, 2)).await.unwrap();

    assert_eq!(repeated, Accepted::New);
    assert_eq!(count(&worker).await, 2);
}

pub(crate) async fn a_repetition_counts_for_its_owner_and_its_time_only(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let (north, south) =
        (a_tenant(&*worker.ledger, "north").await, a_tenant(&*worker.ledger, "south").await);
    let of = |owner: &KeyId, seconds| NewJob {
        repeat: Some(repeat("a fox", true)),
        ..a_job_of(owner, seconds)
    };
    worker.accept(of(&north, 0)).await;

    for job in [of(&south, 1), named("a fox", true, 2), of(&north, 600)] {
        assert_eq!(worker.ledger.accept(&job).await.unwrap(), Accepted::New);
    }
}

pub(crate) async fn many_repetitions_at_once_make_one_job(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let jobs: Vec<_> = (0..8).map(|n| named("a fox", true, n)).collect();

    let answers = futures::future::join_all(jobs.iter().map(|job| worker.ledger.accept(job))).await;

    let winner: Vec<&VideoId> = answers
        .iter()
        .zip(&jobs)
        .filter(|(answer, _)| matches!(answer, Ok(Accepted::New)))
        .map(|(_, job)| &job.id)
        .collect();
    assert_eq!(winner.len(), 1, "{answers:?}");
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer == Accepted::New || answer == Accepted::Known(winner[0].clone()));
    }
    assert_eq!(count(&worker).await, 1);
    let held = worker.claim(100, NOON).await;
    assert!(held.len() <= 1);
}

pub(crate) async fn of_one_owner_the_latest_requests_are_remembered_and_no_more_than_those(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let (north, south) =
        (a_tenant(&*worker.ledger, "north").await, a_tenant(&*worker.ledger, "south").await);
    let request = |owner: &KeyId, number: i64| NewJob {
        repeat: Some(Repeat {
            name: format!("order {number}"),
            expires_at: noon_plus(500 + number),
            ..repeat(&format!("fox {number}"), true)
        }),
        ..a_job_of(owner, number)
    };
    let most = i64::from(MOST_REPEATS);
    worker.accept(request(&south, 0)).await;
    for number in 0..most + 2 {
        worker.accept(request(&north, number)).await;
    }

    assert_eq!(worker.ledger.prune(NOON, NOON, 1000).await.unwrap(), 2);

    for (owner, number, is_new) in
        [(&south, 0, false), (&north, 0, true), (&north, 1, true), (&north, 2, false)]
    {
        let again = worker.ledger.accept(&request(owner, number)).await.unwrap();
        assert_eq!(again == Accepted::New, is_new, "{number}: {again:?}");
    }
}
