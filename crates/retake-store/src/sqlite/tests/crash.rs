//! A process that is killed: what was answered is there, what was not is not half there.

use std::{
    fs,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::Folder;
use crate::{
    Ledger,
    conformance::{NOON, Worker, a_job, noon_plus},
};

/// The files as they are at this moment, which is what a killed process leaves behind.
fn as_after_a_kill(folder: &Folder) -> Folder {
    let left = Folder::new();
    for suffix in ["", "-wal"] {
        let name = format!("retake.db{suffix}");
        fs::copy(folder.0.path().join(&name), left.0.path().join(&name)).unwrap();
    }
    left
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let folder = Folder::new();
    let worker = Worker::at(&folder).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(worker.accept(a_job(noon_plus(n))).await);
    }
    let claimed = worker.claim(5, noon_plus(20)).await;

    let after = as_after_a_kill(&folder);

    let next = Worker::at(&after).await;
    for id in &ids {
        assert!(next.ledger.job(id).await.unwrap().is_some());
    }
    assert!(next.claim(5, noon_plus(20)).await.is_empty(), "the slots are still taken");
    next.ledger.register(&next.me, noon_plus(30)).await.unwrap();
    assert_eq!(next.ledger.expire_leases(noon_plus(30), noon_plus(30)).await.unwrap(), 5);
    let again = next.claim(5, noon_plus(30)).await;
    assert_eq!(again.len(), claimed.len());
}

#[tokio::test]
async fn dropping_the_ledger_finishes_what_was_asked_for() {
    let folder = Folder::new();
    let job = a_job(NOON);
    let ledger = folder.ledger();
    ledger.accept(&job).await.unwrap();
    drop(ledger);

    let log = folder.0.path().join("retake.db-wal");
    assert!(fs::metadata(log).map_or(0, |file| file.len()) == 0, "the log is moved into the file");
    assert!(folder.ledger().job(&job.id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_erased_before_a_kill_is_gone_after_the_next_start() {
    let folder = Folder::new();
    let worker = Worker::at(&folder).await;
    let mut job = a_job(NOON);
    job.request.prompt = "an unmistakable heron".to_owned();
    let id = worker.accept(job).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;
    // A reader of an older state keeps the log from being emptied.
    let mut reader = Connection::open(folder.path()).unwrap();
    let moment = reader.transaction().unwrap();
    moment.query_row("SELECT COUNT(*) FROM jobs", [], |_| Ok(())).unwrap();
    worker.ledger.delete(&id, NOON).await.unwrap();

    let after = as_after_a_kill(&folder);
    assert!(says_it(&after), "there is something to be done");
    let next = after.ledger();
    next.health().await.unwrap();
    let patience = Instant::now() + Duration::from_mins(1);
    while says_it(&after) {
        assert!(Instant::now() < patience, "it is still there");
        tokio::task::yield_now().await;
    }
}

fn says_it(folder: &Folder) -> bool {
    let files = fs::read_dir(folder.0.path()).unwrap();
    let all: Vec<u8> = files.flat_map(|it| fs::read(it.unwrap().path()).unwrap()).collect();
    all.windows(12).any(|part| part == b"unmistakable")
}
