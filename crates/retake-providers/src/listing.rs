//! What a list of renders says beside its entries, and how an entry is dated.
//!
//! A render that was paid for is bought again when a list is believed that does not show it. So a list that tells of an
//! error beside what it shows may be read, and proves no absence; and a time that nobody filled in is none.

use http::{
    HeaderName, StatusCode,
    header::{AGE, WARNING},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use crate::{call::Reply, refusal};

/// Nothing was rendered before this: 2001-09-09. Rows that are not filled in show the year 1 or 1970.
const EARLIEST: i64 = 1_000_000_000;

/// Parts of the names by which a list tells how it came to be.
const REPORTS: &[&str] = &[
    "err",
    "fail",
    "exception",
    "fault",
    "problem",
    "issue",
    "warn",
    "status",
    "state",
    "code",
    "detail",
    "reason",
    "message",
    "msg",
    "notice",
    "title",
];
/// Parts of the names of what is set when a list does not show everything.
const FLAGS: &[&str] =
    &["partial", "incomplete", "truncat", "degrad", "stale", "timed_out", "timeout", "limited"];
/// What is said in such places where nothing is wrong.
const FINE: &[&str] = &[
    "ok",
    "success",
    "successful",
    "succeeded",
    "succeed",
    "completed",
    "complete",
    "done",
    "healthy",
    "none",
    "null",
    "no error",
    "成功",
    "请求成功",
    "操作成功",
    "list",
];
/// How deep reports are read.
const DEEPEST: usize = 4;

/// Whether a list need not show what is there: it is not the whole answer, it comes from a cache, or it tells of an
/// error, in whatever member. `entries` is the member that holds its entries.
pub(crate) fn is_troubled(reply: &Reply, list: &Json, entries: &str) -> bool {
    let header = |name: HeaderName| reply.headers.get(name)?.to_str().ok().map(str::trim);
    let is_cached = header(AGE).is_some_and(|age| age != "0");
    reply.status != StatusCode::OK
        || is_cached
        || header(WARNING).is_some()
        || list.as_object().is_some_and(|fields| has_trouble(fields, Some(entries), DEEPEST))
}

fn has_trouble(fields: &Map<String, Json>, entries: Option<&str>, depth: usize) -> bool {
    let is_well = fields.iter().any(|(name, value)| match &*refusal::lower(name) {
        "success" | "ok" => value == &Json::Bool(true),
        "code" | "status" | "status_code" => !value.is_null() && is_fine(value),
        _ => false,
    });
    fields.iter().filter(|(name, _)| Some(name.as_str()) != entries).any(|(name, value)| {
        let name = refusal::lower(name);
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        match value {
            Json::Object(_) | Json::Array(_) if name.contains("err") => {
                says_something(value, depth)
            }
            Json::Object(inner) => depth == 0 || has_trouble(inner, None, depth - 1),
            Json::Bool(is_set) if matches!(&*name, "success" | "ok") => !is_set,
            Json::Bool(is_set) => *is_set && has(FLAGS),
            Json::Array(_) if has(REPORTS) => says_something(value, depth),
            // What a success says beside it is no report of an error.
            Json::String(_)
                if is_well && matches!(&*name, "message" | "msg" | "detail" | "title") =>
            {
                false
            }
            Json::String(_) | Json::Number(_) => has(REPORTS) && !is_fine(value),
            Json::Array(_) | Json::Null => false,
        }
    })
}

/// Whether a code or a text is one of a success.
fn is_fine(said: &Json) -> bool {
    let is_word = said
        .as_str()
        .is_some_and(|text| FINE.contains(&refusal::lower(text).trim_end_matches(['.', '!'])));
    is_word || refusal::is_success_code(said)
}

fn says_something(error: &Json, depth: usize) -> bool {
    match error {
        Json::Null | Json::Bool(false) => false,
        Json::Bool(true) => true,
        Json::String(_) | Json::Number(_) => !is_fine(error),
        Json::Array(pieces) => depth == 0 || pieces.iter().any(|it| says_something(it, depth - 1)),
        Json::Object(fields) => {
            depth == 0 || fields.values().any(|it| says_something(it, depth - 1))
        }
    }
}

/// The time in a text.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(is_set)
}

