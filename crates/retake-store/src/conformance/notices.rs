//! Telling the outside: what is recorded when a job ends, and how it is delivered.

use jiff::Timestamp;
use retake_core::{
    delivery_schedule::EventType,
    ids::{EndpointId, EventId, KeyId, ReplicaId, VideoId},
    job::Event,
};

use super::{
    Engine, NOON, Worker, a_job, accepted, change_of, noon_plus,
    owning::{a_job_of, a_tenant},
};
use crate::{
    Ledger, StoreError,
    outbox::record::{
        ClaimedDelivery, Delivery, DeliveryPage, DeliveryState, Disabled, DisabledWhy, Endpoint,
        EndpointChange, EndpointPage, FormerSecret, Room, Secret, ThenDeliver, Tried,
    },
};

const ROOM: Room = Room { all: 100, failing: 100 };
const MOST: u32 = 10;

pub(crate) fn an_endpoint(owner: Option<&KeyId>) -> Endpoint {
    Endpoint {
        id: EndpointId::new(NOON),
        owner: owner.cloned(),
        name: "receiver".to_owned(),
        url: "https://receiver.example/hook".to_owned(),
        event_types: EventType::ALL.to_vec(),
        secret: Secret::new("whsec_new"),
        former_secret: None,
        created_at: NOON,
        updated_at: NOON,
        disabled: None,
        failing_since: None,
    }
}

pub(crate) async fn added(ledger: &dyn Ledger, endpoint: Endpoint) -> EndpointId {
    ledger.add_endpoint(&endpoint, MOST).await.unwrap();
    endpoint.id
}

/// A job that is completed a second after it was made.
pub(crate) async fn completed(worker: &Worker, seconds: i64) -> VideoId {
    let id = worker.accept(a_job(noon_plus(seconds))).await;
    let held = worker.claim_one(noon_plus(seconds)).await;
    worker.finish(held, &format!("out/{id}"), noon_plus(seconds + 1)).await;
    id
}

async fn cancelled(worker: &Worker) -> VideoId {
    let id = worker.accept(a_job(NOON)).await;
    worker.ledger.request_cancel(&id, NOON).await.unwrap();
    let held = worker.ledger.claim(&worker.me, &[], 1, NOON).await.unwrap().remove(0);
    worker.tell_and_free(held, Event::Cancelled, NOON).await.unwrap();
    id
}

pub(crate) async fn deliveries(ledger: &dyn Ledger, endpoint: &EndpointId) -> Vec<Delivery> {
    let page =
        DeliveryPage { endpoint: endpoint.clone(), after: None, limit: 100, newest_first: false };
    let listing = ledger.deliveries(&page).await.unwrap();
    assert!(!listing.has_more);
    listing.deliveries
}

pub(crate) async fn claim(worker: &Worker, now: Timestamp) -> Vec<ClaimedDelivery> {
    worker.ledger.claim_deliveries(&worker.me, ROOM, now).await.unwrap()
}

pub(crate) async fn claim_one(worker: &Worker, now: Timestamp) -> ClaimedDelivery {
    let mut claimed = claim(worker, now).await;
    assert_eq!(claimed.len(), 1, "one delivery was to be claimed");
    claimed.remove(0)
}

pub(crate) fn a_success(at: Timestamp) -> Tried {
    Tried {
        at,
        duration_ms: 12,
        status: Some(204),
        error: None,
        then: ThenDeliver::Done,
        disable: None,
    }
}

pub(crate) fn a_failure(at: Timestamp, then: ThenDeliver) -> Tried {
    let error = Some("it answered 503".to_owned());
    Tried { status: Some(503), error, then, ..a_success(at) }
}

pub(super) async fn record(worker: &Worker, claimed: &ClaimedDelivery, tried: Tried) {
    worker.ledger.record_try(&claimed.lease, &tried).await.unwrap();
}

