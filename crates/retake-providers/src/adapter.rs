//! What a provider's adapter has to say: it translates and never sends.
//!
//! Every method answers with a [`Flow`]: the calls to make and how to read their answers. What an adapter
//! reads is untrusted: a field that is not there, a number that is a text, a page of HTML in the place of
//! JSON must each end in a [`Fault`], never in a panic. [`crate::response`] has what all of them need.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use retake_core::fault::Fault;

use crate::{
    CancelOutcome, FetchError, Polled, Reconciliation, Render, Submission, SubmitError, Submitted,
    UnconfirmedSubmit,
    call::{Call, Reply},
    flow::Flow,
};

/// Translates for one account of one provider.
pub trait Adapter: Send + Sync + 'static {
    /// The longest that a render takes there, queueing included. What takes longer is stopped, or counted as
    /// lost and possibly billed.
    fn render_timeout(&self) -> Duration;

    /// The usual time of a render of that model there, queueing included and rounded up: how long a render whose
    /// submit was lost is worth waiting for.
    fn usual_render(&self, model: &str) -> Duration;

    /// How long the answer to a create may take to begin. A create may reach the provider until then.
    fn create_timeout(&self) -> Duration {
        crate::call::PATIENCE
    }

    /// Hands a render over. Everything that changes something is one [`Effect::Changes`](crate::Effect) call;
    /// once it was sent, a missing answer is [`SubmitError::Lost`].
    fn submit(
        &self,
        submission: &Submission,
        now: Timestamp,
    ) -> Flow<Result<Submitted, SubmitError>>;

    /// Looks for a render whose submit got no answer. Without a way to do so it is unknowable.
    fn look_up(
        &self,
        _lost: &UnconfirmedSubmit,
        _now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        Flow::Done(Ok(Reconciliation::Unknowable { over_after: self.render_timeout() }))
    }

    /// Asks how far a render is. Unknown words are "still running", with a note.
    fn poll(&self, render: &Render, now: Timestamp) -> Flow<Result<Polled, Fault>>;

    /// Finds the finished file.
    fn fetch(&self, render: &Render, now: Timestamp) -> Flow<Result<Download, FetchError>>;

    /// Reads the answer to a download that did not bring the file. A link that expired is
    /// [`FetchError::Later`], because the next [`Adapter::fetch`] gets a new one, where the provider gives
    /// one.
    fn refused_download(&self, reply: &Reply) -> FetchError {
        crate::response::refused_download(reply)
    }

    /// Cancels a render. Where the provider offers no way to do that, the render goes on.
    fn cancel(&self, _render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        Flow::Done(Ok(CancelOutcome::GoesOn))
    }

    /// Sees whether the account works, without spending anything.
    fn check(&self, now: Timestamp) -> Flow<Result<AccountStatus, Fault>>;

    /// Checks that a notice was sent by the provider, where it signs them. The URL it came to was one that
    /// only the provider knows.
    fn verify_hook(&self, _hook: Hook) -> Flow<Result<(), HookError>> {
        Flow::Done(Ok(()))
    }
}

/// Where a finished file is.
#[derive(Clone, Debug)]
pub enum Download {
    /// At the end of this call.
    From(Call),
    /// At the end of the first call, or of the second where that brings none.
    Either(Call, Call),
    /// Here: it came with an answer.
    Whole(Bytes),
}

/// What is known of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountStatus {
    /// What was seen, in one line for people: `credit 12.40 USD, tier 2, 3 at once`.
    pub summary: String,
    /// The credit left, in millionths of a US dollar, where the provider tells.
    pub credit_micros: Option<u64>,
    /// How many renders it may have at once, where the provider tells.
    pub concurrency: Option<u32>,
    /// What stands in the way of new renders, if anything does.
    pub trouble: Option<Fault>,
}

/// A notice that came to one of our URLs in a provider's name.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
    /// When it came.
    pub at: Timestamp,
}

/// Why a notice does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// This provider sends none.
    #[error("this provider sends no notices")]
    NotExpected,
    /// It is not signed, or not by the provider, or not for this body.
    #[error("the notice is not signed by the provider: {0}")]
    Forged(&'static str),
    /// It was signed too long ago.
    #[error("the notice is too old to count")]
    Stale,
    /// The provider's keys could not be read.
    #[error("the provider's keys could not be read: {0}")]
    Unverifiable(Fault),
}
