//! Whether a failure to fetch something concerns what the caller sent along.
//!
//! A provider that is given the address of a picture fetches it, and says of that in the same words of the network as
//! a relay whose own request was not answered. The first is a refusal of the input, the second leaves open whether
//! there is a render. What tells them apart is what was to be fetched: a picture or its address stands beside the
//! verb, and no word of a server behind the one that answered or of what is rendered there.
//!
//! The texts are those of OpenAI, Runway, fal, Vertex AI, `DashScope`, Ark, `LiteLLM`, vLLM and new-api (2026-12-01).

use super::words;

/// Verbs for fetching a file.
const FETCHES: &[&str] =
    &["fetch", "fetched", "fetches", "fetching", "retrieve", "retrieved", "retrieving"];
/// The same, of which a server's own requests are not made.
const DOWNLOADS: &[&str] = &["download", "downloaded", "downloads", "downloading"];
/// Verbs that mean as much where an address stands in the same sentence.
const OPENS: &[&str] = &["load", "loading", "access", "accessing", "open", "opening", "read"];
/// What a request has files for.
const FILES: &[&str] = &[
    "image",
    "images",
    "picture",
    "pictures",
    "photo",
    "photos",
    "asset",
    "assets",
    "media",
    "multimodal",
    "reference",
    "references",
    "frame",
    "frames",
    "keyframe",
    "keyframes",
    "audio",
    "attachment",
    "attachments",
    "file",
    "files",
    "input",
    "inputs",
];
const ADDRESSES: &[&str] = &["url", "urls", "uri", "uris", "link", "links"];
/// What makes an address, or the host that is meant, the caller's.
const GIVEN: &[&str] = &["provided", "given", "supplied", "specified", "your"];
/// Fields in one word.
const FIELDS: &[&str] = &[
    "promptimage",
    "imageurl",
    "imageurls",
    "inputreference",
    "inputimage",
    "firstframe",
    "lastframe",
];
/// Words beside which something else than the input was asked for, or the request was taken on.
const ELSEWHERE: &[&str] = &[
    "upstream",
    "vendor",
    "backend",
    "channel",
    "proxy",
    "task",
    "tasks",
    "job",
    "poll",
    "polling",
    "generation",
    "generations",
    "generated",
    "rendered",
    "result",
    "results",
    "output",
    "outputs",
    "accepted",
    "queued",
    "submitted",
    "created",
    "processing",
];
/// Words for the server behind the one that answered. A gateway is named also where the host of a picture answered 504.
const SERVERS: &[&str] = &["upstream", "vendor", "backend", "proxy", "channel"];
/// How the name of a picture ends in an address.
const ENDINGS: &[&str] = &[".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".heic", ".avif"];
/// How many words apart a verb and what is fetched stand at most.
const REACH: usize = 5;

/// Whether a text, a code or the name of a parameter concerns an input that could not be fetched.
pub(crate) fn is_concerned(text: &str) -> bool {
    sentences(&words::searched(text)).iter().any(|it| concerns_input(it))
}

/// Whether the name of a parameter is that of a file or of its address.
pub(crate) fn is_file_field(param: &str) -> bool {
    words_of(&words::searched(param)).iter().any(|word| {
        [FILES, ADDRESSES, FIELDS].iter().any(|list| list.contains(&&**word)) || is_url(word)
    })
}

/// Whether a text has one of these phrases outside of addresses, and does not mean the input by it.
///
/// Where it is known that the input is what could not be fetched, another sentence counts only with a word for the
/// server behind.
pub(crate) fn tells_beside_input(text: &str, phrases: &[String], is_about_input: bool) -> bool {
    // OpenAI calls the host of the picture the upstream.
    let text = words::searched(text).replace("upstream status code", "status code");
    let sentences = sentences(&text);
    let is_about_input = is_about_input || sentences.iter().any(|it| concerns_input(it));
    sentences.iter().any(|sentence| {
        let words = words_of(sentence);
        let is_told = {
            let plain = without_addresses(sentence);
            phrases.iter().any(|phrase| plain.contains(phrase))
        };
        let names_server = words.iter().any(|word| SERVERS.contains(&&**word));
        is_told && !(is_about_input && (concerns_input(sentence) || !names_server))
    })
}

fn concerns_input(sentence: &str) -> bool {
    let words = words_of(sentence);
    let is = |at: usize, list: &[&str]| words.get(at).is_some_and(|word| list.contains(&&**word));
    let before = |at: usize, list: &[&str]| at > 0 && is(at - 1, list);
    let is_video = |at: usize| {
        is(at, &["video", "videos"]) && !before(at, &["input", "source", "reference", "original"])
    };
    if (0..words.len()).any(|at| is(at, ELSEWHERE) || is_video(at)) {
        return false;
    }
    // `requests` and `httpx` name the address of their own request so.
    let is_address = |at: usize| is(at, ADDRESSES) && !before(at, &["with", "for"]);
    let is_picture = |at: usize| ENDINGS.iter().any(|end| path(&words[at]).ends_with(end));
    let is_file = |at: usize| is(at, FILES) || is(at, FIELDS) || is_address(at) || is_picture(at);
    let is_downloaded =
        |at: usize| is_file(at) || is(at, &["resource", "resources"]) || is_url(&words[at]);
    let near = |at: usize, fits: &dyn Fn(usize) -> bool| {
        (at.saturating_sub(REACH)..=at + REACH).any(|it| it < words.len() && it != at && fits(it))
    };
    let has_address = (0..words.len()).any(|at| is_address(at) || is_url(&words[at]));
    (0..words.len()).any(|at| {
        let is_of_caller = before(at, FILES) || before(at, GIVEN);
        (is(at, FETCHES) && near(at, &is_file))
            || (is(at, DOWNLOADS) && near(at, &is_downloaded))
            || (is(at, OPENS) && has_address && near(at, &is_file))
            || (is_of_caller && (is(at, ADDRESSES) || is(at, &["host"])))
            || (is(at, &["reference"]) && before(at, &["input"]))
            || is(at, FIELDS)
    })
}

/// The sentences of a text in small letters.
fn sentences(text: &str) -> Vec<&str> {
    let ends = [". ", "! ", "? ", "; ", "\n"];
    ends.iter()
        .fold(vec![text], |parts, end| parts.into_iter().flat_map(|part| part.split(end)).collect())
}

/// The words of a sentence; an address is one of them.
fn words_of(sentence: &str) -> Vec<String> {
    let pieces = sentence.split_whitespace().flat_map(|piece| match piece.find("http") {
        Some(at) if is_url(&piece[at..]) => {
            let url = piece[at..].trim_end_matches(['"', '\'', ')', ']', '>', '.', ',', ':']);
            split(&piece[..at]).chain([url.to_owned()]).collect::<Vec<_>>()
        }
        _ => split(piece).collect(),
    });
    pieces.collect()
}

fn split(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned)
}

fn without_addresses(sentence: &str) -> String {
    let begins = sentence.split(' ').map(|piece| match piece.find("http") {
        Some(at) if is_url(&piece[at..]) => {
            let end = piece.trim_end_matches([':', ',', '.', '"', '\'', ')']).len();
            format!("{}{}", &piece[..at], &piece[end..])
        }
        _ => piece.to_owned(),
    });
    begins.collect::<Vec<_>>().join(" ")
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn path(url: &str) -> &str {
    if is_url(url) { url.split(['?', '#']).next().unwrap_or_default() } else { "" }
}
