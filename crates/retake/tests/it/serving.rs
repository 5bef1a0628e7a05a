//! The gateway as a process, and commands that talk to it.

use crate::person::{Person, Running, Seen, is_mp4};

/// Starts a gateway on a free port and returns it with its URL.
fn serve(person: &Person) -> (Running, String) {
    let mut serve = person.starts(&["serve", "--bind", "127.0.0.1:0"]);
    let line = serve.says("retake answers at http://");
    let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    (serve, url.to_owned())
}

#[test]
fn a_running_gateway_is_found_and_used_and_stops_when_it_is_told_to() {
    let user = Person::new();
    let (gateway, url) = serve(&user);
    let small = ["--seconds", "1", "--size", "640x360"];

    let seen = user.types(&[&["generate", "a kite", "-o", "kite.mp4"], &small[..]].concat());
    let second = user.types(&["serve", "--bind", "127.0.0.1:0"]);
    gateway.signal("TERM");
    let ended = gateway.ends();

    assert_eq!(seen.code, 0, "{}", seen.stderr);
    let server = url.trim_end_matches("/v1");
    assert!(seen.stderr.contains(&format!("using the running retake at {server}")));
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("is in use by the retake at"), "{}", second.stderr);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!user.data_dir().join("server.json").exists());
    assert_eq!(user.asks(&["videos", "list"])["data"][0]["status"], "completed");
}

#[test]
fn a_gateway_elsewhere_is_used_by_flag_and_by_variable() {
    let (user, other) = (Person::new(), Person::new());
    let (_gateway, url) = serve(&user);
    let small = ["--seconds", "1", "--size", "640x360"];

    let made = other
        .types(&[&["generate", "a kite", "-o", "kite.mp4", "--server", &url], &small[..]].concat());
    let list = Seen::of(other.command(&["videos", "list", "--json"]).env("RETAKE_SERVER", &url));
    let doctor = other.types(&["doctor", "--server", &url]);

    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(is_mp4(&other.here().join("kite.mp4")));
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 1);
    assert!(doctor.stdout.starts_with("✓ server: gateway "), "{}", doctor.stdout);
    assert!(!other.data_dir().exists(), "the data directory here is not touched");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let (user, other) = (Person::new(), Person::new());
    let (_gateway, url) = serve(&user);
    let address = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();

    let seen = other.types(&["serve", "--bind", &address]);

    assert_eq!(seen.code, 1);
    assert!(seen.stderr.contains(&format!("cannot listen on {address}")), "{}", seen.stderr);
}
