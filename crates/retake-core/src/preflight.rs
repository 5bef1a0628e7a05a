//! What is checked against a model before a job exists.
//!
//! Sizes and lengths are refused here and nowhere else; the legal values come from the
//! [catalog](crate::catalog). A [`Finding`] names the rule, the parameter and the way out.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    catalog::{Model, Negative},
    request::{Origin, OriginKind, RenderSpec, VideoRequest},
    size::Size,
};

/// Something that preflight noticed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule that noticed it; the public error code when it is an error.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The parameter it is about.
    pub param: Option<&'static str>,
    /// What is wrong and what would be right.
    pub message: String,
    /// A change to the request that would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Value>,
}

impl Eq for Finding {}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// The video may not come out as meant.
    Warning,
    /// This model cannot take the request.
    Error,
}

/// The length of a video when the request names none, as in OpenAI's API.
pub const DEFAULT_SECONDS: u32 = 4;
/// The size of a video when the request names none, as in OpenAI's API.
pub const DEFAULT_SIZE: Size = Size::new(720, 1280);

/// Checks a request against one model.
pub fn check(request: &VideoRequest, model: &Model, today: Date) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_shutdown(model, today));
    findings.extend(check_prompt(request, model));
    findings.extend(check_seconds(request, model));
    findings.extend(check_size(request, model));
    findings.extend(check_first_frame(request, model));
    findings.extend(check_extras(request, model));
    findings.extend(check_seed(request, model));
    findings.extend(check_origin(request, model));
    findings.extend(check_characters(request, model));
    findings
}

/// Settles everything that the request left open, for a model that [`check`] found nothing against.
pub fn settle(request: &VideoRequest, model: &Model, seed: u64) -> RenderSpec {
    RenderSpec {
        prompt: request.prompt.clone(),
        negative_prompt: request.negative_prompt.clone(),
        seconds: whole_seconds(request, model),
        size: wanted_size(request, model).unwrap_or(DEFAULT_SIZE),
        seed: request.seed.unwrap_or_else(|| model.seed_of(seed)),
        looped: request.looped.unwrap_or(false),
        audio: request.audio.unwrap_or(model.audio),
        first_frame: request.first_frame.clone(),
        characters: request.characters.clone(),
        origin: request.origin.clone(),
    }
}

/// The length of what comes out: of an extension, the length of the whole.
fn whole_seconds(request: &VideoRequest, model: &Model) -> u32 {
    let asked = request.seconds.unwrap_or_else(|| model.seconds.nearest(DEFAULT_SECONDS));
    match &request.origin {
        Some(origin) if origin.kind == OriginKind::Extension => {
            origin.seconds.saturating_add(asked)
        }
        _ => asked,
    }
}

fn error(rule: &'static str, param: &'static str, message: String) -> Finding {
    Finding { rule, severity: Severity::Error, param: Some(param), message, fix: None }
}

fn check_shutdown(model: &Model, today: Date) -> Option<Finding> {
    let day = model.shutdown.filter(|_| model.is_shut_down(today))?;
    let message = format!(
        "`{}` was shut down by its provider on {day}; ask for a model that `GET /v1/models` lists",
        model.name
    );
    Some(error("model_shut_down", "model", message))
}

fn check_prompt(request: &VideoRequest, model: &Model) -> Option<Finding> {
    if request.prompt.trim().is_empty() {
        let message =
            "the prompt is empty; say in a sentence what the video should show".to_owned();
        return Some(error("empty_prompt", "prompt", message));
    }
    let found = request.prompt.chars().count();
    (found > model.prompt_chars).then(|| {
        let limit = model.prompt_chars;
        let message = format!("the prompt has {found} characters; `{}` reads {limit}", model.name);
        error("prompt_too_long", "prompt", message)
    })
}

