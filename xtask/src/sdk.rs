//! The official SDKs, unmodified, and a fuzzer of APIs, against a gateway built from this tree.

mod node;
mod python;

use std::path::PathBuf;

use crate::steps::{Steps, Stopped};

/// What the tests of every SDK need.
struct Built {
    /// The gateway they start.
    gateway: PathBuf,
    /// Where SDKs may be installed.
    sdks: PathBuf,
}

/// Builds the gateway, installs the pinned SDKs of the languages that are there and runs their tests.
pub(crate) fn run(steps: &mut Steps<'_>) -> Result<(), Stopped> {
    let shell = steps.shell();
    let (python, node) = (python::found(shell), node::found(shell));
    if python.is_none() && node.is_none() {
        steps.skip(
            "the official OpenAI SDKs",
            "neither python3 with venv or pip, nor node with npm",
        );
        return Ok(());
    }
    let built = steps.take("the gateway for the SDKs", |shell| {
        Ok(Built { gateway: shell.gateway()?, sdks: shell.target().join("sdk") })
    })?;
    match python {
        Some(python) => python::run(steps, python, &built)?,
        None => steps.skip(
            "the official OpenAI SDK for Python, and schemathesis",
            "no python3 with venv or pip",
        ),
    }
    if node.is_some() {
        return node::run(steps, &built);
    }
    steps.skip(
        "the official OpenAI SDK for Node",
        "no node of version 20 or later with npm was found",
    );
    Ok(())
}
