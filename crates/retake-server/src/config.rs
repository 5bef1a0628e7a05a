//! The settings of a gateway: what can be set, to what, and where each value came from.
//!
//! Four layers, the later winning: the defaults written here, `retake.toml`, the
//! environment (`RETAKE_DATA_DIR`, `RETAKE_SERVER__BIND`) and the flags of the command
//! line. Whatever cannot be used is refused with the file and line, variable or flag it
//! came from, and everything wrong is told at once: nobody should have to start a server
//! five times to learn of five typing errors.
//!
//! The doc comments below are the reference. The macro `section!` keeps them beside the
//! fields, and `reference` prints them, so the two cannot drift apart.

mod accounts;
mod check;
mod environment;
mod layers;
mod problem;
mod quantity;
mod reference;
mod renamed;
mod section;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use jiff::SignedDuration;
use retake_core::{
    output::OnMismatch,
    policy::{OnBusy, OnModeration, OnUnknownSubmit},
};
use serde::{Deserialize, Serialize};

pub use self::{
    accounts::{KnownModels, OpenAccounts},
    environment::Environment,
    layers::{Flag, Loaded, Sources},
    problem::{ConfigError, ConfigProblem, Source},
    quantity::{AccountUnknownSubmit, ByteSize, Pixels, Retention, UnknownSubmit},
    reference::{reference, reference_markdown},
};
use self::{quantity::duration, section::section};

/// The provider that is always there: the embedded renderer, an account of its own name.
pub const BUILT_IN: &str = "animatic";

section! {
    /// Settings that concern the whole gateway.
    pub struct Config at "" {
        /// Where jobs and videos are kept. `~` is your home folder; a relative path in a file
        /// starts at that file. Without this setting: `$XDG_DATA_HOME/retake` when that is set.
        data_dir: PathBuf = PathBuf::from("~/.local/share/retake"),
        /// The model that renders a request which names none: a name from `[models]`, or
        /// "animatic", the embedded renderer.
        default_model: String = BUILT_IN.to_owned(),
        /// A file with models of your own, written as the entries of the shipped catalog are; see
        /// providers.md. An entry of the same provider and name wins over the shipped one.
        catalog: PathBuf = PathBuf::new(),
    }
    sections {
        server: ServerConfig,
        assets: AssetsConfig,
        renderer: RendererConfig,
        policy: PolicyConfig,
        log: LogConfig,
    }
    named {
        accounts: AccountConfig,
        models: ModelConfig,
    }
    carried {
        /// Whether the accounts were found in the environment, so that nobody has asked for them.
        accounts_found: bool,
        /// The accounts that can be used, with their keys, which are never written anywhere.
        open_accounts: OpenAccounts,
        /// The models that there are, those of `catalog` included.
        known_models: KnownModels,
    }
}

section! {
    /// How the gateway listens and what it lets in.
    pub struct ServerConfig at "server" {
        /// Address and port to listen on; port 0 takes a free one. An address beyond loopback needs an
        /// API key first: `retake keys create NAME`.
        bind: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// Names under which the gateway may be called, such as "retake.example.com" behind a proxy.
        /// IP addresses and "localhost" are always fine; another name could be one that a web page made
        /// up to reach a gateway through somebody's browser.
        allowed_hosts: Vec<String> = Vec::new(),
        /// Connections that are held at once. When there are more, those that ask for nothing are closed, the
        /// longest idle one first. The system's limit on open files lowers this to what fits into it.
        max_connections: usize = 8192,
        /// Largest request body, reference images included.
        max_upload: ByteSize = ByteSize::mib(32),
        /// Large bodies that are received at once; those of one key get no more than half of what is free. While
        /// one arrives it lies on the disk of `data_dir`.
        max_uploads: usize = 64,
        /// Memory for the large bodies that have arrived and are being looked at. Others wait for their turn.
        upload_memory: ByteSize = ByteSize::mib(128),
        /// Event streams that are open at once; those of one key get no more than half of what is free.
        max_event_streams: usize = 1024,
        /// Characters that one key may have.
        max_characters: u32 = 1000,
        /// Whether URLs that callers give (pictures, webhook endpoints) may lead to this machine and to
        /// private networks. Leave it off wherever callers are not trusted with what runs there.
        allow_private_addresses: bool = false,
        /// Where this gateway can be reached from the internet, such as `https://retake.example.com`. With it,
        /// providers tell us when a render is done instead of being asked again and again, and those that
        /// only take pictures by URL can fetch them here.
        public_url: String = String::new(),
        /// How long a stopping server lets answers under way finish. Unfinished jobs are kept
        /// and go on at the next start.
        shutdown_grace: SignedDuration as "duration" = SignedDuration::from_secs(10),
    }
}

