//! What Retake asks of a provider, and the providers it knows.
//!
//! [`Provider`] is the whole of what the scheduler needs: submit, look up a submit whose answer was lost,
//! poll, fetch, cancel, and see whether the account works. Nothing here knows the ledger; each call is told
//! all it needs and answers with a value or a [`Fault`].
//!
//! One provider is always there: [`embedded`], the renderer inside this process. The others are services
//! with an API of their own. For each there is an [`Adapter`], which only translates: it says as a [`Flow`]
//! what is to be sent and reads what comes back, so that it can be judged by files. One [`Transport`] sends
//! for all of them, and [`Remote`] puts the two together. Every exchange is kept, without its secrets, in
//! the [`Log`] that came with the call.

mod account;
mod adapter;
#[cfg(test)]
mod answers;
mod call;
pub mod embedded;
mod fal;
mod flow;
mod google;
#[cfg(test)]
mod hostile;
mod likeness;
mod listing;
mod log;
mod luma;
mod model_host;
mod openai;
mod polling;
mod refusal;
mod remote;
mod replicate;
mod response;
mod runway;
mod secrets;
mod signals;
mod sse;
#[cfg(test)]
mod testing;
mod transport;
mod window;

use std::{
    collections::BTreeSet,
    fmt,
    io::{Read, Seek},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::{GiveUp, RouteTimes},
    fault::Fault,
    money::Usd,
    request::RenderSpec,
    size::Size,
};

pub use self::{
    account::{ProviderInfo, Settings, SettingsError, facts, open},
    adapter::{AccountStatus, Adapter, Download, Hook, HookError},
    call::{Answer, Body, Call, Effect, NoAnswer, Part, Reply, Value},
    flow::{Continue, Flow},
    log::Log,
    remote::Remote,
    secrets::Secrets,
    transport::{Pace, Proxy, ProxyVariables, Timer, Transport, TransportError},
};

/// A service that renders video.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Hands a render over. Called at most once per tag, after the intent was recorded.
    async fn submit(&self, submission: Submission, log: &Log) -> Result<Submitted, SubmitError>;

    /// Finds out what became of a submit whose answer was lost.
    async fn look_up(&self, lost: &UnconfirmedSubmit, log: &Log) -> Result<Reconciliation, Fault>;

    /// Asks how far a render is. An `Err` says that the question got no answer, not that the render
    /// failed.
    async fn poll(&self, render: &Render, log: &Log) -> Result<Polled, Fault>;

    /// Opens the finished file.
    async fn fetch(
        &self,
        render: &Render,
        log: &Log,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError>;

    /// Cancels a render, where the provider can. Cancelling one that is over or unknown is no fault.
    async fn cancel(&self, render: &Render, log: &Log) -> Result<CancelOutcome, Fault>;

    /// What is known of the times of a model there. Where renders live in this process, which is what is said here, an
    /// absence is certain at once.
    fn times(&self, _model: &str) -> RouteTimes {
        let (usual, longest) = (SignedDuration::from_mins(1), SignedDuration::from_hours(1));
        RouteTimes { create: None, usual, longest }
    }

    /// Sees whether the account can be used, without spending anything.
    async fn check(&self, log: &Log) -> Result<AccountStatus, Fault>;

    /// Checks that a notice came from the provider. What it says is only a hint to poll.
    async fn verify_hook(&self, _hook: Hook, _log: &Log) -> Result<(), HookError> {
        Err(HookError::NotExpected)
    }

    /// Looks at a file that somebody sent to be extended, before a job exists for it. Nothing is stored
    /// yet and nothing is spent, so whatever can be found out now is not to be left for the render.
    async fn examine(&self, _shot: &RenderSpec, _source: &SourceVideo) -> Result<(), Unfit> {
        Ok(())
    }

    /// Whether its renders live in this process, so that nobody else can follow, fetch or stop them.
    fn is_resident(&self) -> bool {
        false
    }

    /// Lets go of a render whose file is kept elsewhere or not wanted any more.
    async fn forget(&self, _remote_id: &str) {}
}

/// A provider's name for a render.
pub type RemoteId = String;

/// A render that a provider has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The provider's name for it.
    pub remote_id: RemoteId,
    /// What the answer says will be rendered.
    pub echo: Echo,
}

/// What a provider says that it will render, as far as its answer to the create says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The length, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The size.
    pub size: Option<Size>,
}

impl From<RemoteId> for Submitted {
    fn from(remote_id: RemoteId) -> Self {
        Self { remote_id, echo: Echo::default() }
    }
}

/// What came of cancelling a render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The provider stopped it, or has deleted it.
    Stopped,
    /// The provider was asked to stop it, and has not said that it did.
    Requested,
    /// The provider says that it was over before, so there may be a file.
    AlreadyOver,
    /// The provider says that it does not know it. A server beside the one that took it says the same.
    NotKnown,
    /// The provider offers no way to cancel it: it goes on, and may be billed.
    GoesOn,
}

/// A render that a provider has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// The provider's name for it.
    pub remote_id: RemoteId,
    /// The model that renders it, by the provider's name.
    pub model: String,
    /// What is rendered.
    pub spec: RenderSpec,
    /// When its intent was recorded.
    pub begun_at: Timestamp,
    /// When it is given up for another route, where that is before the longest time that renders take.
    pub give_up: Option<GiveUp>,
}

