//! Whose render an answer tells of.
//!
//! What the answer to a create named is asked about, and the answer to a poll has to name it again. How it does is data
//! of the dialect.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::Value as Json;

use super::dialect::Names;
use crate::polling::{self, RenderMatch};

/// Where a render itself has its names, any of which the answer to its create may have told.
pub(super) const FIELDS: &[&str] = &["/id", "/task_id", "/video_id", "/job_id"];
/// A name for the exchange, which some servers give the render as well.
const LAST_RESORT: &str = "/request_id";

/// Whose render it is that an answer tells of.
pub(super) fn match_render(names: Names, json: &Json, job: &Json, asked: &str) -> RenderMatch {
    let of_exchange = [job, json].iter().any(|it| {
        let name = it.pointer(LAST_RESORT);
        polling::match_by(name, |name| is_same(names, name, asked)) == RenderMatch::Asked
    });
    match (own(names, job, asked), own(names, json, asked)) {
        (RenderMatch::Asked, _) | (_, RenderMatch::Asked) => RenderMatch::Asked,
        _ if of_exchange => RenderMatch::Asked,
        // What surrounds a render without a name may be named after the exchange.
        (matched, _) => matched,
    }
}

/// Whose render it is, by its own fields. A number is the row of a table more often than a name, so it counts only where
/// a number was asked about.
pub(super) fn own(names: Names, job: &Json, asked: &str) -> RenderMatch {
    let is_number = asked.bytes().all(|byte| byte.is_ascii_digit());
    let values = FIELDS.iter().filter_map(|field| job.pointer(field));
    let values = values.filter(|value| is_number || !value.is_number());
    polling::match_by(values, |name| is_same(names, name, asked))
}

fn is_same(names: Names, name: &str, asked: &str) -> bool {
    // Some write an id in other letters than they gave it.
    name.eq_ignore_ascii_case(asked)
        || (names == Names::Routed && without_way(name) == without_way(asked))
}

/// The provider's own id in one of `LiteLLM`'s: `video_` and, as base64,
/// `litellm:custom_llm_provider:P;model_id:M;video_id:V` (`types/videos/utils.py` of 1.109.1).
fn without_way(name: &str) -> String {
    let way = || {
        let text = name.strip_prefix("video_")?.trim_end_matches('=');
        let way = String::from_utf8(STANDARD_NO_PAD.decode(text).ok()?).ok()?;
        way.split(';').find_map(|part| part.strip_prefix("video_id:")).map(str::to_owned)
    };
    way().unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn routed(way: &str) -> String {
        format!("video_{}", STANDARD.encode(way))
    }

    #[test]
    fn litellm_writes_the_way_to_a_render_otherwise_at_a_poll() {
        let made = routed(
            "litellm:custom_llm_provider:openai;model_id:dep-1;video_id:video_9;requested_model:sora",
        );
        let polled = routed("litellm:custom_llm_provider:openai;model_id:;video_id:video_9");
        let other = routed("litellm:custom_llm_provider:openai;model_id:;video_id:video_8");
        let own = |names, id: &str| own(names, &json!({ "id": id }), &made);

        assert_eq!(own(Names::Routed, &polled), RenderMatch::Asked);
        assert_eq!(own(Names::Routed, "video_9"), RenderMatch::Asked);
        assert_eq!(own(Names::Routed, polled.trim_end_matches('=')), RenderMatch::Asked);
        assert_eq!(own(Names::Routed, &other), RenderMatch::Another);
        assert_eq!(own(Names::Same, &polled), RenderMatch::Another);
        assert_eq!(own(Names::Routed, "video_~~~"), RenderMatch::Another);
    }

    #[test]
    fn a_row_of_a_table_and_the_name_of_an_exchange_are_no_other_renders() {
        let matched = |json: Json, asked: &str| {
            let job = json.get("data").unwrap_or(&json);
            match_render(Names::Same, &json, job, asked)
        };

        assert_eq!(matched(json!({ "id": 7 }), "task_1"), RenderMatch::Unnamed);
        assert_eq!(matched(json!({ "id": 7 }), "8"), RenderMatch::Another);
        assert_eq!(matched(json!({ "request_id": "r" }), "task_1"), RenderMatch::Unnamed);
        assert_eq!(matched(json!({ "request_id": "task_1" }), "task_1"), RenderMatch::Asked);
        assert_eq!(
            matched(json!({ "id": "exchange", "data": {} }), "task_1"),
            RenderMatch::Unnamed
        );
        assert_eq!(
            matched(json!({ "id": "task_1", "data": { "id": "u" } }), "task_1"),
            RenderMatch::Asked
        );
        assert_eq!(matched(json!({ "data": { "id": "u" } }), "task_1"), RenderMatch::Another);
    }
}
