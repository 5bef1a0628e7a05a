//! What callers send costs memory only while it is looked at, and then within bounds.
//!
//! This is a program of its own with a single test, because it looks at the memory of the whole process. It runs
//! itself once more with an allocator that gives back what is free: else the peak tells what lay about between
//! uses in the arena of each thread, which has nothing to do with what is needed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]
#![expect(clippy::print_stderr, reason = "what was measured is worth knowing")]

use std::{net::SocketAddr, process::Command, time::Duration};

use bytes::Bytes;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use reqwest::{Client, StatusCode};
use retake_server::{
    Gateway, Store, Work,
    config::{ByteSize, Config},
    data_dir::DataDir,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const MIB: usize = 1 << 20;
/// What bodies may take together, as it is configured here.
const UPLOAD_MEMORY: usize = 64 * MIB;
/// What the gateway and this test need besides what is sent.
const OWN: usize = 64 * MIB;
/// Says that this is the process in which it is measured.
const MEASURED: &str = "RETAKE_TEST_MEASURED";
const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=B";
/// Every path that reads a body.
const PATHS: [&str; 6] = [
    "/v1/videos",
    "/v1/videos/edits",
    "/v1/videos/characters",
    "/v1/webhook_endpoints",
    "/retake/v1/keys",
    "/retake/v1/hooks/north/tag/code",
];

/// The most memory that this process had since [`forget_peak`], in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() * 1024
}

/// Lets the peak begin anew, where the system can do that. Elsewhere it is the peak of all that was.
fn forget_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

async fn gateway(folder: &tempfile::TempDir) -> Gateway {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut config = Config { data_dir: folder.path().join("data"), ..Config::default() };
    config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.upload_memory = ByteSize::bytes(UPLOAD_MEMORY as u64);
    config.assets.min_free_space = ByteSize::bytes(0);
    let held = DataDir::prepare(&config.data_dir).unwrap().try_hold().unwrap();
    Gateway::start(&config, held, &Store::Embedded, Work::Paused).await.unwrap()
}

/// Sends all of a body of 30 MB but its end.
async fn pause(url: &str, head: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    let mut upload = TcpStream::connect(address).await.unwrap();
    let piece = vec![b' '; MIB];
    upload.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..29 {
        upload.write_all(&piece).await.unwrap();
    }
    upload
}

/// Sends what is left of a body, and reads the status.
async fn end(mut upload: TcpStream, length: usize) -> String {
    upload.write_all(&vec![b' '; length - 29 * MIB]).await.unwrap();
    let mut head = [0; 12];
    upload.read_exact(&mut head).await.unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}

