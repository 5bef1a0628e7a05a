//! What hostile notices and answers cost, for every adapter: a panic never, and no more memory than their length
//! allows.
//!
//! Whoever learns the URL that a provider was given can send anything there, and the signature is looked at before
//! it can be believed. Run with `--nocapture` to see the longest time and the most memory that one took.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use allocation_counter::measure;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use crate::{
    Flow, Hook,
    answers::subjects,
    call::Answer,
    testing::{NOON, any_answer, any_json, reply},
};

/// Notices for each adapter.
const NOTICES: u32 = 60;
/// As long as a notice may be.
const LONGEST: usize = 1 << 20;
/// What a parser may need whatever the length, as far as `JsonLimits` let it.
const OF_A_NOTICE: u64 = 4 << 20;
const OF_AN_ANSWER: u64 = 24 << 20;

/// The most that one of them took.
#[derive(Debug, Default)]
struct Worst {
    time: Duration,
    bytes: u64,
}

impl Worst {
    /// Does it, and holds the memory that it took against a bound.
    fn hold(&mut self, work: impl FnOnce(), bound: u64) -> Result<(), TestCaseError> {
        let begun = Instant::now();
        let used = measure(work).bytes_max;
        self.time = self.time.max(begun.elapsed());
        self.bytes = self.bytes.max(used);
        prop_assert!(used <= bound, "{used} bytes, and {bound} are allowed");
        Ok(())
    }

    #[expect(clippy::print_stderr, reason = "what was measured is worth knowing")]
    fn tell(&self, what: &str) {
        eprintln!("{what}: at worst {:.1?} and {} KiB", self.time, self.bytes >> 10);
    }
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: NOTICES, failure_persistence: None, ..Config::default() })
}

/// A token as Google signs one, or something like it.
fn token() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(json!({ "alg": "RS256", "kid": "k1" }).to_string()),
        Just(json!({ "iat": NOON.as_second(), "data": { "id": "r-1" } }).to_string()),
        any_json().prop_map(|json| json.to_string()),
        (0..6000_usize).prop_map(|depth| "[".repeat(depth)),
        "[ -~]{0,40}",
    ];
    let encoded = prop_oneof![
        8 => part.prop_map(|text| URL_SAFE_NO_PAD.encode(text)),
        1 => "[ -~]{0,20}",
    ];
    let any = prop::collection::vec(encoded, 0..5).prop_map(|parts| parts.join("."));
    prop_oneof![1 => any, 2 => "[A-Za-z0-9_-]{0,4000}".prop_map(|signature| good_token(&signature))]
}

/// A token that is new enough and names a key of the list.
fn good_token(signature: &str) -> String {
    let parts = [
        json!({ "alg": "RS256", "kid": "k1" }),
        json!({ "iat": NOON.as_second(), "data": { "id": "r-1" } }),
    ];
    let [head, claims] = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{head}.{claims}.{signature}")
}

/// Headers under every name that a signature has at some provider.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let names = prop::sample::select(vec![
        "webhook-signature",
        "webhook-id",
        "webhook-timestamp",
        "x-fal-webhook-timestamp",
        "x-fal-webhook-request-id",
        "x-fal-webhook-user-id",
        "x-fal-webhook-signature",
        "content-type",
    ]);
    let value = prop_oneof![
        3 => token(),
        2 => Just(NOON.as_second().to_string()),
        2 => "(v1,[A-Za-z0-9+/=]{0,60} ?){1,200}",
        1 => "[0-9a-f]{0,200}",
        1 => "[ -~]{0,60}",
        1 => Just("9".repeat(9000)),
    ];
    let odd = prop::collection::vec((names, value), 0..4);
    (token(), odd).prop_map(|(token, odd)| {
        let now = NOON.as_second().to_string();
        let all = [
            ("webhook-signature", token),
            ("webhook-id", "n-1".into()),
            ("webhook-timestamp", now.clone()),
            ("x-fal-webhook-timestamp", now),
            ("x-fal-webhook-request-id", "r-1".into()),
            ("x-fal-webhook-user-id", "u-1".into()),
            ("x-fal-webhook-signature", "0f".repeat(64)),
        ];
        let typed = all.into_iter().chain(odd).filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        });
        typed.collect()
    })
}

/// Short and long bodies, those among them of which much could be made.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let bombs =
        prop::sample::select(vec!["[", "{\"a\":", "[],", "\"\\u0000\",", "0,", "\\", "\"", " "]);
    let repeated = (bombs, "[\\[{\"]{0,3}", 1..LONGEST).prop_map(|(piece, before, length)| {
        let count = (length - before.len().min(length)) / piece.len();
        [before.as_bytes(), piece.repeat(count).as_bytes()].concat()
    });
    prop_oneof![
        3 => any_json().prop_map(|json| json.to_string().into_bytes()),
        3 => repeated,
        1 => prop::collection::vec(any::<u8>(), 0..400),
        1 => Just(json!({ "request_id": "r-1", "data": { "id": "r-1" } }).to_string().into_bytes()),
    ]
}

/// The lists of keys that providers publish, among other answers.
fn keys() -> impl Strategy<Value = Answer> {
    let key = |count: usize| json!({ "kty": "RSA", "kid": "k1", "n": "A".repeat(count), "e": "AQAB", "x": "AA" });
    let list = (0..400_usize, 0..4000_usize).prop_map(move |(count, length)| {
        reply(200, &[], json!({ "keys": vec![key(length); count] }).to_string())
    });
    prop_oneof![list, any_answer()]
}

fn end<T>(mut talk: Flow<T>, answer: &Answer) -> T {
    loop {
        match talk {
            Flow::Done(value) => return value,
            Flow::Ask { then, .. } => talk = then(answer.clone()),
        }
    }
}

#[test]
fn no_notice_takes_more_memory_than_its_length_allows_and_none_that_is_not_signed_is_believed() {
    let worst = RefCell::new(Worst::default());
    for subject in subjects() {
        let notices = (headers(), body(), keys());
        let checked = runner().run(&notices, |(headers, body, keys)| {
            let length = body.len() + keys.as_ref().map_or(0, |reply| reply.body.len());
            let hook = Hook { headers, body: Bytes::from(body), at: NOON };
            let mut verified = None;
            let verify = || verified = Some(end(subject.adapter.verify_hook(hook), &keys));
            worst.borrow_mut().hold(verify, 4 * length as u64 + OF_A_NOTICE)?;
            let is_checked =
                ["fal/", "google/i", "google/g"].iter().any(|it| subject.name.starts_with(it));
            prop_assert!(!is_checked || verified.is_some_and(|it| it.is_err()));
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{}: {error}", subject.name));
    }
    worst.borrow().tell("notices");
}

#[test]
fn no_answer_takes_more_memory_to_be_parsed_than_its_length_allows() {
    let worst = RefCell::new(Worst::default());
    let checked = runner().run(&body(), |body| {
        let length = body.len() as u64;
        let Ok(reply) = reply(200, &[], body) else { return Ok(()) };
        worst.borrow_mut().hold(|| drop(reply.json()), 4 * length + OF_AN_ANSWER)
    });
    checked.unwrap();
    worst.borrow().tell("JSON answers");
}
