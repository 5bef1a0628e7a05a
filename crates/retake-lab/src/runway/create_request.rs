//! Parses the body of a create as strictly as Runway does, and lists all issues in the form of zod.

use serde_json::{Map, Value, json};

use super::{
    catalog::{self, Field, Offer},
    frame_size,
    inputs::{self, Medium},
};
use crate::request_body;

/// A parsed create.
#[derive(Debug)]
pub(super) struct CreateRequest {
    pub(super) model: String,
    pub(super) prompt: String,
    pub(super) millis: u64,
    /// Width and height in pixels.
    pub(super) frame: (u32, u32),
    pub(super) audio: bool,
    /// The price in credits.
    pub(super) credits: u64,
    /// The estimated price in credits: more than `credits` if the model chooses the length.
    pub(super) max_credits: u64,
}

/// The default length of a video, in seconds.
const DEFAULT_SECONDS: u64 = 5;

/// Parses a body; `is_upload_ready` says whether an upload can be used.
pub(super) fn parse(
    endpoint: &str,
    body: &Value,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Result<CreateRequest, Vec<Value>> {
    let Some(fields) = body.as_object() else {
        return Err(vec![wrong_type(&[], "object", Some(body))]);
    };
    let model = fields.get("model").and_then(Value::as_str).unwrap_or_default();
    let Some(offer) = catalog::offers(endpoint).find(|offer| offer.model == model) else {
        let issue = json!({
            "code": "invalid_union", "errors": [], "note": "No matching discriminator",
            "discriminator": "model", "path": ["model"], "message": "Invalid input",
        });
        return Err(vec![issue]);
    };
    let mut issues = unknown_keys(&offer, fields);
    for field in &offer.fields {
        match fields.get(field.name) {
            None if field.is_required => issues.push(wrong_type(&[field.name.into()], "", None)),
            None => {}
            Some(value) => issues.extend(check_field(&offer, field, value, is_upload_ready)),
        }
    }
    if issues.is_empty() { Ok(settle(&offer, fields)) } else { Err(issues) }
}

fn settle(offer: &Offer, fields: &Map<String, Value>) -> CreateRequest {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let frame = frame_size::pixels(text("ratio"), text("resolution"));
    let has_sound = fields.get("audio").and_then(Value::as_bool);
    let audio = has_sound.unwrap_or(offer.field("audio").is_some());
    let allowed = offer.field("duration").and_then(|field| field.allowed).unwrap_or_default();
    let first = allowed.split('|').find_map(|it| it.parse().ok()).unwrap_or(DEFAULT_SECONDS);
    let seconds =
        fields.get("duration").and_then(Value::as_u64).unwrap_or(first.max(DEFAULT_SECONDS));
    let billed_at_most =
        if text("duration") == Some("auto") { max_seconds(allowed) } else { seconds };
    let (each, min_credits) = catalog::price(offer.model, audio, frame.1.min(frame.0));
    let each = each + catalog::surcharge(text("outputFormat").unwrap_or("mp4"));
    CreateRequest {
        model: offer.model.to_owned(),
        prompt: text("promptText").unwrap_or_default().to_owned(),
        millis: seconds * 1000,
        frame,
        audio,
        credits: (each * seconds).max(min_credits),
        max_credits: (each * billed_at_most).max(min_credits),
    }
}

fn max_seconds(allowed: &str) -> u64 {
    let ends = allowed.split('|').filter_map(|it| it.rsplit("..").next()?.parse().ok());
    ends.max().unwrap_or(DEFAULT_SECONDS)
}

fn unknown_keys(offer: &Offer, fields: &Map<String, Value>) -> Vec<Value> {
    let is_known = |key: &&String| *key == "model" || offer.field(key).is_some();
    let keys: Vec<_> = fields.keys().filter(|key| !is_known(key)).take(20).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let message = format!("Unrecognized keys: {keys:?}");
    vec![json!({ "code": "unrecognized_keys", "keys": keys, "path": [], "message": message })]
}

/// The issue with a field, if there is one.
fn check_field(
    offer: &Offer,
    field: &Field,
    value: &Value,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    let path = &[Value::from(field.name)];
    match field.name {
        "promptText" => check_text(path, value, offer.max_prompt_units),
        "negativePrompt" => check_text(path, value, 1000),
        "seed" => check_choice(path, value, "0..4294967295"),
        "audio" | "bodyControl" | "draft" | "fpsBoost" => {
            (!value.is_boolean()).then(|| wrong_type(path, "boolean", Some(value)))
        }
        "cfgScale" => match value.as_f64() {
            None => Some(wrong_type(path, "number", Some(value))),
            Some(it) if it < 0.0 => Some(out_of_range(path, "too_small", ("number", 0))),
            Some(it) if it > 1.0 => Some(out_of_range(path, "too_big", ("number", 1))),
            Some(_) => None,
        },
        "promptImage" => check_frames(offer, path, value, is_upload_ready),
        "videoUri" | "promptVideo" => check_uri(path, value, Medium::Video, is_upload_ready),
        "references" if value.is_string() => check_uri(path, value, Medium::Image, is_upload_ready),
        "references" => check_list(path, value, (30, Medium::Image), is_upload_ready),
        "referenceVideos" => check_list(path, value, (30, Medium::Video), is_upload_ready),
        "referenceAudio" => check_list(path, value, (30, Medium::Audio), is_upload_ready),
        "character" | "reference" => {
            let is_image = value.get("type").and_then(Value::as_str) == Some("image");
            let medium = if is_image { Medium::Image } else { Medium::Video };
            check_item(path, value, medium, is_upload_ready)
        }
        _ => check_choice(path, value, field.allowed?),
    }
}

fn check_text(path: &[Value], value: &Value, longest: usize) -> Option<Value> {
    let Some(text) = value.as_str() else { return Some(wrong_type(path, "string", Some(value))) };
    match text.encode_utf16().count() {
        0 => Some(out_of_range(path, "too_small", ("string", 1))),
        units if units > longest => Some(out_of_range(path, "too_big", ("string", longest))),
        _ => None,
    }
}

/// Checks a value against words and ranges of whole numbers, separated by `|`.
fn check_choice(path: &[Value], value: &Value, allowed: &str) -> Option<Value> {
    let found = request_body::scalar_text(value);
    let is_found = |option: &str| found.as_deref() == Some(option);
    if allowed.split('|').any(is_found) {
        return None;
    }
    let range = allowed.split('|').find_map(|it| it.split_once(".."));
    let range = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let Some((least, most)) = range else {
        let values: Vec<_> = allowed.split('|').collect();
        let message = format!("Invalid option: expected one of {}", values.join("|"));
        let issue = json!({ "code": "invalid_value", "values": values });
        return Some(with_path(issue, path, &message));
    };
    match value.as_i64() {
        None => Some(wrong_type(path, "int", Some(value))),
        Some(it) if it < least => Some(out_of_range(path, "too_small", ("number", least))),
        Some(it) if it > most => Some(out_of_range(path, "too_big", ("number", most))),
        Some(_) => None,
    }
}

fn check_uri(
    path: &[Value],
    value: &Value,
    medium: Medium,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    let Some(uri) = value.as_str() else { return Some(wrong_type(path, "string", Some(value))) };
    let message = inputs::check(uri, medium, is_upload_ready)?;
    Some(with_path(json!({ "code": "invalid_format", "format": "url" }), path, message))
}

fn check_item(
    path: &[Value],
    value: &Value,
    medium: Medium,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    if !value.is_object() {
        return Some(wrong_type(path, "object", Some(value)));
    }
    let path = [path, &["uri".into()]].concat();
    check_uri(&path, &value["uri"], medium, is_upload_ready)
}

fn check_list(
    path: &[Value],
    value: &Value,
    (most, medium): (usize, Medium),
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    let Some(items) = value.as_array() else {
        return Some(wrong_type(path, "array", Some(value)));
    };
    if items.len() > most {
        return Some(out_of_range(path, "too_big", ("array", most)));
    }
    items.iter().enumerate().find_map(|(nth, it)| {
        let path = [path, &[nth.into()]].concat();
        check_item(&path, it, medium, is_upload_ready)
    })
}

/// Checks an image, or images with their positions.
fn check_frames(
    offer: &Offer,
    path: &[Value],
    value: &Value,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    if value.is_string() {
        return check_uri(path, value, Medium::Image, is_upload_ready);
    }
    let found = check_list(path, value, (30, Medium::Image), is_upload_ready);
    if found.is_some() {
        return found;
    }
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let count = |place: &str| items.iter().filter(|it| it["position"] == place).count();
    let (first, last) = (count("first"), count("last"));
    let message = if items.is_empty() {
        "At least one image is needed."
    } else if first > 1 || last > 1 {
        "Two images have the same position."
    } else if last > 0 && !can_take_last_frame(offer.model) {
        "This model takes a first frame only."
    } else if last > 0 && first == 0 {
        "A last frame needs a first frame."
    } else {
        return None;
    };
    Some(with_path(json!({ "code": "custom" }), path, message))
}

/// Whether a last frame can be given (the parameters of the models, 2026-11-21).
fn can_take_last_frame(model: &str) -> bool {
    let first_only = ["gen4", "happyhorse", "grok"].iter().any(|it| model.starts_with(it));
    !first_only && model != "gemini_omni_flash"
}

fn wrong_type(path: &[Value], expected: &str, found: Option<&Value>) -> Value {
    let expected = if expected.is_empty() { expected_type(path) } else { expected };
    let received = match found {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    };
    let message = format!("Invalid input: expected {expected}, received {received}");
    with_path(json!({ "code": "invalid_type", "expected": expected }), path, &message)
}

/// The expected type of a missing field.
fn expected_type(path: &[Value]) -> &'static str {
    match path.first().and_then(Value::as_str) {
        Some("duration") => "number",
        Some("character" | "reference") => "object",
        _ => "string",
    }
}

