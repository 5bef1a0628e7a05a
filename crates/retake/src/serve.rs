//! `retake serve`: the gateway, until it is told to stop.

use std::time::Duration;

use retake_server::{
    Work,
    config::{Flag, Loaded},
    data_dir::DataDir,
};
use serde_json::json;

use crate::{
    cli::log,
    exit::{Exit, Failure},
    interrupt::Interrupt,
    session::{Context, Holder, hold_or_find, start, unusable},
};

/// A command that only has a look holds the data directory for a moment.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a gateway that is stuck gets to stop in good order.
const LAST_WORDS: Duration = Duration::from_secs(15);
/// Files that are open besides those of connections: the ledger's, of renders, of webhooks on their way.
const OWN_FILES: usize = 128;

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    bind: Option<String>,
}

pub(crate) async fn run(context: &Context, args: Serve) -> Result<(), Failure> {
    if context.globals.server.is_some() {
        return Err(Failure::new(Exit::BadInput, "`serve` is a server and needs no other")
            .hint("leave out --server"));
    }
    let bind = args.bind.map(|value| Flag { name: "--bind", key: "server.bind", value });
    let Loaded { mut config, .. } = context.load(bind.into_iter().collect())?;
    log(config.log.level.as_str(), config.log.format, context.printer);
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot hear signals: {error}")))?;

    keep_to_ourselves();
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    let held = match hold_or_find(&data_dir, PATIENCE).await? {
        Holder::Us(held) => held,
        Holder::Other(gateway) => {
            let url = gateway.url().origin().ascii_serialization();
            let message = format!("the data directory is in use by the retake at {url}");
            return Err(Failure::new(Exit::Failed, message)
                .hint("use that one, end it, or give this one its own folder with --data-dir"));
        }
    };
    config.server.max_connections = within_files(config.server.max_connections);
    let gateway = start(&config, held, &context.store(), Work::Running).await?;
    ready(context, gateway.url(), &data_dir)?;

    let broken = tokio::select! {
        _ = interrupt.wait() => None,
        why = gateway.failed() => Some(why),
    };
    if let Some(why) = broken {
        // Whatever is stuck may not end when it is told to, and its jobs go on with the next process.
        tokio::time::timeout(LAST_WORDS, gateway.shutdown()).await.ok();
        return Err(Failure::new(Exit::Failed, why).hint("start it again; the log says more"));
    }
    context.printer.say("stopping; once more to stop at once");
    tokio::select! {
        biased;
        () = gateway.shutdown() => Ok(()),
        exit = interrupt.wait() => Err(Failure::new(exit, "stopped at once")),
    }
}

/// Whatever this process makes is its owner's alone, in folders that were there before as well.
fn keep_to_ourselves() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// As many connections as wished for, or as the system has files for.
///
/// A connection is a file to the system, whose usual limit is far below what it allows, and what is sent or
/// received on it is often another one. The ledger, renders and webhooks need some too.
fn within_files(wished: usize) -> usize {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => usize::try_from(files).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays as it is");
            return wished;
        }
    };
    let most = (files.saturating_sub(OWN_FILES) / 3 * 2).max(1);
    if most < wished {
        tracing::warn!(
            files,
            "at most {most} connections are served at once, because no more files may be open (`ulimit -n`)"
        );
    }
    wished.min(most)
}

/// Says where the gateway answers: to people on stderr, to programs on stdout.
fn ready(context: &Context, url: &str, data_dir: &DataDir) -> Result<(), Failure> {
    let folder = data_dir.path().display().to_string();
    if context.printer.json {
        return context.printer.json(&json!({ "url": url, "data_dir": folder }));
    }
    context.printer.say(&format!("retake answers at {url}/v1 and keeps its data in {folder}"));
    Ok(())
}
