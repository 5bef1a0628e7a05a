//! Handing jobs out.

use std::{collections::HashSet, sync::Arc};

use retake_core::{decide::SlotWait, ids::ReplicaId, job::Event};
use tokio::task::JoinSet;

use super::{
    Engine, NOON, Worker, a_job, a_job_over, accepted, attempt_failed, noon_plus, slots, waits_of,
};
use crate::{Slots, StoreError};

pub(crate) async fn a_job_is_claimed_by_one_of_many_claimers(engine: &dyn Engine) {
    let workers = [Arc::new(Worker::at(engine).await), Arc::new(Worker::at(engine).await)];
    for n in 0..60 {
        workers[0].accept(a_job(noon_plus(n))).await;
    }

    let mut claims = JoinSet::new();
    for n in 0..24 {
        let worker = Arc::clone(&workers[n % 2]);
        claims.spawn(async move {
            let five = worker.ledger.claim(&worker.me, &slots("north", 60), 5, noon_plus(60)).await;
            five.unwrap()
        });
    }

    let claimed: Vec<_> = claims.join_all().await.into_iter().flatten().collect();
    let ids: HashSet<_> = claimed.iter().map(|claim| &claim.job.id).collect();
    assert_eq!((claimed.len(), ids.len()), (60, 60));
}

pub(crate) async fn slots_hold_across_replicas(engine: &dyn Engine) {
    let (one, two) = (Worker::at(engine).await, Worker::at(engine).await);
    for n in 0..10 {
        one.accept(a_job(noon_plus(n))).await;
    }

    let (first, second) = (one.claim(3, noon_plus(20)).await, two.claim(5, noon_plus(20)).await);

    assert_eq!((first.len(), second.len()), (3, 2));
    assert!(one.claim(5, noon_plus(20)).await.is_empty());
}

pub(crate) async fn an_open_attempt_keeps_its_slot_between_claims(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell_and_free(held, accepted("r-1"), noon_plus(5)).await.unwrap();
    worker.accept(a_job(NOON)).await;

    assert!(worker.claim(1, NOON).await.is_empty(), "the slot is in use");

    let poll = worker.claim(1, noon_plus(5)).await.remove(0);
    worker.tell_and_free(poll, attempt_failed(), noon_plus(6)).await.unwrap();
    assert_eq!(worker.claim(1, noon_plus(6)).await.len(), 1, "the slot is free again");
}

pub(crate) async fn a_render_that_is_over_at_its_provider_holds_no_slot_there(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, accepted("r-1"), NOON).await.unwrap();
    let next = worker.accept(a_job(NOON)).await;
    assert!(worker.claim(1, NOON).await.is_empty(), "it is being rendered");
    assert_eq!(worker.ledger.slots_in_use("north").await.unwrap(), 1);

    worker.tell_and_free(held, Event::Rendered, noon_plus(60)).await.unwrap();

    assert_eq!(worker.ledger.slots_in_use("north").await.unwrap(), 0);
    let claimed = worker.claim(1, noon_plus(30)).await;
    assert_eq!(claimed.iter().map(|one| &one.job.id).collect::<Vec<_>>(), [&next]);
}

pub(crate) async fn a_submit_of_which_nobody_knows_what_became_holds_no_slot(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    let lost = Event::SubmitLost { fault: super::a_fault(), policy: None, until: None };
    worker.tell(&mut held, lost, NOON).await.unwrap();
    worker.accept(a_job(NOON)).await;

    assert_eq!(worker.claim(1, NOON).await.len(), 1);

    worker.tell(&mut held, accepted("r-1"), noon_plus(1)).await.unwrap();
    assert_eq!(worker.ledger.slots_in_use("north").await.unwrap(), 2, "found, it has its slot");
}