#[test]
fn what_is_sent_stays_within_bounds_of_memory() {
    if std::env::var_os(MEASURED).is_none() {
        let name = "what_is_sent_stays_within_bounds_of_memory";
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", name, "--nocapture"]).env(MEASURED, "yes");
        again.env("MALLOC_MMAP_THRESHOLD_", "65536").env("MALLOC_TRIM_THRESHOLD_", "65536");
        assert!(again.status().unwrap().success(), "see above");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(&folder).await;
    let url = gateway.url().to_owned();
    let client = Client::builder().timeout(Duration::from_mins(5)).build().unwrap();
    let before = peak();
    let holds = |what: &str, most: usize| {
        let taken = peak().saturating_sub(before);
        eprintln!("{what}: {} MiB of {}", taken / MIB, most / MIB);
        assert!(taken < most, "{what}: {} MiB, more than {}", taken / MIB, most / MIB);
        forget_peak();
    };

    let uploads = paused_uploads(&url).await;
    holds("18 paused uploads of 30 MB", OWN);
    // Nothing but blanks is no JSON, which is said of each when it is its turn to be read.
    let ends: Vec<_> = uploads.into_iter().map(|upload| end(upload, LENGTH)).collect();
    for status in futures::future::join_all(ends).await {
        assert_eq!(status, "413");
    }
    holds("18 uploads that are read", OWN + UPLOAD_MEMORY);

    for (what, kind, body) in hostile_bodies() {
        let body = Bytes::from(body());
        for path in PATHS {
            send(&client, &format!("{url}{path}"), kind, &body).await;
        }
        holds(what, OWN + UPLOAD_MEMORY + body.len());
    }

    let mut runner = TestRunner::deterministic();
    for _ in 0..40 {
        let (path, (kind, body)) = (prop::sample::select(&PATHS[..]), hostile_body())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let (body, shown) = (Bytes::from(body.concat()), format!("{kind} {}", sketch(&body)));
        send(&client, &format!("{url}{path}"), kind, &body).await;
        holds(&shown, OWN + UPLOAD_MEMORY + body.len());
    }

    let mut streams = Vec::new();
    for place in ["", "0", "18446744073709551615", "x"].iter().cycle().take(400) {
        let request = client.get(format!("{url}/retake/v1/events")).header("last-event-id", *place);
        streams.push(request.send().await.unwrap());
    }
    holds("400 streams", OWN + UPLOAD_MEMORY);
    drop(streams);
    gateway.shutdown().await;
}

const LENGTH: usize = 30 * MIB;

async fn paused_uploads(url: &str) -> Vec<TcpStream> {
    let head = format!(
        "POST /v1/videos HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {LENGTH}\r\n\r\n"
    );
    let mut uploads = Vec::new();
    for _ in 0..18 {
        uploads.push(pause(url, &head).await);
    }
    uploads
}

/// The gateway reads no more than this of a body that it has refused.
const MOST_THAT_IS_DRAINED: usize = 16 * MIB;

/// Sends the same body four times at once. The gateway refuses it, and does not break.
async fn send(client: &Client, url: &str, kind: &str, body: &Bytes) {
    let sent = (0..4).map(|_| {
        let request = client.post(url).header("content-type", kind);
        request.body(body.clone()).send()
    });
    for answer in futures::future::join_all(sent).await {
        let status = match answer {
            Ok(answer) => answer.status(),
            // So much is not read to its end, so its sender may find the connection closed before it reads why.
            Err(error) => {
                let is_long = body.len() > MOST_THAT_IS_DRAINED && !error.is_connect();
                assert!(is_long, "{error:?} {url} {kind}");
                continue;
            }
        };
        assert!(status.is_client_error() || status == StatusCode::OK, "{status} {url} {kind}");
    }
}

type Made = (&'static str, &'static str, fn() -> String);

/// Bodies that would take far more memory than they are long. Each is made when it is its turn.
fn hostile_bodies() -> [Made; 11] {
    [
        ("numbers", JSON, || format!("{{\"prompt\":[{}0]}}", "0,".repeat(2 * MIB))),
        ("lists in lists", JSON, || {
            format!("{{\"a\":{}0{}}}", "[".repeat(2 * MIB), "]".repeat(2 * MIB))
        }),
        ("members", JSON, || format!("{{{}\"a\":0}}", "\"\":0,".repeat(MIB))),
        ("escapes", JSON, || format!("{{\"prompt\":\"{}\"}}", "\\u0041".repeat(4 * MIB))),
        ("objects", JSON, || format!("[{}0]", "{},".repeat(2 * MIB))),
        ("a list in a text", JSON, || format!("{{\"retake\":\"{}\"}}", "[".repeat(200_000))),
        ("a head without end", FORM, || format!("--B\r\n{}", "x: y\r\n".repeat(2 * MIB))),
        ("parts", FORM, || part("prompt", "x").repeat(200_000)),
        ("a name in brackets", FORM, || part(&"[a]".repeat(100_000), "x")),
        ("boundaries that are none", FORM, || part("prompt", &"\r\n--".repeat(2 * MIB)) + "--B--"),
        ("the beginning of a boundary", FORM, || "\r".repeat(16 * MIB)),
    ]
}

fn part(name: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

/// Pieces of bodies, each again and again. It is bounded by its bytes, not by the time that it takes.
fn hostile_body() -> impl Strategy<Value = (&'static str, Vec<String>)> {
    const OF_JSON: [&str; 16] = [
        "{",
        "[",
        "]",
        "}",
        "\"a\":",
        "\"\",",
        "0,",
        "{},",
        "[],",
        "null,",
        "1e9,",
        "\\u0000",
        "\"",
        "\"prompt\":\"",
        " ",
        "\"input_reference\":{\"image_url\":\"data:image/png;base64,",
    ];
    const OF_FORMS: [&str; 12] = [
        "--B\r\n",
        "\r\n--B",
        "\r\n",
        "--B--",
        "\r",
        "--",
        "x: y\r\n",
        "[",
        "[a]",
        "=",
        ";",
        "Content-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\n",
    ];
    let of = |kind: &'static str, pieces: &'static [&'static str]| {
        let bytes = prop_oneof![2 => Just(1), 1 => 1..MIB];
        let run = (prop::sample::select(pieces), bytes)
            .prop_map(|(piece, bytes)| piece.repeat(bytes.div_ceil(piece.len())));
        prop::collection::vec(run, 1..8).prop_map(move |runs| (kind, runs))
    };
    prop_oneof![of(JSON, &OF_JSON), of(FORM, &OF_FORMS)]
}

/// What a body looks like, for people.
fn sketch(runs: &[String]) -> String {
    let shown =
        |run: &String| format!("{:?}({})", run.chars().take(12).collect::<String>(), run.len());
    runs.iter().map(shown).collect::<Vec<_>>().join(" ")
}
