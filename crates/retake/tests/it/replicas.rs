//! Three gateways on one PostgreSQL database and one folder of files.
//!
//! They run where the tests have a database, in a schema of their own.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};

use crate::{database::Schema, killing::was_made_once, server::Server};

/// Videos asked for at each replica.
const AT_EACH: usize = 4;
/// A replica that was silent for this long has lost its jobs.
const LEASE: &str = "6s";

fn replica(home: &Path, name: &str, schema: &Schema) -> Server {
    let own = home.join(name);
    std::fs::create_dir_all(&own).unwrap();
    let files = home.join("files");
    std::fs::create_dir_all(&files).unwrap();
    let variables = [
        ("RETAKE_DATABASE_URL", schema.url()),
        ("RETAKE_ASSETS__FOLDER", files.display().to_string()),
        ("RETAKE_ASSETS__MIN_FREE_SPACE", "0 B".to_owned()),
        ("RETAKE_POLICY__LEASE", LEASE.to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Server::start_with(&own, &variables)
}

fn all_completed(page: &Value) -> bool {
    let videos = page["data"].as_array().unwrap();
    videos.iter().all(|video| video["status"] == "completed")
}

#[test]
fn nothing_is_lost_or_made_twice_when_one_replica_is_killed_and_another_is_stopped_for_long() {
    let Some(schema) = Schema::of_test("replicas") else { return };
    let home = tempfile::tempdir().unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|name| replica(home.path(), name, &schema));
    let wish = json!({ "prompt": "a lighthouse at dusk", "seconds": "4", "size": "640x360" });
    let mut asked = BTreeSet::new();
    for at in [&one, &two, &three] {
        asked.extend((0..AT_EACH).map(|_| at.create(&wish)));
    }
    let page = "/v1/videos?limit=100";
    three.until(page, "renders have begun", |page| {
        let videos = page["data"].as_array().unwrap();
        videos.iter().filter(|video| video["status"] == "in_progress").count() >= 2
    });

    one.kill_9();
    two.signal("STOP");
    let ended = three.until(page, "the third has finished the work of all", all_completed);
    two.signal("CONT");
    let late = two.create(&wish);
    two.until(page, "the second works again", all_completed);

    let listed = |page: &Value| -> BTreeSet<String> {
        let videos = page["data"].as_array().unwrap().iter();
        videos.map(|video| video["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&ended), asked);
    asked.insert(late);
    let page = two.get(page);
    assert_eq!(listed(&page), asked);
    for video in page["data"].as_array().unwrap() {
        was_made_once(&three, video);
    }
}

#[test]
fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_retake"))
        .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
        .arg(home.path().join("data"))
        .env_clear()
        .env("HOME", home.path())
        .env("RETAKE_DATABASE_URL", "postgres://me:s3cret@127.0.0.1:1/retake")
        .current_dir(home.path())
        .output()
        .unwrap();

    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("127.0.0.1:1"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}
