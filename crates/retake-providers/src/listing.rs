//! What a list of renders says beside its entries, and how an entry is dated.
//!
//! A render that was paid for is bought again when a list is believed that does not show it. So a list that tells of an
//! error beside what it shows may be read, and proves no absence; and a time that nobody filled in is none.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::{reading, refusal};

/// Nothing was rendered before this: 2001-09-09. Rows that are not filled in show the year 1 or 1970.
const EARLIEST: i64 = 1_000_000_000;

/// Words for a status that no list has which shows everything.
const TROUBLE: &[&str] =
    &["error", "failed", "failure", "fail", "partial", "incomplete", "timeout", "degraded"];

/// Whether a list tells of an error, so that it need not show what is there.
pub(crate) fn is_troubled(list: &Json) -> bool {
    let has = |names: &[&str], is_bad: fn(&Json) -> bool| {
        names.iter().filter_map(|name| list.get(name)).any(is_bad)
    };
    let is_told = ["/status", "/state"].iter().filter_map(|place| reading::text(list, place));
    has(&["error", "errors", "error_message", "errorMessage", "error_msg"], says_something)
        || has(&["success", "ok"], |said| said == &Json::Bool(false))
        || has(&["partial", "incomplete", "timed_out"], |said| said == &Json::Bool(true))
        || has(&["code", "error_code", "bizCode", "status_code"], is_no_success)
        || has(&["base_resp"], |said| said.get("status_code").is_some_and(is_no_success))
        || is_told.map(refusal::lower).any(|word| TROUBLE.contains(&&*word))
}

fn is_no_success(code: &Json) -> bool {
    !refusal::is_success_code(code)
}

fn says_something(error: &Json) -> bool {
    match error {
        Json::Null | Json::Bool(false) => false,
        Json::Bool(true) => true,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.trim().is_empty(),
        Json::Array(pieces) => pieces.iter().any(says_something),
        Json::Object(fields) => fields.iter().any(|(name, value)| match &**name {
            "code" | "status" | "status_code" => is_no_success(value),
            _ => says_something(value),
        }),
    }
}

/// The time in a text.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(is_told)
}

/// The time in a number: seconds since 1970, or the same in milliseconds.
pub(crate) fn timestamp(number: f64) -> Option<Timestamp> {
    let seconds = if number > 1e11 { number / 1000.0 } else { number };
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok().filter(is_told)
}

fn is_told(at: &Timestamp) -> bool {
    at.as_second() >= EARLIEST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_troubled_by_whatever_tells_of_an_error_and_by_nothing_else() {
        for said in [
            json!({ "error": { "message": "database unavailable", "code": "internal" } }),
            json!({ "error": "timeout" }),
            json!({ "errors": [{ "message": "no" }] }),
            json!({ "success": false }),
            json!({ "ok": false }),
            json!({ "code": 500, "message": "no" }),
            json!({ "code": "internal_error" }),
            json!({ "base_resp": { "status_code": 1000, "status_msg": "no" } }),
            json!({ "status": "Error" }),
            json!({ "partial": true }),
        ] {
            assert!(is_troubled(&said), "{said}");
        }
        for said in [
            json!({ "object": "list", "data": [], "has_more": false }),
            json!({ "error": null, "errors": [], "success": true, "code": 0, "status": "ok" }),
            json!({ "error": "", "code": "success", "message": "success" }),
            json!({ "error": { "code": 0, "message": "" }, "base_resp": { "status_code": 0 } }),
            json!([]),
        ] {
            assert!(!is_troubled(&said), "{said}");
        }
    }

    #[test]
    fn a_time_that_nobody_filled_in_is_none() {
        assert_eq!([timestamp(0.0), timestamp(-62_135_596_800.0), timestamp(1e300)], [None; 3]);
        assert_eq!(["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "x"].map(moment), [None; 3]);
        assert_eq!(timestamp(1_795_262_400_000.0), timestamp(1_795_262_400.0));
        assert!(timestamp(1_795_262_400.0).is_some() && moment("2026-11-21T12:00:00Z").is_some());
    }
}
