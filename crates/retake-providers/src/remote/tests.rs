//! The rules that hold for every provider with an API, over an adapter that says what a test says.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use super::*;
use crate::rehearsal::{NOON, a_render};

/// The longest render of these tests.
const LONGEST: SignedDuration = SignedDuration::from_mins(20);

/// What the adapter answers next; the last answer stays.
#[derive(Default)]
struct Script {
    polls: Mutex<VecDeque<Result<Polled, Fault>>>,
    cancelled: Mutex<Vec<String>>,
    /// Seconds since noon.
    passed: AtomicI64,
}

struct Scripted(Arc<Script>);

impl Adapter for Scripted {
    fn longest_render(&self) -> Duration {
        LONGEST.unsigned_abs()
    }

    fn usual_render(&self, _: &str) -> Duration {
        Duration::from_mins(3)
    }

    fn submit(&self, _: &Submission, _: Timestamp) -> Talk<Result<Submitted, SubmitError>> {
        unreachable!("nothing is submitted here")
    }

    fn poll(&self, _: &Render, _: Timestamp) -> Talk<Result<Polled, Fault>> {
        let mut polls = self.0.polls.lock().unwrap();
        let last = polls.len() == 1;
        let answer = if last { polls.front().cloned() } else { polls.pop_front() };
        Talk::Over(answer.unwrap())
    }

    fn fetch(&self, _: &Render, _: Timestamp) -> Talk<Result<Download, FetchError>> {
        unreachable!("nothing is fetched here")
    }

    fn cancel(&self, render: &Render, _: Timestamp) -> Talk<Result<CancelOutcome, Fault>> {
        self.0.cancelled.lock().unwrap().push(render.remote_id.clone());
        Talk::Over(Ok(CancelOutcome::Over))
    }

    fn check(&self, _: Timestamp) -> Talk<Result<AccountStatus, Fault>> {
        unreachable!("nothing is checked here")
    }
}

fn remote(polls: impl IntoIterator<Item = Result<Polled, Fault>>) -> (Remote, Arc<Script>) {
    let script = Arc::new(Script::default());
    script.polls.lock().unwrap().extend(polls);
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

    let Polled::Failed { fault, .. } = over else { panic!("it goes on for ever: {over:?}") };
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
    let Polled::Failed { fault, .. } = over else { panic!("it goes on for ever: {over:?}") };
    assert!(fault.message.contains("may have been billed"), "{}", fault.message);
    assert_eq!((fault.kind, fault.source), (FaultKind::Timeout, FaultSource::Network));
}

#[tokio::test]
async fn a_render_is_given_up_when_another_route_needs_the_time_whatever_its_polls_bring() {
    let fault = |kind, source| Err(Fault::new(kind, source, "nothing"));
    let running = Polled::Running { percent: 50, ask_again_in: Duration::from_secs(9), note: None };
    let network = FaultSource::Network;
    for (poll, source) in [
        (Ok(running), FaultSource::Provider),
        (lost(), FaultSource::Provider),
        (fault(FaultKind::Lost, network), network),
        (fault(FaultKind::Timeout, network), network),
        (fault(FaultKind::Overloaded, FaultSource::Provider), network),
    ] {
        let (remote, script) = remote([poll]);
        let give_up_at = Some(NOON + SignedDuration::from_secs(300));
        let render = Render { give_up_at, ..a_render("m", "r-1") };

        script.passed.store(300, Ordering::SeqCst);
        let before = remote.poll(&render, &Log::default()).await;
        assert!(!matches!(before, Ok(Polled::Failed { .. })), "{before:?}");
        assert!(script.cancelled.lock().unwrap().is_empty());

        script.passed.store(301, Ordering::SeqCst);
        let over = remote.poll(&render, &Log::default()).await.unwrap();
        let Polled::Failed { fault, .. } = over else { panic!("it goes on: {over:?}") };
        assert_eq!((fault.kind, fault.source), (FaultKind::Timeout, source));
        assert!(fault.message.contains("not finished after 5m 1s"), "{fault}");
        assert!(fault.message.contains("another route"), "{fault}");
        assert!(fault.message.contains("may have been billed"), "{fault}");
        assert_eq!(*script.cancelled.lock().unwrap(), ["r-1"]);
    }
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