fn check_seconds(request: &VideoRequest, model: &Model) -> Option<Finding> {
    if let Some(origin) = request.origin.as_ref().filter(|o| o.kind == OriginKind::Extension) {
        let (before, added) = (origin.plays_ms(), request.seconds.unwrap_or(0));
        let whole = before.saturating_add(u64::from(added) * 1000);
        let counted = u32::try_from(whole.div_ceil(1000)).unwrap_or(u32::MAX);
        return (added == 0 || !model.seconds.allow(counted)).then(|| {
            let (before, whole) = (in_seconds(before), in_seconds(whole));
            let message = format!(
                "{before} seconds extended by {added} would be {whole}; `{}` renders {} seconds in all",
                model.name, model.seconds
            );
            error("unsupported_seconds", "seconds", message)
        });
    }
    let asked = request.seconds.filter(|seconds| !model.seconds.allow(*seconds))?;
    if let Some(origin) = uploaded(request) {
        let message = format!(
            "the video plays {} seconds; `{}` renders {} seconds, so send a part of it",
            in_seconds(origin.plays_ms()),
            model.name,
            model.seconds
        );
        return Some(error("unsupported_seconds", "video", message));
    }
    let message = format!("`{}` renders {} seconds, not {asked}", model.name, model.seconds);
    let mut finding = error("unsupported_seconds", "seconds", message);
    finding.fix = Some(json!({ "seconds": model.seconds.nearest(asked) }));
    Some(finding)
}

/// The video that came with the request, which then decides size and length.
fn uploaded(request: &VideoRequest) -> Option<&Origin> {
    request.origin.as_ref().filter(|origin| origin.is_upload())
}

/// Milliseconds in seconds, with as many digits behind the point as they need.
fn in_seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn check_size(request: &VideoRequest, model: &Model) -> Option<Finding> {
    let sizes = || {
        let names: Vec<_> = model.sizes.iter().map(Size::to_string).collect();
        names.join(", ")
    };
    if let Some(size) = request.size {
        if let Some(ratio) = request.aspect_ratio.filter(|ratio| !size.has_ratio(*ratio)) {
            let message = format!(
                "the size {size} is not {ratio}; name the size or the aspect ratio, not both"
            );
            return Some(error("contradicting_size", "aspect_ratio", message));
        }
        if let Some(lines) = request.resolution.filter(|lines| size.short_side() != *lines) {
            let message = format!(
                "the size {size} is not {lines}p; name the size or the resolution, not both"
            );
            return Some(error("contradicting_size", "resolution", message));
        }
        if model.sizes.contains(&size) {
            return None;
        }
        let near = nearest_size(size, model);
        if uploaded(request).is_some() {
            let way_out = near.map(|near| format!("; scale it to {near}, the nearest one"));
            let message = format!(
                "the video is {size}; `{}` renders the sizes {}{}",
                model.name,
                sizes(),
                way_out.unwrap_or_default()
            );
            return Some(error("unsupported_size", "video", message));
        }
        let message = format!("`{}` renders the sizes {}, not {size}", model.name, sizes());
        let mut finding = error("unsupported_size", "size", message);
        finding.fix = near.map(|near| json!({ "size": near }));
        return Some(finding);
    }
    if wanted_size(request, model).is_some() {
        return None;
    }
    let (param, asked) = match (request.aspect_ratio, request.resolution) {
        (Some(ratio), Some(lines)) => ("aspect_ratio", format!("{ratio} at {lines}p")),
        (Some(ratio), None) => ("aspect_ratio", ratio.to_string()),
        (None, Some(lines)) => ("resolution", format!("{lines}p")),
        (None, None) => ("size", DEFAULT_SIZE.to_string()),
    };
    let message = format!("`{}` renders the sizes {}; none is {asked}", model.name, sizes());
    Some(error("unsupported_size", param, message))
}

