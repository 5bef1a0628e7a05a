//! What the text of a failure says, where no code does.
//!
//! Phrases are from texts that were seen at OpenAI, its kin and the makers behind relays, Chinese ones included.
//! The first group with a hit counts, so a group that stands higher is the surer reading: a text about blocked
//! content may go on to say that the credits were returned.

use retake_core::fault::FaultKind;

use super::input;

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
            "daily task limit",
            "insufficient balance",
            "payment required",
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
            "unauthorized",
            "invalid authentication",
            "authentication failed",
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
            "service unavailable",
            "temporarily unavailable",
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
            "took too long",
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
            "not supported",
            "unsupported",
            "not support",
            "is not valid",
            "is invalid",
            "invalid value",
            "invalid param",
            "pixel is",
            "field required",
            "expected a file",
            "expected an object",
            "missing required",
            "model not found",
        ],
    ),
];

/// What speaks of the request in an answer that turns it away, where nothing surer is said.
const LOOSE: &[&str] = &["missing content-length", "deployment"];

/// What is wrong with a value.
const OF_VALUES: &[&str] = &[
    "must match",
    "expected the ",
    "too short",
    "too long",
    "too large",
    "too small",
    "does not match",
    "must be",
];

/// What the texts say.
pub(crate) fn kind<'a>(texts: impl Iterator<Item = &'a str>) -> Option<FaultKind> {
    let texts: Vec<String> = texts.map(searched).collect();
    let said = |phrases: &[&str]| {
        texts.iter().any(|text| phrases.iter().any(|phrase| text.contains(phrase)))
    };
    let sure = PHRASES.iter().find(|(_, phrases)| said(phrases)).map(|(kind, _)| *kind);
    let is_about_input = || texts.iter().any(|text| input::is_concerned(text));
    let speaks_of_request = || said(LOOSE) || said(OF_VALUES) || is_about_input();
    sure.or_else(|| speaks_of_request().then_some(BadRequest))
}

/// Whether a text in small letters says what is wrong with a value of the request.
pub(crate) fn speaks_of_request(text: &str) -> bool {
    let own = PHRASES.iter().filter(|(kind, _)| *kind == BadRequest).flat_map(|(_, own)| *own);
    own.chain(OF_VALUES).any(|phrase| text.contains(phrase))
}

/// What is searched of a text: its beginning, in small letters.
pub(crate) fn searched(text: &str) -> String {
    text.chars().take(SEARCHED).collect::<String>().to_lowercase()
}

/// The status of another server that a text names, `bad response status code 401`, where it is one by which that
/// server turned the request away.
pub(crate) fn refusal(text: &str) -> Option<u16> {
    let text = searched(text);
    let number = |rest: &str| {
        let rest = rest.trim_start_matches([' ', ':', '=', '(', '"', '\'', '_']);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits).filter(|_| digits == 3)?.parse::<u16>().ok()
    };
    let after =
        |word| text.match_indices(word).filter_map(|(at, word)| number(&text[at + word.len()..]));
    let told = ["status code", "status", "http", "code"].into_iter().flat_map(after);
    let mut refusals = told.filter(|status| matches!(status, 400..=404 | 413 | 415 | 422));
    refusals.next()
}
