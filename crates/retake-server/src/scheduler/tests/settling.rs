//! Submits and renders that their jobs did not wait for, and what becomes of them.

use retake_core::money::Usd;

use super::*;
use crate::scheduler::{JobStep, Then};

#[tokio::test]
async fn a_cancelled_submit_in_doubt_ends_its_job_at_once_and_is_settled_behind_it() {
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) });
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    test.play(1).await;
    let now = test.scheduler.clock.now();

    test.scheduler.ledger.request_cancel(&test.id, now).await.unwrap();
    let job = test.play(1).await;

    assert_eq!(job.record.state, JobState::Cancelled);
    let attempt = &job.record.attempts[0];
    assert_eq!(attempt.settlement, Some(Settlement::Pending));
    assert!(attempt.may_cost(), "a cancel proves nothing");
    let mut job = test.settle_behind(0).await;
    assert!(job.record.attempts[0].may_cost());
    for _ in 0..20 {
        job = test.settle_behind(120).await;
    }
    assert_eq!(job.record.attempts[0].settlement, Some(Settlement::Unknowable));
    assert!(job.record.attempts[0].may_cost(), "nobody will ever know");
}

#[tokio::test]
async fn a_render_that_is_found_after_its_job_was_cancelled_is_stopped_and_told_as_spent() {
    let north =
        Arc::new(Scripted { arrives_at_look: Some(2), ..Scripted::that_answers(vec![a_loss()]) });
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    test.play(1).await;
    let now = test.scheduler.clock.now();
    test.scheduler.ledger.request_cancel(&test.id, now).await.unwrap();
    test.play(1).await;

    let mut job = test.settle_behind(60).await;
    for _ in 0..6 {
        job = test.settle_behind(60).await;
    }

    let attempt = &job.record.attempts[0];
    assert_eq!(attempt.settlement, Some(Settlement::Found));
    assert_eq!(attempt.remote_id.as_deref(), Some("r-late"));
    assert_eq!(*north.cancelled.lock().unwrap(), ["r-late"]);
    assert!(attempt.may_cost());
    assert!(attempt.note.as_ref().unwrap().contains("cancelled"), "{attempt:?}");
    assert_eq!((job.record.state, attempt.state), (JobState::Cancelled, AttemptState::Cancelled));
}

#[tokio::test]
async fn a_cancelled_submit_that_never_arrived_costs_nothing_once_that_is_proven() {
    let north = Arc::new(Scripted::that_answers(vec![a_loss()]));
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    test.play(1).await;
    let now = test.scheduler.clock.now();
    test.scheduler.ledger.request_cancel(&test.id, now).await.unwrap();
    let mut job = test.play(1).await;
    assert!(job.record.attempts[0].may_cost());

    for _ in 0..6 {
        job = test.settle_behind(60).await;
    }

    assert_eq!(job.record.attempts[0].settlement, Some(Settlement::Absent));
    assert!(!job.record.attempts[0].may_cost());
}

#[tokio::test]
async fn a_late_success_of_an_attempt_that_was_given_up_is_adopted_while_its_job_is_open() {
    let late = Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) };
    let north = Arc::new(Scripted { arrives_at_look: Some(6), ..late });
    let broke = Polled::failed(a_fault(FaultKind::BadRequest));
    let running =
        || Polled::Running { percent: 5, ask_again_in: Duration::from_mins(1), note: None };
    let south = Arc::new(Scripted::that_answers(vec![taken("s-1")]));
    south.answers.lock().unwrap().extend([running(), running(), broke]);
    let providers = [("north", Arc::clone(&north)), ("south", south), ("west", Arc::default())];
    let test = SchedulerTest::with(&providers).await;
    test.until(|job| attempts(job) == ["north failed", "south submitted"]).await;

    for _ in 0..4 {
        test.settle_behind(60).await;
    }
    let job = test.until(|job| job.record.attempts[1].state == AttemptState::Failed).await;
    let job = if job.record.open_attempt().is_some() { job } else { test.play(1).await };

    assert_eq!(attempts(&job), ["north submitted", "south failed"]);
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-late"));
    assert_eq!(north.submitted.lock().unwrap().len(), 1, "nothing is paid a third time");
}

