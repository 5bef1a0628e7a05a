//! A million finished jobs must cost the open ones nothing: no statement reads a table from end to end.

use tokio_postgres::Client;

use super::Schema;
use crate::postgres::{
    accept, claim, commit, exchanges, feed, files, idempotency_keys, keys, list,
    outbox::{announce, deliveries, endpoints, prune, serve},
    owner, pool, renders, replica, rows, settling, timeline, waits, wake,
};

/// Every statement that names jobs, attempts, events or deliveries.
const STATEMENTS: &[&str] = &[
    accept::ACCEPT,
    accept::OPEN,
    accept::KEPT,
    claim::LOOK,
    claim::TAKE_READY,
    claim::TAKE_WAITING,
    claim::TAKEN,
    claim::NEXT,
    claim::AWAITED,
    claim::OCCUPIED,
    commit::HELD,
    commit::LIFE,
    commit::ATTEMPT,
    commit::RELEASE,
    commit::GIVE_BACK,
    exchanges::LAST,
    exchanges::KEEP,
    exchanges::DROP,
    exchanges::READ,
    exchanges::ERASE,
    wake::NUDGE,
    feed::ALL,
    feed::OWNED,
    feed::UNPLACED,
    feed::PLACE,
    feed::END,
    feed::PRUNE,
    files::EXPIRED,
    files::REMOVED,
    files::KNOWN,
    keys::BY_DIGEST,
    keys::COUNT_CHARACTERS,
    keys::CHARACTERS,
    keys::OWNED_CHARACTERS,
    list::OLDEST_FIRST,
    list::NEWEST_FIRST,
    list::OWNED_OLDEST_FIRST,
    list::OWNED_NEWEST_FIRST,
    owner::LOCK,
    owner::CANCEL,
    owner::STANDING,
    owner::HIDE,
    owner::TEXTS,
    owner::ERASE,
    owner::FAULTS,
    owner::ERASE_FAULT,
    owner::ERASE_ATTEMPT,
    idempotency_keys::FIRST,
    idempotency_keys::REMEMBER,
    idempotency_keys::PRUNE,
    replica::FREE,
    rows::ONE,
    settling::ADD,
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
    renders::PLACES,
    renders::MOVE,
    timeline::LAST,
    waits::ADD,
    waits::LEAVE,
    timeline::APPEND,
    timeline::THIS,
    timeline::READ,
    timeline::LINES,
    timeline::ERASE,
    announce::OF_ALL,
    announce::OF_ITS_OWNER,
    announce::OF_NOBODY,
    announce::RECORD,
    deliveries::ONE,
    deliveries::OLDEST_FIRST,
    deliveries::NEWEST_FIRST,
    deliveries::LOCK,
    deliveries::AGAIN,
    endpoints::ONE,
    endpoints::LOCKED,
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
    serve::WAITING,
    serve::TAKE,
    serve::FIRST_DUE,
    serve::RELEASE,
    serve::GIVE_BACK,
    serve::FREE,
    serve::SETTLE,
    serve::NOTE,
    serve::FORGET,
];

const TABLES: [&str; 15] = [
    "jobs",
    "job_waits",
    "job_requests",
    "attempts",
    "unsettled_submits",
    "renders",
    "exchanges",
    "events",
    "feed",
    "idempotency_keys",
    "api_keys",
    "characters",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_tries",
];

/// Enough endpoints of one owner that those of others are worth finding.
const ENDPOINTS: &str = "
    INSERT INTO api_keys (id, name, digest, hint, admin, limits, created_at)
    VALUES ('key', 'north', 'digest', 'hint', false, '{}', now());
    INSERT INTO webhook_endpoints (id, owner, name, url, event_types, secret, created_at, updated_at)
    SELECT n, 'key', 'receiver', 'https://receiver.example', '[]', 'secret', now(), now()
    FROM generate_series(1, 500) AS n;
    ANALYZE webhook_endpoints;";

/// A connection set up as the ledger sets up its own.
async fn planner(schema: &Schema) -> Client {
    drop(schema.ledger().await);
    let client = schema.stranger().await;
    client.batch_execute(ENDPOINTS).await.unwrap();
    client.batch_execute(pool::PLANS).await.unwrap();
    client
}

