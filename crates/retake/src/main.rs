//! `retake`, the command line: makes videos, looks after them, and serves them.
//!
//! Every command is a client of the gateway's HTTP API. The gateway may be far away
//! (`--server`), next door (another process that holds the data directory) or started in
//! this very process; a command does not know the difference, and [`session`] is the only
//! place that does. What a person sees goes through [`printer`], and how a command ended
//! is an [`exit::Exit`].

mod backup;
mod cli;
mod doctor;
mod exit;
mod follow;
mod gateway;
mod generate;
mod interrupt;
mod keys;
mod lab;
mod migrate_store;
mod models;
mod output;
mod printer;
mod progress;
mod serve;
mod session;
mod settings;
mod table;
mod videos;
mod webhooks;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(retake_server::config::Environment::of_process()).into()
}
