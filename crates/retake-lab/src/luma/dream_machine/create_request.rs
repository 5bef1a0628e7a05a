//! Parses a create of the Dream Machine API, with the refusals that Luma lists (2026-11-21).

use serde_json::{Value, json};

use crate::{luma::frame_size, simulator::JobView};

/// The kind of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Modify,
    Reframe,
    Upscale,
    Audio,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Modify => "modify_video",
            Self::Reframe => "reframe_video",
            Self::Upscale => "upscale_video",
            Self::Audio => "add_audio",
        }
    }
}

/// A parsed create.
#[derive(Debug)]
pub(super) struct CreateRequest {
    pub(super) model: String,
    pub(super) prompt: String,
    pub(super) millis: u64,
    /// Width and height in pixels.
    pub(super) frame: (u32, u32),
    /// The price in millionths of a US dollar.
    pub(super) micros: u64,
    /// The request, as generations echo it.
    pub(super) echo: Value,
}

/// The refusal of a create.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CreateError {
    pub(super) status: u16,
    pub(super) detail: String,
}

fn create_error(status: u16, detail: &str) -> CreateError {
    CreateError { status, detail: detail.to_owned() }
}

/// Whether this key's generation is completed; `None` if there is no such generation.
type IsDone<'a> = &'a dyn Fn(&str) -> Option<bool>;

const MODELS: &[&str] = &["ray-2", "ray-flash-2"];
const ASPECTS: &[&str] = &["1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"];
const RESOLUTIONS: &[&str] = &["540p", "720p", "1080p", "4k"];
const MODES: [&str; 3] = ["adhere_", "flex_", "reimagine_"];

/// Parses a body; `source` is the generation that is upscaled or gets sound.
pub(super) fn parse(
    kind: Kind,
    body: &Value,
    source: Option<&JobView>,
    is_done: IsDone<'_>,
) -> Result<CreateRequest, CreateError> {
    if !body.is_object() {
        return Err(create_error(422, "Input should be a valid dictionary"));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("generation_type").is_some_and(|it| it != kind.name()) {
        return Err(create_error(400, "Unknown request type"));
    }
    check_callback(text("callback_url"))?;
    let is_follow_up = matches!(kind, Kind::Upscale | Kind::Audio);
    let model = read_model(text("model"), source)?;
    let aspect = check_choice("aspect_ratio", text("aspect_ratio"), ASPECTS)?;
    let resolution = check_choice("resolution", text("resolution"), RESOLUTIONS)?;
    let seconds = read_seconds(text("duration"))?;
    match kind {
        Kind::Video => check_video(body, text("prompt"), is_done)?,
        Kind::Modify | Kind::Reframe => check_edit(kind, body, aspect)?,
        Kind::Upscale | Kind::Audio => check_source(source)?,
    }
    let resolution = resolution.unwrap_or(if kind == Kind::Upscale { "1080p" } else { "720p" });
    let frame = match source {
        Some(job) if kind == Kind::Audio => (job.create.width, job.create.height),
        Some(job) => upscaled_size(job, resolution),
        None => frame_size::pixels(aspect.unwrap_or("16:9"), resolution),
    };
    let millis = source.map_or(seconds * 1000, |job| job.create.millis);
    Ok(CreateRequest {
        model: model.to_owned(),
        prompt: text("prompt").unwrap_or_default().to_owned(),
        millis,
        frame,
        micros: price(kind, model, frame, millis),
        echo: echo_request(kind, body, is_follow_up, resolution),
    })
}

/// The model: that of the source, or the one that the body names.
fn read_model<'a>(
    model: Option<&'a str>,
    source: Option<&'a JobView>,
) -> Result<&'a str, CreateError> {
    let model = match source {
        Some(job) => job.create.model.as_str(),
        None => check_choice("model", model, MODELS)?.unwrap_or_default(),
    };
    if model.is_empty() {
        return Err(create_error(422, "model: Field required"));
    }
    Ok(model)
}

fn read_seconds(duration: Option<&str>) -> Result<u64, CreateError> {
    match duration {
        None | Some("5s") => Ok(5),
        Some("9s") => Ok(9),
        Some(_) => Err(create_error(422, "duration: Input should be '5s' or '9s'")),
    }
}

