//! What single events make of a job.

use jiff::SignedDuration;

use super::*;
use crate::{
    decide::{
        AfterDownload, after_download,
        testing::{NOON, after, applied, failed, rendering},
    },
    plan::tests::a_plan_of,
    policy::Policy,
};

#[test]
fn a_render_that_is_stored_completes_its_job() {
    let done = after(&a_plan_of(1), &[rendering(), vec![Event::Rendered, Event::Stored]].concat());

    assert_eq!(done.record.state, JobState::Completed);
    assert_eq!((done.record.progress, done.due), (100, None));
}

#[test]
fn a_failed_download_keeps_the_finished_render_and_says_why_the_job_waits() {
    let record = downloads(0, vec![fetch_failed(None)]);

    assert_eq!(record.open_attempt().unwrap().state, AttemptState::Fetching);
    let hold = record.hold.unwrap();
    assert!(hold.until.unwrap() > NOON);
    assert_eq!(hold.kind, HoldKind::Download);
    assert!(hold.reason.contains("could not be downloaded"), "{}", hold.reason);
}

/// A failed download, and what it shows of the file.
type Failure = (Fault, Option<DownloadFinding>);

fn fetch_failed(finding: Option<DownloadFinding>) -> Failure {
    (Fault::new(FaultKind::Timeout, FaultSource::Network, "connection dropped"), finding)
}

/// What becomes of a job by a failed download.
fn download(
    record: &JobRecord,
    (fault, finding): Failure,
    plan: &Plan,
    now: Timestamp,
) -> JobRecord {
    let policy = Policy::default();
    let after =
        after_download(record.open_attempt().unwrap(), &fault, finding.as_ref(), &policy, now);
    let (again_at, lost) = match after {
        AfterDownload::AgainAt(at) => (Some(at), None),
        AfterDownload::Lost(fault) => (None, Some(Event::AttemptFailed { fault })),
    };
    let events = [Some(Event::FetchFailed { fault, finding, again_at }), lost];
    events
        .iter()
        .flatten()
        .fold(record.clone(), |record, event| applied(&record, event, plan, &policy, now).record)
}

fn unusable(digest: &str, is_whole: bool) -> Failure {
    fetch_failed(Some(DownloadFinding::Unusable { sha256: digest.into(), is_whole }))
}

/// A finished render whose downloads fail, a minute apart from a moment after noon on.
fn downloads(minutes_after_noon: i64, failures: Vec<Failure>) -> JobRecord {
    let plan = a_plan_of(2);
    let mut record = after(&plan, &[rendering(), vec![Event::Rendered]].concat()).record;
    let mut now = NOON + SignedDuration::from_mins(minutes_after_noon);
    for failure in failures {
        record = download(&record, failure, &plan, now);
        now += SignedDuration::from_mins(1);
    }
    record
}

fn is_waiting(record: &JobRecord) -> bool {
    record.open_attempt().is_some_and(|attempt| attempt.state == AttemptState::Fetching)
}

fn ended_by(record: &JobRecord) -> FaultKind {
    assert!(record.open_attempt().is_none(), "it still waits");
    record.attempts[0].fault.as_ref().unwrap().kind
}

#[test]
fn a_file_is_downloaded_again_until_the_time_for_it_is_over() {
    let day = 24 * 60;

    assert!(is_waiting(&downloads(0, vec![fetch_failed(None); 1000])));
    // A gateway that was down for the day tries a few times first.
    assert!(is_waiting(&downloads(day, vec![fetch_failed(None); 2])));
    let lost = downloads(day, vec![fetch_failed(None); 3]);
    assert_eq!(ended_by(&lost), FaultKind::Lost);
    assert!(lost.attempts[0].may_cost());
}

#[test]
fn what_stands_in_the_way_on_our_side_never_loses_a_file() {
    let full = (Fault::new(FaultKind::Storage, FaultSource::Gateway, "the disk is full"), None);

    assert!(is_waiting(&downloads(48 * 60, vec![full; 50])));
}

#[test]
fn a_file_is_gone_once_its_provider_said_so_again_and_again_for_minutes() {
    let gone = fetch_failed(Some(DownloadFinding::Gone));

    assert!(is_waiting(&downloads(0, vec![gone.clone(); 10])));
    assert_eq!(ended_by(&downloads(0, vec![gone; 11])), FaultKind::Lost);
}

