//! The steps of a task: each is named as it begins, timed, and listed at the end. The first that fails ends the
//! task, with one line that says which it was and what it ended with.

use std::time::{Duration, Instant};

use anyhow::{Error, Result};

use crate::shell::{Ended, Shell, say};

/// How a step went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// The steps of one task, in the order in which they were taken.
pub(crate) struct Steps<'a> {
    shell: &'a Shell,
    taken: Vec<(String, Outcome, Duration)>,
    failure: Option<String>,
}

/// A step failed, and has been told of: whoever called it ends.
#[derive(Debug)]
pub(crate) struct Stopped;

impl<'a> Steps<'a> {
    pub(crate) fn of(shell: &'a Shell) -> Self {
        Self { shell, taken: Vec::new(), failure: None }
    }

    pub(crate) fn shell(&self) -> &'a Shell {
        self.shell
    }

    /// Takes a step.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&'a Shell) -> Result<T>,
    ) -> Result<T, Stopped> {
        say(&format!("step: {name}"));
        let begun = Instant::now();
        let result = work(self.shell);
        let took = begun.elapsed();
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        say(&line(name, outcome, took));
        self.taken.push((name.to_owned(), outcome, took));
        result.map_err(|error| {
            self.failure = Some(failure(name, &error));
            Stopped
        })
    }

    /// Leaves a step out, and says why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say(&format!("skipped: {name} ({why})"));
        self.taken.push((name.to_owned(), Outcome::Skipped, Duration::ZERO));
    }

    /// Lists the steps, and says last which one failed. Whether all passed.
    pub(crate) fn summed_up(self) -> bool {
        if self.taken.len() > 1 {
            let total = self.taken.iter().map(|step| step.2).sum();
            for (name, outcome, took) in &self.taken {
                say(&format!("  {}", line(name, *outcome, *took)));
            }
            say(&format!("  in all {}", seconds(total)));
        }
        match self.failure {
            None => true,
            Some(failure) => {
                say(&failure);
                false
            }
        }
    }
}

fn line(name: &str, outcome: Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Passed => format!("passed: {name}, {}", seconds(took)),
        Outcome::Failed => format!("failed: {name}, {}", seconds(took)),
        Outcome::Skipped => format!("skipped: {name}"),
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// The one line about a step that failed.
fn failure(name: &str, error: &Error) -> String {
    let text = match error.downcast_ref::<Ended>() {
        Some(Ended { command, how }) => format!("step failed: {name} ({command}), {how}"),
        None => format!("step failed: {name}: {error:#}"),
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_failed_step_is_one_line_that_names_it_its_command_and_its_exit_code() {
        let shell = Shell::at_workspace_root().unwrap();
        let mut steps = Steps::of(&shell);

        let ended = steps.take("lints", |shell| shell.run_words(&["sh", "-c", "exit 101"]));
        assert!(ended.is_err());

        let told = steps.failure.clone().unwrap();
        assert_eq!(told, "step failed: lints (sh -c exit 101), exit code 101");
        assert!(!steps.summed_up());
    }

    #[test]
    fn another_error_is_told_with_its_causes_on_one_line() {
        let error = anyhow!("line one\nline two").context("the document is behind the code");

        let told = failure("documents", &error);

        let expected =
            "step failed: documents: the document is behind the code: line one; line two";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_program_that_a_signal_ended_is_told_as_such() {
        let shell = Shell::at_workspace_root().unwrap();
        let mut steps = Steps::of(&shell);

        steps.take("tests", |shell| shell.run_words(&["sh", "-c", "kill -9 $$"])).unwrap_err();

        assert!(steps.failure.unwrap().contains("signal: 9"));
    }
}
