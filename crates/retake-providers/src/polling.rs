//! What all adapters need to read the answer to a poll: whose render it tells of, and what came of it.
//!
//! A render costs money, so only its provider's own final word about this very render ends it. An answer that names
//! another render, an end without a name where answers always carry one, and a success without a file say nothing
//! final: they are asked again until the render's time is over.

use std::time::Duration;

use retake_core::fault::Fault;
use serde_json::Value as Json;

use crate::{Polled, Reply, response};

/// How soon a render is asked about again that is said to be finished and has no file yet.
const FILE_PAUSE: Duration = Duration::from_secs(15);
/// A longer address is none.
const LONGEST_LINK: usize = 8192;

/// Whose render an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenderMatch {
    /// That of the render that was asked about.
    Asked,
    /// Another one's.
    Another,
    /// It carries no name that could be compared.
    Unnamed,
}

/// Whose render an answer tells of, by what stands where its name may be. `is_same` compares one with the name that
/// was asked for.
pub(crate) fn match_by<'a>(
    names: impl IntoIterator<Item = &'a Json>,
    is_same: impl Fn(&str) -> bool,
) -> RenderMatch {
    let names = names.into_iter().filter_map(name);
    names.fold(RenderMatch::Unnamed, |known, name| match known {
        RenderMatch::Asked => RenderMatch::Asked,
        _ if is_same(&name) => RenderMatch::Asked,
        _ => RenderMatch::Another,
    })
}

/// Whose render JSON tells of, where its name is always written alike.
pub(crate) fn match_render(json: &Json, field: &str, asked: &str) -> RenderMatch {
    match_by(json.pointer(field), |name| name == asked)
}

fn name(value: &Json) -> Option<String> {
    let name = match value {
        Json::String(name) => name.trim().to_owned(),
        Json::Number(name) => name.to_string(),
        _ => return None,
    };
    Some(name).filter(|name| !name.is_empty())
}

/// Refuses an answer about another render.
pub(crate) fn refuse_another(reply: &Reply, matched: RenderMatch) -> Result<(), Fault> {
    match matched {
        RenderMatch::Another => {
            Err(response::unexpected(reply, "the answer is about another render"))
        }
        RenderMatch::Asked | RenderMatch::Unnamed => Ok(()),
    }
}

/// Refuses the end of a render that does not say whose it is.
pub(crate) fn require_name(reply: &Reply, matched: RenderMatch) -> Result<(), Fault> {
    match matched {
        RenderMatch::Unnamed => {
            Err(response::unexpected(reply, "the answer ends a render that it does not name"))
        }
        matched => refuse_another(reply, matched),
    }
}

/// Whether an answer with an error status may be the final word about a render all the same: it names that very render,
/// and the status is none of those of a question that was not answered. `vLLM-Omni` tells so of a failed render (500).
pub(crate) fn may_end(reply: &Reply, matched: RenderMatch) -> bool {
    let is_error = reply.status.is_client_error() || reply.status.is_server_error();
    let is_about_the_question = matches!(reply.status.as_u16(), 401 | 403 | 404 | 408 | 410 | 429);
    matched == RenderMatch::Asked && is_error && !is_about_the_question
}

/// A render that `server` calls finished and that has no file: the file may be entered later.
pub(crate) fn without_file(server: &str) -> Polled {
    let note = format!("{server} calls the render finished and names no file; it is asked again");
    Polled::Running { percent: 99, ask_again_in: FILE_PAUSE, note: Some(note) }
}

/// Whether a text is an address that a file can be fetched from.
pub(crate) fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let has_host =
        rest.is_some_and(|rest| !rest.starts_with(['/', '?', '#', ':']) && !rest.is_empty());
    has_host && text.len() <= LONGEST_LINK && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_compared_whatever_its_type_and_what_is_no_name_does_not_count() {
        let matched = |id: Json| match_render(&json!({ "id": id }), "/id", "42");

        assert_eq!(
            [matched(json!("42")), matched(json!(42)), matched(json!(" 42\n"))],
            [RenderMatch::Asked; 3]
        );
        assert_eq!([matched(json!("43")), matched(json!(43))], [RenderMatch::Another; 2]);
        for id in
            [json!(null), json!(""), json!(" "), json!(["42"]), json!({ "id": "42" }), json!(true)]
        {
            assert_eq!(matched(id.clone()), RenderMatch::Unnamed, "{id}");
        }
    }

    #[test]
    fn one_field_with_the_name_asked_for_is_enough() {
        let fields = ["/id", "/task_id"];
        let matched = |json: Json| {
            match_by(fields.iter().filter_map(|field| json.pointer(field)), |name| name == "t")
        };

        assert_eq!(matched(json!({ "id": 7, "task_id": "t" })), RenderMatch::Asked);
        assert_eq!(matched(json!({ "id": "t", "task_id": "upstream" })), RenderMatch::Asked);
        assert_eq!(matched(json!({ "id": null, "task_id": "u" })), RenderMatch::Another);
    }

    #[test]
    fn an_address_without_a_host_is_none() {
        assert!(is_link("https://x/v.mp4") && is_link("http://10.0.0.1:9/v"));
        for text in ["https://", "http:///v.mp4", "https://?a", "ftp://x/v", "v.mp4", "https://a b"]
        {
            assert!(!is_link(text), "{text}");
        }
    }
}
