//! How the inputs of a model are called, at providers that host models of many makers.
//!
//! There every model has names of its own: `image_url` here, `start_image` there, `8`, `"8"` or `"8s"` for the
//! same length. So the names are facts of the catalog, and any model can be described without code.
//! [`Model::encode`] puts a render spec into those names. What the names cannot express is refused and never left out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Model, Seconds};
use crate::request::RenderSpec;

/// The names of a model's inputs. A part without a name is one that the model does not take.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Where it is called, when that is not the model's own name: `fal-ai/veo3.1`.
    pub path: Option<String>,
    /// Where it is called with a picture to start from.
    pub first_frame_path: Option<String>,
    /// The name for the prompt, when that is not `prompt`.
    pub prompt: Option<Field>,
    /// The name for the picture to start from.
    pub first_frame: Option<Field>,
    /// The name for the negative prompt.
    pub negative_prompt: Option<Field>,
    /// The name for the seed.
    pub seed: Option<Field>,
    /// The largest seed that is taken; 2 147 483 647 where nothing is said.
    pub seed_max: Option<u64>,
    /// The name for the switch that turns sound on and off.
    pub audio: Option<Field>,
    /// The name for the switch that makes it loop.
    #[serde(rename = "loop")]
    pub looped: Option<Field>,
    /// The name for the length, and how it is written.
    pub seconds: Option<Length>,
    /// What is said for each size: `"1280x720" = { aspect_ratio = "16:9", resolution = "720p" }`.
    pub sizes: BTreeMap<String, Map<String, Value>>,
    /// What is always said.
    pub fixed: Map<String, Value>,
    /// What is said as well when there is a picture to start from.
    pub first_frame_fixed: Map<String, Value>,
    /// The inputs that are not taken together with a picture to start from, such as the aspect ratio where the
    /// picture decides it.
    pub not_with_first_frame: Vec<Field>,
}

impl Input {
    /// The largest seed that is taken.
    pub(super) fn largest_seed(&self) -> u64 {
        self.seed_max.unwrap_or(USUAL_SEED_MAX)
    }
}

/// The name of an input.
pub type Field = String;

/// The name of the length, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// As a number: `8`.
    Number {
        /// The name of the input.
        name: Field,
    },
    /// As a text: `"8"`.
    Text {
        /// The name of the input.
        name: Field,
    },
    /// As a text with its unit: `"8s"`.
    TextWithUnit {
        /// The name of the input.
        name: Field,
    },
    /// As a count of frames: `193` for eight seconds at 24 frames a second and one more.
    Frames {
        /// The name of the input.
        name: Field,
        /// Frames a second.
        per_second: u32,
        /// Frames beyond those.
        extra: u32,
    },
}

/// Something in a shot for which a model has no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{model}` cannot be told {what}; {way_out}")]
pub struct UnsupportedInput {
    /// The model.
    pub model: String,
    /// What cannot be said.
    pub what: &'static str,
    /// What helps.
    pub way_out: &'static str,
}

/// What all inputs of a model are given for a shot.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    /// Where the model is called.
    pub path: String,
    /// The inputs, but for the picture to start from.
    pub inputs: Map<String, Value>,
    /// The input that the picture to start from belongs in, if the shot has one.
    pub picture: Option<Field>,
    /// The input that the seed is in, if the model takes one.
    pub seed: Option<Field>,
}

/// The largest seed of most models: what fits in 31 bits.
const USUAL_SEED_MAX: u64 = 2_147_483_647;
const DESCRIBE: &str = "add its name to `[model.input]` of a catalog file of your own";

impl Length {
    /// The input that says how long the video is to be.
    pub fn of(&self, seconds: u32) -> (&str, Value) {
        match self {
            Self::Number { name } => (name, seconds.into()),
            Self::Text { name } => (name, seconds.to_string().into()),
            Self::TextWithUnit { name } => (name, format!("{seconds}s").into()),
            Self::Frames { name, per_second, extra } => {
                (name, seconds.saturating_mul(*per_second).saturating_add(*extra).into())
            }
        }
    }
}