pub(crate) async fn every_end_is_told_once_to_each_endpoint_that_asked_for_it(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let all = added(ledger, an_endpoint(None)).await;
    let only = |one| Endpoint { event_types: vec![one], ..an_endpoint(None) };
    let completions = added(ledger, only(EventType::VideoCompleted)).await;
    let failures = added(ledger, only(EventType::VideoFailed)).await;

    let (done, stopped) = (completed(&worker, 0).await, cancelled(&worker).await);

    let told = async |endpoint| {
        let told = deliveries(ledger, endpoint).await;
        let told = told.into_iter().map(|one| (one.video, one.event_type));
        told.collect::<std::collections::HashSet<_>>()
    };
    let (completion, failure) = (EventType::VideoCompleted, EventType::VideoFailed);
    assert_eq!(told(&all).await, [(done.clone(), completion), (stopped.clone(), failure)].into());
    assert_eq!(told(&completions).await, [(done.clone(), completion)].into());
    assert_eq!(told(&failures).await, [(stopped, failure)].into());
    let [told] = &deliveries(ledger, &completions).await[..] else { panic!("one is told") };
    let expected = Delivery {
        id: told.id.clone(),
        endpoint: completions,
        event_type: completion,
        video: done,
        created_at: noon_plus(1),
        state: DeliveryState::Pending,
        due_at: Some(noon_plus(1)),
        ended_at: None,
        failures: 0,
        tries: Vec::new(),
    };
    assert_eq!(*told, expected);
    let one = ledger.delivery(&told.endpoint, &told.id).await.unwrap();
    assert_eq!(one.as_ref(), Some(told));
    assert_eq!(ledger.delivery(&all, &told.id).await.unwrap(), None);
    assert_eq!(ledger.delivery(&all, &EventId::new(NOON)).await.unwrap(), None);
}

pub(crate) async fn nothing_is_told_of_an_end_that_was_not_recorded(engine: &dyn Engine) {
    let (slow, quick) = (Worker::at(engine).await, Worker::at(engine).await);
    let endpoint = added(&*slow.ledger, an_endpoint(None)).await;
    slow.accept(a_job(NOON)).await;
    let mut held = slow.claim_one(NOON).await;
    for event in [Event::Begun { route: 0 }, accepted("r-1"), Event::Rendered] {
        slow.tell(&mut held, event, NOON).await.unwrap();
    }
    assert!(deliveries(&*slow.ledger, &endpoint).await.is_empty(), "it is not over");
    quick.ledger.heartbeat(&quick.me, noon_plus(60)).await.unwrap();
    quick.ledger.expire_leases(noon_plus(30), noon_plus(30)).await.unwrap();

    let stored = change_of(&held, Event::Stored, noon_plus(61), false);
    slow.ledger.commit(&held.lease, &stored).await.unwrap_err();
    assert!(deliveries(&*slow.ledger, &endpoint).await.is_empty());

    let taken_over = quick.claim_one(noon_plus(60)).await;
    quick.ledger.commit(&taken_over.lease, &stored).await.unwrap();
    quick.ledger.commit(&taken_over.lease, &stored).await.unwrap_err();
    assert_eq!(deliveries(&*slow.ledger, &endpoint).await.len(), 1);
}

