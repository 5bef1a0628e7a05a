//! Request bodies: JSON and multipart, read into the same fields.
//!
//! The official SDKs send `multipart/form-data` even without a file, and write nested values with bracket
//! keys (`input_reference[image_url]`). Both forms end as one JSON object and the files beside it, so that
//! one parser serves both. Everything is bounded: the body as a whole, and each text field.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Multipart, Request, multipart::Field},
    response::{IntoResponse, Response},
};
use http::header;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{Desk, Problem};
use crate::assets::hex;

/// A text field longer than this is no prompt; a picture as a data URL may be this long.
const LONGEST_TEXT: usize = 21 * 1024 * 1024;
/// A body that takes longer than this is no request: the largest one needs half a megabit a second.
const LONGEST_WAY: Duration = Duration::from_mins(10);
/// More parts than this is no request.
const MOST_PARTS: usize = 64;

/// The fields of a body, and the files that came with it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) values: Map<String, Value>,
    pub(super) files: BTreeMap<String, Bytes>,
}

/// A JSON body of a known shape, read within the usual limit.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Desk> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Response> {
        let fields = in_time(read_json(request, desk.largest_body))
            .await
            .map_err(IntoResponse::into_response)?;
        serde_json::from_value(Value::Object(fields.values)).map(Self).map_err(|error| {
            let message = format!("the body is not what is expected here: {error}");
            Problem::bad_request("invalid_value", None, message).into_response()
        })
    }
}

impl Fields {
    /// What is asked for, in short: the same for a body that was sent again, in whatever order or form.
    pub(super) fn digest(&self, route: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(route);
        digest.update(Value::Object(self.values.clone()).to_string());
        for (name, content) in &self.files {
            digest.update(name);
            digest.update(Sha256::digest(content));
        }
        hex(&digest.finalize())
    }
}

/// Reads a body of either kind.
pub(super) async fn read(request: Request, limit: usize) -> Result<Fields, Problem> {
    in_time(read_either(request, limit)).await
}

/// A body that comes byte by byte must not come for ever.
async fn in_time(
    reading: impl Future<Output = Result<Fields, Problem>>,
) -> Result<Fields, Problem> {
    timeout(LONGEST_WAY, reading).await.unwrap_or_else(|_| Err(Problem::incomplete_body()))
}

async fn read_either(request: Request, limit: usize) -> Result<Fields, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => read_multipart(request, limit).await,
        // Many clients forget to name JSON; nothing else looks like it.
        "application/json" | "" => read_json(request, limit).await,
        _ => Err(Problem::media_type(&essence)),
    }
}

async fn read_json(request: Request, limit: usize) -> Result<Fields, Problem> {
    let bytes = to_bytes(request.into_body(), limit).await.map_err(|error| {
        let is_too_large = error.into_inner().is::<LengthLimitError>();
        if is_too_large { Problem::too_large(limit) } else { Problem::incomplete_body() }
    })?;
    let broken = |error: serde_json::Error| {
        let message = format!("the body is no JSON: {error}");
        Problem::bad_request("invalid_json", None, message)
    };
    if let Value::Object(values) = serde_json::from_slice(&bytes).map_err(broken)? {
        return Ok(Fields { values, ..Fields::default() });
    }
    let message = "the body has to be a JSON object, such as `{\"prompt\": \"a lighthouse\"}`";
    Err(Problem::bad_request("invalid_json", None, message))
}

async fn read_multipart(mut request: Request, limit: usize) -> Result<Fields, Problem> {
    // The extractor keeps to this limit over the whole body.
    axum::extract::DefaultBodyLimit::max(limit).apply(&mut request);
    let broken =
        |error: &axum::extract::multipart::MultipartError| Problem::multipart(error, limit);
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|rejection| {
        let message = format!("the multipart body is broken: {}", rejection.body_text());
        Problem::bad_request("invalid_multipart", None, message)
    })?;
    let mut fields = Fields::default();
    let mut parts = 0;
    while let Some(part) = multipart.next_field().await.map_err(|error| broken(&error))? {
        parts += 1;
        if parts > MOST_PARTS {
            let message = format!("the body has more than {MOST_PARTS} parts");
            return Err(Problem::bad_request("invalid_multipart", None, message));
        }
        add_part(part, &mut fields, limit).await?;
    }
    Ok(fields)
}

