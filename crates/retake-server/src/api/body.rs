//! Request bodies: JSON and multipart, read into the same fields.
//!
//! The official SDKs send `multipart/form-data` even without a file, and write nested values with bracket
//! keys (`input_reference[image_url]`). Both forms end as one JSON object and the files beside it, so that
//! one parser serves both. Everything is bounded: the body as a whole, each text field, and what a parser
//! would make of it. Only a picture in a data URL may be long, and it is taken out before anything is parsed.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, multipart::Field},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::Stream;
use http::{HeaderValue, header};
use retake_core::json::{JsonLimits, measure};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    AppState, Problem,
    spool::{self, IN_MEMORY, Spooled, counted},
};
use crate::{assets::hex, shares::MemoryHeld};

/// A text field longer than this is no prompt.
const LONGEST_TEXT: usize = JsonLimits::REQUEST.bytes;
/// The largest body where no file can be.
const LARGEST_PLAIN: usize = JsonLimits::REQUEST.bytes;
/// More parts than this is no request.
const MOST_PARTS: usize = 64;
/// Bytes of a form that are looked at in one go.
const SLICE: usize = 64 << 10;
/// A part whose head is longer than this is none.
const LONGEST_PART_HEAD: usize = 4 * SLICE;
/// The one field that may be long: a picture as a data URL.
const LONG_FIELD: &str = "input_reference[image_url]";

/// What stands in the place of a long data URL that was taken out of a body.
pub(super) const EMBEDDED: &str = "\u{0}embedded";

/// The fields of a body, and the files that came with it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) values: Map<String, Value>,
    pub(super) files: BTreeMap<String, Bytes>,
    /// The long data URL that [`EMBEDDED`] stands for.
    pub(super) embedded: Option<Embedded>,
}

/// A file that came as text.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Of the text.
    sha256: String,
    /// The file, if the text is the base64 of one.
    pub(super) file: Option<Bytes>,
}

/// A JSON body of a known shape, as small as bodies without files are.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        read_typed(request, state).await.map(Self).map_err(IntoResponse::into_response)
    }
}

async fn read_typed<T: DeserializeOwned + Send + 'static>(
    request: Request,
    state: &AppState,
) -> Result<T, Problem> {
    let limit = state.largest_body.min(LARGEST_PLAIN);
    let (text, _held) = spool::receive(request, state, limit).await?.into_memory(state, 2).await?;
    aside(text.len(), move || {
        measure(&text, JsonLimits::REQUEST).map_err(|error| excessive(&error))?;
        if text.trim_ascii_start().first().is_some_and(|byte| *byte != b'{') {
            return Err(no_object());
        }
        serde_json::from_slice(&text).map_err(|error| {
            if error.is_data() {
                let message = format!("the body is not what is expected here: {error}");
                return Problem::bad_request("invalid_value", None, message);
            }
            no_json(&error)
        })
    })
    .await
}

impl Fields {
    /// What is asked for, in short: the same for a body that was sent again, in whatever order or form.
    pub(super) async fn digested(self, route: &str) -> Result<(Self, String), Problem> {
        let route = route.to_owned();
        let bytes = self.files.values().map(Bytes::len).sum();
        aside(bytes, move || {
            let digest = self.digest(&route);
            Ok((self, digest))
        })
        .await
    }

    fn digest(&self, route: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(route);
        digest.update(serde_json::to_string(&self.values).unwrap_or_default());
        if let Some(embedded) = &self.embedded {
            digest.update(&embedded.sha256);
        }
        for (name, content) in &self.files {
            digest.update(name);
            digest.update(Sha256::digest(content));
        }
        hex(&digest.finalize())
    }
}

/// Does work that grows with the length of a body where others do not wait for it, if there is much of it.
async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if bytes <= IN_MEMORY {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Problem::internal(error.to_string())))
}

/// Reads a body of either kind.
pub(super) async fn read(request: Request, state: &AppState) -> Result<Fields, Problem> {
    read_within(request, state, state.largest_body).await
}

/// Reads a body that brings no file.
pub(super) async fn read_plain(request: Request, state: &AppState) -> Result<Fields, Problem> {
    read_within(request, state, state.largest_body.min(LARGEST_PLAIN)).await
}

async fn read_within(request: Request, state: &AppState, limit: usize) -> Result<Fields, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let named = content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = named.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match (essence.as_str(), content_type) {
        ("multipart/form-data", Some(content_type)) => {
            let body = spool::receive(request, state, limit).await?;
            read_multipart(body, &content_type, state, limit).await
        }
        // Many clients forget to name JSON; nothing else looks like it.
        ("application/json" | "", _) => {
            read_json(spool::receive(request, state, limit).await?, state).await
        }
        _ => Err(Problem::media_type(&essence)),
    }
}

async fn read_json(body: Spooled, state: &AppState) -> Result<Fields, Problem> {
    // The text, and what is made of it.
    let (text, held) = body.into_memory(state, 2).await?;
    aside(text.len(), move || parse_json(text, held.map(Arc::new).as_ref())).await
}

