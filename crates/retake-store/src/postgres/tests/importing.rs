//! An embedded ledger that is carried over.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use retake_core::{
    ids::{KeyId, ReplicaId, VideoId},
    job::Event,
};

use super::{Schema, worker_on};
use crate::{
    Accepted, Change, Ledger, NewJob, Page, PostgresLedger, Repeat, SqliteLedger, StoreError,
    conformance::{
        NOON, Worker, a_job, accepted, change_of,
        evidence::an_exchange,
        noon_plus,
        notices::{added, an_endpoint, claim_one, completed, deliveries},
        owning::{a_job_of, a_tenant},
    },
    sqlite::export::TABLES,
};

/// An embedded ledger in which something has happened, closed in good order.
struct Past {
    _folder: tempfile::TempDir,
    path: PathBuf,
    done: VideoId,
    /// Its provider has accepted it.
    rendering: VideoId,
    waiting: NewJob,
    deleted: VideoId,
    owner: KeyId,
}

impl Past {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&path).unwrap());
        let worker = Worker { ledger, me: ReplicaId::new(NOON) };
        worker.ledger.register(&worker.me, NOON).await.unwrap();
        let owner = a_tenant(&*worker.ledger, "nul \0 and snow ☃").await;
        added(&*worker.ledger, an_endpoint(None)).await;
        let deleted = completed(&worker, 0).await;
        worker.ledger.delete(&deleted, noon_plus(5)).await.unwrap();
        let done = completed(&worker, 10).await;
        claim_one(&worker, noon_plus(11)).await;
        let rendering = worker.accept(a_job(noon_plus(20))).await;
        let mut held = worker.claim_one(noon_plus(20)).await;
        for event in [Event::Begun { route: 0 }, accepted("r-1")] {
            worker.tell(&mut held, event, noon_plus(21)).await.unwrap();
        }
        let odd = Event::Noted { note: "pondering".to_owned() };
        let told = Change {
            exchanges: vec![an_exchange(1, noon_plus(22)), an_exchange(2, noon_plus(23))],
            ..change_of(&held, odd, noon_plus(24), false)
        };
        worker.ledger.commit(&held.lease, &told).await.unwrap();
        let waiting = NewJob { repeat: Some(a_repeat()), ..a_job_of(&owner, 30) };
        worker.ledger.accept(&waiting).await.unwrap();
        worker.ledger.expire_leases(Timestamp::MAX, noon_plus(40)).await.unwrap();
        worker.ledger.close().await.unwrap();
        Self { _folder: folder, path, done, rendering, waiting, deleted, owner }
    }

    fn ledger(&self) -> SqliteLedger {
        SqliteLedger::open(&self.path).unwrap()
    }
}

fn a_repeat() -> Repeat {
    Repeat {
        name: "wish".to_owned(),
        fingerprint: "f".to_owned(),
        expires_at: noon_plus(1000),
        replay: true,
    }
}

