//! A call to a provider and its answer, as values: what an adapter writes and reads.
//!
//! A secret in a call is a [`Value::Secret`], which no `Debug` shows and no evidence repeats.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use retake_core::json::{JsonLimits, measure};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The whole URL, query included.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(&'static str, Value)>,
    /// The body.
    pub body: Body,
    /// What it does at the provider.
    pub effect: Effect,
    /// How long the answer may take to begin.
    pub patience: Duration,
    /// The most bytes that are read of the answer, not counting a file that is streamed.
    pub largest_answer: usize,
    /// How many bytes of the answer are enough, where not the whole of it is wanted.
    pub enough: Option<usize>,
}

/// What a call does, which decides whether it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changes by it: it may be sent again when the connection broke.
    Asks,
    /// Something is made or ends by it: sent once, whatever happens.
    Changes,
}

/// The value of a header.
#[derive(Clone)]
pub enum Value {
    /// Anybody may see it.
    Plain(String),
    /// It opens doors.
    Secret(SecretString),
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Json),
    /// A form with files, as browsers send it.
    Form(Vec<Part>),
    /// A form without files: `application/x-www-form-urlencoded`. Its values are never kept.
    Urlencoded(Vec<(&'static str, String)>),
    /// A file.
    File {
        /// What it is.
        media_type: String,
        /// The bytes.
        bytes: Bytes,
    },
}

/// One part of a form.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A text.
    Text {
        /// The name of the field.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file.
    File {
        /// The name of the field.
        name: String,
        /// The name of the file.
        filename: String,
        /// What it is.
        media_type: String,
        /// The bytes.
        bytes: Bytes,
    },
}

/// What came of a call.
pub type Answer = Result<Reply, NoAnswer>;

/// An answer of a provider: complete, and no longer than was allowed.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When it was complete.
    pub at: Timestamp,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoAnswer {
    /// Whether the provider can have got the call.
    pub sent: bool,
    /// Whether it was a matter of time.
    pub slow: bool,
    /// What happened, with no secret in it.
    pub message: String,
}

/// How long an answer may take to begin, where a call does not say otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const LARGEST_ANSWER: usize = 4 << 20;

impl Call {
    /// A question.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url.into(), Effect::Asks)
    }

    /// Something that changes what is there, with a body of JSON.
    pub fn post(url: impl Into<String>, body: Json) -> Self {
        Self { body: Body::Json(body), ..Self::new(Method::POST, url.into(), Effect::Changes) }
    }

    /// A question for which the provider wants a body.
    pub fn ask(url: impl Into<String>, body: Json) -> Self {
        Self { body: Body::Json(body), ..Self::new(Method::POST, url.into(), Effect::Asks) }
    }

    /// Something that changes what is there, without a body.
    pub fn change(method: Method, url: impl Into<String>) -> Self {
        Self::new(method, url.into(), Effect::Changes)
    }

    fn new(method: Method, url: String, effect: Effect) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Body::Empty,
            effect,
            patience: PATIENCE,
            largest_answer: LARGEST_ANSWER,
            enough: None,
        }
    }

    /// The same call with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same call with another body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

impl Value {
    /// `scheme` and a secret: `Bearer sk-…`.
    pub fn credentials(scheme: &str, secret: &SecretString) -> Self {
        Self::Secret(format!("{scheme} {}", secret.expose_secret()).into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<SecretString> for Value {
    fn from(secret: SecretString) -> Self {
        Self::Secret(secret)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, f),
            Self::Secret(_) => f.write_str("[secret]"),
        }
    }
}

impl Reply {
    /// A header as text; nothing when it is not there or is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The pause that the answer asks for: `retry-after-ms`, else `retry-after` in seconds or as a date. At most
    /// a day, whatever it says.
    pub fn retry_after(&self) -> Option<SignedDuration> {
        let ms = self.header("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok());
        let pause = if let Some(ms) = ms {
            SignedDuration::try_from_secs_f64(ms / 1000.0).ok()?
        } else {
            let text = self.header("retry-after")?.trim();
            match text.parse::<f64>() {
                Ok(seconds) => SignedDuration::try_from_secs_f64(seconds).ok()?,
                Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(self.at),
            }
        };
        Some(pause.clamp(SignedDuration::ZERO, SignedDuration::from_hours(24)))
    }

    /// The body as JSON, also where it came as server-sent events; nothing when it is none, or more than any answer has.
    pub fn json(&self) -> Option<Json> {
        bounded_json(&self.body, JsonLimits::ANSWER).or_else(|| crate::sse::json(&self.body))
    }
}

/// JSON from outside, unless it has more than the limits allow.
pub(crate) fn bounded_json(text: &[u8], limits: JsonLimits) -> Option<Json> {
    // Some servers put a byte order mark before it.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    measure(text, limits).ok()?;
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_reply(headers: &[(&'static str, &str)]) -> Reply {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Reply {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: headers.collect(),
            body: Bytes::new(),
            at: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    #[test]
    fn a_pause_is_read_in_each_way_that_it_is_written() {
        let pause = |name, text| a_reply(&[(name, text)]).retry_after();

        assert_eq!(pause("retry-after-ms", "1500"), Some(SignedDuration::from_millis(1500)));
        assert_eq!(pause("retry-after", "7"), Some(SignedDuration::from_secs(7)));
        let date = "Fri, 15 Jan 2027 08:00:30 GMT";
        assert_eq!(pause("retry-after", date), Some(SignedDuration::from_secs(30)));
    }

    #[test]
    fn a_pause_that_makes_no_sense_is_bounded_or_left_out() {
        let pause = |text| a_reply(&[("retry-after", text)]).retry_after();

        assert_eq!(pause("1e300"), None);
        assert_eq!(pause("NaN"), None);
        assert_eq!(pause("soon"), None);
        assert_eq!(pause("-5"), Some(SignedDuration::ZERO));
        assert_eq!(pause("99999999"), Some(SignedDuration::from_hours(24)));
    }

    #[test]
    fn an_answer_of_many_tiny_members_is_not_parsed_and_a_long_text_is() {
        let of = |body: String| Reply { body: body.into(), ..a_reply(&[]) };
        let bomb = format!("[{}0]", "0,".repeat(1 << 20));
        let file = format!(r#"{{"inline":"{}"}}"#, "A".repeat(8 << 20));

        assert_eq!(of(bomb).json(), None);
        assert!(of(file).json().is_some());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let call = Call::get("https://api.example.com/").header(
            "authorization",
            Value::credentials("Bearer", &SecretString::from("sk-of-nobody")),
        );

        assert!(!format!("{call:?}").contains("nobody"));
    }
}
