//! Submits whose answers were lost: when they are looked for, believed absent, and made again.

use super::*;
use crate::scheduler::{JobStep, Then};

#[tokio::test]
async fn a_submit_whose_answer_was_lost_is_looked_up_and_not_repeated() {
    let lost = Err(SubmitError::Lost(a_fault(FaultKind::Timeout)));
    let north = Scripted { found: Some("r-7".into()), ..Scripted::that_answers(vec![lost]) };
    let north = Arc::new(north);
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;

    let job = test.play(3).await;

    assert_eq!(north.submitted.lock().unwrap().len(), 1);
    assert_eq!(job.record.open_attempt().unwrap().remote_id.as_deref(), Some("r-7"));
}

#[tokio::test]
async fn a_lost_submit_that_never_arrived_is_made_again_under_another_tag() {
    let north = Arc::new(Scripted::that_answers(vec![a_loss()]));
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;

    let job = test.until(|job| job.record.attempts.len() == 2).await;

    let attempt = &job.record.attempts[0];
    assert_eq!(attempt.settlement, Some(Settlement::Absent));
    assert!(!attempt.may_cost(), "what is proven absent costs nothing: {attempt:?}");
    let waited = attempt.ended_at.unwrap().duration_since(attempt.lost_at.unwrap());
    assert!(waited >= SignedDuration::from_mins(3), "believed after {waited:#}");
    assert!(north.looks.load(Ordering::SeqCst) >= 2);
    test.until(|job| attempts(job) == ["north failed", "north submitted"]).await;
    let tags = north.submitted.lock().unwrap();
    assert_ne!(tags[0], tags[1]);
}

#[tokio::test]
async fn a_wall_clock_that_jumps_ahead_brings_neither_an_absence_nor_another_create_sooner() {
    for forgetful in [false, true] {
        let north = Arc::new(Scripted { forgetful, ..Scripted::that_answers(vec![a_loss()]) });
        let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
        test.play(1).await;
        let clock = &test.scheduler.clock;
        let lost = clock.tick();
        clock.set(clock.now() + SignedDuration::from_mins(5));

        let job = test.until(|job| job.record.attempts[0].ended_at.is_some()).await;

        let waited = clock.tick().since(lost);
        assert!(waited >= SignedDuration::from_mins(3), "{forgetful}: given up after {waited:#}");
        assert_eq!(job.record.attempts[0].settlement == Some(Settlement::Absent), !forgetful);
    }
}

#[tokio::test]
async fn a_route_whose_creates_are_lost_is_not_bought_at_a_third_time() {
    let losses = (0..4).map(|_| a_loss()).collect();
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(losses) });
    let policy = Policy { max_attempts: 6, ..Policy::default() };
    let test = SchedulerTest::with_policy(policy, &[("north", Arc::clone(&north))]).await;

    let job = test.until(|job| job.record.state.is_ended()).await;

    assert_eq!(north.submitted.lock().unwrap().len(), 2);
    let message = &job.record.attempts[1].fault.as_ref().unwrap().message;
    assert!(message.contains("may be billed already"), "{message}");
}

#[tokio::test]
async fn a_create_that_a_crash_cut_off_counts_among_those_that_a_route_may_have_on_the_bill() {
    let north = Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss(), a_loss()]) };
    let north = Arc::new(north);
    let policy = Policy { max_attempts: 6, ..Policy::default() };
    let test = SchedulerTest::with_policy(policy, &[("north", Arc::clone(&north))]).await;
    test.until(|job| job.record.attempts.len() == 1 && job.record.open_attempt().is_none()).await;
    let claimed = test.scheduler.claim(1).await.unwrap().pop().unwrap();
    let (scheduler, log) = (&test.scheduler, Log::default());
    let mut cut_off = JobStep { scheduler, claimed, stays: None, is_marked: false, log };
    cut_off.record(Event::Begun { route: 0 }, Then::Free).await;

    let job = test.until(|job| job.record.state.is_ended()).await;

    assert_eq!(attempts(&job), ["north failed", "north failed"]);
    assert_eq!(north.submitted.lock().unwrap().len(), 1, "a third create was made");
}

#[tokio::test]
async fn a_create_that_lands_after_the_first_look_is_adopted_and_not_made_again() {
    for arrives_at_look in [1, 2, 3] {
        let north = Arc::new(Scripted {
            arrives_at_look: Some(arrives_at_look),
            ..Scripted::that_answers(vec![a_loss()])
        });
        let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;

        let job = test.until(|job| job.record.open_attempt().unwrap().remote_id.is_some()).await;

        assert_eq!(attempts(&job), ["north submitted"]);
        assert_eq!(job.record.attempts[0].remote_id.as_deref(), Some("r-late"));
        assert_eq!(north.submitted.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_submit_that_nobody_can_settle_does_not_keep_a_healthy_route_waiting() {
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) });
    let south = Arc::new(Scripted::that_answers(vec![taken("s-1")]));
    let test = SchedulerTest::with(&[("north", Arc::clone(&north)), ("south", south)]).await;

    let held = test.play(1).await;
    assert_eq!(attempts(&held), ["north unknown"]);
    let hold = held.record.hold.unwrap().reason;
    assert!(hold.contains("continue_after") && hold.contains("the next route"), "{hold}");
    let later = test.until(|job| job.record.attempts.len() == 2).await;

    let first = &later.record.attempts[0];
    let message = &first.fault.as_ref().unwrap().message;
    assert!(message.contains("may have been rendered and billed"), "{message}");
    assert!(message.contains("policy.on_unknown_submit"), "{message}");
    assert!(first.may_cost());
    let waited = test.scheduler.clock.now().duration_since(first.lost_at.unwrap());
    assert!(waited <= SignedDuration::from_mins(5), "the other route waited {waited:#}");
    test.until(|job| attempts(job) == ["north failed", "south submitted"]).await;
}

