//! API keys and what belongs to them.

use std::collections::HashSet;

use retake_core::{
    ids::{CharacterId, KeyId, VideoId},
    job::Event,
    request::{Character, Origin, OriginKind, Picture},
    size::Size,
};

use super::{
    Engine, NOON, Worker, a_job, noon_plus,
    notices::{added, an_endpoint, completed, deliveries},
    repeating::repeat,
};
use crate::{
    ApiKey, KeyAdded, KeyLimits, Ledger, NewJob, Page, StoreError, StoredCharacter,
    outbox::record::DisabledWhy,
};

pub(crate) fn a_key(name: &str) -> ApiKey {
    ApiKey {
        id: KeyId::new(NOON),
        name: name.to_owned(),
        digest: format!("digest of {name}"),
        hint: "f00d".to_owned(),
        admin: name == "admin",
        limits: KeyLimits { max_open: Some(2) },
        created_at: NOON,
        expires_at: Some(noon_plus(1000)),
        revoked_at: None,
    }
}

/// A job that was asked for with a key.
pub(crate) fn a_job_of(owner: &KeyId, seconds: i64) -> NewJob {
    NewJob { owner: Some(owner.clone()), ..a_job(noon_plus(seconds)) }
}

/// A key that is on record.
pub(crate) async fn a_tenant(ledger: &dyn Ledger, name: &str) -> KeyId {
    let key = a_key(name);
    ledger.add_key(&key).await.unwrap();
    key.id
}

fn a_picture(key: &str) -> Picture {
    let size = Size::new(640, 360);
    Picture { key: key.to_owned(), size, media_type: "image/png".to_owned() }
}

pub(crate) async fn a_key_is_found_by_its_digest_until_it_is_forgotten_nowhere(
    engine: &dyn Engine,
) {
    let ledger = engine.open().await;
    assert!(!ledger.has_keys().await.unwrap());
    let (north, admin) = (a_key("north"), a_key("admin"));
    ledger.add_key(&north).await.unwrap();
    ledger.add_key(&admin).await.unwrap();

    assert_eq!(ledger.key_by_digest(&north.digest).await.unwrap(), Some(north.clone()));
    assert_eq!(ledger.key_by_digest("another").await.unwrap(), None);
    assert_eq!(ledger.keys().await.unwrap().len(), 2);
    assert!(ledger.has_keys().await.unwrap());
    assert!(north.is_good(noon_plus(999)) && !north.is_good(noon_plus(1000)));
}

pub(crate) async fn a_revoked_key_keeps_its_first_moment(engine: &dyn Engine) {
    let ledger = engine.open().await;
    let id = a_tenant(&*ledger, "north").await;

    ledger.revoke_key(&id, noon_plus(5)).await.unwrap();
    let again = ledger.revoke_key(&id, noon_plus(9)).await.unwrap();

    assert_eq!(again.revoked_at, Some(noon_plus(5)));
    assert!(!again.is_good(noon_plus(6)));
    assert!(ledger.has_keys().await.unwrap(), "a revoked key does not open the door again");
    let unknown = ledger.revoke_key(&KeyId::new(NOON), NOON).await;
    assert!(matches!(unknown, Err(StoreError::NoSuchKey { .. })), "{unknown:?}");
}

pub(crate) async fn a_list_of_one_owner_shows_nobody_elses(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let (north, south) =
        (a_tenant(&*worker.ledger, "north").await, a_tenant(&*worker.ledger, "south").await);
    let mine = worker.accept(a_job_of(&north, 1)).await;
    let theirs = worker.accept(a_job_of(&south, 2)).await;
    let nobodys = worker.accept(a_job(noon_plus(3))).await;

    let ids = async |owner: Option<&KeyId>, newest_first| {
        let page = Page { owner: owner.cloned(), after: None, limit: 10, newest_first };
        let listing = worker.ledger.list(&page).await.unwrap();
        listing.jobs.into_iter().map(|job| job.id).collect::<Vec<VideoId>>()
    };

    assert_eq!(ids(Some(&north), true).await, std::slice::from_ref(&mine));
    assert_eq!(ids(Some(&south), false).await, std::slice::from_ref(&theirs));
    assert_eq!(ids(None, false).await, [mine.clone(), theirs, nobodys]);
    assert_eq!(worker.ledger.job(&mine).await.unwrap().unwrap().owner, Some(north));
}

