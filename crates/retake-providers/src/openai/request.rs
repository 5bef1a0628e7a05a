//! A shot as a create: which fields say it, and what cannot be said.
//!
//! Preflight has settled length and size, so they are written as they are. A wish that a dialect has no word
//! for is refused by name; nothing is left out in silence.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use retake_core::{
    catalog::Model,
    fault::{Fault, FaultKind, FaultSource},
    request::RenderSpec,
};
use serde_json::{Map, Value as Json, json};

use super::dialect::{Dialect, Encoding, Number, Picture, Shape, Word};
use crate::{Body, Part, Submission};

/// A larger picture does not go into a `data:` URL, which OpenAI takes up to 20,971,520 characters.
const LARGEST_INLINE: usize = 15_000_000;

/// The body of a create.
pub(super) fn body(
    dialect: &'static Dialect,
    submission: &Submission,
    entry: Option<&Model>,
) -> Result<Body, Fault> {
    let mut fields = fields(dialect, submission, entry)?;
    let mut files = Vec::new();
    let form = match dialect.encoding {
        Encoding::Form => true,
        Encoding::Json => false,
        Encoding::JsonOrForm => submission.spec.first_frame.is_some(),
    };
    picture(dialect, submission, form, &mut fields, &mut files)?;
    Ok(if form { as_form(fields, files) } else { as_json(fields) })
}

type Fields = Vec<(String, Json)>;

fn fields(
    dialect: &'static Dialect,
    submission: &Submission,
    entry: Option<&Model>,
) -> Result<Fields, Fault> {
    let (spec, words) = (&submission.spec, dialect.words);
    refuse_unsayable(dialect, spec, entry)?;
    let mut fields: Fields = vec![
        ("model".into(), submission.model.clone().into()),
        ("prompt".into(), spec.prompt.clone().into()),
    ];
    let mut say = |name: &str, value: Json| fields.push((name.to_owned(), value));
    for number in [Some(words.seconds), words.seconds_too].into_iter().flatten() {
        match number {
            Number::Text(name) => say(name, spec.seconds.to_string().into()),
            Number::Plain(name) => say(name, spec.seconds.into()),
        }
    }
    match words.size {
        Shape::Size(name) => say(name, spec.size.to_string().into()),
        Shape::Sides => {
            say("width", spec.size.width.into());
            say("height", spec.size.height.into());
        }
    }
    if let (Some(name), Some(text)) = (words.negative, &spec.negative_prompt) {
        say(name, text.clone().into());
    }
    if let Some(name) = said(words.seed, entry, |model| model.seed) {
        say(name, spec.seed.into());
    }
    if let Some(name) = said(words.audio, entry, |model| model.audio && model.audio_switch) {
        say(name, spec.audio.into());
    }
    let hook = submission.hook.as_deref().filter(|url| url.starts_with("https://"));
    if let (Some(name), Some(url)) = (words.hook, hook) {
        say(name, url.into());
    }
    for (name, value) in words.fixed {
        say(name, (*value).into());
    }
    Ok(fields)
}

/// The name of a field that not every model takes, where this one does.
fn said(
    word: Option<Word>,
    entry: Option<&Model>,
    takes: impl FnOnce(&Model) -> bool,
) -> Option<&'static str> {
    match word? {
        Word::Always(name) => Some(name),
        Word::IfListed(name) => entry.is_some_and(takes).then_some(name),
    }
}

fn refused(what: &str, way_out: &str) -> Fault {
    let message = format!("{what}; {way_out}");
    Fault::new(FaultKind::BadRequest, FaultSource::Caller, message)
}

fn refuse_unsayable(
    dialect: &'static Dialect,
    spec: &RenderSpec,
    entry: Option<&Model>,
) -> Result<(), Fault> {
    let title = dialect.facts.title;
    let no_word = |what: &str| {
        let what = format!("the API of {title} has no way to say `{what}`");
        Err(refused(&what, "leave it out, or use a provider that takes it"))
    };
    if spec.looped {
        return no_word("loop");
    }
    if spec.negative_prompt.is_some() && dialect.words.negative.is_none() {
        return no_word("negative_prompt");
    }
    if !spec.characters.is_empty() {
        // A character is a clip there, and what we have is a picture.
        return no_word("characters");
    }
    if spec.origin.is_some() {
        // An edit or an extension names a video by the provider's id, or uploads it, which is for few customers.
        return no_word("video");
    }
    let can_be_silent = said(dialect.words.audio, entry, |model| model.audio_switch).is_some()
        || entry.is_some_and(|model| !model.audio);
    if !spec.audio && !can_be_silent {
        return Err(refused(
            &format!("sound cannot be turned off at {title} for this model"),
            "ask for a video with sound",
        ));
    }
    Ok(())
}

