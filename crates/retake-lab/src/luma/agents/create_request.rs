//! Parses a create of the Agents API, with the combinations that it excludes (SDK 0.5.0 and Luma's
//! page on video, 2026-11-21).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    luma::frame_size,
    simulator::{JobState, JobView},
};

/// A parsed create.
#[derive(Debug)]
pub(super) struct CreateRequest {
    pub(super) kind: &'static str,
    pub(super) model: String,
    pub(super) prompt: String,
    pub(super) millis: u64,
    /// Width and height in pixels.
    pub(super) frame: (u32, u32),
    /// The price in millionths of a US dollar.
    pub(super) micros: u64,
}

/// Why a create is refused: the status and the `detail`.
pub(super) type CreateError = (u16, Value);

/// The generations and files that the caller can refer to.
pub(super) struct References<'a> {
    pub(super) generation: &'a dyn Fn(&str) -> Option<JobView>,
    /// Whether a file is ready.
    pub(super) file: &'a dyn Fn(&str) -> bool,
}

const KINDS: &[&str] = &["video", "video_edit", "video_reframe"];
const IMAGE_KINDS: &[&str] = &["image", "image_edit", "layering"];
const ASPECTS: &[&str] = &["9:16", "3:4", "1:1", "4:3", "16:9", "21:9"];
const RESOLUTIONS: &[&str] = &["360p", "540p", "720p", "1080p"];
const MAX_PROMPT_CHARS: usize = 6000;
/// The maximum size of an image, in bytes.
const MAX_IMAGE_BYTES: usize = 50 << 20;

fn unsupported(message: &str) -> CreateError {
    (422, message.into())
}

/// An issue of one field, in the form of the validator pydantic.
fn field_error(field: &str, kind: &str, message: &str) -> CreateError {
    (422, json!([{ "type": kind, "loc": ["body", field], "msg": message }]))
}

/// Parses a body.
pub(super) fn parse(
    body: &Value,
    references: &References<'_>,
) -> Result<CreateRequest, CreateError> {
    if !body.is_object() {
        return Err((400, "The body has to be an object".into()));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let prompt = read_prompt(body)?;
    let kind = check_kind(text("type").unwrap_or("image"))?;
    if text("model") != Some("ray-3.2") {
        return Err(field_error("model", "enum", "Videos are made with ray-3.2"));
    }
    let aspect = text("aspect_ratio").unwrap_or("16:9");
    if !ASPECTS.contains(&aspect) {
        return Err(field_error("aspect_ratio", "enum", "Input should be a ratio for video"));
    }
    let none = json!({});
    let video = body.get("video").filter(|it| !it.is_null()).unwrap_or(&none);
    let options = Options::parse(video)?;
    options.check(kind, video)?;
    check_references(kind, body, video, references)?;
    let millis = match kind {
        "video" => options.seconds * 1000,
        _ => source_millis(body, references),
    };
    Ok(CreateRequest {
        kind,
        model: "ray-3.2".to_owned(),
        prompt: prompt.to_owned(),
        millis,
        frame: frame_size::pixels(aspect, options.resolution),
        micros: price(kind, &options, millis),
    })
}

fn check_kind(kind: &str) -> Result<&'static str, CreateError> {
    if IMAGE_KINDS.contains(&kind) {
        return Err(unsupported("The lab makes no images: use the type video"));
    }
    let known = KINDS.iter().copied().find(|it| *it == kind);
    known.ok_or_else(|| field_error("type", "enum", "Input should be a known type"))
}

/// The prompt, from 1 to 6000 characters.
fn read_prompt(body: &Value) -> Result<&str, CreateError> {
    let prompt = body.get("prompt").and_then(Value::as_str);
    let prompt = prompt.ok_or_else(|| field_error("prompt", "missing", "Field required"))?;
    let (kind, message) = match prompt.chars().count() {
        0 => ("string_too_short", "At least 1 character is needed"),
        it if it > MAX_PROMPT_CHARS => ("string_too_long", "At most 6000 characters are allowed"),
        _ => return Ok(prompt),
    };
    Err(field_error("prompt", kind, message))
}

/// The fields of `video` that determine the file.
struct Options<'a> {
    resolution: &'a str,
    seconds: u64,
    hdr: bool,
    exr: bool,
    is_loop: bool,
}