section! {
    /// What happens to finished videos.
    pub struct AssetsConfig at "assets" {
        /// Where files are kept; empty for `assets` in `data_dir`. Replicas that share a database have to
        /// share this folder as well.
        folder: PathBuf = PathBuf::new(),
        /// How long a finished video is kept: "forever", or a duration such as "30d".
        retention: Retention = Retention::Forever,
        /// When less than this is free on the disk of `data_dir`, new jobs and bodies of requests are
        /// refused and nothing more is fetched.
        min_free_space: ByteSize = ByteSize::mib(256),
    }
}

section! {
    /// The embedded renderer.
    pub struct RendererConfig at "renderer" {
        /// How many videos are rendered at once. 0: sized to the machine.
        threads: usize = 0,
    }
}

section! {
    /// An account at a provider, under a name of your choice. For example `[accounts.runway]` and below it
    /// `provider = "runway"`. Without any, the accounts are those whose keys are in the environment under
    /// their usual names; see providers.md.
    pub struct AccountConfig at "accounts.NAME" {
        /// The provider: "openai", "google", "runway", "luma", "fal" or "replicate".
        provider: String = String::new(),
        /// Which of the provider's APIs, or which dialect of OpenAI's, it speaks; see providers.md.
        variant: String = String::new(),
        /// Where the API is, when that is not where the provider's own tools look for it.
        base_url: String = String::new(),
        /// The variable that holds the key. Without this setting: the one in which the provider's own tools
        /// look for it.
        api_key_env: String = String::new(),
        /// A file that holds the key, instead of a variable.
        api_key_file: PathBuf = PathBuf::new(),
        /// The variable that holds the secret with which the provider signs its notices, where that is not
        /// something the provider can be asked for.
        webhook_secret_env: String = String::new(),
        /// How many renders it may have at once. 0: what the provider gives a new account.
        concurrency: u32 = 0,
        /// How long until a render is asked about again. "0s": what the provider advises.
        poll_interval: SignedDuration as "duration" = SignedDuration::ZERO,
        /// The longest that a render may take before it is stopped and tried again. "0s": what is usual at
        /// the provider. Where another route is left, it is given up early enough for that to fit into
        /// `policy.deadline`, unless `accounts.NAME.on_unknown_submit`, or `policy.on_unknown_submit` where that is
        /// empty, is "hold".
        render_timeout: SignedDuration as "duration" = SignedDuration::ZERO,
        /// How long an answer may take to begin. "0s": what is usual at the provider.
        response_timeout: SignedDuration as "duration" = SignedDuration::ZERO,
        /// What is done when the answer to a submit to it was lost: `hold`, `continue_after` or `continue_after:5m`.
        /// Empty: `policy.on_unknown_submit` applies.
        on_unknown_submit: AccountUnknownSubmit = AccountUnknownSubmit(None),
        /// The proxy for its calls, such as `http://proxy.example.com:3128`; "none" for none. Empty: that of
        /// `HTTPS_PROXY` or `HTTP_PROXY`, which gets only what is meant for hosts whose names lead to public
        /// addresses, and never what is meant for this machine or a private network.
        proxy: String = String::new(),
        /// The project, for Vertex AI.
        project: String = String::new(),
        /// The region, for Vertex AI.
        location: String = String::new(),
        /// A folder in Cloud Storage for results (`gs://bucket/folder`), for Vertex AI.
        storage_uri: String = String::new(),
        /// The version of the API, for Azure.
        api_version: String = String::new(),
        /// How a create is written to a relay (`variant = "relay"`): "form", as OpenAI's own clients write it, or
        /// "json" for one that takes no forms. Default: "form".
        encoding: String = String::new(),
    }
}