#[test]
fn the_same_damaged_file_again_and_again_for_minutes_is_what_the_provider_made() {
    let same = |count| downloads(0, vec![unusable("aa", true); count]);
    let changing = ["aa", "bb", "aa", "bb", "aa"].map(|it| unusable(it, true));

    assert!(is_waiting(&same(10)), "a store may show something else in its place for a while");
    assert_eq!(ended_by(&same(11)), FaultKind::Malformed);
    assert!(is_waiting(&downloads(0, changing.to_vec())));
}

#[test]
fn a_file_that_may_still_be_written_is_waited_for_as_long() {
    let same = |count| downloads(0, vec![unusable("aa", false); count]);

    assert!(is_waiting(&same(10)));
    assert_eq!(ended_by(&same(11)), FaultKind::Malformed);
}

/// A render that is said to have failed although a file is shown, and whose downloads fail at these seconds.
fn disputed(kind: FaultKind, downloads: &[(i64, FaultSource)]) -> JobRecord {
    let said = Fault::new(kind, FaultSource::Provider, "it failed").with_code("E7");
    let begun = [rendering(), vec![Event::Disputed { fault: said }]].concat();
    let plan = a_plan_of(2);
    downloads.iter().fold(after(&plan, &begun).record, |record, (seconds, source)| {
        let fault = Fault::new(FaultKind::Lost, *source, "HTTP 404");
        let now = NOON + SignedDuration::from_secs(*seconds);
        download(&record, (fault, Some(DownloadFinding::Gone)), &plan, now)
    })
}

#[test]
fn a_failed_render_whose_file_stays_dead_for_minutes_ends_with_what_its_provider_said() {
    let (theirs, ours) = (FaultSource::Provider, FaultSource::Gateway);
    let at = |seconds: [i64; 4]| seconds.map(|second| (second, theirs));
    let bad = FaultKind::BadRequest;
    assert!(is_waiting(&disputed(bad, &at([0, 2, 6, 119]))), "a store may be late");
    assert!(is_waiting(&disputed(bad, &[(0, theirs), (300, theirs)])));
    assert!(is_waiting(&disputed(bad, &[(0, ours), (1, ours), (2, ours), (300, theirs)])));
    assert!(is_waiting(&disputed(bad, &[(0, theirs), (1, theirs), (2, theirs), (300, ours)])));

    let ended = disputed(bad, &at([0, 2, 6, 120]));
    let attempt = &ended.attempts[0];
    let fault = attempt.fault.as_ref().unwrap();
    assert_eq!((fault.kind, fault.code.as_deref()), (bad, Some("E7")));
    assert!(fault.message.contains("it failed") && fault.message.contains("HTTP 404"), "{fault}");
    assert_eq!((&ended.state, attempt.file.rendered_at), (&JobState::InProgress, None));
    let moderated = disputed(FaultKind::RefusedContent, &at([0, 2, 6, 120]));
    assert!(matches!(moderated.state, JobState::Failed(_)), "{moderated:?}");
}

#[test]
fn a_render_that_was_called_finished_is_not_ended_by_one_word_that_it_failed() {
    let said = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it failed");
    let plan = a_plan_of(2);
    let rendered = after(&plan, &[rendering(), vec![Event::Rendered]].concat()).record;
    let later = |record: &JobRecord, minute| {
        let dead = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it failed");
        download(record, (dead, None), &plan, NOON + SignedDuration::from_mins(minute))
    };
    let at = NOON + SignedDuration::from_mins(30);
    let disputed = Event::Disputed { fault: said };
    let doubted = advance(&rendered, &disputed, &plan, at).unwrap();

    let thrice = later(&later(&later(&doubted, 30), 30), 31);
    assert!(is_waiting(&thrice));
    let good = advance(&thrice, &Event::Stored, &plan, at).unwrap();
    assert_eq!(good.state, JobState::Completed);
    assert_eq!(ended_by(&later(&thrice, 32)), FaultKind::Runtime);
}

