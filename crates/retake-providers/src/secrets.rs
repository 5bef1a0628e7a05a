//! Secrets, and finding them in whatever form they come back.
//!
//! Providers repeat keys in their answers, and an answer says things in many ways: JSON, percent signs, HTML, mails,
//! base64, base32, base 85, hexadecimal, gzip, full-width letters, one inside the other. So a text is read in all of
//! them, as deep as they go, and a secret that shows in any reading is cut out of the text as it came. Only letters
//! and digits count in it: what a separator, a line break or the zeros of UTF-16 break up is found as well, and so is
//! a piece of a secret that was shortened. A text in which that takes too much work, or that shows a secret after it
//! was cut, is withheld as a whole.
//!
//! This is the one place for that: answers go through it before anybody reads them, and so does everything that is
//! made of them and kept or told ([`Guarded`]).

mod alphabets;
mod compatible;
mod decode;

use std::{borrow::Cow, collections::VecDeque, fmt, ops::Range, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use retake_core::fault::Fault;
use secrecy::{ExposeSecret, SecretString};

use self::decode::Reading;
use crate::{
    AccountStatus, CancelOutcome, Download, FetchError, HookError, Polled, Reconciliation,
    SubmitError, Submitted,
};

/// What stands in the place of a secret.
pub(crate) const SECRET: &str = "[secret]";

/// Secrets shorter than this are not looked for: they would cut ordinary words.
const SHORTEST: usize = 8;

/// What stands at the end of a text that was shortened.
const ELLIPSIS: &str = "…";

/// Stands for a text out of which a secret could not be cut for certain.
const WITHHELD: &str = "[withheld: it repeats a secret]";

/// So many letters and digits of a secret in a row are a part of it that nobody may see.
const PIECE: usize = 12;
/// Pieces are looked for at every so many letters, so one that is this much longer is found wherever it begins.
const STRIDE: usize = 4;

/// How often a text is decoded. Nobody encodes a message more often by accident.
const DEPTH: usize = 6;
/// A text is decoded in parts of this length, so that the memory for it is bounded.
const WINDOW: usize = 64 << 10;
/// How many times its length may be decoded of a text that is told or kept. What needs more is withheld.
const THOROUGH: usize = 64;
/// The same of a text that is to be understood by this program alone.
const BRIEF: usize = 16;

/// Secrets that nobody may be shown, whoever repeats them.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<Known>>);

struct Known {
    secrets: Vec<SecretString>,
    /// Finds secrets as they are.
    finder: AhoCorasick,
    /// Finds pieces of them where only letters and digits count.
    pieces: AhoCorasick,
    /// The letters of a secret that each of those is of, and its place there.
    piece_of: Vec<(Arc<[u8]>, usize)>,
    shortest: usize,
    overlap: usize,
}

/// Where secrets are in a text.
struct Found {
    /// In order and apart from one another.
    ranges: Vec<Range<usize>>,
    /// Whether there was enough time to read all that it may stand for.
    is_whole: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// These secrets. Of one in several parts (`Bearer KEY`, `ID:KEY`) each is looked for by itself.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parts: Vec<&str> = secrets.into_iter().flat_map(parts_of).collect();
        parts.sort_unstable();
        parts.dedup();
        // There are too many only where they would not fit into memory.
        Self(Known::new(&parts).filter(|_| !parts.is_empty()).map(Arc::new))
    }

    /// These, and those of a call as they stand in its headers.
    pub(crate) fn with<'a>(&self, more: impl IntoIterator<Item = &'a str>) -> Self {
        let more: Vec<&str> = more.into_iter().flat_map(parts_of).collect();
        let known = self.0.as_ref().map(|known| known.secrets.as_slice()).unwrap_or_default();
        let is_known = |part: &&str| known.iter().any(|one| one.expose_secret() == *part);
        if more.iter().all(is_known) {
            return self.clone();
        }
        Self::new(known.iter().map(ExposeSecret::expose_secret).chain(more))
    }

    /// A text without them. One out of which they cannot be cut for certain is withheld.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Found { ranges, is_whole } = self.found(text.as_bytes(), THOROUGH);
        if ranges.is_empty() && is_whole {
            return Cow::Borrowed(text);
        }
        let mut cut = String::with_capacity(text.len());
        let mut rest = 0;
        for range in ranges {
            cut.push_str(
                &text[text.ceil_char_boundary(rest)..text.floor_char_boundary(range.start)],
            );
            cut.push_str(SECRET);
            rest = range.end;
        }
        cut.push_str(&text[text.ceil_char_boundary(rest)..]);
        let left = self.found(cut.as_bytes(), THOROUGH);
        let is_clean = is_whole && left.is_whole && left.ranges.is_empty();
        Cow::Owned(if is_clean { cut } else { WITHHELD.to_owned() })
    }

    /// Bytes without them; nothing when there are none in them. What is told of them is to be cut once more: a long
    /// answer is not read in every way.
    pub(crate) fn cut_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let found = self.found(bytes, BRIEF).ranges;
        if found.is_empty() {
            return None;
        }
        let mut cut = Vec::with_capacity(bytes.len());
        let mut rest = 0;
        for range in found {
            cut.extend_from_slice(&bytes[rest..range.start]);
            cut.extend_from_slice(SECRET.as_bytes());
            rest = range.end;
        }
        cut.extend_from_slice(&bytes[rest..]);
        Some(cut)
    }

    /// Whether a text repeats one of them, or cannot be read to its end.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let found = self.found(text.as_bytes(), THOROUGH);
        !found.ranges.is_empty() || !found.is_whole
    }

    /// Looks for them in a text of which so many times its length may be decoded.
    fn found(&self, bytes: &[u8], times: usize) -> Found {
        let Some(known) = &self.0 else { return Found { ranges: Vec::new(), is_whole: true } };
        let (mut ranges, mut is_whole) = (Vec::new(), true);
        ranges.extend(known.beginning_at_the_end(bytes));
        for window in windows(bytes.len(), known.overlap) {
            let begin = window.start;
            let (found, is_read) = known.search(&bytes[window], times);
            ranges.extend(found.into_iter().map(|it| it.start + begin..it.end + begin));
            is_whole &= is_read;
        }
        Found { ranges: merged(ranges), is_whole }
    }
}

