//! What all adapters need to read answers: fields of untrusted JSON, answers of strangers, lost submits.

mod create;

use bytes::Bytes;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    signal,
};
use serde_json::Value as Json;

pub(crate) use self::create::{
    ErrorBody, failed_create, is_reason, is_turned_away, unanswered_submit, without_reason,
};
use crate::{
    FetchError,
    call::{NoAnswer, Reply},
    signals,
};

/// The longest text of a provider that is repeated in a message, in characters.
const LONGEST_TEXT: usize = 500;

/// The longest name for a render that is taken; no provider's is near it.
pub(crate) const LONGEST_ID: usize = 1024;

/// The text at a JSON pointer such as `/error/message`; nothing when it is empty or no text.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A number at a JSON pointer, also when it is written as a text.
pub(crate) fn number(json: &Json, pointer: &str) -> Option<f64> {
    let value = json.pointer(pointer)?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// A name for a render: plain, and no longer than names are. Dots alone lead elsewhere in a path, however they are
/// encoded.
pub(crate) fn id<'a>(json: &'a Json, pointer: &str) -> Option<&'a str> {
    let is_plain = |id: &str| id.bytes().all(|b| b.is_ascii_graphic());
    let is_dots = |id: &str| id.bytes().all(|b| b == b'.');
    text(json, pointer).filter(|id| id.len() <= LONGEST_ID && is_plain(id) && !is_dots(id))
}

/// A provider's text as it may be repeated: in one line, and not longer than people read.
pub(crate) fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Percent done, out of a share between 0 and 1. A render that is not over is never whole.
pub(crate) fn percent_of_share(share: f64) -> u8 {
    percent(share * 100.0)
}

/// Percent done, out of a number between 0 and 100.
pub(crate) fn percent(value: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 99"
    )]
    let percent = value.clamp(0.0, 99.0) as u8;
    percent
}

/// The fault of an error whose body is not the provider's own.
pub(crate) fn foreign_fault(reply: &Reply) -> Fault {
    signal::judge(&signals::of_stranger(reply)).into_fault(at_status(reply, &plain(&reply.body)))
}

/// What an answer with an error status says, for people.
pub(crate) fn at_status(reply: &Reply, message: &str) -> String {
    match quoted(message) {
        empty if empty.is_empty() => format!("HTTP {} without a word", reply.status.as_u16()),
        text => format!("HTTP {}: {text}", reply.status.as_u16()),
    }
}

/// Whether a text says that a failed render was not charged, or was paid back.
pub(crate) fn says_not_charged(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "not charged",
        "not be charged",
        "not billed",
        "not be billed",
        "no charge",
        "nothing was charged",
        "no credits were charged",
        "no credits were used",
        "no credits were deducted",
        "no credits were consumed",
        "no credit was charged",
        "no credit was used",
        "credits were returned",
        "credits were refunded",
        "credits have been returned",
        "credits have been refunded",
        "been refunded",
        "was refunded",
    ];
    // What takes such a sentence back, or ties it to something: "no credits were refunded", "not be charged again".
    const DOUBTS: [&str; 18] = [
        "charg", "bill", "refund", "return", "n't", "not", "no ", "nothing", "never", "yet",
        "again", "if ", "only", "unless", "until", "could", "deposit", "part",
    ];
    let text = text.to_lowercase();
    let says_so = |sentence: &str| WORDS.iter().any(|words| sentence.contains(words));
    let rest = WORDS.iter().fold(text.clone(), |rest, words| rest.replace(words, ""));
    let is_plain = |sentence: &str| {
        let rest = WORDS.iter().fold(sentence.to_owned(), |rest, words| rest.replace(words, ""));
        let has_number = rest.bytes().any(|byte| byte.is_ascii_digit());
        !has_number && !DOUBTS.iter().any(|doubt| rest.contains(doubt))
    };
    let mut sentences = text.split(['.', '!', '?', ';', '\n']);
    let is_contradicted = ["charged", "billed", "refunded"].iter().any(|word| rest.contains(word));
    !is_contradicted && sentences.any(|sentence| says_so(sentence) && is_plain(sentence))
}

