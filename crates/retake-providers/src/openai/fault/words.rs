//! What the text of a failure says, where no code does.
//!
//! Phrases are from texts that were seen at OpenAI, its kin and the makers behind relays, Chinese ones included.
//! The first group with a hit counts, so a group that stands higher is the surer reading: a text about blocked
//! content may go on to say that the credits were returned.

use retake_core::fault::FaultKind;

use FaultKind::{Auth, BadRequest, Overloaded, Quota, RefusedContent, Timeout};

/// No more than this is searched of a text, in characters.
const SEARCHED: usize = 4000;

const PHRASES: &[(FaultKind, &[&str])] = &[
    // These speak of limits and of content rules, and mean neither.
    (Quota, &["data policy", "data retention", "guardrail restrictions"]),
    (
        RefusedContent,
        &[
            "moderation",
            "content policy",
            "content_policy",
            "content filter",
            "safety system",
            "safety filter",
            "safety review",
            "unsafe",
            "sensitive content",
            "sensitivecontent",
            "inappropriate content",
            "green net",
            "content checker",
            "content security",
            "usage policies",
            "violates our",
            "violate our",
            "may violate",
            "prohibited content",
            "raimediafiltered",
            "nsfw",
            "copyright",
            "违规",
            "敏感",
            "审核",
        ],
    ),
    (Overloaded, &["per minute", "requests per", "concurrent limit", "too many running"]),
    (
        Quota,
        &[
            "insufficient balance",
            "insufficient credit",
            "insufficient quota",
            "insufficient fund",
            "not enough credit",
            "out of credit",
            "available credits",
            "credit balance",
            "spending limit",
            "spend limit",
            "purchase more",
            "purchase credit",
            "billing",
            "payment",
            "quota",
            "free tier",
            "daily limit",
            "usage limit",
            "must be verified",
            "verify organization",
            "does not have permission",
            "recaptcha",
            "account exception",
            "suspended",
            "deactivated",
            "no available token",
            "whitelist",
            "余额",
            "额度",
            "欠费",
        ],
    ),
    (
        Auth,
        &[
            "invalid api key",
            "incorrect api key",
            "invalid api-key",
            "api key is invalid",
            "api key not valid",
            "invalid token",
            "invalid key",
            "no api key",
            "无效的令牌",
        ],
    ),
    (
        Overloaded,
        &[
            "heavy load",
            "high load",
            "overload",
            "too many",
            "rate limit",
            "ratelimit",
            "throttl",
            "high demand",
            "queue is full",
            "no available channel",
            "at capacity",
            "繁忙",
            "负载",
            "无可用渠道",
        ],
    ),
    (
        Timeout,
        &[
            "timed out",
            "timeout",
            "time-out",
            "time out",
            "deadline exceeded",
            "client closed request",
            "connection reset",
            "readerror",
            "unreachable",
            "超时",
        ],
    ),
    (
        BadRequest,
        &[
            "inpaint image must match",
            "must match",
            "not supported",
            "unsupported",
            "not support",
            "is not valid",
            "is invalid",
            "pixel is",
            "field required",
            "expected a file",
            "expected an object",
            "expected the ",
            "too short",
            "too long",
            "too large",
            "too small",
            "invalid parameter",
            "missing content-length",
            "missing required",
            "unable to download",
            "failed to download",
            "failed to fetch",
            "does not match",
            "model not found",
            "deployment",
            "must be",
        ],
    ),
];

/// What the texts say.
pub(super) fn kind<'a>(texts: impl Iterator<Item = &'a str>) -> Option<FaultKind> {
    let texts: Vec<String> =
        texts.map(|text| text.chars().take(SEARCHED).collect::<String>().to_lowercase()).collect();
    let said = |phrases: &[&str]| {
        texts.iter().any(|text| phrases.iter().any(|phrase| text.contains(phrase)))
    };
    PHRASES.iter().find(|(_, phrases)| said(phrases)).map(|(kind, _)| *kind)
}