/// Parses a body in JSON. A long data URL is taken out first, so that a tree is only built of what is short.
fn parse_json(text: Vec<u8>, held: Option<&Arc<MemoryHeld>>) -> Result<Fields, Problem> {
    let size = measure(&text, JsonLimits::REQUEST).map_err(|error| excessive(&error))?;
    if size.longest.len() <= LONGEST_TEXT {
        return Ok(Fields { values: object(&text)?, ..Fields::default() });
    }
    let (before, after) = (text.get(..size.longest.start), text.get(size.longest.end..));
    let (Some(before), Some(after)) = (before, after) else { return Err(no_object()) };
    let values = object(&[before, br"\u0000embedded".as_slice(), after].concat())?;
    let place = values.get("input_reference").and_then(|it| it.get("image_url"));
    let holds = |value: &Value| value.to_string().contains("u0000embedded");
    let elsewhere = values.iter().find(|(name, it)| *name != "input_reference" && holds(it));
    if place.and_then(Value::as_str) != Some(EMBEDDED) || elsewhere.is_some() {
        let name = elsewhere.map_or("input_reference", |(name, _)| name.as_str());
        return Err(Problem::text_too_long(name, LONGEST_TEXT));
    }
    let long = text.get(size.longest).unwrap_or_default();
    let embedded = if long.contains(&b'\\') {
        // Some writers escape every slash, which base64 has many of.
        let quoted = [b"\"".as_slice(), long, b"\""].concat();
        drop(text);
        let plain: String = serde_json::from_slice(&quoted).map_err(|error| no_json(&error))?;
        drop(quoted);
        Embedded::read(plain.as_bytes(), held)
    } else {
        Embedded::read(long, held)
    };
    Ok(Fields { values, embedded: Some(embedded), ..Fields::default() })
}

impl Embedded {
    fn read(text: &[u8], held: Option<&Arc<MemoryHeld>>) -> Self {
        let sha256 = hex(&Sha256::digest(text));
        let is_comma = |at: &usize| text.get(*at) == Some(&b',');
        let comma = (0..text.len().min(256)).find(is_comma).unwrap_or(0);
        let (head, encoded) = text.split_at(comma);
        let is_base64 = head.starts_with(b"data:") && head.ends_with(b";base64");
        let encoded = encoded.get(1..).unwrap_or_default().trim_ascii();
        let file = is_base64.then(|| STANDARD.decode(encoded).ok()).flatten();
        Self { sha256, file: file.map(|file| counted(file, held)) }
    }
}

fn object(text: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(text).map_err(|error| no_json(&error))? {
        Value::Object(values) => Ok(values),
        _ => Err(no_object()),
    }
}

fn no_json(error: &serde_json::Error) -> Problem {
    Problem::bad_request("invalid_json", None, format!("the body is no JSON: {error}"))
}

fn no_object() -> Problem {
    let message = "the body has to be a JSON object, such as `{\"prompt\": \"a lighthouse\"}`";
    Problem::bad_request("invalid_json", None, message)
}

fn excessive(error: &retake_core::json::ExcessiveJson) -> Problem {
    let message = format!("the body is larger than any request is: {error}");
    Problem::body_too_large(message)
}

async fn read_multipart(
    body: Spooled,
    content_type: &HeaderValue,
    state: &AppState,
    limit: usize,
) -> Result<Fields, Problem> {
    let length = body.length();
    // The body, and its parts.
    let (bytes, held) = body.into_memory(state, 2).await?;
    let held = held.map(Arc::new);
    let unread = Arc::new(AtomicUsize::new(0));
    let slices = Slices { rest: Bytes::from(bytes), unread: Arc::clone(&unread), pause: false };
    let request = Request::builder().header(header::CONTENT_TYPE, content_type);
    let mut request = request
        .body(Body::from_stream(slices))
        .map_err(|error| Problem::internal(error.to_string()))?;
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let broken =
        |error: &axum::extract::multipart::MultipartError| Problem::multipart(error, limit);
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|rejection| {
        let message = format!("the multipart body is broken: {}", rejection.body_text());
        Problem::bad_request("invalid_multipart", None, message)
    })?;
    let mut form = Form { fields: Fields::default(), left: length, held, unread };
    let mut parts = 0;
    loop {
        form.unread.store(0, Ordering::Relaxed);
        let Some(part) = multipart.next_field().await.map_err(|error| broken(&error))? else {
            return Ok(form.fields);
        };
        parts += 1;
        if parts > MOST_PARTS {
            let message = format!("the body has more than {MOST_PARTS} parts");
            return Err(Problem::bad_request("invalid_multipart", None, message));
        }
        form.add_part(part, limit).await?;
    }
}

/// A body that is handed out slice by slice, so that its reader never copies much of it.
struct Slices {
    rest: Bytes,
    /// What was handed out since something was made of it.
    unread: Arc<AtomicUsize>,
    pause: bool,
}