pub(crate) async fn an_owner_hears_only_of_its_own_videos_and_the_machines_owner_of_all(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let (north, south) = (a_tenant(ledger, "north").await, a_tenant(ledger, "south").await);
    let of_north = added(ledger, an_endpoint(Some(&north))).await;
    let of_south = added(ledger, an_endpoint(Some(&south))).await;
    let of_nobody = added(ledger, an_endpoint(None)).await;

    let id = worker.accept(a_job_of(&north, 0)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;

    assert_eq!(deliveries(ledger, &of_north).await[0].video, id);
    assert!(deliveries(ledger, &of_south).await.is_empty());
    assert_eq!(deliveries(ledger, &of_nobody).await[0].video, id);
    completed(&worker, 5).await;
    assert_eq!(deliveries(ledger, &of_nobody).await.len(), 2);
    assert_eq!(deliveries(ledger, &of_north).await.len(), 1);
}

pub(crate) async fn a_disabled_deleted_or_revoked_listener_is_recorded_nothing(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let disabled = added(ledger, an_endpoint(None)).await;
    let off = EndpointChange { enabled: Some(false), ..EndpointChange::default() };
    ledger.change_endpoint(&disabled, &off, NOON).await.unwrap();
    let deleted = added(ledger, an_endpoint(None)).await;
    ledger.delete_endpoint(&deleted, NOON).await.unwrap();
    let north = a_tenant(ledger, "north").await;
    let revoked = added(ledger, an_endpoint(Some(&north))).await;
    worker.accept(a_job_of(&north, 0)).await;
    ledger.revoke_key(&north, NOON).await.unwrap();

    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;
    completed(&worker, 5).await;

    for endpoint in [disabled, deleted, revoked] {
        assert!(deliveries(ledger, &endpoint).await.is_empty(), "{endpoint}");
    }
    assert_eq!(ledger.next_delivery().await.unwrap(), None);
}

pub(crate) async fn a_delivery_is_handed_to_one_of_many_claimers(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    for _ in 0..5 {
        added(&*worker.ledger, an_endpoint(None)).await;
    }
    completed(&worker, 0).await;
    let mut claimers = Vec::new();
    for _ in 0..4 {
        claimers.push(Worker::at(engine).await);
    }

    let claims = claimers.iter().map(async |claimer| claim(claimer, noon_plus(1)).await);
    let claimed: Vec<_> = futures::future::join_all(claims).await.concat();

    let ids: std::collections::HashSet<_> = claimed.iter().map(|one| &one.delivery.id).collect();
    assert_eq!((claimed.len(), ids.len()), (5, 5));
    let stranger = worker.ledger.claim_deliveries(&ReplicaId::new(NOON), ROOM, NOON).await;
    assert!(matches!(stranger, Err(StoreError::ReplicaForgotten { .. })), "{stranger:?}");
}

pub(crate) async fn an_endpoint_is_served_one_delivery_at_a_time_and_the_others_go_ahead(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let slow = added(ledger, an_endpoint(None)).await;
    let (first, second) = (completed(&worker, 0).await, completed(&worker, 5).await);
    assert_eq!(ledger.next_delivery().await.unwrap(), Some(noon_plus(1)));
    assert!(claim(&worker, NOON).await.is_empty(), "nothing is due yet");

    let held = claim_one(&worker, noon_plus(10)).await;
    assert_eq!((&held.endpoint.id, &held.delivery.video), (&slow, &first));
    assert!(claim(&worker, noon_plus(10)).await.is_empty());
    assert_eq!(ledger.next_delivery().await.unwrap(), None, "nobody else can be served");
    let quick = added(ledger, an_endpoint(None)).await;
    let third = completed(&worker, 20).await;

    let next = claim_one(&worker, noon_plus(21)).await;
    assert_eq!((&next.endpoint.id, &next.delivery.video), (&quick, &third));
    record(&worker, &held, a_success(noon_plus(22))).await;
    assert_eq!(claim_one(&worker, noon_plus(22)).await.delivery.video, second);
}

pub(crate) async fn failing_endpoints_come_last_and_leave_room(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let (one, two) =
        (added(ledger, an_endpoint(None)).await, added(ledger, an_endpoint(None)).await);
    completed(&worker, 0).await;
    for held in claim(&worker, noon_plus(1)).await {
        record(&worker, &held, a_failure(noon_plus(1), ThenDeliver::AgainAt(noon_plus(2)))).await;
    }
    let healthy = added(ledger, an_endpoint(None)).await;
    completed(&worker, 10).await;

    let claim_of = async |all, failing| {
        let room = Room { all, failing };
        let claimed = ledger.claim_deliveries(&worker.me, room, noon_plus(20)).await.unwrap();
        claimed.into_iter().map(|held| held.endpoint.id).collect::<Vec<_>>()
    };
    assert_eq!(claim_of(1, 1).await, [healthy]);
    assert!(claim_of(2, 0).await.is_empty());
    let failing = [claim_of(9, 1).await, claim_of(9, 1).await].concat();
    assert_eq!(failing.len(), 2);
    assert!(failing.contains(&one) && failing.contains(&two));
}

pub(crate) async fn a_try_that_fails_is_made_again_and_each_is_on_record(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    completed(&worker, 0).await;

    let held = claim_one(&worker, noon_plus(1)).await;
    record(&worker, &held, a_failure(noon_plus(1), ThenDeliver::AgainAt(noon_plus(6)))).await;
    assert_eq!(ledger.next_delivery().await.unwrap(), Some(noon_plus(6)));
    assert!(claim(&worker, noon_plus(5)).await.is_empty());
    let held = claim_one(&worker, noon_plus(6)).await;
    assert_eq!((held.delivery.failures, held.endpoint.failing_since), (1, Some(noon_plus(1))));
    record(&worker, &held, a_success(noon_plus(7))).await;

    let [told] = &deliveries(ledger, &endpoint).await[..] else { panic!("one is told") };
    assert_eq!((told.state, told.due_at), (DeliveryState::Delivered, None));
    assert_eq!((told.ended_at, told.failures), (Some(noon_plus(7)), 1));
    let tries: Vec<_> =
        told.tries.iter().map(|one| (one.number, one.at, one.status, &one.error)).collect();
    let error = Some("it answered 503".to_owned());
    assert_eq!(tries, [(1, noon_plus(1), Some(503), &error), (2, noon_plus(7), Some(204), &None)]);
    assert_eq!(ledger.endpoint(&endpoint).await.unwrap().unwrap().failing_since, None);
    assert!(claim(&worker, noon_plus(9999)).await.is_empty());
    let again = ledger.record_try(&held.lease, &a_success(noon_plus(8))).await;
    assert!(matches!(again, Err(StoreError::DeliveryLost { .. })), "{again:?}");
}

pub(crate) async fn a_delivery_of_a_silent_replica_is_due_again_and_its_late_report_refused(
    engine: &dyn Engine,
) {
    let (silent, lively) = (Worker::at(engine).await, Worker::at(engine).await);
    let endpoint = added(&*silent.ledger, an_endpoint(None)).await;
    completed(&silent, 0).await;
    let lost = claim_one(&silent, noon_plus(1)).await;
    lively.ledger.heartbeat(&lively.me, noon_plus(60)).await.unwrap();
    assert!(claim(&lively, noon_plus(60)).await.is_empty());

    lively.ledger.expire_leases(noon_plus(30), noon_plus(60)).await.unwrap();

    let taken_over = claim_one(&lively, noon_plus(60)).await;
    assert_eq!(taken_over.delivery.id, lost.delivery.id, "its name does not change");
    let late = silent.ledger.record_try(&lost.lease, &a_success(noon_plus(61))).await;
    assert!(matches!(late, Err(StoreError::DeliveryLost { .. })), "{late:?}");
    record(&lively, &taken_over, a_success(noon_plus(62))).await;
    assert_eq!(deliveries(&*lively.ledger, &endpoint).await[0].tries.len(), 1);
}

pub(crate) async fn an_endpoint_that_is_gone_keeps_what_waits_until_it_is_enabled_again(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    completed(&worker, 0).await;
    let waiting = completed(&worker, 5).await;
    let held = claim_one(&worker, noon_plus(10)).await;

    let gone =
        Tried { disable: Some(DisabledWhy::Gone), ..a_failure(noon_plus(10), ThenDeliver::GiveUp) };
    record(&worker, &held, gone).await;

    let disabled = Some(Disabled { at: noon_plus(10), why: DisabledWhy::Gone });
    let found = ledger.endpoint(&endpoint).await.unwrap().unwrap();
    assert_eq!((found.disabled, found.updated_at), (disabled, NOON));
    let states: Vec<_> = deliveries(ledger, &endpoint).await.iter().map(|one| one.state).collect();
    assert_eq!(states, [DeliveryState::Failed, DeliveryState::Pending]);
    assert!(claim(&worker, noon_plus(9999)).await.is_empty());
    assert_eq!(ledger.next_delivery().await.unwrap(), None);

    let on = EndpointChange { enabled: Some(true), ..EndpointChange::default() };
    let enabled = ledger.change_endpoint(&endpoint, &on, noon_plus(20)).await.unwrap();
    assert_eq!((enabled.disabled, enabled.failing_since), (None, None));
    assert_eq!(claim_one(&worker, noon_plus(20)).await.delivery.video, waiting);
}

pub(crate) async fn a_delivery_can_be_made_once_more(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    completed(&worker, 0).await;
    let held = claim_one(&worker, noon_plus(1)).await;
    record(&worker, &held, a_failure(noon_plus(1), ThenDeliver::GiveUp)).await;
    assert!(claim(&worker, noon_plus(2)).await.is_empty());
    let id = &held.delivery.id;

    let again = ledger.redeliver(&endpoint, id, noon_plus(5)).await.unwrap();

    assert_eq!((again.state, again.due_at), (DeliveryState::Pending, Some(noon_plus(5))));
    assert_eq!((again.failures, again.tries.len()), (0, 1));
    let held = claim_one(&worker, noon_plus(5)).await;
    assert_eq!(held.delivery.id, *id);
    record(&worker, &held, a_success(noon_plus(6))).await;
    let other = added(ledger, an_endpoint(None)).await;
    let not_there = ledger.redeliver(&other, id, noon_plus(7)).await;
    assert!(matches!(not_there, Err(StoreError::NoSuchDelivery { .. })), "{not_there:?}");
    let off = EndpointChange { enabled: Some(false), ..EndpointChange::default() };
    ledger.change_endpoint(&endpoint, &off, noon_plus(7)).await.unwrap();
    let disabled = ledger.redeliver(&endpoint, id, noon_plus(8)).await;
    assert!(matches!(disabled, Err(StoreError::EndpointDisabled { .. })), "{disabled:?}");
}

pub(crate) async fn a_former_secret_signs_along_until_its_time(engine: &dyn Engine) {
    let ledger = engine.open().await;
    let endpoint = added(&*ledger, an_endpoint(None)).await;
    let fresh = Secret::new("whsec_fresh");

    ledger.rotate_secret(&endpoint, &fresh, noon_plus(100), noon_plus(10)).await.unwrap();

    let found = ledger.endpoint(&endpoint).await.unwrap().unwrap();
    assert_eq!((&found.secret, found.updated_at), (&fresh, noon_plus(10)));
    let former = FormerSecret { secret: Secret::new("whsec_new"), until: noon_plus(100) };
    assert_eq!(found.former_secret, Some(former));
    let signing = |seconds| {
        found.secrets(noon_plus(seconds)).map(|one| one.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(signing(99), ["whsec_fresh", "whsec_new"]);
    assert_eq!(signing(100), ["whsec_fresh"]);

    let last = Secret::new("whsec_last");
    let at_once = ledger.rotate_secret(&endpoint, &last, noon_plus(20), noon_plus(20)).await;
    assert_eq!(at_once.unwrap().former_secret, None);
}

pub(crate) async fn a_change_is_kept_and_one_that_changes_nothing_leaves_no_trace(
    engine: &dyn Engine,
) {
    let ledger = engine.open().await;
    let endpoint = an_endpoint(None);
    let id = added(&*ledger, endpoint.clone()).await;
    assert_eq!(ledger.endpoint(&id).await.unwrap(), Some(endpoint.clone()));
    let same = EndpointChange {
        name: Some(endpoint.name.clone()),
        url: Some(endpoint.url.clone()),
        event_types: Some(endpoint.event_types.clone()),
        enabled: Some(true),
    };

    assert_eq!(ledger.change_endpoint(&id, &same, noon_plus(5)).await.unwrap(), endpoint);
    let change = EndpointChange {
        name: Some("another".to_owned()),
        url: Some("https://another.example/".to_owned()),
        event_types: Some(vec![EventType::VideoFailed]),
        enabled: Some(false),
    };
    let changed = ledger.change_endpoint(&id, &change, noon_plus(9)).await.unwrap();

    let expected = Endpoint {
        name: "another".to_owned(),
        url: "https://another.example/".to_owned(),
        event_types: vec![EventType::VideoFailed],
        disabled: Some(Disabled { at: noon_plus(9), why: DisabledWhy::Asked }),
        updated_at: noon_plus(9),
        ..endpoint
    };
    assert_eq!(changed, expected);
    assert_eq!(ledger.endpoint(&id).await.unwrap(), Some(expected));
    let unknown = ledger.change_endpoint(&EndpointId::new(NOON), &change, NOON).await;
    assert!(matches!(unknown, Err(StoreError::NoSuchEndpoint { .. })), "{unknown:?}");
}

pub(crate) async fn an_owner_has_no_more_endpoints_than_it_may(engine: &dyn Engine) {
    let ledger = engine.open().await;
    let north = a_tenant(&*ledger, "north").await;
    let first = an_endpoint(Some(&north));
    ledger.add_endpoint(&first, 2).await.unwrap();
    ledger.add_endpoint(&an_endpoint(Some(&north)), 2).await.unwrap();

    let third = ledger.add_endpoint(&an_endpoint(Some(&north)), 2).await;

    assert!(matches!(third, Err(StoreError::TooManyEndpoints { limit: 2 })), "{third:?}");
    ledger.add_endpoint(&an_endpoint(None), 2).await.unwrap();
    ledger.delete_endpoint(&first.id, NOON).await.unwrap();
    ledger.add_endpoint(&an_endpoint(Some(&north)), 2).await.unwrap();
}

pub(crate) async fn pages_of_endpoints_and_deliveries_meet_without_gap_or_overlap(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let north = a_tenant(ledger, "north").await;
    added(ledger, an_endpoint(Some(&north))).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let endpoint = Endpoint { id: EndpointId::new(noon_plus(n)), ..an_endpoint(None) };
        ids.push(added(ledger, endpoint).await);
    }
    for n in 0..5 {
        completed(&worker, n * 10).await;
    }

    for newest_first in [false, true] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = DeliveryPage { endpoint: ids[0].clone(), after, limit: 2, newest_first };
            let listing = ledger.deliveries(&page).await.unwrap();
            seen.extend(listing.deliveries.into_iter().map(|one| one.created_at));
            let last = ledger.deliveries(&page).await.unwrap().deliveries.pop().unwrap();
            after = Some(last.id);
            if !listing.has_more {
                break;
            }
        }
        let mut expected: Vec<_> = (0..5).map(|n| noon_plus(n * 10 + 1)).collect();
        if newest_first {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    let page = |owner, newest_first| EndpointPage { owner, after: None, limit: 3, newest_first };
    let everybodys = ledger.endpoints(&page(None, true)).await.unwrap();
    assert!(everybodys.has_more);
    assert_eq!(everybodys.endpoints[0].id, ids[4]);
    let after = EndpointPage { after: Some(ids[2].clone()), ..page(None, false) };
    let rest = ledger.endpoints(&after).await.unwrap();
    assert_eq!(rest.endpoints.iter().map(|one| &one.id).collect::<Vec<_>>(), [&ids[3], &ids[4]]);
    let norths = ledger.endpoints(&page(Some(north.clone()), true)).await.unwrap();
    assert_eq!((norths.endpoints.len(), norths.has_more), (1, false));
    assert_eq!(norths.endpoints[0].owner, Some(north));
}

pub(crate) async fn a_deleted_endpoint_is_gone_with_all_that_waits_for_it(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let ledger = &*worker.ledger;
    let endpoint = added(ledger, an_endpoint(None)).await;
    completed(&worker, 0).await;
    completed(&worker, 5).await;
    let held = claim_one(&worker, noon_plus(10)).await;

    ledger.delete_endpoint(&endpoint, noon_plus(10)).await.unwrap();

    assert_eq!(ledger.endpoint(&endpoint).await.unwrap(), None);
    let again = ledger.delete_endpoint(&endpoint, noon_plus(11)).await;
    assert!(matches!(again, Err(StoreError::NoSuchEndpoint { .. })), "{again:?}");
    let page = EndpointPage { owner: None, after: None, limit: 9, newest_first: true };
    assert!(ledger.endpoints(&page).await.unwrap().endpoints.is_empty());
    let late = ledger.record_try(&held.lease, &a_success(noon_plus(12))).await;
    assert!(matches!(late, Err(StoreError::DeliveryLost { .. })), "{late:?}");
    assert!(claim(&worker, noon_plus(12)).await.is_empty());
    assert_eq!(ledger.prune_deliveries(NOON, 9).await.unwrap(), 0, "nothing is left of it");
    assert!(deliveries(ledger, &endpoint).await.is_empty());
    worker.ledger.expire_leases(Timestamp::MAX, noon_plus(13)).await.unwrap();
}
