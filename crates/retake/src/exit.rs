//! How a command can end, and what is told when it does not end well.

use std::{error::Error, fmt, process::ExitCode};

use serde_json::{Value, json};

/// The exit codes, for scripts. Part of the interface: documented in `--help` and `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Failed = 1,
    BadInput = 2,
    NotFound = 3,
    Unreachable = 4,
    CannotWrite = 5,
    Interrupted = 130,
    Terminated = 143,
}

/// The exit codes as `--help` shows them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  it worked
    1  the video failed, or something else did
    2  bad usage, settings or input
    3  there is no such video
    4  the server cannot be reached
    5  the output cannot be written, or the disk is full
  130  interrupted (Ctrl-C); 143 when terminated";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    hints: Vec<String>,
    /// The code of the API's error.
    code: Option<String>,
    request_id: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new(), code: None, request_id: None }
    }

    /// A failure told by its chain of causes.
    pub(crate) fn caused_by(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, chain(error))
    }

    /// Nobody reads our output any more: nothing went wrong, and nobody is there to be told.
    pub(crate) fn nobody_listens() -> Self {
        Self::new(Exit::Success, "")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn code(mut self, code: Option<String>) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn request_id(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }

    pub(crate) fn is_worth_telling(&self) -> bool {
        self.exit != Exit::Success
    }

    pub(crate) fn message(&self) -> String {
        match &self.request_id {
            Some(id) => format!("{} (request {id})", self.message),
            None => self.message.clone(),
        }
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The same for machines.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": {
            "message": self.message,
            "code": self.code,
            "hints": self.hints,
            "request_id": self.request_id,
            "exit_code": self.exit as u8,
        }})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Error for Failure {}

/// What the system said, below the layers that passed it on.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// An error with its causes on one line. A cause that the line above already quotes is not
/// said twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}