pub(crate) async fn a_poll_is_handed_out_though_every_slot_is_taken(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let rendering = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.tell_and_free(held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.accept(a_job(NOON)).await;

    let claimed = worker.claim(1, NOON).await;

    assert_eq!(claimed.iter().map(|claim| &claim.job.id).collect::<Vec<_>>(), [&rendering]);
}

pub(crate) async fn what_has_been_due_longest_goes_first(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let late = worker.accept(a_job(noon_plus(9))).await;
    let early = worker.accept(a_job(noon_plus(1))).await;
    let middle = worker.accept(a_job(noon_plus(5))).await;

    let mut order = Vec::new();
    for _ in 0..3 {
        let next = worker.ledger.claim(&worker.me, &slots("north", 3), 1, noon_plus(9)).await;
        order.push(next.unwrap().remove(0).job.id);
    }

    assert_eq!(order, [early, middle, late]);
}

pub(crate) async fn nothing_is_claimed_before_its_time(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(noon_plus(1))).await;

    assert!(worker.claim(1, NOON).await.is_empty());
    assert_eq!(worker.ledger.next_due(&slots("north", 1)).await.unwrap(), Some(noon_plus(1)));

    let held = worker.claim_one(noon_plus(1)).await;
    worker.ledger.release(&held.lease, noon_plus(8), &waits_of(&held, noon_plus(8))).await.unwrap();
    assert!(worker.claim(1, noon_plus(7)).await.is_empty());
    assert_eq!(worker.claim_one(noon_plus(8)).await.lease.epoch, held.lease.epoch + 1);
}

pub(crate) async fn a_job_waits_while_nobody_has_its_account(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job_over(&["south"], NOON)).await;
    worker.accept(a_job_over(&["south"], noon_plus(9))).await;
    worker.accept(a_job_over(&["east"], noon_plus(9))).await;

    assert!(worker.claim(1, NOON).await.is_empty());
    assert_eq!(worker.ledger.next_due(&slots("north", 1)).await.unwrap(), None);
    assert_eq!(worker.ledger.awaited_accounts().await.unwrap(), ["east", "south"]);

    let with_both = [slots("north", 1), slots("south", 1)].concat();
    let claimed = worker.ledger.claim(&worker.me, &with_both, 10, NOON).await.unwrap();
    assert_eq!(claimed.len(), 1);
}

pub(crate) async fn a_lowered_concurrency_lets_open_attempts_finish(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    for _ in 0..4 {
        worker.accept(a_job(NOON)).await;
    }
    let mut held = worker.claim(3, NOON).await;

    assert!(worker.claim(1, NOON).await.is_empty());

    for claim in held.drain(..2) {
        worker.finish(claim, "out/1", NOON).await;
    }
    assert!(worker.claim(1, NOON).await.is_empty());
    assert_eq!(worker.claim(2, NOON).await.len(), 1);
}

pub(crate) async fn the_next_moment_ignores_jobs_that_wait_for_a_slot(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.accept(a_job(noon_plus(1))).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell_and_free(held, accepted("r-1"), noon_plus(30)).await.unwrap();

    let next = async |count| worker.ledger.next_due(&slots("north", count)).await.unwrap();

    assert_eq!(next(1).await, Some(noon_plus(30)));
    assert_eq!(next(2).await, Some(noon_plus(1)));
}

/// One slot of each account.
fn one_of_each(accounts: &[&str]) -> Vec<Slots> {
    accounts.iter().flat_map(|account| slots(account, 1)).collect()
}

pub(crate) async fn a_job_goes_to_the_first_of_its_accounts_that_has_a_free_slot(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let plans = [&["north", "south"] as &[&str], &["south", "north"], &["north", "south", "east"]];
    let mut ids = Vec::new();
    for (accounts, second) in plans.iter().zip(0..) {
        ids.push(worker.accept(a_job_over(accounts, noon_plus(second))).await);
    }
    let claim = async |accounts: &[&str], now| {
        let slots = one_of_each(accounts);
        worker.ledger.claim(&worker.me, &slots, 10, noon_plus(now)).await.unwrap()
    };

    let first = claim(&["south", "north"], 9).await;
    let slot_of = |id| {
        let held = first.iter().find(|held| held.job.id == id);
        held.and_then(|held| held.slot.clone())
    };
    assert_eq!(slot_of(ids[0].clone()).as_deref(), Some("north"));
    assert_eq!(slot_of(ids[1].clone()).as_deref(), Some("south"));
    assert_eq!(first.len(), 2);
    let second = claim(&["south", "north", "east"], 9).await;
    assert_eq!((&second[0].job.id, second[0].slot.as_deref()), (&ids[2], Some("east")));
}

