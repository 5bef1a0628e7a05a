//! How the inputs of a model are called, at providers that host models of many makers.
//!
//! There every model has names of its own: `image_url` here, `start_image` there, `8`, `"8"` or `"8s"` for the
//! same length. So the names are facts of the catalog, and any model can be described without code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The names of a model's inputs. A part without a name is one that the model does not take.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Where it is called, when that is not the model's own name: `fal-ai/veo3.1`.
    pub path: Option<String>,
    /// Where it is called with a picture to start from.
    pub first_frame_path: Option<String>,
    /// The name for the picture to start from.
    pub first_frame: Option<Field>,
    /// The name for the negative prompt.
    pub negative_prompt: Option<Field>,
    /// The name for the seed.
    pub seed: Option<Field>,
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
