//! From the ledger in a data directory to one in a database.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    database::Schema,
    killing::was_made_once,
    person::Seen,
    server::{Server, data_dir},
};

const ALL: &str = "/v1/videos?limit=100";

/// Types a command over `home/data`.
fn types(home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Seen {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retake"));
    command.args(arguments).arg("--data-dir").arg(data_dir(home)).current_dir(home);
    Seen::of(command.env_clear().env("HOME", home).envs(variables.iter().copied()))
}

fn a_video(seed: usize) -> Value {
    json!({ "prompt": "a lighthouse", "seconds": "1", "size": "640x360", "seed": seed })
}

#[test]
fn finished_videos_and_open_jobs_of_a_killed_gateway_go_on_in_the_database() {
    let Some(schema) = Schema::of_test("moving") else { return };
    let home = tempfile::tempdir().unwrap();
    let files = home.path().join("files").display().to_string();
    let url = schema.url();
    let variables = [("RETAKE_DATABASE_URL", &*url), ("RETAKE_ASSETS__FOLDER", &*files)];
    let server = Server::start(home.path());
    let first = server.create(&a_video(0));
    let path = format!("/v1/videos/{first}");
    server.until(&path, "made", |video| video["status"] == "completed");
    let content = server.bytes(&format!("{path}/content"));
    for seed in 1..5 {
        server.create(&a_video(seed));
    }
    let before = server.get(ALL);
    server.kill_9();

    let moved = types(home.path(), &["migrate-store", "--json"], &variables);

    assert_eq!(moved.code, 0, "{}", moved.stderr);
    let told = moved.json();
    assert_eq!((&told["videos"], &told["keys"]), (&json!(5), &json!(0)), "{told}");
    let here = types(home.path(), &["videos", "list"], &[]);
    assert_eq!(here.code, 2, "{}", here.stdout);
    assert!(here.stderr.contains("RETAKE_DATABASE_URL"), "{}", here.stderr);
    assert!(here.stderr.contains("ledger.moved.db"), "{}", here.stderr);
    let server = Server::start_with(home.path(), &variables);
    let page = server.until(ALL, "all ended", |page| {
        let videos = page["data"].as_array().unwrap();
        videos.iter().all(|video| video["status"] == "completed")
    });
    let ids = |page: &Value| {
        let videos = page["data"].as_array().unwrap().iter();
        videos.map(|video| video["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&page), ids(&before));
    for video in page["data"].as_array().unwrap() {
        was_made_once(&server, video);
    }
    assert_eq!(server.bytes(&format!("{path}/content")), content);
    drop(server);
    let again = types(home.path(), &["migrate-store"], &variables);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains("was moved before"), "{}", again.stderr);
}

#[test]
fn a_ledger_stays_where_it_is_while_a_gateway_works_on_it_or_the_database_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = [("RETAKE_DATABASE_URL", "postgres://me:s3cret@127.0.0.1:1/retake")];
    let empty = types(home.path(), &["migrate-store"], &nowhere);
    let server = Server::start(home.path());

    let unnamed = types(home.path(), &["migrate-store"], &[]);
    let busy = types(home.path(), &["migrate-store"], &nowhere);
    server.create(&a_video(0));
    drop(server);
    let unreachable = types(home.path(), &["migrate-store"], &nowhere);

    assert_eq!((empty.code, unnamed.code, busy.code, unreachable.code), (2, 2, 1, 1));
    assert!(empty.stderr.contains("nothing to move"), "{}", empty.stderr);
    assert!(unnamed.stderr.contains("RETAKE_DATABASE_URL=postgres://"), "{}", unnamed.stderr);
    assert!(busy.stderr.contains("end the gateway"), "{}", busy.stderr);
    assert!(unreachable.stderr.contains("127.0.0.1:1"), "{}", unreachable.stderr);
    assert!(!unreachable.stderr.contains("s3cret"), "{}", unreachable.stderr);
    assert_eq!(types(home.path(), &["videos", "list"], &[]).code, 0, "it is as it was");
}