fn picture(
    dialect: &'static Dialect,
    submission: &Submission,
    form: bool,
    fields: &mut Fields,
    files: &mut Vec<Part>,
) -> Result<(), Fault> {
    let Some(picture) = &submission.spec.first_frame else { return Ok(()) };
    let media_type = picture.media_type.as_str();
    let mut attach = |name: &str, bytes: &Bytes| {
        files.push(Part::File {
            name: name.to_owned(),
            filename: filename(media_type).to_owned(),
            media_type: media_type.to_owned(),
            bytes: bytes.clone(),
        });
    };
    match dialect.words.first_frame {
        Picture::File(name) if form => attach(name, bytes_of(submission)?),
        Picture::File(name) => {
            fields.push((name.to_owned(), json!({ "image_url": url_of(submission, media_type)? })));
        }
        Picture::Url(name) => {
            fields.push((name.to_owned(), url_of(submission, media_type)?.into()));
        }
        Picture::Frames => {
            let url = url_of(submission, media_type)?;
            let frame = json!({
                "type": "image_url", "image_url": { "url": url }, "frame_type": "first_frame",
            });
            fields.push(("frame_images".to_owned(), json!([frame])));
        }
        Picture::Inpaint => {
            attach("files", bytes_of(submission)?);
            let whole = json!({
                "left_fraction": 0.0, "top_fraction": 0.0,
                "right_fraction": 1.0, "bottom_fraction": 1.0,
            });
            let item = json!({
                "frame_index": 0, "type": "image", "file_name": filename(media_type),
                "crop_bounds": whole,
            });
            fields.push(("inpaint_items".to_owned(), json!([item])));
        }
    }
    Ok(())
}

fn bytes_of(submission: &Submission) -> Result<&Bytes, Fault> {
    submission.first_frame.as_ref().ok_or_else(|| {
        let message = "the picture to start from is not at hand any more";
        Fault::new(FaultKind::Storage, FaultSource::Gateway, message)
    })
}

/// The picture in a URL: whole, or by its address when it is too large.
fn url_of(submission: &Submission, media_type: &str) -> Result<String, Fault> {
    match (&submission.first_frame, &submission.first_frame_url) {
        (Some(bytes), _) if bytes.len() <= LARGEST_INLINE => {
            Ok(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
        }
        (_, Some(url)) => Ok(url.clone()),
        (Some(bytes), None) => {
            let what = format!("the picture has {} bytes; {LARGEST_INLINE} are sent", bytes.len());
            Err(refused(&what, "send a smaller `input_reference`"))
        }
        (None, None) => bytes_of(submission).map(|_| String::new()),
    }
}

fn filename(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => "first_frame.png",
        "image/webp" => "first_frame.webp",
        _ => "first_frame.jpg",
    }
}

/// Fields as JSON; a dot in a name leads into an object.
fn as_json(fields: Fields) -> Body {
    let mut whole = Map::new();
    for (name, value) in fields {
        match name.split_once('.') {
            None => {
                whole.insert(name, value);
            }
            Some((outer, inner)) => {
                let object = whole.entry(outer).or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(object) = object {
                    object.insert(inner.to_owned(), value);
                }
            }
        }
    }
    Body::Json(whole.into())
}

/// Fields as a form: texts as they are, everything else as JSON.
fn as_form(fields: Fields, files: Vec<Part>) -> Body {
    let text = |(name, value): (String, Json)| {
        let value = match value {
            Json::String(text) => text,
            other => other.to_string(),
        };
        Part::Text {
            name: name.replacen('.', "[", 1) + if name.contains('.') { "]" } else { "" },
            value,
        }
    };
    Body::Form(fields.into_iter().map(text).chain(files).collect())
}
