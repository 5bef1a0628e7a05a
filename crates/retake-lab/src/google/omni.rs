//! Parses and validates a request for Gemini Omni.

use serde_json::{Value, json};

use super::{
    catalog::{OMNI, Omni, Size},
    error_text::Api,
    status::{Code, Status},
    webhook::DynamicWebhook,
};
use crate::{
    emulator_context::EmulatorContext,
    simulator::{Create, JobState, JobView},
};

/// The maximum depth of `input`.
const MAX_DEPTH: usize = 4;
/// The maximum length of an extended video, in seconds (reported: 30 to 40, 2026-11-21).
const MAX_SECONDS: u64 = 40;
const TASKS: [&str; 6] =
    ["text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale"];
const TIERS: [&str; 4] = ["flex", "standard", "priority", "deferred"];

/// A parsed request.
pub(super) struct CreateRequest {
    pub(super) create: Create,
    /// Whether the interaction runs in the background.
    pub(super) background: bool,
    pub(super) dynamic_webhook: Option<DynamicWebhook>,
}

/// The parts of the input.
#[derive(Default)]
struct Input {
    texts: Vec<String>,
    images: usize,
    videos: usize,
}

/// Parses a request; `key` is the caller's.
pub(super) fn parse(
    context: &EmulatorContext,
    api: Api,
    key: &str,
    body: Value,
) -> Result<CreateRequest, Status> {
    let model = find_model(&body)?;
    let mut input = Input::default();
    input.collect(body.get("input").unwrap_or(&Value::Null), 0)?;
    let source = source_interaction(context, key, &body)?;
    let dynamic_webhook = DynamicWebhook::parse(body.get("webhook_config"))?;
    let background = read_background(&body, model, dynamic_webhook.is_some())?;
    check_one_of("service_tier", body.get("service_tier"), &TIERS)?;
    let task = read_task(&body, &input, source.is_some())?;
    let format = Format::parse(api, model, &body)?;
    let millis = video_millis(task, format.seconds, source.as_ref())?;
    let (width, height) = format.size.pixels(format.is_portrait);
    let rendered = if task == Some("extend") { format.seconds * 1000 } else { millis };
    let create = Create {
        id: format!("v1_{}", context.new_hex_id(32)),
        key: key.to_owned(),
        model: model.id.to_owned(),
        prompt: input.texts.join("\n"),
        millis,
        width,
        height,
        audio: true,
        outputs: 1,
        price_micros: format.size.omni_price() * rendered / 1000,
        extra: json!({ "wire": "interactions", "delivery": format.delivery, "gcs": format.bucket }),
        request: body,
    };
    Ok(CreateRequest { create, background, dynamic_webhook })
}

fn find_model(body: &Value) -> Result<Omni, Status> {
    let id = body.get("model").and_then(Value::as_str).unwrap_or_default();
    let id = id.strip_prefix("models/").unwrap_or(id);
    if id.is_empty() {
        return Err(Status::invalid("Either `model` or `agent` has to be set."));
    }
    let found = OMNI.into_iter().find(|it| it.id == id);
    found.ok_or_else(|| {
        Status::new(Code::NotFound, format!("Model {id} was not found or has been shut down."))
    })
}

/// Whether the interaction runs in the background, if the other flags allow it.
fn read_background(body: &Value, model: Omni, has_webhook: bool) -> Result<bool, Status> {
    let flag = |name: &str| body.get(name).and_then(Value::as_bool);
    let background = flag("background").unwrap_or(false);
    if has_webhook && !background {
        return Err(Status::invalid("`webhook_config` needs `background` to be true."));
    }
    if background && flag("store") == Some(false) {
        return Err(Status::invalid("`background` needs `store` to be true."));
    }
    if flag("stream") == Some(true) {
        return Err(Status::invalid(format!("{} does not support streaming.", model.id)));
    }
    Ok(background)
}

impl Input {
    /// Collects a text, a part, a step, or a list of them.
    fn collect(&mut self, value: &Value, depth: usize) -> Result<(), Status> {
        let body_error = || Status::invalid("`input` cannot be read.");
        match value {
            Value::String(text) if !text.is_empty() => self.texts.push(text.clone()),
            Value::Array(parts) if !parts.is_empty() && depth < MAX_DEPTH => {
                parts.iter().try_for_each(|part| self.collect(part, depth + 1))?;
            }
            Value::Object(part) if depth < MAX_DEPTH => {
                let has = |name: &str| part.get(name).is_some_and(Value::is_string);
                match part.get("type").and_then(Value::as_str) {
                    Some("text") => {
                        let text = part.get("text").and_then(Value::as_str);
                        self.texts.push(text.ok_or_else(body_error)?.to_owned());
                    }
                    Some("image") if has("data") || has("uri") => self.images += 1,
                    Some("video") if has("data") || has("uri") => self.videos += 1,
                    Some("user_input" | "model_output") => {
                        self.collect(part.get("content").unwrap_or(&Value::Null), depth + 1)?;
                    }
                    _ => return Err(body_error()),
                }
            }
            _ => return Err(body_error()),
        }
        Ok(())
    }
}

