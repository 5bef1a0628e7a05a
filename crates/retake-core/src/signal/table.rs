//! What codes and phrases stand for: the tables that ship with this version.
//!
//! `general.toml` holds the phrases of all providers and the codes of relays; every vendor has a file of its own, which is
//! asked first. A table is data, read once and never changed. Codes are compared in small letters: the whole of one, else
//! its longest known beginning that is marked with a `*`, or that ends at a dot where the vendor's codes have parts.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{SignedDuration, civil::Date};
use serde::Deserialize;

use super::{CodeSignal, Place, Signals};
use crate::fault::FaultKind;

/// No more than this is searched of a text, in characters.
const SEARCHED: usize = 4000;

/// The table of all providers.
pub const GENERAL: &str = "general";

/// The files that ship with this version.
const SHIPPED: [(&str, &str); 10] = [
    (GENERAL, include_str!("general.toml")),
    ("openai", include_str!("openai.toml")),
    ("ark", include_str!("ark.toml")),
    ("dashscope", include_str!("dashscope.toml")),
    ("google", include_str!("google.toml")),
    ("runway", include_str!("runway.toml")),
    ("luma", include_str!("luma.toml")),
    ("luma-agents", include_str!("luma-agents.toml")),
    ("fal", include_str!("fal.toml")),
    ("replicate", include_str!("replicate.toml")),
];

/// Those whose codes relays pass on.
const PASSED_ON: [&str; 4] = [GENERAL, "openai", "ark", "dashscope"];

/// All tables.
#[derive(Debug)]
pub struct Tables {
    tables: BTreeMap<&'static str, Table>,
}

/// One file.
#[derive(Debug)]
pub struct Table {
    name: &'static str,
    file: File,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whether codes have parts, so that what stands before a dot stands for the rest.
    #[serde(default)]
    dotted_codes: bool,
    #[serde(default)]
    code: Vec<Entry>,
    #[serde(default)]
    phrase: Vec<Entry>,
    #[serde(default)]
    status: Vec<StatusEntry>,
}

/// What codes, or phrases, of one meaning stand for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, which evidence is kept under.
    pub id: String,
    /// What it stands for.
    pub kind: FaultKind,
    /// The codes or phrases, in small letters. A `*` at the end of a code stands for the rest of it.
    #[serde(default)]
    pub any: Vec<String>,
    /// How much it says: by default a code is sure, a phrase firm.
    #[serde(default)]
    pub weight: Option<Weight>,
    /// Where a code has to stand; nothing for anywhere in the answer.
    #[serde(default)]
    pub at: Option<Place>,
    /// The statuses under which it counts, 0 for a failed render; nothing for all.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// The codes of which one has to stand beside it, `""` for no code at all; nothing for any.
    #[serde(default)]
    pub beside: Vec<String>,
    /// The codes beside which it does not count.
    #[serde(default)]
    pub unless_beside: Vec<String>,
    /// It does not count where the answer asks for a pause that is no longer than this.
    #[serde(default)]
    pub unless_pause_within: Option<SignedDuration>,
    /// Whether an adapter's reader finds it, and no phrase.
    #[serde(default)]
    pub by_reader: bool,
    /// Whether it names what is wrong with a value of the request, which agrees with a number that says so.
    #[serde(default)]
    pub of_request: bool,
    /// Whether it stands for a cause and is left out where a create has to be proved refused: what proves that is not
    /// widened by new phrases.
    #[serde(default)]
    pub verdict_only: bool,
    /// Where it was seen.
    pub source: String,
    /// The day it was checked.
    pub checked: Date,
}

/// What a vendor means by a status, where nothing says more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusEntry {
    /// The statuses.
    pub statuses: Vec<u16>,
    /// What they stand for.
    pub kind: FaultKind,
    /// Where that is said.
    pub source: String,
    /// The day it was checked.
    pub checked: Date,
}

/// How much an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It means one thing, whatever the texts say.
    Sure,
    /// It means one thing, where the vendor's own phrases say nothing else.
    Firm,
    /// It says little, and counts where the general phrases say nothing.
    General,
}

