//! Connecting: what is brought up to date, and what is refused with a way out.

use std::error::Error;

use futures::future::join_all;

use super::{Schema, worker_on};
use crate::{
    Ledger, Page, PostgresLedger, StoreError,
    conformance::{NOON, a_job, noon_plus, slots},
    migration::Migration,
    postgres::{migrate, pool::Connections},
};

async fn refusal(url: &str) -> StoreError {
    PostgresLedger::connect(url).await.err().unwrap()
}

#[tokio::test]
async fn a_ledger_from_the_future_is_refused() {
    let Some(schema) = Schema::new().await else { return };
    schema.ledger().await.close().await.unwrap();
    schema.tamper("INSERT INTO migrations VALUES (4711, 'later', 'x')").await;

    let error = refusal(&schema.url()).await;

    assert!(matches!(error, StoreError::NewerSchema { found: 4711, .. }), "{error}");
    assert!(error.to_string().contains("use that version or another"), "{error}");
}

#[tokio::test]
async fn the_version_before_refuses_the_schema_of_this_one() {
    let Some(schema) = Schema::new().await else { return };
    schema.ledger().await.close().await.unwrap();
    let address = super::super::address::Address::parse(&schema.url()).unwrap();
    let db = Connections::new(address, super::Limits::default()).unwrap();
    let (newest, before) = migrate::MIGRATIONS.split_last().unwrap();

    let error = db.first(&before, |db, steps| Box::pin(migrate::migrate(db, steps, "here"))).await;

    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found, .. } if found == newest.number));
}

#[tokio::test]
async fn a_replica_at_work_is_told_that_its_schema_is_an_older_one_by_now() {
    let Some(schema) = Schema::new().await else { return };
    let worker = worker_on(schema.ledger().await).await;
    worker.accept(a_job(NOON)).await;
    assert_eq!(worker.claim(1, NOON).await.len(), 1);
    worker.ledger.heartbeat(&worker.me, noon_plus(1)).await.unwrap();
    schema.tamper("INSERT INTO migrations VALUES (4711, 'later', 'x')").await;

    let told = worker.ledger.heartbeat(&worker.me, noon_plus(30)).await;

    assert!(matches!(told, Err(StoreError::NewerSchema { found: 4711, .. })), "{told:?}");
    let freed = worker.ledger.expire_leases(noon_plus(2), noon_plus(31)).await.unwrap();
    assert_eq!(freed, 1, "its jobs are for those that know the schema");
    let told = worker.ledger.heartbeat(&worker.me, noon_plus(32)).await;
    assert!(matches!(told, Err(StoreError::NewerSchema { .. })), "it does not register again");
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let Some(schema) = Schema::new().await else { return };
    schema.ledger().await.close().await.unwrap();
    schema.tamper("UPDATE migrations SET checksum = 'other' WHERE number = 1").await;

    let error = refusal(&schema.url()).await;

    assert!(matches!(error, StoreError::ChangedMigration { number: 1, .. }), "{error}");
}