/// A submit whose answer was lost.
#[derive(Clone, Debug)]
pub struct UnconfirmedSubmit {
    /// What was submitted, files included.
    pub submission: Submission,
    /// When its intent was recorded: a render that exists is not older.
    pub begun_at: Timestamp,
    /// When the answer was lost: the create may have reached the provider until then, and its render may appear
    /// there some time after that.
    pub lost_at: Timestamp,
    /// Renders of the same place that are known to be another attempt's.
    pub known: BTreeSet<RemoteId>,
}

/// What became of a submit whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciliation {
    /// There is a render in our words, made at that time. It may be another's who asked for the same.
    Found(RemoteId),
    /// There is a render that carries the mark of this very attempt.
    Marked(RemoteId),
    /// It is not there now. Whether it may still be on its way is for
    /// [`weigh_absence`](retake_core::decide::weigh_absence) to say.
    Absent,
    /// Nobody can tell. After this long since the intent it is over either way, and may have been billed.
    Unknowable {
        /// The longest that a render takes there.
        over_after: Duration,
    },
}

/// A render to hand over.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Our name for it: unique per attempt, and the idempotency key where the provider takes one.
    pub tag: String,
    /// The model that is to render it, by the provider's name.
    pub model: String,
    /// What to render.
    pub spec: RenderSpec,
    /// The bytes of [`RenderSpec::first_frame`].
    pub first_frame: Option<Bytes>,
    /// Where anybody who knows the URL can fetch those bytes, if this gateway can be reached from outside.
    pub first_frame_url: Option<String>,
    /// The pictures of [`RenderSpec::characters`], in their order.
    pub characters: Vec<Bytes>,
    /// The file of the video that is to be extended.
    pub source: Option<SourceVideo>,
    /// Where the provider can tell us that it is done, if we can be reached: a URL that nobody can guess.
    pub hook: Option<String>,
}

/// Reads and seeks in a file, wherever it is.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// A finished video that another one builds on. It can be opened as often as needed, on threads that may
/// block.
#[derive(Clone)]
pub struct SourceVideo(Arc<dyn Fn() -> Box<dyn ReadSeek> + Send + Sync>);

impl SourceVideo {
    /// A video that `open` opens.
    pub fn new(open: impl Fn() -> Box<dyn ReadSeek> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Opens it at its beginning.
    pub fn open(&self) -> Box<dyn ReadSeek> {
        (self.0)()
    }
}

impl fmt::Debug for SourceVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceVideo")
    }
}

/// A video cannot be extended here, for a reason that lies in the video.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct Unfit {
    /// What is in the way.
    pub reason: String,
    /// How to get a video that can be extended.
    pub remedy: &'static str,
}

/// How far a render is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Not done yet.
    Running {
        /// Percent done, by the provider's count.
        percent: u8,
        /// When asking again makes sense.
        ask_again_in: Duration,
        /// Something odd about the answer that is worth a line in the timeline, such as a status word that
        /// nobody has documented.
        note: Option<String>,
    },
    /// Done: its file can be fetched.
    Rendered {
        /// What the answer says was charged; nothing where it does not say.
        charged: Option<Usd>,
    },
    /// The provider says that it failed, and shows a file all the same, which is looked at before another is bought.
    Disputed {
        /// Why it failed, by the provider's word.
        fault: Fault,
        /// What the answer says was charged; nothing where it does not say.
        charged: Option<Usd>,
    },
    /// The provider says that it failed, for a reason that may be that of the question alone: a relay that could not ask
    /// says the same. It is over once that is said again later on.
    Doubtful {
        /// Why it failed, by the provider's word.
        fault: Fault,
        /// What the answer says was charged; nothing where it does not say.
        charged: Option<Usd>,
    },
    /// It is not waited for any longer, because its time is over or another route needs it.
    GivenUp {
        /// What is known of it.
        fault: Fault,
        /// Whether it could not be stopped, so that it may still come.
        goes_on: bool,
    },
    /// Over without a file.
    Failed {
        /// Why.
        fault: Fault,
        /// What the answer says was charged; nothing where it does not say, and zero where it says that nothing was.
        charged: Option<Usd>,
    },
}

impl Polled {
    /// Done, with no word on what was charged.
    pub const RENDERED: Self = Self::Rendered { charged: None };

    /// Whether the render is over.
    pub const fn is_over(&self) -> bool {
        !matches!(self, Self::Running { .. } | Self::Doubtful { .. })
    }

    /// The same, where there is a file all the same.
    #[must_use]
    pub(crate) fn with_file_found(self, charged: Option<Usd>) -> Self {
        match self {
            Self::Failed { fault, .. } => Self::with_file(Some(fault), charged),
            _ => Self::with_file(None, charged),
        }
    }

    /// A render with a file, and the failure that its provider told of beside it.
    pub(crate) fn with_file(fault: Option<Fault>, charged: Option<Usd>) -> Self {
        match fault {
            Some(fault) => Self::Disputed { fault, charged },
            None => Self::Rendered { charged },
        }
    }

    /// Over without a file, with no word on what was charged.
    pub const fn failed(fault: Fault) -> Self {
        Self::Failed { fault, charged: None }
    }
}

/// Why a submit has no render to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The provider said no: there is no render and nothing is billed.
    #[error("the provider refused the render: {0}")]
    Refused(Fault),
    /// The answer was lost: there may be a render.
    #[error("the answer to the submit was lost: {0}")]
    Lost(Fault),
}

/// Why a finished file could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It is still there: try again.
    #[error("the file could not be fetched this time: {0}")]
    Later(Fault),
    /// It is gone for good.
    #[error("the file is gone: {0}")]
    Gone(Fault),
}
