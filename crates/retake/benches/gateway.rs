//! How fast a gateway answers, side by side with nginx serving a static file of the same length:
//!
//! ```text
//! cargo bench -p retake --bench gateway -- [--seconds 3] [--listeners 10000] [--content 60]
//!     [--ledger FILE] [--database URL]
//! ```
//!
//! Starts the release build of `retake serve` on a fresh data directory and, if it is installed, nginx, and
//! loads one after the other with clients in this process. Creates are measured while a video is rendered, as
//! in life. `--content SECONDS` also renders a 1080p video of
//! that length and sends it to 16 clients, from the gateway and from nginx. `--ledger FILE` begins with a copy of
//! an embedded ledger (`--keep` of the bench `accept` makes one with many jobs), `--database URL` works on a
//! PostgreSQL database with whatever is in there. Ten thousand listeners need `ulimit -n 17000`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may break off")]

use std::{
    fs,
    io::{BufRead as _, BufReader as Lines},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

const CLIENTS: [usize; 3] = [1, 16, 64];
/// Stands for a number of as many digits.
const SEED: &str = "SEEDSEE";

struct Options {
    seconds: f64,
    listeners: u32,
    content: Option<u32>,
    ledger: Option<PathBuf>,
    database: Option<String>,
}

/// A server that ends with its owner.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn retake(options: &Options) -> (Self, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        if let Some(ledger) = &options.ledger {
            fs::create_dir(&data).unwrap();
            fs::write(data.join("format"), "retake data directory, format 1\n").unwrap();
            fs::copy(ledger, data.join("ledger.db")).unwrap();
        }
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_retake"))
            .args(["serve", "--json", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("RETAKE_SERVER__MAX_CONNECTIONS", (options.listeners + 1000).to_string())
            .envs(options.database.iter().map(|url| ("RETAKE_DATABASE_URL", url)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = Lines::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while !told.contains('}') {
            lines.read_line(&mut told).unwrap();
        }
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let url = told["url"].as_str().unwrap();
        let address = url.trim_start_matches("http://").parse().unwrap();
        (Self { child, address, _folder: folder }, begun.elapsed())
    }

    /// nginx on a free port, serving one file.
    fn nginx(content: &[u8]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let here = folder.path().display();
        fs::write(folder.path().join("file"), content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};"))
            .concat();
        let config = format!(
            "pid {here}/pid; error_log {here}/error.log; worker_processes auto; daemon off;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; sendfile on; keepalive_requests 100000000; {temporary}\n\
             server {{ listen {free}; root {here}; }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let path = folder.path().join("nginx.conf");
        let child = Command::new("nginx").arg("-c").arg(path).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, address: free, _folder: folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(free).is_err() {
            if begun.elapsed() > Duration::from_secs(5) {
                return None;
            }
            std::thread::yield_now();
        }
        Some(server)
    }

    /// Resident memory in megabytes.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kilobytes = line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1000.0
    }
}

/// One connection that is kept.
struct Connection {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Connection {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::with_capacity(256 * 1024, stream), body: Vec::new() }
    }

    /// Sends a request and reads its answer; a long body is not kept.
    async fn ask(&mut self, request: &[u8]) {
        self.stream.get_mut().write_all(request).await.unwrap();
        let (mut line, mut length, mut good) = (String::new(), 0_usize, false);
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            good |= line.starts_with("HTTP/1.1 200");
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        assert!(good, "not 200: {}", String::from_utf8_lossy(request));
        self.body.clear();
        let mut left = length;
        while left > 0 {
            let chunk = self.stream.fill_buf().await.unwrap();
            let count = chunk.len().min(left);
            if length < 64 * 1024 {
                self.body.extend_from_slice(&chunk[..count]);
            }
            self.stream.consume(count);
            left -= count;
        }
    }

    async fn json(&mut self, request: &[u8]) -> serde_json::Value {
        self.ask(request).await;
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Requests a second, median and 99th percentile in milliseconds.
type Load = (f64, f64, f64);

/// Asks with so many clients for a while. A request for a video asks for another one each time.
async fn load(address: SocketAddr, clients: usize, seconds: f64, request: &str) -> Load {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let (request, count): (Arc<str>, _) = (request.into(), Arc::new(AtomicU32::new(1_000_000)));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (request, count) = (Arc::clone(&request), Arc::clone(&count));
        tasks.spawn(async move {
            let mut connection = Connection::to(address).await;
            let mut times = Vec::new();
            while Instant::now() < until {
                let seed = count.fetch_add(1, Ordering::Relaxed).to_string();
                let request = request.replace(SEED, &seed);
                let begun = Instant::now();
                connection.ask(request.as_bytes()).await;
                times.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            times
        });
    }
    let mut times: Vec<f64> = tasks.join_all().await.concat();
    times.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = times.len() as f64 / seconds;
    (rate, times[times.len() / 2], times[times.len() * 99 / 100])
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/videos HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn show(what: &str, clients: usize, (rate, median, worst): Load) {
    println!("{what:<24}{clients:>4}{rate:>12.0}{median:>11.2}{worst:>10.2}");
}

#[tokio::main]
async fn main() {
    let options = options();
    let (retake, started) = Server::retake(&options);
    let started = started.as_secs_f64() * 1e3;
    println!("ready after {started:.0} ms; memory when idle {:.1} MB", retake.memory());
    println!("{:<24}{:>4}{:>12}{:>11}{:>10}", "", "", "requests/s", "median ms", "p99 ms");

    let mut connection = Connection::to(retake.address).await;
    let kite = post(r#"{"prompt":"a kite","seconds":"1","size":"640x360"}"#);
    let path = made(&mut connection, &kite).await;
    let nginx = Server::nginx(&connection.body);
    for clients in CLIENTS {
        let retrieved = load(retake.address, clients, options.seconds, &get(&path)).await;
        show("retrieve", clients, retrieved);
        if let Some(nginx) = &nginx {
            let served = load(nginx.address, clients, options.seconds, &get("/file")).await;
            show("nginx, a static file", clients, served);
        }
    }
    let video = post(&format!(
        r#"{{"prompt":"a lighthouse at dusk","seconds":"4","size":"1280x720","seed":{SEED}}}"#
    ));
    for clients in CLIENTS {
        show("create", clients, load(retake.address, clients, options.seconds, &video).await);
    }
    let list = get("/v1/videos?limit=20");
    show("list of 20", 16, load(retake.address, 16, options.seconds, &list).await);
    println!("memory after that {:.1} MB", retake.memory());
    if options.listeners > 0 {
        listeners(&retake, &mut connection, options.listeners).await;
    }
    if let Some(length) = options.content {
        content(&options, length).await;
    }
}

/// The path of a video that was asked for and is made by now.
async fn made(connection: &mut Connection, request: &str) -> String {
    let video = connection.json(request.as_bytes()).await;
    let path = format!("/v1/videos/{}", video["id"].as_str().unwrap());
    let mut pause = tokio::time::interval(Duration::from_millis(200));
    while connection.json(get(&path).as_bytes()).await["status"] != "completed" {
        pause.tick().await;
    }
    path
}

/// How long an event takes to reach everybody who listens.
async fn listeners(retake: &Server, connection: &mut Connection, count: u32) {
    let before = retake.memory();
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(retake.address).await.unwrap();
        stream.write_all(get("/retake/v1/events").as_bytes()).await.unwrap();
        open.push(BufReader::with_capacity(2048, stream));
    }
    for stream in &mut open {
        until_line(stream, "\r\n").await;
    }
    let each = (retake.memory() - before) * 1000.0 / f64::from(count);
    let begun = Instant::now();
    connection.ask(post(r#"{"prompt":"a kite","seconds":"1"}"#).as_bytes()).await;
    let mut tasks = JoinSet::new();
    for mut stream in open {
        tasks.spawn(async move {
            until_line(&mut stream, "event: accepted\n").await;
            begun.elapsed().as_secs_f64() * 1000.0
        });
    }
    let mut times = tasks.join_all().await;
    times.sort_by(f64::total_cmp);
    let (half, all) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{count} listeners: half hear of an event within {half:.0} ms, all within {all:.0} ms"
    );
    println!("{each:.1} kB of memory for each");
}

async fn until_line(stream: &mut BufReader<TcpStream>, wanted: &str) {
    let mut line = String::new();
    while line != wanted {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the stream ended");
    }
}

/// A finished video sent to 16 clients at once, and the same file by nginx.
async fn content(options: &Options, length: u32) {
    let seconds = options.seconds;
    let (retake, _) = Server::retake(options);
    let mut connection = Connection::to(retake.address).await;
    let body = format!(r#"{{"prompt":"a stormy sea","seconds":{length},"size":"1920x1080"}}"#);
    let path = made(&mut connection, &post(&body)).await;
    let id = path.trim_start_matches("/v1/videos/");
    let url = format!("http://{}", retake.address);
    let file = Command::new(env!("CARGO_BIN_EXE_retake"))
        .args(["videos", "download", id, "-o", "-", "--server", &url])
        .output()
        .unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a length")]
    let megabytes = file.stdout.len() as f64 / 1e6;
    let wanted = get(&format!("{path}/content"));
    let (rate, ..) = load(retake.address, 16, seconds, &wanted).await;
    println!("content, {megabytes:.0} MB to 16 clients: {:.0} MB/s", rate * megabytes);
    println!("memory while sending {:.1} MB", retake.memory());
    if let Some(nginx) = Server::nginx(&file.stdout) {
        let (rate, ..) = load(nginx.address, 16, seconds, &get("/file")).await;
        println!("nginx, the same file: {:.0} MB/s", rate * megabytes);
    }
}

fn options() -> Options {
    let mut options =
        Options { seconds: 3.0, listeners: 10_000, content: None, ledger: None, database: None };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        match word.as_str() {
            "--seconds" => options.seconds = value.parse().unwrap(),
            "--listeners" => options.listeners = value.parse().unwrap(),
            "--content" => options.content = Some(value.parse().unwrap()),
            "--ledger" => options.ledger = Some(value.into()),
            "--database" => options.database = Some(value),
            _ => unreachable!("unknown option {word}"),
        }
    }
    options
}
