//! Parses the input of a model and validates it as fal's models do, with a list of all issues.

use serde_json::{Value, json};

use super::{endpoints::Family, errors::ValidationIssue};
use crate::{frame_size, request_body};

/// The fields for a first image.
const FIRST_IMAGE_FIELDS: &[&str] =
    &["image_url", "start_image_url", "first_frame_url", "first_frame_image_url"];
/// The fields for several images or a video.
const REFERENCE_FIELDS: &[&str] = &["image_urls", "reference_image_urls", "images", "video_url"];

/// The parsed input of a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModelInput {
    pub(super) prompt: String,
    pub(super) millis: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) audio: bool,
}

/// Parses an input. `is_stored` says whether an uploaded file exists.
///
/// # Errors
///
/// All issues of the input.
pub(super) fn parse(
    endpoint: &str,
    family: &Family,
    input: &Value,
    is_stored: impl Fn(&str) -> bool,
) -> Result<ModelInput, Vec<ValidationIssue>> {
    let mut issues = Vec::new();
    if !input.is_object() {
        return Err(vec![ValidationIssue::new(
            "model_attributes_type",
            &[],
            "Input should be an object",
        )]);
    }
    let prompt = read_prompt(family, input, &mut issues);
    check_images(endpoint, input, is_stored, &mut issues);
    let resolution = read_choice(input, "resolution", family.resolutions, &mut issues);
    let aspect = read_choice(input, "aspect_ratio", family.aspects, &mut issues);
    let millis = read_millis(family, input, &mut issues);
    if !issues.is_empty() {
        return Err(issues);
    }
    let default =
        family.resolutions.iter().find(|it| **it == "720p").or(family.resolutions.first());
    let resolution = resolution.or(default.map(|it| (*it).to_owned())).unwrap_or_default();
    let (width, height) = frame_size::pixels(&resolution, &aspect.unwrap_or_default());
    let audio = input.get("generate_audio").and_then(Value::as_bool).unwrap_or(family.has_sound);
    Ok(ModelInput { prompt, millis, width, height, audio })
}

fn read_prompt(family: &Family, input: &Value, issues: &mut Vec<ValidationIssue>) -> String {
    let Some(prompt) = input.get("prompt") else {
        issues.push(
            ValidationIssue::new("missing", &["prompt"], "Field required")
                .with_input(input.clone()),
        );
        return String::new();
    };
    let Some(prompt) = prompt.as_str() else {
        let issue =
            ValidationIssue::new("string_type", &["prompt"], "Input should be a valid string");
        issues.push(issue.with_input(prompt.clone()));
        return String::new();
    };
    let max = family.max_prompt_chars;
    if prompt.chars().count() > max {
        let message = format!("Value should have at most {max} items");
        let issue = ValidationIssue::new("sequence_too_long", &["prompt"], &message);
        issues.push(issue.with_ctx(json!({ "max_length": max })));
    }
    prompt.to_owned()
}

fn check_images(
    endpoint: &str,
    input: &Value,
    is_stored: impl Fn(&str) -> bool,
    issues: &mut Vec<ValidationIssue>,
) {
    let needs = ["image-to-video", "frame-to-video", "reference-to-video", "pikascenes"];
    let mut has_image =
        REFERENCE_FIELDS.iter().any(|it| input.get(it).is_some_and(|it| !it.is_null()));
    let mut check = |field: &str, value: &Value| {
        let url = value.as_str().unwrap_or_default();
        let is_link = ["http://", "https://", "data:"].iter().any(|it| url.starts_with(it));
        if !is_link || !is_stored(url) {
            let message = "Failed to download the file. Please check that the URL is accessible.";
            let issue = ValidationIssue::new("file_download_error", &[field], message);
            issues.push(issue.with_input(value.clone()));
        }
    };
    for field in
        FIRST_IMAGE_FIELDS.iter().chain(&["end_image_url", "tail_image_url", "last_frame_url"])
    {
        if let Some(value) = input.get(field).filter(|it| !it.is_null()) {
            has_image |= FIRST_IMAGE_FIELDS.contains(field);
            check(field, value);
        }
    }
    if needs.iter().any(|it| endpoint.contains(it)) && !has_image {
        let issue = ValidationIssue::new("missing", &["image_url"], "Field required");
        issues.push(issue.with_input(input.clone()));
    }
}

