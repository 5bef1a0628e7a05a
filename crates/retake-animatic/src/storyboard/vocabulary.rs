//! The word lists of `vocabulary.txt`, and finding their phrases in a text.
//!
//! A hit is a phrase of one section at one position. Longer phrases win over shorter ones that
//! they cover, in any section: "golden retriever" is a dog and says nothing about the hour.

use super::cast::Tint;
use super::terms::Place;
use super::tokens::{self, Token};
use std::collections::BTreeMap;

const TEXT: &str = include_str!("vocabulary.txt");
/// How many words after "no" or "without" are taken back by it.
const NEGATION_REACH: usize = 4;

/// What a phrase stands for.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) tint: Option<Tint>,
    pub(super) home: Option<Place>,
}

/// A phrase found in a text.
#[derive(Clone, Debug)]
pub(super) struct Hit<'v> {
    pub(super) meaning: &'v Meaning,
    /// Index of its first token.
    pub(super) at: usize,
    /// Number of tokens it spans.
    pub(super) len: usize,
    /// Whether the text says that it is *not* so.
    pub(super) negated: bool,
}

impl Hit<'_> {
    pub(super) fn is(&self, section: &str) -> bool {
        self.meaning.section == section
    }
}

#[derive(Debug)]
struct Phrase {
    stems: Vec<String>,
    meaning: usize,
}

/// The parsed word lists.
#[derive(Debug)]
pub(super) struct Vocabulary {
    forms: BTreeMap<String, String>,
    fillers: Vec<String>,
    meanings: Vec<Meaning>,
    /// Phrases by their first stem.
    phrases: BTreeMap<String, Vec<Phrase>>,
}

impl Vocabulary {
    /// The lists this build carries.
    pub(super) fn embedded() -> Self {
        let mut words = Self {
            forms: BTreeMap::new(),
            fillers: Vec::new(),
            meanings: Vec::new(),
            phrases: BTreeMap::new(),
        };
        let mut section = "";
        for line in TEXT.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
            } else if let Some((head, list)) = line.split_once(" : ")
                && !line.starts_with('#')
            {
                words.add(section, head, list);
            }
        }
        words
    }

    fn add(&mut self, section: &'static str, head: &'static str, list: &'static str) {
        let phrases = list.split(',').map(str::trim).filter(|phrase| !phrase.is_empty());
        match section {
            "forms" => {
                // A word listed as its own form is never shortened.
                let head = head.trim();
                let itself = list.split(',').any(|form| form.trim() == head);
                let stem = if itself { head.to_owned() } else { tokens::regular_stem(head) };
                self.forms.extend(phrases.map(|form| (form.to_owned(), stem.clone())));
            }
            "filler" => self.fillers.extend(phrases.map(str::to_owned)),
            _ => {
                let index = self.meanings.len();
                self.meanings.push(meaning(section, head));
                for phrase in phrases {
                    self.add_phrase(phrase, index);
                }
            }
        }
    }

    fn add_phrase(&mut self, phrase: &str, meaning: usize) {
        let stems: Vec<String> = self.tokens(phrase).into_iter().map(|token| token.stem).collect();
        if let Some(first) = stems.first() {
            self.phrases.entry(first.clone()).or_default().push(Phrase { stems, meaning });
        }
    }

    /// The words of a text with their stems.
    pub(super) fn tokens(&self, text: &str) -> Vec<Token> {
        tokens::tokens(text, |word| {
            let bare = word.strip_suffix("'s").unwrap_or(word);
            self.forms.get(bare).cloned().unwrap_or_else(|| tokens::regular_stem(word))
        })
    }

    /// Whether a word says nothing by itself and may stand inside a phrase.
    pub(super) fn is_filler(&self, word: &str) -> bool {
        (word.len() > 4 && word.ends_with("ly")) || self.fillers.iter().any(|filler| filler == word)
    }

    /// Every phrase of every section found in the tokens, in order of position.
    pub(super) fn hits(&self, tokens: &[Token]) -> Vec<Hit<'_>> {
        let mut found: Vec<Hit<'_>> = Vec::new();
        for at in 0..tokens.len() {
            let phrases = self.phrases.get(&tokens[at].stem).map_or(&[][..], Vec::as_slice);
            for phrase in phrases {
                if let Some(len) = self.match_length(&phrase.stems, &tokens[at..]) {
                    let meaning = &self.meanings[phrase.meaning];
                    found.push(Hit { meaning, at, len, negated: false });
                }
            }
        }
        let mut kept = drop_covered(&found);
        mark_negated(&mut kept, tokens);
        kept
    }

    /// How many tokens the phrase takes at the head of `tokens`, fillers included.
    fn match_length(&self, stems: &[String], tokens: &[Token]) -> Option<usize> {
        let mut at = 0;
        let mut skipped = 0;
        for (index, stem) in stems.iter().enumerate() {
            loop {
                let token = tokens.get(at)?;
                if token.stem == *stem {
                    at += 1;
                    break;
                }
                if index == 0 || skipped == 3 || !self.is_filler(&token.word) {
                    return None;
                }
                skipped += 1;
                at += 1;
            }
        }
        Some(at)
    }

    #[cfg(test)]
    pub(super) fn meanings(&self) -> &[Meaning] {
        &self.meanings
    }
}

fn meaning(section: &'static str, head: &'static str) -> Meaning {
    let mut meaning = Meaning { section, name: head.trim(), tint: None, home: None };
    if let Some((name, home)) = meaning.name.split_once('@') {
        let (home, hex) = home.split_once('=').unwrap_or((home, ""));
        meaning.home = Place::named(home.trim());
        meaning.tint = Tint::from_hex(hex.trim());
        meaning.name = name.trim();
    }
    if let Some((name, hex)) = meaning.name.split_once('=') {
        meaning.tint = Tint::from_hex(hex.trim());
        meaning.name = name.trim();
    }
    meaning
}

/// Removes hits that a longer hit covers; of equals within one section the first listed stays.
fn drop_covered<'v>(found: &[Hit<'v>]) -> Vec<Hit<'v>> {
    let ends = |hit: &Hit<'_>| hit.at + hit.len;
    found
        .iter()
        .enumerate()
        .filter(|(index, hit)| {
            !found.iter().enumerate().any(|(other, longer)| {
                let covers = longer.at <= hit.at && ends(longer) >= ends(hit);
                let same_section = longer.is(hit.meaning.section);
                let wins = longer.len > hit.len || (same_section && other < *index);
                covers && wins
            })
        })
        .map(|(_, hit)| hit.clone())
        .collect()
}

/// Words shortly after a "no" or "without", up to the next break or "but", are denied.
fn mark_negated(hits: &mut [Hit<'_>], tokens: &[Token]) {
    let denials: Vec<usize> =
        hits.iter().filter(|hit| hit.is("negation")).map(|hit| hit.at + hit.len).collect();
    for from in denials {
        let open = tokens[from..]
            .iter()
            .take_while(|token| !token.is_break() && token.word != "but" && token.word != "just");
        let mut reach = 0;
        for (index, token) in open.enumerate() {
            let joins = matches!(token.word.as_str(), "or" | "and" | "nor" | "any" | "visible");
            if !joins && index >= NEGATION_REACH {
                break;
            }
            reach = index + 1;
        }
        for hit in hits.iter_mut().filter(|hit| hit.at >= from && hit.at < from + reach) {
            hit.negated = true;
        }
    }
}
