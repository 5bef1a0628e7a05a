//! Parses and validates a create.

use jiff::SignedDuration;
use retake_media::{Still, StillFormat};

use super::errors::{ApiError, error, invalid};
use crate::{emulator_context::EmulatorContext, request_body::Form, simulator::Create};
use http::StatusCode;

/// The lengths that the guide lists (OpenAI guide, 2026); the specification stops at 12.
const SECONDS: [&str; 5] = ["4", "8", "12", "16", "20"];
const SIZES: [&str; 4] = ["720x1280", "1280x720", "1024x1792", "1792x1024"];
const PRO_SIZES: [&str; 2] = ["1920x1080", "1080x1920"];
pub(super) const MODELS: [&str; 5] =
    ["sora-2", "sora-2-pro", "sora-2-2025-10-06", "sora-2-2025-12-08", "sora-2-pro-2025-10-06"];
/// The maximum number of characters in a prompt.
const MAX_PROMPT_CHARS: usize = 32_000;

/// The advised time before the next poll, in lab time.
pub(super) const POLL_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Parses a create, or returns OpenAI's error.
pub(super) fn parse_create(context: &EmulatorContext, form: &Form) -> Result<Create, ApiError> {
    let prompt = read_prompt(form)?;
    let model = form.text("model").unwrap_or_else(|| "sora-2".to_owned());
    if !MODELS.contains(&model.as_str()) || context.scenario().shutdown {
        return Err(model_not_found(&model));
    }
    let seconds = read_seconds(form, "4")?;
    let size = form.text("size").unwrap_or_else(|| "720x1280".to_owned());
    let is_pro = model.starts_with("sora-2-pro");
    let (width, height) = parse_size(&size, is_pro)?;
    check_reference(form, (width, height))?;
    Ok(Create {
        price_micros: price_micros(&model, (width, height), seconds),
        model,
        prompt,
        millis: seconds * 1000,
        width,
        height,
        audio: true,
        outputs: 1,
        request: form.fields.clone(),
        ..Create::default()
    })
}

pub(super) fn model_not_found(model: &str) -> ApiError {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    let code = Some("model_not_found");
    error(StatusCode::NOT_FOUND, &message, "invalid_request_error", Some("model"), code)
}

/// The prompt, from 1 to 32,000 characters.
pub(super) fn read_prompt(form: &Form) -> Result<String, ApiError> {
    let missing = || {
        let code = Some("missing_required_parameter");
        invalid("Missing required parameter: 'prompt'.", Some("prompt"), code)
    };
    let prompt = form.text("prompt").filter(|it| !it.is_empty()).ok_or_else(missing)?;
    if prompt.chars().count() > MAX_PROMPT_CHARS {
        let message = "Invalid 'prompt': string too long. Expected at most 32000 characters.";
        return Err(invalid(message, Some("prompt"), Some("string_above_max_length")));
    }
    Ok(prompt)
}

/// The length, given as text or as a number.
pub(super) fn read_seconds(form: &Form, default: &str) -> Result<u64, ApiError> {
    let text = form.text("seconds").unwrap_or_else(|| default.to_owned());
    let known = SECONDS.contains(&text.as_str()).then(|| text.parse().ok()).flatten();
    known.ok_or_else(|| {
        let message = format!(
            "Invalid value: '{text}'. Supported values are: '4', '8', '12', '16', and '20'."
        );
        invalid(&message, Some("seconds"), Some("invalid_value"))
    })
}

/// The width and height of a size that the model renders.
fn parse_size(size: &str, is_pro: bool) -> Result<(u32, u32), ApiError> {
    let is_known = SIZES.contains(&size) || (is_pro && PRO_SIZES.contains(&size));
    let sides = size.split_once('x').filter(|_| is_known);
    let sides = sides.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides.ok_or_else(|| {
        let message =
            format!("Invalid value: '{size}'. Supported values are: {}.", SIZES.join(", "));
        invalid(&message, Some("size"), Some("invalid_value"))
    })
}

/// Checks the first frame: an image of exactly the video's size.
pub(super) fn check_reference(form: &Form, size: (u32, u32)) -> Result<(), ApiError> {
    const PARAM: &str = "input_reference";
    let wrong_type = |expected: &str| {
        let message = format!("Invalid type for 'input_reference': expected {expected}.");
        invalid(&message, Some(PARAM), Some("invalid_type"))
    };
    if let Some(file) = form.file(PARAM) {
        let still = Still::read(&file.bytes).ok();
        let is_known = |it: &Still| {
            matches!(it.format, StillFormat::Jpeg | StillFormat::Png | StillFormat::WebP)
        };
        let still = still.filter(is_known).ok_or_else(|| {
            let kind = file.content_type.as_deref().unwrap_or("application/octet-stream");
            let message = format!(
                "Invalid file 'input_reference': unsupported mimetype ('{kind}'). Supported file \
                 formats are 'image/jpeg', 'image/png', and 'image/webp'."
            );
            invalid(&message, Some(PARAM), Some("unsupported_file_mimetype"))
        })?;
        if (still.width, still.height) != size {
            let message = "Inpaint image must match the requested width and height";
            return Err(invalid(message, None, None));
        }
        return Ok(());
    }
    match form.fields.get(PARAM) {
        None => Ok(()),
        Some(reference) if reference.is_object() => {
            let has = |name| reference.get(name).is_some();
            if has("image_url") == has("file_id") {
                return Err(wrong_type("exactly one of 'image_url' and 'file_id'"));
            }
            Ok(())
        }
        Some(_) if form.is_multipart => Err(wrong_type("a file")),
        Some(_) => Err(wrong_type("an object")),
    }
}

/// The price in millionths of a US dollar (OpenAI's model page of 2026; 1080p was never listed and
/// is assumed to cost 0.70 a second).
pub(super) fn price_micros(model: &str, (width, height): (u32, u32), seconds: u64) -> u64 {
    let per_second = match (model.starts_with("sora-2-pro"), width.max(height)) {
        (false, _) => 100_000,
        (true, ..=1280) => 300_000,
        (true, ..=1792) => 500_000,
        (true, _) => 700_000,
    };
    per_second * seconds
}
