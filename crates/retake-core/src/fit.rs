//! Fitting a request to a model that cannot take it as it is, with every change on record.
//!
//! Nothing is changed silently, and not everything may be changed: the prompt, the picture to start from, the
//! characters and the video that is built on stay as they are or the model is not the right one.

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Model, Negative},
    preflight,
    request::{OriginKind, RenderSpec, VideoRequest},
};

/// One value that is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Change {
    /// The parameter.
    pub param: String,
    /// What was asked for.
    pub asked: String,
    /// What it became; nothing when it was left out.
    #[cfg_attr(feature = "schema", schema(required))]
    pub given: Option<String>,
    /// Why.
    pub why: String,
}

/// The request nearest to this one that the model takes, as far as lengths, sizes and extras go, and what was
/// changed for it.
pub fn nearest(request: &VideoRequest, model: &Model) -> (VideoRequest, Vec<Change>) {
    let mut fitting = Fitting { request: request.clone(), changes: Vec::new(), model };
    fitting.length();
    fitting.size();
    fitting.sound();
    fitting.extras();
    (fitting.request, fitting.changes)
}

/// That the video has not the size of the picture that it starts from, where nothing else was asked for.
pub(crate) fn of_picture(
    request: &VideoRequest,
    spec: &RenderSpec,
    model: &Model,
) -> Option<Change> {
    let open =
        request.size.is_none() && request.aspect_ratio.is_none() && request.resolution.is_none();
    let picture =
        request.first_frame.as_ref().filter(|picture| open && picture.size != spec.size)?;
    Some(Change {
        param: "size".to_owned(),
        asked: picture.size.to_string(),
        given: Some(spec.size.to_string()),
        why: format!("`{}` fits the picture into a size that it renders", model.name),
    })
}

struct Fitting<'a> {
    request: VideoRequest,
    changes: Vec<Change>,
    model: &'a Model,
}

impl Fitting<'_> {
    fn note(&mut self, param: &str, asked: &str, given: Option<String>, why: &str) {
        let why = format!("`{}` {why}", self.model.name);
        let (param, asked) = (param.to_owned(), asked.to_owned());
        self.changes.push(Change { param, asked, given, why });
    }

    fn length(&mut self) {
        let extends =
            self.request.origin.as_ref().is_some_and(|origin| origin.kind == OriginKind::Extension);
        let Some(asked) = self.request.seconds.filter(|_| !extends) else { return };
        if self.model.seconds.allow(asked) {
            return;
        }
        let near = self.model.seconds.nearest(asked);
        let why = format!("renders {} seconds", self.model.seconds);
        self.note("seconds", &asked.to_string(), Some(near.to_string()), &why);
        self.request.seconds = Some(near);
    }

    fn size(&mut self) {
        let (request, model) = (&self.request, self.model);
        let Some((param, asked, near)) = preflight::nearest_possible_size(request, model) else {
            return;
        };
        self.note(param, &asked, Some(near.to_string()), "renders no such size");
        self.request.size = Some(near);
        self.request.aspect_ratio = None;
        self.request.resolution = None;
    }

    fn sound(&mut self) {
        match self.request.audio {
            Some(true) if !self.model.audio => {
                self.note("audio", "true", Some("false".into()), "makes no sound");
                self.request.audio = Some(false);
            }
            Some(false) if self.model.audio && !self.model.audio_switch => {
                self.note("audio", "false", Some("true".into()), "always makes sound");
                self.request.audio = Some(true);
            }
            _ => {}
        }
    }

    fn extras(&mut self) {
        if self.request.looped == Some(true) && !self.model.looping {
            self.note("loop", "true", Some("false".into()), "cannot loop");
            self.request.looped = None;
        }
        if let Some(seed) = self.request.seed.filter(|_| !self.model.seed) {
            self.note("seed", &seed.to_string(), None, "takes no seed");
            self.request.seed = None;
        }
        if let Some(seed) = self.request.seed.filter(|seed| *seed > self.model.seed_max) {
            let near = self.model.seed_of(seed);
            let why = format!("takes seeds up to {}", self.model.seed_max);
            self.note("seed", &seed.to_string(), Some(near.to_string()), &why);
            self.request.seed = Some(near);
        }
        if self.model.negative == Negative::None
            && let Some(negative) = self.request.negative_prompt.take()
        {
            let asked: String = negative.chars().take(80).collect();
            self.note("negative_prompt", &asked, None, "takes no negative prompt");
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::{catalog::Catalog, request::Picture, size::Size};

    const TODAY: Date = Date::constant(2026, 9, 1);

    #[test]
    fn what_a_model_cannot_do_becomes_the_nearest_thing_and_is_told() {
        let catalog = Catalog::shipped().unwrap();
        let sora = catalog.model("openai", "sora-2").unwrap();
        let request = VideoRequest {
            prompt: "a lighthouse".into(),
            seconds: Some(10),
            size: Some(Size::new(1920, 1080)),
            negative_prompt: Some("birds".into()),
            seed: Some(7),
            looped: Some(true),
            ..VideoRequest::default()
        };

        let (fitted, changes) = nearest(&request, sora);

        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.param.as_str(), c.asked.as_str(), c.given.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("seconds", "10", Some("8")),
                ("size", "1920x1080", Some("1792x1024")),
                ("loop", "true", Some("false")),
                ("seed", "7", None),
                ("negative_prompt", "birds", None),
            ]
        );
        assert_eq!(preflight::check(&fitted, sora, TODAY), []);
    }

    #[test]
    fn a_video_that_has_not_the_size_of_its_picture_says_so() {
        let catalog = Catalog::shipped().unwrap();
        let gen4 = catalog.model("runway", "gen4_turbo").unwrap();
        let picture = |size| Picture { key: "k".into(), size, media_type: "image/png".into() };
        let from = |size| VideoRequest {
            prompt: "a lighthouse".into(),
            first_frame: Some(picture(size)),
            ..VideoRequest::default()
        };
        let told = |size| {
            let request = from(size);
            of_picture(&request, &preflight::settle(&request, gen4, 7), gen4).map(|c| c.given)
        };

        assert_eq!(told(Size::new(1280, 720)), None);
        assert_eq!(told(Size::new(1000, 1000)), Some(Some("960x960".into())));
    }

    #[test]
    fn a_request_that_fits_stays_as_it_is() {
        let catalog = Catalog::shipped().unwrap();
        let sora = catalog.model("openai", "sora-2").unwrap();
        let request = VideoRequest { prompt: "a lighthouse".into(), ..VideoRequest::default() };

        assert_eq!(nearest(&request, sora), (request, Vec::new()));
    }
}
