//! From a prompt to the shots it asks for.
//!
//! A storyboard is what a director's assistant would write down before anything is drawn: how many
//! shots, how long each one lasts, from where the camera looks and how it moves, what the light
//! does, where it plays and who is in it. It is read from the words alone, by lists of words that
//! anyone can extend (`storyboard/vocabulary.txt`), and it is a pure function: equal briefs give
//! equal storyboards.
//!
//! What the prompt leaves open is decided by what it did say (a whale brings its ocean, a chef his
//! kitchen), then by the seed, never by chance.

mod cast;
mod read;
mod split;
mod terms;
mod timing;
mod tokens;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use cast::{Role, Tint};
pub use terms::{
    Action, Angle, Family, Figure, Framing, Garment, Heading, Hour, Look, Move, Place, Transition,
    Weather,
};

use crate::Brief;
use vocabulary::Vocabulary;

/// Frames per second of everything the embedded renderer makes.
pub const FPS: u32 = 24;

/// The shots of one video, in order; their frames add up to its length.
#[derive(Clone, Debug, PartialEq)]
pub struct Storyboard {
    /// At least one shot.
    pub shots: Vec<Shot>,
    /// Length of the whole video in frames.
    pub frames: u32,
    /// Whether captions are drawn; a negative prompt can turn them off.
    pub captions: bool,
}

/// One uninterrupted run of the camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// Index of the first frame within the video.
    pub start: u32,
    /// Length in frames; never zero.
    pub frames: u32,
    /// The prompt's own words for this shot.
    pub caption: String,
    /// How the camera moves.
    pub camera: Move,
    /// How much of the subject is seen.
    pub framing: Framing,
    /// Where the camera stands.
    pub angle: Angle,
    /// The hour of the light.
    pub hour: Hour,
    /// What the sky does.
    pub weather: Weather,
    /// Where it plays.
    pub place: Place,
    /// Who or what it is about, the main subject first. May be empty: a landscape.
    pub cast: Vec<Role>,
    /// The grade.
    pub look: Look,
    /// How this shot is entered.
    pub transition: Transition,
    /// What must not be drawn, even as dressing of the set.
    pub banned: Vec<Figure>,
}

impl Storyboard {
    /// The index of the shot that `frame` belongs to.
    pub fn shot_at(&self, frame: u32) -> usize {
        self.shots.partition_point(|shot| shot.start <= frame).saturating_sub(1)
    }
}

impl Shot {
    /// Whether the set may be dressed with figures of this family.
    pub fn allows(&self, family: Family) -> bool {
        !self.banned.iter().any(|figure| figure.family() == family)
    }
}

/// Reads the shots from a brief.
pub fn storyboard(brief: &Brief) -> Storyboard {
    let words = Vocabulary::embedded();
    let banned = read::Banned::from(brief.negative_prompt.as_deref().unwrap_or(""), &words);
    let fragments = split::fragments(&brief.prompt);
    let beats = read::beats(&fragments, &words);
    let frames = brief.seconds.max(1) * FPS;
    let beats = timing::fit(beats, frames);
    let lengths = timing::frames(&beats, frames);
    let shots = read::shots(&beats, &lengths, &banned, brief);
    Storyboard { shots, frames, captions: !banned.captions }
}
