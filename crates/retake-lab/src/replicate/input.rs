//! Reads the input of a model, and refuses what its schema does not allow.

use serde_json::Value;

use super::{catalog::Family, problem::Invalid};
use crate::frame;

/// What an input asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) prompt: String,
    pub(super) millis: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) audio: bool,
}

/// Reads an input; fields that the schema does not have are let be.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn read(model: &str, family: &Family, input: &Value) -> Result<Wanted, Vec<Invalid>> {
    let mut wrong = Vec::new();
    let prompt = text(input, "prompt", &mut wrong);
    if prompt.is_none() && wrong.is_empty() {
        wrong.push(required("prompt"));
    }
    for (nth, field) in family.pictures.iter().enumerate() {
        let picture = text(input, field, &mut wrong);
        let is_link =
            |it: &String| ["http://", "https://", "data:"].iter().any(|p| it.starts_with(p));
        match picture {
            Some(link) if !is_link(&link) => {
                wrong.push(about("format", field, "Does not match format 'uri'"));
            }
            None if nth == 0 && family.needs_picture => wrong.push(required(field)),
            _ => {}
        }
    }
    let seconds = seconds(family, input, &mut wrong);
    let resolution = one_of(input, "resolution", family.resolutions, &mut wrong);
    let aspect = one_of(input, "aspect_ratio", family.aspects, &mut wrong);
    if input.get("seed").is_some_and(|it| !it.is_i64() && !it.is_null()) {
        wrong.push(mistyped("seed", "integer", &input["seed"]));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let resolution = resolution.unwrap_or_else(|| family.usual_resolution(model));
    let (width, height) = frame::pixels(&resolution, &aspect.unwrap_or_default());
    let audio = input.get("generate_audio").and_then(Value::as_bool).unwrap_or(family.has_sound);
    let millis = u64::from(seconds) * 1000;
    Ok(Wanted { prompt: prompt.unwrap_or_default(), millis, width, height, audio })
}

fn about(kind: &'static str, field: &str, description: &str) -> Invalid {
    Invalid { kind, field: format!("input.{field}"), description: description.to_owned() }
}

fn required(field: &str) -> Invalid {
    let description = format!("{field} is required");
    Invalid { kind: "required", field: "input".to_owned(), description }
}

fn mistyped(field: &str, expected: &str, given: &Value) -> Invalid {
    let given = match given {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    about("invalid_type", field, &format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn text(input: &Value, field: &str, wrong: &mut Vec<Invalid>) -> Option<String> {
    match input.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            wrong.push(mistyped(field, "string", other));
            None
        }
    }
}

fn one_of(
    input: &Value,
    field: &str,
    allowed: &[&str],
    wrong: &mut Vec<Invalid>,
) -> Option<String> {
    let text = text(input, field, wrong)?;
    if allowed.is_empty() || allowed.contains(&text.as_str()) {
        return Some(text).filter(|_| !allowed.is_empty());
    }
    wrong.push(not_among(field, &allowed.join(", ")));
    None
}

fn not_among(field: &str, allowed: &str) -> Invalid {
    let description = format!("input.{field} must be one of the following: {allowed}");
    about("enum", field, &description)
}

fn seconds(family: &Family, input: &Value, wrong: &mut Vec<Invalid>) -> u32 {
    let usual = family.seconds.first().copied().unwrap_or(5);
    let value = match input.get("duration") {
        None | Some(Value::Null) => return usual,
        Some(value) => value,
    };
    let Some(asked) = value.as_i64() else {
        wrong.push(mistyped("duration", "integer", value));
        return usual;
    };
    if let Some(seconds) = family.seconds.iter().find(|it| i64::from(**it) == asked) {
        return *seconds;
    }
    let mut allowed = family.seconds.to_vec();
    allowed.sort_unstable();
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    wrong.push(not_among("duration", &allowed.join(", ")));
    usual
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::catalog, *};

    fn read_of(model: &str, input: &Value) -> Result<Wanted, Vec<&'static str>> {
        let family = catalog::family(model).unwrap();
        read(model, family, input).map_err(|wrong| wrong.iter().map(|it| it.kind).collect())
    }

    #[test]
    fn an_input_becomes_what_is_to_be_rendered() {
        let input = json!({ "prompt": "a cat", "duration": 4, "aspect_ratio": "9:16" });

        let wanted = read_of("google/veo-3.1", &input).unwrap();

        assert_eq!((wanted.width, wanted.height, wanted.millis), (720, 1280, 4000));
        assert!(wanted.audio);
    }

    #[test]
    fn what_the_schema_does_not_allow_is_refused() {
        for (input, expected) in [
            (json!({}), vec!["required", "required"]),
            (json!({ "prompt": 1, "image": "https://a/b" }), vec!["invalid_type"]),
            (json!({ "prompt": "a", "image": "b.png" }), vec!["format"]),
            (json!({ "prompt": "a", "image": "data:,", "duration": "5" }), vec!["invalid_type"]),
            (json!({ "prompt": "a", "image": "data:,", "duration": 77 }), vec!["enum"]),
            (
                json!({ "prompt": "a", "image": "data:,", "resolution": "8k", "seed": 0.5 }),
                vec!["enum", "invalid_type"],
            ),
        ] {
            assert_eq!(read_of("wan-video/wan-2.5-i2v", &input).unwrap_err(), expected, "{input}");
        }
    }
}