impl Stream for Slices {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The reader takes whatever there is before it looks at it.
        self.pause = !self.pause;
        if !self.pause && !self.rest.is_empty() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.rest.len().min(SLICE);
        if length == 0 {
            return Poll::Ready(None);
        }
        let unread = self.unread.fetch_add(length, Ordering::Relaxed);
        if unread > LONGEST_PART_HEAD {
            let message = "a part has a head that is too long";
            return Poll::Ready(Some(Err(std::io::Error::other(message))));
        }
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

/// A form as it is read.
struct Form {
    fields: Fields,
    /// No part is longer than this.
    left: usize,
    held: Option<Arc<MemoryHeld>>,
    unread: Arc<AtomicUsize>,
}

impl Form {
    async fn add_part(&mut self, mut part: Field<'_>, limit: usize) -> Result<(), Problem> {
        let Some(name) = part.name().map(str::to_owned) else {
            let message = "a part of the multipart body has no name";
            return Err(Problem::bad_request("invalid_multipart", None, message));
        };
        let is_file = part.file_name().is_some();
        let most = if is_file || name == LONG_FIELD { self.left } else { LONGEST_TEXT };
        let mut content = Vec::new();
        loop {
            self.unread.store(0, Ordering::Relaxed);
            let chunk = part.chunk().await.map_err(|error| Problem::multipart(&error, limit))?;
            let Some(chunk) = chunk else { break };
            if content.len() + chunk.len() > most {
                return Err(Problem::text_too_long(&name, LONGEST_TEXT));
            }
            if content.len() <= SLICE && content.len() + chunk.len() > SLICE {
                // Once, instead of twice as much again and again.
                content.reserve_exact(most.min(self.left) - content.len());
            }
            content.extend_from_slice(&chunk);
        }
        self.left = self.left.saturating_sub(content.len());
        content.shrink_to_fit();
        self.add(&name, content, is_file).await
    }

    async fn add(&mut self, name: &str, content: Vec<u8>, is_file: bool) -> Result<(), Problem> {
        let Fields { values, files, embedded } = &mut self.fields;
        if is_file {
            if files.insert(name.to_owned(), counted(content, self.held.as_ref())).is_some() {
                return Err(given_twice(name));
            }
            return Ok(());
        }
        if content.len() > LONGEST_TEXT {
            insert(values, name, EMBEDDED.to_owned())?;
            let held = self.held.clone();
            let read = move || Ok(Embedded::read(&content, held.as_ref()));
            *embedded = Some(aside(LONGEST_TEXT, read).await?);
            return Ok(());
        }
        let text = String::from_utf8(content).map_err(|_| {
            let message = format!("`{}` is not UTF-8 text", shortened(name));
            Problem::bad_request("invalid_value", Some(&shortened(name)), message)
        })?;
        insert(values, name, text)
    }
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

    fn nodes(value: &Value) -> usize {
        match value {
            Value::Array(list) => 1 + list.iter().map(nodes).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(|it| 1 + nodes(it)).sum::<usize>(),
            _ => 1,
        }
    }

    fn code(problem: &Problem) -> String {
        format!("{problem:?}")
    }

    #[test]
    fn a_text_that_stands_in_for_a_long_one_is_no_long_one() {
        let text = json!({ "input_reference": { "image_url": EMBEDDED }, "prompt": "p" });
        let fields = parse_json(text.to_string().into_bytes(), None).unwrap();
        assert!(fields.embedded.is_none());

        // Where it stands twice, the long text is the one that was taken out of its place.
        let long = "A".repeat(LONGEST_TEXT + 1);
        let text = json!({ "input_reference": { "image_url": EMBEDDED }, "prompt": long });
        let fields = parse_json(text.to_string().into_bytes(), None);
        assert!(fields.is_err_and(|problem| code(&problem).contains("prompt")));
    }

    proptest! {
        /// Whatever is parsed, what it becomes is bounded, however its text was put together.
        #[test]
        fn no_json_becomes_more_than_a_request_may_be(
            pieces in prop::collection::vec(
                (prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "0", "0,", "\"a\":0,", "\"\":[", "{\"a\":", "\"", "\\", "null,", " ",
                ]), prop::sample::select(vec![1_usize, 3, 100, 9_000, 300_000])),
                0..8,
            ),
            begin in prop::sample::select(vec!["{\"prompt\":\"p\",\"metadata\":[", "{", "[", ""]),
            end in prop::sample::select(vec!["0]}", "}", "\"\":0}", "]", ""]),
        ) {
            let middle: String = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
            let text = format!("{begin}{middle}{end}").into_bytes();
            if let Ok(fields) = parse_json(text, None) {
                let values = Value::Object(fields.values);
                prop_assert!(nodes(&values) <= JsonLimits::REQUEST.nodes);
            }
        }

        #[test]
        fn no_field_name_breaks_the_reader(names in prop::collection::vec("[\\[\\]a-c]{0,12}", 0..6)) {
            let mut values = Map::new();
            for name in names {
                insert(&mut values, &name, "x".into()).ok();
            }
        }
    }
}