pub(crate) async fn those_whose_first_choice_it_is_come_before_those_that_only_make_do_with_it(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let makes_do = worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let at_home = worker.accept(a_job_over(&["south"], noon_plus(5))).await;

    let mut order = Vec::new();
    for _ in 0..2 {
        let claimed = worker.ledger.claim(&worker.me, &slots("south", 2), 1, noon_plus(9)).await;
        order.push(claimed.unwrap().remove(0).job.id);
    }

    assert_eq!(order, [at_home, makes_do]);
}

pub(crate) async fn a_job_leaves_every_queue_when_it_begins_and_when_it_is_stopped(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let waiting = async || engine.number("SELECT COUNT(*) FROM job_waits").await;
    worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let stopped = worker.accept(a_job_over(&["south", "east"], NOON)).await;
    assert_eq!(waiting().await, 4);

    let mut held = worker.claim_one(NOON).await;
    assert_eq!(waiting().await, 4, "if its holder falls silent, it waits again");
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    assert_eq!(waiting().await, 2);
    let job = worker.ledger.request_cancel(&stopped, NOON).await.unwrap();

    assert_eq!((waiting().await, job.waits.len()), (0, 0));
    assert!(worker.ledger.awaited_accounts().await.unwrap().is_empty());
}

pub(crate) async fn a_job_that_is_given_back_waits_where_its_holder_says(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let held = worker.claim_one(NOON).await;
    let waits = [("east", 30), ("south", 60)]
        .map(|(account, from)| SlotWait { account: account.to_owned(), from: noon_plus(from) });

    worker.ledger.release(&held.lease, noon_plus(30), &waits).await.unwrap();

    assert_eq!(worker.ledger.job(&id).await.unwrap().unwrap().waits, ["east", "south"]);
    let claim = async |account, now| {
        worker.ledger.claim(&worker.me, &slots(account, 1), 10, noon_plus(now)).await.unwrap()
    };
    assert!(claim("north", 99).await.is_empty());
    assert!(claim("south", 59).await.is_empty());
    assert!(claim("east", 29).await.is_empty());
    assert_eq!(claim("east", 30).await.len(), 1);
}

pub(crate) async fn an_unknown_replica_cannot_claim(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job(NOON)).await;

    let stranger = ReplicaId::new(NOON);
    let claimed = worker.ledger.claim(&stranger, &slots("north", 1), 1, NOON).await;

    assert!(matches!(claimed, Err(StoreError::ReplicaForgotten { .. })), "{claimed:?}");
}

pub(crate) async fn slots_that_each_replica_has_for_itself_are_counted_at_that_replica(
    engine: &dyn Engine,
) {
    let (one, other) = (Worker::at(engine).await, Worker::at(engine).await);
    for n in 0..3 {
        one.accept(a_job(noon_plus(n))).await;
    }
    let own = |worker: &Worker| {
        vec![Slots { account: "north".to_owned(), concurrency: 1, at: Some(worker.me.clone()) }]
    };

    let mut taken = Vec::new();
    for worker in [&one, &one, &other, &other] {
        let slots = own(worker);
        let now = noon_plus(9);
        taken.push(worker.ledger.claim(&worker.me, &slots, 9, now).await.unwrap().len());
    }

    assert_eq!(taken, [1, 0, 1, 0]);
    assert_eq!(one.ledger.next_due(&own(&one)).await.unwrap(), None);
}