fn out_of_range(path: &[Value], code: &str, (origin, limit): (&str, impl Into<Value>)) -> Value {
    let limit: Value = limit.into();
    let (side, sign, word) = match code {
        "too_small" => ("minimum", ">=", "small"),
        _ => ("maximum", "<=", "big"),
    };
    let message = format!("Too {word}: expected {origin} to be {sign}{limit}");
    let mut issue = json!({ "code": code, "origin": origin, "inclusive": true });
    issue[side] = limit;
    with_path(issue, path, &message)
}

fn with_path(mut issue: Value, path: &[Value], message: &str) -> Value {
    issue["path"] = path.into();
    issue["message"] = message.into();
    issue
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(body: &Value) -> Vec<String> {
        let found = parse("text_to_video", body, &|_| false).err().unwrap_or_default();
        let code = |it: &Value| format!("{} {}", it["code"].as_str().unwrap(), it["path"]);
        found.iter().map(code).collect()
    }

    #[test]
    fn what_is_wrong_with_a_body_is_listed_in_the_words_of_zod() {
        let good = json!({
            "model": "gen4.5", "promptText": "a cat", "ratio": "1280:720", "duration": 5,
        });
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            codes(&body)
        };

        assert_eq!(codes(&good), [""; 0]);
        assert_eq!(codes(&json!([])), ["invalid_type []"]);
        assert_eq!(with("model", json!("gen4")), [r#"invalid_union ["model"]"#]);
        assert_eq!(with("audio", json!(true)), ["unrecognized_keys []"]);
        assert_eq!(with("duration", json!(11)), [r#"too_big ["duration"]"#]);
        assert_eq!(with("duration", json!(2.5)), [r#"invalid_type ["duration"]"#]);
        assert_eq!(with("ratio", json!("1:1")), [r#"invalid_value ["ratio"]"#]);
        assert_eq!(with("promptText", json!("")), [r#"too_small ["promptText"]"#]);
        assert_eq!(with("promptText", json!("🐈".repeat(501))), [r#"too_big ["promptText"]"#]);
        assert_eq!(with("seed", Value::Null), [r#"invalid_type ["seed"]"#]);
    }

    #[test]
    fn a_length_left_to_the_model_is_estimated_at_the_longest() {
        let body = json!({
            "model": "seedance2_5", "promptText": "a cat", "ratio": "1280:720", "duration": "auto",
        });

        let create_request = parse("text_to_video", &body, &|_| false).unwrap();

        assert_eq!(
            (create_request.millis, create_request.credits, create_request.max_credits),
            (5000, 150, 900)
        );
        assert!(create_request.audio && create_request.frame == (1280, 720));
    }

    #[test]
    fn a_last_frame_is_refused_alone_and_by_models_that_take_none() {
        let body = |model: &str, places: &[&str]| {
            let uri = "https://example.com/a.png";
            let item = |place: &&str| json!({ "uri": uri, "position": place });
            let images: Vec<_> = places.iter().map(item).collect();
            let mut body = json!({ "model": model, "promptImage": images, "ratio": "1280:720" });
            if model.starts_with("gen4.5") {
                (body["promptText"], body["duration"]) = (json!("a cat"), json!(5));
            }
            parse("image_to_video", &body, &|_| false).is_ok()
        };

        assert!(body("veo3.1", &["first", "last"]));
        assert!(body("gen4.5", &["first"]));
        assert!(!body("veo3.1", &["last"]));
        assert!(!body("gen4.5", &["first", "last"]));
    }
}
