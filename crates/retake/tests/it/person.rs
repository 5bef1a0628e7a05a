//! A person at a terminal with a home of their own, who types commands and looks at the result.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longest time anything is waited for.
const LIMIT: Duration = Duration::from_mins(4);

/// A folder to work in, a home beside it, and nothing of the machine's environment.
pub(crate) struct Person {
    folder: tempfile::TempDir,
}

/// How a command ended and what was seen of it.
pub(crate) struct Seen {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that is still running.
pub(crate) struct Running {
    child: Child,
    /// Lines of stderr as they come.
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Person {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["here", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// The folder in which commands are typed.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("home/data/retake")
    }

    /// `retake` with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_retake"));
        command
            .args(arguments)
            .current_dir(self.here())
            .env_clear()
            .env("HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .stdin(Stdio::null());
        command
    }

    /// Types a command and waits for its end.
    pub(crate) fn types(&self, arguments: &[&str]) -> Seen {
        Seen::of(&mut self.command(arguments))
    }

    /// Types a command and goes on.
    pub(crate) fn starts(&self, arguments: &[&str]) -> Running {
        Running::of(&mut self.command(arguments))
    }

    /// What a command with `--json` says.
    pub(crate) fn asks(&self, arguments: &[&str]) -> Value {
        let seen = self.types(&[arguments, &["--json"]].concat());
        assert_eq!(seen.code, 0, "{}", seen.stderr);
        seen.json()
    }

    /// The names in the working folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.here()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Seen {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Code and stderr, without what differs between two runs, for snapshots.
    pub(crate) fn ending(&self) -> String {
        let stderr: Vec<_> = self.stderr.lines().map(without_request).collect();
        format!("[{}]\n{}", self.code, stderr.join("\n"))
    }
}

fn without_request(line: &str) -> &str {
    line.split_once(" (request req_").map_or(line, |(line, _)| line)
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits until a line of stderr contains `text`, and returns that line.
    pub(crate) fn says(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(gone) => unreachable!("{gone} before {text:?}; heard {:#?}", self.heard),
            }
        }
    }

    /// Sends a signal, as the shell's `kill` does.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn ends(mut self) -> Seen {
        let mut stdout = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = until("the command ends", || self.child.try_wait().unwrap());
        self.heard.extend(self.lines.iter());
        Seen {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: self.heard.join("\n"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended, in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something, for as long as is sensible.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "gave up waiting until {what}");
        thread::yield_now();
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Whether a file begins as an MP4 file does.
pub(crate) fn is_mp4(path: &Path) -> bool {
    fs::read(path).is_ok_and(|content| content.get(4..8) == Some(b"ftyp"))
}
