//! The official SDKs, unmodified, against a gateway built from this tree.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::shell::{Shell, say};

/// Builds the gateway, installs the pinned SDK and runs its tests.
pub(crate) fn run(shell: &Shell) -> Result<()> {
    let Some(python) = python(shell) else {
        say("skipped: the official OpenAI Python SDK (no python3 with venv or pip was found)");
        return Ok(());
    };
    shell.cargo(&["build", "--locked", "--package", "retake"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| shell.root().join("target"), |dir| shell.root().join(dir));
    let home = target.join("sdk").join("python");
    let python = install(shell, python, &home)?;
    let mut tests = Command::new(python.program);
    tests
        .args([
            "-W",
            "ignore::DeprecationWarning",
            "-m",
            "unittest",
            "discover",
            "--start-directory",
            "sdk-tests/python",
            "--verbose",
        ])
        .env("RETAKE_BIN", target.join("debug").join("retake"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(packages) = python.packages {
        tests.env("PYTHONPATH", packages);
    }
    shell.run(&mut tests)
}

/// A Python that has the SDK.
struct Python {
    program: PathBuf,
    packages: Option<PathBuf>,
}

fn python(shell: &Shell) -> Option<&'static str> {
    let usable = |name: &&&str| {
        shell.succeeds(Command::new(name).args(["-c", "import venv, ensurepip"]))
            || shell.succeeds(Command::new(name).args(["-m", "pip", "--version"]))
    };
    ["python3", "python"].iter().find(usable).copied()
}

/// A virtual environment where Python can make one, else a folder of packages.
fn install(shell: &Shell, python: &str, home: &Path) -> Result<Python> {
    let requirements = "sdk-tests/python/requirements.txt";
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