/// Whether a text is what is left of one that repeated a secret.
pub(crate) fn were_cut(text: &str) -> bool {
    text.contains(SECRET) || text.contains(WITHHELD)
}

/// The parts of a text in which it is searched. Each begins before the end of the one before it.
fn windows(length: usize, overlap: usize) -> impl Iterator<Item = Range<usize>> {
    let step = WINDOW.saturating_sub(overlap).max(1);
    let count = length.saturating_sub(overlap).div_ceil(step).max(1);
    (0..count).map(move |number| number * step..(number * step + WINDOW).min(length))
}

impl Known {
    fn new(secrets: &[&str]) -> Option<Self> {
        let mut needles: Vec<Vec<u8>> = secrets.iter().copied().flat_map(forms_of).collect();
        needles.sort_unstable();
        needles.dedup();
        let piece_of: Vec<(Arc<[u8]>, usize)> =
            needles.iter().flat_map(|it| pieces_of(it)).collect();
        let pieces = piece_of.iter().map(|(letters, at)| &letters[*at..*at + piece(letters.len())]);
        let pieces = AhoCorasick::new(pieces).ok()?;
        let lengths = || secrets.iter().map(|secret| secret.len());
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles)
            .ok()?;
        Some(Self {
            secrets: secrets.iter().copied().map(SecretString::from).collect(),
            finder,
            pieces,
            piece_of,
            shortest: lengths().min()?.min(PIECE),
            // Each character of it may be written with six, twice.
            overlap: (12 * lengths().max()?).clamp(WINDOW / 16, WINDOW / 2),
        })
    }

    /// Where secrets are in a part of a text, and whether it could be read in every way.
    fn search(&self, text: &[u8], times: usize) -> (Vec<Range<usize>>, bool) {
        let (mut found, mut left) = (Vec::new(), text.len().saturating_mul(times));
        let mut readings = VecDeque::from([(Reading::plain(text), 0)]);
        let mut is_whole = true;
        while let Some((reading, depth)) = readings.pop_front() {
            self.search_reading(&reading, &mut found);
            if depth == DEPTH || reading.bytes.len() < self.shortest {
                continue;
            }
            for next in reading.decoded(self.shortest, WINDOW) {
                match left.checked_sub(next.cost()) {
                    Some(rest) => left = rest,
                    None => return (found, false),
                }
                // Nothing is left out by this that could be read.
                is_whole &= next.bytes.len() <= WINDOW;
                is_whole &= depth + 1 < DEPTH || next.decoded(self.shortest, 0).next().is_none();
                readings.push_back((next, depth + 1));
            }
        }
        (found, is_whole)
    }

    fn search_reading(&self, reading: &Reading, found: &mut Vec<Range<usize>>) {
        found.extend(self.finder.find_iter(&reading.bytes).map(|it| reading.origin(it.range())));
        let (letters, places) = reading.letters();
        for piece in self.pieces.find_overlapping_iter(&letters) {
            let (secret, at) = &self.piece_of[piece.pattern().as_usize()];
            let before = secret[..*at].iter().rev().zip(letters[..piece.start()].iter().rev());
            let before = before.take_while(|(one, other)| one == other).count();
            let rest = secret[at + piece.len()..].iter().zip(&letters[piece.end()..]);
            let rest = rest.take_while(|(one, other)| one == other).count();
            let (first, last) = (places[piece.start() - before], places[piece.end() - 1 + rest]);
            found.push(reading.origin(first..last + 1));
        }
    }

    /// Where a text ends with the beginning of a secret: whoever shortened it may have cut it in the middle of one.
    fn beginning_at_the_end(&self, text: &[u8]) -> Option<Range<usize>> {
        let text = text.strip_suffix(ELLIPSIS.as_bytes()).unwrap_or(text);
        let beginnings = self.secrets.iter().flat_map(|secret| {
            let secret = secret.expose_secret().as_bytes();
            (SHORTEST..secret.len()).rev().map(|length| &secret[..length])
        });
        let is_the_end = |part: &&[u8]| {
            let from = text.len().checked_sub(part.len());
            from.is_some_and(|from| text[from..].eq_ignore_ascii_case(part))
        };
        let longest = beginnings.filter(is_the_end).map(<[u8]>::len).max()?;
        Some(text.len() - longest..text.len())
    }
}

fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// A secret without its scheme, and the parts of one that has several.
fn parts_of(secret: &str) -> impl Iterator<Item = &str> {
    let secret = secret.trim();
    let bare = secret.split_once(' ').map_or(secret, |(_, bare)| bare.trim());
    let second = bare.split_once(':').map(|(_, part)| part);
    [Some(bare), second].into_iter().flatten().filter(|part| part.len() >= SHORTEST)
}

/// A secret as it is, and what it decodes to itself: that is what shows in a text that was decoded.
fn forms_of(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let first = Reading::plain(secret.as_bytes());
    let forms = std::iter::successors(Some(first), Reading::unescaped).take(DEPTH + 1);
    forms.map(|form| form.bytes).filter(|form| form.len() >= SHORTEST)
}

/// The letters of a secret, with each place at which a piece of it begins.
fn pieces_of(secret: &[u8]) -> Vec<(Arc<[u8]>, usize)> {
    let letters: Arc<[u8]> = Reading::plain(secret).letters().0.into();
    if letters.len() < SHORTEST {
        return Vec::new();
    }
    let last = letters.len() - piece(letters.len());
    let begins = (0..last).step_by(STRIDE).chain([last]);
    begins.map(|at| (Arc::clone(&letters), at)).collect()
}

/// The length of a piece of so many letters.
fn piece(letters: usize) -> usize {
    letters.min(PIECE)
}

/// What a talk with a provider ends with: its texts may have come from there.
pub(crate) trait Guarded {
    /// The same without the secrets that its texts repeat.
    #[must_use]
    fn guarded(self, secrets: &Secrets) -> Self;
}

impl Guarded for Fault {
    fn guarded(mut self, secrets: &Secrets) -> Self {
        if let Cow::Owned(cut) = secrets.cut(&self.message) {
            self.message = cut;
        }
        self.code = self.code.map(|code| code.guarded(secrets));
        self
    }
}

impl Guarded for String {
    fn guarded(self, secrets: &Secrets) -> Self {
        match secrets.cut(&self) {
            Cow::Owned(cut) => cut,
            Cow::Borrowed(_) => self,
        }
    }
}

impl<T: Guarded, E: Guarded> Guarded for Result<T, E> {
    fn guarded(self, secrets: &Secrets) -> Self {
        match self {
            Ok(value) => Ok(value.guarded(secrets)),
            Err(error) => Err(error.guarded(secrets)),
        }
    }
}

impl Guarded for SubmitError {
    fn guarded(self, secrets: &Secrets) -> Self {
        match self {
            Self::Refused(fault) => Self::Refused(fault.guarded(secrets)),
            Self::Lost(fault) => Self::Lost(fault.guarded(secrets)),
        }
    }
}

impl Guarded for FetchError {
    fn guarded(self, secrets: &Secrets) -> Self {
        match self {
            Self::Later(fault) => Self::Later(fault.guarded(secrets)),
            Self::Gone(fault) => Self::Gone(fault.guarded(secrets)),
        }
    }
}

impl Guarded for Polled {
    fn guarded(mut self, secrets: &Secrets) -> Self {
        match &mut self {
            Self::Running { note, .. } => {
                *note = note.take().map(|note| note.guarded(secrets));
            }
            Self::Rendered { .. } => {}
            Self::Disputed { fault, .. }
            | Self::Doubtful { fault, .. }
            | Self::GivenUp { fault, .. }
            | Self::Failed { fault, .. } => {
                *fault = fault.clone().guarded(secrets);
            }
        }
        self
    }
}

impl Guarded for AccountStatus {
    fn guarded(self, secrets: &Secrets) -> Self {
        Self {
            summary: self.summary.guarded(secrets),
            trouble: self.trouble.map(|fault| fault.guarded(secrets)),
            ..self
        }
    }
}

/// Those have no texts of a provider in them, but for names that it goes on being asked by.
macro_rules! nothing_to_guard {
    ($($kind:ty),+) => {
        $(impl Guarded for $kind {
            fn guarded(self, _: &Secrets) -> Self {
                self
            }
        })+
    };
}

nothing_to_guard!((), CancelOutcome, Download, HookError, Reconciliation, Submitted);

#[cfg(test)]
mod tests;
