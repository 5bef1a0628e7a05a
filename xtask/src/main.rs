//! Development tasks. `cargo xtask ci` is what CI runs and what shows that a change is sound.
//!
//! It needs the Rust toolchain and a C compiler. What else it can use (nextest, cargo-deny, PostgreSQL,
//! Python for the official SDKs) it uses where present, and says plainly what it could not do. Each step is
//! named and timed; the last line of a task that fails says which step it was.

mod paths;
mod postgres;
mod providers;
mod sdk;
mod shell;
mod steps;
mod words;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    shell::{Shell, say},
    steps::{Steps, Stopped},
};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Retake")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that has to hold: format, lints, tests, documents, licences, official SDKs
    Ci,
    /// The tests written in Rust
    Test,
    /// The tests of the official SDKs against a gateway built from this tree
    Sdk,
    /// Fails where the public vocabulary differs from the list of it in docs/vocabulary.md
    CheckWords,
    /// Writes the documents that are generated from the code
    Generate {
        /// Changes nothing and fails where a document differs
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let shell = match Shell::at_workspace_root() {
        Ok(shell) => shell,
        Err(error) => {
            say(&format!("{error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let mut steps = Steps::of(&shell);
    // What stopped a task is told by the summary.
    let _ = match task {
        Task::Ci => ci(&mut steps),
        Task::Test => test(&mut steps),
        Task::Sdk => sdk::run(&mut steps),
        Task::CheckWords => check_words(&mut steps),
        Task::Generate { check } => generate(&mut steps, check),
    };
    if steps.summed_up() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ci(steps: &mut Steps<'_>) -> Result<(), Stopped> {
    steps.take("format", |shell| shell.cargo(&["fmt", "--all", "--check"]))?;
    steps.take("clippy", |shell| {
        shell.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ])
    })?;
    test(steps)?;
    steps.take("documentation", |shell| {
        shell.cargo_with(
            &["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"],
            &[("RUSTDOCFLAGS", "--deny warnings")],
        )
    })?;
    generate(steps, true)?;
    steps.take("paths in ARCHITECTURE.md", paths::check)?;
    licences(steps)?;
    sdk::run(steps)
}

fn licences(steps: &mut Steps<'_>) -> Result<(), Stopped> {
    const NAME: &str = "licences and bans";
    if !steps.shell().has_cargo_tool("deny") {
        steps.skip(NAME, "`cargo install cargo-deny` to check them");
        return Ok(());
    }
    steps.take(NAME, |shell| {
        shell.cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"])
    })
}

/// nextest runs each test in a process of its own and is faster; without it the toolchain's runner does.
fn test(steps: &mut Steps<'_>) -> Result<(), Stopped> {
    steps.take("tests", |shell| {
        let server = postgres::for_tests(shell);
        let database: Vec<_> = server.iter().map(postgres::Server::variable).collect();
        let with_nextest = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast"];
        let without = ["test", "--workspace", "--locked", "--lib", "--bins", "--tests"];
        let nextest = shell.has_cargo_tool("nextest");
        shell.cargo_with(if nextest { &with_nextest } else { &without }, &database)
    })?;
    steps.take("tests in the documentation", |shell| {
        shell.cargo(&["test", "--workspace", "--locked", "--doc"])
    })
}

/// The documents that come from the code, and the commands that print them.
const GENERATED: [(&str, &[&str]); 2] = [
    ("docs/configuration.md", &["config", "reference", "--markdown"]),
    ("docs/openapi.json", &["openapi"]),
];

fn generate(steps: &mut Steps<'_>, check: bool) -> Result<(), Stopped> {
    let name = if check { "generated documents" } else { "generate" };
    steps.take(name, |shell| {
        let gateway = shell.gateway()?;
        for (document, command) in GENERATED {
            bring_up_to_date(shell, document, &shell.said(&gateway, command)?, check)?;
        }
        let (document, text) = providers::document(shell, &gateway)?;
        bring_up_to_date(shell, document, &text, check)?;
        let (document, text) = words::document(shell, &shell.said(&gateway, &["openapi"])?)?;
        bring_up_to_date(shell, document, &text, check)
    })
}

fn check_words(steps: &mut Steps<'_>) -> Result<(), Stopped> {
    steps.take("public vocabulary", |shell| {
        let gateway = shell.gateway()?;
        let (document, text) = words::document(shell, &shell.said(&gateway, &["openapi"])?)?;
        bring_up_to_date(shell, document, &text, true)
    })
}

fn bring_up_to_date(shell: &Shell, document: &str, text: &str, check: bool) -> Result<()> {
    let path = shell.root().join(document);
    if std::fs::read_to_string(&path).unwrap_or_default() == text {
        return Ok(());
    }
    anyhow::ensure!(!check, "{document} is behind the code; run `cargo xtask generate`");
    std::fs::write(&path, text)?;
    say(&format!("wrote {document}"));
    Ok(())
}
