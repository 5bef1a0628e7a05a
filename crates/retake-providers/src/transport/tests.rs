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
pub(crate) async fn server<T: AsRef<[u8]>>(answers: &[T]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let answers: Vec<_> = answers.iter().map(|bytes| bytes.as_ref().to_vec()).collect();
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
            socket.write_all(answer).await.ok();
        }
    };
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(serve);
    (url, heard)
}

pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The same, compressed.
fn packed(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let body = encoding::compressed(body);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
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
async fn an_answer_that_is_compressed_unasked_is_read_and_its_length_is_bounded() {
    for headers in ["content-encoding: gzip\r\n", ""] {
        let body = format!(r#"{{"id":"v_1","note":"{KEY}"}}"#);
        let (url, _) = server(&[packed("200 OK", headers, body.as_bytes())]).await;
        let (answer, kept) = send(&url, &with_key(Call::post(&url, json!({})))).await;
        assert_eq!(answer.unwrap().json().unwrap()["note"], "[secret]");
        assert!(kept[0].received.as_ref().unwrap().contains("v_1"), "{kept:?}");
    }
    let (url, _) = server(&[packed("200 OK", "", &vec![b' '; 5 << 20])]).await;
    let (answer, _) = send(&url, &Call::post(&url, json!({}))).await;
    let problem = answer.unwrap_err();
    assert!(problem.sent && problem.message.contains("4194304 bytes"), "{problem}");
}

#[tokio::test]
async fn a_file_that_is_compressed_unasked_comes_plain_and_one_in_another_encoding_comes_later() {
    let open = async |answer: Vec<u8>| {
        let (url, _) = server(&[answer]).await;
        let transport = Transport::new(&url).unwrap();
        transport.download(&Call::get(url), Timestamp::UNIX_EPOCH, &Log::default()).await
    };
    for headers in ["content-encoding: gzip\r\n", ""] {
        let file = open(packed("200 OK", headers, b"film")).await.unwrap().unwrap();
        let pieces: Vec<_> = file.map(|piece| piece.unwrap()).collect().await;
        assert_eq!(pieces.concat(), b"film");
    }
    let undone = answer("200 OK\r\ncontent-encoding: gzip", "film");
    let file = open(undone.into_bytes()).await.unwrap().unwrap();
    assert_eq!(file.map(|piece| piece.unwrap()).collect::<Vec<_>>().await.concat(), b"film");

    let refused = open(packed("410 Gone", "", b"no such film")).await.unwrap().err().unwrap();
    assert_eq!(&refused.body[..], b"no such film");
    let other = answer("200 OK\r\ncontent-encoding: br", "film");
    let Err(FetchError::Later(fault)) = open(other.into_bytes()).await else { panic!("opened") };
    assert!(fault.message.contains("`br`"), "{fault}");
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

/// A resolver that knows these names.
struct Names(&'static [(&'static str, &'static str)]);

impl Reconciliation for Names {
    fn look_up<'a>(
        &'a self,
        host: &'a str,
    ) -> futures::future::BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let found = self.0.iter().filter(|(name, _)| *name == host);
        let found = found.map(|(_, address)| address.parse().unwrap()).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

const NAMES: Names = Names(&[
    ("api.example.com", "93.184.216.34"),
    ("inside.example.com", "10.1.2.3"),
    ("both.example.com", "93.184.216.34"),
    ("both.example.com", "127.0.0.1"),
]);

/// What a proxy of the environment is told of a call to a URL on an account.
async fn told_to_a_proxy(base: &str, url: &str, except: Option<&str>) -> Vec<String> {
    let (proxy, heard) = server(&[&answer("200 OK", "{}")]).await;
    let variables = ProxyVariables {
        http: Some(proxy.clone()),
        https: Some(proxy),
        except: except.map(str::to_owned),
    };
    let transport = Transport::new(base).unwrap();
    let transport = transport.with_proxy(&Proxy::of("", variables).unwrap()).unwrap();
    let transport = Transport { names: Arc::new(NAMES), ..transport };
    let call = Call { patience: Duration::from_millis(300), ..with_key(Call::get(url)) };
    transport.send(&call, Timestamp::UNIX_EPOCH, &Log::default()).await.ok();
    heard.lock().unwrap().clone()
}

#[tokio::test]
async fn a_proxy_of_the_environment_gets_what_is_meant_for_the_internet() {
    let url = "http://api.example.com/videos";

    let told = told_to_a_proxy("http://api.example.com", url, None).await;

    assert!(told[0].starts_with("GET http://api.example.com/videos "), "{told:?}");
    assert!(told_to_a_proxy("http://api.example.com", url, Some("example.com")).await.is_empty());
}

#[tokio::test]
async fn a_proxy_of_the_environment_gets_nothing_that_is_meant_for_this_machine_or_its_network() {
    let (here, heard) = server(&[&answer("200 OK", "{}")]).await;

    for url in [
        &*format!("{here}/videos"),
        "http://127.9.9.9:1/videos",
        "http://[::1]:1/videos",
        "http://localhost:1/videos",
        "http://10.255.255.1:1/videos",
        "http://vllm:1/videos",
        "http://gpu.internal:1/videos",
        "http://inside.example.com:1/videos",
        "http://both.example.com:1/videos",
        "http://unknown.example.com:1/videos",
        "https://inside.example.com:1/videos",
    ] {
        assert!(told_to_a_proxy(url, url, None).await.is_empty(), "{url}");
    }
    assert!(heard.lock().unwrap()[0].contains(KEY), "the account itself was reached");
}

#[tokio::test]
async fn a_proxy_leads_to_no_private_place_that_an_answer_names() {
    let (proxy, heard) = server(&[&answer("200 OK", "film")]).await;
    let base = "https://api.example.com/v1";
    for setting in ["", &*proxy] {
        let variables = ProxyVariables { http: None, https: Some(proxy.clone()), except: None };
        let through = Proxy::of(setting, variables).unwrap();
        let transport = Transport::new(base).unwrap().with_proxy(&through).unwrap();
        let transport = Transport { names: Arc::new(NAMES), ..transport };

        for url in ["https://inside.example.com/film.mp4", "https://both.example.com/film.mp4"] {
            let call = Call { patience: Duration::from_millis(300), ..Call::get(url) };
            let opened = transport.download(&call, Timestamp::UNIX_EPOCH, &Log::default()).await;
            assert!(opened.is_err(), "{url}");
        }
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_is_set_for_an_account_gets_its_calls_wherever_they_go() {
    let (proxy, heard) = server(&[&answer("200 OK", "{}")]).await;
    let named = Proxy::of(&proxy, ProxyVariables::default()).unwrap();

    for url in ["http://inside.example.com/v1", "http://unknown.example.com/v1"] {
        let transport = Transport::new(url).unwrap().with_proxy(&named).unwrap();
        let transport = Transport { names: Arc::new(NAMES), ..transport };
        let sent = transport.send(&Call::get(url), Timestamp::UNIX_EPOCH, &Log::default()).await;
        assert_eq!(sent.unwrap().status, 200);
    }

    assert_eq!(heard.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_is_cut_out_of_headers_and_escapes_and_so_is_that_of_another_account() {
    const OTHER: &str = "key_of_somebody_else_4711";
    let body = r#"{"error":{"message":"no \u006bey_of_nobody_0123456789 nor key%5Fof_somebody_else_4711"}}"#;
    let text = format!(
        "HTTP/1.1 401 Unauthorized\r\nx-request-id: {KEY}\r\nx-fal-error-type: {OTHER}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let (url, _) = server(&[&text]).await;
    let transport = Transport::new(&url).unwrap().with_secrets(Secrets::new([OTHER]));
    let log = Log::default();

    let sent = transport.send(&with_key(Call::get(&url)), Timestamp::UNIX_EPOCH, &log).await;

    let reply = sent.unwrap();
    let message = reply.json().unwrap()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "no [secret] nor [secret]");
    let all = format!("{:?} {}", reply.headers, serde_json::to_string(&log.take()).unwrap());
    assert!(!all.contains(KEY) && !all.contains(OTHER), "{all}");
}

#[tokio::test]
async fn a_long_answer_is_looked_through_on_another_thread_than_the_one_that_serves_others() {
    let here = || std::thread::current().id();

    assert_eq!(off_thread(LONG_ANSWER, here).await, here());
    assert_ne!(off_thread(LONG_ANSWER + 1, here).await, here());
}

#[tokio::test]
async fn a_long_answer_is_whole_and_its_key_is_cut_out_of_what_is_kept() {
    let film = "QUJD".repeat(1 << 20);
    let body = json!({ "note": format!("of {KEY}"), "film": film }).to_string();
    let (url, _) = server(&[&answer("200 OK", &body)]).await;
    let call = Call { largest_answer: 8 << 20, ..with_key(Call::get(&url)) };

    let (answer, kept) = send(&url, &call).await;

    assert_eq!(answer.unwrap().body.len(), body.len());
    assert!(!serde_json::to_string(&kept).unwrap().contains(KEY), "{kept:?}");
}

#[tokio::test]
async fn a_body_of_which_the_beginning_is_enough_is_not_read_to_its_end() {
    let endless = stream::repeat_with(|| Ok::<_, ()>(Bytes::from_static(b"abc"))).boxed();

    let pieces: Vec<_> = beginning(endless, Some(4)).collect().await;

    assert_eq!(pieces, [Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"a"))]);
}