/// An amount of dollars; nothing for what is no amount.
pub(crate) fn usd(dollars: f64) -> Option<Usd> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and a billion dollars"
    )]
    let amount = |dollars: f64| Usd::from_micros((dollars * 1e6).round() as u64);
    (0.0..=1e9).contains(&dollars).then(|| amount(dollars))
}

/// The title of a web page; empty for one without a title, and nothing for what is no page. Proxies, firewalls and
/// hosts of sites answer with pages, and no provider's API does.
pub(crate) fn page_title(body: &Bytes) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_TEXT)]);
    let lower = text.to_ascii_lowercase();
    let begin = lower.trim_start_matches('\u{feff}').trim_start();
    let begins = ["<!doctype", "<html", "<head", "<body"].iter().any(|tag| begin.starts_with(tag));
    let is_page = begins || (begin.starts_with('<') && lower.contains("<title>"));
    let title = || {
        let (from, to) = (lower.find("<title>")? + 7, lower.find("</title>")?);
        text.get(from..to).map(quoted)
    };
    is_page.then(|| title().unwrap_or_default())
}

/// The text of a page that has no title.
fn without_tags(body: &Bytes) -> String {
    let page = String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_TEXT)]);
    let texts = page.split('<').filter_map(|part| Some(part.split_once('>')?.1));
    quoted(&texts.collect::<Vec<_>>().join(" "))
}

/// The text of an answer that is not what was expected: the title of a page, else its beginning, as long as it is
/// text.
pub(crate) fn plain(body: &Bytes) -> String {
    if let Some(title) = page_title(body) {
        let said = if title.is_empty() { without_tags(body) } else { title };
        return if said.is_empty() { "a web page".to_owned() } else { said };
    }
    quoted(&String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_TEXT)]))
}

/// An answer that says nothing that is understood.
pub(crate) fn unexpected(reply: &Reply, what: &str) -> Fault {
    let message = format!("{what} (HTTP {}): {}", reply.status.as_u16(), plain(&reply.body));
    Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message)
}

/// The fault of a call that got no answer.
pub(crate) fn silence(problem: &NoAnswer) -> Fault {
    let kind = if problem.slow { FaultKind::Timeout } else { FaultKind::Lost };
    Fault::new(kind, FaultSource::Network, problem.message.clone())
}

/// Whether a render that is said to have failed like this may have made a usable file all the same, where one is
/// named beside the failure. What content rules, money or the request itself kept from being rendered has none.
pub(crate) fn may_have_a_file(fault: &Fault) -> bool {
    !is_reason(fault.kind)
}

/// The fault of a poll whose answer says that there is no such render. One answer of that kind proves nothing: a
/// server beside the one that knows may have given it, or a relay that could not ask.
pub(crate) fn unknown_render(reply: &Reply, provider: &str) -> Fault {
    let said = plain(&reply.body);
    let message = format!(
        "{provider} says that it does not know the render (HTTP {}): {said}",
        reply.status.as_u16()
    );
    Fault::new(FaultKind::Lost, FaultSource::Provider, message).after(reply.retry_after())
}