async fn add_part(part: Field<'_>, fields: &mut Fields, limit: usize) -> Result<(), Problem> {
    let Some(name) = part.name().map(str::to_owned) else {
        let message = "a part of the multipart body has no name";
        return Err(Problem::bad_request("invalid_multipart", None, message));
    };
    let is_file = part.file_name().is_some();
    let bytes = part.bytes().await.map_err(|error| Problem::multipart(&error, limit))?;
    if is_file {
        if fields.files.insert(name.clone(), bytes).is_some() {
            return Err(given_twice(&name));
        }
        return Ok(());
    }
    if bytes.len() > LONGEST_TEXT {
        return Err(Problem::text_too_long(&name, LONGEST_TEXT));
    }
    let text = String::from_utf8(bytes.into()).map_err(|_| {
        let message = format!("`{}` is not UTF-8 text", shortened(&name));
        Problem::bad_request("invalid_value", Some(&shortened(&name)), message)
    })?;
    insert(&mut fields.values, &name, text)
}

/// Puts `a[b][c]` to its place in the object. In a list, `a[][b]`, a key that the last element has already
/// begins the next one.
fn insert(values: &mut Map<String, Value>, name: &str, text: String) -> Result<(), Problem> {
    let mut keys = name.split('[').map(|key| key.strip_suffix(']').unwrap_or(key));
    let mut key = keys.next().unwrap_or_default();
    let nested: Vec<_> = keys.collect();
    if nested.len() > 4 {
        let message = format!("`{}` is nested too deeply", shortened(name));
        return Err(Problem::bad_request("invalid_multipart", None, message));
    }
    let mut values = values;
    for (at, next) in nested.iter().copied().enumerate() {
        if next.is_empty() {
            let leaf = nested.get(at + 1).copied();
            return append(values, key, leaf, nested.len() > at + 2, name, text);
        }
        let inner = values.entry(key).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = inner else { return Err(given_twice(name)) };
        (values, key) = (inner, next);
    }
    if values.insert(key.to_owned(), Value::String(text)).is_some() {
        return Err(given_twice(name));
    }
    Ok(())
}

/// Puts a text, or a text under a key of its own, into a list.
fn append(
    values: &mut Map<String, Value>,
    list: &str,
    leaf: Option<&str>,
    is_deeper: bool,
    name: &str,
    text: String,
) -> Result<(), Problem> {
    let list = values.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(list) = list else { return Err(given_twice(name)) };
    if is_deeper || list.len() >= MOST_PARTS {
        let message = format!("`{}` is nested too deeply, or too long", shortened(name));
        return Err(Problem::bad_request("invalid_multipart", None, message));
    }
    let text = Value::String(text);
    match (leaf, list.last_mut()) {
        (None, _) => list.push(text),
        (Some(leaf), Some(Value::Object(last))) if !last.contains_key(leaf) => {
            last.insert(leaf.to_owned(), text);
        }
        (Some(leaf), _) => list.push(Value::Object(Map::from_iter([(leaf.to_owned(), text)]))),
    }
    Ok(())
}

fn given_twice(name: &str) -> Problem {
    let name = shortened(name);
    Problem::bad_request("invalid_multipart", Some(&name), format!("`{name}` is given twice"))
}

/// A caller's own name for something, short enough to be repeated in an answer.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn bracket_keys_become_nested_values() {
        let mut values = Map::new();

        insert(&mut values, "input_reference[image_url]", "data:".into()).unwrap();
        insert(&mut values, "prompt", "a lighthouse".into()).unwrap();

        let expected =
            json!({ "input_reference": { "image_url": "data:" }, "prompt": "a lighthouse" });
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn empty_brackets_become_lists() {
        let mut values = Map::new();

        for (name, text) in [
            ("characters[][id]", "char_1"),
            ("characters[][id]", "char_2"),
            ("characters[][name]", "fox"),
            ("tags[]", "a"),
            ("tags[]", "b"),
        ] {
            insert(&mut values, name, text.into()).unwrap();
        }

        let expected = json!({
            "characters": [{ "id": "char_1" }, { "id": "char_2", "name": "fox" }],
            "tags": ["a", "b"],
        });
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused() {
        let mut values = Map::new();
        insert(&mut values, "prompt", "one".into()).unwrap();

        assert!(insert(&mut values, "prompt", "two".into()).is_err());
        assert!(insert(&mut values, "prompt[x]", "three".into()).is_err());
    }

    proptest! {
        #[test]
        fn no_field_name_breaks_the_reader(names in prop::collection::vec("[\\[\\]a-c]{0,12}", 0..6)) {
            let mut values = Map::new();
            for name in names {
                insert(&mut values, &name, "x".into()).ok();
            }
        }
    }
}
