//! Downloads that are answered with JSON, against a server that does what a test says.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::{
    AccountStatus, Adapter, Download, Flow, Log, Polled, Provider as _, Remote, Render, Submission,
    SubmitError, Submitted, Transport, Value,
    testing::{NOON, a_render},
};

const FILM: &str = "\0\0\0\x18ftypmp42";

/// An adapter whose files are at this call.
struct Handing(Download);

impl Adapter for Handing {
    fn render_timeout(&self) -> std::time::Duration {
        std::time::Duration::from_mins(20)
    }

    fn usual_render(&self, _: &str) -> std::time::Duration {
        std::time::Duration::from_mins(3)
    }

    fn submit(&self, _: &Submission, _: Timestamp) -> Flow<Result<Submitted, SubmitError>> {
        unreachable!("nothing is submitted here")
    }

    fn poll(&self, _: &Render, _: Timestamp) -> Flow<Result<Polled, Fault>> {
        unreachable!("nothing is polled here")
    }

    fn fetch(&self, _: &Render, _: Timestamp) -> Flow<Result<Download, FetchError>> {
        Flow::Done(Ok(self.0.clone()))
    }

    fn check(&self, _: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        unreachable!("nothing is checked here")
    }
}

/// Answers each path with what `bodies` has for it, `HOST` in it being its own address. Returns that and what it
/// heard.
async fn server(
    bodies: &'static [(&'static str, &'static str)],
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (ears, host) = (Arc::clone(&heard), url.clone());
    let serve = async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 16 << 10];
            let read = socket.read(&mut buffer).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
            ears.lock().unwrap().push(asked);
            let body = bodies.iter().find(|(at, _)| *at == path).map(|(_, body)| *body);
            let (status, body) = body.map_or((404, "{}"), |body| (200, body));
            let body = body.replace("HOST", &host);
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            socket.write_all(format!("{head}{body}").as_bytes()).await.ok();
        }
    };
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(serve);
    (url, heard)
}

async fn fetch(base: &str, download: Download) -> Result<String, FetchError> {
    let remote = Remote::new(Box::new(Handing(download)), Transport::new(base).unwrap(), || NOON);
    let file = remote.fetch(&a_render("m", "r-1"), &Log::default()).await?;
    let pieces: Vec<_> = file.map(|piece| piece.unwrap()).collect().await;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

#[tokio::test]
async fn an_address_in_the_place_of_a_file_is_followed_once() {
    let (url, heard) = server(&[
        ("/content", r#" {"url":"HOST/film"}"#),
        ("/film", FILM),
        ("/again", r#"{"url":"HOST/content"}"#),
        ("/gone", r#"{"url":"HOST/nothing"}"#),
        ("/error", r#"{"error":{"message":"expired"}}"#),
    ])
    .await;
    let call = |path: &str| {
        Call::get(format!("{url}{path}"))
            .header("x-key", Value::Secret("of-nobody".to_owned().into()))
    };

    assert_eq!(fetch(&url, Download::From(call("/content"))).await.unwrap(), FILM);
    assert!(heard.lock().unwrap().iter().all(|asked| asked.contains("of-nobody")));
    let either = Download::Either(call("/error"), call("/content"));
    assert_eq!(fetch(&url, either).await.unwrap(), FILM);
    for path in ["/again", "/gone", "/error"] {
        let fetched = fetch(&url, Download::From(call(path))).await;
        assert!(matches!(fetched, Err(FetchError::Later(_))), "{path}: {fetched:?}");
    }
}

#[tokio::test]
async fn an_address_in_the_place_of_a_file_leads_to_no_private_place_and_takes_no_key_along() {
    let (elsewhere, heard) = server(&[("/film", FILM)]).await;
    let named: &'static str =
        Box::leak(format!(r#"{{"url":"{elsewhere}/film"}}"#).into_boxed_str());
    let bodies: &'static [_] = Box::leak(Box::new([("/content", named)]));
    let (url, _) = server(bodies).await;
    let call = Call::get(format!("{url}/content"));
    let call = call.header("x-key", Value::Secret("of-nobody".to_owned().into()));

    assert_eq!(fetch(&url, Download::From(call)).await.unwrap(), FILM);
    assert!(!heard.lock().unwrap()[0].contains("of-nobody"));

    let text = json_of("http://127.0.0.1:1/film");
    let call = super::call(&Call::get("https://api.example.com/content"), text.as_bytes()).unwrap();
    let transport = Transport::new("https://api.example.com").unwrap();
    let opened = transport.download(&call, NOON, &Log::default()).await;
    assert!(matches!(opened, Err(FetchError::Gone(_))), "the transport judges it like any link");
}

fn json_of(link: &str) -> String {
    serde_json::json!({ "url": link }).to_string()
}
