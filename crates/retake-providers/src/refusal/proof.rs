//! What proves that a create was refused where its status does not: the body of a server that failed, or of a
//! success that is none.
//!
//! Words such as "billing", "quota" or "moderation" stand in such bodies for anything: a payment service that is
//! down, a full disk, a log that could not be written. So only this counts, for all adapters: a code that means one
//! thing and stands where codes stand, a number that the words beside it agree with, and whole phrases that say what
//! was refused. None of them counts beside words of a failure on the way or of something that comes after the
//! refusal could have been given. What is not proved may have been taken on, and be on the bill.

use retake_core::fault::FaultKind::{self, Auth, BadRequest, Overloaded, Quota, RefusedContent};

use super::{
    codes::{self, Table},
    input, lower,
    report::Report,
    words,
};

/// What is proved, and the code that proves it, if one does.
pub(crate) type Proof = (FaultKind, Option<String>);

/// Phrases that say what was refused.
const CLEAR: &[(FaultKind, &[&str])] = &[
    (
        RefusedContent,
        &[
            "refused by moderation",
            "refused by content moderation",
            "refused by our moderation",
            "blocked by moderation",
            "blocked by content moderation",
            "blocked by our moderation",
            "rejected by moderation",
            "rejected by content moderation",
            "rejected by our moderation",
            "rejected by our safety system",
            "rejected as a result of our safety system",
            "flagged by moderation",
            "flagged by our moderation",
            "flagged by a content checker",
            "flagged as sensitive",
            "blocked by safety filters",
            "blocked by our safety",
            "blocked by the content filter",
            "contains blacklisted words",
            "violates our content polic",
            "violates our usage polic",
            "violate our usage polic",
            "violates the content polic",
            "contains sensitive content",
            "includes sensitive content",
            "may contain inappropriate content",
            "input text may violate",
            "green net check failed for",
            "does not comply with green network",
            "content security policy of the platform",
            "did not pass moderation",
            "input new_sensitive",
            "not allowed because it contains ip",
            "内容违规",
            "违规内容",
            "包含敏感",
            "审核不通过",
            "审核未通过",
        ],
    ),
    (
        Quota,
        &[
            "insufficient balance",
            "insufficient account balance",
            "insufficient credit",
            "not enough credits",
            "out of credits",
            "credit balance is too low",
            "exceeded your current quota",
            "used all available credits",
            "reached its monthly spending limit",
            "billing hard limit has been reached",
            "user quota is not enough",
            "token quota is not enough",
            "exhausted balance",
            "account has been suspended",
            "organization has been suspended",
            "account has been deactivated",
            "organization must be verified",
            "client is suspended",
            "client is deactivated",
            "daily task limit of this model has been reached",
            "does not have access to it",
            "free tier of the model has been exhausted",
            "余额不足",
            "额度不足",
            "账户已欠费",
        ],
    ),
    (
        Auth,
        &[
            "incorrect api key provided",
            "invalid api key",
            "invalid api-key",
            "api key is invalid",
            "api key is not valid",
            "api key not valid",
            "no api key provided",
            "invalid authentication credentials",
            "did not pass a valid authentication token",
            "无效的令牌",
        ],
    ),
    (
        BadRequest,
        &[
            "inpaint image must match the requested",
            "missing content-length of multimodal url",
            "missing required parameter",
            "field required",
            "model does not support this size",
            "the requested model does not exist",
            "no keyframes provided",
            "prompt is required",
            "prompt is too short",
            "prompt is too long",
            "loop is not supported for keyframes",
            "unknown request type",
            "the request is malformed",
            "the media are too large",
            "combination of parameters is not supported",
        ],
    ),
];

/// Texts that say as a whole what was refused, and mean anything as a part of another.
const WHOLE: &[(FaultKind, &[&str])] = &[
    (RefusedContent, &["content policy violation"]),
    (Quota, &["payment required", "insufficient quota", "insufficient funds"]),
    (BadRequest, &["model not found", "invalid parameters", "invalid params", "unsupported model"]),
];

/// What a relay says that has nobody to pass a request on to, or a provider whose queue takes no more.
const NO_ROOM: &[&str] = &[
    "no available channel",
    "too many running tasks",
    "concurrent limit exceeded",
    "queue is full",
    "无可用渠道",
    "负载已饱和",
];

/// What a server says that turns requests away under load, where the status says the same.
const LOAD: &[&str] = &[
    "high load",
    "heavy load",
    "high demand",
    "overloaded",
    "shedding load",
    "at capacity",
    "too many requests",
    "rate limit",
    "throttled",
];

/// Words of a failure on the way to whoever renders.
const TROUBLE: &[&str] = &[
    "timed out",
    "timeout",
    "time-out",
    "time out",
    "deadline exceeded",
    "took too long",
    "gateway",
    " eof",
    "connect",
    "unreachable",
    "could not reach",
    "broken pipe",
    "panic",
    "crash",
    "server had an error",
];

