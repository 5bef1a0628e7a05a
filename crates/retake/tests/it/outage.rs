//! A ledger that is away for a while: callers are told to come back, and nothing that was accepted is lost.

use std::{collections::BTreeSet, ops::Range};

use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    clients::Clients,
    killing::{all_ended, each_was_made_and_told_once},
    postgres::Postgres,
    receiver::{Endpoint, NEAR},
    server::{Server, data_dir, until},
};

const CLIENTS: usize = 3;
/// Videos asked for before, while and after the ledger is away.
const BURST: usize = 4;

#[test]
fn a_database_that_is_cut_off_twice_costs_no_job_and_no_webhook() {
    let Some(database) = Postgres::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let url = database.url();
    let server = Server::start_with(home.path(), &[NEAR, ("RETAKE_DATABASE_URL", &url)]);
    let endpoint = Endpoint::at(&server);
    let clients = Clients::of(&server, CLIENTS);

    wish(&clients, 0..BURST);
    one_is_rendered(&server);
    database.stop();
    database.run();
    wish(&clients, BURST..2 * BURST);
    until("all were taken", || (clients.answers() == 2 * BURST).then_some(()));
    assert_eq!(clients.refusals(), 0, "a short absence goes unnoticed");

    one_is_rendered(&server);
    database.stop();
    wish(&clients, 2 * BURST..3 * BURST);
    says_when_to_come_back(&server.answer("/v1/videos"));
    says_when_to_come_back(&server.answer("/readyz"));
    assert_eq!(server.answer("/healthz").status(), StatusCode::OK);
    until("a client is told", || (clients.refusals() > 0).then_some(()));
    database.run();

    let answers = clients.leave();
    assert_eq!(answers.len(), 3 * BURST);
    let asked: BTreeSet<_> = answers.values().map(String::as_str).collect();
    each_was_made_and_told_once(&server, &endpoint, &all_ended(&server), &asked);
}

#[test]
fn a_ledger_that_somebody_keeps_locked_is_read_on_and_takes_videos_again_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_with(home.path(), &[NEAR]);
    let endpoint = Endpoint::at(&server);
    let clients = Clients::of(&server, CLIENTS);
    wish(&clients, 0..BURST);
    until("all were taken", || (clients.answers() == BURST).then_some(()));
    one_is_rendered(&server);

    let stranger = Connection::open(data_dir(home.path()).join("ledger.db")).unwrap();
    until("it is locked", || stranger.execute_batch("BEGIN IMMEDIATE").ok());
    wish(&clients, BURST..2 * BURST);
    until("a client is told", || (clients.refusals() > 0).then_some(()));
    let page = server.get("/v1/videos?limit=100");
    stranger.execute_batch("ROLLBACK").unwrap();

    assert_eq!(page["data"].as_array().unwrap().len(), BURST, "{page:#}");
    let answers = clients.leave();
    assert_eq!(answers.len(), 2 * BURST);
    let asked: BTreeSet<_> = answers.values().map(String::as_str).collect();
    each_was_made_and_told_once(&server, &endpoint, &all_ended(&server), &asked);
}

fn wish(clients: &Clients, numbers: Range<usize>) {
    for number in numbers {
        clients.wish(number);
    }
}

fn one_is_rendered(server: &Server) {
    server.until("/v1/videos?limit=100", "one is rendered", |page: &Value| {
        page["data"].as_array().unwrap().iter().any(|video| video["status"] == "in_progress")
    });
}

fn says_when_to_come_back(answer: &Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER), "{answer:?}");
}