/// Checks that the generation that is upscaled or gets sound has ended.
fn check_source(source: Option<&JobView>) -> Result<(), CreateError> {
    if source.is_some_and(|job| !job.state.has_ended()) {
        return Err(create_error(400, "The generation is not completed"));
    }
    Ok(())
}

/// The size of a generation at another resolution.
fn upscaled_size(job: &JobView, resolution: &str) -> (u32, u32) {
    frame_size::pixels(&format!("{}:{}", job.create.width, job.create.height), resolution)
}

/// The frame rate of all models.
const FRAME_RATE: u64 = 24;

/// A million pixels cost $0.01582 when modified with `ray-2` and $0.00544 with `ray-flash-2`
/// (Luma's page on prices); reported are $0.0064 and $0.0022 when they are made. Upscaling and
/// sound are priced like a tenth of that.
fn price(kind: Kind, model: &str, (width, height): (u32, u32), millis: u64) -> u64 {
    let is_flash = model == "ray-flash-2";
    let each = match kind {
        Kind::Modify | Kind::Reframe => {
            if is_flash {
                5_440
            } else {
                15_820
            }
        }
        Kind::Video => {
            if is_flash {
                2_200
            } else {
                6_400
            }
        }
        Kind::Upscale | Kind::Audio => {
            if is_flash {
                220
            } else {
                640
            }
        }
    };
    let pixels = u64::from(width) * u64::from(height) * FRAME_RATE * millis / 1000;
    pixels * each / 1_000_000
}

fn echo_request(kind: Kind, body: &Value, is_follow_up: bool, resolution: &str) -> Value {
    let mut echo = body.clone();
    echo["generation_type"] = kind.name().into();
    let defaults: &[(&str, Value)] = match kind {
        Kind::Video => &[
            ("prompt", Value::Null),
            ("aspect_ratio", json!("16:9")),
            ("loop", json!(false)),
            ("keyframes", Value::Null),
            ("callback_url", Value::Null),
            ("duration", json!("5s")),
            ("resolution", json!(resolution)),
        ],
        _ if is_follow_up => &[("callback_url", Value::Null)],
        _ => &[("prompt", Value::Null), ("callback_url", Value::Null)],
    };
    for (name, value) in defaults {
        if echo.get(name).is_none() {
            echo[*name] = value.clone();
        }
    }
    echo
}

fn check_choice<'a>(
    name: &str,
    value: Option<&'a str>,
    allowed: &[&str],
) -> Result<Option<&'a str>, CreateError> {
    match value {
        Some(value) if !allowed.contains(&value) => Err(create_error(
            422,
            &format!("{name}: Input should be one of {}", allowed.join(", ")),
        )),
        value => Ok(value),
    }
}

fn check_callback(url: Option<&str>) -> Result<(), CreateError> {
    let is_good = |url: &str| {
        let url: Option<http::Uri> = url.parse().ok();
        url.is_some_and(|it| {
            matches!(it.scheme_str(), Some("http" | "https")) && it.host().is_some()
        })
    };
    match url {
        Some(url) if !is_good(url) => {
            Err(create_error(422, "callback_url: Input should be a valid URL"))
        }
        _ => Ok(()),
    }
}

fn check_video(body: &Value, prompt: Option<&str>, is_done: IsDone<'_>) -> Result<(), CreateError> {
    let frames = body.get("keyframes").filter(|it| !it.is_null());
    let found = ["frame0", "frame1"]
        .map(|name| frames.and_then(|it| it.get(name)).filter(|it| !it.is_null()));
    if frames.is_some() && found == [None, None] {
        return Err(create_error(400, "No keyframes provided"));
    }
    match prompt.map(|it| it.chars().count()) {
        None | Some(0) if frames.is_none() => return Err(create_error(400, "Prompt is required")),
        Some(1..3) => return Err(create_error(400, "Prompt is too short, minimum length is 3")),
        Some(5001..) => {
            return Err(create_error(400, "Prompt is too long, maximum length is 5000"));
        }
        _ => {}
    }
    let kinds = found.map(|frame| frame.map(|frame| parse_keyframe(frame, is_done)));
    let [first, last] = kinds;
    let (first, last) = (first.transpose()?, last.transpose()?);
    if body.get("loop").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let unsupported = match (first, last) {
        (Some(Frame::Generation), Some(Frame::Generation)) => "interpolate",
        (Some(_), Some(_)) => "keyframes",
        (None, Some(Frame::Generation)) => "extend reverse",
        (None, Some(Frame::Image)) => "end frame",
        (_, None) => return Ok(()),
    };
    Err(create_error(400, &format!("Loop is not supported for {unsupported}")))
}