#[test]
fn a_file_that_is_shown_beside_a_failure_is_not_told_as_that_of_a_finished_render() {
    let hold = disputed(FaultKind::Runtime, &[(0, FaultSource::Provider)]).hold.unwrap().reason;
    assert!(hold.contains("beside a failure") && !hold.contains("finished"), "{hold}");
}

/// A render whose provider said at these seconds that it failed, with `between` in the middle, and whether the last
/// of them is believed.
fn is_believed(first: i64, between: Option<Event>, last: i64) -> bool {
    let fault = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "busy");
    let plan = a_plan_of(1);
    let doubted = Event::FailureDoubted { fault };
    let at = |second| NOON + SignedDuration::from_secs(second);
    let events = [Some((doubted.clone(), first)), between.map(|event| (event, first + 1))];
    let record =
        events.into_iter().flatten().fold(after(&plan, &rendering()).record, |record, event| {
            advance(&record, &event.0, &plan, at(event.1)).unwrap()
        });
    let again = advance(&record, &doubted, &plan, at(last - 1)).unwrap();
    assert_eq!(again.attempts[0].state, AttemptState::Submitted, "a doubt ended it");
    again.open_attempt().unwrap().is_failure_confirmed(at(last))
}

#[test]
fn a_failure_that_may_be_that_of_the_question_is_believed_when_it_is_said_again_after_a_minute() {
    assert!(!is_believed(0, None, 59));
    assert!(is_believed(0, None, 60));
    // Meanwhile it went on.
    assert!(!is_believed(0, Some(Event::Progressed { percent: 10 }), 60));
}

#[test]
fn a_failed_render_whose_file_is_good_is_delivered_without_a_fault() {
    let said = Fault::new(FaultKind::Runtime, FaultSource::Provider, "it failed");
    let events = [rendering(), vec![Event::Disputed { fault: said }, Event::Stored]].concat();
    let done = after(&a_plan_of(1), &events).record;

    assert_eq!(done.state, JobState::Completed);
    assert_eq!((done.attempts[0].state, &done.attempts[0].fault), (AttemptState::Succeeded, &None));
}

fn set_aside() -> Vec<Event> {
    let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, "another size");
    [rendering(), vec![Event::Rendered, Event::SetAside { fault }]].concat()
}

#[test]
fn a_file_that_was_set_aside_is_delivered_when_no_other_route_brings_a_better_one() {
    let alone = after(&a_plan_of(1), &set_aside()).record;
    assert_eq!((&alone.state, alone.progress), (&JobState::Completed, 100));

    let other = after(&a_plan_of(2), &set_aside()).record;
    assert_eq!(other.state, JobState::InProgress);
    let refused = failed(FaultKind::RefusedContent, FaultSource::Provider);
    let second = vec![Event::Begun { route: 1 }, refused];
    let ended = after(&a_plan_of(2), &[set_aside(), second].concat()).record;
    assert_eq!(ended.state, JobState::Completed);
    let late = after(&a_plan_of(2), &[set_aside(), vec![Event::DeadlinePassed]].concat()).record;
    assert_eq!(late.state, JobState::Completed);
}

#[test]
fn a_job_that_is_cancelled_delivers_the_file_that_was_set_aside() {
    let stop = vec![Event::CancelRequested];
    let ended = after(&a_plan_of(2), &[set_aside(), stop].concat()).record;

    assert_eq!(ended.state, JobState::Completed);
}

#[test]
fn what_a_provider_refused_is_on_no_bill_and_what_was_lost_may_be() {
    let refused = failed(FaultKind::Auth, FaultSource::Provider);
    let lost = failed(FaultKind::Lost, FaultSource::Provider);
    let begun = Event::Begun { route: 0 };
    let costs =
        |events: &[Event]| after(&a_plan_of(1), events).record.attempts.first().unwrap().may_cost();

    assert!(!costs(&[begun.clone(), refused.clone()]));
    assert!(costs(&[begun, lost]));
    assert!(costs(&[rendering(), vec![refused]].concat()));
}

fn lost_submit() -> Vec<Event> {
    let fault = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer in 2m");
    vec![Event::Begun { route: 0 }, Event::SubmitLost { fault, policy: None, until: None }]
}

