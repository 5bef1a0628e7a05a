//! Byte ranges of `GET …/content`, as RFC 9110 has them: one range is served, several get the whole.

use std::ops::Range;

/// What a `Range` header asks for of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it, or something that may be answered with all of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Egress,
}

/// Reads a `Range` header against a file of `length` bytes.
pub(super) fn asked(header: Option<&str>, length: u64) -> Asked {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // More digits than fit are more bytes than there are.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let range = match (first.trim(), last.trim()) {
        ("", last) => number(last).map(|count| length.saturating_sub(count)..length),
        (first, "") => number(first).map(|first| first..length),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                Some(first..last.saturating_add(1).min(length))
            }
            _ => None,
        },
    };
    match range {
        None => Asked::Whole,
        Some(range) if range.is_empty() => Asked::Egress,
        Some(range) => Asked::Part(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_clipped_to_the_file() {
        assert_eq!(asked(Some("bytes=0-99"), 1000), Asked::Part(0..100));
        assert_eq!(asked(Some("bytes=900-"), 1000), Asked::Part(900..1000));
        assert_eq!(asked(Some("bytes=-10"), 1000), Asked::Part(990..1000));
        assert_eq!(asked(Some("bytes=0-99999999999999999999"), 1000), Asked::Part(0..1000));
    }

    #[test]
    fn a_range_beyond_the_file_is_outside() {
        assert_eq!(asked(Some("bytes=1000-"), 1000), Asked::Egress);
        assert_eq!(asked(Some("bytes=-0"), 1000), Asked::Egress);
    }

    #[test]
    fn whatever_is_no_single_range_gets_the_whole() {
        for header in
            [None, Some("bytes=1-2,4-5"), Some("lines=1-2"), Some("bytes=9-1"), Some("bytes=a-b")]
        {
            assert_eq!(asked(header, 1000), Asked::Whole, "{header:?}");
        }
    }
}
