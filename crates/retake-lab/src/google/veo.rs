//! Parses a Veo request, whose body is the same in both Veo APIs, and validates it as Google does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    catalog::{Size, VEO, Veo},
    error_text::Api,
    port_state::PortState,
    status::{Code, Status},
};
use crate::{emulator_context::EmulatorContext, request_body, simulator::Create};

/// Parameters that the Gemini API does not know (google-genai 2.34.0 refuses to send them).
const VERTEX_ONLY: [&str; 7] = [
    "seed",
    "generateAudio",
    "fps",
    "storageUri",
    "pubsubTopic",
    "compressionQuality",
    "resizeMode",
];
/// The maximum length of an extended video, in seconds.
const MAX_SECONDS: u64 = 37;
/// What an extension adds, in seconds.
const EXTENSION_SECONDS: u64 = 7;

/// The input that a request starts from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Text,
    Image,
    Video,
    References,
}

/// The model of this id in this API; retired ids are unknown.
pub(super) fn find_model(context: &EmulatorContext, api: Api, id: &str) -> Result<Veo, Status> {
    // The previews of the Gemini API went on 2026-10-22; `shutdown` plays the time after.
    let is_gone = api == Api::Gemini && context.scenario().shutdown;
    let known = VEO.into_iter().find(|it| match api {
        Api::Vertex => it.id == id,
        Api::Gemini => it.gemini_id == id && !is_gone,
    });
    known.ok_or_else(|| {
        let message = match api {
            Api::Vertex => format!(
                "Publisher Model `publishers/google/models/{id}` was not found or your project \
                 does not have access to it."
            ),
            Api::Gemini => format!(
                "models/{id} is not found for API version v1beta, or is not supported for \
                 predictLongRunning. Call ListModels to see the list of available models."
            ),
        };
        Status::new(Code::NotFound, message)
    })
}

/// Parses a request. The handler adds the id, the key and its own data.
pub(super) fn parse(
    context: &EmulatorContext,
    port_state: &PortState,
    api: Api,
    model: Veo,
    body: Value,
) -> Result<Create, Status> {
    let instances = body.get("instances").and_then(Value::as_array);
    let Some([instance]) = instances.map(Vec::as_slice) else {
        return Err(Status::invalid("Exactly one instance is required."));
    };
    let parameters = Parameters(body.get("parameters").unwrap_or(&Value::Null));
    parameters.check(api, model)?;
    let start = read_start(api, model, instance)?;
    let prompt = instance.get("prompt").and_then(Value::as_str).unwrap_or_default();
    if prompt.is_empty() && matches!(start, Start::Text | Start::References) {
        return Err(Status::invalid("The prompt must not be empty."));
    }
    let size = parameters.size(model)?;
    let seconds = parameters.seconds(start, size)?;
    let source =
        if start == Start::Video { source_millis(context, port_state, instance)? } else { 0 };
    let (width, height) = size.pixels(parameters.is_portrait()?);
    let audio = parameters.get("generateAudio").and_then(Value::as_bool).unwrap_or(true);
    let outputs = parameters.samples()?;
    let price = model.price(size, audio) * seconds * u64::from(outputs);
    Ok(Create {
        model: if api == Api::Vertex { model.id } else { model.gemini_id }.to_owned(),
        prompt: prompt.to_owned(),
        millis: source + seconds * 1000,
        width,
        height,
        audio,
        outputs,
        price_micros: price,
        request: body,
        extra: json!({}),
        ..Create::default()
    })
}