/// What the answer to a download says that did not bring the file: nothing of the render, whatever the status. The
/// kind tells whether the file was said to be missing.
pub(crate) fn refused_download(reply: &Reply) -> FetchError {
    let message = format!(
        "the file was not handed out: HTTP {}: {}",
        reply.status.as_u16(),
        plain(&reply.body)
    );
    let kind = match reply.status.as_u16() {
        404 | 410 => FaultKind::Lost,
        _ => signal::judge(&signals::of_stranger(reply)).kind,
    };
    FetchError::Later(Fault::new(kind, FaultSource::Provider, message).after(reply.retry_after()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_another_kind_than_documented_is_not_there() {
        let answer = json!({ "id": 7, "name": "  ", "progress": "41.5", "far": "1e999" });

        assert_eq!(text(&answer, "/id"), None);
        assert_eq!(text(&answer, "/name"), None);
        assert_eq!(number(&answer, "/progress"), Some(41.5));
        assert_eq!(number(&answer, "/far"), None);
    }

    #[test]
    fn a_name_for_a_render_is_plain_and_short() {
        let long = "x".repeat(LONGEST_ID + 1);

        assert_eq!(id(&json!({ "id": "task_1" }), "/id"), Some("task_1"));
        for odd in ["two words", ".", "..", "...", "ü"] {
            assert_eq!(id(&json!({ "id": odd }), "/id"), None, "{odd}");
        }
        assert_eq!(id(&json!({ "id": long }), "/id"), None);
    }

    #[test]
    fn progress_is_never_whole_before_the_end_and_never_below_nothing() {
        assert_eq!(percent_of_share(0.425), 42);
        assert_eq!(percent_of_share(7.0), 99);
        assert_eq!(percent(-3.0), 0);
        assert_eq!(percent(f64::NAN), 0);
    }

    #[test]
    fn a_stranger_says_nothing_of_the_account() {
        let kind = |status, body: &'static str| {
            foreign_fault(&crate::testing::reply(status, &[], body).unwrap()).kind
        };
        let page = "<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>";

        for status in [400, 401, 402, 403, 404, 405, 407, 409, 423, 425, 429, 451] {
            assert_eq!(kind(status, page), FaultKind::Overloaded, "{status}");
        }
        assert_eq!((kind(401, ""), kind(413, page)), (FaultKind::Auth, FaultKind::BadRequest));
        assert_eq!((kind(500, page), kind(504, page)), (FaultKind::Runtime, FaultKind::Timeout));
    }

    #[test]
    fn a_page_is_told_by_its_title() {
        let page = |text: &'static str| page_title(&Bytes::from_static(text.as_bytes()));

        assert_eq!(
            page("\n <HTML><title>502 Bad\nGateway</title>").as_deref(),
            Some("502 Bad Gateway")
        );
        assert_eq!(page("<!doctype html><p>").as_deref(), Some(""));
        assert_eq!(page("<?xml?><Error>"), None);
        assert_eq!(page("{\"error\":\"<html>\"}"), None);
        assert_eq!(plain(&Bytes::from_static(b"<html>")), "a web page");
    }

    #[test]
    fn no_answer_to_a_download_is_the_end_of_a_file() {
        for (status, kind) in [
            (200, FaultKind::UnknownProviderError),
            (401, FaultKind::Auth),
            (403, FaultKind::Overloaded),
            (404, FaultKind::Lost),
            (410, FaultKind::Lost),
            (416, FaultKind::Overloaded),
            (500, FaultKind::Runtime),
            (503, FaultKind::Overloaded),
        ] {
            let reply = crate::testing::reply(status, &[], "x").unwrap();
            let FetchError::Later(fault) = refused_download(&reply) else { panic!("{status}") };
            assert_eq!(fault.kind, kind, "{status}");
        }
    }

    #[test]
    fn an_amount_is_read_in_millionths_and_nonsense_is_none() {
        assert_eq!(usd(0.6), Some(Usd::from_micros(600_000)));
        assert_eq!(usd(0.0), Some(Usd::ZERO));
        assert_eq!([usd(-1.0), usd(f64::NAN), usd(1e12)], [None; 3]);
        assert!(says_not_charged("Blocked. Credits were returned to your account."));
        for text in [
            "You were charged 5 credits",
            "It failed; no credits were refunded",
            "No credits have been returned.",
            "The credits have not been refunded",
            "An error has been returned",
            "Your credits haven't been refunded.",
            "Nothing has been refunded yet.",
            "Credits could not have been refunded.",
            "10 of 50 credits were refunded.",
            "This render is billed. Only renders that fail within 10 s will not be billed.",
            "You will not be charged again for a retry.",
            "The safety deposit was refunded, the render was charged.",
        ] {
            assert!(!says_not_charged(text), "{text}");
        }
    }
}
