//! An answer without the words that the caller wrote.
//!
//! A provider may quote the prompt in what it says of a failure, and a prompt may say anything: that a balance is
//! insufficient, that somebody calls a timeout or checks a status. So before an answer is read, the prompt, the negative
//! prompt and the names of characters are left out of its texts, whole or cut short, whatever way they are escaped. Only
//! letters and digits are compared. Single words are codes more often than quotations, and what consists of our words
//! alone quotes nothing; both stay.

use std::ops::Range;

use bytes::Bytes;
use retake_core::{json::JsonLimits, request::RenderSpec};
use serde_json::Value as Json;

use crate::call::bounded_json;

/// Longer answers than this many bytes hold files, and are read as they are.
const LONGEST: usize = 256 << 10;
/// So many characters of a text are a quotation of it where something marks them as one.
const BEGINNING: usize = 12;
/// So many are one wherever they stand.
const LONG_BEGINNING: usize = 32;
/// What stands in the place of what was left out.
const GAP: &str = "…";
const QUOTES: [char; 13] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '「', '『', '《'];
const CLOSING: [char; 12] = ['"', '\'', '`', '“', '”', '‘', '’', '«', '»', '」', '』', '》'];
/// A label stands within so many bytes before what it names.
const LABEL_WITHIN: usize = 48;
/// What is put before a quotation without marks.
const LABELS: [&str; 4] = ["prompt", "input", "text", "提示词"];

/// What a caller wrote of a request.
pub(super) struct OwnWords(Vec<Text>);

/// One text of the caller's.
struct Text {
    letters: Vec<char>,
    /// How many characters of the text end with each letter.
    ends: Vec<usize>,
    /// Whether it is no more than a word.
    is_word: bool,
}

/// A letter or digit of an answer, and where it stands there.
struct Letter {
    letter: char,
    at: Range<usize>,
}

impl OwnWords {
    pub(super) fn of(spec: &RenderSpec) -> Self {
        Self(super::words_of(spec).map(Text::of).filter(|text| !text.letters.is_empty()).collect())
    }

    /// The body of an answer without these words; nothing where they are not in it.
    pub(super) fn left_out(&self, body: &Bytes) -> Option<Bytes> {
        let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= LONGEST)?;
        let letters = letters(text);
        self.0.iter().find(|own| own.places(&letters).next().is_some())?;
        let Some(mut json) = bounded_json(body, JsonLimits::ANSWER) else {
            return self.cut(text).map(Bytes::from);
        };
        self.cut_in(&mut json).then(|| json.to_string().into())
    }

    /// Leaves them out of all texts in JSON. Tells whether there were any.
    fn cut_in(&self, json: &mut Json) -> bool {
        match json {
            Json::String(text) => match self.cut(text) {
                Some(cut) => {
                    *text = cut;
                    true
                }
                None => false,
            },
            Json::Array(items) => items.iter_mut().fold(false, |is, it| self.cut_in(it) | is),
            Json::Object(fields) => fields.values_mut().fold(false, |is, it| self.cut_in(it) | is),
            _ => false,
        }
    }

    fn cut(&self, text: &str) -> Option<String> {
        // A code, a name or an address, which may be one of the file.
        if is_word(text) || is_address(text) {
            return None;
        }
        let letters = letters(text);
        let of_one = |own| quotations(own, text, &letters);
        let mut places: Vec<_> = self.0.iter().flat_map(of_one).collect();
        places.sort_unstable_by_key(|place| (place.start, place.end));
        if places.is_empty() || are_within(&letters, &places) {
            return None;
        }
        let (mut cut, mut rest) = (String::with_capacity(text.len()), 0);
        for place in places {
            if place.start >= rest {
                cut.push_str(&text[rest..place.start]);
                cut.push_str(GAP);
            }
            rest = rest.max(place.end);
        }
        cut.push_str(&text[rest..]);
        Some(cut)
    }
}

impl Text {
    fn of(text: &str) -> Self {
        let text = text.trim();
        let plain = text.chars().enumerate().filter(|(_, c)| c.is_alphanumeric());
        let (ends, letters) = plain.map(|(at, c)| (at + 1, small(c))).unzip();
        Self { letters, ends, is_word: is_word(text) }
    }

    /// Where its beginning is among the letters of an answer, and how many letters of it: at least as many as a
    /// quotation has, or all.
    fn places<'a>(&'a self, text: &'a [Letter]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut next = 0;
        (0..text.len()).filter_map(move |at| {
            let is_inside = || {
                let before = at.checked_sub(1).map(|before| &text[before]);
                before.is_some_and(|it| it.at.end == text[at].at.start)
                    && text[at].letter.is_ascii()
            };
            if at < next || text[at].letter != self.letters[0] || is_inside() {
                return None;
            }
            let same =
                self.letters.iter().zip(&text[at..]).take_while(|(own, it)| **own == it.letter);
            let count = same.count();
            let is_enough = count == self.letters.len() || self.ends[count - 1] >= BEGINNING;
            is_enough.then(|| {
                next = at + count;
                (at, count)
            })
        })
    }
}

