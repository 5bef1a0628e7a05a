//! What the bodies of creates, remixes, edits and extensions may hold, for the description of the API.
//!
//! [`super::create`] reads them, since no derived parser names the parameter that is wrong. These types only
//! describe what it takes, and a test holds the two against each other. In JSON a value has a type of its own;
//! multipart has text and files, and bracket keys for what is nested.
#![expect(dead_code, reason = "described here, read in `create`")]

use retake_core::{output::OnMismatch, policy::OnModeration, request::Fit};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, Schema, Type},
};

/// What a video is to show, in JSON.
#[derive(ToSchema)]
#[schema(
    as = CreateVideo,
    examples(json!({ "prompt": "a lighthouse at dusk, waves below", "seconds": "4", "size": "1280x720" })),
)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// What the video should show. How long it may be is up to the model.
    #[schema(min_length = 1)]
    prompt: String,
    /// The model to make it with; without one the configured default. `GET /v1/models` lists them.
    model: Option<String>,
    /// The length in seconds, as text or as a number. Which lengths there are is up to the model.
    #[schema(schema_with = seconds)]
    seconds: Option<u32>,
    /// The same as `seconds`; when both are given they have to agree.
    #[schema(schema_with = seconds)]
    duration: Option<u32>,
    /// Width and height. Which sizes there are is up to the model.
    #[schema(pattern = "^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]
    size: Option<String>,
    /// The shape, where no size is named.
    #[schema(pattern = "^[1-9][0-9]?:[1-9][0-9]?$")]
    aspect_ratio: Option<String>,
    /// The shorter side, where no size is named.
    #[schema(pattern = "^[1-9][0-9]{1,4}p$")]
    resolution: Option<String>,
    /// What the video should not show.
    negative_prompt: Option<String>,
    /// The same seed and request give the same video, where the model can promise it.
    #[schema(schema_with = seed)]
    seed: Option<u64>,
    /// Whether the end should lead back to the beginning.
    r#loop: Option<bool>,
    /// Whether the video should have sound.
    audio: Option<bool>,
    /// The picture to start from, of the size of the video.
    input_reference: Option<Reference>,
    /// Who is to appear; the prompt has to name them.
    characters: Option<Vec<Named>>,
    /// What only Retake knows.
    retake: Option<RetakeExtension>,
    /// Accepted and left alone.
    #[schema(value_type = Value, required = false)]
    metadata: Option<()>,
    /// Accepted and left alone.
    #[schema(value_type = Value, required = false)]
    user: Option<()>,
}

/// What a video is to show, as a form.
#[derive(ToSchema)]
#[schema(as = CreateVideoForm)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateForm {
    /// What the video should show. How long it may be is up to the model.
    #[schema(min_length = 1)]
    prompt: String,
    /// The model to make it with; without one the configured default. `GET /v1/models` lists them.
    #[schema(nullable = false, min_length = 1)]
    model: Option<String>,
    /// The length in seconds. Which lengths there are is up to the model.
    #[schema(nullable = false, pattern = "^[1-9][0-9]{0,8}s?$")]
    seconds: Option<String>,
    /// The same as `seconds`; when both are given they have to agree.
    #[schema(nullable = false, pattern = "^[1-9][0-9]{0,8}s?$")]
    duration: Option<String>,
    /// Width and height. Which sizes there are is up to the model.
    #[schema(nullable = false, pattern = "^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]
    size: Option<String>,
    /// The shape, where no size is named.
    #[schema(nullable = false, pattern = "^[1-9][0-9]?:[1-9][0-9]?$")]
    aspect_ratio: Option<String>,
    /// The shorter side, where no size is named.
    #[schema(nullable = false, pattern = "^[1-9][0-9]{1,4}p$")]
    resolution: Option<String>,
    /// What the video should not show.
    #[schema(nullable = false)]
    negative_prompt: Option<String>,
    /// The same seed and request give the same video, where the model can promise it.
    #[schema(nullable = false, pattern = "^[0-9]{1,15}$")]
    seed: Option<String>,
    /// Whether the end should lead back to the beginning.
    #[schema(nullable = false)]
    r#loop: Option<bool>,
    /// Whether the video should have sound.
    #[schema(nullable = false)]
    audio: Option<bool>,
    /// The picture to start from, of the size of the video: PNG, JPEG or WebP.
    #[schema(inline, nullable = false)]
    input_reference: Option<Binary>,
    /// The same as a URL: where it is, or itself as a data URL.
    #[schema(
        nullable = false,
        rename = "input_reference[image_url]",
        pattern = "^(https?://|data:)"
    )]
    input_reference_url: Option<String>,
    /// The id of a character that is to appear; once for each.
    #[schema(nullable = false, rename = "characters[][id]", max_items = 64)]
    characters: Option<Vec<String>>,
    /// Whether values may be changed to the nearest ones that a model takes; see `RetakeExtension`.
    #[schema(nullable = false, rename = "retake[fit]")]
    fit: Option<Fit>,
    /// What is done when content rules refuse the request; see `RetakeExtension`.
    #[schema(nullable = false, rename = "retake[on_moderation]")]
    on_moderation: Option<OnModeration>,
    /// What is done with a file that differs from what was asked for; see `RetakeExtension`.
    #[schema(nullable = false, rename = "retake[on_output_mismatch]")]
    on_output_mismatch: Option<OnMismatch>,
    /// Accepted and left alone.
    #[schema(nullable = false)]
    metadata: Option<String>,
    /// Accepted and left alone.
    #[schema(nullable = false)]
    user: Option<String>,
}