async fn all_of(ledger: &dyn Ledger) -> String {
    let page = Page { owner: None, after: None, limit: 100, newest_first: false };
    let listing = ledger.list(&page).await.unwrap();
    let mut told = vec![format!("{:#?}", listing.jobs)];
    for job in &listing.jobs {
        told.push(format!("{:#?}", ledger.events(&job.id, 0, 100).await.unwrap()));
        told.push(format!("{:#?}", ledger.exchanges(&job.id).await.unwrap()));
    }
    told.push(format!("{:#?}", ledger.feed(None, None, 100).await.unwrap()));
    told.push(ledger.feed_end().await.unwrap());
    told.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_carried_over_answers_as_before_and_its_jobs_go_on() {
    let Some(schema) = Schema::new().await else { return };
    let past = Past::new().await;
    let target = schema.ledger().await;
    assert!(target.is_empty().await.unwrap());

    let imported = target.import(&past.path).await.unwrap();

    assert_eq!((imported.jobs, imported.keys, imported.endpoints), (4, 1, 1));
    assert!(!target.is_empty().await.unwrap());
    assert_eq!(all_of(&target).await, all_of(&past.ledger()).await);
    assert!(target.job(&past.deleted).await.unwrap().is_none());
    assert_eq!(target.keys().await.unwrap()[0].name, "nul \u{fffd} and snow ☃");
    let worker = worker_on(target).await;
    let again = NewJob { id: VideoId::new(noon_plus(31)), ..past.waiting.clone() };
    let Accepted::Known(first) = worker.ledger.accept(&again).await.unwrap() else {
        panic!("the request was known")
    };
    assert_eq!(first, past.waiting.id);
    let job = worker.ledger.job(&first).await.unwrap().unwrap();
    assert_eq!(job.owner, Some(past.owner));
    let told = claim_one(&worker, noon_plus(50)).await;
    assert_eq!(told.delivery.video, past.deleted, "the first is told first");
    assert_eq!(deliveries(&*worker.ledger, &told.delivery.endpoint).await.len(), 2);
    let before = worker.ledger.feed_end().await.unwrap();
    let going_on = worker.claim(100, noon_plus(50)).await;
    assert_eq!(going_on.len(), 2);
    for held in going_on.into_iter().filter(|held| held.job.id == past.rendering) {
        assert_eq!(held.job.record.attempts[0].remote_id.as_deref(), Some("r-1"));
        assert_eq!(held.job.record.attempts[0].note.as_deref(), Some("pondering"));
        assert_eq!(worker.ledger.exchanges(&past.rendering).await.unwrap().len(), 2);
        worker.tell_and_free(held, Event::Rendered, noon_plus(51)).await.unwrap();
    }
    let news = worker.ledger.feed(None, Some(&before), 100).await.unwrap();
    assert_eq!(news.iter().map(|line| &line.id).collect::<Vec<_>>(), [&past.rendering]);
}

#[tokio::test]
async fn nothing_is_taken_into_a_ledger_that_holds_something() {
    let Some(schema) = Schema::new().await else { return };
    let (past, target) = (Past::new().await, schema.ledger().await);
    let own = a_job(NOON);
    target.accept(&own).await.unwrap();

    let error = target.import(&past.path).await.unwrap_err();

    assert!(matches!(error, StoreError::NotEmpty { .. }), "{error}");
    assert!(target.job(&own.id).await.unwrap().is_some());
    assert!(target.job(&past.done).await.unwrap().is_none());
}

#[tokio::test]
async fn a_ledger_that_cannot_be_taken_in_whole_leaves_nothing() {
    let Some(schema) = Schema::new().await else { return };
    let (past, target) = (Past::new().await, schema.ledger().await);
    let spoil = "UPDATE webhook_deliveries SET created_at = 'yesterday'";
    rusqlite::Connection::open(&past.path).unwrap().execute(spoil, []).unwrap();

    let error = target.import(&past.path).await.unwrap_err();

    assert!(matches!(error, StoreError::Unexpected { .. }), "{error}");
    assert!(target.is_empty().await.unwrap());
    let missing = target.import(Path::new("/nowhere/ledger.db")).await.unwrap_err();
    assert!(matches!(missing, StoreError::CannotOpen { .. }), "{missing}");
    assert!(target.is_empty().await.unwrap());
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let Some(schema) = Schema::new().await else { return };
    let past = Past::new().await;
    let _target: PostgresLedger = schema.ledger().await;
    let of_postgres = "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = current_schema()";
    let rows = schema.stranger().await.query(of_postgres, &[]).await.unwrap();
    let mut theirs: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(theirs.remove(&("feed".to_owned(), "entry".to_owned())), "made by the engine itself");

    let db = rusqlite::Connection::open(&past.path).unwrap();
    let of_sqlite = "SELECT t.name, c.name FROM pragma_table_list t, pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'";
    let mut query = db.prepare(of_sqlite).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let ours: BTreeSet<(String, String)> = rows.map(Result::unwrap).collect();

    assert_eq!(ours, theirs);
    let carried: BTreeSet<_> = TABLES.into_iter().chain(["migrations", "replicas"]).collect();
    assert_eq!(ours.iter().map(|(table, _)| table.as_str()).collect::<BTreeSet<_>>(), carried);
}
