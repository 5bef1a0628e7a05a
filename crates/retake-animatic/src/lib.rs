//! The embedded renderer: a prompt becomes shots, shots become frames and sound, and those become
//! one finished MP4 file.
//!
//! What comes out is an *animatic*: a drawn, moving sketch of the video that was asked for, true in
//! duration, size, cuts and camera moves, so that timing and framing can be judged before money is
//! spent on a render. It needs no key, no network and no model weights, and the same [`Brief`]
//! always yields the same bytes.

mod brief;
mod caption;
mod cards;
mod encode;
mod painter;
mod render;
mod scene;
mod sound;
mod stage;
mod storyboard;

pub use brief::{Brief, Character, Continuation};
pub use encode::{EncodeError, I420, OpenH264Encoder, VideoEncoder};
pub use painter::{PaintError, Painter};
pub use render::{
    BriefError, MOST_WORKERS, Progress, RenderError, Rendered, Stage, coding, render,
};
pub use sound::SoundError;
pub use storyboard::{
    Action, Angle, FPS, Family, Figure, Framing, Garment, Heading, Hour, Look, Move, Place, Role,
    Shot, Storyboard, Tint, Transition, Weather, storyboard,
};
