//! Opening a ledger: what is brought up to date, and what is refused with a way out.

use std::{error::Error, fs};

use retake_core::ids::{EndpointId, KeyId};
use rusqlite::{Connection, params};

use super::Folder;
use crate::{
    Ledger, Page, SqliteLedger, StoreError,
    conformance::{NOON, a_job, noon_plus, notices::an_endpoint, slots},
    outbox::{
        Outbox as _,
        record::{DisabledWhy, Room},
    },
    sqlite::{
        migrate::{MIGRATIONS, migrate},
        open,
    },
};

fn refusal(folder: &Folder) -> StoreError {
    SqliteLedger::open(&folder.path()).err().unwrap()
}

/// Opens and closes a ledger, then lets another hand at the file.
async fn tampered(sql: &str) -> Folder {
    let folder = Folder::new();
    folder.ledger().close().await.unwrap();
    Connection::open(folder.path()).unwrap().execute_batch(sql).unwrap();
    folder
}

#[tokio::test]
async fn a_ledger_from_the_future_is_refused() {
    let folder = tampered("INSERT INTO migrations VALUES (99, 'later', 'x')").await;

    let error = refusal(&folder);

    let path = folder.path().display().to_string();
    let told =
        format!("the ledger at {path} was written by a newer Retake (schema 99, this one knows ");
    assert!(error.to_string().starts_with(&told), "{error}");
}

#[test]
fn the_version_before_refuses_the_schema_of_this_one() {
    let folder = Folder::new();
    let mut db = open::writer(&folder.path()).unwrap();
    migrate(&mut db, MIGRATIONS, "here").unwrap();
    let (newest, before) = MIGRATIONS.split_last().unwrap();

    let error = migrate(&mut db, before, "here").map_err(|fail| fail.at("here")).unwrap_err();

    assert!(matches!(error, StoreError::NewerSchema { found, .. } if found == newest.number));
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let folder = tampered("UPDATE migrations SET checksum = 'other'").await;

    let error = refusal(&folder);

    assert!(matches!(error, StoreError::ChangedMigration { number: 1, .. }), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = Folder::new();
    let text = "these are my holiday notes, and by no means a database\n".repeat(40);
    fs::write(folder.path(), &text).unwrap();

    let error = refusal(&folder);

    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.source().is_some());
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = Folder::new();
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();

    let error = refusal(&folder);

    assert!(matches!(error, StoreError::NotALedger { .. }), "{error}");
    let tables: u32 =
        other.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = Folder::new();
    let path = folder.path().join("deeper").join("retake.db");

    let error = SqliteLedger::open(&path).err().unwrap();

    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
    assert!(error.to_string().contains("deeper"), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_reported_as_damage() {
    let folder = Folder::new();
    let ledger = folder.ledger();
    let job = a_job(NOON);
    ledger.accept(&job).await.unwrap();
    ledger.close().await.unwrap();
    let mut bytes = fs::read(folder.path()).unwrap();
    for byte in &mut bytes[8192..] {
        *byte = 0xa5;
    }
    fs::write(folder.path(), bytes).unwrap();

    let error = match SqliteLedger::open(&folder.path()) {
        Ok(ledger) => ledger.job(&job.id).await.unwrap_err(),
        Err(error) => error,
    };

    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_read_names_its_job() {
    let folder = Folder::new();
    let ledger = folder.ledger();
    let job = a_job(NOON);
    ledger.accept(&job).await.unwrap();
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("UPDATE job_requests SET plan = '{'").unwrap();

    let error = ledger.job(&job.id).await.unwrap_err();

    assert!(error.to_string().contains(job.id.as_str()), "{error}");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_job_that_cannot_be_read_does_not_hold_up_the_others() {
    let folder = Folder::new();
    let worker = crate::conformance::Worker::at(&folder).await;
    let broken = worker.accept(a_job(NOON)).await;
    let whole = worker.accept(a_job(noon_plus(1))).await;
    let other = Connection::open(folder.path()).unwrap();
    let spoil = "UPDATE job_requests SET plan = '{' WHERE job_id = ?1";
    other.execute(spoil, [broken.as_str()]).unwrap();

    let claimed = worker.claim(100, noon_plus(1)).await;
    let page = Page { owner: None, after: None, limit: 1, newest_first: false };
    let listed = worker.ledger.list(&page).await.unwrap();

    assert_eq!(claimed.iter().map(|it| &it.job.id).collect::<Vec<_>>(), [&whole]);
    assert!(listed.jobs.is_empty() && listed.has_more);
    assert!(worker.ledger.next_due(&slots("north", 100)).await.unwrap() > Some(noon_plus(1)));
}

#[tokio::test]
async fn a_webhook_endpoint_that_cannot_be_read_keeps_no_job_from_ending() {
    let folder = Folder::new();
    let worker = crate::conformance::Worker::at(&folder).await;
    let (broken, whole) = (an_endpoint(None), an_endpoint(None));
    worker.ledger.add_endpoint(&broken, 10).await.unwrap();
    worker.ledger.add_endpoint(&whole, 10).await.unwrap();
    let other = Connection::open(folder.path()).unwrap();
    let spoil = "UPDATE webhook_endpoints SET event_types = '[' WHERE id = ?1";
    other.execute(spoil, [broken.id.as_str()]).unwrap();
    let id = worker.accept(a_job(NOON)).await;

    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;

    let room = Room { all: 9, failing: 9 };
    let told = worker.ledger.claim_deliveries(&worker.me, room, NOON).await.unwrap();
    let told: Vec<_> = told.iter().map(|it| (&it.endpoint.id, &it.delivery.video)).collect();
    assert_eq!(told, [(&whole.id, &id)]);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone_also_where_they_were_not_before() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let modes = || -> Vec<_> {
        let files = fs::read_dir(folder.0.path()).unwrap().map(Result::unwrap);
        files
            .map(|it| (it.file_name(), it.metadata().unwrap().permissions().mode() & 0o777))
            .collect()
    };
    let ledger = folder.ledger();
    ledger.accept(&a_job(NOON)).await.unwrap();
    let copy = folder.0.path().join("copy.db");
    SqliteLedger::copy(&folder.path(), &copy).unwrap();
    assert_eq!(modes().len(), 4);
    assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());

    for file in fs::read_dir(folder.0.path()).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o664)).unwrap();
    }
    fs::remove_file(copy).unwrap();
    let _again = folder.ledger();

    assert_eq!(modes().len(), 3);
    assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());
}

