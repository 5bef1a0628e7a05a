//! Lost submits that no job waits for, and whose render is whose.

use std::sync::Arc;

use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    ids::VideoId,
    job::{Attempt, Event, JobState, Settlement, advance},
    money::Usd,
    output::OutputSpec,
};
use tokio::task::JoinSet;

use super::{Engine, NOON, Worker, a_fault, a_job_over, accepted, change_of, noon_plus, slots};
use crate::{
    Change, Claimed, Committed, Finding, Job, JobEvent, RenderClaim, RenderWindow, StoreError,
    Unsettled,
};

fn lost() -> Event {
    Event::SubmitLost { fault: a_fault(), policy: None, until: None }
}

fn unresolved() -> Event {
    let message = "it may have been billed";
    Event::Unresolved { fault: Fault::new(FaultKind::Lost, FaultSource::Provider, message) }
}

/// A held job over `north` and `south` whose submit to `north` was lost.
pub(super) async fn unknown(worker: &Worker) -> Claimed {
    worker.accept(a_job_over(&["north", "south"], NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    worker.tell(&mut held, lost(), noon_plus(1)).await.unwrap();
    held
}

pub(super) fn render(remote_id: &str, found: bool) -> RenderClaim {
    RenderClaim {
        place: "openai api.example".to_owned(),
        account: "north".to_owned(),
        remote_id: remote_id.to_owned(),
        found,
    }
}

pub(super) async fn take(
    worker: &Worker,
    held: &mut Claimed,
    remote_id: &str,
    found: bool,
) -> Result<Committed, StoreError> {
    let change = Change {
        render: Some(render(remote_id, found)),
        ..change_of(held, accepted(remote_id), noon_plus(9), true)
    };
    let committed = worker.ledger.commit(&held.lease, &change).await?;
    held.job.record = change.record;
    Ok(committed)
}

async fn claim(worker: &Worker, seconds: i64) -> Vec<Unsettled> {
    let now = noon_plus(seconds);
    worker.ledger.claim_unsettled(10, now, noon_plus(seconds + 60)).await.unwrap()
}

async fn first_attempt(worker: &Worker, id: &VideoId) -> Attempt {
    worker.ledger.job(id).await.unwrap().unwrap().record.attempts[0].clone()
}

fn found(remote_id: &str) -> Finding {
    Finding {
        settlement: Some(Settlement::Found),
        render: Some(render(remote_id, true)),
        again: Some(noon_plus(100)),
        ..Finding::default()
    }
}

pub(crate) async fn a_submit_that_nobody_waits_for_is_handed_out_until_it_is_settled(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let mut held = unknown(&worker).await;
    assert!(claim(&worker, 2).await.is_empty(), "its job waits for it");
    held.job.record.cancel_requested = true;
    let id = held.job.id.clone();
    worker.tell_and_free(held, Event::Cancelled, noon_plus(3)).await.unwrap();
    assert_eq!(first_attempt(&worker, &id).await.settlement, Some(Settlement::Pending));

    let first = claim(&worker, 3).await.remove(0);
    assert_eq!((&first.lease.id, first.lease.attempt), (&id, 1));
    assert_eq!(first.job.as_ref().unwrap().record.state, JobState::Cancelled);
    assert!(claim(&worker, 62).await.is_empty(), "somebody looks after it");
    let seen = Finding {
        absent_since: Some(noon_plus(5)),
        again: Some(noon_plus(80)),
        ..Finding::default()
    };
    worker.ledger.settle_submit(&first.lease, &seen, noon_plus(5)).await.unwrap();
    assert!(claim(&worker, 79).await.is_empty());

    let again = claim(&worker, 80).await.remove(0);
    assert_eq!(again.job.unwrap().record.attempts[0].absent_since, Some(noon_plus(5)));
    let charged = Some(Usd::from_micros(1_230_000));
    let dear = Finding { charged, again: Some(noon_plus(80)), ..Finding::default() };
    worker.ledger.settle_submit(&again.lease, &dear, noon_plus(80)).await.unwrap();
    assert_eq!(first_attempt(&worker, &id).await.charged, charged);
    let again = claim(&worker, 80).await.remove(0);
    let absent = Finding { settlement: Some(Settlement::Absent), ..Finding::default() };
    worker.ledger.settle_submit(&again.lease, &absent, noon_plus(81)).await.unwrap();

    let attempt = first_attempt(&worker, &id).await;
    assert!(!attempt.may_cost(), "{attempt:?}");
    assert_eq!(attempt.charged, charged, "what is not said again stays");
    assert!(claim(&worker, 9_999).await.is_empty());
    let lines = worker.ledger.events(&id, 0, 100).await.unwrap();
    let settled = JobEvent::Job(Event::Settled { settlement: Settlement::Absent });
    let last = lines.last().unwrap();
    assert_eq!((&last.event, last.attempt, last.at), (&settled, Some(1), noon_plus(81)));
}

pub(crate) async fn whoever_took_too_long_over_a_submit_cannot_settle_it(engine: &dyn Engine) {
    let (slow, quick) = (Worker::at(engine).await, Worker::at(engine).await);
    let held = unknown(&slow).await;
    let id = held.job.id.clone();
    slow.tell_and_free(held, unresolved(), noon_plus(3)).await.unwrap();
    let late = claim(&slow, 3).await.remove(0);
    let taken_over = claim(&quick, 63).await.remove(0);

    let absent = Finding { settlement: Some(Settlement::Absent), ..Finding::default() };
    let refused = slow.ledger.settle_submit(&late.lease, &absent, noon_plus(64)).await;

    assert!(matches!(refused, Err(StoreError::LeaseLost { .. })), "{refused:?}");
    assert!(first_attempt(&slow, &id).await.may_cost());
    quick.ledger.settle_submit(&taken_over.lease, &absent, noon_plus(64)).await.unwrap();
}

pub(crate) async fn an_unsettled_submit_is_handed_to_one_of_many_claimers(engine: &dyn Engine) {
    let workers = [Arc::new(Worker::at(engine).await), Arc::new(Worker::at(engine).await)];
    for _ in 0..20 {
        let held = unknown(&workers[0]).await;
        workers[0].tell_and_free(held, unresolved(), noon_plus(3)).await.unwrap();
    }

    let mut claims = JoinSet::new();
    for n in 0..10 {
        let worker = Arc::clone(&workers[n % 2]);
        claims.spawn(async move {
            let taken = worker.ledger.claim_unsettled(3, noon_plus(4), noon_plus(60)).await;
            taken.unwrap().into_iter().map(|one| one.lease.id).collect::<Vec<_>>()
        });
    }

    let mut ids: Vec<_> = claims.join_all().await.into_iter().flatten().collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((all, ids.len()), (20, 20));
}

pub(crate) async fn two_jobs_never_adopt_the_same_render(engine: &dyn Engine) {
    let workers = [Arc::new(Worker::at(engine).await), Arc::new(Worker::at(engine).await)];
    let mut lost = Vec::new();
    for n in 0..8 {
        let worker = Arc::clone(&workers[n % 2]);
        lost.push((unknown(&worker).await, worker));
    }
    let mut adoptions = JoinSet::new();
    for (mut held, worker) in lost {
        adoptions.spawn(async move { take(&worker, &mut held, "r-7", true).await });
    }

    let told = adoptions.join_all().await;

    let adopted = told.iter().filter(|one| one.is_ok()).count();
    let taken = |one: &&Result<_, StoreError>| matches!(one, Err(StoreError::RenderTaken { remote_id }) if remote_id == "r-7");
    assert_eq!((adopted, told.iter().filter(taken).count()), (1, 7), "{told:?}");
}

pub(crate) async fn a_render_that_was_answered_for_is_nobody_elses_to_adopt(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job_over(&["north"], NOON)).await;
    let mut answered = worker.claim_one(NOON).await;
    worker.tell(&mut answered, Event::Begun { route: 0 }, NOON).await.unwrap();
    take(&worker, &mut answered, "1", false).await.unwrap();
    let mut held = unknown(&worker).await;

    let refused = take(&worker, &mut held, "1", true).await;
    assert!(matches!(refused, Err(StoreError::RenderTaken { .. })), "{refused:?}");
    let RenderClaim { place, account, .. } = render("1", true);
    let window = |job: &Job, begun_at, place: &str| RenderWindow {
        place: place.to_owned(),
        account: account.clone(),
        id: job.id.clone(),
        attempt: 1,
        begun_at,
    };
    let hours_later = |hours| NOON + jiff::SignedDuration::from_hours(hours);
    for (asked, known) in [
        (window(&held.job, NOON, &place), vec!["1".to_owned()]),
        (window(&held.job, hours_later(48), &place), vec!["1".to_owned()]),
        (window(&held.job, hours_later(400 * 24), &place), vec![]),
        (window(&held.job, NOON, "elsewhere"), vec![]),
        (window(&answered.job, NOON, &place), vec![]),
    ] {
        assert_eq!(worker.ledger.known_renders(&asked).await.unwrap(), known, "{asked:?}");
    }
    let elsewhere = RenderClaim { place: "openai other.example".to_owned(), ..render("1", true) };
    let change =
        Change { render: Some(elsewhere), ..change_of(&held, accepted("1"), noon_plus(9), true) };
    worker.ledger.commit(&held.lease, &change).await.unwrap();

    // A server that was started anew counts from 1 again, and what it answers is so.
    worker.accept(a_job_over(&["north"], NOON)).await;
    let mut later = worker.claim_one(NOON).await;
    worker.tell(&mut later, Event::Begun { route: 0 }, NOON).await.unwrap();
    take(&worker, &mut later, "1", false).await.unwrap();
}

pub(crate) async fn a_render_that_an_unanswered_create_may_have_made_is_nobodys_to_adopt(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let mut held = unknown(&worker).await;
    worker.accept(a_job_over(&["north"], NOON)).await;
    let mut unanswered = worker.claim_one(NOON).await;
    worker.tell(&mut unanswered, Event::Begun { route: 0 }, NOON).await.unwrap();

    let refused = take(&worker, &mut held, "r-7", true).await;
    let other = &unanswered.job.id;
    assert!(
        matches!(&refused, Err(StoreError::RenderInDoubt { other: it, .. }) if it == other),
        "{refused:?}"
    );
    // Also behind a job that did not wait for it.
    let given_up = unknown(&worker).await;
    worker.tell_and_free(given_up, unresolved(), noon_plus(3)).await.unwrap();
    let submit = claim(&worker, 3).await.remove(0);
    let settled = worker.ledger.settle_submit(&submit.lease, &found("r-8"), noon_plus(4)).await;
    assert!(matches!(settled, Err(StoreError::RenderInDoubt { .. })), "{settled:?}");

    // Its answer names it, and then the other one is free.
    take(&worker, &mut unanswered, "r-7", false).await.unwrap();
    let taken = take(&worker, &mut held, "r-7", true).await;
    assert!(matches!(taken, Err(StoreError::RenderTaken { .. })), "{taken:?}");
    take(&worker, &mut held, "r-8", true).await.unwrap();
}

pub(crate) async fn a_create_of_another_request_keeps_no_render_from_whoever_lost_it(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let mut held = unknown(&worker).await;
    let mut other = a_job_over(&["north"], NOON);
    for planned in &mut other.plan.routes {
        Arc::make_mut(planned).spec.prompt = "something else".to_owned();
    }
    worker.accept(other).await;
    let mut unanswered = worker.claim_one(NOON).await;
    worker.tell(&mut unanswered, Event::Begun { route: 0 }, NOON).await.unwrap();

    take(&worker, &mut held, "r-7", true).await.unwrap();
}

pub(crate) async fn what_came_with_an_event_is_on_record_with_it(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    worker.accept(a_job_over(&["north"], NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    let (output, note) = (OutputSpec::default(), "2 s instead of 4 s".to_owned());
    let announced = Event::Announced { output, note: note.clone() };
    let mut change = change_of(&held, accepted("r-1"), noon_plus(1), true);
    let job = &held.job;
    change.record = advance(&change.record, &announced, &job.plan, noon_plus(1)).unwrap();
    change.events.push(announced.clone());

    worker.ledger.commit(&held.lease, &change).await.unwrap();

    assert_eq!(first_attempt(&worker, &job.id).await.note, Some(note));
    let lines = worker.ledger.events(&job.id, 0, 100).await.unwrap();
    let [.., one, two] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(one.event, JobEvent::Job(accepted("r-1")));
    assert_eq!((&two.event, two.attempt), (&JobEvent::Job(announced), Some(1)));
    assert_eq!((two.seq, two.at), (one.seq + 1, noon_plus(1)));
}

pub(crate) async fn a_render_that_is_found_wakes_its_job_and_a_stale_holder_does_not_undo_it(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let held = unknown(&worker).await;
    let id = held.job.id.clone();
    let stale = held.job.record.clone();
    worker.tell_and_free(held, unresolved(), noon_plus(3)).await.unwrap();
    assert!(worker.claim(9, noon_plus(3)).await.is_empty(), "it waits for a slot of south");

    let submit = claim(&worker, 3).await.remove(0);
    worker.ledger.settle_submit(&submit.lease, &found("r-7"), noon_plus(4)).await.unwrap();

    let mut woken = worker.claim_one(noon_plus(4)).await;
    assert_eq!(woken.job.record.adoptable().unwrap().remote_id.as_deref(), Some("r-7"));
    woken.job.record.attempts[0].settlement = Some(Settlement::Pending);
    woken.job.record.attempts[0].remote_id = None;
    assert_eq!(woken.job.record.attempts[0].begun_at, stale.attempts[0].begun_at);
    worker.tell(&mut woken, Event::Begun { route: 1 }, noon_plus(5)).await.unwrap();
    let attempt = first_attempt(&worker, &id).await;
    assert_eq!(attempt.settlement, Some(Settlement::Found));
    assert_eq!(attempt.remote_id.as_deref(), Some("r-7"));
}

pub(crate) async fn a_found_render_is_adopted_and_takes_its_slot(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let held = unknown(&worker).await;
    let id = held.job.id.clone();
    worker.tell_and_free(held, unresolved(), noon_plus(3)).await.unwrap();
    let submit = claim(&worker, 3).await.remove(0);
    worker.ledger.settle_submit(&submit.lease, &found("r-7"), noon_plus(4)).await.unwrap();
    let mut woken = worker.claim_one(noon_plus(4)).await;

    worker.tell(&mut woken, Event::Adopted { attempt: 1 }, noon_plus(5)).await.unwrap();

    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!(job.record, woken.job.record);
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
    assert_eq!(worker.ledger.slots_in_use("north").await.unwrap(), 1);
    // Whoever still looks after it changes nothing of what the job has taken up.
    let late = claim(&worker, 100).await.remove(0);
    let absent = Finding { settlement: Some(Settlement::Absent), ..Finding::default() };
    worker.ledger.settle_submit(&late.lease, &absent, noon_plus(101)).await.unwrap();
    assert_eq!(worker.ledger.job(&id).await.unwrap().unwrap().record, job.record);
}

pub(crate) async fn the_lost_submit_of_a_deleted_job_is_handed_out_without_it(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let held = unknown(&worker).await;
    let id = held.job.id.clone();
    worker.tell_and_free(held, Event::CancelRequested, noon_plus(3)).await.unwrap();
    worker.ledger.delete(&id, noon_plus(4)).await.unwrap();

    let submit = claim(&worker, 5).await.remove(0);

    assert_eq!((&submit.lease.id, submit.job), (&id, None));
    let over = Finding { settlement: Some(Settlement::Unknowable), ..Finding::default() };
    worker.ledger.settle_submit(&submit.lease, &over, noon_plus(6)).await.unwrap();
    assert!(claim(&worker, 9_999).await.is_empty());
}

pub(crate) async fn the_next_attempt_waits_for_its_own_slot(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let held = unknown(&worker).await;
    worker.tell_and_free(held, unresolved(), noon_plus(3)).await.unwrap();

    let south = worker.ledger.claim(&worker.me, &slots("south", 1), 9, noon_plus(3)).await.unwrap();

    assert_eq!(south.len(), 1);
    assert_eq!(south[0].slot.as_deref(), Some("south"));
}
