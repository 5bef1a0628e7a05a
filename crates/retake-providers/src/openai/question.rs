//! Whether what an answer calls the failure of a render is only a failure to ask about it.
//!
//! A relay that cannot reach the server behind it puts that into the same form as a failed render, its status
//! included. Such an answer says nothing of the render, which goes on and is billed.

use serde_json::Value as Json;

use crate::{
    refusal::{self, lists::lists},
    response,
};

/// Where an answer or its render says what went wrong.
const PLACES: &[&str] = &[
    "/code",
    "/error_code",
    "/error_type",
    "/error",
    "/error/code",
    "/error/type",
    "/error/message",
    "/error/msg",
    "/errors/0",
    "/errors/0/code",
    "/errors/0/message",
    "/message",
    "/msg",
    "/error_message",
    "/detail",
    "/detail/message",
    "/reason",
    "/fail_reason",
    "/failReason",
    "/failure_reason",
    "/task_status_msg",
    "/status_msg",
    "/base_resp/status_msg",
];
/// Where the code of an exchange is.
const CODES: &[&str] = &["/code", "/error_code", "/status_code", "/statusCode", "/http_code"];
/// Words that ask.
const VERBS: &[&str] = &[
    "fetch",
    "fetching",
    "query",
    "querying",
    "get",
    "getting",
    "retrieve",
    "retrieving",
    "check",
    "checking",
    "read",
    "reading",
    "obtain",
];
/// What they ask for.
const NOUNS: &[&str] =
    &["task", "status", "job", "result", "results", "state", "progress", "channel", "response"];
/// How far behind a verb its noun stands at most, in words.
const REACH: usize = 3;
/// What is said of a server behind the one that answered when it did not answer itself.
const SILENCES: &[&str] = &[
    "timeout",
    "timed",
    "unavailable",
    "unreachable",
    "connect",
    "connection",
    "disconnected",
    "reset",
    "gateway",
    "eof",
    "502",
    "503",
    "504",
];
/// What gateways and clients say, besides the words of the network, when they got no answer or none that they could read.
const PHRASES: &[&str] = &[
    "connection refused",
    "no such host",
    "read timed out",
    "readtimeout",
    "connecttimeout",
    "connection timed out",
    "was aborted",
    "in json at position",
    "unexpected token",
    "unexpected end of json",
    "invalid json",
    "expecting value: line",
    "json decode",
    "connectionpool(",
    "token expired",
    "token has expired",
    "invalid token",
    "token is invalid",
    "bad gateway",
    "bad_gateway",
    "gateway timeout",
    "gateway time-out",
    "gateway_timeout",
    "request_timeout",
    "do request failed",
    "task not found",
    "task not exist",
    "task_not_found",
    "task_not_exist",
];
/// Words for the input that may as well stand for the video.
const AMBIGUOUS: &[&str] = &["file", "files", "media", "resource", "resources"];
/// No text is searched beyond this many words.
const MOST_WORDS: usize = 200;

/// Whether the failure is one of asking: by a relay's code for that, by an HTTP status as the code of the exchange, or
/// by what a text says.
pub(super) fn is_unanswered(json: &Json, job: &Json) -> bool {
    let is_said = |text: &str| refusal::is_relayed(text) || speaks_of_asking(text);
    texts(json, job).any(is_said) || CODES.iter().any(|place| is_http_failure(json.pointer(place)))
}

/// Whether a text speaks of a server behind the one that answered, or of the way there.
pub(super) fn speaks_of_another_server(json: &Json, job: &Json) -> bool {
    const SERVERS: [&str; 3] = ["upstream", "gateway", "proxy"];
    texts(json, job).any(|text| words(text).any(|word| SERVERS.contains(&&*word)))
}

fn texts<'a>(json: &'a Json, job: &'a Json) -> impl Iterator<Item = &'a str> {
    let in_one = |it: &'a Json| PLACES.iter().filter_map(move |place| response::text(it, place));
    in_one(job).chain(in_one(json))
}

/// Whether a code is the status of an exchange that failed for a reason of its own. That a request was wrong may be
/// about the render.
fn is_http_failure(code: Option<&Json>) -> bool {
    let number = code.and_then(|code| match code {
        Json::String(text) => text.trim().parse().ok(),
        code => code.as_u64(),
    });
    number.is_some_and(|number| matches!(number, 401 | 403 | 404 | 408 | 429 | 500..=599))
}

fn speaks_of_asking(text: &str) -> bool {
    // What could not be fetched may be the picture that the render begins with. A file may also be what came out.
    let is_ambiguous = |word: String| AMBIGUOUS.contains(&&*word);
    if refusal::is_about_input(text) && !words(text).any(is_ambiguous) {
        return false;
    }
    let lower = text.to_lowercase();
    let of_network = || lists().network.iter().any(|phrase| lower.contains(phrase));
    if of_network() || PHRASES.iter().any(|phrase| lower.contains(phrase)) {
        return true;
    }
    let words: Vec<_> = words(text).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let asks = |at: usize| {
        let behind = words.iter().skip(at + 1).take(REACH);
        VERBS.contains(&words[at].as_str())
            && behind.into_iter().any(|word| NOUNS.contains(&word.as_str()))
    };
    has(&["poll", "polls", "polled", "polling"])
        || (has(&["upstream"]) && has(SILENCES))
        || (0..words.len()).any(asks)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(MOST_WORDS).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_about_the_asking_is_told_from_one_about_the_render() {
        for text in [
            "fail_to_fetch_task",
            "get_channel_failed",
            "upstream_timeout",
            "Failed to fetch the task: EOF",
            "could not query task status",
            "polling timed out after 600 s",
            "upstream request timed out",
            "Get \"https://x/v1/tasks/1\": context deadline exceeded",
            "504 Gateway Time-out",
            "socket hang up",
            "Unexpected token < in JSON at position 0",
            "ReadTimeout: HTTPSConnectionPool(host='x', port=443): Read timed out.",
            "read ECONNRESET",
            "TypeError: fetch failed",
            "connection was closed by the peer",
            "failed to download file: connection reset",
            "failed to fetch image task status: connection reset",
            "token expired",
        ] {
            assert!(speaks_of_asking(text), "{text}");
        }
        for text in [
            "generation_failed",
            "the model ran out of memory",
            "Failed to read user input frames",
            "the prompt speaks of pollution",
            "Failed to fetch the image: connection reset by peer",
            "Timeout while downloading https://cdn.example.com/a.png: fetch failed",
            "failed to generate a result",
            "upstream bizCode=451, msg=prompt_unsafe",
            "CUDA error: an illegal memory access was encountered",
            "422 499 Client Closed Request",
        ] {
            assert!(!speaks_of_asking(text), "{text}");
        }
    }
}