/// The `parameters` of a request.
struct Parameters<'a>(&'a Value);

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|it| !it.is_null())
    }

    fn whole_number(&self, name: &str) -> Result<Option<u64>, Status> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = request_body::scalar_text(value).and_then(|it| it.parse().ok());
        number.map(Some).ok_or_else(|| Status::invalid(format!("`{name}` must be a whole number.")))
    }

    fn check_one_of(&self, name: &str, allowed: &[&str]) -> Result<(), Status> {
        match self.get(name).map(|it| it.as_str().unwrap_or_default()) {
            Some(found) if !allowed.contains(&found) => {
                Err(Status::invalid(format!("`{found}` is not supported for `{name}`.")))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, api: Api, model: Veo) -> Result<(), Status> {
        let unsupported = VERTEX_ONLY.into_iter().find(|name| self.get(name).is_some());
        if let Some(name) = unsupported.filter(|_| api == Api::Gemini) {
            return Err(Status::invalid(format!("`{name}` isn't supported by this model.")));
        }
        self.check_one_of("personGeneration", &["dont_allow", "allow_adult", "allow_all"])?;
        self.check_one_of(
            "compressionQuality",
            &["OPTIMIZED", "LOSSLESS", "optimized", "lossless"],
        )?;
        self.check_one_of("resizeMode", &["CROP", "PAD", "crop", "pad"])?;
        if self.whole_number("seed")?.is_some_and(|seed| seed > u64::from(u32::MAX)) {
            return Err(Status::invalid("`seed` must be between 0 and 4294967295."));
        }
        if self.get("enhancePrompt").is_some_and(|it| it == &json!(false)) {
            let id = model.id;
            return Err(Status::invalid(format!("`enhancePrompt` cannot be turned off for {id}.")));
        }
        let bucket = self.get("storageUri").map(|it| it.as_str().unwrap_or_default());
        if bucket.is_some_and(|it| !it.starts_with("gs://") || it.len() < "gs://b".len()) {
            return Err(Status::invalid("`storageUri` must be a Cloud Storage URI (gs://...)."));
        }
        Ok(())
    }

    fn samples(&self) -> Result<u32, Status> {
        match self.whole_number("sampleCount")?.unwrap_or(1) {
            count @ 1..=4 => Ok(u32::try_from(count).unwrap_or(1)),
            count => Err(Status::invalid(format!("`sampleCount` must be 1 to 4, not {count}."))),
        }
    }

    fn is_portrait(&self) -> Result<bool, Status> {
        self.check_one_of("aspectRatio", &["16:9", "9:16"])?;
        Ok(self.get("aspectRatio") == Some(&json!("9:16")))
    }

    fn size(&self, model: Veo) -> Result<Size, Status> {
        let name = self.get("resolution").map_or("720p", |it| it.as_str().unwrap_or_default());
        let size = Size::from_name(name).filter(|size| *size != Size::P360);
        let size = size.filter(|size| *size != Size::FourK || model.four_k);
        size.ok_or_else(|| {
            Status::invalid(format!("`{name}` is not supported for `resolution` by {}.", model.id))
        })
    }

    /// The seconds that are rendered: 4, 6 or 8; an extension always adds 7.
    fn seconds(&self, start: Start, size: Size) -> Result<u64, Status> {
        let asked = self.whole_number("durationSeconds")?;
        let only_8 = start == Start::References || size != Size::P720;
        match asked.unwrap_or(8) {
            _ if start == Start::Video => Ok(EXTENSION_SECONDS),
            8 => Ok(8),
            4 | 6 if !only_8 => Ok(asked.unwrap_or(8)),
            found => Err(Status::invalid(format!(
                "Unsupported output video duration {found} seconds, supported durations are {} \
                 for this request.",
                if only_8 { "[8]" } else { "[4,6,8]" }
            ))),
        }
    }
}

fn read_start(api: Api, model: Veo, instance: &Value) -> Result<Start, Status> {
    let has = |name: &str| instance.get(name).is_some_and(|it| !it.is_null());
    let references = instance.get("referenceImages").and_then(Value::as_array);
    let count = references.map_or(0, Vec::len);
    if [has("image"), has("video"), count > 0].into_iter().filter(|it| *it).count() > 1 {
        return Err(Status::invalid("Only one of image, video and referenceImages can be set."));
    }
    if has("lastFrame") && !has("image") {
        return Err(Status::invalid("`lastFrame` needs `image`."));
    }
    if count > 3 || (count > 0 && !model.references) {
        return Err(Status::invalid(format!("{} takes no {count} reference images.", model.id)));
    }
    if api == Api::Gemini && has("mask") {
        return Err(Status::invalid("`mask` isn't supported by this model."));
    }
    let nested = references.into_iter().flatten().filter_map(|it| it.get("image"));
    let own = ["image", "lastFrame", "mask"].into_iter().filter_map(|name| instance.get(name));
    own.chain(nested).filter(|it| !it.is_null()).try_for_each(|image| check_image(api, image))?;
    Ok(match (has("video"), has("image"), count) {
        (true, ..) => Start::Video,
        (_, true, _) => Start::Image,
        (_, _, 0) => Start::Text,
        _ => Start::References,
    })
}

fn check_image(api: Api, image: &Value) -> Result<(), Status> {
    let text = |name: &str| image.get(name).and_then(Value::as_str);
    let kind = text("mimeType");
    if kind.is_some_and(|it| !["image/jpeg", "image/png", "image/webp"].contains(&it)) {
        return Err(Status::invalid("Only JPEG, PNG and WebP images are supported."));
    }
    match (text("bytesBase64Encoded"), text("gcsUri")) {
        (Some(bytes), _) if STANDARD.decode(bytes).is_ok_and(|it| !it.is_empty()) => Ok(()),
        (Some(_), _) => Err(Status::invalid("Unable to process input image.")),
        (None, Some(uri)) if api == Api::Vertex && uri.starts_with("gs://") => Ok(()),
        _ => Err(Status::invalid("The image has neither bytes nor a usable URI.")),
    }
}

/// The length in milliseconds of the video that is extended. An unknown video counts as 8 s.
fn source_millis(
    context: &EmulatorContext,
    port_state: &PortState,
    instance: &Value,
) -> Result<u64, Status> {
    let video = instance.get("video").unwrap_or(&Value::Null);
    let uri = ["gcsUri", "uri"].into_iter().find_map(|name| video.get(name)?.as_str());
    let known =
        uri.and_then(|uri| port_state.find_job_of_file(context, super::files::file_id_in(uri)));
    let lasts = context.conditions().result_lasts;
    let is_gone = known.as_ref().and_then(|job| job.expires_at(lasts));
    if is_gone.is_some_and(|at| at <= context.now()) {
        return Err(Status::new(Code::NotFound, "The input video was not found or has expired."));
    }
    let millis = known.map_or(8000, |job| job.create.millis);
    if millis > (MAX_SECONDS - EXTENSION_SECONDS) * 1000 {
        return Err(Status::invalid(format!(
            "The extended video would exceed {MAX_SECONDS} seconds."
        )));
    }
    Ok(millis)
}