#[derive(Clone, Copy, Debug)]
enum Frame {
    Image,
    Generation,
}

fn parse_keyframe(frame: &Value, is_done: IsDone<'_>) -> Result<Frame, CreateError> {
    let text = |name: &str| frame.get(name).and_then(Value::as_str);
    match (text("type"), text("url"), text("id")) {
        (Some("image"), Some(url), _) if is_web_url(url) => Ok(Frame::Image),
        (Some("image"), ..) => Err(create_error(400, "Keyframe images have to be public URLs")),
        (Some("generation"), _, Some(id)) => match is_done(id) {
            None => Err(create_error(404, "Generation not found")),
            Some(false) => Err(create_error(400, "The generation is not completed")),
            Some(true) => Ok(Frame::Generation),
        },
        _ => Err(create_error(422, "keyframes: Input should be an image or a generation")),
    }
}

fn is_web_url(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn check_edit(kind: Kind, body: &Value, aspect: Option<&str>) -> Result<(), CreateError> {
    let url = body.get("media").and_then(|it| it.get("url")).and_then(Value::as_str);
    if !url.is_some_and(is_web_url) {
        return Err(create_error(422, "media: Field required"));
    }
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
    let is_mode = MODES
        .iter()
        .any(|it| mode.strip_prefix(it).is_some_and(|level| matches!(level, "1" | "2" | "3")));
    match kind {
        Kind::Modify if !is_mode => Err(create_error(422, "mode: Input should be a known mode")),
        Kind::Reframe if aspect.is_none() => Err(create_error(422, "aspect_ratio: Field required")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &Value) -> Option<String> {
        let is_done = |id: &str| (id == "done").then_some(true);
        parse(Kind::Video, body, None, &is_done).err().map(|it| it.detail)
    }

    #[test]
    fn what_luma_lists_is_refused_before_anything_is_accepted() {
        let image = json!({ "type": "image", "url": "https://example.com/a.png" });
        let done = json!({ "type": "generation", "id": "done" });
        let with = |more: Value| {
            let mut body = json!({ "model": "ray-2", "prompt": "a cat" });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            refusal(&body).unwrap_or_default()
        };

        assert_eq!(with(json!({})), "");
        assert_eq!(with(json!({"prompt": ""})), "Prompt is required");
        assert_eq!(with(json!({"prompt": "ab"})), "Prompt is too short, minimum length is 3");
        assert_eq!(with(json!({"keyframes": {}})), "No keyframes provided");
        assert_eq!(with(json!({"generation_type": "dance"})), "Unknown request type");
        assert!(with(json!({"prompt": "a".repeat(5001)})).contains("too long"));
        for (frames, unsupported) in [
            (json!({"frame1": image}), "end frame"),
            (json!({"frame1": done}), "extend reverse"),
            (json!({"frame0": done, "frame1": done}), "interpolate"),
            (json!({"frame0": image, "frame1": image}), "keyframes"),
        ] {
            let found = with(json!({ "loop": true, "keyframes": frames }));
            assert_eq!(found, format!("Loop is not supported for {unsupported}"));
        }
        assert_eq!(with(json!({"loop": true, "keyframes": {"frame0": image}})), "");
    }

    #[test]
    fn the_request_is_echoed_with_its_callback_and_what_was_left_out() {
        let url = "https://example.com/hook?token=abc";
        let body = json!({ "model": "ray-2", "prompt": "a cat", "callback_url": url });

        let create_request = parse(Kind::Video, &body, None, &|_| None).unwrap();

        assert_eq!(create_request.echo["callback_url"], url);
        assert_eq!(create_request.echo["duration"], "5s");
        assert_eq!((create_request.frame, create_request.micros), ((1280, 720), 707_788));
    }
}
