//! API keys from the command line.

use crate::person::{Person, Seen};

#[test]
fn a_key_that_was_made_here_lets_a_gateway_bind_elsewhere_and_a_caller_in() {
    let user = Person::new();
    let early = user.types(&["serve", "--bind", "0.0.0.0:0"]);
    assert_eq!(early.code, 2, "{}", early.stderr);
    assert!(early.stderr.contains("`retake keys create NAME`"), "{}", early.stderr);

    let key = user.asks(&["keys", "create", "laptop", "--max-open", "2", "--expires-in", "30d"]);
    let secret = key["key"].as_str().unwrap();
    let mut serve = user.starts(&["serve", "--bind", "0.0.0.0:0"]);
    let line = serve.says("retake answers at http://");
    let port = line.split("0.0.0.0:").nth(1).unwrap().split('/').next().unwrap();
    let server = format!("http://127.0.0.1:{port}");

    let elsewhere = Person::new();
    let models = ["models", "--server", &server];
    let without = elsewhere.types(&models);
    let with = Seen::of(elsewhere.command(&models).env("RETAKE_API_KEY", secret));
    let near = user.types(&["videos", "list"]);

    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("hint: set RETAKE_API_KEY"), "{}", without.stderr);
    assert_eq!((with.code, near.code), (0, 0), "{}{}", with.stderr, near.stderr);
}

#[test]
fn keys_are_listed_without_themselves_and_revoked() {
    let user = Person::new();
    let key = user.asks(&["keys", "create", "laptop"]);
    let id = key["id"].as_str().unwrap();

    let revoked = user.types(&["keys", "revoke", id]);
    let list = user.types(&["keys", "list"]);
    let unknown = user.types(&["keys", "revoke", "laptop"]);

    assert_eq!((revoked.code, list.code, unknown.code), (0, 0, 3), "{}", unknown.stderr);
    assert!(list.stdout.contains("laptop") && list.stdout.contains("revoked"), "{}", list.stdout);
    assert!(!list.stdout.contains(key["key"].as_str().unwrap()));
    assert!(unknown.stderr.contains("`retake keys list`"), "{}", unknown.stderr);
}

#[test]
fn a_time_that_is_none_makes_no_key() {
    let user = Person::new();

    for time in ["soon", "forever", "0s", "-5m"] {
        let seen = user.types(&["keys", "create", "laptop", &format!("--expires-in={time}")]);
        assert_eq!(seen.code, 2, "{time}: {}", seen.stderr);
    }
    assert_eq!(user.asks(&["keys", "list"])["data"].as_array().unwrap().len(), 0);
}
