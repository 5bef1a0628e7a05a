//! Where a prompt says that something new begins.
//!
//! Prompts mark their shots in many ways: by sentences, by lines, by "cut to" and "then", by
//! numbers ("Shot 2:"), by times ("[0-4s]", "0:04 - 0:08"). All of them are turned into fragments;
//! which fragments deserve a shot of their own is decided later, when their words are understood.

/// A piece of the prompt between two marks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fragment {
    /// The text without its mark.
    pub(super) text: String,
    /// Whether the prompt itself says that a new shot begins here.
    pub(super) explicit: bool,
    /// Whether the mark asked for a dissolve into this shot.
    pub(super) dissolve: bool,
    /// Seconds the prompt gives to it.
    pub(super) seconds: Option<f32>,
}

/// Phrases that open a new shot wherever they stand, longest first.
const OPENERS: [(&str, bool); 22] = [
    ("smash cut to", false),
    ("jump cut to", false),
    ("match cut to", false),
    ("quick cut to", false),
    ("hard cut to", false),
    ("the scene cuts to", false),
    ("cross dissolve to", true),
    ("the scene shifts to", false),
    ("dissolves to", true),
    ("dissolve to", true),
    ("crossfade to", true),
    ("followed by", false),
    ("fades to", true),
    ("fade to", true),
    ("cutting to", false),
    ("cuts to", false),
    ("cut to", false),
    ("and then", false),
    ("after that", false),
    ("next shot", false),
    ("then", false),
    ("meanwhile", false),
];
/// Words that number shots.
const NUMBERED: [&str; 6] = ["shot", "scene", "clip", "part", "panel", "beat"];
/// The prompt is read up to here; nobody's video has more to say.
const LONGEST: usize = 8_000;

/// Splits a prompt at every mark it makes.
pub(super) fn fragments(prompt: &str) -> Vec<Fragment> {
    let prompt: String = prompt.chars().take(LONGEST).collect();
    let mut found = Vec::new();
    for piece in sentences(&prompt) {
        split_openers(&piece, &mut found);
    }
    found.retain(|fragment: &Fragment| {
        fragment.seconds.is_some() || fragment.text.chars().any(char::is_alphanumeric)
    });
    // A time or a number alone on its line belongs to the line below it.
    let mut merged: Vec<Fragment> = Vec::new();
    for fragment in found {
        match merged.last_mut() {
            Some(last) if last.text.is_empty() && !fragment.text.is_empty() => {
                last.text = fragment.text;
                last.dissolve |= fragment.dissolve;
                last.seconds = fragment.seconds.or(last.seconds);
            }
            _ => merged.push(fragment),
        }
    }
    merged
}

