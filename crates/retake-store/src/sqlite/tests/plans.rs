//! A million finished jobs must cost the open ones nothing: no query reads a table from end to end.

use rusqlite::{Connection, Statement};

use super::Folder;
use crate::{
    conformance::{NOON, Worker, pruning::a_deleted_endpoint},
    sqlite::{
        accept, claim, commit, exchanges, feed, files, idempotency_keys, keys, list,
        migrate::{MIGRATIONS, migrate},
        open,
        outbox::{announce, deliveries, endpoints, prune, serve},
        owner, renders, replica, rows, settling, timeline, waits, wake,
    },
};

/// Every statement that names jobs, attempts, events or deliveries.
const STATEMENTS: &[&str] = &[
    accept::JOB,
    accept::REQUEST,
    accept::OPEN,
    claim::READY,
    claim::WAITING,
    claim::OCCUPIED,
    claim::NEXT_READY,
    claim::NEXT_WAITING,
    claim::NEXT_ACCOUNT,
    claim::TAKE,
    claim::SET_ASIDE,
    claim::PUT_OFF,
    commit::HELD,
    commit::LIFE,
    commit::ATTEMPT,
    commit::RELEASE,
    exchanges::LAST,
    exchanges::KEEP,
    exchanges::DROP,
    exchanges::READ,
    exchanges::ERASE,
    wake::NUDGE,
    files::EXPIRED,
    files::REMOVED,
    files::AN_OUTPUT,
    feed::ALL,
    feed::OWNED,
    feed::PRUNE,
    files::A_FIRST_FRAME,
    files::A_SOURCE,
    files::A_CHARACTER,
    keys::COUNT_CHARACTERS,
    keys::CHARACTERS,
    keys::OWNED_CHARACTERS,
    list::OLDEST_FIRST,
    list::NEWEST_FIRST,
    list::OWNED_OLDEST_FIRST,
    list::OWNED_NEWEST_FIRST,
    owner::CANCEL,
    owner::HIDE,
    owner::STANDING,
    owner::FAULT,
    owner::FAULTS,
    owner::ERASE_FAULT,
    owner::ERASE_ATTEMPT,
    idempotency_keys::FIRST,
    idempotency_keys::FORGET,
    idempotency_keys::REMEMBER,
    idempotency_keys::PRUNE,
    replica::FREE,
    rows::ONE,
    rows::ATTEMPTS,
    settling::ADD,
    settling::DUE,
    settling::TAKE,
    settling::HELD,
    settling::PUT_OFF,
    settling::DONE,
    settling::NOTE,
    settling::WAKE,
    renders::OWN,
    renders::OWN_FOUND,
    renders::UNANSWERED,
    renders::BEFORE,
    renders::AFTER,
    renders::NEXT_PLACE,
    renders::COPY,
    renders::DROP,
    waits::ADD,
    waits::LEAVE,
    timeline::APPEND,
    timeline::ANNOUNCE,
    timeline::READ,
    timeline::LINES,
    timeline::ERASE,
    announce::LISTENERS,
    announce::RECORD,
    deliveries::ONE,
    deliveries::OLDEST_FIRST,
    deliveries::NEWEST_FIRST,
    deliveries::TRIES,
    deliveries::AGAIN,
    endpoints::ONE,
    endpoints::OLDEST_FIRST,
    endpoints::NEWEST_FIRST,
    endpoints::OWNED_OLDEST_FIRST,
    endpoints::OWNED_NEWEST_FIRST,
    endpoints::COUNT,
    endpoints::ADD,
    endpoints::SAVE,
    endpoints::HIDE,
    prune::ENDED,
    prune::A_DELETED_ENDPOINT,
    prune::DELIVERIES_TO,
    prune::ERASE_TRIES,
    prune::FORGET,
    serve::NEXT_ENDPOINT,
    serve::STANDING,
    serve::FIRST_DUE,
    serve::TAKE,
    serve::GIVE_BACK,
    serve::FREE,
    serve::SETTLE,
    serve::NOTE,
    serve::FORGET,
];

fn steps_of(query: &mut Statement<'_>) -> Vec<String> {
    query.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap()
}

fn an_empty_ledger(folder: &Folder) -> Connection {
    let mut db = open::writer(&folder.path()).unwrap();
    migrate(&mut db, MIGRATIONS, "here").unwrap();
    db
}

#[test]
fn no_statement_reads_a_table_from_end_to_end_or_sorts() {
    let folder = Folder::new();
    let db = an_empty_ledger(&folder);

    for sql in STATEMENTS {
        let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = steps_of(&mut query);
        let scans = |step: &String| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
        let costly = |step: &String| scans(step) || step.contains("TEMP B-TREE");
        assert!(!steps.iter().any(costly), "{sql}\n{steps:#?}");
    }
}

#[test]
fn what_is_asked_again_and_again_is_answered_by_its_own_index() {
    let folder = Folder::new();
    let db = an_empty_ledger(&folder);

    for (sql, index) in [
        (claim::READY, "jobs_ready"),
        (claim::WAITING, "job_waits_queue"),
        (claim::OCCUPIED, "jobs_holding"),
        (claim::NEXT_READY, "jobs_ready"),
        (claim::NEXT_WAITING, "job_waits_queue"),
        (claim::NEXT_ACCOUNT, "job_waits_queue"),
        (replica::FREE, "jobs_leased"),
        (files::EXPIRED, "jobs_file_due"),
        (files::AN_OUTPUT, "jobs_output"),
        (files::A_FIRST_FRAME, "jobs_first_frame"),
        (list::NEWEST_FIRST, "jobs_visible"),
        (announce::LISTENERS, "webhook_endpoints_owned"),
        (endpoints::COUNT, "webhook_endpoints_owned"),
        (serve::NEXT_ENDPOINT, "webhook_deliveries_due"),
        (serve::STANDING, "webhook_deliveries_due"),
        (serve::FIRST_DUE, "webhook_deliveries_due"),
        (serve::FREE, "webhook_endpoints_leased"),
        (deliveries::NEWEST_FIRST, "webhook_deliveries_to"),
        (keys::COUNT_CHARACTERS, "characters_owned"),
        (keys::OWNED_CHARACTERS, "characters_owned"),
        (renders::BEFORE, "renders_begun"),
        (renders::AFTER, "renders_begun"),
        (prune::ENDED, "webhook_deliveries_ended"),
        (prune::A_DELETED_ENDPOINT, "webhook_endpoints_deleted"),
    ] {
        let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = steps_of(&mut query);
        assert!(steps.iter().any(|step| step.contains(index)), "{sql}\n{steps:#?}");
    }
}

#[tokio::test]
async fn pruning_touches_no_delivery_of_a_deleted_endpoint_that_it_does_not_drop() {
    let folder = Folder::new();
    let worker = Worker::at(&folder).await;
    a_deleted_endpoint(&worker).await;
    let other = Connection::open(folder.path()).unwrap();
    let watch = "CREATE TRIGGER watch BEFORE UPDATE ON webhook_tries
        BEGIN SELECT RAISE(ABORT, 'it was erased when the endpoint was'); END";
    other.execute_batch(watch).unwrap();

    assert_eq!(worker.ledger.prune_deliveries(NOON, 2).await.unwrap(), 2);
}