impl<'a> Options<'a> {
    fn parse(video: &'a Value) -> Result<Self, CreateError> {
        let flag = |name: &str| video.get(name).and_then(Value::as_bool).unwrap_or(false);
        let text = |name: &str| video.get(name).filter(|it| !it.is_null());
        let resolution = text("resolution").map_or(Some("720p"), Value::as_str);
        let resolution = resolution.filter(|it| RESOLUTIONS.contains(it));
        let seconds = match text("duration").map(Value::as_str) {
            None | Some(Some("5s")) => 5,
            Some(Some("10s")) => 10,
            Some(_) => {
                return Err(field_error("video.duration", "enum", "Input should be '5s' or '10s'"));
            }
        };
        Ok(Self {
            resolution: resolution.ok_or_else(|| {
                field_error("video.resolution", "enum", "Input should be a resolution")
            })?,
            seconds,
            hdr: flag("hdr"),
            exr: flag("exr_export"),
            is_loop: flag("loop"),
        })
    }

    /// Checks for the excluded combinations.
    fn check(&self, kind: &str, video: &Value) -> Result<(), CreateError> {
        let has = |name: &str| video.get(name).is_some_and(|it| !it.is_null());
        let (is_long, is_small) = (self.seconds == 10, matches!(self.resolution, "360p" | "540p"));
        let rules = [
            (self.is_loop && kind != "video", "loop is only for the type video"),
            (self.is_loop && is_long, "loop is not supported with a duration of 10s"),
            (self.is_loop && self.hdr, "loop is not supported with hdr"),
            (self.is_loop && has("end_frame"), "loop is not supported with end_frame"),
            (self.is_loop && has("keyframes"), "loop is not supported with keyframes"),
            (has("end_frame") && is_long, "end_frame is not supported with a duration of 10s"),
            (self.hdr && is_long, "hdr is only for a duration of 5s"),
            (self.hdr && is_small, "hdr is only for 720p and 1080p"),
            (self.hdr && kind == "video_reframe", "hdr is not supported for video_reframe"),
            (self.exr && !self.hdr, "exr_export needs hdr"),
            (has("edit") && kind != "video_edit", "edit is only for the type video_edit"),
            (
                has("source_position") && kind != "video_reframe",
                "source_position is only for the type video_reframe",
            ),
            (has("keyframes") && kind != "video", "keyframes are only for the type video"),
            (
                has("keyframes") && (has("start_frame") || has("end_frame")),
                "keyframes exclude start_frame and end_frame",
            ),
            (has("keyframes") != has("keyframe_indexes"), "keyframes need keyframe_indexes"),
        ];
        match rules.iter().find(|(is_broken, _)| *is_broken) {
            Some((_, error)) => Err(unsupported(error)),
            None if has("keyframes") => self.check_keyframes(video),
            None => Ok(()),
        }
    }

    fn check_keyframes(&self, video: &Value) -> Result<(), CreateError> {
        let list = |name: &str| video[name].as_array().cloned().unwrap_or_default();
        let (frames, indexes) = (list("keyframes"), list("keyframe_indexes"));
        if !(1..=64).contains(&frames.len()) || frames.len() != indexes.len() {
            return Err(unsupported("1 to 64 keyframes are needed, and as many indexes"));
        }
        let last = self.seconds * 24;
        let mut places: Vec<_> = indexes.iter().filter_map(Value::as_u64).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() != frames.len() || places.last().is_some_and(|it| *it > last) {
            return Err(unsupported(
                "keyframe_indexes have to differ and to be inside of the video",
            ));
        }
        Ok(())
    }
}

fn check_references(
    kind: &str,
    body: &Value,
    video: &Value,
    references: &References<'_>,
) -> Result<(), CreateError> {
    let given = |it: &Value, name: &str| it.get(name).filter(|it| !it.is_null()).cloned();
    match given(body, "source") {
        Some(_) if kind == "video" => return Err(unsupported("source is not for the type video")),
        None if kind != "video" => return Err(unsupported("source is needed")),
        Some(source) => check_reference("source", &source, true, references)?,
        None => {}
    }
    for name in ["start_frame", "end_frame"] {
        if let Some(frame) = given(video, name) {
            check_reference(name, &frame, false, references)?;
        }
    }
    let frames = video.get("keyframes").and_then(Value::as_array);
    for frame in frames.into_iter().flatten() {
        check_reference("keyframes", frame, false, references)?;
    }
    Ok(())
}

