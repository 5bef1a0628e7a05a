//! Commands that are stopped, or lose the gateway they talk to.

use crate::person::{Person, is_mp4, until};

#[test]
fn ctrl_c_cancels_the_video_and_leaves_nothing_behind() {
    let user = Person::new();
    let mut generate = user.starts(&["generate", "a kite", "--seconds", "100", "-o", "kite.mp4"]);
    generate.says("making video_");

    generate.signal("INT");
    let seen = generate.ends();

    assert_eq!(seen.code, 130, "{}", seen.stderr);
    assert!(seen.stderr.contains("was cancelled"), "{}", seen.stderr);
    assert_eq!(user.files(), [""; 0]);
    let newest = &user.asks(&["videos", "list"])["data"][0];
    assert_eq!(
        (&newest["status"], &newest["error"]["code"]),
        (&"failed".into(), &"cancelled".into())
    );
}

#[test]
fn a_command_ends_with_143_when_it_is_terminated() {
    let user = Person::new();
    let mut generate =
        user.starts(&["generate", "a kite", "--seconds", "100", "--json", "-o", "kite.mp4"]);
    generate.says("making video_");

    generate.signal("TERM");
    let seen = generate.ends();

    assert_eq!((seen.code, seen.stdout.as_str()), (143, ""));
    assert!(seen.stderr.contains(r#""code":"interrupted""#), "{}", seen.stderr);
}

#[test]
fn a_second_command_goes_on_when_the_first_is_killed() {
    let user = Person::new();
    let mut first = user.starts(&["generate", "a slow kite", "--seconds", "60", "-o", "slow.mp4"]);
    first.says("making video_");
    let small = ["--seconds", "1", "--size", "640x360"];
    let mut second = user.starts(&[&["generate", "a kite", "-o", "kite.mp4"], &small[..]].concat());
    second.says("using the running retake at http://127.0.0.1:");
    second.says("making video_");

    first.signal("KILL");
    // The first one's video comes before ours, and nobody waits for it any more.
    second.says("the server does not answer");
    let slow = until("the second command has taken over", || {
        let list = user.types(&["videos", "list", "--json", "-q"]);
        let list: serde_json::Value = serde_json::from_str(&list.stdout).ok()?;
        let videos = list["data"].as_array()?;
        let slow = videos.iter().find(|video| video["prompt"] == "a slow kite")?;
        Some(slow["id"].as_str()?.to_owned())
    });
    let cancelled = user.types(&["videos", "cancel", &slow]);
    let seen = second.ends();

    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(is_mp4(&user.here().join("kite.mp4")));
    assert_eq!(user.files(), ["kite.mp4"]);
}

#[test]
fn an_abandoned_video_is_finished_by_whoever_waits_for_it() {
    let user = Person::new();
    let mut generate = user.starts(&["generate", "a kite", "--seconds", "3", "-o", "kite.mp4"]);
    let line = generate.says("making video_");
    let id = line.split_whitespace().nth(1).unwrap();
    generate.signal("KILL");
    generate.ends();

    let now = user.types(&["videos", "download", id, "-o", "kite.mp4"]);
    let later = user.types(&["videos", "download", id, "-o", "kite.mp4", "--wait"]);

    assert_eq!(now.code, 1, "{}", now.stderr);
    assert!(now.stderr.contains("hint: add --wait"), "{}", now.stderr);
    assert_eq!(later.code, 0, "{}", later.stderr);
    assert!(is_mp4(&user.here().join("kite.mp4")));
}
