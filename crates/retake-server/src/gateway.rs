//! A whole gateway: everything put together, started and shut down.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::chain,
    ids::{ReplicaId, fresh_secret},
    output::Tolerance,
    plan::{InvalidRoute, Route},
    policy::Policy,
};
use retake_providers::{SettingsError, embedded::Embedded};
use retake_store::{Ledger, StoreError};

use crate::{
    accounts::{Account, AccountModels, Accounts, respell_places},
    api,
    assets::{AssetError, Assets, sweep},
    callbacks::Callbacks,
    characters::Characters,
    clock::Clock,
    config::{BUILT_IN, Config},
    data_dir::{DataDirError, Held},
    egress::{AddressPolicy, Egress},
    event_feed::EventFeed,
    intake::{Intake, Models},
    keys::Keys,
    listener::{self, HttpService},
    notifier::Notifier,
    scheduler::{Breaks, Losses, Scheduler, Wakeup},
    store::Store,
    tasks::Tasks,
    videos::Videos,
    vitals::{Pulse, Vitals},
    webhooks::Webhooks,
};

/// How long somebody who listened may be away and still catch up.
const FEED_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Lines that are dropped in one transaction.
const PORTION: u32 = 500;
/// A loop that asks the ledger every second is stuck when it has not done so for this long.
const STALLED: Duration = Duration::from_secs(30);
/// One that goes through files or old lines may take its time.
const STALLED_CHORE: Duration = Duration::from_hours(1);
/// Pause between two looks at how the loops are.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Pause between two sweeps.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Whether a gateway works off jobs or only answers questions about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Jobs are worked off.
    Running,
    /// Jobs stay as they are.
    Paused,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; choose another address with server.bind or --bind")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Others could reach it, and nobody needs a key.
    #[error(
        "{address} can be reached from other machines, and there is no API key yet; make one with `retake keys create NAME`, or bind to 127.0.0.1"
    )]
    Unguarded {
        /// The address.
        address: SocketAddr,
    },
    /// The folder for renders is unusable.
    #[error("the work folder {} cannot be used", folder.display())]
    WorkFolder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An account cannot be used.
    #[error("accounts.{name} is not usable")]
    Account {
        /// The configured account.
        name: String,
        /// What is wrong.
        source: SettingsError,
    },
    /// A configured route is none.
    #[error("models.{name}.routes is not usable")]
    Route {
        /// The configured model.
        name: String,
        /// What is wrong.
        source: InvalidRoute,
    },
    /// It is neither here nor there.
    #[error("a move to a database was broken off; `retake migrate-store` goes on with {}", moving.display())]
    Moving {
        /// What is being moved.
        moving: PathBuf,
    },
    /// There is one here, and one in a database was asked for.
    #[error(
        "RETAKE_DATABASE_URL names a database, and {} is a ledger too: `retake migrate-store` moves it there; to go on without it, name another --data-dir",
        ledger.display()
    )]
    Unmoved {
        /// What would be left behind.
        ledger: PathBuf,
    },
    /// Its jobs go on elsewhere; whoever began anew here would do without them, and without their keys.
    #[error(
        "the ledger was moved to a database: set RETAKE_DATABASE_URL to go on there; to go on here with what it was before, rename {} to {}",
        moved.display(),
        ledger.display()
    )]
    Moved {
        /// Where it was.
        ledger: PathBuf,
        /// What is left of it.
        moved: PathBuf,
    },
    /// The data directory is unusable.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The asset folder is unusable.
    #[error(transparent)]
    Assets(#[from] AssetError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A gateway that listens.
pub struct Gateway {
    url: String,
    tasks: Tasks,
    renderer: Arc<Embedded>,
    ledger: Arc<dyn Ledger>,
    accounts: Accounts,
    clock: Clock,
    grace: Duration,
    held: Held,
    vitals: Vitals,
}

/// What the parts of a gateway share.
struct Parts {
    accounts: Accounts,
    assets: Assets,
    bell: Wakeup,
    clock: Clock,
    hooks: Option<Callbacks>,
    keys: Keys,
    ledger: Arc<dyn Ledger>,
    news: EventFeed,
    notices: Wakeup,
    vitals: Vitals,
    /// For what callers wait for.
    outside: Egress,
    /// For what is delivered in the background.
    told: Egress,
    renderer: Arc<Embedded>,
}

impl Gateway {
    /// Opens the data directory, listens, and continues the jobs that an earlier process left.
    pub async fn start(
        config: &Config,
        held: Held,
        store: &Store,
        work: Work,
    ) -> Result<Self, StartError> {
        Self::start_by(Clock::system(), config, held, store, work).await
    }

    /// The same by this clock.
    pub async fn start_by(
        clock: Clock,
        config: &Config,
        mut held: Held,
        store: &Store,
        work: Work,
    ) -> Result<Self, StartError> {
        let address = config.server.bind;
        let unusable = |source| StartError::Bind { address, source };
        let listener = listener::bind(address).map_err(unusable)?;
        let url = format!("http://{}", listener.local_addr().map_err(unusable)?);

        let parts = Parts::open(config, &held, store, clock).await?;
        if !address.ip().is_loopback() && !parts.keys.any().await? {
            return Err(StartError::Unguarded { address });
        }
        let tasks = Tasks::default();
        if work == Work::Running {
            parts.schedule(config, store, &tasks).await?;
        }
        let (news, stop) = (parts.news.clone(), tasks.clone());
        let pulse = parts.vitals.pulse("the reader of the event feed", STALLED);
        tasks.keep_running(pulse, move |pulse| news.clone().run(pulse, stop.clone()));
        let service = parts.service(config, held.data_dir().path(), &tasks)?;
        let most = config.server.max_connections;
        let (listener, stop) = (Arc::new(listener), tasks.clone());
        let pulse = parts.vitals.pulse("the listener", Duration::MAX);
        tasks.keep_running(pulse, move |pulse| {
            pulse.beat();
            listener::serve(Arc::clone(&listener), service.clone(), most, stop.clone())
        });
        if work == Work::Running {
            // A gateway that only answers questions is gone in a moment: nobody should rely on it.
            held.announce(&url)?;
        }
        let grace = config.server.shutdown_grace.try_into().unwrap_or_default();
        let Parts { accounts, clock, renderer, ledger, vitals, .. } = parts;
        Ok(Self { url, tasks, renderer, ledger, accounts, clock, grace, held, vitals })
    }

    /// When the next step of a job is due that nobody works on, for whoever moves the clock.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let nobody = ReplicaId::new(self.clock.now());
        self.ledger.next_due(&self.accounts.slots(&nobody)).await
    }

    /// Where it listens, as `http://address:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The secret with which commands of this machine's owner come in.
    pub fn secret(&self) -> &str {
        self.held.secret()
    }

    /// Resolves, with what happened, when work in the background is stuck for so long that only another process
    /// can go on with it.
    pub async fn failed(&self) -> String {
        let mut told = false;
        loop {
            tokio::time::sleep(LOOK_AFTER).await;
            if let Some(hopeless) = self.vitals.hopeless() {
                let silent = hopeless.silent.as_secs();
                return format!("{} has made no progress for {silent} s", hopeless.name);
            }
            match self.vitals.ailment() {
                Some(ailment) if !told => tracing::error!(error = %ailment, "not ready"),
                None if told => tracing::info!("ready again"),
                _ => {}
            }
            told = self.vitals.ailment().is_some();
        }
    }

    /// Stops: no new connections, answers under way get the configured time, renders are broken off and
    /// go on from the ledger at the next start.
    pub async fn shutdown(self) {
        self.tasks.stop();
        let renderer = Arc::clone(&self.renderer);
        let stopped = tokio::task::spawn_blocking(move || renderer.shutdown()).await;
        if stopped.is_err() {
            tracing::error!("the renderer did not stop as it should");
        }
        if tokio::time::timeout(self.grace, self.tasks.ended()).await.is_err() {
            tracing::warn!("connections that were still open after the time of grace are cut");
        }
        if let Err(error) = self.ledger.close().await {
            tracing::error!(error = chain(&error), "the ledger did not close cleanly");
        }
        drop(self.held);
    }
}