#[tokio::test]
async fn of_two_lost_jobs_one_adopts_the_render_and_the_other_goes_on_settling() {
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![a_loss()]) };
    north.submits.lock().unwrap().push_back(a_loss());
    let providers = [("north", Arc::new(north))];
    let test = SchedulerTest::with(&providers).await;
    let other = test.another(&providers).await;

    for _ in 0..12 {
        test.play(1).await;
    }

    let ledger = &test.scheduler.ledger;
    let mut owners = 0;
    for id in [&test.id, &other] {
        let job = ledger.job(id).await.unwrap().unwrap();
        let has = |attempt: &retake_core::job::Attempt| attempt.remote_id.as_deref() == Some("r-7");
        owners += job.record.attempts.iter().filter(|attempt| has(attempt)).count();
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn the_loser_of_an_adoption_does_not_stay_pending_for_ever() {
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![a_loss()]) };
    north.submits.lock().unwrap().push_back(a_loss());
    let providers = [("north", Arc::new(north))];
    let test = SchedulerTest::with(&providers).await;
    let other = test.another(&providers).await;
    for _ in 0..60 {
        test.play(1).await;
    }

    for _ in 0..20 {
        test.settle_behind(60).await;
    }

    let mut settled = Vec::new();
    for id in [&test.id, &other] {
        let job = test.scheduler.ledger.job(id).await.unwrap().unwrap();
        settled.extend(job.record.attempts.iter().filter_map(|attempt| attempt.settlement));
    }
    assert_eq!(settled, [Settlement::Unknowable], "the other job's render proves no absence");
}

/// Takes the job of the stage, and another one that is due as well, in hand.
async fn both_hands(test: &SchedulerTest) -> (JobStep<'_>, JobStep<'_>) {
    let now = test.scheduler.clock.now();
    let slots = test.scheduler.slots();
    let ledger = &test.scheduler.ledger;
    let claimed = ledger.claim(&test.scheduler.replica, &slots, 9, now).await.unwrap();
    let mut hands: Vec<_> = claimed
        .into_iter()
        .map(|claimed| {
            let (scheduler, log) = (&test.scheduler, Log::default());
            JobStep { scheduler, claimed, stays: None, is_marked: false, log }
        })
        .collect();
    hands.sort_by_key(|job_step| job_step.job().id != test.id);
    let [first, other] = <[_; 2]>::try_from(hands).ok().unwrap();
    (first, other)
}

#[tokio::test]
async fn a_render_that_a_create_under_way_may_have_made_is_adopted_only_once_that_is_answered() {
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![a_loss()]) };
    let north = Arc::new(north);
    let providers = [("north", Arc::clone(&north))];
    let test = SchedulerTest::with(&providers).await;
    test.play(1).await;
    test.another(&providers).await;
    let (mut lost, mut under_way) = both_hands(&test).await;
    under_way.record(Event::Begun { route: 0 }, Then::Keep).await;
    lost.take_step().await;

    let waiting = test.until(|_| north.looks.load(Ordering::SeqCst) >= 2).await;
    assert_eq!(attempts(&waiting), ["north unknown"]);
    let answer = Event::Accepted { remote_id: "r-9".into() };
    under_way.record(answer, Then::Free).await;

    let job = test.until(|job| attempts(job) == ["north submitted"]).await;
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
}

#[tokio::test]
async fn a_render_that_carries_our_mark_is_adopted_although_an_equal_create_is_under_way() {
    let lost = Scripted::that_answers(vec![a_loss()]);
    let north = Arc::new(Scripted { found: Some("r-7".into()), marks: true, ..lost });
    let providers = [("north", Arc::clone(&north))];
    let test = SchedulerTest::with(&providers).await;
    test.play(1).await;
    test.another(&providers).await;
    let (mut lost, mut under_way) = both_hands(&test).await;
    under_way.record(Event::Begun { route: 0 }, Then::Keep).await;

    lost.take_step().await;

    let job = test.scheduler.ledger.job(&test.id).await.unwrap().unwrap();
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
}

/// A render at the first account that was given up and could not be stopped, of which polls say this from then on. Other accounts
/// render for two minutes, and fail.
async fn given_up(polls: Vec<Polled>, others: &[&str]) -> (SchedulerTest, Arc<Scripted>) {
    let fault = a_fault(FaultKind::Timeout);
    let north = Scripted {
        cancel_outcome: Some(CancelOutcome::GoesOn),
        ..Scripted::that_answers(vec![taken("r-1")])
    };
    north.answers.lock().unwrap().push_back(Polled::GivenUp { fault, goes_on: true });
    north.answers.lock().unwrap().extend(polls);
    let north = Arc::new(north);
    let other = |name| {
        let running =
            || Polled::Running { percent: 5, ask_again_in: Duration::from_mins(1), note: None };
        let broke = Polled::failed(a_fault(FaultKind::BadRequest));
        let other = Scripted::that_answers(vec![taken(name)]);
        other.answers.lock().unwrap().extend([running(), running(), broke]);
        Arc::new(other)
    };
    let others = others.iter().map(|name| (*name, other(name)));
    let providers: Vec<_> = std::iter::once(("north", Arc::clone(&north))).chain(others).collect();
    let test = SchedulerTest::with(&providers).await;
    test.until(|job| job.record.attempts[0].state == AttemptState::Failed).await;
    (test, north)
}

