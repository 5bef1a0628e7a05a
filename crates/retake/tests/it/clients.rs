//! Clients who ask for videos as careful ones do, whatever becomes of the gateway.
//!
//! Each request is marked with a key of its own, and one whose answer did not come is repeated until it has.
//! So every request has an answer in the end, and what the gateway has on record can be held against the
//! answers, one by one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use reqwest::{StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use crate::server::{Server, on_runtime};

/// Nothing that the gateway waits for takes this long, so an answer that does is a hang.
const A_HANG: Duration = Duration::from_mins(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Some clients, each in a thread of its own.
pub(crate) struct Clients {
    threads: Vec<JoinHandle<()>>,
    wishes: Sender<usize>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Where the gateway is now.
    url: Mutex<String>,
    wishes: Mutex<Receiver<usize>>,
    /// Answers by the number of the video that was asked for.
    answers: Mutex<BTreeMap<usize, String>>,
    refusals: AtomicUsize,
}

impl Clients {
    pub(crate) fn of(server: &Server, count: usize) -> Self {
        let (wishes, receiver) = channel();
        let shared = Arc::new(Shared {
            url: Mutex::new(server.url().to_owned()),
            wishes: Mutex::new(receiver),
            answers: Mutex::default(),
            refusals: AtomicUsize::new(0),
        });
        let client = |_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || on_runtime(shared.ask_for_videos()))
        };
        Self { threads: (0..count).map(client).collect(), wishes, shared }
    }

    /// One of them asks for a video with this number.
    pub(crate) fn wish(&self, number: usize) {
        self.wishes.send(number).unwrap();
    }

    /// The gateway has moved.
    pub(crate) fn go_to(&self, server: &Server) {
        server.url().clone_into(&mut self.shared.url.lock().unwrap());
    }

    /// How many answers they have.
    pub(crate) fn answers(&self) -> usize {
        assert!(self.threads.iter().all(|thread| !thread.is_finished()), "a client gave up");
        self.shared.answers.lock().unwrap().len()
    }

    /// How often they were told to come back later.
    pub(crate) fn refusals(&self) -> usize {
        assert!(self.threads.iter().all(|thread| !thread.is_finished()), "a client gave up");
        self.shared.refusals.load(Ordering::Relaxed)
    }

    /// Waits until every wish has its answer.
    pub(crate) fn leave(self) -> BTreeMap<usize, String> {
        drop(self.wishes);
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.shared.answers.lock().unwrap())
    }
}

impl Shared {
    async fn ask_for_videos(&self) {
        let client = reqwest::Client::builder().timeout(A_HANG).build().unwrap();
        loop {
            let wish = self.wishes.lock().unwrap().recv();
            let Ok(number) = wish else { return };
            let body =
                json!({ "prompt": "a kite", "seconds": 1, "size": "640x360", "seed": number });
            let id = loop {
                let to = format!("{}/v1/videos", self.url.lock().unwrap());
                let key = format!("wish-{number}");
                let request = client.post(to).header("idempotency-key", key).json(&body);
                if let Some(id) = self.answer_to(request).await {
                    break id;
                }
                thread::park_timeout(BETWEEN_TRIES);
            };
            self.answers.lock().unwrap().insert(number, id);
        }
    }

    /// The id of the video, or nothing when the gateway died over the answer or said to come back later.
    async fn answer_to(&self, request: reqwest::RequestBuilder) -> Option<String> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                assert!(!error.is_timeout(), "the gateway hangs");
                return None;
            }
        };
        let status = answer.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(answer.headers().contains_key(RETRY_AFTER), "nobody said when to come back");
            self.refusals.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let text = answer.text().await.ok()?;
        assert!(status.is_success(), "{status} {text}");
        let video: Value = serde_json::from_str(&text).ok()?;
        video["id"].as_str().map(str::to_owned)
    }
}
