//! The rules that hold for every provider with an API, over an adapter that says what a test says.

mod quoting;

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use retake_core::decide::GiveUp;

use super::*;
use crate::testing::{NOON, a_render};

/// The longest render of these tests.
const LONGEST: SignedDuration = SignedDuration::from_mins(20);

/// What the adapter answers next; the last answer stays.
#[derive(Default)]
struct Script {
    polls: Mutex<VecDeque<Result<Polled, Fault>>>,
    cancelled: Mutex<Vec<String>>,
    /// What becomes of a cancel; it is over where nothing is said.
    stops: Mutex<Option<Result<CancelOutcome, Fault>>>,
    /// Seconds since noon.
    passed: AtomicI64,
    /// What the list shows, the best match first, and which of that can be asked about.
    listed: Vec<&'static str>,
    askable: Vec<&'static str>,
}

struct Scripted(Arc<Script>);

impl Adapter for Scripted {
    fn render_timeout(&self) -> Duration {
        LONGEST.unsigned_abs()
    }

    fn usual_render(&self, _: &str) -> Duration {
        Duration::from_mins(3)
    }

    fn submit(&self, _: &Submission, _: Timestamp) -> Flow<Result<Submitted, SubmitError>> {
        unreachable!("nothing is submitted here")
    }

    fn poll(&self, render: &Render, _: Timestamp) -> Flow<Result<Polled, Fault>> {
        if !self.0.listed.is_empty() {
            let is_askable = self.0.askable.contains(&render.remote_id.as_str());
            return Flow::Done(if is_askable { Ok(Polled::RENDERED) } else { lost() });
        }
        let mut polls = self.0.polls.lock().unwrap();
        let last = polls.len() == 1;
        let answer = if last { polls.front().cloned() } else { polls.pop_front() };
        Flow::Done(answer.unwrap())
    }

    fn fetch(&self, _: &Render, _: Timestamp) -> Flow<Result<Download, FetchError>> {
        unreachable!("nothing is fetched here")
    }

    fn cancel(&self, render: &Render, _: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        self.0.cancelled.lock().unwrap().push(render.remote_id.clone());
        Flow::Done(self.0.stops.lock().unwrap().clone().unwrap_or(Ok(CancelOutcome::Stopped)))
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        _: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        let found = self.0.listed.iter().find(|&&id| !lost.known.contains(id));
        Flow::Done(Ok(
            found.map_or(Reconciliation::Absent, |id| Reconciliation::Found((*id).to_owned()))
        ))
    }

    fn check(&self, _: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        unreachable!("nothing is checked here")
    }
}

fn remote(polls: impl IntoIterator<Item = Result<Polled, Fault>>) -> (Remote, Arc<Script>) {
    with_script(Script { polls: Mutex::new(polls.into_iter().collect()), ..Script::default() })
}

fn with_script(script: Script) -> (Remote, Arc<Script>) {
    let script = Arc::new(script);
    let clock = Arc::clone(&script);
    let now = move || NOON + SignedDuration::from_secs(clock.passed.load(Ordering::SeqCst));
    let transport = Transport::new("https://provider.example").unwrap();
    (Remote::new(Box::new(Scripted(Arc::clone(&script))), transport, now), script)
}

fn lost() -> Result<Polled, Fault> {
    let fault = Fault::new(FaultKind::Lost, FaultSource::Provider, "HTTP 404: no such task");
    Err(fault)
}

/// The answer to a poll at some seconds after the submit.
async fn poll_at(remote: &Remote, script: &Script, seconds: i64) -> Result<Polled, Fault> {
    script.passed.store(seconds, Ordering::SeqCst);
    remote.poll(&a_render("m", "r-1"), &Log::default()).await
}