fn left() -> Event {
    let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, "it may have been billed");
    Event::Unresolved { fault }
}

#[test]
fn a_lost_submit_stays_possibly_billed_through_cancel_and_give_up_until_it_is_disproved() {
    for (routes, ending) in [(2, Event::CancelRequested), (1, left()), (2, left())] {
        let next = after(&a_plan_of(routes), &[lost_submit(), vec![ending]].concat()).record;
        let attempt = &next.attempts[0];
        assert!(attempt.may_cost() && !attempt.state.is_open(), "{attempt:?}");
        assert_eq!(attempt.settlement, Some(Settlement::Pending));

        let mut disproved = attempt.clone();
        disproved.settlement = Some(Settlement::Absent);
        assert!(!disproved.may_cost());
    }
}

#[test]
fn a_submit_that_is_proven_absent_costs_nothing_and_its_fault_decides_what_follows() {
    let absent = Event::Settled { settlement: Settlement::Absent };
    let next = after(&a_plan_of(2), &[lost_submit(), vec![Event::NotListed, absent]].concat());

    assert!(!next.record.attempts[0].may_cost());
    assert_eq!(next.record.attempts[0].absent_since, Some(NOON));
    assert_eq!(next.due, Some(NOON + SignedDuration::from_secs(30)));
}

#[test]
fn a_render_that_is_found_late_is_adopted_though_other_attempts_came_after_it() {
    let plan = a_plan_of(2);
    let mut other = rendering();
    other[0] = Event::Begun { route: 1 };
    let events = [lost_submit(), vec![left()], other].concat();
    let mut record = after(&plan, &events).record;
    record.attempts[0].settlement = Some(Settlement::Found);
    record.attempts[0].remote_id = Some("r-0".into());

    let adopt = Event::Adopted { attempt: 1 };
    assert!(advance(&record, &adopt, &plan, NOON).is_err(), "one is open");
    record = advance(&record, &Event::Noted { note: "odd".into() }, &plan, NOON).unwrap();
    assert_eq!(record.attempts[1].note.as_deref(), Some("odd"));
    let runtime = failed(FaultKind::Runtime, FaultSource::Provider);
    let between = advance(&record, &runtime, &plan, NOON).unwrap();
    let adopted = advance(&between, &adopt, &plan, NOON).unwrap();

    assert_eq!(adopted.open_attempt().unwrap().number, 1);
    assert!(adopted.attempts[0].may_cost());
    let done = [Event::Rendered, Event::Stored]
        .iter()
        .fold(adopted, |record, event| advance(&record, event, &plan, NOON).unwrap());
    assert_eq!(done.state, JobState::Completed);
    assert_eq!(done.attempts[0].state, AttemptState::Succeeded);
    assert_eq!(done.attempts[1].fault.as_ref().unwrap().kind, FaultKind::Runtime);
}

#[test]
fn a_late_poll_result_cannot_reopen_an_ended_job() {
    let plan = a_plan_of(1);
    let done = after(&plan, &[rendering(), vec![Event::Rendered, Event::Stored]].concat());

    let late = Event::Progressed { percent: 50 };
    assert!(advance(&done.record, &late, &plan, NOON).is_err());
}

#[test]
fn a_job_that_the_gateway_breaks_over_ends_with_that_and_may_have_been_billed() {
    let fault = Fault::new(FaultKind::InternalError, FaultSource::Gateway, "a step panicked");
    let broken = Event::Broken { fault: fault.clone() };
    for before in [vec![], vec![Event::Begun { route: 0 }], rendering()] {
        let ended = after(&a_plan_of(2), &[before, vec![broken.clone()]].concat());

        assert_eq!((ended.record.state, ended.due), (JobState::Failed(fault.clone()), None));
        let attempt = ended.record.attempts.first();
        assert!(attempt.is_none_or(|it| it.may_cost() && !it.state.is_open()));
    }
}

#[test]
fn nothing_new_is_begun_once_the_owner_asked_to_stop() {
    let plan = a_plan_of(1);
    let stopped = after(&plan, &[Event::CancelRequested]);

    let begun = Event::Begun { route: 0 };
    assert!(advance(&stopped.record, &begun, &plan, NOON).is_err());
}
