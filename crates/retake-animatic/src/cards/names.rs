//! Finds the names of characters in the words of a shot.

/// The characters that a text names, each once, in the order of their first mention.
pub(super) fn named(text: &str, names: &[&str]) -> Vec<usize> {
    let text = plain(text);
    let mut mentions: Vec<(usize, usize, usize)> = Vec::new();
    for (character, name) in names.iter().enumerate() {
        let name = plain(name);
        if name.is_empty() {
            continue;
        }
        let found =
            text.match_indices(&name).filter(|(at, _)| stands_alone(&text, *at, name.len()));
        mentions.extend(found.map(|(at, _)| (at, name.len(), character)));
    }
    // "Anna Bell" is not also Anna; of two with one name the first is meant.
    mentions.sort_by_key(|&(at, len, character)| (at, usize::MAX - len, character));
    let (mut end, mut order) = (0, Vec::new());
    for (at, len, character) in mentions {
        if at >= end {
            end = at + len;
            if !order.contains(&character) {
                order.push(character);
            }
        }
    }
    order
}

/// Lower case, single spaces, straight apostrophes.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase().replace('’', "'")
}

fn stands_alone(text: &str, at: usize, len: usize) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    let after = text.get(at + len..).and_then(|tail| tail.chars().next());
    !before.is_some_and(inside) && !after.is_some_and(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words_in_any_case() {
        let names = ["Mossy", "Captain Bolt", "Zoë"];

        assert_eq!(named("mossy's house, seen by CAPTAIN  bolt", &names), [0, 1]);
        assert_eq!(named("@ZOË waves at Mossy and Zoë", &names), [2, 0]);
        assert_eq!(named("Mossyland, a bolt, zoëtrope", &names), [0; 0]);
    }

    #[test]
    fn the_longer_of_two_names_is_meant() {
        let names = ["Anna", "Anna Bell", "Anna"];

        assert_eq!(named("Anna Bell dances", &names), [1]);
        assert_eq!(named("Anna Bell and Anna dance", &names), [1, 0]);
    }

    #[test]
    fn an_empty_name_names_nobody() {
        assert_eq!(named("anything", &["", "  "]), [0; 0]);
    }
}
