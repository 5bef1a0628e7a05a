//! Webhooks from the command line, and across a power cut.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};

use crate::{
    person::{Person, Seen},
    receiver::{NEAR, TAKEN, anywhere, receiver_at},
    server::Server,
};

const LIMIT: Duration = Duration::from_mins(4);

const BROKEN: &str = "HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n";

/// A person whose gateway reaches receivers on this machine, by way of no proxy.
fn types(user: &Person, arguments: &[&str]) -> Seen {
    let proxy = "http://127.0.0.1:1";
    let mut command = user.command(arguments);
    Seen::of(command.env(NEAR.0, NEAR.1).env("http_proxy", proxy).env("ALL_PROXY", proxy))
}

fn asks(user: &Person, arguments: &[&str]) -> Value {
    let seen = types(user, &[arguments, &["--json"]].concat());
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    seen.json()
}

#[test]
fn an_endpoint_is_made_tested_changed_and_deleted() {
    let (user, (url, bodies)) = (Person::new(), receiver_at(anywhere(), TAKEN));

    let made = types(&user, &["webhooks", "create", &url, "--name", "shop"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let secret = made.stdout.trim();
    assert!(secret.starts_with("whsec_") && made.stdout.lines().count() == 1, "{}", made.stdout);
    let id = made.stderr.split_whitespace().find(|word| word.starts_with("whep_")).unwrap();

    let tested = types(&user, &["webhooks", "test", id, "--event", "video.failed"]);
    assert_eq!((tested.code, tested.stderr.as_str()), (0, "the endpoint answered 204\n"));
    assert_eq!(bodies.recv_timeout(LIMIT).unwrap()["type"], "video.failed");
    let list = types(&user, &["webhooks", "list"]);
    assert!(list.stdout.contains("shop") && list.stdout.contains("works"), "{}", list.stdout);
    let off = types(&user, &["webhooks", "update", id, "--disable", "--event", "video.failed"]);
    assert!(off.stdout.contains("state      disabled\n"), "{}{}", off.stdout, off.stderr);
    let shown = asks(&user, &["webhooks", "show", id]);
    assert_eq!(shown["event_types"], json!(["video.failed"]));
    let rotated = asks(&user, &["webhooks", "rotate", id]);
    assert_ne!(rotated["signing_secret"], secret);
    assert!(rotated["retake"]["former_secret_until"].is_i64());
    let at_once = asks(&user, &["webhooks", "rotate", id, "--at-once"]);
    assert_eq!(at_once["retake"]["former_secret_until"], Value::Null);
    assert_eq!(types(&user, &["webhooks", "delete", id]).code, 0);
    assert_eq!(asks(&user, &["webhooks", "list"])["data"], json!([]));
}

#[test]
fn what_goes_wrong_comes_with_the_way_out() {
    let (user, (url, _bodies)) = (Person::new(), receiver_at(anywhere(), BROKEN));
    let made = asks(&user, &["webhooks", "create", &url]);
    let id = made["id"].as_str().unwrap();

    let broken = types(&user, &["webhooks", "test", id]);
    let private = user.types(&["webhooks", "create", &url]);
    let nobody = asks(&user, &["webhooks", "create", "http://127.0.0.1:1/"]);
    let silent = types(&user, &["webhooks", "test", nobody["id"].as_str().unwrap()]);
    let nothing = user.types(&["webhooks", "update", id]);
    let unknown = user.types(&["webhooks", "show", "whep_1"]);
    let no_delivery = user.types(&["webhooks", "redeliver", id, "evt_1"]);

    assert_eq!((broken.code, private.code, nothing.code, silent.code), (1, 2, 2, 1));
    assert!(silent.stderr.contains("brought no answer"), "{}", silent.stderr);
    assert!(broken.stderr.contains("the endpoint answered 500"), "{}", broken.stderr);
    assert!(private.stderr.contains("`server.allow_private_addresses`"), "{}", private.stderr);
    assert!(nothing.stderr.contains("nothing to change"), "{}", nothing.stderr);
    assert_eq!((unknown.code, no_delivery.code), (3, 3));
    assert!(unknown.stderr.contains("`retake webhooks list`"), "{}", unknown.stderr);
    assert!(no_delivery.stderr.contains("`retake webhooks deliveries"), "{}", no_delivery.stderr);
}

#[test]
fn a_video_made_on_the_command_line_is_told_and_can_be_told_again() {
    let (user, (url, bodies)) = (Person::new(), receiver_at(anywhere(), TAKEN));
    let made = asks(&user, &["webhooks", "create", &url]);
    let id = made["id"].as_str().unwrap();
    let mut serve = user.command(&["serve", "--bind", "127.0.0.1:0"]);
    let proxy = "http://127.0.0.1:1";
    serve.env(NEAR.0, NEAR.1).env("http_proxy", proxy).env("ALL_PROXY", proxy);
    let mut serve = crate::person::Running::of(&mut serve);
    serve.says("retake answers at");

    let seen = user.types(&["generate", "a kite", "-q", "--seconds", "1", "--size", "640x360"]);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    let told = bodies.recv_timeout(LIMIT).unwrap();
    assert_eq!(told["type"], "video.completed");
    let delivery = told["id"].as_str().unwrap();
    let again = user.types(&["webhooks", "redeliver", id, delivery]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(bodies.recv_timeout(LIMIT).unwrap(), told);

    let listed = user.types(&["webhooks", "deliveries", id]);
    assert!(listed.stdout.contains(delivery) && listed.stdout.contains("video.completed"));
    assert!(told["data"]["id"].as_str().is_some_and(|video| listed.stdout.contains(video)));
}

#[test]
fn a_notice_outlives_a_kill_9_and_arrives_when_the_receiver_is_back() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_with(home.path(), &[NEAR]);
    // An address where nobody is at home yet.
    let address = TcpListener::bind(anywhere()).unwrap().local_addr().unwrap();
    let endpoint = server.post(
        "/v1/webhook_endpoints",
        &json!({
            "name": "late", "url": format!("http://{address}/hook"),
            "event_types": ["video.completed"],
        }),
    );
    let id = endpoint["id"].as_str().unwrap();
    let video = server.create(&json!({ "prompt": "a kite", "seconds": "1", "size": "640x360" }));
    let deliveries = format!("/v1/webhook_endpoints/{id}/deliveries");
    server.until(&deliveries, "a first try", |page| {
        page["data"][0]["tries"].as_array().is_some_and(|tries| !tries.is_empty())
    });

    server.kill_9();
    let (_url, bodies) = receiver_at(address, TAKEN);
    let server = Server::start_with(home.path(), &[NEAR]);

    let told = bodies.recv_timeout(LIMIT).unwrap();
    assert_eq!(told["data"]["id"], video);
    let page =
        server.until(&deliveries, "delivered", |page| page["data"][0]["state"] == "delivered");
    assert_eq!(page["data"].as_array().unwrap().len(), 1, "{page:#}");
    assert_eq!(page["data"][0]["id"], told["id"]);
}
