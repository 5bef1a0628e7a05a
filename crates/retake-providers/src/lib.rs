//! What Retake asks of a provider, and the providers it knows.
//!
//! [`Provider`] is the whole of what the scheduler needs: submit, look up a submit whose answer was lost,
//! poll, fetch, cancel. Nothing here knows the ledger; each call is told all it needs and answers with a
//! value or a [`Fault`]. The one provider that is always there is [`embedded`], the renderer inside this
//! process.

pub mod embedded;

use std::{
    fmt,
    io::{Read, Seek},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use retake_core::{fault::Fault, request::Shot};

/// A service that renders video.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Hands a render over. Called at most once per tag, after the intent was recorded.
    async fn submit(&self, submission: Submission) -> Result<RemoteId, SubmitError>;

    /// Looks for a render by the tag it was submitted under. `None` is a promise: it does not exist
    /// there and will not be billed.
    async fn look_up(&self, tag: &str) -> Result<Option<RemoteId>, Fault>;

    /// Asks how far a render is. An `Err` says that the question got no answer, not that the render
    /// failed.
    async fn poll(&self, remote_id: &str) -> Result<Polled, Fault>;

    /// Opens the finished file.
    async fn fetch(
        &self,
        remote_id: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError>;

    /// Stops a render. Stopping one that is over or unknown is no fault.
    async fn cancel(&self, remote_id: &str) -> Result<(), Fault>;

    /// Looks at a file that somebody sent to be extended, before a job exists for it. Nothing is stored
    /// yet and nothing is spent, so whatever can be found out now is not to be left for the render.
    async fn examine(&self, _shot: &Shot, _source: &SourceVideo) -> Result<(), Unfit> {
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

/// A render to hand over.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Our name for it: unique per attempt, and the idempotency key where the provider takes one.
    pub tag: String,
    /// What to render.
    pub shot: Shot,
    /// The bytes of [`Shot::first_frame`].
    pub first_frame: Option<Bytes>,
    /// The pictures of [`Shot::characters`], in their order.
    pub characters: Vec<Bytes>,
    /// The file of the video that is to be extended.
    pub source: Option<SourceVideo>,
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
    },
    /// Done: its file can be fetched.
    Rendered,
    /// Over without a file.
    Failed(Fault),
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
