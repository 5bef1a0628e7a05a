//! What the surroundings of the process say: its variables and its working folder.
//!
//! Read once, here, and passed on as a value, so that tests need no globals and nothing
//! further down can quietly depend on the shell it was started from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Variables by name, and the folder in which relative paths start.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    folder: PathBuf,
}

impl Environment {
    /// The real one. Variables that are not Unicode are left out.
    pub fn of_process() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(readable).collect(),
            folder: PathBuf::new(),
        }
    }

    /// One made up for the purpose, in `folder`.
    pub fn of<'a>(
        folder: impl Into<PathBuf>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Self { variables, folder: folder.into() }
    }

    /// The value of a variable; one set to nothing counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that are set and begin with `prefix`, in order of their names.
    pub fn beginning_with(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The working folder; empty for that of the process.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The home folder of the user, where it is known.
    pub fn home(&self) -> Option<PathBuf> {
        self.absolute(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
    }

    /// Where programs keep a user's data on this system.
    pub(super) fn data_home(&self) -> Option<PathBuf> {
        self.absolute("XDG_DATA_HOME").or_else(|| {
            if cfg!(windows) {
                self.absolute("LOCALAPPDATA")
            } else if cfg!(target_os = "macos") {
                Some(self.home()?.join("Library/Application Support"))
            } else {
                Some(self.home()?.join(".local/share"))
            }
        })
    }

    /// Where programs keep a user's settings on this system.
    pub(super) fn config_home(&self) -> Option<PathBuf> {
        self.absolute("XDG_CONFIG_HOME").or_else(|| {
            if cfg!(windows) {
                self.absolute("APPDATA")
            } else if cfg!(target_os = "macos") {
                Some(self.home()?.join("Library/Application Support"))
            } else {
                Some(self.home()?.join(".config"))
            }
        })
    }

    /// A folder named by a variable. Relative ones are ignored, as the XDG rules ask.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}