impl Model {
    /// Puts a shot into the inputs of this model.
    ///
    /// # Errors
    ///
    /// [`UnsupportedInput`] when the shot asks for something that has no input here, or when the catalog does not say
    /// how the inputs are called.
    pub fn encode(&self, spec: &RenderSpec) -> Result<ModelInput, UnsupportedInput> {
        let input = self.input.as_ref().ok_or_else(|| {
            self.unsayable("anything", "describe its inputs as `[model.input]` in a catalog file")
        })?;
        self.refuse_the_foreign(spec)?;
        let mut inputs = input.fixed.clone();
        let prompt = input.prompt.as_deref().unwrap_or("prompt");
        inputs.insert(prompt.to_owned(), spec.prompt.clone().into());
        self.say_length(input, spec, &mut inputs)?;
        self.say_size(input, spec, &mut inputs)?;
        self.say_extras(input, spec, &mut inputs)?;
        let picture = self.place_for_picture(input, spec, &mut inputs)?;
        let own = input.path.as_ref().unwrap_or(&self.name);
        let path = input.first_frame_path.as_ref().filter(|_| picture.is_some()).unwrap_or(own);
        Ok(ModelInput { path: path.clone(), inputs, picture, seed: input.seed.clone() })
    }

    fn unsayable(&self, what: &'static str, way_out: &'static str) -> UnsupportedInput {
        UnsupportedInput { model: self.name.clone(), what, way_out }
    }

    fn refuse_the_foreign(&self, spec: &RenderSpec) -> Result<(), UnsupportedInput> {
        if spec.origin.is_some() {
            let way_out = "make a new video, or use a model whose catalog entry has `makes_from`";
            return Err(self.unsayable("to start from another video", way_out));
        }
        if !spec.characters.is_empty() {
            let way_out = "describe them in the prompt, or use a model that takes characters";
            return Err(self.unsayable("who is to appear", way_out));
        }
        Ok(())
    }

    fn say_length(
        &self,
        input: &Input,
        spec: &RenderSpec,
        inputs: &mut Map<String, Value>,
    ) -> Result<(), UnsupportedInput> {
        if let Some(length) = &input.seconds {
            let (name, value) = length.of(spec.seconds);
            inputs.insert(name.to_owned(), value);
            return Ok(());
        }
        let has_one = match &self.seconds {
            Seconds::Range { min, max } => min == max,
            Seconds::OneOf { one_of } => one_of.len() == 1,
        };
        let fits = has_one && self.seconds.allow(spec.seconds);
        if fits { Ok(()) } else { Err(self.unsayable("how long the video is to be", DESCRIBE)) }
    }

    fn say_size(
        &self,
        input: &Input,
        spec: &RenderSpec,
        inputs: &mut Map<String, Value>,
    ) -> Result<(), UnsupportedInput> {
        match input.sizes.get(&spec.size.to_string()) {
            Some(said) => {
                inputs.extend(said.clone());
                Ok(())
            }
            // The only size needs no words, and where nothing is said, a picture decides.
            None if self.sizes == [spec.size] => Ok(()),
            None if input.sizes.is_empty() && spec.first_frame.is_some() => Ok(()),
            None => Err(self.unsayable("this size", DESCRIBE)),
        }
    }