pub(crate) async fn an_owner_has_no_more_open_jobs_than_it_may(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let north = a_tenant(&*worker.ledger, "north").await;
    let one_more = |seconds| NewJob { max_open: Some(2), ..a_job_of(&north, seconds) };
    let first = worker.accept(one_more(1)).await;
    worker.accept(one_more(2)).await;

    let third = worker.ledger.accept(&one_more(3)).await;
    assert!(matches!(third, Err(StoreError::TooManyOpen { limit: 2 })), "{third:?}");

    worker.ledger.request_cancel(&first, noon_plus(4)).await.unwrap();
    let held = worker.ledger.claim(&worker.me, &[], 1, noon_plus(4)).await.unwrap().remove(0);
    worker.tell_and_free(held, Event::Cancelled, noon_plus(4)).await.unwrap();
    worker.accept(one_more(5)).await;
}

pub(crate) async fn characters_are_counted_listed_and_removed_for_each_owner(engine: &dyn Engine) {
    let ledger = engine.open().await;
    let (north, south) = (a_tenant(&*ledger, "north").await, a_tenant(&*ledger, "south").await);
    let made = |owner: Option<&KeyId>, seconds| {
        let id = CharacterId::new(noon_plus(seconds));
        let character = Character { id, name: "fox".into(), picture: a_picture("pictures/fox") };
        StoredCharacter { character, owner: owner.cloned(), created_at: noon_plus(seconds) }
    };
    let (first, second, nobodys) = (made(Some(&north), 1), made(Some(&north), 2), made(None, 3));
    for stored in [&first, &second, &nobodys] {
        ledger.add_character(stored, 2).await.unwrap();
    }

    let third = ledger.add_character(&made(Some(&north), 4), 2).await;
    assert!(matches!(third, Err(StoreError::TooManyCharacters { limit: 2 })), "{third:?}");
    assert!(ledger.add_character(&made(Some(&south), 5), 2).await.is_ok());

    let page = ledger.characters(Some(&north), None, 1).await.unwrap();
    assert_eq!(page, (vec![second.clone()], true));
    let rest = ledger.characters(Some(&north), Some(&second.character.id), 5).await.unwrap();
    assert_eq!(rest, (vec![first.clone()], false));
    assert_eq!(ledger.characters(None, None, 5).await.unwrap().0.len(), 4);

    assert!(ledger.delete_character(&first.character.id).await.unwrap());
    assert!(!ledger.delete_character(&first.character.id).await.unwrap());
    assert_eq!(ledger.character(&first.character.id).await.unwrap(), None);
    assert!(ledger.add_character(&made(Some(&north), 6), 2).await.is_ok(), "there is room again");
}

pub(crate) async fn a_character_and_its_picture_are_kept(engine: &dyn Engine) {
    let ledger = engine.open().await;
    let owner = a_tenant(&*ledger, "north").await;
    let id = CharacterId::new(NOON);
    let character =
        Character { id: id.clone(), name: "the fox".to_owned(), picture: a_picture("in/fox") };
    let stored = StoredCharacter { character, owner: Some(owner), created_at: NOON };

    ledger.add_character(&stored, 10).await.unwrap();

    assert_eq!(ledger.character(&id).await.unwrap(), Some(stored));
    assert_eq!(ledger.character(&CharacterId::new(NOON)).await.unwrap(), None);
    let keys = ["in/fox", "in/hare"].map(str::to_owned);
    assert_eq!(ledger.known_keys(&keys).await.unwrap(), ["in/fox"]);
}