/// Reads a field with a fixed set of values; `auto` is always allowed.
fn read_choice(
    input: &Value,
    field: &str,
    allowed: &[&str],
    issues: &mut Vec<ValidationIssue>,
) -> Option<String> {
    let value = input.get(field).filter(|it| !it.is_null())?;
    let text = request_body::scalar_text(value).unwrap_or_default();
    if text == "auto" {
        return None;
    }
    if let Some(word) = allowed.iter().find(|it| it.eq_ignore_ascii_case(&text)) {
        return Some((*word).to_owned());
    }
    let message = format!("Value should be one of: {}", allowed.join(", "));
    let issue = ValidationIssue::new("one_of", &[field], &message);
    issues.push(issue.with_input(value.clone()).with_ctx(json!({ "expected": allowed })));
    None
}

/// The requested length: `duration` as `8`, `"8"` or `"8s"`, or a number of frames.
fn read_millis(family: &Family, input: &Value, issues: &mut Vec<ValidationIssue>) -> u64 {
    let default = u64::from(family.default_seconds) * 1000;
    if let Some(frames) = input.get("num_frames").and_then(Value::as_u64) {
        let rate = input.get("frames_per_second").and_then(Value::as_u64);
        let rate = rate.unwrap_or(16).clamp(4, 60);
        return frames.clamp(17, 361) * 1000 / rate;
    }
    let Some(value) = input.get("duration").filter(|it| !it.is_null()) else { return default };
    let text = request_body::scalar_text(value).unwrap_or_default();
    if text == "auto" {
        return default;
    }
    let seconds = text.strip_suffix('s').unwrap_or(&text).parse::<u32>().ok();
    if let Some(seconds) = seconds.filter(|it| family.seconds.contains(it)) {
        return u64::from(seconds) * 1000;
    }
    let allowed: Vec<String> = family.seconds.iter().map(ToString::to_string).collect();
    let message = format!("Value should be one of: {}", allowed.join(", "));
    let issue = ValidationIssue::new("one_of", &["duration"], &message);
    issues.push(issue.with_input(value.clone()).with_ctx(json!({ "expected": allowed })));
    default
}

#[cfg(test)]
mod tests {
    use super::{super::endpoints, *};

    fn read_of(endpoint: &str, input: &Value) -> Result<ModelInput, Vec<String>> {
        let family = endpoints::family(endpoint).unwrap();
        let kinds = |issues: Vec<ValidationIssue>| {
            issues.into_iter().map(|it| it.kind.to_owned()).collect()
        };
        parse(endpoint, family, input, |url| !url.contains("gone")).map_err(kinds)
    }

    #[test]
    fn an_input_becomes_what_is_to_be_rendered() {
        let input = json!({
            "prompt": "a cat", "duration": "4s", "resolution": "1080p", "aspect_ratio": "9:16",
            "generate_audio": false,
        });

        let wanted = read_of("fal-ai/veo3.1", &input).unwrap();

        assert_eq!((wanted.width, wanted.height, wanted.millis), (1080, 1920, 4000));
        assert!(!wanted.audio);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let video = "fal-ai/kling-video/v3/pro/image-to-video";
        for (input, expected) in [
            (json!({}), vec!["missing", "missing"]),
            (json!([1]), vec!["model_attributes_type"]),
            (json!({ "prompt": 5, "image_url": "https://a/b.png" }), vec!["string_type"]),
            (json!({ "prompt": "a", "image_url": "gone" }), vec!["file_download_error"]),
            (json!({ "prompt": "a", "image_url": "https://gone" }), vec!["file_download_error"]),
            (
                json!({ "prompt": "a", "image_url": "data:,", "duration": "77", "aspect_ratio": [] }),
                vec!["one_of", "one_of"],
            ),
            (
                json!({ "prompt": "a".repeat(2501), "image_url": "data:," }),
                vec!["sequence_too_long"],
            ),
        ] {
            assert_eq!(read_of(video, &input).unwrap_err(), expected, "{input}");
        }
    }

    #[test]
    fn a_number_of_frames_is_a_length_too() {
        let input = json!({ "prompt": "a", "num_frames": 81, "frames_per_second": 16 });
        assert_eq!(read_of("fal-ai/wan/v2.2/text-to-video", &input).unwrap().millis, 5062);
    }
}