section! {
    /// A name of your choice that callers may ask for as a model, and where it leads. For
    /// example `[models.sora-2]` and below it `routes = ["animatic/animatic"]`.
    pub struct ModelConfig at "models.NAME" {
        /// Where a request for this name may go, in order of preference, as "account/model". The
        /// account that is always there is "animatic", with the model "animatic".
        routes: Vec<String> = Vec::new(),
    }
}

section! {
    /// How hard a job is tried before it fails.
    pub struct PolicyConfig at "policy" {
        /// How many attempts one job gets in all, those that our own restarts interrupted not counted. That a
        /// route had no room is none: it is asked again, with growing pauses, until the deadline.
        max_attempts: u32 = 4,
        /// No attempt begins later than this after the job's first one that we did not interrupt.
        deadline: SignedDuration as "duration" = SignedDuration::from_mins(30),
        /// When a replica was silent for this long, the others take over its jobs. The clocks of the
        /// replicas must not differ by more than half of it.
        lease: SignedDuration as "duration" = SignedDuration::from_secs(30),
        /// Pause before another attempt after a fault that a little patience may cure.
        retry_delay: SignedDuration as "duration" = SignedDuration::from_secs(30),
        /// The longest that the download of a finished file may take before it is tried again.
        download_timeout: SignedDuration as "duration" = SignedDuration::from_hours(1),
        /// The bytes that a download has to bring every second, on the average of a minute, or it is tried
        /// again. "0B": no download is too slow.
        min_download_rate: ByteSize = ByteSize::bytes(1 << 10),
        /// What is done when the answer to a submit was lost and nobody knows whether there is a render.
        /// `continue_after:5m` looks for it that long, then goes on with the next route (or the same one, if there is
        /// no other): the lost one counts as possibly billed until it is disproved. `continue_after` alone waits for
        /// as long as a render usually takes there, and never so long that no other route fits into the deadline.
        /// The same route is tried again only after the time in which a lost create can still arrive, and only when
        /// that fits into the deadline; else the job waits, and fails in the end.
        /// `hold` tries nothing else until it is known, and rather fails: for who prefers no video to two bills.
        on_unknown_submit: UnknownSubmit = UnknownSubmit(OnUnknownSubmit::ContinueAfter(None)),
        /// What is done when the account that a job would go to first has no free slot: "switch" takes the next route of
        /// the model whose account has one, "wait" keeps the job for the first. A route for which the request would
        /// have to be changed never stands in for one that takes it as it is, and the built-in renderer for no other.
        on_busy: OnBusy = OnBusy::Switch,
        /// What is done when content rules refuse a request: "fail" ends the job, "switch" goes on with the next
        /// route that is another provider or another model. The same model of the same provider is never asked
        /// again. A request may be stricter, as `retake.on_moderation`.
        on_moderation: OnModeration = OnModeration::Fail,
        /// What is done with a finished video that plays and is not what was asked for: "keep" delivers it with a
        /// warning, "retry" tries another route first and delivers it only if none brings a better one. The same
        /// route is never paid for it again. A request may say it for itself, as `retake.on_output_mismatch`.
        on_output_mismatch: OnMismatch = OnMismatch::Keep,
        /// How much longer or shorter a video may play than asked for before that counts as a difference.
        duration_tolerance: SignedDuration as "duration" = SignedDuration::from_millis(250),
        /// By how many pixels width and height may differ from those asked for before that counts as a difference.
        size_tolerance: Pixels = Pixels(0),
        /// How long the file of a finished render is downloaded again when that fails, before the render counts as
        /// lost. Most providers keep files for a day.
        fetch_within: SignedDuration as "duration" = SignedDuration::from_hours(24),
    }
}

section! {
    /// What is logged, and how. The log goes to standard error.
    pub struct LogConfig at "log" {
        /// "pretty" for people, "json" for machines.
        format: LogFormat = LogFormat::Pretty,
        /// "error", "warn", "info", "debug" or "trace".
        level: LogLevel = LogLevel::Info,
    }
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

/// The least important thing that is still logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The level as a filter of `tracing` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