#[tokio::test]
async fn an_owner_who_prefers_no_video_to_two_bills_gets_no_second_attempt() {
    let hold = Policy { on_unknown_submit: OnUnknownSubmit::Hold, ..Policy::default() };
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) });
    let south = Arc::new(Scripted::default());
    let providers = [("north", north), ("south", Arc::clone(&south))];
    let test = SchedulerTest::with_policy(hold, &providers).await;

    let job = test.until(|job| job.record.state.is_ended()).await;

    assert_eq!(attempts(&job), ["north failed"]);
    assert!(south.submitted.lock().unwrap().is_empty());
    let JobState::Failed(fault) = &job.record.state else { panic!("{:?}", job.record.state) };
    assert!(fault.message.contains("\"hold\"") && fault.message.contains("billed"), "{fault}");
    assert!(job.record.attempts[0].may_cost());
}

#[tokio::test]
async fn an_account_may_have_a_word_of_its_own_on_lost_submits() {
    let forgetful = || Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) };
    let hold = Policy { on_unknown_submit: OnUnknownSubmit::Hold, ..Policy::default() };
    let other = Some(OnUnknownSubmit::ContinueAfter(None));
    for (policy, own, routes) in [
        (Policy::default(), Some(OnUnknownSubmit::Hold), vec!["north failed"]),
        (hold, other, vec!["north failed", "south submitted"]),
        (hold, None, vec!["north failed"]),
    ] {
        let south = Arc::new(Scripted::that_answers(vec![taken("s-1")]));
        let providers = [("north", Arc::new(forgetful())), ("south", south)];
        let mut test = SchedulerTest::with_policy(policy, &providers).await;
        let accounts = test.scheduler.accounts.iter().cloned().map(|account| Account {
            on_unknown_submit: own.filter(|_| account.name == "north"),
            ..account
        });
        test.scheduler.accounts = Accounts::new(accounts.collect());

        let job = test.until(|job| attempts(job) == routes).await;

        let message = &job.record.attempts[0].fault.as_ref().unwrap().message;
        let said = message.contains("accounts.north.on_unknown_submit");
        assert_eq!(said, own.is_some(), "{message}");
    }
}

#[tokio::test]
async fn a_submit_of_an_account_that_is_gone_does_not_keep_the_other_route_waiting() {
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) });
    let south = Arc::new(Scripted::that_answers(vec![taken("s-1")]));
    let mut test = SchedulerTest::with(&[("north", north), ("south", south)]).await;
    test.play(1).await;

    let left: Vec<_> =
        test.scheduler.accounts.iter().filter(|one| one.name == "south").cloned().collect();
    test.scheduler.accounts = Accounts::new(left);

    test.until(|job| attempts(job) == ["north failed", "south submitted"]).await;
}

#[tokio::test]
async fn a_submit_that_a_crash_cut_off_counts_as_lost_from_when_that_was_noticed() {
    let north = Arc::new(Scripted::default());
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
    let claimed = test.scheduler.claim(1).await.unwrap().pop().unwrap();
    let (scheduler, log) = (&test.scheduler, Log::default());
    let mut job_step = JobStep { scheduler, claimed, stays: None, is_marked: false, log };
    job_step.record(Event::Begun { route: 0 }, Then::Free).await;
    test.scheduler.clock.move_on(SignedDuration::from_hours(8));

    let job = test.play(1).await;

    let attempt = &job.record.attempts[0];
    assert_eq!(attempt.lost_at, Some(NOON + SignedDuration::from_hours(8)));
    let job = test.until(|job| job.record.attempts.len() == 2).await;
    let first = &job.record.attempts[0];
    let waited = first.ended_at.unwrap().duration_since(first.lost_at.unwrap());
    assert!(waited >= SignedDuration::from_mins(3), "an absence was believed after {waited:#}");
}

#[tokio::test]
async fn a_job_of_which_nobody_knows_whether_it_renders_lets_the_next_one_begin() {
    let north = Arc::new(Scripted { forgetful: true, ..Scripted::that_answers(vec![a_loss()]) });
    let providers = [("north", Arc::clone(&north))];
    let test = SchedulerTest::with(&providers).await;
    test.play(1).await;

    let next = test.another(&providers).await;
    test.play(1).await;

    let job = test.scheduler.ledger.job(&next).await.unwrap().unwrap();
    assert_eq!(attempts(&job), ["north submitted"]);
}