/// The size that the request means: named, or the one nearest 720p among those that fit its shape.
fn wanted_size(request: &VideoRequest, model: &Model) -> Option<Size> {
    if request.size.is_some() {
        return request.size;
    }
    if request.aspect_ratio.is_none() && request.resolution.is_none() {
        let from_picture = request.first_frame.as_ref().map(|picture| picture.size);
        let default = model.sizes.contains(&DEFAULT_SIZE).then_some(DEFAULT_SIZE);
        let fitting = match from_picture {
            Some(size) if model.fits_first_frame => nearest_size(size, model),
            size => size.filter(|size| model.sizes.contains(size)),
        };
        return fitting.or(default).or(model.sizes.first().copied());
    }
    let fits = |size: &&Size| {
        request.aspect_ratio.is_none_or(|ratio| size.has_ratio(ratio))
            && request.resolution.is_none_or(|lines| size.short_side() == lines)
    };
    model.sizes.iter().filter(fits).min_by_key(|size| size.short_side().abs_diff(720)).copied()
}

/// The size that a model renders nearest to one asked for: of the same shape if there is one, then of about as
/// many pixels.
fn nearest_size(asked: Size, model: &Model) -> Option<Size> {
    let pixels = |size: Size| u64::from(size.width) * u64::from(size.height);
    // How far the shapes are apart, in thousandths.
    let shape = |size: Size| {
        let (a, b) = (
            u64::from(size.width) * u64::from(asked.height),
            u64::from(asked.width) * u64::from(size.height),
        );
        let apart = a.abs_diff(b) * 1000 / a.max(b).max(1);
        // Shapes that differ by the rounding to even pixels are the same.
        if apart <= 20 { 0 } else { apart }
    };
    model
        .sizes
        .iter()
        .copied()
        .min_by_key(|size| (shape(*size), pixels(*size).abs_diff(pixels(asked))))
}

/// The parameter that asks for a size which the model has not, what it asks for, and the nearest size.
/// Nothing when the size can be had, or was left open.
pub(crate) fn nearest_possible_size(
    request: &VideoRequest,
    model: &Model,
) -> Option<(&'static str, String, Size)> {
    if let Some(size) = request.size {
        let near = nearest_size(size, model).filter(|_| !model.sizes.contains(&size))?;
        return Some(("size", size.to_string(), near));
    }
    if wanted_size(request, model).is_some() {
        return None;
    }
    let lines = request.resolution.unwrap_or(720);
    let meant = match request.aspect_ratio {
        Some(ratio) => ratio.at(lines),
        // Without a word about the shape it is upright, as the default is.
        None => Size::new(lines, lines.saturating_mul(16) / 9),
    };
    let near = nearest_size(meant, model)?;
    Some(match (request.aspect_ratio, request.resolution) {
        (Some(ratio), Some(lines)) => ("aspect_ratio", format!("{ratio} at {lines}p"), near),
        (Some(ratio), None) => ("aspect_ratio", ratio.to_string(), near),
        _ => ("resolution", format!("{lines}p"), near),
    })
}

fn check_first_frame(request: &VideoRequest, model: &Model) -> Option<Finding> {
    let Some(picture) = request.first_frame.as_ref() else {
        let message = || {
            format!(
                "`{}` makes videos from a picture; send one to start from, or ask for another model",
                model.name
            )
        };
        return model
            .needs_first_frame
            .then(|| error("missing_required_parameter", "input_reference", message()));
    };
    if !model.first_frame {
        let why = model.no_first_frame_because.map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("`{}` takes no picture to start from{why}", model.name);
        return Some(error("unsupported_parameter", "input_reference", message));
    }
    if model.fits_first_frame {
        return None;
    }
    let size = wanted_size(request, model).filter(|size| *size != picture.size)?;
    let is_open =
        request.size.is_none() && request.aspect_ratio.is_none() && request.resolution.is_none();
    if is_open && !model.sizes.contains(&picture.size) {
        let near = nearest_size(picture.size, model).unwrap_or(size);
        let message = format!(
            "the picture is {}, which is not a size that `{}` renders; scale or crop it to {near}, the nearest one",
            picture.size, model.name
        );
        return Some(error("reference_size_mismatch", "input_reference", message));
    }
    let message = format!(
        "the picture is {} and the video {size}; scale the picture to {size}, or ask for another size",
        picture.size
    );
    Some(error("reference_size_mismatch", "input_reference", message))
}

