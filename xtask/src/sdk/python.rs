//! What is written in Python, in virtual environments below the target folder: the tests of the SDK, and those of
//! the contract, for which schemathesis reads the description of the API.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::Built;
use crate::shell::Shell;

/// The folders of tests. Each has pinned packages of its own.
const SUITES: [&str; 3] = ["python", "python/lab", "contract"];

/// A Python that can install packages.
pub(super) fn found(shell: &Shell) -> Option<&'static str> {
    let usable = |name: &&&str| {
        shell.succeeds(Command::new(name).args(["-c", "import venv, ensurepip"]))
            || shell.succeeds(Command::new(name).args(["-m", "pip", "--version"]))
    };
    ["python3", "python"].iter().find(usable).copied()
}

/// Installs what is pinned with this Python and runs the tests.
pub(super) fn run(shell: &Shell, python: &str, built: &Built) -> Result<()> {
    for suite in SUITES {
        run_suite(shell, python, built, suite)?;
    }
    Ok(())
}

fn run_suite(shell: &Shell, python: &str, built: &Built, suite: &str) -> Result<()> {
    let folder = format!("sdk-tests/{suite}");
    let python = install(shell, python, &folder, &built.sdks.join(suite))?;
    let mut tests = Command::new(python.program);
    tests
        .args(["-W", "ignore::DeprecationWarning", "-m", "unittest", "discover"])
        .args(["--start-directory", &folder, "--verbose"])
        .env("RETAKE_BIN", &built.gateway)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(packages) = python.packages {
        tests.env("PYTHONPATH", packages);
    }
    shell.run(&mut tests)
}

/// A Python that has the packages.
struct Python {
    program: PathBuf,
    packages: Option<PathBuf>,
}

/// A virtual environment where Python can make one, else a folder of packages.
fn install(shell: &Shell, python: &str, folder: &str, home: &Path) -> Result<Python> {
    let requirements = format!("{folder}/requirements.txt");
    let wanted = std::fs::read_to_string(shell.root().join(&requirements))?;
    let installed = home.join("installed.txt");
    let in_venv = home.join("venv").join("bin").join("python");
    let packages = home.join("packages");
    let ready = std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted);
    if !ready {
        std::fs::create_dir_all(home)?;
        let made =
            shell.run(Command::new(python).args(["-m", "venv", "--clear"]).arg(home.join("venv")));
        let mut pip =
            Command::new(if made.is_ok() { in_venv.as_os_str() } else { python.as_ref() });
        pip.args(["-m", "pip", "install", "--quiet", "--requirement", &requirements]);
        if made.is_err() {
            pip.arg("--target").arg(&packages);
        }
        shell.run(&mut pip)?;
        std::fs::write(&installed, wanted)?;
    }
    if packages.exists() {
        return Ok(Python { program: python.into(), packages: Some(packages) });
    }
    Ok(Python { program: in_venv, packages: None })
}
