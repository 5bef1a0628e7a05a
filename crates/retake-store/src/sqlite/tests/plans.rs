//! A million finished jobs must cost the open ones nothing: no query reads a table from end to end.

use rusqlite::{Connection, Statement};

use super::Folder;
use crate::sqlite::{
    accept, claim, commit, files, list,
    migrate::{MIGRATIONS, migrate},
    open, owner, replica, rows, timeline,
};

/// Every statement that names jobs, attempts or events.
const STATEMENTS: &[&str] = &[
    accept::JOB,
    accept::REQUEST,
    claim::READY,
    claim::WAITING,
    claim::OCCUPIED,
    claim::NEXT_READY,
    claim::NEXT_WAITING,
    claim::NEXT_ACCOUNT,
    claim::TAKE,
    commit::HELD,
    commit::LIFE,
    commit::ATTEMPT,
    commit::RELEASE,
    files::EXPIRED,
    files::REMOVED,
    files::AN_OUTPUT,
    files::A_FIRST_FRAME,
    list::OLDEST_FIRST,
    list::NEWEST_FIRST,
    owner::CANCEL,
    owner::HIDE,
    owner::STANDING,
    replica::FREE,
    rows::ONE,
    rows::ATTEMPTS,
    timeline::APPEND,
    timeline::READ,
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
        let costly = |step: &String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
        assert!(!steps.iter().any(costly), "{sql}\n{steps:#?}");
    }
}

#[test]
fn what_is_asked_again_and_again_is_answered_by_its_own_index() {
    let folder = Folder::new();
    let db = an_empty_ledger(&folder);

    for (sql, index) in [
        (claim::READY, "jobs_ready"),
        (claim::WAITING, "jobs_waiting"),
        (claim::OCCUPIED, "jobs_holding"),
        (claim::NEXT_READY, "jobs_ready"),
        (claim::NEXT_WAITING, "jobs_waiting"),
        (claim::NEXT_ACCOUNT, "jobs_waiting"),
        (replica::FREE, "jobs_leased"),
        (files::EXPIRED, "jobs_file_due"),
        (files::AN_OUTPUT, "jobs_output"),
        (files::A_FIRST_FRAME, "jobs_first_frame"),
        (list::NEWEST_FIRST, "jobs_visible"),
    ] {
        let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = steps_of(&mut query);
        assert!(steps.iter().any(|step| step.contains(index)), "{sql}\n{steps:#?}");
    }
}
