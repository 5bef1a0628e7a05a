//! The canonical request: what a caller asks for, free of any provider's wire format.
//!
//! Every way in parses into a [`VideoRequest`], in which what was left out is `None`. Preflight settles
//! it against one model and yields a [`RenderSpec`]: the same wish with nothing left open, which is what an
//! adapter translates. The words of the prompt are never changed on the way.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CharacterId, VideoId},
    output::{OnMismatch, OutputSpec},
    policy::OnModeration,
    size::{Ratio, Size},
};

/// What a caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoRequest {
    /// What the video should show.
    pub prompt: String,
    /// The model asked for; without one the configured default.
    pub model: Option<String>,
    /// Length in seconds.
    pub seconds: Option<u32>,
    /// Width and height.
    pub size: Option<Size>,
    /// The shape, when no exact size was named.
    pub aspect_ratio: Option<Ratio>,
    /// The shorter side in pixels, when no exact size was named: 720 for `720p`.
    pub resolution: Option<u32>,
    /// What the video should not show.
    pub negative_prompt: Option<String>,
    /// The same seed and request give the same video where the model can promise it.
    pub seed: Option<u64>,
    /// Whether the end should lead back to the beginning.
    #[serde(rename = "loop")]
    pub looped: Option<bool>,
    /// Whether the video should have sound.
    pub audio: Option<bool>,
    /// The picture to start from.
    pub first_frame: Option<Picture>,
    /// Who is to appear, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub characters: Vec<Character>,
    /// The video that this one is made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Whether values may be changed to the nearest ones that a model takes. Without a word: only where
    /// another route takes them as they are, or where the model itself had to be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// What is done when content rules refuse it; without a word what the policy says. The stricter of the two holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_moderation: Option<OnModeration>,
    /// What is done with a file that differs from what was asked for; without a word what the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_output_mismatch: Option<OnMismatch>,
}

impl VideoRequest {
    /// What the file of a shot that was made for this request has to be. Sound counts only where it was asked for in
    /// so many words: nobody pays for another video because one came without what its model usually makes.
    pub fn expected_output(&self, spec: &RenderSpec) -> OutputSpec {
        OutputSpec {
            size: Some(spec.size),
            duration_ms: Some(spec.plays_ms()),
            sound: (spec.audio && self.audio == Some(true)).then_some(true),
        }
    }
}

/// Whether values may be changed to the nearest ones that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Never: a route that cannot take the request as it is, is left out.
    Strict,
    /// On every route, with each change reported.
    Nearest,
}

/// Somebody who can appear in videos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Character {
    /// Which character it is.
    pub id: CharacterId,
    /// The name under which a prompt speaks of it.
    pub name: String,
    /// What it looks like.
    pub picture: Picture,
}

/// The video that another one is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What is done with it.
    pub kind: OriginKind,
    /// Which video it is; nothing for an uploaded file.
    pub video: Option<VideoId>,
    /// The key under which the asset store keeps its file, where the file is needed.
    pub key: Option<String>,
    /// The length of its file.
    pub bytes: u64,
    /// How long it plays, to the nearest second.
    pub seconds: u32,
    /// How long it plays exactly, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

impl Origin {
    /// Whether its file came with the request and is no video of this gateway.
    pub fn is_upload(&self) -> bool {
        self.video.is_none()
    }

    /// How long it plays, in milliseconds.
    pub fn plays_ms(&self) -> u64 {
        self.duration_ms.unwrap_or_else(|| milliseconds(self.seconds))
    }
}

/// What is done with the video that another one is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// The same scene under another prompt.
    Remix,
    /// The same scene, changed as the prompt says.
    Edit,
    /// It goes on where it ended; the result is the whole.
    Extension,
}

/// A picture that came with a request, by where it is stored and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The key under which the asset store keeps it.
    pub key: String,
    /// Width and height.
    pub size: Size,
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: String,
}

/// A request settled for one model: nothing is left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderSpec {
    /// What the video should show.
    pub prompt: String,
    /// What it should not show.
    pub negative_prompt: Option<String>,
    /// Length in seconds.
    pub seconds: u32,
    /// Width and height.
    pub size: Size,
    /// Decides what the prompt leaves open.
    pub seed: u64,
    /// Whether the end leads back to the beginning.
    #[serde(rename = "loop")]
    pub looped: bool,
    /// Whether there is sound.
    pub audio: bool,
    /// The picture to start from.
    pub first_frame: Option<Picture>,
    /// Who is to appear, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub characters: Vec<Character>,
    /// The video that this one is made from. Of an extension, `seconds` is the length of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl RenderSpec {
    /// The video that this one goes on from, if it is an extension.
    pub fn continued(&self) -> Option<&Origin> {
        self.origin.as_ref().filter(|origin| origin.kind == OriginKind::Extension)
    }

    /// How many seconds are new: of an extension, only what is put behind the video it goes on from.
    pub fn new_seconds(&self) -> u32 {
        self.seconds.saturating_sub(self.continued().map_or(0, |origin| origin.seconds))
    }

    /// How long the finished file has to play, in milliseconds.
    pub fn plays_ms(&self) -> u64 {
        let before = self.continued().map_or(0, Origin::plays_ms);
        before.saturating_add(milliseconds(self.new_seconds()))
    }
}

fn milliseconds(seconds: u32) -> u64 {
    u64::from(seconds) * 1000
}
