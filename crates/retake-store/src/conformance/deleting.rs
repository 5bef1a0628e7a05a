//! Deleting jobs.

use std::sync::Arc;

use std::time::{Duration, Instant};

use retake_core::{
    fault::{ERASED, Fault, FaultKind, FaultSource},
    fit::Change,
    ids::{CharacterId, VideoId},
    job::Event,
    request::{Character, Picture},
    size::Size,
};

use super::{
    Engine, NOON, Worker, a_job, accepted, change_of,
    evidence::an_exchange,
    noon_plus,
    notices::{a_failure, an_endpoint, claim, completed},
};
use crate::{
    Deleted, JobEvent, Page, StoreError, StoredCharacter,
    outbox::record::{Secret, ThenDeliver},
};

async fn finished(worker: &Worker) -> VideoId {
    let id = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;
    id
}

pub(crate) async fn only_a_job_that_is_over_can_be_deleted(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let open = worker.accept(a_job(NOON)).await;

    let deleted = worker.ledger.delete(&open, NOON).await;
    let unknown = worker.ledger.delete(&VideoId::new(NOON), NOON).await;

    assert!(matches!(deleted, Err(StoreError::NotEnded { .. })), "{deleted:?}");
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
    assert!(worker.ledger.job(&open).await.unwrap().is_some());
}

pub(crate) async fn a_deleted_job_is_gone_for_everyone(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker).await;

    let deleted = worker.ledger.delete(&id, noon_plus(1)).await.unwrap();

    assert_eq!(deleted, Deleted { key: Some("out/1".to_owned()), already: false });
    assert_eq!(worker.ledger.job(&id).await.unwrap(), None);
    let page = Page { owner: None, after: None, limit: 10, newest_first: true };
    assert!(worker.ledger.list(&page).await.unwrap().jobs.is_empty());
    let cancelled = worker.ledger.request_cancel(&id, noon_plus(2)).await;
    assert!(matches!(cancelled, Err(StoreError::NotFound { .. })), "{cancelled:?}");
}

pub(crate) async fn a_second_delete_changes_nothing(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker).await;
    worker.ledger.delete(&id, noon_plus(1)).await.unwrap();

    let again = worker.ledger.delete(&id, noon_plus(2)).await.unwrap();
    assert_eq!(again, Deleted { key: Some("out/1".to_owned()), already: true });

    worker.ledger.file_removed(&id, noon_plus(3)).await.unwrap();
    let once_more = worker.ledger.delete(&id, noon_plus(4)).await.unwrap();
    assert_eq!(once_more, Deleted { key: None, already: true });
}

/// What the job of a canary is to leave nowhere.
const CANARY: &str = "unmistakable";

/// A job whose words are repeated wherever they can be, and which failed.
async fn a_job_that_says_it_everywhere(worker: &Worker, number: u8) -> VideoId {
    let at = noon_plus(number.into());
    let mut job = a_job(at);
    let says = |what: &str| format!("{CANARY} {what} {}", "heron ".repeat(number.into()));
    job.request.prompt = says("prompt");
    job.request.negative_prompt = Some(says("negative prompt"));
    job.request.characters = vec![a_character(&says("character"))];
    let planned = Arc::make_mut(&mut job.plan.routes[0]);
    planned.spec.prompt = says("prompt");
    planned.spec.negative_prompt = Some(says("negative prompt"));
    planned.spec.characters = vec![a_character(&says("character"))];
    planned.changes = vec![Change {
        param: "negative_prompt".to_owned(),
        asked: says("change"),
        given: Some(says("change")),
        why: "it takes none".to_owned(),
    }];
    let id = worker.accept(job).await;
    let mut held = worker.claim_one(at).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, at).await.unwrap();
    worker.tell(&mut held, accepted("r-1"), at).await.unwrap();
    let note = Event::Noted { note: says("note") };
    let mut noted = change_of(&held, note, at, true);
    noted.exchanges = vec![an_exchange(number.into(), at)];
    noted.exchanges[0].received = Some(says("answer"));
    worker.ledger.commit(&held.lease, &noted).await.unwrap();
    held.job.record = noted.record;
    for _ in 0..12 {
        let note = Event::Noted { note: says("note") };
        worker.tell(&mut held, note, at).await.unwrap();
    }
    let fault = Fault::new(FaultKind::RefusedContent, FaultSource::Provider, says("fault"))
        .with_code("moderated");
    worker.tell_and_free(held, Event::AttemptFailed { fault }, at).await.unwrap();
    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert!(job.record.state.is_ended(), "{:?}", job.record);
    id
}