impl Tables {
    /// The tables that ship with this version.
    pub fn shipped() -> &'static Self {
        static SHIPPED_TABLES: LazyLock<Tables> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "a test reads every file that ships")]
            Tables::read().expect("the tables of signals can be read")
        });
        &SHIPPED_TABLES
    }

    fn read() -> Result<Self, toml::de::Error> {
        let read = |(name, text): (&'static str, &str)| {
            Ok((name, Table { name, file: toml::from_str(text)? }))
        };
        Ok(Self { tables: SHIPPED.into_iter().map(read).collect::<Result<_, toml::de::Error>>()? })
    }

    /// The vendor's own table, if there is one.
    pub fn own(&self, vendor: &str) -> Option<&Table> {
        self.tables.get(vendor)
    }

    /// The general table.
    pub fn general(&self) -> impl Iterator<Item = &Table> {
        self.tables.get(GENERAL).into_iter()
    }

    /// The tables of phrases for a vendor, its own first.
    pub fn of_vendor(&self, vendor: &str) -> impl Iterator<Item = &Table> {
        self.own(vendor).into_iter().chain(self.general())
    }

    /// The tables whose codes relays pass on.
    pub fn passed_on(&self) -> impl Iterator<Item = &Table> {
        PASSED_ON.iter().filter_map(|name| self.tables.get(name))
    }

    /// What a code means that may be anybody's, with how much it says.
    pub fn kind_of_code(&self, code: &str, weight: Weight) -> Option<FaultKind> {
        let signal = CodeSignal { code: code.to_owned(), place: Place::Code };
        let entry = self.passed_on().find_map(|table| table.code(&signal, weight));
        entry.map(|entry| entry.kind)
    }

    /// Whether a code is listed as it is, and not only its beginning.
    pub fn lists_code(&self, code: &str, weight: Weight) -> bool {
        let code = lower(code);
        let mut entries = self.passed_on().flat_map(Table::codes);
        entries.any(|it| it.weight_of_code() == weight && it.any.contains(&code))
    }
}

impl Table {
    /// Its name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The entries for codes, in the order of the file.
    pub fn codes(&self) -> impl Iterator<Item = &Entry> {
        self.file.code.iter()
    }

    /// The entries for phrases, in the order of the file.
    pub fn phrases(&self) -> impl Iterator<Item = &Entry> {
        self.file.phrase.iter()
    }

    /// The ids of the phrases in a text in small letters.
    pub fn phrases_in(&self, text: &str) -> impl Iterator<Item = &str> {
        self.phrases().filter(|entry| entry.stands_in(text)).map(|entry| &*entry.id)
    }

    /// The entry of that weight with the longest known part of a code.
    pub fn code(&self, signal: &CodeSignal, weight: Weight) -> Option<&Entry> {
        let code = lower(&signal.code);
        let fitting = self.codes().filter(|entry| {
            entry.weight_of_code() == weight && entry.at.is_none_or(|at| at == signal.place)
        });
        let known = fitting
            .filter_map(|entry| Some((entry.known_part(&code, self.file.dotted_codes)?, entry)));
        known.max_by_key(|(length, _)| *length).map(|(_, entry)| entry)
    }

    /// Whether a code is listed as it is, or as the beginning of others.
    pub fn lists_code(&self, code: &str) -> bool {
        let code = lower(code);
        self.codes().flat_map(|entry| &entry.any).any(|it| it.trim_end_matches('*') == code)
    }

    /// What the vendor means by a status.
    pub fn status(&self, status: u16) -> Option<FaultKind> {
        let entry = self.file.status.iter().find(|entry| entry.statuses.contains(&status));
        entry.map(|entry| entry.kind)
    }
}

impl Entry {
    /// How much it says of a code.
    pub fn weight_of_code(&self) -> Weight {
        self.weight.unwrap_or(Weight::Sure)
    }

    /// How much it says as a phrase.
    pub fn weight_of_phrase(&self) -> Weight {
        self.weight.unwrap_or(Weight::Firm)
    }

    /// Whether one of its phrases stands in a text in small letters.
    pub fn stands_in(&self, text: &str) -> bool {
        self.any.iter().any(|phrase| text.contains(phrase))
    }

    /// Whether it counts beside the other signals.
    pub fn counts(&self, signals: &Signals) -> bool {
        let is_there = |code: &String| {
            signals.codes.iter().any(|it| lower(&it.code) == *code)
                || (code.is_empty() && !signals.codes.iter().any(|it| it.place == Place::Code))
        };
        let is_short = |within| signals.retry_after.is_some_and(|pause| pause <= within);
        (self.statuses.is_empty() || self.statuses.contains(&signals.status.unwrap_or(0)))
            && (self.beside.is_empty() || self.beside.iter().any(is_there))
            && !self.unless_beside.iter().any(is_there)
            && !self.unless_pause_within.is_some_and(is_short)
    }

