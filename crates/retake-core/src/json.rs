//! How much JSON is read: the size of a tree is known before it is built.
//!
//! A tree takes far more memory than its text: a member of four bytes becomes some hundred. So the text is
//! measured first, in one pass that allocates nothing, and what is beyond the limits is never parsed.

use std::ops::Range;

/// What a JSON text may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Values, names of members counted too.
    pub nodes: usize,
    /// Lists and objects within each other.
    pub depth: usize,
    /// Bytes, not counting the longest string.
    pub bytes: usize,
}

impl JsonLimits {
    /// For requests and callbacks, whose bodies are written by hand or by a client.
    pub const REQUEST: Self = Self { nodes: 8 << 10, depth: 32, bytes: 256 << 10 };
    /// For providers' answers: lists of renders are among them.
    pub const ANSWER: Self = Self { nodes: 64 << 10, depth: 64, bytes: 4 << 20 };
}

/// What a JSON text has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonSize {
    /// No fewer values than a parser makes of it, names of members counted too.
    pub nodes: usize,
    /// Lists and objects within each other.
    pub depth: usize,
    /// Where the longest string is, without its quotes.
    pub longest: Range<usize>,
}

/// A JSON text that is not parsed because it has too much of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExcessiveJson {
    /// Too many values.
    #[error("it has more than {0} values and names")]
    Nodes(usize),
    /// Too deeply nested.
    #[error("it is nested more than {0} levels deep")]
    Depth(usize),
    /// Too long.
    #[error("it has more than {0} bytes besides its longest text")]
    Bytes(usize),
}

/// Measures a JSON text. What is no JSON is measured as far as a parser could read it; parsing it fails later.
///
/// # Errors
///
/// [`ExcessiveJson`] as soon as a limit is passed.
pub fn measure(text: &[u8], limits: JsonLimits) -> Result<JsonSize, ExcessiveJson> {
    // The value as a whole; every other one follows a bracket, a comma or a colon.
    let mut size = JsonSize { nodes: 1, ..JsonSize::default() };
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let end = end_of_string(text, at);
                if end - at > size.longest.len() {
                    size.longest = at..end;
                }
                at = end + 1;
            }
            b'{' | b'[' => {
                depth += 1;
                size.nodes += 1;
                size.depth = size.depth.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' => size.nodes += 1,
            _ => {}
        }
        if size.nodes > limits.nodes {
            return Err(ExcessiveJson::Nodes(limits.nodes));
        }
        if size.depth > limits.depth {
            return Err(ExcessiveJson::Depth(limits.depth));
        }
    }
    if text.len() - size.longest.len() > limits.bytes {
        return Err(ExcessiveJson::Bytes(limits.bytes));
    }
    Ok(size)
}

/// The place of the quote that ends a string, or the end of the text.
fn end_of_string(text: &[u8], begin: usize) -> usize {
    let mut at = begin;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const LIMITS: JsonLimits = JsonLimits { nodes: 6, depth: 2, bytes: 30 };

    fn nodes(value: &Value) -> usize {
        match value {
            Value::Array(list) => 1 + list.iter().map(nodes).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(|it| 1 + nodes(it)).sum::<usize>(),
            _ => 1,
        }
    }

    #[test]
    fn too_many_values_too_deep_and_too_long_are_each_told() {
        let measured = |text: &str| measure(text.as_bytes(), LIMITS);

        assert!(measured(r#"{"a":[1,2]}"#).is_ok());
        assert_eq!(measured("[1,2,3,4,5,6]"), Err(ExcessiveJson::Nodes(6)));
        assert_eq!(measured("[[[1]]]"), Err(ExcessiveJson::Depth(2)));
        assert_eq!(measured(&" ".repeat(31)), Err(ExcessiveJson::Bytes(30)));
    }

    #[test]
    fn the_longest_text_is_found_and_does_not_count() {
        let text = format!(r#"{{"a":"b","c":"{}\"{{["}}"#, "x".repeat(100));

        let size = measure(text.as_bytes(), LIMITS).unwrap();

        assert_eq!(&text[size.longest.clone()], format!("{}\\\"{{[", "x".repeat(100)));
        assert_eq!(size.depth, 1, "what looks like structure within a text is none");
    }

    proptest! {
        /// What a parser would make of a text is never more than was counted.
        #[test]
        fn no_text_makes_more_values_than_were_counted(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "1", "a", " ", "\"a\":", "{\"b\":[", "]}", "null,"]),
                0..60,
            )
        ) {
            let text = pieces.concat();
            let limits = JsonLimits { nodes: usize::MAX, depth: usize::MAX, bytes: usize::MAX };
            let size = measure(text.as_bytes(), limits).unwrap();
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert!(nodes(&value) <= size.nodes, "{text}");
            }
        }

        #[test]
        fn every_value_that_is_written_down_is_counted(
            lists in prop::collection::vec(prop::collection::vec("[\\[{\",:\\\\]{0,5}", 0..5), 0..5)
        ) {
            let value = serde_json::json!({ "a": lists });
            let limits = JsonLimits { nodes: usize::MAX, depth: usize::MAX, bytes: usize::MAX };
            let size = measure(value.to_string().as_bytes(), limits).unwrap();
            prop_assert!(nodes(&value) <= size.nodes);
        }
    }
}
