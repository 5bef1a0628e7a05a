//! What a render is asked for.

/// Everything that decides the picture. Two equal briefs render to the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// What the video should show, in the caller's words.
    pub prompt: String,
    /// What it should not show.
    pub negative_prompt: Option<String>,
    /// Length in whole seconds.
    pub seconds: u32,
    /// Width in pixels; even.
    pub width: u32,
    /// Height in pixels; even.
    pub height: u32,
    /// Decides everything that the prompt leaves open.
    pub seed: u64,
    /// Whether the last frame leads back into the first.
    pub looped: bool,
    /// Whether a sound bed is drawn from the shots; without it the track is silent.
    pub audio: bool,
    /// An encoded JPEG, PNG or WebP picture that the video starts from.
    pub first_frame: Option<Vec<u8>>,
}