/// A file, as it is.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Binary(Vec<u8>);

/// A character that is to be made, as a form.
#[derive(ToSchema)]
#[schema(as = CreateCharacterForm)]
#[serde(deny_unknown_fields)]
pub(super) struct CharacterForm {
    /// How prompts are to speak of it.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// A short clip that shows it: MP4 with H.264.
    #[schema(inline)]
    video: Binary,
}

/// A picture to start from.
#[derive(ToSchema)]
#[schema(as = InputReference)]
struct Reference {
    /// Where the picture is, or the picture itself as a data URL: PNG, JPEG or WebP.
    #[schema(pattern = "^(https?://|data:)")]
    image_url: String,
}

/// What only Retake knows of a request.
#[derive(ToSchema)]
#[schema(as = CreateVideoRetake)]
#[serde(deny_unknown_fields)]
struct RetakeExtension {
    /// Whether values may be changed to the nearest ones that a model takes: `strict` never, `nearest` on every
    /// route. Without it: only on routes behind one that takes them as they are, or for a model that stands
    /// in for one that was shut down. Every change is reported under `retake.changes`.
    fit: Option<Fit>,
    /// What is done when content rules refuse the request: `fail` ends the job, `switch` goes on at another provider
    /// or with another model of the plan. `switch` has an effect only where `policy.on_moderation` allows it.
    on_moderation: Option<OnModeration>,
    /// What is done with a playable file that differs from what was asked for by more than the tolerance: `keep`
    /// delivers it with a warning, `retry` tries another route first. Without it what `[policy]` says.
    on_output_mismatch: Option<OnMismatch>,
}

/// A character, by its id.
#[derive(ToSchema)]
#[schema(as = CharacterReference)]
struct Named {
    /// Its id.
    id: String,
}

/// A video of this gateway, by its id.
#[derive(ToSchema)]
#[schema(as = VideoReference)]
struct Source {
    /// Its id.
    id: String,
}

/// The prompt of a remix.
#[derive(ToSchema)]
#[schema(as = RemixVideo, examples(json!({ "prompt": "the same lighthouse at night" })))]
#[serde(deny_unknown_fields)]
pub(super) struct Remix {
    /// What the scene should show instead.
    #[schema(min_length = 1)]
    prompt: String,
}

/// What is to be changed, in JSON.
#[derive(ToSchema)]
#[schema(as = EditVideo, examples(json!({ "prompt": "make it snow", "video": { "id": "video_0198c0de" } })))]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// What should change.
    #[schema(min_length = 1)]
    prompt: String,
    video: Source,
    /// The model to make it with; without one that of the video.
    model: Option<String>,
}

/// What is to be changed, as a form.
#[derive(ToSchema)]
#[schema(as = EditVideoForm)]
#[serde(deny_unknown_fields)]
pub(super) struct EditForm {
    /// What should change.
    #[schema(min_length = 1)]
    prompt: String,
    /// The id of a video of this gateway; either this or a file has to be given.
    #[schema(nullable = false, rename = "video[id]")]
    video_id: Option<String>,
    /// A video as a file: MP4 or MOV in H.264.
    #[schema(inline, nullable = false)]
    video: Option<Binary>,
    /// The model to make it with; without one that of the video, or for a file the configured default.
    #[schema(nullable = false, min_length = 1)]
    model: Option<String>,
}

/// How a video is to go on, in JSON.
#[derive(ToSchema)]
#[schema(
    as = ExtendVideo,
    examples(json!({ "prompt": "the sun sets", "seconds": "4", "video": { "id": "video_0198c0de" } })),
)]
#[serde(deny_unknown_fields)]
pub(super) struct Extend {
    /// What should happen.
    #[schema(min_length = 1)]
    prompt: String,
    video: Source,
    /// By how many seconds it gets longer, as text or as a number.
    #[schema(schema_with = seconds, required)]
    seconds: u32,
    /// The model to make it with; without one that of the video.
    model: Option<String>,
}

/// How a video is to go on, as a form.
#[derive(ToSchema)]
#[schema(as = ExtendVideoForm)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtendForm {
    /// What should happen.
    #[schema(min_length = 1)]
    prompt: String,
    /// The id of a video of this gateway; either this or a file has to be given.
    #[schema(nullable = false, rename = "video[id]")]
    video_id: Option<String>,
    /// A video as a file: MP4 or MOV in H.264.
    #[schema(inline, nullable = false)]
    video: Option<Binary>,
    /// By how many seconds it gets longer.
    #[schema(pattern = "^[1-9][0-9]{0,8}s?$")]
    seconds: String,
    /// The model to make it with; without one that of the video, or for a file the configured default.
    #[schema(nullable = false, min_length = 1)]
    model: Option<String>,
}

fn seconds() -> Schema {
    let number =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(999_999_999));
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-9][0-9]{0,8}s?$"));
    OneOfBuilder::new().item(text).item(number).into()
}

/// Beyond the largest one, JSON readers round.
fn seed() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    number.maximum(Some(9_007_199_254_740_991_i64)).into()
}
