//! What went wrong in one exchange with a provider, on three axes: kind, source and retry advice.
//!
//! A fault is what an adapter read from an answer. Which of the six causes stands behind it is for
//! [`FaultKind::cause`] to say, and only where the kind leaves no doubt.

use std::{error::Error, fmt};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What stands where words were that may have quoted a deleted video's request.
pub const ERASED: &str = "erased with the video";

/// A longer code is a text.
const LONGEST_CODE: usize = 64;

/// What went wrong in one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fault {
    /// What kind of failure it is.
    pub kind: FaultKind,
    /// Whose failure it is.
    pub source: FaultSource,
    /// What happened, for people, with no secret in it.
    pub message: String,
    /// The provider's own code for it, such as `SAFETY.INPUT.TEXT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The pause the provider asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = "duration"))]
    pub retry_after: Option<SignedDuration>,
}

/// The kinds of failure that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The render broke.
    Runtime,
    /// Content rules refused the prompt or the picture.
    RefusedContent,
    /// Too much is going on there.
    Overloaded,
    /// The request is not one this model takes.
    BadRequest,
    /// Something behind the provider did not answer in time.
    Timeout,
    /// Money, quota or tier.
    Quota,
    /// The key is not accepted.
    Auth,
    /// The render is not there any more, or never was.
    Lost,
    /// The file is not the video that was asked for.
    Malformed,
    /// No room or no access for the file on our side.
    Storage,
    /// We were told to stop, and stopped in good order.
    Shutdown,
    /// An answer of the provider that says nothing that is known.
    #[serde(alias = "unrecognised")]
    UnknownProviderError,
    /// The gateway itself broke.
    InternalError,
}

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultSource {
    /// The gateway's: a restart, a full disk.
    #[serde(alias = "us")]
    Gateway,
    /// The provider's.
    Provider,
    /// Nobody's in particular.
    Network,
    /// The caller's.
    Caller,
}

/// The six causes that "the server had an error" hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A runtime error while rendering.
    RuntimeError,
    /// Content moderation, often in mid-render.
    ContentModeration,
    /// Queue saturation, load shedding, rate limit.
    Capacity,
    /// A request that passed validation and failed later.
    InvalidRequest,
    /// Something the provider depends on timed out.
    DependencyTimeout,
    /// Billing, quota, tier, soft block.
    Account,
}

impl Fault {
    /// A fault of that kind and source.
    pub fn new(kind: FaultKind, source: FaultSource, message: impl Into<String>) -> Self {
        Self { kind, source, message: message.into(), code: None, retry_after: None }
    }

    /// The same fault, under the provider's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same fault, with the pause that the provider asked for.
    #[must_use]
    pub fn after(mut self, pause: Option<SignedDuration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// Takes out the words, which may quote the request. What the audit needs stays: kind, source, pause, and
    /// a code that is one and not a text.
    pub fn erase_words(&mut self) {
        ERASED.clone_into(&mut self.message);
        let is_code = |code: &String| {
            code.len() <= LONGEST_CODE
                && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b))
        };
        self.code = self.code.take().filter(is_code);
    }

    /// Our own restart took the render with it.
    pub fn interrupted() -> Self {
        let message = "the process that rendered this was stopped before it finished";
        Self::new(FaultKind::Lost, FaultSource::Gateway, message)
    }

    /// Our own orderly shutdown took the render with it.
    pub fn shut_down() -> Self {
        let message = "the process that rendered this was shut down before it finished";
        Self::new(FaultKind::Shutdown, FaultSource::Gateway, message)
    }
}

impl FaultKind {
    /// The cause, where the kind alone decides it.
    pub fn cause(self) -> Option<Cause> {
        Some(match self {
            Self::Runtime | Self::Lost | Self::Malformed | Self::Shutdown => Cause::RuntimeError,
            Self::RefusedContent => Cause::ContentModeration,
            Self::Overloaded => Cause::Capacity,
            Self::BadRequest => Cause::InvalidRequest,
            Self::Timeout => Cause::DependencyTimeout,
            Self::Quota | Self::Auth => Cause::Account,
            Self::Storage | Self::UnknownProviderError | Self::InternalError => return None,
        })
    }

    /// The word that stands for it in answers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::RefusedContent => "refused_content",
            Self::Overloaded => "overloaded",
            Self::BadRequest => "bad_request",
            Self::Timeout => "timeout",
            Self::Quota => "quota",
            Self::Auth => "auth",
            Self::Lost => "lost",
            Self::Malformed => "malformed",
            Self::Storage => "storage",
            Self::Shutdown => "shutdown",
            Self::UnknownProviderError => "unknown_provider_error",
            Self::InternalError => "internal_error",
        }
    }
}

impl Cause {
    /// The id that stands for it in answers and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RuntimeError => "runtime_error",
            Self::ContentModeration => "content_moderation",
            Self::Capacity => "capacity",
            Self::InvalidRequest => "invalid_request",
            Self::DependencyTimeout => "dependency_timeout",
            Self::Account => "account",
        }
    }
}

/// An error and what caused it, in one line for a log or a message.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Fault {
    /// What of it may stand in a log: its words may quote a request.
    pub fn without_words(&self) -> String {
        let source = match self.source {
            FaultSource::Provider => "said by the provider",
            FaultSource::Network => "seen on the network",
            FaultSource::Gateway => "of the gateway",
            FaultSource::Caller => "of the caller's",
        };
        format!("{}, {source}", self.kind.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_fault_keeps_its_kind_and_its_code_and_none_of_its_words() {
        let pause = Some(SignedDuration::from_secs(7));
        let said = Fault::new(FaultKind::RefusedContent, FaultSource::Provider, "a heron is not")
            .with_code("SAFETY.INPUT.TEXT")
            .after(pause);
        let quoted = said.clone().with_code("no heron in the prompt");

        for (mut fault, code) in [(said, Some("SAFETY.INPUT.TEXT")), (quoted, None)] {
            fault.erase_words();

            assert_eq!((&*fault.message, fault.code.as_deref()), (ERASED, code));
            let kept = (fault.kind, fault.source, fault.retry_after);
            assert_eq!(kept, (FaultKind::RefusedContent, FaultSource::Provider, pause));
        }
    }
}
