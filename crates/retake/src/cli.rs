//! The command line as it is typed, and the way from there to the module that does it.

use std::{io, path::PathBuf};

use clap::{CommandFactory as _, Parser, Subcommand};
use retake_server::config::{Environment, LogFormat};

use crate::{
    backup, doctor,
    exit::{EXIT_CODES, Exit, Failure},
    generate, keys, lab, migrate_store, models,
    printer::Printer,
    serve,
    session::Context,
    settings, videos, webhooks,
};

/// Makes videos from prompts, and sees them through.
///
/// Without a server, commands work on the data directory of this machine: nothing else
/// needs to run. With --server they talk to a gateway elsewhere.
#[derive(Debug, Parser)]
#[command(name = "retake", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// Settings file [default: ./retake.toml, else the one in the user's config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for jobs and videos (variable: `RETAKE_DATA_DIR`)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Talk to the gateway at this URL, with the key in `RETAKE_API_KEY` if it needs one (variable:
    /// `RETAKE_SERVER`)
    #[arg(long, global = true, value_name = "URL", conflicts_with = "data_dir")]
    pub(crate) server: Option<String>,
    /// Print data as JSON on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    json: bool,
    /// Print only data and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Log to stderr what happens inside; twice for more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a video from a prompt
    Generate(generate::Generate),
    /// Run the gateway: the HTTP API that other programs talk to
    Serve(serve::Serve),
    /// List, show, download, delete and cancel videos
    #[command(subcommand)]
    Videos(videos::Videos),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Say who is told when videos end, and see how that went
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// List the models that can be asked for, with their limits
    Models(models::Args),
    /// Check that everything works, and say what to do where it does not
    Doctor,
    /// Copy the data directory, while a gateway works on it
    Backup(backup::Backup),
    /// Move the ledger to the PostgreSQL database that `RETAKE_DATABASE_URL` names
    MigrateStore,
    /// Stand in for the providers on local ports, with faults on demand
    Lab(lab::Args),
    /// Check, show and explain the settings
    #[command(subcommand)]
    Config(settings::Settings),
    /// Print the description of the HTTP API, as a gateway answers it under /openapi.json
    #[command(hide = true)]
    Openapi,
    /// Print the completions for a shell, to be sourced by it
    Completions { shell: clap_complete::Shell },
}

/// Runs the command of this process and says how it ended.
pub(crate) fn run(environment: Environment) -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &environment),
    };
    let printer = Printer::new(cli.globals.json, cli.globals.quiet, &environment);
    match start(cli, environment, printer) {
        Ok(()) => Exit::Success,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit
        }
    }
}

fn start(cli: Cli, environment: Environment, printer: Printer) -> Result<(), Failure> {
    // An error would say that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if cli.globals.verbose > 0 {
        let level = if cli.globals.verbose == 1 { "debug" } else { "trace" };
        log(level, LogFormat::Pretty, printer);
    }
    let context = Context { globals: cli.globals, environment, printer };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(dispatch(&context, cli.command));
    // What is still running was asked to end before; a stubborn thread must not hold us up.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Generate(generate) => generate::run(context, generate).await,
        Command::Serve(serve) => serve::run(context, serve).await,
        Command::Videos(videos) => videos::run(context, videos).await,
        Command::Keys(keys) => keys::run(context, keys).await,
        Command::Webhooks(webhooks) => webhooks::run(context, webhooks).await,
        Command::Models(args) => models::run(context, &args).await,
        Command::Doctor => doctor::run(context).await,
        Command::Backup(backup) => backup::run(context, backup).await,
        Command::MigrateStore => migrate_store::run(context).await,
        Command::Lab(args) => lab::run(context, args).await,
        Command::Config(settings) => settings::run(context, &settings),
        Command::Openapi => {
            let described = format!("{:#}\n", retake_server::openapi());
            context.printer.verbatim(described.as_bytes())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "retake", &mut script);
            context.printer.verbatim(&script)
        }
    }
}

/// Help and version are data; a mistake is an error, in JSON for those who asked for it.
fn misused(error: &clap::Error, environment: &Environment) -> Exit {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && json {
        let message = error.render().to_string();
        let message = message.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let failure = Failure::new(Exit::BadInput, message).hint("see `retake --help`");
        Printer::new(true, false, environment).failure(&failure);
        return Exit::BadInput;
    }
    // Fails only when nobody listens.
    let _ = error.print();
    if error.use_stderr() { Exit::BadInput } else { Exit::Success }
}

/// Starts logging to stderr: our own at `level`, everything else only when it is serious.
pub(crate) fn log(level: &str, format: LogFormat, printer: Printer) {
    let filter = tracing_subscriber::EnvFilter::new(format!("warn,retake={level}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(printer.has_color());
    // Whoever started it first decided: `--verbose` before the settings.
    let _ = match format {
        LogFormat::Pretty => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
