//! The words of a caption: cleaned of what cannot be set, broken into lines that balance.

/// Text that can be set: no control characters, no emoji, single spaces, a capital at its head. What the fonts
/// have no glyphs for is left out, so that nothing is set as an empty box; text in a script that they do
/// not know becomes nothing.
pub(crate) fn cleaned(text: &str, mut can_set: impl FnMut(char) -> bool) -> String {
    let plain: String = text
        .chars()
        .map(|letter| if letter.is_whitespace() || letter == '\u{00A0}' { ' ' } else { letter })
        .filter(|letter| *letter == ' ' || can_set(*letter))
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let joined = words.join(" ");
    if joined.chars().filter(|letter| letter.is_alphabetic()).count() < 2 {
        return String::new();
    }
    let mut letters = joined.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// At most two lines of about equal width; what does not fit ends in an ellipsis.
pub(super) fn balanced(text: &str, room: f32, mut width: impl FnMut(&str) -> f32) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).take(80).collect();
    if words.is_empty() {
        return Vec::new();
    }
    if width(&words.join(" ")) <= room {
        return vec![words.join(" ")];
    }
    let whole = words.len() == text.split(' ').filter(|word| !word.is_empty()).count();
    for kept in (1..=words.len()).rev() {
        let cut = kept < words.len() || !whole;
        let shown = words.get(..kept).unwrap_or(&[]);
        if let Some(lines) = halves(shown, cut, room, &mut width) {
            return lines;
        }
    }
    Vec::new()
}

/// The most balanced break at which both lines fit.
fn halves(
    words: &[&str],
    cut: bool,
    room: f32,
    width: &mut impl FnMut(&str) -> f32,
) -> Option<Vec<String>> {
    let end = |line: String| {
        if cut {
            format!("{}…", line.trim_end_matches([',', '.', ':', '-', '–', ' ']))
        } else {
            line
        }
    };
    // Widths of single words are enough to look for the break; the chosen lines are measured.
    let widths: Vec<f32> = words.iter().map(|word| width(word)).collect();
    let space = room * 0.008;
    let total: f32 = widths.iter().map(|word| word + space).sum();
    if total > room * 2.1 {
        return None;
    }
    if words.len() == 1 {
        let line = end(words.concat());
        return (width(&line) <= room).then(|| vec![line]);
    }
    let mut before = 0.0;
    let mut best: Option<(f32, usize)> = None;
    for (at, word) in widths.iter().enumerate().take(words.len() - 1) {
        before += word + space;
        let lean = (before - (total - before)).abs();
        // A lower line that is longer sits better under a picture.
        let lean = if before > total - before { lean * 1.15 } else { lean };
        if best.is_none_or(|(known, _)| lean < known) {
            best = Some((lean, at + 1));
        }
    }
    let (_, at) = best?;
    let (upper, lower) = words.split_at(at);
    let lines = vec![upper.join(" "), end(lower.join(" "))];
    lines.iter().all(|line| width(line) <= room).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monospaced(text: &str) -> f32 {
        text.chars().map(|_| 1.0).sum()
    }

    #[test]
    fn a_short_caption_is_one_line() {
        assert_eq!(balanced("A dog runs", 20.0, monospaced), ["A dog runs"]);
    }

    #[test]
    fn a_long_caption_breaks_in_balance() {
        let lines = balanced("A golden retriever runs through a meadow", 30.0, monospaced);

        assert_eq!(lines, ["A golden retriever", "runs through a meadow"]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis_after_a_whole_word() {
        let text = "one two three four five six seven eight nine ten eleven twelve";
        let lines = balanced(text, 16.0, monospaced);

        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'));
        assert!(lines.iter().all(|line| monospaced(line) <= 16.0));
    }

    #[test]
    fn one_endless_word_is_left_out() {
        assert!(balanced(&"x".repeat(500), 40.0, monospaced).is_empty());
    }

    #[test]
    fn what_cannot_be_set_is_removed_and_the_rest_stays() {
        let ascii = |text: &str| cleaned(text, |letter| letter.is_ascii_graphic());

        assert_eq!(ascii("a dog 🐕 runs\u{7}\n fast"), "A dog runs fast");
        assert_eq!(ascii("🐕🐕"), "");
    }
}