/// The interaction that this one continues; it has to be the caller's.
fn source_interaction(
    context: &EmulatorContext,
    key: &str,
    body: &Value,
) -> Result<Option<JobView>, Status> {
    let Some(id) = body.get("previous_interaction_id").filter(|it| !it.is_null()) else {
        return Ok(None);
    };
    let id = id.as_str().unwrap_or_default();
    let job = context.find_job(id).filter(|job| job.create.key == key);
    match job.ok_or_else(|| interaction_not_found(id))? {
        job if matches!(job.state, JobState::Done) => Ok(Some(job)),
        _ => Err(Status::invalid(format!("Interaction {id} is not completed."))),
    }
}

/// The error for an unknown interaction: 400, not 404 (reported, 2026-11-21).
pub(super) fn interaction_not_found(id: &str) -> Status {
    Status::invalid(format!("Invalid interaction name: {id}"))
}

fn check_one_of(name: &str, value: Option<&Value>, allowed: &[&str]) -> Result<(), Status> {
    match value.filter(|it| !it.is_null()).map(|it| it.as_str().unwrap_or_default()) {
        Some(found) if !allowed.contains(&found) => {
            Err(Status::invalid(format!("Invalid value for `{name}`: {found}")))
        }
        _ => Ok(()),
    }
}

/// The requested task, if its inputs are present.
fn read_task<'a>(
    body: &'a Value,
    input: &Input,
    has_source: bool,
) -> Result<Option<&'a str>, Status> {
    let task = body.pointer("/generation_config/video_config/task");
    check_one_of("video_config.task", task, &TASKS)?;
    let task = task.and_then(Value::as_str);
    let lacks = match task {
        Some("image_to_video" | "reference_to_video") if input.images == 0 => "an image",
        Some("edit" | "extend" | "upscale") if input.videos == 0 && !has_source => "a video",
        _ => return Ok(task),
    };
    Err(Status::invalid(format!("The task {} needs {lacks}.", task.unwrap_or_default())))
}

/// The length of the video, in milliseconds.
fn video_millis(task: Option<&str>, seconds: u64, source: Option<&JobView>) -> Result<u64, Status> {
    let before = source.map_or(8000, |job| job.create.millis);
    match task {
        Some("edit" | "upscale") => Ok(before),
        Some("extend") if before + seconds * 1000 > MAX_SECONDS * 1000 => {
            Err(Status::invalid(format!("The extended video would exceed {MAX_SECONDS} seconds.")))
        }
        Some("extend") => Ok(before + seconds * 1000),
        _ => Ok(seconds * 1000),
    }
}

/// `response_format`.
struct Format {
    size: Size,
    is_portrait: bool,
    seconds: u64,
    /// `inline` or `uri`.
    delivery: &'static str,
    /// The bucket in which Vertex stores the file.
    bucket: Option<String>,
}

impl Format {
    fn parse(api: Api, model: Omni, body: &Value) -> Result<Self, Status> {
        let given = body.get("response_format").unwrap_or(&Value::Null);
        let is_video = |it: &&Value| it.get("type") == Some(&json!("video"));
        let format = match given {
            Value::Array(all) => all.iter().find(is_video),
            one => Some(one).filter(|it| it.is_null() || is_video(it)),
        };
        let format = format.ok_or_else(|| {
            Status::invalid(format!("`response_format` has to be a video for {}.", model.id))
        })?;
        check_one_of("aspect_ratio", format.get("aspect_ratio"), &["16:9", "9:16"])?;
        check_one_of("delivery", format.get("delivery"), &["inline", "uri"])?;
        check_one_of("resolution", format.get("resolution"), &["360p", "720p", "1080p", "4k"])?;
        let text = |name: &str| format.get(name).and_then(Value::as_str);
        let delivery = if text("delivery") == Some("uri") { "uri" } else { "inline" };
        let bucket = text("gcs_uri").filter(|it| it.starts_with("gs://")).map(str::to_owned);
        if api == Api::Vertex && delivery == "uri" && bucket.is_none() {
            return Err(Status::invalid("`gcs_uri` is required when `delivery` is `uri`."));
        }
        Ok(Self {
            size: text("resolution").and_then(Size::from_name).unwrap_or(Size::P720),
            is_portrait: text("aspect_ratio") == Some("9:16"),
            seconds: read_seconds(model, format.get("duration"))?,
            delivery,
            bucket: bucket.filter(|_| api == Api::Vertex && delivery == "uri"),
        })
    }
}

/// `"8s"`: 3 seconds to the model's longest.
fn read_seconds(model: Omni, duration: Option<&Value>) -> Result<u64, Status> {
    let Some(value) = duration.filter(|it| !it.is_null()) else { return Ok(8) };
    let text = value.as_str().unwrap_or_default();
    let seconds = text.strip_suffix('s').and_then(|it| it.parse::<u64>().ok());
    let longest = model.max_seconds;
    seconds.filter(|it| (3..=longest).contains(it)).ok_or_else(|| {
        Status::invalid(format!(
            "Invalid value for `duration`: {value}; {} takes \"3s\" to \"{longest}s\".",
            model.id
        ))
    })
}

/// The names under which the video will be downloaded.
pub(super) fn new_file_ids(context: &EmulatorContext, create: &Create) -> Vec<String> {
    match create.extra.get("gcs").and_then(Value::as_str) {
        Some(bucket) => {
            vec![format!(
                "{}/{}/sample_0.mp4",
                bucket.trim_end_matches('/'),
                context.new_hex_id(16)
            )]
        }
        None => super::files::new_file_ids(context, 1),
    }
}