#[tokio::test]
async fn the_tables_of_another_program_are_left_alone() {
    let Some(schema) = Schema::new().await else { return };
    schema.tamper("CREATE TABLE recipes (name TEXT)").await;

    let error = refusal(&schema.url()).await;

    assert!(matches!(error, StoreError::NotALedger { .. }), "{error}");
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()";
    let tables: i64 = schema.stranger().await.query_one(tables, &[]).await.unwrap().get(0);
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn the_migrations_of_another_program_are_left_alone() {
    let Some(schema) = Schema::new().await else { return };
    schema.tamper("CREATE TABLE migrations (id BIGINT, migration TEXT, batch INT)").await;

    let error = refusal(&schema.url()).await;

    assert!(matches!(error, StoreError::NotALedger { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_set_up_one_schema() {
    let Some(schema) = Schema::new().await else { return };

    let ledgers = join_all((0..4).map(|_| schema.ledger())).await;

    let count = "SELECT COUNT(*) FROM migrations";
    let count: i64 = schema.stranger().await.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(count).unwrap(), migrate::MIGRATIONS.len());
    let id = worker_on(schema.ledger().await).await.accept(a_job(NOON)).await;
    for ledger in ledgers {
        assert!(ledger.job(&id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_step_that_breaks_off_leaves_nothing_behind() {
    let Some(schema) = Schema::new().await else { return };
    let steps: &'static [Migration] = &[
        Migration { number: 1, name: "first", sql: "CREATE TABLE one (n INT)" },
        Migration { number: 2, name: "second", sql: "CREATE TABLE two (n INT); SELECT nothing" },
    ];
    let address = super::super::address::Address::parse(&schema.url()).unwrap();
    let db = Connections::new(address, super::Limits::default()).unwrap();

    let error = db.first(&steps, |db, steps| Box::pin(migrate::migrate(db, steps, "here"))).await;

    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::Migration { number: 2, name: "second", .. }), "{error}");
    let tables = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables
        WHERE schemaname = current_schema()";
    let tables: String = schema.stranger().await.query_one(tables, &[]).await.unwrap().get(0);
    assert_eq!(tables, "migrations one");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);

    let error = refusal(&format!("postgres://me:hunter2@127.0.0.1:{port}/jobs")).await;

    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.is_passing());
    assert_eq!(
        error.to_string(),
        format!(
            "the database at postgres://me@127.0.0.1:{port}/jobs does not answer; \
             check that it runs and can be reached from here"
        )
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named_with_the_way_to_make_it() {
    let Some(schema) = Schema::new().await else { return };
    let url = schema.url();
    let (server, _) = url.split_once('?').unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();

    let error = refusal(&format!("{server}/retake_has_no_such_database")).await;

    assert!(matches!(error, StoreError::Barred { .. }), "{error:?}");
    assert!(error.to_string().contains("createdb"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_schema_that_does_not_exist_is_reported() {
    let Some(schema) = Schema::new().await else { return };
    let url = schema.url().replace("search_path%3D", "search_path%3Dno_");

    let error = refusal(&url).await;

    assert!(error.to_string().contains("CREATE SCHEMA"), "{error}");
}

#[tokio::test]
async fn a_server_that_only_lets_itself_be_read_is_refused() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = schema.ledger().await;
    ledger.health().await.unwrap();
    let url =
        schema.url().replace("options=", "options=-c%20default_transaction_read_only%3Don%20");

    let error = refusal(&url).await;

    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_read_names_its_job() {
    let Some(schema) = Schema::new().await else { return };
    let ledger = schema.ledger().await;
    let job = a_job(NOON);
    ledger.accept(&job).await.unwrap();
    schema.tamper("UPDATE job_requests SET plan = '{'").await;

    let error = ledger.job(&job.id).await.unwrap_err();

    assert!(error.to_string().contains(job.id.as_str()), "{error}");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_job_that_cannot_be_read_does_not_hold_up_the_others() {
    let Some(schema) = Schema::new().await else { return };
    let worker = worker_on(schema.ledger().await).await;
    let broken = worker.accept(a_job(NOON)).await;
    let whole = worker.accept(a_job(noon_plus(1))).await;
    let spoil = format!("UPDATE job_requests SET plan = '{{' WHERE job_id = '{broken}'");
    schema.tamper(&spoil).await;

    let claimed = worker.claim(100, noon_plus(1)).await;
    let page = Page { owner: None, after: None, limit: 1, newest_first: false };
    let listed = worker.ledger.list(&page).await.unwrap();
    worker.ledger.close().await.unwrap();

    assert_eq!(claimed.iter().map(|it| &it.job.id).collect::<Vec<_>>(), [&whole]);
    assert!(listed.jobs.is_empty() && listed.has_more);
    let next = schema.ledger().await.next_due(&slots("north", 100)).await.unwrap();
    assert!(next > Some(noon_plus(1)), "{next:?}");
}

#[tokio::test]
async fn a_ledger_in_which_two_jobs_took_one_render_is_brought_up_to_date() {
    let Some(schema) = Schema::new().await else { return };
    let address = super::super::address::Address::parse(&schema.url()).unwrap();
    let db = Connections::new(address, super::Limits::default()).unwrap();
    let steps: &'static [Migration] = &migrate::MIGRATIONS[..4];
    db.first(&steps, |db, steps| Box::pin(migrate::migrate(db, steps, "here"))).await.unwrap();
    let ids = [a_job(NOON).id, a_job(noon_plus(1)).id];
    for (id, state) in ids.iter().zip(["unknown", "fetching"]) {
        let rows = format!(
            "INSERT INTO jobs (id, created_at, routes, state, progress, cancel_requested, next_route, due_at, holds,
                open_attempt)
            VALUES ('{id}', now(), '[{{\"route\": \"north/m\", \"cost\": 1}}]', 'in_progress', 0, false, 0,
                now(), 'north', 1);
            INSERT INTO attempts (job_id, number, place, route, cost_micros, state, remote_id, begun_at, progress,
                failed_fetches)
            VALUES ('{id}', 1, 0, 'north/m', 1, '{state}', 'r-7', now(), 0, 0);"
        );
        schema.tamper(&rows).await;
    }

    let ledger = schema.ledger().await;

    assert_eq!(ledger.slots_in_use("north").await.unwrap(), 0, "neither occupies a slot there");
    ledger.close().await.unwrap();
    let owners = schema
        .stranger()
        .await
        .query("SELECT place, job_id FROM renders WHERE begun_at IS NOT NULL", &[])
        .await;
    let owners: Vec<(String, String)> =
        owners.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let [(place, owner)] = owners.as_slice() else { panic!("{owners:?}") };
    assert_eq!(place, "account north");
    assert!(ids.iter().any(|id| id.as_str() == owner));
}
