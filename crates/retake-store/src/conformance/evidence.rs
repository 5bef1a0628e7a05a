//! What was said with providers, and what of it was odd.

use jiff::{SignedDuration, Timestamp};
use retake_core::{evidence::Exchange, ids::VideoId, job::Event};

use super::{
    Engine, NOON, Worker, a_job, a_job_over, accepted, attempt_failed, change_of, noon_plus,
    waits_of,
};
use crate::{Change, Claimed, KeptExchange, StoreError};

/// A call that a provider answered, told apart by its number.
pub(crate) fn an_exchange(number: i64, at: Timestamp) -> Exchange {
    Exchange {
        at,
        took_ms: 1234,
        method: "POST".to_owned(),
        url: format!("https://north.example/v1/videos/{number}"),
        sent: Some("{\"prompt\":\"a \\\"lighthouse\\\" \0 ☃\"}".to_owned()),
        status: Some(429),
        request_id: Some(format!("req-{number}")),
        headers: vec![("retry-after".to_owned(), "7".to_owned())],
        received: Some("slow down".to_owned()),
        failure: None,
    }
}

/// A call that was never answered.
fn an_unanswered_exchange(at: Timestamp) -> Exchange {
    Exchange {
        at,
        took_ms: 30_000,
        method: "GET".to_owned(),
        url: "https://north.example/".to_owned(),
        sent: None,
        status: None,
        request_id: None,
        headers: Vec::new(),
        received: None,
        failure: Some("the connection was reset".to_owned()),
    }
}

/// Records an event together with what was said, and goes on under the same lease.
async fn tell(
    worker: &Worker,
    held: &mut Claimed,
    event: Event,
    exchanges: Vec<Exchange>,
    at: Timestamp,
) {
    let change = Change { exchanges, ..change_of(held, event, at, true) };
    worker.ledger.commit(&held.lease, &change).await.unwrap();
    held.job.record = change.record;
}

/// Where the exchanges of a job went, by attempt.
async fn urls(worker: &Worker, id: &VideoId) -> Vec<(u32, String)> {
    let kept = worker.ledger.exchanges(id).await.unwrap();
    kept.into_iter().map(|kept| (kept.attempt, kept.exchange.url)).collect()
}

fn numbered(attempt: u32, numbers: impl IntoIterator<Item = i64>) -> Vec<(u32, String)> {
    numbers.into_iter().map(|number| (attempt, an_exchange(number, NOON).url)).collect()
}

pub(crate) async fn what_was_said_is_kept_word_for_word_with_its_attempt(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    let said = vec![an_exchange(1, noon_plus(1)), an_unanswered_exchange(noon_plus(2))];
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    tell(&worker, &mut held, accepted("r-1"), said.clone(), noon_plus(3)).await;

    let kept = engine.open().await.exchanges(&id).await.unwrap();

    let expected: Vec<_> =
        said.into_iter().map(|exchange| KeptExchange { attempt: 1, exchange }).collect();
    assert_eq!(kept, expected);
    assert!(worker.ledger.exchanges(&VideoId::new(NOON)).await.unwrap().is_empty());
}

pub(crate) async fn each_attempt_has_its_own_exchanges(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    tell(&worker, &mut held, attempt_failed(), vec![an_exchange(1, NOON)], NOON).await;
    let later = noon_plus(3600);
    held = worker.claim_one(later).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, later).await.unwrap();
    tell(&worker, &mut held, accepted("r-2"), vec![an_exchange(2, NOON)], later).await;
    worker.ledger.request_cancel(&id, later).await.unwrap();
    held.job.record.cancel_requested = true;
    tell(&worker, &mut held, Event::Cancelled, vec![an_exchange(3, NOON)], later).await;

    let all = [numbered(1, [1]), numbered(2, [2, 3])].concat();
    assert_eq!(urls(&worker, &id).await, all);
}

pub(crate) async fn an_event_of_no_attempt_leaves_its_exchanges_with_the_last_one(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job_over(&["north"], NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, attempt_failed(), NOON).await.unwrap();
    let much_later = NOON + SignedDuration::from_hours(1000);
    held = worker.claim_one(much_later).await;
    let said = vec![an_exchange(1, NOON)];
    tell(&worker, &mut held, Event::DeadlinePassed, said, much_later).await;

    assert_eq!(urls(&worker, &id).await, numbered(1, [1]));
    let lines = worker.ledger.events(&id, 0, 100).await.unwrap();
    assert_eq!(lines.last().unwrap().attempt, None);
}

pub(crate) async fn the_first_and_the_newest_exchanges_of_an_attempt_stay(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    let some = |numbers: std::ops::RangeInclusive<i64>| {
        numbers.map(|number| an_exchange(number, noon_plus(number))).collect::<Vec<_>>()
    };

    tell(&worker, &mut held, accepted("r-1"), some(1..=32), NOON).await;
    assert_eq!(urls(&worker, &id).await, numbered(1, 1..=32), "there is room for all");

    tell(&worker, &mut held, Event::Progressed { percent: 10 }, some(33..=33), NOON).await;
    assert_eq!(urls(&worker, &id).await, numbered(1, (1..=4).chain(6..=33)));

    tell(&worker, &mut held, Event::Progressed { percent: 20 }, some(34..=40), NOON).await;
    assert_eq!(urls(&worker, &id).await, numbered(1, (1..=4).chain(13..=40)));

    tell(&worker, &mut held, Event::Progressed { percent: 30 }, some(41..=141), NOON).await;
    assert_eq!(urls(&worker, &id).await, numbered(1, (1..=4).chain(114..=141)));
}

pub(crate) async fn a_lost_lease_leaves_no_exchanges(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.ledger.release(&held.lease, NOON, &waits_of(&held, NOON)).await.unwrap();

    let late = Change {
        exchanges: vec![an_exchange(1, NOON)],
        ..change_of(&held, accepted("r-1"), NOON, true)
    };
    let refused = worker.ledger.commit(&held.lease, &late).await;

    assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    assert!(worker.ledger.exchanges(&id).await.unwrap().is_empty());
}

pub(crate) async fn deleting_a_job_erases_what_was_said_for_it_and_for_no_other(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let mut ids = Vec::new();
    for number in [1, 2] {
        ids.push(worker.accept(a_job(NOON)).await);
        let mut held = worker.claim_one(NOON).await;
        worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
        let said = vec![an_exchange(number, NOON)];
        tell(&worker, &mut held, accepted("r-1"), said, NOON).await;
        held.job.record.cancel_requested = true;
        worker.tell_and_free(held, Event::Cancelled, NOON).await.unwrap();
    }

    worker.ledger.delete(&ids[0], noon_plus(1)).await.unwrap();

    assert!(urls(&worker, &ids[0]).await.is_empty());
    assert_eq!(urls(&worker, &ids[1]).await, numbered(1, [2]));
}

pub(crate) async fn a_providers_odd_word_is_noted_with_its_attempt(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, accepted("r-1"), NOON).await.unwrap();

    let odd = Event::Noted { note: "an unknown status: \"pondering\" ☃".to_owned() };
    worker.tell(&mut held, odd, noon_plus(1)).await.unwrap();

    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!(job.record, held.job.record);
    let note = job.record.attempts[0].note.as_deref();
    assert_eq!(note, Some("an unknown status: \"pondering\" ☃"));
}
