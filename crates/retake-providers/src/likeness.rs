//! How a text in a list compares with the one that was sent.
//!
//! Servers change what they are given before they list it: line ends, spaces and quotation marks, composed letters, the
//! end of a long text, a sentence of their own around it. A render that was paid for is bought again where such a
//! text is taken for another one's, so only letters and digits are compared, and a text that holds the other counts as
//! changed, not as different.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// A text with so many letters is the other one cut short, where that begins with it.
const SHORTEST: usize = 4;
/// A text with so many letters is the other one, wherever that holds it. Shorter ones are held by too many.
const HELD: usize = 12;
/// So many letters at the beginning are enough for a text that was changed further on.
const BEGINNING: usize = 24;

/// How what a list shows of a render compares with what was asked, its date left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// As far as it shows them, they are ours.
    Same,
    /// They are ours as a server shows them that changes what it was given.
    Changed,
    /// It shows none.
    Hidden,
    /// They differ.
    Other,
}

impl Likeness {
    /// How a text that is listed compares with the one that was sent.
    pub(crate) fn compare(sent: &str, listed: &str) -> Self {
        let (sent, listed) = (sent.trim(), listed.trim());
        if sent == listed {
            return Self::Same;
        }
        let (sent, listed) = (letters(sent), letters(listed));
        let (short, long) =
            if sent.len() <= listed.len() { (&sent, &listed) } else { (&listed, &sent) };
        let count = short.chars().count();
        let is_held = (count >= SHORTEST && long.starts_with(&**short))
            || (count >= HELD && long.contains(&**short));
        let begins_alike = || {
            let same = sent.chars().zip(listed.chars()).take_while(|(one, other)| one == other);
            same.count() >= BEGINNING
        };
        if sent == listed || is_held || begins_alike() { Self::Changed } else { Self::Other }
    }
}

/// The letters and digits of a text, small and composed. Where a text has none, it is compared as it is.
fn letters(text: &str) -> String {
    let normal: Cow<'_, str> = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let letters: String =
        normal.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if letters.is_empty() { text.to_owned() } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str =
        "A café by the sea, at dusk:\n\"quiet\" waves and one lamp that swings in the wind";

    #[test]
    fn a_text_that_a_server_changed_is_not_taken_for_another_ones() {
        for listed in [
            "A café by the sea, at dusk:\r\n\"quiet\" waves and one lamp that swings in the wind",
            "A cafe\u{301} by the sea, at dusk: “quiet” waves and one lamp that swings in the wind",
            "  a  CAFÉ by the sea, at dusk:   \"quiet\" waves and one lamp that swings in the wind.",
            "A café by the sea, at dusk:\n\"qui…",
            "A café by",
            "Cinematic. A café by the sea, at dusk:\n\"quiet\" waves and one lamp that swings in the wind. 4k",
            "A café by the sea, at dusk:\n\"quiet\" waves, then rain",
            "Ａ café by the sea, at dusk:\n\"quiet\" waves and one lamp that swings in the wind",
        ] {
            assert_eq!(Likeness::compare(SENT, listed), Likeness::Changed, "{listed}");
        }
        assert_eq!(Likeness::compare(SENT, &format!(" {SENT}\n")), Likeness::Same);
    }

    #[test]
    fn another_text_is_another_one() {
        for (sent, listed) in [
            (SENT, "A car by the sea"),
            (SENT, "a"),
            ("fog", "f"),
            ("fog", "fox"),
            ("…", "!!"),
            (SENT, ""),
        ] {
            assert_eq!(Likeness::compare(sent, listed), Likeness::Other, "{listed}");
        }
        assert_eq!(Likeness::compare("🌊🌊", "🌊🌊 "), Likeness::Same);
    }
}