fn check_origin(request: &VideoRequest, model: &Model) -> Option<Finding> {
    let origin = request.origin.as_ref()?;
    if model.makes_from.contains(&origin.kind) {
        return None;
    }
    let what = match origin.kind {
        OriginKind::Remix => "remixes no videos",
        OriginKind::Edit => "edits no videos",
        OriginKind::Extension => "extends no videos",
    };
    let message = format!("`{}` {what}; ask for a model that does", model.name);
    Some(error("unsupported_parameter", "video", message))
}

fn check_characters(request: &VideoRequest, model: &Model) -> Option<Finding> {
    let found = request.characters.len();
    if found > model.characters {
        let message = match model.characters {
            0 => format!("`{}` takes no characters; leave the parameter out", model.name),
            most => format!("`{}` shows up to {most} characters, not {found}", model.name),
        };
        return Some(error("unsupported_parameter", "characters", message));
    }
    let prompt = request.prompt.to_lowercase();
    let unnamed =
        request.characters.iter().find(|one| !prompt.contains(&one.name.to_lowercase()))?;
    let message = format!(
        "the prompt does not mention the character `{}`; say its name where it is to appear",
        unnamed.name
    );
    Some(error("character_not_in_prompt", "characters", message))
}

fn check_seed(request: &VideoRequest, model: &Model) -> Option<Finding> {
    let seed = request.seed.filter(|seed| model.seed && *seed > model.seed_max)?;
    let message = format!("`{}` takes seeds up to {}, not {seed}", model.name, model.seed_max);
    let mut finding = error("invalid_value", "seed", message);
    finding.fix = Some(json!({ "seed": model.seed_of(seed) }));
    Some(finding)
}

