//! Input that cannot be used, and output that cannot be written: refused before anything is done.

use insta::assert_snapshot;

use crate::person::Person;

#[test]
fn a_file_that_exists_is_not_overwritten() {
    let user = Person::new();
    std::fs::write(user.here().join("kite.mp4"), "precious").unwrap();

    let seen = user.types(&["generate", "a kite", "-o", "kite.mp4"]);

    assert_snapshot!(seen.ending(), @r"
    [5]
    error: `kite.mp4` exists already
    hint: choose another name with -o FILE, or overwrite it with --force
    ");
    assert_eq!(std::fs::read_to_string(user.here().join("kite.mp4")).unwrap(), "precious");
    assert!(!user.data_dir().exists(), "nothing was begun");
}

#[test]
fn a_video_of_either_type_is_not_overwritten_under_a_name_of_ours() {
    for name in ["a-kite.mp4", "a-kite.webm"] {
        let user = Person::new();
        std::fs::write(user.here().join(name), "precious").unwrap();

        let seen = user.types(&["generate", "a kite"]);

        assert_eq!(seen.code, 5, "{}", seen.stderr);
        assert!(seen.stderr.contains(&format!("`{name}` exists already")), "{}", seen.stderr);
        assert!(!user.data_dir().exists(), "nothing was begun");
    }
}

#[test]
fn a_place_that_takes_no_file_is_refused() {
    let user = Person::new();
    std::fs::create_dir(user.here().join("films")).unwrap();
    std::fs::write(user.here().join("notes"), "").unwrap();

    let endings = ["films", "nowhere/kite.mp4", "notes/kite.mp4", "films/.."].map(|place| {
        let seen = user.types(&["generate", "a kite", "-o", place]);
        seen.ending()
    });

    assert_snapshot!(endings.join("\n"), @r"
    [5]
    error: `films` is a folder
    hint: name a file in it: -o films/a-kite.mp4
    [5]
    error: there is no folder `nowhere` for the video
    hint: create it with `mkdir -p nowhere`, or choose another with -o FILE
    [5]
    error: there is no folder `notes` for the video
    hint: create it with `mkdir -p notes`, or choose another with -o FILE
    [5]
    error: `films/..` is a folder
    hint: name a file in it: -o films/../a-kite.mp4
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_and_a_disk_that_take_nothing_are_refused() {
    let user = Person::new();

    let folder = user.types(&["generate", "a kite", "-o", "/proc/kite.mp4"]);
    let small = ["--seconds", "1", "--size", "640x360"];
    let disk = user.types(&[&["generate", "a kite", "-q", "-o", "/dev/full"], &small[..]].concat());

    assert_eq!(folder.code, 5);
    assert!(folder.stderr.contains("cannot write `/proc/kite.mp4`"), "{}", folder.stderr);
    assert_eq!(disk.code, 5);
    assert!(disk.stderr.contains("No space left on device"), "{}", disk.stderr);
    assert!(disk.stderr.contains("the video is kept: `retake videos download video_"));
}

#[test]
fn a_request_that_no_model_can_take_is_refused_with_what_can_be_asked() {
    let user = Person::new();
    let refused = |arguments: &[&str]| {
        let seen = user.types(&[&["generate", "-o", "kite.mp4"], arguments].concat());
        assert_eq!((seen.code, seen.stdout.as_str()), (2, ""), "{arguments:?}: {}", seen.stderr);
        seen.stderr
    };

    assert!(refused(&[""]).contains("the prompt is empty"));
    assert!(refused(&["a kite", "--seconds", "999"]).contains("1 to 120 seconds, not 999"));
    assert!(refused(&["a kite", "--size", "17x17"]).contains("1280x720"));
    assert!(refused(&["a kite", "--model", "animatc"]).contains("did you mean `animatic`?"));
    assert!(refused(&["a kite", "--reference", "nope.png"]).contains("`nope.png` cannot be read"));
    assert!(refused(&["a kite", "--reference", "."]).contains("is no file"));
    std::fs::write(user.here().join("notes.png"), "no picture").unwrap();
    assert!(refused(&["a kite", "--reference", "notes.png"]).contains("not a JPEG, PNG or WebP"));
    assert_eq!(user.asks(&["videos", "list"])["data"], serde_json::json!([]));
}

#[test]
fn an_upload_beyond_the_limit_is_refused_as_such() {
    let user = Person::new();
    std::fs::write(user.here().join("huge.png"), vec![0; 40 << 20]).unwrap();

    let seen = user.types(&["generate", "a kite", "--reference", "huge.png"]);

    assert_eq!(seen.code, 2, "{}", seen.stderr);
    assert!(seen.stderr.contains("more than 32MiB"), "{}", seen.stderr);
}

#[test]
fn a_refusal_is_json_for_those_who_asked_for_json() {
    let user = Person::new();
    let refused = |arguments: &[&str]| {
        let seen = user.types(arguments);
        assert_eq!(seen.stdout, "");
        let error: serde_json::Value = serde_json::from_str(&seen.stderr).unwrap();
        assert_eq!(error["error"]["exit_code"], seen.code);
        (seen.code, error["error"]["code"].clone())
    };

    assert_eq!(refused(&["--json", "videos", "show", "nope"]), (3, "video_not_found".into()));
    assert_eq!(refused(&["generate", "x", "--seconds", "x", "--json"]), (2, ().into()));
    assert_eq!(refused(&["generate", "x", "-o", "-", "--json"]), (2, ().into()));
}

#[test]
fn a_data_directory_that_is_none_is_refused() {
    let user = Person::new();
    std::fs::write(user.here().join("thesis.tex"), "").unwrap();

    let foreign = user.types(&["videos", "list", "--data-dir", "."]);
    let file = user.types(&["videos", "list", "--data-dir", "thesis.tex"]);
    let below = user.types(&["videos", "list", "--data-dir", "thesis.tex/data"]);

    assert_eq!((foreign.code, file.code, below.code), (2, 2, 5));
    assert!(foreign.stderr.contains("holds other things (`thesis.tex`)"), "{}", foreign.stderr);
    assert!(file.stderr.contains("is a file"), "{}", file.stderr);
    assert!(below.stderr.contains("cannot be created"), "{}", below.stderr);
    assert_eq!(user.files(), ["thesis.tex"]);
}

#[test]
fn a_ledger_that_is_no_ledger_is_refused_and_left_alone() {
    let user = Person::new();
    user.asks(&["videos", "list"]);
    let ledger = user.data_dir().join("ledger.db");
    std::fs::write(&ledger, "no database".repeat(1000)).unwrap();

    let seen = user.types(&["videos", "list"]);

    assert_eq!(seen.code, 2, "{}", seen.stderr);
    assert!(
        seen.stderr.starts_with("error: ") && !seen.stderr.contains("panicked"),
        "{}",
        seen.stderr
    );
    assert_eq!(std::fs::read(&ledger).unwrap(), "no database".repeat(1000).as_bytes());
}