fn a_character(name: &str) -> Character {
    let picture = Picture {
        key: "pictures/1".to_owned(),
        size: Size::new(640, 360),
        media_type: "image/png".to_owned(),
    };
    Character { id: CharacterId::new(NOON), name: name.to_owned(), picture }
}

fn says_it(everything: &[u8]) -> bool {
    everything.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

pub(crate) async fn none_of_the_words_of_a_deleted_job_is_kept_anywhere(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(a_job_that_says_it_everywhere(&worker, number).await);
    }
    assert!(says_it(&engine.everything().await));

    // One right after the other, and out of order, so that rows lie between those of others.
    for id in ids.iter().step_by(3).chain(ids.iter().skip(1).step_by(3)) {
        worker.ledger.delete(id, noon_plus(100)).await.unwrap();
    }
    for id in ids.iter().skip(2).step_by(3) {
        worker.ledger.delete(id, noon_plus(100)).await.unwrap();
    }

    // The last ones may be followed up a moment later.
    let patience = Instant::now() + Duration::from_mins(1);
    while says_it(&engine.everything().await) {
        assert!(Instant::now() < patience, "it is still there");
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn a_deleted_job_leaves_what_the_audit_needs(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = a_job_that_says_it_everywhere(&worker, 1).await;
    let before = worker.ledger.events(&id, 0, 100).await.unwrap();

    worker.ledger.delete(&id, noon_plus(2)).await.unwrap();

    let after = worker.ledger.events(&id, 0, 100).await.unwrap();
    assert_eq!(after.len(), before.len());
    assert!(after.iter().zip(&before).all(|(a, b)| (a.seq, a.at) == (b.seq, b.at)));
    let ends = after.iter().rev().take(2).map(|line| match &line.event {
        JobEvent::Job(Event::AttemptFailed { fault } | Event::GivenUp { fault }) => fault,
        event => panic!("{event:?}"),
    });
    for fault in ends {
        let (kind, code) = (fault.kind, fault.code.as_deref());
        assert_eq!((kind, code), (FaultKind::RefusedContent, Some("moderated")));
        assert_eq!(fault.message, ERASED);
    }
}

pub(crate) async fn none_of_the_words_of_a_deleted_character_or_endpoint_is_kept_anywhere(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let says = |what: &str, number: usize| format!("{CANARY} {what} {}", "heron ".repeat(number));
    let (mut characters, mut endpoints) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let character = a_character(&says("character", number));
        let stored = StoredCharacter { character, owner: None, created_at: NOON };
        ledger.add_character(&stored, 1000).await.unwrap();
        characters.push(stored.character.id);
        let mut endpoint = an_endpoint(None);
        endpoint.name = says("endpoint", number);
        endpoint.url = format!("https://receiver.example/{CANARY}/{number}");
        endpoint.secret = Secret::new(format!("whsec_{CANARY}_{number}"));
        ledger.add_endpoint(&endpoint, 1000).await.unwrap();
        endpoints.push(endpoint.id);
    }
    completed(&worker, 0).await;
    for held in claim(&worker, noon_plus(10)).await {
        let mut failed = a_failure(noon_plus(10), ThenDeliver::GiveUp);
        failed.error = Some(says("answer", 3));
        ledger.record_try(&held.lease, &failed).await.unwrap();
    }
    assert!(says_it(&engine.everything().await));

    for (character, endpoint) in characters.iter().zip(&endpoints) {
        assert!(ledger.delete_character(character).await.unwrap());
        ledger.delete_endpoint(endpoint, noon_plus(20)).await.unwrap();
    }

    let patience = Instant::now() + Duration::from_mins(1);
    while says_it(&engine.everything().await) {
        assert!(Instant::now() < patience, "it is still there");
        tokio::task::yield_now().await;
    }
}
