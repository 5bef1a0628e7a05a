//! A wire between ledger and server that breaks where a test wants it to.

use std::sync::{Arc, Mutex};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_postgres::{Config, config::Host};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::Schema;

/// What happens when a request with certain words comes by.
#[derive(Clone, Copy)]
pub(super) enum Break {
    /// It is carried out, and the wire breaks as soon as the server says these words.
    AfterTheAnswer(&'static str),
    /// The wire breaks before the server hears of it.
    BeforeTheServer,
    /// Nothing comes through any more, and nobody notices.
    Silence,
}

type Trap = Arc<Mutex<Option<(String, Break)>>>;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A wire to the server of a schema.
pub(super) struct Proxy {
    port: u16,
    config: Config,
    trap: Trap,
    _end: DropGuard,
}

impl Proxy {
    pub(super) async fn to(schema: &Schema) -> Self {
        let config: Config = schema.url().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (trap, end) = (Trap::default(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let serve = serve(listener, config.clone(), Arc::clone(&trap), tasks.clone(), end.clone());
        tasks.spawn(end.clone().run_until_cancelled_owned(serve));
        Self { port, config, trap, _end: end.drop_guard() }
    }

    /// The URL of the schema by way of this wire.
    pub(super) fn url(&self) -> String {
        let safe = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = self.config.get_password().map_or_else(String::new, |password| {
            format!(":{}", safe(std::str::from_utf8(password).unwrap()))
        });
        format!(
            "postgres://{}{password}@127.0.0.1:{}/{}?application_name={}&options={}",
            safe(self.config.get_user().unwrap_or("postgres")),
            self.port,
            safe(self.config.get_dbname().unwrap_or_default()),
            self.config.get_application_name().unwrap(),
            safe(self.config.get_options().unwrap()),
        )
    }

    /// Breaks the wire once, when a request with these words comes by.
    pub(super) fn break_at(&self, words: &str, how: Break) {
        *self.trap.lock().unwrap() = Some((words.to_owned(), how));
    }

    /// Whether the wire broke as it was told.
    pub(super) fn broke(&self) -> bool {
        self.trap.lock().unwrap().is_none()
    }
}

async fn serve(
    listener: TcpListener,
    config: Config,
    trap: Trap,
    tasks: TaskTracker,
    end: CancellationToken,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (config, trap) = (config.clone(), Arc::clone(&trap));
        let carry = async move { carry(client, server(&config).await, &trap).await };
        tasks.spawn(end.clone().run_until_cancelled_owned(carry));
    }
}

async fn server(config: &Config) -> Box<dyn Wire> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match &config.get_hosts()[0] {
        Host::Tcp(host) => Box::new(TcpStream::connect((host.as_str(), port)).await.unwrap()),
        #[cfg(unix)]
        Host::Unix(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            Box::new(tokio::net::UnixStream::connect(socket).await.unwrap())
        }
    }
}

async fn carry(mut client: TcpStream, mut server: Box<dyn Wire>, trap: &Trap) {
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let Ok(count @ 1..) = count else { return };
                match spring(trap, &asked[..count]) {
                    None => {
                        if server.write_all(&asked[..count]).await.is_err() { return }
                    }
                    Some(Break::BeforeTheServer) => return,
                    Some(Break::Silence) => return std::future::pending().await,
                    Some(Break::AfterTheAnswer(words)) => {
                        server.write_all(&asked[..count]).await.unwrap();
                        return hear_out(&mut *server, words).await;
                    }
                }
            }
            count = server.read(&mut told) => {
                let Ok(count @ 1..) = count else { return };
                if client.write_all(&told[..count]).await.is_err() { return }
            }
        }
    }
}

/// Takes the trap away if these bytes set it off.
fn spring(trap: &Trap, bytes: &[u8]) -> Option<Break> {
    let mut trap = trap.lock().unwrap();
    let sprung = trap.as_ref().is_some_and(|(words, _)| contains(bytes, words));
    if sprung { trap.take().map(|(_, how)| how) } else { None }
}

async fn hear_out(server: &mut dyn Wire, words: &str) {
    let mut answer = Vec::new();
    while !contains(&answer, words) {
        assert!(server.read_buf(&mut answer).await.unwrap() > 0, "the server hung up");
    }
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
