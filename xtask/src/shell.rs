//! Running programs, loudly: each command line is shown before it runs.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Characters of a command line that a message shows.
const SHOWN: usize = 100;

/// A program did not succeed.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The command line.
    pub(crate) command: String,
    /// What it ended with.
    pub(crate) how: String,
}

impl Ended {
    /// What became of a command that has ended.
    fn well(command: &Command, status: ExitStatus) -> Result<(), Self> {
        if status.success() {
            return Ok(());
        }
        let how = status.code().map_or_else(|| status.to_string(), |it| format!("exit code {it}"));
        let mut command = shown(command);
        if command.chars().count() > SHOWN {
            command = command.chars().take(SHOWN).chain(['…']).collect();
        }
        Err(Self { command, how })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ended with {}", self.command, self.how)
    }
}

impl std::error::Error for Ended {}

/// Runs programs in the workspace's root.
pub(crate) struct Shell {
    root: PathBuf,
}

impl Shell {
    pub(crate) fn at_workspace_root() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the workspace")?;
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that is built or made on the way.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |folder| self.root.join(folder))
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Result<()> {
        self.cargo_with(arguments, &[])
    }

    pub(crate) fn cargo_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<()> {
        let mut command = Command::new("cargo");
        command.args(arguments).envs(environment.iter().copied());
        self.run(&mut command)
    }

    /// The gateway of this tree. It is built as the tests build it, so that nothing is compiled twice.
    pub(crate) fn gateway(&self) -> Result<PathBuf> {
        self.cargo(&["build", "--workspace", "--tests", "--locked"])?;
        Ok(self.target().join("debug").join("retake"))
    }

    /// What a program says; what it complains of is shown.
    pub(crate) fn said(&self, program: &Path, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).stderr(Stdio::inherit());
        say(&shown(&command));
        let output = command.output()?;
        Ended::well(&command, output.status)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn has_cargo_tool(&self, name: &str) -> bool {
        self.succeeds(Command::new("cargo").args([name, "--version"]))
    }

    pub(crate) fn succeeds(&self, command: &mut Command) -> bool {
        command.current_dir(&self.root).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// What a program says, if it succeeds.
    pub(crate) fn output(&self, command: &mut Command) -> Option<String> {
        let output = command.current_dir(&self.root).stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    }

    /// Runs a program of which nobody wants to hear, unless it fails.
    pub(crate) fn quietly(&self, command: &mut Command) -> Result<()> {
        let output = command
            .current_dir(&self.root)
            .output()
            .with_context(|| format!("`{}` could not be started", shown(command)))?;
        let told = String::from_utf8_lossy(&output.stderr);
        let (status, told) = (output.status, told.trim());
        ensure!(status.success(), "`{}` ended with {status}: {told}", shown(command));
        Ok(())
    }

    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        say(&shown(command));
        let status = command
            .current_dir(&self.root)
            .status()
            .with_context(|| format!("`{}` could not be started", shown(command)))?;
        Ok(Ended::well(command, status)?)
    }

    /// The same, of a program and its arguments.
    #[cfg(test)]
    pub(crate) fn run_words(&self, words: &[&str]) -> Result<()> {
        let (program, arguments) = words.split_first().context("a program")?;
        self.run(Command::new(program).args(arguments))
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::print_stderr, reason = "a task talks to the person who runs it")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}
