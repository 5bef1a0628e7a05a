//! From the fields of a create to the canonical request.
//!
//! OpenAI's names come first (`seconds`, `size`, `input_reference`); `duration`, `aspect_ratio`,
//! `resolution`, `negative_prompt`, `loop`, `seed` and `audio` are read as well. Multipart has only text,
//! so numbers and booleans are read from text too. A field that nobody knows is refused: a typing error
//! in a parameter must not cost a render.

use axum::body::Bytes;
use retake_core::{
    output::OnMismatch,
    policy::OnModeration,
    request::{Fit, OriginKind, VideoRequest},
    size::Size,
};
use serde_json::{Map, Value};

use super::{
    Problem,
    body::{EMBEDDED, Embedded, Fields, shortened},
};
use crate::intake::{Reference, Sequel, Source, SubmitRequest};

pub(super) const KNOWN: [&str; 16] = [
    "aspect_ratio",
    "audio",
    "characters",
    "duration",
    "input_reference",
    "loop",
    "metadata",
    "model",
    "negative_prompt",
    "prompt",
    "resolution",
    "retake",
    "seconds",
    "seed",
    "size",
    "user",
];

pub(super) const KNOWN_OF_REMIX: &[&str] = &["prompt"];
pub(super) const KNOWN_OF_EDIT: &[&str] = &["prompt", "video", "model"];
pub(super) const KNOWN_OF_EXTENSION: &[&str] = &["prompt", "video", "seconds", "model"];

/// Reads what is asked for.
pub(super) fn parse(fields: Fields) -> Result<SubmitRequest, Problem> {
    let Fields { values, mut files, embedded } = fields;
    let unknown = values.keys().chain(files.keys()).find(|name| !KNOWN.contains(&name.as_str()));
    if let Some(name) = unknown {
        return Err(unknown_parameter(name));
    }
    let picture = match files.remove("input_reference") {
        Some(_) if values.contains_key("input_reference") => {
            return Err(invalid_value(
                "input_reference",
                "is given twice, as a file and as a value",
            ));
        }
        Some(bytes) => Some(Reference::Sent(bytes)),
        None => named_picture(&values, embedded)?,
    };
    if let Some(name) = files.keys().next() {
        return Err(invalid_type(name, "text, not a file"));
    }
    let ours = ours(&values)?;
    let request = VideoRequest {
        prompt: prompt(&values)?,
        model: text(&values, "model")?,
        seconds: seconds(&values)?,
        size: parsed::<Size>(&values, "size")?,
        aspect_ratio: parsed(&values, "aspect_ratio")?,
        resolution: resolution(&values)?,
        negative_prompt: text(&values, "negative_prompt")?.filter(|text| !text.trim().is_empty()),
        seed: whole(&values, "seed")?,
        looped: flag(&values, "loop")?,
        audio: flag(&values, "audio")?,
        first_frame: None,
        characters: Vec::new(),
        origin: None,
        fit: ours.fit,
        on_moderation: ours.on_moderation,
        on_output_mismatch: ours.on_output_mismatch,
    };
    Ok(SubmitRequest { request, picture, upload: None, characters: characters(&values)? })
}

/// Reads a remix: nothing but a prompt.
pub(super) fn parse_remix(fields: Fields, video: String) -> Result<Sequel, Problem> {
    let values = only(fields, KNOWN_OF_REMIX)?;
    let (kind, video, prompt) = (OriginKind::Remix, Source::Made(video), prompt(&values)?);
    Ok(Sequel { kind, video, prompt, seconds: None, model: None })
}

/// Reads an edit: a prompt and the video it changes.
pub(super) fn parse_edit(fields: Fields) -> Result<Sequel, Problem> {
    parse_sequel(fields, OriginKind::Edit, KNOWN_OF_EDIT)
}

/// Reads an extension: a prompt, the video that goes on, and how much longer it gets.
pub(super) fn parse_extension(fields: Fields) -> Result<Sequel, Problem> {
    let sequel = parse_sequel(fields, OriginKind::Extension, KNOWN_OF_EXTENSION)?;
    if sequel.seconds.is_none() {
        let message = "`seconds` is missing; say by how much the video is to be extended";
        return Err(Problem::bad_request("missing_required_parameter", Some("seconds"), message));
    }
    Ok(sequel)
}