/// Where a text of the caller's is quoted.
fn quotations<'a>(
    own: &'a Text,
    text: &'a str,
    letters: &'a [Letter],
) -> impl Iterator<Item = Range<usize>> + 'a {
    own.places(letters).filter_map(move |(at, count)| {
        let place = letters[at].at.start..letters[at + count - 1].at.end;
        let (before, after) = (text[..place.start].trim_end(), text[place.end..].trim_start());
        let is_opened = before.ends_with(QUOTES);
        let characters = own.ends[count - 1];
        let is_whole = count == own.letters.len();
        let is_quoted = if own.is_word || characters < BEGINNING {
            is_whole
                && is_opened
                && !is_value(before)
                && after.trim_start_matches(['\\', '.', '!', '?']).starts_with(CLOSING)
        } else {
            let is_broken_off = after.starts_with('…') || after.starts_with("...");
            let is_marked = || is_opened || is_broken_off || is_labelled(before);
            is_whole || characters >= LONG_BEGINNING || is_marked()
        };
        is_quoted.then_some(place)
    })
}

/// Whether the quotation mark at the end of this begins a name or a value in JSON.
fn is_value(before: &str) -> bool {
    let before = before.trim_end_matches(QUOTES).trim_end_matches('\\').trim_end();
    before.ends_with([':', '{', '[', ',', '='])
}

fn is_labelled(before: &str) -> bool {
    let begin = before.len().saturating_sub(LABEL_WITHIN);
    let begin = (begin..=before.len()).find(|at| before.is_char_boundary(*at)).unwrap_or(begin);
    let before = &before[begin..];
    let before = before.trim_end_matches([':', '=', '(', '[', '：', ' ']).to_lowercase();
    LABELS.iter().any(|label| before.ends_with(label))
}

/// Whether all letters are in one of the places, which come in order.
fn are_within(letters: &[Letter], places: &[Range<usize>]) -> bool {
    let (mut places, mut covered) = (places.iter().peekable(), 0);
    letters.iter().all(|it| {
        while let Some(place) = places.next_if(|place| place.start <= it.at.start) {
            covered = covered.max(place.end);
        }
        it.at.start < covered
    })
}

fn is_address(text: &str) -> bool {
    let text = text.trim();
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        matches!(&*scheme.to_ascii_lowercase(), "http" | "https") && rest.starts_with("//")
            || scheme.eq_ignore_ascii_case("data")
    });
    (has_scheme || text.starts_with('/')) && !text.contains(char::is_whitespace)
}

fn is_word(text: &str) -> bool {
    text.is_ascii() && !text.contains(char::is_whitespace)
}