pub(crate) async fn an_open_extension_keeps_the_file_it_builds_on(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut job = a_job(NOON);
    job.request.origin = Some(Origin {
        kind: OriginKind::Extension,
        video: None,
        key: Some("out/first".to_owned()),
        bytes: 9,
        seconds: 4,
        duration_ms: None,
    });
    worker.accept(job).await;
    let keys = ["out/first".to_owned()];
    assert_eq!(worker.ledger.known_keys(&keys).await.unwrap(), keys);

    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/whole", NOON).await;

    assert!(worker.ledger.known_keys(&keys).await.unwrap().is_empty());
}

pub(crate) async fn a_secret_of_the_gateway_is_made_once_for_all_replicas(engine: &dyn Engine) {
    let (one, two) = (engine.open().await, engine.open().await);

    let first = one.secret("urls", "what the first one thought of", NOON).await.unwrap();
    let second = two.secret("urls", "what the second one thought of", NOON).await.unwrap();

    assert_eq!(first, "what the first one thought of");
    assert_eq!(second, first);
    assert_eq!(one.secret("others", "another", NOON).await.unwrap(), "another");
}

pub(crate) async fn the_first_key_of_an_administrator_takes_the_endpoints_that_were_there(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let endpoint = added(&*worker.ledger, an_endpoint(None)).await;

    let (admin, north) = (a_key("admin"), a_key("north"));
    let bound = worker.ledger.add_key(&admin).await.unwrap();
    let nothing = worker.ledger.add_key(&north).await.unwrap();

    assert_eq!(bound, KeyAdded { endpoints_bound: 1, endpoints_disabled: 0 });
    assert_eq!(nothing, KeyAdded::default());
    let owner = worker.ledger.endpoint(&endpoint).await.unwrap().unwrap().owner;
    assert_eq!(owner.as_ref(), Some(&admin.id));
    let mut told = Vec::new();
    for job in [a_job_of(&north.id, 1), a_job_of(&admin.id, 2), a_job(noon_plus(3))] {
        let id = worker.accept(job).await;
        let held = worker.claim_one(noon_plus(3)).await;
        worker.finish(held, &format!("out/{id}"), noon_plus(3)).await;
        told.push(id);
    }
    let heard: HashSet<_> =
        deliveries(&*worker.ledger, &endpoint).await.into_iter().map(|it| it.video).collect();
    assert_eq!(heard, told.drain(1..).collect(), "its own, and what nobody owns");
}

pub(crate) async fn endpoints_from_before_a_first_key_without_rights_are_told_nothing(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let endpoint = added(&*worker.ledger, an_endpoint(None)).await;

    let added_key = worker.ledger.add_key(&a_key("north")).await.unwrap();

    assert_eq!(added_key, KeyAdded { endpoints_bound: 0, endpoints_disabled: 1 });
    let disabled = worker.ledger.endpoint(&endpoint).await.unwrap().unwrap().disabled;
    assert_eq!(disabled.map(|it| it.why), Some(DisabledWhy::Unowned));
    completed(&worker, 1).await;
    assert!(deliveries(&*worker.ledger, &endpoint).await.is_empty());
    // One that is made afterwards, by the machine's owner, is meant to be told of all.
    let later = added(&*worker.ledger, an_endpoint(None)).await;
    assert!(worker.ledger.endpoint(&later).await.unwrap().unwrap().disabled.is_none());
}

pub(crate) async fn a_request_that_began_before_its_key_was_revoked_is_not_accepted_after_it(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let (north, south) = (a_tenant(ledger, "north").await, a_tenant(ledger, "south").await);
    ledger.revoke_key(&north, NOON).await.unwrap();
    let named = |job: NewJob| NewJob { repeat: Some(repeat("a fox", true)), ..job };
    let limited = |job: NewJob| NewJob { max_open: Some(9), ..job };

    for late in [
        a_job_of(&north, 1),
        named(a_job_of(&north, 2)),
        limited(a_job_of(&north, 3)),
        a_job_of(&south, 1000),
    ] {
        let answer = ledger.accept(&late).await;
        assert!(matches!(answer, Err(StoreError::KeyEnded)), "{answer:?}");
        assert!(ledger.job(&late.id).await.unwrap().is_none());
    }
    worker.accept(named(limited(a_job_of(&south, 999)))).await;
}
