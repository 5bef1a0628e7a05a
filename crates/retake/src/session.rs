//! How a command gets a gateway to talk to, and another when that one goes away.
//!
//! With `--server` it is the one named. Else it is whoever holds the data directory:
//! another process if one does, or this one. A neighbour may end at any time, being
//! nothing but somebody else's command. Then its jobs are in the ledger, and
//! [`Session::recover`] takes the data directory over and goes on with them.

use std::{net::SocketAddr, time::Duration};

use reqwest::Url;
use retake_server::{
    StartError, Store, StoreError, Work,
    config::{ByteSize, Config, Environment, Flag, Loaded},
    data_dir::{DataDir, DataDirError, Held},
};

use crate::{
    cli::Globals,
    exit::{Exit, Failure, chain},
    gateway::{CallError, Gateway, server_url},
    printer::Printer,
};

/// Where an in-process gateway listens: a port that nobody else has.
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// How long to wait for a holder of the data directory to answer or to end.
const PATIENCE: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(50);
/// Pauses between tries to reach a named server again.
const BACKOFF_MS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

/// What a command knows about its surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) environment: Environment,
    pub(crate) printer: Printer,
}

/// A gateway to talk to for as long as a command runs.
pub(crate) struct Session {
    gateway: Gateway,
    origin: Origin,
    /// How often the named server was not reached in a row.
    misses: usize,
}

enum Origin {
    /// Named by the user.
    Named,
    /// Another process that holds the data directory.
    Neighbour,
    /// This process, and the largest request body it takes.
    Own { gateway: retake_server::Gateway, largest: ByteSize },
}

impl Context {
    /// The settings in force, with the flags of the command line.
    pub(crate) fn load(&self, flags: Vec<Flag>) -> Result<Loaded, Failure> {
        let data_dir = self.globals.data_dir.as_ref().map(|path| Flag {
            name: "--data-dir",
            key: "data_dir",
            value: path.display().to_string(),
        });
        let flags: Vec<Flag> = data_dir.into_iter().chain(flags).collect();
        Config::load_with_flags(self.globals.config.as_deref(), &self.environment, &flags).map_err(
            |error| {
                Failure::caused_by(Exit::BadInput, &error)
                    .hint("`retake config reference` shows every setting with its default")
            },
        )
    }

    /// The key for a server that was named.
    pub(crate) fn key(&self) -> Option<&str> {
        self.environment.get("RETAKE_API_KEY")
    }

    /// Where the ledger is kept.
    pub(crate) fn store(&self) -> Store {
        Store::of(&self.environment)
    }

    /// The server that was named, by flag or variable. A data directory on the command line
    /// is nearer to the user than a variable.
    pub(crate) fn server(&self) -> Result<Option<Url>, Failure> {
        let variable = self.environment.get("RETAKE_SERVER");
        let variable = variable.filter(|_| self.globals.data_dir.is_none());
        self.globals.server.as_deref().or(variable).map(server_url).transpose()
    }
}

impl Session {
    /// Finds a gateway, or starts one in this process that does `work`.
    pub(crate) async fn open(context: &Context, work: Work) -> Result<Self, Failure> {
        let (gateway, origin) = match context.server()? {
            Some(url) => (Gateway::at(url)?.with_key(context.key()), Origin::Named),
            None => find_or_start(context, work).await?,
        };
        Ok(Self { gateway, origin, misses: 0 })
    }

