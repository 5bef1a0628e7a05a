//! What is said when a server that was asked did not answer: by the clients of networks, and by relays.
//!
//! The one table for creates, which such words make lost, and for polls, which they leave unanswered.

/// What network clients say, whatever they asked for.
pub(crate) const NETWORK: &[&str] = &[
    "hang up",
    "hung up",
    "fetch failed",
    "connection reset",
    "connection aborted",
    "connection closed",
    "connection was closed",
    "closed connection",
    "closed the connection",
    "prematurely closed",
    "closed by peer",
    "closed by the peer",
    "closed by remote",
    "closed by the remote",
    "closed by server",
    "closed by the server",
    "closed by upstream",
    "closed by the upstream",
    "closed by foreign host",
    "server disconnected",
    "broken pipe",
    "unexpected eof",
    ": eof",
    "econn",
    "etimedout",
    "epipe",
    "enotfound",
    "eai_again",
    "network error",
    "network is unreachable",
    "no route to host",
    "context deadline exceeded",
    "i/o timeout",
    "tls handshake",
    "max retries exceeded",
];

/// What else tells under the status of a refusal that a request of the server's own was not answered. Nothing that is
/// sent has such a name, so no parameter is meant.
pub(super) const SILENCE: &[&str] = &[
    "timeout",
    "timed out",
    "time-out",
    "deadline exceeded",
    "failed to fetch",
    "operation was aborted",
    "request aborted",
    "request was aborted",
    "aborterror",
    "disconnect",
    "ssl:",
];

/// What a relay says besides that passed a request on and heard nothing that it understood.
pub(super) const PASSED_ON: &[&str] = &[
    "upstream timed out",
    "upstream timeout",
    "upstream request timed out",
    "upstream request timeout",
    "upstream request failed",
    "upstream connect error",
    "upstream did not",
    "request timed out",
    "timed out waiting",
    "gateway timeout",
    "gateway time-out",
    "bad gateway",
    "context canceled",
    "read timeout",
    "client closed request",
    "do request failed",
    "empty response",
];

/// Words by which a server tells that it has had this very request, which may be a render.
pub(super) const HAD_BEFORE: &[&str] = &[
    "identical request",
    "same request",
    "duplicate request",
    "being processed",
    "still processing",
    "already processing",
    "already in progress",
    "request is still",
    "request is already",
    "request is running",
    "request is in progress",
    "just queued",
    "was queued",
    "been queued",
    "already queued",
    "been submitted",
    "already submitted",
];