#[tokio::test]
async fn an_upgrade_settles_whose_the_endpoints_are_from_before_the_first_key() {
    for (admin, bound) in [(1, true), (0, false)] {
        let folder = Folder::new();
        let mut db = open::writer(&folder.path()).unwrap();
        let settling = MIGRATIONS.iter().position(|step| step.name == "gateway_secrets").unwrap();
        migrate(&mut db, &MIGRATIONS[..settling], "here").unwrap();
        let (key, early, late) = (KeyId::new(NOON), EndpointId::new(NOON), EndpointId::new(NOON));
        db.execute(
            "INSERT INTO api_keys (id, name, digest, hint, admin, limits, created_at)
            VALUES (?1, 'first', 'd', 'h', ?2, '{}', 100)",
            params![key.as_str(), admin],
        )
        .unwrap();
        for (id, made) in [(&early, 99), (&late, 101)] {
            db.execute(
                "INSERT INTO webhook_endpoints
                    (id, name, url, event_types, secret, created_at, updated_at)
                VALUES (?1, 'it', 'https://receiver.example/', '[]', 'whsec_x', ?2, ?2)",
                params![id.as_str(), made],
            )
            .unwrap();
        }
        drop(db);

        let ledger = folder.ledger();

        let early = ledger.endpoint(&early).await.unwrap().unwrap();
        assert_eq!(early.owner, bound.then_some(key));
        let why = early.disabled.map(|disabled| disabled.why);
        assert_eq!(why, (!bound).then_some(DisabledWhy::Unowned));
        let late = ledger.endpoint(&late).await.unwrap().unwrap();
        assert_eq!((late.owner, late.disabled), (None, None), "it was made by the machine's owner");
    }
}

#[tokio::test]
async fn a_ledger_in_which_two_jobs_took_one_render_is_brought_up_to_date() {
    let folder = Folder::new();
    let ids = {
        let mut db = open::writer(&folder.path()).unwrap();
        migrate(&mut db, &MIGRATIONS[..4], "here").unwrap();
        let ids = [a_job(NOON).id, a_job(noon_plus(1)).id];
        for (id, state) in ids.iter().zip(["unknown", "fetching"]) {
            let job = "INSERT INTO jobs (id, created_at, routes, state, progress, cancel_requested, next_route,
                    due_at, holds, open_attempt)
                VALUES (?1, 0, '[{\"route\": \"north/m\", \"cost\": 1}]', 'in_progress', 0, 0, 0, 0, 'north', 1)";
            db.execute(job, [id.as_str()]).unwrap();
            let attempt =
                "INSERT INTO attempts (job_id, number, place, route, cost_micros, state, remote_id,
                    begun_at, progress, failed_fetches)
                VALUES (?1, 1, 0, 'north/m', 1, ?2, 'r-7', 0, 0, 0)";
            db.execute(attempt, [id.as_str(), state]).unwrap();
        }
        ids
    };

    let ledger = folder.ledger();

    assert_eq!(ledger.slots_in_use("north").await.unwrap(), 0, "neither occupies a slot there");
    ledger.close().await.unwrap();
    let db = Connection::open(folder.path()).unwrap();
    let owner: String = db
        .query_row(
            "SELECT job_id FROM renders WHERE remote_id = 'r-7' AND begun_at = 0",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(ids.iter().any(|id| id.as_str() == owner));
}

#[tokio::test]
async fn a_ledger_that_another_program_has_locked_for_writing_is_not_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert!(ledger.health().await.is_ok());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let locked = ledger.health().await;
    assert!(locked.is_err(), "{locked:?}");

    other.execute_batch("ROLLBACK").unwrap();
    assert!(ledger.health().await.is_ok());
}
