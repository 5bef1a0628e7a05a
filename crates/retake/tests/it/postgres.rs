//! A PostgreSQL server of a test's own, which can be stopped and started again.
//!
//! It is made from what is installed. PostgreSQL refuses to run as root, so root lends it to another user.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Users that root may lend the server to, the best first.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server of its own; it stops when dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    user: Option<&'static str>,
    home: tempfile::TempDir,
    port: u16,
    password: String,
}

impl Postgres {
    /// A running server, if one can be made here.
    #[expect(clippy::print_stderr, reason = "nobody should take this for a pass")]
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = installation() else {
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let is_root = says(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
        let user = USERS.into_iter().find(|user| says(Command::new("id").arg(user)).is_some());
        if is_root && user.is_none() {
            eprintln!("skipped: PostgreSQL does not run as root, and no other user was found");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = tempfile::tempdir().unwrap();
        // The seed of a hash map is a number that nobody can guess.
        let password = format!("{:016x}", RandomState::new().hash_one(()));
        let server = Self { programs, user: user.filter(|_| is_root), home, port, password };
        server.set_up();
        server.run();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://retake:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Starts it after it was stopped, with what it had on disk.
    pub(crate) fn run(&self) {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", self.port);
        let log = self.home.path().join("log");
        self.control(&["start", "--options", &options, "--log", log.to_str().unwrap()]);
    }

    /// Stops it as a power cut would: every connection breaks, and nothing is tidied up.
    pub(crate) fn stop(&self) {
        self.control(&["stop", "--mode=immediate"]);
    }

    fn set_up(&self) {
        let password = self.home.path().join("password");
        fs::write(&password, &self.password).unwrap();
        if let Some(user) = self.user {
            succeeds(Command::new("chown").arg("-R").arg(user).arg(self.home.path()));
        }
        let mut initdb = self.command("initdb");
        initdb.args(["--username=retake", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--no-sync").arg(format!("--pwfile={}", password.display()));
        succeeds(initdb.arg("--pgdata").arg(self.data()));
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = self.command("pg_ctl");
        succeeds(command.args(arguments).arg("--wait").arg("--pgdata").arg(self.data()));
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match self.user {
            None => Command::new(program),
            Some(user) => {
                let mut lent = Command::new("runuser");
                lent.args(["-u", user, "--"]).arg(program);
                lent
            }
        };
        command.current_dir("/");
        command
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--wait", "--pgdata"]).arg(self.data());
        // One that was stopped already cannot be stopped again.
        stop.output().ok();
    }
}

/// The folder of the programs, on the path or where Debian keeps each version.
fn installation() -> Option<PathBuf> {
    let complete =
        |folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    std::env::split_paths(&path).chain(folders).find(complete)
}

fn says(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn succeeds(command: &mut Command) {
    // A server that was started keeps the pipes it was given, so nobody may wait for their end.
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command:?}");
}