    fn say_extras(
        &self,
        input: &Input,
        spec: &RenderSpec,
        inputs: &mut Map<String, Value>,
    ) -> Result<(), UnsupportedInput> {
        if let Some(text) = &spec.negative_prompt {
            let name = input.negative_prompt.clone();
            let name = name.ok_or_else(|| self.unsayable("what not to show", DESCRIBE))?;
            inputs.insert(name, text.clone().into());
        }
        match &input.audio {
            Some(name) => {
                inputs.insert(name.clone(), spec.audio.into());
            }
            None if spec.audio == self.audio => {}
            None => return Err(self.unsayable("whether there is sound", DESCRIBE)),
        }
        if spec.looped {
            let name = input.looped.clone();
            let name = name.ok_or_else(|| self.unsayable("to loop", DESCRIBE))?;
            inputs.insert(name, true.into());
        }
        if let Some(name) = &input.seed {
            inputs.insert(name.clone(), self.seed_of(spec.seed).into());
        }
        Ok(())
    }

    fn place_for_picture(
        &self,
        input: &Input,
        spec: &RenderSpec,
        inputs: &mut Map<String, Value>,
    ) -> Result<Option<Field>, UnsupportedInput> {
        if spec.first_frame.is_none() {
            let way_out = "send one as `input_reference`";
            let lacks = self.needs_first_frame;
            return if lacks {
                Err(self.unsayable("to start without a picture", way_out))
            } else {
                Ok(None)
            };
        }
        let name = input.first_frame.clone();
        let name = name.ok_or_else(|| self.unsayable("which picture to start from", DESCRIBE))?;
        inputs.retain(|input_name, _| !input.not_with_first_frame.contains(input_name));
        inputs.extend(input.first_frame_fixed.clone());
        Ok(Some(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{catalog::Catalog, request::Picture, size::Size};

    const ENTRY: &str = r#"
        [[model]]
        provider = "fal"
        name = "example/film"
        title = "Film"
        seconds = { one_of = [4, 8] }
        sizes = ["1280x720", "720x1280"]
        prompt_chars = 2000
        negative = "full"
        loop = false
        audio = true
        seed = true
        first_frame = true
        micros_per_second = 100000
        released = "2026-01-01"
        source = "made up for this test"
        checked = "2026-11-21"

        [model.input]
        path = "example/film/text-to-video"
        first_frame_path = "example/film/image-to-video"
        first_frame = "image_url"
        negative_prompt = "negative_prompt"
        seed = "seed"
        seed_max = 999
        audio = "generate_audio"
        seconds = { as = "text_with_unit", name = "duration" }
        not_with_first_frame = ["aspect_ratio"]
        fixed = { auto_fix = false }

        [model.input.sizes]
        "1280x720" = { aspect_ratio = "16:9", resolution = "720p" }
        "720x1280" = { aspect_ratio = "9:16", resolution = "720p" }
    "#;

    fn a_model() -> Model {
        Catalog::parse(ENTRY).unwrap().models()[0].clone()
    }

    fn a_shot(model: &Model) -> RenderSpec {
        RenderSpec {
            prompt: "a lighthouse".into(),
            negative_prompt: None,
            seconds: model.seconds.nearest(5),
            size: model.sizes[0],
            seed: 7,
            looped: false,
            audio: model.audio,
            first_frame: model.needs_first_frame.then(|| a_picture(model.sizes[0])),
            characters: Vec::new(),
            origin: None,
        }
    }

    fn a_picture(size: Size) -> Picture {
        Picture { key: "k".into(), size, media_type: "image/png".into() }
    }

    #[test]
    fn a_shot_is_put_into_the_names_of_the_model() {
        let model = a_model();
        let spec = RenderSpec { negative_prompt: Some("fog".into()), ..a_shot(&model) };

        let said = model.encode(&spec).unwrap();

        assert_eq!(said.path, "example/film/text-to-video");
        assert_eq!(
            Value::Object(said.inputs),
            json!({
                "prompt": "a lighthouse", "negative_prompt": "fog", "duration": "4s", "seed": 7,
                "generate_audio": true, "aspect_ratio": "16:9", "resolution": "720p", "auto_fix": false,
            })
        );
    }

    #[test]
    fn with_a_picture_another_path_is_called_and_what_the_picture_decides_is_left_to_it() {
        let model = a_model();
        let size = Size::new(1280, 720);
        let spec = RenderSpec { first_frame: Some(a_picture(size)), ..a_shot(&model) };

        let said = model.encode(&spec).unwrap();

        assert_eq!(said.path, "example/film/image-to-video");
        assert_eq!(said.picture.as_deref(), Some("image_url"));
        assert_eq!(said.inputs.get("aspect_ratio"), None);
        assert_eq!(said.inputs["resolution"], "720p");
    }

    #[test]
    fn a_seed_beyond_the_range_is_folded_into_it_the_same_way_every_time() {
        let model = a_model();
        let spec = RenderSpec { seed: 123_456, ..a_shot(&model) };

        assert_eq!(model.encode(&spec).unwrap().inputs["seed"], 456);
    }

    #[test]
    fn what_has_no_name_is_refused_and_never_left_out() {
        let (mut model, spec) = (a_model(), a_shot(&a_model()));
        let input = model.input.as_mut().unwrap();
        (input.negative_prompt, input.audio, input.seconds) = (None, None, None);

        let long = model.encode(&spec).unwrap_err();
        model.seconds = Seconds::OneOf { one_of: vec![4] };
        let silent = model.encode(&RenderSpec { audio: false, ..spec.clone() }).unwrap_err();
        let negative =
            model.encode(&RenderSpec { negative_prompt: Some("fog".into()), ..spec.clone() });
        let looped = model.encode(&RenderSpec { looped: true, ..spec.clone() }).unwrap_err();
        let size = model.encode(&RenderSpec { size: Size::new(640, 360), ..spec }).unwrap_err();

        assert_eq!(long.what, "how long the video is to be");
        assert_eq!(silent.what, "whether there is sound");
        assert_eq!(negative.unwrap_err().what, "what not to show");
        assert_eq!(looped.what, "to loop");
        assert_eq!(size.what, "this size");
    }

    /// Whether the entry can be said in every way in which preflight lets a request through.
    fn check_all_that_is_promised(model: &Model) {
        let plain = a_shot(model);
        let lengths = (1..=120).filter(|seconds| model.seconds.allow(*seconds));
        let mut shots: Vec<_> =
            lengths.map(|seconds| RenderSpec { seconds, ..plain.clone() }).collect();
        for size in &model.sizes {
            shots.push(RenderSpec { size: *size, ..plain.clone() });
            if model.first_frame {
                let first_frame = Some(a_picture(*size));
                shots.push(RenderSpec { size: *size, first_frame, ..plain.clone() });
            }
        }
        if model.audio && model.audio_switch {
            shots.push(RenderSpec { audio: false, ..plain.clone() });
        }
        if model.negative != super::super::Negative::None {
            shots.push(RenderSpec { negative_prompt: Some("fog".into()), ..plain.clone() });
        }
        if model.looping {
            shots.push(RenderSpec { looped: true, ..plain.clone() });
        }
        for spec in shots {
            model.encode(&spec).unwrap_or_else(|problem| panic!("{model}: {problem}: {spec:?}"));
        }
    }

    #[test]
    fn every_shipped_model_of_a_host_can_be_told_all_that_its_entry_promises() {
        let catalog = Catalog::shipped().unwrap();
        let hosts = ["fal", "replicate"];
        let hosted: Vec<_> =
            catalog.models().iter().filter(|model| hosts.contains(&&*model.provider)).collect();

        assert!(hosts.iter().all(|host| hosted.iter().any(|model| model.provider == *host)));
        for model in hosted {
            check_all_that_is_promised(model);
            let input = model.input.as_ref().unwrap();
            assert_eq!(model.seed, input.seed.is_some(), "{model}");
            let sizes: Vec<_> = model.sizes.iter().map(Size::to_string).collect();
            assert!(input.sizes.keys().all(|size| sizes.contains(size)), "{model}");
        }
    }
}