    /// Talks to a gateway that was started by the caller.
    pub(crate) fn of(own: retake_server::Gateway, config: &Config) -> Result<Self, Failure> {
        let gateway = Gateway::at(server_url(own.url())?)?.with_key(Some(own.secret()));
        let origin = Origin::Own { gateway: own, largest: config.server.max_upload };
        Ok(Self { gateway, origin, misses: 0 })
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Whether the gateway is this process or on this machine because of the same settings.
    pub(crate) fn is_local(&self) -> bool {
        !matches!(self.origin, Origin::Named)
    }

    /// The largest request body the gateway takes, where that is known.
    pub(crate) fn largest_upload(&self) -> Option<ByteSize> {
        match self.origin {
            Origin::Own { largest, .. } => Some(largest),
            Origin::Named | Origin::Neighbour => None,
        }
    }

    /// A call went well.
    pub(crate) fn reached(&mut self) {
        self.misses = 0;
    }

    /// Makes up for a call that failed on the way: returns when it is worth another try.
    pub(crate) async fn recover(
        &mut self,
        context: &Context,
        error: CallError,
    ) -> Result<(), Failure> {
        if !error.may_pass() || matches!(self.origin, Origin::Own { .. }) {
            return Err(error.into());
        }
        let lost = matches!(error, CallError::Unreachable { .. });
        if lost && matches!(self.origin, Origin::Neighbour) {
            let known = self.gateway.url().clone();
            (self.gateway, self.origin) = find_or_start(context, Work::Running).await?;
            if *self.gateway.url() != known {
                return Ok(());
            }
            // It is still there, and breaks off what it sends: no reason to go on for ever.
        }
        let Some(pause) = BACKOFF_MS.get(self.misses) else { return Err(error.into()) };
        self.misses += 1;
        tokio::time::sleep(Duration::from_millis(*pause)).await;
        Ok(())
    }

    /// Ends what was started for this command.
    pub(crate) async fn close(self) {
        if let Origin::Own { gateway, .. } = self.origin {
            gateway.shutdown().await;
        }
    }
}

async fn find_or_start(context: &Context, work: Work) -> Result<(Gateway, Origin), Failure> {
    let mut config = context.load(Vec::new())?.config;
    config.server.bind = HERE;
    let data_dir = DataDir::prepare(&config.data_dir).map_err(|error| unusable(&error))?;
    match hold_or_find(&data_dir, PATIENCE).await? {
        Holder::Other(gateway) => {
            context.printer.say(&format!(
                "using the running retake at {}",
                gateway.url().origin().ascii_serialization()
            ));
            Ok((gateway, Origin::Neighbour))
        }
        Holder::Us(held) => {
            let largest = config.server.max_upload;
            let gateway = start(&config, held, &context.store(), work).await?;
            let near = Gateway::at(server_url(gateway.url())?)?.with_key(Some(gateway.secret()));
            Ok((near, Origin::Own { gateway, largest }))
        }
    }
}

/// Starts a gateway in this process.
pub(crate) async fn start(
    config: &Config,
    held: Held,
    store: &Store,
    work: Work,
) -> Result<retake_server::Gateway, Failure> {
    retake_server::Gateway::start(config, held, store, work)
        .await
        .map_err(|error| Failure::caused_by(exit_of(&error), &error))
}

fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Assets(_) | StartError::WorkFolder { .. } => Exit::CannotWrite,
        StartError::Route { .. }
        | StartError::Unguarded { .. }
        | StartError::Moved { .. }
        | StartError::Moving { .. }
        | StartError::Unmoved { .. } => Exit::BadInput,
        StartError::Store(error) => store_exit(error),
        StartError::DataDir(error) => unusable(error).exit,
        _ => Exit::Failed,
    }
}

/// How a command ends when a ledger cannot be opened.
pub(crate) fn store_exit(error: &StoreError) -> Exit {
    match error {
        StoreError::DiskFull { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::CannotOpen { .. }
        | StoreError::Disk { .. } => Exit::CannotWrite,
        StoreError::Corrupt { .. }
        | StoreError::NotALedger { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::ChangedMigration { .. } => Exit::BadInput,
        StoreError::Unavailable { .. } => Exit::Unreachable,
        _ => Exit::Failed,
    }
}

/// Who has the data directory.
pub(crate) enum Holder {
    Us(Held),
    Other(Gateway),
}

/// Takes hold of the data directory, or finds the process that has it and answers. A holder
/// that is only starting or ending is waited for.
pub(crate) async fn hold_or_find(
    data_dir: &DataDir,
    patience: Duration,
) -> Result<Holder, Failure> {
    let mut waited = Duration::ZERO;
    loop {
        let error = match data_dir.try_hold() {
            Ok(held) => return Ok(Holder::Us(held)),
            Err(error) => error,
        };
        match &error {
            DataDirError::HeldBy { holder: Some(holder) } => {
                let gateway = Gateway::at(server_url(&holder.url)?)?;
                let gateway = gateway.with_key(Some(&holder.secret));
                if gateway.health().await.is_ok() {
                    return Ok(Holder::Other(gateway));
                }
            }
            DataDirError::HeldBy { holder: None } => {}
            _ => return Err(unusable(&error)),
        }
        if waited >= patience {
            return Err(Failure::new(
                Exit::Failed,
                format!("{}, which does not answer", chain(&error)),
            )
            .hint("end that process, or use another folder with --data-dir"));
        }
        tokio::time::sleep(GLANCE).await;
        waited += GLANCE;
    }
}

/// The data directory cannot be used.
pub(crate) fn unusable(error: &DataDirError) -> Failure {
    let exit = match error {
        DataDirError::Create { .. } | DataDirError::Unwritable { .. } => Exit::CannotWrite,
        DataDirError::HeldBy { .. } => Exit::Failed,
        _ => Exit::BadInput,
    };
    Failure::caused_by(exit, error).hint("choose another folder with --data-dir or RETAKE_DATA_DIR")
}
