//! Secrets, and finding them in whatever form they come back.
//!
//! Providers repeat keys in their answers, and an answer says things in many ways: JSON, percent signs, HTML,
//! base64, one inside the other. So a text is read at every depth, and a secret that shows at any of them is
//! cut out of the text as it came. This is the one place for that: answers go through it before anybody reads
//! them, and so does everything that is made of them and kept or told ([`Guarded`]).

mod decode;

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use retake_core::fault::Fault;
use secrecy::{ExposeSecret, SecretString};

use self::decode::Decoded;
use crate::{
    CancelOutcome, Download, FetchError, HookError, LookUp, Polled, Standing, SubmitError,
    Submitted,
};

/// What stands in the place of a secret.
pub(crate) const SECRET: &str = "[secret]";

/// Secrets shorter than this are not looked for: they would cut ordinary words.
const SHORTEST: usize = 8;

/// What stands at the end of a text that was shortened.
const ELLIPSIS: &str = "…";

/// How often a text is decoded. Nobody encodes a message more often by accident.
const DEPTH: usize = 6;

/// Secrets that nobody may be shown, whoever repeats them.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<Known>>);

struct Known {
    secrets: Vec<SecretString>,
    finder: AhoCorasick,
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
        let mut needles: Vec<Vec<u8>> = parts.iter().copied().flat_map(forms_of).collect();
        needles.sort_unstable();
        needles.dedup();
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles);
        // There are too many only where they would not fit into memory.
        let known = finder.ok().filter(|_| !parts.is_empty()).map(|finder| {
            let secrets = parts.into_iter().map(SecretString::from).collect();
            Arc::new(Known { secrets, finder })
        });
        Self(known)
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

    /// A text without them.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.found(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut cut = String::with_capacity(text.len());
        let mut rest = 0;
        for range in found {
            cut.push_str(
                &text[text.ceil_char_boundary(rest)..text.floor_char_boundary(range.start)],
            );
            cut.push_str(SECRET);
            rest = range.end;
        }
        cut.push_str(&text[text.ceil_char_boundary(rest)..]);
        Cow::Owned(cut)
    }

    /// Bytes without them; nothing when there are none in them.
    pub(crate) fn cut_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let found = self.found(bytes);
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

    /// Whether a text repeats one of them.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        !self.found(text.as_bytes()).is_empty()
    }

    /// Where secrets are, in order and apart from one another.
    fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let Some(known) = &self.0 else { return Vec::new() };
        let mut found: Vec<Range<usize>> =
            known.finder.find_iter(bytes).map(|found| found.range()).collect();
        found.extend(known.beginning_at_the_end(bytes));
        let mut read: Option<Decoded> = None;
        for _ in 0..DEPTH {
            let next = match &read {
                None => Decoded::of(bytes),
                Some(read) => read.again(),
            };
            let Some(next) = next else { break };
            let ranges = known.finder.find_iter(&next.bytes);
            found.extend(ranges.map(|found| next.origin(found.range())));
            read = Some(next);
        }
        merged(found)
    }
}

impl Known {
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
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
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

/// How a secret looks that was encoded as a whole, alone or inside something longer.
fn forms_of(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let bytes = secret.as_bytes();
    let mut forms = vec![bytes.to_vec()];
    // What is decoded looks for what the secret itself decodes to.
    let mut read = Decoded::of(bytes);
    for _ in 0..DEPTH {
        let Some(next) = read else { break };
        forms.push(next.bytes.clone());
        read = next.again();
    }
    forms.push(bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect());
    for before in 0..3 {
        let shifted = [&vec![0; before][..], bytes].concat();
        // The characters that hold nothing but bits of the secret.
        let (from, to) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(from..to).map(|inner| inner.as_bytes().to_vec()));
        }
    }
    forms.into_iter().filter(|form| form.len() >= SHORTEST)
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
            Self::Disputed { fault, .. } | Self::Failed { fault, .. } => {
                *fault = fault.clone().guarded(secrets)
            }
        }
        self
    }
}

impl Guarded for Standing {
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

nothing_to_guard!((), CancelOutcome, Download, HookError, LookUp, Submitted);

#[cfg(test)]
mod tests;
