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
    /// Who may appear: a shot whose words name one of them shows the picture beside the scene.
    pub characters: Vec<Character>,
    /// The clip that this video goes on from, so that both can be joined without a jump.
    pub continues: Option<Continuation>,
}

/// Somebody with a name and a face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    /// As prompts call them, in any case.
    pub name: String,
    /// An encoded JPEG, PNG or WebP picture.
    pub picture: Vec<u8>,
}

/// Where an earlier clip ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// Its last picture, as an encoded JPEG, PNG or WebP; the video begins with it.
    pub last_picture: Vec<u8>,
    /// How many frames it has; the time code goes on from there.
    pub frames: u32,
}
