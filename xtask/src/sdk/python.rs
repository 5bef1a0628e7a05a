//! What is written in Python, in virtual environments below the target folder: the tests of the SDK, and those of
//! the contract, for which schemathesis reads the description of the API.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::Built;
use crate::{
    shell::Shell,
    steps::{Steps, Stopped},
};

/// Tests that run with the same packages.
struct Suite {
    /// Where the packages are installed, below the target folder.
    home: &'static str,
    /// The folder of the tests.
    tests: &'static str,
    /// The file that pins the packages, in that folder.
    requirements: &'static str,
    /// Which of the tests.
    pattern: &'static str,
}

const SUITES: [Suite; 4] = [
    Suite {
        home: "python",
        tests: "sdk-tests/python",
        requirements: "requirements.txt",
        pattern: "test*.py",
    },
    Suite {
        home: "python/lab",
        tests: "sdk-tests/python/lab",
        requirements: "requirements.txt",
        pattern: "test*.py",
    },
    // The last version that speaks the earlier wire of Veo.
    Suite {
        home: "python/lab-earlier",
        tests: "sdk-tests/python/lab",
        requirements: "requirements-earlier.txt",
        pattern: "test_google.py",
    },
    Suite {
        home: "contract",
        tests: "sdk-tests/contract",
        requirements: "requirements.txt",
        pattern: "test*.py",
    },
];

/// A Python that can install packages.
pub(super) fn found(shell: &Shell) -> Option<&'static str> {
    let usable = |name: &&&str| {
        shell.succeeds(Command::new(name).args(["-c", "import venv, ensurepip"]))
            || shell.succeeds(Command::new(name).args(["-m", "pip", "--version"]))
    };
    ["python3", "python"].iter().find(usable).copied()
}

/// Installs what is pinned with this Python and runs the tests.
pub(super) fn run(steps: &mut Steps<'_>, python: &str, built: &Built) -> Result<(), Stopped> {
    for suite in &SUITES {
        let name = format!("{} with {}", suite.tests, suite.requirements);
        steps.take(&name, |shell| run_suite(shell, python, built, suite))?;
    }
    Ok(())
}

fn run_suite(shell: &Shell, python: &str, built: &Built, suite: &Suite) -> Result<()> {
    let requirements = format!("{}/{}", suite.tests, suite.requirements);
    let python = install(shell, python, &requirements, &built.sdks.join(suite.home))?;
    let mut tests = Command::new(python.program);
    tests
        .args(["-W", "ignore::DeprecationWarning", "-m", "unittest", "discover"])
        .args(["--start-directory", suite.tests, "--pattern", suite.pattern, "--verbose"])
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
fn install(shell: &Shell, python: &str, requirements: &str, home: &Path) -> Result<Python> {
    let wanted = std::fs::read_to_string(shell.root().join(requirements))?;
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
        pip.args(["-m", "pip", "install", "--quiet", "--requirement", requirements]);
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