impl Parts {
    async fn open(
        config: &Config,
        held: &Held,
        store: &Store,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let data_dir = held.data_dir();
        let ledger = store.open(data_dir).await?;
        let keys = Keys::new(Arc::clone(&ledger), clock.clone(), held.secret());
        let news = EventFeed::new(Arc::clone(&ledger), clock.clone());
        let hooks = hooks(config, ledger.as_ref(), clock.now()).await?;
        let assets =
            Assets::local(data_dir.assets_folder(config), config.assets.min_free_space.as_u64())?;
        let threads = renderer_threads(config.renderer.threads);
        let folder = data_dir.work_path();
        let renderer = Embedded::start(&folder, threads, clock.now())
            .map_err(|source| StartError::WorkFolder { folder, source })?;
        let renderer = Arc::new(renderer);
        let accounts = accounts(config, &renderer, threads, &clock)?;
        let reach = if config.server.allow_private_addresses {
            AddressPolicy::AlsoPrivate
        } else {
            AddressPolicy::Public
        };
        Ok(Self {
            accounts,
            assets,
            bell: Wakeup::default(),
            clock,
            hooks,
            keys,
            ledger,
            news,
            notices: Wakeup::default(),
            vitals: Vitals::new(config.policy.lease / 6),
            outside: Egress::new(reach),
            told: Egress::new(reach),
            renderer,
        })
    }

