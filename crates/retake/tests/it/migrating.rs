//! From the ledger in a data directory to one in a database.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

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
    assert!(again.stderr.contains("was moved to a database before"), "{}", again.stderr);
}

#[test]
fn a_ledger_stays_where_it_is_while_a_gateway_works_on_it_or_the_database_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = [("RETAKE_DATABASE_URL", "postgres://me:s3cret@127.0.0.1:1/retake")];
    let empty = types(home.path(), &["migrate-store"], &nowhere);
    assert!(!data_dir(home.path()).exists(), "nothing was made of a folder that is not there");
    let server = Server::start(home.path());

    let unnamed = types(home.path(), &["migrate-store"], &[]);
    let busy = types(home.path(), &["migrate-store"], &nowhere);
    server.create(&a_video(0));
    drop(server);
    let unreachable = types(home.path(), &["migrate-store"], &nowhere);

    assert_eq!((empty.code, unnamed.code, busy.code, unreachable.code), (2, 2, 1, 4));
    assert!(empty.stderr.contains("nothing to move"), "{}", empty.stderr);
    assert!(unnamed.stderr.contains("RETAKE_DATABASE_URL=postgres://"), "{}", unnamed.stderr);
    assert!(busy.stderr.contains("end the gateway"), "{}", busy.stderr);
    assert!(unreachable.stderr.contains("127.0.0.1:1"), "{}", unreachable.stderr);
    assert!(!unreachable.stderr.contains("s3cret"), "{}", unreachable.stderr);
    assert_eq!(types(home.path(), &["videos", "list"], &[]).code, 0, "it is as it was");
}

#[test]
fn a_move_that_is_killed_again_and_again_goes_on_and_leaves_one_ledger() {
    let Some(schema) = Schema::of_test("moving_killed") else { return };
    let home = tempfile::tempdir().unwrap();
    let url = schema.url();
    let variables = [("RETAKE_DATABASE_URL", &*url)];
    let server = Server::start(home.path());
    let asked: BTreeSet<String> = (0..40).map(|seed| server.create(&a_video(seed))).collect();
    server.kill_9();

    let early = types(home.path(), &["videos", "list"], &variables);
    assert_eq!(early.code, 2, "{}", early.stdout);
    assert!(early.stderr.contains("`retake migrate-store` moves it there"), "{}", early.stderr);
    let moving = data_dir(home.path()).join("ledger.moving.db");
    for tenths in 0.. {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retake"));
        command.args(["migrate-store", "--quiet", "--data-dir"]).arg(data_dir(home.path()));
        command.env_clear().env("HOME", home.path()).envs(variables).stdout(Stdio::null());
        let mut process = command.spawn().unwrap();
        thread::park_timeout(Duration::from_micros(tenths * 4_000));
        process.kill().unwrap();
        let ended = process.wait().unwrap();
        if moving.exists() {
            for variables in [&variables[..], &[]] {
                let between = types(home.path(), &["videos", "list"], variables);
                assert_eq!(between.code, 2, "{}", between.stdout);
                assert!(between.stderr.contains("was broken off"), "{}", between.stderr);
            }
        }
        if ended.success() || data_dir(home.path()).join("ledger.moved.db").exists() {
            break;
        }
    }

    let page = types(home.path(), &["videos", "list", "--limit", "100", "--json"], &variables);
    assert_eq!(page.code, 0, "{}", page.stderr);
    let page = page.json();
    let videos = page["data"].as_array().unwrap().iter();
    let there: BTreeSet<String> =
        videos.map(|video| video["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(there, asked);
}