/// Words of a server's own work, which comes once a request was taken on. No code counts beside them.
const WORK: &[&str] = &[
    "finaliz",
    "saving",
    "storing",
    "uploading",
    "inserting",
    "writing",
    "to save",
    "to store",
    "to write",
    "to upload",
    "to load",
    "to persist",
    "to record",
    "to log",
    "to delete",
    "to charge",
    "to insert",
    "to update",
    "to send",
    "to notify",
    "to publish",
    "not store",
    "not save",
    "not write",
    "not persist",
    "not insert",
    "not record",
    "not update",
    "not send",
    "insert of",
    "insert into",
    "write of",
    "update of",
    "written to",
    "constraint",
    "duplicate key",
    "deadlock",
    "job log",
];

/// Words of a server's own parts, and of what happens once a request was taken on.
const MACHINERY: &[&str] = &[
    "webhook",
    "callback",
    "email",
    "mail server",
    "notification",
    "sql",
    "was accepted",
    "been accepted",
    "job accepted",
    "retried",
    "already running",
    "already processing",
    "being processed",
    "in progress",
    "cache",
    "disk",
    "storage",
    "memory",
    "bucket",
    "database",
    "redis",
    "cuda",
    "kernel",
    "worker",
    "shard",
    "internal service",
    "the output",
    "unavailable",
    "checker failed",
    "service is down",
    "service error",
    "system error",
];

/// Types that stand for the request's own fault, where no word beside them speaks of the server.
const REQUEST: &[&str] = &[
    "invalid_request",
    "invalid_request_error",
    "video_generation_user_error",
    "image_generation_user_error",
    "invalid_argument",
    "invalid-argument",
    "invalidparameter",
    "invalid_parameter",
];

/// Codes that are one also in the middle of a text.
const IN_PROSE: &[&str] = &[
    "moderation_blocked",
    "content_policy_violation",
    "sentinel_block",
    "prompt_unsafe",
    "data_inspection_failed",
    "datainspectionfailed",
    "insufficient_quota",
    "insufficient_user_quota",
    "insufficient_balance",
    "billing_hard_limit_reached",
    "invalid_api_key",
];

/// What goes before the status by which another server turned a relay away.
const ANSWERED: &[&str] = &[
    "bad response status code",
    "upstream answered",
    "upstream returned",
    "upstream responded with",
    "upstream status",
    "provider answered",
    "provider returned",
    "vendor answered",
    "vendor returned",
];

/// Words at any status by which a relay says that it passed a request on and heard nothing that it understood.
const PASSED_ON: &[&str] = &[
    "unexpected eof",
    ": eof",
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
    "connection reset",
    "connection closed",
    "server disconnected",
    "broken pipe",
    "context deadline exceeded",
    "context canceled",
    "i/o timeout",
    "read timeout",
    "client closed request",
    "do request failed",
    "empty response",
];

/// Words at the status of a refusal by which a client of another server tells that it got no answer. Nothing that is
/// sent has such a name, so no parameter is meant.
const NO_ANSWER: &[&str] = &[
    "timeout",
    "timed out",
    "time-out",
    "deadline exceeded",
    "hang up",
    "hung up",
    "fetch failed",
    "failed to fetch",
    "operation was aborted",
    "request aborted",
    "request was aborted",
    "connection aborted",
    "connection reset",
    "connection closed",
    "aborterror",
    "disconnect",
    "closed connection",
    "closed the connection",
    "connection was closed",
    "closed by peer",
    "closed by the peer",
    "closed by remote",
    "closed by the remote",
    "closed by server",
    "closed by the server",
    "closed by upstream",
    "closed by the upstream",
    "closed by foreign host",
    "prematurely closed",
    "econn",
    "etimedout",
    "epipe",
    "enotfound",
    "eai_again",
    "network error",
    "network is unreachable",
    "no route to host",
    "tls handshake",
    "ssl:",
    "max retries exceeded",
];

