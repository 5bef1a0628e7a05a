//! Evidence: exchanges with a provider as they are kept with the attempt, with every secret taken out.
//!
//! A diagnosis is worth what it can show. So what was sent and what came back is kept: the request line, the
//! status, the provider's own name for the exchange, and the first kilobytes of both bodies. Whoever makes
//! an [`Exchange`] has taken the secrets out before: nothing here can tell a key from a word.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One call to a provider and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Exchange {
    /// When the call was begun.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = "date-time"))]
    pub at: Timestamp,
    /// How long it took until the answer was read, or was given up, in milliseconds.
    pub took_ms: u64,
    /// The method: `POST`.
    pub method: String,
    /// Where it went, without the values of a query.
    pub url: String,
    /// The beginning of what was sent, without files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The status of the answer; nothing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's name for this exchange, which its support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Headers of the answer that tell something: limits, pauses, error types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The beginning of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The longest part of a body that is kept, in bytes.
pub const LONGEST_EXCERPT: usize = 4096;

/// The beginning of a text, cut where a character ends, and marked when something was left out.
pub fn excerpt(text: &str) -> String {
    if text.len() <= LONGEST_EXCERPT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST_EXCERPT);
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_cut_where_a_character_ends_and_says_so() {
        let long = "ü".repeat(LONGEST_EXCERPT);

        let kept = excerpt(&long);

        assert!(kept.ends_with("… (8192 bytes in all)"), "{kept}");
        assert_eq!(excerpt("short"), "short");
    }
}