    /// How long the longest part of a code is that is known.
    fn known_part(&self, code: &str, is_dotted: bool) -> Option<usize> {
        let length = |known: &String| {
            if let Some(start) = known.strip_suffix('*') {
                return code.starts_with(start).then_some(start.len());
            }
            let rest = code.strip_prefix(known.as_str())?;
            (rest.is_empty() || (is_dotted && rest.starts_with('.'))).then_some(known.len())
        };
        self.any.iter().filter_map(length).max()
    }
}

/// What is searched of a text: its beginning, in small letters.
pub fn searched(text: &str) -> String {
    text.chars().take(SEARCHED).collect::<String>().to_lowercase()
}

fn lower(code: &str) -> String {
    code.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = (&'static Table, &'static Entry)> {
        let tables = Tables::shipped().tables.values();
        tables.flat_map(|table| table.codes().chain(table.phrases()).map(move |it| (table, it)))
    }

    #[test]
    fn every_file_that_ships_can_be_read() {
        let tables = Tables::read().unwrap();

        assert_eq!(tables.tables.len(), SHIPPED.len());
    }

    #[test]
    fn an_id_stands_for_one_entry_of_all_tables_and_names_its_source() {
        let mut ids = BTreeSet::new();
        for (table, entry) in all() {
            assert!(ids.insert(&entry.id), "{}: {} stands twice", table.name, entry.id);
            assert!(!entry.source.trim().is_empty(), "{} names no source", entry.id);
            let is_plain = |b: u8| b.is_ascii_lowercase() || b == b'_' || b == b'.';
            assert!(entry.id.bytes().all(is_plain), "{}", entry.id);
            assert!(entry.by_reader || !entry.any.is_empty(), "{} is empty", entry.id);
        }
    }

    #[test]
    fn phrases_are_in_small_letters_and_stand_once_in_a_table() {
        for table in Tables::shipped().tables.values() {
            let mut seen = BTreeSet::new();
            for (entry, phrase) in
                table.phrases().flat_map(|it| it.any.iter().map(move |p| (it, p)))
            {
                assert_eq!(*phrase, phrase.to_lowercase(), "{}", entry.id);
                assert!(phrase.trim().len() >= 2, "{}: {phrase:?} is anywhere", entry.id);
                // The same words may mean another thing under another condition.
                let place = (phrase, &entry.beside, &entry.statuses, entry.unless_pause_within);
                assert!(seen.insert(place), "{}: {phrase:?} stands twice", table.name);
                let signals = Signals::new(table.name, super::super::Stage::Poll).with_text(phrase);
                let is_found = signals.phrases.iter().any(|it| it.id == entry.id);
                assert!(is_found, "{} is not found by {phrase:?}", entry.id);
            }
        }
    }

    #[test]
    fn codes_are_in_small_letters_and_stand_once_where_they_are_passed_on() {
        let mut seen = BTreeSet::new();
        for table in Tables::shipped().tables.values() {
            for (entry, code) in table.codes().flat_map(|it| it.any.iter().map(move |c| (it, c))) {
                assert_eq!(*code, lower(code), "{}", entry.id);
                let whose = if PASSED_ON.contains(&table.name) { GENERAL } else { table.name };
                let place = entry.at.map(|at| format!("{at:?}"));
                assert!(seen.insert((whose, code, place)), "{}: {code} stands twice", entry.id);
            }
        }
    }

    #[test]
    fn of_a_dotted_code_the_longest_known_beginning_counts() {
        let kind = |code| Tables::shipped().kind_of_code(code, Weight::Sure);

        assert_eq!(kind("Throttling.RateQuota"), Some(FaultKind::Overloaded));
        assert_eq!(kind("Throttling.AllocationQuota"), Some(FaultKind::Quota));
        assert_eq!(kind("Throttled"), None);
        assert!(Tables::shipped().lists_code("throttling", Weight::Sure));
        assert!(!Tables::shipped().lists_code("Throttling.RateQuota", Weight::Sure));
    }
}
