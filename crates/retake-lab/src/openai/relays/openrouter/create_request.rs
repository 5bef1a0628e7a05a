//! Parses and validates a create of `OpenRouter`.

use http::StatusCode;
use serde_json::Value;

use super::catalog::{self, Card, pixels};
use crate::{
    emulator_context::EmulatorContext,
    openai::{
        dialect::Dialect,
        errors::{self, ApiError, error},
        relays::{DEFAULT_SECOND_MICROS, parse_size},
    },
    request_body::Form,
    simulator::{Create, JobState},
};

fn invalid_request(message: &str) -> ApiError {
    errors::invalid(message, None, None)
}

/// A field that is present and not `null`.
fn field<'a>(form: &'a Form, name: &str) -> Option<&'a Value> {
    form.fields.get(name).filter(|it| !it.is_null())
}

/// Parses a create. Any model of the form `vendor/slug` is served; one in the catalog is validated
/// against its capabilities.
pub(super) fn parse_create(
    dialect: &dyn Dialect,
    context: &EmulatorContext,
    key: &str,
    form: &Form,
) -> Result<Create, ApiError> {
    let model = read_model(context, form)?;
    let card = catalog::find(&model);
    let has_images = check_images(form)?;
    let prompt = match field(form, "prompt").map(Value::as_str) {
        Some(Some(prompt)) => prompt.to_owned(),
        None if has_images => String::new(),
        _ => return Err(invalid_request("prompt: expected string")),
    };
    let seconds = read_duration(form, card)?;
    let (width, height) = read_dimensions(form, card)?;
    let audio = match field(form, "generate_audio").map(Value::as_bool) {
        Some(None) => return Err(invalid_request("generate_audio: expected boolean")),
        Some(Some(wanted)) => wanted,
        None => card.is_none_or(|card| card.audio),
    };
    if field(form, "seed").is_some_and(|seed| !seed.is_i64() && !seed.is_u64()) {
        return Err(invalid_request("seed: expected integer"));
    }
    check_callback(form)?;
    check_previous(dialect, context, key, form)?;
    Ok(Create {
        price_micros: card.map_or(DEFAULT_SECOND_MICROS, |card| card.second_micros) * seconds,
        model,
        prompt,
        millis: seconds * 1000,
        width,
        height,
        audio,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

fn read_model(context: &EmulatorContext, form: &Form) -> Result<String, ApiError> {
    let model = field(form, "model").and_then(Value::as_str).unwrap_or_default();
    let is_slug = |part: &str| !part.is_empty() && !part.contains(['/', ' ']);
    if !model.split_once('/').is_some_and(|(vendor, slug)| is_slug(vendor) && is_slug(slug)) {
        return Err(invalid_request(&format!("{model} is not a valid model ID")));
    }
    if context.scenario().shutdown && model.starts_with("openai/sora") {
        let message = format!("No endpoints found for {model}.");
        return Err(error(StatusCode::NOT_FOUND, &message, "", None, None));
    }
    Ok(model.to_owned())
}

/// The length: a whole number of seconds, not text.
fn read_duration(form: &Form, card: Option<&Card>) -> Result<u64, ApiError> {
    let Some(duration) = field(form, "duration") else {
        return Ok(card.and_then(|card| card.durations.first().copied()).unwrap_or(5));
    };
    let seconds = duration.as_u64().ok_or_else(|| invalid_request("duration: expected integer"))?;
    let fits = card.map_or((1..=60).contains(&seconds), |card| card.durations.contains(&seconds));
    fits.then_some(seconds).ok_or_else(|| {
        invalid_request(&format!("Duration {seconds} is not supported by this model"))
    })
}

/// The frame size, from `size`, or from `resolution` and `aspect_ratio`.
fn read_dimensions(form: &Form, card: Option<&Card>) -> Result<(u32, u32), ApiError> {
    let text = |name: &str, default: &'static str| match field(form, name).map(Value::as_str) {
        Some(Some(text)) => Ok(text.to_owned()),
        Some(None) => Err(invalid_request(&format!("{name}: expected string"))),
        None => Ok(default.to_owned()),
    };
    if field(form, "size").is_some() {
        let size = text("size", "")?;
        let is_known = card.is_none_or(|card| card.sizes().contains(&size));
        let sides = parse_size(&size).filter(|_| is_known);
        return sides.ok_or_else(|| {
            invalid_request(&format!("Size {size} is not supported by this model"))
        });
    }
    let (resolution, ratio) = (text("resolution", "720p")?, text("aspect_ratio", "16:9")?);
    if card.is_some_and(|card| !card.resolutions.contains(&resolution.as_str())) {
        return Err(invalid_request(&format!(
            "Resolution {resolution} is not supported by this model"
        )));
    }
    if card.is_some_and(|card| !card.ratios.contains(&ratio.as_str())) {
        return Err(invalid_request(&format!(
            "Aspect ratio {ratio} is not supported by this model"
        )));
    }
    pixels(&resolution, &ratio)
        .ok_or_else(|| invalid_request("resolution, aspect_ratio: invalid option"))
}

/// Checks images and other references; returns whether there are any.
fn check_images(form: &Form) -> Result<bool, ApiError> {
    let list = |name: &str| match field(form, name) {
        None => Ok(&[][..]),
        Some(Value::Array(list)) => Ok(list.as_slice()),
        Some(_) => Err(invalid_request(&format!("{name}: expected array"))),
    };
    let (frames, references) = (list("frame_images")?, list("input_references")?);
    let is_frame = |frame: &Value| {
        let place = frame.get("frame_type").and_then(Value::as_str);
        matches!(place, Some("first_frame" | "last_frame")) && is_part(frame, &["image_url"])
    };
    if !frames.iter().all(is_frame) {
        return Err(invalid_request("frame_images: expected image_url parts with a frame_type"));
    }
    let is_reference = |part: &Value| is_part(part, &["image_url", "audio_url", "video_url"]);
    if !references.iter().all(is_reference) {
        return Err(invalid_request("input_references: expected parts with a URL"));
    }
    Ok(!frames.is_empty() || !references.is_empty())
}

/// `{ "type": "image_url", "image_url": { "url": … } }`, with a URL or a data URI.
fn is_part(part: &Value, kinds: &[&str]) -> bool {
    let kind = part.get("type").and_then(Value::as_str).filter(|kind| kinds.contains(kind));
    let url = kind.and_then(|kind| part.get(kind)?.get("url")?.as_str());
    url.is_some_and(|url| ["https://", "http://", "data:"].iter().any(|it| url.starts_with(it)))
}

/// Checks the callback: HTTPS only; since this is a lab, HTTP to this machine too.
fn check_callback(form: &Form) -> Result<(), ApiError> {
    let Some(callback) = field(form, "callback_url") else { return Ok(()) };
    let starts = ["https://", "http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_fine = callback.as_str().is_some_and(|url| starts.iter().any(|it| url.starts_with(it)));
    if is_fine { Ok(()) } else { Err(invalid_request("callback_url: expected an HTTPS URL")) }
}

/// Checks the job that an edit or extension continues: finished and of the same key.
fn check_previous(
    dialect: &dyn Dialect,
    context: &EmulatorContext,
    key: &str,
    form: &Form,
) -> Result<(), ApiError> {
    let Some(id) = field(form, "previous_job_id").and_then(Value::as_str) else { return Ok(()) };
    let job = dialect.find(context, key, id)?;
    if matches!(job.state, JobState::Done) {
        return Ok(());
    }
    Err(invalid_request("previous_job_id: the job is not completed"))
}
