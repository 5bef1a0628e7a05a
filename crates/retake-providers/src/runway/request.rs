//! The body of a create.

use retake_core::{
    catalog::{Model, Negative},
    fault::{Fault, FaultKind, FaultSource},
    request::RenderSpec,
};
use serde_json::{Map, Value as Json, json};

use super::framing;
use crate::Submission;

/// The largest seed that the API takes (docs, 2026-11-21).
const LARGEST_SEED: u64 = u32::MAX as u64;

/// Says everything but the picture. `known` is what the catalog says of the model.
pub(super) fn body(
    submission: &Submission,
    known: Option<&Model>,
) -> Result<Map<String, Json>, Fault> {
    let (model, spec) = (submission.model.as_str(), &submission.spec);
    refuse_what_cannot_be_said(model, spec, known).map_err(refused)?;
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("promptText".into(), spec.prompt.as_str().into());
    body.insert("duration".into(), spec.seconds.into());
    framing::say(spec.size, model, spec.first_frame.is_some(), &mut body).map_err(refused)?;
    if let Some(negative) = &spec.negative_prompt {
        body.insert("negativePrompt".into(), negative.as_str().into());
    }
    if known.is_some_and(|known| known.audio && known.audio_switch) {
        body.insert("audio".into(), spec.audio.into());
    }
    if known.is_some_and(|known| known.seed) {
        // Ours may be longer than theirs. What is cut off is always the same, so a seed stays a seed.
        body.insert("seed".into(), (spec.seed & LARGEST_SEED).into());
    }
    Ok(body)
}

/// The same body for a render that starts from a picture. The position is always said, because without it
/// some models take the picture for a reference.
pub(super) fn with_picture(mut body: Map<String, Json>, uri: &str) -> Json {
    body.insert("promptImage".into(), json!([{ "uri": uri, "position": "first" }]));
    body.into()
}

pub(super) fn refused(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}

fn refuse_what_cannot_be_said(
    model: &str,
    spec: &RenderSpec,
    known: Option<&Model>,
) -> Result<(), String> {
    let is_loud = known.is_some_and(|known| known.audio && !known.audio_switch);
    let takes_negative = known.is_some_and(|known| known.negative != Negative::None);
    let problem = if spec.looped {
        "cannot loop; leave `loop` out"
    } else if !spec.characters.is_empty() {
        "takes no characters; leave them out"
    } else if spec.origin.is_some() {
        "is asked for new videos only; take another model to change or extend one"
    } else if spec.negative_prompt.is_some() && !takes_negative {
        "takes no negative prompt; leave it out"
    } else if !spec.audio && is_loud {
        "always makes sound; leave `audio` out, or take another model"
    } else if spec.first_frame.is_none() && needs_picture(model, known) {
        "starts from a picture; send one as `input_reference`, or take a model that does not"
    } else {
        return refuse_long_prompt(model, spec);
    };
    Err(format!("`{model}` {problem}"))
}

fn needs_picture(model: &str, known: Option<&Model>) -> bool {
    model == "gen4_turbo" || known.is_some_and(|known| known.needs_first_frame)
}

/// The catalog counts characters; Runway counts UTF-16 code units, of which an emoji has two.
fn refuse_long_prompt(model: &str, spec: &RenderSpec) -> Result<(), String> {
    let most = match model {
        "gen4_turbo" | "gen4.5" | "veo3.1" | "veo3.1_fast" => 1000,
        "happyhorse_1_0" => 2500,
        _ => return Ok(()),
    };
    let found = spec.prompt.encode_utf16().count();
    if found <= most {
        return Ok(());
    }
    Err(format!(
        "the prompt has {found} UTF-16 code units and `{model}` reads {most}; shorten it, or write it with \
         fewer emoji"
    ))
}
