//! The faults that can be injected, by name.
//!
//! A [`Fault`] says what happens and, if it matters, the true [`Cause`] and the shape in which the
//! provider reports it. The shapes are defined by the emulators, which know how their provider
//! reports an error.

use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// The true cause of a failure, whatever the provider's response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The renderer failed.
    RuntimeError,
    /// The content was refused.
    ContentModeration,
    /// The provider is over its capacity.
    Capacity,
    /// The request cannot be rendered as it is.
    InvalidRequest,
    /// A dependency of the provider timed out.
    DependencyTimeout,
    /// The account lacks permission, credit or quota.
    Account,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 6] = [
        Self::RuntimeError,
        Self::ContentModeration,
        Self::Capacity,
        Self::InvalidRequest,
        Self::DependencyTimeout,
        Self::Account,
    ];

    /// The id that scenarios use.
    pub const fn id(self) -> &'static str {
        match self {
            Self::RuntimeError => "runtime_error",
            Self::ContentModeration => "content_moderation",
            Self::Capacity => "capacity",
            Self::InvalidRequest => "invalid_request",
            Self::DependencyTimeout => "dependency_timeout",
            Self::Account => "account",
        }
    }

    /// The cause of this id; `-` and `_` are equivalent.
    pub fn from_name(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.id() == id.replace('-', "_"))
    }
}

/// The phase of a job in which a fault occurs. A job has at most one fault in each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The create request.
    Create,
    /// The render, and the polls during it.
    Run,
    /// The download of its file.
    Result,
    /// The webhooks that report its end.
    Webhook,
}

macro_rules! fault_kinds {
    ($($kind:ident = $name:literal in $phase:ident: $about:literal,)*) => {
        /// A kind of fault, by the name that scenarios and prompts use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FaultKind {
            $(#[doc = $about] #[serde(rename = $name)] $kind,)*
        }

        impl FaultKind {
            /// All kinds, in the order of a job's life.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name that scenarios use.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// A description in one sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$kind => $about),* }
            }

            /// The phase in which it occurs.
            pub const fn phase(self) -> Phase {
                match self { $(Self::$kind => Phase::$phase),* }
            }
        }
    };
}

fault_kinds! {
    Refused = "refused" in Create: "The create is refused for `cause`, as the provider words it.",
    RateLimited = "rate-limited" in Create: "The create is refused as one too many; `retry_after` tells when to come again.",
    Generic = "generic" in Create: "The create is refused with the provider's least telling message; `cause` is only in the ledger.",
    Hang = "hang" in Create: "The create is never answered and nothing is accepted.",
    DropBeforeAccept = "drop-before-accept" in Create: "The connection is cut; nothing was accepted.",
    DropAfterAccept = "drop-after-accept" in Create: "The create is accepted and billed, and the connection is cut without an answer.",
    ErrorAfterAccept = "error-after-accept" in Create: "The create is accepted and billed, and answered with a server error.",
    ProxyAfterAccept = "proxy-after-accept" in Create: "The create is accepted and billed, and a proxy answers for the provider with a web page and the status in `shape`: 502, 503, 504, 302 or 307.",
    LateAnswer = "late-answer" in Create: "The create is accepted and billed at once, and answered `lasting` later.",
    LateCreate = "late-create" in Create: "The create is received, and the job exists, is listed and is answered for only `lasting` later.",
    DisguisedRefusal = "disguised-refusal" in Create: "The create is refused for `cause`, as the provider words it, under the status 500.",
    CreditOut = "credit-out" in Create: "The account has no credit left.",
    SoftBlock = "soft-block" in Create: "The account is blocked: from now on every create of its key is refused.",
    KeyRevoked = "key-revoked" in Create: "The key is revoked: from now on every call with it is refused.",
    LoadShedding = "load-shedding" in Create: "The provider is overloaded and turns creates away.",
    Fail = "fail" in Run: "The render fails for `cause` after `progress` of its time.",
    FailGeneric = "fail-generic" in Run: "The render fails with the provider's least telling message; `cause` is only in the ledger.",
    Stuck = "stuck" in Run: "The render stands still at `progress` for ever.",
    SlowPolls = "slow-polls" in Run: "Answers to polls take `lasting`.",
    PollErrors = "poll-errors" in Run: "The first `times` polls are answered with an error.",
    PollMissing = "poll-missing" in Run: "After `progress` of the render, `times` polls (or all for `lasting`) are answered as if there were no such job.",
    PollEnvelope = "poll-envelope" in Run: "After `progress` of the render, `times` polls (or all for `lasting`) are answered with HTTP 200 and the error of a relay in `shape`: `do_request_failed`, `500` or `fail_to_fetch_task`.",
    DripPolls = "drip-polls" in Run: "The answers to `times` polls arrive byte by byte, with a pause of `lasting` before each.",
    OddStatus = "odd-status" in Run: "While it runs the status is a word nobody documented, or the one in `shape`.",
    DoneWithoutVideo = "done-without-video" in Run: "The job is done, and there is no video.",
    ErrorIn200 = "error-in-200" in Run: "Polls of the failed job are answered with HTTP 200 and an error for a body.",
    LateSuccess = "late-success" in Run: "The job fails, and `lasting` later it has succeeded after all; with the shape `silent` it is silent until then.",
    FailedWithFile = "failed-with-file" in Run: "The job is done and billed and says that it failed, beside the file, which can be fetched.",
    UnknownWithFile = "unknown-with-file" in Run: "The job is done and billed and its status is unknown, beside the file, which can be fetched.",
    Clamped = "clamped" in Run: "The video is made `lasting` long, or two thirds of what was asked for, and costs as much; answers that name a length say so.",
    Partial = "partial" in Run: "Only a part of what was asked for is delivered: fewer videos, or half the length.",
    Truncated = "truncated" in Result: "Downloads break off at `progress` of the file, `times` times.",
    ExpiredLink = "expired-link" in Result: "The link to the file has expired already, `times` times.",
    LinkNeedsKey = "link-needs-key" in Result: "The file is given only to who shows the key.",
    MissingOnce = "missing-once" in Result: "The file is not there yet, `times` times.",
    FileRefused = "file-refused" in Result: "The file is answered with the status in `shape` (403, 404 or 410), `times` times.",
    PageForFile = "page-for-file" in Result: "In place of the file comes a web page with HTTP 200, `times` times.",
    JsonForFile = "json-for-file" in Result: "In place of the file comes JSON with HTTP 200, `times` times.",
    EmptyFile = "empty-file" in Result: "In place of the file comes HTTP 200 and not one byte, `times` times.",
    HalfFile = "half-file" in Result: "Half of the file comes as if it were the whole, `times` times; with the shape `chunked` without a length.",
    TrailingBytes = "trailing-bytes" in Result: "Bytes that are no box follow the last box of the file.",
    Grain = "grain" in Result: "The model renders in steps: the sides are cut to multiples of 32 and the video is 292 ms longer; with the shape `size` or `length` only the one.",
    DripDownload = "drip-download" in Result: "The file arrives byte by byte, with a pause of `lasting` before each, `times` times.",
    WrongDuration = "wrong-duration" in Result: "The video lasts half as long as asked for.",
    WrongSize = "wrong-size" in Result: "The video is half as wide and high as asked for.",
    Corrupt = "corrupt" in Result: "The file is damaged and cannot be played.",
    SlowDownload = "slow-download" in Result: "The download takes `lasting`.",
    WebhookTwice = "webhook-twice" in Webhook: "Every webhook arrives twice.",
    WebhookLate = "webhook-late" in Webhook: "Webhooks arrive `lasting` late.",
    WebhookOutOfOrder = "webhook-out-of-order" in Webhook: "The news of the end arrives before that of the start, and what comes later overtakes it.",
    WebhookNever = "webhook-never" in Webhook: "Webhooks never arrive.",
    WebhookForged = "webhook-forged" in Webhook: "A webhook that claims the opposite and is signed by somebody else arrives first.",
}

