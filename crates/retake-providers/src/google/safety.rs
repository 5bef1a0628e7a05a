//! Google's safety filters: the support codes that they leave in an answer.
//!
//! A filter says no in a sentence with a number at its end. The number is the only part of it that is documented
//! ("Responsible AI for Veo", 2026-11-21), so it decides, and it stays with the fault as its code. The numbers stand in
//! the table of signals; what is said of each to people stands here.

use retake_core::signal::table::{Table, Tables};

/// What a filter saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Child,
    Celebrity,
    Video,
    Dangerous,
    Hate,
    Other,
    Prohibited,
    ThirdParty,
    Sexual,
    Toxic,
    Violence,
    Vulgar,
    PersonalData,
    Person,
}

/// What the ids of the table's entries for filters begin with.
const FILTER: &str = "google.filter";

/// The numbers that are known, the worst first, and what their filters saw.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Category)> {
    let entries = Tables::shipped().own("google").into_iter().flat_map(Table::codes);
    let filters = entries.filter_map(|entry| {
        let name = entry.id.strip_prefix(FILTER)?.strip_prefix('.')?;
        Some((entry, Category::named(name)?))
    });
    filters.flat_map(|(entry, category)| entry.any.iter().map(move |it| (it.as_str(), category)))
}

/// A number in a text that names a filter: the worst of those that are known, else one that is said to be a
/// support code.
pub(super) fn code(text: &str) -> Option<(&str, Option<Category>)> {
    let numbers = || text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 8);
    let worst = all().find_map(|(known, category)| {
        numbers().find(|digits| *digits == known).map(|digits| (digits, Some(category)))
    });
    let is_said = text.to_ascii_lowercase().contains("support code");
    worst.or_else(|| numbers().next().filter(|_| is_said).map(|digits| (digits, None)))
}

/// What to do next, for people.
pub(super) fn advice(code: Option<(&str, Option<Category>)>, text: &str) -> String {
    let Some((number, category)) = code else {
        let is_sound = text.to_ascii_lowercase().contains("audio");
        let next = if is_sound {
            "the sound was refused; another try with `audio` off may pass"
        } else {
            "change the prompt or the picture before another try"
        };
        return next.to_owned();
    };
    let Some(category) = category else {
        return format!("support code {number}; change the prompt or the picture");
    };
    let (what, next) = category.said();
    format!("support code {number}, {what}; {next}")
}

impl Category {
    /// The category that the table calls so.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "child" => Self::Child,
            "celebrity" => Self::Celebrity,
            "video" => Self::Video,
            "dangerous" => Self::Dangerous,
            "hate" => Self::Hate,
            "other" => Self::Other,
            "prohibited" => Self::Prohibited,
            "third_party" => Self::ThirdParty,
            "sexual" => Self::Sexual,
            "toxic" => Self::Toxic,
            "violence" => Self::Violence,
            "vulgar" => Self::Vulgar,
            "personal_data" => Self::PersonalData,
            "person" => Self::Person,
            _ => return None,
        })
    }

    /// Its name, and what to do next.
    fn said(self) -> (&'static str, &'static str) {
        const NEVER: &str = "this must not be tried again";
        const CHANGE: &str = "change the prompt or the picture before another try";
        const ONCE: &str = "this filter is often wrong: one more try with another seed may pass";
        match self {
            Self::Child => ("child", NEVER),
            Self::Prohibited => ("prohibited content", NEVER),
            Self::Celebrity => ("celebrity", ONCE),
            Self::Other => ("other", ONCE),
            Self::Video => ("video safety", CHANGE),
            Self::Dangerous => ("dangerous content", CHANGE),
            Self::Hate => ("hate", CHANGE),
            Self::ThirdParty => ("third-party content", CHANGE),
            Self::Sexual => ("sexual", CHANGE),
            Self::Toxic => ("toxic", CHANGE),
            Self::Violence => ("violence", CHANGE),
            Self::Vulgar => ("vulgar", CHANGE),
            Self::PersonalData => ("personal data", CHANGE),
            Self::Person => ("person or face", CHANGE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_codes_counts() {
        let text = "Support codes: 42237218, 17301594";

        assert_eq!(code(text), Some(("17301594", Some(Category::Child))));
    }

    #[test]
    fn a_number_counts_when_it_is_known_or_said_to_be_a_code() {
        assert_eq!(code("Support codes: 11111111"), Some(("11111111", None)));
        assert_eq!(code("the file has 11111111 bytes"), None);
        assert_eq!(
            code("17301594: Celebrity").map(|(_, category)| category),
            Some(Some(Category::Child))
        );
    }

    #[test]
    fn child_and_prohibited_say_that_there_is_no_second_try() {
        assert_eq!(all().count(), 27);
        for (number, category) in all() {
            let never = matches!(category, Category::Child | Category::Prohibited);
            let said = advice(Some((number, Some(category))), "");

            assert_eq!(said.contains("must not be tried again"), never, "{said}");
        }
    }

    #[test]
    fn a_refused_sound_names_the_way_out() {
        assert!(advice(None, "We encountered an issue with the audio").contains("`audio` off"));
    }
}
