//! The codes that providers, and the relays before them, give a failure, as the tables of signals have them.
//!
//! Codes are compared in lower case; of a dotted one the longest known beginning counts.

use retake_core::{
    fault::FaultKind,
    signal::table::{Tables, Weight},
};

/// What a code means that means one thing: the whole of it, or the longest beginning that ends at a dot.
pub(crate) fn sure(code: &str) -> Option<FaultKind> {
    Tables::shipped().kind_of_code(code, Weight::Sure)
}

/// What a code means that says little, and counts when the texts say nothing.
pub(crate) fn general(code: &str) -> Option<FaultKind> {
    Tables::shipped().kind_of_code(code, Weight::General)
}

/// Whether a code that means one thing is known as it is, and not only by its beginning.
pub(crate) fn is_listed(code: &str) -> bool {
    Tables::shipped().lists_code(code, Weight::Sure)
}

/// The words of a text that can be codes: no word of a language has a `_` or a dot inside, or capitals beside small
/// letters in its middle.
pub(crate) fn in_text(text: &str) -> impl Iterator<Item = String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let words = text.split(move |c| !is_part(c)).map(|word| word.trim_matches('.'));
    let can_be = |word: &&str| {
        word.len() > 3
            && (word.contains(['_', '.']) || word[1..].contains(|c: char| c.is_ascii_uppercase()))
    };
    words.filter(can_be).take(64).map(str::to_owned)
}
