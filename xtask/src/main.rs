//! Development tasks. `cargo xtask ci` is what CI runs and what shows that a change is sound.
//!
//! It needs the Rust toolchain and a C compiler. What else it can use (nextest, cargo-deny, PostgreSQL,
//! Python for the official SDKs) it uses where present, and says plainly what it could not do.

mod postgres;
mod providers;
mod sdk;
mod shell;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::shell::{Shell, say};

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
    /// Writes the documents that are generated from the code
    Generate {
        /// Changes nothing and fails where a document differs
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    let shell = Shell::at_workspace_root()?;
    match Arguments::parse().task {
        Task::Ci => ci(&shell),
        Task::Test => test(&shell),
        Task::Sdk => sdk::run(&shell),
        Task::Generate { check } => generate(&shell, check),
    }
}

fn ci(shell: &Shell) -> Result<()> {
    shell.cargo(&["fmt", "--all", "--check"])?;
    shell.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ])?;
    test(shell)?;
    shell.cargo_with(
        &["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"],
        &[("RUSTDOCFLAGS", "--deny warnings")],
    )?;
    generate(shell, true)?;
    if shell.has_cargo_tool("deny") {
        shell.cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"])?;
    } else {
        say("skipped: licences and bans (`cargo install cargo-deny` to check them)");
    }
    sdk::run(shell)
}

/// nextest runs each test in a process of its own and is faster; without it the toolchain's runner does.
fn test(shell: &Shell) -> Result<()> {
    let server = postgres::for_tests(shell);
    let database: Vec<_> = server.iter().map(postgres::Server::variable).collect();
    let with_nextest = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast"];
    let without = ["test", "--workspace", "--locked", "--lib", "--bins", "--tests"];
    let nextest = shell.has_cargo_tool("nextest");
    shell.cargo_with(if nextest { &with_nextest } else { &without }, &database)?;
    drop(server);
    shell.cargo(&["test", "--workspace", "--locked", "--doc"])
}

/// The documents that come from the code, and the commands that print them.
const GENERATED: [(&str, &[&str]); 2] = [
    ("docs/configuration.md", &["config", "reference", "--markdown"]),
    ("docs/openapi.json", &["openapi"]),
];

fn generate(shell: &Shell, check: bool) -> Result<()> {
    let gateway = shell.gateway()?;
    for (document, command) in GENERATED {
        bring_up_to_date(shell, document, &shell.said(&gateway, command)?, check)?;
    }
    let (document, text) = providers::document(shell, &gateway)?;
    bring_up_to_date(shell, document, &text, check)
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