fn parse_sequel(mut fields: Fields, kind: OriginKind, known: &[&str]) -> Result<Sequel, Problem> {
    let file = fields.files.remove("video");
    let values = only(fields, known)?;
    let video = match file {
        Some(_) if values.contains_key("video") => {
            return Err(invalid_value("video", "is given twice, as a file and by its id"));
        }
        Some(file) => Some(Source::Sent(file)),
        None => named_video(&values)?.map(Source::Made),
    };
    let seconds = whole_seconds(&values, "seconds")?;
    let (prompt, model) = (prompt(&values)?, text(&values, "model")?);
    let video = video.ok_or_else(|| {
        let message = "`video` is missing; name a video of this gateway as `{\"id\": \"video_…\"}`, or send a file";
        Problem::bad_request("missing_required_parameter", Some("video"), message)
    })?;
    Ok(Sequel { kind, video, prompt, seconds, model })
}

/// Reads a character: its name and the clip.
pub(super) fn parse_character(fields: Fields) -> Result<(String, Bytes), Problem> {
    let Fields { values, mut files, .. } = fields;
    let Some(clip) = files.remove("video") else {
        if given(&values, "video").is_some() {
            return Err(invalid_type("video", "a file"));
        }
        let message = "`video` is missing; send a short clip as a file";
        return Err(Problem::bad_request("missing_required_parameter", Some("video"), message));
    };
    if let Some(name) = values.keys().chain(files.keys()).find(|name| *name != "name") {
        let name = shortened(name);
        let message = format!("there is no parameter `{name}` here; known are name, video");
        return Err(Problem::bad_request("unknown_parameter", Some(&name), message));
    }
    let name = text(&values, "name")?.ok_or_else(|| {
        let message = "`name` is missing; say how prompts are to speak of the character";
        Problem::bad_request("missing_required_parameter", Some("name"), message)
    })?;
    Ok((name, clip))
}

/// The values of a body that may have no others.
fn only(fields: Fields, known: &[&str]) -> Result<Map<String, Value>, Problem> {
    let Fields { values, files, .. } = fields;
    match values.keys().chain(files.keys()).find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let name = shortened(name);
            let message =
                format!("there is no parameter `{name}` here; known are {}", known.join(", "));
            Err(Problem::bad_request("unknown_parameter", Some(&name), message))
        }
        None => match files.keys().next() {
            Some(name) => Err(invalid_type(name, "text, not a file")),
            None => Ok(values),
        },
    }
}

fn prompt(values: &Map<String, Value>) -> Result<String, Problem> {
    text(values, "prompt")?.ok_or_else(|| {
        let message = "`prompt` is missing; say in a sentence what the video should show";
        Problem::bad_request("missing_required_parameter", Some("prompt"), message)
    })
}

/// `video` as a value: an object with the id of a video, or the id itself.
fn named_video(values: &Map<String, Value>) -> Result<Option<String>, Problem> {
    match given(values, "video") {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(Value::Object(object)) => match object.get("id") {
            Some(Value::String(id)) => Ok(Some(id.clone())),
            _ => Err(invalid_value("video", "needs an `id` with the id of a video")),
        },
        Some(_) => {
            Err(invalid_type("video", "a file, or an object such as `{\"id\": \"video_…\"}`"))
        }
    }
}

/// `characters`: a list of objects with the id of a character each.
fn characters(values: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    const SHAPE: &str = "a list such as `[{\"id\": \"char_…\"}]`";
    let list = match given(values, "characters") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid_type("characters", SHAPE)),
    };
    let id = |one: &Value| match one {
        Value::String(id) => Ok(id.clone()),
        Value::Object(object) => match object.get("id") {
            Some(Value::String(id)) => Ok(id.clone()),
            _ => Err(invalid_type("characters", SHAPE)),
        },
        _ => Err(invalid_type("characters", SHAPE)),
    };
    list.iter().map(id).collect()
}

fn unknown_parameter(name: &str) -> Problem {
    let name = shortened(name);
    let nearest = KNOWN
        .into_iter()
        .map(|known| (strsim::jaro_winkler(known, &name), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let message = match nearest {
        Some((_, known)) => format!("there is no parameter `{name}`; did you mean `{known}`?"),
        None => format!("there is no parameter `{name}`; known are {}", KNOWN.join(", ")),
    };
    Problem::bad_request("unknown_parameter", Some(&name), message)
}

fn invalid_type(param: &str, expected: &str) -> Problem {
    let param = shortened(param);
    Problem::bad_request("invalid_type", Some(&param), format!("`{param}` has to be {expected}"))
}

fn invalid_value(param: &str, what: &str) -> Problem {
    Problem::bad_request("invalid_value", Some(param), format!("`{param}` {what}"))
}

/// A value that is there and not null.
fn given<'a>(values: &'a Map<String, Value>, param: &str) -> Option<&'a Value> {
    values.get(param).filter(|value| !value.is_null())
}