/// How the server goes about a statement, whatever the values.
async fn plan_of(client: &Client, sql: &str) -> String {
    client.batch_execute(&format!("DEALLOCATE ALL; PREPARE it AS {sql}")).await.unwrap();
    let values = (1..40).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
    let nulls = vec!["NULL"; values].join(", ");
    let nulls = if values == 0 { String::new() } else { format!("({nulls})") };
    let lines = client.query(&format!("EXPLAIN EXECUTE it{nulls}"), &[]).await.unwrap();
    lines.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
}

#[tokio::test]
async fn no_statement_reads_a_table_from_end_to_end_or_sorts_one() {
    let Some(schema) = Schema::new().await else { return };
    let client = planner(&schema).await;

    for sql in STATEMENTS {
        let plan = plan_of(&client, sql).await;
        for table in TABLES {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{sql}\n{plan}");
        }
        let sorts = plan.contains("Sort Key: jobs.") || plan.contains("Sort Key: j.");
        assert!(!sorts, "{sql}\n{plan}");
        // A scan of an index without a condition reads all of it.
        for (line, next) in plan.lines().zip(plan.lines().skip(1).chain([""])) {
            let whole =
                line.contains("Index") && line.contains("Scan using") && line.contains("_pkey");
            assert!(!whole || next.contains("Index Cond"), "{sql}\n{plan}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_again_and_again_is_answered_by_its_own_index() {
    let Some(schema) = Schema::new().await else { return };
    let client = planner(&schema).await;

    for (sql, indexes) in [
        (claim::LOOK, &["jobs_ready", "job_waits_queue", "jobs_holding"] as &[&str]),
        (claim::TAKE_READY, &["jobs_ready"]),
        (claim::TAKE_WAITING, &["job_waits_queue", "jobs_holding"]),
        (claim::NEXT, &["jobs_ready", "job_waits_queue", "jobs_holding"]),
        (claim::AWAITED, &["job_waits_queue"]),
        (claim::OCCUPIED, &["jobs_holding"]),
        (replica::FREE, &["jobs_leased"]),
        (files::EXPIRED, &["jobs_file_due"]),
        (files::KNOWN, &["jobs_output", "jobs_first_frame", "jobs_source", "characters_picture"]),
        (accept::OPEN, &["jobs_owned_open"]),
        (feed::ALL, &["feed_placed"]),
        (feed::OWNED, &["feed_owned"]),
        (feed::UNPLACED, &["feed_unplaced"]),
        (feed::PLACE, &["feed_unplaced"]),
        (feed::PRUNE, &["feed_aged"]),
        (idempotency_keys::PRUNE, &["repeats_expiring"]),
        (list::OWNED_NEWEST_FIRST, &["jobs_owned"]),
        (announce::OF_ALL, &["webhook_endpoints_owned"]),
        (announce::OF_ITS_OWNER, &["webhook_endpoints_owned"]),
        (endpoints::COUNT, &["webhook_endpoints_owned"]),
        (serve::WAITING, &["webhook_deliveries_due"]),
        (serve::FIRST_DUE, &["webhook_deliveries_due"]),
        (serve::FREE, &["webhook_endpoints_leased"]),
        (deliveries::NEWEST_FIRST, &["webhook_deliveries_to"]),
        (keys::COUNT_CHARACTERS, &["characters_owned"]),
        (keys::OWNED_CHARACTERS, &["characters_owned"]),
        (renders::UNANSWERED, &["jobs_holding"]),
        (renders::BEFORE, &["renders_begun"]),
        (renders::AFTER, &["renders_begun"]),
        (prune::ENDED, &["webhook_deliveries_ended"]),
        (prune::A_DELETED_ENDPOINT, &["webhook_endpoints_deleted"]),
        (list::NEWEST_FIRST, &["jobs_visible"]),
        (list::OLDEST_FIRST, &["jobs_visible"]),
    ] {
        let plan = plan_of(&client, sql).await;
        for index in indexes {
            assert!(plan.contains(index), "{sql}\n{plan}");
        }
    }
}
