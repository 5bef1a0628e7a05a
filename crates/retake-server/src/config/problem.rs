//! What can be wrong with the settings, told so that it can be put right.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where it is set. `Default` until loading has looked it up.
    pub source: Source,
    pub key: String,
    pub found: String,
    pub expected: String,
    pub remedy: String,
}

impl ConfigProblem {
    pub(super) fn new(
        key: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            source: Source::Default,
            key: key.into(),
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn at(mut self, source: Source) -> Self {
        self.source = source;
        self
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, key, found, expected, remedy } = self;
        match source {
            Source::Default => {}
            // A variable that sets nothing is its own key.
            Source::Variable(name) if name == key => {}
            source => write!(f, "{source}: ")?,
        }
        write!(f, "{key}: found {found}, expected {expected}; {remedy}")
    }
}

/// Why there are no settings to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no settings file at {}", path.display())]
    NoFile { path: PathBuf },

    #[error("the settings file {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("the settings file {} is not valid TOML: {}", path.display(), lines(.faults))]
    Syntax { path: PathBuf, faults: Vec<String> },

    #[error("{} cannot be used: {}", settings(.0.len()), lines(.0))]
    Problems(Vec<ConfigProblem>),
}

impl ConfigError {
    pub(super) fn reading(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::NoFile { path },
            _ => Self::Unreadable { path, source },
        }
    }
}

fn settings(count: usize) -> String {
    if count == 1 { "a setting".to_owned() } else { format!("{count} settings") }
}

/// One fault stays on the line; several get a line each.
fn lines<T: fmt::Display>(faults: &[T]) -> String {
    match faults {
        [only] => only.to_string(),
        many => many.iter().flat_map(|fault| ["\n  ".to_owned(), fault.to_string()]).collect(),
    }
}