/// Sentences, lines and clauses between semicolons. Quoted speech is never divided.
fn sentences(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut pieces = vec![String::new()];
    let mut quote = false;
    for (index, &letter) in letters.iter().enumerate() {
        if matches!(letter, '"' | '“' | '”') {
            quote = !quote && letters[index + 1..].iter().any(|next| matches!(next, '"' | '”'));
        }
        let next = letters.get(index + 1);
        let ends_word = next.is_none_or(|next| next.is_whitespace() || matches!(next, '"' | '”'));
        let stops = match letter {
            '\n' | '\r' | '。' | '！' | '？' => true,
            ';' => !quote,
            '!' | '?' | '…' => ends_word && !quote,
            '.' => ends_word && !quote && !is_abbreviation(&letters[..index]),
            _ => false,
        };
        // A time in brackets opens a new piece even in the middle of a line.
        let opens = letter == '[' && !quote;
        if opens {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut()
            && !matches!(letter, '\n' | '\r' | ';')
        {
            piece.push(letter);
        }
        if stops {
            pieces.push(String::new());
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// Whether the word before a full stop is one that is written with it.
fn is_abbreviation(before: &[char]) -> bool {
    let word: String =
        before.iter().rev().take_while(|letter| letter.is_alphanumeric()).collect::<String>();
    let word: String = word.chars().rev().collect::<String>().to_lowercase();
    let single = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    single || matches!(word.as_str(), "mr" | "mrs" | "ms" | "dr" | "st" | "vs" | "approx" | "etc")
}

/// Divides a piece at "cut to", "then" and their like, after reading the mark at its head.
fn split_openers(piece: &str, found: &mut Vec<Fragment>) {
    let mut rest = piece.trim();
    let mut head = Fragment::default();
    loop {
        rest = strip_mark(rest, &mut head);
        match next_opener(rest) {
            Some((0, len, dissolve)) => {
                head.explicit = true;
                head.dissolve |= dissolve;
                rest = rest.get(len..).unwrap_or("").trim_start_matches([' ', ',', ':']);
            }
            Some((at, len, dissolve)) => {
                head.text = tidy(rest.get(..at).unwrap_or(""));
                found.push(std::mem::take(&mut head));
                head = Fragment { explicit: true, dissolve, ..Fragment::default() };
                rest = rest.get(at + len..).unwrap_or("").trim_start_matches([' ', ',', ':']);
            }
            None => break,
        }
    }
    head.text = tidy(rest);
    found.push(head);
}

fn tidy(text: &str) -> String {
    let text = text.trim().trim_end_matches([',', '-', '–', '—', ' ', ':']);
    let text = text.strip_suffix(" and").unwrap_or(text).trim_end_matches([',', ' ']);
    text.trim_start_matches([',', '-', '–', '—', ':', '*', '•', '#', ' ', '.', ']', ')']).to_owned()
}

/// The first opener in the text: byte position, byte length, whether it dissolves.
fn next_opener(text: &str) -> Option<(usize, usize, bool)> {
    let lower = text.to_ascii_lowercase();
    OPENERS
        .iter()
        .filter_map(|&(phrase, dissolve)| {
            let at = find_word(&lower, phrase)?;
            (!in_quotes(&lower, at)).then_some((at, phrase.len(), dissolve))
        })
        .min_by_key(|&(at, len, _)| (at, usize::MAX - len))
}

fn find_word(text: &str, phrase: &str) -> Option<usize> {
    text.match_indices(phrase).map(|(at, _)| at).find(|&at| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + phrase.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

fn in_quotes(text: &str, at: usize) -> bool {
    let quotes = |part: &str| part.matches(['"', '“', '”']).count();
    quotes(text.get(..at).unwrap_or("")) % 2 == 1 && quotes(text.get(at..).unwrap_or("")) > 0
}

/// Reads "Shot 2 (3s):", "[0-4s]", "0:04 - 0:08" at the head of the text and returns the rest.
fn strip_mark<'t>(text: &'t str, head: &mut Fragment) -> &'t str {
    let mut rest = text.trim_start_matches(['*', '#', '•', '-', ' ', '>']);
    for _ in 0..3 {
        let (after_number, numbered) = strip_number(rest);
        if numbered {
            head.explicit = true;
            rest = after_number;
        }
        if let Some((seconds, after)) = strip_time(rest) {
            head.explicit = true;
            head.seconds = Some(seconds);
            rest = after;
        } else if !numbered {
            break;
        }
        rest = rest.trim_start_matches([':', ' ', '-', '–', '—', ',', '|', '*', '.', ')']);
    }
    rest
}

fn strip_number(text: &str) -> (&str, bool) {
    let bare = text.trim_start_matches(['[', '(']);
    let lower = bare.to_ascii_lowercase();
    let stripped = NUMBERED.iter().find_map(|word| {
        let rest = lower.strip_prefix(word)?.trim_start_matches([' ', '#']);
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let after = rest.get(digits..)?;
        let closes =
            after.trim_start().starts_with([':', '.', '-', '–', '—', '(', '[', ']', ')', ',', '|']);
        ((1..=3).contains(&digits) && (closes || after.trim().is_empty()))
            .then_some(bare.len() - after.len())
    });
    match stripped.and_then(|at| bare.get(at..)) {
        Some(rest) => (rest.trim_start_matches([']', ')', ' ', '*']), true),
        None => (text, false),
    }
}

/// A range ("0-4s", "00:00 – 00:04") or a length ("(3s)") in seconds, and what follows it.
fn strip_time(text: &str) -> Option<(f32, &str)> {
    let bracket = text.starts_with(['[', '(']);
    let inner = text.trim_start_matches(['[', '(', ' ']);
    let (from, from_unit, rest) = clock(inner)?;
    let dash = rest.trim_start().trim_start_matches(['-', '–', '—', '~']);
    let dash = if dash.len() == rest.trim_start().len() {
        rest.trim_start().strip_prefix("to ").unwrap_or(rest)
    } else {
        dash
    };
    if dash.len() != rest.len()
        && let Some((until, unit, rest)) = clock(dash.trim_start())
    {
        let closed = rest.trim_start().starts_with([']', ')', ':']) || rest.trim().is_empty();
        let certain = unit || from_unit || (bracket && closed);
        return (certain && until > from).then(|| (until - from, close(rest)));
    }
    let closed = rest.trim_start().starts_with([']', ')']);
    (bracket && from_unit && closed && from > 0.0).then(|| (from, close(rest)))
}

fn close(rest: &str) -> &str {
    rest.trim_start().trim_start_matches([']', ')', ':'])
}

/// A number of seconds: "4", "4.5", "0:04", with or without its unit.
fn clock(text: &str) -> Option<(f32, bool, &str)> {
    let digits = text.chars().take_while(|l| l.is_ascii_digit() || matches!(l, ':' | '.')).count();
    let number = text.get(..digits)?.trim_end_matches([':', '.']);
    let mut rest = text.get(number.len()..)?;
    let minutes = number.contains(':');
    let mut seconds = 0.0_f32;
    for part in number.split(':') {
        seconds = seconds * 60.0 + part.parse::<f32>().ok().filter(|part| *part < 10_000.0)?;
    }
    let trimmed = rest.trim_start();
    let lower = trimmed.get(..trimmed.len().min(8)).unwrap_or("").to_ascii_lowercase();
    let unit = ["seconds", "second", "secs", "sec", "s"].iter().find(|unit| {
        lower.strip_prefix(**unit).is_some_and(|tail| !tail.starts_with(char::is_alphabetic))
    });
    if let Some(unit) = unit {
        rest = trimmed.get(unit.len()..)?;
    }
    Some((seconds, unit.is_some() || minutes, rest))
}
