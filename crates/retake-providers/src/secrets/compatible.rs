//! Characters that readers take for a letter or digit although they are others: full-width ones, those of mathematics,
//! in circles, raised and lowered, and the invisible ones that once were tags. Most of it is what Unicode calls
//! compatible (NFKC), as far as the characters of keys go.

/// The letters of mathematics that had a place of their own before.
const LETTERLIKE: [(char, u8); 27] = [
    ('ℂ', b'C'),
    ('ℊ', b'g'),
    ('ℋ', b'H'),
    ('ℌ', b'H'),
    ('ℍ', b'H'),
    ('ℎ', b'h'),
    ('ℐ', b'I'),
    ('ℑ', b'I'),
    ('ℒ', b'L'),
    ('ℓ', b'l'),
    ('ℕ', b'N'),
    ('ℙ', b'P'),
    ('ℚ', b'Q'),
    ('ℛ', b'R'),
    ('ℜ', b'R'),
    ('ℝ', b'R'),
    ('ℤ', b'Z'),
    ('ℨ', b'Z'),
    ('\u{212a}', b'K'),
    ('ℬ', b'B'),
    ('ℭ', b'C'),
    ('ℯ', b'e'),
    ('ℰ', b'E'),
    ('ℱ', b'F'),
    ('ℳ', b'M'),
    ('ℴ', b'o'),
    ('ſ', b's'),
];

/// The character of keys that another one is taken for.
pub(super) fn ascii(character: char) -> Option<u8> {
    let code = u32::from(character);
    let from = |first: u32, of: u8| u8::try_from(code - first).ok().map(|it| of + it);
    let letter = |place: u32| {
        let place = u8::try_from(place % 52).ok()?;
        Some(if place < 26 { b'A' + place } else { b'a' + place - 26 })
    };
    let digit = |place: u32| u8::try_from(place % 10).ok().map(|it| b'0' + it);
    match code {
        0xff01..=0xff5e => from(0xff01, b'!'),
        0xe0020..=0xe007e => from(0xe0020, b' '),
        0x1d400..=0x1d6a3 => letter(code - 0x1d400),
        0x1d7ce..=0x1d7ff => digit(code - 0x1d7ce),
        0x1fbf0..=0x1fbf9 => digit(code - 0x1fbf0),
        0x24b6..=0x24e9 => letter(code - 0x24b6),
        0x249c..=0x24b5 => from(0x249c, b'a'),
        0x1f110..=0x1f129 => from(0x1f110, b'A'),
        0x1f130..=0x1f149 => from(0x1f130, b'A'),
        0x1f150..=0x1f169 => from(0x1f150, b'A'),
        0x1f170..=0x1f189 => from(0x1f170, b'A'),
        0x1f1e6..=0x1f1ff => from(0x1f1e6, b'A'),
        0x2460..=0x2468 => from(0x2460, b'1'),
        0x2474..=0x247c => from(0x2474, b'1'),
        0x2488..=0x2490 => from(0x2488, b'1'),
        0x24ea | 0x2070 => Some(b'0'),
        0xb9 => Some(b'1'),
        0xb2..=0xb3 => from(0xb2, b'2'),
        0x2074..=0x2079 => from(0x2074, b'4'),
        0x2080..=0x2089 => from(0x2080, b'0'),
        0x17f | 0x2102..=0x2134 => {
            LETTERLIKE.iter().find(|(it, _)| *it == character).map(|(_, ascii)| *ascii)
        }
        _ => None,
    }
}

/// Such a character at the beginning of a text, and its length.
pub(super) fn compatible(text: &[u8]) -> Option<(Option<u8>, usize)> {
    let length = match text.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let character = str::from_utf8(text.get(..length)?).ok()?.chars().next()?;
    Some((Some(ascii(character)?), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_letter_is_the_one_that_it_looks_like() {
        for text in ["ｓｋ-９", "𝓈𝓀-9", "𝐬𝐤-𝟗", "𝕤𝕜-𝟡", "ⓢⓚ-⑨", "ｓ𝔨－⁹", "⒮⒦-₉", "ſK-９"]
        {
            let plain: String = text.chars().map(|it| ascii(it).map_or(it, char::from)).collect();
            assert_eq!(plain.to_lowercase(), "sk-9", "{text}");
        }
        for holes in ["ℯℊℴ", "𝒟ℰℱ", "ℎ", "ℤℝ"] {
            assert!(holes.chars().all(|it| ascii(it).is_some()), "{holes}");
        }
        for other in ["é", "，".trim_matches('，'), "жизнь", "日本", "…", "k"] {
            assert!(other.chars().all(|it| ascii(it).is_none()), "{other}");
        }
    }

    #[test]
    fn it_is_found_at_the_beginning_of_bytes_and_half_of_one_is_none() {
        assert_eq!(compatible("ｋ1".as_bytes()), Some((Some(b'k'), 3)));
        assert_eq!(compatible(&"ｋ".as_bytes()[..2]), None);
        assert_eq!(compatible(b"\xff\xff\xff\xff"), None);
        assert_eq!(compatible(b""), None);
    }
}