/// Words by which a server tells that it has had this very request, which may be a render.
const HAD_BEFORE: &[&str] = &[
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

/// What a request may be wrong about: the fields that are sent, in any spelling.
const FIELDS: &[&str] = &[
    "prompt",
    "model",
    "second",
    "duration",
    "size",
    "resolution",
    "ratio",
    "width",
    "height",
    "image",
    "reference",
    "frame",
    "video",
    "seed",
    "audio",
    "metadata",
    "input",
    "content",
    "character",
    "loop",
    "fps",
];

/// Whether a text tells of an answer that did not come, or of a request that was taken on before. That an input could
/// not be fetched is neither.
pub(crate) fn tells_of_no_answer(text: &str) -> bool {
    input::tells_beside_input(text, NO_ANSWER, false) || has(&short(text), HAD_BEFORE)
}

/// Whether a text tells of a server's own work on a request that it has taken on.
pub(crate) fn tells_of_work(text: &str) -> bool {
    has(&short(text), WORK)
}

/// What an answer proves that is no refusal by its status.
pub(crate) fn find(reports: &[Report], status: u16) -> Option<Proof> {
    let inside_out = || reports.iter().rev();
    let is_relayed = is_relayed(reports);
    inside_out()
        .find_map(by_code)
        .or_else(|| inside_out().find_map(in_prose))
        .or_else(|| inside_out().find_map(|it| by_number(it, status)))
        .or_else(|| inside_out().filter(|_| !is_relayed).find_map(by_type))
        .or_else(|| by_phrase(reports))
        .or_else(|| by_load(reports, status).filter(|_| !is_relayed))
}

/// Whether a relay says under the status of a refusal that what it passed on was not answered.
pub(crate) fn is_passed_on(reports: &[Report], status: u16) -> bool {
    let texts = || reports.iter().filter_map(|report| report.message.as_deref());
    let is_about_input = is_about_input(reports);
    let is_unanswered = |text: &str| {
        [PASSED_ON, NO_ANSWER].iter().any(|it| input::tells_beside_input(text, it, is_about_input))
    };
    // The key and the account are looked at before anything is passed on.
    let is_of_account = matches!(status, 401..=403);
    if texts().any(|it| has(&short(it), HAD_BEFORE) || (!is_of_account && is_unanswered(it))) {
        return find(reports, status).is_none();
    }
    // These statuses of another server are refusals also where the relay did not understand its words.
    let is_refusal = matches!(status, 401..=403 | 429) || texts().any(|it| answered(it).is_some());
    let speaks_of_request = || words::kind(texts()).is_some_and(is_reason);
    is_relayed(reports) && !is_refusal && !speaks_of_request() && find(reports, status).is_none()
}

/// Whether an answer says, in any part of it, that an input could not be fetched.
fn is_about_input(reports: &[Report]) -> bool {
    reports.iter().any(|report| {
        let texts = [&report.message, &report.code, &report.kind].into_iter().flatten();
        texts.into_iter().any(|text| input::is_concerned(text))
            || report.param.as_deref().is_some_and(input::is_file_field)
    })
}

/// Whether an answer speaks of a failure on the way, beside which a code proves nothing.
pub(crate) fn is_in_trouble(reports: &[Report]) -> bool {
    reports.iter().any(|report| has(&text(report), TROUBLE))
}

fn is_relayed(reports: &[Report]) -> bool {
    let names = reports.iter().flat_map(|report| [&report.code, &report.kind]).flatten();
    names.into_iter().any(|name| codes::RELAYED.contains(&&*lower(name)))
}

/// A code that means one thing.
fn by_code(report: &Report) -> Option<Proof> {
    let text = text(report);
    let names = [&report.code, &report.kind].into_iter().flatten();
    let mut hits = names.filter_map(|name| Some((exact(codes::SURE, name)?, Some(name.clone()))));
    // What has no room is unavailable; what checks contents and is unavailable has not refused anything.
    let is_checked = |kind| kind == Overloaded || !text.contains("unavailable");
    hits.find(|(kind, _)| is_checked(*kind)).filter(|_| !has(&text, TROUBLE) && !has(&text, WORK))
}

/// What a code means; one with more behind a dot only where that is not the failure of what checks.
fn exact(table: Table, name: &str) -> Option<FaultKind> {
    const OF_THE_CHECK: &[&str] = &["timeout", "error", "fail", "internal", "unavailable"];
    let name = lower(name);
    let whole = table.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let begun = || codes::kind(table, &name).filter(|_| !has(&name, OF_THE_CHECK));
    whole.or_else(begun).filter(|kind| proves(*kind))
}

fn in_prose(report: &Report) -> Option<Proof> {
    let text = report.message.as_deref().map(super::before_page)?;
    if is_doubtful(&short(text)) {
        return None;
    }
    let is_plain = |name: &String| {
        let name = lower(name);
        IN_PROSE.contains(&&*name) || name.starts_with("public_error_")
    };
    let mut names = codes::in_text(text).filter(is_plain);
    names.find_map(|name| Some((exact(codes::SURE, &name)?, Some(name))))
}

/// A number that another server's status, or the words beside it, agree with.
fn by_number(report: &Report, status: u16) -> Option<Proof> {
    let text = text(report);
    if is_doubtful(&text) {
        return None;
    }
    let number = report.status();
    let word = report.kind.as_deref().and_then(|word| codes::kind(codes::GENERAL, word));
    let is_business = || {
        let code = report.code.as_deref().and_then(|code| code.parse::<u32>().ok());
        (200..300).contains(&status) && code.is_some_and(|code| code >= 1000)
    };
    let is_about_request = !text.contains("upstream") && words::speaks_of_request(&text);
    let kind = match number {
        Some(401) => Auth,
        Some(402) => Quota,
        Some(429) => Overloaded,
        Some(400 | 403 | 404) if word.is_some_and(is_reason) => word?,
        Some(400 | 403..=405 | 413 | 415 | 422) if is_about_request => BadRequest,
        _ if is_about_request && is_business() => BadRequest,
        _ => return None,
    };
    Some((kind, None))
}

/// A type that stands for the request, or the name of the parameter that is wrong.
fn by_type(report: &Report) -> Option<Proof> {
    let text = text(report);
    let loose = words::kind(std::iter::once(&*text));
    let names = [&report.code, &report.kind].into_iter().flatten();
    let names: Vec<_> = names.into_iter().map(|name| lower(name)).collect();
    let known = |name: &String| {
        codes::kind(codes::SURE, name).or_else(|| codes::kind(codes::GENERAL, name))
    };
    let mut kinds = loose.into_iter().chain(names.iter().filter_map(known));
    if is_doubtful(&text) || kinds.any(|kind| !is_reason(kind)) {
        return None;
    }
    let is_request = names.iter().any(|name| REQUEST.contains(&&**name));
    let is_sent = |param: &String| FIELDS.iter().any(|field| lower(param).contains(field));
    let names_parameter = report.param.as_ref().is_some_and(is_sent) && report.message.is_some();
    if is_request || names_parameter {
        return Some((loose.unwrap_or(BadRequest), None));
    }
    names.iter().any(|name| name == "authentication_error").then_some((Auth, None))
}

/// A phrase that says what was refused, or the status by which another server did.
fn by_phrase(reports: &[Report]) -> Option<Proof> {
    let texts: Vec<_> = reports.iter().rev().map(text).collect();
    if texts.iter().any(|text| is_doubtful(text)) {
        return None;
    }
    let clear = |text: &String| first(CLEAR, |phrase| text.contains(phrase));
    let whole = |text: &String| first(WHOLE, |phrase| text.trim_end_matches(['.', '!']) == phrase);
    let by_status = |text: &String| match answered(text)? {
        401 => Some(Auth),
        402 => Some(Quota),
        _ => None,
    };
    let kind = texts.iter().find_map(clear).or_else(|| texts.iter().find_map(whole));
    kind.or_else(|| texts.iter().find_map(by_status)).map(|kind| (kind, None))
}

/// A server that has no room. That it is overloaded is said by any server that fails, so it counts where the status
/// says so too.
fn by_load(reports: &[Report], status: u16) -> Option<Proof> {
    let texts: Vec<_> = reports.iter().map(text).collect();
    let is_doubtful = |text: &String| {
        let is_part = |word: &&str| *word != "unavailable" && text.contains(word);
        MACHINERY.iter().any(is_part) || has(text, TROUBLE) || has(text, WORK)
    };
    if texts.iter().any(is_doubtful) {
        return None;
    }
    let is_load =
        |text: &String| has(text, NO_ROOM) || (matches!(status, 503 | 529) && has(text, LOAD));
    texts.iter().any(is_load).then_some((Overloaded, None))
}

fn first(table: &[(FaultKind, &[&str])], fits: impl Fn(&str) -> bool) -> Option<FaultKind> {
    let found = table.iter().find(|(_, phrases)| phrases.iter().any(|phrase| fits(phrase)));
    found.map(|(kind, _)| *kind)
}

/// The status, from 400 up and that of a refusal, by which another server answered a relay.
fn answered(text: &str) -> Option<u16> {
    let text = short(text);
    let number = |marker: &&str| {
        let rest = text.split_once(marker)?.1.trim_start_matches([' ', ':', '=', '(', '"']);
        let rest = rest.strip_prefix("status code ").unwrap_or(rest);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits).filter(|_| digits == 3)?.parse::<u16>().ok()
    };
    let told = ANSWERED.iter().find_map(number);
    told.filter(|status| matches!(status, 400..=407 | 410..=428 | 430..=451))
}

/// Whether a kind can be proved: a reason why there is no render, or that there is no room for one.
fn proves(kind: FaultKind) -> bool {
    is_reason(kind) || kind == Overloaded
}

fn is_reason(kind: FaultKind) -> bool {
    crate::reading::is_reason(kind)
}

fn is_doubtful(text: &str) -> bool {
    [TROUBLE, MACHINERY, WORK, NO_ANSWER, HAD_BEFORE].iter().any(|words| has(text, words))
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// The text of a report as it is searched.
fn text(report: &Report) -> String {
    report.message.as_deref().map(super::before_page).map(short).unwrap_or_default()
}

fn short(text: &str) -> String {
    words::searched(text.trim())
}
