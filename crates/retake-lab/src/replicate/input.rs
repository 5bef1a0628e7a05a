//! Parses the input of a model and validates it against the model's schema.

use serde_json::Value;

use super::{catalog::Family, errors::InvalidField};
use crate::frame_size;

/// The parsed input of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModelInput {
    pub(super) prompt: String,
    pub(super) millis: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) audio: bool,
}

/// Parses an input; unknown fields are ignored.
///
/// # Errors
///
/// All issues of the input.
pub(super) fn parse(
    model: &str,
    family: &Family,
    input: &Value,
) -> Result<ModelInput, Vec<InvalidField>> {
    let mut issues = Vec::new();
    let prompt = read_text(input, "prompt", &mut issues);
    if prompt.is_none() && issues.is_empty() {
        issues.push(required_field("prompt"));
    }
    for (nth, field) in family.image_fields.iter().enumerate() {
        let image = read_text(input, field, &mut issues);
        let is_link =
            |it: &String| ["http://", "https://", "data:"].iter().any(|p| it.starts_with(p));
        match image {
            Some(link) if !is_link(&link) => {
                issues.push(issue("format", field, "Does not match format 'uri'"));
            }
            None if nth == 0 && family.is_image_required => issues.push(required_field(field)),
            _ => {}
        }
    }
    let seconds = read_seconds(family, input, &mut issues);
    let resolution = read_choice(input, "resolution", family.resolutions, &mut issues);
    let aspect = read_choice(input, "aspect_ratio", family.aspects, &mut issues);
    if input.get("seed").is_some_and(|it| !it.is_i64() && !it.is_null()) {
        issues.push(wrong_type("seed", "integer", &input["seed"]));
    }
    if !issues.is_empty() {
        return Err(issues);
    }
    let resolution = resolution.unwrap_or_else(|| family.default_resolution(model));
    let (width, height) = frame_size::pixels(&resolution, &aspect.unwrap_or_default());
    let audio = input.get("generate_audio").and_then(Value::as_bool).unwrap_or(family.has_sound);
    let millis = u64::from(seconds) * 1000;
    Ok(ModelInput { prompt: prompt.unwrap_or_default(), millis, width, height, audio })
}

fn issue(kind: &'static str, field: &str, description: &str) -> InvalidField {
    InvalidField { kind, field: format!("input.{field}"), description: description.to_owned() }
}

fn required_field(field: &str) -> InvalidField {
    let description = format!("{field} is required");
    InvalidField { kind: "required", field: "input".to_owned(), description }
}

fn wrong_type(field: &str, expected: &str, given: &Value) -> InvalidField {
    let given = match given {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    issue("invalid_type", field, &format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn read_text(input: &Value, field: &str, issues: &mut Vec<InvalidField>) -> Option<String> {
    match input.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            issues.push(wrong_type(field, "string", other));
            None
        }
    }
}

fn read_choice(
    input: &Value,
    field: &str,
    allowed: &[&str],
    issues: &mut Vec<InvalidField>,
) -> Option<String> {
    let text = read_text(input, field, issues)?;
    if allowed.is_empty() || allowed.contains(&text.as_str()) {
        return Some(text).filter(|_| !allowed.is_empty());
    }
    issues.push(not_allowed(field, &allowed.join(", ")));
    None
}

fn not_allowed(field: &str, allowed: &str) -> InvalidField {
    let description = format!("input.{field} must be one of the following: {allowed}");
    issue("enum", field, &description)
}

fn read_seconds(family: &Family, input: &Value, issues: &mut Vec<InvalidField>) -> u32 {
    let default = family.seconds.first().copied().unwrap_or(5);
    let value = match input.get("duration") {
        None | Some(Value::Null) => return default,
        Some(value) => value,
    };
    let Some(asked) = value.as_i64() else {
        issues.push(wrong_type("duration", "integer", value));
        return default;
    };
    if let Some(seconds) = family.seconds.iter().find(|it| i64::from(**it) == asked) {
        return *seconds;
    }
    let mut allowed = family.seconds.to_vec();
    allowed.sort_unstable();
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    issues.push(not_allowed("duration", &allowed.join(", ")));
    default
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::catalog, *};

    fn read_of(model: &str, input: &Value) -> Result<ModelInput, Vec<&'static str>> {
        let family = catalog::family(model).unwrap();
        parse(model, family, input).map_err(|issues| issues.iter().map(|it| it.kind).collect())
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