fn small(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// The letters and digits of a text, in which characters may be escaped as JSON, Python and HTML do, also more than
/// once.
fn letters(text: &str) -> Vec<Letter> {
    let (mut letters, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let (letter, length) = match first {
            '\\' => escaped(&text[at..]),
            '&' => entity(&text[at..]),
            plain => (plain, plain.len_utf8()),
        };
        if letter.is_alphanumeric() {
            letters.push(Letter { letter: small(letter), at: at..at + length });
        }
        at += length;
    }
    letters
}

/// What an escape stands for, and its length. What is no letter is told as a blank.
fn escaped(text: &str) -> (char, usize) {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let rest = &text[slashes..];
    let hex = |digits: usize| {
        let number = u32::from_str_radix(rest.get(1..=digits)?, 16).ok()?;
        Some((char::from_u32(number).unwrap_or(' '), slashes + 1 + digits))
    };
    let found = match rest.bytes().next() {
        Some(b'u') => hex(4),
        Some(b'x') => hex(2),
        Some(b'n' | b'r' | b't' | b'b' | b'f') => Some((' ', slashes + 1)),
        _ => None,
    };
    found.unwrap_or((' ', slashes))
}

/// The same of a mark that HTML writes as a name or a number.
fn entity(text: &str) -> (char, usize) {
    const MARKS: [&str; 8] =
        ["&quot;", "&apos;", "&amp;", "&lt;", "&gt;", "&nbsp;", "&#39;", "&#x27;"];
    let mark = MARKS.iter().find(|mark| text.starts_with(**mark));
    (' ', mark.map_or(1, |mark| mark.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::a_render;

    const PROMPT: &str =
        "a shop sign: \"Insufficient balance\",\nin the café at night, while it rains";

    fn without(prompt: &str, body: &str) -> String {
        let spec = RenderSpec { prompt: prompt.into(), ..a_render("m", "r").spec };
        let body = Bytes::from(body.to_owned());
        let left = OwnWords::of(&spec).left_out(&body).unwrap_or(body);
        String::from_utf8(left.to_vec()).unwrap()
    }

    #[test]
    fn a_quoted_prompt_is_left_out_whole_or_cut_short_however_it_is_escaped() {
        let error = |text: String| json!({ "error": { "message": text } }).to_string();
        let ascii = PROMPT.replace('\n', "\\n").replace('"', "\\\"").replace('é', "\\u00e9");
        let short: String = PROMPT.chars().take(30).collect();
        for body in [
            error(format!("no job for {PROMPT}")),
            error(format!("no job for \"{PROMPT}\"")),
            error(format!("no job for '{short}'")),
            error(format!("no job for {short}…")),
            error(format!("prompt: {short}")),
            error(format!("sent: {}", json!({ "prompt": PROMPT, "n": 1 }))),
            error(format!("sent: {}", json!({ "body": json!({ "prompt": PROMPT }).to_string() }))),
            format!("{{\"error\":\"no job for {ascii}\"}}"),
            format!("<p>no job for {}</p>", PROMPT.replace('"', "&quot;").replace('\n', " ")),
            format!("data: {}\n\n", error(format!("no job for {PROMPT}"))),
            format!("no job for {}", PROMPT.to_uppercase()),
        ] {
            let left = without(PROMPT, &body);
            assert!(!left.to_lowercase().contains("balance"), "{body}: {left}");
            let is_json = body.starts_with('{');
            assert_eq!(serde_json::from_str::<Json>(&left).is_ok(), is_json, "{left}");
        }
    }

    #[test]
    fn an_address_is_left_whole_although_the_prompt_is_in_it() {
        let prompt = "夜晚的海报写着余额不足几个大字";
        for url in [
            format!("https://cdn.example/{prompt}.mp4"),
            format!("/v1/files/{prompt}.mp4"),
            format!("data:video/mp4;name={prompt};base64,AAAA"),
        ] {
            let body = json!({ "status": "completed", "video_url": url }).to_string();
            assert_eq!(without(prompt, &body), body);
        }
    }

    #[test]
    fn an_answer_that_quotes_the_prompt_thousands_of_times_is_read_in_little_time() {
        let prompt = "a lighthouse in a storm with waves";
        let many = "a lighthouse in a storm; ".repeat(10_000);

        let left =
            without(prompt, &json!({ "error": format!("{many} is not possible") }).to_string());

        assert!(left.contains("is not possible"), "{}", left.len());
        let whole = format!("{} !", prompt.repeat(5_000));
        assert!(without(prompt, &json!({ "error": whole }).to_string()).len() < 200_000);
    }

    #[test]
    fn what_a_provider_says_in_words_of_its_own_stays() {
        for (prompt, body) in [
            ("Request timed out", json!({ "error": "Request timed out" })),
            (
                "The request timed out, says the clerk",
                json!({ "error": "The request timed out at x" }),
            ),
            (
                "moderation_blocked",
                json!({ "error": { "code": "moderation_blocked", "message": "no" } }),
            ),
            ("timeout", json!({ "id": "timeout", "error": "a timeout: {\"code\":\"timeout\"}" })),
            ("a", json!({ "status": "a", "error": "a failure \"b\"" })),
            (PROMPT, json!({ "id": "v", "prompt": PROMPT, "status": "queued" })),
            (PROMPT, json!({ "error": "Insufficient balance" })),
        ] {
            let body = body.to_string();
            assert_eq!(without(prompt, &body), body, "{prompt}");
        }
    }

    #[test]
    fn a_short_prompt_and_a_name_are_left_out_between_quotation_marks() {
        let body = json!({ "error": "cannot draw \"Mr Timeout\" or 'Timeout'." }).to_string();
        assert!(!without("Mr Timeout", &body).contains("Mr"));
        let left = without("timeout", &body);
        assert!(left.contains("Mr Timeout") && left.contains("or '…'"), "{left}");
        // Chinese has no blanks between words.
        let body = json!({ "message": "任务失败：夜晚的海报写着余额不足几个大字" }).to_string();
        let left = without("夜晚的海报写着余额不足几个大字", &body);
        assert!(!left.contains("余额"), "{left}");
    }

    #[test]
    fn nothing_in_an_answer_makes_leaving_out_fail() {
        for text in ["\\", "\\u", "\\u12", "\\uzzzz", "\\x", "é\\é", "&", "&quot", "\\ud83d", "“"]
        {
            for body in [
                text.to_owned(),
                format!("a shop sign Insuff{text}"),
                format!("{text}a shop sign Insuff\""),
            ] {
                without(PROMPT, &body);
            }
        }
    }
}
