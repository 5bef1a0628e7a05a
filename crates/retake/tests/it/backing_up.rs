//! Backups.

use crate::person::{Person, Seen, is_mp4};

#[test]
fn a_backup_made_under_a_running_gateway_is_a_data_directory_with_everything() {
    let user = Person::new();
    let mut serve = user.starts(&["serve", "--bind", "127.0.0.1:0"]);
    serve.says("retake answers at http://");
    let small = ["--seconds", "1", "--size", "640x360"];
    let video = user.asks(&[&["generate", "a kite", "-o", "kite.mp4"], &small[..]].concat());

    let backup = user.asks(&["backup", "copy"]);
    let again = user.types(&["backup", "copy"]);
    serve.signal("KILL");
    std::fs::remove_dir_all(user.data_dir()).unwrap();
    let id = video["id"].as_str().unwrap();
    let restored = user.types(&["videos", "download", id, "-o", "again.mp4", "--data-dir", "copy"]);

    assert!(backup["files"].as_u64().unwrap() >= 1, "{backup}");
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert!(is_mp4(&user.here().join("again.mp4")));
}

#[test]
fn there_is_no_backup_of_nothing_and_none_over_something() {
    let user = Person::new();
    std::fs::create_dir(user.here().join("full")).unwrap();
    std::fs::write(user.here().join("full/thesis.tex"), "").unwrap();

    let nothing = user.types(&["backup", "copy"]);
    user.asks(&["videos", "list"]);
    let over = user.types(&["backup", "full"]);
    let inside = user.data_dir().join("copy").display().to_string();
    let inside = user.types(&["backup", &inside]);
    let mut elsewhere = user.command(&["backup", "copy"]);
    let elsewhere = Seen::of(elsewhere.env("RETAKE_SERVER", "http://127.0.0.1:1"));

    assert_eq!((nothing.code, over.code), (2, 2), "{}{}", nothing.stderr, over.stderr);
    assert_eq!((inside.code, elsewhere.code), (2, 2), "{}{}", inside.stderr, elsewhere.stderr);
    assert!(inside.stderr.contains("lies in the data directory"), "{}", inside.stderr);
    assert!(elsewhere.stderr.contains("RETAKE_SERVER"), "{}", elsewhere.stderr);
    assert!(nothing.stderr.contains("holds no ledger"), "{}", nothing.stderr);
    assert!(over.stderr.contains("holds something already"), "{}", over.stderr);
}