fn text(values: &Map<String, Value>, param: &str) -> Result<Option<String>, Problem> {
    match given(values, param) {
        None => Ok(None),
        Some(Value::String(text)) if text.contains('\0') => {
            Err(invalid_value(param, "contains a NUL character; remove it"))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid_type(param, "text")),
    }
}

fn parsed<T>(values: &Map<String, Value>, param: &str) -> Result<Option<T>, Problem>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let Some(text) = text(values, param)? else { return Ok(None) };
    let invalid =
        |error: T::Err| Problem::bad_request("invalid_value", Some(param), error.to_string());
    text.trim().parse().map(Some).map_err(invalid)
}

fn whole(values: &Map<String, Value>, param: &str) -> Result<Option<u64>, Problem> {
    let invalid = || invalid_type(param, "a whole number from 0 to 9007199254740991");
    let number = match given(values, param) {
        None => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| invalid())?,
        Some(value) => value.as_u64().ok_or_else(invalid)?,
    };
    // Beyond this, JSON readers round.
    if number > 9_007_199_254_740_991 { Err(invalid()) } else { Ok(Some(number)) }
}

fn flag(values: &Map<String, Value>, param: &str) -> Result<Option<bool>, Problem> {
    match given(values, param) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(invalid_type(param, "`true` or `false`")),
    }
}

/// What only Retake knows.
#[derive(Default)]
struct RetakeExtension {
    fit: Option<Fit>,
    on_moderation: Option<OnModeration>,
    on_output_mismatch: Option<OnMismatch>,
}

/// `retake`: as text it is JSON, because that is how some forms send objects.
fn ours(values: &Map<String, Value>) -> Result<RetakeExtension, Problem> {
    const SHAPE: &str = "an object such as `{\"fit\": \"strict\"}`";
    const KNOWN_HERE: [&str; 3] = ["fit", "on_moderation", "on_output_mismatch"];
    let parsed;
    let object = match given(values, "retake") {
        None => return Ok(RetakeExtension::default()),
        Some(Value::Object(object)) => object,
        Some(Value::String(text)) => {
            parsed = serde_json::from_str::<Map<String, Value>>(text)
                .map_err(|_| invalid_type("retake", SHAPE))?;
            &parsed
        }
        Some(_) => return Err(invalid_type("retake", SHAPE)),
    };
    if let Some(name) = object.keys().find(|name| !KNOWN_HERE.contains(&name.as_str())) {
        let (name, known) = (shortened(name), KNOWN_HERE.map(|name| format!("retake.{name}")));
        let message =
            format!("there is no parameter `retake.{name}`; known are {}", known.join(", "));
        return Err(Problem::bad_request("unknown_parameter", Some("retake"), message));
    }
    let fit = match given(object, "fit").map(Value::as_str) {
        None => None,
        Some(Some("strict")) => Some(Fit::Strict),
        Some(Some("nearest")) => Some(Fit::Nearest),
        Some(_) => return Err(invalid_value("retake", "has a `fit` of `strict` or `nearest`")),
    };
    let on_moderation = match given(object, "on_moderation").map(Value::as_str) {
        None => None,
        Some(Some("fail")) => Some(OnModeration::Fail),
        Some(Some("switch")) => Some(OnModeration::Switch),
        Some(_) => {
            let what = "has an `on_moderation` of `fail` or `switch`";
            return Err(invalid_value("retake", what));
        }
    };
    let on_output_mismatch = match given(object, "on_output_mismatch").map(Value::as_str) {
        None => None,
        Some(Some("keep")) => Some(OnMismatch::Keep),
        Some(Some("retry")) => Some(OnMismatch::Retry),
        Some(_) => {
            let what = "has an `on_output_mismatch` of `keep` or `retry`";
            return Err(invalid_value("retake", what));
        }
    };
    Ok(RetakeExtension { fit, on_moderation, on_output_mismatch })
}