/// No fault has this name.
#[derive(Debug, thiserror::Error)]
#[error("unknown fault `{0}`")]
pub struct UnknownFaultKind(String);

impl FromStr for FaultKind {
    type Err = UnknownFaultKind;

    fn from_str(name: &str) -> Result<Self, UnknownFaultKind> {
        let found = Self::ALL.iter().copied().find(|it| it.name() == name);
        found.ok_or_else(|| UnknownFaultKind(name.to_owned()))
    }
}

/// One fault to inject. A cause or a shape that is left out is sampled by the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The true cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The shape in which the provider reports it; the emulators name their shapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// The fraction of the render, or of the file, after which it occurs: 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// Whether the failed render is billed; if left out, as the provider does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<bool>,
    /// The duration, in lab time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<SignedDuration>,
    /// The number of occurrences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The value of `Retry-After`, in lab time; `"0s"` leaves the header out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<SignedDuration>,
    /// The name of the rule that selected it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The sample that decides what the scenario leaves open; the same for the same seed.
    #[serde(skip)]
    pub sample: u64,
}

impl Fault {
    /// A fault of this kind with everything else left open.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            cause: None,
            shape: None,
            progress: None,
            billed: None,
            lasting: None,
            times: None,
            retry_after: None,
            rule: String::new(),
            sample: 0,
        }
    }

    /// `lasting`, or this many seconds.
    pub(crate) fn lasting_or(&self, seconds: i64) -> SignedDuration {
        self.lasting.unwrap_or(SignedDuration::from_secs(seconds))
    }
}

/// The faults planned for one job: at most one in each phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FaultPlan {
    pub create: Option<Fault>,
    pub run: Option<Fault>,
    pub result: Option<Fault>,
    pub webhook: Option<Fault>,
}

impl FaultPlan {
    /// The planned faults, in the order of the phases.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        [&self.create, &self.run, &self.result, &self.webhook].into_iter().flatten()
    }

    /// Whether a fault of this kind is planned.
    pub fn has(&self, kind: FaultKind) -> bool {
        self.faults().any(|fault| fault.kind == kind)
    }

    /// Plans a fault, unless its phase has one already.
    pub(crate) fn add(&mut self, fault: Fault) {
        let slot = match fault.kind.phase() {
            Phase::Create => &mut self.create,
            Phase::Run => &mut self.run,
            Phase::Result => &mut self.result,
            Phase::Webhook => &mut self.webhook,
        };
        slot.get_or_insert(fault);
    }
}