/// The time in a number: seconds since 1970, or the same in milliseconds.
pub(crate) fn timestamp(number: f64) -> Option<Timestamp> {
    let seconds = if number > 1e11 { number / 1000.0 } else { number };
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok().filter(is_set)
}

fn is_set(at: &Timestamp) -> bool {
    at.as_second() >= EARLIEST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn is_troubled_by(list: &Json) -> bool {
        let reply = testing::json(200, list).unwrap();
        is_troubled(&reply, list, "data")
    }

    #[test]
    fn a_list_is_troubled_by_whatever_tells_of_an_error_and_by_nothing_else() {
        for said in [
            json!({ "error": { "message": "database unavailable", "code": "internal" } }),
            json!({ "error": "timeout" }),
            json!({ "errors": [{ "message": "no" }] }),
            json!({ "errors": ["no"] }),
            json!({ "detail": "the search cluster did not answer in time" }),
            json!({ "detail": [{ "loc": ["query"], "msg": "no shard answered" }] }),
            json!({ "title": "Service degraded", "status": 503 }),
            json!({ "status": 500 }),
            json!({ "statusCode": 500 }),
            json!({ "message": "upstream timed out" }),
            json!({ "warnings": ["2 of 5 shards failed"] }),
            json!({ "meta": { "shards": { "failed": 2 } } }),
            json!({ "success": false }),
            json!({ "ok": false }),
            json!({ "code": 500, "message": "no" }),
            json!({ "code": "internal_error" }),
            json!({ "base_resp": { "status_code": 1000, "status_msg": "no" } }),
            json!({ "status": "Error" }),
            json!({ "partial": true }),
            json!({ "is_truncated": true }),
        ] {
            assert!(is_troubled_by(&said), "{said}");
        }
        for said in [
            json!({ "object": "list", "data": [], "has_more": false }),
            json!({ "object": "list", "data": [{ "error": "no", "status": "failed" }] }),
            json!({ "error": null, "errors": [], "success": true, "code": 0, "status": "ok" }),
            json!({ "error": "", "code": "success", "message": "success" }),
            json!({ "code": 0, "message": "3 tasks", "request_id": "r" }),
            json!({ "error": { "code": 0, "message": "" }, "base_resp": { "status_code": 0 } }),
            json!({ "has_more": false, "count": 3, "total": 500, "limit": 100, "offset": 0 }),
            json!({ "previous": null, "next": "https://x/v1/predictions?cursor=c" }),
            json!([]),
        ] {
            assert!(!is_troubled_by(&said), "{said}");
        }
    }

    #[test]
    fn a_part_of_a_list_or_one_from_a_cache_need_not_show_what_is_there() {
        let list = json!({ "data": [] });
        let troubled = |status, headers: &[(&'static str, &str)]| {
            is_troubled(&testing::reply(status, headers, "").unwrap(), &list, "data")
        };

        assert!(troubled(206, &[]) && troubled(203, &[]));
        assert!(troubled(200, &[("age", "150")]));
        assert!(troubled(200, &[("warning", "110 - \"Response is Stale\"")]));
        assert!(!troubled(200, &[("age", "0")]) && !troubled(200, &[]));
    }

    #[test]
    fn a_time_that_nobody_filled_in_is_none() {
        assert_eq!([timestamp(0.0), timestamp(-62_135_596_800.0), timestamp(1e300)], [None; 3]);
        assert_eq!(["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "x"].map(moment), [None; 3]);
        assert_eq!(timestamp(1_795_262_400_000.0), timestamp(1_795_262_400.0));
        assert!(timestamp(1_795_262_400.0).is_some() && moment("2026-11-21T12:00:00Z").is_some());
    }
}