#[tokio::test]
async fn a_render_that_goes_on_after_it_was_given_up_is_watched_and_told_as_spent_when_it_comes() {
    let charged = Some(Usd::from_micros(1_230_000));
    let (test, north) = given_up(vec![Polled::Rendered { charged }], &[]).await;
    let job = test.play(1).await;
    assert!(matches!(job.record.state, JobState::Failed(_)), "nothing else may be bought there");
    assert_eq!(job.record.attempts[0].settlement, Some(Settlement::Pending));

    let mut job = test.settle_behind(60).await;
    for _ in 0..3 {
        job = test.settle_behind(60).await;
    }

    let attempt = &job.record.attempts[0];
    assert_eq!(attempt.settlement, Some(Settlement::Found));
    assert_eq!(attempt.charged, charged, "what its provider says that it cost is kept");
    assert_eq!(north.submitted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_render_that_comes_after_it_was_given_up_is_delivered_while_its_job_has_no_other() {
    let (test, _) = given_up(vec![Polled::RENDERED, Polled::RENDERED], &["south", "west"]).await;
    test.until(|job| attempts(job) == ["north failed", "south submitted"]).await;
    for _ in 0..3 {
        test.settle_behind(60).await;
    }

    let job = test.until(|job| job.record.attempts[0].state == AttemptState::Fetching).await;
    assert_eq!(attempts(&job), ["north fetching", "south failed"]);
}

#[tokio::test]
async fn a_render_that_goes_on_and_on_after_it_was_given_up_is_told_as_possibly_billed_in_the_end()
{
    let (test, north) = given_up(vec![], &["south"]).await;
    let mut job = test.settle_behind(60).await;
    for _ in 0..31 {
        assert_eq!(job.record.attempts[0].settlement, Some(Settlement::Pending));
        job = test.settle_behind(60).await;
        if job.record.attempts[0].settlement == Some(Settlement::Unknowable) {
            break;
        }
    }
    assert_eq!(job.record.attempts[0].settlement, Some(Settlement::Unknowable));
    assert!(job.record.attempts[0].note.as_ref().unwrap().contains("given up"));
    let polls = north.polls.load(Ordering::SeqCst);
    test.settle_behind(3600).await;
    assert_eq!(north.polls.load(Ordering::SeqCst), polls, "nobody asks any more");
}

#[tokio::test]
async fn a_doubtful_failure_ends_a_render_only_when_it_is_said_again_a_minute_later() {
    let doubtful = || Polled::Doubtful { fault: a_fault(FaultKind::Overloaded), charged: None };
    let running =
        || Polled::Running { percent: 0, ask_again_in: Duration::from_secs(10), note: None };
    let north = Arc::new(Scripted::that_answers(vec![taken("r-1")]));
    let told = [doubtful(), running(), doubtful(), doubtful(), running(), doubtful(), doubtful()];
    north.answers.lock().unwrap().extend(told);
    north.answers.lock().unwrap().extend([doubtful()]);
    let test =
        SchedulerTest::with(&[("north", Arc::clone(&north)), ("south", Arc::default())]).await;

    let job = test.until(|job| job.record.attempts[0].state == AttemptState::Failed).await;

    assert_eq!(north.polls.load(Ordering::SeqCst), 8, "it was believed too soon or too late");
    let fault = job.record.attempts[0].fault.as_ref().unwrap();
    assert_eq!(fault.kind, FaultKind::Overloaded);
}

#[tokio::test]
async fn nothing_is_bought_while_a_render_is_there_that_may_be_this_jobs_or_that_of_a_create_under_way()
 {
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![a_loss()]) };
    let north = Arc::new(north);
    let providers = [("north", Arc::clone(&north))];
    let test = SchedulerTest::with(&providers).await;
    test.play(1).await;
    test.another(&providers).await;
    let (mut lost, mut under_way) = both_hands(&test).await;
    under_way.record(Event::Begun { route: 0 }, Then::Keep).await;
    lost.take_step().await;

    // The usual time and a margin, after which another create would be made.
    let job =
        test.until(|_| test.scheduler.clock.now() > NOON + SignedDuration::from_mins(5)).await;
    assert_eq!(attempts(&job), ["north unknown"], "{:?}", job.record);
    let answer = Event::Accepted { remote_id: "r-9".into() };
    under_way.record(answer, Then::Free).await;

    let job = test.until(|job| attempts(job) == ["north submitted"]).await;
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
}

#[tokio::test]
async fn a_render_that_was_found_too_late_and_is_finished_tells_what_it_cost() {
    let north = Scripted { arrives_at_look: Some(2), ..Scripted::that_answers(vec![a_loss()]) };
    let charged = Some(Usd::from_micros(700_000));
    north.answers.lock().unwrap().push_back(Polled::Rendered { charged });
    let north = Arc::new(north);
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    test.play(1).await;
    let now = test.scheduler.clock.now();
    test.scheduler.ledger.request_cancel(&test.id, now).await.unwrap();
    test.play(1).await;
    let mut job = test.settle_behind(60).await;
    for _ in 0..6 {
        job = test.settle_behind(60).await;
    }

    let attempt = &job.record.attempts[0];
    assert_eq!((attempt.settlement, attempt.charged), (Some(Settlement::Found), charged));
    assert!(north.cancelled.lock().unwrap().is_empty(), "it was over already");
}