    /// Registers this process with the ledger and starts the work in the background.
    async fn schedule(
        &self,
        config: &Config,
        store: &Store,
        tasks: &Tasks,
    ) -> Result<(), StartError> {
        let now = self.clock.now();
        let replica = ReplicaId::new(now);
        let silent_since = match store {
            // The data directory is held, so whoever else is on record has died, whatever the clock says.
            Store::Embedded => Timestamp::MAX,
            Store::Postgres(_) => now - config.policy.lease,
        };
        respell_places(self.ledger.as_ref()).await?;
        self.ledger.expire_leases(silent_since, now).await?;
        self.ledger.register(&replica, now).await?;
        for account in self.ledger.awaited_accounts().await? {
            if self.accounts.get(&account).is_none() {
                tracing::warn!(account, "jobs wait for an account that is not configured any more");
            }
        }
        let scheduler = Scheduler {
            accounts: self.accounts.clone(),
            assets: self.assets.clone(),
            bell: self.bell.clone(),
            breaks: Breaks::default(),
            losses: Losses::default(),
            clock: self.clock.clone(),
            hooks: self.hooks.clone(),
            lease: config.policy.lease,
            ledger: Arc::clone(&self.ledger),
            news: self.news.clone(),
            notices: self.notices.clone(),
            policy: policy(config),
            replica: replica.clone(),
            retention: config.assets.retention,
            tasks: tasks.clone(),
        };
        let (alive, vitals) = (scheduler.clone(), self.vitals.clone());
        let lease = config.policy.lease.try_into().unwrap_or(STALLED);
        let pulse = self.vitals.pulse("the heartbeat", lease);
        tasks.keep_running(pulse, move |pulse| alive.clone().keep_alive(pulse, vitals.clone()));
        let settler = scheduler.clone();
        let pulse = self.vitals.pulse("the settling of lost submits", STALLED_CHORE);
        tasks.keep_running(pulse, move |pulse| settler.clone().settle_submits(pulse));
        let pulse = self.vitals.pulse("the scheduler", STALLED);
        tasks.keep_running(pulse, move |pulse| scheduler.clone().run(pulse));
        self.look_after(replica, tasks);
        Ok(())
    }

    /// Starts what else goes on in the background.
    fn look_after(&self, replica: ReplicaId, tasks: &Tasks) {
        let notifier = Notifier {
            bell: self.notices.clone(),
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            outside: self.told.clone(),
            replica,
            tasks: tasks.clone(),
        };
        let tidy = notifier.clone();
        let pulse = self.vitals.pulse("the removal of old deliveries", STALLED_CHORE);
        tasks.keep_running(pulse, move |pulse| tidy.clone().tidy_up(pulse));
        let pulse = self.vitals.pulse("the delivery of webhooks", STALLED);
        tasks.keep_running(pulse, move |pulse| notifier.clone().run(pulse));
        let (assets, ledger) = (self.assets.clone(), Arc::clone(&self.ledger));
        let (clock, stop) = (self.clock.clone(), tasks.clone());
        let pulse = self.vitals.pulse("the removal of old files", STALLED_CHORE);
        tasks.keep_running(pulse, move |pulse| {
            housekeeping(assets.clone(), Arc::clone(&ledger), clock.clone(), stop.clone(), pulse)
        });
    }

    fn service(
        &self,
        config: &Config,
        data_dir: &Path,
        tasks: &Tasks,
    ) -> Result<impl HttpService + use<>, StartError> {
        let catalog = Arc::clone(&config.known_models.0);
        let models = Arc::new(models(config)?);
        let videos = Videos {
            accounts: self.accounts.clone(),
            assets: self.assets.clone(),
            bell: self.bell.clone(),
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            news: self.news.clone(),
        };
        let characters = Characters {
            assets: self.assets.clone(),
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            most: config.server.max_characters,
        };
        let intake = Intake {
            accounts: self.accounts.clone(),
            assets: self.assets.clone(),
            bell: self.bell.clone(),
            catalog,
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            models,
            characters: characters.clone(),
            outside: self.outside.clone(),
            policy: policy(config),
            videos: videos.clone(),
        };
        let webhooks = Webhooks {
            bell: self.notices.clone(),
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            outside: self.outside.clone(),
        };
        let largest_body = usize::try_from(config.server.max_upload.as_u64()).unwrap_or(usize::MAX);
        Ok(api::service(api::Services {
            intake,
            videos,
            characters,
            keys: self.keys.clone(),
            news: self.news.clone(),
            tasks: tasks.clone(),
            webhooks,
            largest_body,
            hooks: self.hooks.clone(),
            accounts: self.accounts.clone(),
            assets: self.assets.clone(),
            hosts: hosts(config),
            vitals: self.vitals.clone(),
            capacity: api::Capacity::of(config, data_dir),
        }))
    }
}