#[tokio::test]
async fn a_listed_render_that_cannot_be_asked_about_is_taken_only_where_no_other_is_listed() {
    let looked_up = async |listed: &[&'static str], askable: &[&'static str]| {
        let (listed, askable) = (listed.to_vec(), askable.to_vec());
        let (remote, _) = with_script(Script { listed, askable, ..Script::default() });
        let submission = crate::testing::a_submission("m");
        let lost =
            UnconfirmedSubmit { submission, begun_at: NOON, lost_at: NOON, known: [].into() };
        remote.look_up(&lost, &Log::default()).await.unwrap()
    };

    assert_eq!(looked_up(&["r-1"], &["r-1"]).await, Reconciliation::Found("r-1".into()));
    assert_eq!(looked_up(&["r-1", "r-2"], &["r-2"]).await, Reconciliation::Found("r-2".into()));
    assert_eq!(looked_up(&["r-1", "r-2"], &[]).await, Reconciliation::Found("r-1".into()));
    let many = ["r-1", "r-2", "r-3", "r-4", "r-5"];
    assert_eq!(looked_up(&many, &["r-5"]).await, Reconciliation::Found("r-1".into()));
}

#[tokio::test]
async fn a_render_that_its_provider_does_not_know_for_a_while_goes_on() {
    let rendered = Ok(Polled::RENDERED);
    let (remote, script) = remote([lost(), lost(), rendered.clone()]);

    let early = poll_at(&remote, &script, 10).await.unwrap();
    let late = poll_at(&remote, &script, 600).await.unwrap();

    assert!(matches!(early, Polled::Running { note: None, .. }), "{early:?}");
    let Polled::Running { note: Some(note), ask_again_in, .. } = late else {
        panic!("a 404 ended a render: {late:?}")
    };
    assert!(note.contains("HTTP 404: no such task"), "{note}");
    assert_eq!(ask_again_in, Duration::from_mins(1));
    assert_eq!(poll_at(&remote, &script, 660).await, rendered);
    assert!(script.cancelled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_render_that_nobody_knows_when_its_time_is_over_is_stopped_and_told_as_possibly_billed() {
    let (remote, script) = remote([lost()]);

    let over = poll_at(&remote, &script, LONGEST.as_secs() + 1).await.unwrap();

    let Polled::GivenUp { fault, .. } = over else { panic!("it goes on for ever: {over:?}") };
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(fault.message.contains("HTTP 404"), "{}", fault.message);
    assert!(fault.message.contains("may have been billed"), "{}", fault.message);
    assert_eq!(*script.cancelled.lock().unwrap(), ["r-1"]);
}

#[tokio::test]
async fn an_answer_that_could_not_be_read_is_not_told_as_a_render_that_is_not_known() {
    let fault =
        Fault::new(FaultKind::Lost, FaultSource::Network, "the answer is longer than 9 bytes");
    let (remote, script) = remote([Err(fault)]);

    for seconds in [600, LONGEST.as_secs() + 1, LONGEST.as_secs() * 2] {
        let polled = poll_at(&remote, &script, seconds).await.unwrap();
        let Polled::Running { note: Some(note), .. } = polled else {
            panic!("an answer that says nothing ended a render: {polled:?}")
        };
        assert!(note.contains("longer than 9 bytes"), "{note}");
        assert!(!note.contains("does not know"), "{note}");
    }
    assert!(script.cancelled.lock().unwrap().is_empty());
    let over = poll_at(&remote, &script, LONGEST.as_secs() * 2 + 1).await.unwrap();
    let Polled::GivenUp { fault, .. } = over else { panic!("it goes on for ever: {over:?}") };
    assert!(fault.message.contains("may have been billed"), "{}", fault.message);
    assert_eq!((fault.kind, fault.source), (FaultKind::Timeout, FaultSource::Network));
}

/// What a poll at this second comes to of a render that another route needs the time of.
async fn poll_before_another_route(
    answer: Result<Polled, Fault>,
    give_up: (i64, Option<i64>),
    second: i64,
) -> (Result<Polled, Fault>, bool) {
    let (remote, script) = remote([answer]);
    let at = |second| NOON + SignedDuration::from_secs(second);
    let give_up = Some(GiveUp { slow_at: at(give_up.0), silent_at: give_up.1.map(at) });
    script.passed.store(second, Ordering::SeqCst);
    let render = Render { give_up, ..a_render("m", "r-1") };
    let polled = remote.poll(&render, &Log::default()).await;
    let is_cancelled = !script.cancelled.lock().unwrap().is_empty();
    (polled, is_cancelled)
}

#[tokio::test]
async fn a_slow_render_is_given_up_when_another_route_needs_the_time_and_a_silent_one_only_at_the_end()
 {
    let running = Polled::Running { percent: 50, ask_again_in: Duration::from_secs(9), note: None };
    let silent = |kind| Err(Fault::new(kind, FaultSource::Network, "nothing"));
    let busy = Err(Fault::new(FaultKind::Overloaded, FaultSource::Provider, "HTTP 503"));
    let network = FaultSource::Network;
    for (answer, last, source) in [
        (Ok(running), 300, FaultSource::Provider),
        (lost(), 300, FaultSource::Provider),
        (silent(FaultKind::Lost), 900, network),
        (silent(FaultKind::Timeout), 900, network),
        (busy, 900, network),
    ] {
        let times = (300, Some(900));
        let (before, cancelled) = poll_before_another_route(answer.clone(), times, last).await;
        assert!(!matches!(before, Ok(Polled::GivenUp { .. })), "{before:?}");
        assert!(!cancelled);

        let (over, cancelled) = poll_before_another_route(answer, times, last + 1).await;
        let Ok(Polled::GivenUp { fault, goes_on }) = over else { panic!("it goes on: {over:?}") };
        assert_eq!((fault.kind, fault.source), (FaultKind::Timeout, source));
        let after =
            if last == 300 { "not finished after 5m 1s" } else { "not finished after 15m 1s" };
        assert!(fault.message.contains(after), "{fault}");
        assert!(fault.message.contains("another route"), "{fault}");
        assert!(fault.message.contains("may have been billed"), "{fault}");
        assert!(cancelled && !goes_on);
    }
    // One poll without an answer says nothing, however near the end.
    let unanswered = silent(FaultKind::Timeout);
    for second in [301, LONGEST.as_secs() + 1, LONGEST.as_secs() * 2] {
        let answer = unanswered.clone();
        let (polled, cancelled) = poll_before_another_route(answer, (300, None), second).await;
        assert!(!cancelled && !matches!(polled, Ok(Polled::GivenUp { .. })), "{polled:?}");
    }
}

#[tokio::test]
async fn a_render_that_could_not_be_stopped_is_waited_for_and_then_told_as_going_on() {
    let dead = Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
    let outcomes = [CancelOutcome::GoesOn, CancelOutcome::AlreadyOver, CancelOutcome::NotKnown];
    for outcome in outcomes.map(Ok).into_iter().chain([Err(dead)]) {
        let (remote, script) = remote([lost()]);
        *script.stops.lock().unwrap() = Some(outcome.clone());

        for seconds in [LONGEST.as_secs() + 1, LONGEST.as_secs() * 2] {
            let polled = poll_at(&remote, &script, seconds).await.unwrap();
            let Polled::Running { note: Some(note), .. } = polled else {
                panic!("{outcome:?}: it may still come: {polled:?}")
            };
            assert!(note.contains("waited for until 40m"), "{note}");
        }
        let over = poll_at(&remote, &script, LONGEST.as_secs() * 2 + 1).await.unwrap();
        let Polled::GivenUp { fault, goes_on } = over else { panic!("it goes on: {over:?}") };
        assert!(goes_on && fault.message.contains("could not be stopped"), "{fault}");

        // Another route does not wait for it.
        let at = NOON + SignedDuration::from_secs(300);
        let render = Render {
            give_up: Some(GiveUp { slow_at: at, silent_at: None }),
            ..a_render("m", "r-1")
        };
        script.passed.store(301, Ordering::SeqCst);
        let over = remote.poll(&render, &Log::default()).await.unwrap();
        assert!(matches!(over, Polled::GivenUp { goes_on: true, .. }), "{over:?}");
    }
}

#[tokio::test]
async fn a_doubtful_failure_is_believed_when_the_time_of_the_render_is_over() {
    let busy = Fault::new(FaultKind::Overloaded, FaultSource::Provider, "busy");
    let doubtful = Ok(Polled::Doubtful { fault: busy.clone(), charged: None });
    let (remote, script) = remote([doubtful.clone()]);

    assert_eq!(poll_at(&remote, &script, 600).await, doubtful);
    let over = poll_at(&remote, &script, LONGEST.as_secs() + 1).await;
    assert_eq!(over, Ok(Polled::failed(busy)));
    assert!(script.cancelled.lock().unwrap().is_empty());
}

#[test]
fn the_callers_own_words_in_an_answer_prove_no_refusal_and_no_refund() {
    let said = |prompt: &str| RenderSpec { prompt: prompt.into(), ..a_render("m", "r").spec };
    let fault = Fault::new(FaultKind::Quota, FaultSource::Provider, "…");
    let refused = || SubmitError::Refused(fault.clone());
    let at = |status, prompt| {
        let status = Some(StatusCode::from_u16(status).unwrap());
        matches!(provable(refused(), status, &said(prompt)), SubmitError::Refused(_))
    };
    let quoted = "a sign that reads: Insufficient balance";
    assert!(at(500, "a lighthouse") && at(402, quoted));
    assert!(!at(408, quoted) && !at(499, quoted) && at(408, "a lighthouse"));
    assert!(!at(500, quoted) && !at(200, quoted) && !at(503, "it was flagged by moderation"));

    let failed = |amount| Polled::Failed { fault: fault.clone(), charged: Some(amount) };
    let free = failed(Usd::ZERO);
    let plain = said("a lighthouse");
    assert_eq!(believable(free.clone(), false, &plain), free);
    let believed = believable(free, false, &said("you will not be charged"));
    assert_eq!(believed, Polled::failed(fault.clone()));
    let paid = failed(Usd::from_micros(5));
    assert_eq!(believable(paid.clone(), false, &said("you will not be charged")), paid);
    let error = believable(paid, true, &plain);
    assert!(matches!(error, Polled::Doubtful { charged: Some(_), .. }), "{error:?}");
}

#[test]
fn a_file_with_two_places_is_gone_only_when_both_say_so() {
    let fault = |message: &str| Fault::new(FaultKind::Lost, FaultSource::Provider, message);
    let gone = |message| FetchError::Gone(fault(message));
    let later = |message| FetchError::Later(fault(message));

    assert_eq!(less_final(Some(gone("a")), gone("b")), gone("b"));
    assert_eq!(less_final(Some(gone("a")), later("b")), later("b"));
    assert_eq!(less_final(Some(later("a")), gone("b")), later("a"));
    // The first place handed out a page.
    assert_eq!(less_final(None, gone("b")), later("b"));
}

#[tokio::test]
async fn what_a_provider_says_of_the_render_itself_ends_it_at_once() {
    let word = Fault::new(FaultKind::Lost, FaultSource::Provider, "it was cancelled there");
    let (remote, script) = remote([Ok(Polled::failed(word.clone()))]);

    assert_eq!(poll_at(&remote, &script, 600).await, Ok(Polled::failed(word)));
    assert!(script.cancelled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_owners_rhythm_holds_for_a_render_that_is_not_known_too() {
    let (remote, script) = remote([lost()]);
    let remote = remote.with_pace(Some(Duration::from_secs(7)), None);

    let polled = poll_at(&remote, &script, 600).await.unwrap();

    let every = Duration::from_secs(7);
    assert!(matches!(polled, Polled::Running { ask_again_in, .. } if ask_again_in == every));
}

#[test]
fn a_create_has_the_time_that_the_provider_or_the_owner_gives_it_whichever_is_shorter() {
    let limit = |owner| {
        let transport = Transport::new("https://provider.example").unwrap().with_patience(owner);
        let now = || NOON;
        Remote::new(Box::new(Scripted(Arc::default())), transport, now).times("m").create.unwrap()
    };

    let usual = limit(None);
    assert_eq!(limit(Some(Duration::from_secs(2))), SignedDuration::from_secs(2));
    assert_eq!(limit(Some(usual.unsigned_abs() * 2)), usual);
}

#[tokio::test]
async fn what_begins_as_a_page_or_as_json_or_not_at_all_is_no_file() {
    let file = |pieces: &[&'static [u8]]| {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        stream::iter(pieces).boxed()
    };
    for text in [&b"<html>"[..], b"\n {\"error\":1}", b"[]", b"  "] {
        assert!(unless_text(file(&[text])).await.is_none(), "{text:?}");
    }
    assert!(unless_text(file(&[])).await.is_none());

    let pieces: [&[u8]; 2] = [b"\0\0\0\x18ftypmp42", b"<"];
    let whole: Vec<_> = unless_text(file(&pieces)).await.unwrap().collect().await;
    assert_eq!(whole.len(), 2);
}
