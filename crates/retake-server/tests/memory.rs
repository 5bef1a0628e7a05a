//! What callers send costs memory only while it is looked at, and then within bounds.
//!
//! This is a program of its own with a single test, because it looks at the memory of the whole process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

use std::{net::SocketAddr, time::Duration};

use reqwest::StatusCode;
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
/// What the gateway and this test need besides what is sent.
const OWN: usize = 96 * MIB;

/// The most memory that this process ever had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() * 1024
}

async fn gateway(folder: &tempfile::TempDir) -> Gateway {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut config = Config { data_dir: folder.path().join("data"), ..Config::default() };
    config.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.upload_memory = ByteSize::mib(64);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_uploads_and_bombs_of_json_stay_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(&folder).await;
    let url = gateway.url().to_owned();
    let before = peak();
    let length = 30 * MIB;
    let head = format!(
        "POST /v1/videos HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );

    let mut uploads = Vec::new();
    for _ in 0..18 {
        uploads.push(pause(&url, &head).await);
    }
    let paused = peak() - before;
    assert!(paused < OWN, "18 paused uploads of 30 MB take {} MiB", paused / MIB);

    // Nothing but blanks is no JSON, which is said of each when it is its turn to be read.
    let ends: Vec<_> = uploads.into_iter().map(|upload| end(upload, length)).collect();
    for status in futures::future::join_all(ends).await {
        assert_eq!(status, "413");
    }
    let read = peak() - before;
    assert!(read < OWN + 64 * MIB, "18 uploads that are read take {} MiB", read / MIB);

    let client = reqwest::Client::builder().timeout(Duration::from_mins(2)).build().unwrap();
    let bomb = format!("{{\"prompt\":[{}0]}}", "0,".repeat(2 * MIB));
    let sent: Vec<_> =
        (0..8).map(|_| client.post(format!("{url}/v1/videos")).body(bomb.clone()).send()).collect();
    for answer in futures::future::join_all(sent).await {
        assert_eq!(answer.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    let parsed = peak() - before;
    assert!(parsed < OWN + 128 * MIB, "8 bombs of 4 MiB take {} MiB", parsed / MIB);

    hostile_bodies(&client, &url).await;
    let fuzzed = peak() - before;
    assert!(fuzzed < OWN + 512 * MIB, "hostile bodies take {} MiB", fuzzed / MIB);

    let mut streams = Vec::new();
    for place in ["", "0", "18446744073709551615", "x"].iter().cycle().take(400) {
        let request = client.get(format!("{url}/retake/v1/events")).header("last-event-id", *place);
        streams.push(request.send().await.unwrap());
    }
    let streaming = peak() - before;
    assert!(streaming < OWN + 528 * MIB, "400 streams take {} MiB", streaming / MIB);
    drop(streams);
    gateway.shutdown().await;
}

/// Bodies that would take far more memory than they are long, at every path that reads one. Four at once.
async fn hostile_bodies(client: &reqwest::Client, url: &str) {
    const JSON: &str = "application/json";
    const FORM: &str = "multipart/form-data; boundary=B";
    let part = |name: &str, content: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let bodies = [
        (JSON, format!("{{\"a\":{}0{}}}", "[".repeat(2 * MIB), "]".repeat(2 * MIB))),
        (JSON, format!("{{{}\"a\":0}}", "\"\":0,".repeat(MIB))),
        (JSON, format!("{{\"prompt\":\"{}\"}}", "\\u0041".repeat(4 * MIB))),
        (JSON, format!("[{}0]", "{},".repeat(2 * MIB))),
        (JSON, format!("{{\"retake\":\"{}\"}}", "[".repeat(200_000))),
        (FORM, format!("--B\r\n{}", "x: y\r\n".repeat(2 * MIB))),
        (FORM, part("prompt", "x").repeat(200_000)),
        (FORM, part(&"[a]".repeat(100_000), "x")),
        (FORM, part("prompt", &"\r\n--".repeat(2 * MIB)) + "--B--"),
        (FORM, "\r".repeat(16 * MIB)),
    ];
    let paths = [
        "/v1/videos",
        "/v1/videos/edits",
        "/v1/videos/characters",
        "/v1/webhook_endpoints",
        "/retake/v1/keys",
        "/retake/v1/hooks/north/tag/code",
    ];
    let bodies = bodies.map(|(kind, body)| (kind, bytes::Bytes::from(body)));
    for path in paths {
        for (kind, body) in &bodies {
            let sent: Vec<_> = (0..4)
                .map(|_| {
                    let request = client.post(format!("{url}{path}"));
                    request.header("content-type", *kind).body(body.clone()).send()
                })
                .collect();
            for answer in futures::future::join_all(sent).await {
                let status = answer.unwrap().status();
                assert!(status.is_client_error(), "{status} {path} {kind}");
            }
        }
    }
}