/// The configured accounts, and the renderer that is always there, last: what is paid for comes first.
fn accounts(
    config: &Config,
    renderer: &Arc<Embedded>,
    threads: usize,
    clock: &Clock,
) -> Result<Accounts, StartError> {
    let mut accounts = Vec::new();
    for (name, settings) in config.open_accounts.iter() {
        match Account::open(name, settings, config, clock.clone()) {
            Ok(account) => accounts.push(account),
            // A key in the environment may be there for something else.
            Err(error) if config.accounts_found => {
                tracing::warn!(account = name, error = chain(&error), "an account is left out");
            }
            Err(source) => return Err(StartError::Account { name: name.clone(), source }),
        }
    }
    accounts.push(Account {
        name: BUILT_IN.to_owned(),
        shelf: AccountModels {
            provider: BUILT_IN,
            variant: None,
            is_blind: false,
            is_elsewhere: false,
        },
        place: None,
        provider: Arc::<Embedded>::clone(renderer),
        concurrency: u32::try_from(threads).unwrap_or(1),
        on_unknown_submit: None,
    });
    Ok(Accounts::new(accounts))
}

/// The names that the gateway goes by: those that are listed, and that of its public URL.
fn hosts(config: &Config) -> Arc<[String]> {
    let public = config.server.public_url.parse::<http::Uri>().ok();
    let public = public.and_then(|url| url.host().map(str::to_owned));
    config.server.allowed_hosts.iter().cloned().chain(public).collect()
}

/// Where providers reach this gateway, if the owner says that they can.
async fn hooks(
    config: &Config,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Option<Callbacks>, StoreError> {
    let url = config.server.public_url.as_str();
    if url.is_empty() {
        return Ok(None);
    }
    let secret = ledger.secret("urls", &fresh_secret(), now).await?;
    let accounts = config.open_accounts.iter().map(|(name, _)| name.as_str());
    Ok(Some(Callbacks::new(url, &secret, accounts)))
}

/// A render shares its work out to several threads, so a machine has room for fewer renders than cores.
fn renderer_threads(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, |cores| {
            cores.get().div_ceil(retake_providers::embedded::WORKERS_PER_RENDER)
        }),
        threads => threads,
    }
}

fn policy(config: &Config) -> Policy {
    Policy {
        max_attempts: config.policy.max_attempts,
        deadline: config.policy.deadline,
        retry_delay: config.policy.retry_delay,
        on_unknown_submit: config.policy.on_unknown_submit.0,
        is_account_override: false,
        on_busy: config.policy.on_busy,
        on_moderation: config.policy.on_moderation,
        on_output_mismatch: config.policy.on_output_mismatch,
        tolerance: Tolerance {
            duration: config.policy.duration_tolerance,
            pixels: config.policy.size_tolerance.0,
        },
        fetch_within: config.policy.fetch_within,
    }
}

fn models(config: &Config) -> Result<Models, StartError> {
    let mut named = Vec::new();
    for (name, model) in &config.models {
        let routes: Result<Vec<Route>, _> =
            model.routes.iter().map(|route| route.parse()).collect();
        let routes = routes.map_err(|source| StartError::Route { name: name.clone(), source })?;
        named.push((name.clone(), routes));
    }
    Ok(Models { default: config.default_model.clone(), named })
}

/// Drops lines of the ledger that have had their time, a portion at a time so that nobody waits long.
async fn prune(ledger: &dyn Ledger, now: Timestamp) {
    loop {
        match ledger.prune(now, now - FEED_KEPT, PORTION).await {
            Ok(gone) if gone >= u64::from(PORTION) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = chain(&error), "old lines of the ledger stay for now");
                return;
            }
        }
    }
}

async fn housekeeping(
    assets: Assets,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    tasks: Tasks,
    pulse: Pulse,
) {
    while !tasks.is_stopping() {
        match sweep(&assets, ledger.as_ref(), clock.now()).await {
            Ok(swept) if swept.expired + swept.orphans > 0 => {
                tracing::info!(
                    swept.expired,
                    swept.orphans,
                    "removed files that had had their time"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = chain(&*error), "no sweep"),
        }
        prune(ledger.as_ref(), clock.now()).await;
        pulse.beat();
        tokio::select! {
            () = clock.wait_until(clock.now() + SWEEP_EVERY) => {}
            () = tasks.stopping() => {}
        }
    }
}