/// Checks a reference to a medium: exactly one of four forms.
fn check_reference(
    name: &str,
    it: &Value,
    is_video: bool,
    references: &References<'_>,
) -> Result<(), CreateError> {
    let text = |field: &str| it.get(field).and_then(Value::as_str);
    let forms = ["url", "data", "generation_id", "file_id"];
    let given: Vec<_> = forms.iter().filter(|form| text(form).is_some()).collect();
    let [form] = given[..] else {
        return Err(unsupported(&format!("{name} needs exactly one of {}", forms.join(", "))));
    };
    let value = text(form).unwrap_or_default();
    let kind = text("media_type").unwrap_or_default();
    let wants = if is_video { "video/" } else { "image/" };
    match *form {
        "url" if !value.starts_with("https://") && !value.starts_with("http://") => {
            Err(unsupported(&format!("{name}.url is not a URL")))
        }
        "url" if is_video && !kind.starts_with(wants) => {
            Err(unsupported(&format!("{name}.media_type is needed and has to be a video's")))
        }
        "data" if !kind.starts_with(wants) || kind == "image/gif" => {
            Err(unsupported(&format!("{name}.media_type is missing or not supported")))
        }
        "data" => match STANDARD.decode(value).map(|bytes| bytes.len()) {
            Err(_) | Ok(0) => Err(unsupported(&format!("{name}.data is not base64"))),
            Ok(size) if !is_video && size > MAX_IMAGE_BYTES => {
                Err((413, "The image is larger than 50 MB".into()))
            }
            Ok(_) => Ok(()),
        },
        "generation_id" => match (references.generation)(value).map(|job| job.state) {
            None => Err((404, "Generation not found".into())),
            Some(JobState::Done) => Ok(()),
            Some(_) => Err(unsupported(&format!("{name}: the generation is not completed"))),
        },
        "file_id" if !(references.file)(value) => {
            Err(unsupported(&format!("{name}: the file is not ready")))
        }
        _ => Ok(()),
    }
}

/// The length of the source: known for generations only, else five seconds.
fn source_millis(body: &Value, references: &References<'_>) -> u64 {
    let id = body["source"].get("generation_id").and_then(Value::as_str);
    id.and_then(|id| (references.generation)(id)).map_or(5000, |job| job.create.millis)
}

/// Luma's price table of 2026-11-21: it goes by whole durations, not by seconds. 360p has no
/// published price; half of 540p stands in.
fn price(kind: &str, options: &Options<'_>, millis: u64) -> u64 {
    let tier = match options.resolution {
        "1080p" => 2,
        "720p" => 1,
        _ => 0,
    };
    let cents: u64 = match (kind, options.seconds, options.hdr, options.exr) {
        ("video_reframe", ..) => [6, 12, 36][tier] * millis / 1000,
        ("video_edit", ..) => [72, 108, 216][tier] * millis / 5000,
        (_, 10, ..) => [45, 90, 360][tier],
        (_, _, true, true) => [90, 90, 360][tier],
        (_, _, true, false) => [60, 60, 240][tier],
        _ => [15, 30, 120][tier],
    };
    let micros = cents * 10_000;
    if options.resolution == "360p" { micros / 2 } else { micros }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_video(video: &Value) -> Result<CreateRequest, CreateError> {
        let references = References { generation: &|_| None, file: &|id| id == "ready" };
        let body = json!({
            "model": "ray-3.2", "type": "video", "prompt": "a cat", "video": video,
        });
        parse(&body, &references)
    }

    #[test]
    fn combinations_that_are_excluded_are_refused_with_422() {
        let image = json!({ "url": "https://example.com/a.png" });
        for video in [
            json!({ "loop": true, "duration": "10s" }),
            json!({ "loop": true, "hdr": true }),
            json!({ "loop": true, "end_frame": image }),
            json!({ "duration": "10s", "end_frame": image }),
            json!({ "hdr": true, "resolution": "540p" }),
            json!({ "hdr": true, "duration": "10s" }),
            json!({ "exr_export": true }),
            json!({ "keyframes": [image] }),
            json!({ "keyframes": [image], "keyframe_indexes": [121] }),
            json!({ "keyframes": [image, image], "keyframe_indexes": [7, 7] }),
            json!({ "keyframes": [image], "keyframe_indexes": [0], "start_frame": image }),
            json!({ "start_frame": { "url": "https://example.com/a.png", "file_id": "ready" } }),
            json!({ "start_frame": { "file_id": "gone" } }),
            json!({ "start_frame": { "data": "AAAA" } }),
            json!({ "edit": {} }),
        ] {
            assert_eq!(read_video(&video).err().map(|it| it.0), Some(422), "{video}");
        }
        let good = json!({ "keyframes": [image], "keyframe_indexes": [240], "duration": "10s" });
        assert!(read_video(&good).is_ok());
    }

    #[test]
    fn ten_seconds_cost_three_times_as_much_as_five() {
        let micros = |video: Value| read_video(&video).unwrap().micros;

        assert_eq!(micros(json!({})), 300_000);
        assert_eq!(micros(json!({ "duration": "10s" })), 900_000);
        assert_eq!(micros(json!({ "hdr": true, "exr_export": true })), 900_000);
        assert_eq!(micros(json!({ "resolution": "1080p", "duration": "10s" })), 3_600_000);
    }
}
