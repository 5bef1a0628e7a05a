//! A PostgreSQL server for the tests: private, on a free loopback port, gone when they are over.
//!
//! It is made from what is installed. Where nothing is, and this is root on Debian, the package is installed
//! first. PostgreSQL refuses to run as root, so root lends it to another user.

use std::{
    env,
    ffi::OsStr,
    fs,
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::{Shell, say};

/// Names a database to the tests.
pub(crate) const VARIABLE: &str = "RETAKE_TEST_DATABASE_URL";

/// Users that root may lend the server to, the best first.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// How often another port is tried, should somebody else take the one that was free.
const TRIES: u32 = 3;

/// A server of our own. Stops when dropped.
pub(crate) struct Server<'a> {
    shell: &'a Shell,
    tools: Tools,
    home: PathBuf,
    url: String,
}

/// The programs of an installation, and who runs them.
struct Tools {
    folder: PathBuf,
    user: Option<&'static str>,
}

/// Starts a server, unless a database is named already; says why if it cannot.
pub(crate) fn for_tests(shell: &Shell) -> Option<Server<'_>> {
    if env::var_os(VARIABLE).is_some_and(|url| !url.is_empty()) {
        return None;
    }
    match Server::start(shell) {
        Ok(server) => Some(server),
        Err(error) => {
            say(&format!(
                "skipped: what the tests of the ledger ask of PostgreSQL ({error:#}); install PostgreSQL, \
                 or name a database with {VARIABLE}=postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            ));
            None
        }
    }
}

impl<'a> Server<'a> {
    /// What names the server to the tests.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (VARIABLE, &self.url)
    }

    fn start(shell: &'a Shell) -> Result<Self> {
        let tools = Tools::found_or_installed(shell)?;
        let homes = shell.target().join("postgres");
        tools.tidy(shell, &homes);
        let home = tools.home(shell, &homes)?;
        let password = format!("{:016x}{:016x}", random(), random());
        let mut server = Self { shell, tools, home, url: String::new() };
        server.set_up(&password)?;
        let port = server.listen()?;
        server.url = format!("postgres://retake:{password}@127.0.0.1:{port}/postgres");
        say(&format!("a PostgreSQL server runs on port {port} while the tests do"));
        Ok(server)
    }

    fn set_up(&self, password: &str) -> Result<()> {
        let secret = self.home.join("password");
        fs::write(&secret, password)?;
        self.tools.own(self.shell, &secret)?;
        let mut initdb = self.tools.command("initdb");
        initdb.args(["--username=retake", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--no-sync").arg(format!("--pwfile={}", secret.display()));
        self.shell.quietly(initdb.arg("--pgdata").arg(self.data()))?;
        Ok(fs::remove_file(&secret)?)
    }

    fn listen(&self) -> Result<u16> {
        let mut failure = None;
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let options = format!(
                "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' \
                 -c max_connections=200 -c fsync=on"
            );
            let mut start = self.tools.command("pg_ctl");
            start.args(["start", "--wait", "--timeout=60", "--options"]).arg(options);
            start.arg("--log").arg(self.home.join("log")).arg("--pgdata").arg(self.data());
            match self.shell.quietly(&mut start) {
                Ok(()) => return Ok(port),
                Err(error) => failure = Some(error),
            }
        }
        let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        Err(failure.context("it did not start")?.context(log))
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        self.tools.remove(self.shell, &self.home);
    }
}

impl Tools {
    fn found_or_installed(shell: &Shell) -> Result<Self> {
        let root = shell.output(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
        if installation().is_none() {
            install(shell, root)?;
        }
        let folder = installation().context("PostgreSQL is not installed")?;
        let known = |user: &&&str| shell.succeeds(Command::new("id").arg(user));
        let user = USERS.iter().find(known).copied();
        match (root, user) {
            (true, None) => bail!("it does not run as root, and no other user was found"),
            (true, user) => Ok(Self { folder, user }),
            (false, _) => Ok(Self { folder, user: None }),
        }
    }

    fn command(&self, program: &str) -> Command {
        self.lent(self.folder.join(program))
    }

    /// A program run as the user of the server.
    fn lent(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(user) = self.user else { return Command::new(program) };
        let mut command = Command::new("runuser");
        command.args(["-u", user, "--"]).arg(program);
        command
    }

    /// A folder that the server's user can use. The target folder may lie where only root may go.
    fn home(&self, shell: &Shell, homes: &Path) -> Result<PathBuf> {
        fs::create_dir_all(homes)?;
        let elsewhere = env::temp_dir().join(format!("retake-postgres-{:016x}", random()));
        for home in [homes.join(process::id().to_string()), elsewhere] {
            fs::create_dir(&home)?;
            self.own(shell, &home)?;
            if shell.succeeds(self.lent("test").arg("-w").arg(&home)) {
                return Ok(home);
            }
            fs::remove_dir_all(&home)?;
        }
        bail!("no folder was found that the user of the server may write to")
    }

    fn own(&self, shell: &Shell, path: &Path) -> Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        shell.quietly(Command::new("chown").arg(user).arg(path))
    }

    /// Removes what runs that were killed left behind.
    fn tidy(&self, shell: &Shell, homes: &Path) {
        for home in fs::read_dir(homes).into_iter().flatten().flatten() {
            let made_by = home.file_name();
            if !shell.succeeds(Command::new("kill").arg("-0").arg(made_by)) {
                self.remove(shell, &home.path());
            }
        }
    }

    /// Stops a server, if it runs, and removes its folder.
    fn remove(&self, shell: &Shell, home: &Path) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--wait", "--pgdata"]).arg(home.join("data"));
        shell.succeeds(&mut stop);
        if let Err(error) = fs::remove_dir_all(home) {
            say(&format!("{} could not be removed: {error}", home.display()));
        }
    }
}

/// The folder of the newest installation, if there is any.
fn installation() -> Option<PathBuf> {
    let complete =
        |folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|it| folder.join(it).is_file());
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).find(&complete);
    on_path.or_else(|| {
        // Debian keeps each version in a folder of its own, off the path.
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<_> = versions
            .filter_map(|version| {
                let number: u32 = version.file_name().to_str()?.parse().ok()?;
                Some((number, version.path().join("bin")))
            })
            .filter(|(_, folder)| complete(folder))
            .collect();
        folders.sort();
        folders.pop().map(|(_, folder)| folder)
    })
}

fn install(shell: &Shell, root: bool) -> Result<()> {
    let debian = shell.succeeds(Command::new("apt-get").arg("--version"));
    if !root || !debian {
        bail!("PostgreSQL is not installed");
    }
    say("PostgreSQL is not installed; installing Debian's package for the tests of the ledger");
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(words);
        shell.quietly(&mut apt)
    };
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", "postgresql"])
}

/// A number nobody can guess: the seed that each hash map of the standard library begins with.
fn random() -> u64 {
    RandomState::new().hash_one(())
}
