//! Reads the bodies of requests: JSON, multipart or form encoding.
//!
//! Fields in bracket notation (`input_reference[image_url]`, `characters[][id]`) become the JSON
//! that they stand for, so that an emulator handles one form only.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest as _, Multipart, Request},
};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

/// The maximum size of a body.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 20;
/// The maximum number of fields in a form.
const MAX_FIELDS: usize = 1000;

/// The reason why a body could not be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BodyError {
    #[error("the body is larger than {} MiB or incomplete", MAX_BODY_BYTES >> 20)]
    TooLarge,
    #[error("the body is not valid JSON: {0}")]
    Json(String),
    #[error("the body is not valid multipart")]
    Multipart,
}

/// A file in a form.
#[derive(Clone, Debug)]
pub(crate) struct FormFile {
    pub(crate) field: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

/// A parsed body, whatever its encoding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// The fields of the body; an empty object if there was none.
    pub(crate) fields: Value,
    pub(crate) files: Vec<FormFile>,
    /// Whether the body was multipart.
    pub(crate) is_multipart: bool,
}

impl Form {
    /// Reads the body of a request.
    pub(crate) async fn read(request: Request) -> Result<Self, BodyError> {
        let kind = content_type(request.headers());
        if kind.starts_with("multipart/") {
            return Self::read_multipart(request).await;
        }
        let fields = read_json(request.into_body()).await?;
        Ok(Self { fields, ..Self::default() })
    }

    async fn read_multipart(request: Request) -> Result<Self, BodyError> {
        let broken = |_| BodyError::Multipart;
        let mut parts =
            Multipart::from_request(request, &()).await.map_err(|_| BodyError::Multipart)?;
        let mut form =
            Self { fields: Value::Object(Map::new()), files: Vec::new(), is_multipart: true };
        let mut count = 0;
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            count += 1;
            if count > MAX_FIELDS {
                return Err(BodyError::Multipart);
            }
            let field = part.name().unwrap_or_default().to_owned();
            let content_type = part.content_type().map(str::to_owned);
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(broken)?;
            if is_file {
                form.files.push(FormFile { field, content_type, bytes });
            } else {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                insert_field(&mut form.fields, &field, Value::String(text));
            }
        }
        Ok(form)
    }

    /// A field as text; numbers and booleans are converted to text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        scalar_text(self.fields.get(name)?)
    }

    /// The file of a field.
    pub(crate) fn file(&self, name: &str) -> Option<&FormFile> {
        self.files.iter().find(|file| file.field == name)
    }
}

/// A scalar value as text; numbers and booleans are converted to text.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(it) => Some(it.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads a body as JSON; an empty one is an empty object.
pub(crate) async fn read_json(body: Body) -> Result<Value, BodyError> {
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| BodyError::TooLarge)?;
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(&bytes).map_err(|error| BodyError::Json(error.to_string()))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

/// Inserts a value at the path that the name gives in bracket notation.
fn insert_field(into: &mut Value, name: &str, value: Value) {
    let (head, rest) = name.split_once('[').unwrap_or((name, ""));
    let keys = rest.split('[').filter_map(|part| part.strip_suffix(']'));
    let path: Vec<&str> = std::iter::once(head).chain(keys).take(8).collect();
    insert_at(into, &path, value);
}

fn insert_at(into: &mut Value, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *into = value;
        return;
    };
    if key.is_empty() {
        if !into.is_array() {
            *into = Value::Array(Vec::new());
        }
        let Some(list) = into.as_array_mut() else { return };
        // `a[][x]` and `a[][y]` are one element until a key is repeated.
        let joins = rest.first().zip(list.last()).is_some_and(|(key, last)| {
            last.as_object().is_some_and(|last| !last.contains_key(*key))
        });
        if !joins {
            list.push(Value::Null);
        }
        if let Some(last) = list.last_mut() {
            insert_at(last, rest, value);
        }
        return;
    }
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Some(map) = into.as_object_mut() {
        insert_at(map.entry(*key).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bracket_notation_becomes_the_json_it_stands_for() {
        let mut fields = Value::Object(Map::new());
        for (name, value) in [
            ("prompt", "a cat"),
            ("video[id]", "video_1"),
            ("characters[][id]", "c1"),
            ("characters[][id]", "c2"),
            ("a[b][c]", "d"),
        ] {
            insert_field(&mut fields, name, json!(value));
        }

        let expected = json!({
            "prompt": "a cat",
            "video": { "id": "video_1" },
            "characters": [{ "id": "c1" }, { "id": "c2" }],
            "a": { "b": { "c": "d" } },
        });
        assert_eq!(fields, expected);
    }

    #[tokio::test]
    async fn a_multipart_body_is_read_with_its_file() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n8\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\
                    Content-Type: image/png\r\n\r\nPNG\r\n--x--\r\n";
        let request = Request::builder()
            .header("content-type", "multipart/form-data; boundary=x")
            .body(Body::from(body))
            .unwrap();

        let form = Form::read(request).await.unwrap();

        assert_eq!(form.text("seconds").as_deref(), Some("8"));
        assert_eq!(form.file("input_reference").unwrap().bytes, "PNG");
        assert!(form.is_multipart);
    }
}
