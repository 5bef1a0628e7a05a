//! Reads the input of a model, and refuses it as fal's models do: with a list of what is wrong.

use serde_json::{Value, json};

use super::{endpoints::Family, errors::Wrong};
use crate::{frame, intake};

/// Fields that models take a first picture in.
const FIRST_PICTURES: &[&str] =
    &["image_url", "start_image_url", "first_frame_url", "first_frame_image_url"];
/// Fields that hold several pictures, or a video.
const MATERIAL: &[&str] = &["image_urls", "reference_image_urls", "images", "video_url"];

/// What an input asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) prompt: String,
    pub(super) millis: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) audio: bool,
}

/// Reads an input. `is_there` tells whether a file that was uploaded here can be fetched.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn read(
    endpoint: &str,
    family: &Family,
    input: &Value,
    is_there: impl Fn(&str) -> bool,
) -> Result<Wanted, Vec<Wrong>> {
    let mut wrong = Vec::new();
    if !input.is_object() {
        return Err(vec![Wrong::new("model_attributes_type", &[], "Input should be an object")]);
    }
    let prompt = prompt(family, input, &mut wrong);
    check_pictures(endpoint, input, is_there, &mut wrong);
    let resolution = one_of(input, "resolution", family.resolutions, &mut wrong);
    let aspect = one_of(input, "aspect_ratio", family.aspects, &mut wrong);
    let millis = millis(family, input, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let usual = family.resolutions.iter().find(|it| **it == "720p").or(family.resolutions.first());
    let resolution = resolution.or(usual.map(|it| (*it).to_owned())).unwrap_or_default();
    let (width, height) = frame::pixels(&resolution, &aspect.unwrap_or_default());
    let audio = input.get("generate_audio").and_then(Value::as_bool).unwrap_or(family.has_sound);
    Ok(Wanted { prompt, millis, width, height, audio })
}

fn prompt(family: &Family, input: &Value, wrong: &mut Vec<Wrong>) -> String {
    let Some(prompt) = input.get("prompt") else {
        wrong.push(Wrong::new("missing", &["prompt"], "Field required").with_input(input.clone()));
        return String::new();
    };
    let Some(prompt) = prompt.as_str() else {
        let found = Wrong::new("string_type", &["prompt"], "Input should be a valid string");
        wrong.push(found.with_input(prompt.clone()));
        return String::new();
    };
    let most = family.longest_prompt;
    if prompt.chars().count() > most {
        let message = format!("Value should have at most {most} items");
        let found = Wrong::new("sequence_too_long", &["prompt"], &message);
        wrong.push(found.with_ctx(json!({ "max_length": most })));
    }
    prompt.to_owned()
}

fn check_pictures(
    endpoint: &str,
    input: &Value,
    is_there: impl Fn(&str) -> bool,
    wrong: &mut Vec<Wrong>,
) {
    let needs = ["image-to-video", "frame-to-video", "reference-to-video", "pikascenes"];
    let mut is_given = MATERIAL.iter().any(|it| input.get(it).is_some_and(|it| !it.is_null()));
    let mut check = |field: &str, value: &Value| {
        let url = value.as_str().unwrap_or_default();
        let is_link = ["http://", "https://", "data:"].iter().any(|it| url.starts_with(it));
        if !is_link || !is_there(url) {
            let message = "Failed to download the file. Please check that the URL is accessible.";
            let found = Wrong::new("file_download_error", &[field], message);
            wrong.push(found.with_input(value.clone()));
        }
    };
    for field in FIRST_PICTURES.iter().chain(&["end_image_url", "tail_image_url", "last_frame_url"])
    {
        if let Some(value) = input.get(field).filter(|it| !it.is_null()) {
            is_given |= FIRST_PICTURES.contains(field);
            check(field, value);
        }
    }
    if needs.iter().any(|it| endpoint.contains(it)) && !is_given {
        let found = Wrong::new("missing", &["image_url"], "Field required");
        wrong.push(found.with_input(input.clone()));
    }
}

/// A field that takes one of some words; `auto` is always one.
fn one_of(input: &Value, field: &str, allowed: &[&str], wrong: &mut Vec<Wrong>) -> Option<String> {
    let value = input.get(field).filter(|it| !it.is_null())?;
    let text = intake::text(value).unwrap_or_default();
    if text == "auto" {
        return None;
    }
    if let Some(word) = allowed.iter().find(|it| it.eq_ignore_ascii_case(&text)) {
        return Some((*word).to_owned());
    }
    let message = format!("Value should be one of: {}", allowed.join(", "));
    let found = Wrong::new("one_of", &[field], &message);
    wrong.push(found.with_input(value.clone()).with_ctx(json!({ "expected": allowed })));
    None
}

/// The length asked for: `duration` as `8`, `"8"` or `"8s"`, or a number of frames.
fn millis(family: &Family, input: &Value, wrong: &mut Vec<Wrong>) -> u64 {
    let usual = u64::from(family.usual_seconds) * 1000;
    if let Some(frames) = input.get("num_frames").and_then(Value::as_u64) {
        let rate = input.get("frames_per_second").and_then(Value::as_u64);
        let rate = rate.unwrap_or(16).clamp(4, 60);
        return frames.clamp(17, 361) * 1000 / rate;
    }
    let Some(value) = input.get("duration").filter(|it| !it.is_null()) else { return usual };
    let text = intake::text(value).unwrap_or_default();
    if text == "auto" {
        return usual;
    }
    let seconds = text.strip_suffix('s').unwrap_or(&text).parse::<u32>().ok();
    if let Some(seconds) = seconds.filter(|it| family.seconds.contains(it)) {
        return u64::from(seconds) * 1000;
    }
    let allowed: Vec<String> = family.seconds.iter().map(ToString::to_string).collect();
    let message = format!("Value should be one of: {}", allowed.join(", "));
    let found = Wrong::new("one_of", &["duration"], &message);
    wrong.push(found.with_input(value.clone()).with_ctx(json!({ "expected": allowed })));
    usual
}

#[cfg(test)]
mod tests {
    use super::{super::endpoints, *};

    fn read_of(endpoint: &str, input: &Value) -> Result<Wanted, Vec<String>> {
        let family = endpoints::family(endpoint).unwrap();
        let kinds = |wrong: Vec<Wrong>| wrong.into_iter().map(|it| it.kind.to_owned()).collect();
        read(endpoint, family, input, |url| !url.contains("gone")).map_err(kinds)
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