fn seconds(values: &Map<String, Value>) -> Result<Option<u32>, Problem> {
    let seconds = whole_seconds(values, "seconds")?;
    let duration = whole_seconds(values, "duration")?;
    if let (Some(seconds), Some(duration)) = (seconds, duration)
        && seconds != duration
    {
        let what = format!("says {duration} and `seconds` says {seconds}; send one of the two");
        return Err(invalid_value("duration", &what));
    }
    Ok(seconds.or(duration))
}

fn whole_seconds(values: &Map<String, Value>, param: &str) -> Result<Option<u32>, Problem> {
    let invalid = || invalid_type(param, "a whole number of seconds, such as `8` or `\"8\"`");
    let number: u64 = match given(values, param) {
        None => return Ok(None),
        Some(Value::String(text)) => {
            let text = text.trim();
            text.strip_suffix('s').unwrap_or(text).parse().map_err(|_| invalid())?
        }
        Some(value) => value.as_u64().ok_or_else(invalid)?,
    };
    u32::try_from(number).map(Some).map_err(|_| invalid())
}

fn resolution(values: &Map<String, Value>) -> Result<Option<u32>, Problem> {
    let Some(text) = text(values, "resolution")? else { return Ok(None) };
    let invalid = || invalid_value("resolution", "has to be a number of lines, such as `720p`");
    let lines = text.trim().strip_suffix(['p', 'P']).ok_or_else(invalid)?;
    lines.parse().map(Some).map_err(|_| invalid())
}

/// `input_reference` as a value: an object with a URL under `image_url`, which may hold the picture itself.
fn named_picture(
    values: &Map<String, Value>,
    embedded: Option<Embedded>,
) -> Result<Option<Reference>, Problem> {
    const PARAM: &str = "input_reference";
    let object = match given(values, PARAM) {
        None => return Ok(None),
        Some(Value::Object(object)) => object,
        Some(_) => {
            return Err(invalid_type(
                PARAM,
                "a file, or an object such as `{\"image_url\": \"https://…\"}`",
            ));
        }
    };
    if object.contains_key("file_id") {
        return Err(invalid_value(PARAM, "cannot name a `file_id` here; send the picture itself"));
    }
    let Some(Value::String(url)) = object.get("image_url") else {
        return Err(invalid_value(
            PARAM,
            "needs an `image_url`: where the picture is, or a data URL",
        ));
    };
    let broken = || invalid_value(PARAM, "has an `image_url` whose data is not base64");
    if let Some(embedded) = embedded.filter(|_| url == EMBEDDED) {
        return embedded.file.map(|file| Some(Reference::Sent(file))).ok_or_else(broken);
    }
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(Some(Reference::At(url.clone())));
    };
    let encoded = rest.split_once(";base64,").map(|(_, encoded)| encoded);
    let decoded = encoded.and_then(|encoded| base64_decode(encoded.trim()));
    decoded.map(|bytes| Some(Reference::Sent(Bytes::from(bytes)))).ok_or_else(broken)
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse_json(value: Value) -> Result<VideoRequest, Problem> {
        let Value::Object(values) = value else { panic!("an object") };
        parse(Fields { values, ..Fields::default() }).map(|wanted| wanted.request)
    }

    #[test]
    fn seconds_may_be_text_or_a_number() {
        let text = parse_json(json!({ "prompt": "p", "seconds": "8" })).unwrap();
        let number = parse_json(json!({ "prompt": "p", "seconds": 8 })).unwrap();

        assert_eq!((text.seconds, number.seconds), (Some(8), Some(8)));
    }

    #[test]
    fn a_duration_that_contradicts_the_seconds_is_refused() {
        assert!(parse_json(json!({ "prompt": "p", "seconds": 8, "duration": 8 })).is_ok());
        assert!(parse_json(json!({ "prompt": "p", "seconds": 8, "duration": 4 })).is_err());
    }

    #[test]
    fn booleans_may_be_text_as_multipart_sends_them() {
        let request = parse_json(json!({ "prompt": "p", "loop": "true", "audio": false })).unwrap();

        assert_eq!((request.looped, request.audio), (Some(true), Some(false)));
    }

    #[test]
    fn a_null_is_as_good_as_nothing() {
        let request = parse_json(json!({ "prompt": "p", "size": null, "seed": null })).unwrap();

        assert_eq!((request.size, request.seed), (None, None));
    }

    proptest! {
        #[test]
        fn no_value_breaks_the_parser(name in prop::sample::select(KNOWN.to_vec()), value in any_json()) {
            parse_json(json!({ "prompt": "p", name: value })).ok();
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z_]{0,9}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
