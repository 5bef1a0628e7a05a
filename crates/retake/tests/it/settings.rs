//! Settings as the command line reads and shows them.

use insta::assert_snapshot;

use crate::person::{Person, Seen};

#[test]
fn wrong_settings_are_told_all_at_once() {
    let user = Person::new();
    let file =
        "defalt_model = \"animatic\"\n[server]\nshutdown_grace = \"5h\"\nmax_upload = \"lots\"\n";
    std::fs::write(user.here().join("retake.toml"), file).unwrap();

    let seen = user.types(&["config", "check"]);

    assert_snapshot!(seen.ending(), @r#"
    [2]
    error: 3 settings cannot be used: 
      retake.toml:1: defalt_model: found an unknown key, expected one of data_dir, default_model, catalog, server, assets, renderer, accounts, models, policy, log; did you mean `default_model`?
      retake.toml:4: server.max_upload: found "lots", expected a size with its unit such as "32MiB"; write it as in `retake config reference`, under server.max_upload
      retake.toml:3: server.shutdown_grace: found 5h, expected between 0s and 1h; choose a duration in that range
    hint: `retake config reference` shows every setting with its default
    "#);
    assert_eq!(user.types(&["generate", "a kite"]).code, 2, "and nothing works with them");
}

#[test]
fn each_value_in_force_is_shown_with_its_source() {
    let user = Person::new();
    std::fs::write(user.here().join("retake.toml"), "[policy]\nmax_attempts = 2\n").unwrap();
    let mut command = user.command(&["config", "show", "--data-dir", "videos"]);

    let seen = Seen::of(command.env("RETAKE_LOG__LEVEL", "debug"));

    assert_eq!(seen.code, 0, "{}", seen.stderr);
    for line in [
        "max_attempts = 2 # retake.toml:2",
        "level = \"debug\" # RETAKE_LOG__LEVEL",
        "max_upload = \"32MiB\" # default",
    ] {
        assert!(seen.stdout.lines().any(|shown| shown == line), "{line} in\n{}", seen.stdout);
    }
    assert!(seen.stdout.lines().next().unwrap().ends_with("/here/videos\" # --data-dir"));
}

#[test]
fn the_reference_is_a_settings_file() {
    let user = Person::new();
    let reference = user.types(&["config", "reference"]).stdout;
    std::fs::write(user.here().join("all.toml"), reference).unwrap();

    let seen = user.types(&["config", "check", "--config", "all.toml"]);

    let told = "all.toml is fine\nthe ledger is in the data directory\n";
    assert_eq!((seen.code, seen.stderr.as_str()), (0, told));
}

#[test]
fn a_settings_file_that_is_not_there_or_no_toml_is_refused() {
    let user = Person::new();
    std::fs::write(user.here().join("broken.toml"), "[server\n").unwrap();

    let missing = user.types(&["models", "--config", "nope.toml"]);
    let broken = user.types(&["models", "--config", "broken.toml"]);

    assert_eq!((missing.code, broken.code), (2, 2));
    assert!(
        missing.stderr.contains("there is no settings file at nope.toml"),
        "{}",
        missing.stderr
    );
    assert!(broken.stderr.contains("broken.toml is not valid TOML: line 1"), "{}", broken.stderr);
}
