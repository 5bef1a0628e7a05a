//! Servers that are not there, are something else, or do not mean well.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use insta::assert_snapshot;

use crate::person::Person;

/// Answers each request with the next of `answers`, the last one again and again.
fn stranger(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let request = BufReader::new(stream.try_clone().unwrap());
            // The end of the headers is enough: nothing here depends on a body.
            let _ =
                request.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).count();
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let answer = &answers[number.min(answers.len() - 1)];
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, count)
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         x-request-id: req_1\r\nconnection: close\r\n\r\n{body}"
    )
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let user = Person::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let seen = user.types(&["models", "--server", &format!("http://{free}")]);

    assert_eq!(seen.code, 4);
    assert!(seen.stderr.contains(&format!("cannot reach the server at http://{free}: ")));
    assert!(seen.stderr.contains("hint: start one with `retake serve`"), "{}", seen.stderr);
}

#[test]
fn a_url_that_is_none_is_refused() {
    let endings = ["nonsense", "ftp://example.com"].map(|url| {
        let seen = Person::new().types(&["models", "--server", url]);
        seen.ending()
    });

    assert_snapshot!(endings.join("\n"), @r"
    [2]
    error: `nonsense` is not the URL of a server: relative URL without a base
    hint: it looks like http://127.0.0.1:8080
    [2]
    error: `ftp://example.com` is not the URL of a server: it has to begin with http:// or https:// and name a host
    hint: it looks like http://127.0.0.1:8080
    ");
}

#[test]
fn a_server_of_another_kind_is_recognised() {
    let page = answer("200 OK", "text/html", "<html>");
    let missing = answer("404 Not Found", "text/html", "<html>");

    for page in [page, missing] {
        let (url, _) = stranger(vec![page]);
        let seen = Person::new().types(&["models", "--server", &url]);

        assert_eq!(seen.code, 4, "{}", seen.stderr);
        assert!(seen.stderr.contains("does not answer like a Retake gateway"), "{}", seen.stderr);
    }
}

#[test]
fn an_error_of_the_server_is_told_with_its_request_and_cannot_command_the_terminal() {
    let body = r#"{"error":{"message":"no \u001b[31mroom","type":"server_error","param":null,"code":"storage_full"}}"#;
    let (url, _) = stranger(vec![answer("503 Service Unavailable", "application/json", body)]);

    let seen = Person::new().types(&["generate", "a kite", "--server", &url]);

    assert_eq!(seen.code, 5);
    assert!(seen.stderr.contains(r"error: no \u{1b}[31mroom (request req_1)"), "{}", seen.stderr);
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let video = |status: &str| {
        let body = format!(
            r#"{{"id":"video_1","object":"video","status":"{status}","error":{{"code":"capacity","message":"all busy"}}}}"#
        );
        answer("200 OK", "application/json", &body)
    };
    let oops =
        answer("500 Internal Server Error", "application/json", r#"{"error":{"message":"oops"}}"#);
    let (url, count) = stranger(vec![video("queued"), oops, String::new(), video("failed")]);

    let seen = Person::new().types(&["generate", "a kite", "--server", &url]);

    assert_eq!(count.load(Ordering::SeqCst), 4, "{}", seen.stderr);
    assert_eq!(seen.code, 1);
    assert!(seen.stderr.contains("error: video_1 failed: all busy"), "{}", seen.stderr);
}

#[test]
fn a_file_that_arrives_damaged_is_not_kept() {
    let body = r#"{"id":"video_1","object":"video","status":"completed","prompt":"a kite",
        "retake":{"output":{"bytes":4,"sha256":"00","width":1,"height":1,"duration_ms":1}}}"#;
    let video = answer("200 OK", "application/json", body);
    let (url, _) = stranger(vec![video, answer("200 OK", "video/mp4", "oops")]);
    let user = Person::new();

    let seen = user.types(&["videos", "download", "video_1", "--server", &url]);

    assert_eq!(seen.code, 1, "{}", seen.stderr);
    assert!(seen.stderr.contains("arrived damaged"), "{}", seen.stderr);
    assert_eq!(user.files(), [""; 0]);
}
