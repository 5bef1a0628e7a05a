//! What the text of a failure hints at, where it has to agree with what proves a refusal.
//!
//! A cause is named by all general phrases (`retake_core::signal`). Here only those count that were known when it was
//! settled what proves a refusal: a new phrase must not make a lost create a refused one.

use retake_core::{
    fault::FaultKind,
    signal::table::{self, Entry, Table, Tables},
};

use super::input;

/// What the texts hint at.
pub(crate) fn kind<'a>(texts: impl Iterator<Item = &'a str>) -> Option<FaultKind> {
    let texts: Vec<String> = texts.map(searched).collect();
    let is_said = |entry: &&Entry| texts.iter().any(|text| entry.stands_in(text));
    let is_about_input = || texts.iter().any(|text| input::is_concerned(text));
    let said = settled().find(is_said).map(|entry| entry.kind);
    said.or_else(|| is_about_input().then_some(FaultKind::BadRequest))
}

/// Whether a text in small letters says what is wrong with a value of the request.
pub(crate) fn speaks_of_request(text: &str) -> bool {
    settled().filter(|entry| entry.of_request).any(|entry| entry.stands_in(text))
}

fn settled() -> impl Iterator<Item = &'static Entry> {
    let phrases = Tables::shipped().general().flat_map(Table::phrases);
    phrases.filter(|entry| !entry.verdict_only)
}

/// What is searched of a text: its beginning, in small letters.
pub(crate) fn searched(text: &str) -> String {
    table::searched(text)
}

/// The status of another server that a text names, `bad response status code 401`, where it is one by which that
/// server turned the request away.
pub(crate) fn refusal(text: &str) -> Option<u16> {
    let text = searched(text);
    let number = |rest: &str| {
        let rest = rest.trim_start_matches([' ', ':', '=', '(', '"', '\'', '_']);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits).filter(|_| digits == 3)?.parse::<u16>().ok()
    };
    let after =
        |word| text.match_indices(word).filter_map(|(at, word)| number(&text[at + word.len()..]));
    let told = ["status code", "status", "http", "code"].into_iter().flat_map(after);
    let mut refusals = told.filter(|status| matches!(status, 400..=404 | 413 | 415 | 422));
    refusals.next()
}

#[cfg(test)]
mod tests {
    use retake_core::signal::table::Weight;

    use super::*;

    /// A new phrase is `verdict_only`. A new code that means one thing proves a refusal, so it needs an answer in which it
    /// was seen.
    #[test]
    fn what_is_settled_does_not_grow_unnoticed() {
        let codes = |weight| {
            let all = Tables::shipped().passed_on().flat_map(Table::codes);
            all.filter(|it| it.weight_of_code() == weight).map(|it| it.any.len()).sum::<usize>()
        };

        assert_eq!(settled().map(|entry| entry.any.len()).sum::<usize>(), 126);
        assert_eq!((codes(Weight::Sure), codes(Weight::General)), (96, 35));
    }
}
