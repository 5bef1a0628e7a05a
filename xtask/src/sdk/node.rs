//! The Node SDKs, beside their tests, where Node looks for packages.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use super::Built;
use crate::{
    shell::Shell,
    steps::{Steps, Stopped},
};

/// The folders of tests. Each has pinned packages of its own.
const FOLDERS: [&str; 2] = ["sdk-tests/node", "sdk-tests/node/lab"];
/// `toReversed` and the test runner's hooks are of this version.
const RECENT: &str = "process.exit(process.versions.node.split('.')[0] >= 20 ? 0 : 1)";

/// Whether there is a Node that runs the tests, and npm to install what they test.
pub(super) fn found(shell: &Shell) -> Option<()> {
    let is_there = shell.succeeds(Command::new("node").args(["--eval", RECENT]))
        && shell.succeeds(Command::new("npm").arg("--version"));
    is_there.then_some(())
}

/// Installs the pinned SDKs and runs their tests.
pub(super) fn run(steps: &mut Steps<'_>, built: &Built) -> Result<(), Stopped> {
    FOLDERS
        .into_iter()
        .try_for_each(|folder| steps.take(folder, |shell| run_folder(shell, built, folder)))
}

fn run_folder(shell: &Shell, built: &Built, name: &str) -> Result<()> {
    let folder = shell.root().join(name);
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    let installed = folder.join("node_modules").join(".installed");
    if !fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        shell.run(Command::new("npm").args(["ci", "--ignore-scripts", "--prefix", name]))?;
        fs::write(&installed, &wanted)?;
    }
    let mut tests: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    shell.run(Command::new("node").arg("--test").args(tests).env("RETAKE_BIN", &built.gateway))
}
