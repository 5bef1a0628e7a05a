//! A receiver of webhooks, or any other server that users' URLs lead to, on a port of its own.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// The longest that any test waits for a request.
const PATIENCE: Duration = Duration::from_mins(4);

/// Answers everybody alike, or each as it asks, and remembers what came.
pub(crate) struct Receiver {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Receiver {
    /// Takes every delivery.
    pub(crate) fn start() -> Self {
        Self::that_says(b"HTTP/1.1 204 No Content\r\n\r\n")
    }

    pub(crate) fn that_says(answer: &[u8]) -> Self {
        let answer = Arc::new(Mutex::new(answer.to_vec()));
        let says = Arc::clone(&answer);
        Self { answer, ..Self::that_answers(move |_| says.lock().unwrap().clone()) }
    }

    /// Answers each as it asks.
    pub(crate) fn that_answers(answer: impl Fn(&Request) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = read(&mut stream);
                let answer = answer(&request);
                seen.lock().unwrap().push(request);
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, answer: Arc::default(), requests }
    }

    /// Says something else from now on.
    pub(crate) fn says(&self, answer: &[u8]) {
        *self.answer.lock().unwrap() = answer.to_vec();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn until(&self, count: usize) -> Vec<Request> {
        let begun = Instant::now();
        loop {
            let requests = self.requests();
            if requests.len() >= count {
                return requests;
            }
            assert!(begun.elapsed() < PATIENCE, "not {count} in time, but {requests:#?}");
            tokio::task::yield_now().await;
        }
    }
}

impl Request {
    /// The value of a header, named in small letters.
    pub(crate) fn header(&self, name: &str) -> &str {
        let line =
            self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An answer with its length.
pub(crate) fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn read(stream: &mut TcpStream) -> Request {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    let mut request =
        Request { head: String::from_utf8_lossy(&head).into_owned(), body: String::new() };
    let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    let _ = stream.read_exact(&mut body);
    request.body = String::from_utf8_lossy(&body).into_owned();
    request
}