fn check_extras(request: &VideoRequest, model: &Model) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |param, what: &str| {
        let message = format!("`{}` {what}; leave the parameter out", model.name);
        findings.push(error("unsupported_parameter", param, message));
    };
    if request.looped == Some(true) && !model.looping {
        refuse("loop", "cannot loop");
    }
    if request.audio == Some(true) && !model.audio {
        refuse("audio", "makes no sound");
    }
    if request.audio == Some(false) && model.audio && !model.audio_switch {
        refuse("audio", "always makes sound");
    }
    if request.seed.is_some() && !model.seed {
        refuse("seed", "takes no seed");
    }
    if let Some(negative) = &request.negative_prompt {
        if model.negative == Negative::None {
            refuse("negative_prompt", "takes no negative prompt");
        }
        let found = negative.chars().count();
        if found > model.prompt_chars {
            let limit = model.prompt_chars;
            let message = format!(
                "the negative prompt has {found} characters; `{}` reads {limit}",
                model.name
            );
            findings.push(error("prompt_too_long", "negative_prompt", message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, request::Picture};

    const TODAY: Date = Date::constant(2026, 11, 21);

    fn a_request() -> VideoRequest {
        VideoRequest { prompt: "a lighthouse in a storm".into(), ..VideoRequest::default() }
    }

    fn findings(request: &VideoRequest) -> Vec<(&'static str, Option<&'static str>)> {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        check(request, model, TODAY).iter().map(|f| (f.rule, f.param)).collect()
    }

    #[test]
    fn a_plain_prompt_passes_and_gets_the_documented_defaults() {
        let catalog = Catalog::shipped().unwrap();
        let spec = settle(&a_request(), catalog.model("animatic", "animatic").unwrap(), 7);

        assert_eq!(findings(&a_request()), []);
        assert_eq!((spec.seconds, spec.size, spec.seed), (4, DEFAULT_SIZE, 7));
    }

    #[test]
    fn a_prompt_of_blanks_is_empty() {
        let request = VideoRequest { prompt: " \n\t".into(), ..a_request() };

        assert_eq!(findings(&request), [("empty_prompt", Some("prompt"))]);
    }

    #[test]
    fn an_illegal_length_is_refused_with_the_legal_ones() {
        let catalog = Catalog::shipped().unwrap();
        let request = VideoRequest { seconds: Some(0), ..a_request() };
        let found = check(&request, catalog.model("animatic", "animatic").unwrap(), TODAY);

        assert_eq!(found[0].message, "`animatic` renders 1 to 120 seconds, not 0");
        assert_eq!(found[0].fix, Some(json!({ "seconds": 1 })));
    }

    #[test]
    fn an_illegal_size_is_refused() {
        let request = VideoRequest { size: Some(Size::new(1281, 720)), ..a_request() };

        assert_eq!(findings(&request), [("unsupported_size", Some("size"))]);
    }

    #[test]
    fn an_aspect_ratio_picks_the_size_nearest_720p() {
        let catalog = Catalog::shipped().unwrap();
        let request = VideoRequest { aspect_ratio: Some("16:9".parse().unwrap()), ..a_request() };
        let spec = settle(&request, catalog.model("animatic", "animatic").unwrap(), 7);

        assert_eq!(spec.size, Size::new(1280, 720));
    }

    #[test]
    fn a_size_and_a_ratio_that_contradict_each_other_are_refused() {
        let ratio = Some("9:16".parse().unwrap());
        let request =
            VideoRequest { size: Some(Size::new(1280, 720)), aspect_ratio: ratio, ..a_request() };

        assert_eq!(findings(&request), [("contradicting_size", Some("aspect_ratio"))]);
    }

    #[test]
    fn a_picture_of_another_size_than_the_video_is_refused() {
        let picture =
            Picture { key: "k".into(), size: Size::new(640, 360), media_type: "image/png".into() };
        let request = VideoRequest {
            size: Some(Size::new(1280, 720)),
            first_frame: Some(picture),
            ..a_request()
        };

        assert_eq!(findings(&request), [("reference_size_mismatch", Some("input_reference"))]);
    }

    fn an_upload(kind: OriginKind, ms: u64) -> Origin {
        let seconds = u32::try_from((ms + 500) / 1000).unwrap();
        Origin { kind, video: None, key: None, bytes: 9, seconds, duration_ms: Some(ms) }
    }

    #[test]
    fn an_extension_of_a_broken_length_is_exactly_as_long_as_both_parts() {
        let catalog = Catalog::shipped().unwrap();
        let origin = Some(an_upload(OriginKind::Extension, 3_625));
        let request = VideoRequest { seconds: Some(2), origin, ..a_request() };
        let spec = settle(&request, catalog.model("animatic", "animatic").unwrap(), 7);

        assert_eq!(findings(&request), []);
        assert_eq!((spec.seconds, spec.new_seconds(), spec.plays_ms()), (6, 2, 5_625));
    }

    #[test]
    fn an_extension_may_not_be_longer_than_the_model_renders_by_a_part_of_a_second() {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let of = |ms| VideoRequest {
            seconds: Some(1),
            origin: Some(an_upload(OriginKind::Extension, ms)),
            ..a_request()
        };

        let found = check(&of(119_040), model, TODAY);

        assert_eq!(findings(&of(119_000)), []);
        assert_eq!((found[0].rule, found[0].param), ("unsupported_seconds", Some("seconds")));
        let begins = "119.04 seconds extended by 1 would be 120.04;";
        assert!(found[0].message.starts_with(begins), "{}", found[0].message);
    }

    #[test]
    fn what_an_uploaded_video_is_and_may_not_be_is_said_of_the_video() {
        let edit = |ms, size| VideoRequest {
            seconds: Some(u32::try_from(ms / 1000).unwrap()),
            size: Some(size),
            origin: Some(an_upload(OriginKind::Edit, ms)),
            ..a_request()
        };

        let long = findings(&edit(121_000, Size::new(640, 360)));
        let odd = findings(&edit(4_000, Size::new(640, 358)));

        assert_eq!(long, [("unsupported_seconds", Some("video"))]);
        assert_eq!(odd, [("unsupported_size", Some("video"))]);
    }

    #[test]
    fn a_model_that_was_shut_down_says_when() {
        let catalog = Catalog::shipped().unwrap();
        let found = check(&a_request(), catalog.model("openai", "sora-2").unwrap(), TODAY);

        assert!(found[0].message.contains("2026-09-24"), "{}", found[0].message);
    }
}
