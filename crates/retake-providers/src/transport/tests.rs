//! The transport against a server that does what a test says.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use secrecy::SecretString;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const KEY: &str = "key_of_nobody_0123456789";

/// Answers the nth connection with the nth text, the last one for ever; an empty text breaks it off. Returns its
/// address and what it was sent.
async fn server(answers: &[&str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let answers: Vec<_> = answers.iter().map(|text| (*text).to_owned()).collect();
    let ears = Arc::clone(&heard);
    let serve = async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 64 << 10];
            let read = socket.read(&mut buffer).await.unwrap_or(0);
            let number = {
                let mut heard = ears.lock().unwrap();
                heard.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                heard.len()
            };
            let answer = answers.get(number - 1).or(answers.last()).unwrap();
            socket.write_all(answer.as_bytes()).await.ok();
        }
    };
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(serve);
    (url, heard)
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn with_key(call: Call) -> Call {
    call.header("authorization", Value::credentials("Bearer", &SecretString::from(KEY)))
}

async fn send(url: &str, call: &Call) -> (Answer, Vec<retake_core::evidence::Exchange>) {
    let log = Log::default();
    let answer = Transport::new(url).unwrap().send(call, Timestamp::UNIX_EPOCH, &log).await;
    (answer, log.take())
}

#[tokio::test]
async fn a_create_is_sent_once_even_if_its_connection_breaks() {
    let (url, heard) = server(&[""]).await;

    let (answer, kept) = send(&url, &Call::post(format!("{url}/videos"), json!({}))).await;

    assert!(answer.unwrap_err().sent);
    assert_eq!((heard.lock().unwrap().len(), kept.len()), (1, 1));
}

#[tokio::test]
async fn a_question_is_asked_again_when_its_connection_breaks() {
    let (url, heard) = server(&["", &answer("200 OK", "{}")]).await;

    let (answer, kept) = send(&url, &Call::get(format!("{url}/videos"))).await;

    assert_eq!(answer.unwrap().status, 200);
    assert_eq!((heard.lock().unwrap().len(), kept.len()), (2, 2));
}

#[tokio::test]
async fn a_call_that_found_no_connection_was_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let (answer, kept) =
        send(&format!("http://{free}"), &Call::post(format!("http://{free}/"), json!({}))).await;

    assert!(!answer.unwrap_err().sent);
    assert!(kept[0].failure.as_ref().unwrap().starts_with("no connection"), "{kept:?}");
}

#[tokio::test]
async fn an_answer_that_is_longer_than_allowed_is_no_answer() {
    let (url, _) = server(&[&answer("200 OK", &"x".repeat(5000))]).await;
    let call = Call { largest_answer: 4096, ..Call::post(format!("{url}/"), json!({})) };

    let (answer, _) = send(&url, &call).await;

    let problem = answer.unwrap_err();
    assert!(problem.sent && problem.message.contains("4096 bytes"), "{problem}");
}

#[tokio::test]
async fn a_key_that_an_answer_repeats_is_cut_out_before_anybody_reads_it() {
    let (url, _) = server(&[&answer("401 Unauthorized", &format!("no such key: {KEY}"))]).await;

    let (answer, kept) = send(&url, &with_key(Call::get(format!("{url}/")))).await;

    assert_eq!(&answer.unwrap().body[..], b"no such key: [secret]");
    assert!(!serde_json::to_string(&kept).unwrap().contains(KEY));
}

#[tokio::test]
async fn a_download_that_is_led_to_another_server_leaves_the_key_behind() {
    let (elsewhere, heard_there) = server(&[&answer("200 OK", "film")]).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {elsewhere}/film\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let (url, heard_here) = server(&[&redirect]).await;
    let transport = Transport::new(&url).unwrap();
    let call = with_key(Call::get(format!("{url}/film")));

    let opened = transport.download(&call, Timestamp::UNIX_EPOCH, &Log::default()).await;

    let mut pieces = opened.unwrap().unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "film");
    assert!(heard_here.lock().unwrap()[0].contains(KEY));
    assert!(!heard_there.lock().unwrap()[0].contains(KEY));
}

#[tokio::test]
async fn an_answer_of_a_public_provider_leads_to_no_private_place() {
    let transport = Transport::new("https://api.example.com/v1").unwrap();
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/film.mp4",
        "https://[::1]/film.mp4",
        "http://cdn.example.com/film.mp4",
        "http://api.example.com/film.mp4",
        "file:///etc/passwd",
        "no address",
    ] {
        let opened =
            transport.download(&Call::get(url), Timestamp::UNIX_EPOCH, &Log::default()).await;

        assert!(matches!(opened, Err(FetchError::Gone(_))), "{url}");
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_ends_in_a_fault() {
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let (url, _) = server(&[broken]).await;
    let transport = Transport::new(&url).unwrap();
    let call = Call::get(format!("{url}/film"));

    let opened = transport.download(&call, Timestamp::UNIX_EPOCH, &Log::default()).await;
    let pieces: Vec<_> = opened.unwrap().unwrap().collect().await;

    assert!(pieces.last().unwrap().is_err(), "{pieces:?}");
}
